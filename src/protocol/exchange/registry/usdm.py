"""USDM 4.0 (CDISC and TransCelerate): write a trial as a study, read a study's schedule and criteria.

A window in USDM is two non-negative durations: how long before and how long after the planned time a visit may be
(``windowLower``, ``windowUpper``). Published files write it in two other ways as well:

- *negative*: ``-P3D`` to ``P3D``, the bounds with their signs, though the standard allows no sign;
- *absolute*: ``P12D`` to ``P15D`` around a planned ``P14D``, the bounds counted from the same start. Two positive
  durations can have either meaning, so this form is read only on request, and a window that could have it is noted.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from markupsafe import Markup

from protocol.exchange.documents.synopsis import wording_lines
from protocol.exchange.foreign_json import Json, Place, read_json
from protocol.followup import Anchor, FollowupRecord, Visit, shifted
from protocol.records import ProtocolError, Provenance
from protocol.sites import country_codes
from protocol.translation import _, list_of
from protocol.trial import Trial

__all__ = ["Bounds", "criteria", "duration_days", "export", "schedule", "study"]

# --- Codes ---

with Path(__file__).with_name("usdm_terms.toml").open("rb") as _file:
    _CODES = tomllib.load(_file)

_EPOCHS = {"Screening": "Screening Epoch", "Treatment": "Treatment Epoch", "Follow-up": "Follow-Up Epoch"}

_NOT_STATED = "not stated"

# --- The pieces of a study ---

_EMPTY_LISTS = {
    "Activity": "childIds definedProcedures biomedicalConceptIds bcCategoryIds bcSurrogateIds notes",
    "AliasCode": "standardCodeAliases",
    "EligibilityCriterion": "notes",
    "EligibilityCriterionItem": "notes",
    "Encounter": "notes",
    "Endpoint": "notes",
    "InterventionalStudyDesign": """
        therapeuticAreas estimands indications biospecimenRetentions documentVersionIds analysisPopulations notes
        subTypes""",
    "Objective": "notes",
    "Study": "documentedBy",
    "StudyArm": "populationIds notes",
    "StudyDesignPopulation": "notes cohorts",
    "StudyElement": "studyInterventionIds notes",
    "StudyEpoch": "notes",
    "StudyIntervention": "codes administrations notes",
    "StudyRole": "assignedPersons notes",
    "StudyVersion": """
        documentVersionIds dateValues amendments businessTherapeuticAreas referenceIdentifiers narrativeContentItems
        abbreviations administrableProducts medicalDevices productOrganizationRoles biomedicalConcepts bcCategories
        bcSurrogates dictionaries conditions notes""",
}
"""Required fields of each class that the export writes as an empty list."""

_NULLS = {
    "EligibilityCriterionItem": "description dictionaryId",
    "Encounter": "scheduledAtId transitionStartRule transitionEndRule",
    "Endpoint": "label description dictionaryId",
    "Objective": "label description dictionaryId",
    "Organization": "legalAddress",
    "ScheduledActivityInstance": "timelineId",
    "StudyDesignPopulation": "label plannedCompletionNumber",
    "StudyElement": "transitionStartRule transitionEndRule",
    "StudyIntervention": "minimumResponseDuration",
    "StudyRole": "masking",
}
"""Required fields of each class that the export writes as null."""


class _Pieces:
    """Makes the pieces of one study and numbers them: Timing_1, Timing_2 and so on."""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()

    def make(self, kind: str, **fields: Any) -> Json:
        """Make a piece of a class of the standard."""
        self._made[kind] += 1
        return {
            "id": f"{kind}_{self._made[kind]}",
            "extensionAttributes": [],
            **fields,
            **{name: [] for name in _EMPTY_LISTS.get(kind, "").split()},
            **dict.fromkeys(_NULLS.get(kind, "").split()),
            "instanceType": kind,
        }

    def code(self, words: str) -> Json:
        """Make a coded term of CDISC."""
        return self.make(
            "Code",
            code=_CODES["terms"][words],
            codeSystem="http://www.cdisc.org",
            codeSystemVersion="2024-09-27",
            decode=words,
        )

    def alias(self, words: str) -> Json:
        """Make a coded term that may have aliases."""
        return self.make("AliasCode", standardCode=self.code(words))

    def quantity(self, value: float, unit: str | None = None) -> Json:
        """Make a number with or without a unit."""
        return self.make("Quantity", value=float(value), unit=self.alias(unit) if unit else None)


def _chained(pieces: list[Json]) -> list[Json]:
    """Name in each piece the one before it and the one after it."""
    names = [None, *(piece["id"] for piece in pieces), None]
    for number, piece in enumerate(pieces):
        piece["previousId"], piece["nextId"] = names[number], names[number + 2]
    return pieces


def _origin(value: Provenance) -> str:
    """Say where a value comes from; an assumption is called one."""
    return f"Assumption: {value.origin}" if value.is_assumption else f"Source: {value.origin}"


# --- The schedule: a timeline for each frequency level ---

_DAY = date(2001, 3, 1)  # any day: the example's dates only put anchors and visits into their order


@dataclass
class _ScheduleExport:
    """Epochs, activities and encounters, shared by the timelines of all levels."""

    record: FollowupRecord
    pieces: _Pieces

    def __post_init__(self) -> None:
        make, record = self.pieces.make, self.record
        self._anchor_days = self._place_anchors()
        self._visited = {
            (visit.id, self._day(visit, item.level)): visit
            for visit in record.all_visits
            for item in record.frequencies
            if visit.applies_to(item.level)
        }
        infusions = [day for (_name, day), visit in self._visited.items() if visit.is_infusion]
        self._treated = min(infusions), max(*infusions, shifted(min(infusions), record.course.value))
        used = {self._epoch(day) for day in [*(day for _name, day in self._visited), *self._anchor_days.values()]}
        epochs = [
            make("StudyEpoch", name=name, label=name, description=name, type=self.pieces.code(term))
            for name, term in _EPOCHS.items()
            if name in used
        ]
        activities = [
            make("Activity", name=item.id, label=item.name, description=_origin(item)) for item in record.procedures
        ]
        places = sorted(self._visited, key=lambda key: key[1])
        self.epochs, self.activities = _chained(epochs), _chained(activities)
        self.encounters = _chained([self._encounter(*place) for place in places])
        self._encounter_ids = {place: piece["id"] for place, piece in zip(places, self.encounters, strict=True)}
        self.timelines = [self._timeline(item.level) for item in record.frequencies]

    def _place_anchors(self) -> dict[str, date]:
        """Place the anchors by the example; one without a day stands where the one before it stands."""
        days: dict[str, date] = {}
        last = _DAY
        for anchor in self.record.anchors:
            offset = self.record.example.anchors.get(anchor.id)
            last = shifted(_DAY, offset) if offset else last
            days[anchor.id] = last
        return days

    def _day(self, visit: Visit, level: int) -> date:
        """Place a visit in that order, by its chain of offsets."""
        above = {item.id: item for item in self.record.visits_at(level)}
        parent = self.record.parent(visit, level)
        base = self._day(above[parent], level) if parent in above else self._anchor_days[parent]
        return shifted(base, visit.offset)

    def _epoch(self, day: date) -> str:
        first, last = self._treated
        return "Screening" if day < first else "Treatment" if day <= last else "Follow-up"

    def _encounter(self, name: str, day: date) -> Json:
        """Make one encounter a visit; one whose place depends on the level has one for each place."""
        visit = self._visited[name, day]
        places = sorted(other for known, other in self._visited if known == name)
        suffix = f" ({places.index(day) + 1})" if len(places) > 1 else ""
        return self.pieces.make(
            "Encounter",
            name=f"{name}{suffix}",
            label=f"{visit.name}{suffix}",
            description=_origin(visit),
            type=self.pieces.code("Visit"),
            environmentalSettings=[self.pieces.code("Hospital")],
            contactModes=[self.pieces.code("In Person")],
        )

    def _timeline(self, level: int) -> Json:
        make, record = self.pieces.make, self.record
        visits = {visit.id: visit for visit in record.visits_at(level)}
        instances = self._instances(level, visits)
        leave = make("ScheduleTimelineExit")
        names = [*(piece["id"] for piece in instances.values()), None]
        for piece, following in zip(instances.values(), names[1:], strict=True):
            piece["defaultConditionId"], piece["timelineExitId"] = following, None if following else leave["id"]
        timings = [self._anchor_timing(anchor, instances[anchor.id]) for anchor in record.anchors]
        timings += [self._timing(visit, record.parent(visit, level), instances) for visit in visits.values()]
        duration = make(
            "Duration",
            text="; ".join(f"{item.name}: {item.lasts}" for item in record.periods) or _NOT_STATED,
            quantity=None,
            durationWillVary=True,
            reasonDurationWillVary="Counted from more than one anchor",
        )
        return make(
            "ScheduleTimeline",
            name=f"Frequency {level}",
            label=f"Schedule at infusion frequency {level}",
            description=_origin(next(item for item in record.frequencies if item.level == level)),
            mainTimeline=level == record.frequencies[0].level,
            entryCondition="Participant considered for the study",
            entryId=names[0],
            exits=[leave],
            timings=timings,
            instances=list(instances.values()),
            plannedDuration=duration,
        )

    def _instances(self, level: int, visits: dict[str, Visit]) -> dict[str, Json]:
        """Make one instance an anchor and a visit, in the order of their days; an anchor stands before a visit."""
        days = {anchor: (day, 0) for anchor, day in self._anchor_days.items()}
        days |= {name: (self._day(visit, level), 1) for name, visit in visits.items()}
        activities = {piece["name"]: piece["id"] for piece in self.activities}
        epochs = {piece["name"]: piece["id"] for piece in self.epochs}
        labels = {item.id: item.name for item in self.record.anchors}
        labels |= {name: visit.name for name, visit in visits.items()}
        return {
            name: self.pieces.make(
                "ScheduledActivityInstance",
                name=name,
                label=labels[name],
                description=labels[name],
                epochId=epochs[self._epoch(days[name][0])],
                encounterId=self._encounter_ids.get((name, days[name][0])),
                activityIds=[activities[item] for item in visits[name].procedures] if name in visits else [],
            )
            for name in sorted(days, key=days.__getitem__)
        }

    def _anchor_timing(self, anchor: Anchor, instance: Json) -> Json:
        return self.pieces.make(
            "Timing",
            name=anchor.id,
            label=anchor.name,
            description=_origin(anchor),
            type=self.pieces.code("Fixed Reference"),
            value="P0D",
            valueLabel="0 days",
            relativeToFrom=self.pieces.code("Start to Start"),
            relativeFromScheduledInstanceId=instance["id"],
            relativeToScheduledInstanceId=None,
            windowLower=None,
            windowUpper=None,
            windowLabel=None,
        )

    def _timing(self, visit: Visit, parent: str, instances: dict[str, Json]) -> Json:
        length, window = visit.offset.removeprefix("-"), visit.window
        return self.pieces.make(
            "Timing",
            name=visit.id,
            label=visit.name,
            description=f"{_origin(visit)} Window: {_origin(window)}",
            type=self.pieces.code("Before" if visit.offset.startswith("-") else "After"),
            value=length,
            valueLabel=length,
            relativeToFrom=self.pieces.code("Start to Start"),
            relativeFromScheduledInstanceId=instances[visit.id]["id"],
            relativeToScheduledInstanceId=instances[parent]["id"],
            windowLower=window.before,
            windowUpper=window.after,
            windowLabel=f"-{window.before}..+{window.after}",
        )

    def cells(self, arms: Iterable[Json]) -> tuple[list[Json], list[Json]]:
        """Make one element an epoch and one cell for each arm and epoch."""
        make = self.pieces.make
        elements = [
            make("StudyElement", name=epoch["name"], label=epoch["name"], description=epoch["name"])
            for epoch in self.epochs
        ]
        cells = [
            make("StudyCell", armId=arm["id"], epochId=epoch["id"], elementIds=[element["id"]])
            for epoch, element in zip(self.epochs, elements, strict=True)
            for arm in arms
        ]
        return elements, cells


# --- A trial as a study ---


def export(trial: Trial) -> Json:
    """Write a trial as a USDM 4.0 study, ready for ``json.dumps``.

    The anchors become fixed references and each frequency level a timeline of its own. The same trial gives the same
    file.

    Parameters
    ----------
    trial : Trial

    Raises
    ------
    ProtocolError
        If the trial is not interventional or has more than one arm: the export knows no other design. If a criterion
        is undecided: in the standard it either admits or excludes.
    """
    facts = _Facts(trial)
    if facts["study_type"] != "Interventional":
        raise ProtocolError(
            "trial.toml, study_type",
            repr(facts["study_type"]),
            _("an interventional trial; no other can be exported"),
        )
    if len(trial.identity.arms) != 1:
        raise ProtocolError(
            "trial.toml, arms",
            _("{n} arms").format(n=len(trial.identity.arms)),
            _("a trial of one arm; no other can be exported"),
        )
    if undecided := [item.id for item in trial.eligibility.criteria if item.kind == "undecided"]:
        write = _("inclusion or exclusion as their kind")
        raise ProtocolError(
            "eligibility.toml, criteria", _("{undecided} undecided").format(undecided=list_of(undecided)), write
        )
    pieces = _Pieces()
    make, code = pieces.make, pieces.code
    sponsor = _organization(pieces, facts["sponsor"], "Clinical Study Sponsor")
    registry = _organization(pieces, "ClinicalTrials.gov", "Study Registry")
    items = [
        make("EligibilityCriterionItem", name=item.id, label=item.id, text=_marked_up(wording_lines(item)))
        for item in trial.eligibility.criteria
    ]
    interventions = [
        make(
            "StudyIntervention",
            name=arm.name,
            label=arm.name,
            description=arm.description,
            role=code(_CODES["role"].get(trial.identity.arms[0].type, "Experimental Intervention")),
            type=code(_CODES["intervention"].get(arm.type, "Other")),
        )
        for arm in trial.identity.interventions
    ]
    version = make(
        "StudyVersion",
        versionIdentifier="1",
        rationale=facts["purpose"],
        studyIdentifiers=[
            make("StudyIdentifier", text=facts["nct_id"], scopeId=registry["id"]),
            make("StudyIdentifier", text=facts["sponsor_id"], scopeId=sponsor["id"]),
        ],
        studyDesigns=[_design(trial, pieces, facts, items, interventions)],
        titles=[make("StudyTitle", text=text, type=code(kind)) for kind, text in _titles(facts).items()],
        eligibilityCriterionItems=items,
        organizations=[sponsor, registry, *_hospitals(trial, pieces)],
        studyInterventions=interventions,
    )
    role = make(
        "StudyRole",
        name="Sponsor",
        label="Sponsor",
        description="Sponsor",
        code=code("Sponsor"),
        appliesToIds=[version["id"]],
        organizationIds=[sponsor["id"]],
    )
    version["roles"] = [role]
    study = make(
        "Study", name=facts["nct_id"], label=facts["title"], description=facts["purpose"], versions=[version]
    )
    return {"study": study, "usdmVersion": "4.0.0", "systemName": "Protocol workbook", "systemVersion": "1"}


class _Facts:
    """The facts of a trial as texts, by id; what the record lacks is not stated."""

    def __init__(self, trial: Trial) -> None:
        self._identity = trial.identity

    def __getitem__(self, name: str) -> str:
        fact = self._identity.get(name)
        return str(fact.value) if fact else _NOT_STATED


def _titles(facts: _Facts) -> dict[str, str]:
    """Return the titles by their type; the standard requires an official one, so the brief one stands in for it."""
    official, acronym = (facts[name] for name in ("official_title", "acronym"))
    titles = {
        "Official Study Title": facts["title"] if official == _NOT_STATED else official,
        "Brief Study Title": facts["title"],
        "Study Acronym": acronym,
    }
    return {kind: text for kind, text in titles.items() if text != _NOT_STATED}


def _organization(pieces: _Pieces, name: str, kind: str, sites: Iterable[Json] = ()) -> Json:
    return pieces.make(
        "Organization",
        name=name,
        label=name,
        type=pieces.code(kind),
        identifierScheme=_NOT_STATED,
        identifier=name,
        managedSites=list(sites),
    )


def _hospitals(trial: Trial, pieces: _Pieces) -> list[Json]:
    found = []
    for site in trial.sites:
        managed = []
        if codes := country_codes(site.country):  # the standard needs one for a site
            country = pieces.make(
                "Code",
                code=codes[1],
                codeSystem="ISO 3166 1 alpha3",
                codeSystemVersion="2020-08",
                decode=site.country,
            )
            place = f"{site.city}, {site.province}"
            managed = [pieces.make("StudySite", name=site.id, label=site.name, description=place, country=country)]
        found.append(_organization(pieces, site.name, "Healthcare Facility", managed))
    return found


def _marked_up(lines: Iterable[str]) -> str:
    return str(Markup("").join(Markup("<p>{}</p>").format(line.strip()) for line in lines))


def _design(trial: Trial, pieces: _Pieces, facts: _Facts, items: list[Json], interventions: list[Json]) -> Json:
    make, code = pieces.make, pieces.code
    arms = [
        make(
            "StudyArm",
            name=arm.name,
            label=arm.name,
            description=arm.description,
            type=code(_CODES["arm"].get(arm.type, "Protocol Treatment Arm")),
            dataOriginDescription="Collected in this study",
            dataOriginType=code("Data Generated Within Study"),
        )
        for arm in trial.identity.arms
    ]
    plan = _ScheduleExport(trial.followup, pieces)
    elements, cells = plan.cells(arms)
    entries = _chained(
        [
            make(
                "EligibilityCriterion",
                name=criterion.id,
                label=criterion.title[:120],
                description=criterion.origin,
                category=code(f"{criterion.kind.capitalize()} Criteria"),
                identifier=criterion.id,
                criterionItemId=item["id"],
            )
            for criterion, item in zip(trial.eligibility.criteria, items, strict=True)
        ]
    )
    phase, masking, purpose, model = (
        _CODES[name].get(facts[name]) for name in ("phase", "masking", "primary_purpose", "intervention_model")
    )
    if masking is None and "no masking" in facts["design"]:
        masking = "Open Label Study"
    return make(
        "InterventionalStudyDesign",
        name=facts["nct_id"],
        label=facts["phase"],
        description=_described(trial),
        studyType=code("Interventional Study"),
        studyPhase=pieces.alias(phase) if phase else None,
        encounters=plan.encounters,
        activities=plan.activities,
        arms=arms,
        studyCells=cells,
        rationale=facts["background"],
        epochs=plan.epochs,
        elements=elements,
        studyInterventionIds=[item["id"] for item in interventions],
        objectives=[_objective(trial, pieces, facts)],
        population=_population(pieces, facts, entries),
        scheduleTimelines=plan.timelines,
        eligibilityCriteria=entries,
        model=code(model or "Single Group Study"),
        characteristics=[code("Randomized")] if facts["allocation"] == "Randomized" else [],
        intentTypes=[code(purpose)] if purpose else [],
        blindingSchema=pieces.alias(masking) if masking else None,
    )


_DESIGN_FACTS = (
    *("design", "allocation", "intervention_model", "intervention_model_description", "primary_purpose", "masking"),
    *("masking_description", "who_masked", "why_stopped"),
)


def _described(trial: Trial) -> str:
    """Describe the design in the registry's words, for what the standard has no code for."""
    found = [fact for fact in map(trial.identity.get, _DESIGN_FACTS) if fact and fact.value != _NOT_STATED]
    if [fact.id for fact in found] == ["design"]:
        return str(found[0].value)
    values = (", ".join(fact.value) if isinstance(fact.value, tuple) else str(fact.value) for fact in found)
    return "; ".join(f"{fact.label}: {value}" for fact, value in zip(found, values, strict=True)) or _NOT_STATED


