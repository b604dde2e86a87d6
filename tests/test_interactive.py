"""The search box ranks as its indexes do, escapes texts, works without widgets."""

import re

import pytest

from helpers import CourseError, interactive
from helpers.corpus import Document
from helpers.retrieval import BM25Index, DenseIndex, FusedIndex

EVIL = "<script>alert(1)</script> whales & <img src=x onerror=alert(1)>"
DOCUMENTS = [
    Document("a", "", "A whale squats.", "powerlifting"),
    Document("b", "", EVIL, "<b>topic</b>"),
    Document("c", "", "Coins fell.", "crypto", source="<i>coins</i>.csv, line 3"),
]


@pytest.fixture
def box(tiny):
    dense, bm25 = DenseIndex.build(DOCUMENTS, tiny), BM25Index(DOCUMENTS)
    indexes = {"dense": dense, "BM25": bm25, "fused": FusedIndex(dense, bm25)}
    return interactive.search_box(indexes, query="whale", top_k=5)


def results(widget):
    return widget.children[-1].value


def headings(page):
    return re.findall(r"<h4[^>]*>(.*?)</h4>", page)


def test_rankings_are_those_of_the_indexes(box):
    found = box.search("squat")
    for name, hits in found.items():
        assert hits == box.indexes[name].search("squat", 3)
    assert headings(box.to_html("squat")) == ["dense", "BM25", "fused"]


def test_only_what_bm25_matched_is_marked_and_everything_is_escaped(box):
    page = box.to_html("whale")
    assert "<mark>whale</mark>" in page
    assert "<mark>whales</mark>" in page
    dense = page.split("<h4")[1]
    assert "<mark>" not in dense
    assert "<script>" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3
    assert "&lt;b&gt;topic&lt;/b&gt;" in page


def test_a_hit_shows_where_it_was_read(box):
    page = box.to_html("coins")
    assert page.count(" · crypto · &lt;i&gt;coins&lt;/i&gt;.csv, line 3</div>") == 3
    assert " · powerlifting</div>" in page


def test_typing_and_ticking_change_the_results(box):
    widget = box.widget()
    text, ticks, _ = widget.children
    before = results(widget)
    text.value = "coins fell"
    assert results(widget) != before
    assert results(widget) == box.to_html("coins fell")
    ticks.children[0].value = ticks.children[2].value = False
    assert headings(results(widget)) == ["BM25"]
    ticks.children[1].value = False
    assert "Tick at least one" in results(widget)


def test_a_blank_query_and_a_query_without_match_are_told(box):
    widget = box.widget()
    widget.children[0].value = "  "
    assert "write at least one word" in results(widget)
    assert "<script>" not in results(widget)
    widget.children[0].value = "zebra"
    assert "No document shares a word" in results(widget)


def test_beside_the_widget_stands_a_table_for_one_query(box):
    """What an exported page shows, and what nbval compares."""
    bundle = box._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"].startswith("query: whale\ndense\n  1  ")
    assert bundle["text/html"] == "<p>query: <b>whale</b></p>" + box.to_html("whale")


def test_one_index_will_do():
    box = interactive.search_box(BM25Index(DOCUMENTS), query="whale")
    assert headings(box.to_html("whale")) == ["bm25"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"query": " "}, "the query is"),
        ({"query": "a", "top_k": 0}, "top_k is 0"),
        ({"query": "a", "top_k": True}, "top_k is True"),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(CourseError, match=message):
        interactive.search_box(BM25Index(DOCUMENTS), **options)
    with pytest.raises(CourseError, match="needs an index"):
        interactive.search_box({}, query="a")
