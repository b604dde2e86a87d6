"""How fast is the index that lasts, beside the one in memory and two of other makers?

    python tests/benchmarks/store.py [--rows 10000 100000] [--peers PYTHON]

Texts are halves of the corpus's sentences, joined at random; vectors are random rows of
length 1 and width 384, so that nothing is encoded and only the index is measured. For
each size, each in a process of its own, one after the other: rows written a second,
seconds to open, p50 and p95 in milliseconds of 100 searches for the best 10, by meaning
(from a vector, beside the bare matrix product of the same rows), by words and by both,
megabytes on disk, and peak memory in MiB above that of the imports. `--peers` is the
Python of an environment with lancedb, or pymilvus and milvus-lite; each that is missing
there is left out. All search exactly. A measurement, not a test: run it while nothing
else does, on a disk and not in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("store", "memory", "lancedb", "milvus")
#: Rows handed over at once to those that take batches.
BATCH = 2000
SEARCHES = 100
TOP_K = 10


def texts(n: int) -> tuple[list[str], list[str]]:
    """Make n short texts, and queries of six words from such texts."""
    lines = (ROOT / "data" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    sentences = [json.loads(line)["text"].split() for line in lines]
    dice = np.random.default_rng(1)

    def half(number):
        words = sentences[dice.integers(len(sentences))]
        middle = len(words) // 2
        return words[:middle] if number else words[middle:]

    made = [" ".join(half(1) + half(0)) for _ in range(n)]
    queries = [
        " ".join(dice.permutation(half(1) + half(0))[:6]) for _ in range(SEARCHES)
    ]
    return made, queries


def vectors(n: int, seed: int) -> np.ndarray:
    """Return n random rows of length 1: (n, 384), single precision."""
    rows = np.random.default_rng(seed).standard_normal((n, 384), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class InFile:
    """The course's SQLite file."""

    def __init__(self, folder):
        from helpers import store

        self.path, self.open_index = folder / "index.db", store.open_index

    def write(self, made, rows):
        from helpers.corpus import Document

        documents = [Document(f"t{n}", "", text) for n, text in enumerate(made)]
        with self.open_index(self.path, write=True) as index:
            index.add(documents, rows)

    def open(self):
        self.index = self.open_index(self.path)

    def dense(self, vector, query):
        return self.index._nearest(vector[None], TOP_K, [])[0]

    def words(self, vector, query):
        return self.index.search(query, TOP_K, method="bm25")

    def both(self, vector, query):
        """As `search` does, from a vector."""
        from helpers.retrieval import hit, reciprocal_rank_fusion

        found = self.index._nearest(vector[None], 100, [])[0]
        dense = [hit(text, rank, s) for rank, (text, s) in enumerate(found, 1)]
        words = self.index.search(query, 100, method="bm25")
        return reciprocal_rank_fusion([dense, words])[:TOP_K]


class InMemory:
    """The course's index in memory: it is built where the others are opened."""

    def __init__(self, folder):
        from helpers import retrieval

        self.retrieval = retrieval

    def write(self, made, rows):
        from helpers.corpus import Document

        self.rows = rows
        self.documents = [Document(f"t{n}", "", text) for n, text in enumerate(made)]

    def open(self):
        self.bm25 = self.retrieval.BM25Index(self.documents)

    def dense(self, vector, query):
        return self.retrieval._hits(self.documents, self.rows @ vector, TOP_K)

    def words(self, vector, query):
        return self.bm25.search(query, TOP_K)

    def both(self, vector, query):
        dense = self.retrieval._hits(self.documents, self.rows @ vector, 100)
        words = self.bm25.search(query, 100)
        return self.retrieval.reciprocal_rank_fusion([dense, words])[:TOP_K]


class Lance:
    """LanceDB, embedded: exact, as it has no vector index here; its own BM25."""

    def __init__(self, folder):
        import lancedb

        self.folder, self.connect = str(folder / "lance"), lancedb.connect

    def write(self, made, rows):
        import pyarrow as pa

        table = None
        for start in range(0, len(made), BATCH):
            part = slice(start, start + BATCH)
            column = pa.array(rows[part].ravel())
            vector = pa.FixedSizeListArray.from_arrays(column, 384)
            data = pa.table({"text": made[part], "vector": vector})
            if table is None:
                table = self.connect(self.folder).create_table("t", data)
            else:
                table.add(data)
        table.create_fts_index("text")

    def open(self):
        self.table = self.connect(self.folder).open_table("t")
        self.dense(np.ones(384, dtype=np.float32), "")

    def dense(self, vector, query):
        return self.table.search(vector).distance_type("dot").limit(TOP_K).to_list()

    def words(self, vector, query):
        return self.table.search(query, query_type="fts").limit(TOP_K).to_list()

    def both(self, vector, query):
        search = self.table.search(query_type="hybrid").vector(vector).text(query)
        return search.distance_type("dot").limit(TOP_K).to_list()


