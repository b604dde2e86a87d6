"""Typical wrong answers to exercises.maps: name -> case -> answer, message."""

import numpy as np


def nearest(points, k, start=1):
    """Return the sets of numbers of the k nearest points."""
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    return [set(row[start:][:k]) for row in distances.argsort(axis=1).tolist()]


def common(first, second, k, start=1):
    """Return how many neighbours two maps have in common, on average."""
    pairs = zip(nearest(first, k, start), nearest(second, k, start), strict=True)
    return np.mean([len(a & b) for a, b in pairs])


def sizes(rows):
    return np.linalg.svd(rows, compute_uv=False)


WRONG = {
    "variance_kept": {
        "not centred": (
            lambda r, m: (sizes(r)[:m] ** 2).sum() / (sizes(r) ** 2).sum(),
            "subtract the mean",
        ),
        "not squared": (
            lambda r, m: sizes(r - r.mean(0))[:m].sum() / sizes(r - r.mean(0)).sum(),
            "variances are their squares",
        ),
        "a share each": (lambda r, m: np.ones(m), "expected one number"),
        "all of it": (lambda r, m: 1.0, "off by up to"),
    },
    "neighbour_overlap": {
        "counts itself": (
            lambda a, b, k: common(a, b, k, start=0) / k,
            "counts itself as a neighbour",
        ),
        "a count": (common, "divide by k = 3"),
        "same map only": (lambda a, b, k: 1.0, "off by up to"),
        "row by row": (lambda a, b, k: np.ones(len(a)), "expected one number"),
    },
}
