"""The exercises of notebook 5: a split that doesn't leak, a loss by hand."""

import numpy as np
import torch

from helpers.exercises.verdict import exercise, fault_of
from helpers.similarity import cosine_similarity, dot_score

_FEW = ["gas", "rekt", "gas", "peel", "rekt", "RPE", "gas", "peel"]
_MANY = [f"term {number * 7 % 20}" for number in range(200)]


@exercise([(_FEW, 0.25), (_FEW, 0.5), (_MANY, 0.2)], "every term is on one side")
def check_held_out_terms(terms, share, found):
    """Exercise 5.1: `held_out_terms(terms, share)` -> True where a pair is held out.

    terms: one a pair, (n,) -> (n,) of bool; every term goes to one side whole.
    """
    n, kind = len(terms), f"the shape {found.shape} of {found.dtype}"
    if found.shape != (n,) or found.dtype != bool:
        return f"expected {n} of True and False, got {kind}"
    out, kept = (set(np.array(terms)[found == side].tolist()) for side in (True, False))
    if both := sorted(out & kept):
        return f"{both[0]!r} is on both sides; a term must go to one whole"
    wanted, held = round(share * len(set(terms))), f"{len(out)} of {len(set(terms))}"
    if len(out) != wanted:
        return f"{held} terms are held out; a share of {share} would be {wanted}"
    return _unshuffled(terms, out) if wanted > 2 else ""  # two may come by chance


def _unshuffled(terms, out):
    """Name the order from which the terms `out` were taken without shuffling."""
    orders = {"in alphabetical order": sorted(set(terms))}
    orders["in the order of the file"] = list(dict.fromkeys(terms))
    for name, order in orders.items():
        for end, taken in (("first", order[: len(out)]), ("last", order[-len(out) :])):
            if out == set(taken):
                return f"these are the {end} terms {name}; shuffle before you cut"
    return ""


_ANCHORS = torch.tensor([[1.0, 0, 0], [1, 2, 2], [0, 3, 1]])
_POSITIVES = torch.tensor([[2.0, 1, 1], [2, 2, 1], [1, 4, 3]])


@exercise([(_ANCHORS, _POSITIVES, 20.0), (_ANCHORS, _POSITIVES, 5.0)], "as the library")
def check_ranking_loss(anchors, positives, scale, found):
    """Exercise 5.2: `ranking_loss(anchors, positives, scale)` -> one number.

    anchors, positives: (n, d); row j of the one belongs to row j of the other.
    """
    cosines, dots = (f(anchors, positives) for f in (cosine_similarity, dot_score))
    losses, own = _losses(scale * cosines), np.exp(scale * cosines.diagonal())
    others = np.exp(scale * cosines).sum(axis=1) - own
    turned, likely = _losses(scale * cosines.T), np.exp(-losses)
    typical = {
        "one loss an anchor; take the mean": losses,
        "this is the sum; take the mean": losses.sum(),
        "multiply the cosines by the scale": _losses(cosines).mean(),
        "these are dot products; divide by the lengths": _losses(scale * dots).mean(),
        "here each positive picks its anchor; sum over the positives": turned.mean(),
        "the sign is wrong: minus the logarithm": -losses.mean(),
        "this is the mean probability; take minus its logarithm": likely.mean(),
        "its own positive belongs in the sum too": -np.log(own / others).mean(),
    }
    return fault_of(found, losses.mean(), typical)


def _losses(scores):
    """Minus the logarithm of each row's softmax on the diagonal: (n, n) -> (n,)."""
    return np.logaddexp.reduce(scores, axis=1) - scores.diagonal()
