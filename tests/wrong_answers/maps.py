"""Typical wrong answers to exercises.maps: name -> case -> answer, message."""

import numpy as np


def needed(rows, share, power=2, centre=True):
    """Return the place of the first direction with which the share is reached."""
    sizes = np.linalg.svd(rows - centre * rows.mean(axis=0), compute_uv=False) ** power
    return (np.cumsum(sizes) / sizes.sum() >= share).argmax()


def rumours(near, join=set.intersection):
    """Return the share of the first map's neighbours that the others don't confirm."""
    rows = [[set(row) for row in each] for each in np.array(near).tolist()]
    told = [len(mine & join(*theirs)) for mine, *theirs in zip(*rows, strict=True)]
    return 1 - np.mean(told) / len(near[0][0])


WRONG = {
    "directions_needed": {
        "a place": (needed, "counted from 0"),
        "not centred": (
            lambda r, s: needed(r, s, centre=False) + 1,
            "subtract the mean",
        ),
        "not squared": (
            lambda r, s: needed(r, s, power=1) + 1,
            "variances are their squares",
        ),
        "a share each": (lambda r, s: np.ones(5), "expected one number"),
        "all of them": (lambda r, s: 5, "off by up to"),
    },
    "share_of_rumours": {
        "the survivors": (lambda near: 1 - rumours(near), "rumours are the rest"),
        "a count": (lambda near: rumours(near) * len(near[0][0]), "divide by k"),
        "two maps": (lambda near: rumours(near[:2]), "only the first two maps"),
        "any map": (lambda near: rumours(near, set.union), "on all the maps"),
        "place by place": (
            lambda near: 1 - np.all([each == near[0] for each in near], axis=0).mean(),
            "compare sets",
        ),
        "row by row": (lambda near: np.ones(12), "expected one number"),
    },
}
