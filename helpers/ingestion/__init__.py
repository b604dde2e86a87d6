"""Files of all kinds become Documents, with an account of what became of each text.

Tables (.csv, .tsv, .tab), JSON Lines (.jsonl, .ndjson), texts (.txt, .md, .markdown),
folders of these, BEIR folders. Nothing is dropped in silence: what cannot be read is
refused with its place and the reason, and the counts add up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from helpers import CourseError
from helpers.corpus import Document
from helpers.ingestion import folders
from helpers.ingestion.account import Account
from helpers.ingestion.contents import Contents, look
from helpers.ingestion.folders import File
from helpers.ingestion.keeping import Keeper
from helpers.ingestion.opening import NotTextError, checked_encoding, encoding_of


@dataclass
class Reading:
    """Documents, streamed; `account` tells of the iteration that began last."""

    sources: list[Path]
    asked: dict[str, str | None]
    encoding: str | None
    account: Account = field(default_factory=Account)

    def __iter__(self) -> Iterator[Document]:
        """Look at all files, then yield their texts one by one, with a new account.

        Raises CourseError, before the first text, for a column that is missing or not
        obvious; and at the end when there was nothing to keep.
        """
        self.account = account = Account()
        keeper = Keeper(account)
        found = [
            self._look(file, account) for file in folders.files(self.sources, account)
        ]
        for contents in filter(None, found):
            yield from keeper.documents(contents)
        if not account.kept:
            shown = ", ".join(map(str, self.sources))
            first = f"; {account.refused[0]}" if account.refused else ""
            counts = str(account).splitlines()[0]
            raise CourseError(f"{shown}: no text to keep. {counts}{first}")

    def _look(self, file: File, account: Account) -> Contents | None:
        """Return what a file holds; refuse it, and return None, when it is no text."""
        try:
            encoding = encoding_of(file.path, self.encoding)
            contents = look(file, encoding, self.asked)
        except (NotTextError, OSError, UnicodeError) as error:
            account.refuse_file(file.name, error)
            return None
        account.notes += [f"{file.name}: {note}" for note in contents.notes if note]
        return contents


def read(
    sources: str | Path | Iterable[str | Path],
    *,
    text_column: str | None = None,
    id_column: str | None = None,
    encoding: str | None = None,
) -> Reading:
    """Return a Reading of files and folders; nothing is read before it is iterated.

    text_column, id_column: the names of columns (CSV) or keys (JSON Lines), guessed
    where they are not given. Without an id column, ids are "FILE:LINE", and the name of
    a text file. encoding: of all files; without it each one's is found. Raises
    CourseError for a source that does not exist and for an unknown encoding.
    """
    asked = {"text_column": text_column, "id_column": id_column}
    return Reading(folders.checked_sources(sources), asked, checked_encoding(encoding))
