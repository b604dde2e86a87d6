"""Charts of scores: a heat map, strips of dots, methods by kind, distributions."""

import itertools
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from helpers.corpus import Document
from helpers.metrics import Interval
from helpers.visualization import style

#: Methods in their order take these marks.
_MARKS = "soD^vP"
_NAMES = {"bm25": "BM25"}


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
    ax = style.new_axes(0.62 * n + 3.4, 0.5 * n + 0.8, title, ax, pad=6)
    image = ax.imshow(scores, cmap="PuOr_r", vmin=-1, vmax=1)
    ax.set_xticks(range(n), [str(i + 1) for i in range(n)])
    names = [style.as_text(f"{label}  {i + 1}") for i, label in enumerate(labels)]
    ax.set_yticks(range(n), names)
    ax.tick_params(length=0)
    _write_figures(ax, scores)
    for tick, topic in zip(ax.get_yticklabels(), topics, strict=False):
        tick.set_color(style.TOPIC_COLORS.get(topic, "black"))
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(image, ax=ax, label="cosine", shrink=0.8)
    return ax


def _write_figures(ax, scores):
    for (row, column), value in np.ndenumerate(scores):
        color = "white" if abs(value) > 0.75 else "black"
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
    ax = style.new_axes(10, 3.8, title, ax)
    rows = list(intervals.values())
    colors = style.colors_of(itertools.chain(*rows), style.METHOD_COLORS)
    for place, (method, color) in enumerate(colors.items()):
        shift = 0.2 * (place - (len(colors) - 1) / 2)
        found = [(x + shift, row.get(method)) for x, row in enumerate(rows)]
        label, mark = _NAMES.get(method, method), _MARKS[place % len(_MARKS)]
        _draw_intervals(ax, found, fmt=mark, color=color, label=label)
    ax.set_xticks(range(len(intervals)), list(intervals))
    ax.set(ylim=(0, 1.02), ylabel=metric)
    style.legend_above(ax, ncols=len(colors))
    return ax


def _draw_intervals(ax, found, **look):
    rows = [(x, each.mean, each.low, each.high) for x, each in found if each]
    x, means, lows, highs = np.transpose(rows)
    ax.errorbar(x, means, yerr=[means - lows, highs - means], capsize=3, **look)
    for point in zip(x, means, strict=True):
        style.beside(ax, point, f"{point[1]:.2f}", (5, 0), size=8)


def plot_histograms(
    groups: Mapping[str, np.ndarray],
    *,
    xlabel: str,
    mark: float | None = None,
    bins: int = 40,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the distributions of groups of values, (n,) each, over one another.

    Each is scaled to the same area. `mark` draws a line there, named in the legend.
    """
    ax = style.new_axes(8.2, 3.0, title, ax, pad=6)
    values = np.concatenate([np.ravel(group) for group in groups.values()])
    edges = np.histogram_bin_edges(values, bins)
    palette = itertools.cycle(np.roll(style.GROUP_COLORS, 1).tolist())
    for (name, group), color in zip(groups.items(), palette, strict=False):
        options = {"bins": edges, "density": True, "color": color}
        label = style.as_text(name)
        ax.hist(np.ravel(group), **options, alpha=0.25)
        ax.hist(np.ravel(group), **options, histtype="step", lw=1.6, label=label)
    if mark is not None:
        ax.axvline(mark, color="black", lw=1, ls="--", label=f"threshold, {mark:.2f}")
    ax.set(xlabel=xlabel, ylabel="density, same area each", yticks=[])
    ax.spines["left"].set_visible(False)
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
    ax = style.new_axes(8.2, 1.15 * len(scores) + 1.1, title, ax)
    colors, rng = style.topic_colors(documents), np.random.default_rng(0)
    topics = np.array([document.topic for document in documents])
    half, wide = 0.34 / len(colors), 0.22 / len(colors)  # of a strip, of its dots
    for row, values in enumerate(map(np.asarray, scores.values())):
        for place, (topic, color) in enumerate(colors.items()):
            mine, middle = values[topics == topic], half * (2 * place + 1 - len(colors))
            heights = row + middle + rng.uniform(-wide, wide, len(mine))
            look = {"color": color, "label": None if row else style.as_text(topic)}
            ax.scatter(mine, heights, s=11, alpha=0.6, linewidths=0, **look)
    asked = [textwrap.fill(style.as_text(query), 26) for query in scores]
    ax.set_yticks(range(len(scores)), asked)
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.set_xlabel("cosine with the query; every dot is one of the corpus's sentences")
    style.legend_above(ax, markerscale=2)
    return ax
