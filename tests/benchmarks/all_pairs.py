"""How fast is the search for the most similar pairs, and how much memory does it take?

    python tests/benchmarks/all_pairs.py [rounds] [most]

`most_similar_pairs` beside `util.paraphrase_mining_embeddings` of sentence-transformers
on random unit vectors of width 384, 100 pairs, side by side in one run; the rounds take
turns. Ratios are those of medians. Then, on Linux, peak memory above the embeddings,
each size in a process of its own, up to `most` rows (100,000). Both use torch's own
number of threads; run it while nothing else does. A measurement, not a test.
"""

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import util

from helpers import all_pairs

TOP_K = 100


def vectors(n: int) -> np.ndarray:
    """Return n random rows of length 1: (n, 384), single precision."""
    rows = np.random.default_rng(0).standard_normal((n, 384), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def ours(rows: np.ndarray) -> list[tuple[int, int]]:
    """Search with this course's function."""
    found = all_pairs.most_similar_pairs(rows, TOP_K, device="cpu")
    return [(pair.first, pair.second) for pair in found]


def theirs(rows: np.ndarray) -> list[tuple[int, int]]:
    """Search with sentence-transformers, asked for as many pairs as we are."""
    found = util.paraphrase_mining_embeddings(
        torch.from_numpy(rows), max_pairs=TOP_K, top_k=TOP_K
    )
    return [(first, second) for _, first, second in found[:TOP_K]]


def seconds(search, rows: np.ndarray) -> tuple[float, list]:
    """Time one search."""
    start = time.perf_counter()
    found = search(rows)
    return time.perf_counter() - start, found


def peak() -> int:
    """Return the most memory this process has held so far, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024


def memory(n: int) -> None:
    """Print time and peak memory of one search over n rows, in this process."""
    all_pairs.most_similar_pairs(vectors(64), 1, device="cpu")  # imports, threads
    rows = vectors(n)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak()
    taken, _ = seconds(ours, rows)
    print(
        f"{n:>8,} rows: {taken:6.2f} s, peak {peak():,} MiB, {peak() - before:,} MiB "
        f"above what the embeddings ({rows.nbytes / 2**20:,.0f} MiB) and the imports "
        f"take; an n x n matrix would be {n * n * 4 / 2**20:,.0f} MiB"
    )


def main(rounds: int, most: int) -> None:
    """Print speeds side by side, then memory."""
    print(f"{torch.get_num_threads()} threads, {rounds} rounds, {TOP_K} pairs")
    for n in (500, 2_000, 10_000, 20_000):
        rows, taken = vectors(n), {ours: [], theirs: []}
        for _ in range(rounds):
            found = {}
            for search in taken:
                value, found[search] = seconds(search, rows)
                taken[search].append(value)
        fast, slow = (statistics.median(taken[search]) for search in (ours, theirs))
        same = len(set(found[ours]) & set(found[theirs]))
        print(
            f"{n:>8,} rows: ours {fast:7.3f} s, sentence-transformers {slow:7.3f} s, "
            f"x{slow / fast:.1f}; {same} of {TOP_K} pairs in common"
        )
    for n in (10_000, most) if sys.platform == "linux" else ():
        command = [sys.executable, __file__, "memory", str(n)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        memory(int(sys.argv[2]))
    else:
        numbers = [int(value) for value in sys.argv[1:]]
        main(*numbers, *(5, 100_000)[len(numbers) :])
