"""The history of one participant, from the entries that hold."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
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
    visits, missed : mapping of str to date
        Visit id to the day on which it took place, or on which it was found missed and did not take place later.
    """

    site: str = ""
    screenings: tuple[Entry, ...] = ()
    consented: date | None = None
    enrolled: date | None = None
    regimen: str | None = None
    therapy_started: date | None = None
    infusions: Mapping[int, date] = field(default_factory=dict)
    treatment_ended: date | None = None
    assessments: tuple[Assessment, ...] = ()
    responses: tuple[tuple[date, str], ...] = ()
    recoveries: Mapping[str, date] = field(default_factory=dict)
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
        _TAKE[entry.kind](known, entry, _day_of(entry.content["on"]))
    return ParticipantHistory(**known)


def _screened(known: dict[str, Any], entry: Entry, _on: date) -> None:
    known["screenings"] = (*known.get("screenings", ()), entry)


def _enrolled(known: dict[str, Any], entry: Entry, on: date) -> None:
    known |= {"enrolled": on, "regimen": entry.content["regimen"]}


def _assessed(known: dict[str, Any], entry: Entry, on: date) -> None:
    values = entry.content
    found = Assessment(on, values["dlt"], values["code"], values["grade"])
    known["assessments"] = (*known.get("assessments", ()), found)


def _response(known: dict[str, Any], entry: Entry, on: date) -> None:
    known["responses"] = (*known.get("responses", ()), (on, entry.content["category"]))


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
    "visit": _visit,
    "withdrawn": _withdrawn,
}
