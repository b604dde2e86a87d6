"""search and evaluate: a corpus, by meaning, by words, by both."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from helpers import CourseError, corpus, encoding, models, retrieval, similarity
from helpers.commands.console import (
    add_json_and_model,
    bars,
    plain,
    print_json,
    say,
    show,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: How to search: by meaning, by words, by both.
METHODS = ("dense", "bm25", "fused")


def add_search(parser: ArgumentParser) -> None:
    """Describe the options of `search`."""
    add_json_and_model(parser)
    text = 'JSON Lines, one {"_id": "1", "text": "..."} a line, or a BEIR folder'
    how = "dense: by meaning (default); bm25: by words; fused: both"
    parser.add_argument("query", metavar="TEXT", help="what to look for")
    parser.add_argument("--corpus", metavar="PATH", help=text)
    parser.add_argument("--top-k", type=int, metavar="K", help="how many results (5)")
    parser.add_argument("--method", choices=METHODS, default="dense", help=how)


def search(options: Namespace) -> int:
    """Print the best documents for a query."""
    documents = corpus.load_corpus(options.corpus)
    retrieval.checked_query(options.query)  # both before the slow part
    top_k = similarity.checked_top_k(5 if options.top_k is None else options.top_k)
    [index] = _indexes(documents, options.model, [options.method]).values()
    hits = index.search(options.query, top_k)
    if options.json:
        print_json([asdict(hit) for hit in hits])
    else:
        _print_hits(hits)
    if len(hits) < min(top_k, len(documents)):
        few = f"only {len(hits)} documents share"
        say(f"{few if hits else 'nothing found: none shares'} a word with the query")
    return 0


def add_evaluate(parser: ArgumentParser) -> None:
    """Describe the options of `evaluate`."""
    add_json_and_model(parser)
    what = "corpus.jsonl, queries.jsonl, qrels/test.tsv (default: the course's)"
    parser.add_argument("--data", metavar="FOLDER", help=what)


def evaluate(options: Namespace) -> int:
    """Print the figures of every method, over all queries and by kind."""
    from helpers import reports  # torch, which search by words does without

    documents = corpus.load_corpus(options.data)
    queries, qrels = corpus.load_queries(options.data), corpus.load_qrels(options.data)
    _check_ids(documents, queries, qrels)
    indexes = _indexes(documents, options.model, METHODS)
    say(f"searching: {', '.join(METHODS)} ...")
    show(reports.evaluate(indexes, queries, qrels), options)
    return 0


def _print_hits(hits: list[retrieval.Hit]) -> None:
    for hit in hits:
        topic = f"  [{plain(hit.topic)}]" if hit.topic else ""
        print(f"{hit.rank:>3}  {hit.score:6.3f}  {plain(hit.text)}{topic}")


def _indexes(
    documents: list[corpus.Document], model: str | None, methods: Iterable[str]
) -> dict[str, retrieval.Index]:
    """Build the indexes that the methods need, each once."""
    needed, made = set(methods), {}
    if needed & {"bm25", "fused"}:
        made["bm25"] = retrieval.BM25Index(documents)
    if needed & {"dense", "fused"}:
        made["dense"] = _dense(documents, models.load_model(model))
    if "fused" in needed:
        made["fused"] = retrieval.FusedIndex(made["dense"], made["bm25"])
    return {method: made[method] for method in methods}


def _dense(
    documents: list[corpus.Document], model: SentenceTransformer
) -> retrieval.DenseIndex:
    _tell_truncation(model, documents)
    say(f"encoding {len(documents)} documents on {model.device} ...")
    return retrieval.DenseIndex.build(documents, model, show_progress_bar=bars())


def _tell_truncation(
    model: SentenceTransformer, documents: list[corpus.Document]
) -> None:
    """Say how many documents are longer than the model reads."""
    cut = encoding.truncation_report(model, [each.content for each in documents])
    if cut:
        worst = max(cut, key=lambda truncation: truncation.lost)
        say(
            f"note: {len(cut)} of {len(documents)} documents are longer than the "
            f"{worst.kept} tokens the model reads; {documents[worst.index].id!r} loses "
            f"most, {worst.lost} tokens. Split long texts into paragraphs"
        )


def _check_ids(
    documents: list[corpus.Document], queries: list[corpus.Query], qrels: corpus.Qrels
) -> None:
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
        say(
            f"note: qrels judge {len(lost)} documents that the corpus lacks, such as "
            f"{lost[0]!r}; they count as never found"
        )
