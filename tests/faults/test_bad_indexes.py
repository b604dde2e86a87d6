"""Row 22: index files that were cut, changed, or are something else."""

import pickle
import random
import shutil
import sqlite3

import pytest
from faulty import cases, found, refused, write

from helpers import CourseError
from helpers.store import open_index


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def statement(text):
    """Return what changes an index as another program would."""

    def change(path):
        db = sqlite3.connect(path, isolation_level=None)
        db.execute(text)
        db.close()

    return change


def content(make):
    """Return what writes other bytes, made from the old ones, into a file."""
    return lambda path: path.write_bytes(make(path))


def other(path):
    path.unlink()
    statement("CREATE TABLE texts (key, id, text)")(path)


INDEXES = cases(
    (22, "an index cut in half", "refused, old data kept",
     content(lambda p: p.read_bytes()[: p.stat().st_size // 2]), "is damaged"),
    (22, "an index without its last byte", "refused, old data kept",
     content(lambda p: p.read_bytes()[:-1]), "is damaged"),
    (22, "a pickle", "refused, nothing runs",
     content(lambda p: pickle.dumps(Bomb(str(p.parent / "ran"))) * 99), "is no index"),
    (22, "a CSV for an index", "refused", content(lambda p: b"id,text\n1,bar\n" * 99),
     "is no index of this course"),
    (22, "another program's SQLite file", "refused", other, "another program's"),
    (22, "a newer format", "refused, both named", statement("PRAGMA user_version = 9"),
     "has format 9, this course reads formats up to 1"),
    (22, "a text without its passages", "refused",
     statement("DELETE FROM passages WHERE key = 7"), "do not fit its seal|is damaged"),
    (22, "passages without their text", "refused",
     statement("DELETE FROM texts WHERE key = 7"), "do not fit its seal|is damaged"),
    (22, "a text changed by another program", "refused, named",
     statement("UPDATE passages SET text = 'a lie' WHERE id = 't7'"),
     "passage 't7' has changed"),
    (22, "a width that its vectors do not have", "refused",
     statement("UPDATE settings SET value = '31' WHERE key = 'width'"), "its seal"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "message"), INDEXES)
def test_a_bad_index_is_refused(
    command, seen, tmp_path, copied, tiny_folder, change, message
):
    change(copied)
    before = copied.read_bytes()
    write(tmp_path, {"more.txt": "bar"})
    where = ["--index", copied, "--model", tiny_folder]
    out = ["--out", tmp_path / "page.html"]
    for call in (["index", tmp_path / "more.txt"], ["report", *out], ["search", "bar"]):
        line = refused(command(*call, *where))
        assert any(each in line for each in message.split("|")), line
        assert [each.name for each in copied.parent.iterdir()] == ["my.db"]
    assert copied.read_bytes() == before
    assert not (tmp_path / "page.html").exists()
    seen(line.split(": ", 1)[1])


@pytest.mark.fault(22, "an empty file for an index", "refused; `index` fills it")
def test_an_empty_file(command, seen, tmp_path, copied, tiny_folder):
    copied.write_bytes(b"")
    where = ["--index", copied, "--model", tiny_folder]
    seen(refused(command("search", "bar", *where)).split(": ", 1)[1])
    write(tmp_path, {"more.txt": "bar"})
    assert command("index", tmp_path / "more.txt", *where)[0] == 0
    assert command("search", "bar", *where)[0] == 0


@pytest.mark.fault(22, "a byte flipped at 200 places", "found at opening, or harmless")
def test_a_flipped_byte(command, seen, tmp_path, copied, tiny, tiny_folder):
    """In an index that has been lived in: texts were added, changed and taken out.

    Half of the places are anywhere, half where something is written.
    """
    rows = "\n".join(f"t{n},whale {n} bar" for n in range(20, 90))
    write(tmp_path, {"notes.csv": f"id,text\n{rows}\n"})
    where = ["--index", copied, "--model", tiny_folder, "--remove-missing"]
    assert command("index", tmp_path / "notes.csv", *where)[0] == 0
    with open_index(copied, tiny) as index:
        expected = found(index)
    whole, dice, named = copied.read_bytes(), random.Random(14), 0
    place_of = tmp_path / "flipped" / "my.db"
    place_of.parent.mkdir()
    written = [place for place, byte in enumerate(whole) if byte]
    places = dice.sample(range(len(whole)), 100) + dice.sample(written, 100)
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        place_of.write_bytes(damaged)
        try:
            with open_index(place_of, tiny) as index:
                assert found(index) == expected, f"byte {place}: wrong in silence"
        except CourseError as error:
            named += 1
            assert str(place_of) in str(error), f"byte {place}: {error}"
    shutil.rmtree(place_of.parent)
    seen(f"{named} found at opening and named, {200 - named} harmless, 0 wrong")
    assert named > 50
