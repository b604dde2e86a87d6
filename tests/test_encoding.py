"""One door from texts to vectors: the library's own, and nothing else gets through."""

from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch

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


def out_of_memory_above(monkeypatch, model, room, error):
    """Let a model raise for a batch of more than `room` texts; return sizes tried."""
    sizes, forward = [], model.forward

    def tried(features, **options):
        sizes.append(len(features["input_ids"]))
        if sizes[-1] > room:
            raise error
        return forward(features, **options)

    monkeypatch.setattr(model, "forward", tried)
    monkeypatch.setattr(encoding, "_FITS", WeakKeyDictionary())
    return sizes


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ..."),
        MemoryError(),
    ],
    ids=["CUDA", "MPS", "CPU", "Python"],
)
def test_batches_that_do_not_fit_are_halved_and_that_is_said_once(
    tiny, monkeypatch, capsys, error
):
    texts = [f"{'bar ' * (n % 9)} whale {n}" for n in range(40)]
    expected = encoding.encode(tiny, texts)
    sizes = out_of_memory_above(monkeypatch, tiny, 5, error)
    for role in ("", "document"):
        rows = encoding.encode(tiny, texts, role=role)
        np.testing.assert_allclose(rows, expected, atol=1e-6)
    assert sizes == [32, 16, 8, *[4] * 20]
    assert capsys.readouterr().err.splitlines() == [
        "note: 32 texts at a time do not fit into memory; this model reads 4 at a time "
        "from now on, more slowly, with the same results"
    ]


def test_a_text_that_does_not_fit_alone_is_named(tiny, monkeypatch, capsys):
    out_of_memory_above(monkeypatch, tiny, 0, MemoryError())
    message = (
        r"texts\[1\] \('the bar', 7 characters\) does not fit into memory, not even"
    )
    with pytest.raises(CourseError, match=message):
        encoding.encode(tiny, ["a", "the bar", "bar"])
    assert capsys.readouterr().err == ""


def test_another_error_of_a_model_stays_itself(tiny, monkeypatch):
    wrong = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    sizes = out_of_memory_above(monkeypatch, tiny, 0, wrong)
    with pytest.raises(RuntimeError, match="mat1"):
        encoding.encode(tiny, ["a", "b"])
    assert sizes == [2]


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
