"""Of a long text, what is shown is the part that the query is about."""

import pytest

from helpers.excerpts import SIZE, excerpts

FILLER = "We ate cheese by the lake and mended a saddle bag. " * 20
BADGER = "At night a badger took our marzipan. "


@pytest.mark.parametrize("meaning", [True, False])
def test_the_part_that_answers_is_shown(model, meaning):
    text = f"{FILLER}{BADGER}\n\n{FILLER}"
    [shown] = excerpts("who took the marzipan", [text], model if meaning else None)
    assert BADGER.strip() in shown
    assert shown.startswith("... ")
    assert shown.endswith(" ...")
    assert len(shown) <= SIZE + 8


def test_meaning_finds_what_no_word_tells(model):
    text = f"{FILLER}The animal with the striped face stole our sweets. {FILLER}"
    assert "striped face" in excerpts("badger", [text], model)[0]
    assert "striped face" not in excerpts("badger", [text])[0]


def test_short_texts_are_shown_whole_and_on_one_line():
    assert excerpts("bar", []) == []
    assert excerpts("bar", ["a  bar\n\nand\ta bench", ""]) == ["a bar and a bench", ""]
