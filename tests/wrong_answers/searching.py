"""Typical wrong answers to exercises.searching: name -> case -> answer, message."""

import numpy as np

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
    },
}
