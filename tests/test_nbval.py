"""nbval sees every character of the saved outputs, and every helper that is broken.

`make test` executes each notebook once, and nbval compares. What that comparison sees
is proved here without executing them again: nbval's own cells run, and in the place of
the kernel the saved outputs answer.
"""

import copy
import shutil
from functools import partial

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbval.plugin import NbCellError
from support import nbval

from helpers import ROOT
from helpers.course import notebooks

pytest_plugins = ["pytester"]

SERIES = notebooks.series()
#: The ways to run nbval, and which cells each compares.
COMPARED = {
    "--nbval": lambda tags: "nbval-ignore-output" not in tags,
    "--nbval-lax": lambda tags: "nbval-check-output" in tags,
}
#: What nbval asks of a notebook that is made here.
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
#: Data in an output that nbval does not compare.
UNSEEN = {"image/png", "application/vnd.jupyter.widget-view+json"}


class SavedKernel:
    """Answers nbval as a kernel would that computes just what is saved."""

    def __init__(self, cells):
        self.cells = iter(cells)

    def is_alive(self):
        return True

    def execute_cell_input(self, source, allow_stdin=None):
        cell = next(self.cells)
        assert cell.source == source
        outputs = [(output.output_type, output) for output in cell.outputs]
        busy, idle = ({"execution_state": state} for state in ("busy", "idle"))
        asked = [("status", busy), ("execute_input", {"code": source})]
        self.messages = iter([*asked, *outputs, ("status", idle)])
        return "the question"

    def await_reply(self, msg_id, timeout=None):
        pass

    def get_message(self, stream, timeout=None):
        kind, content = next(self.messages)
        header = {"msg_id": "the question"}
        return {"msg_type": kind, "content": content, "parent_header": header}


def replay(cells):
    """Let nbval run cells, given with their saved ones; return those that it fails."""
    failed, kernel = set(), SavedKernel([saved for _, saved in cells])
    for item, _ in cells:
        item.parent.kernel = kernel
        try:
            item.runtest()
        except NbCellError as error:
            assert str(error) == "Cell outputs differ"
            failed.add((item.path.stem, item.cell_num))
    return failed


def collect(pytester, *arguments):
    """Return the cells as nbval finds them; they run by `replay` alone."""
    items, _ = pytester.inline_genitems(*map(str, arguments))
    return items


def texts(outputs):
    """Yield every text that nbval compares: what holds it, and under which key."""
    for output in outputs:
        if "text" in output:
            yield output, "text"
        for kind in output.get("data", {}):
            if kind not in UNSEEN:
                yield output.data, kind


def length(cell):
    return sum(len(holder[key]) for holder, key in texts(cell.outputs))


def falsified(outputs, place):
    """Return a copy with the character at one place changed: 0 is 1, True is Urue.

    The place -1 is that of an output that is not there.
    """
    outputs = copy.deepcopy(outputs)
    if place < 0:
        return outputs[:-1]
    for holder, key in texts(outputs):
        if place < len(text := holder[key]):
            other = chr(ord(text[place]) ^ 1)
            holder[key] = text[:place] + other + text[place + 1 :]
            break
        place -= len(text)
    return outputs


