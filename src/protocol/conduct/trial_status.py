"""The status of a trial on one day: participants, their DLT windows and outcomes, and the next cohort."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from protocol.conduct.events import Regimen, VisitId
from protocol.records import Phase, Record, RecordError, StudyId, Text, unique
from protocol.translation import _

Progress = Literal["enrolled", "in DLT window", "assessment missing", "evaluable", "DLT", "withdrawn, not evaluable"]
"""The status of a participant with regard to the DLT window."""

AWAITED = ("enrolled", "in DLT window", "assessment missing")
"""The status of participants for whom the next decision waits."""

NOT_EVALUABLE: Progress = "withdrawn, not evaluable"
"""The status of a participant who left too early for an outcome: the place in the cohort is free again."""


class Participant(Record):
    """One enrolled participant: study id (never a name), site, regimen and dates."""

    id: StudyId
    site: Text
    regimen: Regimen
    phase: Phase | None = None
    """The phase of the trial; None is its first."""
    enrolled: date
    therapy_started: date | None = None
    first_infusion: date | None = None
    dlt_on: date | None = None
    assessed: date | None = None
    """The last day on which an assessment found no DLT."""
    end_of_treatment: date | None = None
    withdrawal: date | None = None
    visits: dict[VisitId, date] = Field(default_factory=dict)
    """Visit id to the day it took place."""
    missed: dict[VisitId, date] = Field(default_factory=dict)
    """Visit id to the day on which it was found missed, of those that did not take place later."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = [day for day in (self.enrolled, self.therapy_started, self.first_infusion, self.dlt_on) if day]
        if days != sorted(days):
            order = "enrolled, therapy_started, first_infusion, dlt_on"
            raise RecordError(_("dates out of order"), _("{names} in order").format(names=order))
        if self.dlt_on and not self.first_infusion:
            raise RecordError(_("a DLT without an infusion"), _("{key} too").format(key="first_infusion"))
        ends = [day for day in (self.first_infusion, self.end_of_treatment, self.withdrawal) if day]
        if ends != sorted(ends):
            raise RecordError(_("an end before what it ends"), _("infusion, end of treatment, withdrawal in order"))
        return self

    def progress(self, on: date, dlt_window_days: int) -> Progress:
        """Return the status of the participant on a day.

        The DLT window is counted from the first infusion; its last day is day ``dlt_window_days``. A toxicity after
        it is no DLT. "evaluable" needs an assessment without a DLT on the last day of the window or later: an earlier
        one does not cover the days after it, and a visit does not replace it. Without it, a window that is over is
        "assessment missing". A participant who leaves the trial without a DLT before the last day of the window (or
        before the first infusion) is "withdrawn, not evaluable", even with an assessment.
        """
        given = self.first_infusion is not None and self.first_infusion <= on
        complete = self.dlt_complete(dlt_window_days)
        last = complete - timedelta(days=1)
        if given and self.dlt_on is not None and self.dlt_on <= on and self.dlt_on < complete:
            return "DLT"
        if self.withdrawal is not None and self.withdrawal <= on and self.withdrawal < last:
            return NOT_EVALUABLE
        if not given:
            return "enrolled"
        if on < complete:
            return "in DLT window"
        return "evaluable" if self.assessed and last <= self.assessed <= on else "assessment missing"

    def dlt_complete(self, dlt_window_days: int) -> date:
        """Return the first day on which the DLT window has passed."""
        return (self.first_infusion or date.max - timedelta(dlt_window_days)) + timedelta(days=dlt_window_days)


