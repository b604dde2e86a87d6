"""What a report says of a corpus, next to figures worked out by hand."""

import json
import re

import numpy as np
import pytest

from helpers import corpus_report
from helpers.corpus import Document, Query
from helpers.corpus_report import groups, judged


def test_telling_words_are_those_of_class_based_tf_idf():
    texts = ["coin coin squat", "coin fee", "squat bar bar", "squat bar"]
    words = groups.telling_words(texts, np.array([0, 0, 1, 1]))
    # By hand: 10 words in 2 groups, 5 each; coin 3 * log(1 + 5 / 3) = 2.94,
    # fee log(1 + 5) = 1.79, squat log(1 + 5 / 3) = 0.98, twice that in group 1.
    assert words == [["coin", "fee", "squat"], ["bar", "squat"]]


def test_a_corpus_without_a_word_has_groups_without_words():
    assert groups.telling_words(["12", "!"], np.array([0, 1])) == [[], []]


def test_neighbours_in_one_text_are_not_told_as_near_duplicates():
    documents = [Document(f"t#{n}", "", f"passage {n}") for n in range(2)]
    documents += [Document("other", "", "passage zero")]
    vectors = np.array([[1, 0], [0.999, 0.045], [1, 0]], dtype=np.float32)
    found = corpus_report._similar(documents, vectors, ["t", "t", "other"])
    pairs = {(each.first.id, each.second.id) for each in found}
    assert pairs == {("t#0", "other"), ("t#1", "other")}


EIGHT = np.linspace(0.1, 0.45, 8)
THREE = EIGHT[:3]
MIXED = np.array([0.2, -0.1] * 4)
#: nDCG@10 of BM25, dense and fused, one a query, and what the report says of it.
ADVICE = [
    (EIGHT, EIGHT + 0.2, EIGHT + 0.5, "Use fused: it leads dense by 0.30 [0.30, 0.30], "
     "more than luck explains."),
    (THREE, THREE + 0.5, THREE + 0.5, "dense and fused do equally well on these 3 "
     "queries: take dense, the cheaper one, and judge more."),
    (THREE, THREE, THREE, "bm25, dense and fused do equally well on these 3 queries: "
     "take bm25, the cheapest, and judge more."),
    (EIGHT[:1], EIGHT[:1], EIGHT[:1] - 0.1, "bm25 and dense do equally well on this "
     "one query: take bm25, the cheaper one, and judge more."),
    (THREE, THREE + 0.2, THREE + 0.5, "fused is best here, but its lead over bm25 and "
     "dense may be luck (0.30 [0.30, 0.30] over dense): judge more queries, or take "
     "bm25, the cheapest."),
    (EIGHT - 0.5, EIGHT, EIGHT + MIXED, "fused is best here, but its lead over dense "
     "may be luck (0.05 [-0.06, 0.16] over dense): judge more queries, or take dense, "
     "the cheaper one."),
]  # fmt: skip


@pytest.mark.parametrize("bm25, dense, fused, words", ADVICE)
def test_advice_knows_luck_ties_and_costs(bm25, dense, fused, words):
    values = {"dense": dense, "bm25": bm25, "fused": fused}
    assert judged.advice(values) == words


def test_judgements_that_reach_nothing_are_named():
    qrels = {"q1": {"a": 1, "a#2": 2}, "q8": {f"x{n}": 1 for n in range(6)}, "q9": {}}
    assert judged._notes(qrels, [Query("q1", "?")], {"a", "a#2"}) == [
        "6 judged ids are in no text or passage of this index: x0, x1, x2, x3, x4, ...",
        "2 judged queries are not in the queries: q8, q9",
    ]


@pytest.mark.parametrize(
    "topics, count, legend",
    [
        ("law " * 16, 8, ["law"]),
        ("law " * 9, 8, ["law", "no topic"]),
        ("law", 2, ["word0, second, third", "word1, second, third"]),
        ("", 2, ["word0, second, third", "word1, second, third"]),
        ("", 8, [*(f"word{n}, second, third" for n in range(5)), "smaller groups"]),
        ("", 0, ["no topic"]),
    ],
)
def test_a_map_has_the_colours_of_topics_else_of_groups(topics, count, legend):
    topics = [*topics.split(), *[""] * 16][:16]
    documents = [Document(str(n), "", "a text", each) for n, each in enumerate(topics)]
    words = ("second", "third", "fourth")
    found = [groups.Group(2, [f"word{n}", *words], "") for n in range(count)]
    places = np.arange(16)[::-1] % max(count, 1)
    points = np.random.default_rng(0).normal(size=(16, 2))
    page = corpus_report._map(points, documents, 16, found, places).html
    [rows] = re.findall(r'<script type="application/json">(.*)</script>', page)
    data = json.loads(rows)
    assert [name for name, _ in data["colors"]] == legend
    named = {dot[5]: dot[3] for dot in data["dots"]}
    wanted = "law" if "law" in legend else legend[min(places[0], len(legend) - 1)]
    assert named["0"] == wanted


def test_a_large_corpus_is_drawn_by_a_sample_that_is_always_the_same(monkeypatch):
    monkeypatch.setattr(corpus_report, "SAMPLE", 3)
    first = corpus_report._sample(10)
    assert len(first) == 3 and list(first) == sorted(first)
    assert list(first) == list(corpus_report._sample(10))
    assert list(corpus_report._sample(3)) == [0, 1, 2]
