"""An index on a Milvus server finds, keeps and refuses what the one in a file does.

The servers are started here: Milvus Lite's, on a free port of this machine, and Milvus
Standalone 2.3.5, which knows no BM25, in a network namespace of its own, as it listens
on every interface. Standalone comes from the package `milvus`, which is no dependency
of the course: it is taken from build/milvus, where this puts it (58 MB, once):

    pip install --no-deps --target build/milvus milvus==2.3.5
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from storing import cheap, texts, vectors
from support import in_fork, run_python

from helpers import ROOT, CourseError, corpus, encoding, reports
from helpers.corpus import Document
from helpers.retrieval import BM25Index
from helpers.store import Change, entries, filters, is_index, open_index

pymilvus = pytest.importorskip("pymilvus", reason="pymilvus is not installed")
from helpers.store import collection, server  # noqa: E402

pytestmark = pytest.mark.slow

WORDS = ["bitcoin fell", "the whale squat", "a bar fell", "squat the bar", "whale"]
SMALL = [
    Document(f"d{i}", "", text, f"topic {i % 2}", "sub", f"notes/{i}.md")
    for i, text in enumerate(WORDS)
]
METHODS = ("dense", "bm25", "fused")


class Lite:
    """Milvus Lite as a server of its own; `url` ends where a name begins."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.url = folder, f"http://127.0.0.1:{self.port}/"
        self.start()

    def start(self):
        program = Path(sys.executable).with_name("milvus-lite")
        place = ("--host", "127.0.0.1", "--port", str(self.port))
        self.process = subprocess.Popen(
            [program, "server", "--data-dir", self.folder, *place],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(600):
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            assert self.process.poll() is None, "the server has ended"
            time.sleep(0.1)
        pytest.fail("the server does not answer")

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def lite(tmp_path_factory):
    """Return a running server."""
    lite = Lite(tmp_path_factory.mktemp("milvus") / "data")
    yield lite
    lite.kill()


@pytest.fixture
def mortal(tmp_path):
    """Return a running server that a test may kill."""
    lite = Lite(tmp_path / "data")
    yield lite
    lite.kill()


@pytest.fixture
def url(lite, request):
    """Return an address of this test's own."""
    name = "".join(c if c.isalnum() else "_" for c in request.node.name)
    return f"{lite.url}{name[:100]}_{abs(hash(name)) % 10**6}"


@pytest.fixture
def pair(url, tmp_path, tiny):
    """Return the same five texts in a file and on a server, both open."""
    with (
        open_index(tmp_path / "my.db", tiny, write=True) as file,
        open_index(url, tiny, write=True) as there,
    ):
        for index in (file, there):
            index.add(SMALL)
        yield file, there


def ids(hits):
    return [hit.id for hit in hits]


def same(one, other):
    """Tell whether two indexes hold the same, bit by bit and in the same order."""
    assert other.documents == one.documents
    assert np.array_equal(other.embeddings, one.embeddings)
    assert other.text_ids() == one.text_ids()
    assert list(other.hashes().items()) == list(one.hashes().items())
    assert other.sources() == one.sources()
    assert other.settings == one.settings
    assert other.count() == one.count()
    return True


# Searching


@pytest.mark.parametrize("query", ["whale", "squat the bar", "a bitcoin fell"])
def test_it_finds_what_the_file_finds(pair, query):
    file, there = pair
    assert same(file, there)
    for method in METHODS:
        ours, theirs = (index.search(query, 5, method=method) for index in pair)
        assert sorted(ids(ours)) == sorted(ids(theirs))
        assert theirs[0].score > 0
    ours, theirs = (index.search(query, 5) for index in pair)
    assert ids(ours) == ids(theirs)
    assert [h.score for h in ours] == pytest.approx([h.score for h in theirs], abs=1e-5)
    assert there.search(query, 1)[0].source == file.search(query, 1)[0].source


def test_the_courses_queries_are_answered_as_well(documents, model, url, tmp_path):
    """By meaning: the same hits; by words and by both: as good, within 0.02."""
    rows = encoding.encode(model, [each.content for each in documents], role="document")
    queries, qrels = corpus.load_queries(), corpus.load_qrels(split="all")
    asked, found, means = [query.text for query in queries], [], []
    for where in (tmp_path / "my.db", url):
        with open_index(where, model, write=True) as index:
            index.add(documents, rows)
        with open_index(where, model) as index:
            found.append(index.search_many(asked, 10))
            found.append(index.search_many(asked, 10, where=["topic=crypto"]))
            ways = {method: index.by(method) for method in METHODS}
            means.append(reports.evaluate(ways, queries, qrels).means)
    for before, now in zip(found[:2], found[2:], strict=True):
        assert [ids(hits) for hits in now] == [ids(hits) for hits in before]
        scores = [
            [hit.score for ranking in each for hit in ranking] for each in (before, now)
        ]
        np.testing.assert_allclose(scores[1], scores[0], atol=1e-5)
    for method, allowed in zip(METHODS, (1e-9, 0.02, 0.02), strict=True):
        ndcg = [each[method]["ndcg@10"] for each in means]
        assert ndcg[1] == pytest.approx(ndcg[0], abs=allowed)


def test_bm25_by_hand(url):
    """As in the file: title and text are one text, k1 is 1.2, b is 0.75."""
    three = [
        Document("a", "squats", "squatting bar"),
        Document("b", "", "bar coin coin coin"),
        Document("c", "", "coin"),
    ]
    with open_index(url, write=True) as index:
        index.add(three, vectors(3))
        [hit] = index.search("squat", method="bm25")
    idf = np.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    length = 1 - 0.75 + 0.75 * 3 / (8 / 3)
    assert hit.score == pytest.approx(idf * 2 * 2.2 / (2 + 1.2 * length), rel=1e-3)


def test_equal_scores_keep_the_order_in_which_texts_came(url, tiny):
    with open_index(url, tiny, write=True) as index:
        index.add([Document(name, "", "whale") for name in "zaxmb"])
        for method in METHODS:
            assert ids(index.search("whale", 3, method=method)) == ["z", "a", "x"]


def test_many_queries_rank_as_one_by_one(pair, monkeypatch):
    monkeypatch.setattr("helpers.store.milvus.AT_ONCE", 2)
    queries = ["whale", "squat bar", "zebra", "whale"]
    for method in METHODS:
        together = pair[1].search_many(queries, 3, method=method)
        alone = [pair[1].search(query, 3, method=method) for query in queries]
        assert [ids(hits) for hits in together] == [ids(hits) for hits in alone]
    assert pair[1].search("zebra", method="bm25") == []


FILTERED = [
    Document("a", "", "whale", "crypto", "coins", "notes/a_1.md"),
    Document("b", "", "whale", "crypto", "", "notes/ab1.md"),
    Document("c#", "", "whale", "lifting", "50%", "Notes/a.md"),
    Document("d", "", "whale", 'crypto" or 1==1', "a=b", "x"),
    Document("e\n", "", "whale", "üb\\er\n", "{v}", "y" * 30_000),
]
CONDITIONS = [
    ["topic=crypto"],
    ["topic!=crypto"],
    ["topic=crypto", "subtopic!=coins"],
    ["subtopic="],
    ["source^=notes/"],
    ["source^=notes/a_"],
    ["source^=%"],
    ["source^="],
    ["subtopic^=50%"],
    ["id^=c"],
    ["id=d", "topic^=crypto"],
    ['topic=crypto" or 1==1'],
    ['topic=" or 1==1'],
    ["topic^=üb\\"],
    ["subtopic={v}"],
    ["source=" + "y" * 30_000],
    ["source^=" + "y" * 60_001],
    ["topic=nothing"],
]


def test_conditions_narrow_every_method_as_in_the_file(url, tmp_path, tiny):
    found = []
    for where in (tmp_path / "my.db", url):
        with open_index(where, tiny, write=True) as index:
            index.add(FILTERED)
            found.append(
                [
                    ids(index.search("whale", 9, method=method, where=where))
                    for where in CONDITIONS
                    for method in METHODS
                ]
            )
    assert found[1] == found[0]
    assert found[0][0] == ["a", "b"]


HOSTILE = [
    'whale"', "NOT whale", "whale*", "+", "' OR 1=1 --", "wha%", "whale\0bar", "(((",
    "\ud800 whale", "whale \ufdfa 🐋", "x" * 100_000, "whale " * 20_000, "_", "3.125",
    " ".join(f"w{number}" for number in range(20_000)) + " whale",
]  # fmt: skip


def test_a_hostile_query_is_text(pair):
    for query in HOSTILE:
        hits = ids(pair[1].search(query, 5, method="bm25"))
        assert sorted(hits) == sorted(ids(BM25Index(SMALL).search(query, 5)))


def test_what_made_a_text_match_is_marked(pair):
    text = "Squatting, squat! 3.125"
    marked = [text[a:b] for a, b in pair[1].matches("squats 3.125", text)]
    assert marked == ["Squatting", "squat", "3.125"]


# Changing


def test_updates_and_removals_are_those_of_the_file(pair, tmp_path, url):
    long = Document("long", "", "whale bar squat. " * 40, "t", "s", "notes/long.md")
    for index in pair:
        changed = [SMALL[0], replace(SMALL[1], text="a bar"), *SMALL[2:], long]
        assert index.update(changed) == Change(added=1, updated=1, unchanged=4)
        assert index.update(changed) == Change(unchanged=6)
        assert index.remove(["d3", "nobody", "d3"]) == 1
        index.update([replace(long, text="whale"), *SMALL[3:]])
        with pytest.raises(CourseError, match="the id 'd1' is there already"):
            index.add([SMALL[1]])
        index.update([replace(long, text="bar squat. " * 20)])
        assert index.search("squat", 1, where=["id=long"])[0].id.startswith("long#")
    assert same(*pair)
    for index in pair:
        index.close()
        index.close()
    with open_index(tmp_path / "my.db") as file, open_index(url) as there:
        assert same(file, there)
        for change in (
            lambda: there.add([Document("n", "", "x")], vectors(1, 32)),
            lambda: there.remove(["d1"]),
        ):
            with pytest.raises(CourseError, match="opened for reading only"):
                change()
    with pytest.raises(CourseError, match="was closed; open it again"):
        there.hashes()


def test_only_what_is_new_is_encoded(pair, monkeypatch):
    encoded, encode = [], encoding.encode

    def noted(model, texts, **options):
        encoded.extend(texts)
        return encode(model, texts, **options)

    monkeypatch.setattr(encoding, "encode", noted)
    moved = [replace(each, source="moved.md") for each in SMALL]
    assert pair[1].update([*moved, Document("n", "", "whale bar")]).updated == 5
    assert encoded == ["whale bar"]


def test_any_text_survives_as_it_is(url):
    odd = ["a\u2028b", "naïve ₿", "quote \" ' and \\", "tab\t new\nline\r", "\0 nul",
           "", "🏳️‍🌈 \u202eevil", "NULL", "%s {} ?", '" or 1==1',
           "ü" * 30_000]  # fmt: skip
    documents = [
        Document(f"{i} {t[:99]}", t, t, t[:99], t[:99], t[:99])
        for i, t in enumerate(odd)
    ]
    documents[-1] = replace(documents[-1], title="")
    with open_index(url, write=True) as index:
        index.add(documents, vectors(len(odd)))
        assert index.documents == documents
        assert list(index.hashes()) == [document.id for document in documents]
        assert index.remove([documents[9].id]) == 1
        assert index.documents == documents[:9] + documents[10:]


@pytest.mark.parametrize(
    ("field", "length"), [("text", 65_536), ("id", 40_000), ("source", 32_768)]
)
def test_what_no_field_takes_is_refused_and_nothing_is_written(url, field, length):
    """A field takes 65,535 bytes; what conditions ask for is stored in digits, half."""
    with open_index(url, write=True) as index:
        index.add(SMALL, vectors(5))
        long = replace(Document("x", "", "whale"), **{field: "y" * length})
        with pytest.raises(CourseError, match="is too long for a Milvus server"):
            index.add([Document("fine", "", "whale"), long], vectors(2))
        assert index.documents == SMALL


def test_an_id_that_is_also_a_passages_is_named(pair):
    long = Document("a", "", "whale bar. " * 40)
    with pytest.raises(CourseError, match="two passages would have one id"):
        pair[1].add([long, Document("a#2", "", "whale")])
    pair[1].add([long])
    with pytest.raises(CourseError, match="two passages would have one id"):
        pair[1].add([Document("a#2", "", "whale")])
    assert len(pair[1].hashes()) == 6


# Kills


def parted(text, *_, **__):
    """Cut a text at each bar."""
    parts = text.text.split("|")
    if len(parts) == 1:
        return [text]
    return [replace(text, id=f"{text.id}#{n}", text=p) for n, p in enumerate(parts, 1)]


def renew(url, documents, deadly="", victim=0):
    """Update an index; this process is killed when it calls the method `deadly`.

    victim: another process, killed while this one writes its eighth batch.
    """
    cheap()
    entries.splitting.split = parted
    server.PATIENCE = 3
    call, written = collection.Collection.call, []

    def watched(self, method, **options):
        if method == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        written.extend([method] if method == "upsert" else [])
        if victim and method == "upsert" and len(written) == 8:
            threading.Timer(0.003, os.kill, (victim, signal.SIGKILL)).start()
        return call(self, method, **options)

    collection.Collection.call = watched
    with open_index(url, write=True) as index:
        print(index.update(documents))


def test_a_server_killed_while_it_is_written_to_loses_and_doubles_nothing(mortal):
    url, all_texts = f"{mortal.url}killed", texts(2000)
    first = in_fork(renew, url, all_texts, "", mortal.process.pid)
    mortal.kill()
    assert "CourseError" in first.stdout, first.stdout
    assert f"{url}: " in first.stdout and "give the same command again" in first.stdout
    mortal.start()
    with open_index(url) as index:
        assert 300 <= len(index.hashes()) < 500  # batches of 50: seven, and some more
    again = in_fork(renew, url, all_texts)
    assert "Change(added=" in again.stdout, again.stdout
    with open_index(url) as index:
        assert sorted(index.hashes()) == sorted(text.id for text in all_texts)
        assert index.count() == len(index.documents) == 2000
        assert len(index.embeddings) == 2000
    assert "unchanged=2000" in in_fork(renew, url, all_texts).stdout


OLD = [Document("a", "", "whale|squat|bar"), Document("b", "", "whale")]
NEW = [Document("a", "", "fell|bar"), Document("b", "", "whale")]


def test_a_writer_killed_between_two_writes_leaves_no_torn_text(url, monkeypatch):
    """It is neither counted nor found, and the next `index` writes it again."""
    in_fork(renew, url, OLD)
    assert in_fork(renew, url, NEW, "delete").returncode == -signal.SIGKILL
    with open_index(url) as index:
        assert list(index.hashes()) == ["b"]
        assert index.documents == [OLD[1]] and index.count() == 1
        for query in ("whale", "fell bar"):
            assert set(ids(index.search(query, 9, method="bm25"))) <= {"b"}
        nearest = index._nearest(vectors(2), 9, [])
        assert [[text.id for text, _ in each] for each in nearest] == [["b"]] * 2
    assert "added=1, updated=0, unchanged=1" in in_fork(renew, url, NEW).stdout
    with open_index(url) as index:
        assert [text.id for text in index.documents] == ["a#1", "a#2", "b"]
        assert ids(index.search("fell", 9, method="bm25")) == ["a#1"]


@pytest.mark.parametrize("deadly", ["create_index", "load_collection", "upsert"])
def test_a_collection_that_is_half_made_is_made_again(url, deadly):
    assert in_fork(renew, url, OLD, deadly).returncode == -signal.SIGKILL
    if deadly == "create_index":
        with pytest.raises(CourseError, match="no such index; make it"):
            open_index(url)
    assert "added=2" in in_fork(renew, url, OLD).stdout
    with open_index(url) as index:
        assert [text.id for text in index.documents] == ["a#1", "a#2", "a#3", "b"]
        assert index.search("squat", method="bm25")


def test_a_reader_sees_what_another_writes_meanwhile(pair, url, tiny):
    with open_index(url, tiny) as reader:
        assert reader.count() == 5
        pair[1].update(
            [replace(SMALL[4], text="the whale whale"), Document("n", "", "whale")]
        )
        assert set(ids(reader.search("whale", 9, method="bm25"))) == {"d1", "d4", "n"}


def test_after_an_error_nothing_more_is_written(pair, monkeypatch):
    call = collection.Collection.call

    def failing(self, method, **options):
        if method == "upsert":
            options["data"] = [{"key": 5}]
        return call(self, method, **options)

    monkeypatch.setattr(collection.Collection, "call", failing)
    for message in ("again: it goes on", "was closed; open it again"):
        with pytest.raises(CourseError, match=message):
            pair[1].add([Document("n", "", "whale")])


# Addresses


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:1/x", "no Milvus server answers there"),
        ("http://127.0.0.1:{port}/my-corpus", "NAME in letters, digits and _"),
        ("http://127.0.0.1:{port}/1st", "NAME in letters, digits and _"),
        ("http://127.0.0.1:{port}/a/b", "NAME in letters, digits and _"),
        ("http://127.0.0.1:{port}/a?token=x", "is no address of an index"),
        ("http://127.0.0.1:{port}/\u00e4", "NAME in letters, digits and _"),
        ("ftp://127.0.0.1/x", "write http://HOST:PORT/NAME"),
        ("http:///x", "write http://HOST:PORT/NAME"),
        ("http://me:secret@127.0.0.1:{port}/x", "USER:PASSWORD into MILVUS_TOKEN"),
        (
            "http://127.0.0.1:{port}/nothing",
            "no such index; make it: python -m helpers",
        ),
    ],
)
def test_a_wrong_address_is_refused_at_once(lite, address, message):
    began = time.monotonic()
    with pytest.raises(CourseError, match=message) as refused:
        open_index(address.format(port=lite.port))
    assert time.monotonic() - began < 6
    assert "secret" not in str(refused.value)


