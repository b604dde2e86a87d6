"""How good is a ranking? nDCG, MRR, recall and rank correlation, in NumPy.

A *run* maps query id -> document id -> score, *qrels* map query id -> document id ->
grade, both as TREC and BEIR use them. The figures are those of trec_eval: a grade is
its own gain, the discount is log2(rank + 1), and a document of grade 1 or more counts
as relevant for the reciprocal rank and for recall.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from helpers import CourseError

Run = Mapping[str, Mapping[str, float]]
Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Interval:
    """An estimate, such as a mean, and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """Show to two digits: mean, then the interval in brackets."""
        # Adding 0.0 turns -0.0 into 0.0: the sign of a rounded zero is noise.
        mean, low, high = (round(x, 2) + 0.0 for x in (self.mean, self.low, self.high))
        return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


@dataclass(frozen=True)
class Evaluation:
    """Figures for every query; `per_query[metric][query_id]`, each from 0 to 1."""

    per_query: dict[str, dict[str, float]]

    def values(self, metric: str, query_ids: Sequence[str] | None = None) -> np.ndarray:
        """One metric, a value a query: (n,). With `query_ids`, those, in that order."""
        values = self.per_query[metric]
        return np.array(
            [values[i] for i in (values if query_ids is None else query_ids)]
        )

    def means(self, query_ids: Sequence[str] | None = None) -> dict[str, float]:
        """Mean of every metric over all queries, or over `query_ids`."""
        return {m: float(self.values(m, query_ids).mean()) for m in self.per_query}


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first `k` ids of `ranking`.

    Linear gain: sum of grade / log2(rank + 1), over the same sum for the ideal order
    (Jarvelin & Kekalainen 2002, as trec_eval's ndcg_cut computes it). 0 when nothing is
    relevant.

    >>> round(ndcg(["b", "a"], {"a": 3, "b": 1}), 3)
    0.797
    """
    gains = np.array([max(grades.get(i, 0), 0) for i in ranking[:k]], dtype=float)
    ideal = np.sort([max(g, 0) for g in grades.values()])[::-1][:k].astype(float)
    best = _dcg(ideal)
    return float(_dcg(gains) / best) if best > 0 else 0.0


def reciprocal_rank(
    ranking: Sequence[str], grades: Mapping[str, int], k: int = 10
) -> float:
    """1 / rank of the first relevant id among the first `k`; 0 when there is none.

    >>> reciprocal_rank(["x", "a"], {"a": 2})
    0.5
    """
    for rank, identifier in enumerate(ranking[:k], start=1):
        if grades.get(identifier, 0) >= 1:
            return 1 / rank
    return 0.0


def recall(ranking: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """Share of all relevant ids that stand among the first `k`; 0 when there is none.

    >>> recall(["a", "x"], {"a": 2, "b": 1})
    0.5
    """
    relevant = {i for i, grade in grades.items() if grade >= 1}
    return len(relevant & set(ranking[:k])) / len(relevant) if relevant else 0.0


def evaluate(run: Run, qrels: Qrels, k: int = 10) -> Evaluation:
    """nDCG@k, MRR@k and recall@k of a run, for every query that has judgements.

    A judged query that is missing from the run scores 0, as in trec_eval's complete
    average. Documents of equal score keep the order they have in the run.
    Raises CourseError when `k` is below 1 or no query of the run is judged.

    >>> evaluate({"q1": {"d2": 0.9, "d1": 0.4}}, {"q1": {"d1": 1}}).means()["mrr@10"]
    0.5
    """
    if k < 1:
        raise CourseError(f"k is {k}; it must be 1 or more")
    if not any(query_id in run for query_id in qrels):
        raise CourseError("no query of the run has judgements; check the query ids")
    figures = {"ndcg": ndcg, "mrr": reciprocal_rank, "recall": recall}
    per_query: dict[str, dict[str, float]] = {f"{name}@{k}": {} for name in figures}
    for query_id, grades in qrels.items():
        scores = run.get(query_id, {})
        ranking = sorted(scores, key=lambda i: -scores[i])
        for name, figure in figures.items():
            per_query[f"{name}@{k}"][query_id] = figure(ranking, grades, k)
    return Evaluation(per_query)


def bootstrap_interval(
    values: Sequence[float] | np.ndarray,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Mean of `values` and its percentile bootstrap interval (Efron 1979).

    values: (n,), one a query. Draws n of them with replacement, `resamples` times, and
    takes the middle `confidence` of the means. For two systems, pass the differences
    query by query. Raises CourseError when there is no value or one is not finite.

    >>> print(bootstrap_interval([0.0, 1.0] * 50))
    0.50 [0.40, 0.60]
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise CourseError(
            "bootstrap_interval needs a list of one or more finite values"
        )
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(resamples, len(values)))].mean(
        axis=1
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def spearman(
    labels: Sequence[float] | np.ndarray, scores: Sequence[float] | np.ndarray
) -> float:
    """Spearman's rank correlation of two lists (n,), from -1 to 1.

    Pearson's correlation of the ranks; equal values share the mean of their ranks
    (Spearman 1904). Only the order counts. Raises CourseError when the lists differ in
    length, hold fewer than two values or what is not finite, or all values of one are
    the same: then there is no order to compare.

    >>> spearman([0.0, 0.3, 0.7, 1.0], [0.1, 0.4, 0.2, 0.9])
    0.8
    """
    labels, scores = _two_lists(labels, scores)
    for name, values in (("labels", labels), ("scores", scores)):
        if (values == values[0]).all():
            raise CourseError(f"all {name} are {values[0]}; a correlation needs two")
    return round(float(_correlations(labels[None], scores[None])[0]), 12)


def spearman_interval(
    labels: Sequence[float] | np.ndarray,
    scores: Sequence[float] | np.ndarray,
    *,
    baseline: Sequence[float] | np.ndarray | None = None,
    groups: Sequence | None = None,
    resamples: int = 2_000,
    seed: int = 0,
) -> Interval:
    """Spearman's correlation and its 95 % percentile bootstrap interval (Efron 1979).

    labels, scores: (n,). With `baseline` (n,), the scores of another system on the same
    pairs, it is the difference: correlation of `scores` less that of `baseline`. With
    `groups` (n,), whole groups are drawn, because pairs that share a sentence or a term
    succeed or fail together. Raises CourseError as `spearman` does.
    """
    systems = [np.asarray(scores, dtype=float)]
    if baseline is not None:
        systems.append(np.asarray(baseline, dtype=float))
    values = [spearman(labels, each) for each in systems]
    labels = np.asarray(labels, dtype=float)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    if len(groups) != len(labels):
        raise CourseError(
            f"{len(groups)} groups for {len(labels)} labels; give each one"
        )
    names, member = np.unique(groups, return_inverse=True)
    rows = [np.flatnonzero(member == number) for number in range(len(names))]
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(resamples):
        drawn = np.concatenate(
            [rows[i] for i in rng.integers(len(rows), size=len(rows))]
        )
        sides = np.stack([each[drawn] for each in systems])
        found = _correlations(np.broadcast_to(labels[drawn], sides.shape), sides)
        draws.append(found[0] - (found[1] if baseline is not None else 0))
    low, high = np.nanquantile(draws, [0.025, 0.975])
    mean = values[0] - (values[1] if baseline is not None else 0)
    return Interval(mean, float(low), float(high))


def _two_lists(labels, scores) -> tuple[np.ndarray, np.ndarray]:
    """Return two lists as arrays, refusing what cannot be compared."""
    labels, scores = (np.asarray(each, dtype=float) for each in (labels, scores))
    if labels.ndim != 1 or labels.shape != scores.shape or len(labels) < 2:
        raise CourseError(
            f"labels have shape {labels.shape} and scores {scores.shape}; a "
            "correlation needs two lists of the same length, 2 or more"
        )
    if not (np.isfinite(labels).all() and np.isfinite(scores).all()):
        raise CourseError("labels and scores must be finite; look for NaN")
    return labels, scores


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation row by row: (m, n), (m, n) -> (m,); nan where constant."""
    a, b = (np.stack([_ranks(row) for row in each]) for each in (first, second))
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (a, b))
    with np.errstate(invalid="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Rank values from 1; equal values share the mean of their ranks: (n,) -> (n,)."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _dcg(gains: np.ndarray) -> float:
    """Discounted cumulative gain: sum of gain / log2(rank + 1), ranks from 1."""
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())
