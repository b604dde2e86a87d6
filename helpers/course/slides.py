"""Slides of the notebooks: nbconvert's, with a copy of reveal.js beside them.

No cell is marked by hand. A heading starts a slide; an exercise, what follows a bet and
what no longer fits start one below it. The course's paragraphs lead with the finding:
of a long text a slide shows the first sentences, and the notes hold it all.
"""

import base64
import copy
import math
import re
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

from nbconvert import SlidesExporter
from nbformat import NotebookNode, v4
from tqdm import tqdm

from helpers import ROOT, storage
from helpers.course import export, wheels
from helpers.course.notebooks import PNG, read

#: The package whose wheel carries reveal.js 5.2.0 (MIT): name, version, SHA-256.
_REVEAL = (
    "sphinx-revealjs",
    "3.2.1",
    "805bed3ca459346e0f01967d5ed1c40d6b7b917de1541e1e4566c8341fe7017b",
)
_REVEAL_FILES = (
    r"sphinx_revealjs/_static/revealjs/(LICENSE|plugin/notes/notes\.js|dist/reveal\.css"
    r"|dist/reveal\.js|dist/theme/white\.css"
    r"|dist/theme/fonts/source-sans-pro/[\w-]+(?:\.css|\.woff)?)"
)
#: What a slide holds, in lines of code; their characters; a page among the outputs.
_LINES, _WIDTH, _PAGE = 27, 100, 21
#: A picture's width, the height it may have, and a line of code, in pixels.
_ACROSS, _DOWN, _LINE = 1230, 570, 27.5
#: A text line in lines of code, its characters; a text of more words is shortened.
_TEXT, _TEXT_WIDTH, _WORDS = 1.5, 80, 40
_BET = r"(?i)\*\*[^*]*\bbets?\b"
_FOLDED = r"(?s)<details>.*?</details>\s*"
#: A paragraph's first sentence, and a second where that is short.
_SENTENCE = r"(?s)^(?!\d+\. )([\w`(\[].{40,}?[.?!][*_)]*)(?=\s|$).*"


class Slides(SlidesExporter):
    """nbconvert's slides without its scripts from the network, prompts left out."""

    def __init__(self, **options):
        super().__init__(
            template_file="slides.html.j2",
            extra_template_paths=[str(ROOT / "helpers" / "templates")],
            reveal_url_prefix="reveal.js",
            reveal_theme="white",
            exclude_input_prompt=True,
            exclude_output_prompt=True,
            exclude_anchor_links=True,
            **options,
        )


def write(paths: Sequence[Path]) -> Path:
    """Write the slides of notebooks to build/slides, which needs no network then.

    Raises CourseError when reveal.js is not there and cannot be fetched.
    """
    place = export.BUILD / "slides"
    export.BUILD.mkdir(exist_ok=True)
    _unpack(wheels.fetch(_REVEAL, export.BUILD, "make slides"), place / "reveal.js")
    for path in tqdm(paths, "slides", disable=None):
        page = place / f"{path.stem}.html"
        export.to_html(deck(read(path)), page, exporter=Slides)
    for path in export.PAGES:  # the slides link to them
        export.write_page(path, place)
    return place


def deck(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook's cells as slides; nbconvert reads the kinds in metadata."""
    cells, used = [], 0.0
    for cell in _pieces(notebook):
        height = _height(cell)
        kind = _kind(cell, used + height)
        cell.metadata["slideshow"] = {"slide_type": kind}
        if kind != "notes":
            used = height + (used if kind == "-" else 0)
            if re.search(_BET, cell.source):  # nobody is to see how it ends
                used = _LINES
        cells.append(cell)
    return v4.new_notebook(cells=cells)


def _kind(cell, height):
    """Tell what a cell begins; "notes" and "-" begin nothing."""
    if "notes" in cell.metadata:
        return "notes"
    if cell.cell_type == "markdown" and cell.source.startswith("#"):
        return "slide"
    apart = height > _LINES or cell.source.startswith("**Exercise ")
    return "subslide" if apart else "-"


def _pieces(notebook):
    """Cut cells into what slides show; setup and imports stay out."""
    begun = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts = re.split(r"\n+(?=## )", cell.source)
            begun = begun or parts[-1].startswith("## ")
            for part in parts:
                yield from _text(part)
        elif begun:
            yield from _code(copy.deepcopy(cell))


def _text(source):
    open_ = re.sub(_FOLDED, "", source).strip()
    parts = [part for part in open_.split("\n\n") if not part.startswith("[")]
    if len(open_.split()) > _WORDS and not open_.startswith("**"):
        parts = [re.sub(_SENTENCE, r"\1", part) for part in parts]
    shown = "\n\n".join(parts)
    if shown:
        yield v4.new_markdown_cell(shown)
    if shown != source:
        yield v4.new_markdown_cell(source, metadata={"notes": True})


def _code(cell):
    """Yield a cell, or its code and its outputs, when they don't fit together."""
    for output in cell.outputs:
        # A section in an output would be a slide of its own.
        if page := output.get("data", {}).get("text/html"):
            output.data["text/html"] = re.sub(r"(</?)section\b", r"\1div", page)
    drawn = cell.source.startswith("visualization.drawing(")
    if cell.outputs and (drawn or _height(cell) > _LINES):
        if not drawn:
            yield v4.new_code_cell(cell.source)
        cell.metadata["transient"] = {"remove_source": True}
    yield cell


def _height(cell):
    """Estimate what a cell takes on its slide, in lines of code."""
    if cell.cell_type == "markdown":
        parts = cell.source.split("\n\n")
        return 1 + sum(0.7 + _TEXT * _lines(part, _TEXT_WIDTH) for part in parts)
    code = 0 if "transient" in cell.metadata else 1 + _lines(cell.source, _WIDTH)
    return code + sum(map(_output, cell.outputs))


def _output(output):
    data = output.get("data", {})
    if PNG in data:
        width, height = struct.unpack(">II", base64.b64decode(data[PNG])[16:24])
        return 1 + min(_DOWN, _ACROSS * height / width) / _LINE
    if "text/html" in data:
        return _PAGE
    return 1 + _lines(output.get("text") or data.get("text/plain", ""), _WIDTH)


def _lines(text, width):
    return sum(max(1, math.ceil(len(line) / width)) for line in text.splitlines())


def _unpack(wheel, place):
    """Take reveal.js, its theme, its plugin for notes and the licences out."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if found := re.fullmatch(_REVEAL_FILES, name):
                storage.write_atomically(place / found[1], archive.read(name))
