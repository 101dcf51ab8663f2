"""What was observed in the participants of a trial: the tables that this topic reads, and what is derived from them.

Elapsed days are counted from the first infusion, day 0; a participant without one has none. What is not known is
missing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import pandas as pd

from protocol.display import Displayed
from protocol.effect.checks import one_of
from protocol.effect.counts import analytes, units
from protocol.effect.recovery import Definition, Draws, Given, Recoveries, definitions, recovery
from protocol.translation import _

GIVEN = {
    "platelet transfusion": _("platelet transfusion"),
    "red cell transfusion": _("red cell transfusion"),
    "G-CSF": _("G-CSF"),
    "pegylated G-CSF": _("pegylated G-CSF"),
    "thrombopoietin": _("thrombopoietin or an agonist of its receptor"),
    "erythropoietin": _("erythropoietin"),
    "nothing": _("neither a transfusion nor a growth factor"),
}
"""What can be given, with its label. "nothing" says of a day that the records were read and there was none."""

TRANSFUSIONS = {"platelets": "platelet transfusion", "red cells": "red cell transfusion"}
"""The product of each transfusion, and how :data:`GIVEN` names it."""

GROWTH_FACTORS = ("G-CSF", "pegylated G-CSF")
"""What a definition of recovery of the neutrophils means by a growth factor."""

_DAY, _TEXT, _NUMBER, _MARK = "datetime64[s]", "object", "float64", "boolean"

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "participants": {
        **dict.fromkeys(("participant", "regimen", "phase", "site"), _TEXT),
        **dict.fromkeys(("first_infusion", "last_seen", "died", "relapsed", "dlt_on", "assessed"), _DAY),
    },
    "counts": {
        "participant": _TEXT,
        "on": _DAY,
        "analyte": _TEXT,
        "value": _NUMBER,
        "unit": _TEXT,
        "normal_limit": _NUMBER,
    },
    "given": {"participant": _TEXT, "on": _DAY, "what": _TEXT},
    "infusions": {
        "participant": _TEXT,
        "number": "int64",
        "on": _DAY,
        "lot": _TEXT,
        **dict.fromkeys(("cells", "viability", "volume_ml", "planned"), _NUMBER),
        **dict.fromkeys(("started", "stopped"), _TEXT),
    },
    "events": {
        "participant": _TEXT,
        "number": "int64",
        "term": _TEXT,
        "version": _TEXT,
        "grade": "int64",
        "onset": _DAY,
        "end": _DAY,
        "serious": "bool",
        "why_serious": _TEXT,
        **dict.fromkeys(("relatedness", "action", "outcome"), _TEXT),
        "expected": _MARK,
        "dlt": _MARK,
        **dict.fromkeys(("known_on", "reported_on", "completed_on", "serious_since", "last_known"), _DAY),
    },
}
"""Columns of each table of :class:`Observations`, with their types."""


@dataclass(frozen=True, eq=False, repr=False)
class Observations(Displayed):
    """What was observed in the participants; the columns of each table are those of :data:`COLUMNS`.

    Attributes
    ----------
    participants : DataFrame
        Everybody enrolled, one row each: participant, regimen, phase, site, first_infusion (missing before it),
        last_seen (the last day on which anything was observed), died and relapsed (missing if neither is known),
        dlt_on and assessed (the first assessment for DLT that found one, and the last one that found none).
    counts : DataFrame
        One row for each analyte of each draw: participant, on, analyte (one of :func:`analytes`), value and
        normal_limit (the laboratory's lower limit of normal, missing if it was not given), both in `unit`, the first
        one of :func:`units`.
    given : DataFrame
        participant, on, what (one of :data:`GIVEN`).
    infusions : DataFrame
        participant, number, on, lot (empty if not recorded), cells and planned (10^6 per kilogram), viability (0 to
        1), volume_ml, started and stopped (time of the day, empty if not recorded).
    events : DataFrame
        One row an adverse event: participant, number, term (an id of :func:`event_terms`, or a MedDRA code), version
        (of CTCAE), grade (the highest so far), onset, end (missing while it lasts), serious, why_serious (empty, or
        the criteria of seriousness joined by ", "), relatedness, action, outcome, expected (missing if not judged),
        dlt (True, False, or missing if it was not judged), known_on (the day the sponsor first knew), reported_on and
        completed_on (the days of the first and of the completed report), serious_since (the day on which the log
        first held it as serious) and last_known (the last day on which anything was recorded of it).
    """

    participants: pd.DataFrame
    counts: pd.DataFrame
    given: pd.DataFrame
    infusions: pd.DataFrame
    events: pd.DataFrame

    @classmethod
    def of_rows(cls, **rows: Iterable[Mapping[str, Any]]) -> Self:
        """Make the tables from rows; a table that is not named is empty, and what a row leaves out is missing."""
        return cls(**{name: _frame(name, rows.get(name, ())) for name in COLUMNS})

    def __repr__(self) -> str:
        """Return the numbers of participants, counts and adverse events."""
        sizes = (len(self.participants), len(self.counts), len(self.events))
        return "Observations({} participants, {} counts, {} adverse events)".format(*sizes)

    def table(self) -> pd.DataFrame:
        """Return one row a participant: how many draws, infusions, transfusions and adverse events there are."""
        found = self.participants[["participant", "regimen", "phase"]].copy()
        draws = self.counts.drop_duplicates(["participant", "on"])
        transfusions = self.given[self.given["what"].isin(TRANSFUSIONS.values())]
        for name, frame in (
            ("draws", draws),
            ("infusions", self.infusions),
            ("transfusions", transfusions),
            ("events", self.events),
        ):
            found[name] = found["participant"].map(frame["participant"].value_counts()).fillna(0).astype(int)
        return found

    def where(self, keep: Callable[[pd.DataFrame], Any]) -> Self:
        """Return the observations of some participants.

        Parameters
        ----------
        keep : callable
            Takes the table of participants and returns a mark for each: ``lambda p: p["phase"] == "II"``.
        """
        names = self.participants.loc[keep(self.participants), "participant"]
        kept = {}
        for one in fields(self):
            frame = getattr(self, one.name)
            kept[one.name] = frame[frame["participant"].isin(names)].reset_index(drop=True)
        return type(self)(**kept)

    @property
    def treated(self) -> Self:
        """The observations of those who had an infusion."""
        return self.where(lambda people: people["first_infusion"].notna())


def _frame(name: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    columns = COLUMNS[name]
    frame = pd.DataFrame(list(rows), columns=list(columns), dtype=object)
    return pd.DataFrame({column: _typed(frame[column], kind) for column, kind in columns.items()})


def _typed(column: "pd.Series[Any]", kind: Any) -> "pd.Series[Any]":
    if kind == _DAY:
        column = pd.to_datetime(column)
    typed: pd.Series[Any] = column.fillna("") if kind == _TEXT else column.astype(kind)
    return typed


def elapsed_days(observations: Observations, frame: pd.DataFrame, column: str) -> pd.Series:
    """Return the days from the first infusion to those in a column, Int64: missing for a participant without one."""
    first = observations.participants.set_index("participant")["first_infusion"]
    own = first.reindex(frame["participant"]).to_numpy()  # unlike map, it takes an empty table
    days: pd.Series = (frame[column] - own).dt.days.astype("Int64")
    return days


def draws(observations: Observations, analyte: str) -> Draws:
    """Return the draws of one analyte of all treated participants, those without a draw included.

    Raises
    ------
    ProtocolError
        When it is not counted here.
    """
    own = observations.treated
    rows = own.counts[own.counts["analyte"] == one_of(analyte, analytes(), _("analyte"))]
    days, everyone = elapsed_days(own, rows, "on").astype("int64"), own.participants["participant"].tolist()
    unit = units(analyte)[0]
    return Draws(rows["participant"].to_numpy(), days, rows["value"], analyte=analyte, unit=unit, everyone=everyone)


def given(observations: Observations, what: Iterable[str]) -> Given:
    """Return the elapsed days on which something of `what` was given to the treated participants.

    Of a participant without any record, of something given or of a day on which nothing was given, it is not known.
    """
    own = observations.treated
    rows = own.given[own.given["what"].isin(list(what))]
    people = own.participants["participant"]
    unknown = people[~people.isin(own.given["participant"])]
    return Given(rows["participant"].tolist(), elapsed_days(own, rows, "on").astype("int64"), unknown.tolist())


def recoveries(observations: Observations, definition: Definition | str) -> Recoveries:
    """Return what is known of a recovery of all treated participants, up to the day on which each was seen last.

    Raises
    ------
    ProtocolError
        For an unknown definition.
    """
    if isinstance(definition, str):
        definition = definitions()[one_of(definition, definitions(), _("definition of recovery"))]
    own = observations.treated
    ends = elapsed_days(own, own.participants, "last_seen").clip(lower=0).astype("int64")
    transfused = given(own, [TRANSFUSIONS[definition.product]]) if definition.product else None
    factor = given(own, GROWTH_FACTORS) if definition.growth_factor else None
    found = draws(own, definition.analyte)
    return recovery(found, definition, follow_up_end=ends, transfusions=transfused, growth_factor=factor)


def exposure(observations: Observations) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of :func:`tabulate_events` and :func:`overview`.

    Returns
    -------
    participants : DataFrame
        All treated: participant, group (the regimen), exposure_days (from the first infusion to the day on which the
        participant was seen last, both counted).
    events : DataFrame
        Their adverse events from the first infusion on: participant, term, grade, onset_day, end_day, serious,
        related.
    """
    own = observations.treated
    people = pd.DataFrame(
        {
            "participant": own.participants["participant"],
            "group": own.participants["regimen"],
            "exposure_days": elapsed_days(own, own.participants, "last_seen").astype("int64") + 1,
        }
    )
    listed = own.events.rename(columns={"relatedness": "related"}).assign(
        onset_day=elapsed_days(own, own.events, "onset"), end_day=elapsed_days(own, own.events, "end")
    )
    columns = ["participant", "term", "grade", "onset_day", "end_day", "serious", "related"]
    return people, listed.loc[listed["onset_day"] >= 0, columns].reset_index(drop=True)
