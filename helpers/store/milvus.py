"""An index on a Milvus server, which keeps texts and vectors, and searches them.

Search by meaning is exact there, search by words is its own BM25 over the course's
stems. A text whose rows do not add up, since its writer was killed, is not there, and
comes again with the next `index`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from helpers import CourseError
from helpers.corpus import Document
from helpers.retrieval import stem_matches
from helpers.store import rows as texts
from helpers.store.base import Store
from helpers.store.collection import HITS, Collection
from helpers.store.entries import Entry
from helpers.store.filters import Condition
from helpers.store.kind import Found
from helpers.store.rows import PASSAGE, TEXT, coded, decoded, digest

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Queries of one call; hits beyond those asked for, as some may have equal scores.
AT_ONCE, SPARE = 64, 32


class MilvusStore(Store):
    """An index in the collection at an address, "http://127.0.0.1:19530/corpus"."""

    def __init__(
        self,
        url: str,
        model: SentenceTransformer | None = None,
        *,
        write: bool = False,
        **cut: int | None,
    ) -> None:
        """Open as `open_index` does."""
        self._server = Collection(url, write=write)
        self._rows: list[dict] | None = None
        self._versions: set[tuple[str, str]] = set()
        self._next = 0
        try:
            super().__init__(url, self._server.settings, model, **cut)
        except BaseException:
            self.close()
            raise

    @property
    def documents(self) -> list[Document]:
        """All passages, in the order in which their texts came."""
        return [texts.document(row) for row in self._read(full=True)]

    @property
    def embeddings(self) -> np.ndarray:
        """Vectors of the passages, in their order: (n, d), single precision."""
        rows = [row["vector"] for row in self._read(full=True)]
        return np.array(rows, "<f4").reshape(len(rows), self.settings.get("width", 0))

    def count(self) -> int:
        """How many passages there are."""
        return len(self._read())

    def text_ids(self) -> list[str]:
        """For each passage, in their order, the id of its text."""
        return [decoded(row["by_id"]) for row in self._read()]

    def hashes(self) -> dict[str, str]:
        """Content hash of every text by its id: tells what changed since."""
        self._rows = None  # a change begins: it is to know all there is now
        return {decoded(row["by_id"]): row["hash"] for row in self._read()}

    def sources(self) -> dict[str, str]:
        """Where every text was read, by its id."""
        rows = self._read()
        return {decoded(row["by_id"]): decoded(row["by_source"]) for row in rows}

    def matches(self, query: str, text: str) -> list[tuple[int, int]]:
        """Start and end of each place in a text that made BM25 find it."""
        return stem_matches(query, text)

    def close(self) -> None:
        """Let go of the server; a writer has it bring all to the disk first."""
        self._server.close()

    def _write(self, batch: list[Entry], settings: dict) -> None:
        rows = list(texts.made(self.where, batch))
        self._server.make(settings)
        keys, owners = {row["key"] for row in rows}, {row["by_id"] for row in rows}
        before = list(self._there("by_id", owners))
        taken = {row["by_id"] for row in self._there("key", keys)} - owners
        if taken or len(keys) < len(rows):
            raise CourseError(
                f"{self.where}: two passages would have one id; give each text an id "
                "without #1, #2 …"
            )
        self._place(rows, {row["by_id"]: row["place"] for row in before})
        self._rows = None
        gone = {row["key"] for row in before} - keys
        self._server.change(rows, sorted(gone))

    def _delete(self, ids: list[str]) -> int:
        if not self.settings:
            return 0
        self._server.make(self.settings)
        rows = list(self._there("by_id", map(coded, ids)))
        self._rows = None
        self._server.change([], [row["key"] for row in rows])
        return len({row["by_id"] for row in rows})

    def _known(self, contents: Sequence[str]) -> dict[str, np.ndarray]:
        if not self._server.settings:
            return {}
        asked = {digest(content): content for content in contents}
        rows = self._server.among("wording", asked, ("wording", "vector"))
        return {asked[row["wording"]]: texts.vector(row) for row in rows}

    def _nearest(
        self, vectors: np.ndarray, top_k: int, wanted: list[Condition]
    ) -> list[list[Found]]:
        return self._ranked("vector", list(vectors), top_k, wanted)

    def _with_words(
        self, queries: list[str], top_k: int, wanted: list[Condition]
    ) -> list[list[Found]]:
        self._knows_words()
        asked = [" ".join(dict.fromkeys(texts.spelled(query))) for query in queries]
        found = self._ranked("words", list(filter(None, asked)), top_k, wanted)
        found = [[each for each in ranking if each[1] > 0] for ranking in found]
        return [found.pop(0) if words else [] for words in asked]

    def _fused(self, queries, top_k, where):
        self._knows_words()  # before anything is encoded
        return super()._fused(queries, top_k, where)

    def _knows_words(self):
        if self.settings and not self._server.words:
            raise CourseError(f"{self.where}: was {self._server.without_words}")

    def _ranked(self, field, data, top_k, wanted):
        top_k = min(top_k, self.count())
        if top_k > HITS:
            raise CourseError(
                f"{self.where}: a Milvus server gives {HITS} hits at most, not {top_k}"
            )
        parts = [
            data[start : start + AT_ONCE] for start in range(0, len(data), AT_ONCE)
        ]
        found = chain(*(self._sound(field, part, top_k, wanted) for part in parts))
        return [texts.best(hits, top_k) for hits in found]

    def _sound(self, field, data, top_k, wanted):
        """Return hits of whole texts, whatever else lies about."""
        torn: set[str] = set()
        while True:
            chosen, limit = texts.chosen(wanted, torn), min(top_k + SPARE, HITS)
            found = self._server.nearest(field, data, limit, chosen)
            hits = {texts.version(hit["entity"]) for hit in chain(*found)}
            if hits - self._versions:  # of a later writer, or of one that was killed
                self._rows = None
                self._read()
            if not (strange := hits - self._versions):
                return found
            torn |= {by_id for by_id, _ in strange}

    def _read(self, *, full: bool = False) -> list[dict]:
        """Read what texts there are, once; `full`: with their passages and vectors."""
        if self._rows is None or (full and self._rows and "text" not in self._rows[0]):
            fields = (*TEXT, *PASSAGE, "vector") if full else TEXT
            rows = list(self._server.rows(fields)) if self._server.settings else []
            for row in rows if full else ():
                row["vector"] = texts.vector(row)
            self._next = max([self._next, *(row["place"] + 1 for row in rows)])
            self._rows = texts.whole(rows)
            self._versions = {texts.version(row) for row in self._rows}
        return self._rows

    def _there(self, field, values):
        """Rows of the index by a field, as far as they matter to a writer."""
        return self._server.among(field, values, ("key", "by_id", "place"))

    def _place(self, rows, places):
        """Give texts that are new the next places; others keep theirs."""
        for row in rows:
            if row["by_id"] not in places:
                places[row["by_id"]] = self._next
                self._next += 1
            row["place"] = places[row["by_id"]]
