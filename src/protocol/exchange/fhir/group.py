"""A FHIR R4 Group of the participants a screening found: study ids only."""

import json
from datetime import date
from typing import Any

from protocol.eligibility import CohortScreening


def group(screening: CohortScreening, trial: str, as_of: date, overall: str) -> bytes:
    """Return the participants with one overall verdict as a Group resource.

    Parameters
    ----------
    screening : CohortScreening
        A screened cohort.
    trial : str
        The trial's registry number.
    as_of : date
        The day the screening holds for.
    overall : {"eligible so far", "possibly eligible"}
        Whom to list.

    Returns
    -------
    bytes
        JSON. Members are identified by study id; the characteristics are the criteria, inclusions and exclusions.
    """
    verdicts = screening.overall()
    members = [str(name) for name in verdicts.index[verdicts == overall]]
    resource: dict[str, Any] = {
        "resourceType": "Group",
        "identifier": [{"system": "https://clinicaltrials.gov", "value": f"{trial} {overall} {as_of.isoformat()}"}],
        "active": True,
        "type": "person",
        "actual": True,
        "name": f"{trial}: {overall}, screened {as_of.isoformat()}",
        "quantity": len(members),
        "characteristic": [
            _characteristic(criterion.id, title, criterion.kind == "exclusion")
            for criterion, title in zip(screening.criteria, screening.titles, strict=True)
        ],
        "member": [{"entity": _subject(name)} for name in members],
    }
    if not members:
        del resource["member"]  # FHIR has no empty lists
    return json.dumps(resource, ensure_ascii=False, indent=2).encode()


def _characteristic(identifier: str, title: str, exclude: bool) -> dict[str, Any]:
    return {
        "code": {"coding": [{"system": "urn:protocol-workbook:criterion", "code": identifier}], "text": title},
        "valueBoolean": True,
        "exclude": exclude,
    }


def _subject(name: str) -> dict[str, Any]:
    return {"type": "Patient", "identifier": {"system": "urn:protocol-workbook:participant", "value": name}}
