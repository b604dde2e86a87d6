"""The command line: python -m helpers COMMAND.

JSON goes to standard output alone, everything else to standard error. Exit status: 0
when all is well, 1 when a notebook failed or the machine is not ready, 2 for a mistake
the user can mend, said in one line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

from helpers import CourseError

#: How to search: by meaning, by words, by both.
METHODS = ("dense", "bm25", "fused")
#: What fine-tune leaves out where a file is missing.
WITHOUT = {
    "dev": "the last epoch is kept, not the best",
    "test": "nothing is held out, so nobody can tell whether it learnt",
}
CORPUS_HELP = 'JSON Lines, one {"_id": "1", "text": "..."} a line, or a BEIR folder'
METHOD_HELP = "dense: by meaning (default); bm25: by words; fused: both"
DATA_HELP = "corpus.jsonl, queries.jsonl, qrels/test.tsv (default: the course's)"
FOLDER_HELP = "train.jsonl, and if they are there dev.jsonl and test.jsonl"
LOSSES = ("cosine", "cosent", "ranking", "mixed")
LOSS_HELP = "cosine and cosent: for labels; ranking: for search; mixed: both (default)"
PROBES_HELP = "pairs of everyday sentences, to see forgetting (default: the course's)"
PAIRS_HELP = 'one {"sentence1": "...", "sentence2": "...", "score": 0.8} a line, 0 to 1'


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> None:
        """Raise CourseError; `main` turns it into one line and exit status 2."""
        if "unrecognized arguments" in message:
            message += " (put a text of several words between quotes)"
        raise CourseError(f"{message}; see: {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    if hasattr(sys.stdout, "reconfigure"):  # JSON is UTF-8, also in a Windows pipe
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        options = _parser().parse_args(arguments)
        return options.command(options)
    except CourseError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(
            f"error: the package {error.name!r} is not installed in this Python; run "
            "`make setup`, then activate .venv or call .venv/bin/python",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` say, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> Parser:
    """Describe the commands and their options."""
    parser = Parser(prog="python -m helpers", description="Bitcoin & Barbells: tools.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str, action: Callable, text: str, *, model: bool = True
    ) -> Parser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=action)
        sub.add_argument("--json", action="store_true", help="print JSON")
        if model:
            what = "bundled (default), a folder, or a Hub name"
            sub.add_argument("--model", metavar="MODEL", help=what)
        return sub

    command("doctor", doctor, "is this machine ready for the course?")
    sub = command("search", search, "search a corpus")
    sub.add_argument("query", metavar="TEXT", help="what to look for")
    sub.add_argument("--corpus", metavar="PATH", help=CORPUS_HELP)
    sub.add_argument("--top-k", type=int, metavar="K", help="how many results (5)")
    sub.add_argument("--method", choices=METHODS, default="dense", help=METHOD_HELP)
    sub = command(
        "evaluate", evaluate, "nDCG@10, MRR@10 and recall@10 on a BEIR folder"
    )
    sub.add_argument("--data", metavar="FOLDER", help=DATA_HELP)
    sub = command("similarity", similarity, "correlate cosines with labelled pairs")
    sub.add_argument("pairs", metavar="PAIRS.jsonl", help=PAIRS_HELP)
    sub = command(
        "fine-tune", fine_tune, "train on labelled pairs, say what changed", model=False
    )
    sub.add_argument("pairs", metavar="PAIRS_FOLDER", help=FOLDER_HELP)
    sub.add_argument("--out", metavar="FOLDER", required=True, help="a new folder")
    what = "what to start from: bundled (default), a folder, or a Hub name"
    sub.add_argument("--base", metavar="MODEL", help=what)
    sub.add_argument("--epochs", type=int, default=2, metavar="N", help="(2)")
    sub.add_argument(
        "--learning-rate", type=float, default=5e-5, metavar="R", help="(5e-5)"
    )
    sub.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="pairs (32)"
    )
    sub.add_argument("--loss", choices=LOSSES, default="mixed", help=LOSS_HELP)
    sub.add_argument("--seed", type=int, default=42, metavar="N", help="(42)")
    sub.add_argument("--probes", metavar="FILE", help=PROBES_HELP)
    sub = command("run", run, "execute the notebooks")
    sub.add_argument(
        "notebooks", nargs="*", metavar="NOTEBOOK", help="number, name or file (all)"
    )
    way = sub.add_mutually_exclusive_group()
    way.add_argument("--in-place", action="store_true", help="renew the saved outputs")
    way.add_argument("--html-only", action="store_true", help="export, do not execute")
    sub = command("setup", setup, "make .venv and install the pinned set", model=False)
    sub.add_argument("--lock", action="store_true", help="resolve the lock anew")
    return parser


def doctor(options: argparse.Namespace) -> int:
    """Print the findings; 0 when the machine is ready, else 1."""
    from helpers import doctor

    checks = doctor.examine(options.model)
    ready = all(check.ready for check in checks)
    if options.json:
        _print_json({"ready": ready, "checks": [asdict(check) for check in checks]})
        return 0 if ready else 1
    for check in checks:
        word = "ok" if check.ready else "NOT READY"
        mend = f"\n{'':23}-> {check.mend}" if check.mend else ""
        print(f"{word:<10} {check.name:<10} {_plain(check.found)}{mend}")
    print("ready" if ready else "not ready: mend the lines above that say so")
    return 0 if ready else 1


def search(options: argparse.Namespace) -> int:
    """Print the best documents for a query."""
    from helpers import corpus, retrieval

    documents = corpus.load_corpus(options.corpus)
    retrieval.checked_query(options.query)
    top_k = min(5, len(documents)) if options.top_k is None else options.top_k
    retrieval.checked_top_k(top_k, documents)  # before the slow part
    index = _indexes(documents, options.model, (options.method,))[options.method]
    hits = index.search(options.query, top_k)
    if options.json:
        _print_json([asdict(hit) for hit in hits])
    for hit in () if options.json else hits:
        topic = f"  [{_plain(hit.topic)}]" if hit.topic else ""
        print(f"{hit.rank:>3}  {hit.score:6.3f}  {_plain(hit.text)}{topic}")
    if len(hits) < top_k:
        found = (
            f"only {len(hits)} documents share"
            if hits
            else "nothing found: none shares"
        )
        _say(f"{found} a word with the query")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Print the figures of every method, over all queries and by kind."""
    from helpers import corpus, metrics, retrieval

    documents = corpus.load_corpus(options.data)
    queries, qrels = corpus.load_queries(options.data), corpus.load_qrels(options.data)
    judged = [query for query in queries if query.id in qrels]
    _check_ids(documents, queries, qrels)
    indexes = _indexes(documents, options.model, METHODS)
    kinds = list(dict.fromkeys(query.kind for query in judged if query.kind))
    report: dict = {}
    by_kind: dict[str, dict] = {kind: {} for kind in kinds}
    for method, index in indexes.items():
        _say(f"searching: {method} ...")
        run = retrieval.make_run(index, judged)
        evaluation = metrics.evaluate(run, qrels)
        report[method] = evaluation.means()
        for kind in kinds:
            ids = [query.id for query in judged if query.kind == kind]
            by_kind[kind][method] = evaluation.means(ids)
    report |= {"by_kind": by_kind, "queries": len(judged)}
    if options.json:
        _print_json(report)
        return 0
    print(f"{'':<26}{'':<8}{'nDCG@10':>9}{'MRR@10':>9}{'recall@10':>11}")
    for title, part in ((f"all {len(judged)} queries", report), *by_kind.items()):
        for method in METHODS:
            figures = part[method].values()
            widths = zip(figures, (9, 9, 11), strict=True)
            cells = "".join(f"{figure:>{width}.3f}" for figure, width in widths)
            print(f"{title:<26}{method:<8}{cells}")
            title = ""
    return 0


