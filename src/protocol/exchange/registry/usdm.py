"""USDM 4.0 (CDISC and TransCelerate): a study's schedule and criteria come in, a trial goes out.

A window in USDM is two non-negative durations: how long before and how long after the planned time a visit may be
(``windowLower``, ``windowUpper``). Files in the wild write it in two other ways as well, which are told apart:

- *negative*: ``-P3D`` to ``P3D``, the bounds with their signs, though the standard allows no sign;
- *absolute*: ``P12D`` to ``P15D`` around a planned ``P14D``, the bounds counted from the same start. Two positive
  durations can be meant either way, so this form is read only when the reader says so, and what could be meant so is
  noted.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from html import unescape
from typing import Any, Literal

import pandas as pd
from markupsafe import Markup, escape

from protocol.exchange.documents import synopsis as wordings
from protocol.exchange.foreign_json import Place, read_json
from protocol.followup import Anchor, FollowupRecord, Visit, shifted
from protocol.records import ProtocolError, Provenance
from protocol.trial import Trial

TERMS = {
    "After": "C201356", "Before": "C201357", "Fixed Reference": "C201358", "Start to Start": "C201355",
    "Inclusion Criteria": "C25532", "Exclusion Criteria": "C25370",
    "Visit": "C25716", "Hospital": "C16696", "In Person": "C175574",
    "Screening Epoch": "C202487", "Treatment Epoch": "C101526", "Follow-Up Epoch": "C202578",
    "Investigational Arm": "C174266", "Data Generated Within Study": "C188866",
    "Primary Objective": "C85826", "Primary Endpoint": "C94496",
    "Interventional Study": "C98388", "Single Group Study": "C82640", "Open Label Study": "C49659",
    "Experimental Intervention": "C41161", "Biological Agent": "C307", "Pharmacologic Substance": "C1909",
    "Female": "C16576", "Male": "C20197", "Year": "C29848",
    "Clinical Study Sponsor": "C70793", "Sponsor": "C70793", "Study Registry": "C93453",
    "Healthcare Facility": "C21541",
    "Official Study Title": "C99905x2", "Brief Study Title": "C99905x1",
    "Phase I/II Trial": "C15693", "Phase II Trial": "C15601", "Phase III Trial": "C15602",
}  # fmt: skip
"""As they stand in CDISC's own USDM 4.0 examples (DDF-RA, CC-BY-4.0)."""

SYSTEM = "http://www.cdisc.org"

EDITION = "2024-09-27"

PHASES = {"Phase 1/Phase 2": "Phase I/II Trial", "Phase 2": "Phase II Trial", "Phase 3": "Phase III Trial"}

COUNTRIES = {"China": "CHN"}
"""A site elsewhere is exported as an organization without a site of the standard, which needs the code."""

EPOCHS = {"Screening": "Screening Epoch", "Treatment": "Treatment Epoch", "Follow-up": "Follow-Up Epoch"}

Json = dict[str, Any]


class Parts:
    """Makes pieces and numbers them: Timing_1, Timing_2 and so on."""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()

    def make(self, kind: str, **fields: Any) -> Json:
        """Make a piece of a class of the standard."""
        self._made[kind] += 1
        return {"id": f"{kind}_{self._made[kind]}", "extensionAttributes": [], **fields, "instanceType": kind}

    def code(self, words: str) -> Json:
        """Make a coded term of CDISC."""
        return self.make("Code", code=TERMS[words], codeSystem=SYSTEM, codeSystemVersion=EDITION, decode=words)

    def alias(self, words: str) -> Json:
        """Make a coded term that may have aliases."""
        return self.make("AliasCode", standardCode=self.code(words), standardCodeAliases=[])

    def quantity(self, value: float, unit: str | None = None) -> Json:
        """Make a number with or without a unit."""
        return self.make("Quantity", value=float(value), unit=self.alias(unit) if unit else None)


