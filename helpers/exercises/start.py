"""The exercise of notebook 0: a pair that has to fall."""

from collections.abc import Callable

import numpy as np

from helpers import models
from helpers.exercises.verdict import Verdict, judged


def check_unlearn(answer: Callable) -> Verdict:
    """Exercise 0.1: `unlearn(model)` -> the pair's score before and after."""
    return judged(answer, [models.load_model("bundled")], _fell, "it fell")


def _fell(found):
    if found.shape != (2,) or not np.issubdtype(found.dtype, np.number):
        return f"expected two scores, before and after, got {found!r}"
    before, after = found.tolist()
    shown = f"from {before:.2f} to {after:.2f}"
    if before == after:
        return f"both are {after:.2f}; ask for the first score before you teach"
    if before < 0.5:
        return f"it went {shown}; before comes first, and it is high"
    return "" if after < before - 0.1 else f"it went {shown}; is the label 0.1?"
