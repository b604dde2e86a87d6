"""The glossary: sorted, linked to the notebooks, and complete."""

import re

import pytest

from helpers import ROOT
from helpers.course import notebooks

FOLDER = ROOT / "notebooks"
GLOSSARY = (FOLDER / "GLOSSARY.md").read_text("utf-8")
#: `- **term**: explanation. [3](03_semantic_search.ipynb)`
LINK = r" \[(\d)\]\((\d\d_\w+\.ipynb)\)"
ENTRY = rf"- \*\*(?P<term>[^*]+)\*\*: (?P<words>.+?[.?)])(?P<links>(?:{LINK})+)"
ENTRIES = [line for line in GLOSSARY.splitlines() if line.startswith("- ")]
SERIES = notebooks.series()
AFTER_THE_FIRST = [path for path in SERIES if not path.stem.startswith("00")]
from_the_first_on = pytest.mark.parametrize(
    "path", AFTER_THE_FIRST, ids=lambda path: path.stem
)


def plain(term):
    return term.casefold().replace("-", " ")


def entries():
    """Return a match for each entry of the glossary that is written like one."""
    return [entry for line in ENTRIES if (entry := re.fullmatch(ENTRY, line))]


def files(entry):
    """Return the notebooks that an entry links to."""
    return [file for _, file in re.findall(LINK, entry["links"])]


def terms():
    return [plain(entry["term"]) for entry in entries()]


def text_cells(path):
    cells = notebooks.read(path).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def new_terms(cells):
    """Return what is bold in the paragraph of the recap that begins with New terms."""
    paragraphs = "\n\n".join(cells).split("\n\n")
    recap = [part for part in paragraphs if part.startswith("New terms")]
    bold = [term for part in recap for term in re.findall(r"\*\*(.+?)\*\*", part)]
    return [name for term in bold for name in term.split(", ")]


@pytest.mark.parametrize("line", ENTRIES, ids=lambda line: line[4:].split("*")[0])
def test_an_entry_has_a_term_an_explanation_and_a_notebook(line):
    entry = re.fullmatch(ENTRY, line)
    assert entry, f"not `- **term**: explanation. [3](notebook)`: {line}"
    links = re.findall(LINK, entry["links"])
    assert all(file.startswith(f"0{number}_") for number, file in links)
    assert 3 <= len(entry["words"].split()) <= 50


def test_the_glossary_is_sorted_and_names_each_term_once():
    names = [entry["term"].casefold() for entry in entries()]
    assert names == sorted(set(names))


def test_each_heading_is_the_letter_of_the_entries_below():
    letter = None
    for line in GLOSSARY.splitlines():
        if line.startswith("## "):
            letter = line.removeprefix("## ")
        elif line.startswith("- "):
            assert line.removeprefix("- **")[0].upper() == letter


def test_the_glossary_is_short():
    without_links = re.sub(r"\]\([^)]+\)", "", GLOSSARY)
    assert len(re.findall(r"\w[\w'-]*", without_links)) <= 2000


@pytest.mark.parametrize(
    "file", sorted({file for entry in entries() for file in files(entry)})
)
def test_a_notebook_that_is_linked_exists_and_has_the_terms(file):
    assert (FOLDER / file).is_file()
    text = plain(" ".join(cell.source for cell in notebooks.read(FOLDER / file).cells))
    linked = [plain(entry["term"]) for entry in entries() if file in files(entry)]
    assert [term for term in linked if term not in text] == []


@from_the_first_on
def test_the_new_terms_of_a_recap_are_in_the_glossary(path):
    new = new_terms(text_cells(path))
    assert new, "the recap has no paragraph that begins with New terms"
    known = {*terms(), *(f"{term}s" for term in terms())}
    assert [term for term in new if plain(term) not in known] == []


@from_the_first_on
def test_a_notebook_links_to_the_glossary(path):
    assert any("](GLOSSARY.md)" in cell for cell in text_cells(path))


def test_what_is_bold_elsewhere_is_no_new_term():
    cells = ["**Trap: no.**\n\nNew terms: **run**, and\n**nDCG, MRR**.\n\n**no**"]
    assert new_terms(cells) == ["run", "nDCG", "MRR"]
