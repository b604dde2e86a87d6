"""The drawings of the notebooks: sources that parse, words that fit, one palette."""

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pytest
from PIL import Image, ImageFont

from helpers import ROOT, visualization
from helpers.visualization.style import TOPIC_COLORS

DRAWINGS = sorted((ROOT / "notebooks" / "figures").glob("*.svg"))
#: The two worlds, a query, and greys: text, lines, greyed-out text, borders, fills.
PALETTE = {*TOPIC_COLORS.values(), "#009E73", "#222", "#555", "#767676", "#999"}
PALETTE |= {"#CCC", "#EEE", "#fff"}
#: The fonts that matplotlib brings along, so that every machine measures the same.
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
#: CSS pixels: how wide `visualization.drawing` shows a drawing.
SHOWN = 760

every_drawing = pytest.mark.parametrize("file", DRAWINGS, ids=lambda file: file.stem)


@dataclass
class Word:
    """A piece of text and the box that it fills, in the drawing's own units."""

    text: str
    size: float
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Word") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def tree(file):
    """Return the root of a drawing; a namespace in every name would only be noise."""
    root = ET.parse(file).getroot()
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def font(look):
    """Return the font that a text with these inherited attributes is set in."""
    name = "DejaVuSansMono" if "Mono" in look["font-family"] else "DejaVuSans"
    style = "-Bold" if look.get("font-weight") == "bold" else ""
    style = "-Oblique" if look.get("font-style") == "italic" else style
    return ImageFont.truetype(FONTS / f"{name}{style}.ttf", 100)


def words(element, look=None):
    """Yield the Words of an element and all below it, each with what it inherits."""
    look = {**(look or {}), **element.attrib}
    for child in element:
        yield from words(child, look)
    if element.tag != "text":
        return
    places = [float(x) for x in look["x"].split()]
    size, y = float(look["font-size"]), float(look["y"])
    letters = element.text if len(places) > 1 else [element.text]
    for x, letter in zip(places, letters, strict=True):
        left, top, right, bottom = (
            side * size / 100 for side in font(look).getbbox(letter, anchor="ls")
        )
        x -= {"middle": 0.5, "end": 1}.get(look.get("text-anchor"), 0) * right
        yield Word(letter, size, x + left, y + top, x + right, y + bottom)


def test_there_are_drawings():
    assert len(DRAWINGS) >= 7


@every_drawing
def test_the_title_is_a_sentence(file):
    title = tree(file).findtext("title")
    assert 30 <= len(title) <= 200
    assert re.fullmatch(r"[A-Z][^\n]* [^\n]*\.", title)


@every_drawing
def test_only_the_palettes_colors_are_used(file):
    used = re.findall(r'(?:fill|stroke)="(?!none|url)([^"]+)"', file.read_text("utf-8"))
    assert set(used) <= PALETTE


@every_drawing
def test_a_drawing_brings_its_own_page(file):
    """A dark page must not show through: the first shape is white, and covers all."""
    root = tree(file)
    page = root.find("rect")
    assert page.get("fill") == "#fff"
    for side in ("width", "height"):
        assert float(page.get(side)) >= float(root.get(side)) - 1
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"


@every_drawing
def test_words_are_large_enough_inside_and_apart(file):
    root = tree(file)
    width, height = float(root.get("width")), float(root.get("height"))
    found = list(words(root))
    for word in found:
        assert word.size * SHOWN / width >= 11, word
        assert 8 <= word.left < word.right <= width - 8, word
        assert 8 <= word.top < word.bottom <= height - 8, word
    crossing = [
        (a.text, b.text)
        for i, a in enumerate(found)
        for b in found[:i]
        if a.overlaps(b)
    ]
    assert crossing == []


@every_drawing
def test_words_in_a_box_do_not_leave_it(file):
    root = tree(file)
    boxes = [
        [float(rect.get(name, 0)) for name in ("x", "y", "width", "height")]
        for rect in root.iter("rect")
        if "id" not in rect.attrib
    ]
    for word in words(root):
        middle = (word.top + word.bottom) / 2
        for x, y, width, height in boxes:
            if y < middle < y + height and word.left < x + width and word.right > x:
                assert x + 2 <= word.left < word.right <= x + width - 2, word


@every_drawing
def test_it_is_shown_as_a_png_with_words(file):
    picture = visualization.drawing(file.stem)
    with Image.open(io.BytesIO(picture.data)) as png:
        assert png.format == "PNG"
        assert png.width >= 2 * SHOWN  # sharp on a screen of double density
    assert picture.alt == tree(file).findtext("title")


@every_drawing
def test_a_notebook_shows_it(file):
    call = re.compile(rf"""drawing\(\\?["']{file.stem}\\?["']""")
    notebooks = (ROOT / "notebooks").glob("*.ipynb")
    assert any(call.search(notebook.read_text("utf-8")) for notebook in notebooks)


def test_what_the_tests_would_catch(tmp_path):
    """Words that are too long for the page, or lie over each other, are found."""
    file = tmp_path / "bad.svg"
    text = '<text x="{}" y="20">{}</text>'
    file.write_text(
        '<svg width="200" height="60" font-family="DejaVu Sans" font-size="14">'
        + text.format(20, "far too long for a page as narrow as this")
        + text.format(40, "over it")
        + "</svg>"
    )
    long, over = words(tree(file))
    assert long.right > 200
    assert long.overlaps(over)
    assert over.left == pytest.approx(40, abs=2)
