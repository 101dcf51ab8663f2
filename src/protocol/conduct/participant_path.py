"""The path of one participant from the screening to the end: what is done, what is next, what is to come."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from protocol.conduct.participant_history import ParticipantHistory as History

StepState = Literal["done", "next", "to come", "left out"]


@dataclass(frozen=True)
class Step:
    """One step of the path.

    Attributes
    ----------
    kind : str
        The kind of the event that records it.
    number : int
        Of an infusion; 0 for every other step.
    on : date or None
        The day on which it took place.
    state : str
        done, next (to be recorded now), to come, or left out (it will not take place on this path).
    """

    kind: str
    number: int = 0
    on: date | None = None
    state: StepState = "to come"


def path_of(history: History, infusions: int, dlt_window_days: int, on: date) -> tuple[Step, ...]:
    """Return the steps of a participant, at most one of which is next.

    Parameters
    ----------
    history : ParticipantHistory
        An empty one for a participant who is not in the log yet.
    infusions : int
        How many the regimen plans.
    dlt_window_days : int
        Length of the DLT window, counted from the first infusion.
    on : date
        The day that counts as today.

    Returns
    -------
    tuple of Step
        Screening, consent, enrolment, start of therapy, each infusion, end of treatment, DLT assessment, visits, and
        ``withdrawn`` for the end. After the last step but the end, ``visit`` stays next: which visits are due is
        asked of the schedule.
    """
    steps = tuple(_recorded(history, infusions, dlt_window_days))
    found = _next(history, steps, dlt_window_days, on)
    over = history.withdrawn is not None or history.overall == "ineligible"
    return tuple(_with_state(history, step, step is found, over) for step in steps)


def next_event(history: History, infusions: int, dlt_window_days: int, on: date) -> Step | None:
    """Return the step that is next on the path, None after its end; see :func:`path_of`."""
    return next((step for step in path_of(history, infusions, dlt_window_days, on) if step.state == "next"), None)


def _recorded(history: History, infusions: int, dlt_window_days: int) -> Iterator[Step]:
    screened = date.fromisoformat(history.screenings[-1].content["on"]) if history.screenings else None
    yield Step("screened", on=screened)
    yield Step("consented", on=history.consented)
    yield Step("enrolled", on=history.enrolled)
    yield Step("therapy_started", on=history.therapy_started)
    for number in range(1, max(infusions, len(history.infusions)) + 1):
        yield Step("infused", number, history.infusions.get(number))
    yield Step("treatment_ended", on=history.treatment_ended)
    yield Step("dlt_assessed", on=_assessed(history, dlt_window_days))
    yield Step("visit")
    yield Step("withdrawn", on=history.withdrawn)


def last_day_of_dlt_window(history: History, dlt_window_days: int) -> date | None:
    """Return the last day of the DLT window, None before the first infusion."""
    first = history.infusions.get(1)
    return first and first + timedelta(days=dlt_window_days - 1)


def _assessed(history: History, dlt_window_days: int) -> date | None:
    """Return the day of the assessment that counts: a DLT, or one without on the last day of the window or later."""
    last = last_day_of_dlt_window(history, dlt_window_days)
    if history.dlt_on or last is None or history.assessed is None:
        return history.dlt_on
    return history.assessed if history.assessed >= last else None


def _next(history: History, steps: tuple[Step, ...], dlt_window_days: int, on: date) -> Step | None:
    if history.withdrawn is not None or history.overall == "ineligible":
        return None
    first = {step.kind: step for step in reversed(steps) if step.on is None}
    for kind in ("screened", "consented", "enrolled"):
        if kind in first:
            return first[kind]
    last = last_day_of_dlt_window(history, dlt_window_days)
    if last is not None and on >= last and "dlt_assessed" in first:
        return first["dlt_assessed"]
    open_kinds = ["visit"]
    if history.treatment_ended is None:
        open_kinds = ["treatment_ended", "visit"]
        if history.dlt_on is None:  # whether an infusion follows a DLT is not for the path to propose
            open_kinds = (
                ["infused", *open_kinds] if history.infusions else ["therapy_started", "infused", *open_kinds]
            )
    return next(first[kind] for kind in open_kinds if kind in first)


def _with_state(history: History, step: Step, is_next: bool, over: bool) -> Step:
    if step.on is not None:
        return replace(step, state="done")
    if is_next:
        return replace(step, state="next")
    passed = (step.kind == "therapy_started" and history.infusions) or (
        step.kind == "infused" and history.treatment_ended
    )
    return replace(step, state="left out") if over or passed else step
