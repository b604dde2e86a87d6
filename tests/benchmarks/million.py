"""Notebook 9's search among a million vectors, which no laptop should wait for.

    python tests/benchmarks/million.py

Executes the notebook's own cells up to its curves of recall against time, with
1,000,000 vectors where it takes 100,000: some minutes, 10 GB of memory. Writes
data/measurements/million_vectors.json, which the notebook draws beside its own. A
measurement, not a test: run it while nothing else does.
"""

import json
import os

from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from helpers import ROOT, storage
from helpers.course import notebooks

RESULT = """
import json
found = {"vectors": len(cloud), "processor": torch.cpu.get_capabilities()["cpu_name"]}
found |= {"cores": os.cpu_count(), "torch": torch.__version__}
found |= {"faiss": faiss.__version__, "seconds to build": building, "curves": curves}
print(json.dumps(found, default=float))
"""


def main():
    """Execute the cells, and keep what they measured."""
    [path] = notebooks.series(["9"])
    notebook, here, there = notebooks.read(path), "else 100_000", "else 1_000_000"
    sources = [cell.source for cell in notebooks.code_cells(notebook)]
    assert sum(source.count(here) for source in sources) == 1
    [last] = [n for n, source in enumerate(sources) if source.startswith("curves =")]
    cells = [source.replace(here, there) for source in sources[: last + 1]]
    cells[-1] = cells[-1].partition("\nassert")[0]  # what it claims of 100,000
    notebook.cells = [new_code_cell(source) for source in [*cells, RESULT]]
    client = NotebookClient(
        notebook, timeout=3600, resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"})
    found = json.loads(notebook.cells[-1].outputs[0].text)
    file = ROOT / "data" / "measurements" / "million_vectors.json"
    storage.write_atomically(file, (json.dumps(found, indent=1) + "\n").encode())
    print(file.read_text())


if __name__ == "__main__":
    main()
