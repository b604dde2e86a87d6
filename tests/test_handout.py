"""Handouts: solutions where they are wanted, and only there; no network needed."""

import re
import zipfile

import pytest
from support import loads

from helpers.course import export, handout, notebooks

SERIES = notebooks.series()


@pytest.mark.parametrize("path", SERIES, ids=[path.stem for path in SERIES])
def test_solutions_and_answers_go_and_all_else_stays(path):
    notebook = notebooks.read(path)
    page = handout.without_solutions(notebook)
    text, whole = notebooks.text_of(page), notebooks.text_of(notebook)
    kept = re.findall(r"<summary>(\w+)", text)
    assert kept == [n for n in re.findall(r"<summary>(\w+)", whole) if n in STAYS]
    assert text.count("<details>") == text.count("</details>") == len(kept)
    folded = re.sub(r"(?s)<details>.*?</details>\s*", "", whole)
    assert re.sub(r"(?s)<details>.*?</details>\s*", "", text).split() == folded.split()
    assert notebooks.code_cells(page) == notebooks.code_cells(notebook)
    assert whole == notebooks.text_of(notebooks.read(path))  # its copy was changed


STAYS = ("Hint", "Optional")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write the handout of notebooks 0 and 3; return its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "BUILD", tmp_path_factory.mktemp("build"))
        patch.setattr(handout, "series", lambda: [SERIES[0], SERIES[3]])
        yield handout.write()


def test_both_sets_and_an_index_lead_to_each_other(written):
    pages = sorted(written.rglob("*.html"))
    assert len(pages) == 2 * 4 + 1
    for page in pages:
        html = re.sub(r'srcdoc="[^"]*"', "", page.read_text(encoding="utf-8"))
        links = re.findall(r'<a [^>]*href="(?!\w+:)([^"#]+)', html)
        for link in links:
            written_too = not re.match(r"0[^03]_", link)
            assert not written_too or (page.parent / link).resolve() in pages, link
    index = (written / "index.html").read_text(encoding="utf-8")
    assert 'href="without-solutions/03_semantic_search.html"' in index
    assert "<td>0. Start here</td>\n<td>25</td>" in index


def test_nothing_is_loaded(written):
    for page in written.rglob("*.html"):
        assert not loads(page.read_text(encoding="utf-8")), page


def test_solutions_are_in_one_set_only(written):
    for folder, there in ((handout.WITH, True), (handout.WITHOUT, False)):
        html = (written / folder / "03_semantic_search.html").read_text("utf-8")
        assert ("np.argsort(-(corpus @ query))" in re.sub("<[^>]+>", "", html)) == there
        assert "<summary>Hint</summary>" in html


def test_the_zip_holds_the_same(written):
    with zipfile.ZipFile(f"{written}.zip") as packed:
        names = {name for name in packed.namelist() if not name.endswith("/")}
        pages = {p.relative_to(written.parent).as_posix() for p in written.rglob("*.*")}
        assert names == pages
