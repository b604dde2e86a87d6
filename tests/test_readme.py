"""What the README says is what the commands print."""

import importlib
import json
import re
import shlex
from argparse import ArgumentParser

import pytest

from helpers import ROOT
from helpers.__main__ import COMMANDS
from helpers.course import notebooks

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_console_example_prints_what_it_shows(command):
    blocks = re.findall(r"```console\n\$ python -m helpers (.+)\n((?s:.+?))```", README)
    assert blocks
    for line, expected in blocks:
        arguments = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', line)]
        status, out, _ = command(*arguments)
        assert (status, out) == (0, expected)


def test_the_table_of_figures_is_what_evaluate_prints(command):
    _, out, _ = command("evaluate", "--split", "all", "--json")
    report = json.loads(out)
    rows = re.findall(
        r"^\| ([a-z0-9 ]+) \| (0\.\d\d) \| (0\.\d\d) \| (0\.\d\d) \|$", README, re.M
    )
    assert len(rows) == 1 + len(report["by_kind"])
    for kind, *shown in rows:
        part = report if kind.startswith("all") else report["by_kind"][kind]
        found = [f"{part[name]['ndcg@10']:.2f}" for name in ("bm25", "dense", "fused")]
        assert shown == found, kind
    assert rows[0][0] == f"all {report['queries']}"


@pytest.mark.slow
def test_the_commands_for_your_own_files_work_when_copied(
    command, tmp_path, monkeypatch
):
    [block] = re.findall(r"```\n(source .venv/bin/activate\n.+?)```", README, re.S)
    monkeypatch.chdir(tmp_path)
    block = block.replace("data/", f"{ROOT.as_posix()}/data/")
    for line in block.splitlines()[1:]:
        python, *arguments = shlex.split(line)
        assert (python, *arguments[:2]) == ("python", "-m", "helpers")
        status, out, err = command(*arguments[2:])
        assert (status, bool(out)) == (0, True), err
    assert (tmp_path / "report.html").is_file()


def test_the_commands_that_take_a_model_are_named():
    [names] = re.findall(r"on the Hub\) works in (.+)\. In Python", README)
    named = set(re.findall(r"`(.+?)`", names))
    taking = set()
    for name, (module, _) in COMMANDS.items():
        parser = ArgumentParser()
        room = importlib.import_module(f"helpers.commands.{module}")
        getattr(room, f"add_{name.replace('-', '_')}")(parser)
        taking |= {name} if "--model" in parser.format_help() else set()
    assert named == taking


def test_the_series_names_every_notebook_and_its_minutes():
    for path in notebooks.series():
        cells = notebooks.read(path).cells
        minutes = re.search(r"\| (\d+) minutes \|", cells[1].source)[1]
        title = re.match(r"# \d\. (.+)", cells[0].source)[1]
        link = rf"\[{title}\]\(notebooks/{path.name}\)( · \[Colab\]\(\S+\))?"
        assert re.search(rf"{link} \| {minutes} \|", README)


def test_the_run_example_has_the_right_cells():
    shown = dict(re.findall(r"^(0\d_\w+) +(\d+) +[\d.]+  yes$", README, re.M))
    real = {
        path.stem: str(sum(c.cell_type == "code" for c in notebooks.read(path).cells))
        for path in notebooks.series()
    }
    assert shown == real


def test_what_notebook_0_tells_is_what_it_printed():
    [told] = re.findall(r"```\n(same news.+?)\nRead: build", README, re.S)
    cells = notebooks.code_cells(notebooks.read(notebooks.series(["0"])[0]))
    assert told == cells[-1].outputs[0].text.rstrip()


def test_ci_calls_the_test_command_and_then_the_browser():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = script.splitlines()
    assert commands.index("make test") < commands.index("make test-browser")
    assert "`make test`" in README and "`make test-browser`" in README


@pytest.mark.parametrize("name", re.findall(r"`make ([\w-]+)`", README))
def test_every_make_target_exists(name):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{name}:.*## ", makefile, re.M)
