"""Run the series of notebooks with a progress bar, and hold its house rules."""

from __future__ import annotations

import base64
import copy
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import ROOT, CourseError, storage

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"
#: Why a cell's output may depend on the machine: one of these goes with the tag.
REASONS = {"setup", "timing", "training", "download"}
#: Longest code cell and widest line; Colab scrolls sideways beyond that.
MAX_LINES, MAX_COLUMNS = 20, 88
#: The link to Colab, as Markdown. Not the usual badge: that is a picture on the
#: network, and a notebook opened in JupyterLab is to ask for nothing.
COLAB_LINK = r"\[Open in Colab\]\(.*?\)"
#: Seconds after which a single cell is given up.
CELL_TIMEOUT = 900


@dataclass(frozen=True)
class Result:
    """How one notebook ran: code cells, wall-clock seconds, passed or the error."""

    notebook: str
    cells: int
    seconds: float
    passed: bool
    error: str = ""


def series(names: Sequence[str] = ()) -> list[Path]:
    """Return the notebooks of the series in order, or those that are named.

    A name may be a path, a file name or the number. Raises CourseError for a name that
    fits no notebook.
    """
    every = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    if not names:
        return every
    chosen = []
    for name in names:
        path = Path(name)
        number = f"{int(name):02d}_" if name.isdecimal() else None
        fits = [path] if path.suffix == ".ipynb" and path.is_file() else []
        fits = fits or [
            p
            for p in every
            if path.name in (p.name, p.stem) or (number and p.name.startswith(number))
        ]
        if not fits:
            raise CourseError(
                f"{name}: no such notebook; there are: "
                f"{', '.join(p.stem for p in every)}"
            )
        chosen.append(fits[0])
    return chosen


