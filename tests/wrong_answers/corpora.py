"""Typical wrong answers to exercises.corpora: name -> case -> answer, message."""

import numpy as np


def text(name):
    return name.rsplit("#", 1)[0]


def folded(ids, cut=text):
    return list(dict.fromkeys(map(cut, ids)))


def first_passages(ids):
    seen, firsts = set(), []
    for name in ids:
        if text(name) not in seen:
            firsts.append(name)
        seen.add(text(name))
    return firsts


def ratio(texts, tokenize, words=str.split):
    tokens = sum(len(tokenize(each)) for each in texts)
    return tokens / sum(len(words(each)) for each in texts)


WRONG = {
    "one_per_text": {
        "repeats": (lambda ids: [text(i) for i in ids], "still shows up several times"),
        "passages": (first_passages, "these are passages still"),
        "first #": (lambda ids: folded(ids, lambda i: i.split("#")[0]), "a '#' of its"),
        "sorted": (lambda ids: sorted(folded(ids)), "in the alphabet's order"),
        "worst first": (lambda ids: folded(ids)[::-1], "worst first"),
        "last place": (lambda ids: folded(ids[::-1])[::-1], "not its worst"),
        "as they came": (lambda ids: ids, "these are passages still"),
        "a set": (lambda ids: set(folded(ids)), "return a list of ids, not {"),
        "only parts": (
            lambda ids: folded(i for i in ids if "#" in i),
            "gives ['b.md', 'a.md'",
        ),
    },
    "tokens_per_word": {
        "upside down": (lambda *given: 1 / ratio(*given), "the wrong way round"),
        "mean of shares": (
            lambda texts, cut: np.mean([ratio([each], cut) for each in texts]),
            "a mean of shares",
        ),
        "split at a space": (
            lambda texts, cut: ratio(texts, cut, lambda each: each.split(" ")),
            "makes an empty word",
        ),
        "characters": (
            lambda texts, cut: ratio(texts, str),
            "these are characters",
        ),
        "kinds of token": (
            lambda texts, cut: (
                len({t for each in texts for t in cut(each)})
                / sum(len(each.split()) for each in texts)
            ),
            "counts each token once",
        ),
        "a text's length": (
            lambda texts, cut: np.mean([len(cut(each)) for each in texts]),
            "divide by the words",
        ),
        "a number a text": (
            lambda texts, cut: [ratio([each], cut) for each in texts],
            "expected one number",
        ),
        "one": (lambda texts, cut: 1.0, "off by up to"),
    },
}
