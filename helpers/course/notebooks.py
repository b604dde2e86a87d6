"""The notebooks as files: which there are, read, clean, write."""

import base64
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

from helpers import ROOT, CourseError, storage

NOTEBOOKS = ROOT / "notebooks"
PNG, _WIDGET = "image/png", "application/vnd.jupyter.widget-view+json"


def series(names: Sequence[str] = ()) -> list[Path]:
    """Return the notebooks of the series in order, or those that are named.

    A name may be a path, a file name or the number. Raises CourseError for a name that
    fits no notebook.
    """
    every = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    return [_fitting(name, every) for name in names] or every


def _fitting(name, every):
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path
    number = f"{int(name):02d}_" if name.isdecimal() else "/"
    for each in every:
        if path.name in (each.name, each.stem) or each.name.startswith(number):
            return each
    known = ", ".join(each.stem for each in every)
    raise CourseError(f"{name}: no such notebook; there are: {known}")


def read(path: Path) -> NotebookNode:
    """Read a notebook. Raises CourseError when the file is not one."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise CourseError(f"{path}: cannot be read as a notebook ({error})") from error


def text_of_file(notebook: NotebookNode) -> str:
    """Return a notebook as its file holds it."""
    return nbformat.writes(notebook) + "\n"


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all."""
    storage.write_atomically(path, text_of_file(notebook).encode())


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells with code, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(notebook: NotebookNode) -> str:
    """Return all text cells, a blank line between them."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return "\n\n".join(cells)


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return cell.metadata.get("tags", [])


def alt_text(output: NotebookNode) -> str:
    """Return what a picture shows in words; "" where nobody has said it."""
    return output.metadata.get(PNG, {}).get("alt", "")


def clean(notebook: NotebookNode) -> None:
    """Leave in place what a reader needs: text, code, outputs, counts and tags."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {"tags": tags(cell)} if tags(cell) else {}
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if not _is_bar(each)]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:  # a widget is dead without its kernel
                data.pop(_WIDGET, None)
    CoalesceStreamsPreprocessor().preprocess(notebook, {})


def _is_bar(output):
    """Tell whether an output is a progress bar: tqdm's widget, or the trainer's."""
    data = output.get("data", {})
    widget = _WIDGET in data and "%|" in data.get("text/plain", "")
    return widget or "<progress " in data.get("text/html", "")


def figures(notebook: NotebookNode) -> dict[str, bytes]:
    """Return the pictures of cells tagged `figure-NAME`: NAME.png -> its bytes.

    The README shows them, so that it cannot show another picture than the notebook.
    """
    return {
        f"{tag.removeprefix('figure-')}.png": base64.b64decode(output.data[PNG])
        for cell in code_cells(notebook)
        for tag in tags(cell)
        for output in cell.outputs
        if tag.startswith("figure-") and PNG in output.get("data", {})
    }
