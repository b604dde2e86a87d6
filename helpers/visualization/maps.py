"""A corpus as a map: dots by topic, names of subtopics, rings."""

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from helpers import CourseError
from helpers.corpus import Document
from helpers.visualization import style


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
    ax = style.new_axes(8.8, 6.6, title, ax)
    topics = np.array([document.topic for document in documents])
    for topic, color in style.topic_colors(documents).items():
        mine = points[topics == topic]
        ax.scatter(*mine.T, s=14, alpha=0.7, lw=0, color=color, label=topic)
    rings = np.array([document.id in ringed for document in documents])
    if rings.any():
        ax.scatter(*points[rings].T, s=44, fc="none", ec="black", lw=0.9, zorder=4)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")
    ax.spines[:].set_visible(False)
    style.legend_above(ax, markerscale=2)
    if label:
        _name_subtopics(ax, points, documents)
    return ax


def checked_points(points: np.ndarray, documents: Sequence[Document]) -> np.ndarray:
    """Return the points, or raise CourseError when they do not fit the documents."""
    points = np.asarray(points)
    if points.shape != (len(documents), 2) or not len(documents):
        wanted = f"({len(documents)}, 2): one row of two numbers a document"
        raise CourseError(f"points have shape {points.shape}, expected {wanted}")
    return points


def _name_subtopics(ax, points, documents):
    colors, groups = style.topic_colors(documents), defaultdict(list)
    for point, document in zip(points, documents, strict=True):
        if document.subtopic:
            groups[document.topic, document.subtopic].append(point)
    look = {"size": 8.5, "weight": "bold", "ha": "center", "va": "center"}
    look["path_effects"] = [withStroke(linewidth=3, foreground="white")]
    names = [
        ax.text(*np.median(mine, axis=0), subtopic, color=colors[topic], **look)
        for (topic, subtopic), mine in groups.items()
    ]
    ax.figure.draw_without_rendering()
    # By iterations, not by time: the same map on a slow machine.
    adjust_text(names, ax=ax, expand=(1.08, 1.3), force_text=(0.3, 0.6), iter_lim=400)