def _objective(trial: Trial, pieces: _Pieces, facts: _Facts) -> Json:
    """Make the primary objective, which the standard requires together with an endpoint."""
    measures = [item.measure for item in trial.identity.outcomes if item.kind == "primary"]
    endpoints = [
        pieces.make(
            "Endpoint",
            name=f"Primary {number}",
            text=text,
            purpose="primary",
            level=pieces.code("Primary Endpoint"),
        )
        for number, text in enumerate(measures or [f"{_NOT_STATED}: the record has no primary outcome"], 1)
    ]
    level = pieces.code("Primary Objective")
    return pieces.make("Objective", name="Primary", text=facts["purpose"], level=level, endpoints=endpoints)


_AGE = re.compile(r"(\d+(?:\.\d+)?) (Year|Month|Week|Day|Hour|Minute)s?")


def _population(pieces: _Pieces, facts: _Facts, entries: list[Json]) -> Json:
    """Make the population; what the standard cannot hold, such as an age without an upper limit, is described."""
    ages = [_AGE.fullmatch(age) for age in facts["eligible_ages"].split(" - ")]
    limits = [pieces.quantity(float(age[1]), age[2]) for age in ages if age] if len(ages) == 2 and all(ages) else None
    sexes = ["Female", "Male"] if facts["gender"] == "All" else [facts["gender"]]
    number, is_actual = facts["enrolment"], facts["enrolment_type"] == "Actual"
    says = {
        "Eligible ages": None if limits else facts["eligible_ages"],
        "Healthy volunteers": facts["healthy_volunteers"] if facts["healthy_volunteers"] == _NOT_STATED else None,
        "Actual enrolment": number if is_actual else None,
        "Gender": None if facts["gender_description"] == _NOT_STATED else facts["gender_description"],
    }
    return pieces.make(
        "StudyDesignPopulation",
        name="Population",
        description="; ".join(f"{name}: {text}" for name, text in says.items() if text) or None,
        includesHealthySubjects=facts["healthy_volunteers"] == "Yes",
        plannedEnrollmentNumber=pieces.quantity(int(number)) if number.isdigit() and not is_actual else None,
        plannedSex=[pieces.code(sex) for sex in sexes if sex in ("Female", "Male")],
        criterionIds=[entry["id"] for entry in entries],
        plannedAge=limits and pieces.make("Range", minValue=limits[0], maxValue=limits[1], isApproximate=False),
    )


