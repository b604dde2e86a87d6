"""Notebooks as HTML that asks for nothing on the network."""

import copy
import os
import re
from html import escape
from pathlib import Path

from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbformat import NotebookNode, v4

from helpers import ROOT, storage
from helpers.course.notebooks import NOTEBOOKS, PNG, alt_text, code_cells, write

BUILD = ROOT / "build"
#: The course's pages that notebooks link to, and what their HTML is called.
_PAGES = {
    ROOT / "README.md": "README",
    ROOT / "data" / "README.md": "data_card",
    NOTEBOOKS / "GLOSSARY.md": "GLOSSARY",
}
#: Narrow windows scroll code, folded code has room, formulas find a font.
_STYLE = """<style>
.jp-InputArea-editor pre, .jp-RenderedHTMLCommon .highlight pre {overflow-x: auto}
.jp-MarkdownOutput .highlight {margin: 0 0 1em 2em}
math {font-family: "Cambria Math", "STIX Two Math", "Latin Modern Math",
  "DejaVu Math TeX Gyre", math}
</style></head>"""
#: Scripts that nbconvert takes from a CDN by default.
_SCRIPTS = ("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url")


def write_copies(notebook: NotebookNode, path: Path) -> None:
    """Write an executed copy to build/notebooks, and its HTML to build/html."""
    write(_relinked(notebook, NOTEBOOKS, ".ipynb"), BUILD / "notebooks" / path.name)
    to_html(notebook, BUILD / "html" / f"{path.stem}.html")


def write_pages() -> None:
    """Write README, glossary and data card to build/html, beside the notebooks."""
    for path, name in _PAGES.items():
        cell = v4.new_markdown_cell(path.read_text(encoding="utf-8"))
        page = v4.new_notebook(cells=[cell])
        to_html(page, BUILD / "html" / f"{name}.html", folder=path.parent)


def to_html(notebook: NotebookNode, path: Path, *, folder: Path = NOTEBOOKS) -> None:
    """Export to one HTML file; its links, seen from `folder`, lead to other HTML."""
    page = _relinked(notebook, folder, ".html")
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = _typeset(cell.source)
    # embed_images would close every tag of a cell: folded answers would stand open.
    exporter = HTMLExporter(**dict.fromkeys(_SCRIPTS, ""))
    name = {"metadata": {"name": path.stem, "path": str(NOTEBOOKS)}}
    body, _ = exporter.from_notebook_node(page, resources=name)
    # Anchors as GitHub writes them: in small letters.
    small = re.sub(r'(<h\d id="|href="[^":]*#)([^"]+)', _lower, _described(body, page))
    storage.write_atomically(path, small.replace("</head>", _STYLE, 1).encode())


def _lower(found):
    return found[1] + found[2].lower()


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


def _relinked(notebook, folder, ending):
    """Copy a notebook so that its links, seen from `folder`, work in build/FOLDER."""
    page = copy.deepcopy(notebook)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(
                r"\]\((?!#|\w+:)([^)#]+)",
                lambda to: _link(to[1], folder, ending),
                cell.source,
            )
    return page


def _link(target, folder, ending):
    place = (folder / target).resolve()
    if place.suffix == ".ipynb":
        return f"]({place.stem}{ending}"
    if ending == ".html" and place in _PAGES:
        return f"]({_PAGES[place]}.html"
    return f"]({os.path.relpath(place, BUILD / 'html')}"
