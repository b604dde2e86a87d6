"""What every index that lasts offers, and all that its kinds have in common.

A *text* is a Document as it was read; its *passages*, the text itself or its parts, are
what is encoded, stored and found. A kind of index brings the methods of `kind.Kind`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from helpers import CourseError, encoding
from helpers.corpus import Document
from helpers.retrieval import (
    FusedIndex,
    Hit,
    Index,
    checked_query,
    hit,
    query_vectors,
    reciprocal_rank_fusion,
)
from helpers.similarity import checked_top_k
from helpers.store import checks, entries
from helpers.store.filters import conditions
from helpers.store.kind import Kind

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from helpers.workers import Workers

#: Hits that a fused ranking takes from each of its two.
DEPTH = 100
METHODS = ("dense", "bm25", "fused")


@dataclass(frozen=True)
class Change:
    """What an update did, counted in texts."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0


class Store(Kind):
    """An index that lasts: texts go in, passages are found. A context manager.

    `settings` holds model, fingerprint, width, tokens and overlap; it is empty until
    the first text is in. All errors are CourseErrors that name the index.
    """

    def __init__(
        self,
        where: str,
        settings: dict,
        model: SentenceTransformer | None = None,
        *,
        tokens: int | None = None,
        overlap: int | None = None,
    ) -> None:
        """Hold what the index was made with; raise CourseError if `model` is another.

        tokens, overlap: how texts are cut, for a new index; an old one keeps its own.
        """
        self.where, self.settings, self._model = where, settings, model
        self._asked = {"tokens": tokens, "overlap": overlap}
        checks.same_cut(where, settings, self._asked)
        if model is not None:
            checks.same_model(where, settings, model)

    @property
    def model(self) -> SentenceTransformer:
        """The model that encodes; loaded by the name it was stored with, if need be."""
        if self._model is None:
            self._model = checks.own_model(self.where, self.settings)
        return self._model

    def add(
        self, documents: Iterable[Document], vectors: np.ndarray | None = None
    ) -> int:
        """Add texts; return how many. Each batch is written whole or not at all.

        vectors: (n, d), rows of length 1, a row a text; then nothing is cut or encoded.
        Raises CourseError for an id that is there already, at the first batch with one.
        """
        known, done = self.hashes(), 0
        if vectors is not None:
            documents = list(documents)
            vectors = checks.rows(self.where, self.settings, vectors, len(documents))
        size = entries.BATCH if vectors is None else entries.QUICK
        for texts in entries.batches(documents, size):
            for text in texts:
                checks.admit(self.where, text, known)
            given = None if vectors is None else vectors[done : done + len(texts)]
            self._begin(texts, known, vectors=given)()
            done += len(texts)
        return done

    def update(
        self, documents: Iterable[Document], *, workers: Workers | None = None
    ) -> Change:
        """Add what is new, replace what changed, leave what is equal; count all three.

        Only passages whose wording the index does not know yet are encoded, here or by
        `workers`, several batches at a time; they are written in their order. Raises
        CourseError for an id that comes twice.
        """
        known, counts = self.hashes(), Counter[str]()
        seen, begun = dict[str, str](), deque[Callable[[], None]]()
        for texts in entries.batches(documents, entries.BATCH):
            changed = []
            for text in texts:
                digest = checks.admit("the texts given", text, seen)
                kind = _kind(known.get(text.id), digest)
                counts[kind] += 1
                changed += [text] if kind != "unchanged" else []
            if changed:
                begun.append(self._begin(changed, seen, workers=workers))
            while len(begun) > (workers.ahead if workers else 0):
                begun.popleft()()
        for write in begun:
            write()
        return Change(**counts)

    def remove(self, ids: Iterable[str]) -> int:
        """Remove texts with all their passages; return how many were there."""
        if isinstance(ids, str):
            raise CourseError(f"ids is the text {ids!r}; give a list: [{ids!r}]")
        return self._delete(list(dict.fromkeys(ids)))

    def copy_from(self, other: Store) -> Change:
        """Take over another index as it is, and count as `update` does.

        Nothing is cut or encoded: passages and vectors come along, and so does what
        the other was made with. Raises CourseError if this one was made otherwise.
        """
        if self.settings and self.settings != other.settings:
            raise CourseError(
                f"{self.where}: was made with {self.settings}, {other.where} with "
                f"{other.settings}; copy it to a new index"
            )
        known, counts, changed = self.hashes(), Counter[str](), []
        for entry in _entries(other):
            kind = _kind(known.get(entry.text.id), entry.hash)
            counts[kind] += 1
            changed += [entry] if kind != "unchanged" else []
        for start in range(0, len(changed), entries.QUICK):
            self.settings = other.settings
            self._write(changed[start : start + entries.QUICK], self.settings)
        return Change(**counts)

    def search(
        self,
        query: str,
        top_k: int = 5,
        *,
        method: str = "dense",
        where: Sequence[str] = (),
    ) -> list[Hit]:
        """Return the ranking for one query, as `search_many` does."""
        return self.search_many([query], top_k, method=method, where=where)[0]

    def search_many(
        self,
        queries: Sequence[str],
        top_k: int = 5,
        *,
        method: str = "dense",
        where: Sequence[str] = (),
    ) -> list[list[Hit]]:
        """Rank passages for each query: the `top_k` best, best first.

        method: "dense" (by meaning), "bm25" (by words) or "fused". where: conditions
        that all must hold, "topic=crypto" say (`filters.conditions`). Equal scores keep
        the order in which the texts came. Raises CourseError for a blank query, a bad
        `top_k`, method or condition, and for an index that is empty.
        """
        top_k, wanted = checked_top_k(top_k), conditions(where)
        queries = [checked_query(query) for query in queries]
        if checked_method(method) == "fused":
            return self._fused(queries, top_k, where)
        if not self.count():
            raise CourseError(f"{self.where}: is empty; add texts to it first")
        if method == "bm25":
            found = self._with_words(queries, top_k, wanted)
        else:
            vectors = query_vectors(self.model, queries)
            found = self._nearest(vectors, top_k, wanted)
        return [_hits(ranking) for ranking in found]

    def by(self, method: str) -> Index:
        """Return one way to search this index, as the search box and reports take it.

        Its `documents` are those of now; its rankings are always of what is stored.
        """
        if checked_method(method) == "fused":
            return FusedIndex(self.by("dense"), self.by("bm25"), depth=DEPTH)
        return _Way(self, method)

    def __enter__(self):
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _fused(self, queries, top_k, where):
        """Fuse as `retrieval.FusedIndex` does, under conditions."""
        depth = max(top_k, DEPTH)
        parts = [
            self.search_many(queries, depth, method=method, where=where)
            for method in ("dense", "bm25")
        ]
        pairs = zip(*parts, strict=True)
        return [reciprocal_rank_fusion(pair)[:top_k] for pair in pairs]

    def _begin(self, texts, hashes, *, vectors=None, workers=None):
        """Begin to encode one batch; return what waits for its vectors and writes it.

        All that can be wrong with it is checked before.
        """
        if not self.settings:
            self.settings = self._first_settings(vectors)
        if vectors is None:
            checks.knows_model(self.where, self.settings)
            passages = entries.cut(texts, self.model, self.settings)
            encode = workers.encode if workers else self._encode
            known = self._known
            waiting = entries.encoding_of(passages, encode, self.settings, known)
        else:
            passages, waiting = [[text] for text in texts], lambda: vectors

        def write():
            batch = entries.made(texts, hashes, passages, waiting())
            self._write(batch, self.settings)

        return write

    def _encode(self, texts):
        return partial(encoding.encode, self.model, texts, role="document")

    def _first_settings(self, vectors):
        if vectors is not None and self._model is None:
            return {"width": vectors.shape[1]}
        return checks.settings_of(self.model, **self._asked)


