"""Search a corpus: by meaning, by words, and by both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from helpers import CourseError, models, storage
from helpers.corpus import Document, Query

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Decimal numbers stay whole (3.125; 21,000), so do words with an apostrophe.
TOKEN = r"\d+(?:[.,]\d+)+|\w+(?:'\w+)?"
_FORMAT = "bitcoin-and-barbells-index-1"


@dataclass(frozen=True)
class Hit:
    """One result: its rank from 1, its score (higher is better) and the document."""

    rank: int
    id: str
    score: float
    text: str
    topic: str


class Index(Protocol):
    """What every index here offers."""

    documents: list[Document]

    def search(self, query: str, top_k: int = 5) -> list[Hit]:
        """Return the `top_k` best documents, best first."""


class DenseIndex:
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
        self.documents, self.model = list(documents), model
        self.embeddings = np.asarray(embeddings, dtype=np.float32)
        expected = (len(self.documents), model.get_embedding_dimension())
        if not self.documents:
            raise CourseError("an index needs at least one document")
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
        batch_size: int = 32,
        show_progress_bar: bool = False,
    ) -> DenseIndex:
        """Encode every document once: title and text, joined by a space."""
        if not documents:
            raise CourseError("an index needs at least one document")
        embeddings = model.encode(
            [document.content for document in documents],
            batch_size=batch_size,
            normalize_embeddings=True,
            show_progress_bar=show_progress_bar,
        )
        return cls(documents, embeddings, model)

    def scores(self, query: str) -> np.ndarray:
        """Cosine of the query with every document, in corpus order: (n,)."""
        vector = self.model.encode(
            checked_query(query), normalize_embeddings=True, show_progress_bar=False
        )
        return self.embeddings @ vector

    def search(self, query: str, top_k: int = 5) -> list[Hit]:
        """Return the `top_k` documents nearest in meaning, best first.

        Equal scores keep the corpus order. Raises CourseError for a blank query, or a
        `top_k` below 1 or above the number of documents.
        """
        checked_query(query)
        top_k = checked_top_k(top_k, self.documents)
        return _hits(self.documents, self.scores(query), top_k)

    def save(self, path: str | Path) -> Path:
        """Write one safetensors file: vectors, documents, model and checksum.

        The file appears whole or not at all; an older one stays until then. Raises
        CourseError when it cannot be written.
        """
        from safetensors.numpy import save

        lines = "\n".join(json.dumps(asdict(document)) for document in self.documents)
        texts = np.frombuffer(lines.encode(), dtype=np.uint8)
        metadata = {
            "format": _FORMAT,
            "model": models.model_name(self.model),
            "fingerprint": models.fingerprint(self.model),
            "checksum": _checksum(self.embeddings, texts),
        }
        tensors = {"embeddings": self.embeddings, "documents": texts}
        return storage.write_atomically(path, save(tensors, metadata))

    @classmethod
    def load(cls, path: str | Path, model: SentenceTransformer) -> DenseIndex:
        """Read an index that `save` wrote, for the same model.

        Raises CourseError when there is no such file, it is damaged, or it was made
        with a model of other weights or another dimension.
        """
        path = Path(path)
        metadata, embeddings, texts = _read(path)
        width = model.get_embedding_dimension()
        if embeddings.ndim != 2 or embeddings.shape[1] != width:
            raise CourseError(
                f"{path}: holds vectors of shape {embeddings.shape}, made with "
                f"{metadata.get('model')!r}; {models.model_name(model)!r} makes "
                f"vectors of width {width}. Build the index again with this model"
            )
        if metadata.get("fingerprint") != models.fingerprint(model):
            raise CourseError(
                f"{path}: was made with other weights (model "
                f"{metadata.get('model')!r}) than {models.model_name(model)!r} has "
                "now. Build the index again with this model"
            )
        records = texts.tobytes().decode().split("\n")
        return cls([Document(**json.loads(r)) for r in records], embeddings, model)


class BM25Index:
    """Search by words: BM25 as Lucene computes it, from the bm25s library.

    Robertson & Zaragoza 2009; k1 = 1.5, b = 0.75, English stop words, Snowball stems.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        """Index the documents' words. Raises CourseError when there is no document."""
        import bm25s

        self.documents = list(documents)
        if not self.documents:
            raise CourseError("an index needs at least one document")
        tokens = self._tokens([document.content for document in self.documents])
        # bm25s cannot index a corpus without a single word: nothing matches there.
        self._bm25 = bm25s.BM25() if any(tokens) else None
        if self._bm25:
            self._bm25.index(tokens, show_progress=False)

    def scores(self, query: str) -> np.ndarray:
        """BM25 score of every document, in corpus order: (n,); 0 without a match."""
        tokens = self._tokens([checked_query(query)])[0]
        known = self._bm25.vocab_dict if self._bm25 else {}
        tokens = [token for token in tokens if token in known]
        if not tokens:
            return np.zeros(len(self.documents), dtype=np.float32)
        return self._bm25.get_scores(tokens)

    def search(self, query: str, top_k: int = 5) -> list[Hit]:
        """Return up to `top_k` documents that share a word with the query, best first.

        Equal scores keep the corpus order; documents without a match are left out, so
        the list may be short or empty. Raises CourseError as `DenseIndex.search` does.
        """
        checked_query(query)
        top_k = checked_top_k(top_k, self.documents)
        hits = _hits(self.documents, self.scores(query), top_k)
        return [hit for hit in hits if hit.score > 0]

    def words(self, text: str) -> list[str]:
        """Return the stems BM25 sees in a text, in order."""
        return self._tokens([text])[0]

    @staticmethod
    def _tokens(texts: list[str]) -> list[list[str]]:
        """Cut texts into lower-case stems without stop words."""
        import bm25s
        import Stemmer

        return bm25s.tokenize(
            texts,
            token_pattern=TOKEN,
            stopwords="english",
            stemmer=Stemmer.Stemmer("english"),
            return_ids=False,
            show_progress=False,
        )


