"""What is pinned: requirements.lock, and environment.yml which follows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from helpers import ROOT, CourseError, storage

#: The Python versions the lock was resolved for: from the first, below the second.
PYTHONS = (3, 10), (3, 14)
#: The Python of environment.yml.
CONDA = "3.12"

_LOCK = "# Made by `make lock` from pyproject.toml. Exact versions; no addresses.\n"
_CONDA = """\
# For conda, mamba and Binder: conda env create -f environment.yml
# Made by `make lock`. The versions are those of requirements.lock, which also holds
# everything below them. On Linux without an NVIDIA GPU `make run` is the lighter way:
# it takes the CPU build.
name: bitcoin-and-barbells
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python={python}
  - pip
  - pip:
      - --constraint requirements.lock
{packages}
      - --editable .
"""


def pins(root: Path = ROOT, place: dict[str, str] | None = None) -> dict[str, str]:
    """Return what the lock pins: name in lower case -> version.

    Lines whose marker speaks of another Python or system than `place` are left out;
    without `place`, of another than this one.
    """
    found = {}
    for line in (root / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+?)\s*(?:;(.*))?$", line):
            name, version, marker = match.groups()
            if not marker or _applies(marker, place):
                found[name.lower()] = version
    return found


def renew(root: Path = ROOT, *, run=subprocess.run) -> None:
    """Resolve requirements.lock with uv, for every Python and system at once.

    What is pinned stays while it fits; without a lock everything is taken anew. What
    torch brings along for CUDA is left to torch: pinned here, it would be installed on
    every Linux laptop. environment.yml gets the same versions. Raises CourseError when
    uv cannot be had, or finds no set that fits.
    """
    run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=False)
    file, low = root / "requirements.lock", ".".join(map(str, PYTHONS[0]))
    command = f"uv pip compile pyproject.toml --extra test --python-version {low}"
    options = [
        "--universal",
        "--no-annotate",
        "--no-header",
        "--quiet",
        "--output-file",
    ]
    call = [sys.executable, "-m", *command.split(), *options, str(file)]
    done = run(call, check=False, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise CourseError(f"uv could not resolve pyproject.toml: {done.stderr.strip()}")
    pinned = re.findall(
        r"^(?!nvidia-|cuda-|triton==)[\w.-]+==.+$", file.read_text(), re.M
    )
    storage.write_atomically(file, (_LOCK + "\n".join(pinned) + "\n").encode())
    storage.write_atomically(root / "environment.yml", environment_yml(root).encode())


def environment_yml(root: Path = ROOT) -> str:
    """Return the text of environment.yml: direct dependencies as the lock pins them."""
    place = {"python_version": CONDA, "python_full_version": f"{CONDA}.0"}
    place |= {"sys_platform": "linux", "os_name": "posix"}
    pinned = pins(root, place)
    packages = [
        f"      - {name}=={pinned[name.lower()]}"
        for name, marker in direct(root)
        if not marker or _applies(marker, place)
    ]
    return _CONDA.format(python=CONDA, packages="\n".join(packages))


def direct(root: Path = ROOT) -> list[tuple[str, str]]:
    """Return name and marker of each dependency that pyproject.toml names, in order."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(r"^(?:dependencies|test) = \[\n(.*?)^\]", text, re.M | re.S)
    lines = re.findall(r'^  "(.+)",$', "".join(lists), re.M)
    return [
        (
            re.match(r"[\w.-]+", line)[0],
            line.partition(";")[2].strip().replace("'", '"'),
        )
        for line in lines
    ]


def _applies(marker: str, place: dict[str, str] | None) -> bool:
    """Tell whether an environment marker holds, in `place` or here."""
    try:
        from packaging.markers import Marker
    except ImportError:  # before anything is installed: pip carries a copy
        from pip._vendor.packaging.markers import Marker
    return Marker(marker).evaluate(place)
