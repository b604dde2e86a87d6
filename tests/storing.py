"""What the tests of the store share; light, as processes of their own import it too."""

import random
import signal
import time

import numpy as np

from helpers import encoding
from helpers.corpus import Document
from helpers.store import entries, open_index


def vectors(n, width=8, seed=0):
    """Random rows of length 1."""
    rows = np.random.default_rng(seed).standard_normal((n, width), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def texts(count, start=0):
    """Texts of few words, all different."""
    dice = random.Random(start)
    words = ["bitcoin", "squats", "whale", "the", "fell", "bar"]
    return [
        Document(f"t{n}", "", f"{' '.join(dice.choices(words, k=6))} {n}", "topic")
        for n in range(start, start + count)
    ]


def made(path, documents, width=8):
    """Make an index of texts with random vectors, closed."""
    with open_index(path, write=True) as index:
        index.add(documents, vectors(len(documents), width))
    return path


def found(index):
    """All that an index without a model can tell."""
    queries = ["whale", "squat bar", "fell", "bitcoin the bar"]
    rankings = [index.search_many(queries, 100, method="bm25")]
    nearest = index._nearest(vectors(3, index.embeddings.shape[1]), 100, [])
    owners = index.text_ids(), index.hashes(), index.settings
    return index.documents, index.embeddings.tolist(), rankings, nearest, owners


def cheap(put=setattr, batch=50):
    """Let the store encode without a model: vectors by the sum of a text's bytes."""

    def encode(model, contents, role=""):
        rows = [vectors(1, 8, sum(each.encode()))[0] for each in contents]
        return np.array(rows, dtype=np.float32).reshape(-1, 8)

    settings = {"model": "m", "width": 8, "tokens": 16, "overlap": 0}
    put(encoding, "encode", encode)
    put(entries.splitting, "split", lambda text, *_, **__: [text])
    put(entries.checks, "settings_of", lambda *_, **__: settings)
    put(entries.checks, "own_model", lambda *_: type("", (), {"tokenizer": None}))
    put(entries, "BATCH", batch)


def index_all(path, seconds, count):
    """Index texts; a timer kills this process after so many seconds, if not 0.

    No handler is set, so the system ends the process as SIGKILL does: at once.
    """
    cheap()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    began = time.monotonic()
    with open_index(path, write=True) as index:
        index.update(texts(count))
    print(time.monotonic() - began)


def write_some(path, start):
    """Add texts, one at a time."""
    rows = vectors(40, seed=start)
    with open_index(path, write=True) as index:
        for text, row in zip(texts(40, start), rows, strict=True):
            index.add([text], row[None])
