"""A corpus as a map: flattened, drawn, named."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from umap import UMAP

from helpers import CourseError
from helpers.corpus import Document
from helpers.visualization import style


def project(
    embeddings: np.ndarray,
    method: str = "umap",
    *,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
) -> np.ndarray:
    """Flatten embeddings to two dimensions: (n, d) -> (n, 2).

    "umap" (McInnes, Healy & Melville 2018) keeps neighbours together, by cosine, with
    one thread and a seed, so that one machine gives the same map twice; machines differ
    among themselves. It looks at `n_neighbors`, or at all others where there are fewer,
    and PCA places fewer than four rows. "pca" keeps the two directions of most variance
    and always gives the same.

    Raises CourseError for another method, rows that are not finite, or no rows.
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    if rows.ndim != 2 or 0 in rows.shape or not np.isfinite(rows).all():
        raise CourseError(
            f"embeddings have shape {rows.shape}"
            + (", and some are NaN or infinite" if rows.size else "")
            + "; a map needs one row of finite numbers a text, (n, d)"
        )
    if method not in ("umap", "pca"):
        raise CourseError(f"method is {method!r}; choose 'umap' or 'pca'")
    if method == "pca" or len(rows) < 4:
        return _pca(rows)
    return UMAP(
        metric="cosine",
        n_neighbors=min(n_neighbors, len(rows) - 1),
        min_dist=min_dist,
        random_state=seed,
        n_jobs=1,
        # The spectral start needs a few more rows than it has dimensions.
        init="spectral" if len(rows) > 10 else "random",
    ).fit_transform(rows)


def _pca(rows: np.ndarray) -> np.ndarray:
    """Two principal components, the largest coordinate of each positive: (n, 2)."""
    centred = rows - rows.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    flat = (left * sizes)[:, :2]
    signs = np.sign(flat[np.abs(flat).argmax(axis=0), range(flat.shape[1])])
    flat = flat * np.where(signs == 0, 1, signs)
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def plot_map(
    points: np.ndarray,
    documents: Sequence[Document],
    *,
    ringed: Collection[str] = (),
    label: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw documents as dots on a map, (n, 2), coloured by topic.

    Each subtopic is named at the median of its dots, moved aside where names would
    overlap. `ringed`: ids of documents to mark with a ring. A step is as long across as
    up. Raises CourseError when points and documents differ in number.
    """
    points = checked_points(points, documents)
    ax = ax or style.new_axes(8.8, 6.6)
    colors = style.topic_colors(documents)
    for topic, color in colors.items():
        mine = np.array([d.topic == topic for d in documents])
        ax.scatter(*points[mine].T, s=14, alpha=0.7, lw=0, color=color, label=topic)
    rings = np.array([d.id in ringed for d in documents])
    if rings.any():
        ax.scatter(*points[rings].T, s=44, fc="none", ec="black", lw=0.9, zorder=4)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")  # a step is as long either way
    ax.spines[:].set_visible(False)
    ax.set_title(title, pad=22)
    if any(colors):
        style.legend_above(ax, markerscale=2)
    if label:
        _name_subtopics(ax, points, documents)
    return ax


def checked_points(points: np.ndarray, documents: Sequence[Document]) -> np.ndarray:
    """Return the points, or raise CourseError when they do not fit the documents."""
    points = np.asarray(points)
    if points.shape != (len(documents), 2) or not len(documents):
        raise CourseError(
            f"points have shape {points.shape}, expected ({len(documents)}, 2): one "
            "row of two numbers a document"
        )
    return points


def _name_subtopics(
    ax: Axes, points: np.ndarray, documents: Sequence[Document]
) -> None:
    """Write each subtopic near the median of its dots, clear of other names."""
    colors, names = style.topic_colors(documents), []
    look = {"size": 8.5, "weight": "bold", "ha": "center", "va": "center"}
    look["path_effects"] = [withStroke(linewidth=3, foreground="white")]
    groups = dict.fromkeys((d.topic, d.subtopic) for d in documents if d.subtopic)
    for topic, subtopic in groups:
        mine = np.array([(d.topic, d.subtopic) == (topic, subtopic) for d in documents])
        place = np.median(points[mine], axis=0)
        names.append(ax.text(*place, subtopic, color=colors[topic], **look))
    ax.figure.draw_without_rendering()
    # By iterations, not by time: the same map on a slow machine.
    adjust_text(names, ax=ax, expand=(1.08, 1.3), force_text=(0.3, 0.6), iter_lim=400)
