"""Slides: every cell finds its place without a mark, and nothing asks the network.

What they look like in a browser: tests/browser/test_slides.py.
"""

import re
import zipfile
from collections import Counter

import nbformat
import pytest
from support import loads

from helpers.course import export, notebooks, slides, wheels

SERIES = notebooks.series()
IDS = [path.stem for path in SERIES]


def kinds(page):
    return [cell.metadata["slideshow"]["slide_type"] for cell in page.cells]


def deck(*cells):
    page = slides.deck(nbformat.v4.new_notebook(cells=list(cells)))
    return [
        (cell.source, kind) for cell, kind in zip(page.cells, kinds(page), strict=True)
    ]


text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
FIRST = "This sentence says what was found, at once."
LONG = f"{FIRST} " + "Then many words. " * 20


def test_headings_and_exercises_begin_and_the_rest_follows():
    found = deck(text("# T"), text("b\n\n## A"), text("**Exercise 1: c**"), code("d"))
    assert [each for each, _ in found] == ["# T", "b", "## A", "**Exercise 1: c**", "d"]
    assert [kind for _, kind in found] == ["slide", "-", "slide", "subslide", "-"]


def test_what_follows_a_bet_is_on_the_next_slide():
    found = deck(text("## A"), text("**Place your bet.** Which?"), code("d"), code("e"))
    assert [kind for _, kind in found] == ["slide", "-", "subslide", "-"]


def test_a_drawing_is_shown_without_its_code_and_a_section_is_no_slide():
    drawing = code("visualization.drawing('x')", outputs=[page("<section>a</section>")])
    found = slides.deck(nbformat.v4.new_notebook(cells=[text("## A"), drawing])).cells[
        1
    ]
    assert found.metadata["transient"] == {"remove_source": True}
    assert found.outputs[0].data["text/html"] == "<div>a</div>"
    assert drawing.outputs == [page("<section>a</section>")]


def page(html):
    return nbformat.v4.new_output("execute_result", data={"text/html": html})


def test_setup_and_imports_before_the_first_section_stay_out():
    assert deck(text("# T"), code("import os"), text("## A")) == [
        ("# T", "slide"), ("## A", "slide")
    ]  # fmt: skip


def test_of_a_long_text_the_first_sentences_show_and_the_notes_hold_it_all():
    found = deck(text("## A"), text(f"{LONG}\n\n$$x$$\n\n- a list\n- stays"))
    assert found[1] == (f"{FIRST}\n\n$$x$$\n\n- a list\n- stays", "-")
    assert found[2] == (f"{LONG}\n\n$$x$$\n\n- a list\n- stays", "notes")


def test_answers_and_links_to_neighbours_are_left_to_the_notes():
    folded = "1. Why?\n\n<details><summary>Answer</summary>\n\nSo.\n\n</details>\n"
    assert deck(text("## A"), text(folded))[1:] == [
        ("1. Why?", "-"), (folded, "notes")
    ]  # fmt: skip
    assert deck(text("# T\n\n[next](01.ipynb)"))[0] == ("# T", "slide")


def test_what_does_not_fit_goes_to_the_next_and_code_parts_from_its_output():
    output = nbformat.v4.new_output("stream", text="line\n" * 15)
    cell = code("a = 1\n" * 14, outputs=[output])
    page = slides.deck(nbformat.v4.new_notebook(cells=[text("## A"), cell]))
    assert kinds(page) == ["slide", "-", "subslide"]
    assert [len(each.get("outputs", ())) for each in page.cells] == [0, 0, 1]
    assert page.cells[2].metadata["transient"] == {"remove_source": True}
    assert cell.outputs == [output]


@pytest.mark.parametrize("path", SERIES, ids=IDS)
def test_every_cell_of_the_series_has_its_place(path):
    notebook = notebooks.read(path)
    page = slides.deck(notebook)
    count = Counter(kinds(page))
    sections = len(re.findall("(?m)^## ", notebooks.text_of(notebook)))
    assert count["slide"] == 1 + sections
    text = notebooks.text_of(page)
    first = next(n for n, c in enumerate(notebook.cells) if "## " in c.source)
    code = [cell for cell in notebook.cells[first:] if cell.cell_type == "code"]
    shown = notebooks.code_cells(page)
    sources = [cell.source for cell in shown if "transient" not in cell.metadata]
    drawings = "visualization.drawing("
    assert sources == [c.source for c in code if not c.source.startswith(drawings)]
    kept = [output for cell in shown for output in cell.outputs]
    assert len(kept) == sum(len(cell.outputs) for cell in code)
    for part in re.split(r"\n+(?=## )|\n\n(?=# )", notebooks.text_of(notebook)):
        for cell in part.split("\n\n"):
            assert cell in text


@pytest.fixture
def reveal(tmp_path, monkeypatch):
    """Pretend that the wheel with reveal.js is there; return where slides go."""
    wheel = tmp_path / "reveal.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for name in ("dist/reveal.js", "dist/reveal.css", "dist/theme/white.css",
                     "plugin/notes/notes.js", "LICENSE", "dist/other.js"):  # fmt: skip
            packed.writestr(f"sphinx_revealjs/_static/revealjs/{name}", name)
        packed.writestr("sphinx_revealjs/__init__.py", "")
    monkeypatch.setattr(wheels, "fetch", lambda *_: wheel)
    monkeypatch.setattr(export, "BUILD", tmp_path / "build")
    return tmp_path / "build" / "slides"


def test_slides_load_reveal_js_beside_them_and_nothing_else(reveal, command):
    status, out, _ = command("slides", "3")
    assert status == 0 and "S opens the notes" in out
    html = (reveal / "03_semantic_search.html").read_text(encoding="utf-8")
    loaded = loads(html)
    assert len(loaded) == 4
    for link in loaded:
        assert (reveal / link).is_file(), link
    assert "Reveal.initialize" in html and "require(" not in html
    assert not (reveal / "reveal.js" / "dist" / "other.js").exists()
    assert (reveal / "GLOSSARY.html").is_file()


def test_the_pin_is_a_wheel_of_an_exact_version():
    _, version, digest = slides._REVEAL
    assert re.fullmatch(r"[\d.]+", version) and re.fullmatch(r"[0-9a-f]{64}", digest)