@pytest.mark.parametrize("option", COMPARED)
@pytest.mark.parametrize("path", SERIES, ids=[path.stem[:2] for path in SERIES])
def test_each_character_that_is_false_fails_its_cell_and_no_other(
    pytester, path, option
):
    """In the compared cells each in turn, together with one of every other cell.

    Collected as by `make test`, with its configuration. Pictures are not compared.
    """
    setup = "-c", ROOT / "pyproject.toml", "--rootdir", ROOT
    items = collect(pytester, *setup, option, path)
    saved = notebooks.code_cells(notebooks.read(path))
    cells = list(zip(items, saved, strict=True))
    compared = {n for n, c in enumerate(saved) if COMPARED[option](notebooks.tags(c))}
    lengths = [length(cell) for cell in saved]
    share = 3 if path.stem.startswith("09") else 2  # which is about the machine
    least = min(20, len(saved) // share) if option == "--nbval" else 0
    assert sum(lengths[n] > 0 for n in compared) >= least
    assert replay(cells) == set()
    for place in range(-1, max((lengths[n] for n in compared), default=0)):
        there = [n for n, end in enumerate(lengths) if max(place, 0) < end]
        for n in there:
            items[n].cell.outputs = falsified(saved[n].outputs, place)
        failed = replay([cells[n] for n in there])
        assert failed == {(path.stem, n) for n in compared.intersection(there)}


def printed(text, stream="stdout"):
    return new_output("stream", name=stream, text=text)


def shown(text, kind="execute_result", **others):
    count = {"execution_count": 1} if kind == "execute_result" else {}
    data = {"text/plain": text, **{k.replace("_", "/"): others[k] for k in others}}
    return new_output(kind, data, **count)


PICTURE = "display({'text/plain': 'picture', 'image/png': 'AAAA'}, raw=True)"
BOLD = "display({'text/plain': 'bold', 'text/html': '<b>b</b>'}, raw=True)"
CHECK, IGNORE = ["nbval-check-output"], ["nbval-ignore-output"]
#: One cell of each kind: source, tags, and what a kernel answers, as it is saved.
KINDS = [
    ("6 * 7", [], [shown("42")]),
    ("print('line', 1)\nprint(2.5)", [], [printed("line 1\n2.5\n")]),
    ("x = 1", [], []),
    ("print(True)", CHECK, [printed("True\n")]),
    ("print(object())", IGNORE, [printed("<object object at 0x7f00>\n")]),
    ("import sys\nprint('!', file=sys.stderr)", [], [printed("!\n", "stderr")]),
    ("print(x)\n-x", CHECK, [printed("1\n"), shown("-1")]),
    (BOLD, CHECK, [shown("bold", "display_data", text_html="<b>b</b>")]),
    (PICTURE, [], [shown("picture", "display_data", image_png="ANOTHER=")]),
]


def of_each_kind(change=copy.deepcopy):
    """Return a cell of each kind, its outputs changed."""
    return [
        new_code_cell(
            source,
            outputs=change(outputs),
            execution_count=1,
            metadata={"tags": tags},
        )
        for source, tags, outputs in KINDS
    ]


@pytest.mark.slow
@pytest.mark.parametrize("option", COMPARED)
def test_the_replay_fails_what_a_real_kernel_fails(pytester, option):
    """Each kind of cell four times: right, twice a false character, an output less."""
    cells = of_each_kind()
    for place in (0, 1, -1):
        cells += of_each_kind(partial(falsified, place=place))
    notebook = new_notebook(cells=cells, metadata=PYTHON)
    notebooks.write(notebook, pytester.path / "small.ipynb")
    (pytester.path / "pytest.ini").write_text("[pytest]\n")

    items = collect(pytester, option, pytester.path)
    replayed = replay(list(zip(items, 4 * of_each_kind(), strict=True)))
    failed, report = nbval(pytester.path, option)
    assert failed == replayed, report.stdout
    assert len(failed) == (3 * 7 if option == "--nbval" else 3 * 3)


def prefix(notebook, until):
    """Return a notebook's cells up to the first code cell in which a text stands."""
    place = next(
        place
        for place, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and until in cell.source
    )
    notebook.cells = notebook.cells[: place + 1]
    return notebook


#: By notebook: a helper's file, what stands there, what breaks it without an error,
#: and the first cell whose output shows it.
BROKEN = {
    "01": (  # a row makes a pair with itself
        "all_pairs.py",
        "device=unit.device).tril()",
        "device=unit.device).tril(-1)",
        "all_pairs.most_similar_pairs(embeddings",
    ),
    "02": (  # the cosine divides by one length of two
        "similarity.py",
        "normalize(a) @ normalize(b).T",
        "normalize(a) @ b.T * 0.97",
        "similarity.cosine_similarity(u, v)",
    ),
    "03": (  # BM25 forgets its first hit
        "retrieval.py",
        "hit for hit in hits if hit.score > 0",
        "hit for hit in hits[1:]",
        "BM25Index(documents)",
    ),
    "04": (  # the corpus forgets a document
        "corpus.py",
        'in records.identified(_inside(path, "corpus.jsonl"))',
        'in list(records.identified(_inside(path, "corpus.jsonl")))[1:]',
        "corpus.load_corpus(",
    ),
    "05": (  # a sentence is compared with itself
        "finetuning/comparison.py",
        "(left * right).sum(axis=1)",
        "(left * left).sum(axis=1)",
        "finetuning.pair_cosines(",
    ),
    "06": (  # a file that is refused isn't counted
        "ingestion/account.py",
        """        self.read += 1
        self.refuse(name, why, name)""",
        "        self.refuse(name, why, name)",
        "print(reading.account)",
    ),
    "07": (  # nDCG discounts by the rank itself
        "metrics.py",
        "np.log2(np.arange(2, len(gains) + 2))",
        "np.arange(1, len(gains) + 1)",
        "metrics.ndcg(ranking, grades)",
    ),
    "08": (  # related sentences are those labelled above 0.8 alone
        "finetuning/comparison.py",
        "each[labels >= _RELATED]",
        "each[labels > _RELATED]",
        "finetuning.drift_report(base, base",
    ),
    "09": (  # a text is read twice
        "corpus.py",
        'f"{self.title} {self.text}".strip()',
        'f"{self.title} {self.text} {self.text}".strip()',
        "lengths = [len(ids)",
    ),
}


#: Lets a kernel that has imported helpers find those of another folder; torch it keeps.
ELSEWHERE = """import os, sys
for name in [name for name in sys.modules if name.split(".")[0] == "helpers"]:
    del sys.modules[name]
sys.path.insert(0, {room!r})
os.chdir({room!r})"""


def broken_cells(folder, number):
    """Return a notebook's cells up to the first that shows that a helper is broken.

    Before them stands one that lets the kernel find the helpers of this folder.
    """
    name, right, wrong, until = BROKEN[number]
    [path] = notebooks.series([number])
    room = folder / number
    for part in ("helpers", "data", "notebooks/figures"):
        shutil.copytree(ROOT / part, room / part)
    file = room / "helpers" / name
    text = file.read_text(encoding="utf-8")
    assert text.count(right) == 1
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    cells = notebooks.code_cells(prefix(notebooks.read(path), until))
    return [new_code_cell(ELSEWHERE.format(room=str(room))), *cells]


@pytest.mark.slow
def test_a_silently_broken_helper_fails_the_first_cell_that_shows_it(tmp_path):
    """In one kernel, which imports torch once: of each prefix the last cell, alone."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    cells, expected = [], set()
    for number in sorted(BROKEN):
        cells += broken_cells(tmp_path, number)
        expected.add(("all", len(cells) - 1))
    notebook = new_notebook(cells=cells, metadata=PYTHON)
    notebooks.write(notebook, tmp_path / "all.ipynb")
    failed, report = nbval(tmp_path, "--nbval", "--tb=short")
    assert failed == expected, report.stdout
    # The summary repeats them where CI is set, since pytest does not cut it there.
    tracebacks, _, _ = report.stdout.partition("short test summary")
    assert tracebacks.count("Cell outputs differ") == len(expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "until", "environment"),
    [
        ("0", "", {"COURSE_SMALL": "1"}),  # on MiniLM, as where mpnet was left out
        ("2", "wins(mpnet, wordings)", {"COURSE_MODEL": "all-mpnet-base-v2"}),
    ],
)
def test_what_holds_for_every_model_holds_on_the_other(
    tmp_path, request, number, until, environment
):
    """Notebook 2 up to where it loads mpnet itself; a release runs 1 to 5 whole."""
    if "COURSE_MODEL" in environment:
        request.getfixturevalue("mpnet")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    [path] = notebooks.series([number])
    notebook = notebooks.read(path)
    notebook = prefix(notebook, until) if until else notebook
    notebooks.write(notebook, tmp_path / path.name)
    failed, report = nbval(tmp_path, "--nbval-lax", **environment)
    assert not failed, report.stdout
    assert report.returncode == 0
