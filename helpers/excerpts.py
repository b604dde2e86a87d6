"""The part of a long text that a query is about, to be shown instead of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from semantic_text_splitter import TextSplitter

from helpers.corpus import Document
from helpers.retrieval import BM25Index, DenseIndex

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Characters of an excerpt, at most.
SIZE = 300


def excerpts(
    query: str, texts: Sequence[str], model: SentenceTransformer | None = None
) -> list[str]:
    """Return of each text the part nearest to a query, cut at sentence ends.

    model: what measures nearness, by meaning; without it, the words decide. White space
    becomes one space; "..." tells what is left out. Of equals the first is taken.

    >>> excerpts("whale", [f"{'Filler goes here. ' * 30}A whale sold."])[0][-19:]
    'here. A whale sold.'
    """
    if not texts:
        return []
    whole = [" ".join(text.split()) for text in texts]
    parts = [TextSplitter(SIZE).chunks(text) or [""] for text in whole]
    scores = iter(_nearness(query, [each for part in parts for each in part], model))
    found = []
    for text, mine in zip(whole, parts, strict=True):
        best = mine[int(np.argmax([next(scores) for _ in mine]))]
        before = "" if text.startswith(best) else "... "
        found.append(f"{before}{best}{'' if text.endswith(best) else ' ...'}")
    return found


def _nearness(query, parts, model):
    documents = [Document(str(number), "", part) for number, part in enumerate(parts)]
    if model is None:
        return BM25Index(documents).scores(query)
    return DenseIndex.build(documents, model).scores(query)
