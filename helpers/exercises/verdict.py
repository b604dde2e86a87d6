"""What every check does: call the learner's function, judge what it returned."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

_STUB = "replace `raise NotImplementedError` with your lines"
_NOTHING = "the function returns nothing; is there a `return`?"


@dataclass(frozen=True)
class Verdict:
    """What a check found; shown as one line in the notebook."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'Passed' if self.passed else 'Not yet'}: {self.message}"


Judge = Callable[..., str]
Check = Callable[[Callable], Verdict]


def exercise(cases: Sequence[Sequence], praise: str) -> Callable[[Judge], Check]:
    """Turn a judge into a check, which stops at the first fault.

    The judge gets the arguments of a case, then what the learner's function returned.
    It names the fault, "" where there is none.
    """

    def check_with(judge):
        def check(answer: Callable) -> Verdict:
            for case in cases:
                verdict = judged(answer, case, partial(judge, *case), praise)
                if not verdict.passed:
                    break
            return verdict

        check.__name__, check.__doc__ = judge.__name__, judge.__doc__
        return check

    return check_with


def judged(answer: Callable, case: Sequence, judge: Judge, praise: str) -> Verdict:
    """Call the learner's function; `judge` gets what it returned."""
    try:
        found = answer(*copy.deepcopy(case))
    except NotImplementedError:
        return Verdict(False, _STUB)
    except Exception as error:  # whatever a learner's code may raise
        hint = "; ranks begin at 1" if isinstance(error, ZeroDivisionError) else ""
        return Verdict(False, f"it stopped with {type(error).__name__}: {error}{hint}")
    if found is None:
        return Verdict(False, _NOTHING)
    try:
        found = found.detach().cpu() if hasattr(found, "detach") else found
        fault = judge(np.asarray(found))
    except Exception as error:  # an answer of a type nobody thought of
        return Verdict(False, f"{type(found).__name__} is not what is asked: {error}")
    return Verdict(not fault, fault or praise)


def fault_of(found: np.ndarray, expected, typical: Mapping, shape: str = "") -> str:
    """Name what is wrong with an answer, "" where nothing is.

    typical: fault -> the answer that it leads to. `shape` says what was asked for; one
    number where it is empty.
    """
    for fault, answer in {"": expected, **typical}.items():
        if found.shape == np.shape(answer) and np.allclose(found, answer, atol=1e-6):
            return fault
    if found.shape == np.shape(expected):
        return f"the numbers are off by up to {np.abs(found - expected).max():.2g}"
    return f"the shape is {found.shape}; {shape}" if shape else no_number(found)


def order_fault(found: list, right: list, typical: Mapping, wrong: str) -> str:
    """Name what is wrong with an order of names as `fault_of` does; else `wrong`."""
    faults = {"": right, **typical}
    return next((fault for fault in faults if faults[fault] == found), wrong)


def no_number(found: np.ndarray) -> str:
    """Name the fault of an answer that should be one number; "" where it is one."""
    return f"expected one number, got {found!r}" if found.shape else ""
