"""Words and bars for people, silence for everything else."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    """Tell the person what is going on, on standard error."""
    print(plain(line), file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """Show control characters as escapes: a corpus must not drive a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def plural(count: int, noun: str) -> str:
    """Count things: "1 text", "2,000 texts"."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def show_bars() -> bool:
    """Tell whether a person watches: tests and `make notebooks` set TQDM_DISABLE."""
    return os.environ.get("TQDM_DISABLE", "") in ("", "0")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the notes and bars of transformers and sentence-transformers away."""
    import transformers

    logger, chatty = logging.getLogger("sentence_transformers"), transformers.logging
    before = logger.level, chatty.get_verbosity()
    logger.setLevel(logging.ERROR)
    chatty.set_verbosity_error()
    chatty.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(before[0])
        chatty.set_verbosity(before[1])
