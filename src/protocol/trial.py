"""The record of a trial, and the only reader of ``data/``."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import Field, SkipValidation, StringConstraints, model_validator

from protocol.conduct import (
    AdverseEvent,
    BloodCount,
    Entry,
    Event,
    EventSeen,
    Participant,
    ParticipantHistory,
    ProtocolRules,
    Received,
    Stagger,
    State,
    TrialSoFar,
    fold,
    read_entries,
    table_of_dates,
)
from protocol.display import Displayed
from protocol.effect import (
    GIVEN,
    REPORT_COLUMNS,
    EffectRecord,
    Observations,
    analytes,
    read_counts,
    refuse_term,
    reports_of,
    standard_count,
    units,
)
from protocol.eligibility import Cases, EligibilityRecord
from protocol.escalation import EscalationRecord
from protocol.escalation.record import Dose
from protocol.followup import ROLES, FollowupRecord, infusion_visit
from protocol.records import (
    Ambiguity,
    ProtocolError,
    Provenance,
    Record,
    RecordError,
    Sourced,
    Text,
    read_record,
    unique,
)
from protocol.sites import Contact, District, Official, River, Site, SitesRecord
from protocol.translation import _, list_of
from protocol.version import SHARED

__all__ = [
    "Arm",
    "Examples",
    "Identity",
    "OutcomeMeasure",
    "Recovery",
    "Register",
    "Trial",
    "TrialFact",
    "Unknown",
    "dates_of",
    "effect_observations",
    "escalating",
    "load_trial",
    "log_rules",
    "reports_due",
    "so_far_of",
]


class TrialFact(Provenance):
    """One registered fact about the trial as a whole."""

    id: Text
    label: Text
    value: int | date | str | tuple[str, ...]


class Arm(Provenance):
    """An arm or an intervention, in the words of the registry."""

    name: Text
    type: Text
    description: Text
    interventions: tuple[Text, ...] = ()
    """Of an arm: its interventions, as ``type: name``."""
    arms: tuple[Text, ...] = ()
    """Of an intervention: the arms that receive it."""
    other_names: tuple[Text, ...] = ()


class OutcomeMeasure(Provenance):
    """An outcome measure, in the words of the registry."""

    kind: Literal["primary", "secondary", "other"]
    measure: Text
    description: str = ""
    time_frame: str = ""


class Unknown(Record):
    """Something that the protocol must state and no public page states."""

    id: Text
    label: Text


class Recovery(Provenance):
    """A recovery of the blood count that the log can hold, as the protocol defines it."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    label: Text


