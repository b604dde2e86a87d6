"""A check for every exercise: call it with your function, read the verdict.

A check never raises: "Run all" must reach the end of a notebook whose exercises are
still open. It says what is wrong in the order in which one would mend it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from helpers import similarity


@dataclass(frozen=True)
class Verdict:
    """What a check found; shown as one line in the notebook."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        """Show the verdict as a sentence."""
        return f"{'Passed' if self.passed else 'Not yet'}: {self.message}"


def check_all_scores(all_scores: Callable) -> Verdict:
    """Exercise 1.1: `all_scores(encoder, queries, corpus)` -> cosines, (n, m).

    The encoder counts the rows it reads: each sentence once, not once a pair.
    """
    import torch

    table = torch.tensor([[3.0, 4.0], [1.0, 0.0], [-2.0, 1.0], [0.5, 0.5], [0.0, -5.0]])
    queries, corpus = torch.tensor([[0], [1]]), torch.tensor([[2], [3], [4]])
    vectors = table.numpy()
    dots = similarity.dot_score(vectors[:2], vectors[2:])
    cosines = similarity.cosine_similarity(vectors[:2], vectors[2:])
    read: list[int] = []

    def encoder(ids: torch.Tensor) -> torch.Tensor:
        read.append(len(ids))
        return table[ids[:, 0]]

    def judge(found: np.ndarray) -> str:
        if found.shape != (2, 3):
            return f"the shape is {found.shape}; 2 queries, 3 documents: (2, 3)"
        if np.allclose(found, dots):
            return "these are dot products; scale the vectors to length 1 first"
        if fault := _close(found, cosines):
            return fault
        if sum(read) != 5:
            return f"the encoder read {sum(read)} rows; 2 + 3 sentences are 5"
        return ""

    praise = "5 sentences read, 6 scores"
    return _verdict(all_scores, (encoder, queries, corpus), judge, praise)


def check_cosine_triplet_loss(cosine_triplet_loss: Callable) -> Verdict:
    """Exercise 1.2: `cosine_triplet_loss(anchor, positive, negative, margin)`.

    Three triplets: one is right by more than the margin, one by less, one is wrong.
    """
    import torch

    anchor = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    positive = np.array([[3.0, 0.0], [4.0, 3.0], [1.0, 0.0]])
    negative = np.array([[0.0, 2.0], [3.0, 4.0], [3.0, 4.0]])
    near, far = (
        1 - similarity.cosine_similarity(anchor, other).diagonal()
        for other in (positive, negative)
    )
    each = np.maximum(near - far + 0.5, 0)  # 0, 0.3 and 1.3
    lengths = (np.linalg.norm(anchor - other, axis=1) for other in (positive, negative))
    distance = np.maximum(np.subtract(*lengths) + 0.5, 0)

    def judge(found: np.ndarray) -> str:
        faults = {
            "one loss a triplet; take the mean": each,
            "this is the sum; take the mean": each.sum(),
            "a triplet that is right counts less than 0; stop at 0": (
                near - far + 0.5
            ).mean(),
            "positive and negative are the wrong way round": np.maximum(
                far - near + 0.5, 0
            ).mean(),
            "these are straight-line distances; use 1 - cosine": distance.mean(),
            "the margin is not what was asked for": np.maximum(
                near - far + 1, 0
            ).mean(),
        }
        for fault, wrong in faults.items():
            if found.shape == wrong.shape and np.allclose(found, wrong, atol=1e-6):
                return fault
        if found.shape != ():
            return f"the shape is {found.shape}; a loss is one number"
        return _close(found, each.mean())

    given = [torch.from_numpy(a).float() for a in (anchor, positive, negative)]
    praise = "0, 0.3 and 1.3, on average 0.53"
    return _verdict(cosine_triplet_loss, (*given, 0.5), judge, praise)


def check_crossover(crossover: Callable) -> Verdict:
    """Exercise 1.3: `crossover(per_pair, per_sentence)` -> the smallest n, a number."""
    cases = [((1.0, 1.0), 4), ((2.0, 1.0), 3), ((4.0, 1.0), 2), ((0.5, 32.0), 130)]
    for (pair, sentence), expected in cases:

        def judge(
            found: np.ndarray, pair=pair, sentence=sentence, expected=expected
        ) -> str:
            if found.shape != ():
                return f"expected one number, got {found!r}"
            n = float(found)
            if n == expected:
                return ""
            case = f"{pair:g} s a pair and {sentence:g} s a sentence"
            if n != round(n):
                return f"{n:g} with {case}; there are no parts of a sentence"
            compare, encode = n * (n - 1) / 2 * pair, n * sentence
            if n > expected:
                return f"with {case} a smaller n than {n:g} will do"
            return (
                f"with {case} and n = {n:g} the pairs take {compare:g} s, "
                f"encoding takes {encode:g} s: not cheaper yet"
            )

        verdict = _verdict(
            crossover, (pair, sentence), judge, "all four cases are right"
        )
        if not verdict.passed:
            return verdict
    return verdict


def check_max_pooling(max_pooling: Callable) -> Verdict:
    """Exercise 2.1: `max_pooling(tokens, mask)`, (n, t, d) and (n, t) -> (n, d)."""
    # All negative, but for the padding: a 0 or a padded token that wins is seen.
    tokens = -np.random.default_rng(0).uniform(1, 2, size=(3, 5, 4))
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]])
    tokens[mask == 0] = 7.0
    expected = np.stack(
        [t[m == 1].max(axis=0) for t, m in zip(tokens, mask, strict=True)]
    )

    def judge(found: np.ndarray) -> str:
        if found.shape != expected.shape:
            return f"the shape is {found.shape}; one row a sentence is {expected.shape}"
        if np.allclose(found, tokens.max(axis=1)):
            return "a padded token wins; leave the padding out"
        if np.allclose(found, (tokens * mask[:, :, None]).max(axis=1)):
            return "the 0 of the mask wins over negative numbers; it must lose"
        return _close(found, expected)

    return _verdict(max_pooling, (tokens, mask), judge, "padding never wins")


def check_nearest(nearest: Callable) -> Verdict:
    """Exercise 2.2: `nearest(query, corpus)`, (d,) and (n, d) -> row of highest cosine.

    The rows have different lengths, so that the plain dot product picks another one.
    """
    query = np.array([1.0, 1.0, 0.0])
    rows = [[9.0, 0.0, 9.0], [1.0, 0.6, 0.2], [0.2, 0.2, 0.01], [-3.0, -3.0, 0.0]]
    corpus = np.array(rows)
    cosine = similarity.cosine_similarity(query, corpus)[0]
    distance = similarity.euclidean_distance(query, corpus)[0]

    def judge(found: np.ndarray) -> str:
        if found.shape not in ((), (1,)) or not np.issubdtype(found.dtype, np.integer):
            return f"expected one row number, got {found!r}"
        number = int(found.reshape(-1)[0])
        if number == int((corpus @ query).argmax()):
            return "the longest vector wins here; divide by the lengths first"
        if number == int(distance.argmin()):
            return "this row is nearest by distance; take the highest cosine"
        if number == int(cosine.argmin()):
            return "this row points the opposite way; take the highest cosine, signed"
        return "" if number == int(cosine.argmax()) else f"row {number} is not nearest"

    praise = "row 2, counting from 0, though its vector is the shortest"
    return _verdict(nearest, (query, corpus), judge, praise)


def check_search(search: Callable) -> Verdict:
    """Exercise 3.1: `search(query, corpus, top_k)` -> row numbers, best first.

    query: (d,), corpus: (n, d), both of length 1 -> (top_k,).
    """
    rng = np.random.default_rng(1)
    for n, top_k in ((50, 5), (3000, 600), (8, 1)):
        corpus = similarity.normalize(rng.normal(size=(n, 8)))
        query = similarity.normalize(rng.normal(size=(1, 8)))[0]
        order = list(np.argsort(-(corpus @ query)))

        def judge(found: np.ndarray, best=order[:top_k], worst=order[::-1]) -> str:
            if found.shape != (len(best),):
                return f"asked for {len(best)} row numbers, the shape is {found.shape}"
            if list(found) == best:
                return ""
            if list(found) == worst[: len(best)]:
                return "these are the worst ones; sort from the highest score down"
            if set(found) == set(best):
                return "the right rows, but not best first"
            return f"these are not the best {len(best)}"

        verdict = _verdict(
            search, (query, corpus, top_k), judge, "best first, each time"
        )
        if not verdict.passed:
            return verdict
    return verdict


def check_reciprocal_rank(reciprocal_rank: Callable) -> Verdict:
    """Exercise 3.2: `reciprocal_rank(ranking, relevant, k)` -> a number from 0 to 1."""
    cases = [
        ((["a", "b", "c"], {"a"}, 10), 1.0, "the first result is relevant"),
        ((["a", "b", "c"], {"c", "b"}, 10), 0.5, "the second result is relevant"),
        ((["a", "b", "c"], {"x"}, 10), 0.0, "nothing relevant was found"),
        ((["a", "b", "c"], {"c"}, 2), 0.0, "the relevant one stands below rank k"),
    ]
    for arguments, expected, case in cases:

        def judge(found: np.ndarray, expected=expected, case=case) -> str:
            if found.shape != ():
                return f"expected one number, got {found!r}"
            fits = bool(np.isclose(float(found), expected))
            return "" if fits else f"{found} where {case}; it should be {expected}"

        verdict = _verdict(
            reciprocal_rank, arguments, judge, "all four cases are right"
        )
        if "returns nothing" in verdict.message:
            return Verdict(False, f"the function returns nothing where {case}")
        if not verdict.passed:
            return verdict
    return verdict


def check_variance_kept(variance_kept: Callable) -> Verdict:
    """Exercise 4.1: `variance_kept(rows, dimensions)` -> a share from 0 to 1."""
    rows = np.random.default_rng(0).normal(size=(20, 5)) * [5, 3, 2, 1, 0.5] + 4
    centred, whole = (
        np.linalg.svd(each, compute_uv=False)
        for each in (rows - rows.mean(axis=0), rows)
    )
    for dimensions in (2, 1, 5):

        def judge(found: np.ndarray, m=dimensions) -> str:
            if found.shape != ():
                return f"expected one number, got {found!r}"
            if np.isclose(found, (whole[:m] ** 2).sum() / (whole**2).sum()) and m < 5:
                return "subtract the mean of each column first"
            if np.isclose(found, centred[:m].sum() / centred.sum()) and m < 5:
                return "these are shares of the sizes; variances are their squares"
            return _close(found, (centred[:m] ** 2).sum() / (centred**2).sum())

        verdict = _verdict(
            variance_kept, (rows, dimensions), judge, "for one, two and all directions"
        )
        if not verdict.passed:
            return verdict
    return verdict


def check_neighbour_overlap(neighbour_overlap: Callable) -> Verdict:
    """Exercise 4.2: `neighbour_overlap(first, second, k)` -> a share from 0 to 1."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 12, 2))

    def overlap(a: np.ndarray, b: np.ndarray, k: int, start: int) -> float:
        near = [
            similarity.euclidean_distance(each, each).argsort(axis=1)[:, start:][:, :k]
            for each in (a, b)
        ]
        return float(
            np.mean([len({*x} & {*y}) / k for x, y in zip(*near, strict=True)])
        )

    for a, b, k in ((first, second, 3), (first, second, 5), (first, 2 * first, 3)):
        expected, with_itself = overlap(a, b, k, 1), overlap(a, b, k, 0)

        def judge(
            found: np.ndarray, k=k, expected=expected, with_itself=with_itself
        ) -> str:
            if found.shape != ():
                return f"expected one number, got {found!r}"
            if np.isclose(found, with_itself) and with_itself != expected:
                return "each point counts itself as a neighbour; leave it out"
            if np.isclose(found, expected * k) and expected:
                return f"divide by k = {k}, to get a share"
            return _close(found, np.asarray(expected))

        verdict = _verdict(
            neighbour_overlap, (a, b, k), judge, "on three pairs of maps"
        )
        if not verdict.passed:
            return verdict
    return verdict