def chained(pieces: list[Json]) -> list[Json]:
    """Name in each piece the one before it and the one after it."""
    names = [None, *(piece["id"] for piece in pieces), None]
    for number, piece in enumerate(pieces):
        piece["previousId"], piece["nextId"] = names[number], names[number + 2]
    return pieces


_DAY = date(2001, 3, 1)  # any day; the example's dates only put anchors and visits into their order


@dataclass
class Schedule:
    """Epochs, activities and encounters, shared by the timelines of all levels."""

    record: FollowupRecord
    parts: Parts

    def __post_init__(self) -> None:
        self._anchor_days = self._order_of_anchors()
        self._visited = {
            (visit.id, self._day(visit, item.level)): visit
            for visit in self.record.all_visits for item in self.record.frequencies if visit.applies_to(item.level)
        }  # fmt: skip
        used = {self._epoch(day) for day in [*(day for _name, day in self._visited), *self._anchor_days.values()]}
        self.epochs = chained([
            self.parts.make("StudyEpoch", name=name, label=name, description=name, type=self.parts.code(term),
                            notes=[])
            for name, term in EPOCHS.items() if name in used
        ])  # fmt: skip
        self.activities = chained([
            self.parts.make("Activity", name=item.id, label=item.name, description=_origin(item), childIds=[],
                            definedProcedures=[], biomedicalConceptIds=[], bcCategoryIds=[], bcSurrogateIds=[],
                            notes=[])
            for item in self.record.procedures
        ])  # fmt: skip
        self.encounters = chained([self._encounter(*key) for key in sorted(self._visited, key=lambda key: key[1])])
        self.timelines = [self._timeline(item.level) for item in self.record.frequencies]

    def _order_of_anchors(self) -> dict[str, date]:
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
        infusions = [day for (name, day) in self._visited if name.startswith("infusion_day_")]
        last = max([*infusions, self._anchor_days.get("end_of_treatment", min(infusions))])
        return "Screening" if day < min(infusions) else "Treatment" if day <= last else "Follow-up"

    def _encounter(self, name: str, day: date) -> Json:
        """Make one encounter a visit; one whose place depends on the level has one for each place."""
        visit = self._visited[name, day]
        places = sorted(other for known, other in self._visited if known == name)
        suffix = f" ({places.index(day) + 1})" if len(places) > 1 else ""
        label = f"{visit.name}{suffix}"
        return self.parts.make(
            "Encounter", name=f"{name}{suffix}", label=label, description=_origin(visit),
            type=self.parts.code("Visit"),
            scheduledAtId=None, environmentalSettings=[self.parts.code("Hospital")],
            contactModes=[self.parts.code("In Person")], transitionStartRule=None, transitionEndRule=None, notes=[],
        )  # fmt: skip

    def _timeline(self, level: int) -> Json:
        visits = self.record.visits_at(level)
        days: dict[str, tuple[date, int]] = {anchor: (day, 0) for anchor, day in self._anchor_days.items()}
        days |= {visit.id: (self._day(visit, level), 1) for visit in visits}
        instances = self._instances(days, {visit.id: visit for visit in visits})
        leave = self.parts.make("ScheduleTimelineExit")
        names = [*(piece["id"] for piece in instances.values()), None]
        for piece, following in zip(instances.values(), names[1:], strict=True):
            piece["defaultConditionId"], piece["timelineExitId"] = following, None if following else leave["id"]
        timings = [self._anchor_timing(anchor, instances[anchor.id]) for anchor in self.record.anchors]
        timings += [self._timing(visit, self.record.parent(visit, level), instances) for visit in visits]
        first = level == self.record.frequencies[0].level
        periods = "; ".join(f"{item.name}: {item.lasts}" for item in self.record.periods)
        own = next(item for item in self.record.frequencies if item.level == level)
        return self.parts.make(
            "ScheduleTimeline", name=f"Frequency {level}", label=f"Schedule at infusion frequency {level}",
            description=_origin(own),
            mainTimeline=first, entryCondition="Participant considered for the study", entryId=names[0],
            exits=[leave], timings=timings, instances=list(instances.values()),
            plannedDuration=self.parts.make(
                "Duration", text=periods or "not stated",
                quantity=None, durationWillVary=True, reasonDurationWillVary="Counted from more than one anchor"),
        )  # fmt: skip

    def _instances(self, days: dict[str, tuple[date, int]], visits: dict[str, Visit]) -> dict[str, Json]:
        activities = {piece["name"]: piece["id"] for piece in self.activities}
        places = sorted(self._visited, key=lambda key: key[1])
        encounters = {key: piece["id"] for key, piece in zip(places, self.encounters, strict=True)}
        epochs = {piece["name"]: piece["id"] for piece in self.epochs}
        labels = {item.id: item.name for item in self.record.anchors} | {one.id: one.name for one in visits.values()}
        return {
            name: self.parts.make(
                "ScheduledActivityInstance", name=name, label=labels[name], description=labels[name],
                epochId=epochs[self._epoch(days[name][0])], timelineId=None,
                encounterId=encounters.get((name, days[name][0])),
                activityIds=[activities[item] for item in visits[name].procedures] if name in visits else [],
            )
            for name in sorted(days, key=days.__getitem__)
        }  # fmt: skip

    def _anchor_timing(self, anchor: Anchor, instance: Json) -> Json:
        return self.parts.make(
            "Timing", name=anchor.id, label=anchor.name, description=_origin(anchor),
            type=self.parts.code("Fixed Reference"), value="P0D", valueLabel="0 days",
            relativeToFrom=self.parts.code("Start to Start"), relativeFromScheduledInstanceId=instance["id"],
            relativeToScheduledInstanceId=None, windowLower=None, windowUpper=None, windowLabel=None,
        )  # fmt: skip

    def _timing(self, visit: Visit, parent: str, instances: dict[str, Json]) -> Json:
        length = visit.offset.removeprefix("-")
        window = visit.window
        return self.parts.make(
            "Timing", name=visit.id, label=visit.name, description=f"{_origin(visit)} Window: {_origin(window)}",
            type=self.parts.code("Before" if visit.offset.startswith("-") else "After"), value=length,
            valueLabel=length, relativeToFrom=self.parts.code("Start to Start"),
            relativeFromScheduledInstanceId=instances[visit.id]["id"],
            relativeToScheduledInstanceId=instances[parent]["id"],
            windowLower=window.before, windowUpper=window.after, windowLabel=f"-{window.before}..+{window.after}",
        )  # fmt: skip

    def cells(self, arms: Iterable[Json]) -> tuple[list[Json], list[Json]]:
        """Make one element an epoch and one cell for each arm and epoch."""
        elements = [
            self.parts.make("StudyElement", name=epoch["name"], label=epoch["name"], description=epoch["name"],
                            transitionStartRule=None, transitionEndRule=None, studyInterventionIds=[], notes=[])
            for epoch in self.epochs
        ]  # fmt: skip
        pairs = zip(self.epochs, elements, strict=True)
        cells = [
            self.parts.make("StudyCell", armId=arm["id"], epochId=epoch["id"], elementIds=[element["id"]])
            for epoch, element in pairs for arm in arms
        ]  # fmt: skip
        return elements, cells


