"""Files that are whole or not there: hashes and atomic writes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
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

    The bytes go to a temporary file in the same folder, are flushed to the disk, and
    take the name in one step. Raises CourseError when that fails (a full disk, a folder
    that may not be written): the old file is then untouched and no part is left behind.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        reason = error.strerror or error
        raise CourseError(
            f"{path}: cannot be written ({reason}); nothing was changed. "
            "Choose a folder you may write to, with room on its disk."
        ) from error
    return path


def _umask() -> int:
    """Return the umask of this process; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
