"""The course's data has the shape that its card promises."""

import json
import random
import re
from collections import Counter

import numpy as np
import pytest

from helpers import corpus, ingestion, metrics

CARD = (corpus.DATA / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def queries():
    return corpus.load_queries()


@pytest.fixture(scope="module")
def qrels():
    return corpus.load_qrels(split="all")


def words(text):
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower())


def table(heading):
    """Return the rows of the card's table under a heading, without its head."""
    part = CARD.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_worlds_are_of_equal_size(documents):
    topics = Counter(document.topic for document in documents)
    assert topics["crypto"] == topics["powerlifting"] >= 200
    assert len(topics) == 2


def test_every_world_has_ten_or_more_balanced_subtopics(documents):
    sizes = Counter((document.topic, document.subtopic) for document in documents)
    for topic in ("crypto", "powerlifting"):
        mine = [n for (of, _), n in sizes.items() if of == topic]
        assert len(mine) >= 10
        assert max(mine) == min(mine)


def test_ids_say_the_world_and_run_on(documents):
    for prefix, topic in (("crypto", "crypto"), ("lift", "powerlifting")):
        mine = [d.id for d in documents if d.topic == topic]
        assert mine == [f"{prefix}-{i:03d}" for i in range(1, len(mine) + 1)]


def test_lengths(documents):
    for document in documents:
        assert 6 <= len(document.text.split()) <= 40, document
        assert document.text == document.text.strip()
        assert "\t" not in document.text


def test_no_sentence_stands_twice(documents):
    plain = [" ".join(words(document.text)) for document in documents]
    assert len(set(plain)) == len(plain)


def test_no_two_sentences_are_nearly_the_same(documents, model):
    embeddings = model.encode([d.content for d in documents], normalize_embeddings=True)
    cosines = embeddings @ embeddings.T
    np.fill_diagonal(cosines, 0)
    assert cosines.max() < 0.95


COMMON = """a an and are as at be but by for from has have i if in is it its me my no
not of on or so that the their then they this to was we what when which while who
why with you your how does do can"""


def skeleton(text):
    """Return a text's frame: numbers as N, all but the commonest words as X."""
    common = set(COMMON.split())
    frame = ["N" if w[0].isdigit() else w if w in common else "X" for w in words(text)]
    return " ".join(frame)


def test_no_template_repeats(documents):
    """No two sentences of eight or more words share their frame, or their opening."""
    frames = Counter(skeleton(d.text) for d in documents if len(words(d.text)) >= 8)
    assert max(frames.values()) == 1
    openings = Counter(tuple(words(d.text)[:3]) for d in documents)
    assert max(openings.values()) <= 2
    endings = Counter(tuple(words(d.text)[-4:]) for d in documents)
    assert max(endings.values()) == 1


def test_no_long_run_of_words_is_used_twice(documents):
    runs = Counter()
    for document in documents:
        tokens = words(document.text)
        runs.update({tuple(tokens[i : i + 7]) for i in range(len(tokens) - 6)})
    assert max(runs.values()) == 1


def test_voices_vary(documents):
    texts = [document.text for document in documents]
    assert sum(text.endswith("?") for text in texts) >= 60
    assert sum(text[0].islower() for text in texts) >= 60
    assert sum(bool(re.search(r"\b(I|my|me)\b", text)) for text in texts) >= 60
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) <= 10 and max(lengths) >= 30


def test_shared_words_are_used_in_both_worlds(documents):
    """The card's table of shared words, counted: each in both worlds, 60 and more."""
    rows = table("Shared words")
    used = Counter()
    for document in documents:
        mine = set(words(document.text))
        for word, *_ in rows:
            if {word, f"{word}s", f"{word}es"} & mine:
                used[document.topic, word] += 1
                used[document.topic, ""] += 1
    for word, crypto, lifting, *_ in rows:
        assert used["crypto", word] == int(crypto) >= 3, word
        assert used["powerlifting", word] == int(lifting) >= 3, word
    assert min(used["crypto", ""], used["powerlifting", ""]) >= 60


def test_a_hundred_sentences_use_jargon(documents):
    """The card's glossary, counted: every term occurs, 100 sentences hold one."""
    terms = [term.lower() for row in table("Jargon") for term in row[0].split(", ")]
    assert len(terms) >= 40
    texts = [f" {' '.join(words(document.text))} " for document in documents]
    patterns = {
        term: re.compile(rf" {re.escape(' '.join(words(term)))}(s|es|ing|ed)? ")
        for term in terms
    }
    for term, pattern in patterns.items():
        assert any(pattern.search(text) for text in texts), term
    assert sum(any(p.search(t) for p in patterns.values()) for t in texts) >= 100


