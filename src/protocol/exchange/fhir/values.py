"""The values of an Observation or of one of its components."""

from dataclasses import replace
from typing import Any

from protocol.eligibility import Fact
from protocol.exchange.answers import MEANS, amount, coded, is_load, worded
from protocol.exchange.choosing import CONFLICT, NOT_USABLE
from protocol.exchange.codes import SYSTEMS
from protocol.exchange.evidence import Finding, measured
from protocol.exchange.fhir.quantities import unit_of
from protocol.exchange.fhir.ranges import Subject, upper_limit
from protocol.exchange.units import UNIT_UNKNOWN
from protocol.translation import _

AIR = "on_room_air"
INTERPRETED = {"POS": True, "DET": True, "RR": True, "NEG": False, "ND": False, "NR": False}
"""HL7's interpretations that say found or not found: positive, detected, reactive, and their opposites."""


def answered(part: dict[str, Any], fact: Fact, option: str, blank: Finding, subject: Subject) -> Finding | None:
    """Complete a finding with the value of an observation; None when the observation has none.

    A value of a kind that is not read here is still a result, and may not leave the field to an older one.
    """
    match {name: given for name, given in part.items() if name.startswith("value") and given is not None}:
        case {"valueQuantity": {"value": int() | float() as number}} if not isinstance(number, bool):
            return _quantity(part, fact, option, blank, subject)
        case {"valueCodeableConcept": dict() as concept}:
            return _concept(concept, fact, option, blank)
        case {"valueBoolean": bool() as found}:
            return _yes_or_no(found, fact, option, blank)
        case {"valueInteger": int() as whole} if not isinstance(whole, bool):
            return _whole(whole, fact, blank)
        case {"valueString": _text}:
            return replace(blank, reason=NOT_USABLE, note=_("a text instead of a code or number"))
        case other if other and not part.get("dataAbsentReason"):
            return replace(blank, reason=NOT_USABLE, note=_("neither a number nor an answer known here"))
    return None


def _yes_or_no(found: bool, fact: Fact, option: str, blank: Finding) -> Finding | None:
    value, finding = worded(fact, option, found), replace(blank, original=str(found).lower())
    if value is None:
        return None if option else replace(finding, reason=NOT_USABLE, note=_("an answer not known here"))
    return replace(finding, value=value)


def _whole(value: int, fact: Fact, blank: Finding) -> Finding:
    finding = replace(blank, original=str(value))
    counts = fact.type == "whole" and fact.unit in ("1", "{score}")
    return (
        measured(fact, value, "1" if counts else "", finding)
        if fact.is_number
        else replace(finding, reason=NOT_USABLE)
    )


def _concept(concept: dict[str, Any], fact: Fact, option: str, blank: Finding) -> Finding | None:
    codings = [
        (SYSTEMS.get(str(coding.get("system")).rstrip("/"), ""), str(coding.get("code")))
        for coding in concept.get("coding", [])
    ]
    values = [value for value in (coded(fact, option, coding) for coding in codings) if value is not None]
    shown = ", ".join(" ".join(coding).strip() for coding in codings)
    if len(set(values)) > 1 or len({MEANS[coding] for coding in codings if coding in MEANS}) > 1:
        return replace(blank, original=shown, reason=CONFLICT, note=f"{shown} ({blank.origin})")
    if not values:
        return (
            None if option else replace(blank, original=shown, reason=NOT_USABLE, note=_("an answer not known here"))
        )
    return replace(blank, value=values[0], original=shown)


def _quantity(part: dict[str, Any], fact: Fact, option: str, blank: Finding, subject: Subject) -> Finding | None:
    quantity = part["valueQuantity"]
    value, comparator = quantity["value"], str(quantity.get("comparator") or "")
    unit = unit_of(quantity)
    finding = replace(blank, original=f"{comparator}{value:.10g} {unit}".strip())
    if comparator and (fact.is_number or fact.id == AIR):
        return replace(finding, reason=NOT_USABLE, note=_("only a bound, not a value"))
    if fact.id == AIR:
        return replace(finding, value=value == 0) if unit else replace(finding, reason=UNIT_UNKNOWN)
    if not fact.is_number:
        word, note = amount(fact, option, float(value), comparator, unit)
        if not is_load(fact, option) and (found := _interpreted(part)) is not None:
            word = worded(fact, option, found)
        if word is None:
            return None if option else replace(finding, reason=NOT_USABLE, note=note)
        return replace(finding, value=word)
    return replace(measured(fact, float(value), unit, finding), limit=upper_limit(part, fact, subject, blank.day))


def _interpreted(part: dict[str, Any]) -> bool | None:
    """Return what the laboratory itself says of a number: found or not; None when it says neither, or both."""
    codings = [coding for one in part.get("interpretation", []) for coding in one.get("coding", [])]
    said = {INTERPRETED[str(c.get("code"))] for c in codings if c.get("code") in INTERPRETED and _is_flag(c)}
    return said.pop() if len(said) == 1 else None


def _is_flag(coding: dict[str, Any]) -> bool:
    return (
        str(coding.get("system")).rstrip("/").lower().endswith(("v3-observationinterpretation", "v2-0078", "v2/0078"))
    )
