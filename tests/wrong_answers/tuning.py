"""Typical wrong answers to exercises.tuning: name -> case -> answer, message."""

import numpy as np
import torch
from torch.nn import functional as F


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
}
