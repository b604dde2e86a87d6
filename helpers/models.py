"""Load a sentence encoder safely, choose its device, tell two models apart.

A door: torch and sentence-transformers are imported when a model is loaded, so that
`doctor` can describe a Python that lacks them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from helpers import CourseError
from helpers.model_files import BUNDLED, find, is_bundled
from helpers.progress import quiet

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

Model = TypeVar("Model", "SentenceTransformer", "CrossEncoder")
#: Folders that `local` returned, and the names to show for them.
_NAMES: dict[str, str] = {}


def local(name: str = BUNDLED, *, instead: str | None = None) -> str:
    """Return the folder of a model, every file checked, for `SentenceTransformer`.

    name: as in `load_model`. COURSE_MODEL in the environment takes the place of
    all-MiniLM-L6-v2, so that a notebook can be run with another model. With `instead`,
    nothing is downloaded, except on Colab: a model that is not on this machine is said
    to be missing, and `instead` is taken. Raises CourseError as `load_model` does.
    """
    download = instead is None or "google.colab" in sys.modules
    name = (is_bundled(name) and os.environ.get("COURSE_MODEL")) or name
    try:
        folder, shown = find(name, download=download)
    except CourseError as missing:
        if instead is None:
            raise
        print(f"{missing}.\nUntil then, {instead} takes its place, with other figures.")
        return local(instead)
    _NAMES[str(folder)] = shown
    return str(folder)


def load_model(
    name: str | Path | None = None, *, device: str | None = None, download: bool = True
) -> SentenceTransformer:
    """Load a sentence encoder in evaluation mode, on the device of `pick_device`.

    name: "bundled" (all-MiniLM-L6-v2), "all-mpnet-base-v2" (which set-up fetches), a
    folder, or another name on the Hub, from its cache on this machine or downloaded.
    Without it: the environment variable COURSE_MODEL, else "bundled". `download=False`
    looks on this machine only. Only safetensors are read and no code that comes with a
    model is run. Raises CourseError when the model cannot be had, or its files are not
    what they should be.
    """
    from sentence_transformers import SentenceTransformer

    folder, shown = find(name, download=download)
    return named(_load(SentenceTransformer, folder, device), shown)


def load_cross_encoder(
    name: str | Path | None = None, *, device: str | None = None, download: bool = True
) -> CrossEncoder:
    """Load the body of a sentence encoder as a cross-encoder, with a random head.

    It reads both sentences of a pair at once and gives one number. Its body has the
    weights that `load_model` loads, and reads as many tokens. Its head was never
    trained: right for timing, while the scores mean nothing. Arguments and errors are
    those of `load_model`.
    """
    import torch
    from sentence_transformers import CrossEncoder

    folder, shown = find(name, download=download)
    body = folder / json.loads((folder / "modules.json").read_bytes())[0]["path"]
    settings = body / "sentence_bert_config.json"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same head each time
        model = _load(CrossEncoder, body, device, num_labels=1)
    if settings.is_file():
        reads = json.loads(settings.read_bytes()).get("max_seq_length")
        model.max_seq_length = reads or model.max_seq_length
    return named(model, shown)


def pick_device(name: str | None = None) -> str:
    """Choose where the model runs: CUDA, then Apple's MPS, then the CPU.

    `name`, or the environment variable COURSE_DEVICE, overrides. Raises CourseError
    when that device is unknown or not there.

    >>> pick_device("cpu")
    'cpu'
    """
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    have = [device for device in there if there[device]]
    asked = name or os.environ.get("COURSE_DEVICE") or have[0]
    try:
        if asked not in have:
            torch.empty(0, device=asked)  # torch knows "cuda:1", and says no to "tpu"
    except (RuntimeError, AssertionError) as error:
        raise CourseError(
            f"device {asked!r} is not there; this machine has: {', '.join(have)} "
            "(unset COURSE_DEVICE to let the course choose)"
        ) from error
    return asked


def fingerprint(model: SentenceTransformer) -> str:
    """SHA-256 over weights, vocabulary and reading length: equal means equal vectors.

    A fine-tuned copy has another fingerprint than its base, whatever its name.
    """
    import torch

    digest = hashlib.sha256(f"max_seq_length={model.get_max_seq_length()}".encode())
    digest.update(json.dumps(model.tokenizer.get_vocab(), sort_keys=True).encode())
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}".encode())
        raw = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(raw.numpy().tobytes())
    return digest.hexdigest()


def named(model: Model, name: str) -> Model:
    """Give a model the name to show for it, where the library keeps its names."""
    model.model_card_data.model_name = name
    return model


def model_name(model: SentenceTransformer) -> str:
    """Return the name to show for a loaded model: as given, or as its folder's."""
    folder = source(model)
    found = _NAMES.get(folder) or Path(folder).name
    return model.model_card_data.model_name or found or "unnamed model"


def source(model: SentenceTransformer) -> str:
    """Return the folder that a model was loaded from, "" where there is none."""
    return getattr(getattr(model[0], "auto_model", None), "name_or_path", "")


def _load(kind: type[Model], folder: Path, device: str | None, **options) -> Model:
    """Load a checked folder without warnings, bars or foreign code."""
    options |= {"device": pick_device(device), "local_files_only": True}
    safe = {"trust_remote_code": False, "model_kwargs": {"use_safetensors": True}}
    try:
        with quiet():  # a new head is announced, and it is what was asked for
            return kind(str(folder), **options, **safe).eval()
    except Exception as error:
        line = (str(error).strip().splitlines() or [repr(error)])[0]
        raise CourseError(
            f"{folder}: cannot be loaded ({line}); copy or save the model again"
        ) from error
