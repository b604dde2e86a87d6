"""How long does `index` take, killed twice on the way?

    python tests/benchmarks/indexing.py [--rows 100000]

Writes a CSV of short texts (halves of the corpus's sentences, joined at random), and
runs `python -m helpers index` over it with the bundled model. A third and two thirds of
the way the process is killed (SIGKILL) and the same command is called again. Prints the
minutes of each call, peak memory, megabytes on disk, that every text is there once, and
p50 and p95 of a search by each method, its query encoded. A measurement, not a test:
run it while nothing else does.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from store import ROOT, milliseconds, percentiles, texts

from helpers.store import open_index


def written(path: Path) -> int:
    """Count the texts in an index that another process may be writing."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM texts").fetchone()[0]
    except sqlite3.Error:  # not there yet
        return 0


def call(table: Path, index: Path, until: float) -> tuple[float, int]:
    """Run `index`, killed once `until` texts are in; return minutes and exit status."""
    command = [sys.executable, "-m", "helpers", "index", table, "--index", index]
    start = time.perf_counter()
    with open(index.with_suffix(".log"), "w") as log:
        job = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        while job.poll() is None:
            time.sleep(1)
            if written(index) >= until:
                job.kill()
                job.wait()
    return (time.perf_counter() - start) / 60, job.returncode


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    n = parser.parse_args().rows
    made, queries = texts(n)
    with tempfile.TemporaryDirectory() as folder:
        table, index = Path(folder, "texts.csv"), Path(folder, "my.db")
        with open(table, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["text"], *([text] for text in made)])
        for until in (n / 3, 2 * n / 3, float("inf")):
            minutes, status = call(table, index, until)
            print(f"{minutes:.1f} minutes, exit status {status}: {written(index):,}")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"peak {peak:,.0f} MiB, {index.stat().st_size / 1e6:,.0f} MB on disk")
        start = time.perf_counter()
        with open_index(index) as store:
            print(f"opened in {time.perf_counter() - start:.2f} s")
            assert [each.text for each in store.documents] == made
            assert len(store.hashes()) == n
            for method in ("dense", "bm25", "fused"):
                way = partial(store.search, method=method)
                taken = milliseconds(way, [(query,) for query in queries])
                print(f"{method:<6} p50 and p95 in ms: {percentiles(taken)}")


if __name__ == "__main__":
    main()
