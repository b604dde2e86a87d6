"""A map to touch: one HTML page with its data, no library: templates/hover_map.html."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers import pages, storage
from helpers.corpus import Document
from helpers.visualization.maps import checked_points
from helpers.visualization.style import topic_colors

#: Pixels: width and height of a map, and what is left free around its dots.
_SIZE, _MARGIN = (860, 480), 12


@dataclass(frozen=True)
class HoverMap:
    """An interactive map as one HTML page that asks for nothing on the network."""

    html: str
    documents: int

    def __repr__(self) -> str:
        return f"HoverMap of {self.documents} documents, {len(self.html):,} characters"

    def _repr_html_(self) -> str:
        """Show it in a notebook, in a frame that cannot reach the notebook."""
        page = html.escape(self.html, quote=True)
        return (
            f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="map" '
            f'style="width: 100%; height: {_SIZE[1] + 90}px; border: 0"></iframe>'
        )

    def save(self, path: str | Path) -> Path:
        """Write the page to a file, whole or not at all; return its path."""
        return storage.write_atomically(path, self.html.encode())


def hover_map(
    points: np.ndarray, documents: Sequence[Document], *, title: str = ""
) -> HoverMap:
    """Make a map to touch of n documents and their points, (n, 2).

    Hover over a dot to read its sentence, click a topic in the legend to hide it or
    bring it back, type a word to light up the sentences that contain it. The page is
    complete: it needs no network and no library. Whatever a sentence holds is shown as
    text. Raises CourseError when points and documents differ in number.
    """
    points = checked_points(points, documents)
    places = _pixels(points, _SIZE).round(1).tolist()
    dots = [
        (*place, each.content, each.topic, each.subtopic, each.id)
        for place, each in zip(places, documents, strict=True)
    ]
    colors = list(topic_colors(documents).items())
    rows = json.dumps({"colors": colors, "dots": dots}, ensure_ascii=False)
    page = pages.render(
        "hover_map.html",
        title=title,
        width=_SIZE[0],
        height=_SIZE[1],
        # Inside a script only "<" can do harm; \u003c is the same letter in JSON.
        rows=rows.replace("<", "\\u003c"),
    )
    return HoverMap(page, len(documents))


def _pixels(points, size):
    """(n, 2) -> (n, 2) from the top left corner; a step is as long across as up."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.array(size, dtype=float)
    step = max((high - low) / (size - 2 * _MARGIN)) or 1.0  # units a pixel
    return size / 2 + (points - (low + high) / 2) / step * [1, -1]
