"""Judging: a pool that gives nothing away, grades that are safe after each answer."""

import pytest

from helpers import CourseError, corpus, judging
from helpers.corpus import Document, Query
from helpers.retrieval import BM25Index, DenseIndex, Hit

EVIL = "<script>alert(1)</script> whales & <img src=x onerror=alert(1)> $x$"
DOCUMENTS = [
    Document("a", "", "A whale squats.", "powerlifting", source="notes/a.md"),
    Document("b#1", "", EVIL, "<b>topic</b>", source="<i>b</i>, part 1"),
    Document("c", "", "Coins fell.", "crypto"),
    Document("d", "", "The whale sold coins.", "crypto"),
]
QUERIES = [Query("q1", "whale"), Query("q2", "coins that fell")]


@pytest.fixture
def indexes(tiny):
    return {
        "dense": DenseIndex.build(DOCUMENTS, tiny),
        "BM25": BM25Index(DOCUMENTS),
    }


@pytest.fixture
def pools(indexes):
    return judging.pool(indexes, QUERIES, depth=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.tsv"


def test_a_pool_is_what_either_method_found_once(indexes, pools):
    for query in QUERIES:
        best = {
            hit.id for index in indexes.values() for hit in index.search(query.text, 2)
        }
        ids = [hit.id for hit in pools[query.id]]
        assert sorted(ids) == sorted(best)


def test_a_pool_does_not_tell_who_found_what(indexes, pools):
    assert {(hit.rank, hit.score) for hits in pools.values() for hit in hits} == {
        (0, 0.0)
    }
    turned = dict(reversed(indexes.items()))
    assert judging.pool(turned, QUERIES, depth=2) == pools
    deep = {f"q{n}": Query(f"q{n}", "whale") for n in range(30)}
    orders = judging.pool(indexes, list(deep.values()), depth=4)
    firsts = {hits[0].id for hits in orders.values()}
    assert firsts == {document.id for document in DOCUMENTS}
    other = judging.pool(indexes, list(deep.values()), depth=4, seed=1)
    assert other != orders


def test_grades_are_in_the_file_after_each_answer(pools, path):
    mine = judging.judge(QUERIES, pools, path)
    expected = {}
    assert not path.exists()
    for number in range(mine.total):
        query, hit = mine.current
        assert query == next(each for each in QUERIES if each.id == query.id)
        mine.answer(number % 4)
        expected.setdefault(query.id, {})[hit.id] = number % 4
        assert corpus.load_qrels(path) == expected == mine.qrels
        assert path.read_text().startswith("query-id\tcorpus-id\tscore\n")
        assert [each.name for each in path.parent.iterdir()] == ["mine.tsv"]
    assert mine.current is None
    assert mine.left == 0
    with pytest.raises(CourseError, match="results have a grade"):
        mine.answer(1)


def test_it_goes_on_where_it_was(pools, path):
    first = judging.judge(QUERIES, pools, path)
    first.answer(3)
    waiting = first.current
    again = judging.judge(QUERIES, pools, path)
    assert again.current == waiting
    assert again.left == again.total - 1
    assert repr(again) == f"Judge: 1 of {again.total} results have a grade"
    deeper = {**pools, "q1": [*pools["q1"], Hit(0, "new", 0, "new", "")]}
    assert judging.judge(QUERIES, deeper, path).left == again.left + 1


def test_what_others_graded_in_the_file_stays(pools, path):
    path.write_text("query-id\tcorpus-id\tscore\nold\tx\t2\n")
    mine = judging.judge(QUERIES, pools, path)
    rival = judging.judge(QUERIES, pools, path)
    rival.skip()
    rival.answer(1)
    mine.answer(0)
    assert corpus.load_qrels(path)["old"] == {"x": 2}
    assert sum(map(len, corpus.load_qrels(path).values())) == 3


def test_what_is_skipped_comes_again_at_the_end(pools, path):
    mine = judging.judge(QUERIES, pools, path)
    first = mine.current
    mine.skip()
    assert mine.current != first
    for _ in range(mine.total - 1):
        mine.answer(0)
    assert mine.current == first
    mine.answer(2)
    mine.skip()
    assert mine.current is None


@pytest.mark.parametrize("grade", [4, -1, True, 1.0, "3", None, [1]])
def test_another_grade_is_refused_and_nothing_is_written(pools, path, grade):
    mine = judging.judge(QUERIES, pools, path)
    with pytest.raises(CourseError, match="give 0, 1, 2 or 3"):
        mine.answer(grade)
    assert not path.exists()
    assert mine.left == mine.total


def test_buttons_answer_and_skip(pools, path):
    mine = judging.judge(QUERIES, pools, path)
    page, row = mine.widget().children
    assert [button.description for button in row.children] == [
        "0 not relevant", "1 touches it", "2 relevant", "3 answers it", "skip",
    ]  # fmt: skip
    query, hit = mine.current
    assert f"0 of {mine.total} judged" in page.value
    row.children[2].click()
    assert corpus.load_qrels(path) == {query.id: {hit.id: 2}}
    assert f"1 of {mine.total} judged" in page.value
    before = page.value
    row.children[4].click()
    assert page.value != before
    while mine.left:
        row.children[0].click()
    assert "saved in mine.tsv" in page.value
    assert all(button.disabled for button in row.children)


def test_a_widget_follows_answers_given_in_code(pools, path):
    mine = judging.judge(QUERIES, pools, path)
    page, row = mine.widget().children
    mine.answer(1)
    assert f"1 of {mine.total} judged" in page.value
    before = page.value
    mine.skip()
    assert page.value != before
    while mine.left:
        mine.answer(0)
    assert all(button.disabled for button in row.children)


def test_a_disk_that_refuses_is_told_and_the_result_stays(pools, path):
    path.parent.joinpath("folder").mkdir()
    mine = judging.judge(QUERIES, pools, path)
    mine.path = path.parent / "folder"
    page, row = mine.widget().children
    row.children[1].click()
    assert "<em>" in page.value
    assert "folder" in page.value
    assert mine.left == mine.total


def test_texts_and_sources_are_escaped(pools, path):
    for query in QUERIES:
        mine = judging.judge([query], {query.id: [_hit(DOCUMENTS[1])]}, path)
        page = mine.to_html()
        assert "<script>" not in page
        assert "<img" not in page
        assert "<i>" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "&lt;i&gt;b&lt;/i&gt;, part 1" in page
    assert (
        "&lt;b&gt;"
        in judging.judge(
            [Query("q", "<b>")], {"q": [_hit(DOCUMENTS[0])]}, path
        ).to_html()
    )


def test_beside_the_widget_stands_what_nbval_compares(pools, path):
    bundle = judging.judge(QUERIES, pools, path)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"].startswith("Judge: 0 of ")
    assert "<b>whale</b>" in bundle["text/html"]


def test_what_cannot_be_judged_is_named(indexes, pools, path):
    with pytest.raises(CourseError, match="the query is '  '"):
        judging.pool(indexes, [Query("q", "  ")])
    with pytest.raises(CourseError, match="no query to judge"):
        judging.pool(indexes, [])
    with pytest.raises(CourseError, match="same id: q, q"):
        judging.pool(indexes, [Query("q", "a"), Query("q", "b")])
    with pytest.raises(CourseError, match="nothing was found for 'zebra'"):
        judging.pool({"BM25": indexes["BM25"]}, [Query("q", "zebra")])
    with pytest.raises(CourseError, match="top_k is 0"):
        judging.pool(indexes, QUERIES, depth=0)
    with pytest.raises(CourseError, match="no query to judge"):
        judging.judge([], {}, path)
    with pytest.raises(CourseError, match="nothing is pooled for query 'q1'"):
        judging.judge(QUERIES, {"q1": []}, path)
    with pytest.raises(CourseError, match="does not fit between tabs"):
        judging.judge([Query("q", "a")], {"q": [Hit(0, "a\tb", 0, "", "")]}, path)
    path.write_text("query-id\tcorpus-id\tscore\nq1\ta\tgood\n")
    with pytest.raises(CourseError, match="line 2: the score 'good'"):
        judging.judge(QUERIES, pools, path)


def _hit(document):
    shown = document.text, document.topic, document.source
    return Hit(0, document.id, 0.0, *shown)
