"""Conditions that narrow a search: `topic=crypto`, `source^=notes/`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from helpers import CourseError

#: id and source are those of the text; all its passages share them.
FIELDS = ("topic", "subtopic", "source", "id")
#: Equal to, not equal to, begins with.
OPERATORS = ("=", "!=", "^=")

_CONDITION = re.compile(r"\s*(\w+)\s*(\^=|!=|=)(.*)", re.DOTALL)


class Condition(NamedTuple):
    """One condition: a field of FIELDS, an operator of OPERATORS, any value."""

    field: str
    operator: str
    value: str

    def holds(self, value: str) -> bool:
        """Tell whether a value fulfils it, as the index does."""
        if self.operator == "^=":
            return value.startswith(self.value)
        return (value == self.value) == (self.operator == "=")


def conditions(where: Sequence[str]) -> list[Condition]:
    """Read conditions that all must hold: FIELD=VALUE, FIELD!=VALUE or FIELD^=VALUE.

    Upper and lower case differ; a value may hold any character. Raises CourseError for
    anything else, naming the fields and operators that there are.

    >>> conditions(["topic=crypto", "source^=notes/"])[1]
    Condition(field='source', operator='^=', value='notes/')
    """
    return [_condition(text) for text in ([where] if isinstance(where, str) else where)]


def _condition(text):
    found = _CONDITION.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[1] not in FIELDS:
        raise CourseError(
            f"the condition {text!r} is not understood; write FIELD=VALUE, with one of "
            f"the fields {', '.join(FIELDS)} and one of {' '.join(OPERATORS)} (^= "
            "says: begins with)"
        )
    value = found[3].strip()
    if value != value.encode(errors="ignore").decode():
        raise CourseError(f"the condition {text!r} holds half a character; retype it")
    return Condition(found[1], found[2], value)