def check_learning_rate_at(learning_rate_at: Callable) -> Verdict:
    """Exercise 5.1: `learning_rate_at(step, total, peak, warmup)` -> the rate.

    From 0 up to `peak` at step `warmup`, then down to 0 at step `total`, both in a
    straight line.
    """

    def expected(step: int, total: int, peak: float, warmup: int) -> float:
        down = (total - step) / (total - warmup)
        return peak * min(step / warmup if step < warmup else 1, down)

    def judge(found: np.ndarray, case: tuple) -> str:
        if found.shape != ():
            return f"expected one number, got {found!r}"
        right, (step, total, peak, warmup) = expected(*case), case
        if np.isclose(found, right, rtol=1e-6, atol=1e-12):
            return ""
        where = f"step {step} of {total}, peak {peak}, {warmup} steps of warm-up"
        if step > warmup and np.isclose(found, peak):
            return f"at {where} the rate has begun to fall; {found:g} is the peak"
        if step > warmup and np.isclose(found, peak * (total - step) / total):
            return f"at {where}: the way down begins at the end of the warm-up"
        return f"at {where} it should be {right:g}, not {found:g}"

    cases = [(5, 100, 2e-5, 10), (10, 100, 2e-5, 10), (55, 100, 2e-5, 10)]
    cases += [(100, 100, 2e-5, 10), (0, 100, 2e-5, 10), (10, 10_000, 2e-5, 9_999)]
    return _each(learning_rate_at, cases, judge, "up, at the peak, down, and at 0")