def similarity(options: argparse.Namespace) -> int:
    """Print how well cosines agree with the labels of pairs."""
    from helpers import corpus, metrics, models

    if os.path.isdir(options.pairs):
        raise CourseError(f"{options.pairs}: is a folder; give one of the files in it")
    pairs = corpus.load_pairs(options.pairs)
    if len(pairs) < 2 or len({pair.score for pair in pairs}) < 2:
        raise CourseError(
            f"{options.pairs}: a correlation needs two or more pairs with different "
            f"scores; here are {len(pairs)}, all scored {pairs[0].score}"
        )
    model = models.load_model(options.model)
    sides = ([p.sentence1 for p in pairs], [p.sentence2 for p in pairs])
    left, right = (_encode(model, side) for side in sides)
    cosines = (left * right).sum(axis=1)
    if cosines.max() - cosines.min() < 1e-6:
        raise CourseError(
            f"{options.pairs}: all cosines are {cosines[0]:.2f}, so nothing can "
            "correlate; are the two sentences the same in every line?"
        )
    from scipy import stats

    scores = [pair.score for pair in pairs]
    figures = {
        "spearman": metrics.spearman(scores, cosines),
        "pearson": float(stats.pearsonr(cosines, scores).statistic),
        "pairs": len(pairs),
    }
    if options.json:
        _print_json(figures)
    else:
        print(
            f"Spearman {figures['spearman']:.3f}, Pearson {figures['pearson']:.3f} "
            f"over {len(pairs)} pairs"
        )
    return 0


