"""An index file survives flipped bytes, kills, full disks, neighbours."""

import os
import random
import re
import shutil
import signal
import sqlite3
import threading
import time

import pytest
from storing import found, index_all, made, texts, vectors, write_some
from support import in_fork
from test_store import METHODS, SMALL

from helpers import CourseError
from helpers.corpus import Document
from helpers.store import Change, entries, file, open_index, tables


@pytest.fixture
def path(tmp_path):
    return tmp_path / "my.db"


# Damage


def test_a_flipped_byte_is_named_or_harmless(path):
    """At 200 places anywhere, and at each of the header's: no wrong result, ever.

    The file holds what a life leaves in one: texts replaced, removed, free pages.
    """
    with open_index(made(path, texts(300)), write=True) as index:
        rows = vectors(40, 8, seed=2)
        index.remove([f"t{n}" for n in range(0, 300, 9)])
        index.add(texts(40, 300), rows)
        index.remove([f"t{n}" for n in range(100, 200)])
    with open_index(path) as index:
        expected = found(index)
    whole, dice, named = path.read_bytes(), random.Random(7), 0
    places = [*range(100), *dice.sample(range(100, len(whole)), 200)]
    for place in [*places, *map(whole.index, (b"porter", b"passage_goes", b"seal"))]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            with open_index(path) as index:
                assert found(index) == expected, f"byte {place}"
        except CourseError as error:
            assert "my.db: " in str(error), f"byte {place}"
            named += 1
    assert named > 50


def test_an_id_that_is_flipped_is_named_wherever_it_stands(path):
    """In both tables and in both of their indexes."""
    whole = made(path, texts(300)).read_bytes()
    places = [found.start() for found in re.finditer(b"t299(?=[^0-9])", whole)]
    assert len(places) == 4
    for place in places:
        damaged = bytearray(whole)
        damaged[place + 3] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(CourseError, match=r"my\.db: is damaged"):
            open_index(path)


CHANGES = [
    ("UPDATE passages SET text = 'a lie' WHERE id = 'd3'", "passage 'd3' has changed"),
    ("UPDATE passages SET text = CAST(text AS BLOB)", "passage 'd0' has changed"),
    ("UPDATE passages SET part = 'x' WHERE id = 'd1'", "passage 'd1' has changed"),
    ("UPDATE passages SET vector = zeroblob(32)", "passage 'd0' has changed"),
    ("UPDATE passages SET topic = 'x', crc = crc + 1", "passage 'd0' has changed"),
    ("UPDATE passages SET key = key + 9", "passage 'd0' has changed"),
    ("UPDATE texts SET hash = '' WHERE key = 2", "contents do not fit its seal"),
    ("UPDATE settings SET value = '9' WHERE key = 'width'", "do not fit its seal"),
    ("DELETE FROM settings WHERE key = 'seal'", "contents do not fit its seal"),
    ("DELETE FROM texts", "contents do not fit its seal"),
    ("DELETE FROM words_docsize WHERE id = 1", "contents do not fit its seal"),
    ("UPDATE words_data SET block = zeroblob(30) WHERE id > 10", "do not fit its seal"),
    ("DROP TRIGGER passage_goes", "contents do not fit its seal"),
    ("DROP TABLE words", "no such table: words"),
    ("PRAGMA application_id = 5", "is another program's SQLite file"),
    ("PRAGMA user_version = 2", "has format 2, this course reads formats up to 1"),
]


