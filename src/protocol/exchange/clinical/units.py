"""Units as laboratories write them, converted by pint through UCUM; no unit is guessed."""

import re
from functools import cache, lru_cache
from typing import Any

from protocol.eligibility import Fact
from protocol.translation import _

UNIT_UNKNOWN = "unit unknown"

SPELLINGS = (("µ", "u"), ("μ", "u"), ("[IU]", "IU"), ("[iU]", "IU"), ("IU/", "[IU]/"), ("[U]", "U"))
"""Spellings that are not UCUM but mean one thing only; OMOP's vocabulary writes an enzyme's unit as [U]."""

UCUM = "http://unitsofmeasure.org"

_ANNOTATION = re.compile(r"\{[^{}]*\}")

_LONGEST = 40


class UnitError(ValueError):
    """A unit that is absent, is not UCUM, or measures something else."""


def unit_of(quantity: dict[str, Any]) -> str:
    """Return the unit of a Quantity: its UCUM code, else the unit as written, which must then be UCUM itself."""
    if quantity.get("system") == UCUM and quantity.get("code"):
        return str(quantity["code"])
    return str(quantity.get("unit") or quantity.get("code") or "")


def convert(value: float, unit: str, fact: Fact, molar_mass: float | None = None) -> float:
    """Convert a value into the unit of a fact.

    Parameters
    ----------
    value : float
        The number as reported.
    unit : str
        Its unit in UCUM, as FHIR and OMOP carry it: ``mg/dL``, ``[IU]/L``, ``10*9/L``; empty when there is none.
    fact : Fact
        A number with a unit.
    molar_mass : float, optional
        In g/mol; without it a mass does not convert into an amount of substance.

    Returns
    -------
    float
        The value in ``fact.unit``, rounded to 12 digits, so that 0.5 of 10*9/L is 500 /uL.

    Raises
    ------
    UnitError
        When the unit is absent or not UCUM, or measures something else than the fact does.
    """
    if not unit.strip():
        raise UnitError(_("no unit"))
    factor = _factor(unit.strip(), fact.unit or "1", molar_mass)
    if isinstance(factor, str):
        raise UnitError(factor)
    return float(f"{value * factor:.12g}")


@lru_cache(maxsize=1024)
def _factor(unit: str, target: str, molar_mass: float | None) -> float | str:
    """Return the factor, or the reason if there is none; kept, because wrong units repeat as often as right ones."""
    try:
        return _computed(unit, target, molar_mass)
    except UnitError as error:
        return str(error)


def _computed(unit: str, target: str, molar_mass: float | None) -> float:
    plain, wanted = _plain(unit), _plain(target)
    if plain == wanted:
        return 1.0
    if "1" in (plain, wanted) or _arbitrary(plain) != _arbitrary(wanted):
        if not (wanted.startswith("U/") and _arbitrary(plain)):
            raise UnitError(_("{unit} where {target} is meant").format(unit=unit, target=target))
        plain = re.sub(r"\[iu\]", "U", plain, flags=re.IGNORECASE)  # an enzyme's international unit is its U
    one, goal = _quantity(plain, unit), _quantity(wanted, target)
    if one.is_compatible_with(goal):
        return float((one / goal).to("").magnitude)
    amounts = [quantity.check("[substance] / [length] ** 3") for quantity in (one, goal)]
    masses = [quantity.check("[mass] / [length] ** 3") for quantity in (one, goal)]
    if molar_mass is None or not ((amounts[0] and masses[1]) or (masses[0] and amounts[1])):
        raise UnitError(_("{unit} where {target} is meant").format(unit=unit, target=target))
    grams_per_mole = molar_mass * _registry().from_ucum("g/mol")
    return float((one * grams_per_mole / goal if amounts[0] else one / grams_per_mole / goal).to("").magnitude)


def _plain(unit: str) -> str:
    for spelling, ucum in SPELLINGS:
        unit = unit.replace(spelling, ucum)
    return _ANNOTATION.sub("", unit) or "1"


def _arbitrary(unit: str) -> bool:
    """Whether a unit counts international units, which convert into nothing else."""
    return "[iu]" in unit.lower()


def _quantity(plain: str, unit: str) -> Any:
    from ucumvert.parser import InvalidUcumError

    if len(plain) > _LONGEST:
        raise UnitError(_("{unit}, which is not UCUM").format(unit=f"{unit[:_LONGEST]}…"))
    try:
        return _registry().from_ucum(plain)
    except (InvalidUcumError, AttributeError, KeyError, ArithmeticError):
        raise UnitError(_("{unit}, which is not UCUM").format(unit=unit)) from None


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
