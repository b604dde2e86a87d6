"""An index that lasts finds what the one in memory finds, whatever changed in it."""

import copy
import random
import sqlite3
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from storing import cheap, found, made, vectors
from support import run_python

from helpers import CourseError, corpus, encoding, models, reports, retrieval
from helpers.corpus import Document, Query
from helpers.interactive import search_box
from helpers.retrieval import BM25Index, DenseIndex, FusedIndex
from helpers.store import Change, entries, filters, open_index, words

WORDS = ["bitcoin fell", "the whale squat", "a bar fell", "squat the bar", "whale"]
SMALL = [
    Document(f"d{i}", "", text, f"topic {i % 2}", "sub", f"notes/{i}.md")
    for i, text in enumerate(WORDS)
]
METHODS = ("dense", "bm25", "fused")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "my.db"


@pytest.fixture
def index(path, tiny):
    """Return an open index of five texts by a tiny model."""
    with open_index(path, tiny, write=True) as index:
        index.add(SMALL)
        yield index


@pytest.fixture
def batches(monkeypatch):
    """Return a list that gets every batch of texts that is encoded."""
    batches, encode = [], encoding.encode

    def noted(model, texts, **options):
        batches.append(list(texts))
        return encode(model, texts, **options)

    monkeypatch.setattr(encoding, "encode", noted)
    return batches


def ids(hits):
    return [hit.id for hit in hits]


# Searching


@pytest.mark.parametrize("query", ["whale", "squat the bar", "a bitcoin fell"])
def test_it_finds_what_the_index_in_memory_finds(index, path, tiny, query):
    expected = DenseIndex.build(SMALL, tiny)
    assert np.array_equal(index.embeddings, expected.embeddings)
    assert index.search(query, 5) == expected.search(query, 5)
    fused = FusedIndex(expected, index.by("bm25"))
    assert index.search(query, 3, method="fused") == fused.search(query, 3)
    with open_index(path, tiny) as again:
        assert again.search(query, 5) == expected.search(query, 5)


def test_words_are_found_as_well_as_with_bm25s(documents, model, path):
    """On the course's queries; the fused ranking too, over the same vectors."""
    memory = DenseIndex.build(documents, model)
    theirs = {"bm25": BM25Index(documents)}
    theirs["fused"] = FusedIndex(memory, theirs["bm25"])
    with open_index(path, model, write=True) as index:
        index.add(documents, memory.embeddings)
        ours = {name: index.by(name) for name in theirs}
        judged = corpus.load_queries(), corpus.load_qrels(split="all")
        means = [reports.evaluate(each, *judged).means for each in (ours, theirs)]
    for name in theirs:
        ndcg = [each[name]["ndcg@10"] for each in means]
        assert ndcg[0] >= ndcg[1] - 0.005
    assert means[0]["bm25"]["ndcg@10"] == pytest.approx(0.480, abs=0.001)


def test_bm25_by_hand(path):
    """Title and text are ranked as one text; FTS5's k1 is 1.2, its b 0.75."""
    texts = [
        Document("a", "squats", "squatting bar"),
        Document("b", "", "bar coin coin coin"),
        Document("c", "", "coin"),
    ]
    with open_index(made(path, texts)) as index:
        [hit] = index.search("squat", method="bm25")
    idf = np.log((3 - 1 + 0.5) / (1 + 0.5))
    length = 1 - 0.75 + 0.75 * 3 / (8 / 3)
    assert hit.score == pytest.approx(idf * 2 * 2.2 / (2 + 1.2 * length))


def test_many_words_are_asked_in_parts_that_add_up(documents, path, monkeypatch):
    texts = [document.text for document in documents]
    with open_index(made(path, documents)) as index:
        whole = index.search(" ".join(texts[:7]), 50, method="bm25")
        monkeypatch.setattr(words, "AT_ONCE", 3)
        parts = index.search(" ".join(texts[:7]), 50, method="bm25")
    assert ids(parts) == ids(whole)
    assert [h.score for h in parts] == pytest.approx([h.score for h in whole])


