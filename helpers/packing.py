"""Encoding without padding: the tokens of many texts laid end to end.

A batch of texts of unequal length is padded to its longest, and the model computes on
the padding too. Here a batch is one long row of tokens, and only attention knows where
a text ends. The library does the same on CUDA where flash attention is asked for; its
modules and its pooling are used as they are. Models that are no BERT do it their way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain, groupby
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import normalize, scaled_dot_product_attention
from tqdm import tqdm
from transformers import AttentionInterface

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Tokens that a text has on average, to turn a number of texts into one of tokens.
USUAL = 64
#: The name under which transformers knows `attention`.
NAME = "packed"

Run = tuple[int, int, int]


def can(model: SentenceTransformer, role: str = "") -> bool:
    """Tell whether a model can read packed batches: a BERT on the CPU, no prompt."""
    bert = getattr(getattr(model[0], "model", None), "config", None)
    plain = not (model.default_prompt_name or model.prompts.get(role))
    cut = model.truncate_dim is None
    there = getattr(bert, "model_type", "") == "bert" and len(model) > 1
    return there and plain and cut and model.device.type == "cpu"


def encode(
    model: SentenceTransformer,
    texts: Sequence[str],
    *,
    batch_size: int = 32,
    show_progress_bar: bool = False,
) -> np.ndarray:
    """Encode n texts to rows of length 1, as `model.encode` does to 1e-6: (n, d).

    batch_size: texts of USUAL tokens that are read together; long ones are fewer.
    """
    model.eval()
    limit = {"truncation": True, "max_length": model.get_max_seq_length()}
    ids = model.tokenizer(texts, **limit)["input_ids"]
    rows = np.empty((len(ids), model.get_embedding_dimension()), dtype=np.float32)
    bar = tqdm(total=len(ids), unit=" texts", disable=not show_progress_bar)
    with bar, _attending(model[0].model), torch.inference_mode():
        for places in batches(list(map(len, ids)), batch_size * USUAL):
            rows[places] = _vectors(model, [ids[place] for place in places])
            bar.update(len(places))
    return rows


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield places of texts, longest first, of at most `budget` tokens together.

    A text that is longer than that comes alone.

    >>> list(batches([3, 9, 4, 1], 8))
    [[1], [2, 0, 3]]
    """
    batch, left = list[int](), budget
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if batch and lengths[place] > left:
            yield batch
            batch, left = [], budget
        batch.append(place)
        left -= lengths[place]
    if batch:
        yield batch


def attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    runs: Sequence[Run],
    scaling: float | None = None,
    **options: object,
) -> tuple[torch.Tensor, None]:
    """Let each text attend to itself: (1, heads, tokens, d) -> (1, tokens, heads, d).

    runs: neighbours of one length, which attend at once: (first token, texts, length).
    """
    mixed = torch.empty_like(query)
    for start, count, length in runs:
        part = slice(start, start + count * length)
        q, k, v = (
            each[0, :, part].unflatten(1, (count, length))
            for each in (query, key, value)
        )
        found = scaled_dot_product_attention(q, k, v, scale=scaling)
        mixed[0, :, part] = found.flatten(1, 2)
    return mixed.transpose(1, 2), None


def _vectors(model, ids):
    """Read one batch of token ids; the modules behind the Transformer do the rest."""
    lengths = [len(each) for each in ids]
    ends = list(accumulate(lengths, initial=0))
    same = [list(each) for _, each in groupby(range(len(ids)), lengths.__getitem__)]
    features = {
        "input_ids": torch.tensor([list(chain(*ids))]),
        "cu_seq_lens_q": torch.tensor(ends, dtype=torch.int32),
    }
    features["token_embeddings"] = model[0].model(
        input_ids=features["input_ids"],
        position_ids=torch.cat([torch.arange(length) for length in lengths])[None],
        runs=[(ends[each[0]], len(each), lengths[each[0]]) for each in same],
    )[0]
    for module in list(model)[1:]:
        features = module(features)
    return normalize(features["sentence_embedding"].float(), dim=1).numpy()


@contextmanager
def _attending(bert):
    """Let a BERT attend by `attention` for a while."""
    AttentionInterface.register(NAME, attention)
    before = bert.config._attn_implementation
    bert.set_attn_implementation(NAME)
    try:
        yield
    finally:
        bert.set_attn_implementation(before)
