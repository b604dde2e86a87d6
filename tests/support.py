"""What tests call: models of random weights, Python in a process of its own."""

import ast
import csv
import functools
import gc
import itertools
import multiprocessing
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from helpers import ROOT
from helpers.corpus import Pair
from helpers.course import notebooks

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>"]
VOCABULARY += ["<mask>", "bitcoin", "squat", "whale", "the", "a", "fell", "bar", "##s"]


#: Texts that would harm a page, a plot, a table or a terminal that took them as code.
HOSTILE = [
    "<script>window.bitten = parent.bitten = 1</script>",
    '<img src="http://127.0.0.1:9/x.png" onerror="window.bitten = parent.bitten = 1">',
    '"><svg onload=window.bitten=1><iframe src="http://127.0.0.1:9/"></iframe>',
    "</title></style></script></td><script>window.bitten = 1</script>",
    "&lt;b&gt; &amp;amp; <!-- --> ]]>",
    "\u202eright to left and never back",
    "$E = mc^2$ and $\\badmacro{$",
    "100 % of {{ 7 * 7 }} {% raw %} %s %(x)s {0}",
    '=HYPERLINK("http://127.0.0.1:9/","click")',
    "\x1b[2J\x07 a terminal's",
]


def write_hostile(folder):
    """Write hostile texts, topics and ids to a CSV of a hostile name; return it.

    Each text comes three times: twice in the very same words, and once nearly so.
    """
    rows = [["id", "title", "text", "topic", "subtopic"]]
    for text, side in itertools.product(HOSTILE, "xyx"):
        rows.append([f"{len(rows)} {text}", "", f"{text} whale {side}", text, text])
    path = folder / "<img src=x onerror=window.bitten=1>.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def save_random_model(folder, *, seed=0):
    """Save a random BERT of width 32 that reads 16 tokens; return its folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(seed)
    body = folder.parent / f"{folder.name}-body"
    body.mkdir(parents=True)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(body)
    vocabulary = {token: number for number, token in enumerate(VOCABULARY)}
    BertTokenizerFast(vocab=vocabulary).save_pretrained(body)
    transformer = Transformer(str(body))
    transformer.max_seq_length = 16
    model = SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode="mean")])
    model.save_pretrained(str(folder))
    return folder


def run_python(*arguments, timeout=300, **environment):
    """Run Python in a process of its own from the root of the checkout."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def in_fork(function, *arguments, timeout=120, killed_after=None):
    """Call a function in a process of its own, forked from a warm one.

    killed_after: seconds, from its start to a SIGKILL from outside.

    The warm one has imported what a training needs and started no thread: tests kill
    dozens of processes, each a copy of it, made in milliseconds. Like `run_python`:
    a negative status is a signal, errors stand in the output.
    """
    forks = _forks()
    said, saying = forks.Pipe(duplex=False)
    process = forks.Process(target=_speak, args=(saying, function, *arguments))
    process.start()
    saying.close()
    output, end = b"", time.monotonic() + (killed_after or timeout)
    while said.poll(max(0, end - time.monotonic())):
        if not (more := os.read(said.fileno(), 1 << 16)):
            break
        output += more
    process.join(max(0, end - time.monotonic()))
    if process.exitcode is None:
        process.kill()
        process.join()
        if killed_after is None:
            pytest.fail(f"killed after {timeout} seconds; it said: {output.decode()}")
    return subprocess.CompletedProcess(
        function.__name__, process.exitcode, output.decode(errors="replace")
    )


@functools.cache
def _forks():
    """Return what starts processes: forks of a server, or fresh ones off Linux."""
    if sys.platform != "linux":  # where a fork of libraries is not to be trusted
        return multiprocessing.get_context("spawn")
    forks = multiprocessing.get_context("forkserver")
    # What this file and the tests import; the server does not find the tests' own.
    warm = ["finetuning.training", "store.entries", "course.notebooks"]
    warm = ["pytest", "pymilvus", *(f"helpers.{name}" for name in warm)]
    forks.set_forkserver_preload(warm)
    return forks


