"""Drawings that explain an idea: SVG sources, shown as PNG wherever a notebook is."""

import vl_convert
from IPython.display import Image

from helpers import ROOT, CourseError


def drawing(name: str, *, width: int = 760) -> Image:
    """Return notebooks/figures/NAME.svg as a picture, `width` CSS pixels wide.

    PNG, since GitHub and exported HTML do not all show SVG. Raises CourseError when
    there is no such drawing.
    """
    file = ROOT / "notebooks" / "figures" / f"{name}.svg"
    if not file.is_file():
        there = ", ".join(sorted(svg.stem for svg in file.parent.glob("*.svg")))
        raise CourseError(f"{file}: no such drawing; there are: {there}")
    svg = file.read_text(encoding="utf-8")
    return Image(vl_convert.svg_to_png(svg, scale=2), format="png", width=width)
