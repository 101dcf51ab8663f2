"""Reference ranges of an Observation: which one is the participant's own."""

from datetime import date
from typing import Any, NamedTuple

from protocol.eligibility import Fact
from protocol.eligibility.leaves import Participant
from protocol.exchange.birth import Birth
from protocol.exchange.fhir.quantities import unit_of
from protocol.exchange.units import UnitError, convert

SEX_CODES = {
    "248152002": "female",  # SNOMED CT
    "248153007": "male",
    "female": "female",  # HL7 administrative gender
    "male": "male",
    "F": "female",  # HL7 version 3
    "M": "male",
}
YEARS = "a"
"""UCUM's year; an age in anything else is not compared."""


class Subject(NamedTuple):
    """What of a person decides which range holds."""

    sex: str | None = None
    birth: Birth | None = None


NOBODY = Subject()


def upper_limit(part: dict[str, Any], fact: Fact, subject: Subject, day: date | None) -> float | None:
    """Return the one upper limit of normal that came with a value and holds for its subject, in the fact's unit.

    None when there is no such, when there are several, or when it cannot be told of one of them whether it is normal
    and for whom it is meant.
    """
    ranges = [one for one in part.get("referenceRange", []) if isinstance(one.get("high"), dict)]
    holds = [_holds(one, subject, day) for one in ranges]
    if None in holds:
        return None
    own = [one["high"] for one, is_own in zip(ranges, holds, strict=True) if is_own]
    try:
        highs = {convert(float(high["value"]), unit_of(high), fact) for high in own}
    except (UnitError, KeyError):
        return None
    return highs.pop() if len(highs) == 1 else None


def _is_normal(one: dict[str, Any]) -> bool | None:
    """Whether a range is one of normal values; None when only a text says what it is: it may be the critical one."""
    codes = {coding.get("code") for coding in (one.get("type") or {}).get("coding", [])} - {None}
    return "normal" in codes if codes else (None if "type" in one else True)


def _holds(one: dict[str, Any], subject: Subject, day: date | None) -> bool | None:
    """Whether a range is the subject's normal one; None when that cannot be told."""
    checks = [_is_normal(one), *(_is_of_sex(concept, subject.sex) for concept in one.get("appliesTo", []))]
    checks += [_is_of_age(one["age"], subject.birth, day)] if "age" in one else []
    if False in checks:
        return False
    return None if None in checks else True


def _is_of_sex(concept: dict[str, Any], sex: str | None) -> bool | None:
    meant = {SEX_CODES.get(str(coding.get("code"))) for coding in concept.get("coding", [])} - {None}
    return None if len(meant) != 1 or sex not in ("female", "male") else sex in meant


def _is_of_age(age: dict[str, Any], birth: Birth | None, day: date | None) -> bool | None:
    bounds = [age[name] for name in ("low", "high") if name in age]
    if birth is None or day is None or any(unit_of(bound) != YEARS or "value" not in bound for bound in bounds):
        return None
    low, high = (float(age[name]["value"]) if name in age else None for name in ("low", "high"))
    possible = {Participant({}).years(born, day) for born in (birth.first, birth.last)}
    inside = {(low is None or low <= years) and (high is None or years <= high) for years in possible}
    return inside.pop() if len(inside) == 1 else None
