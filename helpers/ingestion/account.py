"""What became of every text that was read: kept, empty, or refused with a reason."""

from dataclasses import asdict, dataclass, field

#: So many refusals, and duplicates are kept as texts; all are counted.
LISTED = 100
#: So many of each are shown to people.
SHOWN = 10


@dataclass(frozen=True)
class Refusal:
    """Something that was not taken, with its place ("lifts.csv, line 3") and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass
class Account:
    """The account of one reading; always read == kept + empty + refused_count.

    A file that is refused as a whole counts as one text. `refused` and
    `duplicate_places` hold the first LISTED. `unread` holds the names of all files and
    folders that were not read to their end, or of which something was refused.
    """

    read: int = 0
    kept: int = 0
    empty: int = 0
    refused_count: int = 0
    refused: list[Refusal] = field(default_factory=list)
    #: Texts that an earlier one equals, under another id. They are kept.
    duplicates: int = 0
    duplicate_places: list[str] = field(default_factory=list)
    #: Texts without the NULs and half characters (lone surrogates) they came with.
    cleaned: int = 0
    #: Markdown texts whose front matter was left out.
    front_matter: int = 0
    #: What was guessed or passed over: encodings, delimiters, columns, hidden files.
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """How many texts were read and not kept."""
        return self.empty + self.refused_count

    def refuse(self, place: str, why: Exception | str, name: str = "") -> None:
        """Count something refused; `name`: the file or folder that is unread for it."""
        self.refused_count += 1
        if len(self.refused) < LISTED:
            reason = str(why).removeprefix(f"{place}: ")
            reason = reason.encode(errors="backslashreplace").decode()  # printable
            self.refused.append(Refusal(place, reason))
        # Files come one after the other, so the last name is the only one to look at.
        if name and self.unread[-1:] != [name]:
            self.unread.append(name)

    def refuse_file(self, name: str, why: Exception | str) -> None:
        """Count a whole file or folder as one text, refused."""
        if isinstance(why, OSError):
            why = f"cannot be read ({why.strerror or why}); check its permissions"
        self.read += 1
        self.refuse(name, why, name)

    def duplicate(self, place: str, first: str) -> None:
        """Count a text that is also at the place `first`."""
        self.duplicates += 1
        if len(self.duplicate_places) < LISTED:
            self.duplicate_places.append(f"{place} equals {first}")

    def may_hold(self, source: str) -> bool:
        """Tell whether a text of this source may lie in what could not be read."""
        return any(
            source == name or source.startswith((f"{name}, ", f"{name}/"))
            for name in self.unread
        )

    def to_json(self) -> dict:
        """Return all counts and lists, `refused` being the count."""
        found = asdict(self)
        refusals, found["refused"] = found["refused"], found.pop("refused_count")
        return found | {"skipped": self.skipped, "refusals": refusals}

    def __str__(self) -> str:
        counts = f"kept {self.kept:,}, empty {self.empty:,}"
        lines = [f"Read {self.read:,}: {counts}, refused {self.refused_count:,}"]
        lines += _listed("refused", self.refused, self.refused_count)
        if self.duplicates:
            lines.append(f"Equal to an earlier text, and kept: {self.duplicates:,}")
            lines += _listed("equal", self.duplicate_places, self.duplicates)
        if self.cleaned:
            lines.append(f"Cleaned of NULs and half characters: {self.cleaned:,}")
        if self.front_matter:
            lines.append(f"Front matter left out of texts: {self.front_matter:,}")
        return "\n".join(lines + _listed("note", self.notes, len(self.notes)))


def _listed(word: str, things: list, count: int) -> list[str]:
    lines = [f"  {word}: {thing}" for thing in things[:SHOWN]]
    more = count - len(lines)
    return [*lines, f"  {word}: {more:,} more"] if more > 0 else lines
