"""What the tests share: the real model, a tiny one, the command line."""

import os

import matplotlib
import pytest
from support import save_random_model

from helpers import __main__, corpus, model_files, models

# The saved outputs are those of the bundled model on the device the course chooses.
for name in ("COURSE_MODEL", "COURSE_DEVICE"):
    os.environ.pop(name, None)
# No window here; the kernels of notebooks keep their inline figures.
matplotlib.use("agg")


@pytest.fixture(scope="session")
def model():
    """Return the bundled model, on the CPU."""
    pytest.importorskip("sentence_transformers", reason="no torch here")
    return models.load_model(device="cpu")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """Return the folder of a random BERT of width 32."""
    return save_random_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny(tiny_folder):
    """Return a random BERT of width 32 that reads 16 tokens."""
    return models.load_model(tiny_folder, device="cpu")


@pytest.fixture(scope="session")
def mpnet():
    """Return the real all-mpnet-base-v2, on the CPU."""
    if model_files.small() or not model_files.FETCHED.is_dir():
        pytest.skip("needs all-mpnet-base-v2: python -m helpers weights")
    return models.load_model("all-mpnet-base-v2", device="cpu")


@pytest.fixture(scope="session")
def documents():
    """Return the course's corpus."""
    return corpus.load_corpus()


@pytest.fixture
def command(capsys):
    """Call the command line in this process; return status, output, errors."""

    def call(*arguments):
        capsys.readouterr()
        status = __main__.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call
