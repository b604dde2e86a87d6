"""The most similar pairs are those of brute force, and the matrix is never built."""

import itertools

import numpy as np
import pytest
from sentence_transformers import util

from helpers import CourseError, all_pairs
from helpers.encoding import encode


@pytest.fixture(scope="module")
def embeddings(documents, model):
    """Return the vectors of the whole corpus."""
    return encode(model, [document.content for document in documents])


def brute_force(embeddings, top_k):
    """Return the best pairs and cosines by the whole matrix, in double precision."""
    rows = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    lengths[lengths == 0] = np.inf
    cosines = (rows @ rows.T / lengths / lengths[:, None]).clip(-1, 1).round(12)
    first, second = np.triu_indices(len(rows), k=1)
    values = cosines[first, second]
    order = np.lexsort((second, first, -values))[:top_k]
    pairs = zip(first[order].tolist(), second[order].tolist(), strict=True)
    return list(pairs), values[order]


def random_rows(kind):
    rng = np.random.default_rng(3)
    if kind == "many ties":
        return rng.integers(-1, 2, size=(1300, 5)).astype(np.float32)
    if kind == "all equal":
        return np.full((300, 7), 0.3, dtype=np.float32)
    if kind == "all apart":
        return np.eye(60)
    if kind == "near ties":  # nearer to one another than single precision tells
        return rng.normal(size=12) + 1e-6 * rng.normal(size=(400, 12))
    return rng.normal(size=(1100, 24)).astype(np.float32) * rng.uniform(1, 9, (1100, 1))


@pytest.mark.parametrize(
    "kind", ["random", "many ties", "near ties", "all equal", "all apart"]
)
@pytest.mark.parametrize("top_k", [1, 10, 1500])
@pytest.mark.parametrize("block", [64, 1024])
def test_the_most_similar_pairs_are_those_of_brute_force(
    kind, top_k, block, monkeypatch
):
    monkeypatch.setitem(all_pairs._BLOCK, "cpu", block)
    rows = random_rows(kind)
    pairs, cosines = brute_force(rows, top_k)
    found = all_pairs.most_similar_pairs(rows, top_k, device="cpu")
    if kind != "near ties":  # there brute force itself is off by the last digit
        assert [(pair.first, pair.second) for pair in found] == pairs
    np.testing.assert_allclose([pair.score for pair in found], cosines, atol=2e-12)


def test_every_pair_can_be_asked_for():
    rows = np.random.default_rng(0).normal(size=(40, 3))
    found = all_pairs.most_similar_pairs(rows, 780, device="cpu")
    every = {(pair.first, pair.second) for pair in found}
    assert every == set(zip(*np.triu_indices(40, 1), strict=True))
    assert all(a.score >= b.score for a, b in itertools.pairwise(found))


def test_the_most_similar_pairs_agree_with_paraphrase_mining(embeddings):
    expected = util.paraphrase_mining_embeddings(embeddings, max_pairs=50)[:50]
    found = all_pairs.most_similar_pairs(embeddings, 50, device="cpu")
    assert [(p.first, p.second) for p in found] == [(i, j) for _, i, j in expected]
    np.testing.assert_allclose(
        [p.score for p in found], [score for score, *_ in expected], atol=1e-6
    )


def test_tensors_and_rows_of_zeros_are_taken():
    import torch

    rows = np.array([[0, 0], [3, 4], [4, 3], [0, 0], [-3, -4]], dtype=np.float32)
    expected = [(1, 2, 0.96), (0, 1, 0.0), (0, 2, 0.0), (0, 3, 0.0), (0, 4, 0.0)]
    for given in (
        rows,
        torch.tensor(rows),
        torch.tensor(rows).half(),
        rows.astype(int),
    ):
        found = all_pairs.most_similar_pairs(given, 5)
        assert [(p.first, p.second, p.score) for p in found] == expected
    worst = all_pairs.most_similar_pairs(rows, 10)[-1]
    assert (worst.first, worst.second, worst.score) == (1, 4, -1.0)


def test_the_matrix_of_all_pairs_is_never_built(monkeypatch):
    """No tensor that is made has more numbers than one block, or than the rows."""
    import torch

    monkeypatch.setitem(all_pairs._BLOCK, "cpu", 64)
    largest = []
    product = torch.Tensor.__matmul__

    def recorded(a, b):
        largest.append(product(a, b).numel())
        return product(a, b)

    monkeypatch.setattr(torch.Tensor, "__matmul__", recorded)
    all_pairs.most_similar_pairs(random_rows("random"), 10, device="cpu")
    assert max(largest) == 64 * 64
    assert len(largest) == 18 * 19 // 2  # the upper half of 18 x 18 blocks


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones(5), r"shape \(5,\)"),
        (np.ones((1, 5)), r"shape \(1, 5\)"),
        (np.empty((0,)), r"shape \(0,\)"),
        (np.empty((5, 0)), r"shape \(5, 0\)"),
        (np.array([[1.0], [np.nan], [2.0]]), "row 1 of the embeddings holds NaN"),
        (np.array([[1.0], [2.0], [np.inf]]), "row 2 of the embeddings holds NaN"),
    ],
)
def test_rows_that_have_no_pairs_are_refused(rows, message):
    with pytest.raises(CourseError, match=message):
        all_pairs.most_similar_pairs(rows, 1)


@pytest.mark.parametrize("top_k", [0, -1, 1.0, True, "3"])
def test_a_number_of_pairs_that_cannot_be_is_refused(top_k):
    with pytest.raises(CourseError, match="top_k is"):
        all_pairs.most_similar_pairs(np.eye(3), top_k)


def test_more_pairs_than_there_are_gives_all():
    assert len(all_pairs.most_similar_pairs(np.eye(3), 99)) == 3
