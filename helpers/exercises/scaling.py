"""The exercises of notebook 9: what padding costs, and when memory stops to matter."""

import numpy as np

from helpers.exercises.verdict import exercise, fault_of

_LENGTHS = [5, 40, 8, 12, 38, 6, 9]


@exercise(
    [(_LENGTHS, 2), (_LENGTHS, 3), ([7, 7, 7, 7], 2)],
    "sorted first, each batch as wide as its longest, over all that is computed",
)
def check_padding_share(lengths, size, found):
    """Exercise 9.1: `padding_share(lengths, size)` -> the share of padding, 0 to 1.

    lengths: tokens of each text; size: texts in a batch, sorted by their length.
    """

    def computed(order):
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        return sum(len(part) * max(part) for part in parts)

    real, longest_first = sum(lengths), sorted(lengths, reverse=True)
    right, upwards = computed(longest_first), computed(sorted(lengths))
    whole = len(lengths) * max(lengths)
    full = sum(size * max(longest_first[i:]) for i in range(0, len(lengths), size))
    typical = {
        "sorted the other way round: longest first, as the library does": upwards,
        "sort the lengths before you cut them into batches": computed(lengths),
        "a batch is as wide as its own longest text, not the longest of all": whole,
        "the last batch may hold fewer texts than the others": full,
    }
    faults = {fault: 1 - real / tokens for fault, tokens in typical.items()}
    faults["this is what isn't padding; take it from 1"] = real / right
    faults["divide by all tokens that are computed, padding among them"] = (
        right / real - 1
    )
    faults["that's a count of tokens; divide it by all that are computed"] = (
        right - real
    )
    return fault_of(found, 1 - real / right, faults)


@exercise(
    [(130e9, 16e9, 4.0), (2e12, 50e9, 1.0)],
    "reading and arithmetic take equally long",
)
def check_break_even(flops, bandwidth, width, found):
    """Exercise 9.2: `break_even(flops, bandwidth, width)` -> how many queries.

    flops: operations a second; bandwidth: bytes a second; width: bytes of a number.
    """
    right = width * flops / (2 * bandwidth)
    typical = {
        "a number costs two operations a query: it is multiplied, then added": 2
        * right,
        "upside down: reading takes width / bandwidth, arithmetic 2 q / flops": 1
        / right,
        "a number has `width` bytes, all of which must be read": right / width,
        "that's the ratio of the two speeds; mind bytes and operations": flops
        / bandwidth,
    }
    return fault_of(np.asarray(found), right, typical)