class TrialSoFar(Record):
    """What is known of a trial on one day.

    ``invented`` is True for the example, ``as_of`` is the day that counts as today, ``screened`` maps a site to its
    number of screened participants.
    """

    invented: bool
    as_of: date
    open_regimen: Regimen
    screened: dict[Text, Annotated[int, Field(ge=0)]]
    participants: tuple[Participant, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique((participant.id for participant in self.participants), _("participant"))
        return self


def participant_status(so_far: TrialSoFar, dlt_window_days: int) -> pd.DataFrame:
    """Return one row a participant with the status in the DLT window.

    Returns
    -------
    pandas.DataFrame
        participant, site, regimen, enrolled, first_infusion, window_ends (the day the DLT window has passed;
        None before the first infusion), treated (whether the first infusion was given), progress.
    """
    rows = [
        {
            "participant": person.id,
            "site": person.site,
            "regimen": person.regimen,
            "enrolled": person.enrolled,
            "first_infusion": person.first_infusion,
            "window_ends": person.dlt_complete(dlt_window_days) if person.first_infusion else None,
            "treated": person.first_infusion is not None and person.first_infusion <= so_far.as_of,
            "progress": person.progress(so_far.as_of, dlt_window_days),
        }
        for person in so_far.participants
    ]
    return pd.DataFrame(rows)


def table_of_dates(people: Iterable[Participant]) -> pd.DataFrame:
    """Return the dates of participants, one row each.

    Returns
    -------
    pandas.DataFrame
        ``participant``, ``frequency`` (the level of the regimen), ``enrolment``, ``start_of_therapy``,
        ``first_infusion``, ``end_of_treatment``, ``withdrawal``, ``missed`` (visit id to the day on which it was
        found missed), and one column for each visit that took place.
    """
    rows = [
        {
            "participant": person.id,
            "frequency": int(person.regimen[1:]),
            "enrolment": person.enrolled,
            "start_of_therapy": person.therapy_started,
            "first_infusion": person.first_infusion,
            "end_of_treatment": person.end_of_treatment,
            "withdrawal": person.withdrawal,
            "missed": person.missed,
            **person.visits,
        }
        for person in people
    ]
    return pd.DataFrame(rows, dtype=object)


def dlt_windows(
    so_far: TrialSoFar, dlt_window_days: int, last_infusion_days: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Return the DLT window of each participant.

    Parameters
    ----------
    so_far : TrialSoFar
    dlt_window_days : int
        Length of the window, 1 or more.
    last_infusion_days : mapping of str to int, optional
        Study day of the last infusion at each frequency (``{"1": 1, "2": 8}``), to count the window from the planned
        last infusion. Counted from the first infusion when left out.

    Returns
    -------
    pandas.DataFrame
        ``participant``, ``site``, ``regimen``, ``starts`` (None before the first infusion), ``complete`` (the first
        day on which the window has passed, or the day of the DLT), ``state`` (waiting, running, unassessed: the
        window has passed and its assessment is missing, complete, DLT, left: withdrawn and not evaluable).
    """
    rows = []
    for person in so_far.participants:
        extra = (last_infusion_days or {}).get(person.regimen[1:], 1) - 1
        starts = person.first_infusion and person.first_infusion + timedelta(days=extra)
        progress = person.progress(so_far.as_of, dlt_window_days + extra)
        complete = starts and starts + timedelta(days=dlt_window_days)
        if progress == "DLT":
            complete = person.dlt_on
        rows.append((person.id, person.site, person.regimen, starts, complete, _WINDOW[progress]))
    return pd.DataFrame(rows, columns=["participant", "site", "regimen", "starts", "complete", "state"])


_WINDOW: Mapping[Progress, str] = {
    "enrolled": "waiting",
    "in DLT window": "running",
    "assessment missing": "unassessed",
    "evaluable": "complete",
    "DLT": "DLT",
    "withdrawn, not evaluable": "left",
}


def next_cohort(windows: pd.DataFrame, cohort_size: int, review_days: int) -> pd.DataFrame:
    """Return for each regimen when the decision after its last cohort can be taken, and for whom it waits.

    Parameters
    ----------
    windows : pandas.DataFrame
        What :func:`dlt_windows` returns.
    cohort_size, review_days : int
        Participants of a cohort, and days from the last complete window to the decision.

    Returns
    -------
    pandas.DataFrame
        One row a regimen, in the order of its first participant: ``regimen``, ``participants`` (without those who
        left and are not evaluable: they are replaced), ``running`` (windows that run, wait, or lack the assessment),
        ``free_places`` (in the cohort that is not full), ``held_by`` (the participants whose window ends last, or
        who have not begun or not been assessed), ``earliest`` (the first day on which the next cohort may open;
        None while a place is free, a first infusion is not given or an assessment is missing).
    """
    rows = []
    for regimen, all_of_it in windows.groupby("regimen", sort=False):
        own = all_of_it[all_of_it["state"] != "left"]
        waiting = own[own["state"].isin(["waiting", "unassessed"])]
        free = -len(own) % cohort_size if len(own) else cohort_size
        last = own["complete"].dropna().max() if own["complete"].notna().any() else None
        holders = waiting if len(waiting) else own[own["complete"] == last]
        open_ = own["state"].isin(["running", "waiting", "unassessed"])
        ready = None if free or len(waiting) or last is None else last + timedelta(days=review_days)
        held_by = ", ".join(holders["participant"]) if open_.any() else ""
        rows.append((regimen, len(own), int(open_.sum()), free, held_by, ready))
    names = ["regimen", "participants", "running", "free_places", "held_by", "earliest"]
    return pd.DataFrame(rows, columns=names)


def outcome_notation(table: pd.DataFrame) -> str:
    """Return the complete outcomes of :func:`participant_status` in the outcome notation, ``A1:NNN B1:NTN``."""
    complete = table[table["progress"].isin(["evaluable", "DLT"])]
    letters = complete["progress"].map({"evaluable": "N", "DLT": "T"}).groupby(complete["regimen"], sort=False).sum()
    return " ".join(f"{regimen}:{outcome}" for regimen, outcome in letters.items())
