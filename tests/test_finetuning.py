"""Fine-tuning trains what it should, survives what may come, and tells the rest."""

import copy
import json
import os
import random
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from filelock import FileLock
from scipy import stats
from sentence_transformers import util
from support import run_python

from helpers import ROOT, CourseError, finetuning, models
from helpers.corpus import Pair
from helpers.finetuning import drift_report, fine_tune, pair_cosines

WORDS = ["bitcoin", "squat", "whale", "the", "a", "fell", "bar"]


def make_pairs(count, seed):
    rng = np.random.default_rng(seed)

    def sentence(number):
        return f"{' '.join(rng.choice(WORDS, 5))} {seed} {number}"

    return [
        Pair(sentence(2 * i), sentence(2 * i + 1), float(rng.choice([0, 0.3, 0.7, 1])))
        for i in range(count)
    ]


PAIRS, DEV = make_pairs(40, 1), make_pairs(20, 2)
SETTINGS = {"epochs": 3, "learning_rate": 1e-3, "batch_size": 8}


def weights(model):
    return models.fingerprint(model)


@pytest.fixture(scope="module")
def whole(tiny):
    """Return the training that nothing interrupted."""
    return fine_tune(tiny, PAIRS, DEV, **SETTINGS)


def test_the_base_stays_and_the_copy_learns(tiny, whole):
    before = weights(tiny)
    labels = [pair.score for pair in PAIRS]
    error = [
        np.mean((pair_cosines(model, PAIRS) - labels) ** 2)
        for model in (tiny, whole.model)
    ]
    assert error[1] < error[0]
    assert weights(whole.model) != before == weights(tiny)
    assert not whole.model.training


def test_the_history_has_a_line_an_epoch_and_the_best_is_kept(whole):
    assert [epoch.number for epoch in whole.history] == [0, 1, 2, 3]
    assert whole.history[0].loss is None
    dev = [epoch.dev for epoch in whole.history]
    assert whole.best == 1 + int(np.argmax(dev[1:]))
    labels = [pair.score for pair in DEV]
    found = stats.spearmanr(pair_cosines(whole.model, DEV), labels).statistic
    assert found == pytest.approx(dev[whole.best], abs=1e-6)


def test_without_dev_the_last_epoch_is_kept(tiny):
    training = fine_tune(tiny, PAIRS, **SETTINGS)
    assert training.best == 3
    assert [epoch.dev for epoch in training.history] == [None] * 4


def test_the_same_call_gives_the_same_weights(tiny, whole):
    again = fine_tune(tiny, PAIRS, DEV, **SETTINGS)
    assert weights(again.model) == weights(whole.model)
    other = fine_tune(tiny, PAIRS, DEV, **SETTINGS, seed=7)
    assert weights(other.model) != weights(whole.model)


@pytest.mark.parametrize("loss", ["cosine", "cosent", "ranking", "mixed"])
def test_it_is_the_trainer_of_sentence_transformers(tiny, tmp_path, loss):
    """The same weights as the library's own trainer, called by hand."""
    import transformers
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer import losses

    model = copy.deepcopy(tiny)
    names = ("sentence1", "sentence2", "score")
    graded = Dataset.from_dict({n: [getattr(p, n) for p in PAIRS] for n in names})
    anchors, positives = zip(*finetuning.positives(PAIRS), strict=True)
    ranked = Dataset.from_dict({"anchor": anchors, "positive": positives})
    ranking = losses.MultipleNegativesRankingLoss(model)
    cosine = losses.CosineSimilarityLoss(model)
    dataset, objective = {
        "cosine": (graded, cosine),
        "cosent": (graded, losses.CoSENTLoss(model)),
        "ranking": (ranked, ranking),
        "mixed": (
            {"cosine": graded, "ranking": ranked},
            {"cosine": cosine, "ranking": ranking},
        ),
    }[loss]
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(tmp_path),
            num_train_epochs=3,
            per_device_train_batch_size=8,
            learning_rate=1e-3,
            warmup_steps=0.1,
            seed=42,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            use_cpu=True,
        ),
        train_dataset=dataset,
        loss=objective,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    ours = fine_tune(tiny, PAIRS, **SETTINGS, loss=loss)
    assert weights(ours.model) == weights(model)


