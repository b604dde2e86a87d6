"""An index in one safetensors file: vectors, documents, model and checksum."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from helpers import CourseError, models, storage
from helpers.corpus import Document

_FORMAT = "bitcoin-and-barbells-index-1"


def write(path, documents, embeddings, model) -> Path:
    """Write documents and their vectors, (n, d), whole or not at all."""
    lines = "\n".join(json.dumps(asdict(document)) for document in documents)
    texts = np.frombuffer(lines.encode(), dtype=np.uint8)
    metadata = {
        "format": _FORMAT,
        "model": models.model_name(model),
        "fingerprint": models.fingerprint(model),
        "checksum": _checksum(embeddings, texts),
    }
    tensors = {"embeddings": embeddings, "documents": texts}
    return storage.write_atomically(path, save(tensors, metadata))


def read(path, model) -> tuple[list[Document], np.ndarray]:
    """Read documents and vectors that `write` wrote with the same model.

    Raises CourseError when there is no such file, it is damaged, or it was made with a
    model of other weights or another dimension.
    """
    path = Path(path)
    metadata, embeddings, texts = _opened(path)
    _check_contents(path, metadata, embeddings, texts)
    _check_model(path, metadata, embeddings.shape, model)
    records = texts.tobytes().decode().split("\n")
    return [Document(**json.loads(record)) for record in records], embeddings


def _opened(path):
    if not path.is_file():
        raise CourseError(f"{path}: no such index; build one with DenseIndex.build")
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = [file.get_tensor(name) for name in ("embeddings", "documents")]
            return file.metadata() or {}, *tensors
    except (SafetensorError, OSError) as error:
        raise CourseError(
            f"{path}: is not a whole index file ({error}); build it again"
        ) from error


def _check_contents(path, metadata, embeddings, texts):
    if metadata.get("format") != _FORMAT:
        raise CourseError(f"{path}: is not an index of this course; build it again")
    if metadata.get("checksum") != _checksum(embeddings, texts):
        raise CourseError(
            f"{path}: was changed after it was saved (its checksum does not fit); "
            "build it again"
        )


def _check_model(path, metadata, shape, model):
    made, name = metadata.get("model"), models.model_name(model)
    width = model.get_embedding_dimension()
    if len(shape) != 2 or shape[1] != width:
        raise CourseError(
            f"{path}: holds vectors of shape {shape}, made with {made!r}; {name!r} "
            f"makes vectors of width {width}. Build the index again with this model"
        )
    if metadata.get("fingerprint") != models.fingerprint(model):
        raise CourseError(
            f"{path}: was made with other weights (model {made!r}) than {name!r} has "
            "now. Build the index again with this model"
        )


def _checksum(embeddings, texts):
    return hashlib.sha256(embeddings.tobytes() + texts.tobytes()).hexdigest()