def _origin(value: Provenance) -> str:
    """Say where a value comes from; an assumption is called one."""
    return f"Assumption: {value.origin}" if value.is_assumption else f"Source: {value.origin}"


NOT_STATED = "not stated"


def export(trial: Trial) -> Json:
    """Write a trial as a USDM 4.0 study, ready for ``json.dumps``.

    The four anchors become fixed references and each frequency level a timeline of its own. The same trial gives the
    same file.

    Parameters
    ----------
    trial : Trial

    Raises
    ------
    ProtocolError
        For a trial that is not interventional or has no single group: the export knows no other design.
    """
    parts, facts = Parts(), _Facts(trial)
    if facts["study_type"] != "Interventional":
        raise ProtocolError("trial.toml, study_type", repr(facts["study_type"]), "an interventional trial to export")
    if len(trial.identity.arms) != 1:
        raise ProtocolError("trial.toml, arms", f"{len(trial.identity.arms)} arms", "a trial of one group to export")
    sponsor = _organization(parts, facts["sponsor"], "Clinical Study Sponsor")
    registry = _organization(parts, "ClinicalTrials.gov", "Study Registry")
    items = [_criterion_item(parts, item.id, wordings.lines(item)) for item in trial.eligibility.criteria]
    interventions = [
        _intervention(parts, arm.name, arm.type, arm.description) for arm in trial.identity.interventions
    ]
    version = parts.make(
        "StudyVersion", versionIdentifier="1", rationale=facts["purpose"], documentVersionIds=[], dateValues=[],
        amendments=[], businessTherapeuticAreas=[], referenceIdentifiers=[], narrativeContentItems=[],
        studyIdentifiers=[
            parts.make("StudyIdentifier", text=facts["nct_id"], scopeId=registry["id"]),
            parts.make("StudyIdentifier", text=NOT_STATED, scopeId=sponsor["id"]),
        ],
        studyDesigns=[_design(trial, parts, facts, items, interventions)],
        titles=[parts.make("StudyTitle", text=facts["title"], type=parts.code(f"{kind} Study Title"))
                for kind in ("Official", "Brief")],
        eligibilityCriterionItems=items, abbreviations=[],
        organizations=[sponsor, registry, *_hospitals(trial, parts)],
        studyInterventions=interventions, administrableProducts=[], medicalDevices=[], productOrganizationRoles=[],
        biomedicalConcepts=[], bcCategories=[], bcSurrogates=[], dictionaries=[], conditions=[], notes=[],
    )  # fmt: skip
    version["roles"] = [
        parts.make("StudyRole", name="Sponsor", label="Sponsor", description="Sponsor", code=parts.code("Sponsor"),
                   appliesToIds=[version["id"]], assignedPersons=[], organizationIds=[sponsor["id"]], masking=None,
                   notes=[])
    ]  # fmt: skip
    study = parts.make("Study", name=facts["nct_id"], label=facts["title"], description=facts["purpose"],
                       versions=[version], documentedBy=[])  # fmt: skip
    return {"study": study, "usdmVersion": "4.0.0", "systemName": "Protocol workbook", "systemVersion": "1"}


