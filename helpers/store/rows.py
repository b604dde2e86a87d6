"""Texts as rows of a server, and rows that add up to texts.

A server writes row by row. So each row tells of which text it is a part, of which
version, and of how many rows that one has.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter

import numpy as np

from helpers import CourseError
from helpers.corpus import Document
from helpers.retrieval import stems
from helpers.store.checks import TEXTS
from helpers.store.entries import Entry
from helpers.store.filters import Condition

#: Bytes that a field takes.
BYTES = 65_535
#: Of a text: its id and source, coded; hash; place among all texts; number of parts.
TEXT = ("key", "by_id", "by_source", "hash", "place", "part", "parts")
#: Of a passage: the fields of a Document.
PASSAGE = ("id", "title", "text", "topic", "subtopic", "source")

#: What an operator says to the server, about digits.
_TESTS = {"=": '== "{}"', "!=": '!= "{}"', "^=": 'like "{}%"'}


def made(where: str, batch: list[Entry]) -> Iterator[dict]:
    """Yield the rows of texts, but for their places; refuse what does not fit in."""
    for entry in batch:
        for part, passage in enumerate(entry.passages):
            row = _row(entry, passage) | {"vector": entry.vectors[part], "part": part}
            for name, value in row.items():
                if isinstance(value, str) and len(value.encode()) > BYTES:
                    raise _too_long(where, passage.id, name)
            yield row


def spelled(text: str) -> Iterator[str]:
    """Yield stems in letters and digits only, so that no server cuts them anew."""
    for stem in stems(text):
        plain = stem.isascii() and stem.isalnum() and len(stem) <= 40
        yield stem if plain else digest(stem)[:12]


def digest(text: str) -> str:
    """Return 32 digits that stand for a text of any length."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def decoded(digits: str) -> str:
    """Return the text of digits."""
    return bytes.fromhex(digits).decode()


def is_among(field: str, values: Iterable[str]) -> str:
    """Return the expression for: one of these values, each of digits.

    >>> is_among("key", ["6e", "6f"])
    'key in ["6e", "6f"]'
    """
    return f"{field} in {json.dumps(list(values))}"


def chosen(wanted: list[Condition], torn: set[str]) -> str:
    """Return the expression for all conditions, without texts that are torn.

    >>> chosen([Condition("source", "^=", "a/")], set())
    'by_source like "612f%"'
    """
    tests = [
        f"by_{w.field} {_TESTS[w.operator].format(coded(w.value))}" for w in wanted
    ]
    if torn:
        tests.append(f"not ({is_among('by_id', torn)})")
    return " and ".join(tests)


def whole(rows: Iterable[dict]) -> list[dict]:
    """Return the rows of texts that have all their rows of one version, in order."""
    texts = defaultdict(list)
    for row in rows:
        texts[row["by_id"]].append(row)
    found = [sorted(text, key=_order) for text in texts.values()]
    return sorted(chain(*filter(_adds_up, found)), key=_order)


def coded(text: str) -> str:
    """Return a text as digits; two begin alike where the texts do.

    >>> coded("notes/a"), coded("notes/")
    ('6e6f7465732f61', '6e6f7465732f')
    """
    return text.encode().hex()


def version(row: dict) -> tuple[str, str]:
    """Return of which text a row is, and of which version of it."""
    return row["by_id"], row["hash"]


def vector(row: dict) -> np.ndarray:
    """Return the vector of a row, (d,), single precision."""
    return np.array(row["vector"], dtype="<f4")


def document(row: dict) -> Document:
    """Return the passage of a row."""
    return Document(*itemgetter(*PASSAGE)(row))


def best(hits: Sequence[dict], top_k: int) -> list[tuple[Document, float]]:
    """Rank a server's hits, best first; equal scores by the order of their texts."""
    scored = [(float(hit["distance"]), hit["entity"]) for hit in hits]
    scored.sort(key=lambda each: (-each[0], _order(each[1])))
    return [(document(row), score) for score, row in scored[:top_k]]


def _row(entry, passage):
    coding = {
        "by_id": entry.text.id,
        "by_source": entry.text.source,
        "by_topic": passage.topic,
        "by_subtopic": passage.subtopic,
    }
    return {
        **dict(zip(PASSAGE, TEXTS(passage), strict=True)),
        **{name: coded(value) for name, value in coding.items()},
        "key": digest(passage.id),
        "wording": digest(passage.content),
        "stems": " ".join(spelled(passage.content)),
        "hash": entry.hash,
        "parts": len(entry.passages),
    }


def _too_long(where, name, field):
    return CourseError(
        f"{where}: the passage {name[:40]!r} is too long for a Milvus server (its "
        f"{field.removeprefix('by_')}: a field takes {BYTES} bytes, half as many where "
        "--where asks for it); shorten it, or take an index file"
    )


def _order(row):
    return row["place"], row["by_id"], row["part"]


def _adds_up(text):
    parts = [row["part"] for row in text]
    one = {(row["hash"], row["parts"]) for row in text} == {
        (text[0]["hash"], len(text))
    }
    return one and parts == list(range(len(text)))
