"""Cosine, dot product and Euclidean distance between rows; the best of many scores.

The three compare every row of `a`, (n, d), with every row of `b`, (m, d): (n, m). They
raise ValueError when the widths differ. One vector counts as one row.
"""

from collections.abc import Iterator

import numpy as np

from helpers import CourseError

#: Products that are held at once; how far two of them that are equal may lie apart.
AT_ONCE, MARGIN = 1 << 24, 1e-5


def normalize(a: np.ndarray) -> np.ndarray:
    """Scale every row of `a`, (n, d), to length 1; a zero row stays zero.

    >>> normalize(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """
    a = _rows(a)
    length = np.linalg.norm(a, axis=1, keepdims=True)
    return np.divide(a, length, out=np.zeros_like(a), where=length > 0)


def dot_score(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Dot product of every row of `a` with every row of `b`, (n, m).

    >>> dot_score(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0]])).tolist()
    [[11.0, 2.0]]
    """
    a, b = _same_width(a, b)
    return a @ b.T


def cosine_similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of the angle between rows, (n, m), in [-1, 1]; a zero row scores 0.

    >>> cosine_similarity(np.eye(2), np.array([[1.0, 1.0]])).round(2).tolist()
    [[0.71], [0.71]]
    """
    a, b = _same_width(a, b)
    return np.clip(normalize(a) @ normalize(b).T, -1.0, 1.0)


def euclidean_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Straight-line distance between rows, (n, m); small is near: sort it upwards.

    >>> euclidean_distance(np.zeros((1, 2)), np.array([[3.0, 4.0]])).tolist()
    [[5.0]]
    """
    a, b = _same_width(a, b)
    return np.stack([np.linalg.norm(b - row, axis=1) for row in a])


def checked_top_k(top_k: int) -> int:
    """Return top_k, or raise CourseError when it is no whole number from 1 up."""
    whole = isinstance(top_k, int | np.integer) and not isinstance(top_k, bool)
    if not whole or top_k < 1:
        raise CourseError(f"top_k is {top_k!r}; it must be a whole number from 1 up")
    return int(top_k)


def best_first(scores: np.ndarray, top_k: int) -> np.ndarray:
    """Places of the `top_k` highest of n scores, best first; equal ones keep theirs.

    Only what reaches the last place is sorted; sorting a million scores takes longer
    than computing them (tests/benchmarks/bench.py).

    >>> best_first(np.array([1.0, 3.0, 2.0, 3.0]), 3).tolist()
    [1, 3, 2]
    """
    places = np.arange(len(scores))
    if top_k < len(scores):
        places = np.flatnonzero(scores >= np.partition(scores, -top_k)[-top_k])
    return places[np.argsort(-scores[places], kind="stable")[:top_k]]


def nearest(
    rows: np.ndarray, vectors: np.ndarray, top_k: int, among: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for each vector, the `top_k` rows nearest to it: places, products.

    rows: (n, d), vectors: (q, d) of about length 1; among: places to choose from, in
    order. Best first; equal rows keep their order. Many vectors are multiplied at once,
    so that memory is read once for all of them. Such products of equal rows may differ
    in their last bit, so what comes near the top is multiplied again, row by row.

    >>> [(places, products)] = nearest(np.eye(3), np.array([[0.6, 0.0, 0.8]]), 2)
    >>> places.tolist(), products.tolist()
    ([2, 0], [0.8, 0.6])
    """
    for vector, rough in zip(vectors, _products(rows, vectors), strict=True):
        places = np.arange(len(rows)) if among is None else among
        if top_k < len(places):
            rough = rough if among is None else rough[among]
            places = places[rough >= np.partition(rough, -top_k)[-top_k] - MARGIN]
        products = np.einsum("ij,j->i", rows[places], vector)
        best = best_first(products, top_k)
        yield places[best], products[best]


def _products(rows, vectors):
    """Yield `rows @ vector` for each vector, many of them from one product."""
    size = max(1, AT_ONCE // max(1, len(rows)))
    for start in range(0, len(vectors), size):
        some = vectors[start : start + size]
        yield from [rows @ some[0]] if len(some) == 1 else some @ rows.T


def _rows(a):
    a = np.atleast_2d(np.asarray(a))
    if a.ndim != 2:
        raise ValueError(f"expected rows of vectors, shape (n, d); got shape {a.shape}")
    return a if np.issubdtype(a.dtype, np.floating) else a.astype(np.float64)


def _same_width(a, b):
    a, b = _rows(a), _rows(b)
    if a.shape[1] != b.shape[1]:
        columns = f"a has {a.shape[1]} columns, b has {b.shape[1]}"
        raise ValueError(f"widths differ: {columns}; encode both with the same model")
    return a, b
