"""Make the virtual environment, with any Python that is there: no package needed."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from helpers import ROOT, CourseError
from helpers.course.lock import PYTHONS, pins
from helpers.model_files import BUNDLED, MPNET, small
from helpers.progress import say

MENDS = {
    "venv": "the virtual environment could not be made; on Debian and Ubuntu: "
    "sudo apt install python3-venv",
    "pip": "pip could not install everything; check the network, or take what `make "
    "wheelhouse` gathered elsewhere (WHEELHOUSE=FOLDER), and start again",
    "torch": "the CPU build of torch could not be had; no network? Take what `make "
    "wheelhouse` gathered elsewhere (WHEELHOUSE=FOLDER). Else put its wheel into a "
    "folder and set PIP_FIND_LINKS=FOLDER, or take the default build with its "
    "gigabytes of CUDA: COURSE_TORCH=default make run",
    "torch wheel": "pip found no CPU build of torch; put its wheel into a folder and "
    "set PIP_FIND_LINKS=FOLDER, or name PyTorch's own index in PIP_EXTRA_INDEX_URL "
    "(pytorch.org shows it under Get Started), then: make wheelhouse",
    "wheels": "pip could not get every wheel; check the network and the disk (2 GB), "
    "then: make wheelhouse",
    "git": "git could not pack the course; call it in a clone, with git installed: "
    "make wheelhouse",
}
_SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def setup(
    root: Path = ROOT, *, wheelhouse: Path | None = None, run=subprocess.run
) -> bool:
    """Make `.venv` and install the pinned set; return False when nothing was to do.

    A stamp in `.venv` remembers what was installed: only another lock installs again.
    A `.venv` without pip, which a kill leaves behind, is made anew. With a wheelhouse,
    the network is not asked. Raises CourseError when a step fails.
    """
    check_python(sys.version_info[:2])
    folder = root / ".venv"
    stamp, wanted = folder / "course-stamp", _stamp(root)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    if wheelhouse:
        take_from(wheelhouse)
    say("Setting up .venv; it takes a few minutes, once.")
    _install(root, folder, run)
    stamp.write_text(wanted, encoding="utf-8")
    say("The environment is ready in .venv. Next: make lab")
    return True


def _install(root, folder, run):
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not _works(run, [str(python), "-m", "pip", "--version"], **_SILENT):
        step(run, [sys.executable, "-m", "venv", "--clear", str(folder)], "venv")
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *quiet]
    install_torch(pip, run=run)
    say("Installing the packages of requirements.lock ...")
    step(run, [*pip, "-r", str(root / "requirements.lock")], "pip")
    step(run, [*pip, "--no-deps", "--editable", str(root)], "pip")
    fetch_weights(python, run=run)


def take_from(wheelhouse: Path) -> None:
    """Let pip take everything from a folder that `make wheelhouse` filled.

    Raises CourseError when it is none, or fits another system or Python.
    """
    fits = [note.stem[len("for-") :] for note in sorted(wheelhouse.glob("for-*.txt"))]
    if not fits:
        how = "give the folder that `make wheelhouse` filled, the one with course.zip"
        raise CourseError(f"{wheelhouse}: is no wheelhouse; {how}")
    if (here := this_machine()) not in fits:
        raise CourseError(
            f"{wheelhouse}: is for {', '.join(fits)}, and this is {here}; name a "
            f"Python that fits (PYTHON=python{fits[0].rpartition('-')[2]}), or call "
            "`make wheelhouse` on a machine like this one"
        )
    # As an address, since pip parts folders at blanks.
    links = wheelhouse.resolve().as_uri()
    os.environ.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=links)


def this_machine() -> str:
    """Return what decides about wheels: "Linux-x86_64-Python-3.11", say."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{platform.system()}-{platform.machine()}-Python-{python}"


def install_torch(pip: list[str], *, run=subprocess.run) -> None:
    """Install the CPU build of torch where gigabytes of CUDA would be of no use.

    It is asked for where pip looks, then with uv, which knows PyTorch's own index.
    Raises CourseError when it cannot be had, before anything big is downloaded.
    """
    if not wants_cpu_build():
        return
    python, version = pip[0], pins()["torch"]
    say(f"Linux without an NVIDIA GPU: taking the CPU build of torch {version}.")
    if _works(run, [*pip, f"torch=={version}+cpu"], **_SILENT):
        return
    if not _works(run, [*pip, "uv"], **_SILENT):
        raise CourseError(MENDS["torch"])
    uv = [python, "-m", "uv", "pip", "install", "--python", python]
    step(run, [*uv, "--torch-backend=cpu", f"torch=={version}"], "torch")


def fetch_weights(python: Path, *, run=subprocess.run) -> None:
    """Fetch all-mpnet-base-v2, unless COURSE_SMALL says not to; go on without it."""
    if small():
        say(f"COURSE_SMALL is set: without {MPNET}.")
    elif not _works(run, [str(python), "-m", "helpers", "weights"], stdout=2):
        say(f"Going on without {MPNET}; notebook 0 runs on {BUNDLED} then.")


def wants_cpu_build() -> bool:
    """Tell whether this is Linux without an NVIDIA GPU, and nobody said otherwise."""
    if os.environ.get("COURSE_TORCH") == "default":
        return False
    gpu = shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists()
    return sys.platform.startswith("linux") and not gpu


def check_python(version: tuple[int, int]) -> None:
    """Raise CourseError when the course was not pinned for this Python."""
    low, end = PYTHONS
    if not low <= version < end:
        last = f"{end[0]}.{end[1] - 1}"
        raise CourseError(
            f"Python {version[0]}.{version[1]} is here, but the course needs {low[0]}."
            f"{low[1]} to {last}; install one of them and name it: make run "
            f"PYTHON=python{last}"
        )


def step(run, command: list[str], mend: str) -> None:
    """Run one step. Raises CourseError with one of MENDS when it fails."""
    if not _works(run, command):
        raise CourseError(MENDS[mend])


def _works(run, command, **streams):
    try:
        return run(command, check=False, **streams).returncode == 0
    except OSError:  # the program is not there, or is half of one
        return False


def _stamp(root):
    """Hash what decides about the environment: the lock, pyproject and the Python."""
    files = [root / "requirements.lock", root / "pyproject.toml"]
    parts = [sys.version.encode(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"".join(parts)).hexdigest()