class _Facts:
    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def __getitem__(self, name: str) -> str:
        fact = self._trial.identity.get(name)
        return str(fact.value) if fact else NOT_STATED


def _organization(parts: Parts, name: str, kind: str, sites: Iterable[Json] = ()) -> Json:
    return parts.make("Organization", name=name, label=name, type=parts.code(kind), identifierScheme=NOT_STATED,
                      identifier=name, legalAddress=None, managedSites=list(sites))  # fmt: skip


def _hospitals(trial: Trial, parts: Parts) -> list[Json]:
    return [
        _organization(parts, site.name, "Healthcare Facility", [
            parts.make("StudySite", name=site.id, label=site.name, description=f"{site.city}, {site.province}",
                       country=parts.make("Code", code=COUNTRIES[site.country], codeSystem="ISO 3166 1 alpha3",
                                          codeSystemVersion="2020-08", decode=site.country))
        ] if site.country in COUNTRIES else [])
        for site in trial.sites
    ]  # fmt: skip


def _criterion_item(parts: Parts, name: str, lines: list[str]) -> Json:
    text = Markup("").join(Markup("<p>{}</p>").format(escape(line.strip())) for line in lines)
    return parts.make("EligibilityCriterionItem", name=name, label=name, description=None, text=str(text),
                      dictionaryId=None, notes=[])  # fmt: skip


def _intervention(parts: Parts, name: str, kind: str, description: str) -> Json:
    return parts.make(
        "StudyIntervention", name=name, label=name, description=description,
        role=parts.code("Experimental Intervention"),
        type=parts.code("Biological Agent" if kind == "Biological" else "Pharmacologic Substance"),
        minimumResponseDuration=None, codes=[], administrations=[], notes=[],
    )  # fmt: skip


