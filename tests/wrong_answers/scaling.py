"""Typical wrong answers to exercises.scaling: name -> case -> answer, message."""


def computed(order, size):
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    return sum(len(part) * max(part) for part in parts)


def down(lengths):
    return sorted(lengths, reverse=True)


def share(lengths, tokens):
    return 1 - sum(lengths) / tokens


WRONG = {
    "padding_share": {
        "upwards": (
            lambda lengths, size: share(lengths, computed(sorted(lengths), size)),
            "the other way round",
        ),
        "unsorted": (
            lambda lengths, size: share(lengths, computed(lengths, size)),
            "sort the lengths before",
        ),
        "one width": (
            lambda lengths, size: share(lengths, len(lengths) * max(lengths)),
            "not the longest of all",
        ),
        "full batches": (
            lambda lengths, size: share(
                lengths, sum(size * part for part in down(lengths)[::size])
            ),
            "may hold fewer texts",
        ),
        "the rest": (
            lambda lengths, size: sum(lengths) / computed(down(lengths), size),
            "take it from 1",
        ),
        "over the real": (
            lambda lengths, size: computed(down(lengths), size) / sum(lengths) - 1,
            "divide by all tokens that are computed",
        ),
        "a count": (
            lambda lengths, size: computed(down(lengths), size) - sum(lengths),
            "a count of tokens",
        ),
        "nought": (lambda lengths, size: 0.0, "off by up to"),
        "a list": (lambda lengths, size: lengths, "expected one number"),
    },
    "break_even": {
        "one operation": (
            lambda flops, bandwidth, width: width * flops / bandwidth,
            "two operations",
        ),
        "upside down": (
            lambda flops, bandwidth, width: 2 * bandwidth / (width * flops),
            "upside down",
        ),
        "no bytes": (
            lambda flops, bandwidth, width: flops / (2 * bandwidth),
            "`width` bytes",
        ),
        "ratio": (lambda flops, bandwidth, width: flops / bandwidth, "the two speeds"),
        "one": (lambda flops, bandwidth, width: 1.0, "off by up to"),
        "two numbers": (
            lambda flops, bandwidth, width: [flops, bandwidth],
            "expected one number",
        ),
    },
}
