"""The history of one participant, from the entries that hold."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

from protocol.conduct.entries import Entry
from protocol.conduct.trial_status import Participant


@dataclass(frozen=True)
class Assessment:
    """One assessment for dose-limiting toxicity."""

    on: date
    dlt: bool
    code: str | None = None
    grade: int | None = None


@dataclass(frozen=True)
class EventSeen:
    """What is known of one adverse event after all that was recorded of it.

    Attributes
    ----------
    term, version : str
    onset : date
    grade : int
        The highest so far; `grades` has each with the day from which it holds.
    end, known_on : date or None
    reported_on, completed_on : date or None
        When the sponsor sent the first report, and the one that completes it.
    why_serious : tuple of str
    relatedness, action, outcome : str
    expected, dlt : bool or None
    last_known : date
        The last day on which anything was recorded of it.
    """

    term: str
    version: str
    onset: date
    grades: tuple[tuple[date, int], ...]
    relatedness: str
    action: str
    outcome: str
    why_serious: tuple[str, ...] = ()
    end: date | None = None
    expected: bool | None = None
    dlt: bool | None = None
    known_on: date | None = None
    reported_on: date | None = None
    completed_on: date | None = None
    last_known: date = date.min

    @property
    def grade(self) -> int:
        """The highest grade so far."""
        return max(grade for _on, grade in self.grades)


@dataclass(frozen=True)
class ParticipantHistory:
    """The dates of one participant, from screening on.

    Attributes
    ----------
    site : str
        Where the participant was first recorded.
    screenings : tuple of Entry
        In the order of recording.
    infusions : mapping of int to date
        Number of the infusion to its day.
    recoveries : mapping of str to date
        ``neutrophils`` and ``platelets`` to the day.
    responses : tuple of (date, str)
        Day and category.
    phase : str or None
        The phase of the trial in which the participant is; None for an older entry, which is of the first.
    draws : mapping of date to mapping of str to float
        Day to what was counted on it, by analyte, as reported; of two draws the later entry.
    received : tuple of (date, str)
        Day and what was given beside the infusions.
    adverse_events : mapping of int to EventSeen
        By number.
    relapsed : date or None
    last_seen : date or None
        The last day on which anything was observed.
    visits, missed : mapping of str to date
        Visit id to the day on which it took place, or on which it was found missed and did not take place later.
    """

    site: str = ""
    screenings: tuple[Entry, ...] = ()
    consented: date | None = None
    enrolled: date | None = None
    regimen: str | None = None
    phase: str | None = None
    therapy_started: date | None = None
    infusions: Mapping[int, date] = field(default_factory=dict)
    treatment_ended: date | None = None
    assessments: tuple[Assessment, ...] = ()
    responses: tuple[tuple[date, str], ...] = ()
    recoveries: Mapping[str, date] = field(default_factory=dict)
    draws: Mapping[date, Mapping[str, float]] = field(default_factory=dict)
    received: tuple[tuple[date, str], ...] = ()
    adverse_events: Mapping[int, EventSeen] = field(default_factory=dict)
    relapsed: date | None = None
    last_seen: date | None = None
    visits: Mapping[str, date] = field(default_factory=dict)
    missed: Mapping[str, date] = field(default_factory=dict)
    withdrawn: date | None = None
    cause: str | None = None

    @property
    def excluded_by(self) -> tuple[str, ...]:
        """Ids of the criteria that excluded in the last screening; older entries say "not met"."""
        verdicts = self.screenings[-1].content["result"].get("verdicts", {}) if self.screenings else {}
        return tuple(name for name, status in verdicts.items() if status in ("excludes", "not met"))

    @property
    def overall(self) -> str | None:
        """The verdict of the last screening, None without one."""
        return self.screenings[-1].content["overall"] if self.screenings else None

    @property
    def dlt_on(self) -> date | None:
        """The day of the first DLT, None without one."""
        return min((found.on for found in self.assessments if found.dlt), default=None)

    @property
    def died(self) -> date | None:
        """The day of death: of the end of participation by it, or of an adverse event of grade 5."""
        days = [self.withdrawn] if self.cause == "death" and self.withdrawn else []
        days += [on for seen in self.adverse_events.values() for on, grade in seen.grades if grade == 5]
        return min(days, default=None)

    @property
    def assessed(self) -> date | None:
        """The last day on which an assessment found no DLT, None without one."""
        return max((found.on for found in self.assessments if not found.dlt), default=None)

    def as_participant(self, study_id: str, infusion_visits: Mapping[str, date]) -> Participant:
        """Return the dates of an enrolled participant as a record.

        Parameters
        ----------
        study_id : str
        infusion_visits : mapping of str to date
            The infusions as visits of the schedule.
        """
        return Participant(
            id=study_id,
            site=self.site,
            regimen=str(self.regimen),
            phase=self.phase,
            enrolled=self.enrolled,
            therapy_started=self.therapy_started,
            first_infusion=self.infusions.get(1),
            dlt_on=self.dlt_on,
            assessed=self.assessed,
            end_of_treatment=self.treatment_ended,
            withdrawal=self.withdrawn,
            visits={**infusion_visits, **self.visits},
            missed=dict(self.missed),
        )


_day_of = lru_cache(1000)(date.fromisoformat)  # one object for each day, not one for each event


def history_of(entries: Iterable[Entry]) -> ParticipantHistory:
    """Return the history that the entries of one participant give."""
    known: dict[str, Any] = {}
    for entry in entries:
        known.setdefault("site", entry.site)
        on = _day_of(entry.content["on"])
        _TAKE[entry.kind](known, entry, on)
        if entry.kind not in _NOT_SEEN and entry.content.get("done", True) and not is_paperwork(entry.content):
            known["last_seen"] = max(on, known.get("last_seen", on))
    return ParticipantHistory(**known)


_NOT_SEEN = {"screened", "consented", "enrolled"}  # before the observation begins

_ABOUT_REPORTS = {"expected", "known_on", "reported_on", "completed_on"}


def is_paperwork(values: Mapping[str, Any]) -> bool:
    """Return whether an entry says only how an adverse event was reported: nobody saw the participant on that day."""
    if values["kind"] != "adverse_event_followed":
        return False
    return values.keys() - {"kind", "on", "participant", "number"} <= _ABOUT_REPORTS


def _screened(known: dict[str, Any], entry: Entry, _on: date) -> None:
    known["screenings"] = (*known.get("screenings", ()), entry)


def _enrolled(known: dict[str, Any], entry: Entry, on: date) -> None:
    known |= {"enrolled": on, "regimen": entry.content["regimen"], "phase": entry.content.get("phase")}


def _assessed(known: dict[str, Any], entry: Entry, on: date) -> None:
    values = entry.content
    found = Assessment(on, values["dlt"], values["code"], values["grade"])
    known["assessments"] = (*known.get("assessments", ()), found)


def _response(known: dict[str, Any], entry: Entry, on: date) -> None:
    known["responses"] = (*known.get("responses", ()), (on, entry.content["category"]))


def _draw(known: dict[str, Any], entry: Entry, on: date) -> None:
    counts = {name: one["value"] for name, one in entry.content["counts"].items()}
    draws = known.setdefault("draws", {})
    draws[on] = draws.get(on, {}) | counts


def _received(known: dict[str, Any], entry: Entry, on: date) -> None:
    known["received"] = (*known.get("received", ()), (on, entry.content["what"]))


_JUDGED = ("relatedness", "action", "outcome", "expected", "dlt")


def _adverse_event(known: dict[str, Any], entry: Entry, on: date) -> None:
    values = entry.content
    judged: dict[str, Any] = {name: values[name] for name in _JUDGED if name in values}
    known.setdefault("adverse_events", {})[values["number"]] = EventSeen(
        term=values["term"],
        version=values["version"],
        onset=on,
        grades=((on, values["grade"]),),
        why_serious=tuple(values["why_serious"]),
        **(judged | _days_in(values)),
        last_known=max(on, _day_of(values.get("end", values["on"]))),
    )


def _followed(known: dict[str, Any], entry: Entry, on: date) -> None:
    values, events = entry.content, known.setdefault("adverse_events", {})
    seen = events.get(values["number"])
    if seen is None:  # a correction removed the event before this one was recorded
        return
    changed: dict[str, Any] = {name: values[name] for name in _JUDGED if name in values} | _days_in(values)
    if "why_serious" in values:
        changed["why_serious"] = tuple(values["why_serious"])
    if "grade" in values:
        changed["grades"] = (*seen.grades, (on, values["grade"]))
    last_known = seen.last_known if is_paperwork(values) else max(on, seen.last_known)
    events[values["number"]] = replace(seen, last_known=last_known, **changed)


_DAYS = ("end", "known_on", "reported_on", "completed_on")


def _days_in(values: Mapping[str, Any]) -> dict[str, date]:
    return {name: _day_of(values[name]) for name in _DAYS if name in values}


def _visit(known: dict[str, Any], entry: Entry, on: date) -> None:
    visit = entry.content["visit"]
    known.setdefault("visits" if entry.content["done"] else "missed", {})[visit] = on
    if entry.content["done"]:
        known.get("missed", {}).pop(visit, None)


def _withdrawn(known: dict[str, Any], entry: Entry, on: date) -> None:
    known |= {"withdrawn": on, "cause": entry.content["cause"]}


def _day(name: str) -> Callable[[dict[str, Any], Entry, date], None]:
    return lambda known, _entry, on: known.update({name: on})


def _numbered(name: str, key: str) -> Callable[[dict[str, Any], Entry, date], None]:
    return lambda known, entry, on: known.setdefault(name, {}).update({entry.content[key]: on})


_TAKE: Mapping[str, Callable[[dict[str, Any], Entry, date], None]] = {
    "screened": _screened,
    "consented": _day("consented"),
    "enrolled": _enrolled,
    "therapy_started": _day("therapy_started"),
    "infused": _numbered("infusions", "number"),
    "treatment_ended": _day("treatment_ended"),
    "dlt_assessed": _assessed,
    "response": _response,
    "recovery": _numbered("recoveries", "lineage"),
    "blood_count": _draw,
    "given": _received,
    "adverse_event": _adverse_event,
    "adverse_event_followed": _followed,
    "relapsed": _day("relapsed"),
    "visit": _visit,
    "withdrawn": _withdrawn,
}
