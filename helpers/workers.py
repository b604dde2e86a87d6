"""Encoding on several workers: processes of this machine, or of a cluster, by Dask.

Each worker loads the model once, by its name. What a worker had in hand when it was
killed is done again by another. Dask runs what it is sent: use a scheduler you trust.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from dask import config
from distributed import Client, KilledWorker, LocalCluster

from helpers import CourseError, encoding, models

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Batches that each worker has in hand, so that none waits for the next.
AHEAD = 2
#: So many workers may die over one batch before it is blamed for it.
FAILURES = 10
#: How long a scheduler and its first worker may take to answer, in seconds.
PATIENCE = 20


class Workers:
    """Encodes batches elsewhere, several at a time. A context manager."""

    def __init__(self, where: int | str, model: SentenceTransformer) -> None:
        """Start processes, or reach a scheduler; `model` must be there by its name.

        where: how many processes of this machine, or an address, tcp://host:8786.
        Raises CourseError for a number below 1 and when no worker answers.
        """
        self.where, self._open = where, ExitStack()
        names = models.source(model), models.model_name(model)
        self._task = (names, models.fingerprint(model))
        if isinstance(where, int) and where < 1:
            raise CourseError(f"workers is {where}; it must be 1 or more")
        try:
            with self._named():
                if isinstance(where, int):
                    where = self._open.enter_context(_processes(where))
                client = Client(where, timeout=PATIENCE, set_as_default=False)
                self._client = self._open.enter_context(client)
                client.wait_for_workers(1, timeout=PATIENCE)
        except BaseException:
            self.close()
            raise

    @property
    def ahead(self) -> int:
        """How many batches to begin before the first is waited for."""
        return AHEAD * max(1, len(self._client.ncores()))

    def encode(self, texts: Sequence[str]) -> Callable[[], np.ndarray]:
        """Begin to encode n texts; return what waits for their vectors, (n, d)."""
        future = self._client.submit(_encode, texts, *self._task, pure=False)

        def result() -> np.ndarray:
            with self._named():
                return future.result()

        return result

    def close(self) -> None:
        """Let the workers go; those of this machine end."""
        self._open.close()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        again = "the same command goes on where this one stopped"
        try:
            yield
        except CourseError:  # a worker's own
            raise
        except KilledWorker as error:
            raise CourseError(
                f"{FAILURES} workers died over one batch of texts; give each more "
                f"memory, or take fewer; {again}"
            ) from error
        except (OSError, TimeoutError, ValueError) as error:
            raise CourseError(
                f"{self.where}: no worker answers ({error}); is a scheduler running "
                f"there, with a worker? {again}"
            ) from error


def _processes(count):
    """Start processes on this machine, which end with this one."""
    threads = str(max(1, (os.cpu_count() or 1) // count))
    environ = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    settings = {
        "distributed.scheduler.allowed-failures": FAILURES,
        "distributed.nanny.pre-spawn-environ": environ,
    }
    page = "127.0.0.1:0"  # Dask's own, which asks for a port in any case
    with config.set(settings):
        return LocalCluster(
            count, threads_per_worker=1, dashboard_address=page, silence_logs=50
        )


def _encode(texts, names, fingerprint):
    """Be a worker: encode a batch."""
    model = _model(names, fingerprint)
    return encoding.encode(model, texts, role="document")


@lru_cache(maxsize=1)
def _model(names, fingerprint):
    """Load the model from the folder it was loaded from, or by its name elsewhere."""
    folder, name = names
    model = models.load_model(folder if os.path.isdir(folder) else name)
    if models.fingerprint(model) != fingerprint:
        raise CourseError(
            f"a worker has other weights under the name {name!r}; give all of them the "
            "same model"
        )
    return model