def test_a_server_that_says_nothing_is_left_within_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(CourseError, match="no Milvus server answers there"):
            open_index(f"http://127.0.0.1:{silent.getsockname()[1]}/x")
        assert time.monotonic() - began < 8


def test_token_and_certificate_come_from_the_environment(monkeypatch):
    given = []
    monkeypatch.setattr(server, "MilvusClient", lambda *a, **k: given.append((a, k)))
    monkeypatch.setenv("MILVUS_TOKEN", "me:secret")
    monkeypatch.setenv("MILVUS_PEM", "ca.pem")
    server._client("https://milvus.example.org:19530")
    [(address, options)] = given
    assert address == ("https://milvus.example.org:19530",)
    assert (options["token"], options["server_pem_path"]) == ("me:secret", "ca.pem")
    assert "grpc_options" not in options


def test_a_proxy_is_not_asked_for_this_machine(lite, monkeypatch):
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(CourseError, match="no such index"):
        open_index(f"{lite.url}nothing")


def test_another_programs_collection_is_left_alone(lite, url):
    name = url.rpartition("/")[2]
    client = pymilvus.MilvusClient(lite.url.rstrip("/"))
    client.create_collection(name, dimension=8)
    for write in (True, False):
        with pytest.raises(CourseError, match="is another program's collection"):
            open_index(url, write=write)
    assert client.has_collection(name)
    client.close()


