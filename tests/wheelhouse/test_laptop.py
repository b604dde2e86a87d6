"""A laptop without a network is set up from the wheelhouse, and runs notebook 0.

`make test-wheelhouse` fills the wheelhouse first. The laptop is a folder of its own in
a network namespace with nothing in it but the loopback, with nothing of this user's
environment; the course is what course.zip holds, the last commit.
"""

import shutil
import subprocess
import sys
import time
import zipfile

import pytest

from helpers import ROOT

WHEELHOUSE = ROOT / "build" / "wheelhouse"
ALONE = ["unshare", "--net", "--map-root-user", "sh", "-c"]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    """Return what runs a shell line in the course's folder on the laptop."""
    if not shutil.which("unshare") or subprocess.run([*ALONE, "true"]).returncode:
        pytest.skip("needs a network namespace of its own: unshare is not allowed")
    home = tmp_path_factory.mktemp("a laptop")
    with zipfile.ZipFile(WHEELHOUSE / "course.zip") as course:
        course.extractall(home)
    stick = home / "usb stick"
    stick.symlink_to(WHEELHOUSE)
    python = f"PYTHON={sys._base_executable} WHEELHOUSE='{stick}'"
    clean = {"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def run(line):
        inside = f"ip link set lo up && {line.replace('make', f'make {python}')}"
        start = time.perf_counter()
        done = subprocess.run(
            [*ALONE, inside],
            cwd=home / "bitcoin-and-barbells",
            env=clean,
            capture_output=True,
            text=True,
            timeout=3000,
        )
        print(f"\n{line}: {time.perf_counter() - start:.0f} s\n{done.stdout}", end="")
        return done

    yield run
    shutil.rmtree(home)


def test_a_laptop_without_network_is_set_up_and_runs_notebook_0(laptop):
    size = sum(file.stat().st_size for file in WHEELHOUSE.iterdir())
    print(f"\n{len(list(WHEELHOUSE.iterdir()))} files, {size / 1e6:,.0f} MB")
    assert laptop("ip -o link").stdout.count("\n") == 1  # the loopback
    done = laptop("make setup")
    assert done.returncode == 0, done.stderr
    assert "Going on without" not in done.stderr
    done = laptop("make doctor")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "ready")
    assert "all-mpnet-base-v2, every file as published" in done.stdout
    done = laptop(".venv/bin/python -m helpers run 0")
    assert done.returncode == 0, done.stderr
    assert "taught 0.90" in done.stderr
