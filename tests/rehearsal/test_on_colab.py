"""Notebooks as they are saved, run whole on the machine of conftest.py.

Each is opened as Colab opens it: the file alone, in /content, with a kernel of its own.
The first fetches the course and installs what Colab lacks; on Colab each does.
COLAB_NOTEBOOKS="6 9" runs others than 0, 3 and 5.
"""

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support import imported
from tqdm import tqdm

from helpers.course import notebooks
from helpers.model_files import MPNET

NAMES = os.environ.get("COLAB_NOTEBOOKS", "0 3 5").split()
#: Run in the kernel before the first cell and after the last.
PROBE = f"""
import json, os, sys
import numpy, torch
found = dict(numpy=numpy.__version__, torch=torch.__version__, kernel=os.getpid())
found["colab"] = "google.colab" in sys.modules
if "helpers" in sys.modules:
    import helpers.models
    found |= dict(helpers=helpers.__file__, mpnet=helpers.models.local({MPNET!r}))
print(json.dumps(found))
"""


@pytest.fixture(autouse=True)
def kernels(colab, monkeypatch):
    """Let nbclient find the machine's kernel, and no other by that name."""
    spec = colab.python.parent.parent.with_name("jupyter")
    monkeypatch.setenv("JUPYTER_PATH", str(spec))


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_whole(colab, name):
    [path] = notebooks.series([name])
    page, packages = notebooks.read(path), colab.packages()
    code = notebooks.code_cells(page)
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    before, after = run(colab, page, path.stem)
    now = colab.packages()
    seconds = [lasted(cell) for cell in code]
    print(f"\n{path.stem}: {len(code)} cells, {sum(seconds):.0f} s", end="; ")
    print(f"the first, which sets up, {seconds[0]:.0f} s")
    for package in sorted(now.keys() | packages.keys()):
        old, new = packages.get(package, "none"), now.get(package, "none")
        if old != new:
            print(f"  pip: {package} {old} -> {new}")
    print(f"  before and after: numpy {after['numpy']}, torch {after['torch']}")
    assert before["colab"] and all(cell.execution_count for cell in code)
    for kept in ("numpy", "torch", "kernel"):  # a restarted kernel has another number
        assert before[kept] == after[kept]
    assert all(packages[name] == now[name] for name in ("numpy", "torch"))
    assert after["helpers"] == "/content/course/helpers/__init__.py"
    assert Path(after["mpnet"]).is_relative_to(colab.environment["HF_HOME"])


def lasted(cell):
    """Return how many seconds a cell took, by nbclient's notes."""
    times = cell.metadata["execution"]
    start, end = (
        datetime.fromisoformat(times[f"iopub.status.{what}"].rstrip("Z"))
        for what in ("busy", "idle")
    )
    return (end - start).total_seconds()


def run(colab, page, name):
    """Execute between two probes; return what they found."""
    probes = [nbformat.v4.new_code_cell(PROBE) for _ in range(2)]
    page.cells = [probes[0], *page.cells, probes[1]]
    look = {"desc": name, "total": len(page.cells), "disable": None}
    with tqdm(**look) as bar:
        NotebookClient(
            page,
            timeout=900,  # seconds for a single cell
            kernel_name="colab",
            extra_arguments=["--IPKernelApp.log_level=40"],
            resources={"metadata": {"path": "/content"}},
            on_cell_complete=lambda **_: bar.update(),
        ).execute(env=colab.environment)
    return [json.loads(probe.outputs[-1].text) for probe in probes]


def test_what_the_other_notebooks_need_is_there(colab):
    names = sorted(imported())
    code = f"""
import importlib, os
os.chdir("/content/course")
for name in {names}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(f"{{name}}: {{error}}")
"""
    done = subprocess.run(
        [colab.python, "-c", code],
        cwd="/content/course",
        env=colab.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    print(f"\n{len(names)} packages imported: {', '.join(names)}")
    assert done.stdout == ""
