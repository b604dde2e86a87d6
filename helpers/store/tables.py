"""The tables of an index file, and the seal over them.

Every page is checked by SQLite and every passage has a CRC of its own. What neither
covers (settings, texts, the tables of the word index) is covered by the *seal*: a CRC
that is written when a writer closes the file and compared when it is opened.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import suppress
from pathlib import Path

from helpers import CourseError

#: "B&B1" in the file's header: whose file it is.
APPLICATION = 0x42264231
#: Tables and triggers; what takes the file from format n to n + 1 is the n-th of these.
MIGRATIONS = (
    """
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE texts (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        hash TEXT NOT NULL
    );
    CREATE TABLE passages (
        key INTEGER PRIMARY KEY,
        owner INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE,
        part INTEGER NOT NULL,
        id TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        text TEXT NOT NULL,
        topic TEXT NOT NULL,
        subtopic TEXT NOT NULL,
        source TEXT NOT NULL,
        vector BLOB NOT NULL,
        crc INTEGER NOT NULL,
        UNIQUE (owner, part)
    );
    CREATE VIRTUAL TABLE words USING fts5 (
        title, text, content=passages, content_rowid=key, tokenize='porter unicode61'
    );
    CREATE TRIGGER passage_goes AFTER DELETE ON passages BEGIN
        INSERT INTO words (words, rowid, title, text)
        VALUES ('delete', old.key, old.title, old.text);
    END;
    """,
)
#: What the seal covers: all but the passages, which have a CRC each.
_SEALED = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name",
    "SELECT key, value FROM settings WHERE key != 'seal' ORDER BY key",
    "SELECT key, id, source, hash FROM texts ORDER BY key",
    "SELECT id, block FROM words_data ORDER BY id",
    "SELECT segid, term, pgno FROM words_idx ORDER BY segid, term",
    "SELECT id, sz FROM words_docsize ORDER BY id",
    "SELECT k, v FROM words_config ORDER BY k",
)
#: What stands in the place of the seal while a writer is at work, or was killed.
_OPEN = '"open"'


def damaged(path: object, why: object) -> CourseError:
    """Return the error for a file that is not what was written."""
    return CourseError(
        f"{path}: is damaged ({why}); take your copy of it, or delete it and make the "
        "index again"
    )


def stored_settings(db: sqlite3.Connection) -> dict:
    """Return all settings but the seal."""
    rows = db.execute("SELECT key, value FROM settings WHERE key != 'seal'")
    return {key: json.loads(value) for key, value in rows}


def store_settings(db: sqlite3.Connection, settings: dict) -> None:
    """Write settings, each as JSON."""
    for key, value in settings.items():
        _put(db, key, json.dumps(value))


def is_older(path: Path, db: sqlite3.Connection) -> bool:
    """Tell whether a file is to be migrated: an empty one, or of an older format."""
    if _is_empty(db):
        return True
    check_header(path, db)
    return _pragma(db, "user_version") < len(MIGRATIONS)


def check_header(path: Path, db: sqlite3.Connection) -> None:
    """Refuse a file of another program, or of a newer course."""
    mark, version = _pragma(db, "application_id"), _pragma(db, "user_version")
    if _is_empty(db):
        raise CourseError(f"{path}: is an empty file, no index; make the index again")
    if mark != APPLICATION:
        raise CourseError(
            f"{path}: is another program's SQLite file (application id {mark}), no "
            "index of this course; give another path"
        )
    if version > len(MIGRATIONS):
        raise CourseError(
            f"{path}: has format {version}, this course reads formats up to "
            f"{len(MIGRATIONS)}; take a newer version of the course"
        )


def migrate(db: sqlite3.Connection) -> None:
    """Bring an empty file, or one of an older format, to the newest."""
    version = _pragma(db, "user_version")
    for statements in MIGRATIONS[version:]:
        for statement in _statements(statements):
            db.execute(statement)
    if version < len(MIGRATIONS):
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        unseal(db)


def check_pages(path: Path, db: sqlite3.Connection) -> None:
    """Let SQLite check every page, and every entry of its indexes."""
    said = [row[0] for row in db.execute("PRAGMA integrity_check(1)")]
    if said != ["ok"]:
        raise damaged(path, said[0])


def check_seal(path: Path, db: sqlite3.Connection) -> bool:
    """Compare the seal; return True where there is none, as a writer is at work."""
    seal = _value(db, "seal")
    if seal not in (_OPEN, json.dumps(_sum(db))):
        raise damaged(path, "its contents do not fit its seal")
    return seal == _OPEN


def unseal(db: sqlite3.Connection) -> None:
    """Note that a writer is at work."""
    _put(db, "seal", _OPEN)


def seal(db: sqlite3.Connection) -> None:
    """Seal what a writer has left open."""
    if _value(db, "seal") == _OPEN:
        _put(db, "seal", json.dumps(_sum(db)))


def _sum(db):
    seal = 0
    for query in _SEALED:
        cursor = db.execute(query)
        while rows := cursor.fetchmany(100):
            for column in zip(*rows, strict=True):
                seal = zlib.crc32(_bytes(column), seal)
    return seal


def _bytes(column):
    """Make bytes of values, the quick way where all are texts, or all are bytes."""
    with suppress(TypeError):
        return "\0".join(column).encode()
    with suppress(TypeError):
        return b"\0".join(column)
    return repr(column).encode()


def _statements(text):
    """Cut SQL into statements; `executescript` would commit before each script."""
    statement = ""
    for line in text.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _is_empty(db):
    """Tell whether nothing was ever written: a file just made, or killed in making."""
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return not (tables or _pragma(db, "application_id") or _pragma(db, "user_version"))


def _pragma(db, name):
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _value(db, key):
    row = db.execute("SELECT value FROM settings WHERE key = ?", [key]).fetchone()
    return row and row[0]


def _put(db, key, value):
    db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [key, value])
