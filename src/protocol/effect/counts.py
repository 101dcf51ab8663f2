"""Blood counts: what is counted, the units it is reported in, and how a limit is written in each of them.

A count is compared in the unit it was reported in: the limit is converted, as an exact decimal, and the count is not.
"""

import re
import tomllib
import unicodedata
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protocol.effect.checks import Floats, floats, one_of
from protocol.records import ProtocolError, outlined
from protocol.translation import _, list_of

TOLERANCE = 1e-12
"""A count below a limit by less than this share of it lies on the limit: a computed 0.3 may be a bit less."""


@cache
def _known() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("counts.toml").read_text(encoding="utf-8"))


def analytes() -> dict[str, str]:
    """Return the labels of everything that is counted, by its id."""
    return {name: str(one["label"]) for name, one in _known()["analytes"].items()}


def in_sentence(analyte: str) -> str:
    """Return the label of what is counted as it stands inside a sentence."""
    return _(analytes().get(analyte, analyte)).lower()


def _entry(analyte: str) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = _known()["analytes"]
    if str(analyte) not in known:
        one_of(analyte, analytes(), _("analyte"))
    return known[analyte]


def codes(analyte: str) -> tuple[str, ...]:
    """Return the codes of hospital records for counts of `analyte`, as a fact of the eligibility record writes them.

    Raises
    ------
    ProtocolError
        When it is not counted here.
    """
    return tuple(_entry(analyte)["codes"])


def highest_count(analyte: str) -> float:
    """Return the highest count of `analyte` that can be, in its first unit.

    Raises
    ------
    ProtocolError
        When it is not counted here.
    """
    return float(_entry(analyte)["highest"])


def units(analyte: str) -> tuple[str, ...]:
    """Return the units that counts of `analyte` may be reported in.

    Raises
    ------
    ProtocolError
        When it is not counted here.
    """
    kind = _entry(analyte)["kind"]
    return tuple(_known()["units"][kind])


_SAME_SIGN = str.maketrans(
    {"µ": "u", "μ": "u", "³": "3", "⁹": "^9", "⁶": "^6", "E": "^"} | dict.fromkeys(("×", "x", "X", "个"), "")
)
"""Signs of laboratories: ×10⁹/L, 10E9/L and 个/μL."""


def unit_of(analyte: str, unit: str | None) -> str:
    """Return the unit as it is written here.

    Raises
    ------
    ProtocolError
        When there is none, or it is no unit of that count.
    """
    signs = unicodedata.normalize("NFKC", unit.translate(_SAME_SIGN)) if isinstance(unit, str) else ""
    plain = "".join(signs.split()).lstrip("*·").replace("mm^3", "mm3")
    plain = f"{plain[:-1]}L" if plain.endswith("l") else plain  # no other change of case: G/L is no g/L
    if plain not in units(analyte):
        named = repr(unit) if unit else _("no unit")
        raise ProtocolError(
            _("unit of {}").format(in_sentence(analyte)), named, _("one of {}").format(list_of(units(analyte)))
        )
    return plain


def converted(limit: Decimal, analyte: str, unit: str, *, of: str) -> float:
    """Return the number that a limit in the unit `of` has in `unit`, both as :func:`unit_of` writes them."""
    factors = _known()["units"][_known()["analytes"][analyte]["kind"]]
    return float(limit * Decimal(factors[of]) / Decimal(factors[unit]))


def read_number(text: str, where: str) -> float:
    """Read a number of a form or a file: digits, and a point before the decimals.

    Raises
    ------
    ProtocolError
        For anything else, because a comma or a space could mean decimals or thousands.
    """
    if not _NUMBER.fullmatch(text):
        found = repr(outlined(text)) if text else _("nothing")
        raise ProtocolError(where, found, _("a number with a point and without thousands, such as 0.45"))
    return float(text)


_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


def read_counts(values: ArrayLike, analyte: str, unit: str | None) -> tuple[Floats, str]:
    """Read counts and their unit; a count that is missing is NaN.

    Raises
    ------
    ProtocolError
        When a number comes without a unit, is no number, is negative, or is so high that its unit must be another.
    """
    where = _("count of {}").format(in_sentence(analyte))
    known = units(analyte)
    found = floats(values, where, _("numbers, with one of the units {}").format(list_of(known)))
    if not unit:
        highest = f"{np.nanmax(found):,.15g}" if found.size and not np.isnan(found).all() else _("counts")
        raise ProtocolError(where, _("{} without a unit").format(highest), _("one of {}").format(list_of(known)))
    unit = unit_of(analyte, unit)
    most = converted(Decimal(_known()["analytes"][analyte]["highest"]), analyte, unit, of=known[0])
    wrong = (found < 0) | (found > most)
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        shown = f"{found.flat[place]:,.15g} {unit}"
        write = _("a number from 0 to {:,.6g} {}, or the unit it was reported in").format(most, unit)
        raise ProtocolError(_("{}, number {}").format(where, place + 1), shown, write)
    return found, unit


def standard_count(value: float, analyte: str, unit: str) -> float:
    """Return a count in the first unit of its analyte; NaN for an analyte or a unit that is not known."""
    factor = _factor(analyte, unit)
    return value if factor == 1 else np.nan if factor is None else float(Decimal(repr(value)) * factor)


@cache
def _factor(analyte: str, unit: str) -> Decimal | None:
    """Return how many of the first unit of an analyte one of `unit` is."""
    try:
        plain = unit_of(analyte, unit)
    except ProtocolError:
        return None
    return Decimal(_known()["units"][_known()["analytes"][analyte]["kind"]][plain])


def is_below(values: Floats, limit: float | Floats) -> NDArray[np.bool_]:
    """Mark counts below a limit; a count on the limit, up to :data:`TOLERANCE`, is not below it."""
    return np.asarray(values < np.multiply(limit, 1 - TOLERANCE))
