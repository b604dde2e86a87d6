"""An indexed corpus on one page: lengths, repeats, groups, map, and how search does."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from helpers import CourseError, all_pairs, pages, storage, visualization
from helpers.corpus import Document, Qrels, Query
from helpers.corpus_report.groups import Group, find_groups
from helpers.corpus_report.judged import Judged, judge
from helpers.progress import plural, quiet
from helpers.visualization.hover import HoverMap
from helpers.visualization.style import MORE_COLORS

if TYPE_CHECKING:
    from helpers.store.base import Store

#: Passages that are drawn and grouped; of a larger corpus, as many by chance.
SAMPLE = 5_000
#: From this cosine on, two passages are called nearly the same.
NEARLY = 0.9
#: How many repeats, near-duplicates and files the page lists.
SHOWN = 20


@dataclass(frozen=True)
class Similar:
    """Two passages of different texts that say nearly the same, and their cosine."""

    score: float
    first: Document
    second: Document


@dataclass(frozen=True)
class CorpusReport:
    """What `report` shows of an index; tokens: a count a passage, in their order."""

    index: str
    model: str
    texts: int
    files: dict[str, int]
    tokens: list[int]
    limit: int
    split: int
    repeated: dict[str, int]
    similar: list[Similar]
    groups: list[Group]
    map: HoverMap
    judged: Judged | None

    @property
    def too_long(self) -> int:
        """How many passages are longer than the model reads."""
        return sum(count > self.limit for count in self.tokens)

    def to_json(self) -> dict:
        """Return all but the map; of the lengths, their quartiles."""
        found = asdict(replace(self, map=None))  # type: ignore[arg-type]
        del found["map"]
        found["passages"], found["too_long"] = len(self.tokens), self.too_long
        found["tokens"] = np.percentile(self.tokens, (0, 25, 50, 75, 100)).tolist()
        return found

    def __str__(self) -> str:
        lines = [
            f"{plural(self.texts, 'text')} in {plural(len(self.tokens), 'passage')}, "
            f"from {plural(len(self.files), 'file')}",
            f"{plural(self.split, 'text')} split; {plural(self.too_long, 'passage')} "
            f"longer than the {self.limit} tokens that {self.model} reads",
            f"{plural(len(self.repeated), 'wording')} more than once, "
            f"{plural(len(self.similar), 'pair')} nearly the same (cosine {NEARLY} or "
            "more)",
        ]
        lines += (f"{g.size:>5}  {', '.join(g.words)}" for g in self.groups)
        judged = [*self.judged.notes, self.judged.advice] if self.judged else []
        return "\n".join([*lines, *judged])

    def to_html(self) -> str:
        """Return one page that asks for nothing on the network; texts are escaped."""
        parts = {"map": self.map._repr_html_(), "lengths": _histogram(self)}
        parts |= {"report": self, "shown": SHOWN, "plural": plural}
        parts["path"] = Path(self.index).resolve()
        return pages.render("corpus_report.html", **parts)

    def write(self, path: str | Path) -> Path:
        """Write the page, whole or not at all; return its path."""
        return storage.write_atomically(path, self.to_html().encode())


def report_on(
    index: Store, queries: Sequence[Query] = (), qrels: Qrels | None = None
) -> CorpusReport:
    """Look at an index that is not empty; with judgements, at its searches too.

    qrels: query id -> id of a text or of a passage -> grade. Raises CourseError for an
    empty index, or when no query is judged.
    """
    documents, vectors = index.by("dense").documents, index.embeddings
    texts = index.text_ids()
    if not len(documents) == len(vectors) == len(texts):
        raise CourseError(f"{index.where}: is being written; wait until that is done")
    chosen = _sample(len(documents))
    some, rows = [documents[i] for i in chosen], vectors[chosen]
    groups, places = find_groups([each.content for each in some], rows)
    owned = {(each.content, text) for each, text in zip(documents, texts, strict=True)}
    copies = Counter(content for content, _ in owned)
    owners = {each.id: text for each, text in zip(documents, texts, strict=True)}
    parts = Counter(texts)
    return CorpusReport(
        index=index.where,
        model=index.settings["model"],
        texts=len(parts),
        files=dict(Counter(map(_file, documents)).most_common()),
        tokens=[len(each) for each in _tokens(index.model, documents)],
        limit=index.settings["tokens"],
        split=sum(count > 1 for count in parts.values()),
        repeated={text: n for text, n in copies.most_common(SHOWN) if n > 1},
        similar=_similar(documents, vectors, texts),
        groups=groups,
        map=_map(rows, some, len(documents), groups, places),
        judged=judge(index, queries, qrels, owners) if qrels else None,
    )


def _sample(n):
    """Places of all n passages, or of SAMPLE of them, in their order."""
    if n <= SAMPLE:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, SAMPLE, replace=False))


def _map(vectors, documents, total, groups, places):
    """Draw passages, coloured by topic; where most have none, by group."""
    points, order = visualization.project(vectors), np.arange(len(documents))
    topics = [each.topic or "no topic" for each in documents]
    if groups and topics.count("no topic") > len(topics) / 2:
        names, order = _names(groups), places.argsort(kind="stable")  # largest first
        topics = [names[place] for place in places]
    shown = [replace(documents[i], topic=topics[i]) for i in order]
    title = f"{len(documents)} of {total} passages: those that mean alike lie close"
    return visualization.hover_map(points[order], shown, title=title)


def _names(groups):
    """Return a name for each group; those without a colour of their own share one."""
    names, most = [", ".join(group.words[:3]) for group in groups], len(MORE_COLORS)
    if len(names) <= most:
        return names
    return names[: most - 1] + ["smaller groups"] * (len(names) - most + 1)


def _file(document):
    return document.source.split(", ")[0]


def _tokens(model, documents):
    with quiet():  # the tokenizer warns of what is measured here
        texts = [document.content for document in documents]
        return model.tokenizer(texts, truncation=False)["input_ids"]


def _similar(documents, vectors, texts):
    """Pairs of NEARLY and above; not of one text, nor of the very same words."""
    if len(documents) < 2:
        return []
    found = []
    for pair in all_pairs.most_similar_pairs(vectors, 50 * SHOWN):
        first, second = documents[pair.first], documents[pair.second]
        other = texts[pair.first] != texts[pair.second]
        if pair.score >= NEARLY and other and first.content != second.content:
            found.append(Similar(pair.score, first, second))
    return found[:SHOWN]


def _histogram(report):
    """Draw how long the passages are, as an <img> with its picture inside."""
    visualization.use_style()
    figure = Figure(figsize=(7, 2.4), layout="constrained")
    ax = figure.subplots()
    ax.hist(report.tokens, bins=min(40, max(report.tokens)), color="#56B4E9")
    ax.axvline(report.limit, color="black", ls="--", lw=1)
    ax.set(
        xlabel="tokens in a passage; dashed: what the model reads", ylabel="passages"
    )
    file = BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return base64.b64encode(file.getvalue()).decode()