@pytest.mark.parametrize("method", METHODS)
def test_many_queries_rank_as_one_by_one(index, method):
    queries = ["whale", "squat bar", "zebra", "whale"]
    together = index.search_many(queries, 3, method=method)
    alone = [index.search(query, 3, method=method) for query in queries]
    assert [ids(hits) for hits in together] == [ids(hits) for hits in alone]
    assert index.search_many([], 3, method=method) == []


def test_equal_scores_keep_the_order_in_which_texts_came(path, tiny):
    with open_index(path, tiny, write=True) as index:
        index.add([Document(name, "", "whale") for name in "zax"])
        for method in METHODS:
            assert ids(index.search("whale", 3, method=method)) == ["z", "a", "x"]


def test_hits_say_where_they_come_from(index):
    assert index.search("whale", 1)[0].source == "notes/4.md"


def test_one_way_of_a_store_is_an_index(index, tiny):
    ways = {method: index.by(method) for method in METHODS}
    assert all(isinstance(way, retrieval.Index) for way in ways.values())
    assert isinstance(ways["fused"], FusedIndex)
    queries, qrels = [Query("q", "whale")], {"q": {"d4": 1}}
    assert reports.evaluate(ways, queries, qrels).means["bm25"]["mrr@10"] == 1
    page = search_box(ways, query="whales").to_html("whales")
    assert page.count("<mark>whale</mark>") == 2
    for method, way in ways.items():
        assert way.search("whale", 3) == index.search("whale", 3, method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"query": " \n"}, "the query is"),
        ({"query": None}, "the query is None"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_k": 2.5}, "top_k is 2.5"),
        ({"where": ["text=x"]}, "the condition 'text=x'.*topic, subtopic, source, id"),
    ],
)
def test_a_bad_search_is_refused(index, method, options, message):
    with pytest.raises(CourseError, match=message):
        index.search(**{"query": "whale", "method": method} | options)


def test_a_method_that_is_none_is_refused(index):
    for call in (lambda: index.search("whale", method="sql"), lambda: index.by("sql")):
        with pytest.raises(CourseError, match="'sql'; choose one of dense, bm25, fus"):
            call()


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_index_says_so_when_it_is_searched(path, tiny, method):
    with open_index(path, tiny, write=True) as index:
        assert (index.documents, len(index.embeddings)) == ([], 0)
        with pytest.raises(CourseError, match=r"my\.db: is empty; add texts"):
            index.search("whale", method=method)


HOSTILE = [
    'whale"', "NOT whale", "whale*", "whale OR", "NEAR(whale bar, 2)", "^whale", "+",
    "title:whale", "{title text}:whale", "-whale", "whale; DROP TABLE texts;--", "'",
    "' OR 1=1 --", "100% whale", "wha%", "whale\0bar", "\ud800 whale", "(((", "_",
    "whale \ufdfa 🐋", "x" * 100_000, "whale " * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_query_is_text(path, query):
    """It finds what shares a word with it, by the course's own way to cut words."""
    with open_index(made(path, SMALL)) as index:
        hits = ids(index.search(query, 5, method="bm25"))
        assert sorted(hits) == sorted(ids(BM25Index(SMALL).search(query, 5)))
        index.matches(query, "whale")
        assert len(index.documents) == 5


def test_a_query_of_many_words_takes_little_time(path):
    words = " ".join(f"w{number}" for number in range(20_000))
    with open_index(made(path, [*SMALL, Document("x", "", words)])) as index:
        assert ids(index.search(words, method="bm25")) == ["x"]


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("squats", "Squatting, squat!", ["Squatting", "squat"]),
        ("3.125 btc", "3.125 BTC, 3,125", ["3.125", "BTC", "3,125"]),
        ("the whale", "the whale", ["whale"]),
        ("naive", "naïve 🐋 naive", ["naïve", "naive"]),
        ("whale", "\ue000whale\ue001\0 whale \ud800", ["whale", "whale"]),
        ("whale", "", []),
        ("...", "whale", []),
        (" ".join(f"w{n}" for n in range(49)) + " 1.2 2.3", "1 2 3", ["1 2 3"]),
    ],
)
def test_what_made_a_text_match_is_marked(index, query, text, marked):
    places = index.matches(query, text)
    assert [text[start:end] for start, end in places] == marked


