"""Search a corpus: by meaning, by words, and by both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from helpers import CourseError, models, similarity, storage
from helpers.corpus import Document, Query

if TYPE_CHECKING:
    import torch
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


@dataclass(frozen=True)
class SimilarPair:
    """Two rows of a matrix of embeddings, first < second, and their cosine."""

    first: int
    second: int
    score: float


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


def most_similar_pairs(
    embeddings: np.ndarray | torch.Tensor,
    top_k: int = 10,
    *,
    device: str | None = None,
    show_progress_bar: bool = False,
) -> list[SimilarPair]:
    """Find the `top_k` pairs of rows with the highest cosines among all n(n-1)/2.

    embeddings: (n, d), rows of any length; a zero row has cosine 0 with every other.
    Each pair comes once, best first; equal cosines come by `first`, then by `second`.

    Exact: the products are made block by block in single precision on `device` (that of
    a tensor, else the one of `pick_device`); what could be among the best, given the
    error of such a product, is computed again in double precision and rounded to 12
    digits. So every device and every size of block gives the same pairs. Memory grows
    with n * d and with `top_k`, not with n * n.

    Raises CourseError for fewer than two rows, NaN or infinity, or a `top_k` that is
    not in 1..n(n-1)/2.

    >>> most_similar_pairs(np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]]), 1)
    [SimilarPair(first=1, second=2, score=0.8)]
    """
    import torch
    from tqdm import tqdm

    if isinstance(embeddings, torch.Tensor):
        device = device or str(embeddings.device)
        embeddings = embeddings.detach().cpu()
        wide = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
        embeddings = wide.numpy()
    pairs = _TopPairs(embeddings, top_k)
    unit = torch.from_numpy(pairs.unit).to(models.pick_device(device))
    n, block = len(unit), _BLOCK["cpu" if unit.device.type == "cpu" else "gpu"]
    starts = range(0, n, block)
    twice = torch.ones(block, block, dtype=torch.bool, device=unit.device).tril()
    for top in tqdm(starts, desc="all pairs", disable=not show_progress_bar):
        for left in range(top, n, block):
            scores = unit[top : top + block] @ unit[left : left + block].T
            if left == top:  # each pair once, and no row with itself
                scores.masked_fill_(twice[: len(scores), : len(scores)], -torch.inf)
            best = scores.amax(dim=1)  # one pair a row: top_k of them bound the rest
            if len(best) >= pairs.top_k and best.max() > pairs.floor:
                pairs.raise_floor(best.topk(pairs.top_k).values[-1].item())
            rows = (best >= pairs.floor).nonzero()[:, 0]
            scores = scores[rows]
            row, column = (scores >= pairs.floor).nonzero(as_tuple=True)
            found = rows[row] + top, column + left, scores[row, column]
            pairs.add(*(tensor.cpu().numpy() for tensor in found))
    return pairs.best()


#: Rows and columns of one block of scores: 4 MiB on a CPU, 256 MiB on a GPU.
_BLOCK = {"cpu": 1024, "gpu": 8192}


class _TopPairs:
    """The pairs that may be among the `top_k` best of what was seen so far."""

    def __init__(self, embeddings: np.ndarray, top_k: int) -> None:
        """Check the rows, and scale them to length 1 in single precision."""
        self.rows = np.asarray(embeddings)
        if self.rows.ndim != 2 or len(self.rows) < 2 or not self.rows.shape[1]:
            raise CourseError(
                f"embeddings have shape {self.rows.shape}; pairs need two rows or more "
                "of the same width, (n, d)"
            )
        self.n, width = self.rows.shape
        self.norms = np.empty(self.n)
        self.unit = np.empty((self.n, width), dtype=np.float32)
        for part in self._parts(self.n):
            rows = self.rows[part].astype(np.float64)
            self.norms[part] = np.linalg.norm(rows, axis=1)
            bad = ~np.isfinite(self.norms[part])
            if bad.any():
                raise CourseError(
                    f"row {part.start + bad.argmax()} of the embeddings holds NaN or "
                    "infinity (rows count from 0); encode again, or leave that row out"
                )
            self.unit[part] = similarity.normalize(rows)
        every = self.n * (self.n - 1) // 2
        self.top_k = _checked_number(top_k, every, f"{self.n} rows have {every} pairs")
        # A sum of d products of single precision is off by less than this (Higham
        # 2002, section 3.1: d * u, with room for the rounding of the rows themselves).
        self.slack = 2 * (width + 8) * float(np.finfo(np.float32).eps)
        self.limit = max(4 * self.top_k, 1 << 18)
        self.floor = -2.0  # lower than any cosine
        self.first, self.second = np.empty(0, np.int64), np.empty(0, np.int64)
        self.score = np.empty(0, np.float32)

    def raise_floor(self, score: float) -> None:
        """Take note that `top_k` products in single precision reach this score."""
        # Each may be off by the slack, and so may the product of a better pair.
        self.floor = max(self.floor, score - 2 * self.slack)

    def add(self, first: np.ndarray, second: np.ndarray, score: np.ndarray) -> None:
        """Take in candidates, and let go those that cannot be among the best."""
        if not len(first):
            return
        self.first = np.concatenate([self.first, first])
        self.second = np.concatenate([self.second, second])
        self.score = np.concatenate([self.score, score])
        if len(self.score) <= 2 * self.top_k:
            return
        self.raise_floor(float(np.partition(self.score, -self.top_k)[-self.top_k]))
        self._keep(np.flatnonzero(self.score >= self.floor))
        if len(self.score) > self.limit:  # many nearly equal: decide exactly, now
            order, exact = self._order()
            self._keep(order)
            self.floor = max(self.floor, float(exact[-1]) - self.slack)

    def best(self) -> list[SimilarPair]:
        """Return the `top_k` best, ordered."""
        order, exact = self._order()
        columns = self.first[order], self.second[order], exact
        return [
            SimilarPair(*row)
            for row in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Places of the `top_k` best among the candidates, and their exact cosines."""
        exact = np.concatenate(
            [
                self._cosine(self.first[part], self.second[part])
                for part in self._parts(len(self.score))
            ]
        )
        order = np.lexsort((self.second, self.first, -exact))[: self.top_k]
        return order, exact[order]

    def _cosine(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Cosines in double precision, rounded so that equal rows score alike: (m,)."""
        a, b = (self.rows[i].astype(np.float64) for i in (first, second))
        lengths = self.norms[first] * self.norms[second]
        products = (a * b).sum(axis=1)
        # Adding 0.0 turns -0.0 into 0.0.
        cosines = np.divide(
            products, lengths, out=np.zeros_like(products), where=lengths > 0
        )
        return np.clip(cosines.round(12), -1, 1) + 0.0

    def _keep(self, places: np.ndarray) -> None:
        """Keep the candidates at these places only."""
        self.first, self.second = self.first[places], self.second[places]
        self.score = self.score[places]

    @staticmethod
    def _parts(length: int, size: int = 1 << 14) -> list[slice]:
        """Cut a length into slices, so that copies in double precision stay small."""
        return [slice(start, start + size) for start in range(0, length, size)]


def checked_query(query: str) -> str:
    """Return the query, or raise CourseError when there is nothing in it."""
    if not isinstance(query, str) or not query.strip():
        raise CourseError(f"the query is {query!r}; write at least one word")
    return query


def checked_top_k(top_k: int, documents: Sequence[Document]) -> int:
    """Return top_k, or raise CourseError when it is not in 1..n."""
    n = len(documents)
    return _checked_number(top_k, n, f"this corpus has {n} documents")


def _checked_number(top_k: int, most: int, reason: str) -> int:
    """Return top_k, or raise CourseError when it is not in 1..most, for that reason."""
    if isinstance(top_k, bool) or not isinstance(top_k, int | np.integer):
        raise CourseError(f"top_k is {top_k!r}; it must be a whole number")
    if not 1 <= top_k <= most:
        raise CourseError(f"top_k is {top_k}; {reason}, so choose from 1 to {most}")
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
