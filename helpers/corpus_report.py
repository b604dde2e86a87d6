"""An indexed corpus on one page: lengths, repeats, groups, map, and how search does."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer

from helpers import (
    CourseError,
    all_pairs,
    metrics,
    pages,
    retrieval,
    storage,
    visualization,
)
from helpers.corpus import Document, Qrels, Query
from helpers.metrics import Interval
from helpers.progress import quiet
from helpers.visualization.hover import HoverMap

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
class Group:
    """Passages near each other: how many, and the words that set them apart."""

    size: int
    words: list[str]
    example: str


@dataclass(frozen=True)
class Judged:
    """nDCG@10 of each method over the judged queries, and which of them to use."""

    queries: int
    ndcg: dict[str, Interval]
    unjudged: float
    advice: str


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
            f"{self.texts} texts in {len(self.tokens)} passages, from "
            f"{len(self.files)} files",
            f"{self.split} texts split; {self.too_long} passages longer than the "
            f"{self.limit} tokens that {self.model} reads",
            f"{len(self.repeated)} wordings more than once, {len(self.similar)} pairs "
            f"nearly the same (cosine {NEARLY} or more)",
        ]
        groups = (f"{g.size:>5}  {', '.join(g.words)}" for g in self.groups)
        return "\n".join(
            [*lines, *groups, *([self.judged.advice] if self.judged else [])]
        )

    def to_html(self) -> str:
        """Return one page that asks for nothing on the network; texts are escaped."""
        parts = {"map": self.map._repr_html_(), "lengths": _histogram(self)}
        return pages.render("corpus_report.html", report=self, shown=SHOWN, **parts)

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
    title = f"{len(some)} of {len(documents)} passages: those that mean alike lie close"
    owned = {(each.content, text) for each, text in zip(documents, texts, strict=True)}
    copies = Counter(content for content, _ in owned)
    owners = Counter(texts)
    return CorpusReport(
        index=index.where,
        model=index.settings["model"],
        texts=len(owners),
        files=dict(Counter(map(_file, documents)).most_common()),
        tokens=[len(each) for each in _tokens(index.model, documents)],
        limit=index.settings["tokens"],
        split=sum(count > 1 for count in owners.values()),
        repeated={text: n for text, n in copies.most_common(SHOWN) if n > 1},
        similar=_similar(documents, vectors, texts),
        groups=_groups(some, rows),
        map=visualization.hover_map(visualization.project(rows), some, title=title),
        judged=_judged(index, queries, qrels, texts) if qrels else None,
    )


def _sample(n):
    """Places of all n passages, or of SAMPLE of them, in their order."""
    if n <= SAMPLE:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, SAMPLE, replace=False))


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


def _groups(documents, vectors):
    """Group by k-means, which always finds as many groups as it is asked for."""
    wanted = min(12, int(np.sqrt(len(documents) / 2)))
    if wanted < 2:
        return []
    means = KMeans(wanted, n_init=3, random_state=0).fit(vectors)
    words = _telling_words([each.content for each in documents], means.labels_)
    middle = (vectors * means.cluster_centers_[means.labels_]).sum(axis=1)
    groups = []
    for number, telling in enumerate(words):
        mine = np.flatnonzero(means.labels_ == number)
        example = documents[mine[middle[mine].argmax()]].content
        groups.append(Group(len(mine), telling, example))
    return sorted(groups, key=lambda group: -group.size)


def _telling_words(texts, labels, top_k=6):
    """Words of each group by class-based TF-IDF (Grootendorst, arXiv 2203.05794)."""
    counter = CountVectorizer(stop_words="english", token_pattern=r"(?u)\b[^\W\d]\w+\b")
    try:
        counts = counter.fit_transform(texts)
    except ValueError:  # no word in any of them
        return [[] for _ in range(labels.max() + 1)]
    names = counter.get_feature_names_out()
    groups = [counts[labels == group].sum(axis=0) for group in range(labels.max() + 1)]
    per_group = np.asarray(np.vstack(groups), dtype=float)
    size = per_group.sum() / len(per_group)
    weights = per_group * np.log(1 + size / per_group.sum(axis=0))
    best = (-weights).argsort(axis=1, kind="stable")[:, :top_k]
    return [
        [str(names[i]) for i in row if weights[group, i] > 0]
        for group, row in enumerate(best)
    ]


def _judged(index, queries, qrels, texts):
    judged = [query for query in queries if query.id in qrels]
    ways = {method: index.by(method) for method in ("dense", "bm25", "fused")}
    owner = dict(zip((d.id for d in index.documents), texts, strict=True))
    runs = {
        method: {
            query: _as_judged(hits, qrels[query], owner) for query, hits in run.items()
        }
        for method, run in retrieval.make_runs(ways, judged).items()
    }
    wanted = {query.id: qrels[query.id] for query in judged}
    values = {
        method: metrics.evaluate(run, wanted).values("ndcg@10")
        for method, run in runs.items()
    }
    firsts = [
        identifier in wanted[query]
        for run in runs.values()
        for query, hits in run.items()
        for identifier in list(hits)[:10]
    ]
    return Judged(
        queries=len(judged),
        ndcg={
            method: metrics.bootstrap_interval(each) for method, each in values.items()
        },
        unjudged=1 - sum(firsts) / max(1, len(firsts)),
        advice=advice(values),
    )


def _as_judged(hits: Mapping[str, float], grades, owner):
    """Let a text's best passage stand for it, unless the passage itself is judged."""
    found: dict[str, float] = {}
    for identifier, score in hits.items():
        found.setdefault(
            identifier if identifier in grades else owner[identifier], score
        )
    return found


def advice(values: Mapping[str, np.ndarray]) -> str:
    """Say which method to use; values: method -> nDCG@10, one a query, (q,)."""
    order = sorted(values, key=lambda method: -values[method].mean())
    best, second = order[:2]
    lead = metrics.bootstrap_interval(values[best] - values[second])
    if lead.low > 0:
        return f"Use {best}: it leads {second} by {lead}, more than luck explains."
    tied = [
        method
        for method in order[1:]
        if metrics.bootstrap_interval(values[best] - values[method]).low <= 0
    ]
    return (
        f"{best} is best here, but its lead over {' and '.join(tied)} may be luck "
        f"({lead} over {second}): judge more queries, or take the cheaper one."
    )


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
