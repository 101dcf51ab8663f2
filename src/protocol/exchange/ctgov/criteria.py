"""The criteria text of a record, cut into its criteria without losing a word."""

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Kind = Literal["inclusion", "exclusion"]
MOST = 63  # criteria of one record; see protocol.eligibility
_HEADING = re.compile(
    r"^\W*(?:[\w-]+ ){0,3}?(inclusion|exclusion)(?: criteri(?:a|on))?(?: \([^)]*\))?\W*:?\W*$", re.I
)
_ITEM = re.compile(r"^(?:\d{1,2}[.)]|[*•\-–])\s+")


@dataclass(frozen=True)
class Item:
    """One criterion in the registry's words, without its number or bullet."""

    kind: Kind
    number: int
    wording: str

    @property
    def id(self) -> str:
        """I1, E3 and so on."""
        return f"{self.kind[0].upper()}{self.number}"


def items(text: str) -> list[Item]:
    """Cut a criteria text at its headings and at the numbers or bullets that begin a line.

    Nested lines stay with the criterion above them, and so does what follows the last one. Text that cannot be cut
    is one inclusion criterion.
    """
    pieces = _pieces(text)
    if len(pieces) > MOST:
        pieces = [(kind, "\n".join(part for _kind, part in group)) for kind, group in groupby(pieces, lambda p: p[0])]
    numbers = dict.fromkeys(("inclusion", "exclusion"), 0)
    found = []
    for kind, wording in pieces:
        numbers[kind] += 1
        found.append(Item(kind, numbers[kind], wording))
    return found


def _pieces(text: str) -> list[tuple[Kind, str]]:
    kind: Kind = "inclusion"
    pieces: list[tuple[Kind, list[str]]] = []
    fresh = True
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            kind, fresh = ("exclusion" if heading[1].lower() == "exclusion" else "inclusion"), True
        elif _ITEM.match(line) or fresh:
            if line.strip():
                pieces.append((kind, [_ITEM.sub("", line)]))
                fresh = False
        else:
            pieces[-1][1].append(line)
    return [(kind, "\n".join(lines).strip()) for kind, lines in pieces]
