"""Rows 25, 26, 28 and 34: full and read-only disks, kills, neighbours, power cuts.

`index` is the real command: in this process, in forks of a warm one that start in
milliseconds, or, under strace, in a process of its own. The model is the tests' tiny
BERT of width 32, so that 20,000 texts are encoded in seconds.
"""

import ast
import mmap
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from faulty import METHODS, call, counted, csv_of, held, refused, run, texts, write
from storing import texts as stored_texts
from support import in_fork
from test_workers import index_while_killing

from helpers import ROOT, CourseError, judging
from helpers.corpus import Document, Query
from helpers.retrieval import hit
from helpers.store import entries, open_index
from helpers.store.file import File

MANY = 20_000


@pytest.fixture
def disk(tmp_path):
    """Return what mounts a small disk in memory; skips where that is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        run("mount", "-t", "tmpfs", "-o", options, "none", str(place))
        return place

    yield mount
    while os.path.ismount(place):
        subprocess.run(["umount", place], check=True)


@pytest.fixture
def notes(tmp_path):
    """Return a CSV of 20,000 texts, the first 60 of which the small index holds."""
    return write(tmp_path, {"notes.csv": csv_of(texts(MANY))}) / "notes.csv"


@pytest.mark.fault(
    25, "a full disk while an index grows", "old data whole; later goes on"
)
def test_a_full_disk(command, seen, disk, copied, tmp_path, tiny_folder):
    notes = write(tmp_path, {"notes.csv": csv_of(texts(4000))}) / "notes.csv"
    old, place = held(copied), disk("size=1500k")
    path = place / "my.db"
    path.write_bytes(copied.read_bytes())
    where = ["--index", path, "--model", tiny_folder]
    seen(line := refused(command("index", notes, *where)))
    assert "my.db: the disk is full, and what was there before is whole" in line
    there = held(path)  # with its log, where the disk has no room to put it away
    assert there[0][:60] == old[0]
    assert there[1].startswith(old[1])
    seen(f"the 60 old texts and {len(there[0]) - 60} new ones are there")
    run("mount", "-o", "remount,size=99m", str(place))
    assert counted(command("index", notes, *where, "--json"))["parts"] == 4000
    assert [each.name for each in place.iterdir()] == ["my.db"]


@pytest.mark.fault(25, "no room for a new index", "said, no file left")
def test_no_room_at_all(command, seen, disk, notes, tiny_folder):
    place = disk("size=64k")
    where = ["--index", place / "my.db", "--model", tiny_folder]
    seen(line := refused(command("index", notes, *where)))
    assert "the disk is full" in line
    assert list(place.iterdir()) == []


@pytest.mark.fault(25, "no room for the report's page", "old page whole, no file left")
def test_no_room_for_a_page(command, seen, disk, index_file, tiny_folder):
    place = disk("size=32k")
    write(place, {"page.html": "the old page"})
    where = ["--index", index_file, "--model", tiny_folder]
    seen(line := refused(command("report", *where, "--out", place / "page.html")))
    assert "No space left on device" in line
    assert [each.name for each in place.iterdir()] == ["page.html"]
    assert (place / "page.html").read_text() == "the old page"


@pytest.mark.fault(25, "no room for a grade", "old grades whole, the result stays")
def test_no_room_for_a_grade(seen, disk):
    place = disk("size=8k")
    hits = [hit(Document(name, "", "bar"), 0, 0.0) for name in ("a", "b")]
    judge = judging.judge([Query("q", "bar")], {"q": hits}, place / "grades.tsv")
    judge.answer(3)
    before = (place / "grades.tsv").read_bytes()
    with pytest.raises(OSError, match="No space left"):
        (place / "filler").write_bytes(bytes(1 << 20))
    with pytest.raises(CourseError, match="cannot be written") as error:
        judge.answer(1)
    seen(error.value)
    assert (place / "grades.tsv").read_bytes() == before
    assert {each.name for each in place.iterdir()} == {"grades.tsv", "filler"}
    assert judge.left == 1


@pytest.mark.fault(25, "an index on a read-only disk", "searched; not changed, said")
def test_a_read_only_disk(command, seen, disk, copied, notes, tiny_folder):
    place = disk("size=3m")
    (place / "my.db").write_bytes(copied.read_bytes())
    run("mount", "-o", "remount,ro", str(place))
    where = ["--index", place / "my.db", "--model", tiny_folder]
    for method in METHODS:
        status, out, _ = command("search", "whale", *where, "--method", method)
        assert (status, "whale" in out) == (0, True)
    out = ["--out", place / "page.html"]
    for bad in (["index", notes, *where], ["report", *where, *out],
                ["index", notes, "--index", place / "new.db", *where[2:]]):  # fmt: skip
        line = refused(command(*bad))
        assert re.search("may not be written|cannot be (opened|written)", line), line
    assert [each.name for each in place.iterdir()] == ["my.db"]
    assert (place / "my.db").read_bytes() == copied.read_bytes()
    seen(f"searched in three ways; to change it: {line}")


# Kills


def index_watched(flag, aim, *arguments, sent=signal.SIGKILL):
    """Be `index`; in the one byte of the file `flag`, tell whether it is writing now.

    aim: 0, or at which write this process sends itself a signal, a moment after it
    began.
    """
    whole, handle = File.writing, os.open(flag, os.O_RDWR)
    state, left = mmap.mmap(handle, 1), [aim]

    @contextmanager
    def writing(self):
        state[0], left[0] = 1, left[0] - 1
        if left[0] == 0:
            moment = random.Random(aim).uniform(0, 0.005)
            threading.Timer(moment, os.kill, (os.getpid(), sent)).start()
        with whole(self) as db:
            yield db
        state[0] = 0

    File.writing = writing
    call("index", *arguments)


@pytest.mark.fault(
    26, "SIGKILL at 30 moments, 10 aimed at writes", "goes on; equal at the end"
)
def test_killed_at_any_moment(seen, tmp_path, notes, tiny_folder):
    """20,000 texts: killed at random between start and expected end, begun again.

    What is there after each kill is the beginning of the uninterrupted index, in whole
    batches; what has got to its end is equal to it, ids and vectors, and is begun anew.
    Since a write is short, every third kill is aimed into one, at a random moment.
    """
    flag, path = tmp_path / "flag", tmp_path / "my.db"
    flag.write_bytes(b"\0")
    task = (notes, "--model", tiny_folder, "--index")
    in_fork(print)  # the first of all forks waits for what is forked
    whole, idle = [timed(flag, 0, *task, tmp_path / "whole.db") for _ in range(2)]
    ids, vectors = held(tmp_path / "whole.db")
    dice, kills, writing, ends, there = random.Random(14), 0, 0, 0, 0
    while kills < 30:
        left = idle + (whole - idle) * (1 - there / MANY)
        aim = dice.randint(1, 5) if kills % 3 == 2 else 0
        moment = 300 if aim else dice.uniform(0.02, left)
        call = (index_watched, flag, aim, *task, path)
        done = in_fork(*call, killed_after=moment)
        assert done.returncode in (0, -signal.SIGKILL), done.stdout
        now = what_is_there(path)
        assert now == (ids[: len(now[0])], vectors[: len(now[1])])
        assert (
            there
            <= len(now[0])
            == min(MANY, len(now[0]) // entries.BATCH * entries.BATCH)
        )
        there = len(now[0])
        if done.returncode:
            kills += 1
            writing += flag.read_bytes() == b"\1"
        else:
            ends += 1
            assert there == MANY
            path.unlink()
            there = 0
        flag.write_bytes(b"\0")
    timed(flag, 0, *task, path)
    assert held(path) == (ids, vectors)
    assert not list(tmp_path.glob("my.db-*"))
    seen(f"30 kills, {writing} in a running write; {ends + 1} times to the end, equal")
    assert writing >= 8


def timed(*arguments):
    """Run `index` to its end; return how long it took, in seconds."""
    start = time.monotonic()
    done = in_fork(index_watched, *arguments, timeout=300)
    assert done.returncode == 0, done.stdout
    return time.monotonic() - start


def what_is_there(path):
    """Return what an index holds after a kill; nothing where it was not yet made."""
    try:
        return held(path)
    except CourseError as error:
        assert re.search("no such index|is an empty file", str(error)), error
        return [], b""


def index_interrupted(*arguments):
    """Be `index`, and press Ctrl-C at a write."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    index_watched(*arguments, sent=signal.SIGINT)


