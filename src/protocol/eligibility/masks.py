"""What follows from the answers of a cohort: counts, the funnel, the overall verdicts, masks.

Answers are kept as a row of bits per criterion, 64 participants to a word: a question about everybody is a few
operations on a word for 64 of them. Turned upright they are a mask per participant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from protocol.eligibility.bits import Masks, Words, exactly_once, membership, sideways, size, sizes, union, upright
from protocol.eligibility.criteria import Criterion
from protocol.eligibility.screening import ELIGIBLE, INELIGIBLE, POSSIBLE
from protocol.eligibility.sources import IDENTITY
from protocol.records import ProtocolError

MASKS = ("fail", "unknown", "not_applicable")


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
    fail_bits, unknown_bits, not_applicable_bits : arrays of uint64, shape (criteria, words)
        Who fails, for whom it cannot be said, to whom it does not apply: 64 participants to a word, the first
        lowest; zeros behind the last.
    """

    criteria: tuple[Criterion, ...]
    titles: tuple[str, ...]
    participants: Sequence[str]
    fail_bits: Words
    unknown_bits: Words
    not_applicable_bits: Words

    @classmethod
    def of_masks(
        cls, criteria: tuple[Criterion, ...], titles: tuple[str, ...], participants: Sequence[str], *masks: Masks
    ) -> "CohortScreening":
        """Take three masks per participant, as :attr:`fail`, :attr:`unknown` and :attr:`not_applicable` give them."""
        return cls(criteria, titles, participants, *(sideways(mask, len(criteria)) for mask in masks))

    @cached_property
    def counted(self) -> int:
        """Mask of the criteria that count: mirrors and implied ones are never counted twice."""
        return sum(1 << i for i, criterion in enumerate(self.criteria) if criterion.counted_with is None)

    @cached_property
    def fail(self) -> Masks:
        """Which criteria block: integers, shape (participants,)."""
        return upright(self.fail_bits, len(self.participants))

    @cached_property
    def unknown(self) -> Masks:
        """Which criteria cannot be said, as :attr:`fail`."""
        return upright(self.unknown_bits, len(self.participants))

    @cached_property
    def not_applicable(self) -> Masks:
        """Which criteria do not apply, as :attr:`fail`."""
        return upright(self.not_applicable_bits, len(self.participants))

    def counts(self) -> pd.DataFrame:
        """Count each verdict per criterion: columns criterion, title, met, not met, unknown, not applicable."""
        bits = (self.fail_bits, self.unknown_bits, self.not_applicable_bits)
        fail, unknown, absent = (sizes(one) for one in bits)
        met = len(self.participants) - fail - unknown - absent
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
            left, confirmed = len(self.participants) - size(failed), len(self.participants) - size(failed | open_)
            rows.append((self.criteria[position].id, self.titles[position], excluded, left, confirmed, only))
        columns = ["criterion", "title", "excluded", "remaining", "confirmed", "only_reason"]
        return pd.DataFrame(rows, columns=columns)

    def leave_one_out(self) -> pd.DataFrame:
        """Count who would be left without each criterion in turn: columns criterion, title, remaining, confirmed."""
        asked = self._asked((), ())
        fails = self.fail_bits[asked]
        unclear = fails | self.unknown_bits[asked]
        counts = [
            len(self.participants) - size(union(bits)) + sizes(bits & exactly_once(bits)) for bits in (fails, unclear)
        ]
        names = {"criterion": [self.criteria[i].id for i in asked], "title": [self.titles[i] for i in asked]}
        return pd.DataFrame(names | dict(zip(("remaining", "confirmed"), counts, strict=True)))

    def totals(self) -> dict[str, int]:
        """Count the overall verdicts; every criterion decides, those counted with another included."""
        failed, unclear = union(self.fail_bits), union(self.unknown_bits)
        ineligible, possible = size(failed), size(unclear & ~failed)
        return {INELIGIBLE: ineligible, POSSIBLE: possible, ELIGIBLE: len(self.participants) - ineligible - possible}

    def overall(self) -> "pd.Series[str]":
        """Return the overall verdict per participant, indexed by participant id."""
        failed, unclear = (
            membership(union(bits), len(self.participants)) for bits in (self.fail_bits, self.unknown_bits)
        )
        codes = np.where(failed, np.int8(0), np.where(unclear, np.int8(1), np.int8(2)))
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
