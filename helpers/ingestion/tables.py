"""Rows of CSV and TSV files, read by the standard library's csv."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TextIO

from helpers import CourseError

DELIMITERS = ",;\t|"
#: So many lines are looked at to find the delimiter.
SAMPLE = 100
#: A row of more characters than this has lost a closing quote.
LONGEST = 1 << 26
#: Stands for NUL while csv reads, which before Python 3.11 refuses it. Half a character
#: like it cannot stand in a file; the texts are cleaned of both.
NUL = "\ud800"


def sniff(opened: TextIO) -> str:
    """Return the delimiter: the one that gives most rows as many fields as the first.

    >>> import io
    >>> sniff(io.StringIO("id;text\\n1;Hello, world"))
    ';'
    """
    lines = [line.replace("\0", NUL) for line in islice(opened, SAMPLE)]
    return max(DELIMITERS, key=lambda delimiter: _fit(lines, delimiter))


def rows(
    opened: TextIO, delimiter: str
) -> Iterator[tuple[int, str, list[str] | CourseError]]:
    """Yield each row: the line where it begins, its own lines, and its fields.

    A blank line has no fields. A row that is not valid CSV comes as a CourseError;
    reading goes on with its second line, so that one lost quote costs one row.
    """
    lines = _Lines(opened)
    reader = _reader(lines, delimiter)
    while True:
        lines.begin()
        try:
            fields = _next(reader)
        except csv.Error as error:
            why = f"not valid CSV ({error}); close every quote, double those in a text"
            yield lines.first, "".join(lines.row), CourseError(why)
            lines.go_back()
            reader = _reader(lines, delimiter)
            continue
        if fields is None:
            return
        yield lines.first, "".join(lines.row), fields


class _Lines:
    """The lines of a file; those of the row being read can be read once more."""

    def __init__(self, opened: TextIO) -> None:
        self.opened, self.again = opened, deque[str]()
        self.first, self.row, self.size = 1, list[str](), 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else next(self.opened)
        self.row.append(line)
        self.size += len(line)
        if self.size > LONGEST and len(self.row) > 1:
            raise csv.Error(f"a quote is open for {self.size:,} characters")
        return line.replace("\0", NUL)

    def begin(self) -> None:
        """Let a new row begin."""
        self.first += len(self.row)
        self.row, self.size = [], 0

    def go_back(self) -> None:
        """Read all but the first line of this row again."""
        self.again.extendleft(reversed(self.row[1:]))
        self.row = self.row[:1]


def _reader(lines, delimiter):
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _next(reader) -> list[str] | None:
    """Return the next row, however long its fields are; None at the end."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)


def _fit(lines: list[str], delimiter: str) -> tuple[float, int]:
    before = csv.field_size_limit(2**31 - 1)
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    finally:
        csv.field_size_limit(before)
    width = widths[0] if widths else 0
    return (widths.count(width) / len(widths), width) if width > 1 else (0, 0)
