"""Files appear whole or not at all."""

import hashlib
import os
import stat

import pytest

from helpers import CourseError, storage


def test_sha256_agrees_with_hashlib(tmp_path):
    data = os.urandom(3_000_000)
    (tmp_path / "file").write_bytes(data)
    assert storage.sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "new" / "file"
    storage.write_atomically(path, b"one")
    storage.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open a folder")
def test_the_file_is_flushed_then_renamed_then_its_folder_is_flushed(
    tmp_path, monkeypatch
):
    steps, flush, rename = [], os.fsync, os.replace

    def flushed(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        steps.append(kind)
        flush(handle)

    def renamed(*paths):
        steps.append("rename")
        rename(*paths)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    storage.write_atomically(tmp_path / "file", b"data")
    assert steps == ["file", "rename", "folder"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path, monkeypatch, step):
    path = storage.write_atomically(tmp_path / "file", b"old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(
        CourseError, match="No space left on device.*nothing was changed"
    ):
        storage.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_really_full_disk(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with pytest.raises(CourseError, match="cannot be written"):
        storage.write_atomically("/dev/full/inside", b"data")


def test_a_folder_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(CourseError, match="taken: cannot be written"):
        storage.write_atomically(tmp_path / "taken", b"data")
    assert os.listdir(tmp_path) == ["taken"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_the_file_has_ordinary_rights(tmp_path):
    path = storage.write_atomically(tmp_path / "file", b"data")
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
