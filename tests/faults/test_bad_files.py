"""Rows 1 to 15 and 18: files as people have them, through `index`, into an index."""

import gzip
import os
import re
import resource

import pytest
from faulty import call, cases, counted, csv_of, held, refused, told, write
from support import in_fork

GOOD = {"good.txt": "the whale fell"}
TEXT = '{"text": "the bar"}\n'


@pytest.fixture
def index(command, tmp_path, reader):
    """Return what indexes files, name -> content, by the command."""

    def index(files, *options, source="notes"):
        write(tmp_path / "notes", files)
        where = ["--index", tmp_path / "my.db", "--model", reader, "--json"]
        return command("index", tmp_path / source, *where, *options)

    return index


REFUSED = cases(
    (1, "an empty file, alone", "named", {"a.txt": ""}, (), r"notes/a\.txt: is empty"),
    (1, "an empty folder", "named", {"x/.hidden": ""}, (), "notes: no text to keep"),
    (2, "blank lines only", "refused, counted", {"a.csv": "id,text\n1,\n2,  \n"}, (),
     r"no text to keep\. Read 2: kept 0, empty 2"),
    (9, "a byte that --encoding cannot read", "named, with the byte",
     {"a.txt": "caf\xe9".encode("latin-1")}, ("--encoding", "utf-8"),
     r"a\.txt: line 1 holds byte 0xe9, which is not utf-8"),
    (9, "an --encoding that is none", "named", GOOD, ("--encoding", "utf-9"),
     "encoding 'utf-9' is unknown"),
    (12, "a missing column", "named, with those there are", {"a.csv": csv_of(["a"])},
     ("--text-column", "body"), r"has no 'body' .*it has 'id', 'text', 'topic'"),
    (12, "no column that is clearly the text", "named, with those there are",
     {"a.csv": "one,two\na b,c d\n"}, (), r"which column is the text\? .*'one', 'two'"),
)  # fmt: skip


@pytest.mark.parametrize(("files", "options", "message"), REFUSED)
def test_what_cannot_be_read_is_refused(index, seen, tmp_path, files, options, message):
    line = refused(index(files, *options))
    seen(line.replace(f"{tmp_path}/", ""))
    assert re.search(message, line)