def test_the_callers_random_numbers_are_left_alone(tiny):
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(3)
    expected = random.random(), np.random.random(), torch.rand(1).item()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(3)
    fine_tune(tiny, PAIRS[:8], epochs=1)
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected


def test_a_bar_for_people_and_nothing_for_tests(tiny, capfd):
    fine_tune(tiny, PAIRS[:8], DEV, epochs=1, show_progress_bar=False)
    assert capfd.readouterr() == ("", "")
    fine_tune(tiny, PAIRS[:8], DEV, epochs=1, show_progress_bar=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "fine-tuning" in err
    assert "dev=" in err


def test_the_folder_gets_a_model_that_loads_with_the_same_vectors(
    tiny, whole, tmp_path
):
    folder = tmp_path / "ours"
    made = fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=folder)
    assert weights(made.model) == weights(whole.model)
    assert os.listdir(tmp_path) == ["ours"]
    loaded = models.load_model(folder, device="cpu")
    texts = [pair.sentence1 for pair in DEV]
    assert np.array_equal(loaded.encode(texts), made.model.encode(texts))
    assert models.model_name(made.model) == models.model_name(loaded) == "ours"


def test_the_same_call_again_loads_what_is_finished(tiny, whole, tmp_path):
    folder = tmp_path / "ours"
    folder.mkdir()  # an empty folder is a fine place
    made = fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=folder)
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    again = fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=folder)
    assert (again.history, again.best) == (made.history, made.best)
    assert weights(again.model) == weights(made.model)
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(CourseError, match=r"ours: is there already.*other epochs, se"):
        fine_tune(tiny, PAIRS, DEV, **SETTINGS | {"epochs": 1}, folder=folder, seed=1)
    shutil.copy(models.bundled_folder() / "config.json", folder / "config.json")
    with pytest.raises(CourseError, match="ours"):
        fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=folder)


def test_a_folder_with_other_files_is_not_touched(tiny, tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(CourseError, match="holds other files"):
        fine_tune(tiny, PAIRS, folder=tmp_path)
    with pytest.raises(CourseError, match="holds other files"):
        fine_tune(tiny, PAIRS, folder=tmp_path / "diary.txt")
    assert os.listdir(tmp_path) == ["diary.txt"]


#: A process that is killed at one moment: the k-th call of a function.
KILLED = """
import os, signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
import transformers
from helpers import finetuning, models
from test_finetuning import DEV, PAIRS, SETTINGS

finetuning.CHECKPOINT_STEPS = 2
module, name, call, moment = {where!r}
owner = {{"finetuning": finetuning, "os": os}}[module]
done, calls = getattr(owner, name), 0

def die(*arguments, **options):
    global calls
    calls += 1
    if calls == call and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = done(*arguments, **options)
    if calls == call:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, die)
model = models.load_model({base!r}, device="cpu")
options = SETTINGS | {{"loss": {loss!r}}}
finetuning.fine_tune(model, PAIRS, DEV, **options, folder={folder!r})
"""
MOMENTS = {
    "a checkpoint is not sealed": ("cosine", "finetuning", "_seal", 1, "before"),
    "in the first epoch": ("cosine", "finetuning", "_seal", 2, "after"),
    "after an epoch": ("cosine", "finetuning", "_seal", 3, "after"),
    "in the second epoch": ("cosine", "finetuning", "_seal", 4, "after"),
    "a later one is not sealed": ("cosine", "finetuning", "_seal", 5, "before"),
    "after an epoch, mixed": ("mixed", "finetuning", "_seal", 1, "after"),
    "a later one is not sealed, mixed": ("mixed", "finetuning", "_seal", 2, "before"),
    "trained, nothing saved": ("mixed", "finetuning", "_save", 1, "before"),
    "saved, not in its place": ("mixed", "os", "rename", 1, "before"),
    "in its place, not tidied up": ("mixed", "finetuning", "_save", 1, "after"),
}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_weights(
    tiny_folder, tiny, tmp_path, moment, monkeypatch
):
    folder = tmp_path / "ours"
    loss, *where = MOMENTS[moment]
    script = KILLED.format(
        root=str(ROOT), tests=str(ROOT / "tests"), where=where, loss=loss,
        base=str(tiny_folder), folder=str(folder),
    )  # fmt: skip
    killed = run_python("-c", script)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert folder.exists() == (moment == "in its place, not tidied up")
    started, found = [], finetuning._newest_checkpoint

    def noted(place):
        started.append(bool(found(place)))
        return found(place)

    monkeypatch.setattr(finetuning, "_newest_checkpoint", noted)
    options = SETTINGS | {"loss": loss}
    ended = fine_tune(tiny, PAIRS, DEV, **options, folder=folder)
    if moment != "in its place, not tidied up":  # then nothing is trained any more
        assert started == [moment != "a checkpoint is not sealed"]
    whole = fine_tune(tiny, PAIRS, DEV, **options)
    assert weights(ended.model) == weights(whole.model)
    assert ended.best == whole.best
    assert [e.dev for e in ended.history] == [e.dev for e in whole.history]


def interrupted(tiny, folder, monkeypatch, after=2):
    """Stop a training with Ctrl-C after some checkpoints; return their folder."""
    seal, sealed = finetuning._seal, []

    def stop(checkpoint):
        seal(checkpoint)
        sealed.append(checkpoint)
        if len(sealed) == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(finetuning, "_seal", stop)
        fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=folder)
    return folder.parent / f".{folder.name}.training"