def test_another_model_width_or_cut_is_refused(pair, url, model, tiny):
    with pytest.raises(CourseError, match="width 32, made with 'tiny'"):
        open_index(url, model)
    with pytest.raises(CourseError, match="made with tokens 16, not 12"):
        open_index(url, tiny, write=True, tokens=12)
    assert open_index(url).search("whale", method="bm25")


def test_an_empty_index_says_so(url, tiny):
    with open_index(url, tiny, write=True) as index:
        assert (index.documents, len(index.embeddings), index.remove(["x"])) == (
            [],
            0,
            0,
        )
        with pytest.raises(CourseError, match="is empty; add texts"):
            index.search("whale")


def test_its_client_is_imported_for_an_address_only(tmp_path):
    code = (
        "import sys; from helpers.store import open_index\n"
        f"open_index({str(tmp_path / 'my.db')!r}, write=True)\n"
        "print('pymilvus' in sys.modules)"
    )
    assert run_python("-c", code).stdout.split() == ["False"]


# Copies, and the command line


def test_a_copy_there_and_back_is_the_same(pair, tmp_path, url):
    file, there = pair
    file.update([Document("long", "", "whale bar. " * 40, "t", "s", "long.md")])
    assert there.copy_from(file) == Change(added=1, unchanged=5)
    assert same(file, there)
    with open_index(tmp_path / "back.db", write=True) as back:
        assert back.copy_from(there) == Change(added=6)
        assert same(file, back)
        assert back.copy_from(there) == Change(unchanged=6)
    with open_index(f"{url}_2", write=True) as other:
        other.add([Document("x", "", "whale")], vectors(1))
        with pytest.raises(CourseError, match="copy it to a new index"):
            other.copy_from(file)


