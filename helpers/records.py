"""JSON Lines and tab-separated lines, read one by one; a mistake has its place."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from helpers import CourseError


def existing(path: str | Path) -> Path:
    """Return `path` as a Path, or raise CourseError when no file lies there."""
    path = Path(path)
    if path.is_dir():
        raise CourseError(f"{path}: is a folder; give the file inside it")
    if not path.is_file():
        raise CourseError(f"{path}: no such file; check the name and the folder")
    return path


def lines(file: Path) -> Iterator[tuple[str, str]]:
    r"""Yield place ("file, line n") and text of every line that is not blank.

    Lines end at \n (or \r\n) alone: `str.splitlines` would also cut at U+2028, which
    JSON allows inside a text. Raises CourseError for what is not UTF-8, and for a file
    without a line.
    """
    empty = True
    try:
        with open(file, "rb") as opened:
            for number, raw in enumerate(opened, start=1):
                place = f"{file}, line {number}"
                line = _decoded(raw.rstrip(b"\r\n"), place)
                if line.strip():
                    empty = False
                    yield place, line
    except OSError as error:
        raise CourseError(f"{file}: cannot be read ({error.strerror})") from error
    if empty:
        refuse_empty(file)


def objects(file: Path) -> Iterator[tuple[str, dict]]:
    """Yield place and JSON object of every line that is not blank."""
    for place, line in lines(file):
        yield place, parsed(line, place)


def parsed(line: str, place: str) -> dict:
    """Return a line's JSON object.

    Raises CourseError for anything else, for NaN, and for a key that is there twice.
    """
    try:
        record = json.loads(
            line, object_pairs_hook=_each_once, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        why = str(error)
        if isinstance(error, json.JSONDecodeError):
            why = f"{error.msg}, character {error.colno}"
        raise CourseError(
            f"{place}: not valid JSON ({why}); each line must be one object"
        ) from error
    if not isinstance(record, dict):
        raise CourseError(f"{place}: expected an object in braces, got {line[:40]!r}")
    return record


def identified(file: Path) -> Iterator[tuple[str, dict]]:
    """Yield place and object as `objects` does; every `_id` is a text of its own."""
    seen: dict[str, str] = {}
    for place, record in objects(file):
        record["_id"] = found = identifier(record, "_id", place)
        if found in seen:
            raise CourseError(
                f'{place}: "_id" {found!r} is also in {seen[found]}; '
                "every id must be its own"
            )
        seen[found] = place.rpartition(", ")[2]
        yield place, record


def text(record: dict, key: str, place: str) -> str:
    """Return a text field that may be missing, or null: then it is ""."""
    value = record.get(key)
    return "" if value is None else _checked_text(value, key, place)


def needed_text(record: dict, key: str, place: str) -> str:
    """Return a text field; raise CourseError where it is missing."""
    if key not in record:
        raise CourseError(f'{place}: "{key}" is missing; every line needs one')
    return _checked_text(record[key], key, place)


def identifier(record: dict, key: str, place: str) -> str:
    """Return a record's id, a whole number made a text; refuse a blank one."""
    found = record.get(key)
    if type(found) is int:
        return str(found)
    if not isinstance(found, str) or not found.strip():
        shown = "missing" if key not in record else f"{found!r}"
        raise CourseError(
            f'{place}: "{key}" is {shown}; give every line an id of its own'
        )
    return found


def refuse_empty(file: Path) -> None:
    """Raise CourseError."""
    raise CourseError(f"{file}: is empty; it needs at least one line of data")


def _decoded(raw, place):
    try:
        return raw.decode("utf-8-sig")  # a file may begin with a byte order mark
    except UnicodeDecodeError as error:
        raise CourseError(
            f"{place}: byte 0x{error.object[error.start]:02x} is not UTF-8; save the "
            "file as UTF-8 (it may be UTF-16, Windows-1252 or Latin-1 now)"
        ) from error


def _each_once(pairs):
    record = dict(pairs)
    if len(record) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} is there twice")
    return record


def _refuse_constant(name):
    raise ValueError(f"{name} is no JSON number")


def _checked_text(value, key, place):
    if not isinstance(value, str):
        raise CourseError(f'{place}: "{key}" is {value!r}; it must be a text in quotes')
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise CourseError(
            f'{place}: "{key}" holds half a character (a lone surrogate such as '
            "\\ud83d); write the file again with whole characters"
        )
    return value
