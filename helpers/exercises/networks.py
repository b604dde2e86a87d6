"""The exercises of notebook 1: a network that is trained."""

from collections.abc import Callable

import numpy as np
import torch

from helpers.exercises.verdict import Verdict, exercise, fault_of, judged
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
        "the wrong way round: is `1 -` there, the positive first?": swapped.mean(),
        "these are straight-line distances; use 1 - cosine": straight.mean(),
        "the margin is not what was asked for": wide.mean(),
    }
    return fault_of(found, right.mean(), typical, "a loss is one number")
