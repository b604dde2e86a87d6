"""How good is a ranking? nDCG, MRR, recall and rank correlation, with intervals.

A *run* maps query id -> document id -> score, *qrels* map query id -> document id ->
grade, both as TREC and BEIR use them. The figures are those of trec_eval: a grade is
its own gain, the discount is log2(rank + 1), and a document of grade 1 or more counts
as relevant for the reciprocal rank and for recall.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from helpers import CourseError

Grades = Mapping[str, int]
Qrels = Mapping[str, Grades]
Run = Mapping[str, Mapping[str, float]]
Values = Sequence[float] | np.ndarray


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
        ids = values if query_ids is None else query_ids
        return np.array([values[i] for i in ids])

    def means(self, query_ids: Sequence[str] | None = None) -> dict[str, float]:
        """Mean of every metric over all queries, or over `query_ids`."""
        return {m: float(self.values(m, query_ids).mean()) for m in self.per_query}


def ndcg(ranking: Sequence[str], grades: Grades, k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first `k` ids of `ranking`.

    Linear gain: sum of grade / log2(rank + 1), over the same sum for the ideal order
    (Jarvelin & Kekalainen 2002, as trec_eval's ndcg_cut computes it). 0 when nothing is
    relevant.

    >>> round(ndcg(["b", "a"], {"a": 3, "b": 1}), 3)
    0.797
    """
    gains = [max(grades.get(i, 0), 0) for i in ranking[:k]]
    ideal = sorted((max(grade, 0) for grade in grades.values()), reverse=True)[:k]
    best = _dcg(ideal)
    return _dcg(gains) / best if best > 0 else 0.0


def reciprocal_rank(ranking: Sequence[str], grades: Grades, k: int = 10) -> float:
    """1 / rank of the first relevant id among the first `k`; 0 when there is none.

    >>> reciprocal_rank(["x", "a"], {"a": 2})
    0.5
    """
    relevant = (grades.get(identifier, 0) >= 1 for identifier in ranking[:k])
    return next((1 / rank for rank, hit in enumerate(relevant, start=1) if hit), 0.0)


def recall(ranking: Sequence[str], grades: Grades, k: int = 10) -> float:
    """Share of all relevant ids that stand among the first `k`; 0 when there is none.

    >>> recall(["a", "x"], {"a": 2, "b": 1})
    0.5
    """
    relevant = {i for i, grade in grades.items() if grade >= 1}
    return len(relevant & set(ranking[:k])) / len(relevant) if relevant else 0.0


_FIGURES = {"ndcg": ndcg, "mrr": reciprocal_rank, "recall": recall}


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
    found = {query_id: _ranking(run.get(query_id, {})) for query_id in qrels}
    per_query = {
        f"{name}@{k}": {q: figure(found[q], qrels[q], k) for q in qrels}
        for name, figure in _FIGURES.items()
    }
    return Evaluation(per_query)


def bootstrap_interval(
    values: Values, *, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Mean of `values` and its 95 % percentile bootstrap interval (Efron 1979).

    values: (n,), one a query. Draws n of them with replacement, `resamples` times, and
    takes the middle 95 % of the means, by SciPy. For two systems, pass the differences
    query by query. Raises CourseError when there is no value or one is not finite.

    >>> print(bootstrap_interval([0.0, 1.0] * 50))
    0.50 [0.40, 0.60]
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise CourseError(
            "bootstrap_interval needs a list of one or more finite values"
        )
    mean = float(values.mean())
    if len(values) == 1:  # nothing to draw from, and SciPy refuses
        return Interval(mean, mean, mean)
    low, high = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=resamples, batch=1_000,
        rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(mean, float(low), float(high))


def spearman(labels: Values, scores: Values) -> float:
    """Spearman's rank correlation of two lists (n,), from -1 to 1.

    Pearson's correlation of the ranks; equal values share the mean of their ranks
    (Spearman 1904). Only the order counts. Raises CourseError when the lists differ in
    length, hold fewer than two values or what is not finite, or all values of one are
    the same: then there is no order to compare.

    >>> spearman([0.0, 0.3, 0.7, 1.0], [0.1, 0.4, 0.2, 0.9])
    0.8
    """
    labels, scores = (np.asarray(each, dtype=float) for each in (labels, scores))
    if labels.ndim != 1 or labels.shape != scores.shape or len(labels) < 2:
        raise CourseError(
            f"labels have shape {labels.shape} and scores {scores.shape}; a "
            "correlation needs two lists of the same length, 2 or more"
        )
    if not (np.isfinite(labels).all() and np.isfinite(scores).all()):
        raise CourseError("labels and scores must be finite; look for NaN")
    for name, values in (("labels", labels), ("scores", scores)):
        if np.all(values == values[0]):
            raise CourseError(f"all {name} are {values[0]}; a correlation needs two")
    return round(float(stats.spearmanr(labels, scores).statistic), 12)


def spearman_interval(
    labels: Values,
    scores: Values,
    *,
    baseline: Values | None = None,
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
    systems = [scores] if baseline is None else [scores, baseline]
    found = [spearman(labels, system) for system in systems]
    rows = np.array([labels, *systems], dtype=float)
    draws = [
        _difference(_rank_correlations(rows[:, drawn]))
        for drawn in _draws(_members(groups, rows.shape[1]), resamples, seed)
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975]).tolist()
    return Interval(_difference(found), low, high)


def _members(groups, n):
    """Return the places of each group's values; without groups each stands alone."""
    groups = np.arange(n) if groups is None else np.asarray(groups)
    if len(groups) != n:
        raise CourseError(f"{len(groups)} groups for {n} labels; give each one")
    names, member = np.unique(groups, return_inverse=True)
    return [np.flatnonzero(member == number) for number in range(len(names))]


def _draws(members, resamples, seed):
    """Yield the places of whole groups, drawn with replacement."""
    rng, n = np.random.default_rng(seed), len(members)
    for _ in range(resamples):
        yield np.concatenate([members[i] for i in rng.integers(n, size=n)])


def _rank_correlations(rows):
    """Spearman's correlation of row 0 with each other: (1 + m, n) -> (m,)."""
    ranks = stats.rankdata(rows, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    first, others = ranks[0], ranks[1:]
    with np.errstate(invalid="ignore"):  # nan where a row is constant
        return others @ first / np.sqrt((first**2).sum() * (others**2).sum(axis=1))


def _difference(figures):
    """The first figure, less the second if there is one."""
    return float(figures[0] - sum(figures[1:]))


def _ranking(scores):
    return sorted(scores, key=lambda i: scores[i], reverse=True)


def _dcg(gains):
    discounts = np.log2(np.arange(2, len(gains) + 2))
    return float((np.array(gains, dtype=float) / discounts).sum())
