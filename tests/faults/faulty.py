"""What the faults share: tables of cases, indexes made by the real command."""

import json
import os
import random
import subprocess
import sys

import pytest

from helpers import __main__
from helpers.store import open_index

WORDS = ["bitcoin", "squat", "whale", "the", "a", "fell", "bar"]
METHODS = ("dense", "bm25", "fused")


def cases(*rows):
    """Turn rows (number, case, promise, ...) into parameters: what stands behind."""
    return [
        pytest.param(*rest, marks=pytest.mark.fault(number, case, promise), id=case)
        for number, case, promise, *rest in rows
    ]


def write(folder, files):
    """Write files, name -> content, bytes or text; return the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def texts(count):
    """Return short texts, all different, in words that the tiny model knows."""
    dice = random.Random(0)
    return [f"{' '.join(dice.choices(WORDS, k=6))} {n}" for n in range(count)]


def csv_of(rows, header="id,text,topic"):
    """Return a CSV of texts, with ids t0, t1 and one topic."""
    rows = (f't{n},"{text}",lifting' for n, text in enumerate(rows))
    return "\n".join([header, *rows, ""])


def refused(outcome):
    """Return the line of a mistake, if a command said just one line and status 2."""
    status, out, err = outcome
    line = err.splitlines()[-1:]
    assert (status, out) == (2, ""), f"status {status}: {out}{err}"
    assert len([each for each in err.splitlines() if "error: " in each]) == 1
    assert line[0].startswith("error: ")
    assert "Traceback" not in err
    return line[0].removeprefix("error: ")


def counted(outcome):
    """Return the counts that `index --json` printed, if they add up."""
    status, out, err = outcome
    assert status == 0, err
    counts = json.loads(out)
    four = sum(counts[key] for key in ("skipped", "added", "updated", "unchanged"))
    assert counts["read"] == four, counts
    account = counts["account"]
    assert account["read"] == sum(account[k] for k in ("kept", "empty", "refused"))
    return counts


def told(account):
    """Return what an account tells besides its counts, a line each."""
    refusals = [f"{each['place']}: {each['reason']}" for each in account["refusals"]]
    cleaned = [f"cleaned: {account['cleaned']}"] if account["cleaned"] else []
    lines = [*refusals, *account["duplicate_places"], *cleaned, *account["notes"]]
    return "\n".join(lines)


def call(*arguments):
    """Be the command, in a fork, whose standard output is a pipe only now."""
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.exit(__main__.main(list(map(str, arguments))))


def held(path, model=None):
    """Return what an index holds: ids, texts, and vectors as bytes."""
    with open_index(path, model) as index:
        texts = [(each.id, each.content) for each in index.documents]
        return texts, index.embeddings.tobytes()


def found(index, queries=("whale bar", "squat")):
    """Return all that can be asked of an index: hits, passages, hashes, vectors."""
    hits = [index.search_many(queries, 99, method=method) for method in METHODS]
    return hits, index.documents, index.hashes(), index.embeddings.tobytes()


def run(*command, **options):
    """Run a program of the system; skip where it is not there or may not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, **options)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed here")
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        pytest.skip(f"{command[0]} may not be used here ({why})")
    return done
