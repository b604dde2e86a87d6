"""Notebook 0 is short, and what it only quotes is true."""

import copy
import re

import pytest
from sentence_transformers import InputExample
from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
from torch.utils.data import DataLoader

from helpers.course import notebooks

NOTEBOOK = notebooks.read(notebooks.series(["0"])[0])
TEXT = [c.source for c in NOTEBOOK.cells if c.cell_type == "markdown"]


def test_it_is_read_in_25_minutes():
    assert len(notebooks.code_cells(NOTEBOOK)) <= 25
    assert sum(len(text.split()) for text in TEXT) <= 1100


@pytest.mark.filterwarnings("ignore:'pin_memory'")
@pytest.mark.parametrize(
    ("option", "moved"), [("epochs=12", False), ("epochs=12, warmup_steps=0", True)]
)
def test_the_older_form_needs_one_setting(model, option, moved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # fit leaves a folder of checkpoints behind
    [quoted] = re.findall(r"```python\n(examples = .*?)```", "\n".join(TEXT), re.S)
    model = copy.deepcopy(model)
    scope = {"model": model, "InputExample": InputExample, "DataLoader": DataLoader}
    before = model.similarity(*model.encode(["Just HODL.", "Don't sell your coins."]))
    quoted = quoted.replace("epochs=12", option)
    exec(quoted, scope | {"CosineSimilarityLoss": CosineSimilarityLoss})
    after = model.similarity(*model.encode(["Just HODL.", "Don't sell your coins."]))
    assert (after - before > 0.3).item() is moved
    assert moved or abs(after - before) < 0.01
