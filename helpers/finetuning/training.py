"""Train, and lose nothing when it is interrupted."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sentence_transformers import SentenceTransformer

from helpers import models
from helpers.corpus import Pair
from helpers.finetuning import folder as disk
from helpers.finetuning.data import check_training
from helpers.finetuning.trainer import Training, Work, train
from helpers.progress import show_bars


def fine_tune(
    model: SentenceTransformer | str | Path | None,
    pairs: Sequence[Pair],
    dev: Sequence[Pair] | None = None,
    *,
    corpus: Sequence[str] = (),
    folder: str | Path | None = None,
    recipe: str = "search",
    share: float = 0.8,
    epochs: int = 2,
    learning_rate: float = 1e-4,
    batch_size: int = 32,
    seed: int = 42,
    show_progress_bar: bool | None = None,
) -> Training:
    """Train a copy of `model` on labelled pairs; `model` itself is left as it is.

    The recipe "search" makes four kinds of batch: sentences about the same term, the
    same with the pair that was labelled low as a rival, pieces of the `corpus` (texts;
    none without) that must find their text, and the labelled pairs. "mixed" has the
    first and the last of them, "ranking" and "cosine" one each; "cosent" asks for the
    order of the labels alone. The weights returned lie at `share` of the way from the
    base to the trained ones (`blend`): most of the gain, less of the loss.

    With `dev` pairs, the weights kept are those of the epoch whose cosines correlate
    best with dev's labels (Spearman); without, those of the last epoch. AdamW, linear
    decay after 10 % warm-up, as Reimers & Gurevych 2019, s. 3.1. On one device and one
    number of threads, the same call gives the same weights.

    `folder` gets the finished model, whole or not at all. Until then checkpoints lie
    beside it, in ".NAME.training", one an epoch: the same call goes on from the last
    whole one and ends with the weights it would have had. When the folder holds the
    finished model of the same call, that is loaded.

    Raises CourseError when pairs or options cannot teach anything, the folder holds
    something else or cannot be written, or the loss is no number any more.
    """
    check_training(pairs, dev, recipe, share, epochs, learning_rate, batch_size)
    base = models.load_model(model) if isinstance(model, str | Path | None) else model
    settings = {"recipe": recipe, "share": share, "epochs": epochs}
    settings |= {"learning_rate": learning_rate, "batch_size": batch_size, "seed": seed}
    bar = show_bars() if show_progress_bar is None else show_progress_bar
    work = Work(base, pairs, dev, corpus, settings, bar)
    if folder is not None:
        return _into(Path(folder).resolve(), work)
    with tempfile.TemporaryDirectory(prefix="fine-tune-") as place:
        return train(work, Path(place), resumable=False)


def _into(folder: Path, work: Work) -> Training:
    """Train into a folder, or load what the same call has trained there."""
    plan, place = _plan(work), folder.parent / f".{folder.name}.training"
    if disk.taken(folder):
        training = disk.finished(folder, plan, str(work.base.device))
        disk.tidy_up(place, plan)  # after a kill between the two
        return training
    with disk.only_writer(place, folder):
        disk.same_plan(place, plan, folder)
        training = train(work, place, resumable=True)
        models.named(training.model, folder.name)
        disk.save(training, plan, place / "model", folder)
    shutil.rmtree(place, ignore_errors=True)
    return training


def _plan(work: Work) -> dict:
    """Everything that decides about the weights."""
    return {
        "base": models.model_name(work.base),
        "base_fingerprint": models.fingerprint(work.base),
        "pairs": _digest([asdict(pair) for pair in work.pairs]),
        "dev": _digest([asdict(pair) for pair in work.dev or ()]),
        "corpus": _digest([*work.texts]),
        **work.settings,
    }


def _digest(rows: list) -> str:
    """SHA-256 of rows, in their order."""
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
