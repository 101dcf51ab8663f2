"""A FHIR R4 Group of the participants a screening found: study ids only."""

import json
from typing import Any

from protocol.eligibility import CohortScreening, Tally
from protocol.exchange.cohort.results import Stamp
from protocol.records import ProtocolError
from protocol.translation import _, alternatives

LISTED = {"eligible so far": "confirmed", "possibly eligible": "possible"}


def group(screening: CohortScreening, tally: Tally, under: Stamp, overall: str) -> bytes:
    """Return the participants with one overall verdict as a Group resource.

    Parameters
    ----------
    screening : CohortScreening
        A screened cohort.
    tally : Tally
        Its counts, which know the criteria that are switched off: these are neither judged nor listed.
    under : Stamp
        The trial, rules, readings and day of the screening.
    overall : {"eligible so far", "possibly eligible"}
        Whom to list.

    Returns
    -------
    bytes
        JSON. Members are identified by study id; the characteristics are the criteria, inclusions and exclusions.
    """
    if overall not in LISTED:
        raise ProtocolError(_("overall"), repr(overall), alternatives(LISTED))
    members = [str(screening.participants[row]) for row in tally.rows(LISTED[overall])]
    on = set(tally.on)
    day = under.as_of.isoformat()
    resource: dict[str, Any] = {
        "resourceType": "Group",
        "identifier": [
            {"system": "https://clinicaltrials.gov", "value": f"{under.trial} {overall} {day}"},
            {"system": "urn:protocol-workbook:interpretation", "value": under.interpretation_id},
            {"system": "urn:protocol-workbook:rules", "value": under.rule_hash},
        ],
        "active": True,
        "type": "person",
        "actual": True,
        "name": f"{under.trial}, phase {under.phase}: {overall}, screened {day}",
        "quantity": len(members),
        "characteristic": [
            _characteristic(criterion.id, title, criterion.kind == "exclusion")
            for criterion, title in zip(screening.criteria, screening.titles, strict=True)
            if on & {criterion.id, criterion.mirrors} and criterion.kind != "undecided"
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
