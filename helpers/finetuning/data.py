"""What a training reads: recipes and their parts, the data of each part, checks."""

import itertools
from collections.abc import Sequence

import numpy as np

from helpers import CourseError
from helpers.corpus import Pair

_RANKING = "MultipleNegativesRankingLoss"
#: A part of a recipe and its loss. pairs: the squared difference of cosine and label.
#: order: pairs stand in the order of their labels. The others are searches: an anchor
#: must find its positive among all sentences of the batch.
PARTS = {"pairs": "CosineSimilarityLoss", "order": "CoSENTLoss"}
PARTS |= dict.fromkeys(("terms", "hard", "corpus"), _RANKING)
#: A training takes a batch of one of its parts, then of another, in random order.
RECIPES = {
    "search": ("terms", "hard", "corpus", "pairs"),
    "mixed": ("pairs", "terms"),
    "cosine": ("pairs",),
    "cosent": ("order",),
    "ranking": ("terms",),
}
#: Pairs with this label or a higher one count as positives.
POSITIVE = 0.7


def columns(pairs: Sequence[Pair]) -> dict[str, list]:
    """Turn pairs into the columns that graded losses and evaluators take."""
    names = ("sentence1", "sentence2", "score")
    return {name: [getattr(pair, name) for pair in pairs] for name in names}


def columns_of(
    recipe: str, pairs: Sequence[Pair], texts: Sequence[str], seed: int
) -> dict[str, dict[str, list]]:
    """Return the columns of each part of a recipe; a part without rows is left out."""
    makers = {
        "pairs": lambda: columns(pairs),
        "order": lambda: columns(pairs),
        "terms": lambda: _named(positives(pairs, seed=seed)),
        "hard": lambda: _named(hard_triplets(pairs, seed=seed)),
        "corpus": lambda: _named(windows(texts, seed=seed)),
    }
    made = {part: makers[part]() for part in RECIPES[recipe]}
    return {part: found for part, found in made.items() if found}


def _named(rows: list[tuple]) -> dict[str, list]:
    names = ("anchor", "positive", "negative")
    return {n: list(c) for n, c in zip(names, zip(*rows, strict=True), strict=False)}


def positives(
    pairs: Sequence[Pair], *, per_term: int = 8, seed: int = 42
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
        firsts = sorted({pair.sentence1 for pair in high if pair.about == term})
        seconds = sorted({pair.sentence2 for pair in high if pair.about == term})
        every = list(itertools.product(firsts, seconds))
        drawn = rng.choice(len(every), size=min(per_term, len(every)), replace=False)
        found += [every[number] for number in drawn]
    if not found:
        raise CourseError(
            f"no pair is labelled {POSITIVE} or more; a ranking loss needs positives"
        )
    return [found[number] for number in rng.permutation(len(found))]


def hard_triplets(
    pairs: Sequence[Pair], *, seed: int = 42
) -> list[tuple[str, str, str]]:
    """Return an anchor, what belongs to it and what does not, for each low pair.

    Of a pair below 0.7, the sentence that a pair of 0.7 or more holds too is the
    anchor, its partner there the positive, and the other sentence the negative. Where
    there is none, the first is the anchor, and the positive any second sentence about
    its term; a pair without such a one is left out. In mixed order.
    """
    rng = np.random.default_rng(seed)
    beside: dict[str, list[str]] = {}
    for pair in (pair for pair in pairs if pair.score >= POSITIVE):
        keys = (pair.sentence1, pair.sentence2), (pair.sentence2, pair.sentence1)
        for key, other in (*keys, (pair.about, pair.sentence2)):
            beside.setdefault(key, []).append(other)
    found = []
    for pair in (pair for pair in pairs if pair.score < POSITIVE):
        anchor, other = pair.sentence1, pair.sentence2
        if other in beside and anchor not in beside:
            anchor, other = other, anchor
        if near := beside.get(anchor) or (pair.about and beside.get(pair.about)):
            found.append((anchor, str(rng.choice(near)), other))
    return [found[number] for number in rng.permutation(len(found))]


def windows(texts: Sequence[str], *, seed: int = 42) -> list[tuple[str, str]]:
    """Return one to five words in a row from each text, and that text: a free search.

    Nobody labelled them; they keep names and numbers findable. In mixed order.
    """
    rng, found = np.random.default_rng(seed), []
    for text in filter(str.strip, texts):
        words = text.split()
        size = rng.integers(1, 6)
        start = rng.integers(max(1, len(words) - size + 1))
        found.append((" ".join(words[start : start + size]), text))
    return [found[number] for number in rng.permutation(len(found))]


def check_training(
    pairs, dev, recipe, share, epochs, learning_rate, batch_size
) -> None:
    """Refuse options and pairs of `fine_tune` that would ruin a model in silence.

    Raises CourseError, with the value and the fix, for the first thing that is wrong.
    """
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise CourseError(f"{name} is {value!r}; it must be a whole number above 0")
    if not (isinstance(learning_rate, int | float) and 0 < learning_rate < 1):
        raise CourseError(
            f"learning_rate is {learning_rate!r}; it must lie between 0 and 1; 1e-4 is "
            "a good first try"
        )
    if not (isinstance(share, int | float) and 0 < share <= 1):
        raise CourseError(f"share is {share!r}; it must lie above 0, at most at 1")
    if recipe not in RECIPES:
        raise CourseError(f"recipe is {recipe!r}; choose one of {', '.join(RECIPES)}")
    _check_labels("pairs", pairs)
    if dev is not None:
        _check_labels("dev", dev)
        _check_leaks(pairs, dev)


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
