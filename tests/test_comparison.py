"""What fine-tuning changed: every figure is what it is by hand."""

import numpy as np
import pytest
import torch
from scipy import stats
from sentence_transformers import util
from support import make_pairs, save_random_model

from helpers import CourseError, metrics, models
from helpers.corpus import Pair
from helpers.finetuning import blend, drift_report, pair_cosines
from helpers.finetuning.comparison import compare

PAIRS = make_pairs(20, 2)
LABELS = np.array([pair.score for pair in PAIRS])
weights = models.fingerprint


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Return a model of the shape of `tiny` with other weights."""
    folder = save_random_model(tmp_path_factory.mktemp("other") / "other", seed=1)
    return models.load_model(folder, device="cpu")


def test_cosines_of_pairs_are_those_of_sentence_transformers(tiny):
    sides = [[p.sentence1 for p in PAIRS], [p.sentence2 for p in PAIRS]]
    left, right = (tiny.encode(side, convert_to_tensor=True) for side in sides)
    expected = util.pairwise_cos_sim(left, right).numpy()
    assert pair_cosines(tiny, PAIRS) == pytest.approx(expected, abs=1e-6)


def test_a_sentence_may_stand_in_many_pairs_and_on_both_sides(tiny):
    turned = [Pair(p.sentence2, p.sentence1, p.score) for p in PAIRS]
    itself = [Pair(p.sentence1, p.sentence1, 1.0) for p in PAIRS]
    cosines = pair_cosines(tiny, [*PAIRS, *turned, *itself]).reshape(3, -1)
    assert cosines[0] == pytest.approx(pair_cosines(tiny, PAIRS), abs=1e-6)
    assert cosines[1] == pytest.approx(cosines[0], abs=1e-12)
    assert cosines[2] == pytest.approx(np.ones(len(PAIRS)), abs=1e-12)


def test_held_out_by_hand(tiny, other):
    comparison = compare(PAIRS, *(pair_cosines(m, PAIRS) for m in (tiny, other)))
    for model, interval in ((tiny, comparison.before), (other, comparison.after)):
        expected = stats.spearmanr(pair_cosines(model, PAIRS), LABELS).statistic
        assert interval.mean == pytest.approx(expected, abs=1e-9)
        assert interval.low <= interval.mean <= interval.high
    change = comparison.after.mean - comparison.before.mean
    assert comparison.change.mean == pytest.approx(change)
    assert comparison.pairs == len(PAIRS)


def test_intervals_draw_whole_terms_and_a_pair_without_one_alone():
    rng = np.random.default_rng(0)
    terms = ["gas", "peel", "rug", ""] * 5
    pairs = [Pair("a", "b", p.score, t) for p, t in zip(PAIRS, terms, strict=True)]
    old, new = rng.random((2, len(pairs)))
    groups = [term or number for number, term in enumerate(terms)]
    found = compare(pairs, old, new)
    for name, cosines, baseline in (
        ("before", old, None),
        ("after", new, None),
        ("change", new, old),
    ):
        assert getattr(found, name) == metrics.spearman_interval(
            LABELS, cosines, baseline=baseline, groups=groups
        )


def test_pairs_without_an_order_cannot_be_compared():
    with pytest.raises(CourseError):
        compare([Pair("a", "b", 0.3)] * 4, *np.random.default_rng(0).random((2, 4)))


def test_drift_by_hand(tiny, other):
    drift, moved = drift_report(tiny, other, PAIRS), []
    for number, model in enumerate((tiny, other)):
        left = model.encode([pair.sentence1 for pair in PAIRS])
        right = model.encode([pair.sentence2 for pair in PAIRS])
        cosines = util.cos_sim(left, right).numpy().astype(float)
        own = cosines.diagonal()
        assert drift.spearman[number] == pytest.approx(
            stats.spearmanr(own, LABELS).statistic, abs=1e-6
        )
        related = own[LABELS >= 0.8].mean()
        background = (cosines.sum() - own.sum()) / (len(PAIRS) ** 2 - len(PAIRS))
        assert drift.related[number] == pytest.approx(related, abs=1e-6)
        assert drift.background[number] == pytest.approx(background, abs=1e-6)
        assert drift.gap[number] == pytest.approx(related - background, abs=1e-6)
        moved.append(np.concatenate([left, right]))
    assert drift.moved == pytest.approx(
        1 - util.pairwise_cos_sim(*moved).mean().item(), abs=1e-6
    )
    assert drift.change.mean == pytest.approx(drift.spearman[1] - drift.spearman[0])


def test_a_model_does_not_drift_from_itself(tiny):
    drift = drift_report(tiny, tiny, PAIRS)
    assert drift.moved == pytest.approx(0, abs=1e-9)
    assert (drift.change.low, drift.change.high) == (0, 0)


@pytest.mark.parametrize(
    "probes", [[], PAIRS[:2], [Pair("a", "b", 0.9)] * 4, [Pair("a", "b", 0.1)] * 4]
)
def test_probes_that_show_nothing_are_refused(tiny, probes):
    with pytest.raises(CourseError, match="probes with labels"):
        drift_report(tiny, tiny, probes)


def test_probes_of_which_none_is_related_are_refused(tiny):
    probes = [Pair(p.sentence1, p.sentence2, min(p.score, 0.79)) for p in PAIRS]
    with pytest.raises(CourseError, match="20 probes with labels .* some of 0.8 or mo"):
        drift_report(tiny, tiny, probes)


@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_a_blend_lies_on_the_line_between_two_models(tiny, other, share):
    before = weights(tiny), weights(other)
    blended = blend(tiny, other, share)
    old, new, mix = (m.state_dict() for m in (tiny, other, blended))
    for key in old:
        expected = (1 - share) * old[key].double() + share * new[key].double()
        assert torch.allclose(mix[key].double(), expected, atol=1e-6), key
    assert (weights(blended) == before[0]) == (share == 0)
    assert (weights(blended) == before[1]) == (share == 1)
    assert (weights(tiny), weights(other)) == before
    assert models.model_name(blended) == f"other, share {share}"
    assert not blended.training


def test_what_cannot_be_blended(tiny, other, model):
    with pytest.raises(CourseError, match="share is 1.5; it must lie between 0 and 1"):
        blend(tiny, other, 1.5)
    with pytest.raises(CourseError, match="tiny and all-MiniLM-L6-v2 have other laye"):
        blend(tiny, model, 0.5)
