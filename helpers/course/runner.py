"""Execute the series of notebooks, with a progress bar for people."""

import asyncio
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from helpers import ROOT, CourseError, storage
from helpers.course import export, notebooks
from helpers.course.colab import carry_address, course_address
from helpers.course.house_rules import house_rules
from helpers.progress import say

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
    """Execute notebooks, two at a time; `model` takes the place of COURSE_MODEL.

    Writes copies and HTML under build/, and says so when there is one to read. With
    `in_place`, they run one after another, so that what they time is their own, and the
    saved outputs of all that passed are renewed. Raises CourseError when one breaks a
    house rule, and for outputs of another model or device than the course's.
    """
    if in_place:
        _refuse_others(model)
    lanes = 1 if in_place else min(2, os.cpu_count() or 1, len(paths))
    return asyncio.run(_run_all(paths, lanes, in_place=in_place, model=model))


async def _run_all(paths, lanes, *, in_place, model):
    """Run in `lanes` kernels at once, which share the cores."""
    free = asyncio.Semaphore(lanes)
    threads = max(1, (os.cpu_count() or 1) // lanes)

    async def one(path):
        async with free:
            notebook, result = await _run(path, model, in_place, threads)
        if not in_place:
            export.write_copies(notebook, path)
            for line in (*_in_numbers(notebook), f"Read: build/html/{path.stem}.html"):
                say(line)
        elif result.passed:
            _renew(notebook, path)
        return result

    results = await asyncio.gather(*map(one, paths))
    if not in_place:
        export.write_pages()
    return results


async def _run(path, model, in_place, threads):
    notebook = notebooks.read(path)
    if in_place:
        carry_address(notebook, path.stem, course_address())
    code = notebooks.code_cells(notebook)
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    start, person = time.perf_counter(), sys.stderr.isatty()
    look = {"desc": path.stem, "bar_format": _BAR, "mininterval": 0}
    with tqdm(total=len(code), disable=not person, **look) as bar:
        error = await _executed(notebook, path, _environment(model, threads), bar)
    seconds = time.perf_counter() - start
    if not person:
        word = "FAILED" if error else "passed"
        say(f"{path.stem}: {word}, {seconds:.0f} s")
    notebooks.clean(notebook)
    return notebook, Result(path.stem, len(code), seconds, not error, error)


async def _executed(notebook, path, environment, bar):
    """Execute; return "" or the last line of what went wrong."""
    client = NotebookClient(
        notebook,
        timeout=900,  # seconds for a single cell
        kernel_name="python3",
        # Say only errors: ipykernel warns of loopback TCP at every start.
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(path.resolve().parent)}},
        on_cell_executed=lambda **_: bar.update(),
    )
    try:
        await client.async_execute(env=environment)
    except CellTimeoutError as failure:  # it ends in the cell's source, between lines
        return " ".join(line for line in str(failure).splitlines() if line.strip("-"))
    except _FAILURES as failure:
        lines = [line for line in str(failure).splitlines() if line.strip()]
        return re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]) if lines else repr(failure)
    return ""


def _in_numbers(notebook):
    """Return the lines that a notebook printed under "In numbers"."""
    heading = None
    for cell in notebook.cells:
        heading = cell.source if cell.cell_type == "markdown" else heading
        if cell.cell_type == "code" and "## In numbers" in (heading or ""):
            return "".join(each.get("text", "") for each in cell.outputs).splitlines()
    return []


def _environment(model, threads):
    """Return the kernel's environment: helpers are found, and no bar is saved."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    found = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    bars = dict.fromkeys(["TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS"], "1")
    # UMAP, once loaded, gives torch as many threads as numba has.
    cores = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    mine = {"COURSE_MODEL": model} if model else {}
    return cores | os.environ | found | bars | mine


def _renew(notebook, path):
    """Save a notebook that keeps the house rules, and the pictures of the README."""
    if broken := house_rules(notebook, path.stem):
        raise CourseError(f"{path.name}: not saved. " + "; ".join(broken))
    notebooks.write(notebook, path)
    for name, picture in notebooks.figures(notebook).items():
        storage.write_atomically(path.parent / "figures" / name, picture)


def _refuse_others(model):
    if model or os.environ.get("COURSE_MODEL") or os.environ.get("COURSE_DEVICE"):
        raise CourseError(
            "saved outputs are those of the bundled model on the device the course "
            "chooses; run --in-place without --model, COURSE_MODEL, COURSE_DEVICE"
        )
