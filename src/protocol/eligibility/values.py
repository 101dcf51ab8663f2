"""What may be written for a fact."""

from datetime import date, datetime

from protocol.eligibility.criteria import Fact
from protocol.records import ProtocolError
from protocol.translation import _

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)
"""No date of a participant lies outside these."""


def check_day(day: object, where: str) -> None:
    """Raise ProtocolError unless something is a date, without a time, on which a participant may be judged."""
    if not isinstance(day, date) or isinstance(day, datetime) or not FIRST_DAY <= day <= LAST_DAY:
        raise ProtocolError(where, repr(day), _("a date like 2026-03-01, from 1900 to 2100"))


def expected(fact: Fact) -> str:
    """Say what may be written for a fact."""
    match fact.type:
        case "yes_no":
            return _("yes or no")
        case "date":
            return _("a date like 2026-03-01, from 1900 to 2100")
        case "choice":
            return _("one of {options}").format(options=", ".join(fact.options))
    kind = _("a whole number") if fact.type == "whole" else _("a number")
    span = _("{kind} from {low:g} to {high:g} {unit}")
    return span.format(kind=kind, low=fact.minimum, high=fact.maximum, unit=fact.unit_label).rstrip()
