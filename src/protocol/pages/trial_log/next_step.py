"""The path of a participant for the pages: its steps, which one is next, and what they are called."""

from protocol.conduct import ParticipantHistory, Step, path_of
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _

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
    planned = 0
    if regimen in trial.escalation.grid.labels:
        level = trial.frequency_level(str(regimen))
        planned = next((len(f.infusion_days) for f in trial.followup.frequencies if f.level == level), 0)
    return path_of(history, planned, trial.escalation.dlt_window_days.value, desk.briefing.as_of)


def next_step(desk: Desk, name: str) -> Step | None:
    """Return the next step of a participant, None after the end or without a participant."""
    return next((step for step in steps_of(desk, name) if step.state == "next"), None) if name else None


def step_name(step: Step) -> str:
    """Return the name of a step."""
    return STEPS[step.kind].format(number=step.number)
