"""From fields to Documents: cleaned, each id once, every one in the account."""

from __future__ import annotations

import hashlib
import re

from helpers import CourseError
from helpers.corpus import Document
from helpers.ingestion.account import Account
from helpers.ingestion.contents import Fields, Found
from helpers.ingestion.folders import File

#: NULs and lone surrogates: halves of characters, which no encoding can write.
_UNWRITABLE = re.compile(r"[\0\ud800-\udfff]")


class Keeper:
    """Keeps what is whole and counts the rest; knows every id and text so far."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._ids: dict[str, str] = {}
        self._texts: dict[bytes, str] = {}

    def keep(self, file: File, found: Found) -> Document | None:
        """Return a text as a Document; count it, and return None, where it is none."""
        line, fields = found
        place = f"{file.name}, line {line}" if line else file.name
        self.account.read += 1
        if isinstance(fields, CourseError):
            self.account.refuse(place, fields, file.name)
            return None
        default = f"{file.name}:{line}" if line else file.name
        document = fields and self._document(fields, default, place)
        if not document or not document.content:
            self.account.empty += 1
        elif why := self._why_not(document):
            self.account.refuse(place, why)
        else:
            self.account.kept += 1
            self._remember(document)
            return document
        return None

    def _document(self, fields: Fields, default: str, place: str) -> Document:
        """Return a Document, with the id `default` where the file gives it none."""
        clean = {key: _UNWRITABLE.sub("", value) for key, value in fields.items()}
        self.account.cleaned += clean != fields
        return Document(**{"id": default, "title": ""} | clean, source=place)

    def _why_not(self, document: Document) -> str:
        if not document.id.strip():
            return "its id is blank; give every text one of its own"
        if first := self._ids.get(document.id):
            return f"its id {document.id!r} is also in {first}; every id must be unique"
        return ""

    def _remember(self, document: Document) -> None:
        self._ids[document.id] = document.source
        digest = hashlib.blake2b(document.content.encode(), digest_size=16).digest()
        first = self._texts.setdefault(digest, document.source)
        if first != document.source:
            self.account.duplicate(document.source, first)
