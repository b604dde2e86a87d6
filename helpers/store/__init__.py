"""An index that lasts: texts, passages and vectors behind one small interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from helpers import CourseError
from helpers.store.base import Change, Store
from helpers.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["Change", "Store", "open_index"]


def open_index(
    where: str | Path,
    model: SentenceTransformer | None = None,
    *,
    write: bool = False,
    tokens: int | None = None,
    overlap: int | None = None,
) -> Store:
    """Open the index in the file `where`; with `write`, make it if it is not there.

    model: what encodes; without it, the index loads the model it was made with when a
    search by meaning asks for it. tokens, overlap: the length of a passage and what
    neighbours share, for a new index; by default all that the model reads, and an
    eighth of that. Raises CourseError when the file is missing, damaged, in use, no
    index, of a newer course, or made with another model or another length.
    """
    if "://" in str(where):
        raise CourseError(f"{where}: is an address; give the path of an index file")
    return SQLiteStore(where, model, write=write, tokens=tokens, overlap=overlap)
