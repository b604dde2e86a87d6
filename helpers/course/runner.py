"""Execute the series of notebooks, with a progress bar for people."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from helpers import ROOT, CourseError, storage
from helpers.course import export, notebooks
from helpers.course.colab import carry_address
from helpers.course.house_rules import house_rules

#: Seconds after which a single cell is given up.
CELL_TIMEOUT = 900
_FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)
_BAR = "{desc}: cell {n_fmt} of {total_fmt} |{bar:20}| {elapsed}"


@dataclass(frozen=True)
class Result:
    """How one notebook ran: code cells, wall-clock seconds, passed or the error."""

    notebook: str
    cells: int
    seconds: float
    passed: bool
    error: str = ""


def run_series(
    paths: Sequence[Path], *, in_place: bool = False, model: str | None = None
) -> list[Result]:
    """Execute notebooks one after another, with a progress bar on standard error.

    Writes executed copies to build/notebooks and HTML to build/html, or, with
    `in_place`, renews the saved outputs of every notebook that passed and keeps the
    house rules. `model` takes the place of COURSE_MODEL. Raises CourseError when a
    notebook breaks a house rule (it is then unchanged), and when saved outputs would be
    those of another model or device than the course's.
    """
    if in_place:
        _check_defaults(model)
    return [_run_one(path, in_place, model) for path in paths]


def run(
    path: Path,
    *,
    model: str | None = None,
    in_place: bool = False,
    on_cell: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[NotebookNode, Result]:
    """Execute one notebook in a kernel of its own; return the executed copy.

    `on_cell(done, total)` is called before each code cell. A failing cell ends the run
    and is described in the result; it is not raised.
    """
    notebook = notebooks.read(path)
    if in_place:
        carry_address(notebook, path.stem)
    code = notebooks.code_cells(notebook)
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
    start = time.perf_counter()
    error = _executed(client, _environment(model))
    seconds = time.perf_counter() - start
    notebooks.clean(notebook)
    return notebook, Result(path.stem, len(code), seconds, not error, error)


def _run_one(path: Path, in_place: bool, model: str | None) -> Result:
    person = sys.stderr.isatty()
    with tqdm(desc=path.stem, bar_format=_BAR, disable=not person) as bar:

        def show(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        notebook, result = run(path, model=model, in_place=in_place, on_cell=show)
        if result.passed:  # else the bar stays at the cell that failed
            show(result.cells, result.cells)
    if not person:
        word = "passed" if result.passed else "FAILED"
        print(f"{path.stem}: {word}, {result.seconds:.0f} s", file=sys.stderr)
    if not in_place:
        export.write_copies(notebook, path)
    elif result.passed:
        _renew(notebook, path)
    return result


def _renew(notebook: NotebookNode, path: Path) -> None:
    """Save a notebook that keeps the house rules, and the pictures of the README."""
    if broken := house_rules(notebook):
        raise CourseError(f"{path.name}: not saved. " + "; ".join(broken))
    notebooks.write(notebook, path)
    for name, picture in notebooks.figures(notebook).items():
        storage.write_atomically(path.parent / "figures" / name, picture)


def _executed(client: NotebookClient, environment: dict[str, str]) -> str:
    """Execute; return "" or the last line of what went wrong."""
    try:
        client.execute(env=environment)
    except _FAILURES as failure:
        lines = [line for line in str(failure).splitlines() if line.strip()]
        return re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]) if lines else repr(failure)
    return ""


def _environment(model: str | None) -> dict[str, str]:
    """Return the kernel's environment: helpers are found, and no bar is saved."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    found = {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    if model:
        found["COURSE_MODEL"] = model
    # A person who runs the cells does see the bars.
    return {**os.environ, **found, "TQDM_DISABLE": "1"}


def _check_defaults(model: str | None) -> None:
    if model or os.environ.get("COURSE_MODEL") or os.environ.get("COURSE_DEVICE"):
        raise CourseError(
            "saved outputs are those of the bundled model on the device the course "
            "chooses; run --in-place without --model, COURSE_MODEL, COURSE_DEVICE"
        )
