"""The most similar pairs of a whole corpus, exact, without the n x n matrix."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from helpers import CourseError, models, similarity

#: Rows and columns of one block of scores: 8 MiB on a CPU, 128 MiB on a GPU.
_BLOCK = {"cpu": 1024, "gpu": 4096}


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

    The products are made block by block in double precision, on `device` (that of a
    tensor, else the one of `pick_device`; on the CPU instead of MPS, which has no
    double precision), and rounded to 12 digits: what is beyond differs from device to
    device. Memory grows with n * d and with `top_k`, not with n * n.

    Raises CourseError for fewer than two rows, NaN or infinity, or a `top_k` that is no
    whole number from 1 up.

    >>> most_similar_pairs(np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]]), 1)
    [SimilarPair(first=1, second=2, score=0.8)]
    """
    if isinstance(embeddings, torch.Tensor):
        device = device or str(embeddings.device)
        embeddings = embeddings.detach().cpu().double().numpy()
    rows = _checked(embeddings)
    device = models.pick_device(device)
    unit = torch.from_numpy(similarity.normalize(rows))
    unit = unit.to("cpu" if device.startswith("mps") else device)
    top_k = min(similarity.checked_top_k(top_k), len(rows) * (len(rows) - 1) // 2)
    first = second = np.empty(0, dtype=np.int64)
    score, floor = np.empty(0), -2.0  # lower than any cosine
    for top, left, scores in _blocks(unit, show_progress_bar):
        row, column, value = _highest(scores, top_k, floor)
        first, second = np.append(first, top + row), np.append(second, left + column)
        score = np.append(score, value)
        best = np.lexsort((second, first, -score))[:top_k]
        first, second, score = first[best], second[best], score[best]
        if len(score) == top_k:
            floor = score[-1]
    pairs = zip(first.tolist(), second.tolist(), score.tolist(), strict=True)
    return [SimilarPair(*pair) for pair in pairs]


def _checked(embeddings: np.ndarray) -> np.ndarray:
    """Return the rows in double precision; refuse what has no pairs."""
    rows = np.asarray(embeddings, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < 2 or not rows.shape[1]:
        raise CourseError(
            f"embeddings have shape {rows.shape}; pairs need two rows or more of the "
            "same width, (n, d)"
        )
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise CourseError(
            f"row {bad.argmax()} of the embeddings holds NaN or infinity (rows count "
            "from 0); encode again, or leave that row out"
        )
    return rows


def _blocks(
    unit: torch.Tensor, show_progress_bar: bool
) -> Iterator[tuple[int, int, torch.Tensor]]:
    """Yield first row, first column and cosines of each block above the diagonal."""
    n, block = len(unit), _BLOCK["cpu" if unit.device.type == "cpu" else "gpu"]
    twice = torch.ones(block, block, dtype=torch.bool, device=unit.device).tril()
    starts = range(0, n, block)
    for top in tqdm(starts, desc="all pairs", disable=not show_progress_bar):
        for left in range(top, n, block):
            scores = unit[top : top + block] @ unit[left : left + block].T
            scores.round_(decimals=12).add_(0.0)  # -0.0 becomes 0.0
            if left == top:  # each pair once, and no row with itself
                scores.masked_fill_(twice[: len(scores), : len(scores)], -torch.inf)
            yield top, left, scores


def _highest(scores: torch.Tensor, top_k: int, floor: float) -> list[np.ndarray]:
    """Rows, columns and values of a block's `top_k` highest from `floor` up, and ties.

    Three arrays, (m,) each, in no order.
    """
    row, column = (scores >= floor).nonzero(as_tuple=True)
    value = scores[row, column]
    if len(value) > top_k:
        kept = value >= value.topk(top_k).values[-1]
        row, column, value = row[kept], column[kept], value[kept]
    return [found.cpu().numpy() for found in (row, column, value)]
