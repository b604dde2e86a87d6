"""Cosine, dot product and distance agree with the libraries."""

from itertools import pairwise as neighbours

import numpy as np
import pytest
import torch
from sentence_transformers import util
from sklearn.metrics import pairwise

from helpers import similarity
from helpers.similarity import normalize

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(7, 5)), RNG.normal(size=(4, 5))


def test_cosine_agrees_with_sentence_transformers():
    expected = util.cos_sim(torch.tensor(A), torch.tensor(B)).numpy()
    np.testing.assert_allclose(similarity.cosine_similarity(A, B), expected, atol=1e-12)


def test_dot_agrees_with_sentence_transformers():
    expected = util.dot_score(torch.tensor(A), torch.tensor(B)).numpy()
    np.testing.assert_allclose(similarity.dot_score(A, B), expected, atol=1e-12)


def test_distance_agrees_with_scikit_learn():
    expected = pairwise.euclidean_distances(A, B)
    np.testing.assert_allclose(
        similarity.euclidean_distance(A, B), expected, atol=1e-12
    )


def test_normalize_agrees_with_torch():
    expected = torch.nn.functional.normalize(torch.tensor(A)).numpy()
    np.testing.assert_allclose(similarity.normalize(A), expected, atol=1e-12)


def test_a_zero_row_stays_zero_and_scores_zero():
    zero = np.zeros((1, 5))
    assert not similarity.normalize(zero).any()
    assert not similarity.cosine_similarity(zero, B).any()


def test_one_vector_counts_as_one_row():
    assert similarity.cosine_similarity(A[0], B).shape == (1, 4)


def test_integers_are_not_cut_off():
    assert similarity.normalize(np.array([[3, 4]])).tolist() == [[0.6, 0.8]]


def test_a_cosine_never_leaves_its_range():
    row = np.full((1, 3), 1 / np.sqrt(3), dtype=np.float32) * 1.0000001
    assert similarity.cosine_similarity(row, row).max() <= 1.0


@pytest.mark.parametrize(
    "measure",
    [
        similarity.cosine_similarity,
        similarity.dot_score,
        similarity.euclidean_distance,
    ],
)
def test_different_widths_are_refused(measure):
    with pytest.raises(ValueError, match="a has 5 columns, b has 4"):
        measure(A, B[:, :4])


def test_a_cube_is_refused():
    with pytest.raises(ValueError, match=r"got shape \(2, 2, 2\)"):
        similarity.normalize(np.ones((2, 2, 2)))


@pytest.mark.parametrize("seed", range(20))
def test_the_best_are_those_of_a_full_stable_sort(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    scores = rng.integers(0, 1 + n // 4, size=n).astype(np.float32)  # many ties
    for top_k in (1, n // 2 + 1, n, n + 5):
        expected = np.argsort(-scores, kind="stable")[:top_k]
        assert similarity.best_first(scores, top_k).tolist() == expected.tolist()


def test_the_best_agree_with_torch_where_nothing_ties():
    import torch

    scores = np.random.default_rng(0).permutation(5_000).astype(np.float32)
    expected = torch.topk(torch.from_numpy(scores), 100).indices.tolist()
    assert similarity.best_first(scores, 100).tolist() == expected


@pytest.mark.parametrize("n", [1, 5, 64, 1003])
@pytest.mark.parametrize("queries", [1, 3, 40])
def test_the_nearest_are_those_of_a_full_sort(n, queries):
    rng = np.random.default_rng(n)
    rows = normalize(rng.standard_normal((n, 24)).astype(np.float32))
    vectors = normalize(rng.standard_normal((queries, 24)).astype(np.float32))
    among = np.flatnonzero(rng.random(n) < 0.5)
    for chosen in (None, among):
        there = np.arange(n) if chosen is None else chosen
        found = list(similarity.nearest(rows, vectors, 7, chosen))
        assert len(found) == queries
        for vector, (places, products) in zip(vectors, found, strict=True):
            exact = rows[there].astype(float) @ vector
            order = np.argsort(-exact, kind="stable")[:7]
            np.testing.assert_array_equal(places, there[order])
            np.testing.assert_allclose(products, exact[order], atol=1e-6)


@pytest.mark.parametrize("queries", [1, 3])
def test_equal_rows_keep_their_order_whatever_the_product_makes_of_them(queries):
    """A product of BLAS gives equal rows products that differ in the last bit."""
    rng = np.random.default_rng(0)
    for n in range(2, 200):
        kinds = normalize(rng.standard_normal((n // 2, 24)).astype(np.float32))
        rows = kinds[rng.integers(0, len(kinds), n)]
        vectors = normalize(rng.standard_normal((queries, 24)).astype(np.float32))
        for places, products in similarity.nearest(rows, vectors, n // 2):
            for before, after in neighbours(places):
                same = np.array_equal(rows[before], rows[after])
                assert not same or before < after
            assert all(np.diff(products) <= 0)


def test_many_vectors_are_multiplied_in_parts(monkeypatch):
    monkeypatch.setattr(similarity, "AT_ONCE", 10)
    rows = np.eye(4, dtype=np.float32)
    found = [places[0] for places, _ in similarity.nearest(rows, rows[[3, 1, 2]], 1)]
    assert found == [3, 1, 2]
