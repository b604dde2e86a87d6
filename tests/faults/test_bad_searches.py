"""Rows 19 to 21: queries, filters, vectors and models that do not fit."""

import re

import numpy as np
import pytest
from faulty import METHODS, cases, refused
from support import save_random_model

from helpers import CourseError
from helpers.corpus import Document
from helpers.store import open_index


@pytest.fixture
def search(command, index_file, tiny_folder):
    """Return what searches the index by the command."""

    def search(*arguments):
        where = ["--index", index_file, "--model", tiny_folder]
        return command("search", *where, *arguments)

    return search


MISTAKES = cases(
    (19, "a blank query", "a message, no ranking", (" \t",), "write at least one word"),
    (19, "top_k 0", "named", ("bar", "--top-k", 0), "top_k is 0"),
    (19, "top_k -1", "named", ("bar", "--top-k=-1"), "top_k is -1"),
    (19, "top_k 2.5", "named", ("bar", "--top-k", 2.5), "invalid int value: '2.5'"),
    (19, "an unknown method", "named, with those there are",
     ("bar", "--method", "cosine"), "invalid choice: 'cosine'"),
)  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_bad_search_is_one_line(search, seen, arguments, message):
    seen(line := refused(search(*arguments)))
    assert message in line


@pytest.mark.fault(19, "top_k above the number of texts", "clipped")
def test_a_large_top_k(search, seen):
    status, out, _ = search("bar", "--top-k", 10**9)
    ranks = [int(line.split()[0]) for line in out.splitlines()]
    assert (status, ranks) == (0, list(range(1, 61)))
    seen("60 hits of 60 texts")


@pytest.mark.fault(1, "an index without any text, searched", "says so")
def test_an_empty_index(command, seen, tmp_path, tiny_folder):
    open_index(tmp_path / "my.db", write=True).close()
    for method in METHODS:
        where = ["--index", tmp_path / "my.db", "--method", method]
        line = refused(command("search", "bar", *where, "--model", tiny_folder))
        assert "is empty; add texts to it first" in line
    seen("is empty; add texts to it first")


# What people type: the query, and the same in plain words.
QUERIES = cases(*(
    (19, f"a query with {name}", "is text, in all three ways", query, plain)
    for name, query, plain in [
        ("double quotes", '"whale" "bar', "whale bar"),
        ("single quotes", "' whale '' bar'", "whale bar"),
        ("AND, OR, NOT", "whale AND bar OR NOT squat", "whale bar squat"),
        ("NEAR(...)", "NEAR(whale bar, 2)", "near whale bar 2"),
        ("* and ^", "^whale* ba*", "whale ba"),
        ("column filters", "text: whale {title text}: bar", "text whale title bar"),
        ("( and )", "((whale) bar", "whale bar"),
        ("+ and -", "-whale + bar", "whale bar"),
        ("%, _ and ?", "% whale_ ?1 bar%", "whale_ 1 bar"),
        ("; and SQL", "whale'; DROP TABLE texts; --", "whale drop table texts"),
        ("NUL", "whale\0bar", "whale bar"),
        ("100,000 characters", "whale bar " * 10_000, "whale bar"),
        ("10,000 different words", " ".join(map(str, range(10_000))),
         " ".join(map(str, range(60)))),
        ("emoji", "\U0001f40b whale \U0001f3cb\ufe0f", "whale"),
        ("right-to-left text", "שלום whale \u202eבר\u202c", "whale שלום בר"),
        ("no word at all", "?! ...", None),
    ]
))  # fmt: skip


