"""The one record of the whole trial, and the only reader of ``data/``."""

from datetime import date, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SkipValidation, model_validator

from protocol.conduct import Course, Entry, State, TrialSoFar, fold, local_day, read_entries
from protocol.eligibility import EligibilityRecord
from protocol.escalation import EscalationRecord
from protocol.followup import FollowupRecord
from protocol.records import Ambiguity, Provenance, Record, Text, read_record, unique
from protocol.sites import Contact, District, Official, River, Site, SitesRecord


class TrialFact(Provenance):
    """One thing a registry says about the trial as a whole."""

    id: Text
    label: Text
    value: int | date | str | tuple[str, ...]


class Arm(Provenance):
    """An arm, or an intervention, in the registry's words."""

    name: Text
    type: Text
    description: Text


class Outcome(Provenance):
    """An outcome measure, in the registry's words."""

    kind: Literal["primary", "secondary", "other"]
    measure: Text
    description: str = ""
    time_frame: str = ""


class Unknown(Record):
    """Something the protocol must say and no public page does."""

    id: Text
    label: Text


class Identity(Record):
    """What ``trial.toml`` holds."""

    facts: tuple[TrialFact, ...]
    arms: tuple[Arm, ...]
    interventions: tuple[Arm, ...]
    unknowns: tuple[Unknown, ...]
    outcomes: tuple[Outcome, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Self:
        unique((fact.id for fact in self.facts), "fact")
        return self

    def __getitem__(self, fact: str) -> TrialFact:
        """Return one fact by its id."""
        return next(item for item in self.facts if item.id == fact)

    @property
    def trial_id(self) -> str:
        """The number of the trial in its registry."""
        return str(self["nct_id"].value)

    @property
    def title(self) -> str:
        """The title of the trial, as registered."""
        return str(self["title"].value)

    def get(self, fact: str) -> TrialFact | None:
        """Return one fact by its id, None when the record has none of it."""
        return next((item for item in self.facts if item.id == fact), None)


class Register(Record):
    """What ``ambiguities.toml`` holds."""

    ambiguities: tuple[Ambiguity, ...]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        unique((ambiguity.id for ambiguity in self.ambiguities), "ambiguity")
        return self


class Examples(Record):
    """The invented example beside the trial: a cohort to screen, and the log of a trial and what follows from it."""

    folder: Path
    entries: SkipValidation[tuple[Entry, ...]]
    so_far: TrialSoFar

    def cohort(self) -> bytes:
        """Return the invented cohort of 500 as the bytes of a CSV file."""
        return (self.folder / "cohort.csv").read_bytes()


class Trial(Record):
    """A trial: what it is, what its words leave open, and one record per topic."""

    folder: Path | None = Field(default=None, exclude=True)
    """Where it was read from."""
    identity: Identity
    ambiguities: tuple[Ambiguity, ...]
    eligibility: EligibilityRecord
    escalation: EscalationRecord
    followup: FollowupRecord
    sites: tuple[Site, ...]
    rivers: tuple[River, ...]
    districts: tuple[District, ...] = ()
    central_contacts: tuple[Contact, ...] = ()
    officials: tuple[Official, ...] = ()
    examples: Examples | None = None
    so_far: TrialSoFar | None = None
    """Participants of the trial that the pages show: of the invented example unless a log is open."""


def load_trial(folder: str | Path) -> Trial:
    """Read the TOML files of one trial folder into one frozen record.

    Parameters
    ----------
    folder : str or Path
        For example ``data/NCT05672420``.

    Raises
    ------
    ProtocolError
        Naming the file and the place in it when something is missing or wrong.
    """
    folder = Path(folder)
    places = read_record(folder / "sites.toml", SitesRecord)
    trial = Trial(
        folder=folder,
        identity=read_record(folder / "trial.toml", Identity),
        ambiguities=read_record(folder / "ambiguities.toml", Register).ambiguities,
        eligibility=read_record(folder / "eligibility.toml", EligibilityRecord),
        escalation=read_record(folder / "escalation.toml", EscalationRecord),
        followup=read_record(folder / "followup.toml", FollowupRecord),
        **{name: getattr(places, name) for name in SitesRecord.model_fields},
    )
    examples = _examples(folder.parent / "examples", trial)
    return trial.model_copy(update={"examples": examples, "so_far": examples and examples.so_far})


def _examples(folder: Path, trial: Trial) -> Examples | None:
    """Read the examples when they are this trial's: when they name its sites."""
    if not (folder / "log.jsonl").is_file():
        return None
    entries = read_entries(folder / "log.jsonl")
    so_far = so_far_of(fold(entries), trial, day_of(entries[-1]), invented=True)
    own = {person.site for person in so_far.participants} <= {site.name for site in trial.sites}
    return Examples(folder=folder, entries=entries, so_far=so_far) if own else None


def day_of(entry: Entry) -> date:
    """Return the day on which an entry was recorded, where the trial takes place."""
    return local_day(datetime.fromisoformat(entry.time))


def so_far_of(state: State, trial: Trial, as_of: date, invented: bool) -> TrialSoFar:
    """Return what the pages work with: an infusion is the visit that the schedule has for it."""
    levels = {level.level: level.infusion_days for level in trial.followup.frequencies}
    known = {visit.id for visit in trial.followup.all_visits}

    def infusion_visits(course: Course) -> dict[str, date]:
        planned = levels.get(int(str(course.regimen)[1:]), ())
        visits = {f"infusion_day_{planned[n - 1]}": day for n, day in course.infusions.items() if n <= len(planned)}
        return {visit: day for visit, day in visits.items() if visit in known}

    return state.so_far(as_of, trial.escalation.design.start.value, invented, infusion_visits)
