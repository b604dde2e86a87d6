"""Encoding on several workers: the same index as one process makes, come what may.

The workers are real processes, and the scheduler a real one that listens on loopback;
the model is the tests' tiny BERT, or the tests would be about waiting.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from storing import texts

from helpers import CourseError, encoding
from helpers.store import Change, open_index
from helpers.workers import Workers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scheduler():
    """Start a scheduler and two workers, over TCP on loopback; return its address."""
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "DASK_LOGGING__DISTRIBUTED": "error"}
    started = []

    def start(kind, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments]
        loopback = ["--host", "127.0.0.1", "--no-dashboard"]
        started.append(subprocess.Popen([*command, *loopback], env=quiet))

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    start("scheduler", "--port", str(port))
    for _ in range(2):
        start("worker", address, "--nthreads", "1")
    yield address
    for process in reversed(started):  # a worker waits for a scheduler that has gone
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def workers(tiny, scheduler):
    with Workers(scheduler, tiny) as workers:
        yield workers


def held(path):
    with open_index(path) as index:
        return index.documents, index.hashes(), index.embeddings


def same(made, expected):
    assert made[:2] == expected[:2]
    np.testing.assert_allclose(made[2], expected[2], atol=1e-6)


@pytest.fixture(scope="module")
def alone(tiny, tmp_path_factory):
    """Return what one process makes of 6,000 texts."""
    path = tmp_path_factory.mktemp("alone") / "my.db"
    with open_index(path, tiny, write=True) as index:
        index.add(texts(6000))
    return held(path)


def test_rows_are_those_of_one_process(tiny, workers):
    asked = [each.content for each in texts(40)]
    waiting = [workers.encode(asked[start : start + 10]) for start in range(0, 40, 10)]
    rows = np.concatenate([wait() for wait in waiting])
    np.testing.assert_allclose(rows, encoding.encode(tiny, asked), atol=1e-6)
    assert workers.ahead == 4


def test_an_index_is_that_of_one_process(tiny, workers, alone, tmp_path):
    path = tmp_path / "my.db"
    with open_index(path, tiny, write=True) as index:
        assert index.update(texts(6000), workers=workers) == Change(added=6000)
        assert index.update(texts(6000), workers=workers) == Change(unchanged=6000)
    same(held(path), alone)


def one_of(workers, dice):
    """Wait for a worker; return its process."""
    workers._client.wait_for_workers(1, timeout=60)
    found = workers._client.run(os.getpid, on_error="ignore")
    there = [pid for pid in found.values() if isinstance(pid, int)]
    return dice.choice(there) if there else one_of(workers, dice)


def index_while_killing(path, model, kills):
    """Index 6,000 texts by two workers, one of which is killed again and again.

    Each kill hits one with batches in hand; what it had is done again.
    """
    dice, killed = random.Random(9), []
    with Workers(2, model) as workers, open_index(path, model, write=True) as index:

        def slowly():
            for number, text in enumerate(texts(6000)):
                if number % 500 == 499 and len(killed) < kills:
                    time.sleep(dice.uniform(0, 0.2))
                    killed.append(one_of(workers, dice))
                    os.kill(killed[-1], signal.SIGKILL)
                yield text

        assert index.update(slowly(), workers=workers) == Change(added=6000)
    assert len(killed) == kills


def test_a_killed_worker_loses_nothing(tiny, alone, tmp_path):
    """`make faults` kills ten."""
    index_while_killing(tmp_path / "my.db", tiny, 1)
    same(held(tmp_path / "my.db"), alone)


def test_a_scheduler_is_reached_over_tcp(command, scheduler, tiny_folder, tmp_path):
    rows = [f"{each.id},{each.text}" for each in texts(1200)]
    (tmp_path / "my.csv").write_text("\n".join(["id,text", *rows]))
    task = ("index", tmp_path / "my.csv", "--model", tiny_folder, "--json", "--index")
    status, out, err = command(*task, tmp_path / "a.db", "--scheduler", scheduler)
    assert (status, '"added": 1200' in out) == (0, True), err
    assert command(*task, tmp_path / "b.db")[0] == 0
    same(held(tmp_path / "a.db"), held(tmp_path / "b.db"))


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (0, "workers is 0; it must be 1 or more"),
        ("tcp://127.0.0.1:9", "tcp://127.0.0.1:9: no worker answers"),
        ("nonsense", "nonsense: no worker answers .*missing port"),
    ],
)
def test_workers_that_cannot_be_had_are_named(tiny, monkeypatch, where, said):
    monkeypatch.setattr("helpers.workers.PATIENCE", 1)
    with pytest.raises(CourseError, match=said):
        Workers(where, tiny)


def test_a_worker_with_another_model_is_refused(tiny, workers):
    name, fingerprint = workers._task
    workers._task = (name, "0" * len(fingerprint))
    try:
        with pytest.raises(CourseError, match="other weights under the name"):
            workers.encode(["bar"])()
    finally:
        workers._task = (name, fingerprint)
