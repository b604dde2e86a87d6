"""The exercises of notebook 6: hits without repeats, and a language by its tokens."""

import re

import numpy as np

from helpers.exercises.verdict import exercise, fault_of

_HITS = [
    (["b.md#2", "a.md", "b.md#1", "c.csv:3", "b.md#4"],),
    (["notes/z.md#1", "notes/a.md#1", "notes/z.md#2"],),
    (["c#.md#2", "c#.md#1", "plan.md"],),
    ([],),
]


@exercise(_HITS, "a text shows up once, at its best passage's rank")
def check_one_per_text(ids, found):
    """Exercise 6.2: `one_per_text(ids)` -> ids of texts, best first."""
    right = list(dict.fromkeys(_text(name) for name in ids))
    got = found.tolist()
    if not isinstance(got, list):
        return f"return a list of ids, not {got!r}"
    faults = {
        "a text that has several passages still shows up several times": (
            [_text(name) for name in ids]
        ),
        "a name may hold a '#' of its own, as 'c#.md#2' does; cut at the last one": (
            list(dict.fromkeys(name.split("#")[0] for name in ids))
        ),
        "these are in the alphabet's order; keep that of the ranking": sorted(right),
        "these are worst first": right[::-1],
        "a text belongs where its best passage is, not its worst": (
            list(dict.fromkeys(_text(name) for name in ids[::-1]))[::-1]
        ),
    }
    if got == right:
        return ""
    if got in (ids, _first_passages(ids)):
        return "these are passages still; cut off the last '#' and what follows it"
    wrong = f"{ids} gives {right}, not {got}"
    return next((fault for fault, typical in faults.items() if typical == got), wrong)


def _text(name):
    return name.rsplit("#", 1)[0]


def _first_passages(ids):
    texts = [_text(name) for name in ids]
    return [name for n, name in enumerate(ids) if texts[n] not in texts[:n]]


def _pieces(text):
    """Cut a text as a toy tokenizer does: words into pieces of three letters."""
    return re.findall(r"\w{1,3}", text)


_TEXTS = [
    (
        ["the bar", "Wiederherstellungswörter aufschreiben", "the  cup of the tea"],
        _pieces,
    ),
    (["Kniebeugen am Montag"], _pieces),
]


@exercise(_TEXTS, "tokens over words, whichever text they come from")
def check_tokens_per_word(texts, tokenize, found):
    """Exercise 6.4: `tokens_per_word(texts, tokenize)` -> one number."""
    tokens = [len(tokenize(text)) for text in texts]
    words = [len(text.split()) for text in texts]
    spaced = [len(text.split(" ")) for text in texts]
    typical = {
        "the wrong way round: tokens first": sum(words) / sum(tokens),
        "a mean of shares: a short text counts as much as a long one there": (
            np.mean(np.divide(tokens, words))
        ),
        "`split(' ')` makes an empty word of two spaces; `split()` does not": (
            sum(tokens) / sum(spaced)
        ),
        "these are characters; `tokenize` gives the tokens": (
            sum(map(len, texts)) / sum(words)
        ),
        "this counts each token once; count all of them": (
            len({each for text in texts for each in tokenize(text)}) / sum(words)
        ),
        "this is how many tokens a text has; divide by the words": np.mean(tokens),
    }
    return fault_of(found, sum(tokens) / sum(words), typical)