@pytest.mark.parametrize("file", ["optimizer.pt", "model.safetensors", "whole.json"])
def test_a_broken_newest_checkpoint_is_passed_over(
    tiny, whole, tmp_path, monkeypatch, file
):
    place = interrupted(tiny, tmp_path / "ours", monkeypatch)
    newest = max(place.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    (newest / file).write_bytes((newest / file).read_bytes()[:-5])
    ended = fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=tmp_path / "ours")
    assert weights(ended.model) == weights(whole.model)
    assert os.listdir(tmp_path) == ["ours"]


def test_an_unfinished_training_of_something_else_is_kept(tiny, tmp_path, monkeypatch):
    place = interrupted(tiny, tmp_path / "ours", monkeypatch)
    files = sorted(place.rglob("*"))
    with pytest.raises(CourseError, match="unfinished training with other pairs;"):
        fine_tune(tiny, PAIRS[1:], DEV, **SETTINGS, folder=tmp_path / "ours")
    assert sorted(place.rglob("*")) == files


def test_two_trainings_of_one_folder(tiny, tmp_path):
    place = tmp_path / ".ours.training"
    place.mkdir()
    with (
        FileLock(place / "lock"),
        pytest.raises(CourseError, match="ours: another training writes there"),
    ):
        fine_tune(tiny, PAIRS, folder=tmp_path / "ours")


def test_a_place_that_cannot_be_is_one_clear_error(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CourseError, match="model: cannot be written"):
        fine_tune(tiny, PAIRS, folder=tmp_path / "file" / "model")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_disk_without_room_is_told_before_the_training(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(
        finetuning.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0)
    )
    with pytest.raises(CourseError, match="training needs about .* MB .* has 0 MB"):
        fine_tune(tiny, PAIRS, folder=tmp_path / "ours")


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that mounts a disk of some kilobytes."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(kilobytes):
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place],
            capture_output=True,
        )
        if done.returncode:
            pytest.skip("only root may mount a small disk")
        return place

    if not shutil.which("mount"):
        pytest.skip("no mount on this system")
    yield mount
    subprocess.run(["umount", "-l", place], capture_output=True)


@pytest.mark.parametrize("kilobytes", [16, 150, 400, 700])
def test_a_disk_that_fills_up_is_one_clear_error(
    tiny, tmp_path, small_disk, monkeypatch, kilobytes
):
    """From too little for a plan to too little for the finished model."""
    monkeypatch.setattr(
        finetuning.shutil,
        "disk_usage",
        lambda path: shutil._ntuple_diskusage(0, 0, 1 << 40),
    )
    disk = small_disk(kilobytes)
    with pytest.raises(
        CourseError,
        match=r"ours: cannot be written \((No space|.*disk full\?|.*os error)",
    ):
        fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=disk / "ours")
    assert not (disk / "ours").exists()


