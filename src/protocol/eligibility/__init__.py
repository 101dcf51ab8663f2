"""Eligibility: criteria as data, one definition for one participant and for a whole cohort."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from protocol.eligibility.cohort import CohortScreening, screen_frame
from protocol.eligibility.criteria import (
    REASONS,
    Case,
    Catalogue,
    Criterion,
    Fact,
    FactValue,
    Parameter,
    Part,
    Status,
)
from protocol.eligibility.screening import Question, Screening, Verdict, check_facts, expected, screen
from protocol.records import Phase, ProtocolError

__all__ = [
    "REASONS",
    "Case",
    "CohortScreening",
    "Criterion",
    "EligibilityRecord",
    "Fact",
    "FactValue",
    "Parameter",
    "Part",
    "Question",
    "Screening",
    "Status",
    "Verdict",
    "check_facts",
    "expected",
]


class EligibilityRecord(Catalogue):
    """The criteria of one trial, ready to screen."""

    def screen(
        self,
        facts: Mapping[str, FactValue | None],
        phase: Phase = "Ib",
        unusable: Mapping[str, str] = MappingProxyType({}),
    ) -> Screening:
        """Screen one participant.

        Parameters
        ----------
        facts : mapping of str to bool, int, float, str, date or None
            What is known, by fact id; numbers in the fact's unit. Absent, None and NaN mean unknown.
        phase : {"Ib", "II"}
            The phase of the trial.
        unusable : mapping of str to str, optional
            Facts that were found but cannot be used, with the reason: "unit unknown", "conflicting sources" or
            another of :data:`protocol.eligibility.REASONS`. They count as unknown, even to ``given(...)``.

        Returns
        -------
        Screening
            A verdict per criterion in protocol order, the overall verdict and what to find out next.

        Raises
        ------
        ProtocolError
            For an unknown fact, or a value of the wrong type or outside the plausible range.
        """
        return screen(self, facts, phase, unusable)

    def screen_cohort(self, frame: Any, phase: Phase = "Ib", **parameters: Any) -> CohortScreening:
        """Screen many participants at once.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame or another eager frame that narwhals knows
            One row per participant, columns named by fact id; an absent column is unknown for everybody.
        phase : {"Ib", "II"}
            The phase of the trial.
        **parameters
            Changed thresholds or readings for this screening, by parameter id.

        Raises
        ------
        ProtocolError
            For an unknown parameter or a value outside its range, or a column of the wrong type.
        """
        return screen_frame(self.with_parameters(**parameters) if parameters else self, frame, phase)

    def with_parameters(self, **values: Any) -> Self:
        """Return a copy of the record with changed parameters; the record itself never changes."""
        known = {parameter.id: parameter for parameter in self.parameters}
        for name, value in values.items():
            if name not in known:
                raise ProtocolError(f"parameter {name}", "no such parameter", "one of " + ", ".join(known))
            known[name] = _changed(known[name], value)
        return self.model_copy(update={"parameters": tuple(known.values())})


def _changed(parameter: Parameter, value: Any) -> Parameter:
    content = {**parameter.model_dump(), "value": value}
    try:
        return Parameter.model_validate(content)
    except ValueError as error:
        allowed = ", ".join(parameter.options) or f"a number from {parameter.minimum} to {parameter.maximum}"
        raise ProtocolError(parameter.label, repr(value), allowed) from error
