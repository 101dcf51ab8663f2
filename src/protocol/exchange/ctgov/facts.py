"""The facts about a trial as a whole that a ClinicalTrials.gov record states."""

import re
from datetime import date
from typing import Any

from protocol.exchange.ctgov.reading import words
from protocol.exchange.ctgov.writing import NO_LIMIT, NOT_STATED
from protocol.exchange.foreign import Place

Json = dict[str, Any]
_TEXTS = (
    ("nct_id", "Trial ID", "identificationModule.nctId"),
    ("title", "Title", "identificationModule.briefTitle"),
    ("official_title", "Official title", "identificationModule.officialTitle"),
    ("acronym", "Acronym", "identificationModule.acronym"),
    ("purpose", "Purpose", "descriptionModule.briefSummary"),
    ("background", "Background", "descriptionModule.detailedDescription"),
    ("sponsor", "Lead sponsor", "sponsorCollaboratorsModule.leadSponsor.name"),
    ("criteria_text", "Criteria as registered", "eligibilityModule.eligibilityCriteria"),
    ("study_population", "Study population", "eligibilityModule.studyPopulation"),
)
_CODES = (
    ("study_type", "Study type", "designModule.studyType"),
    ("agency_class", "Agency class", "sponsorCollaboratorsModule.leadSponsor.class"),
    ("status", "Overall status", "statusModule.overallStatus"),
    ("gender", "Sex", "eligibilityModule.sex"),
    ("sampling_method", "Sampling method", "eligibilityModule.samplingMethod"),
)
_DAYS = (
    ("start_date", "Registered start", "statusModule.startDateStruct.date"),
    ("primary_completion_date", "Registered primary completion", "statusModule.primaryCompletionDateStruct.date"),
    ("completion_date", "Registered completion", "statusModule.completionDateStruct.date"),
    ("record_updated", "Record last updated", "statusModule.lastUpdatePostDateStruct.date"),
)
_LISTS = (
    ("conditions", "Conditions", "conditionsModule.conditions"),
    ("keywords", "Keywords", "conditionsModule.keywords"),
)
NEEDED = ("title", "nct_id", "phase", "sponsor", "status")
"""Facts every page relies on; a record without one gets it as not stated."""
NOT_GIVEN = (
    ("escalation", "doses, frequencies, escalation rule and toxicity window"),
    ("followup", "visit days, windows and procedures"),
    ("lookbacks", "waiting times before enrolment"),
)
"""What no registry record has a field for."""


def facts(section: Place) -> list[Json]:
    """Collect what the record states, each fact with the path it stands at, and name what is needed and missing."""
    found = [
        *(_fact(name, label, path, _at(section, path).text()) for name, label, path in _TEXTS),
        *(_fact(name, label, path, words(_at(section, path).text())) for name, label, path in _CODES),
        *(_fact(name, label, path, _day(_at(section, path).text())) for name, label, path in _DAYS),
        *(_fact(name, label, path, _texts(_at(section, path))) for name, label, path in _LISTS),
        _fact("phase", "Phase", "designModule.phases",
              "/".join(words(phase) for phase in _texts(_at(section, "designModule.phases")))),
        _fact("collaborators", "Collaborators", "sponsorCollaboratorsModule.collaborators",
              [item.at("name").text() for item in _at(section, "sponsorCollaboratorsModule.collaborators").each()]),
        _fact("enrolment", "Planned enrolment", "designModule.enrollmentInfo.count",
              _whole(_at(section, "designModule.enrollmentInfo.count").number())),
        _fact("eligible_ages", "Eligible ages", "eligibilityModule.minimumAge, maximumAge", _ages(section)),
        _fact("healthy_volunteers", "Accepts healthy volunteers", "eligibilityModule.healthyVolunteers",
              {True: "Yes", False: "No"}.get(_at(section, "eligibilityModule.healthyVolunteers").value, "")),
    ]  # fmt: skip
    stated = [fact for fact in found if fact["value"] not in ("", [], None)]
    names = [fact["id"] for fact in stated]
    missing = [(name, "Course of treatment" if name == "course" else name.capitalize())
               for name in (*NEEDED, "course") if name not in names]  # fmt: skip
    reason = "The registry record does not state it."
    return stated + [
        {"id": name, "label": label, "value": NOT_STATED, "assumption": reason} for name, label in missing
    ]


def unstated(section: Place) -> list[tuple[str, str]]:
    """Name the facts that the record could state and does not."""
    stated = {fact["id"] for fact in facts(section) if "source" in fact}
    known = (*_TEXTS, *_CODES, *_DAYS, *_LISTS)
    asked = [(name, label.lower()) for name, label, _path in known if name not in (*stated, "acronym", "keywords")]
    asked += [("enrolment", "planned enrolment")] if "enrolment" not in stated else []
    return [(name, label) for name, label in asked if name not in ("study_population", "sampling_method")]


def _fact(name: str, label: str, path: str, value: Any) -> Json:
    return {"id": name, "label": label, "value": value, "source": f"registry: protocolSection.{path}"}


def _at(section: Place, path: str) -> Place:
    return section.at(*path.split("."))


def _texts(place: Place) -> list[str]:
    return [item.text() for item in place.each()]


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _day(text: str) -> date | str:
    """Read a whole date; a month alone stays as it is written."""
    return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text


def _ages(section: Place) -> str:
    youngest, oldest = (_at(section, f"eligibilityModule.{end}Age").text() for end in ("minimum", "maximum"))
    return f"{youngest or NO_LIMIT} - {oldest or NO_LIMIT}" if youngest or oldest else ""
