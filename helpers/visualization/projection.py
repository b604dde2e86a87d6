"""Flatten embeddings to the two dimensions of a map."""

import numpy as np
from sklearn.utils.extmath import svd_flip
from umap import UMAP

from helpers import CourseError


def project(
    embeddings: np.ndarray,
    method: str = "umap",
    *,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
) -> np.ndarray:
    """Flatten embeddings to two dimensions: (n, d) -> (n, 2).

    "umap" (McInnes, Healy & Melville 2018) keeps neighbours together, by cosine; with
    its seed, one machine gives the same map twice, but machines differ. It looks at
    `n_neighbors`, or at all others where there are fewer. "pca" keeps the two
    directions of most variance, everywhere the same; it also places fewer than four
    rows for "umap", and turns its maps so that they are widest across.

    Raises CourseError for another method, rows that are not finite, or no rows.
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    if rows.ndim != 2 or 0 in rows.shape or not np.isfinite(rows).all():
        wrong = ", and some are NaN or infinite" if rows.size else ""
        wanted = "a map needs one row of finite numbers a text, (n, d)"
        raise CourseError(f"embeddings have shape {rows.shape}{wrong}; {wanted}")
    if method not in ("umap", "pca"):
        raise CourseError(f"method is {method!r}; choose 'umap' or 'pca'")
    if method == "pca" or len(rows) < 4:
        return _pca(rows)
    # The spectral start needs a few more rows than it has dimensions.
    options = {"init": "spectral" if len(rows) > 10 else "random", "min_dist": min_dist}
    near = min(n_neighbors, len(rows) - 1)
    umap = UMAP(near, metric="cosine", random_state=seed, n_jobs=1, **options)
    return _pca(umap.fit_transform(rows))


def _pca(rows):
    """Two principal components, the largest coordinate of each positive."""
    left, sizes, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    flat = (svd_flip(left, axes)[0] * sizes)[:, :2]
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