class Identity(Record):
    """What the trial is: the file ``trial.toml``. The facts ``nct_id`` and ``title`` are required."""

    facts: tuple[TrialFact, ...]
    arms: tuple[Arm, ...]
    interventions: tuple[Arm, ...]
    unknowns: tuple[Unknown, ...]
    outcomes: tuple[OutcomeMeasure, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    """Without any, no recovery is asked for."""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        unique((fact.id for fact in self.facts), _("fact"))
        unique((item.id for item in self.recoveries), _("recovery"))
        for name in ("nct_id", "title"):
            if self.get(name) is None:
                raise RecordError(_("no fact {name!r}").format(name=name), _("a fact with this id"))
        return self

    def __getitem__(self, fact: str) -> TrialFact:
        """Return one fact by its id.

        Raises
        ------
        KeyError
            If the record has no such fact.
        """
        found = self.get(fact)
        if found is None:
            raise KeyError(fact)
        return found

    def get(self, fact: str) -> TrialFact | None:
        """Return one fact by its id, None if the record has no such fact."""
        return next((item for item in self.facts if item.id == fact), None)

    @property
    def trial_id(self) -> str:
        """The number of the trial in its registry."""
        return str(self["nct_id"].value)

    @property
    def title(self) -> str:
        """The registered title."""
        return str(self["title"].value)


class Register(Record):
    """The register of ambiguities: the file ``ambiguities.toml``."""

    ambiguities: tuple[Ambiguity, ...]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        unique((ambiguity.id for ambiguity in self.ambiguities), _("ambiguity"))
        return self


class Examples(Record):
    """The invented examples beside the trial: a cohort to screen, and the log of a trial with its status.

    The log ends while the escalation goes on; :meth:`Trial.in_phase_two` has the one that goes on into phase II.
    """

    folder: Path
    entries: SkipValidation[tuple[Entry, ...]]
    state: SkipValidation[State]
    so_far: TrialSoFar

    def cohort(self) -> bytes:
        """Return the invented cohort as the bytes of a CSV file."""
        return (self.folder / "cohort.csv").read_bytes()


PHASE_TWO_LOG = "phase_two.jsonl"


class Trial(Record, Displayed):
    """A trial: its identity, its ambiguities, and one record per topic."""

    folder: Path | None = Field(default=None, exclude=True)
    """The folder from which it was read."""
    identity: Identity
    ambiguities: tuple[Ambiguity, ...]
    eligibility: EligibilityRecord
    escalation: EscalationRecord
    followup: FollowupRecord
    effect: EffectRecord | None = None
    """None for a record that says nothing of effect and harm."""
    time_zone: Sourced[str] | None = None
    sites: tuple[Site, ...]
    rivers: tuple[River, ...]
    districts: tuple[District, ...] = ()
    central_contacts: tuple[Contact, ...] = ()
    officials: tuple[Official, ...] = ()
    examples: Examples | None = None
    so_far: TrialSoFar | None = None
    """The participants shown on the pages: those of the invented example unless a log is open."""

    def in_phase_two(self) -> "Trial":
        """Return the trial with the example log that goes on into phase II, in which its participants are observed.

        Without such a log the trial is returned as it is. The log is read once.
        """
        return self._in_phase_two

    @cached_property
    def _in_phase_two(self) -> "Trial":
        if self.examples is None or not (self.examples.folder / PHASE_TWO_LOG).is_file():
            return self
        examples = _examples(self.examples.folder, self, PHASE_TWO_LOG)
        return self.model_copy(update={"examples": examples, "so_far": examples and examples.so_far})

    def states(self, topic: str) -> bool:
        """Whether the record has something on a topic: not without its file, nor if its values are placeholders."""
        found = getattr(self, topic, self)
        return found is not None and not getattr(found, "placeholder", False)

    def frequency_level(self, regimen: str) -> int:
        """Return the frequency level, counted from 1, of a regimen by its label.

        Raises
        ------
        ProtocolError
            If the grid has no such regimen.
        """
        return self.escalation.grid.index(regimen) % len(self.escalation.frequencies) + 1

    def infusion_days(self, regimen: str) -> tuple[int, ...]:
        """Return the study days of the infusions of a regimen by its label, the first one 1; none if not stated.

        Raises
        ------
        ProtocolError
            If the grid has no such regimen.
        """
        level = self.frequency_level(regimen)
        return next((one.infusion_days for one in self.followup.frequencies if one.level == level), ())

    def dose_of(self, regimen: str) -> Dose:
        """Return the dose of a regimen by its label.

        Raises
        ------
        ProtocolError
            If the grid has no such regimen.
        """
        return self.escalation.doses[self.escalation.grid.index(regimen) // len(self.escalation.frequencies)]

    def site_shown(self, name: str) -> str:
        """Return the name to show for a site by its registered name; another name as it is."""
        return next((site.shown_name for site in self.sites if site.name == name), name)

    @property
    def zone(self) -> tzinfo:
        """The time zone whose calendar days the trial uses; UTC if the record names none."""
        return ZoneInfo(self.time_zone.value) if self.time_zone else UTC

    def local_day(self, moment: datetime) -> date:
        """Return the calendar day of a moment (with its zone) in the time zone of the trial."""
        return moment.astimezone(self.zone).date()

    def today(self) -> date:
        """Return the present day in the time zone of the trial; the log counts days by it."""
        return self.local_day(datetime.now(UTC))

    def day_of(self, entry: Entry) -> date:
        """Return the day on which an entry was recorded, in the time zone of the trial."""
        return self.local_day(datetime.fromisoformat(entry.time))

    def __repr__(self) -> str:
        """Return the number and the size of the trial."""
        criteria, sites = len(self.eligibility.criteria), len(self.sites)
        return f"Trial({self.identity.trial_id!r}, {criteria} criteria, {sites} sites)"

    __str__ = __repr__

    def table(self) -> pd.DataFrame:
        """Return the registered facts, one row each: ``label``, ``value``, ``origin``."""
        rows = [(fact.label, fact.value, fact.origin) for fact in self.identity.facts]
        return pd.DataFrame(rows, columns=["label", "value", "origin"], dtype=object)


def load_trial(folder: str | Path) -> Trial:
    """Read the TOML files of one trial folder into one frozen record.

    Parameters
    ----------
    folder : str or Path
        For example ``data/NCT01234567``. A relative one is looked for in the working directory, in the directories
        above it (a notebook runs in its own), and then among the files that come with the package.

    Raises
    ------
    ProtocolError
        Naming the file and the place in it where something is missing or wrong.
    """
    folder = _found(Path(folder))
    return _read(folder, tuple(map(_version, _files(folder))))


def _files(folder: Path) -> list[Path]:
    """Return the files that a record is read from, those of the examples included."""
    return sorted([*folder.glob("*.toml"), *(folder.parent / "examples").glob("*")])


def _version(file: Path) -> tuple[Path, int, int, int]:
    found = file.stat()
    return file.absolute(), found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4)
def _read(folder: Path, _versions: tuple[tuple[Path, int, int, int], ...]) -> Trial:
    """Read a record; files that have not changed are not read again."""
    places = read_record(folder / "sites.toml", SitesRecord)
    trial = Trial(
        folder=folder,
        identity=read_record(folder / "trial.toml", Identity),
        ambiguities=read_record(folder / "ambiguities.toml", Register).ambiguities,
        eligibility=read_record(folder / "eligibility.toml", EligibilityRecord).with_cases(
            read_record(folder / "eligibility_cases.toml", Cases)
        ),
        escalation=read_record(folder / "escalation.toml", EscalationRecord),
        followup=read_record(folder / "followup.toml", FollowupRecord),
        effect=read_record(folder / "effect.toml", EffectRecord) if (folder / "effect.toml").exists() else None,
        **{name: getattr(places, name) for name in SitesRecord.model_fields},
    )
    examples = _examples(folder.parent / "examples", trial)
    eligibility = trial.eligibility.with_zone(trial.zone)
    found = {"eligibility": eligibility, "examples": examples, "so_far": examples and examples.so_far}
    return trial.model_copy(update=found)


def _found(folder: Path) -> Path:
    """Return where a folder lies: as it is written, from a directory above the working one, or in the package."""
    if folder.is_absolute() or folder.is_dir():
        return folder
    below = Path(*(part for part in folder.parts if part != ".."))
    places = (*(one / folder for one in Path.cwd().parents), SHARED / below)
    return next((one for one in places if one.is_dir()), folder)


def _examples(folder: Path, trial: Trial, file: str = "log.jsonl") -> Examples | None:
    """Read the examples if they belong to this trial: if their sites are its sites."""
    if not (folder / file).is_file():
        return None
    entries = read_entries(folder / file)
    state = fold(entries)
    so_far = so_far_of(state, trial, trial.day_of(entries[-1]), invented=True)
    own = {person.site for person in so_far.participants} <= {site.name for site in trial.sites}
    return Examples(folder=folder, entries=entries, state=state, so_far=so_far) if own else None


def so_far_of(state: State, trial: Trial, as_of: date, invented: bool) -> TrialSoFar:
    """Return the status of a trial on a day: each infusion is the visit that the schedule has for it."""
    levels = {level.level: level.infusion_days for level in trial.followup.frequencies}
    known = {visit.id for visit in trial.followup.all_visits}

    def infusion_visits(history: ParticipantHistory) -> dict[str, date]:
        known_regimen = history.regimen in trial.escalation.grid.labels
        planned = levels.get(trial.frequency_level(str(history.regimen)), ()) if known_regimen else ()
        visits = {infusion_visit(planned[n - 1]): day for n, day in history.infusions.items() if n <= len(planned)}
        return {visit: day for visit, day in visits.items() if visit in known}

    return state.so_far(as_of, trial.escalation.design.start.value, invented, infusion_visits)


def escalating(trial: Trial, so_far: TrialSoFar) -> TrialSoFar:
    """Return the status with the participants of the escalation only: those of the first phase."""
    first = (None, *trial.eligibility.phases[:1])
    people = tuple(person for person in so_far.participants if person.phase in first)
    return so_far if len(people) == len(so_far.participants) else so_far.model_copy(update={"participants": people})


def dates_of(trial: Trial, people: Iterable[Participant]) -> pd.DataFrame:
    """Return the dates of participants as :func:`protocol.followup.timelines` takes them.

    Returns
    -------
    pandas.DataFrame
        What :func:`protocol.conduct.table_of_dates` returns, with the ids of the record's anchors in place of their
        roles. Dates whose role no anchor has are left out.
    """
    table = table_of_dates(people)
    anchors = {role: trial.followup.anchor(role) for role in ROLES}
    return table.drop(columns=[role for role, anchor in anchors.items() if anchor is None], errors="ignore").rename(
        columns={role: anchor for role, anchor in anchors.items() if anchor}
    )


def log_rules(trial: Trial) -> ProtocolRules:
    """Return what a log of the trial keeps to: its phases, the wait after a first participant, and what can be."""
    stagger = trial.escalation.stagger
    return ProtocolRules(
        phases=trial.eligibility.phases,
        stagger=Stagger(stagger.days.value, stagger.of.value) if stagger else None,
        refuse=_refuse_observation,
    )


def _refuse_observation(event: Event) -> None:
    """Raise for a count, a product or a term that the topic "effect" does not know."""
    if isinstance(event, BloodCount):
        for analyte, one in event.counts.items():
            read_counts([one.value], analyte, one.unit)
            if one.normal_limit is not None:
                read_counts([one.normal_limit], analyte, one.unit)
    elif isinstance(event, Received) and event.what not in GIVEN:
        raise ProtocolError(".".join((event.kind, "what")), repr(event.what), list_of(GIVEN))
    elif isinstance(event, AdverseEvent):
        for name, grade in (("term", None), ("grade", event.grade)):
            try:
                refuse_term(event.term, event.version, grade)
            except ProtocolError as error:
                raise ProtocolError(f"{event.kind}.{name}", error.found, error.write) from None


def effect_observations(state: State, trial: Trial) -> Observations:
    """Return what the log says of everybody enrolled, as the tables of the topic "effect".

    Counts are converted to the first unit of their analyte. An adverse event that nobody judged is dose-limiting or
    not as the record derives it, see :class:`protocol.effect.DltRule`.
    """
    enrolled = {name: one for name, one in state.histories.items() if one.enrolled}
    entries = [(name, entry) for name in enrolled for entry in state.people[name]]
    planned = _planned_cells(trial)
    return Observations.of_rows(
        participants=[_observed(trial, name, one) for name, one in enrolled.items()],
        counts=[row for name, entry in entries if entry.kind == "blood_count" for row in _counted(name, entry)],
        given=[
            {"participant": name, "on": on, "what": what}
            for name, one in enrolled.items()
            for on, what in one.received
        ],
        infusions=[
            {"participant": name, "planned": planned.get(str(enrolled[name].regimen)), **entry.content}
            for name, entry in entries
            if entry.kind == "infused"
        ],
        events=[row for name, one in enrolled.items() for row in _harms(trial, name, one, state.people[name])],
    )


def reports_due(state: State, trial: Trial, as_of: date) -> pd.DataFrame:
    """Return what is to be reported of the serious adverse events of everybody enrolled.

    Returns
    -------
    DataFrame
        What :func:`protocol.effect.reports_of` returns; no row if the record names no rule of reporting.
    """
    rule = trial.effect.reporting if trial.effect else None
    enrolled = {name: one for name, one in state.histories.items() if one.enrolled and rule}
    rows = [row for name, one in enrolled.items() for row in _harms(trial, name, one, state.people[name])]
    serious = Observations.of_rows(events=[row for row in rows if row["serious"]]).events
    if rule is None or serious.empty:
        return pd.DataFrame(columns=list(REPORT_COLUMNS), dtype=object)
    sites = serious["participant"].map({name: one.site for name, one in enrolled.items()})
    return reports_of(serious.assign(site=sites), as_of, rule.value)


def _observed(trial: Trial, name: str, one: ParticipantHistory) -> dict[str, Any]:
    return {
        "participant": name,
        "regimen": one.regimen,
        "phase": one.phase or trial.eligibility.phases[0],
        "site": one.site,
        "first_infusion": one.infusions.get(1),
        "last_seen": one.last_seen,
        "died": one.died,
        "dlt_on": one.dlt_on,
        "assessed": one.assessed,
        "relapsed": one.relapsed or (one.withdrawn if one.cause == "progression" else None),
    }


def _counted(name: str, entry: Entry) -> Iterator[dict[str, Any]]:
    known = analytes()
    for analyte, one in entry.content["counts"].items():
        if analyte in known:
            value, limit = one["value"], one.get("normal_limit")
            yield {
                "participant": name,
                "on": entry.content["on"],
                "analyte": analyte,
                "value": standard_count(value, analyte, one["unit"]),
                "unit": units(analyte)[0],
                "normal_limit": limit and standard_count(limit, analyte, one["unit"]),
            }


def _harms(trial: Trial, name: str, one: ParticipantHistory, entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    since: dict[int, date] = {}
    for entry in entries if one.adverse_events else ():
        if entry.kind in ("adverse_event", "adverse_event_followed") and entry.content.get("why_serious"):
            since.setdefault(entry.content["number"], trial.day_of(entry))
    for number, seen in one.adverse_events.items():
        yield _harmed(trial, name, one, number, seen) | {"serious_since": since.get(number)}


def _harmed(trial: Trial, name: str, one: ParticipantHistory, number: int, seen: EventSeen) -> dict[str, Any]:
    dlt, first, window = seen.dlt, one.infusions.get(1), trial.escalation.dlt_window_days.value
    if dlt is None and trial.effect:
        dlt = trial.effect.dlt.derived(seen.relatedness, seen.grade, seen.onset, first, window)
    return {
        "participant": name,
        "number": number,
        **{field: getattr(seen, field) for field in _AS_SEEN},
        "serious": bool(seen.why_serious),
        "why_serious": ", ".join(seen.why_serious),
        "dlt": dlt,
    }


_AS_SEEN = (
    *("term", "version", "grade", "onset", "end", "relatedness", "action", "outcome", "expected", "known_on"),
    *("reported_on", "completed_on"),
    "last_known",
)


def _planned_cells(trial: Trial) -> dict[str, float]:
    """Return the planned cells of each regimen, in 10^6 per kilogram; none if doses are given in another unit."""
    record = trial.escalation
    if record.placeholder or record.dose_unit != "cells/kg":
        return {}
    return {label: trial.dose_of(label).amount.value / 1e6 for label in record.grid.labels}
