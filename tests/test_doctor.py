"""The doctor describes a broken machine instead of stumbling over it."""

import importlib.metadata
from types import SimpleNamespace

import pytest
import torch

from helpers import CourseError, model_files, storage
from helpers.course import doctor


def finding(name, model=None):
    return next(check for check in doctor.examine(model) if check.name == name)


def test_this_machine_is_ready():
    assert all(check.ready for check in doctor.examine())


def test_a_missing_package_is_named_with_the_mend(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "bm25s":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = finding("packages")
    assert not found.ready
    assert found.found.endswith(" missing: bm25s")
    assert found.mend == "run `make setup`"


def test_another_version_is_told_and_does_not_stop_the_course(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda n: "9.9" if n == "tqdm" else real(n)
    )
    found = finding("packages")
    assert found.ready
    assert "tqdm 9.9 (lock: " in found.found


def test_the_cpu_build_of_torch_counts_as_pinned(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda n: "2.13.0+cpu" if n == "torch" else real(n),
    )
    assert finding("packages").found.endswith("as pinned")


def test_cuda_without_a_gpu_is_told(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = finding("torch")
    assert found.ready
    assert "no GPU to use it" in found.found
    assert "CPU build" in found.mend


def test_changed_weights_are_not_ready(monkeypatch):
    def changed():
        raise CourseError("model.safetensors: was changed")

    monkeypatch.setattr(model_files, "bundled_folder", changed)
    found = finding("weights")
    assert (found.ready, found.found) == (False, "model.safetensors: was changed")


def test_mpnet_left_out_is_told(monkeypatch):
    monkeypatch.setenv("COURSE_SMALL", "1")
    assert finding("mpnet").found == "all-mpnet-base-v2 left out: COURSE_SMALL is set"


def test_mpnet_is_told_whether_it_is_there_or_not_or_damaged(tmp_path, monkeypatch):
    folder = tmp_path / "all-mpnet-base-v2"
    monkeypatch.setattr(model_files, "FETCHED", folder)
    found = finding("mpnet")
    assert (found.ready, found.found, found.mend) == (
        True,
        "no all-mpnet-base-v2: all-MiniLM-L6-v2 takes its place",
        "to have it, 404 MB: python -m helpers weights",
    )
    folder.mkdir()
    weights = folder / "model.safetensors"
    weights.write_bytes(b"weights")
    digest = storage.sha256(weights)
    monkeypatch.setattr(model_files, "hashes", lambda name: {weights.name: digest})
    found = finding("mpnet")
    assert (found.ready, found.found, found.mend) == (
        True, "all-mpnet-base-v2, every file as published", ""
    )  # fmt: skip
    for damage, word in [(weights.write_bytes, "was changed"), (None, "is missing")]:
        damage(b"other") if damage else weights.unlink()
        found = finding("mpnet")
        assert not found.ready
        assert found.found.startswith(f"{weights}: {word}")
        assert found.found.endswith("; fetch it with: python -m helpers weights")


def test_a_named_model_is_loaded(tiny_folder):
    assert finding("weights", str(tiny_folder)).found == "tiny loads: 32 dimensions"


@pytest.mark.parametrize("package", ["torch"])
def test_a_package_that_cannot_be_imported_is_a_finding(monkeypatch, package):
    monkeypatch.setitem(doctor.sys.modules, package, None)
    found = finding("torch")
    assert not found.ready
    assert found.mend == "run `make setup`"


def test_a_full_disk_is_not_ready(monkeypatch):
    usage = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    assert not finding("disk").ready


def test_an_unknown_device_is_a_finding(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "mars")
    assert not finding("device").ready
