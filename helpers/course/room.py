"""A room of laptops: the reports of `doctor --json`, one file each, as one table."""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: In the order of the table: who needs help first.
STATES = ("not ready", "unreadable", "ready")
_AGAIN = "ask for it again: python -m helpers doctor --json > {}"


@dataclass(frozen=True)
class Machine:
    """One laptop: the name of its file, one of STATES, what to do there or to know."""

    name: str
    state: str
    notes: tuple[str, ...] = ()


def gather(files: Sequence[Path]) -> list[Machine]:
    """Read reports, or folders of *.json: the machines, those not ready first.

    A file that is no report of the doctor is a machine too, "unreadable".
    """
    every = []
    for file in files:
        every += sorted(file.glob("*.json")) if file.is_dir() else [file]
    return sorted(map(_machine, every), key=lambda m: (STATES.index(m.state), m.name))


def _machine(file):
    try:
        report = json.loads(_text(file.read_bytes()))
        notes = tuple(filter(None, map(_note, report["checks"])))
        state = "ready" if report["ready"] is True else "not ready"
    except OSError as error:
        return Machine(file.stem, "unreadable", (f"{file}: {error.strerror}",))
    except (ValueError, TypeError, KeyError, RecursionError):
        why = f"{file}: is {_flaw(file)}; {_AGAIN.format(file.name)}"
        return Machine(file.stem, "unreadable", (why,))
    return Machine(file.stem, state, notes)


def _text(data):
    """Decode UTF-8, or what the `>` of Windows PowerShell writes: UTF-16 with a BOM."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig")


def _flaw(file):
    return "no report of the doctor" if file.stat().st_size else "empty"


def _note(check):
    """Return what a check found and its fix, "" where there is nothing to do."""
    name, found, mend = (str(check[key]) for key in ("name", "found", "mend"))
    if check["ready"] is True and not mend:
        return ""
    return f"{name}: {found}" + (f" -> {mend}" if mend else "")
