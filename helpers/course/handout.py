"""The notebooks as pages for a room: with and without solutions, nothing to install."""

import copy
import re
import shutil
from pathlib import Path

from nbformat import NotebookNode
from tqdm import tqdm

from helpers import ROOT
from helpers.course import export
from helpers.course.notebooks import read, series

#: Its two folders; the first is for those who haven't tried yet.
SETS = WITHOUT, WITH = "without-solutions", "with-solutions"
_PAGES = export.PAGES | {ROOT / "README.md": "../index"}
#: What is folded and tells nothing: it stays.
_FOLDED = r"<details><summary>(?!Hint|Optional).*?</details>\s*"
_INDEX = """\
# Bitcoin & Barbells

The notebooks as they ran, to read in any browser. They need no network. Every term has
its line in the [glossary]({without}/GLOSSARY.html).

| notebook | minutes | | |
|---|---|---|---|
{rows}
"""


def write() -> Path:
    """Write build/handout, and the same as a zip; return the folder."""
    place = export.BUILD / "handout"
    shutil.rmtree(place, ignore_errors=True)
    rows = [_write(path, place) for path in tqdm(series(), "handout", disable=None)]
    for path in export.PAGES.keys() - {ROOT / "README.md"}:
        for folder in SETS:
            export.write_page(path, place / folder, _PAGES)
    index = export.page_of(_INDEX.format(without=WITHOUT, rows="\n".join(rows)))
    export.to_html(index, place / "index.html", folder=place)
    shutil.make_archive(str(place), "zip", place.parent, place.name)
    return place


def _write(path, place):
    """Write both pages of a notebook; return its row of the index."""
    notebook = read(path)
    for folder, page in ((WITH, notebook), (WITHOUT, without_solutions(notebook))):
        export.to_html(page, place / folder / f"{path.stem}.html", pages=_PAGES)
    title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    [minutes] = re.findall(r"\| (\d+) minutes \|", notebook.cells[1].source)
    links = (f"[{name.replace('-', ' ')}]({name}/{path.stem}.html)" for name in SETS)
    return f"| {title} | {minutes} | {' | '.join(links)} |"


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Copy a notebook without its folded solutions and answers; hints stay."""
    page = copy.deepcopy(notebook)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(_FOLDED, "", cell.source, flags=re.S).rstrip()
    page.cells = [cell for cell in page.cells if cell.source]
    return page
