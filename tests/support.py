"""What tests call: models of random weights, Python in a process of its own."""

import os
import re
import subprocess
import sys

import pytest

from helpers import ROOT

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>"]
VOCABULARY += ["<mask>", "bitcoin", "squat", "whale", "the", "a", "fell", "bar", "##s"]


def save_random_model(folder, kind="bert", *, hidden=32, reads=16, layers=12, seed=0):
    """Save a sentence-transformers model of random weights; return its folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Normalize,
        Pooling,
        Transformer,
    )
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
        config = MPNetConfig(hidden_size=hidden, num_hidden_layers=layers)
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
    modules = [transformer, Pooling(hidden, pooling_mode="mean")]
    if kind == "mpnet":
        modules.append(Normalize())
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(folder))
    return folder


def run_python(*arguments, timeout=300, **environment):
    """Run Python in a process of its own from the root of the checkout."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def nbval(folder, *options, **environment):
    """Run nbval over a folder, quickly; return the failed cells and the report."""
    report = run_python(
        "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rf", "--tb=no",
        "--rootdir", folder, "-c", folder / "pytest.ini", *options, folder,
        timeout=1200, **{"COURSE_QUICK": "1", "COURSE_SMOKE": "1"} | environment,
    )  # fmt: skip
    assert report.returncode in (0, 1), report.stdout + report.stderr
    failed = re.findall(r"^FAILED \S*?(\w+)\.ipynb::Cell (\d+)", report.stdout, re.M)
    return {(name, int(number)) for name, number in failed}, report


class Recorder:
    """Stands in for subprocess.run: notes every command, fails where told."""

    def __init__(self, fails=()):
        self.commands, self.fails = [], fails

    def __call__(self, command, **options):
        line = " ".join(command)
        self.commands.append(line)
        bad = any(word in line for word in self.fails)
        return subprocess.CompletedProcess(command, int(bad), "", "")


def tracked():
    """Return the files of the checkout that git tracks, or would."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]
