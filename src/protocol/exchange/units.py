"""Units as laboratories write them, converted by pint through UCUM; no unit is guessed.

A unit is read as UCUM's case-sensitive code, as its case-insensitive code, and as the spellings in
``unit_spellings.toml``. It is used if all readings that measure what the fact does say the same.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.metadata import version
from itertools import islice, product
from pathlib import Path
from typing import Any

from protocol.eligibility import Fact
from protocol.records import ProtocolError
from protocol.translation import _

UNIT_UNKNOWN = "unit unknown"

UCUM = "http://unitsofmeasure.org"

_SPELLINGS: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("unit_spellings.toml").read_text(encoding="utf-8")
)

_LONGEST = 40

_MOST_READINGS = 64


class UnitError(ValueError):
    """A unit that is absent, is not UCUM, or measures something else."""


def unit_of(quantity: dict[str, Any]) -> str:
    """Return the unit of a Quantity: its UCUM code, else the unit as written."""
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
        Its unit in UCUM, as FHIR and OMOP carry it (``mg/dL``, ``[IU]/L``, ``10*9/L``), or another spelling that can
        mean one thing only for this fact (``MG/DL``, ``kg/m^2``, ``lbs``); empty when there is none.
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
        When the unit is absent or not known, measures something else than the fact does, or can mean two things.
    ProtocolError
        When the library of units does not work; no fault of the data.
    """
    factor = _factor(unit.strip(), fact.unit or "1", molar_mass, fact.maximum or 1.0)
    if isinstance(factor, str):
        raise UnitError(factor)
    return float(f"{value * factor:.12g}")


def is_unit(text: str, fact: Fact, molar_mass: float | None = None) -> bool:
    """Whether a text is a unit in which the fact can be measured."""
    return not isinstance(_factor(text, fact.unit or "1", molar_mass, fact.maximum or 1.0), str)


_SPOKEN = {
    "1": _("number"),
    "{score}": _("score"),
    "a": _("years"),
    "mo": _("months"),
    "wk": _("weeks"),
    "d": _("days"),
    "h": _("hours"),
}

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_SHOWN = (
    (re.compile(r"\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\[([A-Za-z]+)[^\[\]]*\]"), r"\1"),  # [IU], [in_i]
    (re.compile(r"(?<![A-Za-z])u(?=(mol|kat|g|L|l|U)\b)"), "μ"),
    (re.compile(r"(?<=10)[*^](-?\d+)|(?<=m)([23])\b"), lambda found: (found[1] or found[2]).translate(_RAISED)),
)


def shown_unit(unit: str, fact: Fact | None = None) -> str:
    """Return a unit as people write it: years for ``a``, 10⁹/L for ``10*9/L``, and the record's words for its own.

    Parameters
    ----------
    unit : str
        In UCUM or another spelling; a text that is neither stays as it is.
    fact : Fact, optional
        What is measured in it.
    """
    if fact is not None and fact.unit_label and unit == fact.unit:
        return fact.unit_label
    if unit in _SPOKEN:
        return _SPOKEN[unit]
    for pattern, said in _SHOWN:
        unit = pattern.sub(said, unit)
    return unit


_SMALLEST_NUMBER = 1e-5
"""A reading by which even the largest plausible value would be written as less than this is not meant: creatinine in
megagrams (Mg/dL). A modelling choice."""


@lru_cache(maxsize=1024)
def _factor(unit: str, target: str, molar_mass: float | None, largest: float) -> float | str:
    """Return the factor, or the reason if there is none; kept, because wrong units repeat as often as right ones."""
    if not unit:
        return 1.0 if next(_readings(target)) == "1" else _("no unit")  # a score has none
    if len(unit) > _LONGEST:
        return _("{unit}, which is not UCUM").format(unit=f"{unit[:_LONGEST]}…")
    factors, is_known = set[float](), False
    for reading in islice(_readings(unit), _MOST_READINGS):
        try:
            factor = _computed(reading, target, molar_mass)
            if largest >= factor * _SMALLEST_NUMBER:
                factors.add(float(f"{factor:.12g}"))
        except _NoUcumError:
            continue
        except UnitError:
            is_known = True
    if len(factors) == 1:
        return factors.pop()
    if factors:
        return _("{unit}, which can mean two units").format(unit=unit)
    if is_known:
        return _("{unit} where {target} is meant").format(unit=unit, target=shown_unit(target))
    return _("{unit}, which is not UCUM").format(unit=unit)


# --- Readings of a text ---

_POWER = re.compile("[⁻⁰¹²³⁴-⁹]+")

_REWRITTEN = (
    (re.compile(r"\{[^{}]*\}"), ""),  # an annotation
    (re.compile(r"(^|\s+)per\s+", re.IGNORECASE), "/"),
    (re.compile("[·×](?=[^\\W\\d])"), "."),
    (re.compile(r"(?<!\d)\s+|\s+(?!\d)"), ""),
    (re.compile(r"\.$"), ""),
    (re.compile(r"(^|[/.])[x×*·]?1(?:0\^|0\*\*?|0?e\+?)(?=\d)", re.IGNORECASE), r"\g<1>10*"),
    (re.compile(r"(?<=[a-z)\]])(?:\^|\*\*)(?=-?\d)", re.IGNORECASE), ""),  # m^2
    (re.compile(r"^([mu]?g)%$", re.IGNORECASE), r"\1/dL"),
    (re.compile(r"/100m(?=l$)", re.IGNORECASE), "/d"),
)
"""Ways to write powers, annotations and hundreds of millilitres, as UCUM writes them."""

