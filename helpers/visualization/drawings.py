"""Pictures as a notebook shows them, each with words for those who can't see it."""

import re
from io import BytesIO

import matplotlib.pyplot as plt
import vl_convert
from IPython.display import Image, display

from helpers import ROOT, CourseError


def drawing(name: str, *, width: int = 760) -> Image:
    """Return notebooks/figures/NAME.svg as a picture, `width` CSS pixels wide.

    PNG, since GitHub and exported HTML do not all show SVG; its `<title>` is the text
    for those who can't see it. Raises CourseError when there is no such drawing.
    """
    file = ROOT / "notebooks" / "figures" / f"{name}.svg"
    if not file.is_file():
        there = ", ".join(sorted(svg.stem for svg in file.parent.glob("*.svg")))
        raise CourseError(f"{file}: no such drawing; there are: {there}")
    svg = file.read_text(encoding="utf-8")
    [alt] = re.findall("<title>(.*?)</title>", svg, re.S)
    png, packed = BytesIO(vl_convert.svg_to_png(svg, scale=2)), BytesIO()
    plt.imsave(packed, plt.imread(png))  # a quarter of the bytes
    alt = " ".join(alt.split())
    about = {"alt": alt}  # `alt=` would need an IPython newer than Colab's
    return Image(packed.getvalue(), format="png", width=width, metadata=about)


def show(alt: str) -> None:
    """Show the current figure; `alt` tells what is to be seen in it, in a sentence."""
    display(plt.gcf(), metadata={"image/png": {"alt": alt}})
    plt.close()
