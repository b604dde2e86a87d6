"""The folded solutions pass, the untouched stubs and typical wrong answers do not."""

import ast
import importlib
import pkgutil
import re

import numpy as np
import pytest
import torch
import wrong_answers
from torch.nn import functional as F

from helpers import exercises
from helpers.course import notebooks

BLOCK = r"<summary>Solution</summary>\n\n```python\n(.*?)```"


def solutions():
    """Return (notebook, name, code) of every folded solution in the series."""
    found = []
    for path in notebooks.series():
        cells = notebooks.read(path).cells
        text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
        for code in re.findall(BLOCK, text, re.S):
            found.append((path, re.search(r"def (\w+)", code)[1], code))
    return found


def stubs():
    """Return (notebook, name, code) of every exercise's cell."""
    return [
        (path, re.search(r"def (\w+)", cell.source)[1], cell.source)
        for path in notebooks.series()
        for cell in notebooks.read(path).cells
        if cell.cell_type == "code" and "raise NotImplementedError" in cell.source
    ]


def defined(code, name, path=None):
    """Run a definition as the notebook does; return the function."""
    scope = {"np": np, "torch": torch, "F": F}
    if "score(" in code:  # notebook 0 defines it, and what it needs
        exec(definitions(path), scope)
    exec(code, scope)
    return scope[name]


def definitions(path):
    """Return a notebook's imports and functions, without the magics of its setup."""
    cells = notebooks.code_cells(notebooks.read(path))[1:]
    module = ast.parse("\n".join(cell.source for cell in cells))
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    module.body = [node for node in module.body if isinstance(node, kinds)]
    return compile(module, path.name, "exec")


def check_of(name):
    return getattr(exercises, f"check_{name}")


@pytest.mark.parametrize("case", solutions(), ids=lambda case: case[1])
def test_the_folded_solution_passes(case):
    path, name, code = case
    verdict = check_of(name)(defined(code, name, path))
    assert verdict.passed, verdict


@pytest.mark.parametrize("case", stubs(), ids=lambda case: case[1])
def test_the_untouched_stub_does_not_pass(case):
    _, name, code = case
    verdict = check_of(name)(defined(code, name))
    assert repr(verdict) == (
        "Not yet: replace `raise NotImplementedError` with your lines"
    )


def test_every_stub_has_a_solution_and_every_check_an_exercise():
    names = {name for _, name, _ in stubs()}
    assert names == {name for _, name, _ in solutions()}
    checks = {
        n.removeprefix("check_") for n in dir(exercises) if n.startswith("check_")
    }
    assert names == checks


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((0.739, 0.1), "it fell from 0.74 to 0.10"),
        ((0.1, 0.739), "that looks swapped"),
        ((0.739, 0.739), "both are 0.74: score it again after teaching"),
        ((0.1, 0.1), "the pair scores 0.74, not 0.10; use the `model`"),
        ((0.739, 0.97), "from 0.74 to 0.97; is the label 0.1?"),
        (0.319, "return two scores, before and after; this is 0.32"),
        ("high", "str is not what is asked"),
        (None, "is there a `return`?"),
    ],
)
def test_unlearn_names_the_typical_faults(answer, message):
    assert message in exercises.check_unlearn(lambda model: answer).message


#: Exercise -> case -> wrong answer, a part of what it is told.
WRONG = {}
for module in pkgutil.iter_modules(wrong_answers.__path__):
    WRONG |= importlib.import_module(f"wrong_answers.{module.name}").WRONG
CASES = [(name, case) for name, cases in WRONG.items() for case in cases]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_typical_wrong_answer_is_told_what_is_wrong(name, case):
    answer, message = WRONG[name][case]
    verdict = check_of(name)(answer)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize("name", WRONG)
def test_a_check_survives_whatever_a_learner_returns(name):
    def stops(*arguments):
        raise ZeroDivisionError("division by zero")

    answers = [lambda *a: None, lambda *a: "text", lambda *a: [], lambda *a: {}, stops]
    for answer in [*answers, lambda: 1]:
        verdict = check_of(name)(answer)
        assert not verdict.passed
        assert repr(verdict).startswith("Not yet: ")
    assert "ZeroDivisionError" in repr(check_of(name)(stops))
