"""The collection that holds an index on a Milvus server: looked at, made, changed.

What the index was made with is a property of the collection, so both come at once. No
text of a user reaches an expression of the server's language: values are compared as
hexadecimal digits (`rows.coded`), and no digit has a meaning there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice

from pymilvus import DataType, Function, FunctionType, MilvusClient

from helpers import CourseError
from helpers.store.rows import BYTES, PASSAGE, TEXT, is_among
from helpers.store.server import Server

#: Rows written, read or asked for at once; hits that a search may ask for.
ROWS, HITS = 500, 16_384

_KEY = "bitcoin_and_barbells"  # the property that holds the settings
_NUMBERS = ("place", "part", "parts")
_DIGITS = ("hash", "wording", "by_topic", "by_subtopic", "by_source", "by_id")
_ANALYZED = {
    "enable_analyzer": True,
    "analyzer_params": {"tokenizer": "standard", "filter": ["lowercase"]},
}
#: As FTS5 has them; JSON, since Milvus Lite passes over them one by one.
_BM25 = {"params": json.dumps({"bm25_k1": 1.2, "bm25_b": 0.75})}


class Collection(Server):
    """An index's collection; `settings` is {} as long as there is none."""

    def __init__(self, url: str, *, write: bool) -> None:
        """Find it; raise CourseError where there is none to read."""
        super().__init__(url)
        self.write, self.words = write, False
        self._level = "Strong" if write else "Bounded"
        try:
            self.settings = self._look()
            if not write and not self.settings:
                raise CourseError(
                    f"{url}: no such index; make it: python -m helpers index SOURCE "
                    f"--index {url}"
                )
        except BaseException:
            self.leave()
            raise

    @property
    def without_words(self) -> str:
        """Say that this server, or the one that made the index, knows no BM25."""
        return (
            f"made without BM25, which Milvus has from 2.5 on (here: {self.version}); "
            'search it with "dense", or make it again on a newer server'
        )

    def make(self, settings: dict) -> None:
        """Make it, unless it is there already, with these settings."""
        if not self.write:
            raise CourseError(
                f"{self.url}: was opened for reading only; open it with write=True"
            )
        self.settings = self.settings or self._look()
        if not self.settings:
            self._make(settings)
            self.settings = self._look()
        if self.settings != settings:
            raise CourseError(f"{self.url}: another program made it anew; reopen")

    def rows(self, fields: Sequence[str]) -> Iterator[dict]:
        """Yield all rows, in any order."""
        # Pages come as the server has them; a strong query waits for all that is new.
        fresh = {"output_fields": ["count(*)"], "consistency_level": "Strong"}
        self.call("query", filter="", **fresh)
        size = ROWS if "vector" in fields else 10 * ROWS
        return self.pages(output_fields=list(fields), batch_size=size)

    def among(
        self, field: str, values: Iterable[str], fields: Sequence[str]
    ) -> Iterator[dict]:
        """Yield the rows where a field has one of these values, each of digits."""
        options = {"output_fields": list(fields), "consistency_level": "Strong"}
        rest = iter(values)
        while some := list(islice(rest, ROWS)):
            yield from self.call("query", filter=is_among(field, some), **options)

    def nearest(self, field: str, data: Sequence, limit: int, chosen: str) -> list:
        """Return, for each query, hits by one field among the rows chosen.

        Their "distance" is a score: the higher, the better.
        """
        options = {"anns_field": field, "limit": limit, "filter": chosen}
        options |= {"output_fields": [*TEXT, *PASSAGE]}
        options |= {"consistency_level": self._level}
        found = [list(hits) for hits in self.call("search", data=data, **options)]
        for hit in chain(*found) if field == "words" else ():
            hit["distance"] = abs(hit["distance"])  # Milvus Lite puts a minus before it
        return found

    def change(self, rows: Sequence[dict], gone: Sequence[str]) -> None:
        """Write rows, then delete keys; after an error nothing more is written."""
        try:
            for start in range(0, len(rows), ROWS):
                self.call("upsert", data=self._known(rows[start : start + ROWS]))
            for start in range(0, len(gone), ROWS):
                self.call("delete", ids=gone[start : start + ROWS])
        except BaseException:
            self.leave()
            raise

    def close(self) -> None:
        """Let go of the server; a writer has it bring all to the disk first."""
        try:
            if self._client is not None and self.write and self.settings:
                self.call("flush")
        finally:
            self.leave()

    def _known(self, rows):
        """Return rows without what a server that has no BM25 has no field for."""
        left_out = set() if self.words else {"stems"}
        return [{k: row[k] for k in row.keys() - left_out} for row in rows]

    def _look(self):
        """Return the settings, {} where there is no collection or an empty half."""
        if not self.call("has_collection"):
            return {}
        about = self.call("describe_collection")
        if not (kept := about.get("properties", {}).get(_KEY)):
            raise CourseError(
                f"{self.url}: is another program's collection; choose another name"
            )
        self.words = "words" in [field["name"] for field in about["fields"]]
        needed = {"vector", "words"} if self.words else {"vector"}
        if set(self.call("list_indexes")) < needed:  # its maker was killed
            if self.call("get_collection_stats")["row_count"]:
                raise CourseError(
                    f"{self.url}: has lost an index; drop the collection, then make "
                    "the index again"
                )
            return {}
        self.call("load_collection")
        return json.loads(kept)

    def _make(self, settings):
        """Make it whole, or leave nothing behind."""
        if self.call("has_collection"):  # an empty half: `_look` has seen to that
            self.call("drop_collection")
        self.words = _number(self.version) >= (2, 5)
        if not self.words:
            print(f"{self.url}: {self.without_words}", file=sys.stderr)
        schema = _schema(settings["width"], self.words)
        made = {_KEY: json.dumps(settings)}
        self.call("create_collection", schema=schema, properties=made)
        try:
            self.call("create_index", index_params=_indexes(self.words))
        except BaseException:
            with suppress(CourseError):
                self.call("drop_collection")
            raise


def _number(version):
    """Return the first two numbers of a version, of "v2.3.5-lite" say."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def _schema(width, words):
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=64)
    for name in _NUMBERS:
        schema.add_field(name, DataType.INT64)
    for name in (*_DIGITS, *PASSAGE):
        schema.add_field(name, DataType.VARCHAR, max_length=BYTES)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=width)
    if words:
        schema.add_field("stems", DataType.VARCHAR, max_length=BYTES, **_ANALYZED)
        schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
        bm25 = Function("bm25", FunctionType.BM25, ["stems"], ["words"])
        schema.add_function(bm25)
    return schema


def _indexes(words):
    """Return what to search by: vectors, exactly, and words."""
    indexes = MilvusClient.prepare_index_params()
    indexes.add_index("vector", "FLAT", "vector", metric_type="IP")
    if words:
        kind = "SPARSE_INVERTED_INDEX"
        indexes.add_index("words", kind, "words", metric_type="BM25", params=_BM25)
    return indexes
