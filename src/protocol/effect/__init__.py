"""Effect and safety: blood counts, their grades and recovery, adverse events, and the watch over phase II."""

from protocol.effect.counts import analytes, units
from protocol.effect.grades import UNKNOWN, Grades, febrile_neutropenia, grade, graded_terms, versions
from protocol.effect.recovery import (
    STATUSES,
    Definition,
    Draws,
    Given,
    Recoveries,
    definitions,
    event_times,
    nadir,
    recovery,
)

__all__ = [
    "STATUSES",
    "UNKNOWN",
    "Definition",
    "Draws",
    "Given",
    "Grades",
    "Recoveries",
    "analytes",
    "definitions",
    "event_times",
    "febrile_neutropenia",
    "grade",
    "graded_terms",
    "nadir",
    "recovery",
    "units",
    "versions",
]