def test_a_text_is_marked_where_it_is_found_and_only_there(documents, path):
    with open_index(made(path, documents[:100])) as index:
        for query in corpus.load_queries()[:20]:
            hits = ids(index.search(query.text, 100, method="bm25"))
            marked = {
                d.id for d in documents[:100] if index.matches(query.text, d.text)
            }
            assert set(hits) == marked


# Conditions

FILTERED = [
    Document("a", "", "whale", "crypto", "coins", "notes/a_1.md"),
    Document("b", "", "whale", "crypto", "", "notes/ab1.md"),
    Document("c#", "", "whale", "lifting", "50%", "Notes/a.md"),
    Document("d", "", "whale", "crypto' OR 1=1", "a=b", "x"),
]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (["topic=crypto"], ["a", "b"]),
        ("topic = crypto", ["a", "b"]),
        (["topic!=crypto"], ["c#", "d"]),
        (["topic=crypto", "subtopic!=coins"], ["b"]),
        (["subtopic="], ["b"]),
        (["source^=notes/"], ["a", "b"]),
        (["source^=notes/a_"], ["a"]),
        (["source^=%"], []),
        (["subtopic^=50%"], ["c#"]),
        (["source=notes/a_1.md"], ["a"]),
        (["id^=c"], ["c#"]),
        (["id=d", "topic^=crypto"], ["d"]),
        (["topic=crypto' OR 1=1"], ["d"]),
        (["topic=' OR 1=1 --"], []),
        (["subtopic=a=b"], ["d"]),
        (["topic=nothing"], []),
    ],
)
def test_conditions_narrow_every_method(path, tiny, where, expected):
    with open_index(path, tiny, write=True) as index:
        index.add(FILTERED)
        for method in METHODS:
            hits = index.search("whale", 9, method=method, where=where)
            assert ids(hits) == expected


def test_a_narrowed_ranking_is_the_whole_one_without_the_rest(documents, path, model):
    with open_index(path, model, write=True) as index:
        index.add(documents, vectors(len(documents), 384))
        for method in ("dense", "bm25"):
            whole = index.search("a whale and a squat", 480, method=method)
            some = [hit.id for hit in whole if hit.topic == "crypto"]
            options = {"method": method, "where": ["topic=crypto"]}
            assert ids(index.search("a whale and a squat", 480, **options)) == some
            assert ids(index.search("a whale and a squat", 4, **options)) == some[:4]


@pytest.mark.parametrize(
    "text",
    ["", "topic", "text=x", "topic>x", "topic LIKE x", "1=1", "topic=x\ud800", None,
     "vector=x", "topic\0=x", "texts.id=1", "=x"],
)  # fmt: skip
def test_a_condition_that_is_none_is_refused(text):
    with pytest.raises(CourseError, match="the condition"):
        filters.conditions([text])


# Changing


def test_an_index_is_there_again_when_it_is_opened(index, path, tiny):
    expected = found(index)
    index.close()
    assert [file.name for file in path.parent.iterdir()] == ["my.db"]
    with open_index(path) as again:
        assert found(again) == expected
        assert again.documents == SMALL
        assert again.settings == {
            "model": "tiny",
            "fingerprint": models.fingerprint(tiny),
            "width": 32,
            "tokens": 16,
            "overlap": 2,
        }


def test_texts_with_any_character_survive(path):
    texts = ["a\u2028b", "naïve ₿", "quote \" ' and \\", "tab\t new\nline\r", "\0 nul",
             "", "🏳️‍🌈 \u202eevil", "NULL", "%s {} ?"]  # fmt: skip
    documents = [Document(f"{i} {t}", t, t, t, t, t) for i, t in enumerate(texts)]
    with open_index(made(path, documents)) as index:
        assert index.documents == documents
        assert list(index.hashes()) == [document.id for document in documents]


