"""The exercises of notebook 4: what a map keeps."""

import numpy as np

from helpers.exercises.verdict import exercise, fault_of
from helpers.similarity import euclidean_distance

_CLOUD = np.random.default_rng(0).normal(size=(20, 5)) * [5, 3, 2, 1, 0.5] + 7


@exercise([(_CLOUD, 0.9), (_CLOUD, 0.5), (_CLOUD, 0.98)], "for 90, 50 and 98 %")
def check_directions_needed(rows, share, found):
    """Exercise 4.1: `directions_needed(rows, share)` -> a whole number."""

    def needed(rows, power):
        sizes = np.linalg.svd(rows, compute_uv=False) ** power
        return np.argmax(sizes.cumsum() / sizes.sum() >= share) + 1

    centred = rows - rows.mean(axis=0)
    right, raw, unsquared = needed(centred, 2), needed(rows, 2), needed(centred, 1)
    typical = {
        "that's a place, counted from 0; how many directions are that?": right - 1,
        "subtract the mean of each column first": raw,
        "these are shares of the sizes; variances are their squares": unsquared,
    }
    return fault_of(found, right, typical)


def _near(shift: float, k: int) -> np.ndarray:
    """(12, k): each point's neighbours, after each was moved by chance."""
    points, moves = np.random.default_rng(0).normal(size=(2, 12, 2))
    points = points + shift * moves
    return euclidean_distance(points, points).argsort(axis=1)[:, 1 : k + 1]


_MAPS = [_near(shift, 4) for shift in (0, 0.4, 0.8)]
_FEWER = [_near(shift, 3) for shift in (0, 0.6)]


@exercise([(_MAPS[:2],), (_MAPS,), (_FEWER,)], "on two maps, and on three")
def check_share_of_rumours(near, found):
    """Exercise 4.4: `share_of_rumours(near)` -> a share from 0 to 1."""
    first, *others = ([set(row.tolist()) for row in each] for each in near)

    def share(confirmed):
        pairs = zip(first, zip(*others, strict=True), strict=True)
        told = [len(mine & confirmed(*theirs)) for mine, theirs in pairs]
        return 1 - np.mean(told) / near[0].shape[1]

    right, on_any = share(set.intersection), share(set.union)
    in_place = np.all([each == near[0] for each in near], axis=0)
    typical = {
        "that's the share that survives; rumours are the rest": 1 - right,
        "divide by k, the neighbours in a row": right * near[0].shape[1],
        "only the first two maps were asked": share(lambda second, *_: second),
        "a neighbour has to be on all the maps, not on one of the others": on_any,
        "the order within a row doesn't matter; compare sets": 1 - in_place.mean(),
    }
    return fault_of(found, right, typical)
