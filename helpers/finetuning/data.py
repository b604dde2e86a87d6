"""What a training reads: losses by name, the pairs each of them takes, their checks."""

from collections.abc import Sequence

import numpy as np

from helpers import CourseError
from helpers.corpus import Pair

#: cosine: CosineSimilarityLoss, the squared difference of cosine and label. cosent:
#: CoSENTLoss, which asks only that pairs stand in the order of their labels. ranking:
#: MultipleNegativesRankingLoss on `positives`: each must beat all others of its batch.
#: mixed: batches of "cosine" and of "ranking", in random order.
LOSSES = {
    "cosine": {"cosine": "CosineSimilarityLoss"},
    "cosent": {"cosent": "CoSENTLoss"},
    "ranking": {"ranking": "MultipleNegativesRankingLoss"},
}
LOSSES["mixed"] = LOSSES["cosine"] | LOSSES["ranking"]
#: Pairs with this label or a higher one count as positives.
POSITIVE = 0.7


def columns(pairs: Sequence[Pair]) -> dict[str, list]:
    """Turn pairs into the columns that graded losses and evaluators take."""
    names = ("sentence1", "sentence2", "score")
    return {name: [getattr(pair, name) for pair in pairs] for name in names}


def columns_for(part: str, pairs: Sequence[Pair], seed: int) -> dict[str, list]:
    """Turn pairs into the columns that a part of a loss takes."""
    if part != "ranking":
        return columns(pairs)
    anchors, others = zip(*positives(pairs, seed=seed), strict=True)
    return {"anchor": list(anchors), "positive": list(others)}


def positives(
    pairs: Sequence[Pair], *, per_term: int = 12, seed: int = 42
) -> list[tuple[str, str]]:
    """Return anchors and positives for a ranking loss, in mixed order.

    They come from the pairs labelled 0.7 or more. Where pairs are `about` a term, any
    first sentence and any second one of that term speak of the same thing: `per_term`
    of these combinations are drawn, fewer where there are not so many. The other pairs
    stay as they are. Raises CourseError when no label is so high.
    """
    rng, high = np.random.default_rng(seed), [p for p in pairs if p.score >= POSITIVE]
    found = [(p.sentence1, p.sentence2) for p in high if not p.about]
    for term in sorted({pair.about for pair in pairs} - {""}):
        every = _combinations([pair for pair in high if pair.about == term])
        drawn = rng.choice(len(every), size=min(per_term, len(every)), replace=False)
        found += [every[number] for number in drawn]
    if not found:
        raise CourseError(
            f"no pair is labelled {POSITIVE} or more; a ranking loss needs positives"
        )
    return [found[number] for number in rng.permutation(len(found))]


def _combinations(pairs: list[Pair]) -> list[tuple[str, str]]:
    """Every first sentence with every second one, in alphabetical order."""
    firsts = sorted({pair.sentence1 for pair in pairs})
    seconds = sorted({pair.sentence2 for pair in pairs})
    return [(first, second) for first in firsts for second in seconds]


def check_training(pairs, dev, loss, epochs, learning_rate, batch_size) -> None:
    """Refuse options and pairs of `fine_tune` that would ruin a model in silence.

    Raises CourseError, with the value and the fix, for the first thing that is wrong.
    """
    _check_whole("epochs", epochs)
    _check_whole("batch_size", batch_size)
    if not (isinstance(learning_rate, int | float) and 0 < learning_rate < 1):
        raise CourseError(
            f"learning_rate is {learning_rate!r}; it must lie between 0 and 1; 2e-5 is "
            "a good first try"
        )
    if loss not in LOSSES:
        raise CourseError(f"loss is {loss!r}; choose one of {', '.join(LOSSES)}")
    _check_labels("pairs", pairs)
    if dev is not None:
        _check_labels("dev", dev)
        _check_leaks(pairs, dev)


def _check_whole(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise CourseError(f"{name} is {value!r}; it must be a whole number above 0")


def _check_labels(name: str, pairs: Sequence[Pair]) -> None:
    for number, pair in enumerate(pairs):
        if not 0 <= pair.score <= 1:
            raise CourseError(
                f"{name}[{number}] has the score {pair.score}, outside 0..1; "
                "divide labels of 0..5 by 5"
            )
    labels = {pair.score for pair in pairs}
    if len(labels) < 2:
        shown = f"all labelled {labels.pop()}" if labels else "none"
        raise CourseError(
            f"{name}: {len(pairs)} pairs, {shown}; training needs near and far pairs, "
            "with two or more different labels, or every cosine goes the same way"
        )


def _check_leaks(pairs: Sequence[Pair], dev: Sequence[Pair]) -> None:
    known = {s for pair in pairs for s in (pair.sentence1, pair.sentence2)}
    for pair in dev:
        if leak := {pair.sentence1, pair.sentence2} & known:
            raise CourseError(
                f"the sentence {leak.pop()!r} is in the training pairs and in dev; "
                "keep it in one of them"
            )
