"""Typical wrong answers to exercises.vectors: name -> case -> answer, message."""

import numpy as np

WRONG = {
    "max_pooling": {
        "padding wins": (lambda t, m: t.max(axis=1), "padded token wins"),
        "zero wins": (lambda t, m: (t * m[:, :, None]).max(axis=1), "0 of the mask"),
        "mean": (lambda t, m: t.mean(axis=1), "off by up to"),
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
}
