"""What a report says of a corpus, next to figures worked out by hand."""

import numpy as np
import pytest

from helpers import corpus_report
from helpers.corpus import Document
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


@pytest.mark.parametrize(
    "lead, words",
    [(0.3, "Use fused: it leads dense by 0.32"), (0.0, "may be luck")],
)
def test_advice_is_given_only_where_luck_does_not_explain_the_lead(lead, words):
    rng = np.random.default_rng(0)
    dense = rng.uniform(0, 0.5, 40)
    fused = dense + lead + rng.normal(0, 0.05, 40)
    bm25 = dense - 0.4
    values = {"dense": dense, "bm25": bm25, "fused": fused}
    assert words in judged.advice(values)


def test_a_large_corpus_is_drawn_by_a_sample_that_is_always_the_same(monkeypatch):
    monkeypatch.setattr(corpus_report, "SAMPLE", 3)
    first = corpus_report._sample(10)
    assert len(first) == 3 and list(first) == sorted(first)
    assert list(first) == list(corpus_report._sample(10))
    assert list(corpus_report._sample(3)) == [0, 1, 2]
