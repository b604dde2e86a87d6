"""How long does it take until the course answers?

    python tests/benchmarks/startup.py [rounds]

Whole processes, one thread, in turn; medians of the rounds, in seconds and as ratios to
a Python that does nothing. A measurement, not a test: nothing fails on a slow machine.
"""

import os
import statistics
import subprocess
import sys
import time

from helpers import ROOT

COMMANDS = {
    "python that does nothing": ["-c", "pass"],
    "import helpers": ["-c", "import helpers"],
    "python -m helpers --help": ["-m", "helpers", "--help"],
    "search by words": ["-m", "helpers", "search", "deadlift", "--method", "bm25"],
    "search by meaning": ["-m", "helpers", "search", "deadlift"],
}


def main(rounds: int) -> None:
    """Time every command in turn, `rounds` times, and print the medians."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
            )
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    base = medians["python that does nothing"]
    for name, median in medians.items():
        spread = f"{min(seconds[name]):.2f}-{max(seconds[name]):.2f}"
        print(f"{name:<26}{median:6.2f} s  ({spread})  x{median / base:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
