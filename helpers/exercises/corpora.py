"""The exercises of notebook 6: hits without repeats, and a language by its tokens."""

import re

import numpy as np

from helpers.exercises.verdict import exercise, fault_of, order_fault

_HITS = [
    (["b.md#2", "a.md", "b.md#1", "c.csv:3", "b.md#4"],),
    (["notes/z.md#1", "notes/a.md#1", "notes/z.md#2"],),
    (["c#.md#2", "c#.md#1", "plan.md"],),
    ([],),
]


@exercise(_HITS, "a text shows up once, at its best passage's rank")
def check_one_per_text(ids, found):
    """Exercise 6.2: `one_per_text(ids)` -> ids of texts, best first."""
    texts = [name.rsplit("#", 1)[0] for name in ids]
    right = list(dict.fromkeys(texts))
    got = found.tolist()
    if not isinstance(got, list):
        return f"return a list of ids, not {got!r}"
    if set(got) <= set(ids) and not set(got) <= set(right):
        return "these are passages still; cut off the last '#' and what follows it"
    cut = list(dict.fromkeys(name.split("#")[0] for name in ids))
    by_worst = list(dict.fromkeys(texts[::-1]))[::-1]
    typical = {
        "a text that has several passages still shows up several times": texts,
        "a name may hold a '#' of its own, as 'c#.md#2' does; cut at the last one": cut,
        "these are in the alphabet's order; keep that of the ranking": sorted(right),
        "these are worst first": right[::-1],
        "a text belongs where its best passage is, not its worst": by_worst,
    }
    return order_fault(got, right, typical, f"{ids} gives {right}, not {got}")


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
    tokens = np.array([len(tokenize(text)) for text in texts])
    words = np.array([len(text.split()) for text in texts])
    right, shares = tokens.sum() / words.sum(), (tokens / words).mean()
    spaced = tokens.sum() / sum(len(text.split(" ")) for text in texts)
    kinds = {each for text in texts for each in tokenize(text)}
    characters = sum(map(len, texts)) / words.sum()
    typical = {
        "the wrong way round: tokens first": 1 / right,
        "a mean of shares: a short text counts as much as a long one there": shares,
        "`split(' ')` makes an empty word of two spaces; `split()` does not": spaced,
        "these are characters; `tokenize` gives the tokens": characters,
        "this counts each token once; count all of them": len(kinds) / words.sum(),
        "this is how many tokens a text has; divide by the words": tokens.mean(),
    }
    return fault_of(found, right, typical)
