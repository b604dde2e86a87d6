"""How well an index answers judged queries, and which method to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helpers import metrics, retrieval
from helpers.corpus import Qrels, Query
from helpers.metrics import Interval

if TYPE_CHECKING:
    from helpers.store.base import Store

METHODS = ("dense", "bm25", "fused")


@dataclass(frozen=True)
class Judged:
    """nDCG@10 of each method over the judged queries, and which of them to use."""

    queries: int
    ndcg: dict[str, Interval]
    unjudged: float
    advice: str


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
    )


def advice(values: Mapping[str, np.ndarray]) -> str:
    """Say which method to use; values: method -> nDCG@10, one a query, (q,)."""
    best, *others = sorted(values, key=lambda method: -values[method].mean())
    leads = {
        other: metrics.bootstrap_interval(values[best] - values[other])
        for other in others
    }
    second = others[0]
    if leads[second].low > 0:
        return (
            f"Use {best}: it leads {second} by {leads[second]}, more than luck "
            "explains."
        )
    tied = " and ".join(other for other, lead in leads.items() if lead.low <= 0)
    return (
        f"{best} is best here, but its lead over {tied} may be luck ({leads[second]} "
        f"over {second}): judge more queries, or take the cheaper one."
    )


def _as_judged(hits, grades, owners):
    """Let a text's best passage stand for it, unless the passage itself is judged."""
    found: dict[str, float] = {}
    for passage, score in hits.items():
        found.setdefault(
            passage if passage in grades else owners.get(passage, passage), score
        )
    return found
