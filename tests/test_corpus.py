"""Loaders: what is right is read whole, what is wrong is named with its place."""

import json

import pytest

from helpers import CourseError, corpus, records

GOOD = '{"_id": "a", "text": "one"}\n{"_id": "b", "text": "two"}\n'


def write(folder, content, name="corpus.jsonl"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


BAD_RECORDS = {
    "empty file": ("", "is empty"),
    "only blank lines": ("\n\n \n", "is empty"),
    "bad JSON on line 7": (
        "".join(f'{{"_id": "{i}", "text": "t"}}\n' for i in range(6)) + "{oops}\n",
        "line 7: not valid JSON",
    ),
    "a list": ("[1, 2]\n", "line 1: expected an object in braces"),
    "Latin-1": (b'{"_id": "a", "text": "caf\xe9"}\n', "line 1: byte 0xe9 is not UTF-8"),
    "UTF-16": (GOOD.encode("utf-16"), "line 1: byte 0xff is not UTF-8; .*UTF-16"),
    "no id": ('{"text": "t"}\n', 'line 1: "_id" is missing'),
    "blank id": ('{"_id": " ", "text": "t"}\n', "line 1: \"_id\" is ' '"),
    "id null": ('{"_id": null, "text": "t"}\n', 'line 1: "_id" is None'),
    "duplicate id": (
        GOOD + '{"_id": "a", "text": "three"}\n',
        "line 3: \"_id\" 'a' is also in line 1",
    ),
    "no text": ('{"_id": "a"}\n', 'line 1: "text" is missing'),
    "half a character": (
        '{"_id": "a", "text": "\\ud83d"}\n',
        "line 1: .*lone surrogate",
    ),
    "a huge number": ('{"_id": "a", "text": ' + "9" * 5000 + "}\n", "line 1: "),
    "a key twice": (
        '{"_id": "a", "text": "t", "text": "u"}\n',
        "'text' is there twice",
    ),
    "nested deep": ("[" * 10**5 + "\n", "line 1: not valid JSON"),
    "text a number": ('{"_id": "a", "text": 5}\n', 'line 1: "text" is 5'),
}


@pytest.mark.parametrize("load", [corpus.load_corpus, corpus.load_queries])
@pytest.mark.parametrize("case", BAD_RECORDS)
def test_bad_files_are_refused_with_their_place(tmp_path, load, case):
    content, message = BAD_RECORDS[case]
    path = write(tmp_path, content)
    with pytest.raises(CourseError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "load",
    [corpus.load_corpus, corpus.load_queries, corpus.load_qrels, corpus.load_pairs],
)
def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(CourseError, match="nowhere.jsonl: no such file"):
        load(tmp_path / "nowhere.jsonl")


def test_a_beir_folder_is_read(tmp_path):
    write(tmp_path, '{"_id": "d1", "title": "Title", "text": "Text", "metadata": {}}\n')
    write(tmp_path, '{"_id": 7, "text": "Query", "metadata": {}}\n', "queries.jsonl")
    write(tmp_path, "query-id\tcorpus-id\tscore\n7\td1\t1\n", "qrels/test.tsv")
    assert corpus.load_corpus(tmp_path)[0].content == "Title Text"
    assert corpus.load_queries(tmp_path) == [corpus.Query("7", "Query")]
    assert corpus.load_qrels(tmp_path) == {"7": {"d1": 1}}


def test_qrels_of_another_split_and_without_header(tmp_path):
    write(tmp_path, "q\td\t2\r\n", "qrels/dev.tsv")
    assert corpus.load_qrels(tmp_path, split="dev") == {"q": {"d": 2}}


def test_content_without_title_has_no_leading_space():
    assert corpus.Document("a", "", "text").content == "text"


def test_a_line_separator_inside_a_text_does_not_end_the_line(tmp_path):
    text = "before\u2028after"
    path = write(tmp_path, json.dumps({"_id": "a", "text": text}, ensure_ascii=False))
    assert corpus.load_corpus(path)[0].text == text


def test_a_file_is_read_line_by_line(tmp_path):
    path = write(tmp_path, GOOD.encode() + b'{"_id": "c", "text": "caf\xe9"}\n')
    lines = records.lines(path)
    assert [next(lines), next(lines)] == [
        (f"{path}, line {number}", line)
        for number, line in enumerate(GOOD.splitlines(), start=1)
    ]
    with pytest.raises(CourseError, match="line 3: byte 0xe9"):
        next(lines)


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan", "true"])
def test_words_that_other_readers_take_for_missing_stay_words(tmp_path, word):
    path = write(tmp_path, json.dumps({"_id": word, "text": word}))
    assert corpus.load_corpus(path)[0].text == word


def test_windows_line_ends_and_marks_are_read(tmp_path):
    path = write(tmp_path, "\ufeff" + GOOD.replace("\n", "\r\n"))
    assert [d.text for d in corpus.load_corpus(path)] == ["one", "two"]


def test_a_blank_query_is_refused(tmp_path):
    path = write(tmp_path, '{"_id": "q", "text": "  "}\n')
    with pytest.raises(CourseError, match='line 1: "text" is blank'):
        corpus.load_queries(path)


BAD_QRELS = {
    "two columns": ("q\td\n", "line 1: expected query-id, corpus-id and score"),
    "spaces for tabs": ("q d 1\n", "line 1: expected query-id"),
    "blank id": ("\td\t1\n", "line 1: expected query-id"),
    "a fraction": ("q\td\t1.5\n", "line 1: the score '1.5' is not a whole number"),
    "a word": ("q\td\t1\nq\te\tyes\n", "line 2: the score 'yes'"),
    "judged twice": ("q\td\t1\nq\td\t2\n", "line 2: 'd' is judged twice"),
    "only a header": ("query-id\tcorpus-id\tscore\n", "is empty"),
    "nothing": ("", "is empty"),
}


@pytest.mark.parametrize("case", BAD_QRELS)
def test_bad_qrels_are_refused(tmp_path, case):
    content, message = BAD_QRELS[case]
    with pytest.raises(CourseError, match=message):
        corpus.load_qrels(write(tmp_path, content, "test.tsv"))


BAD_PAIRS = {
    "label above 1": ('"score": 4.5', '"score" is 4.5, outside 0..1; divide'),
    "label below 0": ('"score": -0.1', "outside 0..1"),
    "not a number": ('"score": NaN', "NaN is no JSON number"),
    "infinite": ('"score": 1e999', '"score" is inf, outside 0..1'),
    "a text": ('"score": "0.5"', "must be a number"),
    "a truth value": ('"score": true', "must be a number"),
    "no label": ('"other": 1', '"score" is missing'),
    "blank sentence": ('"sentence1": " ", "score": 1', '"sentence1" is blank'),
    "a key twice": ('"score": 1, "score": 0', "the key 'score' is there twice"),
}


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_bad_pairs_are_refused(tmp_path, case):
    fields, message = BAD_PAIRS[case]
    good = '{"sentence1": "a", "sentence2": "b", "score": 1}\n'
    first = "" if "sentence1" in fields else '"sentence1": "a", '
    path = write(tmp_path, f'{good}{{{first}"sentence2": "b", {fields}}}\n')
    with pytest.raises(CourseError, match=f"line 2: .*{message}"):
        corpus.load_pairs(path)


def test_good_pairs_are_read(tmp_path):
    path = write(tmp_path, '{"sentence1": "a", "sentence2": "b", "score": 1}\n')
    assert corpus.load_pairs(path) == [corpus.Pair("a", "b", 1.0)]


def splits(folder, **sentences):
    """Write a folder of pairs; return it."""
    for split, pairs in sentences.items():
        lines = [
            json.dumps({"sentence1": first, "sentence2": second, "score": 0.3})
            for first, second in pairs
        ]
        write(folder, "\n".join(lines), f"{split}.jsonl")
    return folder


def test_a_split_of_a_folder_is_read(tmp_path):
    splits(
        tmp_path, train=[("a", "b")], test=[("c", "d"), ("e", "c")], more=[("a",) * 2]
    )
    assert corpus.load_pairs(tmp_path) == [corpus.Pair("a", "b", 0.3)]
    assert len(corpus.load_pairs(tmp_path, split="test")) == 2
    with pytest.raises(CourseError, match=r"dev\.jsonl: no such file"):
        corpus.load_pairs(tmp_path, split="dev")


@pytest.mark.parametrize(
    "copy", ["The whale sold.", "the  WHALE sold", "The whale sold!"]
)
@pytest.mark.parametrize("loaded", ["train", "dev", "test"])
def test_a_sentence_in_two_splits_is_refused(tmp_path, copy, loaded):
    splits(
        tmp_path,
        train=[("a", "b"), ("c", "The whale sold.")],
        dev=[("d", "e")],
        test=[(copy, "f")],
    )
    message = (
        r"test\.jsonl, line 1: the sentence .* is also in .*train\.jsonl, line 2; a"
    )
    with pytest.raises(CourseError, match=message):
        corpus.load_pairs(tmp_path, split=loaded)


def test_a_set_beside_the_splits_must_not_leak_either(tmp_path):
    splits(tmp_path, train=[("a", "b")], probe=[("b", "c")])
    with pytest.raises(CourseError, match=r"probe\.jsonl, line 1: the sentence 'b'"):
        corpus.load_pairs(tmp_path, split="probe")


def test_what_a_pair_is_about_is_read(tmp_path):
    record = {"sentence1": "a", "sentence2": "b", "score": 0, "about": "gas"}
    path = write(tmp_path, json.dumps(record))
    assert corpus.load_pairs(path) == [corpus.Pair("a", "b", 0.0, "gas")]
    with pytest.raises(CourseError, match='"about" is 5; it must be a text'):
        corpus.load_pairs(write(tmp_path, json.dumps(record | {"about": 5})))


def test_saved_queries_are_loaded_and_a_file_that_is_there_keeps_its_lines(tmp_path):
    path = tmp_path / "queries.jsonl"
    queries = [
        corpus.Query("q1", "Wie heißt\u2028er?"),
        corpus.Query("q2", "why", "topical"),
    ]
    corpus.save_queries(path, queries)
    assert corpus.load_queries(path) == queries
    mine = b'{"_id": "q1", "text": "mine", "note": "kept"}'  # no line end
    path.write_bytes(mine)
    corpus.save_queries(path, queries)
    assert path.read_bytes().startswith(mine + b"\n")
    assert corpus.load_queries(path) == [corpus.Query("q1", "mine"), queries[1]]
    path.write_text("my diary")
    with pytest.raises(CourseError, match="line 1"):
        corpus.save_queries(path, queries)
    assert path.read_text() == "my diary"
