"""What the commands share: how they speak, and the options that several have."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from helpers.progress import plain


def show(options: Namespace, data: object, lines: Sequence[object]) -> None:
    """Print lines for people, or the data where JSON was asked for."""
    if options.json:
        lines = [json.dumps(data, ensure_ascii=False, indent=2)]
    for line in "\n".join(map(str, lines)).split("\n") if lines else ():
        print(line if options.json else plain(line))


def bars() -> bool:
    """Tell whether a person looks on, who wants to see progress."""
    return sys.stderr.isatty()


def add_model(parser: ArgumentParser) -> None:
    what = "bundled (default), a folder, or a Hub name"
    parser.add_argument("--model", metavar="MODEL", help=what)
