"""ClinicalTrials.gov, API version 2: read a study record, draft a trial folder, write a record, compare two.

Source: the registry's study data structure, https://clinicaltrials.gov/data-api/about-api/study-data-structure.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import tomli_w

from protocol.exchange.documents.synopsis import wording_lines
from protocol.exchange.foreign_json import Json, Place, read_json
from protocol.exchange.registry.criteria_text import RegisteredCriterion, plain_text, split_criteria
from protocol.records import ProtocolError
from protocol.sites import Contact, Site, is_mail, phone_problem
from protocol.translation import _
from protocol.trial import Arm, Trial

__all__ = [
    "RegisteredCriterion",
    "changes",
    "code",
    "draft",
    "export",
    "split_criteria",
    "study",
    "words",
    "write_folder",
]

_NOT_STATED = "not stated"
_NO_LIMIT = "no limit"
_UNNAMED = "Hospital not named, {city}"

# --- A study record and its codes ---

_LEGACY_KEYS = ("FullStudiesResponse", "FullStudies", "FullStudy", "StudyFieldsResponse", "Study")


def study(content: bytes, name: str = "record") -> Place:
    """Read one study record of API version 2.

    Parameters
    ----------
    content : bytes
        The JSON of one study, as downloaded.
    name : str
        What it is called in messages.

    Raises
    ------
    ProtocolError
        If it is not JSON, comes from the legacy API, is a list of studies, or has no registry number.
    """
    root = read_json(content, name)
    for key in _LEGACY_KEYS:
        if key in root.value:
            raise ProtocolError(
                f"{name}, {key}", _("a record of the legacy API (version 1)"), _("the same study from API version 2")
            )
    if "studies" in root.value:
        raise ProtocolError(f"{name}, studies", _("a list of studies"), _("one study of it"))
    number = root.at("protocolSection", "identificationModule", "nctId")
    if not re.fullmatch(r"NCT\d{8}", number.text()):
        raise ProtocolError(f"{name}, {number.path}", f"{number.value!r}", _("a number like NCT01234567"))
    return root


_NAMES_OF_CODES = {"NA": "Not applicable", "NIH": "NIH"}
"""Codes that are no words."""


def words(code: str) -> str:
    """Write a code of the registry in words: NOT_YET_RECRUITING becomes Not yet recruiting."""
    text = _NAMES_OF_CODES.get(code) or code.replace("_", " ").capitalize()
    return re.sub(r"[Pp]hase ?(\d)", r"Phase \1", text)


def code(text: str) -> str:
    """Write words as the registry's code; the inverse of :func:`words`."""
    known = {name: code for code, name in _NAMES_OF_CODES.items()}
    return known.get(text) or re.sub(r"PHASE_(\d)", r"PHASE\1", text.upper().replace(" ", "_"))


# --- The facts of trial.toml: where each stands in a record, how it is read and how it is written ---


class _Form(NamedTuple):
    """How a value of the registry becomes the value of a fact, and the other way round."""

    read: Callable[[Place], Any]
    write: Callable[[Any], Any]


def _read_day(place: Place) -> date | str:
    """Read a whole date; a month alone, and what is no day of the calendar, stay as written."""
    text = place.text()
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text
    except ValueError:
        return text


def _is_date(value: object) -> bool:
    """Whether a value is a date, or a year with or without a month."""
    return isinstance(value, date) or bool(re.fullmatch(r"[12]\d{3}(?:-(?:0[1-9]|1[0-2]))?", str(value)))


def _read_texts(place: Place) -> list[str]:
    return [item.text() for item in place.each()]


def _read_whole(place: Place) -> int | str | None:
    """Read a whole number; another one stays as written."""
    number = place.number()
    if number is None:
        return None
    return int(number) if number >= 0 and number % 1 == 0 else str(number)


def _read_phases(place: Place) -> list[str]:
    """Read the codes of the phases; older files join them: PHASE1|PHASE2."""
    return [code for text in _read_texts(place) for code in re.split(r"[|/,]\s*", text) if code]


def _limit(place: Place) -> str:
    """Read an age; without one, and with N/A, there is no limit."""
    text = place.text().strip()
    return "" if text.upper() in ("N/A", "NA", "NONE") else text


def _read_ages(module: Place) -> str:
    youngest, oldest = _limit(module.at("minimumAge")), _limit(module.at("maximumAge"))
    return f"{youngest or _NO_LIMIT} - {oldest or _NO_LIMIT}" if youngest or oldest else ""


def _write_ages(text: str) -> Json:
    youngest, _dash, oldest = text.partition(" - ")
    return {"minimumAge": youngest, "maximumAge": oldest}


def _markup(text: str) -> str:
    """Write a text in the registry's markup, the inverse of :func:`plain_text`; a bullet stays a bullet."""
    return re.sub(r"(?m)^(\s*\* )|([\\\[\]<>&_~`*])", lambda found: found[1] or "\\" + found[2], text)


