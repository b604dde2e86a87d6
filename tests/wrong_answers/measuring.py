"""Typical wrong answers to exercises.measuring: name -> case -> answer, message."""

import math

import numpy as np


def dcg(gains):
    return sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def found(ranking, grades, k):
    return [grades.get(i, 0) for i in ranking[:k]]


def best(grades, k=None):
    return sorted(grades.values(), reverse=True)[:k]


def needed(differences, lead, *, spread=np.std, power=2):
    return math.ceil((1.96 * spread(differences, ddof=1) / lead) ** power)


def depth(ranking, relevant, share, *, start=1, never=0, enough=lambda a, b: a >= b):
    seen = 0
    for place, identifier in enumerate(ranking, start=start):
        seen += identifier in relevant
        if enough(seen, share * len(relevant)):
            return place
    return never


WRONG = {
    "ndcg": {
        "the bug": (
            lambda r, g, k: dcg(found(r, g, k)) / dcg(sorted(found(r, g, k))[::-1]),
            "still knows only what was found",
        ),
        "an ideal without end": (
            lambda r, g, k: dcg(found(r, g, k)) / dcg(best(g)),
            "cut the ideal order after k = 2",
        ),
        "a ranking without end": (
            lambda r, g, k: dcg(found(r, g, None)) / dcg(best(g, k)),
            "cut the ranking after k = 2",
        ),
        "worst order": (
            lambda r, g, k: dcg(found(r, g, k)) / dcg(sorted(g.values())[:k]),
            "from the highest grade down",
        ),
        "exponential gain": (
            lambda r, g, k: (
                dcg([2**x - 1 for x in found(r, g, k)])
                / dcg([2**x - 1 for x in best(g, k)])
            ),
            "not 2 ** grade - 1",
        ),
        "nan": (
            lambda r, g, k: (
                dcg(found(r, g, k)) / dcg(best(g, k)) if any(g.values()) else math.nan
            ),
            "it should be 0, not nan",
        ),
        "no division": (lambda r, g, k: dcg(found(r, g, k)), "off by up to"),
        "always one": (lambda r, g, k: 1.0, "off by up to"),
    },
    "queries_needed": {
        "not whole": (
            lambda d, lead: (1.96 * np.std(d, ddof=1) / lead) ** 2,
            "round up",
        ),
        "rounded down": (
            lambda d, lead: int((1.96 * np.std(d, ddof=1) / lead) ** 2),
            "rounded down",
        ),
        "no square": (lambda d, lead: needed(d, lead, power=1), "square it"),
        "variance": (
            lambda d, lead: needed(d, lead, spread=np.var),
            "not the variance",
        ),
        "both sides": (
            lambda d, lead: math.ceil(4 * (1.96 * np.std(d, ddof=1) / lead) ** 2),
            "to one end",
        ),
        "as many as there are": (lambda d, lead: len(d), "off by up to"),
    },
    "depth_needed": {
        "from zero": (lambda *a: depth(*a, start=0), "depths from 1"),
        "more than the share": (
            lambda *a: depth(*a, enough=lambda x, y: x > y),
            "just reached is enough",
        ),
        "share of what was found": (
            lambda r, rel, share: depth(r, rel & set(r), share),
            "of all relevant ids",
        ),
        "the whole length": (
            lambda *a: depth(*a, never=8),
            "0 where the ranking never",
        ),
        "none": (lambda *a: depth(*a, never=None), "returns nothing"),
    },
}
