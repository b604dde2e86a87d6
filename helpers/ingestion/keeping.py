"""From fields to Documents: cleaned, each id once, every one in the account."""

import hashlib
import re
from collections.abc import Iterator

from helpers import CourseError
from helpers.corpus import Document
from helpers.ingestion.account import Account
from helpers.ingestion.contents import Contents, Fields
from helpers.ingestion.folders import File

#: NULs and lone surrogates: halves of characters, which no encoding can write.
_UNWRITABLE = re.compile(r"[\0\ud800-\udfff]")


class Keeper:
    """Keeps what is whole and counts the rest; knows every id and text so far."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._ids: dict[str, str] = {}
        self._texts: dict[bytes, str] = {}

    def documents(self, contents: Contents) -> Iterator[Document]:
        """Yield the texts of a file; what turns unreadable on the way is refused."""
        file, account = contents.file, self.account
        try:
            for line, fields in contents.texts():
                account.read += 1
                if isinstance(fields, CourseError):
                    account.refuse(file.at(line), fields, file.name)
                    continue
                document = fields and self._document(file, line, fields)
                if not document or not document.content:
                    account.empty += 1
                elif first := self._ids.get(document.id):
                    same = f"its id {document.id!r} is also in {first}"
                    account.refuse(file.at(line), f"{same}; every id must be unique")
                else:
                    account.kept += 1
                    self._remember(document)
                    yield document
        except (OSError, UnicodeError) as error:
            account.refuse_file(file.name, error)

    def _document(self, file: File, line: int, fields: Fields) -> Document:
        """Return a Document, whose place is its id where the file gives it none."""
        clean = {key: _UNWRITABLE.sub("", value) for key, value in fields.items()}
        self.account.cleaned += clean != fields
        default = f"{file.name}:{line}" if line else file.name
        identifier = clean.pop("id", "") or default
        title = clean.pop("title", "")
        self.account.front_matter += bool(clean.pop("front", ""))
        return Document(identifier, title, source=file.at(line), **clean)

    def _remember(self, document: Document) -> None:
        self._ids[document.id] = document.source
        digest = hashlib.blake2b(document.content.encode(), digest_size=16).digest()
        first = self._texts.setdefault(digest, document.source)
        if first != document.source:
            self.account.duplicate(document.source, first)
