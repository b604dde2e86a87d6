"""What is pinned: requirements.lock, and environment.yml which follows it."""

from __future__ import annotations

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
#: The Python of environment.yml.
CONDA = "3.12"

_COMPILE = (
    "uv pip compile pyproject.toml --extra test --universal --no-annotate --no-header "
    "--quiet --python-version {}.{} --output-file"
)
_LOCK = "# Made by `make lock` from pyproject.toml. Exact versions; no addresses.\n"


def pins(place: dict[str, str] | None = None) -> dict[str, str]:
    """Return what the lock pins in `place`, or here: name in lower case -> version."""
    line = r"^([\w.-]+)==([^\s;]+) *;? *(.*)$"
    return {
        name.lower(): version
        for name, version, marker in re.findall(line, _read("requirements.lock"), re.M)
        if not marker or _applies(marker, place)
    }


def installed(name: str) -> str:
    """Return the version of a package that is installed, "" where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def renew() -> None:
    """Resolve requirements.lock with uv, for every Python and system at once.

    What is pinned stays where it fits. environment.yml gets the same versions. Raises
    CourseError when uv cannot be had, or finds no set; nothing is written then.
    """
    python = [sys.executable, "-m"]
    uv = [*python, "pip", "install", "--quiet", "uv"]
    if subprocess.run(uv, check=False).returncode:
        raise CourseError("pip could not install uv; check the network")
    with tempfile.TemporaryDirectory() as folder:
        draft = shutil.copy(ROOT / "requirements.lock", folder)
        call = [*python, *_COMPILE.format(*PYTHONS[0]).split(), draft]
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            why = done.stderr.strip()
            raise CourseError(f"uv could not resolve pyproject.toml: {why}")
        # What torch brings along for CUDA would be installed on every Linux laptop.
        kept = r"^(?!nvidia-|cuda-|triton==)[\w.-]+==.+\n"
        pinned = re.findall(kept, Path(draft).read_text("utf-8"), re.M)
    text = _LOCK + "".join(pinned)
    storage.write_atomically(ROOT / "requirements.lock", text.encode())
    storage.write_atomically(ROOT / "environment.yml", environment_yml().encode())


def environment_yml() -> str:
    """Return the text of environment.yml with the versions that the lock pins."""
    place = {"python_version": CONDA, "python_full_version": f"{CONDA}.0"}
    pinned = pins(place | {"sys_platform": "linux", "os_name": "posix"})
    line, text = r"(?<=- )([\w.-]+)==.+", _read("environment.yml")
    if gone := [name for name in re.findall(line, text) if name.lower() not in pinned]:
        raise CourseError(f"environment.yml: the lock has no {gone[0]}; drop its line")
    return re.sub(line, lambda match: f"{match[1]}=={pinned[match[1].lower()]}", text)


def _read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def _applies(marker, place):
    try:
        from packaging import markers
    except ImportError:  # before anything is installed: pip carries a copy
        from pip._vendor.packaging import markers  # type: ignore[no-redef]
    return markers.Marker(marker).evaluate(place)
