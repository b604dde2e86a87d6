"""From texts to what is written of them: passages, vectors, a hash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, chain, islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from helpers import splitting
from helpers.corpus import Document
from helpers.store import checks

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Waits for vectors: (n, d).
Waiting = Callable[[], np.ndarray]
#: Texts that are encoded, checked and written together, whole or not at all: so few,
#: because a progress bar moves when they are done.
BATCH = 100
#: The same where vectors come with the texts: a kill then loses little work.
QUICK = 2000


class Entry(NamedTuple):
    """A text as it is written: its hash, its p passages and their vectors, (p, d)."""

    text: Document
    hash: str
    passages: list[Document]
    vectors: np.ndarray


def batches(documents: Iterable[Document], size: int) -> Iterator[list[Document]]:
    """Yield texts by the batch, in order."""
    rest = iter(documents)
    while batch := list(islice(rest, size)):
        yield batch


def cut(
    texts: Sequence[Document], model: SentenceTransformer, settings: dict
) -> list[list[Document]]:
    """Cut each text to what the model reads."""
    size = {key: settings[key] for key in ("tokens", "overlap")}
    return [splitting.split(text, model.tokenizer, **size) for text in texts]


def encoding_of(
    passages: list[list[Document]],
    encode: Callable[[Sequence[str]], Waiting],
    settings: dict,
    known: Callable[[Sequence[str]], dict[str, np.ndarray]],
) -> Waiting:
    """Begin to encode passages, only what has no vector yet; wait for all, (p, d).

    encode: begins to encode texts. known: from wordings of passages to the vectors of
    those that have one.
    """
    contents = [passage.content for passage in chain(*passages)]
    there = known(contents)
    new = [content for content in dict.fromkeys(contents) if content not in there]
    nothing = partial(np.empty, (0, settings["width"]))
    waiting = encode(new) if new else nothing

    def vectors() -> np.ndarray:
        rows = checks.rows("the model", settings, waiting(), len(new))
        found = there | dict(zip(new, rows, strict=True))
        return np.stack([found[content] for content in contents])

    return vectors


def made(
    texts: Sequence[Document],
    hashes: Mapping[str, str],
    passages: list[list[Document]],
    vectors: np.ndarray,
) -> list[Entry]:
    """Bring together what belongs to each text; hashes by its id."""
    ends = accumulate(map(len, passages), initial=0)
    rows = [vectors[start:end] for start, end in pairwise(ends)]
    return list(map(Entry, texts, [hashes[text.id] for text in texts], passages, rows))
