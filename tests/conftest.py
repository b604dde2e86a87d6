"""What the tests share: fixed threads, no network, the real model, a tiny one."""

import os
import subprocess
import sys

# Before torch is imported, here and in every kernel and process the tests start: two
# OpenMP threads beside another busy process are far slower than one.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"
for name in ("COURSE_MODEL", "COURSE_DEVICE"):
    os.environ.pop(name, None)

import matplotlib  # noqa: E402
import pytest  # noqa: E402

from helpers import ROOT, __main__, corpus, models  # noqa: E402

# No window here; the kernels of notebooks keep their inline figures.
matplotlib.use("agg")

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>"]
VOCABULARY += ["<mask>", "bitcoin", "squat", "whale", "the", "a", "fell", "bar", "##s"]


def save_random_model(folder, kind="bert", *, hidden=32, reads=16, seed=0):
    """Save a sentence-transformers model of random weights; return its folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import (
        BertConfig,
        BertModel,
        BertTokenizerFast,
        MPNetConfig,
        MPNetModel,
        MPNetTokenizerFast,
    )

    torch.manual_seed(seed)
    body = folder.parent / f"{folder.name}-body"
    body.mkdir(parents=True)
    if kind == "mpnet":
        config = MPNetConfig(hidden_size=hidden, num_hidden_layers=12)
        network, tokenizer = MPNetModel(config), MPNetTokenizerFast
    else:
        config = BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=hidden,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
        )
        network, tokenizer = BertModel(config), BertTokenizerFast
    network.save_pretrained(body)
    vocabulary = {token: number for number, token in enumerate(VOCABULARY)}
    tokenizer(vocab=vocabulary).save_pretrained(body)
    transformer = Transformer(str(body))
    transformer.max_seq_length = reads
    SentenceTransformer(
        modules=[transformer, Pooling(hidden, pooling_mode="mean")], device="cpu"
    ).save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="session")
def model():
    """Return the bundled model, on the CPU."""
    return models.load_model(device="cpu")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """Return the folder of a random BERT of width 32."""
    return save_random_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny(tiny_folder):
    """Return a random BERT of width 32 that reads 16 tokens."""
    return models.load_model(tiny_folder, device="cpu")


@pytest.fixture(scope="session")
def documents():
    """Return the course's corpus."""
    return corpus.load_corpus()


@pytest.fixture
def command(capsys):
    """Call the command line in this process; return status, output, errors."""

    def call(*arguments):
        capsys.readouterr()
        status = __main__.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def run_python(*arguments, **environment):
    """Run Python in a process of its own from the root of the checkout."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
