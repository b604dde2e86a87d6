"""The look of all figures: colours, axes, legends."""

import itertools
from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from helpers.corpus import Document

#: The two worlds, in every notebook.
TOPIC_COLORS = {"crypto": "#D55E00", "powerlifting": "#0072B2"}
#: The three ways to search.
METHOD_COLORS = {"bm25": "#999999", "dense": "#009E73", "fused": "#CC79A7"}
#: For names that have no colour of their own, in their order.
MORE_COLORS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
#: Lines of one figure, in their order.
LINE_COLORS = ("#009E73", "#CC79A7", "#56B4E9", "#000000")
#: Up to three groups or routes that are neither worlds nor methods.
GROUP_COLORS = ("#332288", "#117733", "#E69F00")


def use_style() -> None:
    """Set the course's look for all figures that follow."""
    plt.rc(("figure", "savefig"), dpi=110)
    plt.rc("figure.constrained_layout", use=True)
    plt.rc("axes", titlelocation="left", titlesize=11, labelsize=10)
    plt.rc("axes.spines", top=False, right=False)
    plt.rc("legend", frameon=False)
    plt.rc("font", size=9)


def new_axes(width: float, height: float, title: str, ax: Axes | None, pad=22) -> Axes:
    """Return axes with a title: `ax`, or a new figure's of that size, in inches."""
    ax = ax or plt.subplots(figsize=(width, height))[1]
    ax.set_title(title, pad=pad)
    return ax


def as_text(words: str) -> str:
    """Keep matplotlib from reading what stands between two $ as a formula."""
    return words.replace("$", r"\$")


def legend_above(ax: Axes, handles: Sequence = (), ncols: int = 4, **look) -> None:
    """Put a legend of what has a label between the title and the axes."""
    if handles := handles or ax.get_legend_handles_labels()[0]:
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0}
        ax.legend(handles=handles, ncols=ncols, **place, **look)


def beside(ax: Axes, point: tuple, text: str, shift: tuple[int, int], **look) -> None:
    """Write a text some typographic points to the right of a point and above it."""
    ax.annotate(text, point, xytext=shift, textcoords="offset points", **look)


def colors_of(names: Iterable[str], known: dict[str, str]) -> dict[str, str]:
    """Give each name a colour: the known ones theirs, in their order, then others.

    >>> colors_of(["law", "crypto"], TOPIC_COLORS)
    {'crypto': '#D55E00', 'law': '#009E73'}
    """
    names = dict.fromkeys(names)
    mine = {name: color for name, color in known.items() if name in names}
    free = [color for color in MORE_COLORS if color not in mine.values()]
    others = (name for name in names if name not in mine)
    return mine | dict(zip(others, itertools.cycle(free), strict=False))


def topic_colors(documents: Sequence[Document]) -> dict[str, str]:
    """Return a colour for each topic: the course's two, then others of the palette."""
    return colors_of((document.topic for document in documents), TOPIC_COLORS)
