"""Judge search results by hand: pool them, grade them one by one, keep the grades."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import ipywidgets

from helpers import CourseError, pages, storage
from helpers.corpus import Qrels, Query, load_qrels
from helpers.retrieval import Hit, Index, checked_query, search_each

#: What a grade says, as in the course's own judgements (data/README.md).
GRADES = {0: "not relevant", 1: "touches it", 2: "relevant", 3: "answers it"}

Pools = Mapping[str, Sequence[Hit]]


class Judge:
    """Shows one pooled result after the other and saves each grade at once."""

    def __init__(self, queries: Sequence[Query], pools: Pools, path: Path) -> None:
        self.path, self._texts = path, {query.id: query.text for query in queries}
        pooled = [(query.id, hit) for query in queries for hit in pools[query.id]]
        known = self.qrels
        self.total, self._views = len(pooled), list[Callable[[], None]]()
        self._open = [
            each for each in pooled if each[1].id not in known.get(each[0], ())
        ]

    @property
    def qrels(self) -> Qrels:
        """All grades in the file: query id -> passage id -> grade."""
        return load_qrels(self.path) if self.path.exists() else {}

    @property
    def left(self) -> int:
        """How many results are still without a grade."""
        return len(self._open)

    @property
    def current(self) -> tuple[Query, Hit] | None:
        """The query and the result that wait for a grade; None when all have one."""
        if not self._open:
            return None
        query, hit = self._open[0]
        return Query(query, self._texts[query]), hit

    def answer(self, grade: int) -> None:
        """Grade the current result, 0 to 3; the file is written before the next comes.

        Raises CourseError for another grade, when nothing is left to judge, and when
        the file cannot be written: the result then stays the current one.
        """
        if isinstance(grade, bool | float) or grade not in list(GRADES):
            raise CourseError(f"the grade is {grade!r}; give 0, 1, 2 or 3")
        if not self._open:
            raise CourseError(f"all {self.total} results have a grade, in {self.path}")
        query, hit = self._open[0]
        qrels = self.qrels
        qrels.setdefault(query, {})[hit.id] = int(grade)
        storage.write_atomically(self.path, _tsv(qrels).encode())
        del self._open[0]
        self._renew()

    def skip(self) -> None:
        """Put the current result off: it comes again after the others."""
        self._open = self._open[1:] + self._open[:1]
        self._renew()

    def to_html(self, complaint: str = "") -> str:
        """Return what is to be judged now as HTML; texts are escaped."""
        shown = {"total": self.total, "done": self.total - self.left}
        query, hit = self.current or (None, None)
        file = self.path.name
        where = {"query": query, "hit": hit, "file": file, "complaint": complaint}
        return pages.render("judge.html", **shown, **where)

    def widget(self) -> ipywidgets.VBox:
        """Return the widget: what is to be judged, four grades and a button to skip."""
        page = ipywidgets.HTML()
        does: dict[str, Callable[[], None]] = {
            f"{grade} {what}": partial(self.answer, grade)
            for grade, what in GRADES.items()
        }
        does["skip"] = self.skip
        buttons = [_button(label) for label in does]

        def show(complaint: str = "") -> None:
            page.value = self.to_html(complaint)
            for button in buttons:
                button.disabled = self.current is None

        def press(button: ipywidgets.Button) -> None:
            try:
                does[button.description]()
            except CourseError as error:
                show(str(error))

        for button in buttons:
            button.on_click(press)
        self._views.append(show)
        show()
        return ipywidgets.VBox([page, ipywidgets.HBox(buttons)])

    def _renew(self):
        """Let every widget show what is to be judged now."""
        for show in self._views:
            show()

    def __repr__(self) -> str:
        return f"Judge: {self.total - self.left} of {self.total} results have a grade"

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Show the widget where there is a kernel, else what is to be judged."""
        table = {"text/plain": repr(self), "text/html": self.to_html()}
        return self.widget()._repr_mimebundle_() | table


def pool(
    indexes: Mapping[str, Index],
    queries: Sequence[Query],
    *,
    depth: int = 5,
    seed: int = 0,
) -> dict[str, list[Hit]]:
    """Collect the best `depth` of every index, once each; return query id -> results.

    They come shuffled, and without the score or the rank that would give the method
    away. Raises CourseError for no query, a blank one, an id that comes twice, and for
    a query for which no method found anything.
    """
    if not queries:
        raise CourseError("there is no query to judge; write at least one")
    ids = [query.id for query in queries]
    if len(set(ids)) < len(ids):
        raise CourseError(f"two queries have the same id: {', '.join(sorted(ids))}")
    asked = [checked_query(query.text) for query in queries]
    found = search_each(indexes, asked, depth).values()
    pools = {}
    for place, query in enumerate(queries):
        hits = {hit.id: hit for rankings in found for hit in rankings[place]}
        if not hits:
            raise CourseError(
                f"nothing was found for {query.text!r}, so there is nothing to judge; "
                "use other words, or add a method"
            )
        order = random.Random(f"{seed} {query.id}").sample(sorted(hits), len(hits))
        pools[query.id] = [replace(hits[i], rank=0, score=0.0) for i in order]
    return pools


def judge(queries: Sequence[Query], pools: Pools, path: str | Path) -> Judge:
    """Judge pooled results with buttons, or with `answer`; grades go to a qrels file.

    path: a TSV in BEIR's layout, whole after each answer. One that is there is gone on
    with: what has a grade is not asked again, and grades of other queries stay. Raises
    CourseError where the file is no such TSV, a query has no pool, or an id does not
    fit between tabs.
    """
    for query in queries:
        if not pools.get(query.id):
            raise CourseError(f"nothing is pooled for query {query.id!r}; use `pool`")
        for name in (query.id, *(hit.id for hit in pools[query.id])):
            if not name.strip() or len(name.splitlines()) != 1 or "\t" in name:
                raise CourseError(
                    f"the id {name!r} does not fit between tabs; rename it"
                )
    if not queries:
        raise CourseError("there is no query to judge; write at least one")
    return Judge(queries, pools, Path(path))


def _tsv(qrels: Qrels) -> str:
    rows = [
        f"{query}\t{passage}\t{grade}"
        for query, grades in qrels.items()
        for passage, grade in grades.items()
    ]
    return "\n".join(["query-id\tcorpus-id\tscore", *rows, ""])


def _button(label):
    return ipywidgets.Button(description=label, layout={"width": "130px"})
