"""Search a corpus: by meaning, by words, and by both."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import bm25s
import numpy as np
import Stemmer

from helpers import CourseError, encoding
from helpers.corpus import Document, Query
from helpers.similarity import best_first, checked_top_k, nearest

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Decimal numbers stay whole (3.125; 21,000), so do words with an apostrophe.
TOKEN = r"\d+(?:[.,]\d+)+|\w+(?:'\w+)?"


@dataclass(frozen=True)
class Hit:
    """One result: its rank from 1, its score (higher is better) and the document."""

    rank: int
    id: str
    score: float
    text: str
    topic: str
    source: str = ""


class Index(ABC):
    """What every index offers: documents, and a ranking of them for a query.

    One of your own inherits from it and brings `search_many`.
    """

    #: How many hits a fused ranking needs of each of its parts.
    depth = 0

    def __init__(self, documents: Sequence[Document]) -> None:
        """Hold the documents. Raises CourseError when there is none."""
        self.documents = list(documents)
        if not self.documents:
            raise CourseError("an index needs at least one document")

    @abstractmethod
    def search_many(self, queries: Sequence[str], top_k: int = 5) -> list[list[Hit]]:
        """Return a ranking for each query: the `top_k` best documents, best first.

        A `top_k` above the number of documents gives them all. Equal scores keep the
        corpus order. Raises CourseError for a blank query or a `top_k` that is no whole
        number from 1 up.
        """

    def search(self, query: str, top_k: int = 5) -> list[Hit]:
        """Return the ranking for one query, as `search_many` does."""
        return self.search_many([query], top_k)[0]

    def matches(self, query: str, text: str) -> list[tuple[int, int]]:
        """Start and end of each place in a text that made it match; here none is."""
        return []


class DenseIndex(Index):
    """Search by meaning: the cosine between the query's vector and every document's."""

    def __init__(
        self,
        documents: Sequence[Document],
        embeddings: np.ndarray,
        model: SentenceTransformer,
    ) -> None:
        """Hold documents with their embeddings, (n, d) rows of length 1.

        Raises CourseError when the shapes do not fit or a value is not finite.
        """
        super().__init__(documents)
        self.model = model
        self.embeddings = np.asarray(embeddings, dtype=np.float32)
        expected = (len(self.documents), model.get_embedding_dimension())
        if self.embeddings.shape != expected:
            raise CourseError(
                f"embeddings have shape {self.embeddings.shape}, expected {expected}: "
                "one row a document, as wide as the model's vectors"
            )
        if not np.isfinite(self.embeddings).all():
            raise CourseError("the embeddings hold NaN or infinity; encode again")

    @classmethod
    def build(
        cls,
        documents: Sequence[Document],
        model: SentenceTransformer,
        *,
        show_progress_bar: bool = False,
    ) -> DenseIndex:
        """Encode every document once: title and text, joined by a space."""
        texts = [document.content for document in documents]
        vectors = encoding.encode(
            model, texts, role="document", show_progress_bar=show_progress_bar
        )
        return cls(documents, vectors, model)

    def scores(self, query: str) -> np.ndarray:
        """Cosine of the query with every document, in corpus order: (n,)."""
        return self.embeddings @ query_vectors(self.model, [query])[0]

    def search_many(self, queries: Sequence[str], top_k: int = 5) -> list[list[Hit]]:
        """Rank by cosine; the queries are encoded as one batch."""
        top_k, vectors = checked_top_k(top_k), query_vectors(self.model, queries)
        found = nearest(self.embeddings, vectors, top_k)
        return [_hits(self.documents, places, scores) for places, scores in found]


class BM25Index(Index):
    """Search by words: BM25 as Lucene computes it, from the bm25s library.

    Robertson & Zaragoza 2009; k1 = 1.5, b = 0.75, English stop words, Snowball stems.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        super().__init__(documents)
        tokens = _tokens([document.content for document in self.documents])
        self._bm25, self._known = bm25s.BM25(), {}
        if any(tokens):  # bm25s cannot index a corpus without a single word
            self._bm25.index(tokens, show_progress=False)
            self._known = self._bm25.vocab_dict

    def scores(self, query: str) -> np.ndarray:
        """BM25 score of every document, in corpus order: (n,); 0 without a match."""
        tokens = [t for t in stems(checked_query(query)) if t in self._known]
        if not tokens:
            return np.zeros(len(self.documents), dtype=np.float32)
        return self._bm25.get_scores(tokens)

    def search_many(self, queries: Sequence[str], top_k: int = 5) -> list[list[Hit]]:
        """Rank by BM25; what shares no word is left out, so a list may be short."""
        top_k = checked_top_k(top_k)
        found = [(best_first(s, top_k), s) for s in map(self.scores, queries)]
        rankings = [_hits(self.documents, best, s[best]) for best, s in found]
        return [[hit for hit in hits if hit.score > 0] for hits in rankings]

    def words(self, text: str) -> list[str]:
        """Return the stems BM25 sees in a text, in order."""
        return stems(text)

    def matches(self, query: str, text: str) -> list[tuple[int, int]]:
        """Start and end of each word of a text that shares a stem with the query."""
        return stem_matches(query, text)


