"""One door from texts to vectors: the library's own, and nothing else gets through."""

import numpy as np
import pytest

from helpers import CourseError, encoding, progress


def test_rows_are_those_of_the_library_scaled_to_length_1(tiny):
    texts = [
        "bitcoin fell",
        "the whale",
        "a squat",
        "",
        "\U0001f40b \u05e9\u05dc\u05d5\u05dd",
    ]
    expected = tiny.encode(texts, normalize_embeddings=True)
    np.testing.assert_array_equal(encoding.encode(tiny, texts), expected)
    np.testing.assert_array_equal(encoding.encode(tiny, iter(texts)), expected)
    lengths = np.linalg.norm(encoding.encode(tiny, texts, batch_size=2), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


def test_no_texts_are_rows_too(tiny):
    assert encoding.encode(tiny, []).shape == (0, 32)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "texts are a str; give a list"),
        ({"a", "b"}, "texts are a set; give a list"),
        (["a", None], r"texts\[1\] is None"),
        (["a", float("nan")], r"texts\[1\] is nan"),
        ([5], r"texts\[0\] is 5"),
        ([b"bytes"], r"texts\[0\] is b'bytes'"),
        ([("one", "two")], r"texts\[0\] is \('one', 'two'\)"),
    ],
)
def test_what_is_no_text_is_named(tiny, texts, message):
    with pytest.raises(CourseError, match=message):
        encoding.encode(tiny, texts)


def test_the_truncation_report_names_what_is_lost(model):
    long = "squat " * 300 + "whale"
    report = encoding.truncation_report(model, ["short", long, ""])
    assert [cut.index for cut in report] == [1]
    assert (report[0].tokens, report[0].kept, report[0].lost) == (303, 256, 47)
    assert report[0].tail.endswith("whale")
    # What the report calls lost is just what the vector ignores.
    head = long[: len(long) - len(report[0].tail)]
    np.testing.assert_allclose(model.encode(long), model.encode(head), atol=1e-6)


def test_a_text_of_exactly_the_limit_loses_nothing(model):
    assert encoding.truncation_report(model, ["squat " * 254]) == []
    assert encoding.truncation_report(model, ["squat " * 255])[0].lost == 1


@pytest.mark.parametrize(("value", "shown"), [("1", False), ("0", True), ("", True)])
def test_bars_are_shown_to_people_only(monkeypatch, value, shown):
    monkeypatch.setenv("TQDM_DISABLE", value)
    assert progress.show_bars() is shown
