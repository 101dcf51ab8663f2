"""Text and tables about one participant's dates: visits, periods and look-backs."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.figures.followup import SIGNS
from protocol.followup import FollowupRecord, earliest_enrolment
from protocol.pages.kit import details, joined, macros, origin, paragraph, span, strong, table
from protocol.records import Provenance
from protocol.translation import _, labelled, list_of, ngettext, paragraph_of

_KINDS = {
    "in window": "good",
    "overdue": "bad",
    "missed": "bad",
    "early": "bad",
    "late": "bad",
    "due": "open",
    "open": "open",
}


def length_text(duration: str) -> str:
    """Return an ISO 8601 duration as text: “6 months” for ``P6M``; a sign is left out."""
    words = {
        "Y": lambda n: ngettext("{n} year", "{n} years", n),
        "M": lambda n: ngettext("{n} month", "{n} months", n),
        "W": lambda n: ngettext("{n} week", "{n} weeks", n),
        "D": lambda n: ngettext("{n} day", "{n} days", n),
    }
    parts = [(int(number), unit) for number, unit in re.findall(r"(\d+)([YMWD])", duration)]
    return paragraph_of(words[unit](number).format(n=number) for number, unit in parts)


def study_day_words() -> str:
    """Say how the days in the names of visits are counted; the effect page counts from day 0."""
    return _(
        "Study day 1 is the day of the first infusion, and there is no day 0 (CDISC). The effect page counts from "
        "day 0."
    )


def day_text(day: Any) -> Markup:
    """Return a day as an ISO date, nothing for a day that is not known."""
    return Markup("") if pd.isna(day) else span(str(day.date()), "date")


def window_text(row: Mapping[Any, Any]) -> Markup:
    """Return the first and the last day of a window, nothing if they are not known."""
    return joined((day_text(row["opens"]), day_text(row["closes"])), " – ") if pd.notna(row["opens"]) else Markup("")


def status_text(status: str) -> Markup:
    """Return the status of a visit with its sign."""
    sign, _colour, word = SIGNS[status]
    return span(f"{sign} {word}", _KINDS.get(status, "off"))


def today_summary(ledger: pd.DataFrame, today: date) -> Markup:
    """Return the visits that are missed, overdue, due or open, and the next one."""
    head = _("Today is {day}.").format(day=today)
    if ledger["target"].isna().all():
        return paragraph(joined((head, _("No date is known yet, so no visit can be planned.")), " "))
    visits = []
    for status in ("missed", "overdue", "due", "open"):
        for name, closes in ledger.loc[ledger["status"] == status, ["name", "closes"]].itertuples(index=False):
            text = _("{visit} (window until {day})").format(visit=name, day=closes.date())
            visits.append(joined((status_text(status), text), " "))
    none = "" if visits else _("No visit is open, due or overdue.")
    return macros("lists").bullets(visits, paragraph_of([head, none])) + paragraph(_next_visit(ledger))


def _next_visit(ledger: pd.DataFrame) -> str:
    ahead = ledger[ledger["status"].eq("not yet")].sort_values("opens", kind="stable")
    if ahead.empty:
        return _("No later visit is planned.")
    row = ahead.iloc[0]
    return _("Next: {visit}, planned for {target}, from {opens} until and including {closes}.").format(
        visit=row["name"], target=row["target"].date(), opens=row["opens"].date(), closes=row["closes"].date()
    )


def period_list(record: FollowupRecord, marks: pd.DataFrame) -> Markup:
    """Return the last day of each period, with its rule and the origin of the rule."""
    lines = []
    for period in record.periods:
        last = marks.loc[marks["id"] == period.id, "closes"].iloc[0]
        day = _("not yet known") if pd.isna(last) else _("until and including {day}").format(day=last.date())
        anchor = next(item.name for item in record.anchors if item.id == period.hangs_on)
        rule = _("({length} after “{anchor}”)").format(length=length_text(period.lasts), anchor=anchor)
        lines.append(strong(labelled(period.name, day), joined((rule, origin(period)), " ")))
    return macros("lists").bullets(lines)


def enrolment_text(clocks: pd.DataFrame, enrolment: date | None) -> Markup:
    """Return the first day on which the look-backs allow enrolment, which of them bind, and a verdict on `enrolment`.

    Parameters
    ----------
    clocks : pandas.DataFrame
        What :func:`protocol.followup.lookbacks` returns.
    enrolment : date or None
        The day of enrolment, if it is known.
    """
    day = earliest_enrolment(clocks)
    if day is None:
        return paragraph(_("No date is entered. Enrolment is not delayed only if the participant had none of these."))
    reasons = [
        _("“{name}”: {length} after {exposure}").format(
            name=row["name"], length=length_text(row["lasts"]), exposure=row["exposure"].date()
        )
        for row in clocks[clocks["binding"]].to_dict("records")
    ]
    text = _("Look-backs allow enrolment from {day}. What binds is {reasons}.")
    return paragraph(strong(text.format(day=day, reasons=list_of(reasons, "; ")), _verdict(day, enrolment)))


def _verdict(earliest: date, given: date | None) -> Markup | str:
    if given is None:
        return ""
    if given < earliest:
        return span(_("✗ The enrolment on {day} is too early.").format(day=given), "bad")
    return span(_("✓ The enrolment on {day} respects them.").format(day=given), "good")


def schedule_table(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the table of a ledger that people read."""
    rows = [_schedule_row(row) for row in ledger.to_dict("records")]
    return pd.DataFrame(rows, dtype=object)  # text columns would turn Markup into plain text


def _schedule_row(row: Mapping[Any, Any]) -> dict[str, Markup | str]:
    where = Provenance.model_validate({"assumption" if row["is_assumption"] else "source": row["origin"]})
    return {
        _("Visit"): row["name"],
        _("Status today"): status_text(row["status"]),
        _("Window (both days included)"): window_text(row),
        _("Target"): day_text(row["target"]),
        _("Done"): day_text(row["done"]),
        _("Study day (1 = first infusion)"): _number(row["study_day"]),
        _("Days since the first infusion"): _number(row["elapsed_days"]),
        _("Counted from"): _counted_from(row["hangs_on"], row["offset"]),
        _("What is done"): row["procedures"],
        _("Source of the target"): origin(where),
    }


def _counted_from(anchor: str, offset: str) -> str:
    length = length_text(offset)
    if offset.strip("-PYMWD0") == "":
        return anchor
    return f"{anchor} − {length}" if offset.startswith("-") else f"{anchor} + {length}"


def _number(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def origins(ledger: pd.DataFrame) -> Markup:
    """Return in full where every target and every window comes from."""
    rows = [
        {_("Visit"): row["name"], _("Target"): row["origin"], _("Window"): row["window_origin"]}
        for row in ledger.to_dict("records")
    ]
    return details(_("Why these days and these windows"), table(pd.DataFrame(rows)))
