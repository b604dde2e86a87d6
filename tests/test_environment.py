"""The three lists of packages agree; the tree is clean."""

import importlib
import json
import os
import re
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from support import tracked

from helpers import ROOT
from helpers.course import lock

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DIRECT = [
    Requirement(line)
    for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
SYSTEMS = ["linux", "darwin", "win32"]


def pins(python, system="linux"):
    """Return what the lock pins there: name -> version; each name once."""
    return pinned(
        {
            "python_version": python,
            "python_full_version": f"{python}.6",
            "sys_platform": system,
            "os_name": "nt" if system == "win32" else "posix",
        }
    )


def pinned(place):
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    locked = [Requirement(line) for line in lines if line[0] != "#"]
    there = [each for each in locked if not each.marker or each.marker.evaluate(place)]
    versions = {each.name.lower(): str(each.specifier)[2:] for each in there}
    assert len(versions) == len(there)
    return versions


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_range_holds_the_locked_version(python, system):
    locked = pins(python, system)
    for requirement in DIRECT:
        if requirement.marker and not requirement.marker.evaluate(
            {"python_version": python}
        ):
            continue
        assert requirement.specifier.contains(locked[requirement.name.lower()])


def test_what_is_pinned_here_is_what_the_lock_says():
    assert lock.pins() == pinned({})


def test_environment_yml_installs_the_lock_with_a_python_it_was_made_for():
    text = (ROOT / "environment.yml").read_text("utf-8")
    python, _, section = yaml.safe_load(text)["dependencies"]
    assert python.removeprefix("python=") in PYTHONS
    assert section["pip"] == ["--requirement requirements.lock", "--editable ."]


def test_binder_gets_the_same_python_the_lock_and_the_cpu_build():
    folder = ROOT / ".binder"
    binder = yaml.safe_load((folder / "environment.yml").read_text("utf-8"))
    whole = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert binder["dependencies"] == whole["dependencies"][:2]
    assert binder["channels"] == whole["channels"]
    assert os.access(folder / "postBuild", os.X_OK) or os.name == "nt"
    script = (folder / "postBuild").read_text("utf-8")
    [code] = re.findall(r"python -c '(.+?)'", script, re.S)
    [module, name] = re.findall(r"from (\S+) import (\w+)", code)[0]
    assert callable(getattr(importlib.import_module(module), name))
    assert script.index(code) < script.index("--requirement requirements.lock")


def test_the_devcontainer_calls_a_target_of_make_with_a_python_of_the_lock():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8")
    container = json.loads(text)
    assert container["image"].rpartition(":")[2] in PYTHONS
    make, target = container["postCreateCommand"].split()
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert make == "make" and re.search(rf"^{target}:", makefile, re.M)
    assert "/.venv/bin/python" in text


def test_the_lock_holds_no_address_no_cuda_and_no_local_build():
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert not re.search(r"https?:|file:|@ |nvidia|\+cpu|^triton|--", text, re.M)
    assert pins("3.11")["torch"] == "2.13.0"


def test_the_supported_pythons_are_the_same_everywhere():
    low, end = (".".join(map(str, version)) for version in lock.PYTHONS)
    assert PROJECT["requires-python"] == f">={low},<{end}"
    assert [f"3.{minor}" for minor in range(10, int(end.split(".")[1]))] == PYTHONS
    assert Version(low) == Version(PYTHONS[0])


def test_contributing_gives_a_reason_for_every_dependency():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for requirement in DIRECT:
        assert re.search(rf"^\| `{requirement.name}` \| \w.+\|$", text, re.M), (
            requirement
        )


def test_no_file_names_a_path_of_one_machine():
    pattern = re.compile(rb"(?<![\w./])/(home|root|Users|work)/\w")
    for path in tracked():
        if path != Path(__file__) and path.name != "house_rules.py":
            assert not pattern.search(path.read_bytes()), path


def test_every_relative_link_of_the_texts_leads_somewhere():
    for path in tracked():
        if path.suffix == ".ipynb":  # outputs may hold anything
            cells = json.loads(path.read_text("utf-8"))["cells"]
            prose = [c["source"] for c in cells if c["cell_type"] == "markdown"]
            text = "\n".join("".join(source) for source in prose)
        elif path.suffix == ".md":
            text = path.read_text("utf-8")
        else:
            continue
        for link in re.findall(r"\]\(([^)#\s]+?)(?:#[^)]*)?\)", text):
            if not link.startswith("http"):
                assert (path.parent / link).exists(), f"{path.name}: {link}"
