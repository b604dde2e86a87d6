"""The most similar pairs of a whole corpus, exact, without the n x n matrix."""

from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from helpers import CourseError, models, similarity
from helpers.similarity import checked_top_k

#: Rows and columns of one block of scores: 4 MiB on a CPU, 256 MiB on a GPU.
_BLOCK = {"cpu": 1024, "gpu": 8192}
#: Rows that are held in double precision at once.
_PART = 1 << 14


@dataclass(frozen=True)
class SimilarPair:
    """Two rows of a matrix of embeddings, first < second, and their cosine."""

    first: int
    second: int
    score: float


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
    A `top_k` above the number of pairs gives them all.

    Exact: the products are made block by block in single precision on `device` (that of
    a tensor, else the one of `pick_device`); what could be among the best, given the
    error of such a product, is computed again in double precision and rounded to 12
    digits. So every device and every size of block gives the same pairs. Memory grows
    with n * d and with `top_k`, not with n * n.

    Raises CourseError for fewer than two rows, NaN or infinity, or a `top_k` that is no
    whole number from 1 up.

    >>> most_similar_pairs(np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]]), 1)
    [SimilarPair(first=1, second=2, score=0.8)]
    """
    if isinstance(embeddings, torch.Tensor):
        device = device or str(embeddings.device)
        embeddings = _as_array(embeddings)
    pairs = _TopPairs(embeddings, top_k)
    unit = torch.from_numpy(pairs.unit).to(models.pick_device(device))
    for top, left, scores in _blocks(unit, show_progress_bar):
        best = scores.amax(dim=1)  # one pair a row: top_k of them bound the rest
        if len(best) >= pairs.top_k and best.max() > pairs.floor:
            pairs.raise_floor(best.topk(pairs.top_k).values[-1].item())
        rows = (best >= pairs.floor).nonzero()[:, 0]
        row, column = (scores[rows] >= pairs.floor).nonzero(as_tuple=True)
        found = rows[row] + top, column + left, scores[rows[row], column]
        pairs.add(*(tensor.cpu().numpy() for tensor in found))
    return pairs.best()


def _as_array(embeddings):
    embeddings = embeddings.detach().cpu()
    wide = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
    return wide.numpy()


def _blocks(unit, show_progress_bar):
    """Yield first row, first column and products of each block above the diagonal."""
    n, block = len(unit), _BLOCK["cpu" if unit.device.type == "cpu" else "gpu"]
    twice = torch.ones(block, block, dtype=torch.bool, device=unit.device).tril()
    starts = range(0, n, block)
    for top in tqdm(starts, desc="all pairs", disable=not show_progress_bar):
        for left in range(top, n, block):
            scores = unit[top : top + block] @ unit[left : left + block].T
            if left == top:  # each pair once, and no row with itself
                scores.masked_fill_(twice[: len(scores), : len(scores)], -torch.inf)
            yield top, left, scores


class _TopPairs:
    """The pairs that may be among the `top_k` best of what was seen so far."""

    def __init__(self, embeddings: np.ndarray, top_k: int) -> None:
        self.rows = np.asarray(embeddings)
        if self.rows.ndim != 2 or len(self.rows) < 2 or not self.rows.shape[1]:
            raise CourseError(
                f"embeddings have shape {self.rows.shape}; pairs need two rows or more "
                "of the same width, (n, d)"
            )
        n, width = self.rows.shape
        self.top_k = min(checked_top_k(top_k), n * (n - 1) // 2)
        self.norms, self.unit = np.empty(n), np.empty((n, width), dtype=np.float32)
        for part in _parts(n):
            self._scale(part)
        # A sum of d products of single precision is off by less than this (Higham
        # 2002, section 3.1: d * u, with room for the rounding of the rows themselves).
        self.slack = 2 * (width + 8) * float(np.finfo(np.float32).eps)
        self.limit = max(4 * self.top_k, 1 << 18)
        self.floor = -2.0  # lower than any cosine
        self.first, self.second = np.empty(0, np.int64), np.empty(0, np.int64)
        self.score = np.empty(0, np.float32)

    def _scale(self, part: slice) -> None:
        """Check some rows, and scale them to length 1 in single precision."""
        rows = self.rows[part].astype(np.float64)
        self.norms[part] = np.linalg.norm(rows, axis=1)
        bad = ~np.isfinite(self.norms[part])
        if bad.any():
            raise CourseError(
                f"row {part.start + bad.argmax()} of the embeddings holds NaN or "
                "infinity (rows count from 0); encode again, or leave that row out"
            )
        self.unit[part] = similarity.normalize(rows)

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
        rows = zip(self.first[order], self.second[order], exact, strict=True)
        return [SimilarPair(int(i), int(j), float(score)) for i, j, score in rows]

    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Places of the `top_k` best among the candidates, and their exact cosines."""
        parts = [self._cosine(part) for part in _parts(len(self.score))]
        exact = np.concatenate(parts)
        order = np.lexsort((self.second, self.first, -exact))[: self.top_k]
        return order, exact[order]

    def _cosine(self, part: slice) -> np.ndarray:
        """Cosines in double precision, rounded so that equal rows score alike: (m,)."""
        first, second = self.first[part], self.second[part]
        a, b = (self.rows[i].astype(np.float64) for i in (first, second))
        lengths = self.norms[first] * self.norms[second]
        cosines = (a * b).sum(axis=1)
        np.divide(cosines, lengths, out=cosines, where=lengths > 0)
        # Adding 0.0 turns -0.0 into 0.0.
        return np.clip(cosines.round(12), -1, 1) + 0.0

    def _keep(self, places: np.ndarray) -> None:
        self.first, self.second = self.first[places], self.second[places]
        self.score = self.score[places]


def _parts(length: int) -> list[slice]:
    """Cut a length into slices, so that copies in double precision stay small."""
    return [slice(start, start + _PART) for start in range(0, length, _PART)]
