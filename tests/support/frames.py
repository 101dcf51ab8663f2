"""Participants as data frames, and their verdicts: alone, and in a cohort."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from support.small_protocols import FACTS as SMALL_FACTS
from support.small_protocols import criterion, record_of
from support.trial import ELIGIBILITY

from protocol.eligibility import CohortScreening, Screening

DTYPES = {"number": pl.Float64, "whole": pl.Int64, "yes_no": pl.Boolean, "choice": pl.String, "date": pl.Date}
COLUMNS = {fact.id: pl.Float64 if fact.is_number else DTYPES[fact.type] for fact in ELIGIBILITY.facts}
"""Whole numbers as floats, which is what a column with gaps becomes in many programs; NaN fits in as well."""
SMALL_COLUMNS = {fact.id: DTYPES[fact.type] for fact in SMALL_FACTS}


def frame(people: list[dict[str, Any]], columns: Mapping[str, Any] = SMALL_COLUMNS) -> pl.DataFrame:
    """Return participants as a Polars frame with every column of a record."""
    return pl.DataFrame({name: [one.get(name) for one in people] for name in columns}, schema=dict(columns))


def statuses(screening: Screening) -> dict[str, str]:
    """Return the status of every criterion and part of a screening."""
    return {rule.id: rule.status for verdict in screening.verdicts for rule in (verdict, *verdict.parts)}


def row_of(cohort: CohortScreening, row: int) -> dict[str, str]:
    """Read one participant's verdicts from those of a cohort."""
    kinds = {"excludes": cohort.fail, "unknown": cohort.unknown, "not applicable": cohort.not_applicable}
    found = {}
    for position, rule in enumerate(cohort.criteria):
        set_in = [status for status, flags in kinds.items() if flags[row, position]]
        assert len(set_in) <= 1, f"{rule.id} has two verdicts at once: {set_in}"
        found[rule.id] = set_in[0] if set_in else "passes"
    return found


def everywhere(condition: str, facts: dict[str, Any]) -> set[str]:
    """Return the verdicts of an exclusion with this condition, for one participant and for a cohort of one."""
    record = record_of([criterion(1, condition)])
    many = row_of(record.screen_cohort(frame([facts], SMALL_COLUMNS)), 0)
    return {record.screen(facts)["E1"].status, many["E1"]}