@pytest.mark.fault(26, "SIGKILL of a worker at 10 moments", "equal to one process")
def test_workers_killed(seen, tmp_path, tiny):
    index_while_killing(tmp_path / "many.db", tiny, 10)
    with open_index(tmp_path / "one.db", tiny, write=True) as index:
        index.add(stored_texts(6000))
    (many, there), (one, expected) = (
        held(tmp_path / name) for name in ("many.db", "one.db")
    )
    assert many == one
    there, expected = (np.frombuffer(each, dtype="<f4") for each in (there, expected))
    np.testing.assert_allclose(there, expected, atol=1e-6)
    seen("10 kills; 6,000 texts and their vectors are those of one process")


@pytest.mark.fault(34, "Ctrl-C at 5 moments of indexing", "status 130, nothing torn")
def test_ctrl_c(seen, tmp_path, notes, tiny_folder):
    path, flag, counts = tmp_path / "my.db", tmp_path / "flag", []
    flag.write_bytes(b"\0")
    where = (notes, "--model", tiny_folder, "--index", path)
    for write_number in (1, 2, 3, 5, 8):
        done = in_fork(index_interrupted, flag, write_number, *where, timeout=300)
        assert done.returncode == 130, done.stdout
        assert "Traceback" not in done.stdout
        assert done.stdout.splitlines()[-1] == "stopped"
        assert not list(tmp_path.glob("my.db-*"))
        counts.append(len(what_is_there(path)[0]))
        assert counts[-1] % entries.BATCH == 0
    assert counts == sorted(counts)
    assert counts[-1] > 0
    seen(f"130 each time; {counts} texts after each")


# Neighbours