def run(
    path: Path,
    *,
    on_cell: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[NotebookNode, Result]:
    """Execute one notebook in a kernel of its own; return the executed copy.

    `on_cell(done, total)` is called before each code cell. A failing cell ends the run
    and is described in the result; it is not raised.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import (
        CellExecutionError,
        CellTimeoutError,
        DeadKernelError,
    )

    notebook = read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    done = iter(range(len(code) + 1))
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        # Say only errors: ipykernel warns of loopback TCP at every start.
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(path.resolve().parent)}},
        on_cell_execute=lambda cell, cell_index: (
            on_cell(next(done), len(code)) if cell.cell_type == "code" else None
        ),
    )
    start, error = time.perf_counter(), ""
    try:
        client.execute(env=_environment())
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as failure:
        lines = [line for line in str(failure).splitlines() if line.strip()]
        error = re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]) if lines else repr(failure)
    seconds = time.perf_counter() - start
    clean(notebook)
    return notebook, Result(path.stem, len(code), seconds, not error, error)


def _environment() -> dict[str, str]:
    """Return the kernel's environment: helpers are found, and no bar is saved."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    found = os.pathsep.join(path for path in paths if path)
    # A person who runs the cells does see the bars.
    return {**os.environ, "PYTHONPATH": found, "TQDM_DISABLE": "1"}


def run_series(paths: Sequence[Path], *, in_place: bool = False) -> list[Result]:
    """Execute notebooks one after another, with a progress bar on standard error.

    Writes executed copies to build/notebooks and HTML to build/html, or, with
    `in_place`, renews the saved outputs of every notebook that passed and keeps the
    house rules. Raises CourseError when one breaks a house rule; it is then unchanged.
    """
    from tqdm import tqdm

    results = []
    for path in paths:
        bar_format = "{desc}: cell {n_fmt} of {total_fmt} |{bar:20}| {elapsed}"
        person = sys.stderr.isatty()
        with tqdm(desc=path.stem, bar_format=bar_format, disable=not person) as bar:

            def show(done: int, total: int, bar=bar) -> None:
                bar.total, bar.n = total, done
                bar.refresh()

            notebook, result = run(path, on_cell=show)
            if result.passed:  # else the bar stays at the cell that failed
                show(result.cells, result.cells)
        if not person:
            word = "passed" if result.passed else "FAILED"
            print(f"{path.stem}: {word}, {result.seconds:.0f} s", file=sys.stderr)
        results.append(result)
        if not in_place:
            write(linked(notebook), BUILD / "notebooks" / path.name)
            to_html(notebook, BUILD / "html" / f"{path.stem}.html")
        elif result.passed:
            if broken := house_rules(notebook):
                raise CourseError(f"{path.name}: not saved. " + "; ".join(broken))
            write(notebook, path)
            for name, picture in figures(notebook).items():
                storage.write_atomically(path.parent / "figures" / name, picture)
    return results


def figures(notebook: NotebookNode) -> dict[str, bytes]:
    """Return the pictures of cells tagged `figure-NAME`: NAME.png -> its bytes.

    The README shows them, so that it cannot show another picture than the notebook.
    """
    found = {}
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("figure-"):
                data = next(o.data for o in cell.outputs if "image/png" in o.data)
                name = f"{tag.removeprefix('figure-')}.png"
                found[name] = base64.b64decode(data["image/png"])
    return found


def read(path: Path) -> NotebookNode:
    """Read a notebook. Raises CourseError when the file is not one."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise CourseError(f"{path}: cannot be read as a notebook ({error})") from error


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all."""
    import nbformat

    storage.write_atomically(path, (nbformat.writes(notebook) + "\n").encode())


def linked(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose links to files of the course work from build/FOLDER."""
    found = copy.deepcopy(notebook)
    for cell in found.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../", "](../../")
    return found


def to_html(notebook: NotebookNode, path: Path) -> None:
    """Export to one HTML file that asks for nothing on the network.

    Links between notebooks lead to their HTML; scripts that nbconvert takes from a CDN
    by default are left out.
    """
    from nbconvert import HTMLExporter

    page = linked(notebook)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\((0\d_\w+)\.ipynb\)", r"(\1.html)", cell.source)
    exporter = HTMLExporter(
        mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url=""
    )
    exporter.embed_images = True
    name = {"metadata": {"name": path.stem, "path": str(NOTEBOOKS)}}
    body, _ = exporter.from_notebook_node(page, resources=name)
    storage.write_atomically(path, body.encode())


def clean(notebook: NotebookNode) -> None:
    """Leave in place what a reader needs: text, code, outputs, counts and tags."""
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = {"tags": tags} if tags else {}
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:  # a widget is dead without its kernel
                data.pop("application/vnd.jupyter.widget-view+json", None)
    CoalesceStreamsPreprocessor().preprocess(notebook, {})


def repository() -> str:
    """Return the course's address, from the one place where it stands: pyproject."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^Repository = "(.+)"$', text, re.M)[1]


def setup_cell() -> str:
    """Return the source of the setup cell, the same in every notebook."""
    return f"""# Setup: acts on Colab only; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    address = "{repository()}"
    ![ -d /content/course ] || git clone -q --depth 1 {{address}} /content/course
    sys.path.insert(0, "/content/course")
    from helpers import setup

    setup.colab()"""


def colab_link(name: str) -> str:
    """Return the link that opens a notebook in Colab, as Markdown."""
    path = repository().removeprefix("https://github.com/")
    base = "https://colab.research.google.com"
    return f"[Open in Colab]({base}/github/{path}/blob/main/notebooks/{name}.ipynb)"


def carry_address(path: Path) -> bool:
    """Write the course's address into a notebook's Colab link and setup cell.

    Returns whether anything changed.
    """
    notebook = read(path)
    before = [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        if cell.source.startswith("# Setup: acts on Colab only"):
            cell.source = setup_cell()
    first = notebook.cells[0]
    first.source = re.sub(COLAB_LINK, colab_link(path.stem), first.source)
    changed = before != [cell.source for cell in notebook.cells]
    if changed:
        write(notebook, path)
    return changed


def house_rules(notebook: NotebookNode) -> list[str]:
    """Return every house rule that a notebook breaks, one sentence each."""
    cells = notebook.cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return [
        *_frame(cells, text),
        *(f"cell {i}: {fault}" for i, c in enumerate(cells) for fault in _code(c)),
        *_order(code),
        *_spoken(cells),
        *_claims(cells),
    ]


def _frame(cells: list[NotebookNode], text: str) -> list[str]:
    """Check the opening, the setup cell, the recap and the questions."""
    wanted = {
        "a title like '# 3. Semantic search'": re.match(r"# \d\. ", cells[0].source),
        "a link to Colab": re.search(COLAB_LINK, cells[0].source),
        "'**You will:**' in the second cell": "**You will:**" in cells[1].source,
        "the shared setup cell in third place": cells[2].source == setup_cell(),
        "'**You have:**' in the recap": "**You have:**" in text,
        "an 'In numbers' section": re.search(r"^## .*In numbers", text, re.M),
        "a trap": "**Trap" in text,
        "an exercise": re.search(r"^## .*Exercise", text, re.M),
        "three folded answers": text.count("<summary>Answer</summary>") >= 3,
        "a folded solution": "<summary>Solution</summary>" in text,
    }
    faults = [f"lacks {what}" for what, there in wanted.items() if not there]
    will, have = (
        re.search(rf"\*\*You {word}:\*\*\n\n((?:- .*\n?(?:  .*\n?)*)+)", text)
        for word in ("will", "have")
    )
    if will and have and will[1].count("\n- ") != have[1].count("\n- "):
        faults.append("promises and recap differ in their number of bullets")
    return faults


def _code(cell: NotebookNode) -> list[str]:
    """Check one cell's length, width and outputs."""
    if cell.cell_type != "code":
        return []
    lines, faults = cell.source.splitlines(), []
    if len(lines) > MAX_LINES:
        faults.append(f"{len(lines)} lines of code, more than {MAX_LINES}")
    if any(len(line) > MAX_COLUMNS for line in lines):
        faults.append(f"a line wider than {MAX_COLUMNS}")
    for output in cell.outputs:
        if output.output_type == "error":
            if "raises-exception" not in cell.metadata.get("tags", []):
                faults.append(f"an error in the output: {output.ename}")
        elif output.get("name") == "stderr":
            faults.append(f"standard error in the output: {output.text[:60]!r}")
        elif "image/svg+xml" in output.get("data", {}):
            faults.append("an SVG output, which nbval would compare")
        data = output.get("data", {})
        shown = output.get("text", "")
        if "image/png" not in data:  # beside a picture its description is in order
            shown += data.get("text/plain", "")
        if re.search(
            r"<Figure size|it/s\]|\d%\|| [\d?]+/\d+ \[|/(home|root|Users|tmp|work)/",
            shown,
        ):
            faults.append("a path, a progress bar or a bare <Figure> in the output")
    return faults


def _order(code: list[NotebookNode]) -> list[str]:
    """Check that the notebook was saved in order, every cell run once."""
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        return ["was not run from top to bottom; use `make notebooks`"]
    return []


def _spoken(cells: list[NotebookNode]) -> list[str]:
    """Check that every output is followed by a sentence, sooner or later."""
    faults = []
    for number, cell in enumerate(cells):
        if cell.cell_type != "code" or not cell.outputs:
            continue
        after = cells[number + 1 : number + 3]
        if not any(c.cell_type == "markdown" for c in after):
            faults.append(f"cell {number}: an output that no sentence reads aloud")
    return faults


def _claims(cells: list[NotebookNode]) -> list[str]:
    """Check that what is not compared gives a reason and is followed by a claim."""
    faults = []
    for number, cell in enumerate(cells):
        tags = set(cell.metadata.get("tags", []))
        if "nbval-ignore-output" not in tags:
            continue
        if len(tags & REASONS) != 1:
            faults.append(f"cell {number}: ignored without one reason of {REASONS}")
        later = [c for c in cells[number + 1 :] if c.cell_type == "code"]
        if not later or "nbval-ignore-output" in later[0].metadata.get("tags", []):
            faults.append(f"cell {number}: ignored, and no strict claim follows")
        elif not later[0].outputs:
            faults.append(f"cell {number}: the claim after it prints nothing")
    return faults
