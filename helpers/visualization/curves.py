"""What routes cost, how a training went, and what it changed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from helpers.metrics import Interval
from helpers.visualization import style

_TIMES = {"1 ms": 1e-3, "10 ms": 0.01, "0.1 s": 0.1, "1 second": 1, "10 s": 10}
_TIMES |= {"1 minute": 60, "10 min": 600, "1 hour": 3600, "6 h": 21_600}
_TIMES |= {"1 day": 86_400, "1 week": 604_800, "1 month": 2_629_800}

_BEFORE_AFTER = ("#E69F00", "#009E73")
#: The loss stands back behind what a training is for.
_LOSS, _LOSS_TEXT = "#999999", "#666666"

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]
Ends = Mapping[str, tuple[float, float, str]]


def plot_cost(
    measured: Curves,
    expected: Curves,
    here: Ends,
    elsewhere: Ends,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what routes cost: seconds against the number of sentences, on log axes.

    measured: route -> (n, seconds), drawn as dots on a line; expected: the same for
    those that are estimated, drawn as a dashed line.
    here and elsewhere: route -> (n, seconds, label), the ends to compare, drawn as a
    full and as an empty diamond.
    """
    ax = style.new_axes(8.2, 4.4, title, ax)
    colors = dict(zip(measured, style.GROUP_COLORS, strict=False))
    for route, color in colors.items():
        if route in expected:
            look = {"ls": "--", "lw": 1, "color": color}
            ax.plot(*expected[route], label=f"{route}, estimated", **look)
        ax.plot(*measured[route], "o-", ms=5, lw=1, color=color, label=route)
    for route, end in here.items():
        _draw_end(ax, end, colors[route], colors[route], (-9, 5), "right")
    for route, end in elsewhere.items():
        _draw_end(ax, end, colors[route], "white", (9, -5), "left")
    ax.margins(x=0.2)  # room for the labels on the right
    ax.set(xscale="log", yscale="log", xlabel="number of sentences", ylabel="time")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    _mark_times(ax)
    style.legend_above(ax)
    return ax


def _draw_end(ax, end, color, face, shift, side):
    *point, label = end
    ax.plot(*point, "D", ms=7, mew=1.6, color=color, mfc=face)
    style.beside(ax, point, label, shift, color=color, ha=side, va="center")


def _mark_times(ax):
    low, high = ax.get_ylim()
    shown = {name: time for name, time in _TIMES.items() if low <= time <= high}
    ax.set_yticks(list(shown.values()), list(shown))
    ax.minorticks_off()
    ax.grid(axis="y", lw=0.4, alpha=0.6)


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
    ax = style.new_axes(6.4, 3.6, title, ax)
    epochs = np.arange(len(losses) + 1)
    loss = _draw_loss(ax.twinx(), epochs[1:], losses)
    ax.set_prop_cycle(color=style.LINE_COLORS)
    for name, values in figures.items():
        [line] = ax.plot(epochs, values, "o-", ms=5, label=name)
        look = {"color": line.get_color(), "va": "center"}
        style.beside(ax, (epochs[-1], values[-1]), f"{values[-1]:.2f}", (6, 0), **look)
    if best is not None:
        look = {"lw": 6, "color": "#000000", "alpha": 0.08, "zorder": 0}
        ax.axvline(best, label="epoch kept", **look)
    ax.set(xlabel="epoch", ylabel="Spearman correlation", xticks=epochs)
    ax.margins(x=0.18)
    style.legend_above(ax, [*ax.get_legend_handles_labels()[0], loss])
    return ax


def _draw_loss(right, epochs, losses):
    [line] = right.plot(epochs, losses, "o--", ms=4, lw=1, color=_LOSS, label="loss")
    right.set_ylabel("loss", color=_LOSS_TEXT)
    right.tick_params(axis="y", colors=_LOSS_TEXT)
    right.spines["right"].set(visible=True, color=_LOSS)
    right.set_ylim(0, 1.1 * max(losses))
    return line


def plot_change(
    changes: Mapping[str, tuple[float, float, Interval]],
    *,
    xlabel: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw figures before and after, a row each, the first on top.

    changes: name -> (before, after, change). The change, an Interval, is a grey bar: it
    begins and ends as far from `before` as the bounds are from 0. Where it covers
    `before`, the change may be luck; then the text beside the row is grey too.
    """
    ax = style.new_axes(6.4, 1.3 + 0.42 * len(changes), title, ax)
    legend = ("before", "after", "95% interval of the change")
    for row, (*figures, change) in enumerate(changes.values()):
        _draw_change(ax, row, figures, change, ("",) * 3 if row else legend)
    corner, heading = (1.03, 1), "change [95% interval]"
    style.beside(ax, corner, heading, (0, 6), xycoords="axes fraction")
    ax.set_yticks(range(len(changes)), list(changes))
    ax.set_ylim(len(changes) - 0.4, -0.6)
    ax.grid(axis="x", lw=0.4, alpha=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel)
    style.legend_above(ax, ncols=3)
    return ax


def _draw_change(ax, row, figures, change, labels):
    reach = [figures[0] + end for end in (change.low, change.high)]
    bar = {"lw": 6, "color": "#CCCCCC", "solid_capstyle": "butt", "zorder": 1}
    marks = zip(figures, "so", _BEFORE_AFTER, labels[:2], strict=True)
    for figure, mark, color, label in marks:
        ax.plot(figure, row, mark, ms=7, color=color, label=label, zorder=2)
    ax.plot(reach, [row, row], label=labels[2], **bar)
    grey = "#777777" if change.low <= 0 <= change.high else "#111111"
    place = {"xycoords": ax.get_yaxis_transform(), "va": "center"}
    ax.annotate(f"{change}", (1.03, row), color=grey, **place)
