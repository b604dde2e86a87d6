"""Documents, queries, judgements and pairs, read from files in BEIR's layout.

A BEIR folder holds `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`, maybe with
`qrels/dev.tsv` beside it (Thakur et al. 2021, arXiv 2104.08663). The course's own data
is such a folder.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from helpers import ROOT, CourseError, records, storage
from helpers.records import existing, needed_text, text

#: The folder of the data that ships with the course.
DATA = ROOT / "data"
#: The files of a folder of pairs: to learn from, to choose by, to be judged by.
SPLITS = ("train", "dev", "test")

Qrels = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Document:
    """One text of the corpus; `source` says where it was read: file, row, part."""

    id: str
    title: str
    text: str
    topic: str = ""
    subtopic: str = ""
    source: str = ""

    @property
    def content(self) -> str:
        """What is encoded and searched: title and text, joined by a space."""
        return f"{self.title} {self.text}".strip()


@dataclass(frozen=True)
class Query:
    """One question to the corpus; `kind` says what makes it easy or hard."""

    id: str
    text: str
    kind: str = ""


@dataclass(frozen=True)
class Pair:
    """Two sentences and how much they mean the same, from 0 (nothing) to 1 (all).

    `about` is what the pair teaches or tests, a jargon term say; "" if nothing.
    """

    sentence1: str
    sentence2: str
    score: float
    about: str = ""


def load_corpus(path: str | Path | None = None) -> list[Document]:
    """Read a corpus: a JSON Lines file, or a BEIR folder; without `path`, the course's.

    Each line needs `_id` and `text`; `title`, `topic` and `subtopic` may be missing.
    Raises CourseError, with file and line, where that is not so.

    >>> load_corpus()[0].topic
    'crypto'
    """
    return [
        Document(
            record["_id"],
            text=needed_text(record, "text", place),
            **{key: text(record, key, place) for key in ("title", "topic", "subtopic")},
        )
        for place, record in records.identified(_inside(path, "corpus.jsonl"))
    ]


def load_queries(path: str | Path | None = None) -> list[Query]:
    """Read queries: a JSON Lines file, or a BEIR folder; without `path`, the course's.

    Each line needs `_id` and a `text` that is not blank; `kind` may be missing.
    Raises CourseError, with file and line, on anything that is not so.
    """
    return [
        Query(
            record["_id"],
            _not_blank(record, "text", place),
            text(record, "kind", place),
        )
        for place, record in records.identified(_inside(path, "queries.jsonl"))
    ]


def save_queries(path: str | Path, queries: Iterable[Query]) -> Path:
    """Add queries to a JSON Lines file, whole or not at all; what is in it stays.

    A query whose id is in it already is passed over. Raises CourseError where the file
    holds something else, or cannot be written.
    """
    path, known, old = Path(path), set[str](), b""
    if path.exists():
        known = {query.id for query in load_queries(path)}
        old = path.read_bytes().rstrip() + b"\n"
    new = (_line(query) for query in queries if query.id not in known)
    return storage.write_atomically(path, old + "".join(new).encode())


def load_qrels(path: str | Path | None = None, *, split: str = "test") -> Qrels:
    """Read judgements: query id -> document id -> grade (0 is "not relevant").

    `path` is a TSV file, or a BEIR folder with `qrels/<split>.tsv`; without it, the
    course's. Choose by "dev", judge by "test"; "all" takes every file of `qrels/`. The
    columns are `query-id`, `corpus-id`, `score`, with or without that header. Raises
    CourseError, with file and line, on anything that is not so.

    >>> [len(load_qrels(split=split)) for split in ("dev", "test", "all")]
    [48, 48, 96]
    """
    if not re.fullmatch(r"[\w-]+", split):
        raise CourseError(f"split is {split!r}; give a name such as dev, test or all")
    there = sorted((Path(path or DATA) / "qrels").glob("*.tsv"))
    files = (split == "all" and there) or [_inside(path, f"qrels/{split}.tsv")]
    qrels: Qrels = {}
    for place, query_id, document_id, grade in chain(*map(_judgements, files)):
        grades = qrels.setdefault(query_id, {})
        if document_id in grades:
            raise CourseError(
                f"{place}: {document_id!r} is judged twice for query {query_id!r}; "
                "keep one line"
            )
        grades[document_id] = grade
    if not qrels:
        records.refuse_empty(files[0])
    return qrels


def unknown_ids(
    qrels: Qrels, queries: Iterable[str], documents: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Judged ids that are no query, and judged ids that are no document.

    >>> unknown_ids({"q1": {"d1": 1, "d2": 0}, "q9": {"d1": 2}}, ["q1"], ["d1"])
    (['q9'], ['d2'])
    """
    judged = set().union(*qrels.values())
    return sorted(set(qrels).difference(queries)), sorted(judged.difference(documents))


