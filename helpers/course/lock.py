"""What is pinned: requirements.lock, which environment.yml reads too."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from helpers import ROOT, CourseError, storage

#: The Python versions the lock was resolved for: from the first, below the second.
PYTHONS = (3, 10), (3, 14)

_COMPILE = (
    "-m uv pip compile pyproject.toml --extra test --universal --no-annotate "
    "--no-header --quiet --python-version {}.{} --output-file"
)
_LOCK = "# Made by `make lock` from pyproject.toml. Exact versions; no addresses.\n"


def pins() -> dict[str, str]:
    """Return what the lock pins for this Python: name in lower case -> version."""
    try:
        from packaging.markers import Marker
    except ImportError:  # before anything is installed: pip carries a copy
        from pip._vendor.packaging.markers import Marker  # type: ignore[no-redef]
    line = r"^([\w.-]+)==([^\s;]+) *;? *(.*)$"
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {
        name.lower(): version
        for name, version, marker in re.findall(line, text, re.M)
        if not marker or Marker(marker).evaluate()
    }


def installed(name: str) -> str:
    """Return the version of a package that is installed, "" where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def renew() -> None:
    """Resolve requirements.lock with uv, for every Python and system at once.

    What is pinned stays where it fits. Raises CourseError when uv cannot be had, or
    finds no set; nothing is written then.
    """
    lock, python = ROOT / "requirements.lock", sys.executable
    uv = [python, "-m", "pip", "install", "--quiet", "uv"]
    if subprocess.run(uv, check=False).returncode:
        raise CourseError("pip could not install uv; check the network")
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, lock.name)
        if lock.exists():
            draft.write_bytes(lock.read_bytes())
        call = [python, *_COMPILE.format(*PYTHONS[0]).split(), str(draft)]
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            why = done.stderr.strip()
            raise CourseError(f"uv could not resolve pyproject.toml: {why}")
        # What torch brings along for CUDA would be installed on every Linux laptop.
        kept = r"^(?!nvidia-|cuda-|triton==)[\w.-]+==.+\n"
        pinned = re.findall(kept, draft.read_text("utf-8"), re.M)
    storage.write_atomically(lock, (_LOCK + "".join(pinned)).encode())
