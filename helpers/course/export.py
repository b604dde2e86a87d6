"""Notebooks as HTML that asks for nothing on the network."""

import copy
import re
from html import escape
from pathlib import Path

from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from helpers import ROOT, storage
from helpers.course.notebooks import NOTEBOOKS, PNG, alt_text, code_cells, write

BUILD = ROOT / "build"
#: Scripts that nbconvert takes from a CDN by default.
_SCRIPTS = ("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url")


def write_copies(notebook: NotebookNode, path: Path) -> None:
    """Write an executed copy to build/notebooks, and its HTML to build/html."""
    write(_relinked(notebook), BUILD / "notebooks" / path.name)
    to_html(notebook, BUILD / "html" / f"{path.stem}.html")


def to_html(notebook: NotebookNode, path: Path) -> None:
    """Export to one HTML file; links between notebooks lead to their HTML."""
    page = _relinked(notebook, ending="html")
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = _typeset(cell.source)
    # embed_images would close every tag of a cell: folded answers would stand open.
    exporter = HTMLExporter(**dict.fromkeys(_SCRIPTS, ""))
    name = {"metadata": {"name": path.stem, "path": str(NOTEBOOKS)}}
    body, _ = exporter.from_notebook_node(page, resources=name)
    storage.write_atomically(path, _described(body, page).encode())


def _described(body, page):
    """Give each picture its alt text, which nbconvert's lab template leaves out."""
    outputs = [each for cell in code_cells(page) for each in cell.outputs]
    alts = [alt_text(each) for each in outputs if PNG in each.get("data", {})]
    blank = 'alt="No description has been provided for this image"'
    before, *parts = body.split(blank)
    described = (
        f'alt="{escape(alt)}"{part}' for alt, part in zip(alts, parts, strict=True)
    )
    return before + "".join(described)


def _typeset(text):
    """Turn formulas into MathML, which a browser draws without MathJax."""
    text = re.sub(r"\$\$(.+?)\$\$", lambda tex: convert(tex[1], display="block"), text)
    inline = r"(?<![\w\\$`])\$([^$`\n]+)\$(?!\d)"
    return re.sub(inline, lambda tex: convert(tex[1]), text)


def _relinked(notebook, ending="ipynb"):
    """Copy a notebook so that its links work in build/FOLDER."""
    page = copy.deepcopy(notebook)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            text = cell.source.replace("](../", "](../../")
            text = text.replace("](GLOSSARY", "](../../notebooks/GLOSSARY")
            cell.source = re.sub(r"\((0\d_\w+)\.ipynb\)", rf"(\1.{ending})", text)
    return page
