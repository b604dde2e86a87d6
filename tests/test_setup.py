"""Set-up installs once, nothing big by mistake, and fails in one line."""

import os
import subprocess
import sys

import pytest
from support import Recorder

from helpers import ROOT, CourseError
from helpers.course import setup


@pytest.fixture
def linux(monkeypatch):
    """Pretend to be Linux without an NVIDIA GPU."""
    monkeypatch.delenv("COURSE_TORCH", raising=False)
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup.shutil, "which", lambda name: None)
    monkeypatch.setattr(setup.Path, "exists", lambda path: False)


def test_linux_without_gpu_asks_for_the_cpu_build(linux):
    run = Recorder()
    setup.install_torch(["py", "-m", "pip", "install"], run=run)
    assert run.commands == ["py -m pip install torch==2.13.0+cpu"]


def test_where_pip_has_no_cpu_build_uv_gets_it(linux):
    run = Recorder(fails=["+cpu"])
    setup.install_torch(["py", "-m", "pip", "install"], run=run)
    assert run.commands[1:] == [
        "py -m pip install uv",
        "py -m uv pip install --python py --torch-backend=cpu torch==2.13.0",
    ]


def test_where_there_is_no_cpu_build_at_all_nothing_big_is_downloaded(linux):
    run = Recorder(fails=["torch"])
    with pytest.raises(CourseError, match="COURSE_TORCH=default make run"):
        setup.install_torch(["py", "-m", "pip", "install"], run=run)
    assert not any(
        line.endswith("torch==2.13.0") and "uv" not in line for line in run.commands
    )


def test_the_default_build_can_be_asked_for(linux, monkeypatch):
    monkeypatch.setenv("COURSE_TORCH", "default")
    run = Recorder()
    setup.install_torch(["pip"], run=run)
    assert run.commands == []


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_take_the_default_build(linux, monkeypatch, system):
    monkeypatch.setattr(setup.sys, "platform", system)
    assert not setup.wants_cpu_build()


def fake_root(tmp_path):
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    return tmp_path


def test_the_second_setup_installs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "wants_cpu_build", lambda: False)
    root, run = fake_root(tmp_path), Recorder()
    assert setup.setup(root, run=run)
    assert any("-r" in line and "requirements.lock" in line for line in run.commands)
    again = Recorder()
    assert not setup.setup(root, run=again)
    assert again.commands == []
    with open(root / "requirements.lock", "a") as lock:
        lock.write("# another lock\n")
    assert setup.setup(root, run=Recorder())


@pytest.mark.parametrize(
    ("fails", "message"),
    [("venv", "python3-venv"), ("requirements.lock", "WHEELHOUSE=FOLDER")],
)
def test_a_failing_step_is_one_line_and_is_not_taken_for_done(
    tmp_path, monkeypatch, fails, message
):
    monkeypatch.setattr(setup, "wants_cpu_build", lambda: False)
    root = fake_root(tmp_path)
    run = Recorder(fails=["--version", f" {fails}", f"/{fails}"])
    with pytest.raises(CourseError, match=message):
        setup.setup(root, run=run)
    assert not (root / ".venv" / "course-stamp").exists()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a checkout for set-up, which is to fetch the weights too."""
    monkeypatch.setattr(setup, "wants_cpu_build", lambda: False)
    monkeypatch.delenv("COURSE_SMALL", raising=False)
    return fake_root(tmp_path)


def fetches(commands):
    return [line for line in commands if line.endswith(" -m helpers weights")]


def test_the_weights_come_last_with_the_python_of_the_environment(root):
    setup.setup(root, run=(run := Recorder()))
    assert fetches(run.commands) == run.commands[-1:]
    assert run.commands[-1].startswith(f"{root / '.venv'}{os.sep}")


def test_the_weights_say_nothing_on_standard_output(root):
    def run(command, **options):
        assert options["stdout"] == 2
        return Recorder()(command)

    setup.fetch_weights(root / "python", run=run)


@pytest.mark.parametrize(("small", "count"), [("1", 0), ("yes", 0), ("0", 1), ("", 1)])
def test_course_small_leaves_the_weights_out(root, monkeypatch, capsys, small, count):
    monkeypatch.setenv("COURSE_SMALL", small)
    assert setup.setup(root, run=(run := Recorder()))
    assert len(fetches(run.commands)) == count
    assert ("COURSE_SMALL is set" in capsys.readouterr().err) == (not count)
    assert not setup.setup(root, run=Recorder(fails=[""]))


def test_without_the_weights_setup_goes_on(root, capsys):
    assert setup.setup(root, run=Recorder(fails=["helpers weights"]))
    assert "Going on without all-mpnet-base-v2" in capsys.readouterr().err
    assert not setup.setup(root, run=Recorder(fails=[""]))


def test_setup_that_was_stopped_in_the_weights_goes_on(root):
    def stopped(command, **options):
        if fetches([" ".join(command)]):
            raise KeyboardInterrupt
        return Recorder()(command)

    with pytest.raises(KeyboardInterrupt):
        setup.setup(root, run=stopped)
    assert not (root / ".venv" / "course-stamp").exists()
    assert setup.setup(root, run=(run := Recorder()))
    assert fetches(run.commands)


@pytest.fixture
def half_made(root):
    """Return a checkout whose `.venv` has a Python and no pip, and that Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"])
    return root, root / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"


def run_venv_and_version(command, **options):
    """Run what makes and asks `.venv` for real; install nothing."""
    real = "venv" in command or "--version" in command
    return (subprocess.run if real else Recorder())(command, **options)


@pytest.mark.slow
def test_a_half_made_environment_is_made_anew(half_made):
    root, python = half_made
    (root / ".venv" / "rest").touch()
    assert setup.setup(root, run=run_venv_and_version)
    assert subprocess.run([python, "-m", "pip", "--version"]).returncode == 0
    assert not (root / ".venv" / "rest").exists()


def test_a_whole_environment_is_not_made_anew(root):
    setup.setup(root, run=(run := Recorder()))
    assert not any("-m venv" in line for line in run.commands)


def test_where_debian_lacks_ensurepip_each_try_names_the_package(half_made):
    def run(command, **options):
        failing = Recorder(fails=["-m venv"])  # as without python3-venv
        return (failing if "venv" in command else run_venv_and_version)(command)

    for _ in range(2):
        with pytest.raises(CourseError, match="sudo apt install python3-venv"):
            setup.setup(half_made[0], run=run)


@pytest.mark.parametrize("version", [(3, 9), (3, 14), (2, 7)])
def test_another_python_is_refused(version):
    with pytest.raises(CourseError, match=r"needs 3\.10 to 3\.13"):
        setup.check_python(version)
