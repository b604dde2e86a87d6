"""The exercises of notebook 7: how good a ranking is, and how sure one may be."""

import numpy as np

from helpers import metrics
from helpers.exercises.verdict import exercise, fault_of

_GRADES = {"a": 3, "b": 2, "c": 1, "d": 3}
_NDCG = [
    (["b", "x", "a", "d"], _GRADES, 10),  # one relevant document is missing
    (["x", "a"], {"a": 3, "b": 2}, 10),
    (["b", "c", "a"], _GRADES, 2),
    (["x", "y"], {"a": 0}, 10),
]


@exercise(_NDCG, "a ranking that misses something good no longer gets full marks")
def check_ndcg(ranking, grades, k, found):
    """Exercise 7.2: `ndcg(ranking, grades, k)` -> a number from 0 to 1."""
    mine = [grades.get(i, 0) for i in ranking]
    every = sorted(grades.values(), reverse=True)

    def share(gains, ideal):
        return _dcg(gains) / _dcg(ideal) if any(ideal) else np.nan

    typical = {
        "the ideal order still knows only what was found; take all the grades":
            share(mine[:k], sorted(mine[:k], reverse=True)),
        f"cut the ideal order after k = {k} too": share(mine[:k], every),
        f"cut the ranking after k = {k} too": share(mine, every[:k]),
        "sort the ideal order from the highest grade down":
            share(mine[:k], sorted(every)[:k]),
        "the gain is the grade here, not 2 ** grade - 1":
            share(*(2 ** np.array(g) - 1 for g in (mine[:k], every[:k]))),
    }  # fmt: skip
    if not any(every) and np.isnan(found):
        return "where nothing is relevant it should be 0, not nan"
    return fault_of(found, metrics.ndcg(ranking, grades, k), typical)


def _dcg(gains):
    return sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


_GAPS = np.random.default_rng(0).normal(0.04, 0.2, size=24).round(2)


@exercise([(_GAPS, 0.05), (_GAPS, 0.02), (_GAPS[:9] * 2, 0.1)], "for three leads")
def check_queries_needed(differences, lead, found):
    """Exercise 7.4: `queries_needed(differences, lead)` -> a whole number."""
    spread = 1.96 * np.std(differences, ddof=1)
    exact = (spread / lead) ** 2
    typical = {
        "queries come whole: round up": exact,
        "rounded down, the interval is a little wider than the lead": np.floor(exact),
        "the interval shrinks with the root of n: square it": np.ceil(spread / lead),
        "take the standard deviation, not the variance":
            np.ceil((1.96 * np.var(differences, ddof=1) / lead) ** 2),
        "the width counts from the mean to one end: 1.96, not twice that":
            np.ceil(4 * exact),
    }  # fmt: skip
    return fault_of(found, np.ceil(exact), typical)


_RANKING = list("abcdefgh")
_DEPTHS = [
    (_RANKING, {"b", "d", "g"}, 0.5),
    (_RANKING, {"b", "d", "g"}, 2 / 3),
    (_RANKING, {"a", "x"}, 0.5),
    (_RANKING, {"c", "x"}, 0.9),
]


@exercise(_DEPTHS, "also where the share is never reached")
def check_depth_needed(ranking, relevant, share, found):
    """Exercise 7.6: `depth_needed(ranking, relevant, share)` -> a whole number."""
    hits = np.cumsum([i in relevant for i in ranking])

    def first(reached):
        return int(np.argmax(reached)) + 1 if any(reached) else 0

    depth = first(hits >= share * len(relevant))
    typical = {
        "places count from 0, depths from 1": depth - 1,
        "a share that is just reached is enough": first(hits > share * len(relevant)),
        "the share is of all relevant ids, also those that were never found":
            first(hits >= share * hits[-1]),
        "0 where the ranking never reaches the share": -1 if depth else len(ranking),
    }  # fmt: skip
    return fault_of(found, depth, typical)