_TEXT = _Form(Place.text, str)
_MARKUP = _Form(lambda place: plain_text(place.text()), _markup)
_CODE = _Form(lambda place: words(place.text()), code)
_CODES = _Form(lambda place: [*map(words, _read_texts(place))], lambda names: [*map(code, names)])
_DAY = _Form(_read_day, str)
_TEXTS = _Form(_read_texts, list)
_NAMES = _Form(
    lambda place: [item.at("name").text() for item in place.each()], lambda names: [{"name": name} for name in names]
)
_CLASSES = _Form(
    lambda place: [words(item.at("class").text()) for item in place.each()],
    lambda names: [{"class": code(name)} for name in names],
)
_PHASES = _Form(lambda place: "/".join(map(words, _read_phases(place))), lambda text: [*map(code, text.split("/"))])
_WHOLE = _Form(_read_whole, lambda value: value if isinstance(value, int) else None)
_AGES = _Form(_read_ages, _write_ages)
_YES_OR_NO = _Form(lambda place: {True: "Yes", False: "No"}.get(place.value, ""), lambda text: text == "Yes")

_FACTS = (
    ("nct_id", "Trial ID", "identificationModule.nctId", _TEXT),
    ("title", "Title", "identificationModule.briefTitle", _TEXT),
    ("official_title", "Official title", "identificationModule.officialTitle", _TEXT),
    ("acronym", "Acronym", "identificationModule.acronym", _TEXT),
    ("purpose", "Purpose", "descriptionModule.briefSummary", _MARKUP),
    ("background", "Background", "descriptionModule.detailedDescription", _MARKUP),
    ("sponsor", "Lead sponsor", "sponsorCollaboratorsModule.leadSponsor.name", _TEXT),
    ("criteria_text", "Criteria as registered", "eligibilityModule.eligibilityCriteria", _MARKUP),
    ("study_population", "Study population", "eligibilityModule.studyPopulation", _MARKUP),
    ("study_type", "Study type", "designModule.studyType", _CODE),
    ("agency_class", "Agency class", "sponsorCollaboratorsModule.leadSponsor.class", _CODE),
    ("status", "Overall status", "statusModule.overallStatus", _CODE),
    ("gender", "Sex", "eligibilityModule.sex", _CODE),
    ("sampling_method", "Sampling method", "eligibilityModule.samplingMethod", _CODE),
    ("start_date", "Registered start", "statusModule.startDateStruct.date", _DAY),
    (
        "primary_completion_date",
        "Registered primary completion",
        "statusModule.primaryCompletionDateStruct.date",
        _DAY,
    ),
    ("completion_date", "Registered completion", "statusModule.completionDateStruct.date", _DAY),
    ("record_updated", "Record last updated", "statusModule.lastUpdatePostDateStruct.date", _DAY),
    ("conditions", "Conditions", "conditionsModule.conditions", _TEXTS),
    ("keywords", "Keywords", "conditionsModule.keywords", _TEXTS),
    ("phase", "Phase", "designModule.phases", _PHASES),
    ("collaborators", "Collaborators", "sponsorCollaboratorsModule.collaborators", _NAMES),
    ("enrolment", "Planned enrolment", "designModule.enrollmentInfo.count", _WHOLE),
    ("eligible_ages", "Eligible ages", "eligibilityModule", _AGES),
    ("healthy_volunteers", "Accepts healthy volunteers", "eligibilityModule.healthyVolunteers", _YES_OR_NO),
    # What only some records state.
    ("nct_aliases", "Earlier trial IDs", "identificationModule.nctIdAliases", _TEXTS),
    ("sponsor_id", "Number of the sponsor", "identificationModule.orgStudyIdInfo.id", _TEXT),
    ("sponsor_id_type", "Number of the sponsor: kind", "identificationModule.orgStudyIdInfo.type", _CODE),
    ("sponsor_id_link", "Number of the sponsor: link", "identificationModule.orgStudyIdInfo.link", _TEXT),
    ("organization", "Registering organization", "identificationModule.organization.fullName", _TEXT),
    ("organization_class", "Class of the organization", "identificationModule.organization.class", _CODE),
    ("status_verified", "Status verified", "statusModule.statusVerifiedDate", _DAY),
    ("last_known_status", "Last known status", "statusModule.lastKnownStatus", _CODE),
    ("why_stopped", "Why stopped", "statusModule.whyStopped", _MARKUP),
    ("delayed_posting", "Posting delayed", "statusModule.delayedPosting", _YES_OR_NO),
    ("expanded_access", "Expanded access", "statusModule.expandedAccessInfo.hasExpandedAccess", _YES_OR_NO),
    ("expanded_access_id", "Expanded access: trial ID", "statusModule.expandedAccessInfo.nctId", _TEXT),
    ("expanded_access_status", "Expanded access: status", "statusModule.expandedAccessInfo.statusForNctId", _CODE),
    ("start_date_type", "Registered start is", "statusModule.startDateStruct.type", _CODE),
    (
        "primary_completion_date_type",
        "Registered primary completion is",
        "statusModule.primaryCompletionDateStruct.type",
        _CODE,
    ),
    ("completion_date_type", "Registered completion is", "statusModule.completionDateStruct.type", _CODE),
    ("enrolment_type", "Planned enrolment is", "designModule.enrollmentInfo.type", _CODE),
    ("first_submitted", "Record first submitted", "statusModule.studyFirstSubmitDate", _DAY),
    ("first_submitted_qc", "Record first checked", "statusModule.studyFirstSubmitQcDate", _DAY),
    ("first_posted", "Record first posted", "statusModule.studyFirstPostDateStruct.date", _DAY),
    ("first_posted_type", "Record first posted is", "statusModule.studyFirstPostDateStruct.type", _CODE),
    ("results_waived", "Results waived", "statusModule.resultsWaived", _YES_OR_NO),
    ("results_submitted", "Results first submitted", "statusModule.resultsFirstSubmitDate", _DAY),
    ("results_submitted_qc", "Results first checked", "statusModule.resultsFirstSubmitQcDate", _DAY),
    ("results_posted", "Results first posted", "statusModule.resultsFirstPostDateStruct.date", _DAY),
    ("results_posted_type", "Results first posted is", "statusModule.resultsFirstPostDateStruct.type", _CODE),
    ("disposition_submitted", "Delay of results submitted", "statusModule.dispFirstSubmitDate", _DAY),
    ("disposition_submitted_qc", "Delay of results checked", "statusModule.dispFirstSubmitQcDate", _DAY),
    ("disposition_posted", "Delay of results posted", "statusModule.dispFirstPostDateStruct.date", _DAY),
    ("disposition_posted_type", "Delay of results posted is", "statusModule.dispFirstPostDateStruct.type", _CODE),
    ("update_submitted", "Last update submitted", "statusModule.lastUpdateSubmitDate", _DAY),
    ("record_updated_type", "Record last updated is", "statusModule.lastUpdatePostDateStruct.type", _CODE),
    ("responsible_party", "Responsible party", "sponsorCollaboratorsModule.responsibleParty.type", _CODE),
    (
        "responsible_investigator",
        "Responsible investigator",
        "sponsorCollaboratorsModule.responsibleParty.investigatorFullName",
        _TEXT,
    ),
    (
        "responsible_investigator_title",
        "Title of the responsible investigator",
        "sponsorCollaboratorsModule.responsibleParty.investigatorTitle",
        _TEXT,
    ),
    (
        "responsible_investigator_affiliation",
        "Affiliation of the responsible investigator",
        "sponsorCollaboratorsModule.responsibleParty.investigatorAffiliation",
        _TEXT,
    ),
    ("collaborator_classes", "Classes of collaborators", "sponsorCollaboratorsModule.collaborators", _CLASSES),
    ("monitoring_committee", "Data monitoring committee", "oversightModule.oversightHasDmc", _YES_OR_NO),
    ("fda_drug", "Drug regulated by the FDA", "oversightModule.isFdaRegulatedDrug", _YES_OR_NO),
    ("fda_device", "Device regulated by the FDA", "oversightModule.isFdaRegulatedDevice", _YES_OR_NO),
    ("unapproved_device", "Unapproved device", "oversightModule.isUnapprovedDevice", _YES_OR_NO),
    ("pediatric_surveillance", "Pediatric postmarket surveillance", "oversightModule.isPpsd", _YES_OR_NO),
    ("us_export", "Exported from the U.S.", "oversightModule.isUsExport", _YES_OR_NO),
    ("patient_registry", "Patient registry", "designModule.patientRegistry", _YES_OR_NO),
    ("target_duration", "Target duration of follow-up", "designModule.targetDuration", _TEXT),
    ("allocation", "Allocation", "designModule.designInfo.allocation", _CODE),
    ("intervention_model", "Intervention model", "designModule.designInfo.interventionModel", _CODE),
    (
        "intervention_model_description",
        "Intervention model: description",
        "designModule.designInfo.interventionModelDescription",
        _MARKUP,
    ),
    ("primary_purpose", "Primary purpose", "designModule.designInfo.primaryPurpose", _CODE),
    ("observational_model", "Observational model", "designModule.designInfo.observationalModel", _CODE),
    ("time_perspective", "Time perspective", "designModule.designInfo.timePerspective", _CODE),
    ("masking", "Masking", "designModule.designInfo.maskingInfo.masking", _CODE),
    (
        "masking_description",
        "Masking: description",
        "designModule.designInfo.maskingInfo.maskingDescription",
        _MARKUP,
    ),
    ("who_masked", "Who is masked", "designModule.designInfo.maskingInfo.whoMasked", _CODES),
    ("biospecimen_retention", "Retention of biospecimens", "designModule.bioSpec.retention", _CODE),
    ("biospecimens", "Biospecimens", "designModule.bioSpec.description", _MARKUP),
    ("gender_based", "Eligible by gender", "eligibilityModule.genderBased", _YES_OR_NO),
    ("gender_description", "Eligible by gender: description", "eligibilityModule.genderDescription", _MARKUP),
    ("data_sharing", "Sharing of participants' data", "ipdSharingStatementModule.ipdSharing", _CODE),
    ("data_sharing_plan", "Sharing of data: plan", "ipdSharingStatementModule.description", _MARKUP),
    ("data_sharing_types", "Sharing of data: documents", "ipdSharingStatementModule.infoTypes", _CODES),
    ("data_sharing_time", "Sharing of data: time", "ipdSharingStatementModule.timeFrame", _MARKUP),
    ("data_sharing_access", "Sharing of data: access", "ipdSharingStatementModule.accessCriteria", _MARKUP),
    ("data_sharing_url", "Sharing of data: link", "ipdSharingStatementModule.url", _TEXT),
)

