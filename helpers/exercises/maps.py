"""The exercises of notebook 4: what a map keeps."""

import numpy as np

from helpers.exercises.verdict import exercise, fault_of
from helpers.similarity import euclidean_distance

_CLOUD = np.random.default_rng(0).normal(size=(20, 5)) * [5, 3, 2, 1, 0.5] + 4


@exercise([(_CLOUD, 2), (_CLOUD, 1), (_CLOUD, 5)], "for one, two and all directions")
def check_variance_kept(rows, dimensions, found):
    """Exercise 4.1: `variance_kept(rows, dimensions)` -> a share from 0 to 1."""

    def share(rows, power):
        sizes = np.linalg.svd(rows, compute_uv=False) ** power
        return sizes[:dimensions].sum() / sizes.sum()

    centred = rows - rows.mean(axis=0)
    typical = {
        "subtract the mean of each column first": share(rows, 2),
        "these are shares of the sizes; variances are their squares": share(centred, 1),
    }
    return fault_of(found, share(centred, 2), typical)


_A, _B = np.random.default_rng(0).normal(size=(2, 12, 2))


@exercise([(_A, _B, 3), (_A, _B, 5), (_A, 2 * _A, 3)], "on three pairs of maps")
def check_neighbour_overlap(first, second, k, found):
    """Exercise 4.2: `neighbour_overlap(first, second, k)` -> a share from 0 to 1."""
    near = [euclidean_distance(a, a).argsort(axis=1).tolist() for a in (first, second)]

    def overlap(start):  # the nearest neighbour of all, number 0, is the point itself
        pairs = ((set(row[start:][:k]) for row in rows) for rows in near)
        return np.mean([len(a & b) / k for a, b in zip(*pairs, strict=True)])

    typical = {
        "each point counts itself as a neighbour; leave it out": overlap(0),
        f"divide by k = {k}, to get a share": overlap(1) * k,
    }
    return fault_of(found, overlap(1), typical)
