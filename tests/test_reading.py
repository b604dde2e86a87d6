"""How long the notebooks are and how they read; the rules find what is too long."""

import copy
import re
from dataclasses import dataclass

import pytest
from nbformat.v4 import new_markdown_cell

from helpers.course import notebooks
from helpers.course.notebooks import code_cells, text_of

SERIES = notebooks.series()
PATH = notebooks.series(["2"])[0]
#: Most code cells and words of text, by the notebook's number; deep dives have more.
_LIMITS = {0: (25, 1100)} | dict.fromkeys(range(1, 7), (40, 2000))
_DEEP, _RATIO = (45, 2400), 1.2
#: Minutes for a word to read, and for a code cell to be run and looked at.
_WORD, _CELL = 1 / 200, 1 / 4
#: Phrases that read like a report or a translation (style.md, "The voice").
_STIFF = r"\b(we see|whoever|the mend|by lot|in truth|strangers?|let us|delve)\b|—"
_COLAB = r"\[Open in Colab\]\S+"  # there or not, as `make badges` decides
_EXERCISE = r"\*\*Exercise (\d\.\d): [^*]+\*\*"
_LEVEL = r" \*\((easy|medium|harder|open), (\d+) min\)\*"
_HEAD = r"\| (\d+) minutes \|.*\| about (\d+) (second|minute)s? \|"


@dataclass(frozen=True)
class Exercise:
    """One exercise: "5.1", how hard it is or "open", and its minutes."""

    number: str
    level: str
    minutes: int


def exercises(text):
    """Return the exercises that a text sets, in their order."""
    found = re.findall(_EXERCISE + _LEVEL, text)
    return [Exercise(number, level, int(minutes)) for number, level, minutes in found]


def minutes(notebook):
    """Return the minutes that a notebook takes, and those that its head promises.

    Text, code and printed output at 200 words a minute, 15 seconds for each code cell,
    computing as the head says, exercises as they say.
    """
    code = code_cells(notebook)
    printed = [out.get("text", "") for cell in code for out in cell.outputs]
    read = " ".join([text_of(notebook), *(cell.source for cell in code), *printed])
    [(head, count, unit)] = re.findall(_HEAD, notebook.cells[1].source)
    computing = int(count) / (60 if unit == "second" else 1)
    practice = sum(exercise.minutes for exercise in exercises(read))
    own = len(read.split()) * _WORD + len(code) * _CELL
    return own + computing + practice, int(head)


def reading_rules(notebook):
    """Yield what makes a notebook too long, stiff or unlike what its head says."""
    text, code = text_of(notebook), len(code_cells(notebook))
    number = int(text[2])  # a title begins "# 3. "
    most_cells, most_words = _LIMITS.get(number, _DEEP)
    if code > most_cells:
        yield f"{code} code cells, more than {most_cells}"
    if (words := len(re.sub(_COLAB, "", text).split())) > most_words:
        yield f"{words} words of text, more than {most_words}"
    if number and len(notebook.cells) - code < _RATIO * code:
        yield f"fewer than {_RATIO} text cells for a code cell"
    for found in re.finditer(_STIFF, text, re.I):
        around = text[max(0, found.start() - 20) : found.end() + 20]
        yield f"{found[0]!r} in {around!r}: say it as style.md would"
    yield from _time(notebook, text)
    yield from _shapes(notebook, text)


def _time(notebook, text):
    if not re.search(_HEAD, notebook.cells[1].source):
        yield "no '| 50 minutes | ... | about 30 seconds |' in the second cell"
        return
    needed, head = minutes(notebook)
    if abs(needed - head) > head / 5:
        yield f"takes about {needed:.0f} minutes, its head says {head}"
    parts = sum(map(int, re.findall(r"^##.*\*\((\d+) min\)\*$", text, re.M)))
    if abs(parts - head) > head / 5:
        yield f"its sections add up to {parts} minutes, its head says {head}"


def _shapes(notebook, text):
    if len(re.findall(_EXERCISE, text)) != len(exercises(text)):
        yield "an exercise without '*(easy|medium|harder|open, 5 min)*'"
    for number, cell in enumerate(notebook.cells):
        after = [each.source for each in notebook.cells[number + 1 : number + 4]]
        for exercise in exercises(cell.source):
            if exercise.level != "open" and not _closed(after):
                yield f"exercise {exercise.number} lacks stub, check or solution"


def _closed(after):
    wanted = ("raise NotImplementedError", "exercises.check_", "<summary>Solution")
    return len(after) == 3 and all(map(str.count, after, wanted))


@pytest.mark.parametrize("path", SERIES, ids=lambda path: path.stem)
def test_a_notebook_is_no_longer_than_it_says_and_reads_well(path):
    assert list(reading_rules(notebooks.read(path))) == []


def test_the_series_has_exercises_enough_and_a_third_of_them_is_open():
    pages = map(notebooks.read, SERIES)
    found = [each for p in pages for each in exercises(text_of(p))]
    numbers = [exercise.number for exercise in found]
    assert len(numbers) == len(set(numbers)) >= 20
    assert sum(exercise.level == "open" for exercise in found) >= len(found) / 3


@pytest.mark.parametrize("path", SERIES[1:], ids=lambda path: path.stem)
def test_exercises_stand_inside_the_sections(path):
    """Numbered as they come; the first of them in the first two thirds of the page."""
    cells = notebooks.read(path).cells
    places = [n for n, c in enumerate(cells) if exercises(c.source)]
    found = [e.number for c in cells for e in exercises(c.source)]
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
    assert not [each for each in reading_rules(notebook) if message in each]
    mend(notebook)
    assert [each for each in reading_rules(notebook) if message in each]


def test_minutes_are_reading_computing_and_exercises():
    notebook = notebooks.read(PATH)
    before, promised = minutes(notebook)
    longer = copy.deepcopy(notebook)
    add(longer, "word " * 200)
    add(longer, "**Exercise 2.9: x** *(open, 7 min)*")
    after, _ = minutes(longer)
    assert promised == 50
    assert after - before == pytest.approx(8 + 6 / 200)
