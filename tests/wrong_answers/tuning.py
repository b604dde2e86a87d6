"""Typical wrong answers to exercises.tuning: name -> case -> answer, message."""

import numpy as np
import torch
from torch.nn import functional as F


def taken(order, last=False):
    """Return a split that takes terms in an order, without shuffling."""

    def split(terms, share):
        every = order(terms)
        count = round(share * len(every))
        return np.isin(terms, every[-count:] if last else every[:count])

    return split


def alphabetical(terms):
    return sorted(set(terms))


def as_they_come(terms):
    return list(dict.fromkeys(terms))


def scores(a, p):
    return F.normalize(a) @ F.normalize(p).T


def mean_loss(scores):
    return F.cross_entropy(scores, torch.arange(len(scores)))


WRONG = {
    "held_out_terms": {
        "rows": (
            lambda terms, share: np.arange(len(terms)) < share * len(terms),
            "is on both sides",
        ),
        "nothing": (
            lambda terms, share: np.zeros(len(terms), dtype=bool),
            "0 of 4 terms are held out",
        ),
        "numbers": (lambda terms, share: np.arange(len(terms)), "of int64"),
        "terms": (lambda terms, share: np.ones(1, dtype=bool), "the shape (1,)"),
        "sorted": (taken(alphabetical), "the first terms in alphabetical order"),
        "last": (taken(alphabetical, last=True), "the last terms in alphabetical"),
        "as in the file": (taken(as_they_come), "first terms in the order of the file"),
    },
    "ranking_loss": {
        "no mean": (
            lambda a, p, s: F.cross_entropy(
                s * scores(a, p), torch.arange(len(a)), reduction="none"
            ),
            "one loss an anchor",
        ),
        "sum": (
            lambda a, p, s: len(a) * mean_loss(s * scores(a, p)),
            "this is the sum",
        ),
        "no scale": (lambda a, p, s: mean_loss(scores(a, p)), "by the scale"),
        "dot": (lambda a, p, s: mean_loss(s * (a @ p.T)), "these are dot products"),
        "columns": (
            lambda a, p, s: mean_loss(s * scores(p, a)),
            "here each positive picks its anchor",
        ),
        "sign": (lambda a, p, s: -mean_loss(s * scores(a, p)), "the sign is wrong"),
        "probability": (
            lambda a, p, s: (s * scores(a, p)).softmax(1).diagonal().mean(),
            "take minus its logarithm",
        ),
        "rivals alone": (
            lambda a, p, s: (
                ((s * scores(a, p)).exp().sum(1) - (s * scores(a, p)).diagonal().exp())
                .log()
                .mean()
                - s * scores(a, p).diagonal().mean()
            ),
            "its own positive belongs in the sum",
        ),
        "zero": (lambda a, p, s: torch.tensor(0.0), "off by up to"),
        "a vector": (lambda a, p, s: a - p, "expected one number"),
    },
}
