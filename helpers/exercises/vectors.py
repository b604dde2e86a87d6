"""The exercises of notebooks 2 to 4: vectors, searched and drawn."""

from collections.abc import Callable
from functools import partial

import numpy as np

from helpers.exercises import verdict
from helpers.exercises.verdict import Verdict, exercise, fault_of, no_number
from helpers.similarity import euclidean_distance, normalize

_MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]])
#: All negative, but for the padding: a 0 or a padded token that wins is seen.
_TOKENS = -np.random.default_rng(0).uniform(1, 2, size=(3, 5, 4))
_TOKENS[_MASK == 0] = 7.0


@exercise([(_TOKENS, _MASK)], "padding never wins")
def check_max_pooling(tokens, mask, found):
    """Exercise 2.1: `max_pooling(tokens, mask)`, (n, t, d) and (n, t) -> (n, d)."""
    mask = mask[:, :, None]
    expected, zeros = np.where(mask, tokens, -np.inf), tokens * mask
    typical = {
        "a padded token wins; leave the padding out": tokens.max(axis=1),
        "the 0 of the mask wins over negative numbers; it must lose": zeros.max(axis=1),
    }
    shape = "one row a sentence is (3, 4)"
    return fault_of(found, expected.max(axis=1), typical, shape)


#: What is wrong with taking each row. Their lengths differ, so that the plain dot
#: product picks another one.
_ROWS = {
    "the longest vector wins here; divide by the lengths first": [9.0, 0.0, 9.0],
    "this row is nearest by distance; take the highest cosine": [1.0, 0.6, 0.2],
    "": [0.2, 0.2, 0.01],
    "this row points the opposite way; take the highest cosine, signed": [-3, -3, 0],
}
_NEAREST = (np.array([1.0, 1.0, 0.0]), np.array(list(_ROWS.values())))


@exercise([_NEAREST], "row 2, counting from 0, though its vector is the shortest")
def check_nearest(query, corpus, found):
    """Exercise 2.2: `nearest(query, corpus)`, (d,), (n, d) -> row of highest cosine."""
    if found.shape not in ((), (1,)) or not np.issubdtype(found.dtype, np.integer):
        return f"expected one row number, got {found!r}"
    row = found.item()
    return dict(enumerate(_ROWS)).get(row, f"row {row} is not nearest")


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


_RANKS = {
    "the first result is relevant": ({"a"}, 10, 1.0),
    "the second result is relevant": ({"c", "b"}, 10, 0.5),
    "nothing relevant was found": ({"x"}, 10, 0.0),
    "the relevant one stands below rank k": ({"c"}, 2, 0.0),
}


def check_reciprocal_rank(reciprocal_rank: Callable) -> Verdict:
    """Exercise 3.2: `reciprocal_rank(ranking, relevant, k)` -> a number from 0 to 1."""

    def judged(case, relevant, k, expected):
        given, judge = (
            (["a", "b", "c"], relevant, k),
            partial(_judge_rank, case, expected),
        )
        praise = "all four cases are right"
        nothing = f"the function returns nothing where {case}"
        return verdict.judged(reciprocal_rank, given, judge, praise, nothing)

    return verdict.first_open(judged(case, *rest) for case, rest in _RANKS.items())


def _judge_rank(case, expected, found):
    right = not found.shape and np.isclose(float(found), expected)
    wrong = f"{found} where {case}; it should be {expected}"
    return "" if right else no_number(found) or wrong


_CLOUD = np.random.default_rng(0).normal(size=(20, 5)) * [5, 3, 2, 1, 0.5] + 4


@exercise([(_CLOUD, 2), (_CLOUD, 1), (_CLOUD, 5)], "for one, two and all directions")
def check_variance_kept(rows, dimensions, found):
    """Exercise 4.1: `variance_kept(rows, dimensions)` -> a share from 0 to 1."""

    def share(rows, power):
        sizes = np.linalg.svd(rows, compute_uv=False) ** power
        return sizes[:dimensions].sum() / sizes.sum()

    centred = rows - rows.mean(axis=0)
    typical = {
        "subtract the mean of each column first": share(rows, 2),
        "these are shares of the sizes; variances are their squares": share(centred, 1),
    }
    return fault_of(found, share(centred, 2), typical)


_A, _B = np.random.default_rng(0).normal(size=(2, 12, 2))


@exercise([(_A, _B, 3), (_A, _B, 5), (_A, 2 * _A, 3)], "on three pairs of maps")
def check_neighbour_overlap(first, second, k, found):
    """Exercise 4.2: `neighbour_overlap(first, second, k)` -> a share from 0 to 1."""
    near = [euclidean_distance(a, a).argsort(axis=1).tolist() for a in (first, second)]

    def overlap(start):  # the nearest neighbour of all, number 0, is the point itself
        pairs = ((set(row[start:][:k]) for row in rows) for rows in near)
        return np.mean([len(a & b) / k for a, b in zip(*pairs, strict=True)])

    typical = {
        "each point counts itself as a neighbour; leave it out": overlap(0),
        f"divide by k = {k}, to get a share": overlap(1) * k,
    }
    return fault_of(found, overlap(1), typical)
