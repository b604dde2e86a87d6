"""What Colab gets, and that the address stands in one place."""

import subprocess
import sys
from pathlib import Path

import pytest
from support import Recorder, tracked

from helpers import ROOT
from helpers.course import colab, lock, notebooks


def test_colab_keeps_numpy_and_torch(monkeypatch):
    monkeypatch.setattr(colab.os, "chdir", lambda path: None)
    monkeypatch.setattr(colab, "_satisfied", lambda name, pinned: name != "bm25s")
    seen = []

    def run(command, **options):
        constraints = Path(command[command.index("-c") + 1]).read_text("utf-8")
        seen.append((command[-1], constraints))
        return subprocess.CompletedProcess(command, 0)

    colab.prepare(run=run)
    [(wanted, constraints)] = seen
    assert wanted == f"bm25s=={lock.pins()['bm25s']}"
    import numpy
    import torch

    assert constraints.split() == [
        f"numpy=={numpy.__version__}",
        f"torch=={torch.__version__}",
    ]


def test_colab_with_everything_installs_nothing(monkeypatch):
    places = []
    monkeypatch.setattr(colab.os, "chdir", places.append)
    run = Recorder()
    colab.prepare(run=run)
    assert (run.commands, places) == ([], [ROOT / "notebooks"])


def test_the_address_stands_in_one_place():
    address = colab.repository()
    for path in tracked():
        if path.suffix in (".py", ".md", ".cff", ".yml"):
            assert address not in path.read_text("utf-8"), path
    for path in notebooks.series():
        changed = colab.carry_address(notebooks.read(path), path.stem)
        assert not changed, f"{path.name}: run `make notebooks`"


def test_the_setup_cell_gets_the_course_on_colab(tmp_path):
    """The cell as it stands, with google.colab feigned, cloning this very checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    script = f"""
import subprocess, sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
cell = {colab.setup_cell()!r}
cell = cell.replace({colab.repository()!r}, {ROOT.as_uri()!r})
cell = cell.replace("/content/course", {str(tmp_path / "course")!r})
result = shell.run_cell(cell)
result.raise_error()
import os, helpers
assert helpers.__file__.startswith({str(tmp_path)!r}), helpers.__file__
print(os.getcwd())
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.strip().endswith("notebooks")