_ASKED = _FACTS[:25]
"""Facts whose absence is a question to the sponsor, unless they are optional."""

_NEEDED = {
    "title": "Title",
    "nct_id": "Trial ID",
    "phase": "Phase",
    "sponsor": "Lead sponsor",
    "status": "Overall status",
    "course": "Course of treatment",
}
"""Facts that every page shows; one that the record lacks is written as not stated."""

_OPTIONAL = {
    "acronym",
    "collaborators",
    "eligible_ages",
    "healthy_volunteers",
    "keywords",
    "phase",
    "sampling_method",
    "study_population",
}
"""Facts whose absence is no question to the sponsor."""

_NOT_REGISTERED = {
    "escalation": "doses, frequencies, escalation rule and toxicity window",
    "followup": "visit days, windows and procedures",
    "lookbacks": "waiting times before enrolment",
}
"""What no registry record has a field for."""


def _stated(section: Place) -> list[Json]:
    """Collect the facts that the record states, each with its path."""
    found = []
    for name, label, path, form in _FACTS:
        value = form.read(section.at(*path.split(".")))
        if value not in ("", [], None):
            fields = ".minimumAge, maximumAge" if form is _AGES else ""
            source = f"registry: protocolSection.{path}{fields}"
            found.append({"id": name, "label": label, "value": value, "source": source})
    return found