def check_cosine_similarity_loss(cosine_similarity_loss: Callable) -> Verdict:
    """Exercise 5.2: `cosine_similarity_loss(u, v, labels)` -> the mean, one number."""
    import torch

    u = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    v = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
    labels = np.array([0.5, 0.25, 1.0])
    off = similarity.cosine_similarity(u, v).diagonal() - labels
    dots = similarity.dot_score(u, v).diagonal() - labels
    faults = {
        "one loss a pair; take the mean": off**2,
        "this is the sum; take the mean": (off**2).sum(),
        "these are dot products; divide by the lengths": (dots**2).mean(),
        "square the differences": np.abs(off).mean(),
        "differences of both signs cancel; square them": off.mean(),
        "no root at the end": np.sqrt((off**2).mean()),
    }

    def judge(found: np.ndarray) -> str:
        for fault, wrong in faults.items():
            if found.shape == wrong.shape and np.allclose(found, wrong, atol=1e-6):
                return fault
        if found.shape != ():
            return f"the shape is {found.shape}; a loss is one number"
        return _close(found, (off**2).mean())

    given = [torch.from_numpy(each).float() for each in (u, v, labels)]
    praise = "squared differences 0.25, 0.0625 and 0.04"
    return _verdict(cosine_similarity_loss, given, judge, praise)


