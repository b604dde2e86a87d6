"""INSTRUCTOR.md names what is there: cells, sections, figures, exercises, minutes."""

import re
from itertools import pairwise

import pytest
from test_exercises import WRONG, check_of, solutions

from helpers import ROOT
from helpers.course import notebooks

TEXT = (ROOT / "INSTRUCTOR.md").read_text("utf-8")
SERIES = [notebooks.read(path) for path in notebooks.series()]
CELLS = [
    {cell.execution_count: cell for cell in notebooks.code_cells(book)}
    for book in SERIES
]
SOLUTIONS = {name: code for _, name, code in solutions()}
#: `| **2.1** `name` or open: task | what works | typical mistakes | what to say |`
ROW = r"^\| \*\*(\d\.\d)\*\* (?:`(\w+)`|(open))[^|]*\| (.*?) \| (.*?) \| [^|]* \|$"
ROWS = {number: row for number, *row in re.findall(ROW, TEXT, re.M)}
CHECKED = {name: row for name, *row in ROWS.values() if name}
#: A cell `[7]`, cells `[7]-[9]`, the notebook `[N3]` that they and the next are in.
CELL = r"\[N(\d)\]|\[(\d+)\](?:-\[(\d+)\])?(?!\()"
NUMBER = r"-?\d+\.\d+|\d{1,3}(?:,\d{3})+|\d+%"


def own_words(line):
    """Return a line without bold, quotes, code, and the numbers of parts."""
    line = re.sub(r"\*\*.+?\*\*|“.+?”|`.+?`", "", line)
    return re.sub(r"[Ee]xercise \d\.\d|§\d\.\d", "", line)


def named():
    """Return each line that names cells, with (notebook, number) of each cell."""
    found, book = [], 0
    for line in map(own_words, TEXT.splitlines()):
        if heading := re.match(r"### Notebook (\d)", line):
            book = int(heading[1])
        cells = []
        for other, first, last in re.findall(CELL, line):
            book = int(other or book)
            if first:
                cells += [(book, n) for n in range(int(first), int(last or first) + 1)]
        if cells:
            found.append((line, cells))
    return found


def numbers_shown(cell):
    """Return the numbers that a cell's saved outputs print."""
    texts = [o.get("text") or o.get("data", {}).get("text/plain") for o in cell.outputs]
    return {number for text in texts if text for number in re.findall(NUMBER, text)}


def test_every_cell_exists_and_printed_the_figures_that_its_line_quotes():
    assert len(named()) > 70
    for line, cells in named():
        shown = set()
        for book, number in cells:
            assert number in CELLS[book], line
            shown |= numbers_shown(CELLS[book][number])
        assert set(re.findall(NUMBER, line)) <= shown, line


def test_every_section_exists():
    headings = [
        re.sub(r" \*\(.+\)\*$", "", heading)
        for book in SERIES
        for heading in re.findall(r"^## (.+)$", notebooks.text_of(book), re.M)
    ]
    known = {word for h in headings for word in (h, h.split()[0])}
    sections = re.findall(r"§(?:\*(.+?)\*|(\d\.\d))", TEXT)
    assert len(sections) > 30
    assert {name or number for name, number in sections} <= known


@pytest.mark.parametrize("minutes", [45, 90, 180])
def test_a_run_sheet_fills_its_minutes_and_leaves_some(minutes):
    [sheet] = re.findall(rf"^## {minutes} minutes\n(.+?)^## ", TEXT, re.M | re.S)
    rows = re.findall(r"^\| (\d+)-(\d+) \| (.+?) \|", sheet, re.M)
    starts, ends = ([int(row[side]) for row in rows] for side in (0, 1))
    assert [0, *ends] == [*starts, minutes]
    spare = sum(int(end) - int(start) for start, end, what in rows if what == "slack")
    assert spare >= 0.07 * minutes


def test_every_exercise_has_its_row_and_its_check():
    found = {}
    for cell, code in (pair for book in SERIES for pair in pairwise(book.cells)):
        if number := re.search(r"^\*\*Exercise (\d\.\d)", cell.source, re.M):
            stub = re.search(r"def (\w+).+raise NotImplementedError", code.source, re.S)
            found[number[1]] = stub[1] if stub else ""
    assert {number: row[0] for number, row in ROWS.items()} == found
    assert set(CHECKED) == set(SOLUTIONS)


@pytest.mark.parametrize("name", CHECKED)
def test_the_solution_is_the_notebook_s_and_the_quotes_are_the_check_s(name):
    _, works, mistakes = CHECKED[name]
    for code in re.findall(r"`([^`]+)`", works):
        assert code in SOLUTIONS[name]
    answers = [answer for answer, _ in WRONG.get(name, {}).values()]
    if name == "unlearn":
        answers = [lambda _, last=last: (0.739, last) for last in (0.739, 0.9)]
    said = [check_of(name)(answer).message for answer in answers]
    quotes = re.findall("“(.+?)”", mistakes)
    assert len(quotes) == 2
    assert all(any(quote in message for message in said) for quote in quotes)


def test_every_link_leads_somewhere():
    targets = re.findall(r"\]\((.+?)\)|^\[N\d\]: (.+)$", TEXT, re.M)
    headings = re.findall(r"^##+ (.+)$", TEXT, re.M)
    anchors = {"#" + heading.lower().replace(" ", "-") for heading in headings}
    for target in (link or note for link, note in targets):
        assert target in anchors or (ROOT / target).is_file(), target
    assert "](INSTRUCTOR.md)" in (ROOT / "README.md").read_text("utf-8")


def test_it_is_short():
    assert len([word for word in TEXT.split() if re.search(r"\w", word)]) <= 3600