def _design(trial: Trial, parts: Parts, facts: _Facts, items: list[Json], interventions: list[Json]) -> Json:
    arms = [
        parts.make("StudyArm", name=arm.name, label=arm.name, description=arm.description,
                   type=parts.code("Investigational Arm"), dataOriginDescription="Collected in this study",
                   dataOriginType=parts.code("Data Generated Within Study"), populationIds=[], notes=[])
        for arm in trial.identity.arms
    ]  # fmt: skip
    plan = Schedule(trial.followup, parts)
    elements, cells = plan.cells(arms)
    entries = chained([
        parts.make("EligibilityCriterion", name=criterion.id, label=criterion.title[:120],
                   description=criterion.origin,
                   category=parts.code(f"{criterion.kind.capitalize()} Criteria"), identifier=criterion.id,
                   criterionItemId=item["id"], notes=[])
        for criterion, item in zip(trial.eligibility.criteria, items, strict=True)
    ])  # fmt: skip
    phase, design = PHASES.get(facts["phase"]), facts["design"]
    return parts.make(
        "InterventionalStudyDesign", name=facts["nct_id"], label=facts["phase"], description=design,
        studyType=parts.code("Interventional Study"), studyPhase=parts.alias(phase) if phase else None,
        therapeuticAreas=[], characteristics=[], encounters=plan.encounters, activities=plan.activities, arms=arms,
        studyCells=cells, rationale=facts["background"], epochs=plan.epochs, elements=elements, estimands=[],
        indications=[], studyInterventionIds=[item["id"] for item in interventions],
        objectives=[_objective(trial, parts, facts)], population=_population(parts, facts, entries),
        scheduleTimelines=plan.timelines, biospecimenRetentions=[], documentVersionIds=[],
        eligibilityCriteria=entries, analysisPopulations=[], notes=[], subTypes=[],
        model=parts.code("Single Group Study"), intentTypes=[],
        blindingSchema=parts.alias("Open Label Study") if "no masking" in design else None,
    )  # fmt: skip


def _objective(trial: Trial, parts: Parts, facts: _Facts) -> Json:
    """The standard asks for a primary objective with an endpoint; what the record lacks is called an assumption."""
    measures = [item.measure for item in trial.identity.outcomes if item.kind == "primary"]
    words = measures or [
        "Dose-limiting toxicity (assumption: the public copies of the registry cut the outcomes off)"
    ]
    endpoints = [
        parts.make("Endpoint", name=f"Primary {number}", label=None, description=None, text=text, purpose="primary",
                   level=parts.code("Primary Endpoint"), dictionaryId=None, notes=[])
        for number, text in enumerate(words, 1)
    ]  # fmt: skip
    return parts.make("Objective", name="Primary", label=None, description=None, text=facts["purpose"],
                      level=parts.code("Primary Objective"), dictionaryId=None, endpoints=endpoints,
                      notes=[])  # fmt: skip


def _population(parts: Parts, facts: _Facts, entries: list[Json]) -> Json:
    ages = re.fullmatch(r"(\d+) Years - (\d+) Years", facts["eligible_ages"])
    sexes = ["Female", "Male"] if facts["gender"] == "All" else [facts["gender"]]
    number = facts["enrolment"]
    limits = [parts.quantity(int(age), "Year") for age in ages.groups()] if ages else None
    return parts.make(
        "StudyDesignPopulation", name="Population", label=None, description=None,
        includesHealthySubjects=facts["healthy_volunteers"] == "Yes",
        plannedEnrollmentNumber=parts.quantity(int(number)) if number.isdigit() else None,
        plannedCompletionNumber=None,
        plannedSex=[parts.code(sex) for sex in sexes if sex in ("Female", "Male")],
        criterionIds=[entry["id"] for entry in entries],
        plannedAge=limits and parts.make("Range", minValue=limits[0], maxValue=limits[1], isApproximate=False),
        notes=[], cohorts=[],
    )  # fmt: skip


