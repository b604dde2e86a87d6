"""What a kind of index brings: a file does these in its way, a server in another.

These methods raise CourseError only, with the name of the index in it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from helpers.corpus import Document
from helpers.store.entries import Entry
from helpers.store.filters import Condition

#: A passage and its score; higher is better.
Found = tuple[Document, float]


class Kind(ABC):
    """An index to read and to change; `base.Store` builds all else on it."""

    @property
    @abstractmethod
    def documents(self) -> list[Document]:
        """All passages, in the order in which their texts came."""

    @property
    @abstractmethod
    def embeddings(self) -> np.ndarray:
        """Vectors of the passages, in their order: (n, d), single precision."""

    @abstractmethod
    def count(self) -> int:
        """How many passages there are."""

    @abstractmethod
    def text_ids(self) -> list[str]:
        """For each passage, in their order, the id of its text."""

    @abstractmethod
    def hashes(self) -> dict[str, str]:
        """Content hash of every text by its id: tells what changed since."""

    @abstractmethod
    def sources(self) -> dict[str, str]:
        """Where every text was read ("lifts.csv, line 3"), by its id."""

    @abstractmethod
    def matches(self, query: str, text: str) -> list[tuple[int, int]]:
        """Start and end of each place in a text that made BM25 find it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the index; more than once does no harm."""

    @abstractmethod
    def _write(self, batch: list[Entry], settings: dict) -> None:
        """Add or replace texts, with the settings, all or nothing."""

    @abstractmethod
    def _delete(self, ids: list[str]) -> int:
        """Remove texts by id; return how many were there."""

    @abstractmethod
    def _known(self, contents: Sequence[str]) -> dict[str, np.ndarray]:
        """Vectors of those passages that are there with the same wording."""

    @abstractmethod
    def _nearest(
        self, vectors: np.ndarray, top_k: int, wanted: list[Condition]
    ) -> list[list[Found]]:
        """Rank by cosine for each query vector, (q, d)."""

    @abstractmethod
    def _with_words(
        self, queries: list[str], top_k: int, wanted: list[Condition]
    ) -> list[list[Found]]:
        """Rank by BM25 for each query; what shares no word with it is left out."""
