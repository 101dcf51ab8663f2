"""Effect and safety: blood counts, their grades and recovery, adverse events, and the watch over phase II."""

from protocol.effect.counts import analytes, units
from protocol.effect.grades import UNKNOWN, Grades, febrile_neutropenia, grade, graded_terms, versions

__all__ = [
    "UNKNOWN",
    "Grades",
    "analytes",
    "febrile_neutropenia",
    "grade",
    "graded_terms",
    "units",
    "versions",
]
