"""How big is the house? Lines, modules, functions, complexity of `helpers`.

    python tests/benchmarks/house.py [FOLDER]

Lines of a module are all of its lines. Lines of a function are those of code: its
signature and body, without docstring, blank lines and comments; functions inside
functions count. Complexity is McCabe's, by ruff's rule C901. A measurement, not a test.
"""

import ast
import json
import statistics
import subprocess
import sys
from pathlib import Path

from helpers import ROOT


def functions(path: Path) -> list[tuple[int, str]]:
    """Return lines of code and name of every function of a module."""
    source = path.read_text(encoding="utf-8")
    lines, found = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = lines[node.lineno - 1 : node.end_lineno]
            if ast.get_docstring(node):
                doc = node.body[0]
                first, last = doc.lineno - node.lineno, doc.end_lineno - node.lineno
                body[first : last + 1] = []
            code = [each for each in body if each.strip() and each.strip()[0] != "#"]
            found.append((len(code), f"{path.stem}.{node.name}"))
    return found


def complexities(folder: Path) -> list[int]:
    """Return the complexity of every function that ruff finds above 1."""
    rule = [
        "--isolated",
        "--select",
        "C901",
        "--config",
        "lint.mccabe.max-complexity=1",
    ]
    call = [sys.executable, "-m", "ruff", "check", *rule, "--output-format", "json"]
    done = subprocess.run([*call, str(folder)], capture_output=True, text=True)
    texts = [each["message"] for each in json.loads(done.stdout)]
    return [int(text.split("(")[1].split(" ")[0]) for text in texts]


def main(folder: Path) -> None:
    """Print the table, and the five longest functions."""
    modules = {
        path: len(path.read_text("utf-8").splitlines()) for path in folder.rglob("*.py")
    }
    found = sorted((f for path in modules for f in functions(path)), reverse=True)
    sizes, complex_ = [size for size, _ in found], complexities(folder)
    inner = sum(
        1
        for path in modules
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    tenth = statistics.quantiles(sizes, n=10)[-1]
    print(f"lines                          {sum(modules.values()):,}")
    print(f"modules                        {len(modules)}")
    print("module: median, longest        ", end="")
    print(f"{statistics.median(modules.values()):g}, {max(modules.values())}")
    print(f"functions                      {len(found)}")
    print("function: median, p90, longest ", end="")
    print(f"{statistics.median(sizes):g}, {tenth:g}, {sizes[0]}")
    print("functions above 20, above 40   ", end="")
    print(f"{sum(n > 20 for n in sizes)}, {sum(n > 40 for n in sizes)}")
    print("complexity: above 10, highest  ", end="")
    print(f"{sum(n > 10 for n in complex_)}, {max(complex_, default=1)}")
    print(f"imports inside functions       {inner}")
    print("longest:", ", ".join(f"{name} ({size})" for size, name in found[:5]))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "helpers")
