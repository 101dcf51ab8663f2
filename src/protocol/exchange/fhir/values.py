"""The values of an Observation or of one of its components."""

from dataclasses import replace
from typing import Any

from protocol.eligibility import Fact
from protocol.exchange.answers import amount, coded, worded
from protocol.exchange.codes import SYSTEMS
from protocol.exchange.evidence import NOT_USABLE, Finding, measured
from protocol.exchange.units import UNIT_UNKNOWN, UnitError, convert
from protocol.translation import _

UCUM = "http://unitsofmeasure.org"
AIR = "on_room_air"


def answered(part: dict[str, Any], fact: Fact, option: str, blank: Finding) -> Finding | None:
    """Complete a finding with the value of an observation; None when the observation has none."""
    if isinstance(part.get("valueQuantity"), dict):
        return _quantity(part, fact, option, blank)
    if isinstance(part.get("valueCodeableConcept"), dict):
        return _concept(part["valueCodeableConcept"], fact, option, blank)
    if isinstance(part.get("valueBoolean"), bool):
        found = part["valueBoolean"]
        value = worded(fact, option, found)
        return None if value is None else replace(blank, value=value, original=str(found).lower())
    if isinstance(part.get("valueInteger"), int):
        return _whole(part["valueInteger"], fact, blank)
    if "valueString" in part:
        return replace(blank, reason=NOT_USABLE, note=_("a text instead of a code or number"))
    return None


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
    if not values:
        return (
            None if option else replace(blank, original=shown, reason=NOT_USABLE, note=_("an answer not known here"))
        )
    return replace(blank, value=values[0], original=shown)


def _quantity(part: dict[str, Any], fact: Fact, option: str, blank: Finding) -> Finding | None:
    quantity = part["valueQuantity"]
    value, comparator = quantity.get("value"), str(quantity.get("comparator") or "")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    unit = unit_of(quantity)
    finding = replace(blank, original=f"{comparator}{value:.10g} {unit}".strip())
    if fact.id == AIR:
        return replace(finding, value=value == 0) if unit else replace(finding, reason=UNIT_UNKNOWN)
    if not fact.is_number:
        word = amount(fact, option, float(value), comparator, unit)
        if word is None and option:
            return None
        note = _("an amount that decides nothing: no IU/mL, or only a bound") if word is None else blank.note
        return replace(finding, value=word, reason="" if word else NOT_USABLE, note=note)
    if comparator:
        return replace(finding, reason=NOT_USABLE, note=_("only a bound, not a value"))
    return replace(measured(fact, float(value), unit, finding), limit=_upper_limit(part, fact))


def unit_of(quantity: dict[str, Any]) -> str:
    """Return the unit of a Quantity: its UCUM code, else the unit as written, which must then be UCUM itself."""
    if quantity.get("system") == UCUM and quantity.get("code"):
        return str(quantity["code"])
    return str(quantity.get("unit") or quantity.get("code") or "")


def _upper_limit(part: dict[str, Any], fact: Fact) -> float | None:
    """Return the one upper limit of normal that came with a value, in the fact's unit; None when there is no such."""
    ranges = [one for one in part.get("referenceRange", []) if isinstance(one.get("high"), dict) and _is_normal(one)]
    try:
        highs = {convert(float(one["high"]["value"]), unit_of(one["high"]), fact) for one in ranges}
    except (UnitError, KeyError):
        return None
    return highs.pop() if len(highs) == 1 else None


def _is_normal(one: dict[str, Any]) -> bool:
    codes = [coding.get("code") for coding in (one.get("type") or {}).get("coding", [])]
    return not codes or "normal" in codes
