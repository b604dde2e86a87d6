"""One door from texts to vectors: the library's own, and nothing else gets through."""

import copy
from weakref import WeakKeyDictionary

import numpy as np
import pytest
import torch

from helpers import CourseError, encoding, packing, progress
from helpers.corpus import load_corpus


def test_rows_are_those_of_the_library_scaled_to_length_1(tiny):
    texts = [
        "bitcoin fell",
        "the whale",
        "a squat",
        "",
        "\U0001f40b \u05e9\u05dc\u05d5\u05dd",
    ]
    expected = tiny.encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(encoding.encode(tiny, texts), expected, atol=1e-6)
    np.testing.assert_allclose(encoding.encode(tiny, iter(texts)), expected, atol=1e-6)
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
    """Let a model raise for more than `room` tokens at a time; return what it tried."""
    sizes, bert = [], model[0].model
    forward = bert.forward

    def tried(input_ids, **options):
        sizes.append(input_ids.numel())
        if sizes[-1] > room:
            raise error
        return forward(input_ids, **options)

    monkeypatch.setattr(bert, "forward", tried)
    monkeypatch.setattr(encoding, "_FITS", WeakKeyDictionary())
    return sizes


@pytest.fixture(params=["packed", "padded"])
def way(request, monkeypatch):
    """Return a way to encode: without padding, or the library's own."""
    if request.param == "padded":
        monkeypatch.setattr(packing, "can", lambda model, role: False)
    return request.param


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
    tiny, monkeypatch, capsys, error, way
):
    monkeypatch.setattr(packing, "USUAL", 16)
    texts = ["bar " * 14] * 40  # with [CLS] and [SEP] 16 tokens each
    expected = encoding.encode(tiny, texts)
    sizes = out_of_memory_above(monkeypatch, tiny, 5 * 16, error)
    for role in ("", "document"):
        rows = encoding.encode(tiny, texts, role=role)
        np.testing.assert_allclose(rows, expected, atol=1e-6)
    assert sizes == [size * 16 for size in (32, 16, 8, *[4] * 20)]
    assert capsys.readouterr().err.splitlines() == [
        "note: 32 texts at a time do not fit into memory; this model reads 4 at a time "
        "from now on, more slowly, with the same results"
    ]


def test_a_text_that_does_not_fit_alone_is_named(tiny, monkeypatch, capsys, way):
    out_of_memory_above(monkeypatch, tiny, 0, MemoryError())
    message = (
        r"texts\[1\] \('the bar', 7 characters\) does not fit into memory, not even"
    )
    with pytest.raises(CourseError, match=message):
        encoding.encode(tiny, ["a", "the bar", "bar"])
    assert capsys.readouterr().err == ""


def test_another_error_of_a_model_stays_itself(tiny, monkeypatch, way):
    wrong = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    sizes = out_of_memory_above(monkeypatch, tiny, 0, wrong)
    with pytest.raises(RuntimeError, match="mat1"):
        encoding.encode(tiny, ["a", "b"])
    assert len(sizes) == 1


def test_nothing_is_computed_on_padding_and_the_rows_are_the_librarys(model):
    texts = [document.content for document in load_corpus()[:60]]
    texts += ["", "squat " * 400, " \t ".join(texts[:3]), texts[0]]
    lengths = [len(model.tokenizer(t, truncation=True)["input_ids"]) for t in texts]
    sizes = []
    count = model[0].model.register_forward_pre_hook(
        lambda module, args, inputs: sizes.append(inputs["input_ids"].numel()),
        with_kwargs=True,
    )
    rows = encoding.encode(model, texts)
    count.remove()
    assert sum(sizes) == sum(lengths)
    assert max(sizes) <= 32 * packing.USUAL
    expected = model.encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(rows, expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["mpnet", "a prompt", "cut vectors"])
def test_what_is_no_plain_bert_is_encoded_by_the_library(tiny, request, kind):
    if kind == "mpnet":
        assert not packing.can(request.getfixturevalue("mpnet"))
        return
    other = copy.deepcopy(tiny)
    if kind == "a prompt":
        other.prompts = {"query": "whale: "}
        assert packing.can(other, "document")
        expected = other.encode_query(["bar"], normalize_embeddings=True)
    else:
        other.truncate_dim = 8
        expected = other.encode(["bar"], normalize_embeddings=True)
    assert not packing.can(other, "query")
    rows = encoding.encode(other, ["bar"], role="query")
    np.testing.assert_array_equal(rows, expected)


def test_a_model_attends_as_before_after_packing(tiny):
    before = tiny[0].model.config._attn_implementation
    encoding.encode(tiny, ["bar"])
    assert tiny[0].model.config._attn_implementation == before
    tiny.train()
    encoding.encode(tiny, ["bar"])
    assert not tiny.training


def test_bfloat16_keeps_three_digits(model):
    texts = [document.content for document in load_corpus()[:40]]
    full, fast = (
        encoding.encode(model, texts, precision=p) for p in ("float32", "bfloat16")
    )
    assert fast.dtype == np.float32
    assert 0.999 < (full * fast).sum(axis=1).min() < 0.9999999
    order, now = (
        (rows @ rows.T - 2 * np.eye(40)).argmax(axis=1) for rows in (full, fast)
    )
    assert (order == now).mean() >= 0.95


@pytest.mark.parametrize(
    ("said", "best"),
    [
        ({"avx512_f": True}, "float32"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_is_made_for_it(
    monkeypatch, said, best
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: said)
    assert encoding.best_precision("cpu") == best
    assert encoding.best_precision("mps") == "float32"


def test_an_unknown_precision_is_named(tiny):
    with pytest.raises(CourseError, match="precision is 'int4'; choose one of float32"):
        encoding.encode(tiny, ["bar"], precision="int4")


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
