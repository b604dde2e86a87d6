"""The trainer of sentence-transformers, called as notebook 5 calls it."""

import copy
import math
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import datasets
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

_FIGURE = "dev_spearman_cosine"


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
    """A training to be done: what to start and to learn from, and how.

    `texts` are the corpus. `settings` are what decides about the weights beside the
    data: recipe, share, epochs, learning_rate, batch_size and seed.
    """

    base: SentenceTransformer
    pairs: Sequence[Pair]
    dev: Sequence[Pair] | None
    texts: Sequence[str]
    settings: dict
    bar: bool


def train(work: Work, place: Path, *, resumable: bool) -> Training:
    """Train a copy of the base, from the newest whole checkpoint in `place`, if any."""
    started, model = time.perf_counter(), copy.deepcopy(work.base)
    model.model_card_data.widget = [{}]  # or examples are computed, with a bar
    # Not by the trainer's eval_on_start: the same seed would give other weights.
    first = _evaluator(work.dev)(model)[_FIGURE] if work.dev else None
    # The library's bar writes its figures to standard output, which may be JSON.
    with quiet(), redirect_stdout(sys.stderr):
        trainer = _trainer(work, model, _arguments(work, place, resumable))
        _run(trainer, checkpoints.newest(place), work)
    history = [Epoch(0, None, first), *_epochs(trainer.state.log_history)]
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


def _trainer(
    work: Work,
    model: SentenceTransformer,
    arguments: SentenceTransformerTrainingArguments,
) -> SentenceTransformerTrainer:
    recipe, seed = work.settings["recipe"], work.settings["seed"]
    data = columns_of(recipe, work.pairs, work.texts, seed)
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=_alone(
            {n: datasets.Dataset.from_dict(d) for n, d in data.items()}
        ),
        loss=_alone({n: getattr(library, PARTS[n])(model) for n in data}),
        evaluator=_evaluator(work.dev) if work.dev else None,
        callbacks=[checkpoints.Checkpoints()],
    )
    trainer.remove_callback(transformers.PrinterCallback)  # no line for every log
    trainer.remove_callback(trainer.model_card_callback_class)  # no model card
    return trainer


def _arguments(
    work: Work, place: Path, resumable: bool
) -> SentenceTransformerTrainingArguments:
    """AdamW, linear decay after 10 % warm-up, as Reimers & Gurevych 2019, s. 3.1."""
    settings, dev = work.settings, bool(work.dev)
    return SentenceTransformerTrainingArguments(
        output_dir=str(place),
        num_train_epochs=settings["epochs"],
        per_device_train_batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        warmup_steps=0.1,
        seed=settings["seed"],
        eval_strategy="epoch" if dev else "no",
        logging_strategy="epoch",
        save_strategy="epoch" if dev or resumable else "no",
        save_total_limit=3,  # the best, the newest, and one until that is sealed
        save_only_model=not resumable,
        load_best_model_at_end=dev,
        metric_for_best_model=_FIGURE if dev else None,
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


def _epochs(log: Sequence[dict]) -> list[Epoch]:
    """Read losses and dev figures of the trainer's log."""
    key = f"eval_{_FIGURE}"
    dev = {round(line["epoch"]): line[key] for line in log if key in line}
    losses = {round(line["epoch"]): line["loss"] for line in log if "loss" in line}
    return [Epoch(number, loss, dev.get(number)) for number, loss in losses.items()]
