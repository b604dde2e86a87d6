"""Time work at several sizes, and say what a bigger size would take."""

from __future__ import annotations

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

#: Seconds in each unit, biggest first.
_UNITS = {"days": 86400, "h": 3600, "min": 60, "s": 1, "ms": 1e-3, "µs": 1e-6}


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
        """Show the median, and the fastest and the slowest round in brackets."""
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
    compile. Each round goes through all sizes, so that a slow minute hits all alike.
    The clock stops when the GPU, if there is one, has finished. Raises CourseError
    where there is nothing to measure.
    """
    sizes = list(sizes)
    if not sizes or min(sizes) < 1 or rounds < 1:
        raise CourseError(
            f"sizes are {sizes}, rounds {rounds}; give one size or more, each 1 or "
            "more, and one round or more"
        )
    _seconds(work, min(sizes))
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    total = rounds * len(sizes)
    with tqdm(total=total, desc="timing", disable=not show_progress_bar) as bar:
        for _ in range(rounds):
            for size in sizes:
                seconds[size].append(_seconds(work, size))
                bar.update()
    return [Timing(size, tuple(values)) for size, values in seconds.items()]


def extrapolate(timings: Sequence[Timing], size: float) -> Interval:
    """Estimate the seconds that work of another size takes, with a 95 % interval.

    Fits seconds = overhead + cost * size to all rounds by least squares. Long runs
    scatter more than short ones, so what is fitted is seconds / size against 1 / size,
    a straight line whose intercept is the cost. The interval is that of the line, by
    Student's t (Draper & Smith 1998, section 3.1). It holds the scatter of the rounds
    and nothing else: a laptop that grows hot in the second hour is outside of it.

    Raises CourseError for fewer than two sizes or three values.
    """
    x = np.array([1 / timing.size for timing in timings for _ in timing.seconds])
    y = np.array([s / timing.size for timing in timings for s in timing.seconds])
    if len(set(x)) < 2 or len(x) < 3:
        raise CourseError(
            f"{len(x)} values at {len(set(x))} sizes are too few for a line; measure "
            "two sizes or more, and three values or more in all"
        )
    line = stats.linregress(x, y)
    scatter = np.sqrt(((y - line.intercept - line.slope * x) ** 2).sum() / (len(x) - 2))
    away = (1 / size - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()
    half = stats.t.ppf(0.975, len(x) - 2) * scatter * np.sqrt(1 / len(x) + away)
    middle = line.intercept + line.slope / size
    return Interval(*(float(size * v) for v in (middle, middle - half, middle + half)))


def duration(seconds: float) -> str:
    """Show seconds in a unit that a person would choose, to two digits or three.

    >>> [duration(s) for s in (0.0123, 5, 90, 234_000, 2_000_000)]
    ['12 ms', '5.0 s', '90 s', '65 h', '23 days']
    """
    if seconds <= 0:
        return f"{seconds:.0f} s"
    # Two of a unit, then the next: 90 s rather than 1.5 min, 65 h rather than 2.7 days.
    enough = {"days": 10 * 86400, "h": 2 * 3600, "min": 120, "s": 0.1, "ms": 1e-3}
    unit = next((u for u, least in enough.items() if seconds >= least), "µs")
    value = seconds / _UNITS[unit]
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def _seconds(work: Callable[[int], object], size: int) -> float:
    """Time one call, until its device has finished."""
    start = time.perf_counter()
    work(size)
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch and torch.backends.mps.is_available():
        torch.mps.synchronize()
    return time.perf_counter() - start
