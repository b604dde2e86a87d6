"""The figures agree with trec_eval, scikit-learn, sentence-transformers and scipy."""

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, R, nDCG
from scipy import stats
from sentence_transformers.sentence_transformer.evaluation import (
    InformationRetrievalEvaluator,
)
from sklearn.metrics import ndcg_score

from helpers import CourseError, metrics

IDS = [f"d{i:02d}" for i in range(30)]


def random_case(seed, *, binary=False):
    """Return a run and qrels of 12 queries; scores have no ties."""
    rng = np.random.default_rng(seed)
    run, qrels = {}, {}
    for number in range(12):
        query = f"q{number}"
        scores = rng.permutation(30) / 30
        found = rng.choice(30, size=rng.integers(1, 30), replace=False)
        run[query] = {IDS[i]: float(scores[i]) for i in found}
        judged = rng.choice(30, size=rng.integers(1, 15), replace=False)
        grades = rng.integers(0, 2 if binary else 4, size=len(judged))
        grades[0] = 1
        qrels[query] = {IDS[i]: int(g) for i, g in zip(judged, grades, strict=True)}
    return run, qrels


@pytest.mark.parametrize("seed", range(20))
def test_graded_figures_agree_with_trec_eval(seed):
    run, qrels = random_case(seed)
    expected = ir_measures.calc_aggregate([nDCG @ 10, RR @ 10, R @ 10], qrels, run)
    found = metrics.evaluate(run, qrels).means()
    assert found["ndcg@10"] == pytest.approx(expected[nDCG @ 10], abs=1e-9)
    assert found["mrr@10"] == pytest.approx(expected[RR @ 10], abs=1e-9)
    assert found["recall@10"] == pytest.approx(expected[R @ 10], abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_ndcg_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    grades = rng.integers(0, 4, size=20)
    grades[0] = 3
    scores = rng.permutation(20).astype(float)
    order = [str(i) for i in np.argsort(-scores)]
    by_id = {str(i): int(grade) for i, grade in enumerate(grades)}
    expected = ndcg_score([grades], [scores], k=10)
    assert metrics.ndcg(order, by_id) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_binary_figures_agree_with_sentence_transformers(seed):
    run, qrels = random_case(seed, binary=True)
    relevant = {q: {i for i, g in by_id.items() if g} for q, by_id in qrels.items()}
    evaluator = InformationRetrievalEvaluator(
        {q: q for q in qrels}, {i: i for i in IDS}, relevant
    )
    ranked = [
        [{"corpus_id": i, "score": s} for i, s in run[q].items()]
        for q in evaluator.queries_ids
    ]
    expected = evaluator.compute_metrics(ranked)
    found = metrics.evaluate(run, qrels).means()
    assert found["ndcg@10"] == pytest.approx(expected["ndcg@k"][10])
    assert found["mrr@10"] == pytest.approx(expected["mrr@k"][10])
    assert found["recall@10"] == pytest.approx(expected["recall@k"][10])


def test_ndcg_by_hand():
    # gains 0, 3 at ranks 1, 2; the ideal order is 3, 2
    expected = (3 / np.log2(3)) / (3 + 2 / np.log2(3))
    assert metrics.ndcg(["x", "a"], {"a": 3, "b": 2}) == pytest.approx(expected)


def test_a_query_without_relevant_documents_scores_zero():
    found = metrics.evaluate({"q": {"a": 1.0}}, {"q": {"a": 0}}).means()
    assert found == {"ndcg@10": 0.0, "mrr@10": 0.0, "recall@10": 0.0}


def test_a_query_missing_from_the_run_counts_as_zero():
    qrels = {"q1": {"a": 1}, "q2": {"a": 1}}
    assert metrics.evaluate({"q1": {"a": 1.0}}, qrels).means()["mrr@10"] == 0.5


def test_a_negative_grade_gains_nothing():
    run, qrels = {"q": {"a": 2.0, "b": 1.0}}, {"q": {"a": -1, "b": 2}}
    expected = ir_measures.calc_aggregate([nDCG @ 10], qrels, run)[nDCG @ 10]
    assert metrics.evaluate(run, qrels).means()["ndcg@10"] == pytest.approx(expected)


def test_equal_scores_keep_the_order_of_the_run():
    run = {"q": {"b": 1.0, "a": 1.0}}
    assert metrics.evaluate(run, {"q": {"a": 1}}).means()["mrr@10"] == 0.5


def test_no_judged_query_is_an_error():
    with pytest.raises(CourseError, match="no query of the run has judgements"):
        metrics.evaluate({"other": {"a": 1.0}}, {"q": {"a": 1}})


def test_k_below_one_is_an_error():
    with pytest.raises(CourseError, match="k is 0"):
        metrics.evaluate({"q": {"a": 1.0}}, {"q": {"a": 1}}, k=0)


def test_bootstrap_agrees_with_scipy():
    values = np.random.default_rng(3).beta(2, 1, size=80)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=1
    ).confidence_interval
    ours = metrics.bootstrap_interval(values, resamples=20_000)
    assert ours.mean == pytest.approx(values.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.003)
    assert ours.high == pytest.approx(theirs.high, abs=0.003)


