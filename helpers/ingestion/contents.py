"""What a file holds: its texts one by one, each with its line and its fields."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from helpers import CourseError, records
from helpers.ingestion import columns, folders, tables
from helpers.ingestion.folders import File
from helpers.ingestion.opening import Encoding, broken

#: "text", "id" where there is a column for it, and the labels that are there.
Fields = dict[str, str]
#: Line (0: the whole file) and fields; CourseError for a bad one, None for a blank.
Found = tuple[int, Fields | CourseError | None]
#: The same before columns are chosen: name -> value, which in JSON may be anything.
Record = tuple[int, dict | CourseError | None]
#: So many records are looked at before columns are chosen.
SAMPLE = 100
_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(^[ \t]*(```|~~~)|\Z)", re.M | re.S)
_FRONT = re.compile(r"---[ \t]*\n[\w-]+[ \t]*:.*?\n(---|\.\.\.)[ \t]*(\n|\Z)", re.S)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*)$", re.M)


@dataclass(frozen=True)
class Contents:
    """A file that was looked at: its texts, whenever wanted, and what was guessed."""

    file: File
    texts: Callable[[], Iterable[Found]]
    notes: Iterable[str] = ()


def look(file: File, encoding: Encoding, asked: dict[str, str | None]) -> Contents:
    """Look at the beginning of a file, and choose its delimiter and columns.

    asked: `text_column` and `id_column`, None where they are to be guessed. Raises
    CourseError for a column that is missing or not obvious, OSError from the file.
    """
    if file.suffix in folders.TABLES:
        return _table(file, encoding, asked)
    if file.suffix in folders.JSON_LINES:
        read = partial(_objects, file, encoding)
        return _chosen(file, read, None, asked, [encoding.note])
    return Contents(file, lambda: [_whole(file, encoding)], [encoding.note])


def _table(file: File, encoding: Encoding, asked) -> Contents:
    delimiter, said = folders.TABLES[file.suffix], ""
    if not delimiter:
        with encoding.open(file.path, newline="") as opened:
            delimiter = tables.sniff(opened)
        said = "" if delimiter == "," else f"its delimiter is {delimiter!r}"
    with encoding.open(file.path, newline="") as opened:
        header = next((row for _, row in tables.rows(opened, delimiter) if row), None)
    if not isinstance(header, list):
        why = f"no names of columns in its first row ({header or 'it is blank'})"
        return Contents(file, lambda: [(0, CourseError(why))], [encoding.note])
    read = partial(_rows, file, encoding, delimiter, header)
    return _chosen(file, read, header, asked, [encoding.note, said])


def _chosen(
    file: File,
    read: Callable[[], Iterator[Record]],
    names: list[str] | None,
    asked: dict[str, str | None],
    notes: list[str],
) -> Contents:
    """Choose columns among `names`, without which they are the keys of the sample."""
    sample = [each for _, each in islice(read(), SAMPLE) if isinstance(each, dict)]
    names = names or list(dict.fromkeys(key for each in sample for key in each))
    roles, note = {"text": "text"}, ""  # where no line is an object, all are refused
    if names:
        roles, note = columns.choose(file.name, names, sample, **asked)

    def texts() -> Iterator[Found]:
        for line, each in read():
            if isinstance(each, dict):
                each = _fields(each, roles, file.at(line))
            yield line, each

    return Contents(file, texts, [*notes, note])


def _rows(file, encoding, delimiter, header) -> Iterator[Record]:
    """Yield every row behind the header, which is the first that is not blank."""
    with encoding.open(file.path, newline="") as opened:
        rows = tables.rows(opened, delimiter)
        next((row for _, row in rows if row), None)
        for line, row in rows:
            yield line, row if isinstance(row, CourseError) else _record(row, header)


def _record(row: list[str], header: list[str]) -> dict | CourseError | None:
    if why := broken("".join(row)):
        return CourseError(why)
    if not any(field.strip() for field in row):
        return None
    if len(row) != len(header):
        counts = f"has {len(row)} fields, the header has {len(header)}"
        return CourseError(f"{counts}; quote a text that holds the delimiter")
    return dict(zip(header, row, strict=True))


def _objects(file: File, encoding: Encoding) -> Iterator[Record]:
    with encoding.open(file.path) as opened:
        for number, line in enumerate(map(str.strip, opened), start=1):
            yield number, _object(line, file.at(number)) if line else None


def _object(line: str, place: str) -> dict | CourseError:
    if why := broken(line):
        return CourseError(why)
    try:
        return records.parsed(line, place)
    except CourseError as error:
        return error


def _fields(record: dict, roles: dict[str, str], place: str) -> Fields | CourseError:
    """Return the texts of a record; numbers may be ids and labels."""
    fields = {}
    try:
        for role, key in roles.items():
            value = record.get(key)
            if role == "text":
                fields[role] = records.needed_text(record, key, place)
            elif role == "id":
                fields[role] = records.identifier(record, key, place)
            elif type(value) in (int, float):
                fields[role] = str(value)
            else:
                fields[role] = records.text(record, key, place)
        return fields
    except CourseError as error:
        return error


def _whole(file: File, encoding: Encoding) -> Found:
    """Return a text file as one text; Markdown's first heading is its title.

    On the first line, it is taken out of the text, which has it in front anyway. So is
    front matter, `key: value` between lines of ---, but for its title.
    """
    with encoding.open(file.path) as opened:
        text = opened.read().strip()
    if why := broken(text):
        return 0, CourseError(f"{why}; save the file as UTF-8, or give its --encoding")
    if file.suffix not in folders.MARKDOWN:
        return 0, {"text": text}
    front = _FRONT.match(text)
    text = text[front.end() :].strip() if front else text
    title = _heading(text) or (_title(front[0]) if front else "")
    first, _, rest = text.partition("\n")
    if title and _HEADING.match(first):
        text = rest.strip()
    return 0, {"text": text, "title": title, "front": front[0] if front else ""}


def _title(front: str) -> str:
    """Return the title in front matter, "" if it has none.

    >>> _title('---\\nTitle: "The plan"\\n---')
    'The plan'
    """
    found = re.search(r"^title:[ \t]*(.*)$", front, re.M | re.I)
    return found[1].strip().strip("\"'") if found else ""


def _heading(text: str) -> str:
    """Return the first heading of a Markdown text, "" if it has none.

    >>> _heading("```\\n# a comment\\n```\\n## The plan ##\\n")
    'The plan'
    """
    found = _HEADING.search(_FENCED.sub("", text))
    return found[1].strip().rstrip("#").strip() if found else ""
