"""What does one query cost, beside the product that it cannot do without?

    python tests/benchmarks/search.py [rounds] [most]

The exact top 10 among n random unit vectors of width 384, from the vector of the query:
the bare product, the product with the course's partial selection, with a full stable
sort, and `util.semantic_search`. Rounds take turns; medians in milliseconds and ratios
to the product. A measurement, not a test: run it while nothing else does.
"""

import statistics
import sys
import time

import numpy as np
import torch
from sentence_transformers import util

from helpers.similarity import best_first

WAYS = {
    "the product": lambda rows, query: rows @ query,
    "with best_first": lambda rows, query: best_first(rows @ query, 10),
    "with a full sort": lambda rows, query: np.argsort(-(rows @ query), kind="stable"),
    "semantic_search": lambda rows, query: util.semantic_search(query, rows, top_k=10),
}


def main(rounds: int, most: int) -> None:
    """Print a line for each way and size."""
    print(f"{torch.get_num_threads()} threads, {rounds} rounds")
    for n in (size for size in (10_000, 100_000, 1_000_000) if size <= most):
        rows = np.random.default_rng(0).standard_normal((n + 1, 384), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        query, rows = rows[-1], rows[:-1]
        taken = {name: [] for name in WAYS}
        for _ in range(rounds):
            for name, way in WAYS.items():
                start = time.perf_counter()
                way(rows, query)
                taken[name].append(1000 * (time.perf_counter() - start))
        base = statistics.median(taken["the product"])
        for name, values in taken.items():
            middle = statistics.median(values)
            print(f"{n:>10,}  {name:<18}{middle:>9.2f} ms  x{middle / base:.1f}")


if __name__ == "__main__":
    numbers = [int(value) for value in sys.argv[1:]]
    main(*numbers, *(7, 1_000_000)[len(numbers) :])