def fine_tune(options: argparse.Namespace) -> int:
    """Train a model, and write what changed beside it: report.json, report.png."""
    from helpers import corpus, finetuning, models, storage

    if not os.path.isdir(options.pairs):
        raise CourseError(f"{options.pairs}: no such folder; it must hold train.jsonl")
    pairs = {
        split: corpus.load_pairs(options.pairs, split=split)
        for split in corpus.SPLITS
        if split == "train" or os.path.isfile(f"{options.pairs}/{split}.jsonl")
    }
    knobs = ("loss", "epochs", "learning_rate", "batch_size")
    settings = {name: getattr(options, name) for name in knobs}
    finetuning.check_training(pairs["train"], pairs.get("dev"), **settings)
    probes = corpus.load_pairs(options.probes or corpus.DATA / "pairs" / "probe.jsonl")
    base = models.load_model(options.base)
    for split in set(WITHOUT) - set(pairs):
        _say(f"note: no {split}.jsonl in {options.pairs}: {WITHOUT[split]}")
    _say(
        f"training on {len(pairs['train'])} pairs on {base.device}; if it is stopped, "
        "the same command goes on from the last checkpoint"
    )
    training = finetuning.fine_tune(
        base,
        pairs["train"],
        pairs.get("dev"),
        folder=options.out,
        **settings,
        seed=options.seed,
        show_progress_bar=sys.stderr.isatty(),
    )
    _say("comparing it with its base ...")
    known = {pair.about for pair in pairs["train"]}
    asked = {
        "held out": pairs.get("test", []),
        "held out, new terms": [
            p for p in pairs.get("test", []) if p.about not in known
        ],
    }
    report = {
        "model": options.out,
        "base": models.model_name(base),
        "pairs": {split: len(mine) for split, mine in pairs.items()},
        "best_epoch": training.best,
        "history": [asdict(epoch) for epoch in training.history],
        "seconds": training.seconds,
        "spearman": {
            name: asdict(finetuning.held_out_report(base, training.model, mine))
            for name, mine in asked.items()
            if len({pair.score for pair in mine}) > 1
        },
    }
    drift = finetuning.drift_report(base, training.model, probes)
    report["drift"] = asdict(drift) | {"gap": drift.gap}
    data = json.dumps(report, ensure_ascii=False, indent=2).encode()
    storage.write_atomically(os.path.join(options.out, "report.json"), data)
    picture = _picture_of(report)
    storage.write_atomically(os.path.join(options.out, "report.png"), picture)
    if options.json:
        _print_json(report)
        return 0
    print(f"{'Spearman correlation':<26}{'pairs':>6}{'before':>9}{'after':>9}  change")
    for name, row in report["spearman"].items():
        change = "{mean:+.3f} [{low:+.3f}, {high:+.3f}]".format(**row["change"])
        before, after = row["before"]["mean"], row["after"]["mean"]
        print(f"{name:<26}{row['pairs']:>6}{before:>9.3f}{after:>9.3f}  {change}")
    before, after = drift.spearman
    change = drift.change
    print(
        f"{'probes: was it forgotten?':<26}{len(probes):>6}{before:>9.3f}{after:>9.3f}"
        f"  {change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
    )
    print(f"probes lie {drift.moved:.3f} (1 - cosine) from where they were")
    print(f"model, report.json and report.png: {options.out}")
    print(f'search with it: python -m helpers search "TEXT" --model {options.out}')
    return 0