# --- A study read: its schedule and its criteria ---

Bounds = Literal["around", "from the start"]
"""How the bounds of a window are counted: around the planned time, or both from the start."""

_DURATION = re.compile(
    r"([+-]?)P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)

_UNIT_DAYS = (None, None, 7.0, 1.0, 1 / 24, 1 / 1440, 1 / 86400)  # a year and a month have no fixed length

_SCHEDULE_COLUMNS = (
    *("timeline", "timing", "label", "instance", "relative_to", "direction", "value", "target_days"),
    *("elapsed_days", "before_days", "after_days", "form", "opens_days", "closes_days", "description", "note"),
)


def study(content: bytes, name: str = "study") -> Place:
    """Read a USDM file of version 3 or 4.

    Raises
    ------
    ProtocolError
        For what is not JSON, not USDM, or has no study design.
    """
    root = read_json(content, name)
    version = root.at("usdmVersion").text()
    if not version.startswith(("3.", "4.")):
        raise ProtocolError(
            f"{name}, usdmVersion", repr(root.value.get("usdmVersion")), _("a USDM file of version 4")
        )
    if not _designs(root):
        raise ProtocolError(f"{name}, study.versions", _("no study design"), _("a study with at least one design"))
    return root


def duration_days(place: Place) -> float | None:
    """Return a duration in days, negative with a minus; None for years and months, whose length depends on the date.

    Raises
    ------
    ProtocolError
        When the text is no ISO 8601 duration.
    """
    match = _DURATION.fullmatch(place.text())
    if match is None or not any(match.groups()[1:]):
        raise ProtocolError(place.path, f"{place.value!r}", _("an ISO 8601 duration such as P7D"))
    parts = [(int(number), unit) for number, unit in zip(match.groups()[1:], _UNIT_DAYS, strict=True) if number]
    if any(unit is None and number for number, unit in parts):
        return None
    total = sum(number * (unit or 0) for number, unit in parts)
    return -total if match[1] == "-" else total


def schedule(root: Place, bounds: Bounds = "around") -> pd.DataFrame:
    """List every timing of a study with its window in days.

    Parameters
    ----------
    root : Place
        What :func:`study` returned.
    bounds : {"around", "from the start"}
        What a window's durations are counted from: the planned time (the standard), or the same start as it.

    Returns
    -------
    pandas.DataFrame
        One row a timing: ``timeline``, ``timing``, ``label``, ``instance`` and ``relative_to`` (names),
        ``direction`` (Before, After, Fixed Reference), ``value`` (ISO 8601), ``target_days`` (signed, from
        ``relative_to``), ``elapsed_days`` (signed, from the fixed reference at the end of its chain),
        ``before_days`` and ``after_days`` (the window), ``form`` (relative, negative, absolute, empty without a
        window), ``opens_days`` and ``closes_days`` (elapsed), ``description``, ``note``. Days are floats; NaN when
        unknown or when they depend on the length of a month.

    Raises
    ------
    ProtocolError
        Naming the timing: for an unknown instance, timings in a circle, an unreadable duration, half a window, or
        bounds that do not hold the planned time.
    """
    rows = [row for line in _timelines(root) for row in _Timeline(line, bounds).rows()]
    return pd.DataFrame(rows, columns=list(_SCHEDULE_COLUMNS))


def criteria(root: Place) -> pd.DataFrame:
    """List a study's criteria.

    Returns
    -------
    pandas.DataFrame
        ``id`` (I1, E1, U1 and so on, by order), ``kind`` (inclusion, exclusion, or undecided if the category is
        neither), ``identifier``, ``name``, ``text``
        (as it stands, with its markup) and ``plain`` (without; a reference stands in square brackets by its name).
    """
    rows: list[dict[str, str]] = []
    for entry, items in _entries(root):
        reference = entry.at("criterionItemId")
        if reference.text() not in items:
            write = _("the id of a criterion item in the same version")
            raise ProtocolError(reference.path, f"{reference.value!r}", write)
        kind = _kind(entry.at("category"))
        number = sum(row["kind"] == kind for row in rows) + 1
        text = items[reference.text()].at("text").text()
        rows.append(
            {
                "id": f"{kind[0].upper()}{number}",
                "kind": kind,
                "identifier": entry.at("identifier").text(),
                "name": entry.at("name").text(),
                "text": text,
                "plain": _plain(text),
            }
        )
    return pd.DataFrame(rows, columns=["id", "kind", "identifier", "name", "text", "plain"])


def _entries(root: Place) -> Iterator[tuple[Place, dict[str, Place]]]:
    """Yield each criterion with the items of its version of the study by their ids.

    Raises
    ------
    ProtocolError
        If two items of a version have one id.
    """
    for version in root.at("study", "versions").each():
        items: dict[str, Place] = {}
        for item in version.at("eligibilityCriterionItems").each():
            if items.setdefault(item.at("id").text(), item) is not item:
                raise ProtocolError(
                    item.at("id").path,
                    _("{value!r} a second time").format(value=item.at("id").value),
                    _("an id of its own"),
                )
        for design in version.at("studyDesigns").each():
            yield from ((entry, items) for entry in design.at("eligibilityCriteria").each())


def _kind(category: Place) -> str:
    """Return the kind that a category's code and word agree on; undecided if they name none, or two."""
    code, word = category.at("code").text(), category.at("decode").text().lower()
    found = {
        kind
        for kind in ("inclusion", "exclusion")
        if code == _CODES["terms"][f"{kind.capitalize()} Criteria"] or word.startswith(kind)
    }
    return found.pop() if len(found) == 1 else "undecided"


def _plain(text: str) -> str:
    named = re.sub(r'<usdm:(?:tag|ref)\b[^>]*?\bname="([^"]*)"[^>]*/?>(?:</usdm:(?:tag|ref)>)?', r"[\1]", text)
    broken = re.sub(r"</?(?:p|ul|ol|li|br|div|tr)\b[^>]*>", "\n", named)
    lines = [
        " ".join(line.split()) for line in unescape(re.sub(r"</?[A-Za-z][^<>]*>|<!--.*?-->", "", broken)).splitlines()
    ]
    return "\n".join(line for line in lines if line)


def _designs(root: Place) -> list[Place]:
    versions = root.at("study", "versions").each()
    return [design for version in versions for design in version.at("studyDesigns").each()]


def _timelines(root: Place) -> list[Place]:
    return [line for design in _designs(root) for line in design.at("scheduleTimelines").each()]


class _Timeline:
    """One timeline of a study: the names of its instances, and the timing that places each."""

    def __init__(self, place: Place, bounds: Bounds) -> None:
        self._name, self._bounds = place.at("name").text(), bounds
        self._timings = place.at("timings").each()
        self._placed = {one.at("relativeFromScheduledInstanceId").text(): one for one in self._timings}
        self._names = {one.at("id").text(): one.at("name").text() for one in place.at("instances").each()}

    def rows(self) -> list[dict[str, object]]:
        return [self._row(one) for one in self._timings]

    def _row(self, one: Place) -> dict[str, object]:
        start = self._instance(one, "relativeFromScheduledInstanceId")
        base = self._instance(one, "relativeToScheduledInstanceId")
        target, elapsed = _signed(one), self._elapsed(start)
        before, after, form, note = _window(one, target, self._bounds)
        return {
            "timeline": self._name,
            "timing": one.at("name").text(),
            "label": one.at("label").text(),
            "instance": self._names[start],
            "relative_to": self._names[base or start],
            "direction": one.at("type", "decode").text(),
            "value": one.at("value").text(),
            "target_days": target,
            "elapsed_days": elapsed,
            "before_days": before,
            "after_days": after,
            "form": form,
            "opens_days": None if elapsed is None or before is None else elapsed - before,
            "closes_days": None if elapsed is None or after is None else elapsed + after,
            "description": one.at("description").text(),
            "note": note,
        }

    def _instance(self, one: Place, key: str) -> str:
        name = one.at(key).text()
        if name not in self._names and not (not name and key.startswith("relativeTo") and _is_fixed(one)):
            raise ProtocolError(
                one.at(key).path, f"{one.at(key).value!r}", _("the id of an instance of this timeline")
            )
        return name

    def _elapsed(self, instance: str) -> float | None:
        """Add up the offsets to the fixed reference; None if one has no fixed length or no timing places it."""
        timings, total, path = self._placed, 0.0, [instance]
        while instance in timings and not _is_fixed(timings[instance]):
            step = _signed(timings[instance])
            if step is None:
                return None
            total += step
            instance = timings[instance].at("relativeToScheduledInstanceId").text()
            if instance in path:
                raise ProtocolError(
                    timings[instance].path, " → ".join([*path, instance]), _("timings without a circle")
                )
            path.append(instance)
        return total if instance in timings else None


_DIRECTIONS = ("Before", "After", "Fixed Reference")


def _direction(one: Place) -> str:
    """Return whether a timing is before or after, or a fixed reference; its code and its word say so.

    Raises
    ------
    ProtocolError
        If neither does, or if they say different things.
    """
    kind = one.at("type")
    code, word = kind.at("code").text(), kind.at("decode").text().strip().lower()
    found = {name for name in _DIRECTIONS if code == _CODES["terms"][name] or word.startswith(name.lower())}
    if len(found) != 1:
        raise ProtocolError(kind.path, f"{code!r}, {kind.at('decode').text()!r}", " or ".join(_DIRECTIONS))
    return found.pop()


def _is_fixed(one: Place) -> bool:
    return _direction(one) == "Fixed Reference"


def _signed(one: Place) -> float | None:
    """Return the planned distance in days; 0 for a fixed reference; its value is not read."""
    length = duration_days(one.at("value"))
    if _is_fixed(one):
        return 0.0
    return -length if length is not None and _direction(one) == "Before" else length


def _window(one: Place, target: float | None, bounds: Bounds) -> tuple[float | None, float | None, str, str]:
    """Return the days before and after, the form of the window, and a note on it."""
    lower, upper = one.at("windowLower"), one.at("windowUpper")
    label = one.at("windowLabel").text()
    if not lower.text() and not upper.text():
        return None, None, "", f"the window stands in the label only: {label}" if label else ""
    if not lower.text() or not upper.text():
        missing = lower if upper.text() else upper
        raise ProtocolError(missing.path, _("half a window"), _("both windowLower and windowUpper, or neither"))
    first, last = duration_days(lower), duration_days(upper)
    if first is None or last is None:
        return None, None, "relative", "the window is in months, whose length depends on the date"
    if first < 0 or lower.text().startswith("-"):
        return _ordered(
            one, -first, last, "negative", "the lower bound has a sign, which the standard does not allow"
        )
    planned = abs(target) if target is not None else None
    inside = planned is not None and first <= planned <= last
    if bounds == "from the start":
        if planned is None or not inside:
            found = _("{lower} to {upper} around {value}").format(
                lower=lower.text(), upper=upper.text(), value=one.at("value").text()
            )
            raise ProtocolError(one.path, found, _("bounds that hold the planned time, or read them as around it"))
        early, late = planned - first, last - planned
        return _ordered(one, *((late, early) if (target or 0) < 0 else (early, late)), "absolute", "")
    note = "could also be meant from the start" if inside and 0 < first < last else ""
    return _ordered(one, first, last, "relative", note)


def _ordered(one: Place, before: float, after: float, form: str, note: str) -> tuple[float, float, str, str]:
    if before + after < 0:
        raise ProtocolError(
            f"{one.path}.windowLower", _("a window that ends before it begins"), _("the earlier bound first")
        )
    return before, after, form, note
