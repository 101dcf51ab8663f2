"""What a Patient resource says that the criteria ask for: sex, date of birth, death. Nothing else of it is read."""

from protocol.exchange.birth import Birth, read_birth
from protocol.exchange.cohort_files import Problem
from protocol.exchange.evidence import Finding, Setting
from protocol.exchange.fhir.dates import first_day
from protocol.exchange.fhir.reading import Item
from protocol.exchange.history import died
from protocol.translation import _

SEXES = {"female": "female", "male": "male", "other": "other"}
"""FHIR's administrative genders; ``unknown`` is unknown here too."""


def patient_findings(item: Item, setting: Setting) -> list[Finding]:
    """Return sex, and an expected survival of nothing for somebody who has died by the as-of date."""
    patient, findings = item.resource, []
    sex = sex_of(item)
    if sex:
        findings.append(Finding("sex", sex, setting.as_of, "Patient", original=str(patient["gender"])))
    day = first_day(patient.get("deceasedDateTime"))
    if day or patient.get("deceasedBoolean") is True:
        findings += died(day, setting.as_of, "Patient")
    return findings


def sex_of(item: Item) -> str | None:
    """Return the sex, None when unknown."""
    return SEXES.get(str(item.resource.get("gender")))


def birth_of(item: Item, problems: list[Problem]) -> Birth | None:
    """Return the days the person may have been born on, None when the date is absent or cannot be read."""
    text = item.resource.get("birthDate")
    if text is None:
        return None
    try:
        return read_birth(str(text), "Patient")
    except ValueError:
        problems.append(no_date(item, "birthDate"))
        return None


def no_date(item: Item, element: str) -> Problem:
    """Say that an element of a resource ought to be a date and is none."""
    write = _("a date like 1960-03-01, or its year, or year and month")
    return Problem(f"{item.where}, {element}", _("no date"), write)