#: A process whose files may not grow beyond some bytes: like a quota.
LIMITED = """
import resource, signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
from helpers import CourseError, finetuning, models
from test_finetuning import DEV, PAIRS, SETTINGS

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = models.load_model({base!r}, device="cpu")
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
try:
    finetuning.fine_tune(model, PAIRS, DEV, **SETTINGS, folder={folder!r})
except CourseError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
@pytest.mark.parametrize("limit", [200, 20_000, 80_000])
def test_a_quota_is_one_clear_error_and_room_mends_it(
    tiny_folder, tiny, whole, tmp_path, limit
):
    folder = tmp_path / "ours"
    script = LIMITED.format(
        root=str(ROOT), tests=str(ROOT / "tests"), base=str(tiny_folder), limit=limit,
        folder=str(folder),
    )  # fmt: skip
    done = run_python("-c", script)
    assert "cannot be written" in done.stdout, done.stdout + done.stderr
    assert not folder.exists()
    ended = fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=folder)
    assert weights(ended.model) == weights(whole.model)


BAD = {
    "label": ({"pairs": [*PAIRS, Pair("a", "b", 4.5)]}, r"pairs\[40\].*4.5.*by 5"),
    "one label": ({"pairs": [Pair("a", "b", 1.0)] * 3}, "3 pairs, all labelled 1.0"),
    "nothing": ({"pairs": []}, "pairs: 0 pairs, none"),
    "constant dev": ({"dev": [Pair("a", "b", 0.3)] * 2}, "dev: 2 pairs, all labelled"),
    "leak": ({"dev": [*DEV, PAIRS[3]]}, "is in the training pairs and in dev"),
    "epochs": ({"epochs": 0}, "epochs is 0; it must be a whole number"),
    "half an epoch": ({"epochs": 0.5}, "epochs is 0.5"),
    "batch": ({"batch_size": True}, "batch_size is True"),
    "rate": ({"learning_rate": 0}, "learning_rate is 0; it must lie between"),
    "a text": ({"learning_rate": "2e-5"}, "learning_rate is '2e-5'"),
    "loss": ({"loss": "mse"}, "loss is 'mse'; choose one of cosine, cosent, ranking"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_teach_is_refused(tiny, case):
    options, message = BAD[case]
    options = {"pairs": PAIRS, "dev": DEV} | options
    with pytest.raises(CourseError, match=message):
        fine_tune(tiny, **options)


def test_numbers_that_are_none_any_more_are_told(tiny):
    broken = copy.deepcopy(tiny)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    with pytest.raises(CourseError, match="no number any more with learning_rate"):
        fine_tune(broken, PAIRS, epochs=1)


def test_a_ranking_loss_needs_positives(tiny):
    low = [pair for pair in PAIRS if pair.score < 0.7]
    for loss in ("ranking", "mixed"):
        with pytest.raises(CourseError, match=r"no pair is labelled 0\.7 or more"):
            fine_tune(tiny, low, loss=loss)
    fine_tune(tiny, low, loss="cosine", epochs=1)


def test_a_ranking_loss_brings_positives_before_their_rivals(tiny):
    def right(model):
        left = model.encode([pair.sentence1 for pair in good])
        cosines = util.cos_sim(left, model.encode([pair.sentence2 for pair in good]))
        return (cosines.argmax(dim=1) == torch.arange(len(good))).float().mean().item()

    good = [pair for pair in PAIRS if pair.score >= 0.7]
    options = {"loss": "ranking", "epochs": 20, "learning_rate": 3e-3}
    assert right(fine_tune(tiny, PAIRS, **options).model) > right(tiny)


def about(term, firsts, seconds, score=0.7):
    return [Pair(f"{term} {a}", f"plain {term} {a}{b}", score, term)
            for a in range(firsts) for b in range(seconds)]  # fmt: skip


def test_positives_of_a_term_are_combined_and_never_cross_to_another():
    pairs = about("gas", 3, 2) + about("peel", 1, 2) + about("rug", 2, 2, score=0.3)
    found = finetuning.positives(pairs, per_term=5)
    assert len(found) == len(set(found)) == 5 + 2
    for anchor, positive in found:
        assert positive.split()[1] == anchor.split()[0] != "rug"
    scenes = {(a.split()[1], p.split()[2][0]) for a, p in found if "gas" in a}
    assert any(first != second for first, second in scenes)
    assert finetuning.positives(pairs, per_term=5) == found
    assert finetuning.positives(pairs, per_term=5, seed=1) != found


def test_positives_without_a_term_stay_as_they_are():
    high = [(p.sentence1, p.sentence2) for p in PAIRS if p.score >= 0.7]
    assert sorted(finetuning.positives(PAIRS)) == sorted(high)


@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_a_blend_lies_on_the_line_between_two_models(tiny, whole, share):
    blended = finetuning.blend(tiny, whole.model, share)
    old, new, mix = (m.state_dict() for m in (tiny, whole.model, blended))
    for key in old:
        expected = (1 - share) * old[key].double() + share * new[key].double()
        assert torch.allclose(mix[key].double(), expected, atol=1e-6), key
    assert (weights(blended) == weights(tiny)) == (share == 0)
    assert (weights(blended) == weights(whole.model)) == (share == 1)
    assert not blended.training


def test_what_cannot_be_blended(tiny, whole, model):
    with pytest.raises(CourseError, match="share is 1.5; it must lie between 0 and 1"):
        finetuning.blend(tiny, whole.model, 1.5)
    with pytest.raises(CourseError, match="have other layers"):
        finetuning.blend(tiny, model, 0.5)


def test_held_out_by_hand(tiny, whole):
    comparison = finetuning.held_out_report(tiny, whole.model, DEV)
    labels = [pair.score for pair in DEV]
    for model, interval in ((tiny, comparison.before), (whole.model, comparison.after)):
        expected = stats.spearmanr(pair_cosines(model, DEV), labels).statistic
        assert interval.mean == pytest.approx(expected, abs=1e-9)
        assert interval.low <= interval.mean <= interval.high
    change = comparison.after.mean - comparison.before.mean
    assert comparison.change.mean == pytest.approx(change)
    assert comparison.pairs == len(DEV)


def test_cosines_of_pairs_are_those_of_sentence_transformers(tiny):
    sides = [[p.sentence1 for p in PAIRS], [p.sentence2 for p in PAIRS]]
    left, right = (tiny.encode(side, convert_to_tensor=True) for side in sides)
    expected = util.pairwise_cos_sim(left, right).numpy()
    assert pair_cosines(tiny, PAIRS) == pytest.approx(expected, abs=1e-6)


def test_drift_by_hand(tiny, whole):
    drift = drift_report(tiny, whole.model, DEV)
    labels = np.array([pair.score for pair in DEV])
    moved = []
    for number, model in enumerate((tiny, whole.model)):
        left = model.encode([pair.sentence1 for pair in DEV])
        right = model.encode([pair.sentence2 for pair in DEV])
        cosines = util.cos_sim(left, right).numpy().astype(float)
        own = cosines.diagonal()
        assert drift.spearman[number] == pytest.approx(
            stats.spearmanr(own, labels).statistic, abs=1e-6
        )
        related = own[labels >= 0.8].mean()
        background = (cosines.sum() - own.sum()) / (len(DEV) ** 2 - len(DEV))
        assert drift.related[number] == pytest.approx(related, abs=1e-6)
        assert drift.background[number] == pytest.approx(background, abs=1e-6)
        assert drift.gap[number] == pytest.approx(related - background, abs=1e-6)
        moved.append(np.concatenate([left, right]))
    assert drift.moved == pytest.approx(
        1 - util.pairwise_cos_sim(*moved).mean().item(), abs=1e-6
    )
    assert drift.change.mean == pytest.approx(drift.spearman[1] - drift.spearman[0])


def test_a_model_does_not_drift_from_itself(tiny):
    drift = drift_report(tiny, tiny, DEV)
    assert drift.moved == pytest.approx(0, abs=1e-9)
    assert (drift.change.low, drift.change.high) == (0, 0)


@pytest.mark.parametrize(
    "probes", [[], DEV[:2], [Pair("a", "b", 0.9)] * 4, [Pair("a", "b", 0.1)] * 4]
)
def test_probes_that_show_nothing_are_refused(tiny, probes):
    with pytest.raises(CourseError, match="probes with labels"):
        drift_report(tiny, tiny, probes)


def test_the_record_says_how_the_model_was_made(tiny, tmp_path):
    fine_tune(tiny, PAIRS, DEV, **SETTINGS, folder=tmp_path / "ours")
    record = json.loads((tmp_path / "ours" / finetuning.RECORD).read_text())
    plan = record["plan"]
    assert plan["base"] == "tiny"
    assert plan["base_fingerprint"] == weights(tiny)
    assert {name: plan[name] for name in SETTINGS} == SETTINGS
    assert [line["number"] for line in record["history"]] == [0, 1, 2, 3]
    assert sys.maxsize > record["seconds"] > 0