class FusedIndex:
    """Search by meaning and by words, the two rankings fused by reciprocal ranks."""

    def __init__(self, dense: Index, bm25: Index, *, depth: int = 100) -> None:
        """Fuse two indexes over the same documents, each asked for its best `depth`."""
        if [d.id for d in dense.documents] != [d.id for d in bm25.documents]:
            raise CourseError("the two indexes hold different documents; rebuild them")
        self.documents, self.parts, self.depth = dense.documents, (dense, bm25), depth

    def search(self, query: str, top_k: int = 5) -> list[Hit]:
        """Return the `top_k` best of both rankings, best first."""
        top_k = checked_top_k(top_k, self.documents)
        depth = min(max(self.depth, top_k), len(self.documents))
        rankings = [part.search(query, depth) for part in self.parts]
        return reciprocal_rank_fusion(rankings)[:top_k]


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Hit]], *, k: int = 60
) -> list[Hit]:
    """Fuse rankings: a document's score is the sum of 1 / (k + rank) over them.

    Cormack, Clarke & Buettcher 2009 (SIGIR), with their k = 60. Only ranks count, so
    the scores of the rankings need not be comparable. Equal scores keep the order in
    which the documents first appear, ranking by ranking.

    >>> a, b = Hit(1, "a", 9.0, "", ""), Hit(2, "b", 8.0, "", "")
    >>> [hit.id for hit in reciprocal_rank_fusion([[a, b], [replace(b, rank=1)]])]
    ['b', 'a']
    """
    totals: dict[str, float] = {}
    first: dict[str, Hit] = {}
    for ranking in rankings:
        for hit in ranking:
            totals[hit.id] = totals.get(hit.id, 0.0) + 1 / (k + hit.rank)
            first.setdefault(hit.id, hit)
    order = sorted(totals, key=lambda identifier: -totals[identifier])
    return [
        replace(first[identifier], rank=rank, score=totals[identifier])
        for rank, identifier in enumerate(order, start=1)
    ]


def make_run(
    index: Index, queries: Sequence[Query], *, top_k: int = 100
) -> dict[str, dict[str, float]]:
    """Search for every query; return a run: query id -> document id -> score.

    Asks for `top_k` documents, or all where there are fewer.
    """
    top_k = min(top_k, len(index.documents))
    return {
        query.id: {hit.id: hit.score for hit in index.search(query.text, top_k)}
        for query in queries
    }


def checked_query(query: str) -> str:
    """Return the query, or raise CourseError when there is nothing in it."""
    if not isinstance(query, str) or not query.strip():
        raise CourseError(f"the query is {query!r}; write at least one word")
    return query


def checked_top_k(top_k: int, documents: Sequence[Document]) -> int:
    """Return top_k, or raise CourseError when it is not in 1..n."""
    if isinstance(top_k, bool) or not isinstance(top_k, int | np.integer):
        raise CourseError(f"top_k is {top_k!r}; it must be a whole number")
    if not 1 <= top_k <= len(documents):
        raise CourseError(
            f"top_k is {top_k}; this corpus has {len(documents)} documents, "
            f"so choose from 1 to {len(documents)}"
        )
    return int(top_k)


def _hits(documents: list[Document], scores: np.ndarray, top_k: int) -> list[Hit]:
    """Rank documents by score, highest first; equal scores keep the corpus order."""
    order = np.argsort(-scores, kind="stable")[:top_k]
    return [
        Hit(rank, document.id, float(scores[i]), document.content, document.topic)
        for rank, i in enumerate(order, start=1)
        for document in [documents[i]]
    ]


def _checksum(embeddings: np.ndarray, texts: np.ndarray) -> str:
    """SHA-256 over the vectors and the documents of an index file."""
    return hashlib.sha256(embeddings.tobytes() + texts.tobytes()).hexdigest()


def _read(path: Path) -> tuple[dict[str, str], np.ndarray, np.ndarray]:
    """Read and check an index file: metadata, vectors, documents as bytes."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CourseError(f"{path}: no such index; build one with DenseIndex.build")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            embeddings, texts = (
                file.get_tensor(name) for name in ("embeddings", "documents")
            )
    except (SafetensorError, OSError) as error:
        raise CourseError(
            f"{path}: is not a whole index file ({error}); build it again"
        ) from error
    if metadata.get("format") != _FORMAT:
        raise CourseError(f"{path}: is not an index of this course; build it again")
    if metadata.get("checksum") != _checksum(embeddings, texts):
        raise CourseError(
            f"{path}: was changed after it was saved (its checksum does not fit); "
            "build it again"
        )
    return metadata, embeddings, texts
