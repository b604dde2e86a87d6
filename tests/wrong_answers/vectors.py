"""Typical wrong answers to exercises.vectors: name -> case -> answer, message."""

import numpy as np

WRONG = {
    "max_pooling": {
        "padding wins": (lambda t, m: t.max(axis=1), "padded token wins"),
        "zero wins": (lambda t, m: (t * m[:, :, None]).max(axis=1), "0 of the mask"),
        "mean": (
            lambda t, m: (t * m[:, :, None]).sum(axis=1) / m.sum(axis=1, keepdims=True),
            "that is mean pooling",
        ),
        "mean of all": (lambda t, m: t.mean(axis=1), "the mean, padding included"),
        "first token": (lambda t, m: t[:, 0], "the vector of [CLS]"),
        "minimum": (
            lambda t, m: np.where(m[:, :, None], t, np.inf).min(axis=1),
            "that is the minimum",
        ),
        "sum": (lambda t, m: (t * m[:, :, None]).sum(axis=1), "off by up to"),
        "wrong axis": (lambda t, m: t.max(axis=2), "the shape is"),
    },
    "nearest": {
        "dot product": (lambda q, c: int((c @ q).argmax()), "longest vector wins"),
        "farthest": (
            lambda q, c: int((c @ q / np.linalg.norm(c, axis=1)).argmin()),
            "the opposite way",
        ),
        "distance": (
            lambda q, c: int(np.linalg.norm(c - q, axis=1).argmin()),
            "nearest by distance",
        ),
        "sign lost": (
            lambda q, c: int(np.abs(c @ q / np.linalg.norm(c, axis=1)).argmax()),
            "the opposite way",
        ),
        "the score": (lambda q, c: (c @ q).max(), "expected one row number"),
    },
    "window_starts": {
        "no overlap": (lambda n, s, o: range(0, n, s), "do not overlap"),
        "one too many": (lambda n, s, o: range(0, n, s - o), "brings nothing new"),
        "end lost": (lambda n, s, o: range(0, n - s, s - o), "the end is lost"),
        "full windows only": (
            lambda n, s, o: range(0, n - s + 1, s - o),
            "n = 11, size = 4: the end is lost, 1 tokens of it",
        ),
        "short text forgotten": (
            lambda n, s, o: range(0, n - o, s - o) if n > s else [],
            "makes 1 windows",
        ),
        "ends": (lambda n, s, o: range(s, n + 1, s - o), "off by up to"),
    },
}
