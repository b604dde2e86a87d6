"""Fine-tune a sentence encoder on labelled pairs, and see what else moved.

Notebook 5 writes the training out once. This is for the second time: the same training,
with checkpoints, so that an interruption loses nothing.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helpers import CourseError, metrics, models, similarity, storage
from helpers.corpus import Pair

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: cosine: CosineSimilarityLoss, the squared difference of cosine and label. cosent:
#: CoSENTLoss, which asks only that pairs stand in the order of their labels. ranking:
#: MultipleNegativesRankingLoss on `positives`: each must beat all others of its batch.
#: mixed: batches of "cosine" and of "ranking", in random order.
LOSSES = {
    "cosine": ("cosine",),
    "cosent": ("cosent",),
    "ranking": ("ranking",),
    "mixed": ("cosine", "ranking"),
}
_CLASSES = {
    "cosine": "CosineSimilarityLoss",
    "cosent": "CoSENTLoss",
    "ranking": "MultipleNegativesRankingLoss",
}
#: Pairs with this label or a higher one count as positives.
POSITIVE = 0.7
#: Steps after which a checkpoint is written within a long epoch.
CHECKPOINT_STEPS = 500
#: What stands beside the weights: how they were made.
RECORD = "training.json"


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
class Comparison:
    """Spearman correlation of cosine and label on pairs, before and after."""

    pairs: int
    before: metrics.Interval
    after: metrics.Interval
    change: metrics.Interval


@dataclass(frozen=True)
class Drift:
    """What fine-tuning did to pairs it was not about; each pair is (before, after).

    spearman: correlation of cosine and label over the probes. related: mean cosine of
    the pairs labelled 0.8 or more. background: mean cosine of sentences from different
    pairs. gap: related less background, what still tells them apart. moved: 1 less
    the mean cosine of a sentence to its old self.
    """

    spearman: tuple[float, float]
    change: metrics.Interval
    related: tuple[float, float]
    background: tuple[float, float]
    moved: float

    @property
    def gap(self) -> tuple[float, float]:
        """`related` less `background`."""
        before, after = (
            r - b for r, b in zip(self.related, self.background, strict=True)
        )
        return before, after


def fine_tune(
    model: SentenceTransformer | str | Path | None,
    pairs: Sequence[Pair],
    dev: Sequence[Pair] | None = None,
    *,
    folder: str | Path | None = None,
    loss: str = "mixed",
    epochs: int = 2,
    learning_rate: float = 5e-5,
    batch_size: int = 32,
    seed: int = 42,
    show_progress_bar: bool | None = None,
) -> Training:
    """Train a copy of `model` on labelled pairs; `model` itself is left as it is.

    With `dev` pairs, the weights kept are those of the epoch whose cosines correlate
    best with dev's labels (Spearman); without, those of the last epoch. AdamW, linear
    decay after 10 % warm-up, as Reimers & Gurevych 2019, s. 3.1. On one device and one
    number of threads, the same call gives the same weights.

    `folder` gets the finished model, whole or not at all. Until then checkpoints lie
    beside it, in ".NAME.training", after each epoch (and every 500 steps, unless the
    loss is "mixed"): the same call goes on from the last whole one and ends with the
    weights it would have had. When the folder holds the finished model of the same
    call, that is loaded.

    Raises CourseError when pairs or options cannot teach anything, the folder holds
    something else or cannot be written, or the loss is no number any more.
    """
    check_training(pairs, dev, loss, epochs, learning_rate, batch_size)
    loaded = models.load_model(model) if isinstance(model, str | Path | None) else model
    settings = {
        "loss": loss,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "seed": seed,
    }
    plan = {
        "base": models.model_name(loaded),
        "base_fingerprint": models.fingerprint(loaded),
        "pairs": _digest(pairs),
        "dev": _digest(dev or ()),
        **settings,
    }
    bar = models.show_bars() if show_progress_bar is None else show_progress_bar
    work = (pairs, dev, settings, bar)
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="fine-tune-") as place:
            return _train(loaded, *work, Path(place), resumable=False)
    folder = Path(folder).resolve()
    if _taken(folder):
        return _finished(folder, plan, str(loaded.device))
    place = folder.parent / f".{folder.name}.training"
    with _only_writer(place, folder, loaded):
        if _taken(folder):  # by a training that ended while this one came to its turn
            return _finished(folder, plan, str(loaded.device))
        _same_plan(place, plan, folder)
        training = _train(loaded, *work, place, resumable=True)
        training.model.course_name = folder.name
        _save(training, plan, place / "model", folder)
    shutil.rmtree(place, ignore_errors=True)
    return training


def check_training(
    pairs: Sequence[Pair],
    dev: Sequence[Pair] | None,
    loss: str,
    epochs: int,
    learning_rate: float,
    batch_size: int,
) -> None:
    """Refuse what would train nothing, or ruin the model in silence: CourseError."""
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise CourseError(f"{name} is {value!r}; it must be a whole number above 0")
    if not (isinstance(learning_rate, int | float) and 0 < learning_rate < 1):
        raise CourseError(
            f"learning_rate is {learning_rate!r}; it must lie between 0 and 1; 2e-5 is "
            "a good first try"
        )
    if loss not in LOSSES:
        raise CourseError(f"loss is {loss!r}; choose one of {', '.join(LOSSES)}")
    for name, split in (("pairs", pairs), ("dev", dev)):
        if split is None:
            continue
        labels = {pair.score for pair in split}
        for number, pair in enumerate(split):
            if not 0 <= pair.score <= 1:
                raise CourseError(
                    f"{name}[{number}] has the score {pair.score}, outside 0..1; "
                    "divide labels of 0..5 by 5"
                )
        if len(labels) < 2:
            shown = f"all labelled {labels.pop()}" if labels else "none"
            raise CourseError(
                f"{name}: {len(split)} pairs, {shown}; training needs near and far "
                "pairs, with two or more different labels, or every cosine goes the "
                "same way"
            )
    if dev:
        known = {s for pair in pairs for s in (pair.sentence1, pair.sentence2)}
        for pair in dev:
            if leak := {pair.sentence1, pair.sentence2} & known:
                raise CourseError(
                    f"the sentence {leak.pop()!r} is in the training pairs and in dev; "
                    "keep it in one of them"
                )


def positives(
    pairs: Sequence[Pair], *, per_term: int = 12, seed: int = 42
) -> list[tuple[str, str]]:
    """Return anchors and positives for a ranking loss, in mixed order.

    They come from the pairs labelled 0.7 or more. Where pairs are `about` a term, any
    first sentence and any second one of that term speak of the same thing: `per_term`
    of these combinations are drawn, fewer where there are not so many. The other pairs
    stay as they are. Raises CourseError when no label is so high.
    """
    rng = np.random.default_rng(seed)
    found = [
        (p.sentence1, p.sentence2) for p in pairs if p.score >= POSITIVE and not p.about
    ]
    for term in sorted({pair.about for pair in pairs} - {""}):
        mine = [p for p in pairs if p.about == term and p.score >= POSITIVE]
        firsts, seconds = (
            sorted({getattr(p, side) for p in mine})
            for side in ("sentence1", "sentence2")
        )
        every = [(first, second) for first in firsts for second in seconds]
        drawn = rng.choice(len(every), size=min(per_term, len(every)), replace=False)
        found += [every[number] for number in drawn]
    if not found:
        raise CourseError(
            f"no pair is labelled {POSITIVE} or more; a ranking loss needs positives"
        )
    return [found[number] for number in rng.permutation(len(found))]


def blend(
    before: SentenceTransformer, after: SentenceTransformer, share: float
) -> SentenceTransformer:
    """Return a model whose weights lie between two: (1 - share) before + share after.

    `after` must be a fine-tuned copy of `before`. Between the two, most of what was
    learnt is there while less is lost (Wortsman et al. 2022, arXiv 2109.01903). Raises
    CourseError when `share` is outside 0..1 or the models differ in shape.
    """
    if not 0 <= share <= 1:
        raise CourseError(f"share is {share}; it must lie between 0 and 1")
    old, new = before.state_dict(), after.state_dict()
    if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
        raise CourseError(
            f"{models.model_name(before)} and {models.model_name(after)} have other "
            "layers; blend a model with a fine-tuned copy of itself"
        )
    model = copy.deepcopy(before)
    model.load_state_dict(
        {
            key: old[key].lerp(new[key].to(old[key]), share)
            if old[key].is_floating_point()
            else old[key]
            for key in old
        }
    )
    model.course_name = f"{models.model_name(after)}, share {share:g}"
    return model.eval()


def drift_report(
    before: SentenceTransformer, after: SentenceTransformer, probes: Sequence[Pair]
) -> Drift:
    """Compare two models on labelled pairs that the training was not about.

    Raises CourseError when `probes` has fewer than three pairs, one label alone, or no
    label of 0.8 or more.
    """
    labels = [pair.score for pair in probes]
    if len(labels) < 3 or len(set(labels)) < 2 or max(labels) < 0.8:
        raise CourseError(
            f"{len(labels)} probes with labels {sorted(set(labels))[:5]}: give three "
            "or more pairs with different labels, some of 0.8 or more"
        )
    sides = [pair.sentence1 for pair in probes], [pair.sentence2 for pair in probes]
    old, new = (
        np.stack([_encode(model, side) for side in sides]) for model in (before, after)
    )
    cosines = [(rows[0] * rows[1]).sum(axis=1) for rows in (old, new)]
    related = np.array(labels) >= 0.8
    apart = ~np.eye(len(labels), dtype=bool)
    return Drift(
        spearman=_two(metrics.spearman(labels, each) for each in cosines),
        change=metrics.spearman_interval(labels, cosines[1], baseline=cosines[0]),
        related=_two(each[related].mean() for each in cosines),
        background=_two((rows[0] @ rows[1].T)[apart].mean() for rows in (old, new)),
        moved=float(1 - (old * new).sum(axis=2).mean()),
    )


def held_out_report(
    before: SentenceTransformer, after: SentenceTransformer, pairs: Sequence[Pair]
) -> Comparison:
    """Compare two models on pairs that neither has been trained on.

    The 95 % intervals draw whole groups of pairs that are `about` the same, because
    these succeed or fail together. Raises CourseError when the pairs have no order to
    compare: fewer than two, or one label alone.
    """
    labels = [pair.score for pair in pairs]
    groups = [pair.about or str(number) for number, pair in enumerate(pairs)]
    old, new = (pair_cosines(model, pairs) for model in (before, after))
    return Comparison(
        len(pairs),
        metrics.spearman_interval(labels, old, groups=groups),
        metrics.spearman_interval(labels, new, groups=groups),
        metrics.spearman_interval(labels, new, baseline=old, groups=groups),
    )


def pair_cosines(model: SentenceTransformer, pairs: Sequence[Pair]) -> np.ndarray:
    """Cosine of the two sentences of every pair: (n,), in the order of `pairs`."""
    left = _encode(model, [pair.sentence1 for pair in pairs])
    right = _encode(model, [pair.sentence2 for pair in pairs])
    return (left * right).sum(axis=1)


def _encode(model: SentenceTransformer, texts: Sequence[str]) -> np.ndarray:
    """Encode texts to rows of length 1, (n, d), in double precision."""
    rows = model.encode(list(texts), show_progress_bar=False)
    return similarity.normalize(np.asarray(rows, dtype=np.float64))


def _two(values: Iterator) -> tuple[float, float]:
    """Return two numbers as floats."""
    before, after = map(float, values)
    return before, after


def _digest(pairs: Sequence[Pair]) -> str:
    """SHA-256 of pairs, in their order."""
    return hashlib.sha256(json.dumps([asdict(p) for p in pairs]).encode()).hexdigest()


@contextmanager
def _only_writer(place: Path, folder: Path, model: SentenceTransformer) -> Iterator:
    """Hold the lock of the checkpoints' folder; turn disk errors into one line."""
    from filelock import FileLock, Timeout
    from safetensors import SafetensorError

    weights = sum(each.nbytes for each in model.state_dict().values())
    needed = 10 * weights  # three checkpoints with two moments of AdamW each, the model
    try:
        place.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(place).free
        if free < needed:
            raise CourseError(
                f"{folder}: training needs about {needed / 1e6:,.0f} MB for checkpoints"
                f", its disk has {free / 1e6:,.0f} MB free; choose another folder"
            )
        with FileLock(place / "lock", timeout=0):
            yield
    except Timeout as error:
        raise CourseError(
            f"{folder}: another training writes there now; wait for it, or choose "
            "another folder"
        ) from error
    except (OSError, SafetensorError, RuntimeError) as error:
        # For a disk that is full torch says RuntimeError, safetensors its own.
        text = str(error)
        if isinstance(error, RuntimeError):
            if "inline_container" not in text:
                raise
            text = "a file could not be written to its end; is the disk full?"
        raise CourseError(
            f"{folder}: cannot be written ({getattr(error, 'strerror', None) or text});"
            " no model was written there. Mend the disk or choose another folder; what "
            f"was trained so far lies in {place}, and the same call goes on from it"
        ) from error


