"""Which column, or key, holds the text, and which the id."""

from helpers import CourseError

#: Names that say "here is the text", the surest first.
TEXT = ["text", "content", "body", "sentence", "description", "message"]
TEXT += ["review", "comment", "abstract", "note"]
ID = ["_id", "id"]
LABELS = ("title", "topic", "subtopic")
#: A column is clearly the longest from so many characters on, and twice the second.
LONG = 20


def choose(
    where: str,
    names: list[str],
    sample: list[dict],
    *,
    text_column: str | None = None,
    id_column: str | None = None,
) -> tuple[dict[str, str], str]:
    """Return what a Document needs -> the column that has it; and what was guessed.

    Columns are chosen by their names, else the text's by the lengths in the sample.
    names: of all columns; sample: the first rows, name -> value. Raises CourseError,
    with `where`, the file's name, when a column asked for is missing, none is clearly
    the text's, or two have its name.
    """
    identifier = _asked(where, names, id_column, "--id-column") or _known(names, ID)
    text, why = _asked(where, names, text_column, "--text-column"), ""
    if text is None:
        text, why = _guess(where, names, sample, identifier)
    for name in (text, identifier):
        if names.count(name) > 1:
            raise CourseError(f"{where}: two columns are called {name!r}; rename one")
    found = {label: _known(names, [label]) for label in LABELS}
    roles = {label: name for label, name in found.items() if name and name != text}
    if identifier:
        roles["id"] = identifier
    ids = f", ids from {identifier!r}" if identifier and not id_column else ""
    note = f"texts from {text!r}{why}{ids}" if why or ids else ""
    return {"text": text, **roles}, note


def _asked(where, names, wanted, option):
    """Return the column that the user asked for; None when none was."""
    if wanted is None:
        return None
    found = wanted if wanted in names else _known(names, [wanted.strip().casefold()])
    if found is None:
        there = _list(names)
        raise CourseError(f"{where}: has no {wanted!r} ({option}); it has {there}")
    return found


def _known(names, wanted):
    """Return the column whose name is the first of `wanted` to be there."""
    there = {name.strip().casefold(): name for name in reversed(names)}
    return next((there[name] for name in wanted if name in there), None)


def _guess(where, names, sample, identifier):
    """Return the text's column, and why: by name, the only one, clearly the longest."""
    if known := _known(names, TEXT):
        return known, "" if known == "text" else " (by its name)"
    taken = [identifier, *(_known(names, [label]) for label in LABELS)]
    rest = [name for name in names if name not in taken]
    if len(names) == 1 or len(rest) == 1:
        return (rest or names)[0], " (the only one left)"
    lengths = sorted((_length(sample, name), name) for name in rest)
    if rest and lengths[-1][0] >= max(LONG, 2 * lengths[-2][0]):
        return lengths[-1][1], " (the longest)"
    raise CourseError(
        f"{where}: which column is the text? Say it with --text-column; "
        f"there are {_list(names)}"
    )


def _length(sample, name):
    """Return the mean length of a column's texts in the sample."""
    values = [row.get(name) for row in sample]
    return sum(len(v) for v in values if isinstance(v, str)) / max(1, len(values))


def _list(names):
    shown = ", ".join(repr(name[:40]) for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")