def _unknowns(stated: Iterable[Json]) -> dict[str, str]:
    """Name what the record has no field for, and what it could state and does not."""
    known = {fact["id"] for fact in stated} | _OPTIONAL
    return _NOT_REGISTERED | {name: label.lower() for name, label, _path, _form in _ASKED if name not in known}


# --- A record as a draft of a trial folder ---

_TEMPLATES = Path(__file__).with_name("draft_templates")


def draft(content: bytes, name: str = "record") -> dict[str, str]:
    """Turn a study record into the files of a new trial folder.

    Parameters
    ----------
    content : bytes
        One study of API version 2 as JSON.
    name : str
        What it is called in messages.

    Returns
    -------
    dict of str to str
        File name to text: the record as it came, ``trial.toml``, ``sites.toml``, ``eligibility.toml`` and
        ``eligibility_cases.toml`` from it, ``escalation.toml`` and ``followup.toml`` as bare drafts that only let
        the pages open, and ``ambiguities.toml`` with a question for everything that the record does not state or
        that the draft does not carry. A criterion whose sign the record does not say is undecided.

    Raises
    ------
    ProtocolError
        If the record cannot be used, as in :func:`study`, or has no location or no criteria.
    """
    record = study(content, name)
    section = record.at("protocolSection")
    criteria = split_criteria(section.at("eligibilityModule", "eligibilityCriteria").text())
    if not criteria:
        raise ProtocolError("protocolSection.eligibilityModule.eligibilityCriteria", _("no text"), _("the criteria"))
    undecided = _undecided(criteria)
    questions = _numbered([*undecided.values(), *_questions(section), *_left_out(record)])
    asked = {heading: question["id"] for heading, question in zip(undecided, questions, strict=False)}
    tables = {
        "trial.toml": _trial_tables(section),
        "sites.toml": _site_tables(section.at("contactsLocationsModule")),
        "eligibility.toml": _eligibility_tables(criteria, _phases(section.at("designModule", "phases")), asked),
        "eligibility_cases.toml": {item.id: _cases(item) for item in criteria},
        "ambiguities.toml": {"ambiguities": questions},
    }
    return {
        "registry.json": content.decode("utf-8-sig"),
        **{file: tomli_w.dumps(content) for file, content in tables.items()},
        **{path.name: path.read_text(encoding="utf-8") for path in sorted(_TEMPLATES.glob("*.toml"))},
    }