class _Way(Index):
    """One method of a store."""

    def __init__(self, store: Store, method: str) -> None:
        super().__init__(store.documents)
        self._store, self._method = store, method

    def search_many(self, queries: Sequence[str], top_k: int = 5) -> list[list[Hit]]:
        """Rank as the store does."""
        return self._store.search_many(queries, top_k, method=self._method)

    def matches(self, query: str, text: str) -> list[tuple[int, int]]:
        """Mark as the store does; meaning has no places."""
        return self._store.matches(query, text) if self._method == "bm25" else []


def checked_method(method: str) -> str:
    """Return the method, or raise CourseError when there is none of that name."""
    if method not in METHODS:
        raise CourseError(f"method is {method!r}; choose one of {', '.join(METHODS)}")
    return method


def _kind(before, now):
    return {None: "added", now: "unchanged"}.get(before, "updated")


def _entries(store):
    """Yield the texts of an index as they were written."""
    documents, vectors, ids = store.documents, store.embeddings, store.text_ids()
    hashes, sources, end = store.hashes(), store.sources(), 0
    for text_id, passages in groupby(ids):
        start, end = end, end + len(list(passages))
        text = Document(text_id, "", "", source=sources[text_id])
        part = slice(start, end)
        yield entries.Entry(text, hashes[text_id], documents[part], vectors[part])


def _hits(ranking):
    return [hit(text, rank, score) for rank, (text, score) in enumerate(ranking, 1)]
