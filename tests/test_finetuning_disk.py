"""Fine-tuning survives what may come: kills, full disks, quotas, a second writer."""

import gc
import os
import pkgutil
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock
from support import in_fork, lesson, trained

from helpers import CourseError, models
from helpers.corpus import Pair
from helpers.finetuning import checkpoints, fine_tune

PAIRS = lesson()["pairs"]
weights = models.fingerprint


@pytest.fixture(scope="module", autouse=True)
def quick_collections():
    """The trainer collects garbage at each end: not among all that is imported."""
    gc.freeze()
    yield
    gc.unfreeze()


def same(ended, whole):
    """Tell whether a training ended as another did."""
    figures = [
        [number for epoch in training.history[1:] for number in (epoch.loss, epoch.dev)]
        for training in (ended, whole)
    ]
    return figures[0] == pytest.approx(figures[1], rel=1e-6) and (
        weights(ended.model), ended.best
    ) == (weights(whole.model), whole.best)  # fmt: skip


@pytest.fixture
def went_on_from(monkeypatch):
    """Return a list that gets the step from which each training goes on."""
    steps, begin = [], checkpoints.Checkpoints.on_train_begin

    def noted(self, args, state, control, **kwargs):
        steps.append(state.global_step)
        return begin(self, args, state, control, **kwargs)

    monkeypatch.setattr(checkpoints.Checkpoints, "on_train_begin", noted)
    return steps


def files(place):
    return {file: file.is_file() and file.read_bytes() for file in place.rglob("*")}


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


def interrupted(tiny, folder, monkeypatch, after, **changes):
    """Stop a training with Ctrl-C after some checkpoints; return their folder."""
    seal, sealed = checkpoints.seal, []

    def stop(checkpoint):
        seal(checkpoint)
        sealed.append(checkpoint)
        if len(sealed) == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(checkpoints, "seal", stop)
        fine_tune(tiny, **lesson(**changes), folder=folder)
    return folder.parent / f".{folder.name}.training"


@pytest.mark.parametrize("file", ["optimizer.pt", "model.safetensors", "whole.json"])
def test_a_broken_newest_checkpoint_is_passed_over(
    tiny, tmp_path, monkeypatch, went_on_from, file
):
    place = interrupted(tiny, tmp_path / "ours", monkeypatch, after=2)
    broken = place / "checkpoint-16" / file
    broken.write_bytes(broken.read_bytes()[:-5])
    ended = fine_tune(tiny, **lesson(), folder=tmp_path / "ours")
    assert went_on_from == [0, 8]
    assert same(ended, trained(tiny))
    assert os.listdir(tmp_path) == ["ours"]


@pytest.mark.parametrize("file", ["model.safetensors", "whole.json"])
@pytest.mark.parametrize("after", [2, 3])
def test_a_broken_best_checkpoint_is_not_gone_on_with(
    tiny, tmp_path, monkeypatch, went_on_from, file, after
):
    """The newest is whole, and an earlier epoch is the best: that one is broken."""
    dev = lesson()["dev"]
    flipped = [Pair(p.sentence1, p.sentence2, 1 - p.score) for p in dev]
    whole = fine_tune(tiny, **lesson(dev=flipped))
    assert whole.best == 1
    went_on_from.clear()
    folder = tmp_path / "ours"
    place = interrupted(tiny, folder, monkeypatch, after, dev=flipped)
    broken = place / "checkpoint-8" / file
    broken.write_bytes(broken.read_bytes()[:-5])
    ended = fine_tune(tiny, **lesson(dev=flipped), folder=folder)
    assert went_on_from == [0, 0]
    assert same(ended, whole)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_folder_that_was_moved_goes_on(
    tiny, tmp_path, monkeypatch, went_on_from, after
):
    """And the best checkpoint is found where it lies now: with "cosent" the second."""
    (tmp_path / "here").mkdir()
    folder = tmp_path / "here" / "ours"
    interrupted(tiny, folder, monkeypatch, after, recipe="cosent")
    (tmp_path / "here").rename(tmp_path / "there")
    moved = tmp_path / "there" / "ours"
    ended = fine_tune(tiny, **lesson(recipe="cosent"), folder=moved)
    assert went_on_from == [0, 5 * after]
    assert same(ended, trained(tiny, "cosent"))


def test_an_unfinished_training_of_something_else_is_kept(tiny, tmp_path, monkeypatch):
    place = interrupted(tiny, tmp_path / "ours", monkeypatch, after=1)
    before = files(place)
    with pytest.raises(CourseError, match="unfinished training with other pairs;"):
        fine_tune(tiny, **lesson(pairs=PAIRS[1:]), folder=tmp_path / "ours")
    assert files(place) == before


def test_checkpoints_of_something_else_outlive_a_finished_training(tiny, tmp_path):
    folder, place = tmp_path / "ours", tmp_path / ".ours.training"
    fine_tune(tiny, PAIRS[:8], epochs=1, folder=folder)
    place.mkdir()
    (place / "plan.json").write_text('{"base": "another"}')
    fine_tune(tiny, PAIRS[:8], epochs=1, folder=folder)
    assert os.listdir(place) == ["plan.json"]


