"""Timings are medians of rounds; a bigger size is estimated as a regression would."""

import numpy as np
import pytest
from scipy import stats

from helpers import CourseError, timing
from helpers.timing import Timing


class Clock:
    """A clock that only work moves on; `calls` lists the sizes in order."""

    def __init__(self, monkeypatch, cost):
        self.now, self.calls, self.cost = 100.0, [], cost
        monkeypatch.setattr(timing.time, "perf_counter", lambda: self.now)

    def work(self, size):
        self.calls.append(size)
        self.now += self.cost(size, len(self.calls))


def test_rounds_go_through_all_sizes_and_the_warm_up_does_not_count(monkeypatch):
    clock = Clock(monkeypatch, lambda size, call: 99 if call == 1 else size + call / 16)
    found = timing.measure(clock.work, [20, 10], rounds=3)
    assert clock.calls == [10, 20, 10, 20, 10, 20, 10]
    assert found == [
        Timing(20, (20.125, 20.25, 20.375)),
        Timing(10, (10.1875, 10.3125, 10.4375)),
    ]
    assert (found[0].median, found[0].rate) == (20.25, 20 / 20.25)
    assert str(found[1]) == "10 s (10 s to 10 s)"


@pytest.mark.parametrize(
    ("sizes", "rounds"), [([], 3), ([0, 1], 3), ([5], 0), ([-1], 1)]
)
def test_nothing_to_measure_is_refused(sizes, rounds):
    with pytest.raises(CourseError, match=r"sizes are \[.*\], rounds \d"):
        timing.measure(lambda size: None, sizes, rounds=rounds)


def test_an_error_in_the_work_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        timing.measure(lambda size: 1 / 0, [1])


def test_a_straight_line_is_found_again():
    exact = [Timing(n, (0.5 + 0.003 * n,) * 2) for n in (10, 100, 1000)]
    found = timing.extrapolate(exact, 50_000_000)
    np.testing.assert_allclose(
        [found.mean, found.low, found.high], 150_000.5, rtol=1e-9
    )


def noisy(rng, overhead, cost, sizes=(45, 190, 435, 780), rounds=3):
    return [
        Timing(n, tuple((overhead + cost * n) * rng.normal(1, 0.05, rounds)))
        for n in sizes
    ]


def test_the_interval_is_that_of_a_weighted_regression():
    """Against the textbook's matrices: weights 1 / size^2, Student's t."""
    timings = noisy(np.random.default_rng(0), 0.02, 0.003)
    n = np.array([t.size for t in timings for _ in t.seconds], dtype=float)
    y = np.array([s for t in timings for s in t.seconds])
    design, weights = np.stack([np.ones_like(n), n], axis=1), np.diag(n**-2)
    inverse = np.linalg.inv(design.T @ weights @ design)
    fitted = inverse @ design.T @ weights @ y
    left = y - design @ fitted
    variance = left @ weights @ left / (len(n) - 2)
    at = np.array([1, 49_995_000.0])
    half = stats.t.ppf(0.975, len(n) - 2) * np.sqrt(variance * at @ inverse @ at)
    found = timing.extrapolate(timings, 49_995_000)
    np.testing.assert_allclose(
        [found.mean, found.low, found.high],
        [at @ fitted, at @ fitted - half, at @ fitted + half],
        rtol=1e-6,
    )


def test_95_of_100_intervals_hold_the_true_cost():
    rng, size, held = np.random.default_rng(1), 49_995_000, 0
    for _ in range(400):
        interval = timing.extrapolate(noisy(rng, 0.0, 0.003), size)
        held += interval.low <= 0.003 * size <= interval.high
    assert 0.92 < held / 400 < 0.98


@pytest.mark.parametrize(
    "timings", [[], [Timing(5, (1.0, 2.0, 3.0))], [Timing(5, (1.0,)), Timing(9, (2,))]]
)
def test_too_few_values_are_refused(timings):
    with pytest.raises(CourseError, match="too few for a line"):
        timing.extrapolate(timings, 100)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (2e-6, "2.0 µs"),
        (0.0123, "12 ms"),
        (0.999, "1.0 s"),
        (119, "119 s"),
        (121, "2.0 min"),
        (7199, "120 min"),
        (162_000, "45 h"),
        (1_054_800, "12 days"),
    ],
)
def test_seconds_are_shown_in_a_unit_that_fits(seconds, shown):
    assert timing.duration(seconds) == shown