@pytest.mark.parametrize(("statement", "message"), CHANGES)
def test_a_change_by_another_program_is_named(path, statement, message):
    made(path, SMALL)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(statement)
    db.close()
    before = path.read_bytes()
    for write in (False, True):
        with pytest.raises(CourseError, match=rf"my\.db: .*{message}"):
            open_index(path, write=write)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello" * 300, "no index of this course"),
        (b"\x80\x04\x95" * 300, "no index of this course"),
        (b"", "is an empty file"),
        (b"SQLite format 3\0", "no index of this course|damaged"),
    ],
)
def test_a_file_that_is_no_index_is_refused_and_kept(path, content, message):
    path.write_bytes(content)
    with pytest.raises(CourseError, match=rf"my\.db: .*({message})"):
        open_index(path)
    if content:
        with pytest.raises(CourseError, match=r"my\.db"):
            open_index(path, write=True)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_kept(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE words (word)")
    db.close()
    before = path.read_bytes()
    for write in (False, True):
        with pytest.raises(CourseError, match="another program's SQLite file"):
            open_index(path, write=write)
    assert path.read_bytes() == before


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(path, share):
    whole = made(path, texts(200)).read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    for write in (False, True):
        with pytest.raises(CourseError, match=r"my\.db: is (damaged|no index)"):
            open_index(path, write=write)


# Places


def test_places_that_cannot_be_are_named(path, tmp_path):
    cases = [
        ((tmp_path, True), "is a folder"),
        ((path, False), "no such index; make it"),
        (("ftp://localhost/x", True), "is no address of an index"),
        ((tmp_path / "no" / "my.db", False), "no such index"),
        (("/proc/my.db", True), "cannot be opened here"),
        (("/dev/null/my.db", True), "its folder cannot be made"),
    ]
    for (where, write), message in cases:
        with pytest.raises(CourseError, match=message):
            open_index(where, write=write)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_a_new_index_is_made(tmp_path):
    made(tmp_path / "a" / "b c#?%41" / "ünï.db", SMALL)
    with open_index(tmp_path / "a" / "b c#?%41" / "ünï.db") as index:
        assert len(index.documents) == 5


def test_reading_leaves_file_and_folder_as_they_are(path, tiny):
    with open_index(path, tiny, write=True) as index:
        index.add(SMALL)
    path.chmod(0o444)
    before = path.read_bytes()
    with open_index(path, tiny) as index:
        for method in METHODS:
            assert index.search("whale", method=method)
        assert [each.name for each in path.parent.iterdir()] == ["my.db"]
        for change in (index.add, index.update):
            with pytest.raises(CourseError, match="opened for reading only; open it"):
                change([Document("x", "", "bar")])
        with pytest.raises(CourseError, match="opened for reading only"):
            index.remove(["d1"])
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["my.db"]


def test_a_closed_index_is_one_file_that_can_be_moved(path, tmp_path):
    expected = found(open_index(made(path, SMALL)))
    moved = shutil.move(path, tmp_path / "elsewhere.db")
    with open_index(moved) as index:
        assert found(index) == expected
    index.close()
    with pytest.raises(CourseError, match=r"elsewhere\.db: was closed; open it again"):
        index.search("whale", method="bm25")


def full(index, room):
    """Let the disk of an index be full after so many more pages."""
    db = index._file._connection
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + room}")


@pytest.mark.parametrize("room", [0, 1, 3])
def test_a_full_disk_keeps_what_was_there(path, room, monkeypatch):
    monkeypatch.setattr(entries, "QUICK", 50)
    made(path, texts(100))
    with open_index(path, write=True) as index:
        before = found(index)
        full(index, room)
        more = texts(2000, 100)
        with pytest.raises(
            CourseError, match="disk is full, and what was there before"
        ):
            index.add(more, vectors(2000, seed=1))
        there = len(index.documents) - 100
        assert there % 50 == 0
        assert index.documents[:100] == before[0]
    with open_index(path, write=True) as index:
        index.add(more[there:], vectors(2000, seed=1)[there:])
    with open_index(path) as index:
        assert index.documents == texts(100) + more


def test_no_room_for_an_index_leaves_no_file(path, monkeypatch):
    pragmas = (*file._WRITING, "max_page_count = 3")
    monkeypatch.setattr(file, "_WRITING", pragmas)
    with pytest.raises(CourseError, match="the disk is full"):
        open_index(path, write=True)
    assert list(path.parent.iterdir()) == []


# Neighbours


def test_a_reader_sees_what_another_writes(path, tiny):
    with open_index(path, tiny, write=True) as writer:
        writer.add(SMALL[:3])
        with open_index(path, tiny) as reader:
            ways = {method: reader.by(method) for method in METHODS}
            for change in (
                lambda: writer.add(SMALL[3:]),
                lambda: writer.update([Document("d1", "", "bar")]),
                lambda: writer.remove(["d0"]),
            ):
                change()
                assert reader.documents == writer.documents
                for method, way in ways.items():
                    expected = writer.search("whale bar", 9, method=method)
                    assert way.search("whale bar", 9) == expected
        assert writer.update([Document("new", "", "whale")]) == Change(added=1)
    assert {each.name for each in path.parent.iterdir()} == {"my.db"}


def test_a_writer_that_closes_before_a_reader_leaves_all_in_the_file(path, tmp_path):
    writer = open_index(made(path, SMALL), write=True)
    with open_index(path) as reader:
        writer.remove(["d1"])
        writer.close()
        copied = shutil.copy(path, tmp_path / "copy.db")
        with open_index(copied) as copy:
            assert copy.documents == reader.documents == [SMALL[0], *SMALL[2:]]
        with open_index(path) as third:
            assert third.documents == reader.documents
    open_index(path, write=True).close()
    assert {each.name for each in tmp_path.glob("my.db*")} == {"my.db"}


