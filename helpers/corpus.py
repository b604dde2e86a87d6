"""Documents, queries, judgements and pairs, read from files in BEIR's layout.

A BEIR folder holds `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`
(Thakur et al. 2021, arXiv 2104.08663). The course's own data is such a folder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers import ROOT, CourseError

#: The folder of the data that ships with the course.
DATA = ROOT / "data"
#: The files of a folder of pairs: to learn from, to choose by, to be judged by.
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Document:
    """One text of the corpus."""

    id: str
    title: str
    text: str
    topic: str = ""
    subtopic: str = ""

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
    Raises CourseError, with file and line, on anything that is not so.

    >>> load_corpus()[0].topic
    'crypto'
    """
    file = _inside(path, "corpus.jsonl")
    documents = []
    for place, record in _records(file, unique_ids=True):
        text, title, topic, subtopic = (
            _text(record, key, place, needed=key == "text")
            for key in ("text", "title", "topic", "subtopic")
        )
        documents.append(Document(record["_id"], title, text, topic, subtopic))
    return documents


def load_queries(path: str | Path | None = None) -> list[Query]:
    """Read queries: a JSON Lines file, or a BEIR folder; without `path`, the course's.

    Each line needs `_id` and a `text` that is not blank; `kind` may be missing.
    Raises CourseError, with file and line, on anything that is not so.
    """
    queries = []
    for place, record in _records(_inside(path, "queries.jsonl"), unique_ids=True):
        text = _text(record, "text", place, needed=True)
        if not text.strip():
            raise CourseError(f'{place}: "text" is blank; write the query, or drop it')
        queries.append(Query(record["_id"], text, _text(record, "kind", place)))
    return queries


def load_qrels(
    path: str | Path | None = None, *, split: str = "test"
) -> dict[str, dict[str, int]]:
    """Read judgements: query id -> document id -> grade (0 is "not relevant").

    `path` is a TSV file, or a BEIR folder with `qrels/<split>.tsv`; without it, the
    course's. The columns are `query-id`, `corpus-id`, `score`, with or without that
    header. Raises CourseError, with file and line, on anything that is not so.
    """
    file = _inside(path, f"qrels/{split}.tsv")
    qrels: dict[str, dict[str, int]] = {}
    for number, line in _lines(file):
        place, cells = f"{file}, line {number}", line.split("\t")
        if number == 1 and cells == ["query-id", "corpus-id", "score"]:
            continue
        if len(cells) != 3 or not (cells[0].strip() and cells[1].strip()):
            raise CourseError(
                f"{place}: expected query-id, corpus-id and score between tabs, "
                f"got {line!r}"
            )
        query_id, document_id, grade = cells
        if not grade.strip().removeprefix("-").isdecimal():
            raise CourseError(
                f"{place}: the score {grade!r} is not a whole number; "
                "use a grade such as 0, 1, 2 or 3"
            )
        grades = qrels.setdefault(query_id, {})
        if document_id in grades:
            raise CourseError(
                f"{place}: {document_id!r} is judged twice for query {query_id!r}; "
                "keep one line"
            )
        grades[document_id] = int(grade)
    return _not_empty(qrels, file)


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
        return [pair for _, pair in _pairs(_existing(path))]
    wanted = _existing(path / f"{split}.jsonl")
    seen: dict[str, tuple[Path, str]] = {}
    result = []
    for file in dict.fromkeys((*(path / f"{name}.jsonl" for name in SPLITS), wanted)):
        for place, pair in _pairs(file) if file == wanted or file.is_file() else ():
            if file == wanted:
                result.append(pair)
            for sentence in (pair.sentence1, pair.sentence2):
                other, there = seen.setdefault(_folded(sentence), (file, place))
                if other != file:
                    raise CourseError(
                        f"{place}: the sentence {sentence!r} stands in {there} too; a "
                        "sentence belongs to one split, or the test is no test"
                    )
    return result


def _pairs(file: Path) -> Iterator[tuple[str, Pair]]:
    """Yield place ("file, line n") and pair of every line."""
    for place, record in _records(file):
        sentences = [
            _text(record, key, place, needed=True) for key in ("sentence1", "sentence2")
        ]
        for key, sentence in zip(("sentence1", "sentence2"), sentences, strict=True):
            if not sentence.strip():
                raise CourseError(f'{place}: "{key}" is blank; write it, or drop it')
        yield (
            place,
            Pair(*sentences, _score(record, place), _text(record, "about", place)),
        )