def check_held_out_terms(held_out_terms: Callable) -> Verdict:
    """Exercise 5.3: `held_out_terms(terms, share)` -> True where a pair is held out.

    terms: one a pair, (n,) -> (n,) of bool; every term goes to one side whole.
    """
    few = ["gas", "rekt", "gas", "peel", "rekt", "RPE", "gas", "peel"]
    many = [f"term {number % 20}" for number in range(200)]

    def judge(found: np.ndarray, case: tuple) -> str:
        terms, share = case
        if found.shape != (len(terms),) or found.dtype != bool:
            return (
                f"expected {len(terms)} of True and False, got the shape {found.shape} "
                f"of {found.dtype}"
            )
        sides = [
            {t for t, h in zip(terms, found, strict=True) if h == s} for s in (1, 0)
        ]
        if both := sorted(sides[0] & sides[1]):
            return f"{both[0]!r} stands on both sides; a term must go to one whole"
        wanted = round(share * len(set(terms)))
        if len(sides[0]) != wanted:
            return (
                f"{len(sides[0])} of {len(set(terms))} terms are held out; with a "
                f"share of {share} it should be {wanted}"
            )
        return ""

    cases = [(few, 0.25), (few, 0.5), (many, 0.2)]
    return _each(held_out_terms, cases, judge, "every term is on one side")


def _each(
    answer: Callable, cases: Sequence[Sequence], judge: Callable, praise: str
) -> Verdict:
    """Try the learner's function on several cases; stop at the first that fails."""
    for case in cases:
        verdict = _verdict(
            answer, case, lambda found, case=case: judge(found, case), praise
        )
        if not verdict.passed:
            break
    return verdict


def _verdict(
    answer: Callable, arguments: Sequence, judge: Callable, praise: str
) -> Verdict:
    """Call the learner's function and judge what it returned."""
    try:
        found = answer(*arguments)
    except NotImplementedError:
        return Verdict(False, "replace `raise NotImplementedError` with your lines")
    except Exception as error:  # whatever a learner's code may raise
        hint = "; ranks begin at 1" if isinstance(error, ZeroDivisionError) else ""
        return Verdict(False, f"it stopped with {type(error).__name__}: {error}{hint}")
    if found is None:
        return Verdict(False, "the function returns nothing; is there a `return`?")
    try:
        found = found.detach().cpu() if hasattr(found, "detach") else found
        fault = judge(np.asarray(found))
    except Exception as error:  # an answer of a type nobody thought of
        return Verdict(False, f"{type(found).__name__} is not what is asked: {error}")
    return Verdict(not fault, fault or praise)


def _close(found: np.ndarray, expected: np.ndarray) -> str:
    """Say how far off the numbers are; nothing when they agree."""
    if np.allclose(found, expected, atol=1e-6):
        return ""
    return f"the numbers are off by up to {np.abs(found - expected).max():.2g}"
