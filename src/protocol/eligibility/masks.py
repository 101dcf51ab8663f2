"""What follows from the masks of a cohort: counts, the funnel, the overall verdicts.

Counting is done on the masks turned sideways: a row of bits per criterion, 64 participants to a word. There a
question about everybody is a few operations on a word for 64 of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.criteria import Criterion
from protocol.eligibility.screening import ELIGIBLE, INELIGIBLE, POSSIBLE
from protocol.eligibility.sources import IDENTITY
from protocol.records import ProtocolError

Masks = NDArray[np.int64]
Words = NDArray[np.uint64]
Counts = NDArray[np.int64]
MASKS = ("fail", "unknown", "not_applicable")
STEP = 1 << 16
"""Participants turned sideways at a time, so that they stay in the processor's cache; a multiple of 64."""


@dataclass(frozen=True)
class CohortScreening:
    """The answer for a cohort.

    Attributes
    ----------
    criteria : tuple of Criterion
        In protocol order; bit ``i`` of every mask belongs to ``criteria[i]``.
    titles : tuple of str
        Their short titles with the thresholds used.
    participants : sequence of str
        One id per row, in the order of the input.
    fail, unknown, not_applicable : integer arrays, shape (participants,)
        Which criteria block, which cannot be said, which do not apply.
    """

    criteria: tuple[Criterion, ...]
    titles: tuple[str, ...]
    participants: Sequence[str]
    fail: Masks
    unknown: Masks
    not_applicable: Masks

    @cached_property
    def counted(self) -> int:
        """Mask of the criteria that count: mirrors and implied ones are never counted twice."""
        return sum(1 << i for i, criterion in enumerate(self.criteria) if criterion.counted_with is None)

    @cached_property
    def fail_bits(self) -> Words:
        """Who fails: shape (criteria, words), 64 participants to a word, the first lowest; zeros behind the last."""
        return sideways(self.fail, len(self.criteria))

    @cached_property
    def unknown_bits(self) -> Words:
        """For whom it is unknown, as :attr:`fail_bits`."""
        return sideways(self.unknown, len(self.criteria))

    @cached_property
    def not_applicable_bits(self) -> Words:
        """To whom it does not apply, as :attr:`fail_bits`."""
        return sideways(self.not_applicable, len(self.criteria))

    def counts(self) -> pd.DataFrame:
        """Count each verdict per criterion: columns criterion, title, met, not met, unknown, not applicable."""
        bits = (self.fail_bits, self.unknown_bits, self.not_applicable_bits)
        fail, unknown, absent = (sizes(one) for one in bits)
        met = len(self.fail) - fail - unknown - absent
        names = {"criterion": [criterion.id for criterion in self.criteria], "title": self.titles}
        return pd.DataFrame(
            names | {"met": met, "not met": fail, "unknown": unknown, "not applicable": absent},
        )

    def funnel(self, order: Sequence[str] | None = None, leave_out: Iterable[str] = ()) -> pd.DataFrame:
        """Count who is left after each criterion.

        Parameters
        ----------
        order : sequence of str, optional
            Ids of the criteria in the order in which they are asked; those not named follow in protocol order.
        leave_out : iterable of str
            Ids of criteria that are not asked.

        Returns
        -------
        pandas.DataFrame
            criterion, title, excluded (first failure here), remaining (no failure so far), confirmed (no failure
            and nothing unknown so far), only_reason (this is the only criterion that fails). Criteria counted
            with another are left out.

        Raises
        ------
        ProtocolError
            For an id that no criterion has.
        """
        asked = self._asked(order or (), leave_out)
        failed, open_ = (np.zeros(self.fail_bits.shape[1], dtype=np.uint64) for _kind in range(2))
        alone, rows = exactly_once(self.fail_bits[asked]), []
        for position in asked:
            fails = self.fail_bits[position]
            excluded, only = size(fails & ~failed), size(fails & alone)
            failed, open_ = failed | fails, open_ | self.unknown_bits[position]
            left, confirmed = len(self.fail) - size(failed), len(self.fail) - size(failed | open_)
            rows.append((self.criteria[position].id, self.titles[position], excluded, left, confirmed, only))
        columns = ["criterion", "title", "excluded", "remaining", "confirmed", "only_reason"]
        return pd.DataFrame(rows, columns=columns)

    def leave_one_out(self) -> pd.DataFrame:
        """Count who would be left without each criterion in turn: columns criterion, title, remaining, confirmed."""
        asked = self._asked((), ())
        fails = self.fail_bits[asked]
        unclear = fails | self.unknown_bits[asked]
        counts = [len(self.fail) - size(union(bits)) + sizes(bits & exactly_once(bits)) for bits in (fails, unclear)]
        names = {"criterion": [self.criteria[i].id for i in asked], "title": [self.titles[i] for i in asked]}
        return pd.DataFrame(names | dict(zip(("remaining", "confirmed"), counts, strict=True)))

    def totals(self) -> dict[str, int]:
        """Count the overall verdicts; every criterion decides, those counted with another included."""
        failed, unclear = union(self.fail_bits), union(self.unknown_bits)
        ineligible, possible = size(failed), size(unclear & ~failed)
        return {INELIGIBLE: ineligible, POSSIBLE: possible, ELIGIBLE: len(self.fail) - ineligible - possible}

    def overall(self) -> "pd.Series[str]":
        """Return the overall verdict per participant, indexed by participant id."""
        codes = np.where(self.fail != 0, np.int8(0), np.where(self.unknown != 0, np.int8(1), np.int8(2)))
        verdicts = pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype([INELIGIBLE, POSSIBLE, ELIGIBLE]))
        return pd.Series(verdicts, index=pd.Index(list(self.participants), name=IDENTITY), name="overall")

    def _asked(self, order: Sequence[str], leave_out: Iterable[str]) -> list[int]:
        """Return the positions of the criteria to ask, in their order."""
        places = {criterion.id: i for i, criterion in enumerate(self.criteria)}
        without = set(leave_out)
        for name in (*order, *without):
            if name not in places:
                raise ProtocolError(f"criterion {name}", "no such criterion", "one of " + ", ".join(places))
        wanted = dict.fromkeys((*order, *places))
        return [places[name] for name in wanted if name not in without and self.counted >> places[name] & 1]


