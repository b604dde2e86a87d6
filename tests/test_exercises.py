"""The folded solutions pass, the untouched stubs and typical wrong answers do not."""

import ast
import re

import numpy as np
import pytest
import torch
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


def triplets(near, far):
    """Return an answer from what `near` and `far` say of the three rows, and margin."""
    return lambda a, p, n, margin: torch.relu(near(a, p) - far(a, n) + margin)


def apart(a, b):
    return 1 - F.cosine_similarity(a, b)


def length(a, b):
    return (a - b).norm(dim=1)


def nearest(points, k, start=1):
    """Return the sets of numbers of the k nearest points."""
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    return [set(row[start:][:k]) for row in distances.argsort(axis=1).tolist()]


def common(first, second, k, start=1):
    """Return how many neighbours two maps have in common, on average."""
    pairs = zip(nearest(first, k, start), nearest(second, k, start), strict=True)
    return np.mean([len(a & b) for a, b in pairs])


def sizes(rows):
    return np.linalg.svd(rows, compute_uv=False)


def slope(step, total, peak, warmup):
    return peak * min(step / warmup, (total - step) / (total - warmup))


def off(u, v, labels, similar=F.cosine_similarity):
    """Return how far each pair's cosine is from its label."""
    return similar(u, v) - labels


WRONG = {
    "learning_rate_at": {
        "never falls": (lambda s, t, p, w: p * min(s / w, 1), "has begun to fall"),
        "falls from the start": (
            lambda s, t, p, w: p * (s / w if s < w else (t - s) / t),
            "it should be 2e-05",
        ),
        "no warm-up": (lambda s, t, p, w: p * (t - s) / t, "it should be 1e-05"),
        "upside down": (lambda *case: -slope(*case), "it should be 1e-05"),
        "a list": (lambda *case: [slope(*case)], "expected one number"),
    },
    "cosine_similarity_loss": {
        "no mean": (lambda *given: off(*given) ** 2, "one loss a pair"),
        "sum": (lambda *given: (off(*given) ** 2).sum(), "this is the sum"),
        "dot": (
            lambda *given: (off(*given, lambda u, v: (u * v).sum(1)) ** 2).mean(),
            "these are dot products",
        ),
        "absolute": (lambda *given: off(*given).abs().mean(), "square the differences"),
        "signed": (lambda *given: off(*given).mean(), "cancel"),
        "root": (lambda *given: (off(*given) ** 2).mean().sqrt(), "no root"),
        "zero": (lambda u, v, labels: torch.tensor(0.0), "off by up to"),
        "a vector a pair": (lambda u, v, labels: u - v, "the shape is (3, 2)"),
    },
    "held_out_terms": {
        "rows": (
            lambda terms, share: np.arange(len(terms)) < share * len(terms),
            "stands on both sides",
        ),
        "nothing": (
            lambda terms, share: np.zeros(len(terms), dtype=bool),
            "0 of 4 terms are held out",
        ),
        "numbers": (lambda terms, share: np.arange(len(terms)), "of int64"),
        "terms": (lambda terms, share: np.ones(1, dtype=bool), "the shape (1,)"),
    },
    "variance_kept": {
        "not centred": (
            lambda r, m: (sizes(r)[:m] ** 2).sum() / (sizes(r) ** 2).sum(),
            "subtract the mean",
        ),
        "not squared": (
            lambda r, m: sizes(r - r.mean(0))[:m].sum() / sizes(r - r.mean(0)).sum(),
            "variances are their squares",
        ),
        "a share each": (lambda r, m: np.ones(m), "expected one number"),
        "all of it": (lambda r, m: 1.0, "off by up to"),
    },
    "neighbour_overlap": {
        "counts itself": (
            lambda a, b, k: common(a, b, k, start=0) / k,
            "counts itself as a neighbour",
        ),
        "a count": (common, "divide by k = 3"),
        "same map only": (lambda a, b, k: 1.0, "off by up to"),
        "row by row": (lambda a, b, k: np.ones(len(a)), "expected one number"),
    },
    "all_scores": {
        "dot products": (lambda e, q, c: e(q) @ e(c).T, "these are dot products"),
        "once a pair": (
            lambda e, q, c: torch.stack(
                [F.cosine_similarity(e(q[[i]]), e(c)) for i in range(len(q))]
            ),
            "the encoder read 8 rows",
        ),
        "the other way round": (
            lambda e, q, c: F.normalize(e(c)) @ F.normalize(e(q)).T,
            "the shape is (3, 2)",
        ),
        "row by row": (
            lambda e, q, c: F.cosine_similarity(e(q), e(c[:2])),
            "the shape is (2,)",
        ),
    },
    "cosine_triplet_loss": {
        "no mean": (triplets(apart, apart), "one loss a triplet"),
        "sum": (lambda *given: triplets(apart, apart)(*given).sum(), "this is the sum"),
        "no floor": (
            lambda a, p, n, m: (apart(a, p) - apart(a, n) + m).mean(),
            "counts less than 0",
        ),
        "swapped": (
            lambda a, p, n, m: triplets(apart, apart)(a, n, p, m).mean(),
            "the wrong way round",
        ),
        "distances": (
            lambda *given: triplets(length, length)(*given).mean(),
            "straight-line distances",
        ),
        "margin 1": (
            lambda a, p, n, m: triplets(apart, apart)(a, p, n, 1.0).mean(),
            "the margin is not",
        ),
        "another": (lambda a, p, n, m: apart(a, p).mean(), "off by up to"),
    },
    "crossover": {
        "equal will do": (
            lambda pair, sentence: int(2 * sentence / pair) + 1,
            "encoding takes 3 s: not cheaper yet",
        ),
        "not whole": (lambda p, s: 2 * s / p + 1.5, "no parts of a sentence"),
        "n squared": (lambda p, s: int(s // p) + 2, "not cheaper yet"),
        "too late": (lambda p, s: int(2 * s // p) + 3, "a smaller n than 5 will do"),
        "two numbers": (lambda p, s: (p, s), "expected one number"),
    },
    "max_pooling": {
        "padding wins": (lambda t, m: t.max(axis=1), "padded token wins"),
        "zero wins": (lambda t, m: (t * m[:, :, None]).max(axis=1), "0 of the mask"),
        "mean": (lambda t, m: t.mean(axis=1), "off by up to"),
        "wrong axis": (lambda t, m: t.max(axis=2), "the shape is"),
    },
    "nearest": {
        "dot product": (lambda q, c: int((c @ q).argmax()), "longest vector wins"),
        "farthest": (
            lambda q, c: int((c @ q / np.linalg.norm(c, axis=1)).argmin()),
            "the opposite way",
        ),
        "distance": (
            lambda q, c: int(np.linalg.norm(c - q, axis=1).argmin()),
            "nearest by distance",
        ),
        "sign lost": (
            lambda q, c: int(np.abs(c @ q / np.linalg.norm(c, axis=1)).argmax()),
            "the opposite way",
        ),
        "the score": (lambda q, c: (c @ q).max(), "expected one row number"),
    },
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
    "reciprocal_rank": {
        "from zero": (
            lambda r, rel, k: next((i for i, d in enumerate(r) if d in rel), 0),
            "the first result is relevant",
        ),
        "k ignored": (
            lambda r, rel, k: next(
                (1 / i for i, d in enumerate(r, 1) if d in rel), 0.0
            ),
            "below rank k",
        ),
        "counted from zero": (
            lambda r, rel, k: next((1 / i for i, d in enumerate(r) if d in rel), 0.0),
            "ranks begin at 1",
        ),
        "no zero": (
            lambda r, rel, k: next(
                (1 / i for i, d in enumerate(r[:k], 1) if d in rel), None
            ),
            "returns nothing where nothing relevant was found",
        ),
        "always one": (lambda r, rel, k: 1.0, "should be 0.5"),
    },
}
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
