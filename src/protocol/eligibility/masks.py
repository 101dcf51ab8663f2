"""What follows from the masks of a cohort: counts, the funnel, the overall verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.criteria import Criterion
from protocol.eligibility.sources import IDENTITY

Masks = NDArray[np.int64]


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

    def counts(self) -> pd.DataFrame:
        """Count each verdict per criterion: columns criterion, title, met, not met, unknown, not applicable."""
        rows = []
        for position, criterion in enumerate(self.criteria):
            fail, unknown, absent = (
                int((mask >> position & 1).sum()) for mask in (self.fail, self.unknown, self.not_applicable)
            )
            met = len(self.participants) - fail - unknown - absent
            rows.append((criterion.id, self.titles[position], met, fail, unknown, absent))
        return pd.DataFrame(rows, columns=["criterion", "title", "met", "not met", "unknown", "not applicable"])

    def funnel(self) -> pd.DataFrame:
        """Count who is left after each criterion, in protocol order.

        Returns
        -------
        pandas.DataFrame
            criterion, title, excluded (first failure here), remaining (no failure so far), confirmed (no failure
            and nothing unknown so far), only_reason (this is the only criterion that fails). Criteria counted
            with another are left out.
        """
        rows, failed, open_ = [], np.zeros_like(self.fail, dtype=bool), np.zeros_like(self.fail, dtype=bool)
        failures = self.fail & self.counted
        for position, criterion in enumerate(self.criteria):
            if not self.counted >> position & 1:
                continue
            here = (self.fail >> position & 1).astype(bool)
            excluded = int((here & ~failed).sum())
            failed, open_ = failed | here, open_ | (self.unknown >> position & 1).astype(bool)
            only = int((failures == 1 << position).sum())
            left, confirmed = int((~failed).sum()), int((~failed & ~open_).sum())
            rows.append((criterion.id, self.titles[position], excluded, left, confirmed, only))
        columns = ["criterion", "title", "excluded", "remaining", "confirmed", "only_reason"]
        return pd.DataFrame(rows, columns=columns)

    def overall(self) -> pd.Series:
        """Return the overall verdict per participant, indexed by participant id."""
        verdicts = np.select(
            [self.fail != 0, self.unknown != 0],
            ["ineligible", "possibly eligible"],
            "eligible so far",
        )
        return pd.Series(verdicts, index=pd.Index(self.participants, name=IDENTITY), name="overall")