def sideways(masks: Masks, criteria: int) -> Words:
    """Turn one mask per participant into one row of bits per criterion, shape (criteria, words)."""
    bits = np.zeros((criteria, -(-len(masks) // 64) * 8), dtype=np.uint8)
    for first in range(0, len(masks), STEP):
        octets = masks[first : first + STEP].astype("<i8", copy=False).view(np.uint8).reshape(-1, 8)
        for position in range(criteria):
            if position % 8 == 0:
                column = np.ascontiguousarray(octets[:, position // 8])
            packed = np.packbits(column & np.uint8(1 << position % 8), bitorder="little")
            bits[position, first // 8 : first // 8 + len(packed)] = packed
    return bits.view("<u8").astype(np.uint64, copy=False)


def size(bits: Words) -> int:
    """Count the participants in a row of bits."""
    return int(sizes(bits))


def sizes(bits: Words) -> Counts:
    """Count the participants in each row of bits."""
    counts: Counts = np.bitwise_count(bits).sum(axis=-1, dtype=np.int64)
    return counts


def union(bits: Words) -> Words:
    """Return the participants in at least one row."""
    found: Words = np.bitwise_or.reduce(bits, axis=0)
    return found


def exactly_once(bits: Words) -> Words:
    """Return the participants in exactly one row."""
    once, twice = (np.zeros(bits.shape[1], dtype=np.uint64) for _kind in range(2))
    for row in bits:
        twice |= once & row
        once |= row
    return once & ~twice
