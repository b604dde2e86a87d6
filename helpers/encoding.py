"""The one door from texts to vectors, and what is lost on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from helpers import CourseError
from helpers.progress import quiet

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


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
    role: Literal["query", "document", ""] = "",
    batch_size: int = 32,
    show_progress_bar: bool = False,
) -> np.ndarray:
    """Encode n texts to rows of length 1: (n, d), single precision.

    role: on which side of a search they stand; some models put a prompt before each.
    Raises CourseError for what is not a text, and for a set, which has no order.
    """
    texts = _checked(texts)
    if not texts:
        return np.empty((0, model.get_embedding_dimension()), dtype=np.float32)
    way = {"query": model.encode_query, "document": model.encode_document}
    return way.get(role, model.encode)(
        texts,
        batch_size=batch_size,
        normalize_embeddings=True,
        show_progress_bar=show_progress_bar,
    )


def truncation_report(
    model: SentenceTransformer, texts: Sequence[str]
) -> list[Truncation]:
    """Tell which texts are longer than the model reads, and what it drops of them.

    Returns one Truncation for each text that loses tokens, in the order of `texts`.
    """
    texts = [texts] if isinstance(texts, str) else texts
    kept, report = model.get_max_seq_length() or model.tokenizer.model_max_length, []
    with quiet():  # the tokenizer warns of the very thing that is measured
        for index, text in enumerate(texts):
            found = model.tokenizer(text, truncation=False, return_offsets_mapping=True)
            offsets = found["offset_mapping"]
            if len(offsets) > kept:
                # The closing [SEP] takes the last place: one token fewer is read.
                tail = text[offsets[kept - 1][0] :]
                report.append(Truncation(index, len(offsets), kept, tail))
    return report


def _checked(texts):
    if isinstance(texts, str | set | frozenset):
        kind = type(texts).__name__
        raise CourseError(f"texts are a {kind}; give a list of texts, in an order")
    texts = list(texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            wrong = f"texts[{number}] is {text!r}"
            raise CourseError(f"{wrong}; every text must be a text in quotes")
    return texts
