"""Texts that are too long for a model become passages, cut at sentence ends.

semantic-text-splitter cuts where it hurts least: between paragraphs, else sentences,
else words, and only in need within one. Lengths are counted in the model's own tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from semantic_text_splitter import TextSplitter
from tokenizers import Tokenizer

from helpers import CourseError
from helpers.corpus import Document

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

#: At most so many characters are cut at a time: one endless line takes time in
#: proportion to its length (the splitter alone: to its square) and little memory.
WINDOW = 8_000
#: The fewest tokens a passage and its title may have, without the special ones.
FEWEST = 8


def split(
    text: Document, tokenizer: PreTrainedTokenizerBase, *, tokens: int, overlap: int
) -> list[Document]:
    """Return the text itself if the model reads all of it, else its passages.

    tokens: what the model reads, [CLS] and [SEP] counted; no passage has more, its
    title in front of it. overlap: how many tokens neighbours share, at most. Passages
    are Documents with ids "ID#1", "ID#2", and sources "plan.md, part 1"; together they
    hold every character of the text but white space. A title that would take more than
    half of the room is cut in them. Raises CourseError for a limit that is no whole
    number, too small, or not above twice the overlap.
    """
    copied = _copied(tokenizer)
    _check(copied, tokens, overlap)
    if len(text.content) <= _window(tokens) and _count(copied, text.content) <= tokens:
        return [text]
    title = _shortened(copied, text.title.strip(), tokens)
    parts = list(_parts(text.text, copied, title, tokens, overlap)) or [""]
    where = text.source or text.id
    return [
        replace(
            text,
            id=f"{text.id}#{number}",
            title=title,
            text=part,
            source=f"{where}, part {number}",
        )
        for number, part in enumerate(parts, start=1)
    ]


def _parts(
    text: str, tokenizer: Tokenizer, title: str, tokens: int, overlap: int
) -> Iterator[str]:
    """Yield the passages of a text, which fit behind `title` into `tokens`."""
    # Counted with the title, since tokens may depend on what stands before them.
    taken = _count(tokenizer, title)
    room = tokens - taken
    splitter = TextSplitter.from_callback(
        lambda part: max(0, _count(tokenizer, f"{title} {part}".lstrip()) - taken),
        room,
        min(overlap, room // 2),
    )
    start, window = 0, _window(tokens)
    while start < len(text):
        end = start + window
        found = splitter.chunk_indices(text[start:end])
        if end < len(text) and len(found) > 1:
            end = start + found.pop()[0]  # it may go on: the next window begins with it
        yield from (part for _, part in found)
        start = end


def _shortened(tokenizer: Tokenizer, title: str, tokens: int) -> str:
    """Return the beginning of a title that takes half of the room, or all of it."""
    half = (tokens - tokenizer.num_special_tokens_to_add(is_pair=False)) // 2
    found = tokenizer.encode(title[: _window(tokens)], add_special_tokens=False)
    if len(found) <= half:
        return title
    return title[: found.offsets[half - 1][1]].rstrip()


def _count(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text))


def _window(tokens: int) -> int:
    """Return how many characters are looked at at once: many passages of them."""
    return max(WINDOW, 20 * tokens)


@lru_cache(maxsize=2)
def _copied(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """Return the fast tokenizer behind `tokenizer`, which counts all of a text."""
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise CourseError(
            f"the tokenizer {type(tokenizer).__name__} has no fast version, which "
            "counts the tokens of a passage; choose a model that has one"
        )
    copied = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copied.no_truncation()
    copied.no_padding()
    return copied


def _check(tokenizer: Tokenizer, tokens: int, overlap: int) -> None:
    fewest = FEWEST + tokenizer.num_special_tokens_to_add(is_pair=False)
    if type(tokens) is not int or tokens < fewest:
        raise CourseError(
            f"tokens is {tokens!r}; a passage needs a whole number, at least {fewest}"
        )
    if type(overlap) is not int or not 0 <= overlap <= tokens // 2:
        raise CourseError(
            f"overlap is {overlap!r}; give a whole number from 0 to {tokens // 2}, "
            f"half of the {tokens} tokens of a passage"
        )
