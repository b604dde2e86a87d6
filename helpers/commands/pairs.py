"""similarity and fine-tune: labelled pairs of sentences."""

import os
from argparse import ArgumentParser, Namespace

from helpers import CourseError, corpus, models
from helpers.commands.console import add_model, bars, show
from helpers.encoding import encode
from helpers.finetuning.data import RECIPES, check_training
from helpers.progress import say

#: What fine-tune leaves out where a file is missing.
_WITHOUT = {
    "dev": "the last epoch is kept, not the best",
    "test": "nothing is held out, so nobody can tell whether it learnt",
}
_PAIRS = 'one {"sentence1": "...", "sentence2": "...", "score": 0.8} a line, 0 to 1'
_PROBES = "pairs of everyday sentences, to see forgetting (default: the course's)"
_CORPUS = (
    "texts that it will search: they keep names and numbers (default: the course's)"
)
_RECIPE = "search (default): all; mixed: pairs and terms; cosine, cosent, ranking: one"
_SHARE = "how far from the base to the trained weights, up to 1 (0.8)"


def add_similarity(parser: ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("pairs", metavar="PAIRS.jsonl", help=_PAIRS)


def similarity(options: Namespace) -> None:
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

    model, bar = models.load_model(options.model), bars()
    left = encode(model, [pair.sentence1 for pair in pairs], show_progress_bar=bar)
    right = encode(model, [pair.sentence2 for pair in pairs], show_progress_bar=bar)
    report = correlate(labels, (left * right).sum(axis=1), options.pairs)
    text = "Spearman {spearman:.3f}, Pearson {pearson:.3f} over {pairs} pairs"
    show(options, report, [text.format(**report)])


def add_fine_tune(parser: ArgumentParser) -> None:
    folder = "train.jsonl, and if they are there dev.jsonl and test.jsonl"
    base = "what to start from: bundled (default), a folder, or a Hub name"
    add = parser.add_argument
    add("pairs", metavar="PAIRS_FOLDER", help=folder)
    add("--out", metavar="FOLDER", required=True, help="a new folder")
    add("--base", metavar="MODEL", help=base)
    add("--epochs", type=int, default=2, metavar="N", help="(2)")
    add("--learning-rate", type=float, default=1e-4, metavar="R", help="(1e-4)")
    add("--batch-size", type=int, default=32, metavar="N", help="pairs (32)")
    add("--recipe", choices=tuple(RECIPES), default="search", help=_RECIPE)
    add("--share", type=float, default=0.8, metavar="S", help=_SHARE)
    add("--corpus", metavar="PATH", help=_CORPUS)
    add("--seed", type=int, default=42, metavar="N", help="(42)")
    add("--probes", metavar="FILE", help=_PROBES)


def fine_tune(options: Namespace) -> None:
    pairs, out = _splits(options.pairs), options.out
    train, dev = pairs["train"], pairs.get("dev")
    knobs = ("recipe", "share", "epochs", "learning_rate", "batch_size")
    settings = {name: getattr(options, name) for name in knobs}
    check_training(train, dev, **settings)
    probes = corpus.load_pairs(options.probes or corpus.DATA / "pairs" / "probe.jsonl")
    texts = [document.content for document in corpus.load_corpus(options.corpus)]
    base = models.load_model(options.base)
    for split in set(_WITHOUT) - set(pairs):
        say(f"note: no {split}.jsonl in {options.pairs}: {_WITHOUT[split]}")
    say(
        f"training on {len(train)} pairs on {base.device}; if it is stopped, "
        "the same command goes on from the last checkpoint"
    )
    from helpers.finetuning import training
    from helpers.reports import report_on

    settings |= {"seed": options.seed, "corpus": texts, "show_progress_bar": bars()}
    trained = training.fine_tune(base, train, dev, folder=out, **settings)
    say("comparing it with its base ...")
    report = report_on(trained, base, pairs, probes, out)
    report.write()
    show(options, report.to_json(), [report])


def _splits(folder):
    """Load train, and of dev and test what is there."""
    if not os.path.isdir(folder):
        raise CourseError(f"{folder}: no such folder; it must hold train.jsonl")
    there = [each for each in _WITHOUT if os.path.isfile(f"{folder}/{each}.jsonl")]
    return {each: corpus.load_pairs(folder, split=each) for each in ["train", *there]}
