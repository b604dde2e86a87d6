"""Checkpoints that can be trusted."""

import json
import shutil
from pathlib import Path

from transformers import TrainerCallback

from helpers import storage

#: The list of a checkpoint's files and their hashes; it is written last.
_SEAL = "whole.json"


def seal(checkpoint: Path) -> None:
    """Write down the hashes of a checkpoint's files: it is whole."""
    storage.write_atomically(
        checkpoint / _SEAL, json.dumps(_hashes(checkpoint)).encode()
    )


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
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


class Checkpoints(TrainerCallback):
    """Seal each one, and find the best where it lies now."""

    def on_train_begin(self, args, state, control, **kwargs):
        """Name the best one anew: the folder may have been moved."""
        if best := state.best_global_step:
            folder = Path(args.output_dir, f"checkpoint-{best}")
            state.best_model_checkpoint = str(folder)

    def on_save(self, args, state, control, **kwargs):
        """Seal the one that was just written."""
        seal(Path(args.output_dir, f"checkpoint-{state.global_step}"))


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _hashes(checkpoint: Path) -> dict[str, str]:
    files = (file for file in sorted(checkpoint.rglob("*")) if file.is_file())
    return {
        str(file.relative_to(checkpoint)): storage.sha256(file)
        for file in files
        if file.name != _SEAL
    }


def _whole(checkpoint: Path) -> bool:
    sealed = read_json(checkpoint / _SEAL)
    return bool(sealed) and sealed == _hashes(checkpoint)
