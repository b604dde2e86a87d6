"""For every test, and every kernel and process that the tests start."""

import os

import pytest

from helpers.model_files import FETCHED, MPNET, small

# Before torch is imported: two OpenMP threads beside another busy process are far
# slower than one.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # transformers' own, too


def pytest_collection_modifyitems(config, items):
    """Send the notebooks first, the last and longest of them before all others.

    `make test` runs two files at a time; a long one that starts last is waited for.
    """
    # nbval would measure coverage in its kernels too, and waits for them in vain.
    config.option.cov_source = None
    notebooks = [item for item in items if item.path.suffix == ".ipynb"]
    others = [item for item in items if item.path.suffix != ".ipynb"]
    if small() or not FETCHED.is_dir():
        why = f"needs {MPNET}: python -m helpers weights, without COURSE_SMALL"
        for item in notebooks:
            if f'{MPNET}\\"' in item.path.read_text(encoding="utf-8"):
                item.add_marker(pytest.mark.skip(reason=why))
    longest = max((item.path.name for item in notebooks), default="")
    items[:] = sorted(notebooks, key=lambda item: item.path.name != longest) + others
