"""Which files are meant by a source: a file, or all that a folder holds."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers import CourseError
from helpers.ingestion.account import Account

TABLES = {".csv": "", ".tsv": "\t", ".tab": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
MARKDOWN = (".md", ".markdown")
SUFFIXES = (*TABLES, *JSON_LINES, ".txt", *MARKDOWN)
#: A folder that holds this file is a BEIR folder: it alone is read.
BEIR = "corpus.jsonl"


@dataclass(frozen=True)
class File:
    """A file to read; `name` is what people see, and where ids begin."""

    path: Path
    name: str

    @property
    def suffix(self) -> str:
        """The end of its name, in small letters."""
        return self.path.suffix.lower()

    def at(self, line: int) -> str:
        """Return the place of a line, which people see; 0 is the whole file."""
        return f"{self.name}, line {line}" if line else self.name


def checked_sources(sources: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return the sources as Paths; raise CourseError when one does not exist."""
    sources = [sources] if isinstance(sources, str | Path) else list(sources)
    if not sources:
        raise CourseError("there is no source; name files or folders to read")
    for source in map(Path, sources):
        if not os.path.exists(source):
            either = "no such file or folder, or a link that leads nowhere"
            raise CourseError(f"{source}: {either}; check the name")
    return [Path(source) for source in sources]


def files(sources: list[Path], account: Account) -> Iterator[File]:
    """Yield every file that can be read, in the order of their names.

    What cannot is refused in the account: links inside a folder (they may lead out of
    it, or in a circle), unknown suffixes, what is no plain file. Hidden files are
    passed over and noted, and so is a file that two sources hold.
    """
    seen: set[Path] = set()
    for source in sources:
        inside = source.is_dir()
        for file in _below(source, account) if inside else [File(source, source.name)]:
            if reason := _why_not(file, inside):
                account.refuse_file(file.name, reason)
            elif (real := file.path.resolve()) in seen:
                account.notes.append(f"{file.name}: passed over, it is read already")
            else:
                seen.add(real)
                yield file


def _below(folder: Path, account: Account) -> Iterator[File]:
    """Yield all files below a folder but the hidden ones, links to folders too."""
    root, hidden = folder.resolve(), 0

    def refuse(error: OSError) -> None:
        account.refuse_file(_name(root, Path(error.filename)), error)

    for here, folders, names in os.walk(root, onerror=refuse):
        shown, below = _shown(names), _shown(folders)
        hidden += len(names) + len(folders) - len(shown) - len(below)
        folders[:] = below
        shown += [name for name in below if os.path.islink(os.path.join(here, name))]
        if BEIR in shown:
            where = _name(root, Path(here))
            account.notes.append(f"{where}: a BEIR folder, {BEIR} alone is read")
            folders[:], shown = [], [BEIR]
        for path in (Path(here, name) for name in sorted(shown)):
            yield File(path, _name(root, path))
    if hidden:
        said = f"{root.name}: hidden files and folders passed over: {hidden:,}"
        account.notes.append(said)


def _shown(names: list[str]) -> list[str]:
    return [name for name in sorted(names) if not name.startswith(".")]


def _name(root: Path, path: Path) -> str:
    """Return a path from its folder's own name on: "notes/plan.md"."""
    name = Path(root.name, path.relative_to(root)).as_posix()
    return os.fsencode(name).decode("utf-8", "replace")  # a name may be any bytes


def _why_not(file: File, inside: bool) -> str:
    """Say why a file is not read, "" if it is; inside: it was found in a folder."""
    if inside and file.path.is_symlink():
        return "is a link, not followed; name its target as a source of its own"
    if file.suffix == ".json":
        return ".json is not read; write one object a line, and call it .jsonl"
    if file.suffix not in SUFFIXES:
        what = file.path.suffix or "a name without an ending"
        return f"{what} is not read; these are: {' '.join(SUFFIXES)}"
    if os.path.exists(file.path) and not os.path.isfile(file.path):
        return "is no plain file"
    return ""