def test_the_commands_take_an_address(command, tmp_path, tiny_folder, url):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.md").write_text(
        "The whale fell. A squat bar. Bitcoin fell to the bar. " * 2
    )
    (notes / "b.md").write_text("A bar fell.")
    model, file, copy = ("--model", tiny_folder), tmp_path / "my.db", tmp_path / "c.db"

    def call(*arguments):
        status, out, err = command(*arguments, "--json")
        assert status == 0, err
        return json.loads(out)

    def counts(done):
        return [
            done[key] for key in ("read", "added", "updated", "unchanged", "removed")
        ]

    assert counts(call("index", notes, "--index", url, *model)) == [2, 2, 0, 0, 0]
    assert counts(call("index", notes, "--index", url, *model)) == [2, 0, 0, 2, 0]
    assert counts(call("index", notes, "--index", file, *model)) == [2, 2, 0, 0, 0]
    for method in METHODS:
        search = (
            "search",
            "whale",
            "--method",
            method,
            *model,
            "--where",
            "source^=notes/a",
        )
        ours, theirs = (call(*search, "--index", where) for where in (file, url))
        assert [hit["source"] for hit in ours] and sorted(
            map(str, [h["id"] for h in ours])
        ) == sorted(h["id"] for h in theirs)
    page = tmp_path / "report.html"
    assert call("report", "--index", url, *model, "--out", page)["texts"] == 2
    assert counts(call("index", url, "--index", copy)) == [2, 2, 0, 0, 0]
    assert call("index", copy, "--index", f"{url}_2")["parts"] > 2
    (notes / "b.md").unlink()
    call("index", notes, "--index", url, *model, "--remove-missing")
    assert counts(call("index", url, "--index", copy, "--remove-missing")) == [
        1,
        0,
        0,
        1,
        1,
    ]
    with open_index(url) as there, open_index(copy) as back:
        assert same(there, back)


