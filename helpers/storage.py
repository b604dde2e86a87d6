"""Files that are whole or not there: hashes, atomic writes, one lock."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers import CourseError


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises OSError when the file cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_atomically(path: str | Path, data: bytes) -> Path:
    """Write `data` to `path` so that a reader sees the old file or the new, never half.

    The bytes go to a temporary file in the same folder and are flushed to the disk; the
    file takes the name in one step, and the folder is flushed too. Raises CourseError
    when that fails (a full disk, a folder that may not be written): the old file is
    then untouched and no part is left behind.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise CourseError(
            f"{path}: cannot be written ({error.strerror or error}); nothing was "
            "changed. Choose a folder you may write to, with room on its disk."
        ) from error
    sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names, so that a rename survives a power cut.

    Best effort, as in SQLite: Windows and some network disks cannot do it.
    """
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder to the disk."""
    for file in folder.rglob("*"):
        if file.is_file():
            with open(file, "rb+") as handle:
                os.fsync(handle.fileno())


@contextmanager
def only_writer(folder: Path, busy: str) -> Iterator[None]:
    """Hold the lock of a folder; raise CourseError with `busy` where another holds it.

    The system lets go of the lock when a process is killed.
    """
    from filelock import FileLock, Timeout  # set-up runs before it is installed

    try:
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout as error:
        raise CourseError(busy) from error