def _taken(folder: Path) -> bool:
    """Tell whether something lies at the place of the model; an empty folder may."""
    return folder.is_file() or (folder.is_dir() and any(folder.iterdir()))


def _same_plan(place: Path, plan: dict, folder: Path) -> None:
    """Write down what is trained; refuse checkpoints of something else."""
    file = place / "plan.json"
    if not file.exists():
        storage.write_atomically(file, json.dumps(plan, indent=2).encode())
    elif (found := _read(file)) != plan:
        raise CourseError(
            f"{place}: holds an unfinished training with other "
            f"{_differing(found, plan)}; delete that folder to start afresh, or choose "
            f"another one than {folder}"
        )


def _finished(folder: Path, plan: dict, device: str) -> Training:
    """Load a finished training, if it is the one that was asked for."""
    file = folder / RECORD
    record = _read(file) if file.is_file() else {}
    found = record.get("plan", {})
    if found != plan:
        what = f"a model trained with other {_differing(found, plan)}"
        raise CourseError(
            f"{folder}: is there already and holds {what if found else 'other files'}; "
            "choose another folder, or delete this one"
        )
    model = models.load_model(folder, device=device)
    if models.fingerprint(model) != record["fingerprint"]:
        raise CourseError(
            f"{folder}: its weights are not those that the training wrote; delete the "
            "folder and train again"
        )
    history = [Epoch(**line) for line in record["history"]]
    return Training(model, history, record["best"], record["seconds"])


