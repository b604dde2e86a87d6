"""A real JupyterLab on loopback, and a real Chromium that opens it."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from helpers import ROOT

#: Where Chromium may be; COURSE_BROWSER names another.
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: Chromium's own services are not to ask the network; /dev/shm is small in containers.
FLAGS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


def chromium():
    """Return the path of a Chromium, or end the tests with what to install."""
    named = os.environ.get("COURSE_BROWSER")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if not found or not Path(found).exists():
        pytest.exit(
            "no Chromium here: install it (Debian: apt-get install chromium), "
            "or set COURSE_BROWSER to the path of one",
            returncode=2,
        )
    return found


@pytest.fixture(scope="session")
def browser():
    """Return a headless Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Start JupyterLab as `make lab` does, on copies; return its address and token."""
    course = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "README.md", course)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [arguments] = re.findall(r"-m jupyter lab (.+)", makefile)
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, course / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, address = secrets.token_hex(16), f"http://127.0.0.1:{port}"
    home = tmp_path_factory.mktemp("home")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "IPYTHONDIR": str(home),
        "JUPYTER_CONFIG_DIR": str(home),
        "JUPYTER_DATA_DIR": str(home),
    }
    for silence in ("TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS"):
        environment.pop(silence, None)  # a person sees progress bars
    # No question whether to show news, and no look for updates.
    (home / "labconfig").mkdir()
    news = {"@jupyterlab/apputils-extension:announcements": True}
    (home / "labconfig" / "page_config.json").write_text(
        json.dumps({"disabledExtensions": news})
    )
    log = (home / "lab.log").open("w")
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyter", "lab", *arguments.split(),
            "--no-browser", "--allow-root",
            "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}",
            "--ServerApp.port_retries=0", "--LabApp.extension_manager=readonly",
        ],
        cwd=course, env=environment, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=2)
                break
            except OSError:
                assert server.poll() is None, (home / "lab.log").read_text()
                time.sleep(0.5)
        else:
            raise AssertionError((home / "lab.log").read_text())
        yield address, token
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()
