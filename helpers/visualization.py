"""The course's figures: one style, one pair of colours for the two worlds.

Every function draws on `ax` (a new one without it) and returns it. The colours are of
Okabe & Ito's palette, which colour-blind readers can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from helpers.metrics import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from helpers.corpus import Document

#: The two worlds, in every notebook.
TOPIC_COLORS = {"crypto": "#D55E00", "powerlifting": "#0072B2"}
#: The three ways to search.
METHOD_COLORS = {"bm25": "#999999", "dense": "#009E73", "fused": "#CC79A7"}
METHOD_NAMES = {"bm25": "BM25", "dense": "dense", "fused": "fused"}


def use_style() -> None:
    """Set the course's look for all figures that follow."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "legend.frameon": False,
            "font.size": 9,
        }
    )


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
    scores = np.asarray(scores)
    n = len(labels)
    if scores.shape != (n, n) or (topics and len(topics) != n):
        raise ValueError(f"{n} labels, {len(topics)} topics, scores {scores.shape}")
    ax = ax or _axes(0.62 * n + 3.4, 0.5 * n + 0.8)
    image = ax.imshow(scores, cmap="PuOr_r", vmin=-1, vmax=1)
    ax.set_xticks(range(n), [str(i + 1) for i in range(n)])
    ax.set_yticks(range(n), [f"{label}  {i + 1}" for i, label in enumerate(labels)])
    ax.tick_params(length=0)
    for row, column in np.ndindex(n, n):
        value = scores[row, column]
        color = "white" if abs(value) > 0.6 else "black"
        text = f"{value:.2f}".replace("-0.00", "0.00")
        ax.text(column, row, text, ha="center", va="center", color=color, size=7)
    for tick, topic in zip(ax.get_yticklabels(), topics, strict=False):
        tick.set_color(TOPIC_COLORS.get(topic, "black"))
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(image, ax=ax, label="cosine", shrink=0.8)
    ax.set_title(title)
    return ax


def plot_topic_scores(
    scores: Mapping[str, np.ndarray],
    documents: Sequence[Document],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw every document's score for each query as a strip of dots, by topic.

    scores: query text -> (n,) in the order of `documents`.
    """
    ax = ax or _axes(8.2, 1.15 * len(scores) + 1.1)
    rng = np.random.default_rng(0)
    for row, values in enumerate(scores.values()):
        for offset, topic in zip((-0.17, 0.17), TOPIC_COLORS, strict=True):
            mine = np.array([d.topic == topic for d in documents])
            jitter = rng.uniform(-0.11, 0.11, mine.sum())
            ax.scatter(
                np.asarray(values)[mine],
                row + offset + jitter,
                s=11,
                alpha=0.6,
                linewidths=0,
                color=TOPIC_COLORS[topic],
                label=topic if row == 0 else None,
            )
    ax.set_yticks(range(len(scores)), [_wrapped(query) for query in scores])
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.set_xlabel("cosine with the query; every dot is one of the corpus's sentences")
    ax.set_title(title, pad=22)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        borderaxespad=0,
        markerscale=2,
    )
    return ax


def plot_by_kind(
    intervals: Mapping[str, Mapping[str, Interval]],
    *,
    metric: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one metric for each kind of query and method, with its interval.

    intervals: kind -> method ("bm25", "dense", "fused") -> Interval.
    """
    ax = ax or _axes(8.2, 3.6)
    for shift, method in zip((-0.2, 0.0, 0.2), METHOD_COLORS, strict=True):
        rows = [by_method[method] for by_method in intervals.values()]
        means = np.array([row.mean for row in rows])
        spread = [
            means - [row.low for row in rows],
            [row.high for row in rows] - means,
        ]
        ax.errorbar(
            np.arange(len(rows)) + shift,
            means,
            yerr=spread,
            fmt={"bm25": "s", "dense": "o", "fused": "D"}[method],
            color=METHOD_COLORS[method],
            capsize=3,
            label=METHOD_NAMES[method],
        )
        for x, mean in zip(np.arange(len(rows)) + shift, means, strict=True):
            ax.annotate(
                f"{mean:.2f}", (x, mean), (5, 0), textcoords="offset points", size=7
            )
    ax.set_xticks(range(len(intervals)), list(intervals))
    ax.set_ylim(0, 1.02)
    ax.set_ylabel(metric)
    ax.set_title(title, pad=22)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
    return ax


def plot_histograms(
    groups: Mapping[str, np.ndarray],
    *,
    xlabel: str,
    mark: float | None = None,
    bins: int = 40,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the distributions of up to three groups of values over one another.

    groups: name -> (n,); each is scaled to the same area. `mark` draws a vertical line.
    """
    ax = ax or _axes(8.2, 3.0)
    values = np.concatenate([np.ravel(group) for group in groups.values()])
    edges = np.linspace(values.min(), values.max(), bins + 1)
    palette = ("#E69F00", "#332288", "#117733")
    for color, (name, group) in zip(palette, groups.items(), strict=False):
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


def plot_cost(
    measured: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    expected: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    here: Mapping[str, tuple[float, float, str]],
    elsewhere: Mapping[str, tuple[float, float, str]],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what routes cost: seconds against the number of sentences, on log axes.

    measured and expected: route -> (n, seconds), drawn as dots and as a dashed line.
    here and elsewhere: route -> (n, seconds, label), the ends to compare: a full
    diamond with its label on the left, an empty one with its label on the right.
    """
    ax = ax or _axes(8.2, 4.4)
    colors = dict(zip(measured, ("#332288", "#117733", "#E69F00"), strict=False))
    for route, color in colors.items():
        ax.plot(*expected[route], ls="--", lw=1, color=color)
        ax.plot(*measured[route], "o", ms=5, color=color, label=route)
    for ends, face, side in ((here, None, "right"), (elsewhere, "white", "left")):
        for route, (n, seconds, label) in ends.items():
            color = colors[route]
            ax.plot(n, seconds, "D", ms=7, mew=1.6, color=color, mfc=face or color)
            shift = (-9, 5) if side == "right" else (9, -5)
            options = {"textcoords": "offset points", "ha": side, "va": "center"}
            ax.annotate(label, (n, seconds), shift, color=color, **options)
    ax.margins(x=0.2)  # room for the labels on the right
    ax.set_xscale("log")
    ax.set_yscale("log")
    times = {"1 ms": 1e-3, "10 ms": 0.01, "0.1 s": 0.1, "1 second": 1, "10 s": 10}
    times |= {"1 minute": 60, "10 min": 600, "1 hour": 3600, "6 h": 21_600}
    times |= {"1 day": 86_400, "1 week": 604_800, "1 month": 2_629_800}
    low, high = ax.get_ylim()
    shown = {name: t for name, t in times.items() if low <= t <= high}
    ax.set_yticks(list(shown.values()), list(shown))
    ax.minorticks_off()
    ax.grid(axis="y", lw=0.4, alpha=0.6)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("number of sentences")
    ax.set_title(title, pad=22)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    return ax


def _axes(width: float, height: float) -> Axes:
    """Return the axes of a new figure of that size, in inches."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height))[1]


def _wrapped(text: str, width: int = 26) -> str:
    """Break a label into lines."""
    import textwrap

    return "\n".join(textwrap.wrap(text, width))
