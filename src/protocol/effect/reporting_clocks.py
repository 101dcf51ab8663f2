"""When a suspected unexpected serious adverse reaction (SUSAR) must be reported; the days are data."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from protocol.effect.checks import one_of
from protocol.records import ProtocolError
from protocol.translation import _


@cache
def _clocks() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("reporting_clocks.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Due:
    """What must be reported by when.

    Parameters
    ----------
    is_susar : bool
        Serious, unexpected, and not held to be unrelated.
    first_report, follow_up : date or None
        Last days; the follow-up is that of a fatal or life-threatening reaction.
    source : str
        Where the days come from.
    """

    is_susar: bool
    first_report: date | None
    follow_up: date | None
    source: str


def report_due(
    first_known: date,
    *,
    serious: bool,
    expected: bool,
    relatedness: str,
    fatal_or_life_threatening: bool,
    country: str = "china",
) -> Due:
    """Return the last days of the reports of an event, in calendar days; no holiday stops the clock.

    Parameters
    ----------
    first_known : date
        Day on which the sponsor first knew, day 0.
    serious, expected, fatal_or_life_threatening : bool
    relatedness : str
        The higher one of investigator and sponsor: possible, probable, likely, definite, unlikely, unrelated, and not
        assessable or unknown, which count as related.
    country : str

    Raises
    ------
    ProtocolError
        When there is no date, or a word or mark is not known.
    """
    rule = _clocks()[one_of(country, _clocks(), _("country"))]
    if type(first_known) is not date:  # a datetime is one as well, and has a time
        raise ProtocolError(_("first known"), repr(first_known)[:80], _("a date, such as 2026-03-02"))
    for name, mark in (("serious", serious), ("expected", expected), ("fatal", fatal_or_life_threatening)):
        if not isinstance(mark, bool):
            raise ProtocolError(name, repr(mark)[:80], _("True or False"))
    one_of(relatedness, [*rule["related"], *rule["unrelated"]], _("relatedness"))
    if not serious or expected or relatedness in rule["unrelated"]:
        return Due(False, None, None, rule["source"])
    if not fatal_or_life_threatening:
        return Due(True, first_known + timedelta(days=rule["other_days"]), None, rule["source"])
    first = first_known + timedelta(days=rule["fatal_or_life_threatening_days"])
    return Due(True, first, first + timedelta(days=rule["follow_up_days"]), rule["source"])
