"""Rows 27 and 31 to 34: checkpoints, notebooks, no network, Ctrl-C at the start."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from faulty import cases, counted, csv_of, run, texts, write

from helpers import ROOT
from helpers.course import export, house_rules, notebooks, runner
from helpers.finetuning import checkpoints
from helpers.store import open_index


@pytest.mark.fault(
    27, "the newest checkpoint is half-written", "the one before is used"
)
def test_a_half_written_checkpoint(seen, tmp_path):
    for step in (10, 20):
        folder = tmp_path / f"checkpoint-{step}"
        write(folder, {"trainer_state.json": "{}", "model.safetensors": b"x" * 99})
        checkpoints.seal(folder)
    assert checkpoints.newest(tmp_path).name == "checkpoint-20"
    (tmp_path / "checkpoint-20" / "model.safetensors").write_bytes(b"x" * 50)
    assert checkpoints.newest(tmp_path).name == "checkpoint-10"
    seen("checkpoint-20 is cut: checkpoint-10")


NOTEBOOKS = cases(
    (31, "the kernel dies in a notebook", "named, within the limit",
     "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "died"),
    (31, "a cell hangs", "named, within the limit", "import time; time.sleep(600)",
     "timed out .* time.sleep"),
)  # fmt: skip


@pytest.mark.parametrize(("source", "message"), NOTEBOOKS)
def test_a_notebook_that_does_not_end(seen, tmp_path, monkeypatch, source, message):
    """A cell may take 900 seconds; here two, so that the test need not wait."""
    limited = runner.NotebookClient

    def client(*arguments, timeout, **options):
        assert timeout == 900
        return limited(*arguments, timeout=2, **options)

    monkeypatch.setattr(runner, "NotebookClient", client)
    cells = [nbformat.v4.new_code_cell(source)]
    path = tmp_path / "01_stuck.ipynb"
    notebooks.write(nbformat.v4.new_notebook(cells=cells), path)
    start = time.monotonic()
    monkeypatch.setattr(export, "BUILD", tmp_path / "build")
    [result] = runner.run_series([path])
    seen(f"{result.notebook}: {result.error}")
    assert not result.passed
    assert re.search(message, result.error)
    assert time.monotonic() - start < 60


def strip(code):
    for cell in code:
        cell.outputs, cell.execution_count = [], None


def unrun(code):
    code[3].execution_count = None


def edit(code):
    code[2].execution_count, code[3].execution_count = 4, 3


def fail(code):
    code[2].outputs = [nbformat.v4.new_output("error", ename="ValueError")]


HANDS = cases(
    (32, "a stripped notebook", "the house rules fail", strip, "was not run from"),
    (32, "a cell that was not run", "the house rules fail", unrun, "was not run from"),
    (32, "cells run out of order", "the house rules fail", edit, "was not run from"),
    (32, "an error in the output", "the house rules fail", fail, "an error in the"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "message"), HANDS)
def test_a_notebook_changed_by_hand(seen, change, message):
    path = notebooks.series()[0]
    notebook = notebooks.read(path)
    assert house_rules.house_rules(notebook, path.stem) == []
    change(notebooks.code_cells(notebook))
    broken = house_rules.house_rules(notebook, path.stem)
    seen(broken[0])
    assert any(message in fault for fault in broken)


@pytest.mark.fault(33, "no network at all, no token", "index and search work")
def test_without_a_network(seen, tmp_path):
    """With the course's own model, in processes that have not even a loopback."""
    run("unshare", "-rn", "true")
    write(tmp_path, {"notes.csv": csv_of(texts(20))})
    home = {"HF_HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}
    me = ["unshare", "-rn", sys.executable, "-m", "helpers"]
    where = ["--index", tmp_path / "my.db", "--json"]
    for call in (["index", tmp_path / "notes.csv"], ["search", "a whale"]):
        done = subprocess.run(
            [*me, *call, *where], cwd=ROOT, env=home, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        if call[0] == "index":
            assert counted((0, done.stdout, ""))["added"] == 20
    assert '"rank": 5' in done.stdout
    seen("20 texts indexed, 5 hits, in processes without a network")


@pytest.mark.fault(34, "Ctrl-C while a command starts", "status 130, no traceback")
def test_ctrl_c_at_the_start(seen, tmp_path):
    """In a process of its own, while it imports torch."""
    write(tmp_path, {"notes.csv": csv_of(texts(20))})
    call = [sys.executable, "-m", "helpers", "index", tmp_path / "notes.csv"]
    process = subprocess.Popen(
        [*call, "--index", tmp_path / "my.db"], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    maps = f"/proc/{process.pid}/maps"
    while "libtorch" not in Path(maps).read_text():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("stopped\n")
    assert "Traceback" not in err
    assert {each.name for each in tmp_path.iterdir()} <= {"notes.csv", "my.db"}
    if (tmp_path / "my.db").exists():  # it was opened before the model was loaded
        with open_index(tmp_path / "my.db") as index:
            assert index.documents == []
    seen("130, stopped")
