"""Files as people have them: read, or refused with place and reason; counts add up."""

import csv
import io
import json
import os
import random
import re
import sys
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import CourseError, ingestion


def put(folder, **files):
    """Write files, "__" standing for "." in their names; return the folder."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        (folder / name.replace("__", ".")).write_bytes(raw)
    return folder


def everything(*sources, **options):
    """Return the documents, and the account, whose counts must add up."""
    reading = ingestion.read(sources, **options)
    documents = []
    try:
        documents += reading
    finally:
        account = reading.account
        assert account.read == account.kept + account.empty + account.refused_count
        assert account.skipped == account.read - len(documents)
        assert len({document.id for document in documents}) == account.kept
        json.dumps(account.to_json())
        str(account).encode()
    return documents, account


def texts(*sources, **options):
    return [document.text for document in everything(*sources, **options)[0]]


def only(tmp_path, name, content, **options):
    """Return the documents and the account of one file."""
    put(tmp_path, **{name.replace(".", "__"): content})
    return everything(tmp_path / name, **options)


def refusals(account):
    return [str(refusal) for refusal in account.refused]


# What is read


def test_a_folder_of_all_kinds_becomes_documents_with_ids_and_sources(tmp_path):
    notes = put(
        tmp_path / "notes",
        plan__md="intro\n\n# The plan #\nSquat.\n# More\n",
        lifts__CSV='id,text,Topic,extra\n7,"bench,\n100 kg",lifting,x\n8,squat,,y\n',
        coins__tsv="body\tnumber\nwhale\t3\n",
        chat__jsonl='{"text": "hi", "title": "T", "topic": 3}\n\n{"text": "ho"}\n',
    )
    put(notes / "old", a__txt="an old text\r\nof two lines\r\n")
    documents, account = everything(notes)
    found = {document.id: document for document in documents}
    assert list(found) == [
        "notes/chat.jsonl:1",
        "notes/chat.jsonl:3",
        "notes/coins.tsv:2",
        "7",
        "8",
        "notes/plan.md",
        "notes/old/a.txt",
    ]
    assert found["7"].text == "bench,\n100 kg"
    assert found["7"].topic == "lifting"
    assert found["7"].source == "notes/lifts.CSV, line 2"
    assert found["8"].source == "notes/lifts.CSV, line 4"
    assert found["notes/plan.md"].title == "The plan"
    assert found["notes/plan.md"].source == "notes/plan.md"
    chat = found["notes/chat.jsonl:1"]
    assert (chat.title, chat.text, chat.topic) == ("T", "hi", "3")
    assert found["notes/old/a.txt"].text == "an old text\nof two lines"
    assert (account.read, account.kept, account.empty) == (8, 7, 1)
    assert account.notes == [
        "notes/coins.tsv: texts from 'body' (by its name)",
        "notes/lifts.CSV: texts from 'text', ids from 'id'",
    ]


def test_single_files_are_named_without_their_folder_and_read_again(tmp_path):
    put(tmp_path, a__txt="one", b__csv="text\ntwo\n")
    reading = ingestion.read([tmp_path / "a.txt", str(tmp_path / "b.csv")])
    assert [document.id for document in reading] == ["a.txt", "b.csv:2"]
    first = reading.account
    assert [document.source for document in reading] == ["a.txt", "b.csv, line 2"]
    assert reading.account == first
    assert reading.account is not first


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("utf-8-sig", "Übung, 鯨"),
        ("utf-16", "Übung, 鯨"),
        ("latin-1", "Café"),
        ("cp1252", "Le prix a chuté après l'été, et déjà les “baleines” ont vendu."),
        ("cp1252", "A baleia não vendeu; amanhã, o preço do bitcoin cairá."),
        ("cp1250", "Wieloryb sprzedał bitcoiny, a sztanga spadła. Zażółć gęślą jaźń"),
        ("cp1251", "Биткоин упал, и киты продали всё. Штанга упала на пол."),
        ("shift_jis", "鯨がビットコインを売った。バーベルが落ちた。"),
        ("gb18030", "鲸鱼卖掉了比特币。杠铃掉在地上。"),
        ("cp949", "고래가 비트코인을 팔았다. 바벨이 떨어졌다."),
    ],
)
@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl"])
def test_encodings_are_found_and_said(tmp_path, name, text, kind):
    content = {
        "txt": text,
        "csv": f'text\n"{text}"\n',
        "jsonl": f'{{"text": {json.dumps(text, ensure_ascii=False)}}}\n',
    }[kind]
    [document], account = only(tmp_path, f"a.{kind}", content.encode(name))
    assert document.text == text
    said = [note for note in account.notes if "read as" in note]
    assert len(said) == (name != "utf-8-sig")
    if said and name[:3] != "utf":
        assert "line 1 holds byte 0x" in said[0] or "line 2 holds byte 0x" in said[0]
        assert "--encoding" in said[0]
    again, account = only(tmp_path, f"a.{kind}", content.encode(name), encoding=name)
    assert again == [document]
    assert not [note for note in account.notes if "read as" in note]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shift_jis", "鯨 が ビット コイン を 売った バーベル 落ちた 今日 は 重い 夜"),
        ("gb18030", "鲸鱼 卖掉 了 比特币 杠铃 掉 在 地上 今天 很 重 晚上"),
        ("cp1252", "la baleine a été vendue et déjà le prix a chuté après"),
    ],
)
def test_the_encoding_of_a_long_file_is_found(tmp_path, name, words):
    chosen = random.Random(0).choices(words.split(), k=60_000)
    lines = [" ".join(chosen[n : n + 12]) for n in range(0, len(chosen), 12)]
    for start in ("a", "ab", "abc", "abcd"):
        raw = "\n".join([start, *lines]).encode(name)
        [document], _ = only(tmp_path, "a.txt", raw)
        assert document.text.endswith(lines[-1])


def test_an_encoding_that_is_given_wins_or_is_named(tmp_path):
    put(tmp_path, a__txt="é".encode("cp850"), b__txt=b"plain")
    assert texts(tmp_path, encoding="cp850") == ["é", "plain"]
    documents, account = everything(tmp_path, encoding="UTF8")
    assert [document.text for document in documents] == ["plain"]
    [refusal] = refusals(account)
    assert "a.txt: line 1 holds byte 0x82, which is not utf-8" in refusal
    assert "--encoding" in refusal
    for name in ("klingon", "hex", "", "a\0b"):
        with pytest.raises(CourseError, match="encoding '.*' is unknown"):
            ingestion.read(tmp_path, encoding=name)
    marked = put(tmp_path / "le", a__txt="é".encode("utf-16"))
    assert texts(marked, encoding="utf-16-le") == ["é"]
    assert texts(put(tmp_path / "b", a__csv="text\né\n"), encoding="utf-8") == ["é"]


def test_one_bad_byte_costs_its_row_and_does_not_spoil_the_others(tmp_path):
    rows = [f"Café number {n}, über\n".encode() for n in range(9)]
    rows[4] = b"caf\xe9\n"
    table = b"n,text\n" + b"".join(
        b'%d,"%s"\n' % (n, row[:-1]) for n, row in enumerate(rows)
    )
    documents, account = only(tmp_path, "a.csv", table)
    assert len(documents) == 8
    assert documents[-1].text == "Café number 8, über"
    assert refusals(account) == ["a.csv, line 6: byte 0xe9 is not UTF-8"]
    assert "line 6 holds byte 0xe9, the rest is UTF-8" in account.notes[0]
    lines = [b'{"text": "%s"}\n' % row[:-1] for row in rows]
    documents, account = only(tmp_path, "b.jsonl", b"".join(lines))
    assert len(documents) == 8
    assert refusals(account) == ["b.jsonl, line 5: byte 0xe9 is not UTF-8"]
    with pytest.raises(CourseError, match=r"c\.txt: byte 0xe9 is not UTF-8; save"):
        only(tmp_path, "c.txt", b"".join(rows))


def test_a_bad_byte_behind_the_first_block_is_found(tmp_path):
    for encoding in ("utf-8", "cp1252"):
        before, whole = "a" * 10**5 + "\n", "Le prix a chuté après l'été"
        raw = (before + whole).encode(encoding)
        [document], account = only(tmp_path, "a.txt", raw)
        assert document.text == before + whole
    assert "a.txt: line 2 holds byte 0xe9" in account.notes[0]
    _, account = only(tmp_path, "a.txt", "鯨".encode() * 10**5)
    assert not account.notes


def test_lines_end_where_people_see_them_end(tmp_path):
    line = "one\u2028line\x0bwith\x0cmarks\x85 and\u2029more"
    for end in ("\n", "\r\n", "\r"):
        rows = end.join(["text", line, f'"{line}"', ""])
        documents, _ = only(tmp_path, "a.csv", rows)
        assert [document.text for document in documents] == [line, line]
        assert documents[1].source == "a.csv, line 3"
        record = json.dumps({"text": line}, ensure_ascii=False)
        documents, _ = only(tmp_path, "a.jsonl", end.join([record, record, ""]))
        assert [document.text for document in documents] == [line, line]
        assert texts(put(tmp_path / "t", a__txt=f"{line}{end}b")) == [f"{line}\nb"]


def test_words_that_look_like_nothing_stay_texts(tmp_path):
    words = ["NA", "null", "None", "nan", "NaN", "true", "#N/A", "-", "0", "=1+1"]
    assert texts(put(tmp_path, a__csv="\n".join(["text", *words]))) == words
    lines = "\n".join(json.dumps({"text": word}) for word in words)
    assert [d.text for d in only(tmp_path, "b.jsonl", lines)[0]] == words


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_and_said(tmp_path, delimiter):
    rows = [
        ["id", "text"],
        ["1", "a, b; c | d"],
        ["2", 'say "x"\n\ty'],
        ["3", ",,,;;;||"],
    ]
    table = io.StringIO()
    csv.writer(table, delimiter=delimiter).writerows(rows)
    documents, account = only(tmp_path, "a.csv", table.getvalue())
    assert [[d.id, d.text.replace("\r\n", "\n")] for d in documents] == rows[1:]
    said = f"a.csv: its delimiter is {delimiter!r}"
    assert (said in account.notes) == (delimiter != ",")


def test_nuls_and_half_characters_are_removed_and_counted(tmp_path):
    table = "text,topic\nbit\0coin and the whale,a\nsquat and bench,l\0\nfine,b\n"
    documents, account = only(tmp_path, "a.csv", table)
    assert [d.text for d in documents] == [
        "bitcoin and the whale",
        "squat and bench",
        "fine",
    ]
    assert documents[1].topic == "l"
    assert account.cleaned == 2
    for name, content in (
        ("a.txt", "bit\0coin fell on the floor"),
        ("a.jsonl", '{"text": "bit\\u0000coin fell on the floor"}'),
    ):
        [document], account = only(tmp_path, name, content)
        assert document.text == "bitcoin fell on the floor"
        assert account.cleaned == 1
    [document], account = only(
        tmp_path, "b.txt", rb"half \ud83d of it", encoding="unicode_escape"
    )
    assert (document.text, account.cleaned) == ("half  of it", 1)


def test_very_long_fields_are_read(tmp_path):
    long = "whale " * 200_000
    documents = iter(ingestion.read(put(tmp_path, a__csv=f"text,n\n{long},1\nb,2\n")))
    assert next(documents).text == long
    assert next(documents).text == "b"
    assert [len(d.text) for d in only(tmp_path, "b.txt", "x" * 10**7)[0]] == [10**7]
    line = json.dumps({"text": long})
    assert only(tmp_path, "b.jsonl", line)[0][0].text == long


def test_duplicates_of_a_text_are_kept_and_counted(tmp_path):
    put(tmp_path, a__csv="text\nwhale\nsquat\nwhale\n", b__txt="whale")
    documents, account = everything(tmp_path)
    assert len(documents) == 4
    assert account.duplicates == 2
    name = tmp_path.name
    assert account.duplicate_places == [
        f"{name}/a.csv, line 4 equals {name}/a.csv, line 2",
        f"{name}/b.txt equals {name}/a.csv, line 2",
    ]


def test_a_beir_folder_is_its_corpus_alone(tmp_path):
    line = '{"_id": "d1", "title": "T", "text": ""}\n'
    put(
        tmp_path / "beir",
        corpus__jsonl=line,
        queries__jsonl='{"_id": "q", "text": "q"}\n',
    )
    put(tmp_path / "beir" / "qrels", test__tsv="query-id\tcorpus-id\tscore\nq\td1\t1\n")
    documents, account = everything(tmp_path / "beir")
    assert [(d.id, d.title, d.text) for d in documents] == [("d1", "T", "")]
    assert "beir: a BEIR folder, corpus.jsonl alone is read" in account.notes


def test_the_course_itself_is_read_as_corpus_reads_it(documents):
    from helpers.corpus import DATA

    found, account = everything(DATA)
    assert [(d.id, d.content, d.topic, d.subtopic) for d in found] == [
        (d.id, d.content, d.topic, d.subtopic) for d in documents
    ]
    assert (account.read, account.refused_count) == (480, 0)


# Columns


@pytest.mark.parametrize(
    ("header", "row", "chosen"),
    [
        ("id,Text,note", "1,a,b", "a"),
        ("when,body,who", "1,a,b", "a"),
        ("message,content", "b,a", "a"),
        ("id,whatever,topic", "1,a,t", "a"),
        ("whatever", "a", "a"),
        ("title", "a", "a"),
        ("who,what", "me,a text that is clearly longer than the rest", None),
    ],
)
def test_columns_are_chosen_by_name_or_length_and_said(tmp_path, header, row, chosen):
    [document], account = only(tmp_path, "a.csv", f"{header}\n{row}\n")
    assert document.text == (chosen or row.split(",")[1])
    assert document.title == ""
    assert account.notes[-1].startswith("a.csv: texts from ")


def test_columns_that_are_asked_for_are_taken_or_named(tmp_path):
    put(tmp_path, a__csv="k,one,two,one\n9,x,y,z\n", b__jsonl='{"two": "t", "k": 4}\n')
    for name, identifier, text in (("a.csv", "9", "y"), ("b.jsonl", "4", "t")):
        file = tmp_path / name
        [document], account = everything(file, text_column="two", id_column="K")
        assert (document.id, document.text) == (identifier, text)
        assert not account.notes
        with pytest.raises(
            CourseError, match=r"has no 'x' \(--text-column\); it has '"
        ):
            everything(file, text_column="x")
        with pytest.raises(CourseError, match=r"has no 'id' \(--id-column\); it has '"):
            everything(file, text_column="two", id_column="id")
    with pytest.raises(CourseError, match="two columns are called 'one'"):
        everything(tmp_path / "a.csv", text_column="one")
    with pytest.raises(
        CourseError, match="which column is the text.*'k', 'one', 'two'"
    ):
        everything(tmp_path / "a.csv")


def test_a_missing_column_is_said_before_the_first_text(tmp_path):
    put(tmp_path, a__txt="a text", b__csv="x,y\n1,2\n")
    with pytest.raises(CourseError, match=r"b\.csv: which column"):
        next(iter(ingestion.read(tmp_path)))


# What is refused


def test_bad_rows_of_a_table_are_refused_and_the_rest_goes_on(tmp_path):
    table = (
        'id,text\n1,first\n2,a,b\n3\n4,"closed" wrong\n5,fine\n\n ,\n5,again\n,no id\n'
        '6,"never closed\n7,still here\n8,"two\nlines"\n'
    )
    documents, account = only(tmp_path, "a.csv", table)
    assert [d.id for d in documents] == ["1", "5", "7", "8"]
    assert documents[-1].text == "two\nlines"
    assert account.empty == 2
    for place, reason in {
        "line 3": "has 3 fields, the header has 2",
        "line 4": "has 1 fields, the header has 2",
        "line 5": "not valid CSV (',' expected after '\"')",
        "line 9": "its id '5' is also in a.csv, line 6; every id must be unique",
        "line 10": "\"id\" is ''; give every line an id of its own",
        "line 11": "not valid CSV",
    }.items():
        assert any(f"a.csv, {place}: {reason}" in each for each in refusals(account))


def test_a_lost_quote_costs_one_row(tmp_path):
    rows = [f"{n},text number {n}" for n in range(500)]
    rows[100] = '100,"a quote is opened'
    table = "\n".join(["id,text", *rows])
    documents, account = only(tmp_path, "a.csv", table)
    assert len(documents) == 499
    assert refusals(account)[0].startswith(
        "a.csv, line 102: not valid CSV (unexpected end"
    )
    assert documents[-1].source == "a.csv, line 501"


BAD_LINES = {
    "cut": ('{"text": "a"', "not valid JSON (Expecting ',' delimiter, character 13)"),
    "NaN": ('{"text": "a", "n": NaN}', "NaN is no JSON number"),
    "deep": ("[" * 10**5, "not valid JSON"),
    "deep inside": ('{"text": "a", "n": ' + "[" * 10**5, "not valid JSON"),
    "twice": ('{"text": "a", "text": "b"}', "the key 'text' is there twice"),
    "half": (r'{"text": "a\ud83d"}', '"text" holds half a character'),
    "half title": (
        r'{"text": "a", "id": 2, "title": "\ud83d"}',
        '"title" holds half a character',
    ),
    "list": ('["a"]', "expected an object in braces"),
    "null": ('{"text": null}', '"text" is None; it must be a text'),
    "number": ('{"text": 5}', '"text" is 5; it must be a text'),
    "nothing": ("{}", '"text" is missing'),
    "no id": ('{"text": "a"}', '"id" is missing'),
    "id": ('{"text": "a", "id": 1.5}', '"id" is 1.5'),
    "topic": ('{"text": "a", "id": 2, "topic": ["a"]}', "\"topic\" is ['a']"),
    "id twice": ('{"text": "a", "id": 1}', "its id '1' is also in a.jsonl, line 1"),
    "huge": ('{"text": "a", "id": ' + "9" * 5000 + "}", "not valid JSON"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_bad_json_lines_are_refused_and_the_rest_goes_on(tmp_path, case):
    line, reason = BAD_LINES[case]
    good = '{"text": "one", "id": 1, "title": "", "topic": ""}'
    lines = f'{good}\n{line}\n \n{{"text": "two", "id": 2}}'
    documents, account = only(tmp_path, "a.jsonl", lines)
    assert [document.id for document in documents] == ["1", "2"]
    assert account.empty == 1
    [refusal] = refusals(account)
    assert refusal.startswith("a.jsonl, line 2: ")
    assert reason in refusal
    assert "\n" not in refusal


WHOLE_FILES = {
    "a.txt": (b"", "is empty"),
    "marked.jsonl": (b"\xef\xbb\xbf", "is empty"),
    "gzip.txt": (b"\x1f\x8b\x08\x00abc", "is gzip; unpack it"),
    "word.txt": (b"PK\x03\x04" + b"word" * 100, "is a zip archive"),
    "base.csv": (b"SQLite format 3\0" + b"\0" * 99, "is an SQLite database"),
    "noise.csv": (bytes(range(256)) * 20, "does not look like text"),
    "noise.jsonl": (b"\0\1\2\3" * 20, "does not look like text"),
    "unmarked.txt": ("a text".encode("utf-16-le"), "--encoding utf-16-le"),
    "wide.txt": ("a text".encode("utf-32"), "does not look like text"),
    "cut.txt": ("é".encode("utf-16") + b"\0", "which is not utf-16"),
    "head.csv": (b'"text\na\n', "no names of columns in its first row"),
    "blank.csv": (b"\n\n", "no names of columns in its first row"),
    "array.json": (b"[]", "write one object a line, and call it .jsonl"),
    "scan.pdf": (b"%PDF-", ".pdf is not read; these are: .csv"),
    "README": (b"text", "a name without an ending is not read"),
}


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_files_that_are_no_text_are_refused_whole(tmp_path, name):
    content, reason = WHOLE_FILES[name]
    put(tmp_path, good__md="text").joinpath(name).write_bytes(content)
    documents, account = everything(tmp_path)
    assert [document.text for document in documents] == ["text"]
    [refusal] = refusals(account)
    place = f"{tmp_path.name}/{name}"
    assert refusal.startswith(f"{place}: ")
    assert reason in refusal
    assert account.unread == [place]
    assert account.may_hold(f"{place}, line 3")
    assert account.may_hold(place)
    assert not account.may_hold(f"{place}x, line 3")


def test_links_are_refused_with_a_reason(tmp_path):
    notes = put(tmp_path / "notes", a__txt="a")
    put(tmp_path, secret__txt="secret")
    for name, target in {
        "out.txt": tmp_path / "secret.txt",
        "in.txt": notes / "a.txt",
        "self.txt": notes / "self.txt",
        "nowhere.txt": notes / "no",
        "up": tmp_path,
        "here": notes,
    }.items():
        (notes / name).symlink_to(target)
    documents, account = everything(notes)
    assert [document.text for document in documents] == ["a"]
    assert refusals(account) == [
        f"notes/{name}: is a link, not followed; name its target as a source of its own"
        for name in ("here", "in.txt", "nowhere.txt", "out.txt", "self.txt", "up")
    ]
    with pytest.raises(
        CourseError, match=r"self\.txt: no such .* a link that leads nowhere"
    ):
        ingestion.read(notes / "self.txt")
    assert texts(notes / "out.txt") == ["secret"]


def test_hidden_files_and_files_given_twice_are_passed_over_and_noted(tmp_path):
    notes = put(tmp_path / "notes", a__txt="a", __hidden__txt="b")
    put(notes / ".git", config__txt="c")
    documents, account = everything(notes, notes / "a.txt", notes)
    assert [document.id for document in documents] == ["notes/a.txt"]
    assert account.notes == [
        "notes: hidden files and folders passed over: 2",
        "a.txt: passed over, it is read already",
        "notes/a.txt: passed over, it is read already",
        "notes: hidden files and folders passed over: 2",
    ]


def test_what_may_not_be_read_is_refused(tmp_path, monkeypatch):
    notes = put(tmp_path / "notes", a__txt="a", b__txt="b")
    put(notes / "private", c__txt="c")
    real, walk = open, os.scandir

    def denied(path, *arguments, **options):
        if str(path).endswith(("b.txt", "private")):
            raise PermissionError(13, "Permission denied", str(path))
        return (walk if options.pop("_walk", 0) else real)(path, *arguments, **options)

    monkeypatch.setattr("builtins.open", denied)
    monkeypatch.setattr("os.scandir", lambda path: denied(path, _walk=1))
    documents, account = everything(notes)
    assert [document.text for document in documents] == ["a"]
    assert sorted(account.unread) == ["notes/b.txt", "notes/private"]
    assert all("cannot be read (Permission denied)" in r for r in refusals(account))
    assert account.may_hold("notes/private/c.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
def test_a_pipe_and_a_name_of_odd_bytes_do_no_harm(tmp_path):
    put(tmp_path, a__txt="a")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("b")
    documents, account = everything(tmp_path)
    assert [document.text for document in documents] == ["a", "b"]
    assert documents[1].id.endswith("caf\ufffd.txt")
    assert refusals(account) == [f"{tmp_path.name}/pipe.txt: is no plain file"]


def test_sources_that_are_not_there_are_named_before_anything_is_read(tmp_path):
    put(tmp_path, a__txt="a")
    with pytest.raises(CourseError, match=r"gone: no such file or folder"):
        ingestion.read([tmp_path, tmp_path / "gone"])
    with pytest.raises(CourseError, match="there is no source"):
        ingestion.read([])


def test_a_reading_without_any_text_says_so_and_keeps_its_account(tmp_path):
    reading = ingestion.read(put(tmp_path, a__txt=" \n", b__csv="text\n\n", c__pdf="x"))
    with pytest.raises(CourseError, match="no text to keep. Read 3: kept 0, empty 2"):
        list(reading)
    assert (reading.account.read, reading.account.empty) == (3, 2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match="no text to keep. Read 0"):
        list(ingestion.read(tmp_path / "empty"))


def test_half_a_character_in_a_key_can_be_printed(tmp_path):
    documents, account = only(
        tmp_path,
        "a.jsonl",
        r"""{"\ud83d": "a"}
{"\ud83d": 5}""",
    )
    assert [document.text for document in documents] == ["a"]
    assert refusals(account)[0].startswith(r'a.jsonl, line 2: "\ud83d" is 5')


def test_the_account_counts_all_and_lists_the_first(tmp_path):
    _, account = only(tmp_path, "a.csv", "text,n\nfine,1\n" + "bad\n" * 300)
    assert (account.refused_count, len(account.refused)) == (300, 100)
    assert account.unread == ["a.csv"]
    lines = str(account).splitlines()
    assert lines[0] == "Read 301: kept 1, empty 0, refused 300"
    assert lines[-1] == "  refused: 290 more"
    assert account.to_json()["refused"] == 300
    assert account.to_json()["refusals"][0] == {
        "place": "a.csv, line 3",
        "reason": "has 1 fields, the header has 2; quote a text that holds the "
        "delimiter",
    }


def test_a_file_that_changes_while_it_is_read_is_refused_for_the_rest(tmp_path):
    rows = "".join(f"{n},text number {n}\n" for n in range(20_000))
    path = put(tmp_path, a__csv=f"n,text\n{rows}") / "a.csv"
    reading = ingestion.read(path)
    documents = iter(reading)
    next(documents)
    path.write_bytes(b"\xff" * 10**6)
    rest = list(documents)
    assert 1 + len(rest) == reading.account.kept
    assert reading.account.unread == ["a.csv"]


def test_a_big_table_is_streamed(tmp_path):
    rows, text = 20_000, "whale " * 300
    with open(tmp_path / "a.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["n", "text"], *([n, f"{text}{n}"] for n in range(rows))]
        )
    tracemalloc.start()
    count = sum(1 for _ in ingestion.read(tmp_path / "a.csv"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == rows
    # Ids and digests of all are known, their texts (36 MB) are not held.
    assert peak < 400 * rows + 5 * 10**6


# Any input at all

CHARACTERS = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from(
    "\n\r\t\x0b"
)
ANY_TEXT = st.text(CHARACTERS, max_size=60)


@given(st.lists(ANY_TEXT, max_size=12), st.sampled_from(",;\t|"))
@settings(max_examples=150, deadline=None)
def test_any_rows_that_csv_writes_are_read_back(tmp_path_factory, written, delimiter):
    table = io.StringIO(newline="")
    writer = csv.writer(table, delimiter=delimiter)
    writer.writerow(["id", "text"])
    writer.writerows(enumerate(written))
    folder = tmp_path_factory.mktemp("rows")
    found, account = only(
        folder, "a.csv", f"{table.getvalue()}{len(written)}{delimiter}x"
    )
    there = {str(n): text for n, text in enumerate([*written, "x"]) if text.strip()}
    assert {document.id: document.text for document in found} == there
    assert account.refused_count == 0
    assert account.read == len(written) + 1


@given(st.lists(ANY_TEXT, max_size=12), st.booleans(), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150, deadline=None)
def test_any_texts_written_as_json_lines_are_read_back(
    tmp_path_factory, written, plain, end
):
    lines = [json.dumps({"text": text}, ensure_ascii=plain) for text in [*written, "x"]]
    found, account = only(tmp_path_factory.mktemp("lines"), "a.jsonl", end.join(lines))
    there = {f"a.jsonl:{n}": text for n, text in enumerate([*written, "x"], start=1)}
    assert {document.id: document.text for document in found} == {
        place: text for place, text in there.items() if text.strip()
    }
    assert account.refused_count == 0


PIECES = [
    b"text",
    b"\n",
    b"\r",
    b'"',
    b",",
    b";",
    b"\0",
    b"\xe9",
    "é鯨".encode(),
    b"\xff\xfe",
]
PIECES += [
    b'{"text": "a"}\n',
    b'{"text": 1}',
    b"\\ud83d",
    b" ",
    b"# ",
    b"a,b\n",
    b"\x1f\x8b",
]


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join),
    st.sampled_from(["", "text\n", "id,text\n"]),
    st.sampled_from(["txt", "csv", "tsv", "jsonl", "md"]),
)
@settings(max_examples=200, deadline=None)
def test_the_counts_add_up_for_any_bytes(tmp_path_factory, content, head, kind):
    folder = put(
        tmp_path_factory.mktemp("bytes"), **{f"a__{kind}": head.encode() + content}
    )
    reading = ingestion.read(folder)
    documents = []
    try:
        documents += reading
    except CourseError:
        assert not documents
    account = reading.account
    str(account).encode()
    assert account.read == account.kept + account.empty + account.refused_count
    assert account.kept == len(documents)
    for document in documents:
        assert document.content
        document.content.encode()
    lines = plain_lines(head.encode() + content)
    refused_whole = any(
        each.place == folder.name + f"/a.{kind}" for each in account.refused
    )
    if refused_whole or kind in ("txt", "md"):
        assert account.read == 1
    elif kind == "jsonl" and lines:
        assert account.read == len(lines)
    elif head and lines and documents and b'"' not in content:
        assert account.read == len(lines) - 1


def plain_lines(content):
    """Return the lines of bytes that are UTF-8; none for others."""
    try:
        lines = re.split(r"\r\n|\r|\n", content.decode())
    except UnicodeDecodeError:
        return []
    return lines[: -1 if lines[-1] == "" else None]


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("---\ntitle: 'The plan'\ntags: [a, b]\n---\n\n", "The plan"),
        ("---\nTags: x\n...\n# Bulk\n", "Bulk"),
        ("---\r\ntitle: The plan\r\n---\r\n# Bulk\r\n", "Bulk"),
    ],
)
def test_front_matter_gives_a_title_and_is_left_out_and_counted(tmp_path, front, title):
    (tmp_path / "plan.md").write_bytes(f"{front}Squat.\n\n---\nBench.".encode())
    reading = ingestion.read(tmp_path / "plan.md")
    [found] = reading
    assert (found.title, found.text) == (title, "Squat.\n\n---\nBench.")
    assert reading.account.front_matter == 1
    assert "Front matter left out of texts: 1" in str(reading.account)


@pytest.mark.parametrize(
    "text", ["---\nA rule: no, a line.\n", "---\n\nkey: value\n---\nx", "a: b\n---\nx"]
)
def test_a_line_of_dashes_is_no_front_matter(tmp_path, text):
    (tmp_path / "plan.md").write_text(text)
    reading = ingestion.read(tmp_path / "plan.md")
    assert [each.text for each in reading] == [text.strip()]
    assert reading.account.front_matter == 0


@pytest.mark.parametrize(
    "text, title, rest",
    [
        ("# Plan\n\nLift.", "Plan", "Lift."),
        ("Lift.\n\n# Plan\n\nRest.", "Plan", "Lift.\n\n# Plan\n\nRest."),
        ("# Plan", "Plan", ""),
    ],
)
def test_a_heading_on_the_first_line_is_the_title_and_is_not_said_twice(
    tmp_path, text, title, rest
):
    (tmp_path / "plan.md").write_text(text)
    [found] = ingestion.read(tmp_path / "plan.md")
    assert (found.title, found.text) == (title, rest)
