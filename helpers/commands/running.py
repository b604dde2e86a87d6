"""run: execute the notebooks, export them as HTML."""

import os
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from helpers import CourseError
from helpers.commands.console import add_model, say, show
from helpers.course import export, notebooks, runner

_RENEWED = "Saved outputs renewed under notebooks/. Look at the changes: git diff"
_NEXT = "Read: build/html/*.html   Open: build/notebooks/*.ipynb   Next: make lab"


def add_run(parser: ArgumentParser) -> None:
    add_model(parser)
    which = "number, name or file (all)"
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help=which)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--in-place", action="store_true", help="renew the saved outputs")
    way.add_argument("--html-only", action="store_true", help="export, do not execute")


def run(options: Namespace) -> int:
    paths = notebooks.series(options.notebooks)
    if not paths:
        raise CourseError(f"{notebooks.NOTEBOOKS}: holds no notebooks")
    if options.html_only:
        folder = export.BUILD / "html"
        for path in paths:
            export.to_html(notebooks.read(path), folder / f"{path.stem}.html")
        say(f"HTML of {len(paths)} notebooks in build/html")
        return 0
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
