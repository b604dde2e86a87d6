"""A corpus as a map: dots by topic, subtopics named beside it, rings."""

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.axes import Axes

from helpers import CourseError
from helpers.corpus import Document
from helpers.visualization import style

#: Names that fit beside a map; the largest subtopics get them.
_NAMES = 32
_LINE = {"lw": 0.7, "color": "0.6"}


def plot_map(
    points: np.ndarray,
    documents: Sequence[Document],
    *,
    ringed: Collection[str] = (),
    ring_label: str = "ringed",
    label: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw documents as dots on a map, (n, 2), coloured by topic.

    Subtopics are named left and right of the dots, each with a line to the median of
    its own. `ringed`: ids of documents to mark with a ring, which the legend calls
    `ring_label`. A step is as long across as up. Raises CourseError when points and
    documents differ in number.
    """
    points = checked_points(points, documents)
    ax = style.new_axes(10.4, 5.2, title, ax)
    topics = np.array([document.topic for document in documents])
    for topic, color in style.topic_colors(documents).items():
        mine = points[topics == topic]
        name = style.as_text(topic)
        ax.scatter(*mine.T, s=16, alpha=0.7, lw=0, color=color, label=name)
    rings = np.array([document.id in ringed for document in documents])
    if rings.any():
        look = {"fc": "none", "ec": "black", "lw": 0.9, "zorder": 4}
        ax.scatter(*points[rings].T, s=44, label=ring_label, **look)
    ax.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    ax.spines[:].set_visible(False)
    if label:
        _name_subtopics(ax, points, documents)
    style.legend_above(ax, columnspacing=1.4)
    return ax


def checked_points(points: np.ndarray, documents: Sequence[Document]) -> np.ndarray:
    """Return the points, or raise CourseError when they do not fit the documents."""
    points = np.asarray(points)
    if points.shape != (len(documents), 2) or not len(documents):
        wanted = f"({len(documents)}, 2): one row of two numbers a document"
        raise CourseError(f"points have shape {points.shape}, expected {wanted}")
    return points


def _name_subtopics(ax, points, documents):
    """Write the names left and right of the axes, each column in the dots' order."""
    colors, groups = style.topic_colors(documents), defaultdict(list)
    for point, document in zip(points, documents, strict=True):
        if document.subtopic:
            groups[document.topic, document.subtopic].append(point)
    largest = sorted(groups, key=lambda name: -len(groups[name]))[:_NAMES]
    middles = {name: np.median(groups[name], axis=0) for name in largest}
    across = sorted(largest, key=lambda name: middles[name][0])
    half = (len(across) + 1) // 2
    for column, side in ((across[:half], -1), (across[half:], 1)):
        column.sort(key=lambda name: middles[name][1])
        for row, (topic, subtopic) in enumerate(column):
            height = (row + 0.5) / len(column)
            middle = middles[topic, subtopic]
            _name(ax, subtopic, middle, height, side, color=colors[topic])
    if largest:
        ax.plot([], [], label="to a subtopic's middle", **_LINE)


def _name(ax, text, middle, height, side, **look):
    """Write a name on one side, at a share of the axes' height, with its line."""
    arrow = {"arrowstyle": "-", "shrinkB": 0, "relpos": ((1 - side) / 2, 0.5)}
    look |= {"size": 9, "ha": "left" if side > 0 else "right", "va": "center"}
    look |= {"textcoords": "axes fraction", "arrowprops": arrow | _LINE, "zorder": 0.5}
    ax.annotate(style.as_text(text), middle, (0.5 + side * 0.52, height), **look)
