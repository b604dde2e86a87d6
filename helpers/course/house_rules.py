"""What every notebook of the series keeps to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from helpers.course.colab import COLAB_LINK, setup_cell
from helpers.course.notebooks import code_cells, tags

#: Why a cell's output may depend on the machine: one of these goes with the tag.
REASONS = {"setup", "timing", "training", "download"}
#: Longest code cell and widest line; Colab scrolls sideways beyond that.
MAX_LINES, MAX_COLUMNS = 20, 88
_IGNORED = "nbval-ignore-output"
_MACHINE = r"<Figure size|it/s\]|\d%\|| [\d?]+/\d+ \[|/(home|root|Users|tmp|work)/"
_BULLETS = r"\*\*You {}:\*\*\n\n((?:- .*\n?(?:  .*\n?)*)+)"


def house_rules(notebook: NotebookNode) -> list[str]:
    """Return every house rule that a notebook breaks, one sentence each."""
    cells, code = notebook.cells, code_cells(notebook)
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    broken = [*_frame(cells, text), *_bullets(text)]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        broken.append("was not run from top to bottom; use `make notebooks`")
    for number, cell in enumerate(cells):
        if cell.cell_type == "code":
            faults = *_code(cell), *_spoken(cells, number), *_claim(cells, number)
            broken += [f"cell {number}: {fault}" for fault in faults]
    return broken


def _frame(cells: list[NotebookNode], text: str) -> Iterator[str]:
    """Check the opening, the setup cell, the recap and the questions."""
    wanted = {
        "a title like '# 3. Semantic search'": re.match(r"# \d\. ", cells[0].source),
        "a link to Colab": re.search(COLAB_LINK, cells[0].source),
        "'**You will:**' in the second cell": "**You will:**" in cells[1].source,
        "the shared setup cell in third place": cells[2].source == setup_cell(),
        "'**You have:**' in the recap": "**You have:**" in text,
        "an 'In numbers' section": re.search(r"^## .*In numbers", text, re.M),
        "a trap": "**Trap" in text,
        "an exercise": re.search(r"^## .*Exercise", text, re.M),
        "three folded answers": text.count("<summary>Answer</summary>") >= 3,
        "a folded solution": "<summary>Solution</summary>" in text,
    }
    return (f"lacks {what}" for what, there in wanted.items() if not there)


def _bullets(text: str) -> Iterator[str]:
    found = [re.search(_BULLETS.format(word), text) for word in ("will", "have")]
    if all(found) and len({match[1].count("\n- ") for match in found}) > 1:
        yield "promises and recap differ in their number of bullets"


def _code(cell: NotebookNode) -> Iterator[str]:
    """Check one cell's length, width and outputs."""
    lines = cell.source.splitlines()
    if len(lines) > MAX_LINES:
        yield f"{len(lines)} lines of code, more than {MAX_LINES}"
    if any(len(line) > MAX_COLUMNS for line in lines):
        yield f"a line wider than {MAX_COLUMNS}"
    for output in cell.outputs:
        yield from _output(output, tags(cell))


def _output(output: NotebookNode, tags: set[str]) -> Iterator[str]:
    data, shown = output.get("data", {}), output.get("text", "")
    if output.output_type == "error" and "raises-exception" not in tags:
        yield f"an error in the output: {output.ename}"
    if output.get("name") == "stderr":
        yield f"standard error in the output: {output.text[:60]!r}"
    if "image/svg+xml" in data:
        yield "an SVG output, which nbval would compare"
    if "image/png" not in data:  # beside a picture its description is in order
        shown += data.get("text/plain", "")
    if re.search(_MACHINE, shown):
        yield "a path, a progress bar or a bare <Figure> in the output"


def _spoken(cells: list[NotebookNode], number: int) -> Iterator[str]:
    """Check that an output is followed by a sentence, sooner or later."""
    after = [cell.cell_type for cell in cells[number + 1 : number + 3]]
    if cells[number].outputs and "markdown" not in after:
        yield "an output that no sentence reads aloud"


def _claim(cells: list[NotebookNode], number: int) -> Iterator[str]:
    """Check that what is not compared gives a reason and is followed by a claim."""
    mine = tags(cells[number])
    if _IGNORED not in mine:
        return
    if len(mine & REASONS) != 1:
        yield f"ignored without one reason of {REASONS}"
    later = [cell for cell in cells[number + 1 :] if cell.cell_type == "code"]
    if not later or _IGNORED in tags(later[0]):
        yield "ignored, and no strict claim follows"
    elif not later[0].outputs:
        yield "the claim after it prints nothing"
