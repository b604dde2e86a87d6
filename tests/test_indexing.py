"""index, search --index and report: files of one's own, from the command line."""

import csv
import json
import re

import pytest

from helpers import corpus_report, encoding, models
from helpers.store import open_index

ROWS = {
    "a": "The whale sold all of it.",
    "b": "Five sets of squats, then home.",
    "c": "Fees are low on a Sunday.",
    "d": "My grip gave up before my back did.",
    "e": "The bar bends, the lifter doesn't.",
}


def write_rows(folder, rows):
    with open(folder / "log.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([("id", "text"), *rows.items()])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_rows(folder, ROWS)
    (folder / "plan.md").write_text("# Plan\n\n" + "Lift. Rest. Eat well. " * 30)
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture
def build(command, folder, tiny_folder, tmp_path):
    """Index the folder with a tiny model; return what --json printed."""
    where = tmp_path / "my.db"

    def call(*options):
        arguments = ("index", folder, "--index", where, "--json", *options)
        status, out, err = command(*arguments, "--model", tiny_folder)
        assert status == 0, err
        return json.loads(out) | {"err": err}

    call.where = where
    return call


def counts(found):
    return [found[key] for key in ("added", "updated", "unchanged", "removed")]


def test_the_counts_add_up_and_a_second_run_changes_nothing(build):
    first = build()
    assert (first["read"], first["skipped"]) == (7, 1)
    assert counts(first) == [6, 0, 0, 0]
    assert first["parts"] > 6  # the plan is longer than the 16 tokens of the model
    assert "photo.png" in first["account"]["refusals"][0]["place"]
    again = build()
    assert counts(again) == [0, 0, 6, 0]
    assert again["parts"] == first["parts"]


def test_only_what_changed_is_encoded(build, folder, monkeypatch):
    build()
    encoded = []

    def spy(model, texts, **options):
        encoded.extend(texts)
        return original(model, texts, **options)

    original = encoding.encode
    monkeypatch.setattr(encoding, "encode", spy)
    write_rows(folder, {"new": "Rain again."} | ROWS | {"b": "Six sets of squats."})
    assert counts(build())[:2] == [1, 5]  # every row stands a line further down
    assert sorted(encoded) == ["Rain again.", "Six sets of squats."]


def test_what_is_gone_goes_only_when_asked(build, folder):
    build()
    (folder / "log.csv").unlink()
    kept = build()
    assert counts(kept) == [0, 0, 1, 0]
    assert "holds 5 texts not found" in kept["err"]
    assert "(such as mine/log.csv, line 2); --remove-missing takes" in kept["err"]
    assert counts(build("--remove-missing")) == [0, 0, 1, 5]
    with open_index(build.where) as index:
        assert set(index.hashes()) == {"mine/plan.md"}


def test_one_text_is_no_texts(command, folder, tiny_folder):
    where, page = folder.parent / "one.db", folder.parent / "one.html"
    call = ("--index", where, "--model", tiny_folder)
    (folder / "one.txt").write_text("A whale.")
    _, out, _ = command("index", folder / "one.txt", *call)
    assert "1 text read: " in out and "1 passage in " in out
    (folder / "two.txt").write_text("Bar.")
    _, _, err = command("index", folder / "two.txt", *call)
    assert "holds 1 text not found in the files you gave (such as one.txt)" in err
    _, out, _ = command("report", "--out", page, *call)
    assert "2 texts in 2 passages, from 2 files\n0 texts split" in out
    assert "at once: 0 texts." in page.read_text(encoding="utf-8")


def test_an_index_that_is_not_there_can_be_made_by_the_command_that_is_told(command):
    _, _, err = command("search", "bar", "--index", "nope.db", "--method", "bm25")
    assert "make it: python -m helpers index FOLDER --index nope.db\n" in err


def test_a_file_that_cannot_be_read_today_keeps_its_texts(build, folder):
    build()
    (folder / "log.csv").write_bytes(b"\x1f\x8b\x08\x00not text")
    found = build("--remove-missing")
    assert counts(found) == [0, 0, 1, 0] and found["skipped"] == 2


def test_a_mistake_is_said_before_anything_is_made(command, tmp_path, folder):
    where = tmp_path / "my.db"
    for sources, words in (
        ([folder / "nothing.csv"], "nothing.csv"),
        ([folder / "log.csv", "--text-column", "body"], "it has 'id', 'text'"),
    ):
        status, out, err = command("index", *sources, "--index", where)
        assert (status, out) == (2, "") and words in err and err.count("\n") == 1
        assert not where.exists()


def test_hits_of_an_index_say_where_they_were_read(build, command, tiny_folder):
    build()
    ask = ("search", "squats at home", "--index", build.where, "--json")
    ask = (*ask, "--model", tiny_folder)
    [hit] = json.loads(command(*ask, "--method", "bm25")[1])
    assert (hit["id"], hit["source"]) == ("b", "mine/log.csv, line 3")
    hits = json.loads(command(*ask, "--where", "source^=mine/plan")[1])
    assert {hit["source"].split(",")[0] for hit in hits} == {"mine/plan.md"}
    _, out, _ = command("search", "squats", "--index", build.where, "--method", "bm25")
    assert "[mine/log.csv, line 3]" in out


@pytest.mark.parametrize(
    "options, words",
    [
        (["--where", "topic=x"], "give --index too"),
        (["--index", "my.db", "--corpus", "x"], "not allowed with"),
        (["--index", "nowhere.db"], "nowhere.db"),
    ],
)
def test_a_search_that_cannot_be(command, options, words):
    status, _, err = command("search", "squat", *options)
    assert status == 2 and words in err


def test_the_commands_say_what_they_wait_for(build, command, tiny_folder):
    waits = build()["err"].splitlines()
    assert waits == ["loading the model ...", "reading and encoding ..."]
    ask = ("search", "squats", "--index", build.where)
    assert "loading" not in command(*ask, "--method", "bm25")[2]
    assert command(*ask, "--model", tiny_folder)[2] == "loading the model ...\n"


@pytest.mark.parametrize(
    "where, told",
    [
        (
            ["source=mine/log.csv"],
            'source=mine/log.csv; a source looks like "mine/log.csv, line 2", so try '
            "source^=mine/log.csv",
        ),
        (["source^=log"], "so try source^=mine/log"),
        (["source=elsewhere"], "so try source^=mine/log.csv"),
        (["source="], "so try source^=mine/log.csv"),
        (["id=A"], "id=A; there is id=a, id=b, id=c"),
        (["topic=x"], "topic=x; no text has a topic"),
        (["id=a", "id!=a"], "id=a and id!=a"),
        (["id=a"], "id=a and shares a word with the query"),
    ],
)
def test_conditions_that_nothing_fulfils_are_named(build, command, where, told):
    build()
    ask = ("search", "squats", "--index", build.where, "--method", "bm25", "--json")
    _, out, err = command(*ask, *(word for each in where for word in ("--where", each)))
    assert json.loads(out) == []
    assert err.startswith("no passage fulfils ") and told in err


def test_a_report_is_one_page_that_loads_nothing(build, command, folder, tiny_folder):
    write_rows(folder, ROWS | {"x": "<script>boo()</script>", "y": ROWS["a"]})
    build()
    page = folder.parent / "report.html"
    look = ("report", "--index", build.where, "--model", tiny_folder, "--out", page)
    found = json.loads(command(*look, "--json")[1])
    assert (found["texts"], found["split"], found["too_long"]) == (8, 1, 0)
    assert found["repeated"] == {ROWS["a"]: 2} and found["judged"] is None
    assert found["files"]["mine/log.csv"] == 7
    html = page.read_text(encoding="utf-8")
    assert "<script>boo" not in html and "&lt;script&gt;boo" in html
    assert "<h1>What is in <bdi>my.db</bdi></h1>" in html and str(build.where) in html
    outside = re.sub(r'srcdoc="[^"]*"', "", html)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', outside)
    assert loaded and all(link.startswith("data:") for link in loaded)


def test_a_report_judges_by_texts_and_says_what_to_use(build, command, tiny_folder):
    build()
    folder = build.where.parent
    queries = {"q1": "lift rest eat", "q2": "squats at home"}
    lines = (json.dumps({"_id": i, "text": text}) for i, text in queries.items())
    (folder / "queries.jsonl").write_text("\n".join(lines))
    (folder / "qrels.tsv").write_text("q1\tmine/plan.md\t3\nq2\tb\t3\n")
    look = ("report", "--index", build.where, "--model", tiny_folder, "--json")
    look = (*look, "--out", folder / "r.html", "--queries", folder / "queries.jsonl")
    status, _, err = command(*look)
    assert status == 2 and "belong together" in err
    judged = json.loads(command(*look, "--qrels", folder / "qrels.tsv")[1])["judged"]
    assert judged["queries"] == 2
    # Passages of the plan stand for the plan, once.
    assert judged["ndcg"]["bm25"]["mean"] == pytest.approx(1)
    assert "bm25" in judged["advice"] and judged["notes"] == []


def test_files_beyond_the_first_are_folded(build, tiny_folder, monkeypatch):
    monkeypatch.setattr(corpus_report, "SHOWN", 1)
    build()
    with open_index(build.where, models.load_model(str(tiny_folder))) as index:
        page = corpus_report.report_on(index).to_html()
    folded = (
        r"<details><summary>and 1 more file</summary>\s+<table>.*log.csv.*</details>"
    )
    assert re.search(folded, page, re.S)


def test_a_report_names_judgements_that_reach_nothing(build, command, tiny_folder):
    build()
    folder = build.where.parent
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "lift rest eat"}')
    (folder / "qrels.tsv").write_text("q1\tmine/plan.md#1\t3\nq9\tmine/<b>\t3\n")
    where = ("--index", build.where, "--model", tiny_folder, "--out", folder / "r.html")
    asked = ("--queries", folder / "queries.jsonl", "--qrels", folder / "qrels.tsv")
    notes = [
        "1 judged id is in no text or passage of this index: mine/<b>",
        "1 judged query is not in the queries: q9",
    ]
    said = command("report", *where, *asked)[1]
    assert all(note in said for note in notes)
    told = json.loads(command("report", *where, *asked, "--json")[1])
    assert told["judged"]["notes"] == notes
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert all(note.replace("<b>", "&lt;b&gt;") in page for note in notes)
