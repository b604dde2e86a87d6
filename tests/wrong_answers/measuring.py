"""Typical wrong answers to exercises.measuring: name -> case -> answer, message."""

WRONG = {
    "reciprocal_rank": {
        "from zero": (
            lambda r, rel, k: next((i for i, d in enumerate(r) if d in rel), 0),
            "the first result is relevant",
        ),
        "k ignored": (
            lambda r, rel, k: next(
                (1 / i for i, d in enumerate(r, 1) if d in rel), 0.0
            ),
            "below rank k",
        ),
        "counted from zero": (
            lambda r, rel, k: next((1 / i for i, d in enumerate(r) if d in rel), 0.0),
            "ranks begin at 1",
        ),
        "no zero": (
            lambda r, rel, k: next(
                (1 / i for i, d in enumerate(r[:k], 1) if d in rel), None
            ),
            "returns nothing where nothing relevant was found",
        ),
        "always one": (lambda r, rel, k: 1.0, "should be 0.5"),
    },
}
