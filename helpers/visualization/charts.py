"""Charts of scores: a heat map, strips of dots, methods by kind, distributions."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from helpers.corpus import Document
from helpers.metrics import Interval
from helpers.visualization import style
from helpers.visualization.style import new_axes


def plot_similarity(
    scores: np.ndarray,
    labels: Sequence[str],
    topics: Sequence[str] = (),
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw cosines between n sentences, (n, n), as a heat map with the figures in it.

    topics: n names that colour the labels. Raises ValueError when the lengths differ.
    """
    scores, n = np.asarray(scores), len(labels)
    if scores.shape != (n, n) or (topics and len(topics) != n):
        raise ValueError(f"{n} labels, {len(topics)} topics, scores {scores.shape}")
    ax = ax or new_axes(0.62 * n + 3.4, 0.5 * n + 0.8)
    image = ax.imshow(scores, cmap="PuOr_r", vmin=-1, vmax=1)
    ax.set_xticks(range(n), [str(i + 1) for i in range(n)])
    ax.set_yticks(range(n), [f"{label}  {i + 1}" for i, label in enumerate(labels)])
    ax.tick_params(length=0)
    _write_figures(ax, scores)
    for tick, topic in zip(ax.get_yticklabels(), topics, strict=False):
        tick.set_color(style.TOPIC_COLORS.get(topic, "black"))
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(image, ax=ax, label="cosine", shrink=0.8)
    ax.set_title(title)
    return ax


def _write_figures(ax, scores):
    for (row, column), value in np.ndenumerate(scores):
        color = "white" if abs(value) > 0.6 else "black"
        text = f"{value:.2f}".replace("-0.00", "0.00")
        ax.text(column, row, text, ha="center", va="center", color=color, size=7)


def plot_by_kind(
    intervals: Mapping[str, Mapping[str, Interval]],
    *,
    metric: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one metric for each kind of query and method, with its interval.

    intervals: kind -> method -> Interval. The course's methods ("bm25", "dense",
    "fused") keep their colours; others are drawn after them.
    """
    ax = ax or new_axes(8.2, 3.6)
    methods = itertools.chain.from_iterable(intervals.values())
    colors = style.colors_of(methods, style.METHOD_COLORS)
    shifts = 0.2 * (np.arange(len(colors)) - (len(colors) - 1) / 2)
    looks = zip(colors, colors.values(), itertools.cycle("soD^vP"), strict=False)
    for shift, (method, color, mark) in zip(shifts, looks, strict=True):
        cells = [(x, row[method]) for x, row in enumerate(intervals.values())
                 if method in row]
    ax.set_xticks(range(len(intervals)), list(intervals))
    ax.set(ylim=(0, 1.02), ylabel=metric)
    style.head(ax, title, ncols=len(colors))
    return ax
