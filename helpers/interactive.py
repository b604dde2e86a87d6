"""Search inside a notebook: type, and see three rankings side by side."""

import itertools
from collections.abc import Collection, Mapping

import ipywidgets

from helpers import CourseError, pages
from helpers.retrieval import Hit, Index, checked_query, search_each
from helpers.similarity import checked_top_k
from helpers.visualization.style import METHOD_COLORS

#: Methods that have no colour of their own get this one.
_PLAIN = "#56B4E9"
#: Names of the methods that are asked; None stands for all.
_Shown = Collection[str] | None


class SearchBox:
    """A box to type a query into. Without widgets it is a table for one query."""

    def __init__(self, indexes: Mapping[str, Index], query: str, top_k: int) -> None:
        self.indexes, self.query = dict(indexes), checked_query(query)
        self.top_k = checked_top_k(top_k)

    def search(self, query: str, shown: _Shown = None) -> dict[str, list[Hit]]:
        """Return the ranking of every method, or of those in `shown`, best first."""
        names = [name for name in self.indexes if shown is None or name in shown]
        asked = {name: self.indexes[name] for name in names}
        found = search_each(asked, [checked_query(query)], self.top_k)
        return {name: hits for name, [hits] in found.items()}

    def to_html(
        self, query: str, shown: _Shown = None, *, heading: bool = False
    ) -> str:
        """Return the rankings as HTML, side by side; texts are escaped."""
        try:
            rankings, complaint = self.search(query, shown), ""
        except CourseError as error:
            rankings, complaint = {}, str(error)
        columns = [self._column(name, query, hits) for name, hits in rankings.items()]
        found = {"heading": query if heading else "", "columns": columns}
        return pages.render("search_box.html", complaint=complaint, **found)

    def widget(self) -> ipywidgets.VBox:
        """Return the box as an ipywidgets widget: Enter searches, Tab moves on."""
        box, ticks = _text_box(self.query), {name: _tick(name) for name in self.indexes}
        results = ipywidgets.HTML()

        def show(change: object = None) -> None:
            shown = [name for name, tick in ticks.items() if tick.value]
            results.value = self.to_html(box.value, shown)

        for control in (box, *ticks.values()):
            control.observe(show, names="value")
        show()
        return ipywidgets.VBox([box, ipywidgets.HBox(list(ticks.values())), results])

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Show the widget where there is a kernel, else the table for one query."""
        lines = [f"query: {self.query}"]
        for name, hits in self.search(self.query).items():
            lines += [name, *(f"  {h.rank}  {h.score:#.3g}  {h.text}" for h in hits)]
        page = self.to_html(self.query, heading=True)
        table = {"text/plain": "\n".join(lines), "text/html": page}
        return self.widget()._repr_mimebundle_() | table

    def _column(self, name, query, hits):
        """Return what the template needs of a ranking; bars are shares of the best."""
        best = max((hit.score for hit in hits), default=0)
        matches = self.indexes[name].matches
        rows = [
            {
                "pieces": _pieces(hit.text, matches(query, hit.text)),
                "about": [f"{hit.score:#.3g}", hit.topic, hit.source],
                "width": f"{max(hit.score, 0) / best if best > 0 else 0:.0%}",
            }
            for hit in hits
        ]
        color = METHOD_COLORS.get(name.lower(), _PLAIN)
        return {"name": name, "color": color, "rows": rows}


def search_box(
    indexes: Index | Mapping[str, Index], *, query: str, top_k: int = 5
) -> SearchBox:
    """Make a box to search with: rankings side by side, scores and a bar for each hit.

    indexes: one index, or name -> index for several; `query` is the one it begins with,
    and the only one where there are no widgets. Bars are relative to the best score of
    their own ranking, as the units of two methods differ. Raises CourseError for no
    index, a blank query or a bad `top_k`.
    """
    if not isinstance(indexes, Mapping):
        indexes = {type(indexes).__name__.removesuffix("Index").lower(): indexes}
    if not indexes:
        raise CourseError("search_box needs an index; give one, or name -> index")
    return SearchBox(indexes, query, top_k)


def _text_box(query):
    return ipywidgets.Text(
        value=query,
        description="Search",
        placeholder="type a query and press Enter",
        continuous_update=False,
        layout={"width": "520px"},
    )


def _tick(name):
    layout = {"width": "auto", "margin": "0 18px 0 0"}
    return ipywidgets.Checkbox(True, description=name, indent=False, layout=layout)


def _pieces(text, places):
    """Cut a text into pieces, each with whether it is to be marked."""
    cuts = [0, *itertools.chain(*places), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(cuts)]
    return [(piece, number % 2 == 1) for number, piece in enumerate(pieces)]
