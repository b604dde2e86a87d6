"""The exercises of notebooks 1 and 5: a network that is trained."""

from collections.abc import Callable

import numpy as np
import torch

from helpers.exercises.verdict import Verdict, exercise, fault_of, judged, no_number
from helpers.similarity import cosine_similarity, dot_score


def check_all_scores(all_scores: Callable) -> Verdict:
    """Exercise 1.1: `all_scores(encoder, queries, corpus)` -> cosines, (n, m).

    The encoder counts the rows it reads: each sentence once, not once a pair.
    """
    table = torch.tensor([[3, 4], [1, 0], [-2, 1], [0.5, 0.5], [0, -5]])
    sides, ids, read = (table[:2], table[2:]), torch.arange(5)[:, None], []

    def encoder(ids):
        read.append(len(ids))
        return table[ids[:, 0]]

    def judge(found):
        dots = "these are dot products; scale the vectors to length 1 first"
        shape, typical = "2 queries, 3 documents: (2, 3)", {dots: dot_score(*sides)}
        fault = fault_of(found, cosine_similarity(*sides), typical, shape)
        twice = f"the encoder read {sum(read)} rows; 2 + 3 sentences are 5"
        return fault or ("" if sum(read) == 5 else twice)

    given, praise = (encoder, ids[:2], ids[2:]), "5 sentences read, 6 scores"
    return judged(all_scores, given, judge, praise)


def _cosines(a, b):
    return cosine_similarity(a, b).diagonal()


#: One triplet is right by more than the margin, one by less, one is wrong.
_TRIPLETS = torch.tensor(
    [[[1, 0], [2, 0], [0, 1]], [[3, 0], [4, 3], [1, 0]], [[0, 2], [3, 4], [3, 4]]]
)


@exercise([(*_TRIPLETS.float(), 0.5)], "0, 0.3 and 1.3, on average 0.53")
def check_cosine_triplet_loss(anchor, positive, negative, margin, found):
    """Exercise 1.2: `cosine_triplet_loss(anchor, positive, negative, margin)`."""
    gap = _cosines(anchor, negative) - _cosines(anchor, positive)
    straight = (anchor - positive).norm(dim=1) - (anchor - negative).norm(dim=1)
    gaps = [gap + margin, margin - gap, straight + margin, gap + 1]
    right, swapped, straight, wide = np.maximum(gaps, 0)
    typical = {
        "one loss a triplet; take the mean": right,
        "this is the sum; take the mean": right.sum(),
        "a triplet that is right counts less than 0; stop at 0": gaps[0].mean(),
        "positive and negative are the wrong way round": swapped.mean(),
        "these are straight-line distances; use 1 - cosine": straight.mean(),
        "the margin is not what was asked for": wide.mean(),
    }
    return fault_of(found, right.mean(), typical, "a loss is one number")


_SMALLEST = {(1.0, 1.0): 4, (2.0, 1.0): 3, (4.0, 1.0): 2, (0.5, 32.0): 130}


@exercise(list(_SMALLEST), "all four cases are right")
def check_crossover(pair, sentence, found):
    """Exercise 1.3: `crossover(per_pair, per_sentence)` -> the smallest n, a number."""
    if found.shape:
        return no_number(found)
    n, smallest = float(found), _SMALLEST[pair, sentence]
    case = f"{pair:g} s a pair and {sentence:g} s a sentence"
    if n != round(n):
        return f"{n:g} with {case}; there are no parts of a sentence"
    if n > smallest:
        return f"with {case} a smaller n than {n:g} will do"
    soon = (
        f"with {case} and n = {n:g} the pairs take {n * (n - 1) / 2 * pair:g} s, "
        f"encoding takes {n * sentence:g} s: not cheaper yet"
    )
    return soon if n < smallest else ""


_RATES = [(step, 100, 2e-5, 10) for step in (5, 10, 55, 100, 0)]


@exercise([*_RATES, (10, 10_000, 2e-5, 9_999)], "up, at the peak, down, and at 0")
def check_learning_rate_at(step, total, peak, warmup, found):
    """Exercise 5.1: `learning_rate_at(step, total, peak, warmup)` -> the rate.

    In straight lines from 0 up to `peak` at step `warmup`, and down to 0 at `total`.
    """
    right = np.interp(step, [0, warmup, total], [0, peak, 0])
    where = f"step {step} of {total}, peak {peak}, {warmup} steps of warm-up"
    if found.shape:
        return no_number(found)
    if np.isclose(found, right, rtol=1e-6, atol=1e-12):
        return ""
    if step > warmup and np.isclose(found, peak):
        return f"at {where} the rate has begun to fall; {found:g} is the peak"
    if step > warmup and np.isclose(found, peak * (total - step) / total):
        return f"at {where}: the way down begins at the end of the warm-up"
    return f"at {where} it should be {right:g}, not {found:g}"


_U, _V = torch.tensor([[[1, 0], [2, 0], [0, 3]], [[2, 0], [0, 1], [3, 4]]]).float()
_LABELS = torch.tensor([0.5, 0.25, 1.0])


@exercise([(_U, _V, _LABELS)], "squared differences 0.25, 0.0625 and 0.04")
def check_cosine_similarity_loss(u, v, labels, found):
    """Exercise 5.2: `cosine_similarity_loss(u, v, labels)` -> the mean, one number."""
    off = _cosines(u, v) - labels.numpy()
    dots = dot_score(u, v).diagonal() - labels.numpy()
    typical = {
        "one loss a pair; take the mean": off**2,
        "this is the sum; take the mean": (off**2).sum(),
        "these are dot products; divide by the lengths": (dots**2).mean(),
        "square the differences": np.abs(off).mean(),
        "differences of both signs cancel; square them": off.mean(),
        "no root at the end": np.sqrt((off**2).mean()),
    }
    return fault_of(found, (off**2).mean(), typical, "a loss is one number")


_FEW = ["gas", "rekt", "gas", "peel", "rekt", "RPE", "gas", "peel"]
_MANY = [f"term {number % 20}" for number in range(200)]


@exercise([(_FEW, 0.25), (_FEW, 0.5), (_MANY, 0.2)], "every term is on one side")
def check_held_out_terms(terms, share, found):
    """Exercise 5.3: `held_out_terms(terms, share)` -> True where a pair is held out.

    terms: one a pair, (n,) -> (n,) of bool; every term goes to one side whole.
    """
    n, kind = len(terms), f"the shape {found.shape} of {found.dtype}"
    if found.shape != (n,) or found.dtype != bool:
        return f"expected {n} of True and False, got {kind}"
    out, kept = (set(np.array(terms)[found == side].tolist()) for side in (True, False))
    if both := sorted(out & kept):
        return f"{both[0]!r} stands on both sides; a term must go to one whole"
    wanted, held = round(share * len(set(terms))), f"{len(out)} of {len(set(terms))}"
    wrong = f"{held} terms are held out; with a share of {share} it should be {wanted}"
    return "" if len(out) == wanted else wrong
