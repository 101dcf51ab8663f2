"""A trial as a ClinicalTrials.gov record. Only what a registry says leaves; no assumption goes out as a fact."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from protocol.exchange import wordings
from protocol.exchange.ctgov.reading import code
from protocol.sites import Contact, Site
from protocol.trial import Arm, Identity, Outcome, Trial

UNNAMED = "Hospital not named, {city}"
NOT_STATED = "not stated"
NO_LIMIT = "no limit"
ROLES = ("CONTACT", "PRINCIPAL_INVESTIGATOR", "SUB_INVESTIGATOR", "STUDY_DIRECTOR", "STUDY_CHAIR")
Json = dict[str, Any]


def record(trial: Trial) -> Json:
    """Write a trial as a study record of API version 2, ready for ``json.dumps``.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    dict
        ``protocolSection`` with the modules the record can fill. What is an assumption in the record, or stated
        nowhere, is left out.
    """
    facts = _Facts(trial.identity)
    modules = {
        "identificationModule": {
            "nctId": facts["nct_id"],
            "organization": {"fullName": facts["sponsor"], "class": facts.code("agency_class")},
            "briefTitle": facts["title"], "officialTitle": facts["official_title"], "acronym": facts["acronym"],
        },
        "statusModule": {
            "overallStatus": facts.code("status"),
            **{f"{name}Struct": {"date": facts[fact]} for name, fact in (
                ("startDate", "start_date"), ("primaryCompletionDate", "primary_completion_date"),
                ("completionDate", "completion_date"), ("lastUpdatePostDate", "record_updated"))},
        },
        "sponsorCollaboratorsModule": {
            "leadSponsor": {"name": facts["sponsor"], "class": facts.code("agency_class")},
            "collaborators": [{"name": name} for name in facts["collaborators"] or ()],
        },
        "descriptionModule": {"briefSummary": facts["purpose"], "detailedDescription": facts["background"]},
        "conditionsModule": {"conditions": facts["conditions"], "keywords": facts["keywords"]},
        "designModule": {
            "studyType": facts.code("study_type"),
            "phases": [code(phase) for phase in (facts["phase"] or "").split("/")],
            "enrollmentInfo": {"count": facts["enrolment"]},
        },
        "armsInterventionsModule": {
            "armGroups": [_arm(arm, "label") for arm in trial.identity.arms],
            "interventions": [_arm(arm, "name") for arm in trial.identity.interventions],
        },
        "outcomesModule": {f"{kind}Outcomes": _outcomes(trial.identity.outcomes, kind)
                           for kind in ("primary", "secondary", "other")},
        "eligibilityModule": _eligibility(trial, facts),
        "contactsLocationsModule": _contacts(trial, facts),
    }  # fmt: skip
    full: Json = _pruned({"protocolSection": modules})
    return full


class _Facts:
    """The facts a registry states, by id; None for everything else."""

    def __init__(self, identity: Identity) -> None:
        self._values = {fact.id: fact.value for fact in identity.facts if not fact.is_assumption}

    def __getitem__(self, name: str) -> Any:
        value = self._values.get(name)
        return value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value

    def code(self, name: str) -> str:
        return code(self[name] or "")


def _arm(arm: Arm, name: str) -> Json:
    return {name: arm.name, "type": code(arm.type), "description": arm.description}


def _outcomes(outcomes: Iterable[Outcome], kind: str) -> list[Json]:
    return [
        {"measure": item.measure, "description": item.description, "timeFrame": item.time_frame}
        for item in outcomes if item.kind == kind
    ]  # fmt: skip


def _eligibility(trial: Trial, facts: _Facts) -> Json:
    youngest, _dash, oldest = (facts["eligible_ages"] or "").partition(" - ")
    volunteers = facts["healthy_volunteers"]
    return {
        "eligibilityCriteria": facts["criteria_text"] or _criteria_text(trial),
        "healthyVolunteers": None if volunteers is None else volunteers == "Yes",
        "sex": facts.code("gender"), "minimumAge": youngest, "maximumAge": oldest,
        "studyPopulation": facts["study_population"], "samplingMethod": facts.code("sampling_method"),
    }  # fmt: skip


def _criteria_text(trial: Trial) -> str:
    """Number the criteria in the registry's words under its two headings."""
    blocks = []
    for kind in ("inclusion", "exclusion"):
        found = [item for item in trial.eligibility.criteria if item.kind == kind]
        lines = [f"{item.id[1:]}. " + "\n".join(wordings.lines(item)) for item in found]
        blocks.append("\n".join([f"{kind.capitalize()} Criteria:", "", *lines]))
    return "\n\n".join(blocks)


def _contacts(trial: Trial, facts: _Facts) -> Json:
    officials = [
        {"name": one.name, "affiliation": one.affiliation, "role": code(one.role)} for one in trial.officials
    ] or [{"name": facts["investigator"], "affiliation": facts["investigator_affiliation"],
           "role": "PRINCIPAL_INVESTIGATOR" if facts["investigator"] else ""}]  # fmt: skip
    return {
        "centralContacts": [_contact(contact) for contact in trial.central_contacts],
        "overallOfficials": officials,
        "locations": [_location(site) for site in trial.sites],
    }


def _location(site: Site) -> Json:
    point = site.city_point
    return {
        "facility": None if site.name.startswith(UNNAMED.format(city=site.city)) else site.name,
        "status": code(site.status), "city": site.city, "state": site.province, "zip": site.postcode,
        "country": site.country, "contacts": [_contact(contact) for contact in site.contacts],
        "geoPoint": {"lat": point.latitude, "lon": point.longitude} if point else None,
    }  # fmt: skip


def _contact(contact: Contact) -> Json:
    """A role the registry does not know, such as a title, stands behind the name, as is usual there."""
    known = not contact.role or code(contact.role) in ROLES
    return {
        "name": contact.name if known else f"{contact.name}, {contact.role}",
        "role": code(contact.role) if known else "CONTACT",
        "phone": contact.phone, "phoneExt": contact.phone_extension, "email": contact.mail,
    }  # fmt: skip


def _pruned(value: Any) -> Any:
    """Leave out what is empty or not stated."""
    if isinstance(value, dict):
        kept = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item not in ("", [], {})}
    if isinstance(value, list):
        return [item for item in map(_pruned, value) if item not in ("", {}, None)]
    return None if value in (NOT_STATED, code(NOT_STATED), NO_LIMIT) else value
