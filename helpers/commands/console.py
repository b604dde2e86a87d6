"""What the commands share: how they speak, and the options that several have."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from helpers import models
from helpers.progress import plain, say

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Said before the first wait.
LOADING = "loading the model ..."


def show(options: Namespace, data: object, lines: Sequence[object]) -> None:
    """Print lines for people, or the data where JSON was asked for."""
    if options.json:
        lines = [json.dumps(data, ensure_ascii=False, indent=2)]
    for line in "\n".join(map(str, lines)).split("\n") if lines else ():
        print(line if options.json else plain(line))


def bars() -> bool:
    """Tell whether a person looks on, who wants to see progress."""
    return sys.stderr.isatty()


def given_model(options: Namespace) -> SentenceTransformer | None:
    """Load the model of --model, and say so; without it, None."""
    if not options.model:
        return None
    say(LOADING)
    return models.load_model(options.model)


def add_model(parser: ArgumentParser) -> None:
    what = "bundled (default), a folder, or a Hub name"
    parser.add_argument("--model", metavar="MODEL", help=what)