@pytest.mark.parametrize(("query", "plain"), QUERIES)
def test_a_hostile_query_is_text(search, seen, index_file, tiny, query, plain):
    before = index_file.read_bytes()
    with open_index(index_file, tiny) as index:
        ways = {m: index.search(query, 99, method=m) for m in METHODS}
        same = index.search(plain, 99, method="bm25") if plain else []
        order = np.argsort(
            -index.embeddings @ tiny.encode(query, normalize_embeddings=True)
        )
        nearest = [index.documents[place].id for place in order]
    words = [(hit.id, pytest.approx(hit.score)) for hit in same]
    assert [(hit.id, hit.score) for hit in ways["bm25"]] == words
    assert [hit.id for hit in ways["dense"]] == nearest
    assert len(ways["fused"]) == 60
    assert search("--method", "fused", "--", query)[0] == 0
    assert index_file.read_bytes() == before
    seen(f"60 hits by meaning, {len(words)} by words, as {str(plain)[:30]!r}")


FILTERS = cases(*(
    (19, f"the filter {where[:32]}", promise, where, hits)
    for where, promise, hits in [
        ("topic=lifting", "narrows", 60),
        ("topic=x' OR 1=1 --", "is text: no hit", 0),
        ("topic=lifting' --", "is text: no hit", 0),
        ("source^=%", "is text: no hit", 0),
        ('id!=t1"; DROP TABLE texts; --', "is text: no text has that id", 60),
        ("1=1", "refused, with the fields there are", None),
        ("text=bar", "refused, with the fields there are", None),
        ("topic LIKE '%'", "refused, with the operators", None),
        ("topic) OR (1=1", "refused, with the operators", None),
        ("topic;DROP TABLE texts=1", "refused, with the operators", None),
    ]
))  # fmt: skip


@pytest.mark.parametrize(("where", "hits"), FILTERS)
def test_a_hostile_filter_is_text_or_refused(search, seen, index_file, where, hits):
    before = index_file.read_bytes()
    outcome = search("bar", "--top-k", 99, "--where", where)
    if hits is None:
        seen(line := refused(outcome))
        assert "fields topic, subtopic, source, id and one of = != ^=" in line
    else:
        assert (outcome[0], len(outcome[1].splitlines())) == (0, hits), outcome
        seen(f"{hits} hits")
    assert index_file.read_bytes() == before


VECTORS = cases(
    (20, "a vector with NaN", "named", lambda v: v * np.nan, "vector 0 has length nan"),
    (20, "a vector with inf", "named", lambda v: v + np.inf, "vector 0 has length inf"),
    (20, "a zero vector", "named", lambda v: v * 0, "vector 0 has length 0.0, not 1"),
    (20, "vectors of another width", "named, both widths", lambda v: v[:, :31],
     r"shape \(1, 31\), expected \(1, 32\)"),
    (21, "vectors of another length than 1", "named", lambda v: v * 2,
     r"vector 0 has length 2\.0, not 1"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "message"), VECTORS)
def test_a_bad_vector_is_refused(copied, seen, tiny, change, message):
    with open_index(copied, tiny, write=True) as index:
        before = index.embeddings.tobytes()
        wrong = change(index.embeddings[:1].copy())
        with pytest.raises(CourseError, match=message) as error:
            index.add([Document("new", "", "bar")], wrong)
        assert index.embeddings.tobytes() == before
    seen(str(error.value).split(": ", 1)[1])


@pytest.fixture(scope="module")
def others(tmp_path_factory, model):
    """Return other models by name: of the same width, and the course's own."""
    other = tmp_path_factory.mktemp("other") / "other"
    return {"same width": save_random_model(other, seed=5), "wider": "bundled"}


OTHERS = cases(
    (21, "a model of the same width, other weights", "refused by fingerprint",
     "same width", "was made with other weights .*tiny.*than 'other' has now"),
    (20, "a model of another width", "refused, both widths", "wider",
     "holds vectors of width 32, made with 'tiny'; .*MiniLM.* of width 384"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "message"), OTHERS)
def test_another_model_is_refused(command, copied, seen, others, name, message):
    before = copied.read_bytes()
    where = ["--index", copied, "--model", others[name]]
    (copied.parent.parent / "notes.txt").write_text("bar")
    for call in (["search", "bar"], ["index", copied.parent.parent / "notes.txt"]):
        line = refused(command(*call, *where))
        assert re.search(message, line), line
    assert copied.read_bytes() == before
    seen(line.split(": ", 1)[1])
