"""Thirty laptops in one table: who is ready, who isn't, and what to do."""

import codecs
import json

import pytest

from helpers.course import room

CHECKS = [
    {"name": "python", "ready": True, "found": "3.11.7 on Linux", "mend": ""},
    {"name": "mpnet", "ready": True, "found": "no mpnet", "mend": "fetch it"},
    {"name": "disk", "ready": True, "found": "9 GB free", "mend": ""},
]
BROKEN = [*CHECKS[:2], {**CHECKS[2], "ready": False, "found": "full", "mend": "free"}]


def report(checks=CHECKS):
    ready = all(check["ready"] for check in checks)
    return json.dumps({"ready": ready, "checks": checks}, indent=2)


@pytest.fixture
def folder(tmp_path):
    for name, checks in (("anna", CHECKS), ("zoe", BROKEN), ("bob", CHECKS)):
        (tmp_path / f"{name}.json").write_text(report(checks))
    return tmp_path


def test_those_who_need_help_come_first(folder, command):
    (folder / "empty.json").touch()
    status, out, _ = command("doctor", "--room", *sorted(folder.iterdir()))
    assert status == 1
    assert out.splitlines() == [
        "zoe    not ready   mpnet: no mpnet -> fetch it",
        "                   disk: full -> free",
        f"empty  unreadable  {folder / 'empty.json'}: is empty; ask for it again: "
        "python -m helpers doctor --json > empty.json",
        "anna   ready       mpnet: no mpnet -> fetch it",
        "bob    ready       mpnet: no mpnet -> fetch it",
        "4 machines: 2 ready, 1 unreadable, 1 not ready",
    ]


def test_a_folder_stands_for_its_reports_and_json_says_the_same(folder, command):
    (folder / "zoe.json").unlink()
    (folder / "notes.txt").write_text("not a report")
    status, out, _ = command("doctor", "--json", "--room", folder)
    found = json.loads(out)
    assert status == 0
    assert found["count"] == {"not ready": 0, "unreadable": 0, "ready": 2}
    assert found["machines"][0] == {
        "name": "anna", "state": "ready", "notes": ["mpnet: no mpnet -> fetch it"]
    }  # fmt: skip


def test_a_room_without_reports_is_not_ready(tmp_path, command):
    assert command("doctor", "--room", tmp_path)[:2] == (
        1, "0 machines: 0 ready, 0 unreadable, 0 not ready\n"
    )  # fmt: skip


WAYS = {
    "UTF-8": report().encode(),
    "UTF-8 with a BOM": codecs.BOM_UTF8 + report().encode(),
    "Windows PowerShell": codecs.BOM_UTF16_LE
    + report().replace("\n", "\r\n").encode("utf-16-le"),
}


@pytest.mark.parametrize("way", WAYS)
def test_reports_are_read_as_shells_write_them(tmp_path, way):
    (tmp_path / "a.json").write_bytes(WAYS[way])
    assert [machine.state for machine in room.gather([tmp_path])] == ["ready"]


@pytest.mark.parametrize(
    "data",
    [
        b"error: no such command",
        b"{}",
        b"[]",
        b"null",
        b'{"ready": true, "checks": 3}',
        b'{"ready": true, "checks": ["x"]}',
        b'{"ready": true, "checks": [{"name": "disk"}]}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b"\x80",
    ],
)
def test_what_is_no_report_is_named_with_the_fix(tmp_path, command, data):
    (tmp_path / "carla.json").write_bytes(data)
    status, out, _ = command("doctor", "--room", tmp_path / "carla.json")
    assert status == 1
    assert "carla  unreadable  " in out
    assert "carla.json: is no report of the doctor; ask for it again: " in out
    assert out.endswith("1 machine: 0 ready, 1 unreadable, 0 not ready\n")


def test_a_file_that_is_not_there_is_named(tmp_path, command):
    status, out, _ = command("doctor", "--room", tmp_path / "dan.json")
    assert status == 1
    assert f"{tmp_path / 'dan.json'}: No such file or directory" in out


def test_reports_do_not_drive_the_terminal(tmp_path, command):
    bad = {"name": "\x1b[2J", "ready": False, "found": "\x07\n\u202e", "mend": "x"}
    (tmp_path / "e\x1b[31m.json").write_text(report([bad]))
    status, out, _ = command("doctor", "--room", tmp_path)
    assert status == 1
    assert all(line.isprintable() for line in out.splitlines())
    assert len(out.splitlines()) == 2


def test_the_doctors_own_report_is_understood(tmp_path, command):
    status, out, _ = command("doctor", "--json")
    (tmp_path / "here.json").write_text(out)
    assert command("doctor", "--room", tmp_path / "here.json")[0] == status
