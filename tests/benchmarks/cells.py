"""Where does a notebook's time go?

    python tests/benchmarks/cells.py NOTEBOOK [lines]

Executes one notebook (number, name or file) with torch's own number of threads and
prints its slowest cells: seconds, share, number among the code cells, first line. A
measurement, not a test: run it while nothing else does.
"""

import os
import sys
import time

from nbclient import NotebookClient

from helpers import ROOT
from helpers.course import notebooks


def main(name: str, lines: int) -> None:
    """Execute the notebook and print the slowest of its cells."""
    [path] = notebooks.series([name])
    notebook, seconds, started = notebooks.read(path), {}, {}

    def start(cell, cell_index):
        started[cell_index] = time.perf_counter()

    def stop(cell, cell_index, execute_reply):
        seconds[cell_index] = time.perf_counter() - started[cell_index]

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}
    client = NotebookClient(
        notebook,
        timeout=900,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=start,
        on_cell_executed=stop,
    )
    client.execute(env=environment)
    whole = sum(seconds.values())
    print(f"{path.stem}: {whole:.1f} s in {len(notebooks.code_cells(notebook))} cells")
    for index in sorted(seconds, key=lambda i: -seconds[i])[:lines]:
        first = notebook.cells[index].source.splitlines()[0]
        taken = seconds[index]
        print(f"{taken:>7.1f} s {taken / whole:>5.0%}  cell {index:>3}  {first[:60]}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 12)
