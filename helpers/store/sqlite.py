"""An index in one SQLite file: exact search in memory, BM25 by FTS5.

Vectors are read into one array when the file is opened, every row checked, and again
after a change, by this process or another.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helpers import CourseError
from helpers.corpus import Document
from helpers.similarity import best_first, nearest
from helpers.store import memory, words
from helpers.store.base import Store
from helpers.store.entries import Entry
from helpers.store.file import File
from helpers.store.filters import Condition
from helpers.store.kind import Found
from helpers.store.tables import store_settings, stored_settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: A batch at once: FTS5 writes its tables after each row that a trigger gives it.
_INDEX = """INSERT INTO words (rowid, title, text)
    SELECT key, title, text FROM passages WHERE key > ?"""
_UPSERT = """INSERT INTO texts (id, source, hash) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET source = excluded.source, hash = excluded.hash"""
_IDS = """SELECT texts.id FROM passages JOIN texts ON texts.key = owner
    ORDER BY owner, part"""
_SCORES = "SELECT rowid, -bm25(words) FROM words WHERE words MATCH ?"
#: SQL of a field and of an operator; values are bound, never written into it.
_OF_TEXT = "owner IN (SELECT key FROM texts WHERE {})"
_FIELDS = {"topic": "{}", "subtopic": "{}", "source": _OF_TEXT, "id": _OF_TEXT}
_TESTS = {
    "=": "{0} = ?{1}",
    "!=": "{0} != ?{1}",
    "^=": "substr({0}, 1, length(?{1})) = ?{1}",
}


class SQLiteStore(Store):
    """An index in the file `path`."""

    def __init__(
        self,
        path: str | Path,
        model: SentenceTransformer | None = None,
        *,
        write: bool = False,
        **cut: int | None,
    ) -> None:
        """Open as `open_index` does."""
        self._file = File(Path(path), write=write)
        self._passages: memory.Passages | None = None
        self._wordings: dict[str, np.ndarray] | None = None
        self._version = None
        try:
            super().__init__(str(path), self._file.settings(), model, **cut)
            self._fresh()
        except BaseException:
            self.close()
            raise

    @property
    def documents(self) -> list[Document]:
        """All passages, in the order in which their texts came."""
        return self._fresh().documents

    @property
    def embeddings(self) -> np.ndarray:
        """Vectors of the passages, in their order: (n, d), single precision."""
        return self._fresh().embeddings

    def count(self) -> int:
        """How many passages there are."""
        return len(self._fresh().keys)

    def text_ids(self) -> list[str]:
        """For each passage, in their order, the id of its text."""
        with self._file.reading() as db:
            return [row[0] for row in db.execute(_IDS)]

    def hashes(self) -> dict[str, str]:
        """Content hash of every text by its id: tells what changed since."""
        self._wordings = None  # a change begins: `_known` is to know all there is now
        with self._file.reading() as db:
            return dict(db.execute("SELECT id, hash FROM texts ORDER BY key"))

    def sources(self) -> dict[str, str]:
        """Where every text was read, by its id."""
        with self._file.reading() as db:
            return dict(db.execute("SELECT id, source FROM texts"))

    def matches(self, query: str, text: str) -> list[tuple[int, int]]:
        """Start and end of each place in a text that made BM25 find it."""
        return words.places(query, text)

    def close(self) -> None:
        """Let go of the file; a writer leaves one plain file behind."""
        self._file.close()

    def _write(self, batch: list[Entry], settings: dict) -> None:
        with self._file.writing() as db:
            if stored_settings(db) not in ({}, settings):
                raise CourseError(f"{self.where}: another program made it anew; reopen")
            store_settings(db, settings)
            db.executemany(_UPSERT, [(e.text.id, e.text.source, e.hash) for e in batch])
            owners = _owners(db, [entry.text.id for entry in batch])
            gone = [[key] for key in owners.values()]
            db.executemany("DELETE FROM passages WHERE owner = ?", gone)
            [last] = db.execute("SELECT ifnull(max(key), 0) FROM passages").fetchone()
            db.executemany(memory.INSERT, memory.rows(last, batch, owners))
            db.execute(_INDEX, [last])
        self._passages = None

    def _delete(self, ids: list[str]) -> int:
        with self._file.writing() as db:
            each = [[text_id] for text_id in ids]
            gone = db.executemany("DELETE FROM texts WHERE id = ?", each).rowcount
        self._passages = None
        return max(gone, 0)

    def _known(self, contents: Sequence[str]) -> dict[str, np.ndarray]:
        if self._wordings is None:
            held = self._fresh()
            wordings = [document.content for document in held.documents]
            self._wordings = dict(zip(wordings, held.embeddings, strict=True))
        there = self._wordings
        return {content: there[content] for content in contents if content in there}

    def _nearest(
        self, vectors: np.ndarray, top_k: int, wanted: list[Condition]
    ) -> list[list[Found]]:
        with self._file.reading() as db:
            held = self._held(db)
            among = _among(db, held, wanted)
        found = nearest(held.embeddings, vectors, top_k, among)
        return [_found(held, places, scores) for places, scores in found]

    def _with_words(
        self, queries: list[str], top_k: int, wanted: list[Condition]
    ) -> list[list[Found]]:
        with self._file.reading() as db:
            held = self._held(db)
            among = _among(db, held, wanted)
            scores = [_scores(db, held, query) for query in queries]
        rankings = [_ranking(held, each, among, top_k) for each in scores]
        return [[found for found in ranking if found[1] > 0] for ranking in rankings]

    def _fresh(self):
        with self._file.reading() as db:
            return self._held(db)

    def _held(self, db):
        """Return what is in memory, read again if the file has changed since."""
        version = db.execute("PRAGMA data_version").fetchone()[0]
        if self._passages is None or version != self._version:
            self.settings = stored_settings(db) or self.settings
            width = self.settings.get("width", 0)
            self._passages = memory.read(self.where, db, width)
            self._version, self._wordings = version, None
        return self._passages


def _owners(db, ids):
    """Keys of texts by their ids."""
    marks = ", ".join("?" * len(ids))
    return dict(db.execute(f"SELECT id, key FROM texts WHERE id IN ({marks})", ids))


def _among(db, held, wanted):
    """Places of the passages that fulfil all conditions; None stands for all."""
    if not wanted:
        return None
    tests = [
        _FIELDS[field].format(_TESTS[operator].format(field, number))
        for number, (field, operator, _) in enumerate(wanted, start=1)
    ]
    query = "SELECT key FROM passages WHERE " + " AND ".join(tests)
    keys = db.execute(query, [condition.value for condition in wanted]).fetchall()
    return np.sort(held.places(np.array(keys, dtype=np.int64).ravel()))


def _scores(db, held, query):
    """BM25 score of every passage, in order: (n,); 0 without a match."""
    scores = np.zeros(len(held.keys))
    for expression in words.expressions(query):
        found = np.array(db.execute(_SCORES, [expression]).fetchall())
        if len(found):
            scores[held.places(found[:, 0])] += found[:, 1]
    return scores


def _ranking(held, scores, among, top_k):
    scores = scores if among is None else scores[among]
    best = best_first(scores, top_k)
    return _found(held, best if among is None else among[best], scores[best])


def _found(held, places, scores):
    return [
        (held.document(place), float(score))
        for place, score in zip(places, scores, strict=True)
    ]
