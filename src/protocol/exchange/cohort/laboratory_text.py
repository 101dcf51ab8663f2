"""A laboratory value as a person types or pastes it: ``1.1 mg/dL``, or a line of a report, ``32 U/L (9–50)``."""

import re
from typing import NamedTuple

from protocol.eligibility import Fact, expected
from protocol.exchange.cohort.cells import read_value
from protocol.exchange.units import UnitError, convert
from protocol.records import ProtocolError

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"

_LINE = re.compile(
    rf"\s*(?P<value>{_NUMBER})(?:\s*(?P<unit>(?:10(?:[*^]\d+|[⁰¹²³⁴-⁹]+))?[^\s\d,(\[<≤–—-][^(<≤]*?))?"
    rf"(?:(?:\s*[(\[]|\s)\s*(?:{_NUMBER}\s*[-–—~]|[<≤])\s*(?P<limit>{_NUMBER})[^()\[\]]*[)\]]?)?\s*"
)
"""Number, unit, and a range as ``(9–50)``, ``9-50`` or ``(< 50)``."""


class Typed(NamedTuple):
    """What a text says: the number, its unit as written ("" if none), and the upper end of its reference range."""

    value: str
    unit: str
    limit: str

    @property
    def text(self) -> str:
        """The number with its unit, without the range."""
        return f"{self.value} {self.unit}".rstrip()

    @property
    def upper(self) -> str:
        """The upper end of the range with the unit; "" without a range."""
        return f"{self.limit} {self.unit}".rstrip() if self.limit else ""


def typed(text: str) -> Typed | None:
    """Take a text apart; None if it is not a number with at most a unit and a reference range."""
    found = _LINE.fullmatch(text)
    return Typed(found["value"], (found["unit"] or "").strip(), found["limit"] or "") if found else None


def read_typed(text: str, fact: Fact, molar_mass: float | None = None) -> object:
    """Read what was typed into the field of a fact; a number in another unit is converted, and no unit is guessed.

    Parameters
    ----------
    text : str
        "" for an unknown fact.
    fact : Fact
    molar_mass : float, optional
        In g/mol, to convert between mass and amount of substance.

    Returns
    -------
    bool, int, float, str, date or None
        In the unit of the fact; None for an unknown one.

    Raises
    ------
    ProtocolError
        With the label of the fact, what was found and what to write.
    """
    try:
        parts = typed(text) if fact.is_number else None
        if parts is None or not parts.unit or parts.unit in (fact.unit, fact.unit_label):
            return read_value(parts.value if parts else text, fact)
        number = convert(float(parts.value), parts.unit, fact, molar_mass)
        return read_value(f"{number:.12g}", fact)
    except UnitError as error:
        raise ProtocolError(fact.label, str(error)[:60], expected(fact)) from None
    except ValueError:
        raise ProtocolError(fact.label, repr(text)[:60], expected(fact)) from None
