"""Is this machine ready for the course? One line a check, each with its mend."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

from helpers import ROOT, CourseError, models, setup

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
    """Look at python, packages, torch, device, weights, threads and free disk.

    Every check is made, whatever the others find: a broken installation is described,
    not stumbled over.
    """
    checks: dict[str, Callable[[], Check]] = {
        "python": _python,
        "packages": _packages,
        "torch": _torch,
        "device": _device,
        "weights": lambda: _weights(model),
        "threads": _threads,
        "disk": _disk,
    }
    return [_guarded(name, check) for name, check in checks.items()]


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """Run one check; what it cannot survive becomes a finding of its own."""
    try:
        return check()
    except (CourseError, ImportError, OSError) as error:
        mend = "" if isinstance(error, CourseError) else "run `make setup`"
        return Check(name, False, str(error), mend)


def _python() -> Check:
    """Check the version of Python."""
    setup.check_python(sys.version_info[:2])
    return Check("python", True, f"{platform.python_version()} on {platform.system()}")


def _packages() -> Check:
    """Compare what is installed with the lock."""
    missing, other = [], []
    pins = setup.locked()
    for name, version in pins.items():
        try:
            # The CPU build of torch calls itself 2.13.0+cpu.
            installed = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if installed != version:
            other.append(f"{name} {installed} (lock: {version})")
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        found = f"{len(missing)} of {len(pins)} missing: {shown}"
        return Check("packages", False, found, "run `make setup`")
    if other:
        return Check(
            "packages",
            True,
            f"not as pinned: {', '.join(other)}",
            "figures may differ in the last digit; `make distclean setup` mends it",
        )
    return Check("packages", True, f"all {len(pins)} as pinned")


def _torch() -> Check:
    """Tell which build of torch is installed, and whether it is a needless one."""
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    if sys.platform == "darwin":
        build = "macOS"
    found = f"{torch.__version__}, {build} build"
    if torch.version.cuda and not torch.cuda.is_available():
        return Check(
            "torch",
            True,
            f"{found}, but no GPU to use it",
            "it works; `make distclean setup` takes the small CPU build instead",
        )
    return Check("torch", True, found)


def _device() -> Check:
    """Tell which device the models will run on."""
    device = models.pick_device()
    if device.startswith("cuda"):
        import torch

        device = f"{device} ({torch.cuda.get_device_name(device)})"
    return Check("device", True, device)


def _weights(model: str | None) -> Check:
    """Check the hash of the bundled weights, or load the model that was named."""
    name = model or os.environ.get("COURSE_MODEL") or "bundled"
    if models.is_bundled(name):
        models.bundled_folder()
        digest = models.BUNDLED_HASHES["model.safetensors"]
        return Check(
            "weights", True, f"{models.BUNDLED}, SHA-256 {digest[:12]} checked"
        )
    loaded = models.load_model(name)
    width = loaded.get_embedding_dimension()
    return Check(
        "weights", True, f"{models.model_name(loaded)} loads: {width} dimensions"
    )


def _threads() -> Check:
    """Tell how many threads torch will use on how many cores."""
    import torch

    threads, cores = torch.get_num_threads(), len(_cores())
    if threads > cores:
        return Check(
            "threads",
            True,
            f"{threads} on {cores} cores",
            f"more threads than cores are slow; set OMP_NUM_THREADS={cores}",
        )
    return Check("threads", True, f"{threads} on {cores} cores")


def _cores() -> range | set[int]:
    """Return the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)


def _disk() -> Check:
    """Check the free space where the course lies."""
    free = shutil.disk_usage(ROOT).free
    if free < DISK_NEEDED:
        return Check(
            "disk",
            False,
            f"{free / 1e9:.1f} GB free",
            "free 2 GB where the course lies",
        )
    return Check("disk", True, f"{free / 1e9:.0f} GB free")