def write_folder(files: dict[str, str], folder: Path) -> None:
    """Write drafted files into a folder that does not exist yet, so that no work is overwritten.

    Parameters
    ----------
    files : dict of str to str
        What :func:`draft` returns.
    folder : Path

    Raises
    ------
    ProtocolError
        If the folder exists.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ProtocolError(str(folder), _("a folder that exists already"), _("the name of a new folder")) from None
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8", newline="")


def _trial_tables(section: Place) -> Json:
    stated = _stated(section)
    names = {fact["id"] for fact in stated}
    missing = [
        {"id": name, "label": label, "value": _NOT_STATED, "assumption": "The registry record does not state it."}
        for name, label in _NEEDED.items()
        if name not in names
    ]
    outcomes = [
        {
            "kind": kind,
            "measure": item.at("measure").text() or _NOT_STATED,
            "description": plain_text(item.at("description").text()),
            "time_frame": item.at("timeFrame").text(),
            "source": f"registry: {item.path}",
        }
        for kind in ("primary", "secondary", "other")
        for item in section.at("outcomesModule", f"{kind}Outcomes").each()
    ]
    arms = section.at("armsInterventionsModule")
    return {
        "facts": stated + missing,
        "arms": [_read_arm(item, "label") for item in arms.at("armGroups").each()],
        "interventions": [_read_arm(item, "name") for item in arms.at("interventions").each()],
        "outcomes": outcomes,
        "unknowns": [{"id": name, "label": label} for name, label in _unknowns(stated).items()],
    }


_LINKS = {"interventionNames": "interventions", "armGroupLabels": "arms", "otherNames": "other_names"}
"""Fields that tie arms and interventions together."""


def _read_arm(item: Place, name: str) -> Json:
    return {
        "name": item.at(name).text() or _NOT_STATED,
        "type": words(item.at("type").text()) or _NOT_STATED,
        "description": plain_text(item.at("description").text()) or _NOT_STATED,
        **{ours: _read_texts(item.at(theirs)) for theirs, ours in _LINKS.items() if item.at(theirs).value},
        "source": f"registry: {item.path}",
    }


def _site_tables(module: Place) -> Json:
    locations = module.at("locations").each()
    if not locations:
        raise ProtocolError(module.path + ".locations", _("no location"), _("a record with at least one location"))
    officials = [
        {
            "name": item.at("name").text() or _NOT_STATED,
            "role": words(item.at("role").text()),
            "affiliation": item.at("affiliation").text(),
        }
        for item in module.at("overallOfficials").each()
    ]
    return {
        "sites": [_read_site(item, number) for number, item in enumerate(locations, 1)],
        "central_contacts": [_read_contact(item) for item in module.at("centralContacts").each()],
        "officials": officials,
    }


def _read_site(item: Place, number: int) -> Json:
    city = item.at("city").text()
    site: Json = {
        "id": f"site_{number}",
        "name": item.at("facility").text() or f"{_UNNAMED.format(city=city)} ({number})",
        "city": city,
        "province": item.at("state").text(),
        "country": item.at("country").text(),
        "postcode": item.at("zip").text(),
        "status": words(item.at("status").text()),
        "address": "",
        "source": f"registry: {item.path}",
    }
    people = [_read_contact(person) for person in item.at("contacts").each()]
    site |= dict(zip(("contact", "backup_contact"), people, strict=False))
    if people[2:]:
        site["more_contacts"] = people[2:]
    latitude, longitude = (item.at("geoPoint", axis).number() for axis in ("lat", "lon"))
    if _is_on_earth(latitude, longitude):
        source = f"registry: {item.path}.geoPoint, the city's"
        site["city_point"] = {"latitude": latitude, "longitude": longitude, "source": source}
    return site


def _is_on_earth(latitude: float | None, longitude: float | None) -> bool:
    """Whether both degrees are given and in their range."""
    return latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180


def _read_contact(item: Place) -> Json:
    return {
        "name": item.at("name").text() or _NOT_STATED,
        "role": words(item.at("role").text()),
        "mail": _read_mail(item.at("email")),
        "phone": item.at("phone").text(),
        "phone_extension": item.at("phoneExt").text(),
    }


def _read_mail(place: Place) -> str:
    """Read the first mail address of a field; empty if it holds none."""
    candidates = (text.strip("<>()\"'").removeprefix("mailto:") for text in re.split(r"[\s;,]+", place.text()))
    return next((text for text in candidates if text and is_mail(text)), "")


def _phases(place: Place) -> list[str]:
    """Name the phases as they are called: PHASE1 is I. A study without a phase has a single one."""
    names = {"EARLY_PHASE1": "early I", "PHASE1": "I", "PHASE2": "II", "PHASE3": "III", "PHASE4": "IV"}
    found = dict.fromkeys(names[phase] for phase in _read_phases(place) if phase in names)
    return list(found) or ["the only one"]


def _eligibility_tables(criteria: list[RegisteredCriterion], phases: list[str], asked: dict[str, str]) -> Json:
    """Make each registered criterion one question to the investigator."""
    reason = "Draft: one answer by the investigator for the whole criterion, until it is taken apart into facts."
    return {
        "phases": phases,
        "facts": [
            {
                "id": item.fact,
                "label": f"{item.title} applies",
                "group": item.kind.capitalize(),
                "type": "yes_no",
                "judgement": True,
                "help": item.wording,
                "assumption": reason,
            }
            for item in criteria
        ],
        "parameters": [],
        "criteria": [
            {
                "id": item.id,
                "kind": item.kind,
                "title": item.title,
                "wording": item.wording,
                "condition": f"unclear({item.fact} or not {item.fact})" if item.kind == "undecided" else item.fact,
                "type": "judgement",
                "confirm": "screening",
                "ambiguities": [asked[item.heading]] if item.kind == "undecided" and item.heading in asked else [],
                "source": f"registry: eligibilityCriteria, {item.heading or item.title}",
            }
            for item in criteria
        ],
    }


def _cases(item: RegisteredCriterion) -> list[Json]:
    expected = {"inclusion": ("passes", "excludes"), "exclusion": ("excludes", "passes")}
    yes, no = expected.get(item.kind, ("unknown", "unknown"))
    return [
        {"says": "The investigator says that it applies", "expect": yes, "facts": {item.fact: True}},
        {"says": "The investigator says that it does not", "expect": no, "facts": {item.fact: False}},
        {"says": "Nothing is known", "expect": "unknown"},
    ]


# --- The questions of a draft ---

_DRAFT = "A bare draft stands in its place."
_MOST_QUESTIONS = 99  # their ids are A01 to A99


class _Question(NamedTuple):
    """What is not clear, how grave it is, what it concerns, what is to be asked, and what holds until then."""

    problem: str
    severity: str
    concerns: tuple[str, ...]
    question: str
    default: str = _DRAFT


def _numbered(questions: list[_Question]) -> list[Json]:
    """Number the questions; what does not fit is named in the last one."""
    kept, more = questions[: _MOST_QUESTIONS - 1], questions[_MOST_QUESTIONS - 1 :]
    if len(more) > 1:
        problem = " ".join(item.problem for item in more)
        more = [_Question(problem, "high", ("registry",), "What is stated on each of these?")]
    return [
        {
            "id": f"A{number:02}",
            "problem": item.problem,
            "default": item.default,
            "severity": item.severity,
            "concerns": list(item.concerns),
            "question": item.question,
        }
        for number, item in enumerate([*kept, *more], 1)
    ]


def _undecided(criteria: list[RegisteredCriterion]) -> dict[str, _Question]:
    """Ask for the sign of the undecided criteria, once for each heading; the headings are the keys."""
    found: dict[str, list[str]] = {}
    for item in criteria:
        if item.kind == "undecided":
            found.setdefault(item.heading, []).append(item.id)
    asked = {}
    for heading, ids in found.items():
        where = f"stand below “{heading}”" if heading else "stand below no heading"
        asked[heading] = _Question(
            f"{', '.join(ids)} {where}: the record does not say whether they admit or exclude.",
            "high",
            tuple(ids),
            "Which of them are inclusion criteria, and which are exclusion criteria?",
            "They are undecided: whatever is answered, their verdict is unknown.",
        )
    return asked


def _questions(section: Place) -> list[_Question]:
    asked = [
        _Question(f"The record does not say: {label}.", "high", (topic,), f"What is stated on: {label}?")
        for topic, label in _unknowns(_stated(section)).items()
    ]
    answers = "Each criterion is one answer by the investigator; none is computed."
    asked.append(_Question(answers, "high", ("eligibility",), "Which facts and limits decide each criterion?"))
    asked += _unusable(section)
    module = section.at("contactsLocationsModule")
    asked += [_Question(text, "medium", ("sites",), "Which number is right?") for text in _phone_problems(module)]
    asked += [_Question(text, "medium", ("sites",), "Which address is right?") for text in _mail_problems(module)]
    for key, lack, question in (
        ("facility", "no hospital is named", "Which hospitals are these?"),
        ("contacts", "no contact is registered", "Who is the contact there?"),
        ("status", "no status is registered", "Do these sites recruit?"),
    ):
        places = [item.path.rpartition(".")[2] for item in module.at("locations").each() if not item.at(key).value]
        if places:
            asked.append(_Question(f"At {', '.join(places)} {lack}.", "medium", ("sites",), question))
    return asked


def _unusable(section: Place) -> list[_Question]:
    """Ask for values that the record states and that cannot be right."""
    found = []
    for name, _label, path, form in _FACTS:
        place = section.at(*path.split("."))
        value = form.read(place)
        if form is _DAY and value != "" and not _is_date(value):
            found.append((name, f"{place.path} is {value!r}, which is no date of the calendar."))
        elif form is _WHOLE and isinstance(value, str):
            found.append((name, f"{place.path} is {value}, which is no number of participants."))
        elif form is _AGES:
            limits = (place.at(key) for key in ("minimumAge", "maximumAge"))
            wrong = [one for one in limits if _limit(one) and not re.fullmatch(_AGE, _limit(one))]
            found += [(name, f"{one.path} is {one.text()!r}, which is no age.") for one in wrong]
    for item in section.at("contactsLocationsModule", "locations").each():
        point = item.at("geoPoint")
        latitude, longitude = point.at("lat").number(), point.at("lon").number()
        if (latitude, longitude) != (None, None) and not _is_on_earth(latitude, longitude):
            found.append(("sites", f"{point.path} is {latitude}, {longitude}, which is no place; it is left out."))
    return [
        _Question(problem, "high", (topic,), "What is right?", "The value stands as registered.")
        for topic, problem in found
    ]


_AGE = r"(\d+(?:\.\d+)?) (Year|Month|Week|Day|Hour|Minute)s?"
"""An age as the registry writes it."""

_CARRIED = (
    r"contactsLocationsModule\.(?:centralContacts|locations\.contacts)\.(?:name|role|phone|phoneExt|email)"
    r"|contactsLocationsModule\.overallOfficials\.(?:name|role|affiliation)"
    r"|contactsLocationsModule\.locations\.(?:facility|status|city|state|zip|country|geoPoint\.(?:lat|lon))"
    r"|armsInterventionsModule\.armGroups\.(?:label|type|description|interventionNames)"
    r"|armsInterventionsModule\.interventions\.(?:name|type|description|armGroupLabels|otherNames)"
    r"|outcomesModule\.(?:primary|secondary|other)Outcomes\.(?:measure|description|timeFrame)"
    r"|eligibilityModule\.(?:minimumAge|maximumAge|stdAges)|sponsorCollaboratorsModule\.collaborators\.(?:name|class)"
)
"""Fields of the protocol section that the draft carries beside the facts; the registry works out stdAges itself."""


def _left_out(record: Place) -> list[_Question]:
    """Name the fields of a record that no file of the draft carries; they stand in ``registry.json`` only."""
    facts = {path for _name, _label, path, _form in _FACTS}
    protocol = record.value["protocolSection"]
    fields = [path for path in dict.fromkeys(_fields(protocol, "")) if path not in facts]
    missing = [path for path in fields if not re.fullmatch(_CARRIED, path)]
    missing += [
        name for name, value in record.value.items() if name not in ("protocolSection", "hasResults") and value
    ]
    if not missing:
        return []
    problem = f"The draft leaves out fields of the record: {', '.join(missing)}."
    kept = "They stand in registry.json, beside the draft."
    return [_Question(problem, "low", ("registry",), "Is any of them needed in the workbook?", kept)]


def _fields(value: Any, path: str) -> Iterator[str]:
    """Yield the path of every value that is not empty; items of a list share one."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _fields(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _fields(item, path)
    elif value not in (None, ""):
        yield path