def _folded(sentence: str) -> str:
    """Return what two copies of a sentence share: words, not case or spaces.

    >>> _folded("The  whale\tSOLD.") == _folded("the whale sold")
    True
    """
    return " ".join(sentence.casefold().split()).rstrip(".!? ")


def _score(record: dict, place: str) -> float:
    """Return the pair's label, refusing what is not a number in 0..1."""
    if "score" not in record:
        raise CourseError(f'{place}: "score" is missing; give a number from 0 to 1')
    score = record["score"]
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise CourseError(f'{place}: "score" is {score!r}; it must be a number, 0 to 1')
    if not (math.isfinite(score) and 0 <= score <= 1):
        raise CourseError(
            f'{place}: "score" is {score}, outside 0..1; '
            "divide labels of 0..5 by 5 before you use them"
        )
    return float(score)


def _inside(path: str | Path | None, name: str) -> Path:
    """Return the file meant: `name` in the folder `path`, or the file `path` itself."""
    path = DATA if path is None else Path(path)
    return _existing(path / name if path.is_dir() else path)


def _existing(path: str | Path) -> Path:
    """Return `path` as a Path, or raise CourseError when no file lies there."""
    path = Path(path)
    if path.is_dir():
        raise CourseError(f"{path}: is a folder; give the file inside it")
    if not path.is_file():
        raise CourseError(f"{path}: no such file; check the name and the folder")
    return path


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    r"""Yield the number and text of every line that is not blank.

    Lines end at \n (or \r\n) alone: `str.splitlines` would also cut at U+2028, which
    JSON allows inside a text.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CourseError(f"{file}: cannot be read ({error.strerror})") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CourseError(f"{file}, line 1: is UTF-16; save the file as plain UTF-8")
    if data.startswith(b"\xef\xbb\xbf"):
        raise CourseError(
            f"{file}, line 1: starts with a byte order mark (BOM); save the file as "
            'plain UTF-8 (in Python, read it with encoding="utf-8-sig" and write it '
            'with encoding="utf-8")'
        )
    for number, raw in enumerate(data.split(b"\n"), start=1):
        try:
            line = raw.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise CourseError(
                f"{file}, line {number}: byte 0x{raw[error.start]:02x} is not UTF-8; "
                "save the file as UTF-8 (it may be Windows-1252 or Latin-1 now)"
            ) from error
        if line.strip():
            yield number, line


def _records(file: Path, *, unique_ids: bool = False) -> Iterator[tuple[str, dict]]:
    """Yield place ("file, line n") and object of every line; check ids when asked."""
    seen: dict[str, int] = {}
    empty = True
    for number, line in _lines(file):
        empty, place = False, f"{file}, line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CourseError(
                f"{place}: not valid JSON ({error}); each line must be one object"
            ) from error
        if not isinstance(record, dict):
            raise CourseError(
                f"{place}: expected an object in braces, got {line[:40]!r}"
            )
        if unique_ids:
            record["_id"] = identifier = _identifier(record, place)
            if identifier in seen:
                raise CourseError(
                    f'{place}: "_id" {identifier!r} stands in line {seen[identifier]} '
                    "too; every id must be its own"
                )
            seen[identifier] = number
        yield place, record
    if empty:
        _not_empty((), file)


def _identifier(record: dict, place: str) -> str:
    """Return the record's id as text, refusing a missing or blank one."""
    identifier = record.get("_id")
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        return str(identifier)
    if not isinstance(identifier, str) or not identifier.strip():
        shown = "missing" if "_id" not in record else f"{identifier!r}"
        raise CourseError(
            f'{place}: "_id" is {shown}; give every line an id of its own'
        )
    return identifier


def _text(record: dict, key: str, place: str, *, needed: bool = False) -> str:
    """Return a text field; a missing one is "" unless it is needed."""
    if key not in record and needed:
        raise CourseError(f'{place}: "{key}" is missing; every line needs one')
    value = record.get(key, "")
    if not isinstance(value, str):
        if value is None and not needed:
            return ""
        raise CourseError(f'{place}: "{key}" is {value!r}; it must be a text in quotes')
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise CourseError(
            f'{place}: "{key}" holds half a character (a lone surrogate such as '
            "\\ud83d); write the file again with whole characters"
        )
    return value


def _not_empty(items, file: Path):
    """Return `items`, or raise CourseError when the file held none."""
    if not items:
        raise CourseError(f"{file}: is empty; it needs at least one line of data")
    return items
