"""The course's figures: one style, one pair of colours for the two worlds.

Every function draws on `ax` (a new one without it) and returns it. The colours are of
Okabe & Ito's palette, which colour-blind readers can tell apart.
"""

from __future__ import annotations

import html
import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from helpers import CourseError, storage
from helpers.metrics import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from helpers.corpus import Document

#: The two worlds, in every notebook.
TOPIC_COLORS = {"crypto": "#D55E00", "powerlifting": "#0072B2"}
#: Topics of other corpora, after the two of this one.
_MORE_COLORS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
#: Lines of one figure, in their order.
_LINE_COLORS = ("#009E73", "#CC79A7", "#56B4E9", "#000000")
_BEFORE_AFTER = ("#E69F00", "#009E73")
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


def plot_training(
    losses: Sequence[float],
    figures: Mapping[str, Sequence[float]],
    *,
    best: int | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a training: the loss of epochs 1 to n, and figures of epochs 0 to n.

    figures: name -> (n + 1,), such as the Spearman correlation on dev; epoch 0 is the
    model before the training. The loss has a scale of its own, on the right. `best`:
    the epoch whose weights are kept.
    """
    ax = ax or _axes(6.4, 3.6)
    epochs = np.arange(len(losses) + 1)
    right = ax.twinx()
    right.plot(epochs[1:], losses, "o--", ms=4, lw=1, color="#999999", label="loss")
    right.set_ylabel("loss", color="#666666")
    right.tick_params(axis="y", colors="#666666")
    right.spines["right"].set_visible(True)
    right.spines["right"].set_color("#999999")
    right.set_ylim(0, 1.1 * max(losses))
    for (name, values), color in zip(
        figures.items(), itertools.cycle(_LINE_COLORS), strict=False
    ):
        ax.plot(epochs, values, "o-", ms=5, color=color, label=name)
        ax.annotate(
            f"{values[-1]:.2f}", (epochs[-1], values[-1]), (6, 0), color=color,
            textcoords="offset points", va="center",
        )  # fmt: skip
    if best is not None:
        ax.axvline(best, lw=6, color="#000000", alpha=0.08, zorder=0)
    ax.set(xlabel="epoch", ylabel="Spearman correlation", xticks=epochs)
    ax.margins(x=0.18)
    ax.set_title(title, pad=22)
    lines = [*ax.get_legend_handles_labels()[0], *right.get_lines()]
    ax.legend(
        lines, [line.get_label() for line in lines], loc="lower left", ncols=4,
        bbox_to_anchor=(0, 1), borderaxespad=0,
    )  # fmt: skip
    return ax


def plot_change(
    changes: Mapping[str, tuple[float, float, Interval]],
    *,
    xlabel: str = "",
    names: tuple[str, str] = ("before", "after"),
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw figures before and after, a row each, the first on top.

    changes: name -> (before, after, change). The change, an Interval, is written beside
    its row, in grey where it includes zero. Both figures have intervals of their own,
    but these say little about a change that was measured on the same pairs.
    """
    ax = ax or _axes(6.4, 1.3 + 0.42 * len(changes))
    for row, (*figures, change) in enumerate(changes.values()):
        ax.plot(figures, [row, row], lw=3, color="#DDDDDD", zorder=1)
        for mark, figure, color, name in zip(
            "so", figures, _BEFORE_AFTER, names, strict=True
        ):
            label = name if row == 0 else None
            ax.plot(figure, row, mark, ms=7, color=color, label=label, zorder=2)
        ax.annotate(
            f"{change}",
            (1.03, row),
            xycoords=ax.get_yaxis_transform(),
            va="center",
            color="#777777" if change.low <= 0 <= change.high else "#111111",
        )
    ax.annotate(
        "change [95 % interval]", (1.03, 1), (0, 6), "axes fraction", "offset points"
    )
    ax.set_yticks(range(len(changes)), list(changes))
    ax.invert_yaxis()
    ax.margins(y=0.12)
    ax.grid(axis="x", lw=0.4, alpha=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel)
    ax.set_title(title, pad=22)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    return ax


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
        centred = rows - rows.mean(axis=0)
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        flat = (left * sizes)[:, :2]
        # Of the two mirror images, the one whose largest coordinate is positive.
        signs = np.sign(flat[np.abs(flat).argmax(axis=0), range(flat.shape[1])])
        flat = flat * np.where(signs == 0, 1, signs)
        return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    from umap import UMAP

    return UMAP(
        metric="cosine",
        n_neighbors=min(n_neighbors, len(rows) - 1),
        min_dist=min_dist,
        random_state=seed,
        n_jobs=1,
        # The spectral start needs a few more rows than it has dimensions.
        init="spectral" if len(rows) > 10 else "random",
    ).fit_transform(rows)


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
    up, and a tall map gets a tall figure. Raises CourseError when points and documents
    differ in number.
    """
    points = _checked_points(points, documents)
    if ax is None:
        height = np.sqrt(55 / _breadth(points))  # about 55 square inches
        ax = _axes(55 / height, height)
    for topic, color in _topic_colors(documents).items():
        mine = np.array([d.topic == topic for d in documents])
        ax.scatter(*points[mine].T, s=14, alpha=0.7, lw=0, color=color, label=topic)
    rings = np.array([d.id in ringed for d in documents])
    if rings.any():
        ax.scatter(*points[rings].T, s=44, fc="none", ec="black", lw=0.9, zorder=4)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")  # a step is as long either way
    ax.spines[:].set_visible(False)
    ax.set_title(title, pad=22)
    ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0, markerscale=2
    )
    if label:
        _name_subtopics(ax, points, documents)
    return ax


@dataclass(frozen=True)
class HoverMap:
    """An interactive map as one HTML page that asks for nothing on the network."""

    html: str
    documents: int
    height: int

    def __repr__(self) -> str:
        """Say what it is; the page itself would fill the screen."""
        return f"HoverMap of {self.documents} documents, {len(self.html):,} characters"

    def _repr_html_(self) -> str:
        """Show it in a notebook, in a frame that cannot reach the notebook."""
        page = html.escape(self.html, quote=True)
        return (
            f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="map" '
            f'style="width: 100%; height: {self.height + 110}px; border: 0"></iframe>'
        )

    def save(self, path: str | Path) -> Path:
        """Write the page to a file, whole or not at all; return its path."""
        return storage.write_atomically(path, self.html.encode())


def hover_map(
    points: np.ndarray,
    documents: Sequence[Document],
    *,
    title: str = "",
    width: int = 760,
    height: int | None = None,
) -> HoverMap:
    """Make a map to touch: (n, 2) and n documents.

    Hover over a dot to read its sentence, click a topic in the legend to hide it or
    bring it back, type a word to light up the sentences that hold it. The page carries
    its own Vega, so it works in JupyterLab, in Colab and in exported HTML without a
    network. Whatever a sentence holds is shown as text. `width` and `height` in pixels;
    without a height, the map's shape gives it. Raises CourseError when points and
    documents differ in number.
    """
    points = _checked_points(points, documents)
    height = height or round(width / max(_breadth(points), 1.25))
    chart = _hover_chart(points, documents, width, height)
    # Inside a script only "<" can do harm; \u003c is the same letter in JSON.
    spec = json.dumps(chart).replace("<", "\\u003c")
    import altair as alt
    import vl_convert

    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    library = vl_convert.javascript_bundle(vl_version=version)
    return HoverMap(
        _PAGE.substitute(
            title=html.escape(title), library=library, spec=spec, width=width
        ),
        len(documents),
        height,
    )


def _axes(width: float, height: float) -> Axes:
    """Return the axes of a new figure of that size, in inches."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height))[1]


def _checked_points(points: np.ndarray, documents: Sequence[Document]) -> np.ndarray:
    """Return the points, or raise CourseError when they do not fit the documents."""
    points = np.asarray(points)
    if points.shape != (len(documents), 2) or not len(documents):
        raise CourseError(
            f"points have shape {points.shape}, expected ({len(documents)}, 2): one "
            "row of two numbers a document"
        )
    return points


def _breadth(points: np.ndarray) -> float:
    """Width of a map over its height, from 0.75 to 1.45: what a page can bear."""
    across, up = np.ptp(points, axis=0)
    return float(np.clip(across / up if up > 0 else np.inf, 0.75, 1.45))


def _topic_colors(documents: Sequence[Document]) -> dict[str, str]:
    """Return a colour for each topic: the course's two, then others of the palette."""
    topics = dict.fromkeys(document.topic for document in documents)
    known = {topic: c for topic, c in TOPIC_COLORS.items() if topic in topics}
    others = [topic for topic in topics if topic not in known]
    return known | dict(zip(others, itertools.cycle(_MORE_COLORS), strict=False))


def _name_subtopics(
    ax: Axes, points: np.ndarray, documents: Sequence[Document]
) -> None:
    """Write each subtopic near the median of its dots, clear of other names."""
    from adjustText import adjust_text
    from matplotlib.patheffects import withStroke

    colors, names = _topic_colors(documents), []
    groups = dict.fromkeys((d.topic, d.subtopic) for d in documents if d.subtopic)
    for topic, subtopic in groups:
        mine = np.array([(d.topic, d.subtopic) == (topic, subtopic) for d in documents])
        name = ax.text(
            *np.median(points[mine], axis=0), subtopic, size=8.5, weight="bold",
            ha="center", va="center", color=colors[topic],
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip
        names.append(name)
    ax.figure.draw_without_rendering()
    # By iterations, not by time: the same map on a slow machine.
    adjust_text(names, ax=ax, expand=(1.08, 1.3), force_text=(0.3, 0.6), iter_lim=400)


def _hover_chart(
    points: np.ndarray, documents: Sequence[Document], width: int, height: int
) -> dict:
    """Return the Vega-Lite specification of a hover map."""
    import altair as alt

    colors = _topic_colors(documents)
    rows = [
        {
            "x": round(float(x), 3), "y": round(float(y), 3), "sentence": d.content,
            "topic": d.topic, "subtopic": d.subtopic, "id": d.id,
        }
        for (x, y), d in zip(points, documents, strict=True)
    ]  # fmt: skip
    shown = alt.selection_point(
        name="shown",
        fields=["topic"],
        bind="legend",
        toggle="true",
        clear=False,
        empty=False,
        value=[{"topic": topic} for topic in colors],
    )
    find = alt.param(
        name="find",
        value="",
        bind=alt.binding(input="search", name="Find a word: ", debounce=150),
    )
    found = "find && indexof(lower(datum.sentence), lower(find)) >= 0"
    axis = alt.Axis(labels=False, ticks=False, grid=False, domain=False, title=None)
    # Fixed, so that nothing moves when a topic is hidden; a step is as long either way.
    low, high = points.min(axis=0), points.max(axis=0)
    step = float(max((high - low) / (width, height))) or 1.0
    x, y = (
        alt.Scale(
            domain=[middle - step * side / 2, middle + step * side / 2],
            nice=False,
            padding=12,
        )
        for middle, side in zip(
            ((low + high) / 2).tolist(), (width, height), strict=True
        )
    )
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_circle()
        .encode(
            x=alt.X("x:Q", axis=axis, scale=x),
            y=alt.Y("y:Q", axis=axis, scale=y),
            color=alt.Color(
                "topic:N",
                scale=alt.Scale(domain=list(colors), range=list(colors.values())),
                legend=alt.Legend(
                    orient="top", title=None, symbolSize=130, labelFontSize=13
                ),
            ),
            size=alt.condition(found, alt.value(110), alt.value(38)),
            opacity=alt.condition(
                f"!find || ({found})", alt.value(0.75), alt.value(0.1)
            ),
            stroke=alt.condition(found, alt.value("black"), alt.value(None)),
            tooltip=[f"{name}:N" for name in ("sentence", "topic", "subtopic", "id")],
        )
        .transform_filter(shown)
        .add_params(shown, find)
        .properties(width=width, height=height)
        .configure_view(stroke=None)
    )
    return chart.to_dict()


#: A page of its own for a hover map. `spec` holds no "<", so it cannot end the script.
_PAGE = Template("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'">
<style>
body { font: 14px sans-serif; margin: 8px; max-width: ${width}px; }
h1 { font-size: 15px; font-weight: normal; margin: 0 0 6px; }
#vg-tooltip-element { max-width: 420px; font-size: 13px; white-space: normal; }
#vg-tooltip-element td.value { max-width: 330px; white-space: normal; }
.vega-bind input { font: inherit; padding: 2px 6px; }
</style>
<script>$library</script></head>
<body><h1>$title</h1><div id="map"></div>
<script>
vegaEmbed("#map", $spec, {actions: false, mode: "vega-lite", renderer: "canvas"});
</script></body></html>
""")


def _wrapped(text: str, width: int = 26) -> str:
    """Break a label into lines."""
    import textwrap

    return "\n".join(textwrap.wrap(text, width))
