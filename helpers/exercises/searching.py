"""The exercises of notebook 3: a search and its results."""

import numpy as np

from helpers.exercises.verdict import exercise
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
