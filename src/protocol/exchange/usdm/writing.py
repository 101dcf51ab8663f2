"""A trial as a USDM 4.0 study. Assumptions travel in the descriptions and are called assumptions there."""

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from protocol.exchange import wordings
from protocol.exchange.usdm.codes import COUNTRIES, PHASES
from protocol.exchange.usdm.parts import Json, Parts, chained
from protocol.exchange.usdm.timelines import Schedule
from protocol.records import ProtocolError
from protocol.trial import Trial

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
