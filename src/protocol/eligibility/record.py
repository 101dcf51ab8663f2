"""The eligibility record of one trial, ready to screen participants and cohorts."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from protocol.display import Displayed
from protocol.eligibility.answers import Answer, answers
from protocol.eligibility.cohort import Cohort, screen_frame
from protocol.eligibility.cohort_counts import CohortScreening
from protocol.eligibility.counterfactuals import Change, counterfactuals
from protocol.eligibility.criteria import Catalogue, FactValue
from protocol.eligibility.gates import screen_infusion
from protocol.eligibility.screening import Screening, screen
from protocol.eligibility.timeline import HORIZON_DAYS, Timeline, timeline
from protocol.records import Phase

Gate = Literal["enrolment", "infusion"]
"""When criteria are judged: once before enrolment, and again before each infusion."""


class EligibilityRecord(Catalogue, Displayed):
    """The criteria of one trial, ready to screen."""

    def table(self) -> pd.DataFrame:
        """Return the criteria, one row each: criterion, kind, title, type, confirm, origin."""
        rows = [(c.id, c.kind, self.title(c), c.type, c.confirm, c.origin) for c in self.criteria]
        return pd.DataFrame(rows, columns=["criterion", "kind", "title", "type", "confirm", "origin"])

    def __repr__(self) -> str:
        counts = f"{len(self.criteria)} criteria, {len(self.facts)} facts, {len(self.parameters)} parameters"
        return f"<EligibilityRecord of phases {', '.join(self.phases)}: {counts}>"

    __str__ = __repr__

    def screen(
        self,
        facts: Mapping[str, FactValue | None],
        phase: Phase | None = None,
        unusable: Mapping[str, str] = MappingProxyType({}),
    ) -> Screening:
        """Screen one participant.

        Parameters
        ----------
        facts : mapping of str to bool, int, float, str, date or None
            What is known, by fact id; numbers in the fact's unit. Absent, None and NaN mean unknown.
        phase : str, optional
            A phase of the record; its first when left out.
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

    def screen_infusion(
        self,
        facts: Mapping[str, FactValue | None],
        phase: Phase | None = None,
        unusable: Mapping[str, str] = MappingProxyType({}),
    ) -> Screening:
        """Judge one infusion on its day, the fact that the record's role ``infusion_day`` names.

        The gate consists of the record's ``infusion_criteria`` and of its ``rechecks``: criteria of enrolment that
        are judged again. Tests must be recent on the day of the infusion. Parameters, result and errors are those of
        :meth:`screen`; a missing day is an error, and so is a record without the role.
        """
        return screen_infusion(self, facts, phase, unusable)

    def answers(
        self,
        facts: Mapping[str, FactValue | None],
        phase: Phase | None = None,
        *,
        as_of: date,
        gate: Gate = "enrolment",
        sources: Mapping[str, str] = MappingProxyType({}),
        unusable: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[Answer, ...]:
        """Answer every criterion of a gate in four parts: verdict, evidence, tree of reasons, registry's words.

        Parameters
        ----------
        facts, phase, unusable
            As for :meth:`screen`.
        as_of : date
            The day of the answer; what is confirmed on a later day is provisional until then.
        gate : {"enrolment", "infusion"}
            Which gate.
        sources : mapping of str to str, optional
            Where a fact came from, by fact id: "form", the name of a file, an imported record.
        """
        return answers(self, facts, phase, as_of, gate=gate, sources=sources, unusable=unusable)

    def timeline(
        self,
        facts: Mapping[str, FactValue | None],
        phase: Phase | None = None,
        *,
        start: date,
        days: int = HORIZON_DAYS,
        unusable: Mapping[str, str] = MappingProxyType({}),
    ) -> Timeline:
        """Judge every day from `start` on as the day of enrolment, with the same conditions.

        Parameters
        ----------
        facts, phase, unusable
            As for :meth:`screen`; the day of enrolment among the facts is replaced by each candidate. While the
            consent is neither signed nor dated, its day moves along.
        start : date
            The first candidate.
        days : int
            How many candidates, at least 1.

        Raises
        ------
        ProtocolError
            As for :meth:`screen`, and without a candidate.
        """
        return timeline(self, facts, phase, start, days, unusable)

    def counterfactuals(
        self,
        facts: Mapping[str, FactValue | None],
        phase: Phase | None = None,
        unusable: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[Change, ...]:
        """Say what would have to be different for each criterion that excludes.

        Every other fact stays as it is. A number is the nearest one in the fact's own steps, a day the first later
        day of enrolment; each change has been screened again. What cannot change (sex, height, a past date, a
        limit of normal) is left out. Parameters and errors are those of :meth:`screen`.
        """
        return counterfactuals(self, facts, phase, unusable)

    def screen_cohort(self, frame: Any, phase: Phase | None = None, **parameters: Any) -> CohortScreening:
        """Screen many participants at once.

        Parameters
        ----------
        frame
            One row per participant, columns named by fact id; an absent column is unknown for all. A pandas
            frame of any dtypes, a Polars frame (a lazy one is run once), an Arrow table, a DuckDB relation, another
            eager frame that narwhals knows, or the path of a Parquet file, which is read batch by batch.
        phase : str, optional
            A phase of the record; its first when left out.
        **parameters
            Changed thresholds or readings for this screening, by parameter id.

        Raises
        ------
        ProtocolError
            For an unknown parameter or a value outside its range, or a column of the wrong type.
        """
        return screen_frame(self.with_parameters(**parameters) if parameters else self, frame, phase)

    def cohort(self, frame: Any) -> Cohort:
        """Take a cohort that will be screened with changing parameters; see :class:`Cohort`.

        Parameters
        ----------
        frame
            What :meth:`screen_cohort` takes.
        """
        return Cohort(self, frame)
