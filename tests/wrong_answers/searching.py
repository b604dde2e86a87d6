"""Typical wrong answers to exercises.searching: name -> case -> answer, message."""

import numpy as np
from sentence_transformers import util


def hits(query, corpus, top_k):
    return util.semantic_search(query, corpus, top_k=top_k)


def fused(meaning, words, share, start=60):
    """Fuse with a share for each of the two rankings."""
    totals = dict.fromkeys([*meaning, *words], 0.0)
    for ranking, part in zip((meaning, words), share, strict=True):
        for rank, name in enumerate(ranking, start=1):
            totals[name] += part / (start + rank)
    return sorted(totals, key=totals.get, reverse=True)


WRONG = {
    "search": {
        "worst first": (lambda q, c, k: (c @ q).argsort()[:k], "worst ones"),
        "unsorted": (
            lambda q, c, k: np.argpartition(-(c @ q), k)[:k][::-1],
            "not best first",
        ),
        "partitioned only": (
            lambda q, c, k: np.argpartition(-(c @ q), k - 1)[:k],
            "not best first",
        ),
        "always five": (lambda q, c, k: (-(c @ q)).argsort()[:5], "asked for 600"),
        "all": (lambda q, c, k: (-(c @ q)).argsort(), "the shape is (50,)"),
        "first rows": (lambda q, c, k: np.arange(k), "not the best 5"),
        "the best scores": (
            lambda q, c, k: np.sort(c @ q)[::-1][:k],
            "these are scores; return their rows",
        ),
        "all scores": (lambda q, c, k: c @ q, "these are scores; return their rows"),
        "semantic_search as it is": (
            hits,
            "take the list of the first query, `[0]`, then each hit's corpus_id",
        ),
        "the hits of the first query": (
            lambda q, c, k: hits(q, c, k)[0],
            "these are hits of semantic_search; take each hit's corpus_id",
        ),
    },
    "fuse": {
        "worst first": (
            lambda m, w, s: fused(m, w, (s, 1 - s))[::-1],
            "the worst ones first",
        ),
        "swapped": (
            lambda m, w, s: fused(m, w, (1 - s, s)),
            "the weight belongs to `meaning`",
        ),
        "not weighted": (lambda m, w, s: fused(m, w, (1, 1)), "changes nothing"),
        "in both only": (
            lambda m, w, s: [i for i in fused(m, w, (s, 1 - s)) if i in m and i in w],
            "5 ids occur in one ranking or both, not ['d', 'b']",
        ),
        "one after the other": (lambda m, w, s: [*m, *w], "weight 0.5 gives ['d', 'b'"),
        "the scores": (lambda m, w, s: [s, 1 - s], "return a list of ids, not [0.5"),
        "a dict": (
            lambda m, w, s: dict.fromkeys(m, s),
            "return a list of ids, not {'a': 0.5",
        ),
        "1 / rank": (
            lambda m, w, s: fused(m, w, (s, 1 - s), start=0),
            "weight 0.5 gives ['d', 'b', 'a', 'e', 'c'], not ['d', 'a'",
        ),
    },
}
