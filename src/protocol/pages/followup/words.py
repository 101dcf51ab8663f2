"""What the follow-up page says: sentences and tables from ledgers and clocks."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.figures.followup import SIGNS
from protocol.followup import FollowupRecord, earliest_enrolment
from protocol.pages.kit import text as elements
from protocol.records import Provenance
from protocol.translation import _, ngettext

_CLASSES = {
    "in window": "pw-good", "overdue": "pw-bad", "missed": "pw-bad", "early": "pw-bad", "late": "pw-bad",
    "due": "pw-open", "open": "pw-open",
}  # fmt: skip


def length_in_words(duration: str) -> str:
    """Say an ISO 8601 duration: ``P6M`` is “6 months”."""
    words = {
        "Y": lambda n: ngettext("{n} year", "{n} years", n), "M": lambda n: ngettext("{n} month", "{n} months", n),
        "W": lambda n: ngettext("{n} week", "{n} weeks", n), "D": lambda n: ngettext("{n} day", "{n} days", n),
    }  # fmt: skip
    parts = [(int(number), unit) for number, unit in re.findall(r"(\d+)([YMWD])", duration)]
    return " ".join(words[unit](number).format(n=number) for number, unit in parts)


def today_in_words(ledger: pd.DataFrame, today: date) -> Markup:
    """Say which visits were missed, are overdue, due or open, and which comes next."""
    parts = []
    for status in ("missed", "overdue", "due", "open"):
        for name, closes in ledger.loc[ledger["status"] == status, ["name", "closes"]].itertuples(index=False):
            text = _("{visit} (window until {day})").format(visit=name, day=closes.date())
            parts.append(Markup("<li>{} {}</li>").format(status_word(status), text))
    head = _("Today is {day}.").format(day=today)
    if ledger["target"].isna().all():
        return Markup("<p>{} {}</p>").format(head, _("No date is known yet, so no visit can be planned."))
    none = "" if parts else _("No visit is open, due or overdue.")
    return Markup("<p>{} {}</p><ul>{}</ul><p>{}</p>").format(head, none, Markup("").join(parts), _next_visit(ledger))


def _next_visit(ledger: pd.DataFrame) -> str:
    ahead = ledger[ledger["status"].eq("not yet")].sort_values("opens", kind="stable")
    if ahead.empty:
        return _("No later visit is planned.")
    row = ahead.iloc[0]
    return _("Next: {visit}, planned for {target}, from {opens} until and including {closes}.").format(
        visit=row["name"], target=row["target"].date(), opens=row["opens"].date(), closes=row["closes"].date()
    )


def periods_in_words(record: FollowupRecord, marks: pd.DataFrame) -> Markup:
    """Say until when each period lasts, and by which rule."""
    texts = []
    for period in record.periods:
        last = marks.loc[marks["id"] == period.id, "closes"].iloc[0]
        day = _("not yet known") if pd.isna(last) else _("until and including {day}").format(day=last.date())
        anchor = next(item.name for item in record.anchors if item.id == period.hangs_on)
        rule = _("{length} after “{anchor}”").format(length=length_in_words(period.lasts), anchor=anchor)
        texts.append(Markup("<li><b>{}: {}</b> ({}) {}</li>").format(period.name, day, rule, elements.origin(period)))
    return Markup("<ul>{}</ul>").format(Markup("").join(texts))


def earliest_in_words(clocks: pd.DataFrame, enrolment: date | None) -> Markup:
    """Say from which day on enrolment is allowed, what binds, and whether the enrolment respects it."""
    day = earliest_enrolment(clocks)
    if day is None:
        return Markup("<p>{}</p>").format(
            _("No date is entered. Enrolment is not delayed only if the participant had none of these.")
        )
    binding = clocks[clocks["binding"]]
    reasons = [
        _("“{name}”: {length} after {exposure}").format(
            name=row["name"], length=length_in_words(row["lasts"]), exposure=row["exposure"].date()
        )
        for row in binding.to_dict("records")
    ]
    text = _("Look-backs allow enrolment from {day}. What binds is {reasons}.")
    return Markup("<p><b>{}</b> {}</p>").format(
        text.format(day=day, reasons="; ".join(reasons)), _against_enrolment(day, enrolment)
    )


def _against_enrolment(earliest: date, given: date | None) -> Markup:
    if given is None:
        return Markup("")
    if given < earliest:
        text = _("✗ The enrolment on {day} is too early.").format(day=given)
        return Markup('<span class="pw-bad">{}</span>').format(text)
    text = _("✓ The enrolment on {day} respects them.").format(day=given)
    return Markup('<span class="pw-good">{}</span>').format(text)


def status_word(status: str) -> Markup:
    """Show a status with its sign."""
    sign, _colour, word = SIGNS[status]
    return Markup('<span class="{}">{} {}</span>').format(_CLASSES.get(status, "pw-off"), sign, word)


def _counted_from(anchor: str, offset: str) -> str:
    length = length_in_words(offset)
    if offset.strip("-PYMWD0") == "":
        return anchor
    return f"{anchor} − {length}" if offset.startswith("-") else f"{anchor} + {length}"


def readable(ledger: pd.DataFrame) -> pd.DataFrame:
    """Turn a ledger into the table that people read."""
    rows = [_readable_row(row) for row in ledger.to_dict("records")]
    return pd.DataFrame(rows, dtype=object)  # text columns would turn Markup into plain text


def _readable_row(row: Mapping[Any, Any]) -> dict[str, Markup | str]:
    origin = Provenance.model_validate({"assumption" if row["is_assumption"] else "source": row["origin"]})
    window = Markup("{} – {}").format(iso(row["opens"]), iso(row["closes"])) if pd.notna(row["opens"]) else ""
    return {
        _("Visit"): row["name"],
        _("Status today"): status_word(row["status"]),
        _("Window (both days included)"): window,
        _("Target"): iso(row["target"]),
        _("Done"): iso(row["done"]),
        _("Study day"): _number(row["study_day"]),
        _("Elapsed days"): _number(row["elapsed_days"]),
        _("Counted from"): _counted_from(row["hangs_on"], row["offset"]),
        _("What is done"): row["procedures"],
        _("Source of the target"): elements.origin(origin),
    }


def reasons(ledger: pd.DataFrame) -> Markup:
    """Say in full where every target and every window comes from."""
    rows = [
        {_("Visit"): row["name"], _("Target"): row["origin"], _("Window"): row["window_origin"]}
        for row in ledger.to_dict("records")
    ]
    return elements.details(_("Why these days and these windows"), elements.table(pd.DataFrame(rows)))


def iso(day: Any) -> Markup:
    """Show a day as an ISO date, nothing for a day that is not known."""
    return Markup("") if pd.isna(day) else Markup('<span class="pw-date">{}</span>').format(day.date())


def _number(value: Any) -> str:
    return "" if pd.isna(value) else str(value)
