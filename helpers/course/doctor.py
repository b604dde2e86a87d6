"""Is this machine ready for the course? One line a check, each with its mend.

Standard library only, until a check needs more: a broken installation is described.
"""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass

from helpers import ROOT, CourseError, model_files, models
from helpers.course.lock import installed, pins
from helpers.course.setup import check_python

#: What executed notebooks, caches and a second model may take, in bytes.
DISK_NEEDED = 2 * 1024**3


@dataclass(frozen=True)
class Check:
    """One finding: `ready` is False only for what stops the course from running."""

    name: str
    ready: bool
    found: str
    mend: str = ""


def examine(model: str | None = None) -> list[Check]:
    """Make every check, whatever the others find; `model` is the one to load."""
    checks = {
        "python": _python,
        "packages": _packages,
        "torch": _torch,
        "device": _device,
        "weights": lambda: _weights(model),
        "mpnet": _mpnet,
        "disk": _disk,
    }
    return [_guarded(name, check) for name, check in checks.items()]


def _guarded(name, check):
    """Run one check; what it cannot survive becomes a finding of its own."""
    try:
        return Check(name, *check())
    except Exception as error:  # a broken package can raise anything at its import
        mend = "" if isinstance(error, CourseError) else "run `make setup`"
        return Check(name, False, str(error), mend)


def _python():
    check_python(sys.version_info[:2])
    return True, f"{platform.python_version()} on {platform.system()}"


def _packages():
    wanted = pins()
    there = {name: installed(name).split("+")[0] for name in wanted}  # less "+cpu"
    missing = [name for name, version in there.items() if not version]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        found = f"{len(missing)} of {len(wanted)} missing: {shown}"
        return False, found, "run `make setup`"
    other = [n for n in wanted if there[n] != wanted[n]]
    if other:
        shown = ", ".join(f"{n} {there[n]} (lock: {wanted[n]})" for n in other)
        mend = "figures may differ in the last digit; `make distclean setup` fixes it"
        return True, f"not as pinned: {shown}", mend
    return True, f"all {len(wanted)} as pinned"


def _torch():
    import torch

    cuda = torch.version.cuda
    build = f"CUDA {cuda}" if cuda else "macOS" if sys.platform == "darwin" else "CPU"
    found = f"{torch.__version__}, {build} build"
    if cuda and not torch.cuda.is_available():
        mend = "it works; `make distclean setup` takes the small CPU build instead"
        return True, f"{found}, but no GPU to use it", mend
    return True, found


def _device():
    device = models.pick_device()
    if device.startswith("cuda"):
        import torch

        device = f"{device} ({torch.cuda.get_device_name(device)})"
    return True, device


def _weights(model):
    loaded = models.load_model(model)
    width = loaded.get_embedding_dimension()
    return True, f"{models.model_name(loaded)} loads: {width} dimensions"


def _mpnet():
    """Check what set-up fetched; without it the course runs on the bundled model."""
    if model_files.small():
        return True, f"{model_files.MPNET} left out: COURSE_SMALL is set"
    if model_files.FETCHED.exists():
        model_files.fetched_folder()
        return True, f"{model_files.MPNET}, every file as published"
    mend = "to have it, 404 MB: python -m helpers weights"
    return True, f"no {model_files.MPNET}: {model_files.BUNDLED} takes its place", mend


def _disk():
    free = shutil.disk_usage(ROOT).free
    if free < DISK_NEEDED:
        return False, f"{free / 1e9:.1f} GB free", "free 2 GB where the course lies"
    return True, f"{free / 1e9:.0f} GB free"
