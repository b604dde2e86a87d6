"""The exercises of notebook 2: vectors and their angles."""

import numpy as np

from helpers.exercises.verdict import exercise, fault_of

_MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]])
#: All negative, but for the padding: a 0 or a padded token that wins is seen.
_TOKENS = -np.random.default_rng(0).uniform(1, 2, size=(3, 5, 4))
_TOKENS[_MASK == 0] = 7.0


@exercise([(_TOKENS, _MASK)], "padding never wins")
def check_max_pooling(tokens, mask, found):
    """Exercise 2.1: `max_pooling(tokens, mask)`, (n, t, d) and (n, t) -> (n, d)."""
    mask = mask[:, :, None]
    expected, zeros = np.where(mask, tokens, -np.inf), tokens * mask
    mean = zeros.sum(axis=1) / mask.sum(axis=1)
    typical = {
        "that is mean pooling; take the largest number of each column": mean,
        "that is the mean, padding included; take the maximum": tokens.mean(axis=1),
        "that is the vector of [CLS]; take the maximum over all tokens": tokens[:, 0],
        "that is the minimum; take the maximum": np.where(mask, tokens, 9).min(axis=1),
        "a padded token wins; leave the padding out": tokens.max(axis=1),
        "the 0 of the mask wins over negative numbers; it must lose": zeros.max(axis=1),
    }
    shape = "one row a sentence is (3, 4)"
    return fault_of(found, expected.max(axis=1), typical, shape)


#: What is wrong with taking each row. Their lengths differ, so that the plain dot
#: product picks another one.
_ROWS = {
    "the longest vector wins here; divide by the lengths first": [9.0, 0.0, 9.0],
    "this row is nearest by distance; take the highest cosine": [1.0, 0.6, 0.2],
    "": [0.2, 0.2, 0.01],
    "this row points the opposite way; take the highest cosine, signed": [-3, -3, 0],
}
_NEAREST = (np.array([1.0, 1.0, 0.0]), np.array(list(_ROWS.values())))


@exercise([_NEAREST], "row 2, counting from 0, though its vector is the shortest")
def check_nearest(query, corpus, found):
    """Exercise 2.4: `nearest(query, corpus)`, (d,), (n, d) -> row of highest cosine."""
    if found.shape not in ((), (1,)) or not np.issubdtype(found.dtype, np.integer):
        return f"expected one row number, got {found!r}"
    row = found.item()
    return dict(enumerate(_ROWS)).get(row, f"row {row} is not nearest")


@exercise([(10, 4, 1), (11, 4, 1), (3, 4, 2)], "every token is in a window")
def check_window_starts(n, size, overlap, found):
    """Exercise 2.6: `window_starts(n, size, overlap)` -> where each window begins."""
    if found.ndim == 1 and found.size and (lost := n - size - found[-1]) > 0:
        return f"n = {n}, size = {size}: the end is lost, {lost} tokens of it"
    step = size - overlap
    typical = {
        "the windows do not overlap; step by size - overlap": np.arange(0, n, size),
        "the last window brings nothing new; stop earlier": np.arange(0, n, step),
    }
    expected = np.arange(0, max(n - overlap, 1), step)
    shape = f"n = {n}, size = {size}, overlap = {overlap} makes {len(expected)} windows"
    return fault_of(found, expected, typical, shape)
