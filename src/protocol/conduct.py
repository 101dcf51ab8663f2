"""What happened in a trial so far: participants, their dates and outcomes, and where that leaves the trial."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Field, StringConstraints, model_validator

from protocol.records import Record, Text, unique

Progress = Literal["enrolled", "in DLT window", "evaluable", "DLT"]


class Participation(Record):
    """One participant by study id, never by name: where, on which regimen, and when."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{2,15}$")]
    site: Text
    regimen: Annotated[str, StringConstraints(pattern=r"^[A-Z]\d$")]
    enrolled: date
    therapy_started: date | None = None
    first_infusion: date | None = None
    dlt_on: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = [day for day in (self.enrolled, self.therapy_started, self.first_infusion, self.dlt_on) if day]
        if days != sorted(days):
            raise ValueError("dates out of order; write enrolled, therapy_started, first_infusion, dlt_on in order")
        if self.dlt_on and not self.first_infusion:
            raise ValueError("a DLT without an infusion; write first_infusion too")
        return self

    def progress(self, on: date, dlt_window_days: int) -> Progress:
        """Say how far the participant has come on a day.

        The DLT window is counted from the first infusion; its last day is day ``dlt_window_days``. A toxicity
        after it is no DLT.
        """
        if self.first_infusion is None or self.first_infusion > on:
            return "enrolled"
        complete = self.dlt_complete(dlt_window_days)
        if self.dlt_on is not None and self.dlt_on <= on and self.dlt_on < complete:
            return "DLT"
        return "in DLT window" if on < complete else "evaluable"

    def dlt_complete(self, dlt_window_days: int) -> date:
        """Return the first day on which the DLT window has passed."""
        return (self.first_infusion or date.max - timedelta(dlt_window_days)) + timedelta(days=dlt_window_days)


class TrialSoFar(Record):
    """What is known of a trial on one day."""

    invented: bool
    as_of: date
    open_regimen: Annotated[str, StringConstraints(pattern=r"^[A-Z]\d$")]
    screened: dict[Text, Annotated[int, Field(ge=0)]]
    participants: tuple[Participation, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique((participant.id for participant in self.participants), "participant")
        return self


def standing(so_far: TrialSoFar, dlt_window_days: int) -> pd.DataFrame:
    """List each participant with how far they have come.

    Returns
    -------
    pandas.DataFrame
        participant, site, regimen, enrolled, first_infusion, window_ends (the day the DLT window has passed;
        None before the first infusion), progress.
    """
    rows = [
        {
            "participant": person.id,
            "site": person.site,
            "regimen": person.regimen,
            "enrolled": person.enrolled,
            "first_infusion": person.first_infusion,
            "window_ends": person.dlt_complete(dlt_window_days) if person.first_infusion else None,
            "progress": person.progress(so_far.as_of, dlt_window_days),
        }
        for person in so_far.participants
    ]
    return pd.DataFrame(rows)


def notation(table: pd.DataFrame) -> str:
    """Write the complete outcomes of :func:`standing` in the outcome notation, ``A1:NNN B1:NTN``."""
    complete = table[table["progress"].isin(["evaluable", "DLT"])]
    letters = complete["progress"].map({"evaluable": "N", "DLT": "T"}).groupby(complete["regimen"], sort=False).sum()
    return " ".join(f"{regimen}:{outcome}" for regimen, outcome in letters.items())


def per_site(so_far: TrialSoFar, table: pd.DataFrame, sites: Iterable[str]) -> pd.DataFrame:
    """Count screened, enrolled, treated and DLTs per site."""
    rows = []
    for site in sites:
        own = table[table["site"] == site]
        treated = own[own["progress"] != "enrolled"]
        dlts = int((own["progress"] == "DLT").sum())
        rows.append((site, so_far.screened.get(site, 0), len(own), len(treated), dlts))
    return pd.DataFrame(rows, columns=["site", "screened", "enrolled", "treated", "DLTs"])
