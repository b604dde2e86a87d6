"""The table that `make faults` prints: row of the list, case, promise, what was seen.

A test has the marker `fault(row, case, promise)` and tells with the fixture `seen` what
it saw; one that fails says so in the table, and why.
"""

import shutil
from typing import NamedTuple

import pytest
from faulty import csv_of, texts, write

from helpers import ROOT, __main__, storage

ROWS = pytest.StashKey[list]()
#: Widest column but the last; longest last one.
WIDE, WIDEST = 46, 120


class Row(NamedTuple):
    number: int
    case: str
    promise: str
    seen: str


def pytest_configure(config):
    config.addinivalue_line("markers", "fault(row, case, promise): a row of the table")
    config.stash[ROWS] = []


@pytest.fixture
def seen(request):
    """Return what notes what was seen; of several notes, all are shown."""

    def note(what):
        request.node.user_properties.append(("seen", " ".join(str(what).split())))

    return note


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    fault = item.get_closest_marker("fault")
    if fault and (report.when == "call" or not report.passed):
        row = Row(*fault.args, _outcome(item, call, report))
        item.config.stash[ROWS].append(row)
    return report


def _outcome(item, call, report):
    if report.passed:
        return (
            "; ".join(text for _, text in item.user_properties if text) or "as promised"
        )
    if report.skipped:
        return f"skipped: {report.longrepr[2].removeprefix('Skipped: ')}"
    return f"NOT KEPT: {' '.join(str(call.excinfo.value).split())}"


def pytest_terminal_summary(terminalreporter, config):
    rows = sorted(config.stash[ROWS], key=lambda row: row.number)
    if not rows:
        return
    lines = [_line(row) for row in [Row("row", "case", "promise", "seen"), *rows]]
    failed = sum(row.seen.startswith("NOT KEPT") for row in rows)
    lines.append(f"{len(rows)} cases, {failed} promises not kept")
    storage.write_atomically(
        ROOT / "build" / "faults.txt", "\n".join([*lines, ""]).encode()
    )
    terminalreporter.section("faults")
    terminalreporter.write("\n".join([*lines, ""]))


def _line(row):
    number, case, promise, seen = row
    shown = seen if len(seen) <= WIDEST else f"{seen[:WIDEST]} ..."
    return f"{number:>3}  {case:<{WIDE}} {promise:<{WIDE}} {shown}".rstrip()


@pytest.fixture(scope="session")
def index_file(tmp_path_factory, tiny_folder):
    """Return an index of 60 short texts, made by the command; nobody changes it."""
    folder = write(tmp_path_factory.mktemp("index"), {"notes.csv": csv_of(texts(60))})
    where = ["--index", str(folder / "my.db"), "--model", str(tiny_folder)]
    assert __main__.main(["index", str(folder / "notes.csv"), *where]) == 0
    return folder / "my.db"


@pytest.fixture
def copied(index_file, tmp_path):
    """Return a copy of that index, alone in its folder."""
    (tmp_path / "copy").mkdir()
    return shutil.copy(index_file, tmp_path / "copy" / "my.db")


@pytest.fixture(scope="session")
def reader(tmp_path_factory, tiny_folder):
    """Return the folder of the tiny model, made to read 256 tokens: few passages."""
    folder = tmp_path_factory.mktemp("reader") / "tiny-256"
    shutil.copytree(tiny_folder, folder)
    settings = folder / "tokenizer_config.json"
    text = settings.read_text()
    assert '"model_max_length": 16' in text
    settings.write_text(text.replace(": 16", ": 256"))
    return folder
