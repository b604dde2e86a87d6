"""Typical wrong answers to exercises.changes: name -> case -> answer, message."""

import numpy as np

from helpers.similarity import cosine_similarity


def related(u, v, labels, least=0.8):
    return cosine_similarity(u, v).diagonal()[labels >= least].mean()


def unrelated(scores):
    return scores[~np.eye(len(scores), dtype=bool)].mean()


def gap(u, v, labels):
    return related(u, v, labels) - unrelated(cosine_similarity(u, v))


def dots(u, v, labels):
    scores = u @ v.T
    return scores.diagonal()[labels >= 0.8].mean() - unrelated(scores)


def best(rows, limit, half="dev", fold=np.mean):
    """The rule, with another half or another way to fold the seeds."""
    shares = sorted({row["share"] for row in rows})
    folded = {
        share: fold([row[half] for row in rows if row["share"] == share], axis=0)
        for share in shares
    }
    within = [share for share in shares if folded[share][1] >= -limit - 1e-9]
    return max(within, key=lambda share: folded[share][0], default=0.0)


WRONG = {
    "gap": {
        "diagonal": (
            lambda u, v, labels: related(u, v, labels) - cosine_similarity(u, v).mean(),
            "leave the diagonal out",
        ),
        "all pairs": (
            lambda u, v, labels: (
                related(u, v, labels, 0) - unrelated(cosine_similarity(u, v))
            ),
            "only pairs labelled 0.8 or more",
        ),
        "strict": (
            lambda u, v, labels: (
                related(u, v, labels, 0.81) - unrelated(cosine_similarity(u, v))
            ),
            "0.8 itself counts",
        ),
        "dots": (dots, "these are dot products"),
        "upside down": (lambda *given: -gap(*given), "the wrong way round"),
        "one half": (related, "take the unrelated off"),
        "firsts alone": (
            lambda u, v, labels: (
                related(u, v, labels) - unrelated(cosine_similarity(u, u))
            ),
            "compare first sentences with second ones",
        ),
        "a row a pair": (lambda u, v, labels: u - v, "expected one number"),
        "nought": (lambda u, v, labels: 0.0, "off by up to"),
    },
    "choose_share": {
        "by test": (
            lambda rows, limit: best(rows, limit, "test"),
            "what test would choose",
        ),
        "no limit": (lambda rows, limit: best(rows, 1), "the limit is 0.02"),
        "luckiest seed": (
            lambda rows, limit: best(rows, limit, fold=np.max),
            "averaged over seeds",
        ),
        "worst seed": (
            lambda rows, limit: best(rows, limit, fold=np.min),
            "0.8 gains more jargon than 0.6",
        ),
        "the limit of the first case": (
            lambda rows, limit: best(rows, 0.02),
            "1 gains more jargon than 0.8",
        ),
        "always something": (
            lambda rows, limit: best(rows, limit) or rows[0]["share"],
            "the limit is 0.001",
        ),
        "never the base": (best, "0 gains more jargon than 0.6"),
        "the place": (lambda rows, limit: 3, "is none of the shares"),
        "all shares": (
            lambda rows, limit: [row["share"] for row in rows],
            "expected one number",
        ),
    },
}
