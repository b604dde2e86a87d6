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

#: Methods in their order take these marks.
_MARKS = "soD^vP"


def plot_similarity(
    scores: np.ndarray,
    labels: Sequence[str],
    topics: Sequence[str] = (),
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw cosines between sentences as a heat map with the figures written in.

    scores: (n, n); labels: n short texts; topics: n names that colour the labels.
    Raises ValueError when the lengths differ.
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


def _write_figures(ax: Axes, scores: np.ndarray) -> None:
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
    methods = (method for by_method in intervals.values() for method in by_method)
    colors = style.colors_of(methods, style.METHOD_COLORS)
    shifts = 0.2 * (np.arange(len(colors)) - (len(colors) - 1) / 2)
    for shift, mark, (method, color) in zip(
        shifts, _MARKS, colors.items(), strict=False
    ):
        rows = {
            x + shift: by_method[method]
            for x, by_method in enumerate(intervals.values())
            if method in by_method
        }
        _draw_intervals(ax, rows, style.METHOD_NAMES.get(method, method), color, mark)
    ax.set_xticks(range(len(intervals)), list(intervals))
    ax.set_ylim(0, 1.02)
    ax.set_ylabel(metric)
    ax.set_title(title, pad=22)
    style.legend_above(ax, ncols=len(colors))
    return ax


def _draw_intervals(
    ax: Axes, rows: dict[float, Interval], label: str, color: str, mark: str
) -> None:
    """Draw one method: place -> Interval, with the mean beside each mark."""
    means, lows, highs = np.array([(r.mean, r.low, r.high) for r in rows.values()]).T
    look = {"fmt": mark, "color": color, "capsize": 3, "label": label}
    ax.errorbar(list(rows), means, yerr=[means - lows, highs - means], **look)
    for x, row in rows.items():
        place = {"xytext": (5, 0), "textcoords": "offset points"}
        ax.annotate(f"{row.mean:.2f}", (x, row.mean), size=7, **place)


def plot_histograms(
    groups: Mapping[str, np.ndarray],
    *,
    xlabel: str,
    mark: float | None = None,
    bins: int = 40,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the distributions of groups of values over one another.

    groups: name -> (n,); each is scaled to the same area. `mark` draws a vertical line.
    """
    ax = ax or new_axes(8.2, 3.0)
    values = np.concatenate([np.ravel(group) for group in groups.values()])
    edges = np.linspace(values.min(), values.max(), bins + 1)
    palette = itertools.cycle(np.roll(style.GROUP_COLORS, 1).tolist())
    for (name, group), color in zip(groups.items(), palette, strict=False):
        options = {"bins": edges, "density": True, "color": color}
        ax.hist(np.ravel(group), **options, alpha=0.25)
        ax.hist(np.ravel(group), **options, histtype="step", lw=1.6, label=name)
    if mark is not None:
        ax.axvline(mark, color="black", lw=1, ls="--")
    ax.set_xlabel(xlabel)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_title(title)
    ax.legend()
    return ax


def plot_topic_scores(
    scores: Mapping[str, np.ndarray],
    documents: Sequence[Document],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw every document's score for each query as a strip of dots, by topic.

    scores: query text -> (n,) in the order of `documents`. Documents without a topic
    make one strip, which has no name.
    """
    ax = ax or new_axes(8.2, 1.15 * len(scores) + 1.1)
    colors, rng = style.topic_colors(documents), np.random.default_rng(0)
    members = {t: np.array([d.topic == t for d in documents]) for t in colors}
    half, wide = (
        0.34 / len(colors),
        0.22 / len(colors),
    )  # a strip with its gap, its dots
    for row, values in enumerate(scores.values()):
        for place, (topic, mine) in enumerate(members.items()):
            middle = row + half * (2 * place + 1 - len(colors))
            jitter = rng.uniform(-wide, wide, mine.sum())
            ax.scatter(
                np.asarray(values)[mine], middle + jitter, s=11, alpha=0.6,
                linewidths=0, color=colors[topic], label=topic if row == 0 else None,
            )  # fmt: skip
    ax.set_yticks(range(len(scores)), [textwrap.fill(query, 26) for query in scores])
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.set_xlabel("cosine with the query; every dot is one of the corpus's sentences")
    ax.set_title(title, pad=22)
    if any(colors):
        style.legend_above(ax, markerscale=2)
    return ax
