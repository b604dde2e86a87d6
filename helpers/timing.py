"""Time work at several sizes, and say what a bigger size would take."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from tqdm import tqdm

from helpers import CourseError
from helpers.metrics import Interval

#: Seconds in a unit, and from how many on it is used. Two of a unit, then the next:
#: 90 s rather than 1.5 min, 65 h rather than 2.7 days.
_UNITS: dict[str, tuple[float, float]] = {"days": (86_400, 864_000), "h": (3600, 7200)}
_UNITS |= {"min": (60, 120), "s": (1, 0.1), "ms": (1e-3, 1e-3), "µs": (1e-6, 0)}


@dataclass(frozen=True)
class Timing:
    """What one size of work took: wall-clock seconds, one value a round."""

    size: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the rounds, in seconds."""
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """How much of the work is done in a second, by the median."""
        return self.size / self.median

    def __str__(self) -> str:
        fast, slow = duration(min(self.seconds)), duration(max(self.seconds))
        return f"{duration(self.median)} ({fast} to {slow})"


def measure(
    work: Callable[[int], object],
    sizes: Sequence[int],
    *,
    rounds: int = 3,
    show_progress_bar: bool = False,
) -> list[Timing]:
    """Call `work(size)` for every size, `rounds` times; return one Timing a size.

    The smallest size is done once beforehand and not counted: first calls load and
    compile. Each round goes through all sizes, so that a slow minute hits all alike,
    and the clock waits for a GPU. Raises CourseError where there is nothing to measure.
    """
    sizes = list(sizes)
    if not sizes or min(sizes) < 1 or rounds < 1:
        wanted = "give one size or more, each 1 or more, and one round or more"
        raise CourseError(f"sizes are {sizes}, rounds {rounds}; {wanted}")
    _seconds(work, min(sizes))
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    for size in tqdm(sizes * rounds, desc="timing", disable=not show_progress_bar):
        seconds[size].append(_seconds(work, size))
    return [Timing(size, tuple(values)) for size, values in seconds.items()]


def extrapolate(timings: Sequence[Timing], size: float) -> Interval:
    """Estimate the seconds that work of another size takes, with a 95 % interval.

    Fits seconds = overhead + cost * size to all rounds. Long runs scatter more than
    short ones, so the line is seconds / size against 1 / size, by least squares; its
    interval is Student's (Draper & Smith 1998, section 3.1) and holds the scatter of
    the rounds, not a laptop that grows hot in the second hour.

    Raises CourseError for fewer than two sizes or three values.
    """
    x = np.array([1 / timing.size for timing in timings for _ in timing.seconds])
    y = np.array([s / timing.size for timing in timings for s in timing.seconds])
    if len(set(x)) < 2 or len(x) < 3:
        found = f"{len(x)} values at {len(set(x))} sizes are too few for a line"
        wanted = "measure two sizes or more, and three values or more in all"
        raise CourseError(f"{found}; {wanted}")
    line, covariance = np.polyfit(x, y, 1, cov=True)
    at = np.array([1 / size, 1])
    half = stats.t.ppf(0.975, len(x) - 2) * np.sqrt(at @ covariance @ at)
    return Interval(*(float(size * (at @ line + side)) for side in (0, -half, half)))


def duration(seconds: float) -> str:
    """Show seconds in a unit that a person would choose, to two digits or three.

    >>> [duration(s) for s in (0.0123, 5, 90, 234_000, 2_000_000)]
    ['12 ms', '5.0 s', '90 s', '65 h', '23 days']
    """
    if seconds <= 0:
        return f"{seconds:.0f} s"
    fitting = (unit for unit, (_, least) in _UNITS.items() if seconds >= least)
    unit = next(fitting, "µs")
    value = seconds / _UNITS[unit][0]
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def _seconds(work, size):
    """Time one call, until its device has finished."""
    start = time.perf_counter()
    work(size)
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch and torch.backends.mps.is_available():
        torch.mps.synchronize()
    return time.perf_counter() - start
