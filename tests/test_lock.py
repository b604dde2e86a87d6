"""`make lock` takes what uv resolved, without CUDA, and environment.yml follows."""

import shutil
import subprocess
from pathlib import Path

import pytest

from helpers import ROOT, CourseError
from helpers.course import lock


@pytest.fixture
def resolver(tmp_path, monkeypatch):
    """Return a function that feigns uv: what it writes, and how it ends."""
    for name in ("pyproject.toml", "requirements.lock", "environment.yml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(lock, "ROOT", tmp_path)

    def feign(resolved, status=0):
        def run(command, **options):
            failed = status if "compile" in command else 0
            if "compile" in command:
                Path(command[-1]).write_text(resolved)
            return subprocess.CompletedProcess(command, failed, "", "no such version")

        monkeypatch.setattr(lock.subprocess, "run", run)
        return tmp_path

    return feign


def test_the_lock_is_renewed_and_environment_yml_follows(resolver):
    old = (ROOT / "requirements.lock").read_text("utf-8")
    version = lock.pins()["tqdm"]
    new = old.replace(f"tqdm=={version}", "tqdm==9.9.9")
    cuda = "nvidia-cublas==1.0\ncuda-toolkit==13.0\ntriton==3.0\n"
    folder = resolver("# what uv says\n" + new.split("\n", 1)[1] + cuda)
    lock.renew()
    assert (folder / "requirements.lock").read_text("utf-8") == new
    environment = (ROOT / "environment.yml").read_text("utf-8")
    expected = environment.replace(f"tqdm=={version}", "tqdm==9.9.9")
    assert expected != environment
    assert (folder / "environment.yml").read_text("utf-8") == expected


def test_what_uv_cannot_resolve_is_one_line(resolver):
    folder = resolver("half a lock", status=1)
    with pytest.raises(CourseError, match="could not resolve .*: no such version"):
        lock.renew()
    for name in ("requirements.lock", "environment.yml"):
        assert (folder / name).read_bytes() == (ROOT / name).read_bytes()


def test_a_line_that_the_lock_no_longer_has_is_named(resolver):
    folder = resolver("")
    with open(folder / "environment.yml", "a") as file:
        file.write("      - altair==6.3.0\n")
    with pytest.raises(CourseError, match="the lock has no altair; drop its line"):
        lock.environment_yml()
