"""What a corpus is about: groups of passages, and the words that tell of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer

#: At most so many groups; a small corpus has fewer.
MOST = 12


@dataclass(frozen=True)
class Group:
    """Passages near each other: how many, and the words that set them apart."""

    size: int
    words: list[str]
    example: str


def find_groups(
    texts: Sequence[str], vectors: np.ndarray
) -> tuple[list[Group], np.ndarray]:
    """Group texts by k-means over their vectors, (n, d), the largest group first.

    Returns the groups, and the place of each text's group among them, (n,). k-means
    always finds as many groups as it is asked for, here at most MOST; the example is
    the text nearest to the middle of its group.
    """
    wanted = min(MOST, int(np.sqrt(len(texts) / 2)))
    if wanted < 2:
        return [], np.zeros(len(texts), dtype=int)
    means = KMeans(wanted, n_init=3, random_state=0).fit(vectors)
    middle = (vectors * means.cluster_centers_[means.labels_]).sum(axis=1)
    by_size = (-np.bincount(means.labels_)).argsort(kind="stable")
    places, found = by_size.argsort()[means.labels_], []
    for place, words in enumerate(telling_words(texts, places)):
        mine = np.flatnonzero(places == place)
        found.append(Group(len(mine), words, texts[mine[middle[mine].argmax()]]))
    return found, places


def telling_words(
    texts: Sequence[str], labels: np.ndarray, top_k: int = 6
) -> list[list[str]]:
    """Words of each group by class-based TF-IDF (Grootendorst, arXiv 2203.05794).

    labels: the group of each text, (n,), from 0 up.
    """
    member = np.equal.outer(np.arange(labels.max() + 1), labels).astype(float)
    counter = CountVectorizer(stop_words="english", token_pattern=r"(?u)\b[^\W\d]\w+\b")
    try:
        counts = member @ counter.fit_transform(texts)
    except ValueError:  # no word in any of them
        return [[] for _ in member]
    names, size = counter.get_feature_names_out(), counts.sum() / len(counts)
    weights = counts * np.log(1 + size / counts.sum(axis=0))
    best = (-weights).argsort(axis=1, kind="stable")[:, :top_k]
    return [
        [str(names[word]) for word in row if weights[group, word] > 0]
        for group, row in enumerate(best)
    ]