def _mail_problems(module: Place) -> list[str]:
    """Say which registered mail addresses cannot be used, each with its place; at most 40."""
    people = [*module.at("centralContacts").each()]
    people += [person for item in module.at("locations").each() for person in item.at("contacts").each()]
    fields = [person.at("email") for person in people]
    notes = [
        f"{field.path}: {field.text()!r} is "
        + (f"more than one address; {_read_mail(field)} is used." if _read_mail(field) else "no mail address.")
        for field in fields
        if field.text() != _read_mail(field)
    ]
    return notes[:40]


def _phone_problems(module: Place) -> list[str]:
    """Say which registered telephone numbers cannot be dialled, each with its place; at most 40."""
    people = [(item, "") for item in module.at("centralContacts").each()]
    for location in module.at("locations").each():
        people += [(item, location.at("country").text()) for item in location.at("contacts").each()]
    notes = []
    for item, country in people:
        person = Contact.model_construct(**_read_contact(item))
        if (person.phone or person.phone_extension) and (problem := phone_problem(person, country)):
            notes.append(f"{item.path}.{'phoneExt' if 'extension' in problem else 'phone'}: {problem}")
    return notes[:40]


# --- A trial as a study record ---

_MODULES = (
    "identificationModule",
    "statusModule",
    "sponsorCollaboratorsModule",
    "oversightModule",
    "descriptionModule",
    "conditionsModule",
    "designModule",
    "armsInterventionsModule",
    "outcomesModule",
    "eligibilityModule",
    "contactsLocationsModule",
    "ipdSharingStatementModule",
)
_CONTACT_ROLES = ("CONTACT", "PRINCIPAL_INVESTIGATOR", "SUB_INVESTIGATOR", "STUDY_DIRECTOR", "STUDY_CHAIR")


