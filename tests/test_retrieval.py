"""Indexes rank as the libraries do, and refuse what is wrong."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from sentence_transformers import util

from helpers import CourseError, encoding, models, reports, retrieval
from helpers.corpus import Document, Query
from helpers.interactive import search_box
from helpers.retrieval import BM25Index, DenseIndex, FusedIndex, Hit

WORDS = ["bitcoin fell", "the whale squat", "a bar fell", "squat the bar", "whale"]
SMALL = [Document(f"d{i}", "", text, "topic") for i, text in enumerate(WORDS)]


@pytest.fixture(scope="module")
def dense(documents, model):
    """Return a dense index of the whole corpus."""
    return DenseIndex.build(documents, model)


@pytest.fixture
def small(tiny):
    """Return a dense index of five documents by a tiny model."""
    return DenseIndex.build(SMALL, tiny)


def ids(hits):
    return [hit.id for hit in hits]


@pytest.mark.parametrize("query", ["how deep must I squat?", "lost my seed phrase"])
def test_dense_search_agrees_with_semantic_search(dense, model, query):
    expected = util.semantic_search(model.encode([query]), dense.embeddings, top_k=20)[
        0
    ]
    hits = dense.search(query, top_k=20)
    assert [int(h.id.split("-")[1]) for h in hits] == [
        int(dense.documents[e["corpus_id"]].id.split("-")[1]) for e in expected
    ]
    np.testing.assert_allclose(
        [h.score for h in hits], [e["score"] for e in expected], atol=1e-5
    )
    assert [h.rank for h in hits] == list(range(1, 21))


def test_title_and_text_are_both_encoded(tiny):
    titled = DenseIndex.build([Document("a", "bitcoin", "fell")], tiny)
    plain = tiny.encode(["bitcoin fell"], normalize_embeddings=True)
    np.testing.assert_allclose(titled.embeddings, plain, atol=1e-6)


def test_a_models_own_prompts_go_before_queries_and_documents(tiny):
    prompted = copy.deepcopy(tiny)
    prompted.prompts = {"query": "the whale ", "document": "a bar "}
    documents = [Document("1", "", text, "topic") for text in ("squat", "fell")]
    index = DenseIndex.build(documents, prompted)
    unit = {"normalize_embeddings": True}
    expected = tiny.encode(["a bar squat", "a bar fell"], **unit)
    assert np.allclose(index.embeddings, expected, atol=1e-6)
    asked = tiny.encode("the whale bitcoin", **unit)
    assert np.allclose(index.scores("bitcoin"), expected @ asked, atol=1e-6)


def test_vectors_have_length_one_whatever_the_model_does(small):
    np.testing.assert_allclose(np.linalg.norm(small.embeddings, axis=1), 1, atol=1e-6)


def test_equal_scores_keep_the_corpus_order(tiny):
    twins = [Document(name, "", "whale") for name in "zax"]
    assert ids(DenseIndex.build(twins, tiny).search("whale", 3)) == ["z", "a", "x"]
    assert ids(BM25Index(twins).search("whale", 3)) == ["z", "a", "x"]


def indexes(tiny):
    dense, bm25 = DenseIndex.build(SMALL, tiny), BM25Index(SMALL)
    return {"dense": dense, "bm25": bm25, "fused": FusedIndex(dense, bm25)}


@pytest.mark.parametrize("method", ["dense", "bm25", "fused"])
@pytest.mark.parametrize("top_k", [0, -1, 2.0, True, "3", None])
def test_a_bad_top_k_is_refused(tiny, method, top_k):
    with pytest.raises(CourseError, match="top_k is"):
        indexes(tiny)[method].search("whale", top_k)


@pytest.mark.parametrize("method", ["dense", "bm25", "fused"])
def test_a_top_k_above_what_there_is_gives_all_there_is(tiny, method):
    index = indexes(tiny)[method]
    assert index.search("whale bar", 1_000) == index.search("whale bar", 5)
    assert len(index.search("whale bar", 1_000)) == (4 if method == "bm25" else 5)


@pytest.mark.parametrize("method", ["dense", "bm25", "fused"])
def test_many_queries_rank_as_one_by_one(tiny, method):
    index, queries = indexes(tiny)[method], ["whale", "squat bar", "zebra", "whale"]
    together = index.search_many(queries, 3)
    assert [ids(hits) for hits in together] == [
        ids(index.search(q, 3)) for q in queries
    ]
    assert index.search_many([], 3) == []


def test_a_query_is_encoded_once_and_many_as_one_batch(tiny, monkeypatch):
    """By the run of one index, by the fused one, by the search box, by `evaluate`."""
    parts, batches, encode = indexes(tiny), [], encoding.encode

    def noted(model, texts, **options):
        batches.append(list(texts))
        return encode(model, texts, **options)

    monkeypatch.setattr(encoding, "encode", noted)
    queries = [Query("q1", "whale"), Query("q2", "bar"), Query("q3", "whale")]
    qrels = {"q1": {"d4": 1}, "q2": {"d2": 1}, "q3": {"d4": 1}}
    for once in (
        lambda: retrieval.make_run(parts["dense"], queries),
        lambda: retrieval.make_run(parts["fused"], queries),
        lambda: search_box(parts, query="squat").to_html("squat"),
        lambda: reports.evaluate(parts, queries, qrels),
    ):
        batches.clear()
        once()
        assert batches in ([["whale", "bar"]], [["squat"]])


def test_a_model_that_changed_is_asked_again(tiny_folder):
    model = models.load_model(tiny_folder, device="cpu")
    index = DenseIndex.build(SMALL, model)
    before = index.scores("whale")
    next(model.parameters()).data += torch.randn(1)
    assert not np.array_equal(index.scores("whale"), before)
    next(model.parameters()).data.fill_(float("nan"))
    with pytest.raises(CourseError, match="NaN or infinity; load another"):
        index.search("whale")


def test_runs_made_together_are_those_of_each_index(tiny):
    parts = indexes(tiny)
    queries = [
        Query(f"q{i}", " ".join(WORDS[i % 5].split()[: i + 1])) for i in range(7)
    ]
    whole = retrieval.make_runs(parts, queries)
    alone = {name: retrieval.make_run(index, queries) for name, index in parts.items()}
    for name in parts:
        for query in whole[name]:
            expected = pytest.approx(whole[name][query], abs=1e-6)
            assert alone[name][query] == expected


@pytest.mark.parametrize("method", ["dense", "bm25", "fused"])
@pytest.mark.parametrize("query", ["", "  \n", None, 5])
def test_a_query_of_nothing_is_refused(tiny, method, query):
    with pytest.raises(CourseError, match="the query is"):
        indexes(tiny)[method].search(query)


def test_an_index_of_nothing_is_refused(tiny):
    for build in (BM25Index, lambda d: DenseIndex.build(d, tiny)):
        with pytest.raises(CourseError, match="at least one document"):
            build([])


def test_vectors_that_do_not_fit_are_refused(tiny):
    with pytest.raises(CourseError, match=r"shape \(5, 31\), expected \(5, 32\)"):
        DenseIndex(SMALL, np.ones((5, 31)), tiny)
    broken = np.ones((5, 32))
    broken[2, 3] = np.nan
    with pytest.raises(CourseError, match="NaN or infinity"):
        DenseIndex(SMALL, broken, tiny)


def test_bm25_by_hand():
    docs = [
        Document("a", "", "squat squat bar"),
        Document("b", "", "bar coin coin coin"),
    ]
    # Lucene's formula: idf = ln(1 + (N - n + 0.5) / (n + 0.5)),
    # tf = f / (f + k1 * (1 - b + b * length / mean length)); k1 = 1.5, b = 0.75.
    idf = np.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 / (2 + 1.5 * (1 - 0.75 + 0.75 * 3 / 3.5))
    scores = BM25Index(docs).scores("squats")
    np.testing.assert_allclose(scores, [expected, 0], atol=1e-5)


def test_bm25_leaves_out_what_shares_no_word():
    index = BM25Index(SMALL)
    assert ids(index.search("whale", 5)) == ["d4", "d1"]
    assert index.search("ethereum", 5) == []
    assert index.search("the", 5) == []


def test_bm25_of_a_corpus_without_words():
    assert BM25Index([Document("a", "", "...")]).search("whale", 1) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Squatting squats", ["squat", "squat"]),
        ("3.125 BTC", ["3.125", "btc"]),
        ("EIP-1559", ["eip", "1559"]),
        ("210,000 blocks", ["210,000", "block"]),
        ("5/3/1", ["5", "3", "1"]),
        ("the of and", []),
    ],
)
def test_bm25_keeps_numbers_and_stems(text, expected):
    assert BM25Index(SMALL).words(text) == expected


def test_fusion_by_hand():
    first = [Hit(1, "a", 0.9, "", ""), Hit(2, "b", 0.8, "", "")]
    second = [Hit(1, "b", 7.0, "", ""), Hit(2, "c", 6.0, "", "")]
    fused = retrieval.reciprocal_rank_fusion([first, second])
    assert ids(fused) == ["b", "a", "c"]
    expected = [1 / 62 + 1 / 61, 1 / 61, 1 / 62]
    assert [hit.score for hit in fused] == pytest.approx(expected)
    assert [hit.rank for hit in fused] == [1, 2, 3]


def test_fusion_of_one_ranking_changes_no_order():
    hits = [Hit(i, f"d{i}", -i, "", "") for i in range(1, 30)]
    assert ids(retrieval.reciprocal_rank_fusion([hits])) == ids(hits)


def test_fused_search_is_the_fusion_of_its_parts(tiny):
    parts = indexes(tiny)
    rankings = [parts[name].search("squat bar", 5) for name in ("dense", "bm25")]
    expected = retrieval.reciprocal_rank_fusion(rankings)
    assert parts["fused"].search("squat bar", 5) == expected


def test_indexes_over_different_corpora_are_not_fused(tiny):
    with pytest.raises(CourseError, match="different documents"):
        FusedIndex(DenseIndex.build(SMALL, tiny), BM25Index(SMALL[:3]))


def test_a_run_holds_every_query(small):
    run = retrieval.make_run(small, [Query("q1", "whale"), Query("q2", "bar")])
    assert list(run) == ["q1", "q2"]
    assert len(run["q1"]) == 5
    assert list(run["q1"].values()) == sorted(run["q1"].values(), reverse=True)


def test_hits_can_be_changed_only_by_copy():
    hit = Hit(1, "a", 0.5, "text", "topic")
    with pytest.raises(AttributeError):
        hit.rank = 2
    assert replace(hit, rank=2).rank == 2
