"""Typical wrong answers to exercises.networks: name -> case -> answer, message."""

import torch
from torch.nn import functional as F


def triplets(near, far):
    """Return an answer from what `near` and `far` say of the three rows, and margin."""
    return lambda a, p, n, margin: torch.relu(near(a, p) - far(a, n) + margin)


def apart(a, b):
    return 1 - F.cosine_similarity(a, b)


def length(a, b):
    return (a - b).norm(dim=1)


WRONG = {
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
            "the positive first?",
        ),
        "cosines as distances": (
            lambda *given: triplets(F.cosine_similarity, F.cosine_similarity)(
                *given
            ).mean(),
            "is `1 -` there",
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
}
