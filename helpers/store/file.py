"""The SQLite file of an index: opened, changed and closed so that nothing tears."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from helpers import CourseError
from helpers.store import tables

#: How long to wait for another writer, in milliseconds.
PATIENCE = 10_000
#: A commit is on the disk before it is acknowledged. Sizes in pages and KiB: vectors
#: fill pages of 16 KiB better than of 4, the others spare the disk half of its work.
_WRITING = (
    "page_size = 16384",
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 4000",
    "cache_size = -64000",
)
#: All is brought into the file first, then what lies beside it goes, if nobody reads.
_CLOSING = ("wal_checkpoint(TRUNCATE)", "busy_timeout = 0", "journal_mode = DELETE")
#: What SQLite says, and what it means to the person who reads it.
_MEANINGS = {
    "locked": "another program is writing to it; wait until that one has finished",
    "full": "the disk is full, and what was there before is whole; make room on it",
    "readonly": "it may not be written; choose a folder and a file you may write to",
    "unable to open": "it cannot be opened here; choose a folder you may write to",
    "not a database": "is no index of this course; give another path",
    "UNIQUE": "two passages would have one id; give each text an id without #1, #2 …",
    "closed": "was closed; open it again",
    "thread": "was opened by another thread; open it in this one, too",
    "disk I/O": "the disk failed, and what was there before is whole; check it",
}


class File:
    """An open index file, for reading or, with `write`, for changing too."""

    def __init__(self, path: Path, *, write: bool) -> None:
        """Open a file, or make it; check its header, its pages and its seal."""
        self.path, self.write, self._prepared = path, write, False
        _refuse(path, write)
        new = not path.exists()
        if not write:
            _take_back(path)
        with self._named():
            self._connection = _connect(path, write)
        try:
            with self._named():
                self._begin()
        except BaseException:
            self._connection.close()
            if new:
                path.unlink(missing_ok=True)
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See the index in one state, whatever others write meanwhile."""
        with self._named(), self._transaction("BEGIN"):
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Change the index: all of it at the end, or nothing."""
        if not self.write:
            raise CourseError(
                f"{self.path}: was opened for reading only; open it with write=True"
            )
        with self._named():
            self._prepare()
        with self._named(), self._transaction("BEGIN IMMEDIATE"):
            tables.unseal(self._connection)
            yield self._connection

    def settings(self) -> dict:
        """Return what the index was made with; {} before its first text."""
        with self.reading() as db:
            return tables.stored_settings(db)

    def close(self) -> None:
        """Seal the file and leave one plain file behind; more than once is no harm.

        Where another process has it open still, all is in the file too, and the last
        writer to close it takes away what lies beside it.
        """
        with suppress(sqlite3.Error):
            if self.write:
                with self._transaction("BEGIN IMMEDIATE") as db:
                    tables.seal(db)
                for pragma in _CLOSING:
                    self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self._connection.close()

    def _begin(self):
        db = self._connection
        db.execute(f"PRAGMA busy_timeout = {PATIENCE}")
        db.execute("PRAGMA foreign_keys = ON")
        if self.write and tables.is_older(self.path, db):
            self._prepare()
            with self._transaction("BEGIN IMMEDIATE"):
                tables.migrate(db)
        with self._transaction("BEGIN"):
            tables.check_header(self.path, db)
            tables.check_pages(self.path, db)
            unsealed = tables.check_seal(self.path, db)
        if self.write and unsealed:  # its last writer was killed: the words are checked
            db.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")

    def _prepare(self):
        """Get ready to write; not before there is something, to change no byte."""
        if not self._prepared:
            for pragma in _WRITING:
                self._connection.execute(f"PRAGMA {pragma}")
            self._prepared = True

    @contextmanager
    def _transaction(self, begin):
        db = self._connection
        db.execute(begin)
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    @contextmanager
    def _named(self):
        try:
            yield
        except UnicodeDecodeError as error:  # in SQLite's own message, say
            raise tables.damaged(self.path, error) from error
        except sqlite3.Error as error:
            said = str(error)
            means = [text for key, text in _MEANINGS.items() if key in said]
            if not means:
                raise tables.damaged(self.path, said) from error
            raise CourseError(f"{self.path}: {means[0]} ({said})") from error


def _refuse(path, write):
    """Refuse what SQLite would take, or name badly."""
    if path.is_dir():
        raise CourseError(f"{path}: is a folder; give the path of an index file in it")
    if not write and not path.exists():
        make = f"python -m helpers index FOLDER --index {path}"
        raise CourseError(f"{path}: no such index; make it: {make}")
    if not write and path.is_file() and path.stat().st_size == 0:
        raise CourseError(f"{path}: is an empty file, no index; make the index again")


def _take_back(path):
    """Undo what a killed writer left half done; SQLite lets no reader do so."""
    if path.with_name(f"{path.name}-journal").exists():
        with suppress(sqlite3.Error), closing(_connect(path, write=True)) as db:
            db.execute("PRAGMA user_version").fetchone()


def _connect(path, write):
    if write:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CourseError(f"{path}: its folder cannot be made ({error})") from error
    mode = "rwc" if write else "ro"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None)
