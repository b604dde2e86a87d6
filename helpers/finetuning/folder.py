"""The folder that a training writes: whole or not at all, and one writer at a time."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError

from helpers import CourseError, models, storage
from helpers.finetuning.checkpoints import read_json
from helpers.finetuning.trainer import Epoch, Training

#: What stands beside the weights: how they were made.
RECORD = "training.json"


def taken(folder: Path) -> bool:
    """Tell whether something lies at the place of the model; an empty folder may."""
    return folder.is_file() or (folder.is_dir() and any(folder.iterdir()))


def finished(folder: Path, plan: dict, device: str) -> Training:
    """Load a finished training; raise CourseError if it is not the one asked for."""
    record = read_json(folder / RECORD)
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


@contextmanager
def only_writer(place: Path, folder: Path) -> Iterator[None]:
    """Hold the lock of the checkpoints' folder; turn disk errors into one line."""
    busy = "another training writes there now; wait for it, or choose another folder"
    try:
        place.mkdir(parents=True, exist_ok=True)
        with storage.only_writer(place, f"{folder}: {busy}"):
            yield
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CourseError(
            f"{folder}: cannot be written ({_disk_error(error)}); no model was written "
            "there. Mend the disk or choose another folder; what was trained so far "
            f"lies in {place}, and the same call goes on from it"
        ) from error


def same_plan(place: Path, plan: dict, folder: Path) -> None:
    """Write down what is trained; refuse checkpoints of something else."""
    file = place / "plan.json"
    if not file.exists():
        storage.write_atomically(file, json.dumps(plan, indent=2).encode())
    elif (found := read_json(file)) != plan:
        raise CourseError(
            f"{place}: holds an unfinished training with other "
            f"{_differing(found, plan)}; delete that folder to start afresh, or choose "
            f"another one than {folder}"
        )


def tidy_up(place: Path, plan: dict) -> None:
    """Delete the checkpoints of a plan; those of another one stay."""
    if read_json(place / "plan.json") in (plan, {}):
        shutil.rmtree(place, ignore_errors=True)


def save(training: Training, plan: dict, draft: Path, folder: Path) -> None:
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
    storage.sync_tree(draft)
    if folder.is_dir():
        folder.rmdir()  # it is empty; not every system renames onto a folder
    os.rename(draft, folder)
    storage.sync_folder(folder.parent)


def _disk_error(error: Exception) -> str:
    """Say what the disk said; raise again what is no error of a disk."""
    if not isinstance(error, RuntimeError):
        return getattr(error, "strerror", None) or str(error)
    if "inline_container" not in str(error):  # how torch says that a disk is full
        raise error
    return "a file could not be written to its end; is the disk full?"


def _differing(found: dict, plan: dict) -> str:
    """Name the settings in which two plans differ."""
    names = [name for name in plan if found.get(name) != plan[name]]
    return ", ".join(name.removesuffix("_fingerprint") for name in names)