READ = cases(
    (1, "an empty file beside a good one", "named", GOOD | {"a.txt": ""},
     (2, 1), r"notes/a\.txt: is empty", None),
    (2, "blank lines and blank texts", "skipped and counted",
     {"a.csv": "id,text\n\n1,\n2,bar\n \n"}, (4, 3), "", ["bar"]),
    (3, "a number, a list, nothing as a text", "named, with the line",
     {"a.jsonl": f'{TEXT}{{"text": 5}}\n{{"text": ["a"]}}\n{{"text": null}}\n{{}}\n'},
     (5, 4), r"a\.jsonl, line 2: \"text\" is 5.*line 4: \"text\" is None", None),
    (5, "longer than the model reads", "all of it kept, in parts",
     {"a.txt": "whale bar. " * 200}, (1, 0), "", None),
    (7, "NULs and lone surrogates", "removed and counted, or named",
     {"a.jsonl": '{"text": "a\\u0000b bar"}\n{"text": "\\ud83d bar"}\n',
      "b.txt": b"ba\0r whale bar"}, (3, 1),
     r"line 2: \"text\" holds half a character.*cleaned: 2",
     ["ab bar", "bar whale bar"]),
    (8, "emoji, right to left, combining", "accepted",
     {"a.txt": "\U0001f40b שלום e\u0301 \u202e bar"}, (1, 0), "",
     ["\U0001f40b שלום e\u0301 \u202e bar"]),
    (9, "UTF-8 with BOM", "read", {"a.csv": b"\xef\xbb\xbf" + b"text\nbar\n"},
     (1, 0), "", ["bar"]),
    (9, "UTF-16", "read, and said", {"a.txt": "größer".encode("utf-16")},
     (1, 0), "read as utf-16, by its mark", ["größer"]),
    (9, "Latin-1", "read, and said with the byte",
     {"a.txt": "Größe und Übung für Müller".encode("latin-1")},
     (1, 0), r"byte 0xf6, which is not UTF-8; read as cp1252, a guess",
     ["Größe und Übung für Müller"]),
    (10, "the same text twice", "kept and reported",
     {"a.csv": "text\nbar\nbar\n"}, (2, 0), "line 3 equals notes/a.csv, line 2",
     ["bar", "bar"]),
    (10, "the same id twice", "named, both places",
     {"a.csv": "id,text\n1,bar\n1,whale\n"}, (2, 1),
     r"line 3: its id '1' is also in notes/a\.csv, line 2", ["bar"]),
    (11, "the texts NA, null, None, nan", "stay texts",
     {"a.csv": "text\nNA\nnull\nNone\nnan\n"}, (4, 0), "",
     ["NA", "null", "None", "nan"]),
    (12, "a field of 200,000 characters", "read",
     {"a.csv": f'id,text\n1,"{"whale bar " * 20_000}"\n'}, (1, 0), "", None),
    (12, "quoted newlines and quotes", "read",
     {"a.csv": 'id,text\n1,"two\nlines ""so"""\n2,bar\n'}, (2, 0), "",
     ['two\nlines "so"', "bar"]),
    (12, "rows too long and too short", "named, with the line",
     {"a.csv": "id,text\n1,bar\n2\n3,a,b\n"}, (3, 2),
     r"line 3: has 1 fields, the header has 2.*line 4: has 3 fields", ["bar"]),
    (12, "a quote that is never closed", "named, with the line; costs one row",
     {"a.csv": 'id,text\n1,bar\n2,"open\n3,whale\n'}, (3, 1),
     r"line 3: not valid CSV", ["bar", "whale"]),
    (13, "U+2028, vertical tab, form feed in a text", "one line",
     {"a.csv": "text\nb\u2028a\vr\fs\nwhale\n"}, (2, 0), "",
     ["b\u2028a\vr\fs", "whale"]),
    (13, "CRLF and CR", "same as LF",
     {"a.csv": "text\r\nbar\r\nwhale\r\n", "b.csv": "text\rbar\rwhale\r"}, (4, 0), "",
     ["bar", "whale"] * 2),
    (14, "JSON Lines: a bad line", "named, with the line",
     {"a.jsonl": f"{TEXT}{{oops}}\n"}, (2, 1), "line 2: not valid JSON", ["the bar"]),
    (14, "JSON Lines: NaN", "named, with the line",
     {"a.jsonl": f'{TEXT}{{"text": NaN}}\n'}, (2, 1), r"line 2: .*NaN", ["the bar"]),
    (14, "JSON Lines: 100,000 brackets deep", "named, with the line",
     {"a.jsonl": f"{TEXT}{'[' * 10**5}\n"}, (2, 1), r"line 2: ", ["the bar"]),
    (14, "JSON Lines: a key twice", "named, with the line",
     {"a.jsonl": f'{TEXT}{{"text": "a", "text": "b"}}\n'}, (2, 1),
     r"line 2: .*'text' is there twice", ["the bar"]),
    (15, "gzip, a picture, machine code named .txt", "named",
     GOOD | {"a.txt": gzip.compress(b"bar" * 99), "c.txt": bytes(range(32)) * 40,
             "b.txt": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(300)}, (4, 3),
     r"a\.txt: is gzip.*b\.txt: .*c\.txt: ", ["the whale fell"]),
    (15, "a PDF, a zip, an unknown ending", "named",
     GOOD | {"a.txt": b"%PDF-1.7\n%\xe2\xe3", "b.csv": b"PK\x03\x04 \0", "c.exe": "MZ"},
     (4, 3), r"a\.txt: is a PDF.*b\.csv: is a zip.*c\.exe: \.exe is not read",
     ["the whale fell"]),
)  # fmt: skip


@pytest.mark.parametrize(("files", "counts", "said", "texts"), READ)
def test_what_can_be_read_is_read_and_the_rest_named(
    index, seen, tmp_path, files, counts, said, texts
):
    report = counted(index(files))
    account = told(report["account"])
    seen("read {read}, skipped {skipped}, passages {parts}".format(**report))
    assert (report["read"], report["skipped"]) == counts
    match = re.search(said, account, re.DOTALL)
    assert match, account
    seen(account)
    stored = [text for _, text in held(tmp_path / "my.db")[0]]
    if texts:
        assert stored == texts
    else:  # cut, maybe: every word is there still
        raw = "".join(str(content) for content in files.values())
        assert sum(text.count("whale") for text in stored) >= raw.count(
            "whale"
        ) > 0 or (stored == ["the bar"])


LINKS = cases(
    (15, "a link in a circle", "named", ("circle", "circle"),
     "circle: is a link, not followed"),
    (15, "a link to the folder it lies in", "named", ("me", "."),
     "me: is a link, not followed"),
    (18, "a link to ../../secret", "stays in the folder", ("out", "../../secret"),
     "out: is a link, not followed"),
)  # fmt: skip


