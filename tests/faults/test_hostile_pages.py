"""Rows 16 and 17: hostile texts in every page, widget, table, plot and terminal.

`tests/browser` opens the report of the same texts in a real browser.
"""

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from faulty import METHODS, counted, write
from matplotlib import pyplot as plt
from support import HOSTILE, write_hostile

from helpers import interactive, judging, models, visualization
from helpers.corpus import Document, Query
from helpers.retrieval import hit
from helpers.store import open_index


class Page(HTMLParser):
    """The tags, attributes and texts of a page, and of those within it."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.addresses, self.text, self.scripts = set(), [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags |= {tag, *(f"{tag} {name}" for name, _ in attributes)}
        self.scripts += [""] if tag == "script" else []
        for name, value in attributes:
            if name in ("src", "href", "action", "data"):
                self.addresses.append(value)
            if name == "srcdoc":
                inner = Page(value)
                self.tags |= {f"in frame: {each}" for each in inner.tags}
                self.addresses += inner.addresses
                self.scripts += inner.scripts
                self.text += inner.text

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        elif self.cdata_elem != "style":
            self.text += data


def check(page, harmless, shown=HOSTILE):
    """Compare a page with the same page of harmless texts: no tag more, all as text."""
    page, harmless = Page(page), Page(harmless)
    assert page.tags <= harmless.tags
    assert not [tag for tag in page.tags if " on" in tag.removeprefix("in frame: ")]
    assert len(page.scripts) == len(harmless.scripts)
    assert all(each.startswith("data:") for each in page.addresses)
    missing = [text for text in shown if squeezed(text) not in squeezed(page.text)]
    assert missing == []
    return page


def squeezed(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    """Return an index file of hostile texts, and one of as many harmless ones."""
    folder = tmp_path_factory.mktemp("pages")
    count = range(len(HOSTILE))
    rows = "\n".join(
        f"{n}{at},whale {n} {side},topic {n},sub {n}"
        for n in count
        for at, side in enumerate("xyx")
    )
    write(folder, {"harmless.csv": f"id,text,topic,subtopic\n{rows}\n"})
    return write_hostile(folder), folder / "harmless.csv"


@pytest.fixture
def hostile(command, indexes, tmp_path, reader):
    """Return the paths of both indexes, made by the command."""
    paths = tmp_path / "hostile.db", tmp_path / "harmless.db"
    for source, path in zip(indexes, paths, strict=True):
        where = ["--index", path, "--model", reader, "--json"]
        counts = counted(command("index", source, *where))
        assert counts["added"] == 3 * len(HOSTILE)
    return paths


@pytest.mark.fault(17, "hostile texts in the report, and its map", "shown as text")
def test_the_report(command, seen, hostile, tmp_path, reader):
    pages = []
    for path in hostile:
        out = tmp_path / f"{path.stem}.html"
        where = ["--index", path, "--model", reader, "--out", out]
        assert command("report", *where)[0] == 0
        pages.append(out.read_text(encoding="utf-8"))
    page = check(*pages)
    data = [json.loads(each) for each in page.scripts if each.startswith("{")]
    dots = [dot[2] for each in data for dot in each["dots"]]
    assert set(dots) == {f"{text} whale {side}" for text in HOSTILE for side in "xy"}
    assert "onerror=window.bitten=1>.csv" in page.text
    seen(f"{len(HOSTILE)} texts as text; no tag, script or address more than without")


@pytest.mark.fault(17, "hostile texts in the search box", "shown as text")
def test_the_search_box(seen, hostile, reader):
    model = models.load_model(reader, device="cpu")

    def html(path, query):
        with open_index(path, model) as index:
            ways = {method: index.by(method) for method in METHODS}
            box = interactive.search_box(ways, query=query, top_k=99)
            return box.to_html(query, heading=True) + box.widget().children[-1].value

    for query in HOSTILE:
        check(html(hostile[0], f"{query} whale"), html(hostile[1], "whale"))
    seen(f"{len(HOSTILE)} texts as hits, topics, sources and queries")


@pytest.mark.fault(17, "hostile texts in the judge", "shown as text")
def test_the_judge(seen, hostile, tmp_path):
    for number, text in enumerate(HOSTILE):
        pages = []
        for path, words in ((hostile[0], text), (hostile[1], "whale")):
            query = Query(f"q{number}", f"{words} whale")
            with open_index(path) as index:
                pool = judging.pool({"bm25": index.by("bm25")}, [query], depth=99)
            judge = judging.judge([query], pool, tmp_path / f"{path.stem}.tsv")
            html = ""
            while judge.left:
                html += judge.to_html()
                judge.answer(1)
            pages.append(html)
        check(*pages)
    seen(f"{len(HOSTILE)} texts as results, sources and queries")


@pytest.mark.fault(16, "formulas, and the file of grades", "no text gets there")
def test_a_formula_does_not_reach_the_grades(seen, tmp_path):
    documents = [Document(f"d{n}", "", f"{sign}1+1") for n, sign in enumerate("=+-@")]
    pool = {"q": [hit(each, 0, 0.0) for each in documents]}
    judge = judging.judge([Query("q", "=1+1")], pool, tmp_path / "grades.tsv")
    while judge.left:
        judge.answer(2)
    cells = (tmp_path / "grades.tsv").read_text().split()
    assert len(cells) == 15
    assert not [cell for cell in cells if cell[0] in "=+-@"]
    seen("ids and grades alone; no other command writes a table")


@pytest.mark.fault(17, "hostile topics in a plot", "shown as text")
def test_a_plot(seen):
    documents = [Document(str(n), "", "", text, text) for n, text in enumerate(HOSTILE)]
    points = np.random.default_rng(0).normal(size=(len(documents), 2))
    ax = visualization.plot_map(points, documents, title="hostile")
    ax.figure.canvas.draw()
    plt.close(ax.figure)
    seen("drawn")


@pytest.mark.fault(17, "hostile texts in a terminal", "shown, not obeyed")
def test_a_terminal(command, seen, hostile, reader):
    status, out, err = command(
        "search", "\x1b[2J whale", "--index", hostile[0], "--model", reader,
        "--top-k", 99,
    )  # fmt: skip
    assert status == 0
    assert all(character.isprintable() or character == "\n" for character in out + err)
    assert r"\x1b[2J\x07 a terminal's" in out
    assert r"\u202eright to left and never back" in out
    seen(r"\x1b[2J and \u202e as escapes")
