"""A map to touch: one HTML page around a Vega-Lite chart, templates/hover_map.json."""

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import vl_convert

from helpers import pages, storage
from helpers.corpus import Document
from helpers.visualization.maps import checked_points
from helpers.visualization.style import topic_colors

_CHART = Path(pages.__file__).parent / "templates" / "hover_map.json"


@dataclass(frozen=True)
class HoverMap:
    """An interactive map as one HTML page that asks for nothing on the network."""

    html: str
    documents: int
    height: int

    def __repr__(self) -> str:
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
    height: int = 570,
) -> HoverMap:
    """Make a map to touch: (n, 2) and n documents; `width` and `height` in pixels.

    Hover over a dot to read its sentence, click a topic in the legend to hide it or
    bring it back, type a word to light up the sentences that hold it. The page carries
    its own Vega, so it needs no network. Whatever a sentence holds is shown as text.
    Raises CourseError when points and documents differ in number.
    """
    points = checked_points(points, documents)
    chart = _chart(points, documents, (width, height))
    version = re.findall(r"v(\d+\.\d+)", chart["$schema"])[0]
    page = pages.render(
        "hover_map.html",
        title=title,
        width=width,
        library=vl_convert.javascript_bundle(vl_version=version),
        # Inside a script only "<" can do harm; \u003c is the same letter in JSON.
        spec=json.dumps(chart).replace("<", "\\u003c"),
    )
    return HoverMap(page, len(documents), height)


def _chart(points, documents, size):
    """Fill in the Vega-Lite specification."""
    chart, colors = json.loads(_CHART.read_text("utf-8")), topic_colors(documents)
    chart["width"], chart["height"] = size
    places = zip(points.astype(float).tolist(), documents, strict=True)
    chart["data"]["values"] = [
        {"x": round(x, 3), "y": round(y, 3), "sentence": d.content}
        | {"topic": d.topic, "subtopic": d.subtopic, "id": d.id}
        for (x, y), d in places
    ]
    chart["params"][0]["value"] = [{"topic": topic} for topic in colors]
    scale = {"domain": list(colors), "range": list(colors.values())}
    chart["encoding"]["color"]["scale"] = scale
    for axis, domain in zip("xy", _domains(points, size), strict=True):
        chart["encoding"][axis]["scale"]["domain"] = domain
    return chart


def _domains(points, size):
    """Low and high end of each axis; a step is as long across as up."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = float(max((high - low) / size)) / 2 or 0.5
    middles = ((low + high) / 2).tolist()
    return [[m - half * s, m + half * s] for m, s in zip(middles, size, strict=True)]
