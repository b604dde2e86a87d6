"""Notebooks are found, executed, written, and exported to HTML that loads nothing."""

import re

import nbformat
import pytest
from support import loads

from helpers import ROOT, CourseError
from helpers.course import export, notebooks, runner

SERIES = notebooks.series()


def test_a_notebook_can_be_named_in_many_ways():
    path = SERIES[0]
    for name in (
        str(path),
        path.name,
        path.stem,
        path.name[:2],
        str(int(path.name[:2])),
    ):
        assert notebooks.series([name])[0].name == path.name
    with pytest.raises(CourseError, match="99: no such notebook; there are: 0"):
        notebooks.series(["99"])


def tiny_notebook(folder, *sources):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    path = folder / "01_tiny.ipynb"
    notebooks.write(notebook, path)
    return path


def test_a_notebook_is_run_and_written(tmp_path, capsys, monkeypatch):
    path = tiny_notebook(tmp_path, "import helpers", "print(1)\nprint(2)", "6 * 7")
    build = tmp_path / "build"
    monkeypatch.setattr(export, "BUILD", build)
    [result] = runner.run_series([path])
    assert (result.cells, result.passed, result.error) == (3, True, "")
    assert result.seconds > 0
    executed = notebooks.read(build / "notebooks" / path.name)
    assert executed.cells[1].outputs[0].text == "1\n2\n"
    assert executed.cells[2].outputs[0].data["text/plain"] == "42"
    assert "01_tiny: passed" in capsys.readouterr().err


def test_what_a_notebook_found_is_told_as_soon_as_it_ends(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(export, "BUILD", tmp_path / "build")
    path = tiny_notebook(tmp_path, "print('too early')", "print('dogs  2\\ncats  1')")
    notebook = notebooks.read(path)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("Aha.\n\n## In numbers"))
    notebooks.write(notebook, path)
    runner.run_series([path])
    told = capsys.readouterr().err
    assert told.endswith("dogs  2\ncats  1\nRead: build/html/01_tiny.html\n")
    assert "too early" not in told


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """Return what runs a notebook and returns the copy that it wrote."""
    monkeypatch.setattr(export, "BUILD", tmp_path / "build")

    def run(path):
        runner.run_series([path])
        return notebooks.read(tmp_path / "build" / "notebooks" / path.name)

    return run


def test_progress_bars_are_not_saved(tmp_path, executed):
    path = tiny_notebook(
        tmp_path,
        "from tqdm.notebook import tqdm\nfor _ in tqdm(range(3)):\n    pass\nprint(1)",
        "from IPython.display import HTML\ndisplay(HTML('<progress value=1>'))",
        "display(HTML('<b>bold</b>'))",
    )
    cells = executed(path).cells
    kept = [[each.output_type for each in cell.outputs] for cell in cells]
    assert kept == [["stream"], [], ["display_data"]]


def test_a_failing_notebook_is_told_and_the_command_exits_with_1(
    tmp_path, command, monkeypatch
):
    monkeypatch.setattr(export, "BUILD", tmp_path / "build")
    path = tiny_notebook(tmp_path, "1 / 0", "print('never')")
    status, out, _ = command("run", path)
    assert status == 1
    assert "NO: ZeroDivisionError: division by zero" in out


def test_a_folder_of_a_model_is_found_from_the_notebooks(
    tmp_path, command, monkeypatch, tiny_folder
):
    monkeypatch.setattr(export, "BUILD", tmp_path / "build")
    monkeypatch.setenv("COURSE_MODEL", "")  # set anew by the command, restored after
    monkeypatch.chdir(tiny_folder.parent)
    check = "import os; assert os.path.isabs(os.environ['COURSE_MODEL'])"
    status, _, _ = command("run", tiny_notebook(tmp_path, check), "--model", "tiny")
    assert status == 0


def test_formulas_are_drawn_and_prices_left_alone(tmp_path):
    text = "Now $$\\frac{u}{v}$$ and $n^2$; it costs $5 or $6, `$x$`."
    cells = [nbformat.v4.new_markdown_cell(text)]
    export.to_html(nbformat.v4.new_notebook(cells=cells), tmp_path / "out.html")
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert re.search(r"<math[^>]*><mrow>.*<mfrac>.*</mfrac>.*</mrow></math>", html)
    assert html.count("<msup>") == 1
    assert "it costs $5 or $6" in html and "<code>$x$</code>" in html


@pytest.mark.parametrize("path", SERIES, ids=[path.stem[:2] for path in SERIES])
def test_folded_answers_stay_folded_in_html(tmp_path, path):
    export.to_html(notebooks.read(path), tmp_path / "out.html")
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert html.count("<details>") >= 4
    assert not re.search(r"</summary>\s*</details>|<math[^>]*></math>", html)


def test_html_asks_for_nothing_and_escapes_text(tmp_path, executed):
    path = tiny_notebook(tmp_path, "print('<script>alert(1)</script>')")
    export.to_html(executed(path), tmp_path / "out.html")
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert not re.findall(r'(?:src|href)="(https?:[^"]+)"', html)


@pytest.fixture(scope="module")
def pages():
    export.write_pages()


def test_links_lead_from_a_notebook_to_a_section_of_the_readme(tmp_path, pages):
    export.to_html(notebooks.read(SERIES[0]), tmp_path / "out.html")
    assert 'href="README.html#the-series"' in (tmp_path / "out.html").read_text("utf-8")
    readme = (export.BUILD / "html" / "README.html").read_text(encoding="utf-8")
    assert 'id="the-series"' in readme and 'href="00_start_here.html"' in readme
    assert 'src="../../notebooks/figures/map.png"' in readme


@pytest.mark.parametrize("path", SERIES, ids=lambda path: path.stem)
def test_exported_notebooks_load_nothing_from_the_network(path, tmp_path, pages):
    export.to_html(notebooks.read(path), tmp_path / "out.html")
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert not loads(html)
    html = re.sub(r'srcdoc="[^"]*"', "", html)
    for link in re.findall(r'<a [^>]*href="([^"#:]+)"', html):
        place = ROOT / "build" / "html" / link
        if re.match(r"\d\d_", link):
            place = path.with_name(link).with_suffix(".ipynb")
        assert place.resolve().exists(), link