_LOST_POWER = re.compile(r"(?<![\d*^.-])10(?:[3-9]|1[0-2])(?!\d)")
"""109/L, which was 10⁹/L before its power was lost; or it is what it says."""

_NAME = re.compile(r"((?:[^\W\d]|[%']|\[[^\]]*\])+)")
"""The name of a unit with its prefix, between operators, brackets and numbers."""


def _readings(unit: str) -> Iterator[str]:
    """Yield the UCUM codes that a text may stand for."""
    text = _POWER.sub(lambda found: "^" + unicodedata.normalize("NFKC", found[0]).replace("−", "-"), unit)
    text = unicodedata.normalize("NFKC", text).replace("μ", "u")
    for pattern, ucum in _REWRITTEN:
        text = pattern.sub(ucum, text)
    if text.casefold() in _SPELLINGS["scores"]["words"]:
        yield "1"
    elif not _LOST_POWER.search(text):
        parts = [_meanings(part) if place % 2 else [part] for place, part in enumerate(_NAME.split(text))]
        yield from ("".join(chosen) or "1" for chosen in product(*parts))


def _meanings(name: str) -> list[str]:
    """Return the UCUM codes of one name: itself, its other spelling, and those that it is in capitals."""
    plain = name.casefold()
    found = [name, *_case_insensitive().get(name.upper(), ())]
    found += [_SPELLINGS["units"][plain]] if plain in _SPELLINGS["units"] else []
    found += [""] if plain in _SPELLINGS["counted"]["words"] else []
    return list(dict.fromkeys(found))


@cache
def _case_insensitive() -> Mapping[str, list[str]]:
    """Return UCUM's case-sensitive codes by the case-insensitive ones, with prefixes."""
    _registry()  # says so when the library does not work
    from ucumvert.xml_util import root

    prefixes = [("", ""), *((one.get("CODE"), one.get("Code")) for one in root.iterfind("{*}prefix"))]
    found: dict[str, list[str]] = {}
    for one in (*root.iterfind("{*}base-unit"), *root.iterfind("{*}unit")):
        is_metric = one.get("isMetric", "yes") == "yes"  # a base unit does not say so
        for capitals, code in prefixes if is_metric else prefixes[:1]:
            found.setdefault(capitals + one.get("CODE"), []).append(code + one.get("Code"))
    return found


# --- Conversion ---


def _computed(plain: str, target: str, molar_mass: float | None) -> float:
    """Return the factor from a UCUM unit to another one."""
    wanted = next(_readings(target))
    if plain == wanted:
        return 1.0
    if "1" in (plain, wanted) or _arbitrary(plain) != _arbitrary(wanted):
        if not (wanted.startswith("U/") and _arbitrary(plain)):
            raise UnitError
        plain = re.sub(r"\[iu\]", "U", plain, flags=re.IGNORECASE)  # an enzyme's international unit is its U
    one, goal = _quantity(plain), _quantity(wanted)
    if one.is_compatible_with(goal):
        return float((one / goal).to("").magnitude)
    amounts = [quantity.check("[substance] / [length] ** 3") for quantity in (one, goal)]
    masses = [quantity.check("[mass] / [length] ** 3") for quantity in (one, goal)]
    if molar_mass is None or not ((amounts[0] and masses[1]) or (masses[0] and amounts[1])):
        raise UnitError
    grams_per_mole = molar_mass * _registry().from_ucum("g/mol")
    return float((one * grams_per_mole / goal if amounts[0] else one / grams_per_mole / goal).to("").magnitude)


def _arbitrary(unit: str) -> bool:
    """Whether a unit counts international units, which convert into nothing else."""
    return "[iu]" in unit.lower()


class _NoUcumError(UnitError):
    """A text that is no UCUM code."""


def _quantity(plain: str) -> Any:
    from ucumvert.parser import InvalidUcumError

    try:
        return _registry().from_ucum(plain)
    except (InvalidUcumError, AttributeError, KeyError, ArithmeticError):
        raise _NoUcumError from None


@cache
def _registry() -> Any:
    """Return the registry of units.

    Raises
    ------
    ProtocolError
        When it cannot be made, or converts wrongly.
    """
    from ucumvert import PintUcumRegistry

    try:
        registry = PintUcumRegistry()
        found = registry.from_ucum("mg/dL").to(registry.from_ucum("g/L")).magnitude
    except Exception as error:  # a release of pint that does not take UCUM's definitions: no fault of the data
        found = (str(error).splitlines() or [type(error).__name__])[0][:200]
    if not isinstance(found, float) or abs(found - 0.01) > 1e-12:
        where = "pint {}, ucumvert {}".format(*map(version, ("pint", "ucumvert")))
        write = _("the releases that pyproject.toml names, such as pint 0.25")
        raise ProtocolError(where, _("units that cannot be converted: {problem}").format(problem=found), write)
    return registry