def test_queries_are_of_four_kinds_in_equal_numbers(queries):
    kinds = Counter(query.kind for query in queries)
    assert set(kinds) == {
        "topical",
        "shared words",
        "plain words for jargon",
        "exact term",
    }
    assert len(queries) >= 60
    assert len(set(kinds.values())) == 1
    assert len({query.text.lower() for query in queries}) == len(queries)


def test_every_query_has_an_answer(queries, qrels):
    for query in queries:
        assert max(qrels[query.id].values()) >= 2, query


def test_dev_and_test_have_half_of_each_kind(queries, qrels):
    kinds = {query.id: query.kind for query in queries}
    halves = [corpus.load_qrels(split=split) for split in ("dev", "test")]
    for half in halves:
        assert set(Counter(kinds[number] for number in half).values()) == {12}
    assert halves[0] | halves[1] == qrels
    assert len(halves[0]) + len(halves[1]) == len(qrels)


def test_the_halves_are_those_that_the_seed_deals(queries):
    """As the card says: sorted ids, kind by kind, `random.Random(13).sample`."""
    rng, dev = random.Random(13), set()
    for kind in dict.fromkeys(query.kind for query in queries):
        ids = sorted(query.id for query in queries if query.kind == kind)
        dev |= set(rng.sample(ids, len(ids) // 2))
    assert dev == set(corpus.load_qrels(split="dev"))


def test_judgements_name_what_exists(documents, queries, qrels):
    assert set(qrels) == {query.id for query in queries}
    ids = {document.id for document in documents}
    for grades in qrels.values():
        assert set(grades) <= ids
        assert set(grades.values()) <= {1, 2, 3}


def test_plain_words_hold_no_jargon(queries):
    terms = {term.lower() for row in table("Jargon") for term in row[0].split(", ")}
    for query in queries:
        if query.kind == "plain words for jargon":
            assert not terms & set(words(query.text)), query


def test_exact_terms_stand_in_the_corpus(documents, queries):
    texts = " ".join(document.text for document in documents)
    for query in queries:
        if query.kind == "exact term":
            assert query.text in texts, query


def test_the_card_counts_right(documents, queries, qrels):
    grades = Counter(g for by_id in qrels.values() for g in by_id.values())
    for claim in (
        f"{len(documents)} sentences",
        f"{len(queries)} queries",
        f"{sum(grades.values())} judgements above 0",
        f"{grades[3]} of grade 3, {grades[2]} of grade 2, {grades[1]} of grade 1",
    ):
        assert claim in CARD, claim


def split_sentences(split):
    return {
        t for p in corpus.load_pairs(split=split) for t in (p.sentence1, p.sentence2)
    }


def test_the_card_counts_the_pairs_right():
    rows = {row[0]: row[1:] for row in table("Pairs") if row[0].endswith(".jsonl")}
    for split in corpus.SPLITS:
        pairs = corpus.load_pairs(split=split)
        counts = Counter(pair.score for pair in pairs)
        terms = len({pair.about for pair in pairs})
        expected = [len(pairs), *(counts[x] for x in (0.0, 0.3, 0.7, 1.0)), terms]
        assert CARD.count(f"| {split}.jsonl | {' | '.join(map(str, expected))} |") == 1
    assert rows
    probes = corpus.load_pairs(split="probe")
    assert f"has {len(probes)} pairs of everyday sentences" in CARD
    assert {round(pair.score, 1) for pair in probes} == {0, 0.2, 0.4, 0.6, 0.8, 1}
    seen, test = (
        corpus.load_pairs(corpus.DATA / "outcomes", split=s) for s in OUTCOMES
    )
    events = {pair.about for pair in seen}
    new = [pair for pair in test if pair.about not in events]
    assert f"| train.jsonl | {len(seen)} | {len(events)} |" in CARD
    kinds = len({pair.about for pair in new})
    same = len(test) - len(new)
    assert (
        f"the same {len(events)} in {same} pairs, {kinds} others in {len(new)} |"
        in CARD
    )


OUTCOMES = ("train", "test")


def test_there_are_enough_pairs_terms_and_levels():
    train, dev, test = (corpus.load_pairs(split=split) for split in corpus.SPLITS)
    assert len(train) >= 400 and len(dev) >= 80 and len(test) >= 120
    known = {pair.about for pair in train}
    new = {pair.about for pair in test} - known
    assert len(known) >= 40 and len(new) >= 10
    assert {pair.about for pair in dev} == known <= {pair.about for pair in test}
    listed = CARD.split("picked at random: ")[1].split(".")[0].split(", ")
    assert set(listed) == new
    glossary = {term for row in table("Jargon") for term in row[0].split(", ")}
    named = {term.lower() for term in glossary} | {"bomb out", "back-off sets"}
    assert {term.lower() for term in known | new} - named <= {"liquidated", "slashing"}


def test_new_terms_stand_in_the_test_alone():
    new = (
        "bag ?holder|aped? in|liquidat|depeg|slashed|butt wink|back-off|Valsalva|prehab"
    )
    for split in ("train", "dev"):
        for sentence in split_sentences(split):
            assert not re.search(rf"\b({new})|\bsats\b|\bDOMS\b", sentence), sentence


def test_the_pairs_are_independent_of_corpus_and_queries(documents, queries, model):
    """No sentence of the test in the corpus; no training sentence near a query."""
    corpus_texts = {document.text.casefold() for document in documents}
    for split in (*corpus.SPLITS, "probe"):
        assert not {t.casefold() for t in split_sentences(split)} & corpus_texts
    sentences = sorted(split_sentences("train"))
    rows, asked = (
        model.encode(texts, normalize_embeddings=True)
        for texts in (sentences, [query.text for query in queries])
    )
    assert (rows @ asked.T).max() < 0.8


def test_words_in_common_are_no_clue_to_the_label():
    for split in corpus.SPLITS:
        pairs = corpus.load_pairs(split=split)
        shared = [
            len(a & b) / len(a | b)
            for a, b in (
                (set(words(p.sentence1)), set(words(p.sentence2))) for p in pairs
            )
        ]
        clue = metrics.spearman([pair.score for pair in pairs], shared)
        assert clue < 0.2 if split == "train" else clue < 0, split


def test_neither_a_longer_side_nor_a_question_mark_gives_a_label_away():
    for split in ("train", "test"):
        pairs = corpus.load_pairs(split=split)
        labels = [pair.score for pair in pairs]
        for clue in (
            [abs(len(words(p.sentence1)) - len(words(p.sentence2))) for p in pairs],
            [p.sentence2.endswith("?") for p in pairs],
        ):
            assert abs(metrics.spearman(labels, clue)) < 0.25, split


SHOEBOX = corpus.DATA / "shoebox"


@pytest.fixture(scope="module")
def shoebox():
    reading = ingestion.read([SHOEBOX])
    return list(reading), reading.account


def shoebox_questions():
    lines = (corpus.DATA / "shoebox_queries.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_the_shoebox_is_what_its_card_says(shoebox):
    texts, account = shoebox
    files = [path for path in SHOEBOX.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    hidden = [path for path in files if path.name.startswith(".")]
    assert f"{len(files) - 1} files and a hidden one, {size // 1000} KB" in CARD
    assert f"with {len(texts)} texts" in CARD
    rows = dict(row for row in table("Shoebox"))
    for name in ("lifts.csv", "coins.tsv", "chat.jsonl", "notes/", "notizen.csv"):
        mine = [t for t in texts if t.source.startswith(f"shoebox/{name}")]
        assert re.search(rf"\b{len(mine)}\b", rows[name]), name
    assert (len(hidden), account.empty, account.duplicates) == (1, 2, 2)
    assert [each.place for each in account.refused] == [
        "shoebox/backup.txt",
        "shoebox/empty.txt",
        "shoebox/scan.pdf",
        "shoebox/chat.jsonl, line 22",
        "shoebox/lifts.csv, line 52",
    ]


def test_the_shoebox_has_long_notes_and_no_real_name_is_needed(shoebox):
    texts, _ = shoebox
    lengths = sorted(len(text.text.split()) for text in texts)[-9:]
    assert lengths[0] < 100
    assert all(600 < length < 1000 for length in lengths[1:])


def test_each_phrase_is_in_one_text_on_the_side_its_kind_says(shoebox, model):
    texts, _ = shoebox
    questions = shoebox_questions()
    assert set(Counter(each["kind"] for each in questions).values()) == {12}
    assert len({each["text"] for each in questions}) == len(questions) == 48
    for question in questions:
        [text] = [text for text in texts if question["phrase"] in text.text]
        before, _, _ = text.content.partition(question["phrase"])
        first = 1 + len(model.tokenizer.tokenize(before))
        last = first + len(model.tokenizer.tokenize(question["phrase"]))
        german = question["kind"].startswith("asked in")
        assert text.source.startswith("shoebox/notizen.csv") == german
        if question["kind"] == "early":
            assert last < 256, question
        elif question["kind"] == "late":
            assert first >= 256, question
