"""Long texts become passages: nothing is lost, nothing is longer than the model."""

import re
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import CourseError, splitting
from helpers.corpus import Document

SENTENCES = [
    f"Set number {n} went up to {100 + n} kilos before the bar came down again."
    for n in range(40)
]


@pytest.fixture(scope="module")
def tokenizer(model):
    return model.tokenizer


def document(text, title="", **options):
    return Document("plan.md", title, text, source="notes/plan.md", **options)


def tokens_of(tokenizer, text):
    """Count as the model's own tokenizer does, with [CLS] and [SEP]."""
    return len(tokenizer(text, truncation=False)["input_ids"])


def squeezed(text):
    return re.sub(r"\s+", "", text)


def uncovered(text, parts):
    """Return the first piece of `text` between or behind the passages, if any."""
    text, reached = squeezed(text), 0
    for part in map(squeezed, parts):
        # The passage begins within what came before it, or right behind that.
        starts = [n for n in range(reached, -1, -1) if text.startswith(part, n)]
        starts = [n for n in starts if n + len(part) > reached] or starts
        if not starts:
            return part
        reached = max(reached, starts[0] + len(part))
    return text[reached:]


def test_a_text_that_fits_is_returned_as_it_is(tokenizer):
    short = document("The whale sold.", "News")
    assert splitting.split(short, tokenizer, tokens=16, overlap=2) == [short]
    exactly = tokens_of(tokenizer, short.content)
    text = document(f"{short.text} " * 20, "News")
    limit = tokens_of(tokenizer, text.content)
    assert exactly < 16
    assert splitting.split(text, tokenizer, tokens=limit, overlap=2) == [text]
    assert len(splitting.split(text, tokenizer, tokens=limit - 1, overlap=2)) == 2


def test_passages_end_with_sentences_and_know_where_they_come_from(tokenizer):
    text = document(" ".join(SENTENCES), "The plan", topic="lifting", subtopic="bench")
    parts = splitting.split(text, tokenizer, tokens=64, overlap=0)
    assert [part.id for part in parts[:2]] == ["plan.md#1", "plan.md#2"]
    assert parts[1].source == "notes/plan.md, part 2"
    assert {part.title for part in parts} == {"The plan"}
    assert {(part.topic, part.subtopic) for part in parts} == {("lifting", "bench")}
    assert all(part.text.endswith("again.") for part in parts)
    assert " ".join(part.text for part in parts) == text.text
    nameless = Document("7", "", text.text)
    found = splitting.split(nameless, tokenizer, tokens=64, overlap=0)
    assert found[0].source == "7, part 1"


def test_neighbours_share_whole_sentences_within_the_overlap(tokenizer):
    text = document(" ".join(SENTENCES))
    parts = splitting.split(text, tokenizer, tokens=80, overlap=20)
    split_at = re.compile(r"(?<=\.) ")
    shared = [
        [each for each in split_at.split(b.text) if each in a.text]
        for a, b in pairwise(parts)
    ]
    assert all(len(each) == 1 for each in shared)
    counted = [tokens_of(tokenizer, each[0]) - 2 for each in shared]
    assert max(counted) <= 20


def test_no_passage_is_longer_than_the_model_reads_across_windows(tokenizer):
    text = document(" ".join(SENTENCES * 30), "The plan")
    assert len(text.text) > 3 * splitting.WINDOW
    parts = splitting.split(text, tokenizer, tokens=128, overlap=16)
    assert max(tokens_of(tokenizer, part.content) for part in parts) <= 128
    assert min(tokens_of(tokenizer, part.content) for part in parts[:-1]) > 90
    assert all(part.text.endswith("again.") for part in parts)
    assert not uncovered(text.text, [part.text for part in parts])


def test_windows_cut_as_one_piece_would_be_cut(tokenizer, monkeypatch):
    text = document(" ".join(SENTENCES * 10))
    parts = splitting.split(text, tokenizer, tokens=64, overlap=16)
    monkeypatch.setattr(splitting, "WINDOW", 10**9)
    assert splitting.split(text, tokenizer, tokens=64, overlap=16) == parts