class FusedIndex(Index):
    """Search by meaning and by words, the two rankings fused by reciprocal ranks."""

    def __init__(self, dense: Index, bm25: Index, *, depth: int = 100) -> None:
        """Fuse two indexes over the same documents, each asked for its best `depth`."""
        super().__init__(dense.documents)
        if [d.id for d in dense.documents] != [d.id for d in bm25.documents]:
            raise CourseError("the two indexes hold different documents; rebuild them")
        self.parts, self.depth = (dense, bm25), depth

    def search_many(self, queries: Sequence[str], top_k: int = 5) -> list[list[Hit]]:
        """Rank by both, and fuse: `reciprocal_rank_fusion`."""
        return search_each({"": self}, queries, top_k)[""]


def reciprocal_rank_fusion(rankings: Sequence[list[Hit]], *, k: int = 60) -> list[Hit]:
    """Fuse rankings: a document's score is the sum of 1 / (k + rank) over them.

    Cormack, Clarke & Buettcher 2009 (SIGIR), with their k = 60. Only ranks count, so
    the scores of the rankings need not be comparable. Equal scores keep the order in
    which the documents first appear, ranking by ranking.

    >>> a, b = Hit(1, "a", 9.0, "", ""), Hit(2, "b", 8.0, "", "")
    >>> [hit.id for hit in reciprocal_rank_fusion([[a, b], [replace(b, rank=1)]])]
    ['b', 'a']
    """
    fused: dict[str, Hit] = {}
    for hit in chain.from_iterable(rankings):
        known = fused.get(hit.id, replace(hit, score=0.0))
        fused[hit.id] = replace(known, score=known.score + 1 / (k + hit.rank))
    best = sorted(fused.values(), key=lambda hit: -hit.score)
    return [replace(hit, rank=rank) for rank, hit in enumerate(best, start=1)]


def search_each(
    indexes: Mapping[str, Index], queries: Sequence[str], top_k: int = 5
) -> dict[str, list[list[Hit]]]:
    """Rank by every index; one that is part of a fused one too is asked only once."""
    found: dict[int, list[list[Hit]]] = {}
    depth = max([checked_top_k(top_k), *(index.depth for index in indexes.values())])

    def ask(index):
        if id(index) not in found and isinstance(index, FusedIndex):
            parts = zip(*map(ask, index.parts), strict=True)
            found[id(index)] = [reciprocal_rank_fusion(rankings) for rankings in parts]
        elif id(index) not in found:
            found[id(index)] = index.search_many(queries, depth)
        return found[id(index)]

    return {name: [hits[:top_k] for hits in ask(i)] for name, i in indexes.items()}


def make_run(
    index: Index, queries: Sequence[Query], *, top_k: int = 100
) -> dict[str, dict[str, float]]:
    """Search for every query; return a run: query id -> document id -> score."""
    return make_runs({"": index}, queries, top_k=top_k)[""]


def make_runs(
    indexes: Mapping[str, Index], queries: Sequence[Query], *, top_k: int = 100
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the run of every index by its name; each query is encoded once."""
    found = search_each(indexes, [query.text for query in queries], top_k)
    return {
        name: {
            query.id: {hit.id: hit.score for hit in hits}
            for query, hits in zip(queries, rankings, strict=True)
        }
        for name, rankings in found.items()
    }


def checked_query(query: str) -> str:
    """Return the query, or raise CourseError when there is nothing in it."""
    if not isinstance(query, str) or not query.strip():
        raise CourseError(f"the query is {query!r}; write at least one word")
    return query


def stems(text: str) -> list[str]:
    """Return the stems of a text that search by words sees, in order.

    >>> stems("The whales were pumping 3.125 BTC")
    ['whale', 'were', 'pump', '3.125', 'btc']
    """
    return _tokens([text])[0]


def stem_matches(query: str, text: str) -> list[tuple[int, int]]:
    """Start and end of each word of a text that shares a stem with the query."""
    wanted, found = set(stems(query)), re.finditer(TOKEN, text)
    return [word.span() for word in found if wanted & set(stems(word[0]))]


def query_vectors(model: SentenceTransformer, queries: Sequence[str]) -> np.ndarray:
    """Encode queries as one batch, equal ones once: (q, d).

    Raises CourseError for a blank one, and for a model that gives no numbers.
    """
    asked = dict.fromkeys(map(checked_query, queries))
    vectors = encoding.encode(model, asked, role="query")
    if not np.isfinite(vectors).all():
        raise CourseError("the model gives NaN or infinity; load another one")
    place = {query: row for row, query in enumerate(asked)}
    return vectors[[place[query] for query in queries]]


def hit(document: Document, rank: int, score: float) -> Hit:
    """Return a document as the result of a search."""
    shown = document.content, document.topic, document.source
    return Hit(rank, document.id, float(score), *shown)


def _hits(documents: list[Document], places: np.ndarray, scores: np.ndarray):
    found = enumerate(zip(places, scores, strict=True), start=1)
    return [hit(documents[place], rank, score) for rank, (place, score) in found]


def _tokens(texts: list[str]) -> list[list[str]]:
    """Cut texts into lower-case stems without stop words."""
    return bm25s.tokenize(
        texts,
        token_pattern=TOKEN,
        stopwords="english",
        stemmer=Stemmer.Stemmer("english"),
        return_ids=False,
        show_progress=False,
    )
