"""The one door from texts to vectors, and what is lost on the way."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

import numpy as np

from helpers import CourseError
from helpers.progress import quiet

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: What a model may compute in; "auto": bfloat16 where the hardware is made for it.
PRECISIONS = ("float32", "bfloat16", "auto")
#: What CUDA, MPS, the CPU and Python say when there is no memory left.
_NO_ROOM = re.compile("out of memory|can't allocate|cannot allocate", re.IGNORECASE)
#: The batches that fit into memory, for models that once had too little of it.
_FITS: WeakKeyDictionary[SentenceTransformer, int] = WeakKeyDictionary()


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
    precision: Literal["float32", "bfloat16", "auto"] = "float32",
    batch_size: int = 32,
    show_progress_bar: bool = False,
) -> np.ndarray:
    """Encode n texts to rows of length 1: (n, d), single precision.

    role: on which side of a search they stand; some models put a prompt before each.
    precision: what the model computes in. "auto" takes bfloat16 where the processor has
    instructions for it (`best_precision`): about twice as fast, cosines equal to three
    digits, so that a figure printed elsewhere may differ in its last one.
    Batches that do not fit into memory are halved, for this call and all later ones of
    this model; a line on standard error says so, once. Raises CourseError for what is
    not a text, for a set, which has no order, and for a text that does not fit alone.
    """
    listed = _checked(texts)
    if not listed:
        return np.empty((0, model.get_embedding_dimension()), dtype=np.float32)
    door = partial(_door(model, role), show_progress_bar=show_progress_bar)
    size = wanted = min(batch_size, _FITS.get(model, batch_size), len(listed))
    with _computing_in(precision, model.device.type):
        while (rows := _tried(door, listed, size)) is None:
            size //= 2
    if size < wanted:
        _remember(model, wanted, size)
    return rows


def best_precision(device: str = "cpu") -> str:
    """Return "bfloat16" where a device has instructions for it, else "float32".

    device: "cuda", "mps" or "cpu". Decided by what the hardware says of itself.
    """
    import torch

    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        said = torch.cpu.get_capabilities() if device == "cpu" else {}
        fast = said.get("avx512_bf16", False) or said.get("amx_bf16", False)
    return "bfloat16" if fast else "float32"


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


def _door(model: SentenceTransformer, role: str) -> Callable:
    """Return what encodes: without padding where that can be done, else the library."""
    from helpers import packing  # torch, which a mistake need not wait for

    if packing.can(model, role):
        return partial(packing.encode, model)
    way = {"query": model.encode_query, "document": model.encode_document}
    return partial(way.get(role, model.encode), normalize_embeddings=True)


@contextmanager
def _computing_in(precision: str, device: str) -> Iterator[None]:
    import torch

    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise CourseError(f"precision is {precision!r}; choose one of {known}")
    chosen = best_precision(device) if precision == "auto" else precision
    with torch.autocast(device, torch.bfloat16, enabled=chosen == "bfloat16"):
        yield


def _tried(door: Callable, texts: Sequence[str], size: int) -> np.ndarray | None:
    """Encode, or return None if batches of this size do not fit into memory."""
    try:
        return door(texts, batch_size=size)
    except (RuntimeError, MemoryError) as error:  # torch's own are RuntimeErrors
        if not (isinstance(error, MemoryError) or _NO_ROOM.search(str(error))):
            raise
        if size == 1:
            raise _too_long(texts) from error
    return None


def _remember(model: SentenceTransformer, wanted: int, size: int) -> None:
    """Read `size` texts at a time from now on; say so the first time."""
    if model not in _FITS:
        print(
            f"note: {wanted} texts at a time do not fit into memory; this model reads "
            f"{size} at a time from now on, more slowly, with the same results",
            file=sys.stderr,
        )
    _FITS[model] = size


def _too_long(texts: Sequence[str]) -> CourseError:
    """Name the text that does not fit, which is the longest: those come first."""
    longest = max(range(len(texts)), key=lambda number: len(texts[number]))
    text = texts[longest]
    return CourseError(
        f"texts[{longest}] ({text[:40]!r}, {len(text):,} characters) does not fit into "
        "memory, not even alone; close other programs, shorten it, or use another "
        "device (COURSE_DEVICE=cpu)"
    )


def _checked(texts) -> list[str]:
    if isinstance(texts, str | set | frozenset):
        kind = type(texts).__name__
        raise CourseError(f"texts are a {kind}; give a list of texts, in an order")
    texts = list(texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            wrong = f"texts[{number}] is {text!r}"
            raise CourseError(f"{wrong}; every text must be a text in quotes")
    return texts