def export(trial: Trial) -> Json:
    """Write a trial as a study record of API version 2, ready for ``json.dumps``.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    dict
        ``protocolSection`` with the modules that the trial's record can fill. Assumptions of the record and what it
        does not state are left out.
    """
    facts = {fact.id: fact.value for fact in trial.identity.facts if not fact.is_assumption}
    section: Json = {module: {} for module in _MODULES}
    for name, _label, path, form in _FACTS:
        if name in facts:
            _put(section, path, form.write(facts[name]))
    sponsor = section["sponsorCollaboratorsModule"].get("leadSponsor", {})
    section["identificationModule"].setdefault(
        "organization", {"fullName": sponsor.get("name"), "class": sponsor.get("class")}
    )
    section["eligibilityModule"].setdefault("eligibilityCriteria", _markup(_criteria_text(trial)))
    section["armsInterventionsModule"] = {
        "armGroups": [_written_arm(arm, "label") for arm in trial.identity.arms],
        "interventions": [_written_arm(arm, "name") for arm in trial.identity.interventions],
    }
    for item in trial.identity.outcomes:
        description = _markup(item.description)
        outcome = {"measure": item.measure, "description": description, "timeFrame": item.time_frame}
        section["outcomesModule"].setdefault(f"{item.kind}Outcomes", []).append(outcome)
    section["contactsLocationsModule"] = {
        "centralContacts": [_written_contact(contact) for contact in trial.central_contacts],
        "overallOfficials": _officials(trial),
        "locations": [_written_site(site) for site in trial.sites],
    }
    record: Json = _pruned({"protocolSection": section})
    return record