def test_a_long_title_takes_half_of_the_room_and_no_more(tokenizer):
    text = document(" ".join(SENTENCES), "whale " * 100)
    parts = splitting.split(text, tokenizer, tokens=64, overlap=8)
    assert {part.title for part in parts} == {("whale " * 31).strip()}
    assert max(tokens_of(tokenizer, part.content) for part in parts) <= 64
    assert not uncovered(text.text, [part.text for part in parts])
    [alone] = splitting.split(
        document("", "whale " * 100), tokenizer, tokens=64, overlap=8
    )
    assert (alone.title, alone.text) == (("whale " * 31).strip(), "")


@pytest.mark.parametrize(
    "line",
    [
        "The whale sold, and the bar fell. ",
        "鯨",
        "a",
        "a,",
        "👩‍👩‍👧 ",
        " ",
        "\n\n",
        "\u0301",
    ],
    ids=[
        "sentences",
        "no spaces",
        "one word",
        "commas",
        "emoji",
        "blank",
        "lf",
        "marks",
    ],
)
def test_an_endless_line_takes_work_and_memory_in_proportion(
    tokenizer, line, monkeypatch
):
    """A million characters and ten million then take ten times as long, no more."""
    text, read, count = document(line * (40_000 // len(line))), [], splitting._count
    splitting.split(text, tokenizer, tokens=256, overlap=32)

    def counted(tokenizer, text):
        read.append(len(text))
        return count(tokenizer, text)

    monkeypatch.setattr(splitting, "_count", counted)
    tracemalloc.start()
    splitting.split(text, tokenizer, tokens=256, overlap=32)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(read) < 100 * len(text.text)
    assert max(read) <= splitting.WINDOW
    assert peak < 20 * len(text.text) + 10**6


@given(
    title=st.one_of(st.just(""), st.text(max_size=80)),
    text=st.lists(
        st.one_of(
            st.text(max_size=60),
            st.sampled_from(
                [*SENTENCES[:3], "鯨が売った。", "\n\n", "\x00", "x" * 120]
            ),
        ),
        max_size=25,
    ).map(" ".join),
    tokens=st.integers(min_value=10, max_value=60),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_any_text_keeps_every_character_and_every_passage_fits(
    tokenizer, title, text, tokens, data
):
    overlap = data.draw(st.integers(min_value=0, max_value=tokens // 2))
    parts = splitting.split(
        document(text, title), tokenizer, tokens=tokens, overlap=overlap
    )
    assert not uncovered(text, [part.text for part in parts])
    assert max(tokens_of(tokenizer, part.content) for part in parts) <= tokens
    assert len({part.id for part in parts}) == len(parts)


@pytest.mark.parametrize(
    ("tokens", "overlap", "message"),
    [
        (9, 0, "tokens is 9; a passage needs a whole number, at least 10"),
        (2.5, 0, "tokens is 2.5"),
        (True, 0, "tokens is True"),
        (64, 33, "overlap is 33; give a whole number from 0 to 32"),
        (64, -1, "overlap is -1"),
        (64, 1.5, "overlap is 1.5"),
    ],
)
def test_limits_that_make_no_sense_are_named(tokenizer, tokens, overlap, message):
    with pytest.raises(CourseError, match=re.escape(message)):
        splitting.split(document("a"), tokenizer, tokens=tokens, overlap=overlap)


def test_a_tokenizer_without_a_fast_version_is_named():
    slow = type("Slow", (), {"backend_tokenizer": None})()
    with pytest.raises(CourseError, match="the tokenizer Slow has no fast version"):
        splitting.split(document("a"), slow, tokens=64, overlap=0)


def test_the_models_own_tokenizer_stays_as_it_is(tokenizer):
    before = tokenizer.backend_tokenizer.to_str()
    splitting.split(document(" ".join(SENTENCES)), tokenizer, tokens=64, overlap=0)
    assert tokenizer.backend_tokenizer.to_str() == before
