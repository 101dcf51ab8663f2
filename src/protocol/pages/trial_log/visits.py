"""The visits of one participant of the log, and what is asked before an entry about the participant."""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from protocol.conduct import Event, Infused, ParticipantHistory, VisitRecorded, questions
from protocol.figures.followup import SIGNS
from protocol.followup import timelines
from protocol.followup.schedule import infusion_visit
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import dates_of

PRESENT = ("overdue", "due", "open")
"""Statuses of visits that need action, the most urgent first; the first such visit is put in."""

ASKED = (*PRESENT, "missed", "not yet")
"""Statuses of visits that can be marked."""


def ledger_of(desk: Desk, name: str) -> pd.DataFrame | None:
    """Return the visits of a participant, as :func:`protocol.followup.timelines` does; None if they are not known."""
    people = [person for person in desk.participants.participants if person.id == name] if desk.participants else []
    try:
        return timelines(desk.trial.followup, dates_of(desk.trial, people), desk.briefing.as_of) if people else None
    except ProtocolError:  # the overview names the participants whose dates cannot be laid out
        return None


def visits_to_come(ledger: pd.DataFrame | None) -> pd.DataFrame:
    """Return a participant's visits that can still take place, without infusions.

    Parameters
    ----------
    ledger : pandas.DataFrame or None
        Of :func:`ledger_of`.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``name``, ``status``, ``opens``, ``closes``; the most urgent first.
    """
    columns = ["id", "name", "status", "opens", "closes"]
    if ledger is None:
        return pd.DataFrame(columns=columns)
    rows = ledger[ledger["status"].isin(ASKED) & ledger["kind"].ne("infusion")]
    rank = rows["status"].astype(object).map({status: place for place, status in enumerate(ASKED)})
    order = rows.assign(rank=rank).sort_values(["rank", "closes"], kind="stable").index
    return rows.loc[order, columns]


def planned_days(ledger: pd.DataFrame | None, visit: str) -> dict[str, date] | None:
    """Return the days of a visit or an infusion: target, opens, closes; None if they are not known.

    Parameters
    ----------
    ledger : pandas.DataFrame or None
        Of :func:`ledger_of`.
    visit : str
        Its id.
    """
    if ledger is None:
        return None
    days = ledger.loc[ledger["id"] == visit, ["target", "opens", "closes"]].dropna()
    return None if days.empty else {str(name): one.date() for name, one in days.iloc[0].items()}


def planned_infusion(
    desk: Desk, course: ParticipantHistory, number: int, ledger: pd.DataFrame | None
) -> dict[str, date] | None:
    """Return the days of an infusion as :func:`planned_days` does; None if they do not follow from the log yet."""
    is_known = course.regimen in desk.trial.escalation.grid.labels
    days = desk.trial.infusion_days(str(course.regimen)) if is_known else ()
    return planned_days(ledger, infusion_visit(days[number - 1])) if number <= len(days) else None


def visits_text(counts: Mapping[str, int]) -> str:
    """Return “2 overdue · 3 due · 2 open”; what is 0 is left out, “none” if nothing is left."""
    return " · ".join(f"{counts[name]} {SIGNS[name][2]}" for name in PRESENT if counts[name]) or _(
        "No visit is overdue, due or open."
    )


def questions_about(desk: Desk, event: Event) -> tuple[str, ...]:
    """Return what to ask before an event is recorded; see :func:`protocol.conduct.questions`."""
    name = getattr(event, "participant", None) or ""
    history = desk.courses.get(name, ParticipantHistory())
    return questions(history, event, desk.trial.escalation.dlt_window_days.value, _window(desk, event))


def _window(desk: Desk, event: Event) -> tuple[date, date] | None:
    """Return the window of a visit or an infusion before it is recorded; None if not known, and for other events."""
    planned = None
    if isinstance(event, VisitRecorded):
        planned = planned_days(ledger_of(desk, event.participant), event.visit)
    elif isinstance(event, Infused) and event.participant in desk.courses:
        course = desk.courses[event.participant]
        planned = planned_infusion(desk, course, event.number, ledger_of(desk, event.participant))
    return (planned["opens"], planned["closes"]) if planned else None