def _put(tree: Json, path: str, value: Any) -> None:
    *above, last = path.split(".")
    for step in above:
        tree = tree.setdefault(step, {})
    if isinstance(value, dict):
        tree[last] = tree.get(last, {}) | value
    elif isinstance(tree.get(last), list):  # two facts about the same items
        nothing: Json = {}
        tree[last] = [one | other for one, other in zip_longest(tree[last], value, fillvalue=nothing)]
    else:
        tree[last] = value


def _officials(trial: Trial) -> list[Json]:
    if trial.officials:
        return [{"name": one.name, "affiliation": one.affiliation, "role": code(one.role)} for one in trial.officials]
    name, affiliation = (trial.identity.get(fact) for fact in ("investigator", "investigator_affiliation"))
    if name is None or name.is_assumption:
        return []
    stated = affiliation.value if affiliation and not affiliation.is_assumption else None
    return [{"name": name.value, "affiliation": stated, "role": "PRINCIPAL_INVESTIGATOR"}]


def _written_arm(arm: Arm, name: str) -> Json:
    links = {theirs: list(getattr(arm, ours)) for theirs, ours in _LINKS.items()}
    return {name: arm.name, "type": code(arm.type), "description": _markup(arm.description), **links}


def _criteria_text(trial: Trial) -> str:
    """Number the criteria in the registry's words under its two headings; undecided ones stand under a third."""
    blocks = []
    headings = {"inclusion": "Inclusion Criteria:", "exclusion": "Exclusion Criteria:"}
    for kind, heading in (headings | {"undecided": "Inclusion or Exclusion Criteria (not decided):"}).items():
        found = [item for item in trial.eligibility.criteria if item.kind == kind]
        lines = [f"{item.id[1:]}. " + "\n".join(wording_lines(item)) for item in found]
        if found or kind in headings:
            blocks.append("\n".join([heading, "", *lines]))
    return "\n\n".join(blocks)


def _written_site(site: Site) -> Json:
    point = site.city_point
    return {
        "facility": None if site.name.startswith(_UNNAMED.format(city=site.city)) else site.name,
        "status": code(site.status),
        "city": site.city,
        "state": site.province,
        "zip": site.postcode,
        "country": site.country,
        "contacts": [_written_contact(contact) for contact in site.contacts],
        "geoPoint": {"lat": point.latitude, "lon": point.longitude} if point else None,
    }


def _written_contact(contact: Contact) -> Json:
    """Write a contact; a role that the registry does not know, such as a title, follows the name, as is usual."""
    is_known = not contact.role or code(contact.role) in _CONTACT_ROLES
    return {
        "name": contact.name if is_known else f"{contact.name}, {contact.role}",
        "role": code(contact.role) if is_known else "CONTACT",
        "phone": contact.phone,
        "phoneExt": contact.phone_extension,
        "email": contact.mail,
    }


def _pruned(value: Any) -> Any:
    """Leave out what is empty or not stated."""
    if isinstance(value, dict):
        kept = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item not in ("", [], {})}
    if isinstance(value, list):
        return [item for item in map(_pruned, value) if item not in ("", {}, None)]
    return None if value in (_NOT_STATED, code(_NOT_STATED), _NO_LIMIT) else value


# --- Two versions of a record ---

_NAMING_FIELDS = ("facility", "city", "zip", "name", "label", "measure", "id", "pmid", "title", "term")


def changes(before: Place, after: Place) -> pd.DataFrame:
    """Compare two versions of a record, value by value.

    Parameters
    ----------
    before, after : Place
        What :func:`study` returned.

    Returns
    -------
    pandas.DataFrame
        One row a difference, all columns text: ``place`` (the path; an item of a list stands by its name and not by
        its position, so that a new site changes no other row), ``change`` (added, removed or changed), ``before``,
        ``after``.
    """
    old, new = dict(_values(before.value, "")), dict(_values(after.value, ""))
    rows = []
    for place in dict.fromkeys([*old, *new]):
        if old.get(place) != new.get(place):
            change = "added" if place not in old else "removed" if place not in new else "changed"
            rows.append((place, change, old.get(place, ""), new.get(place, "")))
    return pd.DataFrame(rows, columns=["place", "change", "before", "after"], dtype=object)


def _values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _values(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        seen: dict[str, int] = {}
        for item in value:
            name = _name_of(item)
            seen[name] = seen.get(name, 0) + 1
            yield from _values(item, f"{path}[{name}{f' #{seen[name]}' if seen[name] > 1 else ''}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name_of(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(str(item[key]) for key in _NAMING_FIELDS if isinstance(item.get(key), str))
    return str(item)