@pytest.mark.parametrize("field", ["id", "title", "text", "topic", "source"])
@pytest.mark.parametrize("value", ["half \ud83d", None, 5, float("nan"), b"bytes"])
def test_what_is_no_text_is_refused_and_nothing_is_written(index, field, value):
    broken = replace(Document("new", "", "whale"), **{field: value})
    for change in (index.add, index.update):
        with pytest.raises(CourseError, match="cannot be stored"):
            change([Document("fine", "", "whale"), broken])
    assert index.documents == SMALL


def test_an_update_counts_and_encodes_only_what_changed(index, tiny, batches):
    changed = [SMALL[0], replace(SMALL[1], text="a bar"), *SMALL[2:]]
    changed += [Document("new", "", "bitcoin"), Document("again", "", "whale")]
    change = index.update(iter(changed))
    assert change == Change(added=2, updated=1, unchanged=4)
    assert batches == [["a bar", "bitcoin"]]
    assert index.documents == changed
    fresh = DenseIndex.build(changed, tiny)
    np.testing.assert_allclose(index.embeddings, fresh.embeddings, atol=1e-6)
    assert index.update(changed) == Change(unchanged=7)
    assert index.search("bitcoin", 5, method="bm25")[0].id == "new"


def test_an_update_without_a_change_writes_nothing(index, path, tiny):
    index.close()
    before = path.read_bytes()
    with open_index(path, tiny, write=True) as again:
        assert again.update(SMALL) == Change(unchanged=5)
    assert path.read_bytes() == before


def test_another_title_topic_or_source_is_a_change_but_is_not_encoded(index, batches):
    moved = [replace(each, topic="new", source="moved.md") for each in SMALL]
    assert index.update(moved) == Change(updated=5)
    assert batches == []
    assert index.documents == moved
    assert index.update([replace(moved[0], title="The")]) == Change(updated=1)
    assert batches == [["The bitcoin fell"]]


def test_a_row_on_top_of_a_file_does_not_encode_the_rest(
    path, tiny, batches, monkeypatch
):
    """Every id and source moves by one, in more texts than one batch holds."""
    monkeypatch.setattr(entries, "BATCH", 3)
    contents = [f"whale {'bar ' * n}".strip() for n in range(10)]

    def rows(contents):
        return [
            Document(f"a.csv:{n}", "", text, source=f"a.csv, line {n}")
            for n, text in enumerate(contents, start=2)
        ]

    with open_index(path, tiny, write=True) as index:
        index.add(rows(contents))
        before = index.embeddings
        batches.clear()
        moved = rows(["bitcoin", "fell", "squat", "a", *contents])
        assert index.update(moved) == Change(added=4, updated=10)
        assert list(chain(*batches)) == ["bitcoin", "fell", "squat", "a"]
        assert np.array_equal(index.embeddings[4:], before)
        assert index.documents == moved


def test_an_id_that_is_there_is_refused(index):
    with pytest.raises(CourseError, match=r"my\.db: the id 'd1' is there already"):
        index.add([Document("x", "", "whale"), SMALL[1]])
    twice = [Document("y", "", "whale", source="a.md"), Document("y", "", "bar")]
    for change in (index.add, index.update):
        with pytest.raises(CourseError, match="the id 'y' is there already"):
            change(twice)
    assert index.documents == SMALL


def test_texts_are_removed_with_all_their_passages(path, tiny):
    long = Document("long", "", "whale bar. " * 40)
    with open_index(path, tiny, write=True) as index:
        index.add([long, *SMALL])
        assert len(index.documents) > 10
        assert index.remove(["long", "d1", "nobody", "d1"]) == 2
        assert [each.id for each in index.documents] == ["d0", "d2", "d3", "d4"]
        assert ids(index.search("whale", 9, method="bm25")) == ["d4"]
        assert "long" not in index.hashes()
        assert index.remove([]) == 0
        with pytest.raises(CourseError, match=r"give a list: \['d0'\]"):
            index.remove("d0")


