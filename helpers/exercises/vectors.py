"""The exercises of notebooks 2 to 4: vectors, searched and drawn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from helpers.exercises.verdict import Verdict, fault_of, judged, judged_each
from helpers.similarity import cosine_similarity, euclidean_distance, normalize


def check_max_pooling(max_pooling: Callable) -> Verdict:
    """Exercise 2.1: `max_pooling(tokens, mask)`, (n, t, d) and (n, t) -> (n, d)."""
    # All negative, but for the padding: a 0 or a padded token that wins is seen.
    tokens = -np.random.default_rng(0).uniform(1, 2, size=(3, 5, 4))
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]])
    tokens[mask == 0] = 7.0
    expected = np.where(mask[:, :, None] == 1, tokens, -np.inf).max(axis=1)
    zeros = (tokens * mask[:, :, None]).max(axis=1)
    typical = {
        "a padded token wins; leave the padding out": tokens.max(axis=1),
        "the 0 of the mask wins over negative numbers; it must lose": zeros,
    }

    def judge(found: np.ndarray) -> str:
        shape = f"one row a sentence is {expected.shape}"
        return fault_of(found, expected, typical, shape=shape)

    return judged(max_pooling, (tokens, mask), judge, "padding never wins")


def check_nearest(nearest: Callable) -> Verdict:
    """Exercise 2.2: `nearest(query, corpus)`, (d,) and (n, d) -> row of highest cosine.

    The rows have different lengths, so that the plain dot product picks another one.
    """
    query = np.array([1.0, 1.0, 0.0])
    rows = [[9.0, 0.0, 9.0], [1.0, 0.6, 0.2], [0.2, 0.2, 0.01], [-3.0, -3.0, 0.0]]
    corpus = np.array(rows)
    cosine = cosine_similarity(query, corpus)[0]
    distance = euclidean_distance(query, corpus)[0]
    verdicts = {
        int((corpus @ query).argmax()): (
            "the longest vector wins here; divide by the lengths first"
        ),
        int(distance.argmin()): (
            "this row is nearest by distance; take the highest cosine"
        ),
        int(cosine.argmin()): (
            "this row points the opposite way; take the highest cosine, signed"
        ),
        int(cosine.argmax()): "",
    }

    def judge(found: np.ndarray) -> str:
        if found.shape not in ((), (1,)) or not np.issubdtype(found.dtype, np.integer):
            return f"expected one row number, got {found!r}"
        number = int(found.reshape(-1)[0])
        return verdicts.get(number, f"row {number} is not nearest")

    praise = "row 2, counting from 0, though its vector is the shortest"
    return judged(nearest, (query, corpus), judge, praise)


def check_search(search: Callable) -> Verdict:
    """Exercise 3.1: `search(query, corpus, top_k)` -> row numbers, best first.

    query: (d,), corpus: (n, d), both of length 1 -> (top_k,).
    """
    rng = np.random.default_rng(1)
    cases = []
    for n, top_k in ((50, 5), (3000, 600), (8, 1)):
        corpus = normalize(rng.normal(size=(n, 8)))
        cases.append((normalize(rng.normal(size=(1, 8)))[0], corpus, top_k))
    return judged_each(search, cases, _judge_search, "best first, each time")


def _judge_search(
    found: np.ndarray, query: np.ndarray, corpus: np.ndarray, top_k: int
) -> str:
    order = np.argsort(-(corpus @ query)).tolist()
    best, worst = order[:top_k], order[::-1][:top_k]
    if found.shape != (top_k,):
        return f"asked for {top_k} row numbers, the shape is {found.shape}"
    if list(found) == best:
        return ""
    if list(found) == worst:
        return "these are the worst ones; sort from the highest score down"
    if set(found) == set(best):
        return "the right rows, but not best first"
    return f"these are not the best {top_k}"


def check_reciprocal_rank(reciprocal_rank: Callable) -> Verdict:
    """Exercise 3.2: `reciprocal_rank(ranking, relevant, k)` -> a number from 0 to 1."""
    abc = ["a", "b", "c"]
    cases = {
        "the first result is relevant": ((abc, {"a"}, 10), 1.0),
        "the second result is relevant": ((abc, {"c", "b"}, 10), 0.5),
        "nothing relevant was found": ((abc, {"x"}, 10), 0.0),
        "the relevant one stands below rank k": ((abc, {"c"}, 2), 0.0),
    }
    for case, (arguments, expected) in cases.items():
        judge = partial(_judge_rank, case=case, expected=expected)
        praise = "all four cases are right"
        nothing = f"the function returns nothing where {case}"
        verdict = judged(reciprocal_rank, arguments, judge, praise, nothing=nothing)
        if not verdict.passed:
            break
    return verdict


def _judge_rank(found: np.ndarray, case: str, expected: float) -> str:
    if found.shape != ():
        return f"expected one number, got {found!r}"
    wrong = f"{found} where {case}; it should be {expected}"
    return "" if np.isclose(float(found), expected) else wrong


def check_variance_kept(variance_kept: Callable) -> Verdict:
    """Exercise 4.1: `variance_kept(rows, dimensions)` -> a share from 0 to 1."""
    rows = np.random.default_rng(0).normal(size=(20, 5)) * [5, 3, 2, 1, 0.5] + 4
    cases = [(rows, dimensions) for dimensions in (2, 1, 5)]
    praise = "for one, two and all directions"
    return judged_each(variance_kept, cases, _judge_variance, praise)


def _judge_variance(found: np.ndarray, rows: np.ndarray, dimensions: int) -> str:
    def share(sizes: np.ndarray) -> float:
        return sizes[:dimensions].sum() / sizes.sum()

    sizes, whole = (
        np.linalg.svd(each, compute_uv=False)
        for each in (rows - rows.mean(axis=0), rows)
    )
    typical = {
        "subtract the mean of each column first": share(whole**2),
        "these are shares of the sizes; variances are their squares": share(sizes),
    }
    return fault_of(found, share(sizes**2), typical)


def check_neighbour_overlap(neighbour_overlap: Callable) -> Verdict:
    """Exercise 4.2: `neighbour_overlap(first, second, k)` -> a share from 0 to 1."""
    first, second = np.random.default_rng(0).normal(size=(2, 12, 2))
    cases = [(first, second, 3), (first, second, 5), (first, 2 * first, 3)]
    return judged_each(
        neighbour_overlap, cases, _judge_overlap, "on three pairs of maps"
    )


def _judge_overlap(
    found: np.ndarray, first: np.ndarray, second: np.ndarray, k: int
) -> str:
    expected = _overlap(first, second, k, skipped=1)
    typical = {
        "each point counts itself as a neighbour; leave it out": (
            _overlap(first, second, k, skipped=0)
        ),
        f"divide by k = {k}, to get a share": expected * k,
    }
    return fault_of(found, expected, typical)


def _overlap(first: np.ndarray, second: np.ndarray, k: int, *, skipped: int) -> float:
    """Share of neighbours in common; without the first `skipped`, the point itself."""
    near = [
        euclidean_distance(points, points).argsort(axis=1)[:, skipped : k + skipped]
        for points in (first, second)
    ]
    return np.mean([len({*a} & {*b}) / k for a, b in zip(*near, strict=True)])
