"""An index that lasts: texts, passages and vectors behind one small interface."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.store.base import Change, Store
from helpers.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["Change", "Store", "is_index", "open_index"]


def open_index(
    where: str | Path,
    model: SentenceTransformer | None = None,
    *,
    write: bool = False,
    tokens: int | None = None,
    overlap: int | None = None,
) -> Store:
    """Open the index in the file, or at the address, `where`; `write` may make it.

    An address is that of a Milvus server and a name: "http://127.0.0.1:19530/corpus".
    A token for it stands in MILVUS_TOKEN, a certificate's file in MILVUS_PEM.

    model: what encodes; without it, the index loads the model it was made with when a
    search by meaning asks for it. tokens, overlap: the length of a passage and what
    neighbours share, for a new index; by default all that the model reads, and an
    eighth of that. Raises CourseError when the file is missing, damaged, in use, no
    index, of a newer course, or made with another model or another length.
    """
    how: dict = {"write": write, "tokens": tokens, "overlap": overlap}
    if "://" not in str(where):
        return SQLiteStore(where, model, **how)
    from helpers.store.milvus import MilvusStore  # its client is slow to import

    return MilvusStore(str(where), model, **how)


def is_index(where: str | Path) -> bool:
    """Tell whether this is the address of an index, or a file that holds one."""
    if "://" in str(where):
        return True
    with suppress(OSError), open(where, "rb") as file:
        return file.read(16) == b"SQLite format 3\0"
    return False
