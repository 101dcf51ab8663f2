"""Who fails what, as packed bits.

One bit per participant and criterion, 64 participants to a word. A mirror says the same as its criterion and shares
its bits. An implied criterion counts only where the one it follows from does not exclude already: nobody is counted
twice, and the numbers stay right when a threshold is moved so far that the implication no longer holds.
"""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocol.eligibility.bits import Words, membership

if TYPE_CHECKING:
    from protocol.eligibility.masks import CohortScreening


@dataclass(frozen=True)
class Planes:
    """The packed bits of one screening.

    Attributes
    ----------
    ids, titles : tuple of str
        The criteria that count, in protocol order; mirrors are left out.
    judgement : tuple of bool
        Whether only an investigator can say.
    counted_in : dict of str to str
        Each mirror or implied criterion with the one it counts in.
    host : tuple of int or None
        For an implied criterion the position of the one it follows from.
    fail, unknown : array of uint64, shape (criteria, words)
        64 participants to a word; the bits behind the last participant are zero.
    participants : int
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    judgement: tuple[bool, ...]
    counted_in: dict[str, str]
    host: tuple[int | None, ...]
    fail: Words
    unknown: Words
    participants: int


def pack(screening: "CohortScreening") -> Planes:
    """Pack the masks of a screening; a mirror's bits join those of its criterion."""
    fail, unknown = screening.fail_bits.copy(), screening.unknown_bits.copy()
    place = {criterion.id: i for i, criterion in enumerate(screening.criteria)}
    for i, criterion in enumerate(screening.criteria):
        if criterion.mirrors:
            fail[place[criterion.mirrors]] |= fail[i]
            unknown[place[criterion.mirrors]] |= unknown[i]
    own = [i for i, criterion in enumerate(screening.criteria) if not criterion.mirrors]
    kept = [screening.criteria[i] for i in own]
    ids = tuple(criterion.id for criterion in kept)
    return Planes(
        ids=ids,
        titles=tuple(screening.titles[i] for i in own),
        judgement=tuple(criterion.type == "judgement" for criterion in kept),
        counted_in={c.id: c.counted_with for c in screening.criteria if c.counted_with},
        host=tuple(ids.index(c.implied_by) if c.implied_by else None for c in kept),
        fail=fail[own],
        unknown=(unknown & ~fail)[own],
        participants=len(screening.participants),
    )


def members(plane: Words, participants: int) -> NDArray[np.intp]:
    """Return the rows whose bit is set."""
    return np.flatnonzero(membership(plane, participants))


def counters(rows: Words) -> list[Words]:
    """Add up the rows: binary digits of the number of set bits per participant, the lowest digit first."""
    digits: list[Words] = []
    for row in rows:
        carry = row
        for place, digit in enumerate(digits):
            digits[place], carry = digit ^ carry, digit & carry
        if carry.any():
            digits.append(carry)
    return digits


def where_count(digits: list[Words], count: int) -> Words | None:
    """Who has this number of set bits; None when the number has more digits than anybody's."""
    if count >> len(digits):
        return None
    return reduce(np.bitwise_and, (digit if count >> place & 1 else ~digit for place, digit in enumerate(digits)))
