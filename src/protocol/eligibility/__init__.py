"""Eligibility: criteria as data, one definition for one participant and for a whole cohort."""

from collections.abc import Mapping
from typing import Any

from protocol.eligibility.cohort import Cohort, CohortScreening, screen_frame
from protocol.eligibility.criteria import Case, Catalogue, Criterion, Fact, FactValue, Parameter, Part, Status
from protocol.eligibility.screening import Question, Screening, Verdict, check_facts, screen
from protocol.eligibility.values import expected
from protocol.records import Phase

__all__ = [
    "Case",
    "Cohort",
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

    def screen(self, facts: Mapping[str, FactValue | None], phase: Phase = "Ib") -> Screening:
        """Screen one participant.

        Parameters
        ----------
        facts : mapping of str to bool, int, float, str, date or None
            What is known, by fact id; numbers in the fact's unit. Absent, None and NaN mean unknown.
        phase : {"Ib", "II"}
            The phase of the trial.

        Returns
        -------
        Screening
            A verdict per criterion in protocol order, the overall verdict and what to find out next.

        Raises
        ------
        ProtocolError
            For an unknown fact, or a value of the wrong type or outside the plausible range.
        """
        return screen(self, facts, phase)

    def screen_cohort(self, frame: Any, phase: Phase = "Ib", **parameters: Any) -> CohortScreening:
        """Screen many participants at once.

        Parameters
        ----------
        frame
            One row per participant, columns named by fact id; an absent column is unknown for everybody. A pandas
            frame of any dtypes, a Polars frame (a lazy one is run once), an Arrow table, a DuckDB relation, another
            eager frame that narwhals knows, or the path of a Parquet file, which is read batch by batch.
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

    def cohort(self, frame: Any) -> Cohort:
        """Take a cohort that will be screened with changing parameters; see :class:`Cohort`.

        Parameters
        ----------
        frame
            What :meth:`screen_cohort` takes.
        """
        return Cohort(self, frame)