def _speak(saying, function, *arguments):
    """Call a function; all that it says, errors too, goes into a pipe."""
    for stream in (1, 2):
        os.dup2(saying.fileno(), stream)
    gc.freeze()  # the trainer collects garbage: not among what is imported
    function(*arguments)


def make_pairs(count, seed):
    """Return pairs of random sentences that the tiny model can read."""
    rng = np.random.default_rng(seed)

    def sentence(number):
        words = rng.choice(["bitcoin", "squat", "whale", "the", "a", "fell", "bar"], 5)
        return f"{' '.join(words)} {seed} {number}"

    return [
        Pair(sentence(2 * i), sentence(2 * i + 1), float(rng.choice([0, 0.3, 0.7, 1])))
        for i in range(count)
    ]


def lesson(**changes):
    """Return what `fine_tune` is called with: the epoch that dev finds best is kept.

    That is the last with the recipes "cosine" and "mixed", the middle with "cosent".
    """
    return {
        "pairs": make_pairs(40, 1),
        "dev": make_pairs(20, 23),
        "epochs": 3,
        "learning_rate": 1e-3,
        "batch_size": 8,
        "corpus": [pair.sentence1 for pair in make_pairs(10, 5)],
        "share": 1,
        "recipe": "mixed",
    } | changes


@functools.cache
def trained(model, recipe="mixed"):
    """Return the training of a `lesson` that nothing interrupted, made once."""
    from helpers.finetuning import fine_tune

    return fine_tune(model, **lesson(recipe=recipe))


def nbval(folder, *options, **environment):
    """Run nbval over a folder, quickly; return the failed cells and the report."""
    report = run_python(
        "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rf", "--tb=no",
        "--rootdir", folder, "-c", folder / "pytest.ini", *options, folder,
        timeout=1200, **{"COURSE_QUICK": "1", "COURSE_SMOKE": "1"} | environment,
    )  # fmt: skip
    assert report.returncode in (0, 1), report.stdout + report.stderr
    failed = re.findall(r"^FAILED \S*?(\w+)\.ipynb::Cell (\d+)", report.stdout, re.M)
    return {(name, int(number)) for name, number in failed}, report


class Recorder:
    """Stands in for subprocess.run: notes every command, fails where told."""

    def __init__(self, fails=()):
        self.commands, self.fails = [], fails

    def __call__(self, command, **options):
        line = " ".join(command)
        self.commands.append(line)
        bad = any(word in line for word in self.fails)
        return subprocess.CompletedProcess(command, int(bad), "", "")


def tracked():
    """Return the files of the checkout that git tracks, or would."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def loads(html):
    """Return what a page loads that is not in it; its frames may load nothing."""
    for frame in re.findall(r'srcdoc="([^"]*)"', html):
        # The browser itself refuses to load anything there.
        assert "default-src 'none'" in frame.replace("&#x27;", "'")
    html = re.sub(r'srcdoc="[^"]*"', "", html)
    loaded = re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="([^"]+)"', html)
    styles = re.findall(r"@import|url\((?!['\"]?(?:data:|#))[^)]*http[^)]*", html)
    return [link for link in loaded if not link.startswith("data:")] + styles


def imported():
    """Return the packages that a notebook, or what it calls of helpers, imports.

    Our own and the standard library's are left out, and helpers.course: it runs the
    course, and no notebook calls it.
    """
    pages = [notebooks.read(path) for path in notebooks.series()]
    cells = [cell.source for page in pages for cell in notebooks.code_cells(page)]
    parts = [cell for cell in cells if "google.colab" not in cell]
    for path in (ROOT / "helpers").rglob("*.py"):
        if "course" not in path.parts[len(ROOT.parts) :] and path.name != "running.py":
            parts.append(path.read_text("utf-8"))
    names = set()
    for node in ast.walk(ast.parse("\n".join(parts))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    packages = {name.split(".")[0] for name in names}
    return packages - set(sys.stdlib_module_names) - {"helpers"}
