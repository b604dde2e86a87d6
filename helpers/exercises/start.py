"""The exercise of notebook 0: a pair that has to fall."""

from collections.abc import Callable

import numpy as np

from helpers import models
from helpers.exercises.verdict import Verdict, judged

_PAIR = (
    "Bitcoin surged 12% after the ETF approval.",
    "Bitcoin plunged 12% after the ETF rejection.",
)


def check_unlearn(answer: Callable) -> Verdict:
    """Exercise 0.1: `unlearn(model)` -> the pair's score before and after."""
    model = models.load_model("bundled")
    seen: list[float] = []
    expected = model.similarity(*model.encode(_PAIR)).item()

    def judge(found):
        seen.extend(np.ravel(found))
        return _fault(found, expected)

    verdict = judged(answer, [model], judge, "")
    if not verdict.passed:
        return verdict
    return Verdict(True, "it fell from {:.2f} to {:.2f}".format(*seen))


def _fault(found, expected):
    if found.shape != (2,) or not np.issubdtype(found.dtype, np.number):
        return f"return two scores, before and after; this is {found.round(2).tolist()}"
    before, after = found
    right = abs(found - expected) < 0.01
    if right.all():
        return f"both are {after:.2f}: score it again after teaching"
    if right[1]:
        return "that looks swapped: return the score before teaching first"
    if not right[0]:
        return (
            f"before teaching, the pair scores {expected:.2f}, not {before:.2f}; use "
            "the `model` that your function is given, and score it before you teach"
        )
    if after > before - 0.1:
        return f"it went from {before:.2f} to {after:.2f}; is the label 0.1?"
    return ""
