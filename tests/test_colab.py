"""What Colab gets, and that the address stands in one place."""

import functools
import json
import re
import shutil
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.utils import canonicalize_name
from support import Recorder, imported, tracked

from helpers import ROOT, CourseError
from helpers.commands import running
from helpers.course import colab, lock, notebooks
from helpers.course.house_rules import house_rules
from helpers.progress import plain


def test_colab_keeps_numpy_and_torch(monkeypatch):
    monkeypatch.setattr(colab.os, "chdir", lambda path: None)
    monkeypatch.setattr(colab, "_satisfied", lambda name, pinned: name != "bm25s")
    run = Recorder()
    colab.prepare(run=run)
    import numpy
    import torch

    [command] = run.commands
    held = f"numpy=={numpy.__version__} torch=={torch.__version__}"
    assert command.endswith(f"--quiet {held} bm25s=={lock.pins()['bm25s']}")


def test_colab_with_everything_installs_nothing(monkeypatch):
    places = []
    monkeypatch.setattr(colab.os, "chdir", places.append)
    run = Recorder()
    colab.prepare(run=run)
    assert (run.commands, places) == ([], [ROOT / "notebooks"])


def test_every_package_of_a_notebook_is_on_colab_or_brought_there():
    """The rehearsal imports them all; here, that none was forgotten."""
    [text] = [p.read_text("utf-8") for p in tracked() if p.match("rehearsal/colab.txt")]
    there = {canonicalize_name(name) for name in re.findall(r"^([\w-]+)==", text, re.M)}
    packages = metadata.packages_distributions()
    for name in imported():
        carriers = {canonicalize_name(each) for each in packages[name]}
        assert carriers & (there | set(colab.NEEDED)), name


def test_the_address_stands_in_one_place():
    address = colab.course_address()
    for path in tracked():
        if path.suffix in (".py", ".md", ".cff", ".yml", ".json"):
            assert address.url not in path.read_text("utf-8"), path
    for path in notebooks.series():
        page = notebooks.read(path)
        colab.carry_address(page, path.stem, address)
        assert page == notebooks.read(path), f"{path.name}: run `make notebooks`"


def test_no_page_links_to_colab_or_binder_while_the_owner_is_a_placeholder():
    placeholder = not colab.course_address().colab("01_any")
    for path in tracked():
        if path.suffix == ".ipynb" or path.name == "README.md":
            links = re.findall("colab.research|mybinder", path.read_text("utf-8"))
            assert not (placeholder and links), path


def test_the_link_stands_before_those_to_neighbours():
    somewhere = colab.Address("somebody/course", "v1.0")
    nowhere = colab.Address("OWNER/course", "main")
    link = f"[Open in Colab]({somewhere.colab('00_any')})"
    for head in ("# 0. Title\n\nPromise.", "# 1. Title\n\nOne.\n\nTwo."):
        for tail in ("", "\n\n[contents](../README.md) · [1. Next →](01_next.ipynb)"):
            linked = colab.in_opening(head + tail, "00_any", somewhere)
            assert linked == f"{head}\n\n{link}{tail}"
            assert colab.in_opening(linked, "00_any", somewhere) == linked
            assert colab.in_opening(linked, "00_any", nowhere) == head + tail
    crowded = colab.in_opening(f"# 0. Title\n\nPromise. {link}", "00_any", nowhere)
    assert crowded == "# 0. Title\n\nPromise."


BINDER = "https://mybinder.org/v2/gh/some-one/a.course/v1.0?labpath=notebooks/"


@pytest.fixture
def course(tmp_path, monkeypatch, command):
    """Return a copy of what `badges` writes to, and the command that writes there.

    The copy's owner is OWNER, whatever home the course has here.
    """
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    for path in notebooks.series():
        shutil.copy(path, tmp_path / "notebooks")
    for module in (colab, running):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    badges = functools.partial(command, "badges")
    assert badges("OWNER/bitcoin-and-barbells")[0] == 0
    return tmp_path, badges


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_badges_puts_links_in_everywhere_and_takes_them_out(course):
    folder, badges = course
    before, series = contents(folder), notebooks.series()
    status, out, _ = badges("some-one/a.course", "--ref", "v1.0")
    assert status == 0
    names = ["pyproject.toml", "README.md", *(f"notebooks/{p.name}" for p in series)]
    assert out.split() == names
    readme = (folder / "README.md").read_text("utf-8")
    assert readme.count("colab.research") == len(series)
    site = "https://colab.research.google.com/github/some-one/a.course/blob/v1.0"
    for path in series:
        binder = f" · [Binder]({BINDER}{path.name})" if path == series[0] else ""
        row = f"({site}/notebooks/{path.name}){binder} | "
        assert f"](notebooks/{path.name}) · [Colab]{row}" in readme
        first, _, setup, *_ = notebooks.read(path).cells
        assert f"\n\n[Open in Colab]({site}/notebooks/{path.name})" in first.source
        assert "\n\n\n" not in first.source
        assert "--branch v1.0" in setup.source
        assert '"https://github.com/some-one/a.course"' in setup.source
        assert house_rules(notebooks.read(path), path.stem) == []
    linked = contents(folder)
    _, out, _ = badges("some-one/a.course", "--ref=v1.0", "--json")
    assert (json.loads(out), contents(folder)) == ({"changed": []}, linked)
    badges("another/course")  # from one home to the next; main is the default
    assert "another/course/tree/main" in (folder / "pyproject.toml").read_text("utf-8")
    assert not [p for p, text in contents(folder).items() if b"some-one" in text]
    badges("OWNER/bitcoin-and-barbells")
    assert contents(folder) == before


