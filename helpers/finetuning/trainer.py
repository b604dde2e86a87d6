"""The trainer of sentence-transformers, called as notebook 5 calls it."""

import copy
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import datasets
import numpy as np
import torch
import transformers
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer import losses as library
from sentence_transformers.sentence_transformer.evaluation import (
    EmbeddingSimilarityEvaluator,
)

from helpers import CourseError, models
from helpers.corpus import Pair
from helpers.finetuning import checkpoints
from helpers.finetuning.comparison import blend
from helpers.finetuning.data import PARTS, columns, columns_of
from helpers.progress import quiet

_DEV = "eval_dev_spearman_cosine"


@dataclass(frozen=True)
class Epoch:
    """One line of a training's history; number 0 is the model before it."""

    number: int
    loss: float | None  # mean over the epoch's batches
    dev: float | None  # Spearman correlation of cosine and label on dev


@dataclass(frozen=True)
class Training:
    """A fine-tuned model and how it came to be. `best` is the epoch it was taken at."""

    model: SentenceTransformer
    history: list[Epoch]
    best: int
    seconds: float


@dataclass(frozen=True)
class Work:
    """A training to be done: what to learn from, how, and where.

    `texts` are the corpus. `settings` are what decides about the weights beside the
    data: recipe, share, epochs, learning_rate, batch_size and seed.
    """

    base: SentenceTransformer
    pairs: Sequence[Pair]
    dev: Sequence[Pair] | None
    texts: Sequence[str]
    settings: dict
    place: Path
    bar: bool
    resumable: bool


def train(work: Work) -> Training:
    """Train a copy of the base, from the newest whole checkpoint if there is one."""
    started, model = time.perf_counter(), copy.deepcopy(work.base)
    model.model_card_data.widget = [{}]  # or examples are computed, with a bar
    first = (
        _evaluator(work.dev)(model)[_DEV.removeprefix("eval_")] if work.dev else None
    )
    # The library's bar writes its figures to standard output, which may be JSON.
    with _own_randomness(), _one_bar(), quiet(), redirect_stdout(sys.stderr):
        trainer = _trainer(work, model)
        _run(trainer, checkpoints.newest(work.place), work)
    history = _history(trainer.state.log_history, first)
    if not all(math.isfinite(x) for e in history for x in (e.loss, e.dev) if x):
        raise CourseError(
            f"the loss or the dev figure is no number any more with learning_rate "
            f"{work.settings['learning_rate']}; use a lower one, such as 2e-5"
        )
    if (share := work.settings["share"]) < 1:
        model = blend(work.base, model, share)
    models.named(model.eval(), f"{models.model_name(work.base)}, fine-tuned")
    best = max(history[1:], key=_rank)
    return Training(model, history, best.number, time.perf_counter() - started)


def _trainer(work: Work, model: SentenceTransformer) -> SentenceTransformerTrainer:
    recipe, seed = work.settings["recipe"], work.settings["seed"]
    data = columns_of(recipe, work.pairs, work.texts, seed)
    within = work.resumable and len(data) == 1
    trainer = SentenceTransformerTrainer(
        model=model,
        args=_arguments(work),
        train_dataset=_alone(
            {n: datasets.Dataset.from_dict(d) for n, d in data.items()}
        ),
        loss=_alone({n: getattr(library, PARTS[n])(model) for n in data}),
        evaluator=_evaluator(work.dev) if work.dev else None,
        callbacks=[checkpoints.Checkpoints(within)],
    )
    trainer.remove_callback(transformers.PrinterCallback)  # no line for every log
    trainer.remove_callback(trainer.model_card_callback_class)  # no model card
    return trainer


def _arguments(work: Work) -> SentenceTransformerTrainingArguments:
    """AdamW, linear decay after 10 % warm-up, as Reimers & Gurevych 2019, s. 3.1."""
    settings, dev = work.settings, bool(work.dev)
    return SentenceTransformerTrainingArguments(
        output_dir=str(work.place),
        num_train_epochs=settings["epochs"],
        per_device_train_batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        warmup_steps=0.1,
        seed=settings["seed"],
        eval_strategy="epoch" if dev else "no",
        logging_strategy="epoch",
        save_strategy="epoch" if dev or work.resumable else "no",
        save_only_model=not work.resumable,
        load_best_model_at_end=dev,
        metric_for_best_model=_DEV if dev else None,
        report_to="none",
        logging_nan_inf_filter=False,
        disable_tqdm=not work.bar,
        dataloader_pin_memory=False,
        use_cpu=work.base.device.type == "cpu",
    )


def _run(trainer: SentenceTransformerTrainer, newest: Path | None, work: Work) -> None:
    try:
        trainer.train(resume_from_checkpoint=newest and str(newest))
    except torch.OutOfMemoryError as error:
        raise CourseError(
            f"out of memory with batches of {work.settings['batch_size']} pairs on "
            f"{work.base.device}; use a smaller batch_size"
        ) from error


def _evaluator(dev: Sequence[Pair]) -> EmbeddingSimilarityEvaluator:
    return EmbeddingSimilarityEvaluator(*columns(dev).values(), name="dev")


def _alone(parts: dict):
    """Return the only part, or all of them: the trainer mixes where it gets a dict."""
    return parts if len(parts) > 1 else next(iter(parts.values()))


def _rank(epoch):
    """The best on dev comes first, or without dev the last."""
    return (epoch.number, 0) if epoch.dev is None else (epoch.dev, -epoch.number)


def _history(log: Sequence[dict], first: float | None) -> list[Epoch]:
    """Read losses and dev figures of the trainer's log, an Epoch each.

    A long epoch is logged at each checkpoint: the mean since the line before.
    """
    parts: dict[int, list] = {}
    before = 0
    for line in (line for line in log if "loss" in line):
        part = line["loss"], line["step"] - before
        parts.setdefault(math.ceil(line["epoch"]), []).append(part)
        before = line["step"]
    loss = {
        n: sum(x * s for x, s in p) / sum(s for _, s in p) for n, p in parts.items()
    }
    dev = {round(x["epoch"]): x[_DEV] for x in log if _DEV in x}
    return [
        Epoch(0, None, first),
        *(Epoch(n, loss[n], dev.get(n)) for n in sorted(loss)),
    ]


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Give the random numbers of the caller back after a training has seeded them."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def _one_bar() -> Iterator[None]:
    """Show the bar of the training alone, not those of datasets."""
    hidden = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not hidden:
            datasets.enable_progress_bars()
