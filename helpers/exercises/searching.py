"""The exercises of notebook 3: a search and its results, and two rankings fused."""

import numpy as np

from helpers.exercises.verdict import exercise, order_fault
from helpers.similarity import normalize


def _searches():
    rng = np.random.default_rng(1)
    for n, top_k in ((50, 5), (3000, 600), (8, 1)):
        corpus, query = (normalize(rng.normal(size=(rows, 8))) for rows in (n, 1))
        yield query[0], corpus, top_k


@exercise(list(_searches()), "best first, each time")
def check_search(query, corpus, top_k, found):
    """Exercise 3.1: `search(query, corpus, top_k)` -> row numbers, best first.

    query: (d,), corpus: (n, d), both of length 1 -> (top_k,).
    """
    if found.dtype == object and found.size and isinstance(found.flat[0], dict):
        outer = "the list of the first query, `[0]`, then " if found.ndim > 1 else ""
        return f"these are hits of semantic_search; take {outer}each hit's corpus_id"
    if found.dtype.kind == "f" and (found % 1).any():
        return "these are scores; return their rows, as np.argsort does"
    order = np.argsort(-(corpus @ query)).tolist()
    if found.shape != (top_k,):
        return f"asked for {top_k} row numbers, the shape is {found.shape}"
    if list(found) == order[:top_k]:
        return ""
    if list(found) == order[::-1][:top_k]:
        return "these are the worst ones; sort from the highest score down"
    if set(found) == set(order[:top_k]):
        return "the right rows, but not best first"
    return f"these are not the best {top_k}"


#: Two rankings and a weight; each typical fault changes the order of one of them.
_FUSIONS = [
    (["a", "b", "c", "d"], ["d", "e", "b"], weight) for weight in (0.5, 0.9, 0.1)
]


@exercise(_FUSIONS, "whichever way it leans")
def check_fuse(meaning, words, weight, found):
    """Exercise 3.4: `fuse(meaning, words, weight)` -> all ids, best first."""
    right, even, other = (
        _fused(meaning, words, each) for each in (weight, 0.5, 1 - weight)
    )
    typical = {
        "these are the worst ones first; sort from the highest down": right[::-1],
        "the weight belongs to `meaning`, what is left of 1 to `words`": other,
        "the weight changes nothing; does it count?": even,
    }
    if found.dtype.kind != "U":
        return f"return a list of ids, not {found.tolist()}"
    ids = found.tolist()
    if set(ids) != set(right):
        return f"{len(right)} ids occur in one ranking or both, not {ids}"
    return order_fault(ids, right, typical, f"weight {weight} gives {right}, not {ids}")


def _fused(meaning, words, weight):
    totals = dict.fromkeys([*meaning, *words], 0.0)
    for ranking, share in ((meaning, weight), (words, 1 - weight)):
        for rank, identifier in enumerate(ranking, start=1):
            totals[identifier] += share / (60 + rank)
    return sorted(totals, key=lambda each: -totals[each])
