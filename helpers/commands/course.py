"""doctor, setup, wheelhouse, weights: the machine. Only the standard library."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from helpers import ROOT
from helpers.commands.console import add_model, show
from helpers.course import doctor as this
from helpers.course import lock, room
from helpers.course import setup as environment
from helpers.course import weights as packages
from helpers.course import wheelhouse as stick
from helpers.model_files import FETCHED
from helpers.progress import plain, plural, say


def add_doctor(parser: ArgumentParser) -> None:
    add_model(parser)
    what = "gather reports of --json, or a folder of them, into one table"
    parser.add_argument("--room", nargs="+", type=Path, metavar="FILE", help=what)


def doctor(options: Namespace) -> int:
    if options.room:
        return _room(options)
    checks = this.examine(options.model)
    ready = all(check.ready for check in checks)
    verdict = "ready" if ready else "not ready: fix the lines above that say so"
    data = {"ready": ready, "checks": [asdict(check) for check in checks]}
    show(options, data, [*map(_line, checks), verdict])
    return 0 if ready else 1


def _line(check):
    word = "ok" if check.ready else "NOT READY"
    mend = f"\n{'':23}-> {check.mend}" if check.mend else ""
    return f"{word:<10} {check.name:<10} {plain(check.found)}{mend}"


def _room(options):
    machines = room.gather(options.room)
    count = {state: sum(m.state == state for m in machines) for state in room.STATES}
    total = ", ".join(f"{count[state]} {state}" for state in reversed(room.STATES))
    total = f"{plural(len(machines), 'machine')}: {total}"
    data = {"count": count, "machines": [asdict(machine) for machine in machines]}
    show(options, data, [*_rows(machines), total])
    return 0 if machines and count["ready"] == len(machines) else 1


def _rows(machines):
    width = max((len(plain(machine.name)) for machine in machines), default=0)
    for machine in machines:
        for number, note in enumerate(machine.notes or [""]):
            name, state = ("", "") if number else (plain(machine.name), machine.state)
            yield f"{name:<{width}}  {state:<10}  {plain(note)}".rstrip()


def add_setup(parser: ArgumentParser) -> None:
    parser.add_argument("--lock", action="store_true", help="resolve the lock anew")
    what = "install from this folder, which `make wheelhouse` filled: no network"
    parser.add_argument("--wheelhouse", type=Path, metavar="FOLDER", help=what)


def setup(options: Namespace) -> None:
    if options.lock:
        lock.renew()
        say("requirements.lock is renewed")
    else:
        new = environment.setup(wheelhouse=options.wheelhouse)
        show(options, {"installed": new}, [])


def add_wheelhouse(parser: ArgumentParser) -> None:
    folder, what = ROOT / "build" / "wheelhouse", "(build/wheelhouse)"
    parser.add_argument("folder", nargs="?", type=Path, default=folder, help=what)


def wheelhouse(options: Namespace) -> None:
    folder, machine = stick.fill(options.folder), environment.this_machine()
    size = sum(file.stat().st_size for file in folder.iterdir())
    data = {"folder": str(folder), "for": machine, "bytes": size}
    told = f"{folder}: {size / 1e6:,.0f} MB, for {machine}"
    show(options, data, [told, "On a laptop: make lab WHEELHOUSE=FOLDER"])


def add_weights(parser: ArgumentParser) -> None: ...


def weights(options: Namespace) -> None:
    new = packages.fetch()
    found = f"{FETCHED}: {'fetched' if new else 'is there already'}, every file checked"
    show(options, {"fetched": new, "folder": str(FETCHED)}, [found])
