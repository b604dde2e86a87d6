"""How fast is the course, beside its peers, on this machine? `make bench`

    python tests/benchmarks/bench.py [rounds]

Every way of a group does the same work, and the rounds take turns, so that a slow
minute hits all alike. Ratios are those of medians, to the first way of the group; above
1 is faster. Peers are measured where they are installed, and named with their versions;
beside them stand the machine's own limits, its matrix product and its memory. Writes
build/bench.json, which two machines can compare, build/bench.txt and build/bench.png. A
measurement, not a test: run it while nothing else does.
"""

import functools
import importlib.metadata
import importlib.util
import json
import platform
import random
import statistics
import sys
import time

import numpy as np
import runtimes
import torch
from matplotlib.figure import Figure
from sentence_transformers import util
from tqdm import tqdm

from helpers import ROOT, all_pairs, corpus, encoding, models, storage
from helpers.similarity import nearest
from helpers.timing import duration
from helpers.visualization.style import use_style

PACKAGES = ("torch", "numpy", "sentence-transformers", "faiss-cpu")
PACKAGES += ("onnxruntime", "openvino", "usearch")  # peers: pip install them to compare


def there(name):
    return importlib.util.find_spec(name) is not None


def vectors(n):
    """Return n random rows of length 1: (n, 384)."""
    rows = np.random.default_rng(0).standard_normal((n, 384), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def encoders(texts):
    """Return ways to encode texts with MiniLM."""
    model = models.load_model("bundled", device="cpu")
    ways = {
        "the library": lambda: model.encode(texts, normalize_embeddings=True),
        "packed": lambda: encoding.encode(model, texts),
    }
    if encoding.best_precision() == "bfloat16":
        ways["packed, bfloat16"] = lambda: encoding.encode(
            model, texts, precision="bfloat16"
        )
    for name, forward in runtimes.forwards(model[0].auto_model):
        ways[name] = functools.partial(runtimes.encode, model, forward, texts)
    return ways


def searches(n, queries=1):
    """Return ways to find the exact top 10 among n vectors, for so many queries."""
    rows, asked = vectors(n), vectors(n + queries)[n:]
    ways = {
        "semantic_search": lambda: util.semantic_search(asked, rows, top_k=10),
        "the course": lambda: list(nearest(rows, asked, 10)),
        "the product alone": lambda: (
            rows @ asked[0] if queries == 1 else asked @ rows.T
        ),
    }
    if there("faiss"):
        import faiss

        flat = faiss.IndexFlatIP(384)
        flat.add(rows)
        ways["FAISS, flat"] = lambda: flat.search(asked, 10)
    if there("usearch"):
        from usearch.index import search

        ways["usearch, exact"] = lambda: search(rows, asked, 10, exact=True)
    return ways


def pairs(n):
    """Return ways to find the 100 most similar pairs among n vectors."""
    rows = vectors(n)
    tensor, most = torch.from_numpy(rows), {"max_pairs": 100, "top_k": 100}
    return {
        "paraphrase_mining": lambda: util.paraphrase_mining_embeddings(tensor, **most),
        "the course": lambda: all_pairs.most_similar_pairs(rows, 100, device="cpu"),
    }


def groups():
    """Yield what is measured: a name, and its ways, each made when its turn comes."""
    texts, dice = [each.content for each in corpus.load_corpus()], random.Random(0)
    mixed = [
        " ".join(dice.choices(texts, k=dice.choice((1, 2, 5)))) for _ in range(240)
    ]
    yield "encode 480 short texts", lambda: encoders(texts)
    yield "encode 240 mixed texts", lambda: encoders(mixed)
    for n in (10_000, 100_000, 1_000_000):
        yield f"1 query among {n:,}", lambda n=n: searches(n)
    yield "100 queries among 100,000", lambda: searches(100_000, 100)
    yield "most similar pairs of 10,000", lambda: pairs(10_000)


def medians(ways, rounds):
    """Let the ways take turns; return the median seconds of each."""
    taken = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in taken.items()}


def limits(rounds):
    """Measure what bounds all of it: products of matrices, and reading memory."""
    a, long = torch.randn(2048, 2048), torch.ones(1 << 27)
    found = medians({"product": lambda: a @ a, "memory": long.sum}, rounds)
    return {
        "GFLOP/s": 2 * 2048**3 / found["product"] / 1e9,
        "GB/s": long.nbytes / found["memory"] / 1e9,
    }


def machine():
    """Say what was measured on."""
    said = torch.cpu.get_capabilities()
    found = importlib.metadata.packages_distributions().values()
    return {
        "processor": said.get("cpu_name", platform.processor()),
        "bfloat16": encoding.best_precision() == "bfloat16",
        "threads": torch.get_num_threads(),
        "packages": {
            name: importlib.metadata.version(name)
            for name in PACKAGES
            if any(name in each for each in found)
        },
    }


def table(found):
    """Return the figures as lines."""
    for name, ways in found.items():
        base = next(iter(ways.values()))
        yield name
        for way, seconds in ways.items():
            yield f"  {way:<22}{1000 * seconds:>10.2f} ms   x{base / seconds:.2f}"


def chart(found):
    """Draw one panel a group, on a scale of its own."""
    use_style()
    figure = Figure(figsize=(12, 2.2 * -(-len(found) // 2)), layout="constrained")
    panels = figure.subplots(-(-len(found) // 2), 2).flat
    for ax in panels:
        ax.set_visible(False)
    for ax, (name, ways) in zip(figure.axes, found.items(), strict=False):
        ax.set_visible(True)
        bars = ax.barh(list(ways), list(ways.values()), color="#0072B2")
        ax.bar_label(bars, map(duration, ways.values()), padding=3)
        ax.invert_yaxis()
        ax.margins(x=0.12)
        ax.set(title=name, xlabel="seconds, median; less is better")
    figure.savefig(ROOT / "build" / "bench.png", dpi=110)


def main(rounds=7):
    """Measure all groups, and write what was found."""
    found = {
        name: medians(make(), rounds)
        for name, make in tqdm(list(groups()), disable=not sys.stderr.isatty())
    }
    report = {"machine": machine(), "limits": limits(rounds), "seconds": found}
    lines = [json.dumps({key: report[key] for key in ("machine", "limits")}), ""]
    text = "\n".join([*lines, *table(found), ""])
    for name, content in (("json", json.dumps(report, indent=1)), ("txt", text)):
        storage.write_atomically(ROOT / "build" / f"bench.{name}", content.encode())
    chart(found)
    print(text)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
