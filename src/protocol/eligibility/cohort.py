"""Many participants at once: two bits per criterion, failed and unknown, and what follows from them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocol.eligibility.criteria import Catalogue, Criterion, Fact
from protocol.eligibility.leaves import Choices, Columns
from protocol.eligibility.logic import Logic, Value, both, opposite
from protocol.eligibility.screening import blocked, check_phase, expected, in_phase, rails_of
from protocol.records import Phase, ProtocolError

Masks = NDArray[np.int64]
IDENTITY = "participant_id"


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
            [self.fail != 0, self.unknown != 0],
            ["ineligible", "possibly eligible"],
            "eligible so far",
        )
        return pd.Series(verdicts, index=pd.Index(self.participants, name=IDENTITY), name="overall")


def screen_frame(catalogue: Catalogue, frame: Any, phase: Phase) -> CohortScreening:
    """Screen a frame; see :meth:`protocol.eligibility.EligibilityRecord.screen_cohort`."""
    check_phase(phase)
    table = _table(frame)
    facts = {fact.id: fact for fact in catalogue.facts}
    columns = {name: column_of(table[name], facts[name]) for name in table.columns if name in facts}
    logic = Logic(facts, {parameter.id: parameter for parameter in catalogue.parameters}, Columns(columns))
    bits = [_bits(logic, criterion, phase) for criterion in catalogue.criteria]
    fail, clear, absent = (_mask([row[kind] for row in bits], len(table)) for kind in range(3))
    unknown = ~(fail | clear | absent) & ((1 << len(catalogue.criteria)) - 1)
    titles = tuple(catalogue.title(criterion) for criterion in catalogue.criteria)
    return CohortScreening(catalogue.criteria, titles, _identities(table), fail, unknown, absent)


def _table(frame: Any) -> Any:
    try:
        return nw.from_native(frame, eager_only=True)
    except (TypeError, ValueError) as error:
        found = f"{type(frame).__name__} ({str(error).splitlines()[0][:60]})"
        raise ProtocolError("cohort", found, "a pandas or Polars DataFrame with each column once") from None


def _identities(table: Any) -> tuple[str, ...]:
    if IDENTITY in table.columns:
        return tuple(str(value) for value in table[IDENTITY].to_list())
    return tuple(str(row) for row in range(1, len(table) + 1))


def _bits(logic: Logic, criterion: Criterion, phase: Phase) -> tuple[Any, Any, Any]:
    """Fails, clear, not applicable: each a boolean array or constant."""
    if not in_phase(criterion, phase):
        return False, False, True
    blocks = blocked(criterion, rails_of(logic, criterion, phase))
    if criterion.applies_if is None:
        return blocks.true, blocks.false, False
    applies = logic.condition(criterion.applies_if)
    return both(applies.true, blocks.true), both(opposite(applies.false), blocks.false), applies.false


def _mask(bits: list[Any], participants: int) -> Masks:
    """Put one boolean per criterion into the bits of one number per participant, the first criterion lowest."""
    mask = np.zeros(participants, dtype=np.int64)
    for position, bit in enumerate(bits):
        mask |= np.asarray(bit, dtype=np.int64) << position
    return mask


def column_of(column: nw.Series[Any], fact: Fact) -> Value:
    """Return a column as an array of its fact's type, and which of its values are known.

    Null, NaN, NaT, NA and None all mean unknown, whatever the frame; see docs/house.md.

    Raises
    ------
    ProtocolError
        Naming the column that does not hold values of its fact's type.
    """
    values = column.to_numpy()
    known = ~np.asarray(pd.isna(values), dtype=bool)
    try:
        typed = _typed(values, known, fact)
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"column {column.name}", str(error)[:80], expected(fact)) from None
    if fact.is_number:
        _check_range(typed, known, fact)
    return Value(typed, known)


def _check_range(numbers: Any, known: NDArray[np.bool_], fact: Fact) -> None:
    plausible = (numbers >= fact.minimum) & (numbers <= fact.maximum)
    if fact.type == "whole":
        plausible &= numbers == np.floor(numbers)
    wrong = np.flatnonzero(known & ~plausible)
    if len(wrong):
        where = f"column {fact.id}, row {wrong[0] + 1}"
        raise ProtocolError(where, f"{numbers[wrong[0]]:g} {fact.unit_label}".rstrip(), expected(fact))


def _typed(values: Any, known: NDArray[np.bool_], fact: Fact) -> Any:
    if fact.type == "choice":
        options = list(fact.options)
        codes, found = pd.factorize(values)
        unknown = [str(value) for value in found if str(value) not in options]
        if unknown:
            raise ValueError(repr(unknown[0]))
        places = np.array([options.index(str(value)) for value in found] or [0])
        return Choices(places[codes], options)
    if fact.type == "date":
        return np.where(known, values, np.datetime64(0, "D")).astype("datetime64[D]")
    if fact.type == "yes_no":
        plain = np.where(known, values, False)
        if not all(value in (True, False) for value in pd.unique(plain)):
            raise ValueError("values other than true and false")
        return plain.astype(bool)
    return np.where(known, values, np.nan).astype(np.float64)
