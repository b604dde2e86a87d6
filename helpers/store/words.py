"""Questions to FTS5, SQLite's word index, in words that people type."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import chain

from bm25s.stopwords import STOPWORDS_EN

from helpers.retrieval import TOKEN

#: Words of one question to FTS5; the scores of several add up to that of all.
AT_ONCE = 50

_START, _END = "\ue000", "\ue001"  # private characters, which mean nothing in a text
_HIDDEN = dict.fromkeys(map(ord, ("\0", _START, _END)), " ")
_TABLE = "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize='porter unicode61')"
_MARKED = "SELECT highlight(words, 0, ?, ?) FROM words WHERE words MATCH ?"


def expressions(query: str) -> Iterator[str]:
    """Yield FTS5 expressions that ask for any word of a query but English stop words.

    Every word stands in quotes, where no character has a meaning to FTS5.

    >>> list(expressions('NOT the whale* OR "fork"'))
    ['"whale" OR "fork"']
    """
    found = dict.fromkeys(re.findall(TOKEN, query.lower()))
    words = [f'"{word}"' for word in found if word not in STOPWORDS_EN]
    for start in range(0, len(words), AT_ONCE):
        yield " OR ".join(words[start : start + AT_ONCE])


def places(query: str, text: str) -> list[tuple[int, int]]:
    """Start and end of each place in a text that FTS5 finds with a query, in order.

    >>> places("whales pumping 3.125", "A whale pumped 3.125 BTC")
    [(2, 7), (8, 14), (15, 20)]
    """
    text = text.encode(errors="replace").decode().translate(_HIDDEN)
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(_TABLE)
        db.execute("INSERT INTO words VALUES (?)", [text])
        asked = [[_START, _END, expression] for expression in expressions(query)]
        marked = [row[0] for each in asked for row in db.execute(_MARKED, each)]
    return _merged(sorted(chain(*map(_spans, marked))))


def _spans(marked):
    """Spans of what stands between marks, counted without the marks."""
    pieces = re.split(f"[{_START}{_END}]", marked)
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    return list(zip(ends[1:-1:2], ends[2::2], strict=False))


def _merged(spans):
    """Join spans that overlap."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