def _read(file: Path) -> dict:
    """Read a JSON object; what is broken counts as another plan."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _differing(found: dict, plan: dict) -> str:
    """Name the settings in which two plans differ."""
    names = [name for name in plan if found.get(name) != plan[name]]
    return ", ".join(name.removesuffix("_fingerprint") for name in names)


def _save(training: Training, plan: dict, draft: Path, folder: Path) -> None:
    """Write the model beside its place, then give it the name in one step."""
    shutil.rmtree(draft, ignore_errors=True)
    training.model.save_pretrained(str(draft), create_model_card=False)
    record = {
        "plan": plan,
        "fingerprint": models.fingerprint(training.model),
        "best": training.best,
        "seconds": training.seconds,
        "history": [asdict(epoch) for epoch in training.history],
    }
    storage.write_atomically(draft / RECORD, json.dumps(record, indent=2).encode())
    for file in draft.rglob("*"):
        if file.is_file():
            with open(file, "rb+") as handle:
                os.fsync(handle.fileno())
    if folder.is_dir():
        folder.rmdir()  # it is empty; not every system renames onto a folder
    os.rename(draft, folder)


def _train(
    base: SentenceTransformer,
    pairs: Sequence[Pair],
    dev: Sequence[Pair] | None,
    settings: dict,
    bar: bool,
    place: Path,
    *,
    resumable: bool,
) -> Training:
    """Train a copy of `base`, from the newest whole checkpoint in `place` if any."""
    import torch
    import transformers
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.evaluation import (
        EmbeddingSimilarityEvaluator,
    )

    parts = {name: _CLASSES[name] for name in LOSSES[settings["loss"]]}
    model, started = copy.deepcopy(base), time.perf_counter()
    model.model_card_data.widget = [{}]  # or examples are computed, with a bar
    evaluator = first = None
    if dev:
        left, right, labels = _columns(dev).values()
        evaluator = EmbeddingSimilarityEvaluator(left, right, labels, name="dev")
        first = evaluator(model)["dev_spearman_cosine"]
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(place),
        num_train_epochs=settings["epochs"],
        per_device_train_batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        warmup_steps=0.1,
        seed=settings["seed"],
        eval_strategy="epoch" if dev else "no",
        logging_strategy="epoch",
        save_strategy="epoch" if dev or resumable else "no",
        save_only_model=not resumable,
        load_best_model_at_end=bool(dev),
        metric_for_best_model="eval_dev_spearman_cosine" if dev else None,
        report_to="none",
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        use_cpu=base.device.type == "cpu",
    )
    with _own_randomness(), _quiet():
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=_alone({n: _dataset(pairs, n, settings) for n in parts}),
            loss=_alone({n: getattr(losses, parts[n])(model) for n in parts}),
            evaluator=evaluator,
            callbacks=_callbacks(bar, within=resumable and len(parts) == 1),
        )
        for talker in (transformers.PrinterCallback, trainer.model_card_callback_class):
            trainer.remove_callback(talker)
        newest = _newest_checkpoint(place)
        try:
            trainer.train(resume_from_checkpoint=newest and str(newest))
        except torch.OutOfMemoryError as error:
            raise CourseError(
                f"out of memory with batches of {settings['batch_size']} pairs on "
                f"{base.device}; use a smaller batch_size"
            ) from error
    model.eval()
    history = _history(trainer.state.log_history, first)
    if not all(math.isfinite(x) for e in history for x in (e.loss, e.dev) if x):
        raise CourseError(
            f"the loss or the dev figure is no number any more with learning_rate "
            f"{settings['learning_rate']}; use a lower one, such as 2e-5"
        )
    model.course_name = f"{models.model_name(base)}, fine-tuned"
    best = max(history[1:], key=lambda epoch: epoch.dev) if dev else history[-1]
    return Training(model, history, best.number, time.perf_counter() - started)


def _alone(parts: dict):
    """Return the only part, or all of them: the trainer mixes where it gets a dict."""
    return parts if len(parts) > 1 else next(iter(parts.values()))


def _columns(pairs: Sequence[Pair]) -> dict[str, list]:
    """Turn pairs into the columns that losses and evaluators take."""
    return {
        name: [getattr(pair, name) for pair in pairs]
        for name in ("sentence1", "sentence2", "score")
    }


def _dataset(pairs: Sequence[Pair], loss: str, settings: dict):
    """Turn pairs into the Dataset that a loss takes."""
    from datasets import Dataset

    if loss != "ranking":
        return Dataset.from_dict(_columns(pairs))
    anchors, others = zip(*positives(pairs, seed=settings["seed"]), strict=True)
    return Dataset.from_dict({"anchor": anchors, "positive": others})


def _history(log: Sequence[dict], first: float | None) -> list[Epoch]:
    """Read losses and dev figures of the trainer's log, an Epoch each."""
    loss = {round(x["epoch"]): x["loss"] for x in log if "loss" in x}
    key = "eval_dev_spearman_cosine"
    dev = {round(x["epoch"]): x[key] for x in log if key in x}
    epochs = [Epoch(n, loss[n], dev.get(n)) for n in sorted(loss)]
    return [Epoch(0, None, first), *epochs]