def test_badges_touches_sources_alone(course):
    _, badges = course
    before = [notebooks.read(path) for path in notebooks.series()]
    badges("somebody/course")
    for path, old in zip(notebooks.series(), before, strict=True):
        new = notebooks.read(path)
        changed = [n for n, cell in enumerate(new.cells) if cell != old.cells[n]]
        assert changed == [0, 2]
        for number in changed:
            new.cells[number].source = old.cells[number].source
        assert new == old


def test_a_long_address_keeps_the_house_rules(course):
    _, badges = course
    badges("o" * 39 + "/" + "n" * 100, "--ref", "r" * 40)
    [path] = notebooks.series(["1"])
    assert house_rules(notebooks.read(path), path.stem) == []


WRONG = {
    "no REPO": ("", "main"),
    "no owner": ("course", "main"),
    "an address": ("https://github.com/somebody/course", "main"),
    "what git clones": ("somebody/course.git", "main"),
    "a blank": ("some body/course", "main"),
    "a line break": ("somebody/course\n", "main"),
    "a quote": ('somebody/co"urse', "main"),
    "a ref with a blank": ("somebody/course", "v 1"),
    "an empty ref": ("somebody/course", ""),
    "a ref that is an option": ("somebody/course", "--upload-pack=x"),
    "a ref that leads up": ("somebody/course", "../main"),
    "a ref that calls": ("somebody/course", "$(date)"),
    "a ref too long for its line": ("somebody/course", "r" * 41),
}


@pytest.mark.parametrize("case", WRONG)
def test_badges_refuses_wrong_values_and_writes_nothing(course, case):
    folder, badges = course
    before, (repository, ref) = contents(folder), WRONG[case]
    status, out, err = badges(repository, f"--ref={ref}")
    wrong = ref if repository == "somebody/course" else repository
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "make badges REPO=owner/name [REF=v1.0]" in err
    assert err.startswith(f"error: {plain(repr(wrong))} is no ")
    assert contents(folder) == before


def test_badges_writes_nothing_where_a_file_is_not_as_it_should_be(course):
    folder, badges = course
    last, project = notebooks.series()[-1], folder / "pyproject.toml"
    whole = last.read_bytes()
    for path, text, message in (
        (last, "{", f"{last.name}: cannot be read as a notebook"),
        (project, "[project.urls]", "pyproject.toml: [project.urls] lacks the line"),
    ):
        last.write_bytes(whole)
        path.write_text(text, "utf-8")
        before = contents(folder)
        status, _, err = badges("somebody/course")
        assert (status, message in err, contents(folder)) == (2, True, before), err
    with pytest.raises(CourseError, match="lacks the line Repository"):
        colab.course_address()


def test_make_hands_repo_and_ref_on():
    if not shutil.which("make"):
        pytest.skip("no make here")

    def called(*values):
        call = ["make", "--dry-run", "--no-print-directory", "badges", *values]
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
        return done.stdout.splitlines()[-1].partition(" -m helpers ")[2]

    assert called("REPO=a/b", "REF=") == 'badges "a/b" --ref="main"'
    assert called("REPO=a/b", "REF=v1.0") == 'badges "a/b" --ref="v1.0"'
    assert called("REPO=", "REF=") == 'badges "" --ref="main"'


def test_the_setup_cell_gets_the_course_on_colab(tmp_path):
    """The cell as it stands, with google.colab feigned, cloning a tag of this checkout.

    The tag stands in a clone: the checkout itself may have any branch, or none.
    """
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    origin = tmp_path / "origin"
    for step in (
        ["clone", "--quiet", "--bare", "--depth=1", ROOT.as_uri(), str(origin)],
        ["-C", str(origin), "tag", "v1.0"],
    ):
        subprocess.run(["git", *step], check=True)
    address = colab.Address("somebody/course", "v1.0")
    script = f"""
import subprocess, sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
cell = {colab.setup_cell(address)!r}
cell = cell.replace({address.url!r}, {origin.as_uri()!r})
cell = cell.replace("/content/course", {str(tmp_path / "course")!r})
result = shell.run_cell(cell)
result.raise_error()
import os, helpers
assert helpers.__file__.startswith({str(tmp_path)!r}), helpers.__file__
call = ["git", "-C", {str(tmp_path / "course")!r}, "describe", "--exact-match"]
assert subprocess.run([*call, "--tags"]).returncode == 0
print(os.getcwd())
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.strip().endswith("notebooks")
