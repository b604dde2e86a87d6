"""Passages as rows of a file and as arrays in memory, each row with its CRC."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import count

import numpy as np

from helpers.corpus import Document
from helpers.store.checks import TEXTS
from helpers.store.entries import Entry
from helpers.store.tables import damaged

_COLUMNS = "key, owner, part, id, title, text, topic, subtopic, source, vector, crc"
_READ = f"SELECT {_COLUMNS} FROM passages ORDER BY owner, part"
INSERT = f"INSERT INTO passages ({_COLUMNS}) VALUES ({'?, ' * 10}?)"


@dataclass(frozen=True)
class Passages:
    """What is held in memory of n passages: keys, texts by column, vectors (n, d)."""

    keys: np.ndarray
    texts: list[list[str]]
    embeddings: np.ndarray

    def document(self, place: int) -> Document:
        """Return one passage; `place` counts from 0."""
        return Document(*(column[place] for column in self.texts))

    @cached_property
    def documents(self) -> list[Document]:
        """All passages, made when they are first asked for."""
        return list(map(Document, *self.texts))

    def places(self, keys: np.ndarray) -> np.ndarray:
        """Places of the passages with these keys."""
        return self._order[np.searchsorted(self.keys, keys, sorter=self._order)]

    @cached_property
    def _order(self):
        return np.argsort(self.keys, kind="stable")


def read(path: str, db: sqlite3.Connection, width: int) -> Passages:
    """Read all passages, in order; raise CourseError at the first that has changed."""
    [n] = db.execute("SELECT count(*) FROM passages").fetchone()
    keys, embeddings = np.empty(n, dtype=np.int64), np.empty((n, width), dtype="<f4")
    texts: list[list[str]] = [[] for _ in fields(Document)]
    cursor, done = db.execute(_READ), 0
    while rows := cursor.fetchmany(100):
        columns, end = _checked(path, rows, width), done + len(rows)
        keys[done:end] = columns[0]
        vectors = np.frombuffer(b"".join(columns[9]), dtype="<f4")
        embeddings[done:end] = vectors.reshape(-1, width)
        for column, more in zip(texts, columns[3:9], strict=True):
            column += more
        done = end
    return Passages(keys, texts, embeddings)


def rows(last: int, batch: list[Entry], owners: dict[str, int]) -> Iterator[tuple]:
    """Yield the rows of `passages` for texts, with keys from `last` + 1 up."""
    keys = count(last + 1)
    for entry in batch:
        owner = owners[entry.text.id]
        pairs = zip(entry.passages, entry.vectors, strict=True)
        for part, (passage, vector) in enumerate(pairs):
            row = (next(keys), owner, part, *TEXTS(passage), vector.tobytes())
            yield *row, _crc(row)


def _checked(path, rows, width):
    """Return rows as columns, if each is as it was written."""
    for row in rows:
        if _crc(row) != row[-1] or len(row[9]) != 4 * width:
            raise damaged(path, f"passage {row[3]!r} has changed")
    return list(zip(*rows, strict=True))


def _crc(row):
    """Return the CRC-32 of a row: three numbers, six texts, the vector."""
    try:
        texts = "\0".join(row[3:9]).encode()
        return zlib.crc32(row[9], zlib.crc32(texts, row[0] ^ row[1] ^ row[2]))
    except TypeError:  # damage has made a number of a text, say
        return None