def test_the_bootstrap_in_batches_is_that_of_the_whole_matrix():
    values = np.random.default_rng(3).beta(2, 1, size=37)
    draws = np.random.default_rng(0).integers(37, size=(10_000, 37))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    found = metrics.bootstrap_interval(values)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    one = metrics.bootstrap_interval([0.7])
    assert (one.mean, one.low, one.high) == (0.7, 0.7, 0.7)


def test_an_interval_shows_no_minus_zero():
    assert str(metrics.Interval(-0.001, -0.004, 0.0)) == "0.00 [0.00, 0.00]"


def test_bootstrap_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(200):
        interval = metrics.bootstrap_interval(
            rng.normal(0.5, 0.1, size=60), resamples=500, seed=seed
        )
        hits += interval.low <= 0.5 <= interval.high
    assert 180 <= hits <= 199  # 95 % of 200 is 190


@pytest.mark.parametrize("values", [[], [np.nan], [[1.0]]])
def test_bootstrap_refuses_what_has_no_mean(values):
    with pytest.raises(CourseError, match="finite values"):
        metrics.bootstrap_interval(values)


@pytest.mark.parametrize("seed", range(10))
def test_spearman_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 0.3, 0.7, 1.0], size=40)
    scores = rng.normal(size=40) if seed % 2 else rng.integers(0, 5, size=40)
    expected = stats.spearmanr(labels, scores).statistic
    assert metrics.spearman(labels, scores) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([1.0], [1.0], "2 or more"),
        ([1.0, 2.0], [1.0], "same length"),
        ([1.0, 1.0], [1.0, 2.0], "all labels are 1.0"),
        ([1.0, 2.0], [3.0, 3.0], "all scores are 3.0"),
        ([1.0, np.nan], [3.0, 4.0], "look for NaN"),
    ],
)
def test_spearman_refuses_what_has_no_order(labels, scores, message):
    for figure in (metrics.spearman, metrics.spearman_interval):
        with pytest.raises(CourseError, match=message):
            figure(labels, scores)


@pytest.fixture
def scored():
    """Return labels, a good and a poor system's scores of 60 pairs."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 0.3, 0.7, 1.0], size=60)
    good, poor = (labels + rng.normal(scale=scale, size=60) for scale in (0.4, 1.5))
    return labels, good, poor


def test_the_interval_of_spearman_agrees_with_scipy(scored):
    labels, good, _ = scored
    theirs = stats.bootstrap(
        (labels, good), lambda a, b: stats.spearmanr(a, b).statistic, paired=True,
        vectorized=False, method="percentile", n_resamples=2_000, rng=1,
    ).confidence_interval  # fmt: skip
    ours = metrics.spearman_interval(labels, good)
    assert ours.mean == pytest.approx(metrics.spearman(labels, good))
    assert ours.low == pytest.approx(theirs.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.high, abs=0.02)


def test_the_interval_of_a_difference(scored):
    labels, good, poor = scored
    gain = metrics.spearman_interval(labels, good, baseline=poor)
    expected = metrics.spearman(labels, good) - metrics.spearman(labels, poor)
    assert gain.mean == pytest.approx(expected)
    assert 0 < gain.low < gain.mean < gain.high
    none = metrics.spearman_interval(labels, good, baseline=good)
    assert (none.mean, none.low, none.high) == (0, 0, 0)


def test_copies_of_a_pair_do_not_narrow_an_interval_by_groups(scored):
    labels, good, _ = scored

    def width(interval):
        return interval.high - interval.low

    once = width(metrics.spearman_interval(labels, good))
    copies = np.tile(labels, 4), np.tile(good, 4)
    blind = width(metrics.spearman_interval(*copies))
    grouped = width(
        metrics.spearman_interval(*copies, groups=np.tile(np.arange(60), 4))
    )
    assert blind == pytest.approx(once / 2, rel=0.2)
    assert grouped == pytest.approx(once, rel=0.1)
    with pytest.raises(CourseError, match="3 groups for 60 labels"):
        metrics.spearman_interval(labels, good, groups=["a", "b", "c"])
