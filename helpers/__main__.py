"""The command line: python -m helpers COMMAND. A table of contents.

JSON goes to standard output alone, everything else to standard error. Exit status: 0
when all is well, 1 when a notebook failed or the machine is not ready, 2 for a mistake
the user can mend, said in one line.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import takewhile
from typing import NoReturn

from helpers import CourseError
from helpers.progress import say

#: Command -> the module of helpers.commands that holds it, and what it does.
COMMANDS = {
    "doctor": ("course", "is this machine ready for the course?"),
    "index": ("indexing", "make or renew an index of your own files"),
    "search": ("searching", "search a corpus or an index"),
    "report": ("indexing", "describe an index on one page"),
    "evaluate": ("searching", "nDCG@10, MRR@10 and recall@10 on a BEIR folder"),
    "similarity": ("pairs", "correlate cosines with labelled pairs"),
    "fine-tune": ("pairs", "train on labelled pairs, say what changed"),
    "run": ("running", "execute the notebooks"),
    "handout": ("running", "the notebooks as HTML, with and without solutions"),
    "slides": ("running", "the notebooks as slides"),
    "badges": ("running", "say where the course lives: links to Colab, or none"),
    "setup": ("course", "make .venv and install the pinned set"),
    "wheelhouse": ("course", "fill a folder that installs all without a network"),
    "weights": ("course", "fetch the real all-mpnet-base-v2 (404 MB)"),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise CourseError; `main` turns it into one line and exit status 2."""
        stop = "" if message.endswith("?") else ";"
        raise CourseError(f"{message}{stop} see: {self.prog} --help")


class _Command(_Parser):
    """One command: it refuses what it does not know, and points at its own help."""

    def parse_known_args(self, args=None, namespace=None):
        for word in takewhile("--".__ne__, args):
            if re.fullmatch(r"--?[a-zA-Z]\S*", word):
                self._refuse_unknown(word.split("=")[0])
        found, more = super().parse_known_args(args, namespace)
        if more:
            hint = "put a text of several words between quotes"
            self.error(f"unrecognized arguments: {' '.join(more)} ({hint})")
        return found, more

    def _refuse_unknown(self, name):
        known = self._option_string_actions
        if not any(option.startswith(name) for option in known):
            near = get_close_matches(name, known, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            self.error(f"unknown option {name}{meant}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    if hasattr(sys.stdout, "reconfigure"):  # JSON is UTF-8, also in a Windows pipe
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        options = _parser(arguments).parse_args(arguments)
        return options.command(options) or 0
    except CourseError as error:
        complaint = " ".join(str(error).split())
    except ModuleNotFoundError as error:
        complaint = (
            f"the package {error.name!r} is not installed in this Python; run "
            "`make setup`, then activate .venv or call .venv/bin/python"
        )
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` say, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    say(f"error: {complaint}")
    return 2


def _parser(arguments):
    """Describe the commands; only what is called is imported."""
    parser = _Parser(prog="python -m helpers", description="Bitcoin & Barbells: tools.")
    called = next((each for each in arguments if not each.startswith("-")), None)
    commands = parser.add_subparsers(
        metavar="COMMAND", required=True, parser_class=_Command
    )
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="print JSON")
        if name == called:
            room = importlib.import_module(f"helpers.commands.{module}")
            function = name.replace("-", "_")
            getattr(room, f"add_{function}")(command)
            command.set_defaults(command=getattr(room, function))
    return parser


if __name__ == "__main__":
    sys.exit(main())
