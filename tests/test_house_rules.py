"""The notebooks keep the house rules; the rules find what breaks them."""

import copy

import pytest

from helpers import ROOT
from helpers.course import colab, notebooks
from helpers.course import house_rules as house_rules_
from helpers.course.house_rules import house_rules

SERIES = notebooks.series()


def names(paths):
    return [path.stem for path in paths]


@pytest.mark.parametrize("path", SERIES, ids=names(SERIES))
def test_house_rules(path):
    assert house_rules(notebooks.read(path), path.stem) == []


@pytest.mark.parametrize("path", SERIES, ids=names(SERIES))
def test_the_file_is_what_make_notebooks_writes(path):
    notebook = notebooks.read(path)
    before = copy.deepcopy(notebook)
    notebooks.clean(notebook)
    assert notebook == before


@pytest.mark.parametrize("path", SERIES, ids=names(SERIES))
def test_some_claims_hold_on_every_device_and_model(path):
    cells = notebooks.code_cells(notebooks.read(path))
    claims = [c for c in cells if "\nassert " in c.source]
    claims += [c for c in cells if "nbval-check-output" in notebooks.tags(c)]
    assert len(claims) >= 4


@pytest.mark.parametrize("path", SERIES, ids=names(SERIES))
def test_the_figures_are_those_of_the_notebook(path):
    for name, picture in notebooks.figures(notebooks.read(path)).items():
        assert (path.parent / "figures" / name).read_bytes() == picture
        assert f"notebooks/figures/{name}" in (ROOT / "README.md").read_text("utf-8")


BREAK = {
    "a bare figure": ("text", "<Figure size 640x480 with 1 Axes>", "bare <Figure>"),
    "a progress bar": ("text", "3/3 [00:01<00:00, 2.9it/s]", "progress bar"),
    "a path": ("text", "/" + "home/somebody/data", "a path"),
    "standard error": ("name", "stderr", "standard error"),
    "a bare truth": ("text", "it rises: True", "ends in True"),
    "too heavy": ("text", "x" * 700_000, "more than 700"),
}


@pytest.mark.parametrize("case", BREAK)
def test_house_rules_find_bad_outputs(case):
    key, value, message = BREAK[case]
    notebook = notebooks.read(SERIES[0])
    cell = next(c for c in notebook.cells if c.cell_type == "code" and c.outputs)
    cell.outputs[0][key] = value
    assert any(message in fault for fault in house_rules(notebook, SERIES[0].stem))


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_house_rules_find_the_rest():
    def faults(mend):
        notebook = notebooks.read(SERIES[0])
        mend(notebook)
        return "; ".join(house_rules(notebook, SERIES[0].stem))

    def untagged(notebook):
        ignored = [c for c in notebook.cells if "training" in notebooks.tags(c)]
        ignored[0].metadata["tags"] = ["nbval-ignore-output"]

    def set_source(number, source):
        return lambda notebook: code_cells(notebook)[number].update(source=source)

    def wordless(notebook):
        outputs = [o for c in code_cells(notebook) for o in c.outputs]
        next(o for o in outputs if "image/png" in o.get("data", {})).metadata = {}

    def promises_a_picture(notebook):
        code_cells(notebook)[2].metadata["tags"] = ["figure-lost"]

    assert "a picture without words" in faults(wordless)
    assert "a figure tag, and no picture" in faults(promises_a_picture)
    assert "shared setup cell" in faults(set_source(0, "import sys"))
    assert "21 lines of code" in faults(set_source(3, "x = 1\n" * 21))
    assert "wider than 88" in faults(set_source(3, "x" * 89))
    assert "without one reason" in faults(untagged)
    assert "not run from top" in faults(
        lambda n: code_cells(n)[5].update(execution_count=99)
    )


@pytest.mark.parametrize("repository", ["OWNER/course", "somebody/course"])
def test_the_link_to_colab_is_there_exactly_when_it_leads_somewhere(
    repository, monkeypatch
):
    address = colab.Address(repository, "v1.0")
    monkeypatch.setattr(house_rules_, "course_address", lambda: address)
    notebook, name = notebooks.read(SERIES[0]), SERIES[0].stem
    colab.carry_address(notebook, name, address)
    assert house_rules(notebook, name) == []
    first = notebook.cells[0]
    for wrong in (
        colab.Address("somebody/else", "v1.0"),
        colab.Address("somebody/course", "main"),
        colab.Address("OWNER/course", "main"),
    ):
        first.source = colab.in_opening(first.source, name, wrong)
        right = not (wrong.colab(name) or address.colab(name))
        found = [each for each in house_rules(notebook, name) if "to Colab" in each]
        assert len(found) == (0 if right else 1), wrong
