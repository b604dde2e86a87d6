"""The exercises of notebooks 5 and 8: labels, losses and what they change."""

import numpy as np
import torch

from helpers.exercises.verdict import exercise, fault_of, no_number
from helpers.similarity import cosine_similarity, dot_score

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
    off = cosine_similarity(u, v).diagonal() - labels.numpy()
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
