"""The exercises of notebook 8: what else moved, and how to choose."""

import numpy as np

from helpers.exercises.verdict import exercise, fault_of, no_number
from helpers.similarity import cosine_similarity, dot_score

_U = np.array([[2.0, 0, 1], [0, 1, 1], [1, 3, 0], [1, 1, 4]])
_V = np.array([[1.0, 0, 1], [0, 1, 3], [3, 1, 0], [4, 0, 1]])
_LABELS = np.array([1.0, 0.8, 0.4, 0.0])


@exercise([(_U, _V, _LABELS)], "related less unrelated, the pairs left out of the one")
def check_gap(u, v, labels, found):
    """Exercise 8.1: `gap(u, v, labels)` -> related less unrelated, one number.

    u, v: (n, d), the two sentences of each pair; labels: (n,), related from 0.8 up.
    """
    near, off = labels >= 0.8, ~np.eye(len(labels), dtype=bool)

    def gap(scores, related=near):
        return scores.diagonal()[related].mean() - scores[off].mean()

    cosines = cosine_similarity(u, v)
    right, related = gap(cosines), cosines.diagonal()[near].mean()
    mixed, dots = related - cosines.mean(), gap(dot_score(u, v))
    firsts = related - cosine_similarity(u, u)[off].mean()
    typical = {
        "the pairs themselves are among the unrelated; leave the diagonal out": mixed,
        "only pairs labelled 0.8 or more are related": gap(cosines, labels >= 0),
        "0.8 itself counts as related": gap(cosines, labels > 0.8),
        "these are dot products; divide by the lengths": dots,
        "the wrong way round: related first": -right,
        "this is the related half; take the unrelated off": related,
        "compare first sentences with second ones, not with each other": firsts,
    }
    return fault_of(found, right, typical)


def _rows(*figures):
    """Rows as the notebook has them: share, then (jargon, others) on dev and test."""
    names = ("share", "seed", "dev", "test")
    return [dict(zip(names, row, strict=True)) for row in figures]


_MEASURED = _rows(
    (0.4, 1, (0.03, 0.000), (0.09, 0.01)),
    (0.4, 2, (0.03, 0.000), (0.09, 0.01)),
    (0.6, 1, (0.05, -0.005), (0.05, -0.01)),
    (0.6, 2, (0.05, -0.005), (0.05, -0.01)),
    (0.8, 1, (0.08, -0.005), (0.04, -0.03)),
    (0.8, 2, (0.06, -0.025), (0.04, -0.03)),
    (1.0, 1, (0.12, -0.015), (0.03, -0.06)),
    (1.0, 2, (0.10, -0.065), (0.03, -0.06)),
)
_WORSE = _rows((0.6, 1, (-0.01, 0.00), (-0.02, 0.00)))
_CASES = [(_MEASURED, 0.02), (_MEASURED, 0.05), (_MEASURED[2:4], 0.001), (_WORSE, 0.1)]


@exercise(_CASES, "chosen on dev, over all seeds, within the limit")
def check_choose_share(rows, limit, found):
    """Exercise 8.3: `choose_share(rows, limit)` -> a share; 0.0 is the base."""
    if found.shape:
        return no_number(found)
    dev, test = _means(rows, "dev"), _means(rows, "test")
    right, chosen = _best(dev, limit), round(float(found), 6)
    if chosen == right:
        return ""
    if chosen not in dev:
        return f"{chosen:g} is none of the shares {sorted(dev)}"
    if dev[chosen][1] < -limit:
        lost = f"{chosen:g} costs the other kinds {-dev[chosen][1]:.3f} on dev"
        return f"{lost}, averaged over seeds; the limit is {limit:g}"
    if chosen == _best(test, limit):
        return f"{chosen:g} is what test would choose; look at dev alone"
    return f"{right:g} gains more jargon than {chosen:g} on dev and keeps the limit"


def _means(rows, half):
    """Share -> (jargon, others), the mean over seeds; the base is share 0."""
    shares = {row["share"] for row in rows}
    return {0.0: np.zeros(2)} | {
        share: np.mean([row[half] for row in rows if row["share"] == share], axis=0)
        for share in shares
    }


def _best(means, limit):
    within = [share for share in means if means[share][1] >= -limit - 1e-9]
    return max(within, key=lambda share: means[share][0])
