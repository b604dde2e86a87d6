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
PAGES = {
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
    place = BUILD / "notebooks" / path.name
    write(_relinked(notebook, place, NOTEBOOKS, PAGES), place)
    to_html(notebook, BUILD / "html" / f"{path.stem}.html")


def write_pages() -> None:
    """Write README, glossary and data card to build/html, beside the notebooks."""
    for path in PAGES:
        write_page(path, BUILD / "html")


def write_page(path: Path, place: Path, pages: dict[Path, str] = PAGES) -> None:
    """Write one of the course's pages, a Markdown file, to the folder `place`."""
    page = page_of(path.read_text(encoding="utf-8"))
    to_html(page, place / f"{pages[path]}.html", folder=path.parent, pages=pages)


def page_of(text: str) -> NotebookNode:
    """Return Markdown as a notebook of one cell."""
    return v4.new_notebook(cells=[v4.new_markdown_cell(text)])


def to_html(
    notebook: NotebookNode,
    path: Path,
    *,
    folder: Path = NOTEBOOKS,
    pages: dict[Path, str] = PAGES,
    exporter: type[HTMLExporter] = HTMLExporter,
) -> None:
    """Export to one HTML file that loads nothing from the network.

    Its links, seen from `folder`, lead to the HTML of other notebooks and of `pages`.
    """
    page = _relinked(notebook, path, folder, pages)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = _typeset(cell.source)
    # embed_images would close every tag of a cell: folded answers would stand open.
    offline = exporter(**dict.fromkeys(_SCRIPTS, ""))
    name = {"metadata": {"name": path.stem, "path": str(NOTEBOOKS)}}
    body, _ = offline.from_notebook_node(page, resources=name)
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


def _relinked(notebook, path, folder, pages):
    """Copy a notebook so that its links, seen from `folder`, work in file `path`."""
    page = copy.deepcopy(notebook)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(
                r"\]\((?!#|\w+:)([^)#]+)",
                lambda to: _link((folder / to[1]).resolve(), path, pages),
                cell.source,
            )
    return page


def _link(target, path, pages):
    if target.suffix == ".ipynb":
        return f"]({target.stem}{path.suffix}"
    if path.suffix == ".html" and target in pages:
        return f"]({pages[target]}.html"
    return f"]({os.path.relpath(target, path.parent)}"
