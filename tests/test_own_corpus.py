"""Notebook 6 is a template: its first half runs on any folder."""

import ast
import os
from pathlib import Path

import pytest

from helpers import __main__ as course
from helpers import corpus
from helpers.course import notebooks

ROWS = "".join(f"{n},set {n} was heavy and the room was cold\n" for n in range(12))
TEXTS = {
    "plan.md": "# A plan\n\nThe bar rusts in a damp garage; dry it after each session.",
    "log.csv": "when,what\n" + ROWS,
    "broken.jsonl": '{"text": "whole"}\n{"text": \n',
}


def template():
    """Return the cells up to 6.7, without the setup for Colab."""
    cells = notebooks.read(notebooks.series(["6"])[0]).cells
    end = next(n for n, c in enumerate(cells) if c.source.startswith("## 6.7"))
    return [cell.source for cell in cells[3:end] if cell.cell_type == "code"]


@pytest.mark.slow
def test_the_template_runs_on_another_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # and back, wherever the notebook goes
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    [line] = [
        line
        for line in "\n".join(template()).splitlines()
        if line.startswith("FOLDER") and "shoebox" in line
    ]
    scope = {}
    for source in template():
        source = source.replace(line, "FOLDER = 'mine'")
        exec(compile(ast.parse(source), "notebook 6", "exec"), scope)
    told = capsys.readouterr().out
    assert "Read 15: kept 14, empty 0, refused 1" in told
    assert "plan.md" in told
    assert "14 texts, 14 passages" in told
    assert scope["FOLDER"] == folder
    assert scope["judge"].left == scope["judge"].total > 0
    assert scope["index"].search("rust", 1)[0].id == "mine/plan.md"
    assert os.path.isfile("report.html") and Path.cwd() == tmp_path / "mine search"
    scope["judge"].answer(3)
    judged = ["--queries", "queries.jsonl", "--qrels", "qrels.tsv", "--out", "r.html"]
    assert course.main(["report", "--index", "my.db", *judged]) == 0
    assert "on this one query" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == sorted(TEXTS)
    assert corpus.DATA.joinpath("shoebox").is_dir()
