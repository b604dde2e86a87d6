"""The exercises of notebook 7: how good a ranking is."""

from collections.abc import Callable
from functools import partial

import numpy as np

from helpers.exercises import verdict
from helpers.exercises.verdict import Verdict, no_number

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
