"""Search inside a notebook: type, and see three rankings side by side."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from helpers import CourseError, retrieval
from helpers.retrieval import BM25Index, Hit, Index
from helpers.visualization import METHOD_COLORS

#: Methods that have no colour of their own get this one.
_PLAIN = "#56B4E9"


class SearchBox:
    """A box to type a query into. Without widgets it is a table for one query."""

    def __init__(self, indexes: Mapping[str, Index], query: str, top_k: int) -> None:
        """Hold the indexes by name, the first query and the length of a ranking."""
        self.indexes, self.query = dict(indexes), retrieval.checked_query(query)
        self.top_k = top_k

    def search(
        self, query: str, shown: list[str] | None = None
    ) -> dict[str, list[Hit]]:
        """Return the ranking of every method, or of those in `shown`, best first."""
        retrieval.checked_query(query)
        return {
            name: index.search(query, min(self.top_k, len(index.documents)))
            for name, index in self.indexes.items()
            if shown is None or name in shown
        }

    def to_html(self, query: str, shown: list[str] | None = None) -> str:
        """Return the rankings as HTML, side by side; texts are escaped."""
        try:
            rankings = self.search(query, shown)
        except CourseError as error:
            return f"<p><em>{html.escape(str(error))}</em></p>"
        columns = [self._column(name, query, hits) for name, hits in rankings.items()]
        if not columns:
            columns = ["<p><em>Tick at least one method.</em></p>"]
        return (
            '<div style="display: flex; flex-wrap: wrap; gap: 18px; '
            'max-width: 1100px; line-height: 1.4">' + "".join(columns) + "</div>"
        )

    def widget(self):
        """Return the box as an ipywidgets widget: Enter searches, Tab moves on."""
        import ipywidgets as widgets

        box = widgets.Text(
            value=self.query,
            description="Search",
            placeholder="type a query and press Enter",
            continuous_update=False,
            layout=widgets.Layout(width="520px"),
        )
        ticks = {
            name: widgets.Checkbox(
                value=True,
                description=name,
                indent=False,
                layout=widgets.Layout(width="auto", margin="0 18px 0 0"),
            )
            for name in self.indexes
        }
        results = widgets.HTML()

        def show(change: object = None) -> None:
            shown = [name for name, tick in ticks.items() if tick.value]
            results.value = self.to_html(box.value, shown)

        for control in (box, *ticks.values()):
            control.observe(show, names="value")
        show()
        return widgets.VBox([box, widgets.HBox(list(ticks.values())), results])

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """Show the widget where there are widgets, else the table for one query."""
        rows = [
            f"{name}\n"
            + "\n".join(f"  {h.rank}  {h.score:.3g}  {h.text}" for h in hits)
            for name, hits in self.search(self.query).items()
        ]
        heading = f"<p>query: <b>{html.escape(self.query)}</b></p>"
        bundle = {
            "text/plain": f"query: {self.query}\n" + "\n".join(rows),
            "text/html": heading + self.to_html(self.query),
        }
        try:
            return bundle | {
                kind: value
                for kind, value in self.widget()._repr_mimebundle_().items()
                if kind not in bundle
            }
        except ImportError:  # no ipywidgets here: the table will do
            return bundle

    def _column(self, name: str, query: str, hits: list[Hit]) -> str:
        """Return one ranking as HTML."""
        color = METHOD_COLORS.get(name.lower(), _PLAIN)
        best = max((hit.score for hit in hits), default=0)
        items = []
        for hit in hits:
            share = max(hit.score, 0) / best if best > 0 else 0
            items.append(
                '<li style="margin: 0 0 10px">'
                f"<div>{self._marked(name, query, hit.text)}</div>"
                f'<div style="font-size: 85%; opacity: 0.75">{hit.score:.3g} · '
                f"{html.escape(hit.topic)}</div>"
                f'<div style="height: 4px; width: {share:.0%}; '
                f'background: {color}"></div></li>'
            )
        listed = "".join(items) or "<li>No document shares a word with the query.</li>"
        return (
            '<section style="flex: 1 1 240px; min-width: 220px">'
            f'<h4 style="margin: 6px 0; border-bottom: 2px solid {color}">'
            f"{html.escape(name)}</h4>"
            f'<ol style="margin: 0; padding-left: 22px">{listed}</ol></section>'
        )

    def _marked(self, name: str, query: str, text: str) -> str:
        """Escape a text; where BM25 ranked it, mark the words that matched."""
        index = self.indexes[name]
        if not isinstance(index, BM25Index):
            return html.escape(text)
        wanted, parts, end = set(index.words(query)), [], 0
        for match in re.finditer(retrieval.TOKEN, text):
            if wanted & set(index.words(match[0])):
                parts += [
                    html.escape(text[end : match.start()]),
                    f"<mark>{html.escape(match[0])}</mark>",
                ]
                end = match.end()
        return "".join(parts) + html.escape(text[end:])


def search_box(
    indexes: Index | Mapping[str, Index], *, query: str, top_k: int = 5
) -> SearchBox:
    """Make a box to search with: rankings side by side, scores and a bar for each hit.

    indexes: one index, or name -> index for several; `query` is the one it begins with,
    and the only one where there are no widgets (exported HTML, tests). Bars are
    relative to the best score of their own ranking: scores of two methods have
    different units. Raises CourseError for no index, a blank query or a bad `top_k`.
    """
    if not isinstance(indexes, Mapping):
        indexes = {type(indexes).__name__.removesuffix("Index").lower(): indexes}
    if not indexes:
        raise CourseError("search_box needs an index; give one, or name -> index")
    if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
        raise CourseError(f"top_k is {top_k!r}; it must be a whole number from 1 up")
    return SearchBox(indexes, query, top_k)
