"""What a file holds: its texts one by one, each with its line and its fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from helpers import CourseError, records
from helpers.ingestion import columns, folders, tables
from helpers.ingestion.columns import Columns
from helpers.ingestion.folders import File
from helpers.ingestion.opening import Encoding, broken

#: "text", "id" where there is a column for it, and the labels that are there.
Fields = dict[str, str]
#: Line (0: the whole file) and fields; CourseError for a bad one, None for a blank.
Found = tuple[int, Fields | CourseError | None]
Row = tuple[int, list[str] | CourseError]
#: So many rows are looked at before columns are chosen.
SAMPLE = 100
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$")


@dataclass(frozen=True)
class Contents:
    """A file that was looked at: its texts, whenever wanted, and what was guessed."""

    file: File
    texts: Callable[[], Iterable[Found]]
    notes: tuple[str, ...] = ()


def look(file: File, encoding: Encoding, asked: dict[str, str | None]) -> Contents:
    """Look at the beginning of a file, and choose its delimiter and columns.

    asked: `text_column` and `id_column`, None where they are to be guessed. Raises
    CourseError for a column that is missing or not obvious, OSError from the file.
    """
    if file.suffix in folders.TABLES:
        return _table(file, encoding, asked)
    if file.suffix in folders.JSON_LINES:
        return _json_lines(file, encoding, asked)
    return Contents(file, lambda: [_whole(file, encoding)], (encoding.note,))


def _table(file: File, encoding: Encoding, asked) -> Contents:
    delimiter, said = folders.TABLES[file.suffix], ""
    if not delimiter:
        with encoding.open(file.path, newline="") as opened:
            delimiter = tables.sniff(opened)
        said = "" if delimiter == "," else f"its delimiter is {delimiter!r}"
    rows = partial(_rows, file, encoding, delimiter)
    header, *sample = [row for _, row in islice(rows(), SAMPLE) if row] or [[]]
    if isinstance(header, CourseError) or not header:
        why = f"no names of columns in its first row ({header or 'it is blank'})"
        return Contents(file, lambda: [(0, CourseError(why))], (encoding.note,))
    named = [
        dict(zip(header, row, strict=False)) for row in sample if isinstance(row, list)
    ]
    chosen = columns.choose(file.name, header, named, **asked)
    notes = (encoding.note, said, chosen.note)
    return Contents(file, lambda: _records(rows(), header, chosen), notes)


def _rows(file: File, encoding: Encoding, delimiter: str) -> Iterator[Row]:
    with encoding.open(file.path, newline="") as opened:
        for line, raw, row in tables.rows(opened, delimiter):
            why = broken(raw) if encoding.errors != "strict" else ""
            yield line, CourseError(why) if why else row


def _records(
    rows: Iterator[Row], header: list[str], chosen: Columns
) -> Iterator[Found]:
    """Yield the fields of every row behind the header."""
    places = {role: header.index(name) for role, name in chosen.roles.items()}
    next(row for _, row in rows if row)
    for line, row in rows:
        if isinstance(row, CourseError):
            yield line, row
        elif not any(field.strip() for field in row):
            yield line, None
        elif len(row) != len(header):
            counts = f"has {len(row)} fields, the header has {len(header)}"
            yield line, CourseError(f"{counts}; quote a text that holds the delimiter")
        else:
            yield line, {role: row[place] for role, place in places.items()}


def _json_lines(file: File, encoding: Encoding, asked) -> Contents:
    found = islice(_objects(file, encoding), SAMPLE)
    sample = [each for _, each, _ in found if isinstance(each, dict)]
    names = list(dict.fromkeys(key for each in sample for key in each))
    chosen = Columns("text")  # where no line is an object, all are refused anyway
    if names:
        chosen = columns.choose(file.name, names, sample, **asked)
    return Contents(
        file,
        lambda: (
            (n, _fields(each, chosen, place) if isinstance(each, dict) else each)
            for n, each, place in _objects(file, encoding)
        ),
        (encoding.note, chosen.note),
    )


def _objects(
    file: File, encoding: Encoding
) -> Iterator[tuple[int, dict | CourseError | None, str]]:
    with encoding.open(file.path) as opened:
        for number, line in enumerate(opened, start=1):
            place = f"{file.name}, line {number}"
            yield number, _object(line, place), place


def _object(line: str, place: str) -> dict | CourseError | None:
    line = line.strip()
    if not line:
        return None
    try:
        return (
            CourseError(why) if (why := broken(line)) else records.parsed(line, place)
        )
    except CourseError as error:
        return error


def _fields(record: dict, chosen: Columns, place: str) -> Fields | CourseError:
    """Return the texts of a JSON object; numbers may be ids and labels."""
    try:
        fields = {"text": records.needed_text(record, chosen.text, place)}
        if chosen.id:
            fields["id"] = records.identifier(record, chosen.id, place)
        for label, key in chosen.labels.items():
            value = record.get(key)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            fields[label] = str(value) if number else records.text(record, key, place)
        return fields
    except CourseError as error:
        return error


def _whole(file: File, encoding: Encoding) -> Found:
    """Return a text file as one text; Markdown's first heading is its title.

    On the first line, it is taken out of the text, which has it in front anyway. Front
    matter stays in, so that its words can be found.
    """
    with encoding.open(file.path) as opened:
        text = opened.read().strip()
    if why := broken(text):
        return 0, CourseError(f"{why}; save the file as UTF-8, or give its --encoding")
    title = _heading(text) if file.suffix in folders.MARKDOWN else ""
    first, _, rest = text.partition("\n")
    if title and _HEADING.match(first):
        text = rest.strip()
    return 0, {"text": text, "title": title}


def _heading(text: str) -> str:
    """Return the first heading of a Markdown text, "" if it has none.

    >>> _heading("```\\n# a comment\\n```\\n## The plan ##\\n")
    'The plan'
    """
    fenced = False
    for line in text.split("\n"):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and (found := _HEADING.match(line)):
            return found[1]
    return ""
