"""For every test, and every kernel and process that the tests start."""

import os

import pytest

from helpers.model_files import FETCHED, MPNET, small

# Before torch is imported: two OpenMP threads beside another busy process are far
# slower than one.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NUMBA_NUM_THREADS"] = "1"  # else UMAP, once loaded, gives torch two
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # transformers' own, too
#: What is shortened where the notebooks are only compared; `make run` does it in full.
SHORT = dict.fromkeys(("01", "09"), "COURSE_QUICK")
SHORT |= dict.fromkeys(("05", "07", "08"), "COURSE_SMOKE")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Shorten the measurements of notebooks 1 and 9, the trainings of 5, 7 and 8."""
    for name in set(SHORT.values()):
        os.environ.pop(name, None)
    if item.path.suffix == ".ipynb" and (name := SHORT.get(item.path.name[:2])):
        os.environ[name] = "1"


def pytest_configure(config):
    """Start a kernel once more if it dies at its start, before any cell has run."""
    if not config.pluginmanager.hasplugin("nbval"):
        return
    from nbval import kernel

    start = kernel.start_new_kernel

    def started(**asked):
        try:
            return start(**asked)
        except RuntimeError:
            return start(**asked)

    kernel.start_new_kernel = started


def pytest_collection_modifyitems(config, items):
    """Send the notebooks first, the longest of them before all others.

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
    notebooks.sort(key=lambda item: not item.path.name.startswith("09"))
    items[:] = notebooks + others