Bounds = Literal["around", "from the start"]

_DURATION = re.compile(
    r"([+-]?)P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)

_DAYS = (None, None, 7.0, 1.0, 1 / 24, 1 / 1440, 1 / 86400)  # a year and a month have no fixed length

SCHEDULE = (
    "timeline", "timing", "label", "instance", "relative_to", "direction", "value", "target_days", "elapsed_days",
    "before_days", "after_days", "form", "opens_days", "closes_days", "description", "note",
)  # fmt: skip


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
        raise ProtocolError(f"{name}, usdmVersion", repr(root.value.get("usdmVersion")), "a USDM file of version 4")
    if not _designs(root):
        raise ProtocolError(f"{name}, study.versions", "no study design", "a study with at least one design")
    return root


def days(place: Place) -> float | None:
    """Return a duration in days, negative with a minus; None for years and months, whose length depends on the date.

    Raises
    ------
    ProtocolError
        When the text is no ISO 8601 duration.
    """
    match = _DURATION.fullmatch(place.text())
    if match is None or not any(match.groups()[1:]):
        raise ProtocolError(place.path, f"{place.value!r}", "an ISO 8601 duration such as P7D")
    parts = [(int(number), unit) for number, unit in zip(match.groups()[1:], _DAYS, strict=True) if number]
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
    return pd.DataFrame(rows, columns=list(SCHEDULE))


def criteria(root: Place) -> pd.DataFrame:
    """List a study's criteria.

    Returns
    -------
    pandas.DataFrame
        ``id`` (I1, E1 and so on, by order), ``kind`` (inclusion or exclusion), ``identifier``, ``name``, ``text``
        (as it stands, with its markup) and ``plain`` (without; a reference stands in square brackets by its name).
    """
    items = {
        item.at("id").text(): item
        for version in root.at("study", "versions").each()
        for item in version.at("eligibilityCriterionItems").each()
    }
    rows: list[dict[str, str]] = []
    for entry in (entry for design in _designs(root) for entry in design.at("eligibilityCriteria").each()):
        reference = entry.at("criterionItemId")
        if reference.text() not in items:
            raise ProtocolError(reference.path, f"{reference.value!r}", "the id of a criterion item in the same file")
        category = entry.at("category", "decode").text().lower()
        kind = "exclusion" if category.startswith("exclusion") else "inclusion"
        number = sum(row["kind"] == kind for row in rows) + 1
        text = items[reference.text()].at("text").text()
        rows.append({"id": f"{kind[0].upper()}{number}", "kind": kind, "identifier": entry.at("identifier").text(),
                     "name": entry.at("name").text(), "text": text, "plain": _plain(text)})  # fmt: skip
    return pd.DataFrame(rows, columns=["id", "kind", "identifier", "name", "text", "plain"])


def _plain(text: str) -> str:
    named = re.sub(r'<usdm:(?:tag|ref)\b[^>]*?\bname="([^"]*)"[^>]*/?>(?:</usdm:(?:tag|ref)>)?', r"[\1]", text)
    broken = re.sub(r"</?(?:p|ul|ol|li|br|div|tr)\b[^>]*>", "\n", named)
    lines = [" ".join(line.split()) for line in unescape(re.sub(r"<[^>]+>", "", broken)).splitlines()]
    return "\n".join(line for line in lines if line)


def _designs(root: Place) -> list[Place]:
    versions = root.at("study", "versions").each()
    return [design for version in versions for design in version.at("studyDesigns").each()]


def _timelines(root: Place) -> list[Place]:
    return [line for design in _designs(root) for line in design.at("scheduleTimelines").each()]


@dataclass(frozen=True)
class _Timeline:
    place: Place
    bounds: Bounds

    @property
    def timings(self) -> dict[str, Place]:
        """The timings by the instance they place."""
        return {one.at("relativeFromScheduledInstanceId").text(): one for one in self.place.at("timings").each()}

    @property
    def names(self) -> dict[str, str]:
        return {one.at("id").text(): one.at("name").text() for one in self.place.at("instances").each()}

    def rows(self) -> list[dict[str, object]]:
        timings, names = self.timings, self.names
        return [self._row(one, timings, names) for one in self.place.at("timings").each()]

    def _row(self, one: Place, timings: dict[str, Place], names: dict[str, str]) -> dict[str, object]:
        start, base = (self._instance(one, key, names) for key in ("relativeFromScheduledInstanceId",
                                                                   "relativeToScheduledInstanceId"))  # fmt: skip
        target = _signed(one)
        before, after, form, note = _window(one, target, self.bounds)
        elapsed = self._elapsed(start, timings)
        return {
            "timeline": self.place.at("name").text(), "timing": one.at("name").text(),
            "label": one.at("label").text(), "instance": names[start], "relative_to": names[base or start],
            "direction": one.at("type", "decode").text(), "value": one.at("value").text(), "target_days": target,
            "elapsed_days": elapsed, "before_days": before, "after_days": after, "form": form,
            "opens_days": None if elapsed is None or before is None else elapsed - before,
            "closes_days": None if elapsed is None or after is None else elapsed + after,
            "description": one.at("description").text(), "note": note,
        }  # fmt: skip

    def _instance(self, one: Place, key: str, names: dict[str, str]) -> str:
        name = one.at(key).text()
        if name not in names and not (not name and key.startswith("relativeTo") and _is_fixed(one)):
            raise ProtocolError(one.at(key).path, f"{one.at(key).value!r}", "the id of an instance of this timeline")
        return name

    def _elapsed(self, instance: str, timings: dict[str, Place]) -> float | None:
        """Add up the offsets to the fixed reference; None when one has no fixed length or nothing places it."""
        total, path = 0.0, [instance]
        while instance in timings and not _is_fixed(timings[instance]):
            step = _signed(timings[instance])
            if step is None:
                return None
            total += step
            instance = timings[instance].at("relativeToScheduledInstanceId").text()
            if instance in path:
                raise ProtocolError(timings[instance].path, " → ".join([*path, instance]), "timings without a circle")
            path.append(instance)
        return total if instance in timings else None


def _is_fixed(one: Place) -> bool:
    return one.at("type", "decode").text().startswith("Fixed Reference")


def _signed(one: Place) -> float | None:
    """The planned distance in days. A fixed reference is where counting starts, whatever its value says."""
    length = days(one.at("value"))
    if _is_fixed(one):
        return 0.0
    return -length if length is not None and one.at("type", "decode").text().startswith("Before") else length


def _window(one: Place, target: float | None, bounds: Bounds) -> tuple[float | None, float | None, str, str]:
    """Return days before, days after, the form, and what should be looked at."""
    lower, upper = one.at("windowLower"), one.at("windowUpper")
    label = one.at("windowLabel").text()
    if not lower.text() and not upper.text():
        return None, None, "", f"the window stands in the label only: {label}" if label else ""
    if not lower.text() or not upper.text():
        missing = lower if upper.text() else upper
        raise ProtocolError(missing.path, "half a window", "both windowLower and windowUpper, or neither")
    first, last = days(lower), days(upper)
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
            found = f"{lower.text()} to {upper.text()} around {one.at('value').text()}"
            raise ProtocolError(one.path, found, "bounds that hold the planned time, or read them as around it")
        early, late = planned - first, last - planned
        return _ordered(one, *((late, early) if (target or 0) < 0 else (early, late)), "absolute", "")
    note = "could also be meant from the start" if inside and 0 < first < last else ""
    return _ordered(one, first, last, "relative", note)


def _ordered(one: Place, before: float, after: float, form: str, note: str) -> tuple[float, float, str, str]:
    if before + after < 0:
        raise ProtocolError(
            f"{one.path}.windowLower", "a window that ends before it begins", "the earlier bound first"
        )
    return before, after, form, note