def load_pairs(path: str | Path | None = None, *, split: str = "train") -> list[Pair]:
    """Read labelled pairs: lines of `sentence1`, `sentence2`, `score`, maybe `about`.

    `path` is a JSON Lines file, or a folder with `<split>.jsonl`; without it, the
    course's `pairs`. In a folder, train.jsonl, dev.jsonl and test.jsonl are compared: a
    sentence of one must not stand in another, or the test would ask what was learnt by
    heart. Raises CourseError, with file and line, for such a sentence, for a missing or
    blank one, and for a score that is not a number from 0 to 1.

    >>> sorted({pair.score for pair in load_pairs(split="test")})
    [0.0, 0.3, 0.7, 1.0]
    """
    path = DATA / "pairs" if path is None else Path(path)
    if not path.is_dir():
        return [pair for _, pair in _pairs(existing(path))]
    wanted = existing(path / f"{split}.jsonl")
    files = [file for name in SPLITS if (file := path / f"{name}.jsonl").is_file()]
    found = {file: list(_pairs(file)) for file in dict.fromkeys([*files, wanted])}
    _refuse_leaks(found)
    return [pair for _, pair in found[wanted]]


def _judgements(file: Path) -> Iterator[tuple[str, str, str, int]]:
    """Yield place, query id, document id and grade of every line but the header."""
    for place, line in records.lines(file):
        cells = line.split("\t")
        if cells == ["query-id", "corpus-id", "score"] and place.endswith(" 1"):
            continue
        if len(cells) != 3 or not (cells[0].strip() and cells[1].strip()):
            raise CourseError(
                f"{place}: expected query-id, corpus-id and score between tabs, "
                f"got {line!r}"
            )
        if not cells[2].strip().removeprefix("-").isdecimal():
            raise CourseError(
                f"{place}: the score {cells[2]!r} is not a whole number; "
                "use a grade such as 0, 1, 2 or 3"
            )
        yield place, cells[0], cells[1], int(cells[2])


def _line(query):
    kind = {"kind": query.kind} if query.kind else {}
    record = {"_id": query.id, "text": query.text, **kind}
    return json.dumps(record, ensure_ascii=False) + "\n"


def _pairs(file: Path) -> Iterator[tuple[str, Pair]]:
    """Yield place and pair of every line."""
    for place, record in records.objects(file):
        both = [_not_blank(record, f"sentence{n}", place) for n in (1, 2)]
        about = text(record, "about", place)
        yield place, Pair(both[0], both[1], _score(record, place), about)


def _not_blank(record, key, place):
    found = needed_text(record, key, place)
    if not found.strip():
        raise CourseError(f'{place}: "{key}" is blank; write it, or drop the line')
    return found


def _score(record, place):
    if "score" not in record:
        raise CourseError(f'{place}: "score" is missing; give a number from 0 to 1')
    score = record["score"]
    if type(score) not in (int, float):
        raise CourseError(f'{place}: "score" is {score!r}; it must be a number, 0 to 1')
    if not 0 <= score <= 1:
        raise CourseError(
            f'{place}: "score" is {score}, outside 0..1; '
            "divide labels of 0..5 by 5 before you use them"
        )
    return float(score)


def _refuse_leaks(found: dict[Path, list[tuple[str, Pair]]]) -> None:
    """Raise CourseError where a sentence of one file is also in another."""
    seen: dict[str, tuple[Path, str]] = {}
    for file, pairs in found.items():
        for place, pair in pairs:
            for sentence in (pair.sentence1, pair.sentence2):
                other, there = seen.setdefault(_folded(sentence), (file, place))
                if other != file:
                    raise CourseError(
                        f"{place}: the sentence {sentence!r} is also in {there}; a "
                        "sentence belongs to one split, or the test is no test"
                    )


def _folded(sentence: str) -> str:
    """Return what two copies of a sentence share: words, not case or spaces.

    >>> _folded("The  whale\tSOLD.") == _folded("the whale sold")
    True
    """
    return " ".join(sentence.casefold().split()).rstrip(".!? ")


def _inside(path, name):
    """Return the file meant: `name` in the folder `path`, or the file `path` itself."""
    path = DATA if path is None else Path(path)
    return existing(path / name if path.is_dir() else path)
