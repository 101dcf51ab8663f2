"""Short ways to build and read clinical records."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from support import paths
from support.trial import ELIGIBILITY

from protocol.exchange.clinical.fhir import read_fhir
from protocol.exchange.clinical.findings import Imported, Imports, Setting

FILES = paths.VECTORS / "eligibility"
DAY = date(2026, 3, 10)
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"


def setting(as_of: date = DAY, **more: Any) -> Setting:
    return Setting(ELIGIBILITY, as_of, **more)


def concept(code: str, system: str = LOINC, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def observation(loinc: str, own: str = "o1", day: str = "2026-03-08", **more: Any) -> dict[str, Any]:
    subject = {"reference": "Patient/1"}
    return {
        "resourceType": "Observation",
        "id": own,
        "status": "final",
        "code": concept(loinc),
        "subject": subject,
        "effectiveDateTime": day,
        **more,
    }


def quantity(value: float, unit: str = "", **more: Any) -> dict[str, Any]:
    return {"value": value, **({"unit": unit, "system": UCUM, "code": unit} if unit else {}), **more}


def condition(code: str, system: str = SNOMED, own: str = "c1", **more: Any) -> dict[str, Any]:
    subject = {"reference": "Patient/1"}
    return {
        "resourceType": "Condition",
        "id": own,
        "code": concept(code, system),
        "subject": subject,
        "onsetDateTime": "2026-01-05",
        **more,
    }


def state(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


PATIENT = {"resourceType": "Patient", "id": "1", "gender": "female", "birthDate": "1980-05-06"}


def bundle(*resources: dict[str, Any], kind: str = "collection") -> bytes:
    entries = [{"fullUrl": f"urn:uuid:{one.get('id')}", "resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()


def read(*resources: dict[str, Any], patient: dict[str, Any] | None = None, **more: Any) -> Imported:
    content = bundle(patient or PATIENT, *resources)
    return everybody({"records.json": content}, **more).participants[0]


def everybody(files: Mapping[str, bytes | Path], **more: Any) -> Imports:
    return read_fhir(files, setting(**more), lambda key: f"S-{key}")