def test_mistakes_are_said_in_one_line(command, tmp_path, url):
    (tmp_path / "a.md").write_text("whale")
    gone, user = "http://127.0.0.1:1/x", "http://me:secret@127.0.0.1/x"
    for arguments, message in (
        (("search", "whale", "--index", url), f"--index {url}"),
        (("search", "whale", "--index", gone), "no Milvus server answers"),
        (("index", tmp_path / "a.md", "--index", user), "MILVUS_TOKEN"),
        (("index", gone, "--index", tmp_path / "x.db"), "no Milvus server answers"),
        (("index", gone, tmp_path, "--index", tmp_path / "x.db"), "copied alone"),
    ):
        status, out, err = command(*arguments)
        assert (status, out) == (2, "") and message in err and err.count("\n") == 1
        assert "secret" not in err
    assert not (tmp_path / "x.db").exists()


def test_what_is_an_index(tmp_path):
    with open_index(tmp_path / "my.db", write=True) as index:
        index.add(SMALL, vectors(5))
    (tmp_path / "a.csv").write_text("id,text\n")
    assert is_index(tmp_path / "my.db") and is_index("http://x/y")
    assert not any(map(is_index, [tmp_path / "a.csv", tmp_path, tmp_path / "none"]))


# A server without BM25

STANDALONE = ROOT / "build" / "milvus"


