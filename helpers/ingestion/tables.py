"""Rows of CSV and TSV files, read by the standard library's csv."""

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TextIO

from helpers import CourseError

DELIMITERS = ",;\t|"
#: So many lines are looked at to find the delimiter.
SAMPLE = 100
#: Stands for NUL while csv reads, which before Python 3.11 refuses it. Half a character
#: like it cannot stand in a file.
NUL = "\ud800"

csv.field_size_limit(2**31 - 1)  # else a field of 131,073 characters is refused


def sniff(opened: TextIO) -> str:
    """Return the delimiter: the one that gives most rows as many fields as the first.

    >>> import io
    >>> sniff(io.StringIO("id;text\\n1;Hello, world"))
    ';'
    """
    lines = [line.replace("\0", NUL) for line in islice(opened, SAMPLE)]

    def fit(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        width = widths[0] if widths else 0
        return (widths.count(width) / len(widths), width) if width > 1 else (0, 0)

    return max(DELIMITERS, key=fit)


def rows(
    opened: TextIO, delimiter: str
) -> Iterator[tuple[int, list[str] | CourseError]]:
    """Yield each row: the line where it begins, and its fields.

    A blank line has no fields. A row that is not valid CSV comes as a CourseError;
    reading goes on with its second line, so that one lost quote costs one row.
    """
    row, again, first = list[str](), deque[str](), 1

    def lines() -> Iterator[str]:
        while line := again.popleft() if again else opened.readline():
            row.append(line)
            yield line.replace("\0", NUL)

    while True:
        try:
            read = next(csv.reader(lines(), delimiter=delimiter, strict=True), None)
            if read is None:
                return
            yield first, [field.replace(NUL, "\0") for field in read]
        except csv.Error as error:
            why = f"not valid CSV ({error}); close every quote, double those in a text"
            yield first, CourseError(why)
            again.extendleft(reversed(row[1:]))
            del row[1:]
        first += len(row)
        row.clear()
