"""The path of a participant for the pages: its steps, which one is next, and what they are called."""

import pandas as pd

from protocol.conduct import ParticipantHistory, Step, last_day_of_dlt_window, path_of
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.event_text import CAUSES
from protocol.pages.trial_log.visits import PRESENT, planned_infusion, visits_to_come
from protocol.translation import _, labelled, list_of

STEPS = {
    "screened": _("Screening"),
    "consented": _("Consent"),
    "enrolled": _("Enrolment"),
    "therapy_started": _("Start of therapy"),
    "infused": _("Infusion {number}"),
    "treatment_ended": _("End of treatment"),
    "dlt_assessed": _("DLT assessment"),
    "visit": _("Visits"),
    "withdrawn": _("End"),
}


def steps_of(desk: Desk, name: str) -> tuple[Step, ...]:
    """Return the path of a participant, also of one who is not in the log yet."""
    trial, history = desk.trial, desk.courses.get(name, ParticipantHistory())
    regimen = history.regimen or desk.briefing.open_regimen
    planned = len(trial.infusion_days(str(regimen))) if regimen in trial.escalation.grid.labels else 0
    return path_of(history, planned, trial.escalation.dlt_window_days.value, desk.briefing.as_of)


def next_step(desk: Desk, name: str) -> Step | None:
    """Return the next step of a participant, None after the end or without a participant."""
    return next((step for step in steps_of(desk, name) if step.state == "next"), None) if name else None


def step_name(step: Step) -> str:
    """Return the name of a step."""
    return STEPS[step.kind].format(number=step.number)


def day_of_step(desk: Desk, name: str, step: Step, ledger: pd.DataFrame | None) -> str:
    """Return the day of a step as text, or from which day on it can be recorded.

    Parameters
    ----------
    desk : Desk
    name : str
        Study id.
    step : Step
        Of :func:`steps_of`.
    ledger : pandas.DataFrame or None
        The visits and infusions of the participant; see :func:`protocol.pages.trial_log.visits.ledger_of`.
    """
    course = desk.courses.get(name)
    if step.on is not None:
        on = step.on.isoformat()
        if step.kind == "enrolled" and course:
            return list_of((on, course.regimen))
        if step.kind == "dlt_assessed" and course:
            return list_of((on, _("DLT") if course.dlt_on else _("no DLT")))
        return list_of((on, CAUSES[course.cause])) if step.kind == "withdrawn" and course and course.cause else on
    if step.state == "left out" or course is None:
        return ""
    if step.kind == "infused" and step.number == 1:
        waits_until = desk.first_infusion_from(name)
        return _("from {day}").format(day=waits_until) if waits_until else ""
    if step.kind == "infused":
        planned = planned_infusion(desk, course, step.number, ledger)
        return _("planned for {day}").format(day=planned["target"]) if planned else ""
    if step.kind == "dlt_assessed":
        last = last_day_of_dlt_window(course, desk.trial.escalation.dlt_window_days.value)
        return _("from {day}").format(day=last) if last else ""
    if step.kind == "visit":
        visits = visits_to_come(ledger)
        ahead = visits[visits["status"].isin([*PRESENT, "not yet"])]
        if ahead.empty:
            return ""
        first = ahead.iloc[0]
        when = _("now") if first["status"] in PRESENT else _("from {day}").format(day=first["opens"].date())
        return labelled(first["name"], when)
    return ""
