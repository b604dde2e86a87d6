"""Notebooks as HTML that asks for nothing on the network."""

from __future__ import annotations

import copy
import re
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode

from helpers import ROOT, storage
from helpers.course.notebooks import NOTEBOOKS, write

BUILD = ROOT / "build"
#: Scripts that nbconvert takes from a CDN by default.
_SCRIPTS = ("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url")


def html_of(path: Path) -> Path:
    """Return where the HTML of a notebook goes."""
    return BUILD / "html" / f"{path.stem}.html"


def write_copies(notebook: NotebookNode, path: Path) -> None:
    """Write an executed copy to build/notebooks, and its HTML to build/html."""
    write(linked(notebook), BUILD / "notebooks" / path.name)
    to_html(notebook, html_of(path))


def linked(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose links to files of the course work from build/FOLDER."""
    found = copy.deepcopy(notebook)
    for cell in found.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../", "](../../")
    return found


def to_html(notebook: NotebookNode, path: Path) -> None:
    """Export to one HTML file; links between notebooks lead to their HTML."""
    page = linked(notebook)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\((0\d_\w+)\.ipynb\)", r"(\1.html)", cell.source)
    exporter = HTMLExporter(embed_images=True, **dict.fromkeys(_SCRIPTS, ""))
    name = {"metadata": {"name": path.stem, "path": str(NOTEBOOKS)}}
    body, _ = exporter.from_notebook_node(page, resources=name)
    storage.write_atomically(path, body.encode())
