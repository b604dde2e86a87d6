"""doctor and setup: the machine. Needs nothing that is not in the standard library."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from helpers.commands.console import (
    add_json,
    add_json_and_model,
    plain,
    print_json,
    say,
)
from helpers.course import doctor as machine
from helpers.course import lock
from helpers.course import setup as environment


def add_doctor(parser: ArgumentParser) -> None:
    """Describe the options of `doctor`."""
    add_json_and_model(parser)


def doctor(options: Namespace) -> int:
    """Print the findings; 0 when the machine is ready, else 1."""
    checks = machine.examine(options.model)
    ready = all(check.ready for check in checks)
    if options.json:
        print_json({"ready": ready, "checks": [asdict(check) for check in checks]})
        return 0 if ready else 1
    for check in checks:
        word = "ok" if check.ready else "NOT READY"
        mend = f"\n{'':23}-> {check.mend}" if check.mend else ""
        print(f"{word:<10} {check.name:<10} {plain(check.found)}{mend}")
    print("ready" if ready else "not ready: mend the lines above that say so")
    return 0 if ready else 1


def add_setup(parser: ArgumentParser) -> None:
    """Describe the options of `setup`."""
    add_json(parser)
    parser.add_argument("--lock", action="store_true", help="resolve the lock anew")


def setup(options: Namespace) -> int:
    """Make the environment, or resolve the lock anew."""
    if options.lock:
        lock.renew()
        say("requirements.lock and environment.yml are renewed")
        return 0
    changed = environment.setup()
    if options.json:
        print_json({"installed": changed})
    return 0
