"""A machine that looks like Colab to a notebook, made from nothing under build/.

What is real: the packages that Colab has and their versions (colab.txt), a kernel in
which google.colab is imported, an empty /content, no repository around, git and pip.
What is feigned: google.colab itself, GitHub (git is sent to a local clone of what is
committed here), the Hub (its cache on this machine, made from .models), and by default
torch: the build that the course pins, which says that it is Colab's older one. With
COLAB_WITH="torch==2.14.1" that version is installed for real. It takes other packages,
too: COLAB_WITH="numpy==2.2.6 numba==0.61.2". Colab has had Python 3.13 since August
2026; here it is the Python of this environment.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers import ROOT, storage
from helpers.course.colab import course_address
from helpers.course.lock import pins
from helpers.model_files import FETCHED, MPNET, hashes
from helpers.progress import say

HOME, CONTENT = ROOT / "build" / "rehearsal", Path("/content")
#: What Colab does before the first cell: its own package imports pandas, so numpy, too.
GOOGLE = {"google/__init__.py": "", "google/colab/__init__.py": "import pandas\n"}
STARTUP = "profile_default/startup/00-colab.py"


class Colab(NamedTuple):
    """The machine: its Python, and the environment that its kernels get."""

    python: Path
    environment: dict[str, str]

    def packages(self) -> dict[str, str]:
        """Return what is installed: name -> version."""
        call = [self.python, "-m", "pip", "list", "--format=json"]
        done = subprocess.run(call, check=True, capture_output=True)
        return {each["name"]: each["version"] for each in json.loads(done.stdout)}


@pytest.fixture(scope="session")
def colab():
    """Return the machine; /content is there as long as it is."""
    if not FETCHED.is_dir():
        pytest.exit(f"{FETCHED} is missing: python -m helpers weights", returncode=2)
    try:
        CONTENT.mkdir()
    except OSError as error:
        why = f"{CONTENT} cannot be made ({error.strerror}): it must not be there yet, "
        pytest.exit(f"{why}and you must be root, as on Colab", returncode=2)
    try:
        shutil.rmtree(HOME, ignore_errors=True)
        yield _machine(HOME)
    finally:
        shutil.rmtree(CONTENT)


def _machine(home):
    say("A bare environment with the packages of Colab: some minutes ...")
    venv.create(home / "python", with_pip=True)
    python = home / "python" / "bin" / "python"
    site = Path(_says(python, "import site; print(site.getsitepackages()[0])"))
    _install(python, site)
    for name, text in GOOGLE.items():
        _write(site / name, text)
    _write(home / "ipython" / STARTUP, "import google.colab\n")
    start = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": start, "display_name": "Colab", "language": "python"}
    _write(home / "jupyter" / "kernels" / "colab" / "kernel.json", json.dumps(spec))
    _hub(home / "hub")
    return Colab(python, _environment(home, _github(home / "course.git")))


def _environment(home, github):
    """Return what a kernel sees: nothing of this checkout, nor of its settings."""
    kept = ("PIP_", "HOME", "LANG", "OMP_NUM_THREADS", "SSL_CERT_FILE", "TQDM_DISABLE")
    mine = {n: value for n, value in os.environ.items() if n.startswith(kept)}
    colab = {"PATH": f"{home / 'python' / 'bin'}:/usr/local/bin:/usr/bin:/bin"}
    hub = {"HF_HOME": str(home / "hub"), "HF_HUB_OFFLINE": "1"}
    quiet = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return mine | colab | hub | github | quiet | {"IPYTHONDIR": str(home / "ipython")}


def _install(python, site):
    """Install colab.txt, where COLAB_WITH does not say otherwise; then torch."""
    text = Path(__file__).with_name("colab.txt").read_text("utf-8")
    wanted = dict(re.findall(r"^([\w-]+)(==\S+)$", text, re.M))
    other = dict(re.findall(r"([\w-]+)(==\S+)", os.environ.get("COLAB_WITH", "")))
    label = "" if "torch" in other else wanted["torch"].removeprefix("==")
    wanted |= other | ({"torch": f"=={pins()['torch']}"} if label else {})
    quiet = [] if sys.stderr.isatty() else ["-qq"]  # not even that grpcio is yanked
    lines = [name + version for name, version in wanted.items()]
    pip = [python, "-m", "pip", "install", "--only-binary=:all:", *quiet]
    if subprocess.run([*pip, *lines]).returncode:
        pytest.exit("pip could not make Colab's environment (see above)", returncode=2)
    if label:
        _relabel(site, label)


def _relabel(site, version):
    """Make the installed torch say that it is another version."""
    [old] = site.glob("torch-*.dist-info")
    real = old.name.removeprefix("torch-").removesuffix(".dist-info")
    for file in (old / "METADATA", site / "torch" / "version.py"):
        file.write_text(file.read_text().replace(real, version))
    old.rename(site / f"torch-{version}.dist-info")


def _hub(home):
    """Lay .models out as the Hub's cache does: blobs by hash, a snapshot of links."""
    model = home / "hub" / f"models--sentence-transformers--{MPNET}"
    commit = "0" * 40
    for file, digest in hashes(MPNET).items():
        blob = model / "blobs" / digest
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FETCHED / file, blob)
        link = model / "snapshots" / commit / file
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    _write(model / "refs" / "main", commit)


def _github(origin):
    """Clone what is committed; return what makes git take it for the course's home."""
    address = course_address()
    clone = ["git", "clone", "--quiet", "--bare", "--depth=1", ROOT.as_uri(), origin]
    subprocess.run(clone, check=True)
    branch = ["git", "-C", origin, "branch", "--force", address.ref, "HEAD"]
    subprocess.run(branch, check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{origin.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address.url,
    }


def _says(python, code):
    done = subprocess.run([python, "-c", code], check=True, capture_output=True)
    return done.stdout.decode().strip()


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.write_atomically(path, text.encode())
