"""How long the notebooks are and how they read; the rules find what is too long."""

import copy

import pytest
from nbformat.v4 import new_markdown_cell

from helpers.course import notebooks, reading

SERIES = notebooks.series()
PATH = notebooks.series(["2"])[0]


def test_the_series_has_exercises_enough_and_a_third_of_them_is_open():
    pages = map(notebooks.read, SERIES)
    found = [each for p in pages for each in reading.exercises(reading.text_of(p))]
    numbers = [exercise.number for exercise in found]
    assert len(numbers) == len(set(numbers)) >= 20
    assert sum(exercise.level == "open" for exercise in found) >= len(found) / 3


@pytest.mark.parametrize("path", SERIES[1:], ids=lambda path: path.stem)
def test_exercises_stand_inside_the_sections(path):
    """Numbered as they come; the first of them in the first two thirds of the page."""
    cells = notebooks.read(path).cells
    places = [n for n, c in enumerate(cells) if reading.exercises(c.source)]
    found = [e.number for c in cells for e in reading.exercises(c.source)]
    assert found == [f"{path.stem[1]}.{n}" for n in range(1, len(found) + 1)]
    assert places[0] < len(cells) * 2 / 3
    assert len(places) >= 2


BREAK = {
    "words": (lambda n: add(n, "word " * 2500), "words of text, more than 2000"),
    "we see": (lambda n: add(n, "Here we see it."), "'we see' in"),
    "a dash": (lambda n: add(n, "A dash — like this."), "'—' in"),
    "no minutes": (lambda n: add(n, "**Exercise 2.9: x** *(easy)*"), "5 min)*'"),
    "no stub": (
        lambda n: add(n, "**Exercise 2.9: x** *(easy, 3 min)*"),
        "exercise 2.9 lacks stub, check or solution",
    ),
    "texts": (lambda n: drop(n), "fewer than 1.2 text cells"),
    "head": (lambda n: head(n, "| 500 minutes |"), "its head says 500"),
    "no head": (lambda n: head(n, "| an hour |"), "in the second cell"),
}


def add(notebook, text):
    notebook.cells.append(new_markdown_cell(text))


def drop(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells[2:] = code


def head(notebook, minutes):
    table = notebook.cells[1].source
    notebook.cells[1].source = table.replace("| 50 minutes |", minutes)


@pytest.mark.parametrize("case", BREAK)
def test_the_rules_find_what_breaks_them(case):
    mend, message = BREAK[case]
    notebook = notebooks.read(PATH)
    assert not [each for each in reading.reading_rules(notebook) if message in each]
    mend(notebook)
    assert [each for each in reading.reading_rules(notebook) if message in each]


def test_minutes_are_reading_computing_and_exercises():
    notebook = notebooks.read(PATH)
    before, promised = reading.minutes(notebook)
    longer = copy.deepcopy(notebook)
    add(longer, "word " * 200)
    add(longer, "**Exercise 2.9: x** *(open, 7 min)*")
    after, _ = reading.minutes(longer)
    assert promised == 50
    assert after - before == pytest.approx(8 + 6 / 200)