def on_standalone(folder):
    """Start Standalone, and use it as an index; called in a namespace of its own."""
    from milvus import default_server

    default_server.set_base_dir(folder)
    default_server.config.set("authorization_enabled", True)
    default_server.start()
    url = "http://127.0.0.1:19530/corpus"
    for token in ("", "root:wrong", "root:Milvus"):  # the last is the right one
        os.environ["MILVUS_TOKEN"] = token
        began = time.monotonic()
        try:
            open_index(url)
        except CourseError as error:
            print(error)
        assert time.monotonic() - began < 8
    with open_index(f"{folder}/my.db", write=True) as file:
        file.add(FILTERED + SMALL, vectors(10))
        with open_index(url, write=True) as index:
            assert index.copy_from(file) == Change(added=10)
            assert same(file, index)
            assert index.remove(["d3"]) == file.remove(["d3"])
            assert same(file, index)
        with open_index(url) as index:  # at once, so it would be seen if it read late
            assert same(file, index)
            for where in map(filters.conditions, CONDITIONS):
                ours, theirs = (i._nearest(vectors(4), 9, where) for i in (file, index))
                for before, now in zip(ours, theirs, strict=True):
                    assert [text for text, _ in now] == [text for text, _ in before]
                    scores = [[score for _, score in each] for each in (before, now)]
                    np.testing.assert_allclose(*scores, atol=1e-5)
            for method in ("bm25", "fused"):
                try:
                    index.search("whale", method=method)
                except CourseError as error:
                    print(error)
    default_server.server_proc.kill()
    print("done")


def test_a_server_without_bm25_searches_by_meaning_and_says_so(tmp_path):
    if not STANDALONE.is_dir():
        pytest.skip(
            "needs Standalone: pip install --no-deps --target build/milvus "
            "milvus==2.3.5"
        )
    alone = subprocess.run(["unshare", "-n", "true"], capture_output=True)
    if alone.returncode:
        pytest.skip("needs a network namespace of its own: unshare -n is not allowed")
    inside = 'ip link set lo up && exec "$@"'
    code = f"import test_milvus; test_milvus.on_standalone({str(tmp_path)!r})"
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests", STANDALONE)))
    process = subprocess.Popen(
        ["unshare", "-n", "sh", "-c", inside, "sh", sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=300)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert said.endswith("done\n"), said
    assert said.count("wants another token; put the right one into MILVUS_TOKEN") == 2
    assert said.count("no such index; make it") == 1
    assert (
        said.count("made without BM25, which Milvus has from 2.5 on (here: v2.3.5") == 3
    )
