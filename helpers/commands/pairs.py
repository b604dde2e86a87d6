"""similarity and fine-tune: labelled pairs of sentences."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from helpers import CourseError, corpus, models
from helpers.commands.console import (
    add_json,
    add_json_and_model,
    bars,
    say,
    show,
)
from helpers.encoding import encode
from helpers.finetuning.data import LOSSES, check_training

#: What fine-tune leaves out where a file is missing.
WITHOUT = {
    "dev": "the last epoch is kept, not the best",
    "test": "nothing is held out, so nobody can tell whether it learnt",
}
_PAIRS = 'one {"sentence1": "...", "sentence2": "...", "score": 0.8} a line, 0 to 1'
_PROBES = "pairs of everyday sentences, to see forgetting (default: the course's)"
_LOSS = "cosine and cosent: for labels; ranking: for search; mixed: both (default)"


def add_similarity(parser: ArgumentParser) -> None:
    """Describe the options of `similarity`."""
    add_json_and_model(parser)
    parser.add_argument("pairs", metavar="PAIRS.jsonl", help=_PAIRS)


def similarity(options: Namespace) -> int:
    """Print how well cosines agree with the labels of pairs."""
    if os.path.isdir(options.pairs):
        raise CourseError(f"{options.pairs}: is a folder; give one of the files in it")
    pairs = corpus.load_pairs(options.pairs)
    labels = [pair.score for pair in pairs]
    if len(set(labels)) < 2:
        raise CourseError(
            f"{options.pairs}: a correlation needs two or more pairs with different "
            f"scores; here are {len(pairs)}, all scored {labels[0]}"
        )
    from helpers.reports import correlate  # torch, which a mistake need not wait for

    model = models.load_model(options.model)
    left, right = (
        encode(model, [getattr(p, side) for p in pairs], show_progress_bar=bars())
        for side in ("sentence1", "sentence2")
    )
    show(correlate(labels, (left * right).sum(axis=1), options.pairs), options)
    return 0


def add_fine_tune(parser: ArgumentParser) -> None:
    """Describe the options of `fine-tune`."""
    add_json(parser)
    folder = "train.jsonl, and if they are there dev.jsonl and test.jsonl"
    base = "what to start from: bundled (default), a folder, or a Hub name"
    add = parser.add_argument
    add("pairs", metavar="PAIRS_FOLDER", help=folder)
    add("--out", metavar="FOLDER", required=True, help="a new folder")
    add("--base", metavar="MODEL", help=base)
    add("--epochs", type=int, default=2, metavar="N", help="(2)")
    add("--learning-rate", type=float, default=5e-5, metavar="R", help="(5e-5)")
    add("--batch-size", type=int, default=32, metavar="N", help="pairs (32)")
    add("--loss", choices=tuple(LOSSES), default="mixed", help=_LOSS)
    add("--seed", type=int, default=42, metavar="N", help="(42)")
    add("--probes", metavar="FILE", help=_PROBES)


def fine_tune(options: Namespace) -> int:
    """Train a model, and write what changed beside it: report.json, report.png."""
    pairs = _splits(options.pairs)
    knobs = ("loss", "epochs", "learning_rate", "batch_size")
    settings = {name: getattr(options, name) for name in knobs}
    check_training(pairs["train"], pairs.get("dev"), **settings)
    probes = corpus.load_pairs(options.probes or corpus.DATA / "pairs" / "probe.jsonl")
    base = models.load_model(options.base)
    _announce(pairs, options.pairs, str(base.device))
    from helpers.finetuning.training import fine_tune
    from helpers.reports import report_on

    training = fine_tune(
        base,
        pairs["train"],
        pairs.get("dev"),
        folder=options.out,
        **settings,
        seed=options.seed,
        show_progress_bar=bars(),
    )
    say("comparing it with its base ...")
    report = report_on(training, base, pairs, probes, options.out)
    report.write()
    show(report, options)
    return 0


def _splits(folder: str) -> dict[str, list[corpus.Pair]]:
    """Load train, and of dev and test what is there."""
    if not os.path.isdir(folder):
        raise CourseError(f"{folder}: no such folder; it must hold train.jsonl")
    return {
        split: corpus.load_pairs(folder, split=split)
        for split in corpus.SPLITS
        if split == "train" or os.path.isfile(f"{folder}/{split}.jsonl")
    }


def _announce(pairs: dict[str, list[corpus.Pair]], folder: str, device: str) -> None:
    for split in set(WITHOUT) - set(pairs):
        say(f"note: no {split}.jsonl in {folder}: {WITHOUT[split]}")
    say(
        f"training on {len(pairs['train'])} pairs on {device}; if it is stopped, "
        "the same command goes on from the last checkpoint"
    )