def _picture_of(report: dict) -> bytes:
    """Draw a training and what it changed, as PNG."""
    from io import BytesIO

    from matplotlib.figure import Figure

    from helpers import metrics, visualization

    visualization.use_style()
    figure = Figure(figsize=(11.5, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = report["history"]
    dev = [epoch["dev"] for epoch in epochs]
    visualization.plot_training(
        [epoch["loss"] for epoch in epochs[1:]],
        {"dev": dev} if None not in dev else {},
        best=report["best_epoch"],
        title=f"training of {report['base']}",
        ax=left,
    )
    changes = {
        f"{name}\n({row['pairs']} pairs)": (
            row["before"]["mean"],
            row["after"]["mean"],
            metrics.Interval(**row["change"]),
        )
        for name, row in report["spearman"].items()
    }
    drift = report["drift"]
    changes["everyday probes"] = (
        *drift["spearman"],
        metrics.Interval(**drift["change"]),
    )
    visualization.plot_change(
        changes,
        xlabel="Spearman correlation of cosine and label",
        title="what it changed",
        ax=right,
    )
    file = BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def run(options: argparse.Namespace) -> int:
    """Execute notebooks and print a table; 1 when one failed."""
    from helpers import notebooks

    paths = notebooks.series(options.notebooks)
    if not paths:
        raise CourseError(f"{notebooks.NOTEBOOKS}: holds no notebooks")
    if options.model:
        # The kernels run in notebooks/: a folder named from here must be found there.
        folder = os.path.isdir(options.model)
        name = os.path.abspath(options.model) if folder else options.model
        os.environ["COURSE_MODEL"] = name
    if options.in_place:
        if os.environ.get("COURSE_MODEL") or os.environ.get("COURSE_DEVICE"):
            raise CourseError(
                "saved outputs are those of the bundled model on the device the course "
                "chooses; run --in-place without --model, COURSE_MODEL, COURSE_DEVICE"
            )
        for path in paths:
            notebooks.carry_address(path)
    if options.html_only:
        for path in paths:
            html = notebooks.BUILD / "html" / f"{path.stem}.html"
            notebooks.to_html(notebooks.read(path), html)
        _say(f"HTML of {len(paths)} notebooks in build/html")
        return 0
    results = notebooks.run_series(paths, in_place=options.in_place)
    passed = all(result.passed for result in results)
    if options.json:
        _print_json([asdict(result) for result in results])
        return 0 if passed else 1
    width = max(len(result.notebook) for result in results)
    print(f"{'notebook':<{width}}  {'cells':>5}  {'seconds':>7}  passed")
    for result in results:
        word = "yes" if result.passed else f"NO: {result.error}"
        print(
            f"{result.notebook:<{width}}  {result.cells:>5}  {result.seconds:>7.1f}  "
            f"{word}"
        )
    if options.in_place:
        print("Saved outputs renewed under notebooks/. Look at the changes: git diff")
    else:
        print(
            "Read: build/html/*.html   Open: build/notebooks/*.ipynb   Next: make lab"
        )
    return 0 if passed else 1


def setup(options: argparse.Namespace) -> int:
    """Make the environment, or resolve the lock anew."""
    from helpers import setup

    if options.lock:
        setup.lock()
        _say("requirements.lock is renewed; environment.yml needs the same versions")
        return 0
    changed = setup.setup()
    if options.json:
        _print_json({"installed": changed})
    return 0


def _indexes(documents: list, model: str | None, methods: Sequence[str]) -> dict:
    """Build the indexes that the methods need, each once."""
    from helpers import models, retrieval

    made: dict = {}
    if set(methods) & {"bm25", "fused"}:
        made["bm25"] = retrieval.BM25Index(documents)
    if set(methods) & {"dense", "fused"}:
        encoder = models.load_model(model)
        _tell_truncation(encoder, documents)
        _say(f"encoding {len(documents)} documents on {encoder.device} ...")
        bar = sys.stderr.isatty()
        made["dense"] = retrieval.DenseIndex.build(
            documents, encoder, show_progress_bar=bar
        )
    if "fused" in methods:
        made["fused"] = retrieval.FusedIndex(made["dense"], made["bm25"])
    return {method: made[method] for method in methods}


def _tell_truncation(model, documents: list) -> None:
    """Say how many documents are longer than the model reads."""
    from helpers import models

    cut = models.truncation_report(model, [document.content for document in documents])
    if cut:
        worst = max(cut, key=lambda truncation: truncation.lost)
        _say(
            f"note: {len(cut)} of {len(documents)} documents are longer than the "
            f"{worst.kept} tokens the model reads; {documents[worst.index].id!r} loses "
            f"most, {worst.lost} tokens. Split long texts into paragraphs"
        )


def _encode(model, texts: list[str]):
    """Encode texts to rows of length 1, with a bar where a person looks on."""
    bar = sys.stderr.isatty()
    return model.encode(texts, normalize_embeddings=True, show_progress_bar=bar)


def _check_ids(documents: list, queries: list, qrels: dict) -> None:
    """Refuse judgements of unknown queries; tell of judgements of unknown documents."""
    unknown = sorted(set(qrels) - {query.id for query in queries})
    if unknown:
        raise CourseError(
            f"qrels judge {len(unknown)} queries that queries.jsonl lacks, such as "
            f"{unknown[0]!r}; do the two files belong together?"
        )
    ids = {document.id for document in documents}
    lost = sorted({i for grades in qrels.values() for i in grades} - ids)
    if lost:
        _say(
            f"note: qrels judge {len(lost)} documents that the corpus lacks, such as "
            f"{lost[0]!r}; they count as never found"
        )


def _plain(text: str) -> str:
    """Show control characters of a text as escapes: a corpus must not drive a terminal.

    >>> _plain("a" + chr(27) + "[2Jb")
    'a\\\\x1b[2Jb'
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _print_json(value) -> None:
    """Print one JSON document on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


def _say(line: str) -> None:
    """Tell the person what is going on, on standard error."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
