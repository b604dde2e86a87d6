"""Which files are meant by a source: a file, or all that a folder holds."""

from __future__ import annotations

import os
import stat
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


def checked_sources(sources: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return the sources as Paths; raise CourseError when one does not exist."""
    sources = [sources] if isinstance(sources, str | Path) else list(sources)
    if not sources:
        raise CourseError("there is no source; name files or folders to read")
    for source in map(Path, sources):
        if not os.path.lexists(source):
            raise CourseError(f"{source}: no such file or folder; check the name")
        if not os.path.exists(source):
            raise CourseError(f"{source}: is a link that leads nowhere, or in a circle")
    return [Path(source) for source in sources]


def files(sources: list[Path], account: Account) -> Iterator[File]:
    """Yield every file that can be read, in the order of their names.

    What cannot is refused in the account: links inside a folder (they may lead out of
    it, or in a circle), unknown suffixes, what is no plain file. Hidden files are
    passed over and noted, and so is a file that two sources hold.
    """
    seen: set[Path] = set()
    for source in sources:
        folder = source.is_dir()
        for file in _below(source, account) if folder else [File(source, source.name)]:
            reason = _why_not(file.path, source if folder else None)
            if reason:
                account.refuse_file(file.name, reason)
            elif (real := file.path.resolve()) in seen:
                account.note(f"{file.name}: passed over, it is read already")
            else:
                seen.add(real)
                yield file


def _below(folder: Path, account: Account) -> Iterator[File]:
    """Yield all files below a folder but the hidden ones, links to folders too."""
    root, hidden = folder.resolve(), 0

    def refuse(error: OSError) -> None:
        reason = f"cannot be read ({error.strerror}); check its permissions"
        account.refuse_file(_name(root, Path(error.filename)), reason)

    for here, folders, names in os.walk(root, onerror=refuse):
        shown, below = _shown(names), _shown(folders)
        hidden += len(names) + len(folders) - len(shown) - len(below)
        links = [name for name in below if os.path.islink(os.path.join(here, name))]
        folders[:] = [name for name in below if name not in links]
        if BEIR in shown:
            where = _name(root, Path(here))
            account.note(f"{where}: a BEIR folder, {BEIR} alone is read")
            folders[:], links, shown = [], [], [BEIR]
        for name in sorted(shown + links):
            path = Path(here, name)
            yield File(path, _name(root, path))
    if hidden:
        account.note(f"{root.name}: hidden files and folders passed over: {hidden:,}")


def _shown(names: list[str]) -> list[str]:
    return [name for name in sorted(names) if not name.startswith(".")]


def _name(root: Path, path: Path) -> str:
    """Return a path from its folder's own name on: "notes/plan.md"."""
    name = Path(root.name, path.relative_to(root)).as_posix()
    return os.fsencode(name).decode("utf-8", "replace")  # a name may be any bytes


def _why_not(path: Path, folder: Path | None) -> str:
    """Say why a file is not read, "" if it is; folder: the source it was found in."""
    if folder and path.is_symlink():
        return _link(path, folder.resolve())
    if path.suffix.lower() == ".json":
        return ".json is not read; write one object a line, and call it .jsonl"
    if path.suffix.lower() not in SUFFIXES:
        what = path.suffix or "a name without an ending"
        return f"{what} is not read; these are: {' '.join(SUFFIXES)}"
    try:
        plain = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        return f"cannot be read ({error.strerror}); check its permissions"
    return "" if plain else "is no plain file"


def _link(path: Path, root: Path) -> str:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle, before Python 3.13
        return "is a link that leads nowhere, or in a circle"
    if path.is_relative_to(target):
        return "is a link to a folder that it lies in, a circle"
    if target.is_relative_to(root):
        return "is a link to something in this folder, which is read in its own place"
    return "is a link that leaves the folder; name its target as a source of its own"
