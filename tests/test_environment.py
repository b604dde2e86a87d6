"""The three lists of packages agree; the floors of helpers hold; the tree is clean."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

from helpers import ROOT, CourseError, setup

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [
    Requirement(line)
    for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
SYSTEMS = ["linux", "darwin", "win32"]
#: Floors of helpers, lowest first; a module imports only from lower floors.
FLOORS = [
    ["storage"],
    ["corpus", "metrics", "models", "notebooks", "setup", "similarity"],
    ["doctor", "exercises", "finetuning", "retrieval", "timing", "visualization"],
    ["__main__", "interactive"],
]


def pins(python, system="linux"):
    """Return what the lock pins there: name -> version."""
    place = {
        "python_version": python,
        "python_full_version": f"{python}.6",
        "sys_platform": system,
        "os_name": "nt" if system == "win32" else "posix",
    }
    found = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if line and not line.startswith("#"):
            requirement, _, marker = line.partition(" ; ")
            if not marker or Marker(marker).evaluate(place):
                name, version = requirement.split("==")
                assert name.lower() not in found, f"{name} is pinned twice"
                found[name.lower()] = version
    return found


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


def test_environment_yml_has_the_locked_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, section = environment["dependencies"]
    assert pip == "pip"
    python = python.removeprefix("python=")
    assert python in PYTHONS
    first, *packages, last = section["pip"]
    assert (first, last) == ("--constraint requirements.lock", "--editable .")
    listed = dict(package.split("==") for package in packages)
    locked = pins(python)
    needed = [
        r
        for r in DIRECT
        if not r.marker or r.marker.evaluate({"python_version": python})
    ]
    assert listed == {r.name: locked[r.name.lower()] for r in needed}


def test_the_lock_holds_no_address_no_cuda_and_no_local_build():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?:|file:|@ |nvidia|\+cpu|^triton|--", text, re.M)
    assert pins("3.11")["torch"] == "2.13.0"


def test_the_supported_pythons_are_the_same_everywhere():
    low, end = (".".join(map(str, version)) for version in setup.PYTHONS)
    assert PROJECT["requires-python"] == f">={low},<{end}"
    assert [f"3.{minor}" for minor in range(10, int(end.split(".")[1]))] == PYTHONS
    assert Version(low) == Version(PYTHONS[0])


def test_contributing_gives_a_reason_for_every_dependency():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for requirement in DIRECT:
        assert re.search(rf"^\| `{requirement.name}` \| \w.+\|$", text, re.M), (
            requirement
        )


def imported(module):
    """Return the modules of helpers that a module imports."""
    tree = ast.parse((ROOT / "helpers" / f"{module}.py").read_text())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "helpers":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "helpers."
        ):
            names.add(node.module.split(".")[1])
    return names - {"CourseError", "ROOT", "__version__"}


def test_every_module_stands_on_a_floor():
    modules = {path.stem for path in (ROOT / "helpers").glob("*.py")} - {"__init__"}
    assert modules == {module for floor in FLOORS for module in floor}


def test_nothing_imports_from_its_own_floor_or_a_higher_one():
    below = set()
    for floor in FLOORS:
        for module in floor:
            assert imported(module) <= below, module
        below |= set(floor)


def tracked():
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def test_the_top_of_the_tree_is_what_design_says():
    files = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert files == {
        ".ci", ".gitignore", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md",
        "LICENSE", "Makefile", "README.md", "conftest.py", "data", "environment.yml",
        "helpers", "notebooks", "pyproject.toml", "requirements.lock", "tests",
    }  # fmt: skip


def test_no_file_names_a_path_of_one_machine():
    pattern = re.compile(rb"(?<![\w./])/(home|root|Users|work)/\w")
    for path in tracked():
        if path != Path(__file__) and path.name != "notebooks.py":
            assert not pattern.search(path.read_bytes()), path


def test_every_relative_link_of_the_texts_leads_somewhere():
    for path in tracked():
        if path.suffix == ".ipynb":  # outputs may hold anything
            cells = json.loads(path.read_text())["cells"]
            prose = [c["source"] for c in cells if c["cell_type"] == "markdown"]
            text = "\n".join("".join(source) for source in prose)
        elif path.suffix == ".md":
            text = path.read_text()
        else:
            continue
        for link in re.findall(r"\]\(([^)#\s]+?)(?:#[^)]*)?\)", text):
            if not link.startswith("http"):
                assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_address_stands_in_one_place():
    from helpers import notebooks

    address = notebooks.repository()
    for path in tracked():
        if path.suffix in (".py", ".md", ".cff", ".yml"):
            assert address not in path.read_text(), path
    for path in notebooks.series():
        assert not notebooks.carry_address(path), f"{path.name}: run `make notebooks`"


class Recorder:
    """Stands in for subprocess.run: notes every command, fails where told."""

    def __init__(self, fails=()):
        self.commands, self.fails = [], fails

    def __call__(self, command, **options):
        line = " ".join(command)
        self.commands.append(line)
        bad = any(word in line for word in self.fails)
        return subprocess.CompletedProcess(command, int(bad), "", "")


@pytest.fixture
def linux(monkeypatch):
    """Pretend to be Linux without an NVIDIA GPU."""
    monkeypatch.delenv("COURSE_TORCH", raising=False)
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup.shutil, "which", lambda name: None)
    monkeypatch.setattr(setup.Path, "exists", lambda path: False)


def test_linux_without_gpu_asks_for_the_cpu_build(linux):
    run = Recorder()
    setup.install_torch(["py", "-m", "pip", "install"], run=run)
    assert run.commands == ["py -m pip install torch==2.13.0+cpu"]


def test_where_pip_has_no_cpu_build_uv_gets_it(linux):
    run = Recorder(fails=["+cpu"])
    setup.install_torch(["py", "-m", "pip", "install"], run=run)
    assert run.commands[1:] == [
        "py -m pip install uv",
        "py -m uv pip install --python py --torch-backend=cpu torch==2.13.0",
    ]


def test_where_there_is_no_cpu_build_at_all_nothing_big_is_downloaded(linux):
    run = Recorder(fails=["torch"])
    with pytest.raises(CourseError, match="COURSE_TORCH=default make run"):
        setup.install_torch(["py", "-m", "pip", "install"], run=run)
    assert not any(
        line.endswith("torch==2.13.0") and "uv" not in line for line in run.commands
    )


def test_the_default_build_can_be_asked_for(linux, monkeypatch):
    monkeypatch.setenv("COURSE_TORCH", "default")
    run = Recorder()
    setup.install_torch(["pip"], run=run)
    assert run.commands == []


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_take_the_default_build(linux, monkeypatch, system):
    monkeypatch.setattr(setup.sys, "platform", system)
    assert not setup.wants_cpu_build()


def fake_root(tmp_path):
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    return tmp_path


def test_the_second_setup_installs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "wants_cpu_build", lambda: False)
    root, run = fake_root(tmp_path), Recorder()
    assert setup.setup(root, run=run)
    assert any("-r" in line and "requirements.lock" in line for line in run.commands)
    again = Recorder()
    assert not setup.setup(root, run=again)
    assert again.commands == []
    with open(root / "requirements.lock", "a") as lock:
        lock.write("# another lock\n")
    assert setup.setup(root, run=Recorder())


@pytest.mark.parametrize(
    ("fails", "message"),
    [("venv", "python3-venv"), ("requirements.lock", "PIP_FIND_LINKS")],
)
def test_a_failing_step_is_one_line_and_is_not_taken_for_done(
    tmp_path, monkeypatch, fails, message
):
    monkeypatch.setattr(setup, "wants_cpu_build", lambda: False)
    root = fake_root(tmp_path)
    with pytest.raises(CourseError, match=message):
        setup.setup(root, run=Recorder(fails=[f" {fails}", f"/{fails}"]))
    assert not (root / ".venv" / "course-stamp").exists()


@pytest.mark.parametrize("version", [(3, 9), (3, 14), (2, 7)])
def test_another_python_is_refused(version):
    with pytest.raises(CourseError, match=r"needs 3\.10 to 3\.13"):
        setup.check_python(version)


def test_colab_keeps_numpy_and_torch(monkeypatch):
    monkeypatch.setattr(setup.os, "chdir", lambda path: None)
    monkeypatch.setattr(setup, "_satisfied", lambda name, root: name != "bm25s")
    seen = []

    def run(command, **options):
        constraints = Path(command[command.index("-c") + 1]).read_text()
        seen.append((command[-1], constraints))
        return subprocess.CompletedProcess(command, 0)

    setup.colab(run=run)
    [(wanted, constraints)] = seen
    assert wanted == f"bm25s=={setup.locked()['bm25s']}"
    import numpy
    import torch

    assert constraints.split() == [
        f"numpy=={numpy.__version__}",
        f"torch=={torch.__version__}",
    ]


def test_colab_with_everything_installs_nothing(monkeypatch):
    places = []
    monkeypatch.setattr(setup.os, "chdir", places.append)
    run = Recorder()
    setup.colab(run=run)
    assert (run.commands, places) == ([], [ROOT / "notebooks"])
