"""What every notebook of the series keeps to."""

import re

import nbformat
from nbformat import NotebookNode

from helpers.course.colab import course_address, in_opening, setup_cell
from helpers.course.notebooks import alt_text, code_cells, tags, text_of

#: Why a cell's output may depend on the machine: one of these goes with the tag.
_REASONS = {"setup", "timing", "training", "download"}
_IGNORED = "nbval-ignore-output"
#: Longest code cell, widest line but for addresses; Colab scrolls sideways beyond.
_MAX_LINES, _MAX_COLUMNS, _MAX_BYTES = 20, 88, 700_000
_MACHINE = r"<Figure size|it/s\]|\d%\|| [\d?]+/\d+ \[|/(home|root|Users|tmp|work)/"
_BULLETS = r"\*\*You (?:will|have):\*\*\n\n((?:- .*\n?(?:  .*\n?)*)+)"


def house_rules(notebook: NotebookNode, name: str) -> list[str]:
    """Return every house rule that a notebook breaks, one sentence each.

    `name` is the file's, without .ipynb: the link to Colab ends in it.
    """
    cells, code = notebook.cells, code_cells(notebook)
    text = text_of(notebook)
    broken = _frame(cells, text, name)
    if len({block.count("\n- ") for block in re.findall(_BULLETS, text)}) > 1:
        broken.append("promises and recap differ in their number of bullets")
    if (size := len(nbformat.writes(notebook))) > _MAX_BYTES:
        broken.append(f"{size / 1000:.0f} KB, more than {_MAX_BYTES / 1000:.0f}")
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        broken.append("was not run from top to bottom; use `make notebooks`")
    for number, cell in enumerate(cells):
        if cell.cell_type == "code":
            after = cells[number + 1 :]
            faults = *_code(cell), *_outputs(cell), *_next(cell, after)
            broken += [f"cell {number}: {fault}" for fault in faults]
    return broken


def _frame(cells, text, name):
    address, opening = course_address(), cells[0].source
    wanted = {
        "a title like '# 3. Semantic search'": re.match(r"# \d\. ", opening),
        "the right link to Colab (none while the owner is a placeholder), see `make "
        "badges`": opening == in_opening(opening, name, address),
        "'**You will:**' in the second cell": "**You will:**" in cells[1].source,
        "the shared setup cell in third place": cells[2].source == setup_cell(address),
        "'**You have:**' in the recap": "**You have:**" in text,
        "an 'In numbers' section": re.search(r"^## .*In numbers", text, re.M),
        "a trap": "**Trap" in text,
        "an exercise": "**Exercise " in text,
        "three folded answers": text.count("<summary>Answer</summary>") >= 3,
        "a folded solution": "<summary>Solution</summary>" in text,
    }
    return [f"lacks {what}" for what, there in wanted.items() if not there]


def _code(cell):
    lines = cell.source.splitlines()
    if len(lines) > _MAX_LINES:
        yield f"{len(lines)} lines of code, more than {_MAX_LINES}"
    if any(len(line) > _MAX_COLUMNS and "://" not in line for line in lines):
        yield f"a line wider than {_MAX_COLUMNS}"


def _outputs(cell):
    pictured = any("image/png" in each.get("data", {}) for each in cell.outputs)
    if not pictured and any(tag.startswith("figure-") for tag in tags(cell)):
        yield "a figure tag, and no picture"
    for output in cell.outputs:
        data, shown = output.get("data", {}), output.get("text", "")
        if output.output_type == "error" and "raises-exception" not in tags(cell):
            yield f"an error in the output: {output.ename}"
        if output.get("name") == "stderr":
            yield f"standard error in the output: {output.text[:60]!r}"
        if "image/png" in data and not alt_text(output):
            yield "a picture without words: visualization.show(alt text)"
        if "image/svg+xml" in data:
            yield "an SVG output, which nbval would compare"
        if "image/png" not in data:  # beside a picture its description is in order
            shown += data.get("text/plain", "")
        if re.search(r"\bTrue$", shown, re.M):
            yield "an output that ends in True: say it in words, or assert it"
        if re.search(_MACHINE, shown):
            yield "a path, a progress bar or a bare <Figure> in the output"


def _next(cell, after):
    """An output is read aloud; one that is not compared has a reason and a claim.

    The claim is an `assert` in the cell, or what the next cell prints.
    """
    if cell.outputs and "markdown" not in [each.cell_type for each in after[:2]]:
        yield "an output that no sentence reads aloud"
    if _IGNORED not in tags(cell):
        return
    if len(_REASONS.intersection(tags(cell))) != 1:
        yield f"ignored without one reason of {_REASONS}"
    claim = next((each for each in after if each.cell_type == "code"), None)
    if any(
        re.search(r"^ *assert ", each.source, re.M) for each in (cell, claim) if each
    ):
        return
    if claim is None or _IGNORED in tags(claim):
        yield "ignored, and no strict claim follows"
    elif not claim.outputs:
        yield "the claim after it prints nothing"
