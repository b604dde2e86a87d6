"""What the commands share: how they speak, and the options that several have."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser


def say(line: str) -> None:
    """Tell the person what is going on, on standard error."""
    print(line, file=sys.stderr, flush=True)


def show(report, options) -> None:
    """Print a report for people, or as JSON where that was asked for."""
    if options.json:
        print_json(report.to_json())
    else:
        print(report)


def print_json(value: object) -> None:
    """Print one JSON document on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


def bars() -> bool:
    """Tell whether a person looks on, who wants to see progress."""
    return sys.stderr.isatty()


def plain(text: str) -> str:
    """Show control characters of a text as escapes: a corpus must not drive a terminal.

    >>> plain("a" + chr(27) + "[2Jb")
    'a\\\\x1b[2Jb'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def add_json(parser: ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_json_and_model(parser: ArgumentParser) -> None:
    """Add --json and --model."""
    add_json(parser)
    what = "bundled (default), a folder, or a Hub name"
    parser.add_argument("--model", metavar="MODEL", help=what)
