"""What follows from the answers of a cohort: counts, the funnel, the overall verdicts, masks.

Answers are kept as a row of bits per criterion, 64 participants to a word: a question about everybody is a few
operations on a word for 64 of them. Turned upright they are a mask per participant.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from protocol.eligibility.bits import Masks, Words, membership, sideways, size, sizes, union, upright
from protocol.eligibility.criteria import Criterion
from protocol.eligibility.planes import pack
from protocol.eligibility.screening import ELIGIBLE, INELIGIBLE, POSSIBLE
from protocol.eligibility.sources import IDENTITY
from protocol.eligibility.tally import Tally
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

    @cached_property
    def _tally(self) -> Tally:
        return Tally(pack(self))

    def counts(self) -> pd.DataFrame:
        """Count each verdict per criterion: columns criterion, title, met, not met, unknown, not applicable."""
        bits = (self.fail_bits, self.unknown_bits, self.not_applicable_bits)
        fail, unknown, absent = (sizes(one) for one in bits)
        met = len(self.participants) - fail - unknown - absent
        names = {"criterion": [criterion.id for criterion in self.criteria], "title": self.titles}
        return pd.DataFrame(
            names | {"met": met, "not met": fail, "unknown": unknown, "not applicable": absent},
        )

    def funnel(self, order: Sequence[str] | None = None, leave_out: Collection[str] = ()) -> pd.DataFrame:
        """Count who is left after each criterion.

        Parameters
        ----------
        order : sequence of str, optional
            Ids of the criteria in the order in which they are asked; those not named follow in protocol order.
        leave_out : collection of str
            Ids of criteria that are not asked.

        Returns
        -------
        pandas.DataFrame
            criterion, title, fails (on its own), excluded (first failure here), remaining (no failure so far),
            confirmed (no failure and nothing unknown so far), only_reason (fails this and nothing else). A mirror is
            left out; an implied criterion counts what the one it follows from leaves over.

        Raises
        ------
        ProtocolError
            For an id that no criterion has.
        """
        ids = [criterion.id for criterion in self.criteria]
        for name in (*(order or ()), *leave_out):
            if name not in ids:
                raise ProtocolError(f"criterion {name}", "no such criterion", "one of " + ", ".join(ids))
        tally = Tally(self._tally.planes, leave_out) if leave_out else self._tally
        return tally.funnel(order or "protocol")

    def leave_one_out(self) -> pd.DataFrame:
        """Count who would be left without each criterion in turn: columns criterion, title, remaining, confirmed."""
        return self._tally.leave_one_out()

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
