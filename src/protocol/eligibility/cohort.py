"""Many participants at once: two bits per criterion, failed and unknown, and what follows from them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from protocol.eligibility.criteria import Catalogue, Criterion, Fact
from protocol.eligibility.logic import Columns, Logic, both, opposite
from protocol.eligibility.screening import blocked, rails_of
from protocol.records import Phase, ProtocolError

Masks = NDArray[np.int64]
IDENTITY = "participant_id"

DTYPES: dict[str, Any] = {
    "number": pl.Float64,
    "whole": pl.Int64,
    "yes_no": pl.Boolean,
    "choice": pl.String,
    "date": pl.Date,
}


@dataclass(frozen=True)
class CohortScreening:
    """The answer for a cohort.

    Attributes
    ----------
    criteria : tuple of Criterion
        In protocol order; bit ``i`` of every mask belongs to ``criteria[i]``.
    titles : tuple of str
        Their short titles with the thresholds used.
    participants : tuple of str
        One id per row, in the order of the input.
    fail, unknown, not_applicable : integer arrays, shape (participants,)
        Which criteria block, which cannot be said, which do not apply.
    """

    criteria: tuple[Criterion, ...]
    titles: tuple[str, ...]
    participants: tuple[str, ...]
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
            [self.fail & self.counted != 0, self.unknown & self.counted != 0],
            ["ineligible", "possibly eligible"],
            "eligible so far",
        )
        return pd.Series(verdicts, index=pd.Index(self.participants, name=IDENTITY), name="overall")


def screen_frame(catalogue: Catalogue, frame: Any, phase: Phase) -> CohortScreening:
    """Screen a frame; see :meth:`protocol.eligibility.EligibilityRecord.screen_cohort`."""
    table = typed(frame, catalogue)
    logic = Logic(
        {fact.id: fact for fact in catalogue.facts},
        {parameter.id: parameter for parameter in catalogue.parameters},
        Columns(frozenset(table.columns)),
    )
    fail, clear, absent = _masks(table, [_bits(logic, criterion, phase) for criterion in catalogue.criteria])
    masks = fail, ~(fail | clear | absent) & ((1 << len(catalogue.criteria)) - 1), absent
    titles = tuple(catalogue.title(criterion) for criterion in catalogue.criteria)
    return CohortScreening(catalogue.criteria, titles, _identities(table), *masks)


def _identities(table: Any) -> tuple[str, ...]:
    if IDENTITY in table.columns:
        return tuple(str(value) for value in table[IDENTITY].to_list())
    return tuple(str(row) for row in range(1, len(table) + 1))


def _bits(logic: Logic, criterion: Criterion, phase: Phase) -> tuple[Any, Any, Any]:
    """Fails, clear, not applicable: each a boolean column or constant."""
    if phase not in criterion.phases:
        return False, False, True
    blocks = blocked(criterion, rails_of(logic, criterion, phase))
    if criterion.applies_if is None:
        return blocks.true, blocks.false, False
    applies = logic.condition(criterion.applies_if)
    return both(applies.true, blocks.true), both(opposite(applies.false), blocks.false), applies.false


def _masks(table: Any, bits: list[tuple[Any, Any, Any]]) -> list[Masks]:
    """Evaluate all bits in one pass; the first bit belongs to the first criterion."""
    columns = {
        f"{kind} {position}": bit
        for position, row in enumerate(bits)
        for kind, bit in enumerate(row)
        if not isinstance(bit, bool)
    }
    result = table.select(**columns)
    masks = []
    for kind in range(3):
        constant = sum(1 << position for position, row in enumerate(bits) if row[kind] is True)
        mask = np.full(len(table), constant, dtype=np.int64)
        for position in (position for position, row in enumerate(bits) if not isinstance(row[kind], bool)):
            mask |= result[f"{kind} {position}"].to_numpy().astype(np.int64) << position
        masks.append(mask)
    return masks


def typed(frame: Any, catalogue: Catalogue) -> Any:
    """Return a frame whose fact columns have their types and know only one kind of missing value.

    Polars keeps null apart from NaN and evaluates whole columns, so every other eager frame is brought into it.

    Raises
    ------
    ProtocolError
        Naming the column that cannot be read as its fact's type.
    """
    table = nw.from_native(frame, eager_only=True)
    facts = {fact.id: fact for fact in catalogue.facts}
    wanted = [name for name in table.columns if name in facts or name == IDENTITY]
    columns = [_column(table[name], facts.get(name)) for name in wanted]
    return nw.from_native(pl.DataFrame(columns, height=len(table)), eager_only=True)


def _column(column: nw.Series[Any], fact: Fact | None) -> pl.Series:
    kind = DTYPES[fact.type] if fact else pl.String
    try:
        native = column.to_native()
        series = native if isinstance(native, pl.Series) else pl.Series(column.name, _plain(column), strict=False)
        series = series.fill_nan(None) if series.dtype.is_float() else series
        return series.cast(kind, strict=True)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        found = f"{column.dtype} values ({str(error).splitlines()[0]})"
        raise ProtocolError(f"column {column.name}", found, f"{fact.type if fact else 'text'} values") from None


def _plain(column: nw.Series[Any]) -> list[Any]:
    return [None if value is None or value != value else value for value in column.to_list()]