def test_long_texts_are_cut_and_their_passages_know_them(path, tiny):
    text = "whale bar squat. " * 20 + "bitcoin fell."
    long = Document("long", "", text, "topic", "sub", "notes/long.md")
    with open_index(path, tiny, write=True, tokens=12, overlap=0) as index:
        index.add([SMALL[0], long, SMALL[1]])
        passages = index.documents[1:-1]
        assert len(passages) > 5
        assert "".join("".join(p.text for p in passages).split()) == text.replace(
            " ", ""
        )
        numbers = range(1, len(passages) + 1)
        assert [p.id for p in passages] == [f"long#{n}" for n in numbers]
        assert passages[1].source == "notes/long.md, part 2"
        assert index.text_ids() == ["d0", *["long"] * len(passages), "d1"]
        hits = index.search("bitcoin", 2, method="bm25")
        assert ids(hits) == ["d0", passages[-1].id]
        for where in ("source=notes/long.md", "id=long"):
            some = index.search("whale", 99, where=[where])
            assert sorted(ids(some)) == sorted(p.id for p in passages)
        assert len(index.hashes()) == 3
        index.update([replace(long, text="whale")])
        assert index.documents == [SMALL[0], replace(long, text="whale"), SMALL[1]]


def test_an_id_that_is_also_a_passages_is_named(path, tiny):
    long = Document("a", "", "whale bar. " * 40)
    with open_index(path, tiny, write=True) as index:
        index.add(SMALL)
        with pytest.raises(CourseError, match="two passages would have one id"):
            index.add([long, Document("a#2", "", "whale")])
        assert index.documents == SMALL


def test_another_length_of_passages_is_refused(index, path, tiny):
    index.close()
    with open_index(path, tiny, tokens=16, overlap=2) as again:
        assert again.settings["tokens"] == 16
    with pytest.raises(CourseError, match="made with tokens 16, not 12"):
        open_index(path, tiny, write=True, tokens=12)
    with pytest.raises(CourseError, match="made with overlap 2, not 0"):
        open_index(path, tiny, write=True, overlap=0)


def test_after_any_changes_it_is_as_if_made_at_once(path, tmp_path, monkeypatch):
    """A thousand random changes, in many sessions; words and vectors agree at the end.

    Texts keep the place where they first came.
    """
    cheap(monkeypatch.setattr, 4)
    dice, kept = random.Random(0), {}
    vocabulary = ["bitcoin", "squats", "whale", "the", "fell", "bar"]

    def text(number):
        words = dice.choices(vocabulary, k=dice.randrange(8))
        return Document(f"t{number}", dice.choice(words or [""]), " ".join(words))

    for _ in range(20):
        with open_index(path, write=True) as index:
            for _ in range(5):
                texts = {t.id: t for t in map(text, dice.choices(range(60), k=12))}
                index.update(texts.values())
                kept |= texts
                gone = dice.sample(sorted(kept), k=min(5, len(kept)))
                assert index.remove(gone) == len(gone)
                kept = {key: kept[key] for key in kept if key not in gone}
    with open_index(path) as index, open_index(tmp_path / "b", write=True) as fresh:
        order = list(index.hashes())
        assert sorted(order) == sorted(kept)
        fresh.add([kept[key] for key in order])
        assert found(index) == found(fresh)


def test_ctrl_c_keeps_whole_batches_and_the_next_run_goes_on(
    path, tiny, batches, monkeypatch
):
    monkeypatch.setattr(entries, "BATCH", 2)

    def interrupted():
        yield from SMALL[:3]
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        open_index(path, tiny, write=True) as index,
    ):
        index.update(interrupted())
    batches.clear()
    with open_index(path, tiny, write=True) as index:
        assert index.documents == SMALL[:2]
        assert index.update(SMALL) == Change(added=3, unchanged=2)
        assert list(chain(*batches)) == WORDS[2:]
        assert index.documents == SMALL


# Models and vectors


def test_an_index_of_another_width_is_refused(index, path, model):
    index.close()
    for write in (True, False):
        with pytest.raises(
            CourseError, match="width 32, made with 'tiny'; 'all-MiniLM-L6-v2' .* 384"
        ):
            open_index(path, model, write=write)


def test_an_index_of_other_weights_is_refused(index, path, tiny_folder):
    index.close()
    tuned = models.load_model(tiny_folder, device="cpu")
    next(tuned.parameters()).data += 0.01
    with pytest.raises(CourseError, match=r"my\.db: was made with other weights"):
        open_index(path, tuned)