def _callbacks(bar: bool, within: bool) -> list:
    """Return what the trainer calls: checkpoints that can be trusted, a bar.

    `within`: also write checkpoints within an epoch. With two losses the trainer would
    not take up the order of batches again in the middle of an epoch.
    """
    from tqdm.auto import tqdm
    from transformers import TrainerCallback

    class Checkpoints(TrainerCallback):
        """Write one within a long epoch; seal it; keep the newest and the best."""

        def on_step_end(self, args, state, control, **kwargs):
            step, epoch = state.global_step, state.max_steps // args.num_train_epochs
            if within and step % CHECKPOINT_STEPS == 0 and step % epoch:
                control.should_save = True  # at its end an epoch is saved anyway

        def on_save(self, args, state, control, **kwargs):
            place = Path(args.output_dir)
            newest = place / f"checkpoint-{state.global_step}"
            _seal(newest)
            best = Path(state.best_model_checkpoint or newest).name
            for old in place.glob("checkpoint-*"):
                if old.name not in (newest.name, best):
                    shutil.rmtree(old, ignore_errors=True)

    class Bar(TrainerCallback):
        """One bar over all steps, with the latest loss and dev figure beside it."""

        def on_train_begin(self, args, state, control, **kwargs):
            self.bar = tqdm(
                total=state.max_steps,
                initial=state.global_step,
                desc="fine-tuning",
                disable=False,
            )
            self.shown = {}

        def on_step_end(self, args, state, control, **kwargs):
            self.bar.update(state.global_step - self.bar.n)

        def on_log(self, args, state, control, logs=None, **kwargs):
            for name, key in (("loss", "loss"), ("dev", "eval_dev_spearman_cosine")):
                if key in (logs or {}):
                    self.shown[name] = f"{logs[key]:.3f}"
            self.bar.set_postfix(self.shown)

        def on_train_end(self, args, state, control, **kwargs):
            self.bar.close()

    return [Checkpoints(), *([Bar()] if bar else [])]


