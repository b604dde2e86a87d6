"""How well an index answers judged queries, and which method to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helpers import metrics, retrieval
from helpers.corpus import Qrels, Query, unknown_ids
from helpers.metrics import Interval

if TYPE_CHECKING:
    from helpers.store.base import Store

#: How to search, the cheapest first.
METHODS = ("bm25", "dense", "fused")
#: So many queries can all favour one method by luck: 2 * 0.5**5 is more than 5 %.
FEW = 5
#: Unknown ids that a note names.
NAMED = 5


@dataclass(frozen=True)
class Judged:
    """nDCG@10 of each method over the judged queries, and which of them to use.

    notes: judged ids that are not there, typing errors say; they count as never found.
    """

    queries: int
    ndcg: dict[str, Interval]
    unjudged: float
    advice: str
    notes: list[str]


def judge(
    index: Store, queries: Sequence[Query], qrels: Qrels, owners: Mapping[str, str]
) -> Judged:
    """Search for every judged query in all three ways, and judge what was found.

    qrels: query id -> id of a text or of a passage -> grade. owners: passage id -> id
    of its text. Raises CourseError when no query is judged.
    """
    asked = [query for query in queries if query.id in qrels]
    wanted = {query.id: qrels[query.id] for query in asked}
    runs = retrieval.make_runs({method: index.by(method) for method in METHODS}, asked)
    values, firsts = {}, []
    for method, run in runs.items():
        found = {q: _as_judged(hits, wanted[q], owners) for q, hits in run.items()}
        values[method] = metrics.evaluate(found, wanted).values("ndcg@10")
        firsts += [i in wanted[q] for q, hits in found.items() for i in [*hits][:10]]
    return Judged(
        queries=len(asked),
        ndcg={name: metrics.bootstrap_interval(each) for name, each in values.items()},
        unjudged=1 - float(np.mean(firsts)),
        advice=advice(values),
        notes=_notes(qrels, queries, {*owners, *owners.values()}),
    )


def advice(values: Mapping[str, np.ndarray]) -> str:
    """Say which method to use; values: method -> nDCG@10, one a query, (q,)."""
    best, second, _ = sorted(METHODS, key=lambda method: -values[method].mean())
    leads = {
        other: metrics.bootstrap_interval(values[best] - values[other])
        for other in METHODS
    }
    count, lead = len(values[best]), leads[second]
    if round(lead.mean, 2) == 0:
        equal = [other for other in METHODS if round(leads[other].mean, 2) == 0]
        these = f"these {count} queries" if count > 1 else "this one query"
        return (
            f"{_and(equal)} do equally well on {these}: take {_cheapest(equal)}, "
            "and judge more."
        )
    if lead.low > 0 and count > FEW:
        return f"Use {best}: it leads {second} by {lead}, more than luck explains."
    tied = [each for each in METHODS if leads[each].low <= 0 or count <= FEW]
    return (
        f"{best} is best here, but its lead over "
        f"{_and([other for other in tied if other != best])} may be luck ({lead} over "
        f"{second}): judge more queries, or take {_cheapest(tied)}."
    )


def _cheapest(methods):
    return f"{methods[0]}, the {'cheaper one' if len(methods) == 2 else 'cheapest'}"


def _and(names):
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _notes(qrels, queries, documents):
    """Tell of judgements that reach nothing."""
    lost, astray = unknown_ids(qrels, [query.id for query in queries], documents)
    found = (
        (astray, "id is", "ids are", "in no text or passage of this index"),
        (lost, "query is", "queries are", "not in the queries"),
    )
    return [
        f"{len(ids)} judged {one if len(ids) == 1 else many} {where}: "
        + ", ".join(ids[:NAMED])
        + ", ..." * (len(ids) > NAMED)
        for ids, one, many, where in found
        if ids
    ]


def _as_judged(hits, grades, owners):
    """Let a text's best passage stand for it, unless the passage itself is judged."""
    found: dict[str, float] = {}
    for passage, score in hits.items():
        found.setdefault(
            passage if passage in grades else owners.get(passage, passage), score
        )
    return found
