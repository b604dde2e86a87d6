"""What every check does: call the learner's function, judge what it returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_STUB = "replace `raise NotImplementedError` with your lines"
_NOTHING = "the function returns nothing; is there a `return`?"


@dataclass(frozen=True)
class Verdict:
    """What a check found; shown as one line in the notebook."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        """Show the verdict as a sentence."""
        return f"{'Passed' if self.passed else 'Not yet'}: {self.message}"


def judged(
    answer: Callable,
    arguments: Sequence,
    judge: Callable[[np.ndarray], str],
    praise: str,
    *,
    nothing: str = _NOTHING,
) -> Verdict:
    """Call the learner's function; `judge` names the fault of the answer, or ""."""
    try:
        found = answer(*arguments)
    except NotImplementedError:
        return Verdict(False, _STUB)
    except Exception as error:  # whatever a learner's code may raise
        hint = "; ranks begin at 1" if isinstance(error, ZeroDivisionError) else ""
        return Verdict(False, f"it stopped with {type(error).__name__}: {error}{hint}")
    if found is None:
        return Verdict(False, nothing)
    try:
        found = found.detach().cpu() if hasattr(found, "detach") else found
        fault = judge(np.asarray(found))
    except Exception as error:  # an answer of a type nobody thought of
        return Verdict(False, f"{type(found).__name__} is not what is asked: {error}")
    return Verdict(not fault, fault or praise)


def judged_each(
    answer: Callable,
    cases: Iterable[Sequence],
    judge: Callable[..., str],
    praise: str,
) -> Verdict:
    """Try the learner's function on several cases; stop at the first that fails.

    `judge` gets what was returned, then the case's own arguments.
    """
    verdict = Verdict(True, praise)
    for case in cases:
        verdict = judged(answer, case, lambda found, c=case: judge(found, *c), praise)
        if not verdict.passed:
            break
    return verdict


def fault_of(
    found: np.ndarray,
    expected: np.ndarray | float,
    typical: Mapping[str, np.ndarray | float] | None = None,
    *,
    shape: str = "",
) -> str:
    """Name what is wrong with an answer, "" where nothing is.

    typical: fault -> the answer that somebody with this fault returns. `shape` says
    which shape was asked for.
    """
    for fault, answer in {"": expected, **(typical or {})}.items():
        if found.shape == np.shape(answer) and np.allclose(found, answer, atol=1e-6):
            return fault
    if found.shape != np.shape(expected):
        wanted = f"the shape is {found.shape}; {shape}"
        return wanted if shape else f"expected one number, got {found!r}"
    return f"the numbers are off by up to {np.abs(found - expected).max():.2g}"