class Milvus:
    """Milvus Lite, embedded: FLAT, its own BM25."""

    def __init__(self, folder):
        os.environ.pop("http_proxy", None)
        from pymilvus import MilvusClient

        self.path, self.client = str(folder / "milvus.db"), MilvusClient

    def write(self, made, rows):
        from pymilvus import DataType, Function, FunctionType

        client = self.client(self.path)
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field(
            "text", DataType.VARCHAR, max_length=4000, enable_analyzer=True
        )
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=384)
        schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
        bm25 = Function("f", FunctionType.BM25, ["text"], ["sparse"])
        schema.add_function(bm25)
        indexes = client.prepare_index_params()
        indexes.add_index("vector", index_type="FLAT", metric_type="IP")
        options = {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25"}
        indexes.add_index("sparse", **options)
        client.create_collection("t", schema=schema, index_params=indexes)
        for start in range(0, len(made), 1000):
            numbers = range(start, min(start + 1000, len(made)))
            rows_of = [{"id": n, "text": made[n], "vector": rows[n]} for n in numbers]
            client.upsert("t", rows_of)
        client.flush("t")
        client.close()

    def open(self):
        self.index = self.client(self.path)
        self.index.load_collection("t")
        self.dense(np.ones(384, dtype=np.float32), "")

    def dense(self, vector, query):
        return self.index.search("t", [vector], anns_field="vector", limit=TOP_K)

    def words(self, vector, query):
        return self.index.search("t", [query], anns_field="sparse", limit=TOP_K)

    def both(self, vector, query):
        from pymilvus import AnnSearchRequest, RRFRanker

        asked = [
            AnnSearchRequest([vector], "vector", {}, 100),
            AnnSearchRequest([query], "sparse", {}, 100),
        ]
        return self.index.hybrid_search("t", asked, RRFRanker(), TOP_K)


def status(name: str) -> float:
    """Return a line of this process's memory, in MiB: VmRSS now, VmHWM at most."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024


def timed(way) -> tuple[float, object]:
    """Call a function; return its seconds and what it gave."""
    start = time.perf_counter()
    result = way()
    return time.perf_counter() - start, result


def milliseconds(search, asked) -> list[float]:
    """Time each search, after five to warm up."""
    for pair in asked[:5]:
        search(*pair)
    return [1000 * timed(lambda pair=pair: search(*pair))[0] for pair in asked]


def percentiles(taken: list[float]) -> list[float]:
    """p50 and p95."""
    return [round(float(p), 2) for p in np.percentile(taken, [50, 95])]


def write(kind: str, n: int, folder: Path) -> dict:
    """Write an index of n rows, in this process."""
    index = {"store": InFile, "memory": InMemory, "lancedb": Lance, "milvus": Milvus}
    made_index, before = index[kind](folder), status("VmRSS")
    made, rows = texts(n)[0], vectors(n, 0)
    if kind != "memory":  # the others are given them, and need not keep them
        before = status("VmRSS")
    seconds, _ = timed(lambda: made_index.write(made, rows))
    memory = status("VmHWM") - before
    if kind != "memory":
        files = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        return {"rows/s": n / seconds, "MB on disk": files / 1e6, "MiB write": memory}
    return {"MiB write": memory} | search(kind, n, folder, made_index)


def search(kind: str, n: int, folder: Path, index=None) -> dict:
    """Open an index of n rows, in this process, and search it."""
    kinds = {"store": InFile, "lancedb": Lance, "milvus": Milvus}
    index = index or kinds[kind](folder)
    before = status("VmRSS")
    found = {"opens in s": timed(index.open)[0]}
    asked = list(zip(vectors(SEARCHES, 1), texts(10)[1], strict=True))
    for name, way in (("dense", index.dense), ("bm25", index.words)):
        found[name] = percentiles(milliseconds(way, asked))
    found["fused"] = percentiles(milliseconds(index.both, asked))
    found["MiB search"] = status("VmHWM") - before
    rows, ours, bare = vectors(n, 0), [], []
    for pair in asked:  # in turns, as the machine may be faster or slower for a while
        bare += milliseconds(lambda vector, _: rows @ vector, [pair])
        ours += milliseconds(index.dense, [pair])
    found["product"] = percentiles(bare)
    found["times the product"] = np.median(ours) / np.median(bare)
    return found


def step(python: str, what: str, kind: str, n: int, folder: Path) -> dict:
    """Run one of the two functions above in a process of its own."""
    command = [python, __file__, "--step", what, kind, str(n), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:100]}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print a line for each index and size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        what, kind, n, folder = options.step
        print(
            json.dumps(
                {"write": write, "search": search}[what](kind, int(n), Path(folder))
            )
        )
        return
    for n in options.rows:
        for kind in KINDS if options.peers else KINDS[:2]:
            python = sys.executable if kind in KINDS[:2] else options.peers
            with tempfile.TemporaryDirectory() as folder:
                found = step(python, "write", kind, n, Path(folder))
                if kind != "memory" and "failed" not in found:
                    found |= step(python, "search", kind, n, Path(folder))
            shown = (
                f"{name} {value if isinstance(value, list | str) else f'{value:,.2f}'}"
                for name, value in found.items()
            )
            print(f"{n:>9,}  {kind:<8} {'; '.join(shown)}", flush=True)


if __name__ == "__main__":
    main()