def test_a_model_is_loaded_when_meaning_is_asked_for(path, tiny_folder):
    """By the name it was stored with, here a folder."""
    loaded = models.load_model(tiny_folder, device="cpu")
    with open_index(path, models.named(loaded, str(tiny_folder)), write=True) as index:
        index.add(SMALL)
        expected = index.search("whale", 3)
    with open_index(path) as again:
        assert again.search("whale", 3) == expected


def test_a_model_that_is_not_there_is_asked_for(index, path):
    index.close()
    with open_index(path) as again:
        assert again.search("whale", method="bm25")
        with pytest.raises(CourseError, match="made with the model 'tiny'; give that"):
            again.search("whale")


def test_words_and_opening_need_no_torch(path, documents):
    made(path, documents[:50])
    code = (
        "import sys; from helpers.store import open_index\n"
        f"with open_index({str(path)!r}) as index:\n"
        "    print(len(index.search('bitcoin', method='bm25')))\n"
        "print('torch' in sys.modules)"
    )
    done = run_python("-c", code)
    assert done.stdout.split() == ["5", "False"], done.stderr


def test_vectors_that_came_alone_are_searched_with_a_model_of_their_width(path, tiny):
    rows = encoding.encode(tiny, WORDS, role="document")
    with open_index(path, write=True) as index:
        assert index.add(iter(SMALL), rows) == 5
        assert index.settings == {"width": 32}
        with pytest.raises(CourseError, match="came without a model; give the model"):
            index.search("whale")
    with open_index(path, tiny) as index:
        assert index.search("whale", 3) == DenseIndex(SMALL, rows, tiny).search(
            "whale", 3
        )


def test_texts_are_not_encoded_among_vectors_that_came_alone(path, tiny):
    made(path, SMALL, width=32)
    with open_index(path, tiny, write=True) as index:
        for change in (index.add, index.update):
            with pytest.raises(CourseError, match=r"my\.db: its vectors came without"):
                change([Document("new", "", "whale")])
        assert index.add([Document("new", "", "whale")], vectors(1, 32)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:4], r"shape \(4, 32\), expected \(5, 32\)"),
        (lambda rows: rows[:, :31], r"shape \(5, 31\), expected \(5, 32\)"),
        (lambda rows: rows[0], r"shape \(32,\)"),
        (lambda rows: rows * [[1], [1], [np.nan], [1], [1]], "vector 2 has length nan"),
        (lambda rows: rows * [[1], [0], [1], [1], [1]], "vector 1 has length 0.0, not"),
        (
            lambda rows: rows * [[1], [1], [1], [1], [2]],
            r"vector 4 has length (2|1\.99)",
        ),
        (lambda rows: rows * np.inf, "vector 0 has length"),
        (lambda rows: rows.astype(str) + "x", "must be rows of numbers"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(index, tiny, change, message):
    rows = change(encoding.encode(tiny, WORDS, role="document"))
    new = [replace(each, id=f"new {each.id}") for each in SMALL]
    with pytest.raises(CourseError, match=message):
        index.add(new, rows)
    assert index.documents == SMALL


def test_a_model_that_gives_no_numbers_is_refused(path, tiny):
    broken = copy.deepcopy(tiny)
    with open_index(path, broken, write=True) as index:
        index.add(SMALL[:2])
        next(broken.parameters()).data.fill_(float("nan"))
        with pytest.raises(CourseError, match="length nan"):
            index.add(SMALL[2:])
        with pytest.raises(CourseError, match="NaN or infinity"):
            index.search("whale")
        assert index.documents == SMALL[:2]


def test_vectors_are_plain_to_other_programs(index, path):
    """The file is SQLite's, its vectors are little-endian floats."""
    index.close()
    db = sqlite3.connect(path)
    blobs = [row[0] for row in db.execute("SELECT vector FROM passages")]
    db.close()
    rows = np.array([np.frombuffer(blob, "<f4") for blob in blobs])
    with open_index(path) as again:
        assert np.array_equal(again.embeddings, rows)
