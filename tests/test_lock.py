"""`make lock` takes what uv resolved, without CUDA."""

import shutil
import subprocess
from pathlib import Path

import pytest

from helpers import ROOT, CourseError
from helpers.course import lock


@pytest.fixture
def resolver(tmp_path, monkeypatch):
    """Return a function that feigns uv: what it writes, and how it ends."""
    for name in ("pyproject.toml", "requirements.lock"):
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


def test_the_lock_is_renewed(resolver):
    old = (ROOT / "requirements.lock").read_text("utf-8")
    version = lock.pins()["tqdm"]
    new = old.replace(f"tqdm=={version}", "tqdm==9.9.9")
    cuda = "nvidia-cublas==1.0\ncuda-toolkit==13.0\ntriton==3.0\n"
    folder = resolver("# what uv says\n" + new.split("\n", 1)[1] + cuda)
    lock.renew()
    assert (folder / "requirements.lock").read_text("utf-8") == new
    (folder / "requirements.lock").unlink()  # to take the newest of everything
    lock.renew()
    assert (folder / "requirements.lock").read_text("utf-8") == new


def test_what_uv_cannot_resolve_is_one_line(resolver):
    folder = resolver("half a lock", status=1)
    before = (ROOT / "requirements.lock").read_bytes()
    with pytest.raises(CourseError, match="could not resolve .*: no such version"):
        lock.renew()
    assert (folder / "requirements.lock").read_bytes() == before
