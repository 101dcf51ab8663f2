"""What Patient resources say that the criteria ask for: sex, date of birth, death. Nothing else of them is read.

A person has one such resource, or several that differ and do not say which is newer; then no one of them wins.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from protocol.exchange.birth import Birth, not_yet_born, read_birth
from protocol.exchange.choosing import CONFLICT
from protocol.exchange.cohort_files import Problem
from protocol.exchange.evidence import Finding, Setting
from protocol.exchange.fhir.dates import first_day
from protocol.exchange.fhir.reading import Item
from protocol.exchange.history import died
from protocol.translation import _

SEXES = {"female": "female", "male": "male", "other": "other"}
"""FHIR's administrative genders; ``unknown`` is unknown here too."""


def patient_findings(patients: Sequence[Item], setting: Setting) -> list[Finding]:
    """Return sex, and an expected survival of nothing for somebody who has died by the as-of date."""
    findings = []
    for patient in (item.resource for item in patients):
        gender = str(patient.get("gender"))
        if gender in SEXES:
            findings.append(Finding("sex", SEXES[gender], setting.as_of, "Patient", original=gender))
        day = first_day(patient.get("deceasedDateTime"))
        if day or patient.get("deceasedBoolean") is True:
            findings += died(day, setting.as_of, "Patient")
    births = _births(patients)
    torn = Finding(
        "birth_date", None, setting.as_of, "Patient", reason=CONFLICT, note="; ".join(filter(first_day, births))
    )
    return findings + ([torn, replace(torn, fact="age_years")] if len(births) > 1 else [])


def sex_of(patients: Sequence[Item]) -> str | None:
    """Return the sex, None when unknown or in conflict."""
    known = {SEXES.get(str(item.resource.get("gender"))) for item in patients} - {None}
    return known.pop() if len(known) == 1 else None


def birth_of(patients: Sequence[Item], as_of: date, problems: list[Problem]) -> Birth | None:
    """Return the days the person may have been born on; None when it is absent, unreadable or in conflict."""
    births = _births(patients)
    if len(births) != 1:
        return None
    [(text, item)] = births.items()
    try:
        birth = read_birth(text, "Patient")
    except (ValueError, OverflowError):
        problems.append(no_date(item, "birthDate"))
        return None
    if not_yet_born(birth, as_of):
        found = _("a date of birth after the as-of date")
        problems.append(no_date(item, "birthDate")._replace(found=found))
    return birth


def _births(patients: Sequence[Item]) -> dict[str, Item]:
    """Return the different dates of birth as they are written, each with a resource that says so."""
    return {str(item.resource["birthDate"]): item for item in patients if item.resource.get("birthDate") is not None}


def second(item: Item) -> Problem:
    """Say that a person has more than one Patient resource."""
    return Problem(item.where, _("another Patient of the same id, and neither is newer"), _("one Patient per person"))


def no_date(item: Item, element: str) -> Problem:
    """Say that an element of a resource ought to be a date and is none."""
    write = _("a date like 1960-03-01, or its year, or year and month")
    return Problem(f"{item.where}, {element}", _("no date"), write)
