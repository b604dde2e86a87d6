"""The exercises of notebooks 1 and 5: a network that is trained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from helpers.exercises.verdict import Verdict, fault_of, judged, judged_each
from helpers.similarity import cosine_similarity, dot_score


def check_all_scores(all_scores: Callable) -> Verdict:
    """Exercise 1.1: `all_scores(encoder, queries, corpus)` -> cosines, (n, m).

    The encoder counts the rows it reads: each sentence once, not once a pair.
    """
    table = torch.tensor([[3.0, 4.0], [1.0, 0.0], [-2.0, 1.0], [0.5, 0.5], [0.0, -5.0]])
    queries, corpus = torch.tensor([[0], [1]]), torch.tensor([[2], [3], [4]])
    sides = table[:2].numpy(), table[2:].numpy()
    read: list[int] = []

    def encoder(ids: torch.Tensor) -> torch.Tensor:
        read.append(len(ids))
        return table[ids[:, 0]]

    def judge(found: np.ndarray) -> str:
        dots = "these are dot products; scale the vectors to length 1 first"
        fault = fault_of(
            found,
            cosine_similarity(*sides),
            {dots: dot_score(*sides)},
            shape="2 queries, 3 documents: (2, 3)",
        )
        twice = f"the encoder read {sum(read)} rows; 2 + 3 sentences are 5"
        return fault or ("" if sum(read) == 5 else twice)

    praise = "5 sentences read, 6 scores"
    return judged(all_scores, (encoder, queries, corpus), judge, praise)


def check_cosine_triplet_loss(cosine_triplet_loss: Callable) -> Verdict:
    """Exercise 1.2: `cosine_triplet_loss(anchor, positive, negative, margin)`.

    Three triplets: one is right by more than the margin, one by less, one is wrong.
    """
    anchor = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    others = np.array([[3.0, 0.0], [4.0, 3.0], [1.0, 0.0]])
    others = others, np.array([[0.0, 2.0], [3.0, 4.0], [3.0, 4.0]])
    gap = np.subtract(*(1 - cosine_similarity(anchor, o).diagonal() for o in others))
    each = np.maximum(gap + 0.5, 0)  # 0, 0.3 and 1.3
    lengths = np.subtract(*(np.linalg.norm(anchor - other, axis=1) for other in others))
    typical = {
        "one loss a triplet; take the mean": each,
        "this is the sum; take the mean": each.sum(),
        "a triplet that is right counts less than 0; stop at 0": (gap + 0.5).mean(),
        "positive and negative are the wrong way round": _hinge(0.5 - gap),
        "these are straight-line distances; use 1 - cosine": _hinge(lengths + 0.5),
        "the margin is not what was asked for": _hinge(gap + 1),
    }

    def judge(found: np.ndarray) -> str:
        return fault_of(found, each.mean(), typical, shape="a loss is one number")

    given = [torch.from_numpy(a).float() for a in (anchor, *others)]
    praise = "0, 0.3 and 1.3, on average 0.53"
    return judged(cosine_triplet_loss, (*given, 0.5), judge, praise)


def check_crossover(crossover: Callable) -> Verdict:
    """Exercise 1.3: `crossover(per_pair, per_sentence)` -> the smallest n, a number."""
    smallest = {(1.0, 1.0): 4, (2.0, 1.0): 3, (4.0, 1.0): 2, (0.5, 32.0): 130}

    def judge(found: np.ndarray, pair: float, sentence: float) -> str:
        if found.shape != ():
            return f"expected one number, got {found!r}"
        n, expected = float(found), smallest[pair, sentence]
        case = f"{pair:g} s a pair and {sentence:g} s a sentence"
        if n != round(n):
            return f"{n:g} with {case}; there are no parts of a sentence"
        if n > expected:
            return f"with {case} a smaller n than {n:g} will do"
        compare, encode = n * (n - 1) / 2 * pair, n * sentence
        soon = (
            f"with {case} and n = {n:g} the pairs take {compare:g} s, "
            f"encoding takes {encode:g} s: not cheaper yet"
        )
        return soon if n < expected else ""

    return judged_each(crossover, smallest, judge, "all four cases are right")


def _hinge(gaps: np.ndarray) -> float:
    return np.maximum(gaps, 0).mean()


def check_learning_rate_at(learning_rate_at: Callable) -> Verdict:
    """Exercise 5.1: `learning_rate_at(step, total, peak, warmup)` -> the rate.

    From 0 up to `peak` at step `warmup`, then down to 0 at step `total`, both in a
    straight line.
    """
    cases = [(5, 100, 2e-5, 10), (10, 100, 2e-5, 10), (55, 100, 2e-5, 10)]
    cases += [(100, 100, 2e-5, 10), (0, 100, 2e-5, 10), (10, 10_000, 2e-5, 9_999)]
    praise = "up, at the peak, down, and at 0"
    return judged_each(learning_rate_at, cases, _judge_rate, praise)


def _judge_rate(
    found: np.ndarray, step: int, total: int, peak: float, warmup: int
) -> str:
    if found.shape != ():
        return f"expected one number, got {found!r}"
    down = (total - step) / (total - warmup)
    right = peak * min(step / warmup if step < warmup else 1, down)
    if np.isclose(found, right, rtol=1e-6, atol=1e-12):
        return ""
    where = f"step {step} of {total}, peak {peak}, {warmup} steps of warm-up"
    if step > warmup and np.isclose(found, peak):
        return f"at {where} the rate has begun to fall; {found:g} is the peak"
    if step > warmup and np.isclose(found, peak * (total - step) / total):
        return f"at {where}: the way down begins at the end of the warm-up"
    return f"at {where} it should be {right:g}, not {found:g}"


def check_cosine_similarity_loss(cosine_similarity_loss: Callable) -> Verdict:
    """Exercise 5.2: `cosine_similarity_loss(u, v, labels)` -> the mean, one number."""
    u = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    v = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
    labels = np.array([0.5, 0.25, 1.0])
    off = cosine_similarity(u, v).diagonal() - labels
    dots = dot_score(u, v).diagonal() - labels
    typical = {
        "one loss a pair; take the mean": off**2,
        "this is the sum; take the mean": (off**2).sum(),
        "these are dot products; divide by the lengths": (dots**2).mean(),
        "square the differences": np.abs(off).mean(),
        "differences of both signs cancel; square them": off.mean(),
        "no root at the end": np.sqrt((off**2).mean()),
    }

    def judge(found: np.ndarray) -> str:
        return fault_of(found, (off**2).mean(), typical, shape="a loss is one number")

    given = [torch.from_numpy(each).float() for each in (u, v, labels)]
    praise = "squared differences 0.25, 0.0625 and 0.04"
    return judged(cosine_similarity_loss, given, judge, praise)


def check_held_out_terms(held_out_terms: Callable) -> Verdict:
    """Exercise 5.3: `held_out_terms(terms, share)` -> True where a pair is held out.

    terms: one a pair, (n,) -> (n,) of bool; every term goes to one side whole.
    """
    few = ["gas", "rekt", "gas", "peel", "rekt", "RPE", "gas", "peel"]
    many = [f"term {number % 20}" for number in range(200)]
    cases = [(few, 0.25), (few, 0.5), (many, 0.2)]
    return judged_each(held_out_terms, cases, _judge_split, "every term is on one side")


def _judge_split(found: np.ndarray, terms: list[str], share: float) -> str:
    if found.shape != (len(terms),) or found.dtype != bool:
        return (
            f"expected {len(terms)} of True and False, got the shape {found.shape} "
            f"of {found.dtype}"
        )
    out, kept = (set(np.array(terms)[found == side].tolist()) for side in (True, False))
    if both := sorted(out & kept):
        return f"{both[0]!r} stands on both sides; a term must go to one whole"
    wanted = round(share * len(set(terms)))
    if len(out) == wanted:
        return ""
    return (
        f"{len(out)} of {len(set(terms))} terms are held out; with a "
        f"share of {share} it should be {wanted}"
    )