def test_a_writer_that_waits_in_vain_is_told(path, monkeypatch):
    monkeypatch.setattr(file, "PATIENCE", 50)
    with (
        open_index(made(path, SMALL), write=True) as one,
        open_index(path, write=True) as two,
        one._file.writing(),
        pytest.raises(CourseError, match="another program is writing to it"),
    ):
        two.remove(["d1"])
    with open_index(path) as index:
        assert index.documents == SMALL


def test_a_writer_waits_for_another(path):
    with open_index(made(path, SMALL), write=True) as one:
        waiting = threading.Thread(target=remove_one, args=(path,))
        with one._file.writing() as db:
            waiting.start()
            time.sleep(0.3)
            assert waiting.is_alive()
            db.execute("DELETE FROM texts WHERE id = 'd2'")
        waiting.join()
        assert [each.id for each in one.documents] == ["d0", "d3", "d4"]


def remove_one(path):
    with open_index(path, write=True) as index:
        assert index.remove(["d1"]) == 1


def test_two_processes_write_and_all_is_there(path):
    """Each opens, writes and closes, while the other does."""
    made(path, SMALL)
    threads = [
        threading.Thread(target=lambda start=start: done.append(in_fork(
            write_some, path, start)))
        for start in (0, 1000)
    ]  # fmt: skip
    done = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.returncode for each in done] == [0, 0], done[0].stdout + done[1].stdout
    with open_index(path, write=True) as index:
        ids = {text.id for text in texts(40, 0) + texts(40, 1000) + SMALL}
        assert set(index.hashes()) == ids
        assert len(index.documents) == 85
        assert not tables.check_seal(path, index._file._connection)


def test_an_index_made_by_another_meanwhile_is_not_mixed(path, tiny):
    with open_index(path, tiny, write=True) as one, open_index(path, write=True) as two:
        one.add(SMALL)
        with pytest.raises(CourseError, match="another program made it anew; reopen"):
            two.add([Document("x", "", "whale")], vectors(1))
        assert one.documents == SMALL


# Kills


def what_is_there(path, write):
    """Return the passages of a file, none where it was killed before the first."""
    try:
        with open_index(path, write=write) as index:
            return index.documents
    except CourseError as error:
        assert not write
        assert "no such index" in str(error) or "is an empty file" in str(error)
        return []


def test_killed_at_any_moment_the_next_run_goes_on(tmp_path):
    """Old or new after each kill, never half; at the end as if nothing had happened."""
    whole, count = tmp_path / "whole.db", 1000
    takes = float(in_fork(index_all, whole, 0, count).stdout)
    with open_index(whole) as index:
        expected = found(index)
    dice, kills, path = random.Random(3), 0, tmp_path / "my.db"
    for number in range(12):
        if number % 4 == 0:  # sometimes afresh, sometimes on what is there
            for file in tmp_path.glob("my.db*"):
                file.unlink()
        done = in_fork(index_all, path, dice.uniform(0.001, 0.7 * takes), count)
        assert done.returncode in (0, -signal.SIGALRM), done.stdout
        kills += done.returncode != 0
        there = what_is_there(path, write=number % 2 == 0)
        assert there == texts(len(there))
        assert len(there) % 50 == 0
    assert kills > 5
    assert in_fork(index_all, path, 0, count).returncode == 0
    with open_index(path) as index:
        assert found(index) == expected
    assert not [each for each in os.listdir(tmp_path) if "-" in each]


def die_half_way(path):
    """Change texts while the file keeps a rollback journal, and die before the end."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA cache_size = 1")  # pages are written before the end
    db.execute("BEGIN")
    db.execute("UPDATE passages SET text = hex(zeroblob(2000))")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_reader_undoes_what_was_left_half_done(path):
    made(path, texts(200))
    in_fork(die_half_way, path)
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    with open_index(path) as index:
        assert index.documents == texts(200)
    assert os.listdir(path.parent) == [path.name]


def test_damage_after_a_kill_is_found_by_the_next_writer(path):
    """There is no seal then; FTS5 compares its tables with the texts."""
    with open_index(made(path, SMALL), write=True) as index:
        index.remove(["d0"])
        db = index._file._connection
        db.execute("DELETE FROM words_docsize WHERE id = 2")
        db.execute("PRAGMA journal_mode = DELETE")
        db.close()
    with pytest.raises(CourseError, match="is damaged"):
        open_index(path, write=True)