def _seal(checkpoint: Path) -> None:
    """Write down the hashes of a checkpoint's files: it is whole."""
    hashes = {
        str(file.relative_to(checkpoint)): storage.sha256(file)
        for file in sorted(checkpoint.rglob("*"))
        if file.is_file()
    }
    storage.write_atomically(checkpoint / "whole.json", json.dumps(hashes).encode())


def _newest_checkpoint(place: Path) -> Path | None:
    """Return the newest checkpoint whose files are as they were sealed; drop others."""
    found = sorted(
        place.glob("checkpoint-*"),
        key=lambda path: int(path.name.rpartition("-")[2]),
        reverse=True,
    )
    for checkpoint in found:
        hashes = _read(checkpoint / "whole.json")
        try:
            whole = hashes and all(
                storage.sha256(checkpoint / file) == value
                for file, value in hashes.items()
            )
        except OSError:
            whole = False
        if whole:
            return checkpoint
        shutil.rmtree(checkpoint, ignore_errors=True)
    return None


@contextmanager
def _own_randomness() -> Iterator:
    """Give the random numbers of the caller back after a training has seeded them."""
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    gpu = torch.random.fork_rng() if torch.cuda.is_available() else nullcontext()
    try:
        with gpu:
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


@contextmanager
def _quiet() -> Iterator:
    """Keep the bars of datasets and the notes of transformers away."""
    import datasets
    import transformers

    level, bars = (
        transformers.logging.get_verbosity(),
        datasets.are_progress_bars_disabled(),
    )
    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        if not bars:
            datasets.enable_progress_bars()