@pytest.fixture
def disk(tmp_path):
    """Return a disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if not shutil.which("mount"):
        pytest.skip("no mount on this system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True
    )
    if done.returncode:
        pytest.skip("only root may mount a disk")
    yield place
    subprocess.run(["umount", "-l", place], capture_output=True)


#: Kilobytes of room; what lies half written; the step from which room lets it go on.
ROOMS = {
    "not even for the plan": (0, None, 0),
    "not for a checkpoint": (150, "checkpoint-5", 0),
    "not for a second one": (600, "checkpoint-10", 5),
    "not for the model": (1300, "model", 15),
}


@pytest.mark.parametrize("case", ROOMS)
def test_a_disk_that_fills_up_is_one_clear_error_and_room_mends_it(
    tiny, disk, case, went_on_from
):
    kilobytes, part, goes_on_from = ROOMS[case]
    (disk / "ballast").write_bytes(bytes((4096 - kilobytes) << 10))
    with pytest.raises(
        CourseError,
        match=r"(ours|plan.json): cannot be written "
        r"\((No space|.*disk full\?|.*os error)",
    ):
        fine_tune(tiny, **lesson(recipe="cosent"), folder=disk / "ours")
    assert not (disk / "ours").exists()
    place = disk / ".ours.training"
    assert (place / part).exists() if part else files(place) == {place / "lock": b""}
    (disk / "ballast").unlink()
    ended = fine_tune(tiny, **lesson(recipe="cosent"), folder=disk / "ours")
    assert went_on_from[-1] == goes_on_from
    assert same(ended, trained(tiny, "cosent"))
    assert os.listdir(disk) == ["ours"]


def train_under_a_quota(tiny_folder, folder, limit):
    """Train where no file may grow beyond some bytes; print the error."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    model = models.load_model(tiny_folder, device="cpu")
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        fine_tune(model, **lesson(), folder=folder)
    except CourseError as error:
        print(error)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
@pytest.mark.parametrize("limit", [200, 20_000, 80_000])
def test_a_quota_is_one_clear_error_and_room_mends_it(
    tiny_folder, tiny, tmp_path, limit
):
    folder = tmp_path / "ours"
    done = in_fork(train_under_a_quota, tiny_folder, folder, limit)
    assert "cannot be written" in done.stdout, done.stdout
    assert not folder.exists()
    ended = fine_tune(tiny, **lesson(), folder=folder)
    assert same(ended, trained(tiny))


def train_and_die(tiny_folder, folder, recipe, where, word, call, moment):
    """Train until a function is called for the n-th time with a word in its paths.

    It dies before that call, or after. An epoch has 5 steps, 8 with "mixed".
    """
    owner, _, name = where.rpartition(".")
    owner, calls = pkgutil.resolve_name(owner), 0
    done = getattr(owner, name)

    def die(*arguments, **options):
        nonlocal calls
        paths = [str(a) for a in arguments if isinstance(a, str | Path)]
        calls += word in " ".join(paths)
        now = calls == call and word in " ".join(paths)
        if now and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = done(*arguments, **options)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, die)
    model = models.load_model(tiny_folder, device="cpu")
    fine_tune(model, **lesson(recipe=recipe), folder=folder)


SEAL, STEP = (
    f"helpers.finetuning.checkpoints.{n}" for n in ("seal", "Checkpoints.on_step_end")
)
SAVE = "helpers.finetuning.folder.save"
#: The recipe; the call at which it dies; the step from which the next call goes on.
MOMENTS = {
    "the plan is not written": ("cosine", "os.replace", "plan.json", 1, "before", 0),
    "a checkpoint is half written": (
        "cosine", "torch.save", "optimizer.pt", 1, "before", 0,
    ),
    "a checkpoint is not sealed": ("cosine", SEAL, "", 1, "before", 0),
    "a seal is half written": ("cosine", "os.replace", "whole.json", 2, "before", 5),
    "in the first epoch": ("cosine", STEP, "", 3, "after", 0),
    "after an epoch": ("cosine", SEAL, "", 1, "after", 5),
    "in the second epoch": ("cosine", STEP, "", 7, "after", 5),
    "a later one is not sealed": ("cosine", SEAL, "", 2, "before", 5),
    "after an epoch, mixed": ("mixed", SEAL, "", 1, "after", 8),
    "in the second epoch, mixed": ("mixed", STEP, "", 12, "after", 8),
    "a later one is not sealed, mixed": ("mixed", SEAL, "", 2, "before", 8),
    "trained, nothing saved": ("mixed", SAVE, "", 1, "before", 24),
    "trained, the best is an earlier one": ("cosent", SAVE, "", 1, "before", 15),
    "saved without its record": (
        "mixed", "os.replace", "training.json", 1, "before", 24,
    ),
    "saved, not in its place": (
        "mixed", "os.rename", ".training/model", 1, "before", 24,
    ),
    "in its place, not tidied up": (
        "mixed", "os.rename", ".training/model", 1, "after", None,
    ),
    "half tidied up": ("mixed", "os.unlink", "plan.json", 1, "after", None),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_weights(
    tiny_folder, tiny, tmp_path, moment, went_on_from
):
    folder = tmp_path / "ours"
    recipe, *where, goes_on_from = MOMENTS[moment]
    killed = in_fork(train_and_die, tiny_folder, folder, recipe, *where)
    assert killed.returncode == -signal.SIGKILL, killed.stdout
    assert folder.exists() == (goes_on_from is None)
    ended = fine_tune(tiny, **lesson(recipe=recipe), folder=folder)
    assert went_on_from == ([] if goes_on_from is None else [goes_on_from])
    assert same(ended, trained(tiny, recipe))
    assert os.listdir(tmp_path) == ["ours"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_again_and_again_it_gets_on(tiny_folder, tiny, tmp_path):
    """Every process dies after its first checkpoint, until one reaches the end."""
    call = tiny_folder, tmp_path / "ours", "cosine", SEAL, "", 1, "after"
    ends = []
    while len(ends) < 9 and 0 not in ends:
        ends.append(in_fork(train_and_die, *call).returncode)
    assert ends == [-signal.SIGKILL] * 3 + [0]
    ended = fine_tune(tiny, **lesson(recipe="cosine"), folder=tmp_path / "ours")
    assert same(ended, trained(tiny, "cosine"))
