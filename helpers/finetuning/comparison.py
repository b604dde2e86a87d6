"""What fine-tuning changed: on held-out pairs, on others, and between two models."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sentence_transformers import SentenceTransformer

from helpers import CourseError, metrics, models, similarity
from helpers.corpus import Pair
from helpers.encoding import encode
from helpers.metrics import Interval

#: Probes labelled this or more count as related.
_RELATED = 0.8


@dataclass(frozen=True)
class Comparison:
    """Spearman correlation of cosine and label on pairs, before and after."""

    pairs: int
    before: Interval
    after: Interval
    change: Interval


@dataclass(frozen=True)
class Drift:
    """What fine-tuning did to pairs it was not about; each pair is (before, after).

    spearman: correlation of cosine and label over the probes. related: mean cosine of
    the pairs labelled 0.8 or more. background: mean cosine of sentences from different
    pairs. gap: related less background, what still tells them apart. moved: 1 less
    the mean cosine of a sentence to its old self.
    """

    spearman: tuple[float, float]
    change: Interval
    related: tuple[float, float]
    background: tuple[float, float]
    moved: float

    @property
    def gap(self) -> tuple[float, float]:
        """`related` less `background`."""
        return _two(r - b for r, b in zip(self.related, self.background, strict=True))


def pair_cosines(model: SentenceTransformer, pairs: Sequence[Pair]) -> np.ndarray:
    """Cosine of the two sentences of every pair: (n,), in the order of `pairs`."""
    left, right = _sides(model, pairs)
    return (left * right).sum(axis=1)


def compare(pairs: Sequence[Pair], old: np.ndarray, new: np.ndarray) -> Comparison:
    """Compare the cosines, (n,) each, that two models give to pairs.

    The 95 % intervals draw whole groups of pairs that are `about` the same, because
    these succeed or fail together. Raises CourseError when the pairs have no order to
    compare: fewer than two, or one label alone.
    """
    labels = [pair.score for pair in pairs]
    groups = [pair.about or str(number) for number, pair in enumerate(pairs)]
    interval = partial(metrics.spearman_interval, labels, groups=groups)
    change = interval(new, baseline=old)
    return Comparison(len(pairs), interval(old), interval(new), change)


def drift_report(
    before: SentenceTransformer, after: SentenceTransformer, probes: Sequence[Pair]
) -> Drift:
    """Compare two models on labelled pairs that the training was not about.

    Raises CourseError when `probes` has fewer than three pairs, one label alone, or no
    label of 0.8 or more.
    """
    labels = np.array([pair.score for pair in probes])
    if len(labels) < 3 or len(set(labels)) < 2 or max(labels) < _RELATED:
        raise CourseError(
            f"{len(labels)} probes with labels {np.unique(labels)[:5].tolist()}: give "
            "three or more pairs with different labels, some of 0.8 or more"
        )
    old, new = (_sides(model, probes) for model in (before, after))
    cosines = [(rows[0] * rows[1]).sum(axis=1) for rows in (old, new)]
    apart = ~np.eye(len(labels), dtype=bool)
    return Drift(
        spearman=_two(metrics.spearman(labels, each) for each in cosines),
        change=metrics.spearman_interval(labels, cosines[1], baseline=cosines[0]),
        related=_two(each[labels >= _RELATED].mean() for each in cosines),
        background=_two((rows[0] @ rows[1].T)[apart].mean() for rows in (old, new)),
        moved=float(1 - (old * new).sum(axis=2).mean()),
    )


def blend(
    before: SentenceTransformer, after: SentenceTransformer, share: float
) -> SentenceTransformer:
    """Return a model whose weights lie between two: (1 - share) before + share after.

    `after` must be a fine-tuned copy of `before`. Between the two, most of what was
    learnt is there while less is lost (Wortsman et al. 2022, arXiv 2109.01903). Raises
    CourseError when `share` is outside 0..1 or the models differ in shape.
    """
    if not 0 <= share <= 1:
        raise CourseError(f"share is {share}; it must lie between 0 and 1")
    old, new = before.state_dict(), after.state_dict()
    if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
        raise CourseError(
            f"{models.model_name(before)} and {models.model_name(after)} have other "
            "layers; blend a model with a fine-tuned copy of itself"
        )
    for key in (key for key in old if old[key].is_floating_point()):
        old[key] = old[key].lerp(new[key].to(old[key]), share)
    model = copy.deepcopy(before)
    model.load_state_dict(old)
    return models.named(model.eval(), f"{models.model_name(after)}, share {share:g}")


def _sides(model: SentenceTransformer, pairs: Sequence[Pair]) -> np.ndarray:
    """Encode both sides of pairs, each text once: (2, n, d), in double precision."""
    sides = np.array([(p.sentence1, p.sentence2) for p in pairs], dtype=object)
    texts, places = np.unique(sides, return_inverse=True)
    rows = similarity.normalize(encode(model, texts.tolist()).astype(np.float64))
    return rows[places.reshape(-1, 2).T]


def _two(values: Iterable) -> tuple[float, float]:
    before, after = map(float, values)
    return before, after
