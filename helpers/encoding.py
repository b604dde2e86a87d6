"""The one door from texts to vectors, and what is lost on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helpers import CourseError
from helpers.progress import quiet

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Texts that are tokenised at once to find the long ones.
_BATCH = 1_000


@dataclass(frozen=True)
class Truncation:
    """One text that is longer than the model reads. Counts include [CLS] and [SEP]."""

    index: int
    tokens: int
    kept: int
    tail: str

    @property
    def lost(self) -> int:
        """How many tokens the model never sees."""
        return self.tokens - self.kept


def encode(
    model: SentenceTransformer,
    texts: Iterable[str],
    *,
    batch_size: int = 32,
    show_progress_bar: bool = False,
) -> np.ndarray:
    """Encode n texts to rows of length 1: (n, d), single precision.

    Raises CourseError for what is not a text, and for a set, which has no order.
    """
    texts = _checked(texts)
    if not texts:
        return np.empty((0, model.get_embedding_dimension()), dtype=np.float32)
    return model.encode(
        texts,
        batch_size=batch_size,
        normalize_embeddings=True,
        show_progress_bar=show_progress_bar,
    )


def truncation_report(
    model: SentenceTransformer, texts: Sequence[str]
) -> list[Truncation]:
    """Tell which texts are longer than the model reads, and what it drops of them.

    Returns one Truncation for each text that loses tokens, in the order of `texts`; an
    empty list when nothing is lost.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    kept = model.get_max_seq_length() or model.tokenizer.model_max_length
    report = []
    with quiet():  # the tokenizer warns of the very thing that is measured
        for first in range(0, len(texts), _BATCH):
            batch = texts[first : first + _BATCH]
            encoded = model.tokenizer(
                batch, truncation=False, return_offsets_mapping=True
            )
            for row, offsets in enumerate(encoded["offset_mapping"]):
                if len(offsets) > kept:
                    # The closing [SEP] takes the last place: one token fewer is read.
                    tail = batch[row][offsets[kept - 1][0] :]
                    report.append(Truncation(first + row, len(offsets), kept, tail))
    return report


def _checked(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str | set | frozenset):
        raise CourseError(
            f"texts are a {type(texts).__name__}; give a list of texts, in an order"
        )
    texts = list(texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise CourseError(
                f"texts[{number}] is {text!r}; every text must be a text in quotes"
            )
    return texts
