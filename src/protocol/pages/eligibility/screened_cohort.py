"""A screened cohort, as every part of the cohort's page is given it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from protocol.eligibility import Cohort, CohortScreening, EligibilityRecord, Tally
from protocol.eligibility.cohort import reader
from protocol.eligibility.fact_sources import Choices
from protocol.eligibility.frames import EPOCH
from protocol.eligibility.logic import Value
from protocol.records import Phase
from protocol.translation import _


@dataclass(frozen=True)
class Screened:
    """One state of the page.

    Attributes
    ----------
    record : EligibilityRecord
        With the present thresholds and readings.
    changed : dict
        Those that differ from the record's own, by id.
    cohort, screening : Cohort, CohortScreening
    phase : str
    off : frozenset of str
        Criteria switched off.
    """

    record: EligibilityRecord
    changed: dict[str, Any]
    cohort: Cohort
    screening: CohortScreening
    phase: Phase
    off: frozenset[str]

    @cached_property
    def tally(self) -> Tally:
        """The counts."""
        return self.screening.tally(self.off)

    @cached_property
    def titles(self) -> dict[str, str]:
        """Each criterion's short title."""
        return dict(zip(self.tally.ids, self.tally.titles, strict=True))

    def label(self, parameter: str) -> str:
        """Return a threshold's name with its unit."""
        found = next(item for item in self.record.parameters if item.id == parameter)
        return f"{found.label} ({found.unit_label})" if found.unit_label else found.label

    @property
    def idle(self) -> list[str]:
        """Implied criteria that add nothing to the one they follow from."""
        return [*self.tally.idle()]


def facts_of_one(cohort: Cohort, names: Iterable[str], row: int) -> dict[str, Any]:
    """Return the facts of one participant as plain values, None where unknown."""
    for _rows, values in reader(cohort)(list(names), np.array([row])):
        return {name: plain(value, cohort.source.facts[name].type) for name, value in values.items()}
    return {}


def plain(value: Value, kind: str) -> Any:
    """Return a column of one as plain Python."""
    if not value.known[0]:
        return None
    if isinstance(value.data, Choices):
        return value.data.options[int(value.data.positions[0])]
    if kind == "date":
        return np.datetime64(int(value.data[0]) + EPOCH, "D").astype(object)
    if kind == "yes_no":
        return bool(value.data[0])
    return int(value.data[0]) if kind == "whole" else float(value.data[0])


def counted_once(tally: Tally) -> str:
    """Say which criteria are counted with another."""
    pairs = [
        _("{one} follows from {other}").format(one=one, other=other)
        if one in tally.ids
        else _("{one} says the same as {other}").format(one=one, other=other)
        for one, other in tally.counted_in.items()
    ]
    return _("Counted once: {pairs}.").format(pairs="; ".join(pairs)) if pairs else ""
