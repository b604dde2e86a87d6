"""In which encoding a file is written, and whether it is text at all."""

import codecs
import re
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TextIO

from charset_normalizer import from_bytes

from helpers import CourseError

BLOCK = 1 << 20
#: So many lines that are not all ASCII are shown to charset-normalizer. Whole lines:
#: of a text that ends within a character it says that it is none.
LINES = 1_000
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
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
    """Find the encoding of a file: its mark's, the wanted one, UTF-8, or a guess.

    A file that is UTF-8 but for some bytes stays UTF-8, opened so that `broken` finds
    them. Raises NotTextError, without the file's name, for what is empty, no text, or
    not written in the wanted encoding; OSError where the file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(BLOCK)
    if head in (b"", codecs.BOM_UTF8, *UTF_16):
        raise NotTextError("is empty; it needs at least one text")
    if reason := next((MAGIC[m] for m in MAGIC if head.startswith(m)), None):
        raise NotTextError(reason)
    mark = "utf-16" if head.startswith(UTF_16) else ""
    sure = mark or wanted
    bad = _first_bad(path, sure or "utf-8-sig")
    if bad and sure:
        why = f"{bad}, which is not {sure.removesuffix('-sig')}"
        raise NotTextError(f"{why}; give another --encoding, or none")
    if bad:
        found = _guessed(path, bad, head)
    else:
        by_mark = mark and not (wanted or "").startswith(mark)
        said = f"read as {mark}, by its mark" if by_mark else ""
        found = Encoding(sure or "utf-8-sig", note=said)
    _refuse_control(head.decode(found.name, "ignore"))
    return found


def broken(text: str) -> str:
    """Say which byte of a text is not UTF-8; "" if all are."""
    if found := _BROKEN.search(text):
        return f"byte 0x{ord(found[0]) - 0xDC00:02x} is not UTF-8"
    return ""


def _first_bad(path: Path, encoding: str) -> str:
    """Say which byte of a file is the first that is not of an encoding; "" if none."""
    with open(path, "rb") as file:
        text = TextIOWrapper(file, encoding)
        try:
            while text.read(BLOCK):
                pass
        except UnicodeDecodeError as error:  # its object ends where the file stands
            offset = file.tell() - len(error.object) + error.start
            file.seek(0)
            line = 1 + file.read(offset).count(b"\n")
            return f"line {line} holds byte 0x{error.object[error.start]:02x}"
    return ""


def _guessed(path: Path, bad: str, head: bytes) -> Encoding:
    """Return UTF-8 where most that is not ASCII is UTF-8, else the likeliest encoding.

    Windows-1252 (which contains Latin-1) comes first wherever charset-normalizer holds
    it possible: of short French or Portuguese texts it guesses cp1257 or cp1250, and
    they lose their accents.
    """
    with open(path, "rb") as file:
        telling = (line for line in file if not line.isascii())
        sample = b"".join(islice(telling, LINES))
    text = sample.decode("utf-8", "surrogateescape")
    foreign = sum(character > "\x7f" for character in text)
    if foreign > 2 * len(_BROKEN.findall(text)):
        note = f"{bad}, the rest is UTF-8; what holds such bytes is refused"
        return Encoding("utf-8-sig", "surrogateescape", note)
    matches = from_bytes(sample, cp_exclusion=UNLIKELY, enable_fallback=False)
    names = [name for m in matches for name in (m.encoding, *m.could_be_from_charset)]
    names.sort(key=lambda name: name != "cp1252")
    name = next((n for n in names if not _first_bad(path, n)), None)
    if name is None or b"\0" in head:
        raise NotTextError(
            f"{bad}, which is not UTF-8, and it does not look like text; "
            "if it is, give its --encoding"
        )
    note = f"{bad}, which is not UTF-8; read as {name}, a guess"
    return Encoding(name, note=f"{note} (--encoding says it for sure)")


def _refuse_control(text: str) -> None:
    if len(_CONTROL.findall(text)) > len(text) / 10:
        raise NotTextError(
            "does not look like text (many NULs or control characters); if it is "
            "UTF-16 without its mark, say --encoding utf-16-le"
        )
