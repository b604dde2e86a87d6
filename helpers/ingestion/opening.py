"""In which encoding a file is written, and whether it is text at all."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TextIO

from charset_normalizer import from_bytes

from helpers import CourseError

BLOCK = 1 << 20
#: So many bytes, around the first that is not UTF-8, are shown to charset-normalizer.
SAMPLE = 1 << 18
#: Byte order marks. The longer ones first: UTF-32's begins with UTF-16's.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: How files begin that are often renamed, or packed, and never text.
MAGIC = {
    b"\x1f\x8b": "is gzip; unpack it first",
    b"PK\x03\x04": "is a zip archive, or an office document; save it as text or CSV",
    b"%PDF-": "is a PDF; save its text as .txt",
    b"SQLite format 3\0": "is an SQLite database; export a table as CSV",
}
#: No text without a mark is written like this.
UNLIKELY = ["utf_7", "utf_16", "utf_16_be", "utf_16_le"]
UNLIKELY += ["utf_32", "utf_32_be", "utf_32_le"]
_CONTROL = re.compile(r"[\0-\x07\x0e-\x1a\x1c-\x1f]")
_BROKEN = re.compile(r"[\udc80-\udcff]")


class NotTextError(CourseError):
    """A file that is no text, or not in the encoding asked for."""


@dataclass(frozen=True)
class Encoding:
    """An encoding, and what to say of it; `errors` is what `open` is given."""

    name: str
    errors: str = "strict"
    note: str = ""

    def open(self, path: Path, newline: str | None = None) -> TextIO:
        """Open a file for reading; newline: as in the built-in `open`."""
        return open(path, encoding=self.name, errors=self.errors, newline=newline)


@dataclass(frozen=True)
class _Bad:
    """The first byte that an encoding cannot read."""

    offset: int
    byte: int

    def at(self, path: Path) -> str:
        with open(path, "rb") as file:
            line = 1 + sum(b.count(b"\n") for b in _blocks(file, self.offset))
        return f"line {line} holds byte 0x{self.byte:02x}"


def checked_encoding(name: str | None) -> str | None:
    """Return the name of an encoding as Python writes it; refuse an unknown one."""
    if name is None:
        return None
    try:
        b" ".decode(name, "ignore")
        found = codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError) as error:
        raise CourseError(
            f"encoding {name!r} is unknown; give one such as utf-8, utf-16, cp1252"
        ) from error
    return "utf-8-sig" if found == "utf-8" else found


def encoding_of(path: Path, wanted: str | None = None) -> Encoding:
    """Find the encoding of a file: the wanted one, its mark's, UTF-8, or a guess.

    A file that is UTF-8 but for some bytes stays UTF-8, opened so that `broken` finds
    them. Raises NotTextError, without the file's name, for what is empty, no text, or
    not written in the wanted encoding; OSError where the file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(BLOCK)
    if head in (b"", *MARKS):
        raise NotTextError("is empty; it needs at least one text")
    if reason := next((MAGIC[m] for m in MAGIC if head.startswith(m)), None):
        raise NotTextError(reason)
    mark = next((MARKS[mark] for mark in MARKS if head.startswith(mark)), "")
    if mark and (wanted or mark).startswith(mark.removesuffix("-sig")):
        said = "" if wanted or mark == "utf-8-sig" else f"read as {mark}, by its mark"
        found = replace(_found(path, mark), note=said)
    else:
        found = _found(path, wanted)
    _refuse_control(head.decode(found.name, "ignore"))
    return found


def broken(text: str) -> str:
    """Say which byte of a text is not UTF-8; "" if all are."""
    if found := _BROKEN.search(text):
        return f"byte 0x{ord(found[0]) - 0xDC00:02x} is not UTF-8"
    return ""


def _found(path: Path, sure: str | None) -> Encoding:
    bad = _first_bad(path, sure or "utf-8-sig")
    if bad is None:
        return Encoding(sure or "utf-8-sig")
    if sure:
        name = sure.removesuffix("-sig")
        raise NotTextError(
            f"{bad.at(path)}, which is not {name}; give another --encoding, or none"
        )
    return _mended(path, bad) or _guessed(path, bad)


def _mended(path: Path, bad: _Bad) -> Encoding | None:
    """Return UTF-8 where more of what is not ASCII is UTF-8 than is not."""
    text = _sample(path, bad).decode("utf-8", "surrogateescape")
    wrong = len(_BROKEN.findall(text))
    if sum(character > "\x7f" for character in text) <= 2 * wrong:
        return None
    note = f"{bad.at(path)}, the rest is UTF-8; what holds such bytes is refused"
    return Encoding("utf-8-sig", "surrogateescape", note)


def _guessed(path: Path, bad: _Bad) -> Encoding:
    """Return the likeliest encoding that can read all of a file.

    Windows-1252 (which contains Latin-1) comes first wherever charset-normalizer holds
    it possible: of short French or Portuguese texts it guesses cp1257 or cp1250, and
    they lose their accents.
    """
    sample = _sample(path, bad)
    matches = from_bytes(sample, cp_exclusion=UNLIKELY, enable_fallback=False)
    names = [name for m in matches for name in (m.encoding, *m.could_be_from_charset)]
    names.sort(key=lambda name: name != "cp1252")
    name = next((n for n in names if _first_bad(path, n) is None), None)
    if name is None or b"\0" in sample:
        raise NotTextError(
            f"{bad.at(path)}, which is not UTF-8, and it does not look like text; "
            "if it is, give its --encoding"
        )
    note = f"{bad.at(path)}, which is not UTF-8; read as {name}, a guess"
    return Encoding(name, note=f"{note} (--encoding says it for sure)")


def _sample(path: Path, bad: _Bad) -> bytes:
    """Return bytes around the first that is not UTF-8, from the start of a line."""
    with open(path, "rb") as file:
        file.seek(max(0, bad.offset - SAMPLE // 4))
        sample = file.read(SAMPLE)
    if bad.offset <= SAMPLE // 4:
        return sample
    before, newline, after = sample.partition(b"\n")
    return after if newline and len(before) < SAMPLE // 4 else sample


def _first_bad(path: Path, encoding: str) -> _Bad | None:
    """Return the first byte of a file that is not of an encoding, read in blocks."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with open(path, "rb") as file:
        for block in chain(_blocks(file), [b""]):
            done += len(block)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:  # its object may begin before the block
                offset = max(0, done - len(error.object) + error.start)
                return _Bad(offset, error.object[error.start])
    return None


def _blocks(file, limit: float = float("inf")) -> Iterator[bytes]:
    """Yield a file in blocks, its first `limit` bytes."""
    while block := file.read(int(min(BLOCK, limit))):
        limit -= len(block)
        yield block


def _refuse_control(text: str) -> None:
    if len(_CONTROL.findall(text)) > len(text) / 10:
        raise NotTextError(
            "does not look like text (many NULs or control characters); if it is "
            "UTF-16 without its mark, say --encoding utf-16-le"
        )
