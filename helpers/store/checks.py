"""What must be so before anything is stored or searched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from helpers import CourseError, models
from helpers.corpus import Document

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: All texts of a Document, in the order of its fields.
TEXTS = attrgetter("id", "title", "text", "topic", "subtopic", "source")


def content_hash(text: Document) -> str:
    """Hash a text: 32 digits, the first half of SHA-256; refuse what is no text."""
    try:
        return hashlib.sha256("\0".join(TEXTS(text)).encode()).hexdigest()[:32]
    except (TypeError, UnicodeEncodeError) as error:
        raise CourseError(
            f"the text {text.id!r} ({text.source!r}) cannot be stored ({error}); give "
            "it texts only, without lone surrogates"
        ) from error


def admit(place: str, text: Document, known: dict[str, str]) -> str:
    """Note a text by its id, and return its hash; refuse an id that is known."""
    digest = content_hash(text)
    if text.id in known:
        raise CourseError(
            f"{place}: the id {text.id!r} is there already, and comes again "
            f"({text.source or text.content[:40]!r}); give every text an id of its "
            "own, or update instead of adding"
        )
    known[text.id] = digest
    return digest


def rows(place: str, settings: Mapping, vectors: np.ndarray, n: int) -> np.ndarray:
    """Return n vectors, (n, d), as float32, or refuse what cannot be searched."""
    try:
        vectors = np.ascontiguousarray(vectors, dtype="<f4")
    except (TypeError, ValueError) as error:
        raise CourseError(
            f"{place}: vectors must be rows of numbers ({error})"
        ) from error
    width = settings.get("width", vectors.shape[-1])
    if vectors.shape != (n, width):
        raise CourseError(
            f"{place}: vectors have shape {vectors.shape}, expected {(n, width)}: one "
            "row a text, as wide as the vectors of the index"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) < 1e-3))  # NaN is wrong, too
    if len(wrong):
        raise CourseError(
            f"{place}: vector {wrong[0]} has length {lengths[wrong[0]]}, not 1; encode "
            "with helpers.encoding, or divide each row by its length"
        )
    return vectors


def settings_of(
    model: SentenceTransformer, *, tokens: int | None, overlap: int | None
) -> dict:
    """Return what an index made with `model` must remember."""
    if tokens is None:
        tokens = model.get_max_seq_length() or model.tokenizer.model_max_length
    return {
        "model": models.model_name(model),
        "fingerprint": models.fingerprint(model),
        "width": model.get_embedding_dimension(),
        "tokens": tokens,
        "overlap": tokens // 8 if overlap is None else overlap,
    }


def knows_model(place: str, settings: Mapping) -> None:
    """Refuse to encode for an index whose vectors came alone."""
    if "model" not in settings:
        raise CourseError(
            f"{place}: its vectors came without a model; give vectors with new texts, "
            "too, or make the index again with a model"
        )


def own_model(place: str, settings: Mapping) -> SentenceTransformer:
    """Load the model that an index was made with, the course's for a new one."""
    if settings and "model" not in settings:
        raise CourseError(
            f"{place}: its vectors came without a model; give the model that made them "
            "when you open it"
        )
    try:
        model = models.load_model(settings.get("model"))
    except CourseError as error:
        raise CourseError(
            f"{place}: was made with the model {settings.get('model')!r}; give that "
            f"model when you open it ({error})"
        ) from error
    same_model(place, settings, model)
    return model


def same_model(place: str, settings: Mapping, model: SentenceTransformer) -> None:
    """Refuse a model that gives other vectors than those of the index."""
    made, name = settings.get("model", "?"), models.model_name(model)
    width = model.get_embedding_dimension()
    again = "Open it with that model, or make the index again with this one"
    if settings and settings["width"] != width:
        raise CourseError(
            f"{place}: holds vectors of width {settings['width']}, made with {made!r}; "
            f"{name!r} makes vectors of width {width}. {again}"
        )
    before = settings.get("fingerprint")
    if before and before != models.fingerprint(model):
        raise CourseError(
            f"{place}: was made with other weights (model {made!r}) than {name!r} has "
            f"now. {again}"
        )


def same_cut(place: str, settings: Mapping, asked: Mapping[str, int | None]) -> None:
    """Refuse another length of passages than the index has."""
    for name, value in asked.items():
        if value is not None and settings.get(name, value) != value:
            raise CourseError(
                f"{place}: was made with {name} {settings[name]}, not {value}; leave "
                "it out, or make the index again"
            )