@pytest.mark.fault(
    28, "two commands write one index at once", "one waits; both are whole"
)
def test_two_writers(seen, tmp_path, tiny_folder):
    path, done = tmp_path / "my.db", {}
    for name in "ab":
        rows = "\n".join(f"{name}{n},{text}" for n, text in enumerate(texts(3000)))
        write(tmp_path, {f"{name}.csv": f"id,text\n{rows}\n"})

    def write_one(name):
        where = (tmp_path / f"{name}.csv", "--model", tiny_folder, "--index", path)
        done[name] = in_fork(call, "index", *where, timeout=300)

    threads = [threading.Thread(target=write_one, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.returncode for each in done.values()] == [0, 0], str(done)
    with open_index(path) as index:
        ids = {f"{name}{n}" for name in "ab" for n in range(3000)}
        assert set(index.hashes()) == ids
        assert len(index.documents) == 6000
    assert not list(tmp_path.glob("my.db-*"))
    seen("both end with status 0; all 6,000 texts are there")


@pytest.mark.fault(28, "a reader beside a writer", "sees old or new, never half")
def test_a_reader_beside_a_writer(seen, tmp_path, notes, tiny, tiny_folder):
    path, sizes, done = tmp_path / "my.db", [], []
    where = (notes, "--model", tiny_folder, "--index", path)
    writer = threading.Thread(
        target=lambda: done.append(in_fork(call, "index", *where, timeout=300))
    )
    writer.start()
    ids = [(f"t{n}", text) for n, text in enumerate(texts(MANY))]
    while writer.is_alive():
        try:
            with open_index(path, tiny) as index:
                sizes += [len(index.documents), len(index.embeddings)]
                if sizes[-1]:
                    found = index.search_many(["whale bar"], MANY, method="bm25")[0]
                    assert {each.id for each in found} <= dict(ids).keys() > set()
        except CourseError as error:
            assert re.search("no such index|empty file", str(error)), error
        time.sleep(0.05)
    writer.join()
    assert done[0].returncode == 0, done[0].stdout
    assert all(size % entries.BATCH == 0 for size in sizes)
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 2
    assert held(path)[0] == ids
    seen(f"{len(sizes)} looks at {len(set(sizes))} states, all of whole batches")


# Power

#: pid, call, file (of a descriptor, or named), the bytes it wrote, the rest.
_CALL = re.compile(
    r'\d+ +(\w+)\((?:\d+<([^>]*)>|"([^"]*)")(?:, ("(?:[^"\\]|\\.)*"))?(.*)'
)


def followed(lines, path):
    """Return commits, the last thing done, and what was done before a needed flush.

    lines: of strace, of calls on the index's files and on standard output.
    """
    unflushed, commits, last, trouble = set(), 0, "", []
    for match in filter(None, map(_CALL.match, lines)):
        name, opened, named, data, rest = match.groups()
        kind = (opened or named).removeprefix(str(path))
        if name == "write" and (opened or "").startswith("pipe:"):
            kind = "answer"
        if kind not in ("", "-wal", "-journal", "answer"):
            continue
        page = name == "pwrite64" and kind == "-wal" and rest.startswith("..., 16384,")
        flush = name in ("fsync", "fdatasync")
        if "commit" in unflushed and not page and not (flush and kind == "-wal"):
            trouble.append(match[0])
        emptied = kind == "-wal" and name in ("unlink", "ftruncate")
        if unflushed and (kind == "answer" or emptied):
            trouble.append(match[0])
        if flush:
            unflushed -= {kind, *(["commit"] if kind == "-wal" else [])}
        elif name == "pwrite64":
            unflushed.add(kind)
            header = ast.literal_eval(f"b{data}")
            if kind == "-wal" and len(header) == 24 and any(header[4:8]) and not page:
                unflushed.add("commit")
                commits += 1
        elif name == "unlink" or kind == "-wal":
            unflushed.discard(kind)
        last = kind
    return commits, last, trouble


@pytest.mark.fault(
    26, "the power fails after a commit", "on the disk before the next step"
)
def test_every_commit_is_flushed_before_the_process_goes_on(
    seen, tmp_path, tiny_folder
):
    """strace watches a real `index` of four batches: writes, flushes, what it prints.

    A frame of the write-ahead log whose header has the size of the file ends a commit
    (SQLite's file format, 4.1): after it the log must be flushed before anything else
    is written, and the file before the log is emptied or an answer is given.
    """
    write(tmp_path, {"notes.csv": csv_of(texts(2000))})
    log, path = tmp_path / "trace", tmp_path / "my.db"
    calls = "pwrite64,write,fsync,fdatasync,unlink,ftruncate"
    run("strace", "-o", "/dev/null", "true")
    subprocess.run(
        ["strace", "-f", "-y", "-s", "24", "--seccomp-bpf", "-e", f"trace={calls}",
         "-o", log, sys.executable, "-m", "helpers", "index", tmp_path / "notes.csv",
         "--index", path, "--model", tiny_folder],
        cwd=ROOT, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    commits, last, trouble = followed(log.read_text().splitlines(), path)
    assert trouble == []
    assert commits >= 4
    assert last == "answer"
    seen(f"{commits} commits, each flushed before the next step; the answer came last")
