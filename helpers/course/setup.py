"""Make the virtual environment. Standard library only.

`make run` and `make test` call this first with any Python that is there, so nothing
here may need a package.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from helpers import ROOT, CourseError
from helpers.course.lock import PYTHONS, pins

MENDS = {
    "venv": "the virtual environment could not be made; on Debian and Ubuntu: "
    "sudo apt install python3-venv",
    "pip": "pip could not install everything; check the network, or point pip at a "
    "folder of wheels (PIP_FIND_LINKS=FOLDER PIP_NO_INDEX=1), and start again",
    "torch": "the CPU build of torch could not be had; put its wheel into a folder and "
    "set PIP_FIND_LINKS=FOLDER, or take the default build with its gigabytes of CUDA: "
    "COURSE_TORCH=default make run",
}


def setup(root: Path = ROOT, *, run=subprocess.run) -> bool:
    """Make `.venv` and install the pinned set; return False when nothing was to do.

    The set is installed once: a stamp in `.venv` holds the hash of the lock, and only
    another lock installs again. Raises CourseError when a step fails.
    """
    check_python(sys.version_info[:2])
    folder = root / ".venv"
    stamp, wanted = folder / "course-stamp", _stamp(root)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    say("Setting up .venv; it takes a few minutes, once.")
    if not python.is_file():
        step(run, [sys.executable, "-m", "venv", str(folder)], MENDS["venv"])
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *quiet]
    install_torch(pip, run=run)
    say("Installing the packages of requirements.lock ...")
    step(run, [*pip, "-r", str(root / "requirements.lock")], MENDS["pip"])
    step(run, [*pip, "--no-deps", "--editable", str(root)], MENDS["pip"])
    stamp.write_text(wanted, encoding="utf-8")
    say("The environment is ready in .venv.")
    return True


def install_torch(pip: list[str], *, run=subprocess.run) -> None:
    """Install torch without downloading CUDA onto a machine that has no use for it.

    On Linux the default build of torch brings gigabytes of CUDA libraries. Without an
    NVIDIA GPU the CPU build is asked for instead: first where pip looks (a folder of
    wheels, a configured index), then with uv, which knows PyTorch's own index.
    COURSE_TORCH=default takes the default build. Raises CourseError when the CPU build
    cannot be had, before anything big is downloaded.
    """
    if not wants_cpu_build():
        return
    version = pins()["torch"]
    say(f"Linux without an NVIDIA GPU: taking the CPU build of torch {version}.")
    uv = [pip[0], "-m", "uv", "pip", "install", "--python", pip[0]]
    if _works(run, [*pip, f"torch=={version}+cpu"]):
        return
    if _works(run, [*pip, "uv"]):
        by_uv = [*uv, "--torch-backend=cpu", f"torch=={version}"]
        if run(by_uv, check=False).returncode == 0:
            return
    raise CourseError(MENDS["torch"])


def wants_cpu_build() -> bool:
    """Tell whether this is Linux without an NVIDIA GPU, and nobody said otherwise."""
    if os.environ.get("COURSE_TORCH") == "default":
        return False
    gpu = shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists()
    return sys.platform.startswith("linux") and not gpu


def check_python(version: tuple[int, int]) -> None:
    """Raise CourseError when the course was not pinned for this Python.

    >>> check_python((3, 9))
    Traceback (most recent call last):
    helpers.CourseError: Python 3.9 ... needs 3.10 to 3.13; ...
    """
    low, end = PYTHONS
    if not low <= version < end:
        raise CourseError(
            f"Python {version[0]}.{version[1]} is here, but the course needs "
            f"{low[0]}.{low[1]} to {end[0]}.{end[1] - 1}; install one of them and name "
            f"it: make run PYTHON=python{end[0]}.{end[1] - 1}"
        )


def step(run, command: list[str], mend: str) -> None:
    """Run one step; its failure becomes one clear line."""
    if run(command, check=False).returncode:
        raise CourseError(mend)


def say(line: str) -> None:
    """Tell the person what is going on, on standard error."""
    print(line, file=sys.stderr, flush=True)


def _works(run, command: list[str]) -> bool:
    """Try a step that may fail, without a word."""
    null = subprocess.DEVNULL
    return run(command, check=False, stdout=null, stderr=null).returncode == 0


def _stamp(root: Path) -> str:
    """Hash what decides about the environment: the lock, pyproject and the Python."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()
