"""What a diagnosis means for the facts on a given day, whatever format carried it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from protocol.eligibility import Fact
from protocol.exchange.choosing import DATED_HISTORY
from protocol.exchange.evidence import Finding
from protocol.translation import _

PREGNANCY = timedelta(weeks=42)
"""A pregnancy noted longer ago has ended, whether or not anybody closed the entry."""


def diagnosed(fact: Fact, option: str, blank: Finding, ended: date | bool | None, as_of: date) -> Iterator[Finding]:
    """Yield what a confirmed diagnosis says on a day.

    Parameters
    ----------
    fact : Fact
        What the diagnosis is about.
    option : str
        What its code says.
    blank : Finding
        Where it stands; its day is the onset, if known.
    ended : date, bool or None
        The day it ended, whether it has ended at all, or None when nothing says so.
    as_of : date
        A diagnosis that still holds on this day dates from it: the latest evidence of a tumour is today's.
    """
    over = ended <= as_of if isinstance(ended, date) else bool(ended)
    value = True if fact.type == "yes_no" else option
    if fact.id in DATED_HISTORY:
        last = ended if isinstance(ended, date) else None
        yield replace(blank, value=value, day=last if over else as_of, note="" if over else still_going_on())
    elif fact.id == "hiv_history":
        yield replace(blank, value=value)
    elif not over:
        current = fact.id != "pregnancy_test" or (blank.day is not None and as_of - blank.day <= PREGNANCY)
        day = as_of if current and fact.id != "diagnosis" else blank.day
        yield replace(blank, value=value, day=day, since=blank.day)


def still_going_on() -> str:
    """Say that something still goes on."""
    return _("still going on")


def died(day: date | None, as_of: date, origin: str) -> list[Finding]:
    """Return an expected survival of nothing for somebody who has died by the as-of date."""
    if day is not None and day > as_of:
        return []
    note = _("died {day}").format(day=day or "").strip()
    return [Finding("expected_survival_months", 0.0, day or as_of, origin, note=note)]
