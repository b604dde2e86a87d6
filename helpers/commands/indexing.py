"""index and report: files become an index that lasts, and a page that describes it."""

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from itertools import chain

from tqdm import tqdm

from helpers import CourseError, corpus, ingestion
from helpers.commands.console import LOADING, add_model, bars, given_model, show
from helpers.corpus import Document
from helpers.ingestion.account import Account
from helpers.progress import plural, say
from helpers.store import Store, is_index, open_index

_SOURCES = (
    "CSV, TSV, JSON Lines, text, Markdown, a folder of these, or a BEIR folder; or one "
    "index, to be copied: nothing is encoded then"
)
_WHERE = "a file, or a Milvus server's address: http://127.0.0.1:19530/name"
_MISSING = "take out texts of the index that the sources no longer hold"
_TABLE = (
    "{texts} read: {skipped:,} skipped, {added:,} added, {updated:,} updated, "
    "{unchanged:,} unchanged; {removed:,} removed\n{passages} in {index}\n"
    'search it: python -m helpers search "TEXT" --index {index}'
)


def add_index(parser: ArgumentParser) -> None:
    add_model(parser)
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help=_SOURCES)
    add("--index", required=True, metavar="INDEX", help=f"to make or renew: {_WHERE}")
    add("--text-column", metavar="NAME", help="the column or key that holds the text")
    add("--id-column", metavar="NAME", help="the column or key that holds the id")
    add("--encoding", metavar="NAME", help="of the files, if it is not found out")
    add("--remove-missing", action="store_true", help=_MISSING)
    elsewhere = parser.add_mutually_exclusive_group()
    many = "encode in so many processes of this machine"
    elsewhere.add_argument("--workers", type=int, metavar="N", help=many)
    cluster = "encode on the workers of a Dask scheduler, tcp://host:8786"
    elsewhere.add_argument("--scheduler", metavar="ADDRESS", help=cluster)


def index(options: Namespace) -> None:
    if is_index(options.sources[0]):
        return _copy(options)
    names = ("text_column", "id_column", "encoding")
    columns = {name: getattr(options, name) for name in names}
    reading = ingestion.read(options.sources, **columns)
    texts, seen = iter(reading), set[str]()
    first = next(texts)  # a mistake in the sources is said before there is an index
    model = given_model(options)
    with open_index(options.index, model, write=True) as store:
        if not model:
            say(LOADING)
        with _workers(options, store) as workers:
            say("reading and encoding ...")
            start = time.perf_counter()
            texts = _watched(chain([first], texts), seen)
            change = store.update(texts, workers=workers)
        gone = _gone(store, seen, reading.account)
        counts = asdict(change) | _left(options, store, gone)
    _end(options, reading.account, counts, gone, start)


def _copy(options: Namespace) -> None:
    """Make an index of another one."""
    if len(options.sources) > 1:
        raise CourseError("an index is copied alone; give it as the only source")
    [source], start = options.sources, time.perf_counter()
    model = given_model(options)
    with open_index(source, model) as old:
        read = old.hashes().keys()
        say(f"copying {plural(len(read), 'text')} ...")
        with open_index(options.index, model, write=True) as new:
            counts = asdict(new.copy_from(old))
            gone = sorted(new.hashes().keys() - read)
            counts |= _left(options, new, gone)
    _end(options, Account(len(read), len(read)), counts, gone, start)


def _left(options, store, gone):
    """Take out what is gone, if that was asked for; count it, and what is left."""
    removed = store.remove(gone) if options.remove_missing else 0
    return {"removed": removed, "parts": store.count()}


def _end(options, account, counts, gone, start):
    """Say what was done."""
    seconds = round(time.perf_counter() - start, 1)
    counts = {"read": account.read, "skipped": account.skipped, **counts}
    counts |= {"seconds": seconds, "index": options.index}
    data = {**counts, "account": account.to_json()}
    passages = plural(counts["parts"], "passage")
    told = {"texts": plural(account.read, "text"), "passages": passages}
    show(options, data, [account, _TABLE.format(**counts, **told)])
    if gone and not options.remove_missing:
        _tell(gone)


def _workers(options, store):
    """Return the workers that were asked for, or None, to be used with `with`."""
    where = options.scheduler or options.workers
    if where is None:
        return nullcontext()
    from helpers.workers import Workers  # Dask, which few need

    say(f"starting {where} workers ..." if options.workers else f"reaching {where} ...")
    return Workers(where, store.model)


def _watched(reading: Iterable[Document], seen: set[str]) -> Iterator[Document]:
    """Pass the texts on, with a bar for people; keep their ids in `seen`."""
    for text in tqdm(reading, unit=" texts", disable=not bars()):
        seen.add(text.id)
        yield text


def _gone(store: Store, seen: set[str], account: Account) -> dict[str, str]:
    """Texts that no source holds now, id -> source; what is unread may hold them."""
    gone = sorted(each for each in store.sources().items() if each[0] not in seen)
    return {text: source for text, source in gone if not account.may_hold(source)}


def _tell(gone: dict[str, str]) -> None:
    text, source = next(iter(gone.items()))
    say(
        f"note: the index holds {plural(len(gone), 'text')} not found in the files you "
        f"gave (such as {source or text}); --remove-missing takes out what is not found"
    )


def add_report(parser: ArgumentParser) -> None:
    add_model(parser)
    add = parser.add_argument
    add("--index", required=True, metavar="INDEX", help=f"that `index` made: {_WHERE}")
    add("--queries", metavar="FILE", help="queries.jsonl, to judge its searches by")
    add("--qrels", metavar="FILE", help="their judgements, a TSV file")
    add("--out", required=True, metavar="FILE.html", help="the page to write")


def report(options: Namespace) -> None:
    if bool(options.queries) != bool(options.qrels):
        raise CourseError("--queries and --qrels belong together; give both or neither")
    queries = corpus.load_queries(options.queries) if options.queries else []
    qrels = corpus.load_qrels(options.qrels) if options.qrels else None
    if os.path.isdir(options.out):
        raise CourseError(f"{options.out}: is a folder; give the page a name in it")
    from helpers import corpus_report  # torch, which a mistake need not wait for

    with open_index(options.index, given_model(options)) as store:
        say(f"looking at {plural(store.count(), 'passage')} ...")
        found = corpus_report.report_on(store, queries, qrels)
    found.write(options.out)
    show(options, found.to_json(), [found, f"open it in a browser: {options.out}"])
