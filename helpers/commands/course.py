"""doctor, setup, weights: the machine. Nothing but the standard library is needed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from helpers.commands.console import add_model, show
from helpers.course import doctor as machine
from helpers.course import lock
from helpers.course import setup as environment
from helpers.course import weights as packages
from helpers.model_files import FETCHED
from helpers.progress import plain, say

add_doctor = add_model


def doctor(options: Namespace) -> int:
    checks = machine.examine(options.model)
    ready = all(check.ready for check in checks)
    verdict = "ready" if ready else "not ready: mend the lines above that say so"
    data = {"ready": ready, "checks": [asdict(check) for check in checks]}
    show(options, data, [*map(_line, checks), verdict])
    return 0 if ready else 1


def _line(check):
    word = "ok" if check.ready else "NOT READY"
    mend = f"\n{'':23}-> {check.mend}" if check.mend else ""
    return f"{word:<10} {check.name:<10} {plain(check.found)}{mend}"


def add_setup(parser: ArgumentParser) -> None:
    parser.add_argument("--lock", action="store_true", help="resolve the lock anew")


def setup(options: Namespace) -> None:
    if options.lock:
        lock.renew()
        say("requirements.lock is renewed")
    else:
        show(options, {"installed": environment.setup()}, [])


def add_weights(parser: ArgumentParser) -> None: ...


def weights(options: Namespace) -> None:
    new = packages.fetch()
    found = f"{FETCHED}: {'fetched' if new else 'is there already'}, every file checked"
    show(options, {"fetched": new, "folder": str(FETCHED)}, [found])
