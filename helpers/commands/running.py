"""run: execute the notebooks, export them as HTML."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from helpers import CourseError
from helpers.commands.console import add_json_and_model, print_json, say
from helpers.course import export, notebooks, runner

_RENEWED = "Saved outputs renewed under notebooks/. Look at the changes: git diff"
_NEXT = "Read: build/html/*.html   Open: build/notebooks/*.ipynb   Next: make lab"


def add_run(parser: ArgumentParser) -> None:
    """Describe the options of `run`."""
    add_json_and_model(parser)
    which = "number, name or file (all)"
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help=which)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--in-place", action="store_true", help="renew the saved outputs")
    way.add_argument("--html-only", action="store_true", help="export, do not execute")


def run(options: Namespace) -> int:
    """Execute notebooks and print a table; 1 when one failed."""
    paths = notebooks.series(options.notebooks)
    if not paths:
        raise CourseError(f"{notebooks.NOTEBOOKS}: holds no notebooks")
    if options.html_only:
        for path in paths:
            export.to_html(notebooks.read(path), export.html_of(path))
        say(f"HTML of {len(paths)} notebooks in build/html")
        return 0
    model = _from_anywhere(options.model)
    results = runner.run_series(paths, in_place=options.in_place, model=model)
    if options.json:
        print_json([asdict(result) for result in results])
    else:
        _print_table(results)
        print(_RENEWED if options.in_place else _NEXT)
    return 0 if all(result.passed for result in results) else 1


def _from_anywhere(model: str | None) -> str | None:
    """The kernels run in notebooks/: a folder named from here must be found there."""
    return os.path.abspath(model) if model and os.path.isdir(model) else model


def _print_table(results: list[runner.Result]) -> None:
    width = max(len(result.notebook) for result in results)
    print(f"{'notebook':<{width}}  {'cells':>5}  {'seconds':>7}  passed")
    for result in results:
        word = "yes" if result.passed else f"NO: {result.error}"
        name, seconds = f"{result.notebook:<{width}}", f"{result.seconds:>7.1f}"
        print(f"{name}  {result.cells:>5}  {seconds}  {word}")
