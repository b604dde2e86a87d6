"""search and evaluate: a corpus, by meaning, by words, by both."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from helpers import CourseError, corpus, encoding, models, retrieval, similarity
from helpers.commands.console import LOADING, add_model, bars, given_model, show
from helpers.excerpts import excerpts
from helpers.progress import plain, plural, say

#: How to search: by meaning, by words, by both.
_METHODS = ("dense", "bm25", "fused")


def add_search(parser: ArgumentParser) -> None:
    add_model(parser)
    text = 'JSON Lines, one {"_id": "1", "text": "..."} a line, or a BEIR folder'
    how = "dense: by meaning (default); bm25: by words; fused: both"
    where = "only these: topic=x, source^=notes/ (with --index; more than once: all)"
    add = parser.add_argument
    add("query", metavar="TEXT", help="what to look for")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--corpus", metavar="PATH", help=text)
    place.add_argument("--index", metavar="INDEX", help="a file or an address")
    add("--top-k", type=int, default=5, metavar="K", help="how many results (5)")
    add("--method", choices=_METHODS, default="dense", help=how)
    add("--where", action="append", default=[], metavar="CONDITION", help=where)


def search(options: Namespace) -> None:
    retrieval.checked_query(options.query)  # both before the slow part
    top_k = similarity.checked_top_k(options.top_k)
    if options.where and not options.index:
        raise CourseError("--where narrows the search of an index; give --index too")
    find = _in_index if options.index else _in_corpus
    hits, there, model = find(options, top_k)
    lines = [] if options.json else [*_lines(options.query, hits, model)]
    show(options, [asdict(hit) for hit in hits], lines)
    if len(hits) < min(top_k, there) and not options.where:
        found = f"only {len(hits)}" if hits else "nothing"
        say(f"{found} found: a text must share a word with the query")


def _in_corpus(options, top_k):
    documents = corpus.load_corpus(options.corpus)
    model = None if options.method == "bm25" else models.load_model(options.model)
    [index] = _indexes(documents, model, [options.method]).values()
    return index.search(options.query, top_k), len(documents), model


def _in_index(options, top_k):
    from helpers.store import open_index  # torch, which a mistake need not wait for

    model = given_model(options)
    how = {"method": options.method, "where": options.where}
    with open_index(options.index, model) as index:
        if not model and options.method != "bm25":
            say(LOADING)
        hits = index.search(options.query, top_k, **how)
        if options.where and not hits:
            say(f"no passage fulfils {_unmet(index, **how)}")
        encoder = None if options.method == "bm25" else index.model
        return hits, index.count(), encoder


def _unmet(index, method, where):
    """Return the condition that nothing fulfils, with one to try, or all of them."""
    from helpers.store.filters import conditions

    for condition in conditions(where):
        there = _values(index, condition.field)
        if not any(map(condition.holds, there)):
            return f"{''.join(condition)}; {_hint(condition, [*filter(None, there)])}"
    words = ["shares a word with the query"] if method == "bm25" else []
    return " and ".join([*where, *words])


def _values(index, field):
    """What there is in a field of FIELDS, each value once, in order."""
    if field in ("topic", "subtopic"):
        return dict.fromkeys(getattr(each, field) for each in index.documents)
    sources = index.sources()
    return sources if field == "id" else dict.fromkeys(sources.values())


def _hint(condition, there):
    field, _, value = condition
    if not there:
        return f"no text has a {field}"
    if field != "source":
        return f"there is {', '.join(f'{field}={each}' for each in there[:3])}"
    like = next((each for each in there if value and value in each), "")
    start = like[: like.find(value) + len(value)] or there[0].split(", ")[0]
    return f'a source looks like "{like or there[0]}", so try source^={start}'


def _lines(query, hits, model):
    """Yield a line a hit: of a long text, the part nearest to the query."""
    for hit, text in zip(
        hits, excerpts(query, [hit.text for hit in hits], model), strict=True
    ):
        about = ", ".join(filter(None, (hit.topic, hit.source)))
        shown = f"  [{plain(about)}]" if about else ""
        yield f"{hit.rank:>3}  {hit.score:6.3f}  {plain(text)}{shown}"


def add_evaluate(parser: ArgumentParser) -> None:
    add_model(parser)
    what = "corpus.jsonl, queries.jsonl, qrels/ (default: the course's)"
    which = "judgements: qrels/NAME.tsv, or all of them (default: test)"
    parser.add_argument("--data", metavar="FOLDER", help=what)
    parser.add_argument("--split", metavar="NAME", default="test", help=which)


def evaluate(options: Namespace) -> None:
    from helpers import reports  # torch, which search by words does without

    documents = corpus.load_corpus(options.data)
    queries = corpus.load_queries(options.data)
    qrels = corpus.load_qrels(options.data, split=options.split)
    _check_ids(documents, queries, qrels)
    indexes = _indexes(documents, models.load_model(options.model), _METHODS)
    say(f"searching: {', '.join(_METHODS)} ...")
    report = reports.evaluate(indexes, queries, qrels)
    show(options, report.to_json(), [report])


def _indexes(documents, model, methods) -> dict[str, retrieval.Index]:
    """Build the indexes that the methods need, each once."""
    needed = set(methods)
    made: dict[str, retrieval.Index] = {}
    if needed & {"bm25", "fused"}:
        made["bm25"] = retrieval.BM25Index(documents)
    if needed & {"dense", "fused"}:
        made["dense"] = _dense(documents, model)
    if "fused" in needed:
        made["fused"] = retrieval.FusedIndex(made["dense"], made["bm25"])
    return {method: made[method] for method in methods}


def _dense(documents, model):
    """Encode the documents; tell how many are longer than the model reads."""
    if cut := encoding.truncation_report(model, [each.content for each in documents]):
        worst = max(cut, key=lambda truncation: truncation.lost)
        say(
            f"note: longer than the {worst.kept} tokens the model reads: {len(cut)} of "
            f"{plural(len(documents), 'document')}; {documents[worst.index].id!r} "
            f"loses most, {plural(worst.lost, 'token')}. Split long texts into "
            "paragraphs"
        )
    say(f"encoding {plural(len(documents), 'document')} on {model.device} ...")
    return retrieval.DenseIndex.build(documents, model, show_progress_bar=bars())


def _check_ids(documents, queries, qrels):
    """Refuse judgements of unknown queries; tell of judgements of unknown documents."""
    known = [query.id for query in queries], [each.id for each in documents]
    unknown, lost = corpus.unknown_ids(qrels, *known)
    if unknown:
        raise CourseError(
            "qrels judge queries that queries.jsonl lacks, such as "
            f"{unknown[0]!r} ({len(unknown)} in all); do the two files belong together?"
        )
    if lost:
        say(
            "note: qrels judge documents that the corpus lacks, such as "
            f"{lost[0]!r}; they count as never found ({len(lost)} in all)"
        )
