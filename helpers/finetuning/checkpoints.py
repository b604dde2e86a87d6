"""Checkpoints that can be trusted."""

import json
import shutil
from pathlib import Path

from transformers import TrainerCallback

from helpers import storage

#: Steps after which a checkpoint is written within a long epoch.
STEPS = 500
#: The list of a checkpoint's files and their hashes; it is written last.
_SEAL = "whole.json"


def seal(checkpoint: Path) -> None:
    """Write down the hashes of a checkpoint's files: it is whole."""
    files = (file for file in sorted(checkpoint.rglob("*")) if file.is_file())
    hashes = {str(f.relative_to(checkpoint)): storage.sha256(f) for f in files}
    storage.write_atomically(checkpoint / _SEAL, json.dumps(hashes).encode())


def newest(place: Path) -> Path | None:
    """Return the newest checkpoint to go on from; drop what is newer.

    Its files are as they were sealed, and so are those of the best epoch until then.
    """
    for checkpoint in sorted(place.glob("checkpoint-*"), key=_step, reverse=True):
        state = read_json(checkpoint / "trainer_state.json")
        best = state.get("best_global_step") or _step(checkpoint)
        if _whole(checkpoint) and _whole(place / f"checkpoint-{best}"):
            return checkpoint
        shutil.rmtree(checkpoint, ignore_errors=True)
    return None


def read_json(file: Path) -> dict:
    """Read a JSON object; what is missing or broken counts as an empty one."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Checkpoints(TrainerCallback):
    """Write one within a long epoch; seal it; keep the newest and the best."""

    def __init__(self, within: bool) -> None:
        """`within`: also within an epoch.

        With two losses the trainer would not take up the order of batches again there.
        """
        self.within = within

    def on_train_begin(self, args, state, control, **kwargs):
        """Look for the best one where it lies now: the folder may have been moved."""
        if best := state.best_global_step:
            state.best_model_checkpoint = str(
                Path(args.output_dir, f"checkpoint-{best}")
            )

    def on_step_end(self, args, state, control, **kwargs):
        """Ask for a checkpoint; at its end an epoch is saved anyway."""
        step, epoch = state.global_step, state.max_steps // args.num_train_epochs
        if self.within and step % STEPS == 0 and step % epoch:
            control.should_save = control.should_log = True  # the loss until here

    def on_save(self, args, state, control, **kwargs):
        """Seal the one that was just written, and drop those nobody needs."""
        place = Path(args.output_dir)
        written = place / f"checkpoint-{state.global_step}"
        seal(written)
        best = Path(state.best_model_checkpoint or written).name
        for old in place.glob("checkpoint-*"):
            if old.name not in (written.name, best):
                shutil.rmtree(old, ignore_errors=True)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _whole(checkpoint: Path) -> bool:
    hashes = read_json(checkpoint / _SEAL)
    try:
        return bool(hashes) and all(
            storage.sha256(checkpoint / file) == value for file, value in hashes.items()
        )
    except OSError:
        return False