@pytest.mark.parametrize(("link", "message"), LINKS)
def test_links_are_not_followed(index, seen, tmp_path, link, message):
    write(tmp_path.parent / "secret", {"key.txt": "a secret whale"})
    write(tmp_path / "notes", GOOD)
    os.symlink(link[1], tmp_path / "notes" / link[0])
    report = counted(index({}))
    assert (report["read"], report["skipped"], report["parts"]) == (2, 1, 1)
    seen(told(report["account"]))
    assert message in told(report["account"])


@pytest.mark.fault(15, "a file without permission", "named, the rest read")
def test_what_may_not_be_read(seen, tmp_path, reader):
    """By a process that may not read all: not root, who may."""
    write(tmp_path / "notes", GOOD | {"secret.txt": "bar"})
    (tmp_path / "notes" / "secret.txt").chmod(0)
    done = in_fork(index_unprivileged, tmp_path, reader)
    assert done.returncode == 0, done.stdout
    assert "secret.txt: cannot be read (Permission denied)" in done.stdout
    assert "1 skipped, 1 added" in done.stdout
    seen("secret.txt: cannot be read (Permission denied); 1 skipped, 1 added")


def index_unprivileged(folder, model):
    if os.geteuid() == 0:
        drop_capabilities()
    index_all(folder, model)


def index_all(folder, model):
    call("index", folder / "notes", "--index", folder / "my.db", "--model", model)


def drop_capabilities():
    """Let root be bound by permission bits, in this process: it stays the owner."""
    import ctypes

    dac_override, dac_read_search, drop = 1, 2, 24
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None)
    assert libc.capget(header, data) == 0
    for bit in (dac_override, dac_read_search):
        libc.prctl(drop, bit, 0, 0, 0)
        data[0] &= ~(1 << bit)
        data[1] &= ~(1 << bit)
    assert libc.capset(header, data) == 0


@pytest.mark.fault(15, "a source that is missing", "named, nothing is made")
def test_a_missing_source(index, seen, tmp_path):
    line = refused(index({}, source="nowhere"))
    assert "nowhere: no such file or folder" in line
    assert not (tmp_path / "my.db").exists()
    seen(line.replace(f"{tmp_path}/", ""))


@pytest.mark.fault(15, "a folder for the index file", "named")
def test_a_folder_for_an_index(command, seen, tmp_path, reader):
    write(tmp_path / "notes", GOOD)
    where = ["--index", tmp_path, "--model", reader]
    line = refused(command("index", tmp_path / "notes", *where))
    assert "is a folder; give the path of an index file" in line
    seen(line.replace(str(tmp_path), "folder"))


@pytest.mark.fault(18, "evaluate --split ../../x", "stays in the folder")
def test_a_split_stays_in_its_folder(command, seen, tmp_path):
    qrels = "query-id\tcorpus-id\tscore\nq\td\t1\n"
    record = '{"_id": "%s", "text": "bar"}\n'
    files = {"corpus.jsonl": record % "d", "queries.jsonl": record % "q"}
    write(tmp_path / "a" / "data", files | {"qrels/test.tsv": qrels})
    write(tmp_path / "a", {"x.tsv": qrels})
    call = ("evaluate", "--data", tmp_path / "a" / "data", "--split", "../../x")
    seen(line := refused(command(*call)).replace(str(tmp_path), ""))
    assert "../../x" in line


LONG = cases(
    (6, "one line of 1,000,000 characters", "bounded time and memory", 10**6, 60, 700),
    (6, "one line of 10,000,000 characters", "bounded time and memory",
     10**7, 600, 900),
)  # fmt: skip


@pytest.mark.parametrize(("length", "seconds", "megabytes"), LONG)
def test_an_endless_line(seen, tmp_path, reader, length, seconds, megabytes):
    write(tmp_path / "notes", {"a.txt": ("whale bar the squat " * length)[:length]})
    done = in_fork(index_measured, tmp_path, reader, timeout=seconds)
    assert done.returncode == 0, done.stdout
    parts, peak = re.search(
        r"([\d,]+) passages in .*peak (\d+) MB", done.stdout, re.S
    ).groups()
    seen(f"{parts} passages, peak {peak} MB")
    assert int(peak) < megabytes


def index_measured(folder, model):
    try:
        index_all(folder, model)
    finally:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"peak {peak // 1024} MB", flush=True)
