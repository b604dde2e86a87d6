"""run, handout, slides, badges: execute the notebooks, export them, address them."""

import os
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from helpers import ROOT, CourseError, storage
from helpers.commands.console import add_model, show
from helpers.course import colab, notebooks, runner
from helpers.course import handout as pages
from helpers.course import slides as decks

_RENEWED = "Saved outputs renewed under notebooks/. Look at the changes: git diff"
_NEXT = "Read: build/html/*.html   Open: build/notebooks/*.ipynb   Next: make lab"


def add_run(parser: ArgumentParser) -> None:
    add_model(parser)
    add_slides(parser)
    renew = "renew the saved outputs"
    parser.add_argument("--in-place", action="store_true", help=renew)


def run(options: Namespace) -> int:
    paths = notebooks.series(options.notebooks)
    if not paths:
        raise CourseError(f"{notebooks.NOTEBOOKS}: holds no notebooks")
    model = options.model
    if model and os.path.isdir(model):  # the kernels run in notebooks/
        model = os.path.abspath(model)
    results = runner.run_series(paths, in_place=options.in_place, model=model)
    after = _RENEWED if options.in_place else _NEXT
    show(options, [asdict(result) for result in results], [*_table(results), after])
    return 0 if all(result.passed for result in results) else 1


def _table(results):
    width = max(len(result.notebook) for result in results)
    row = f"{{:<{width}}}  {{:>5}}  {{:>7}}  {{}}".format
    yield row("notebook", "cells", "seconds", "passed")
    for result in results:
        word = "yes" if result.passed else f"NO: {result.error}"
        yield row(result.notebook, result.cells, f"{result.seconds:.1f}", word)


def add_handout(parser: ArgumentParser) -> None: ...


def handout(options: Namespace) -> None:
    folder = pages.write()
    found = {"folder": str(folder), "zip": f"{folder}.zip"}
    show(options, found, [f"Read: {folder / 'index.html'}   To hand out: {folder}.zip"])


def add_slides(parser: ArgumentParser) -> None:
    """Take the numbers, names or files of notebooks."""
    which = "number, name or file (all)"
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help=which)


def slides(options: Namespace) -> None:
    folder = decks.write(notebooks.series(options.notebooks))
    how = "Arrows turn the pages, S opens the notes, O shows all."
    show(options, {"folder": str(folder)}, [f"Open: {folder}/*.html   {how}"])


def add_badges(parser: ArgumentParser) -> None:
    owner = "owner/name on GitHub; OWNER/name takes the links out"
    parser.add_argument("repository", metavar="REPO", help=owner)
    branch = "branch or tag (%(default)s)"
    parser.add_argument("--ref", default="main", metavar="REF", help=branch)


def badges(options: Namespace) -> None:
    address = colab.checked(options.repository, options.ref)
    project, readme = ROOT / "pyproject.toml", ROOT / "README.md"
    new = {
        project: colab.in_project(project.read_text("utf-8"), address),
        readme: colab.in_readme(readme.read_text("utf-8"), address),
    }
    for path in notebooks.series():
        page = notebooks.read(path)
        colab.carry_address(page, path.stem, address)
        new[path] = notebooks.text_of_file(page)
    paths = [path for path, text in new.items() if path.read_text("utf-8") != text]
    for path in paths:  # nothing is written before all was read
        storage.write_atomically(path, new[path].encode())
    changed = [path.relative_to(ROOT).as_posix() for path in paths]
    show(options, {"changed": changed}, changed or ["nothing to change"])
