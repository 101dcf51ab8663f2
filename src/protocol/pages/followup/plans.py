"""What the planning part of the follow-up page says."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.figures.followup import SIGNS
from protocol.followup import FollowupRecord
from protocol.followup import activities as matrix_of
from protocol.pages import elements
from protocol.pages.followup.words import iso, status_word
from protocol.translation import _, ngettext

_WHY = {
    "weekday": _("no weekday of the site"),
    "full": _("no place left"),
    "past": _("already past"),
    "chain": _("for the visit that hangs on it"),
}


def best_days(table: pd.DataFrame) -> Markup:
    """Tabulate proposed days; say first where none is left."""
    if table.empty:
        return Markup("<p>{}</p>").format(_("No visit with a known day is to come."))
    none = table[table["best"].isna()]
    text = _("No working day is left in the window of: {names}.").format(names=", ".join(none["name"]))
    head = Markup('<p class="pw-bad">✗ {}</p>').format(text) if len(none) else Markup("")
    rows = [_best_row(row) for row in table.to_dict("records")]
    return head + elements.table(pd.DataFrame(rows, dtype=object), _("Visits to come"))


def _best_row(row: Mapping[Any, Any]) -> dict[str, object]:
    best = iso(row["best"]) if pd.notna(row["best"]) else Markup('<b class="pw-bad">{}</b>').format(_("✗ none"))
    provisional = Markup(' <span class="pw-tag pw-assumption">{}</span>').format(_("provisional"))
    moved = "" if pd.isna(row["moved_days"]) or not row["moved_days"] else f"{row['moved_days']:+d}"
    return {
        _("Visit"): row["name"],
        _("Best day"): best + (provisional if row["provisional"] else Markup("")),
        _("Target"): iso(row["target"]),
        _("Moved by days"): moved,
        _("Why not the target"): _WHY.get(row["why"], row["why"]),
        _("Window (both days included)"): Markup("{} – {}").format(iso(row["opens"]), iso(row["closes"])),
    }


def provisional_note(year: int) -> Markup:
    """Say which years' public holidays are not announced."""
    text = _("Exchanged working days are announced up to {year}; later days are provisional.")
    return Markup('<p class="pw-lead">{}</p>').format(text.format(year=year))


def doomed(table: pd.DataFrame, first: date, last: date) -> Markup:
    """List the days of the first infusion that leave a visit without a working day."""
    days = (last - first).days + 1
    if table.empty:
        return Markup('<p class="pw-good">✓ {}</p>').format(
            _("Each of these {n} days leaves every visit a working day.").format(n=days)
        )
    grouped = table.groupby("start", sort=True)["name"].agg(", ".join)
    text = ngettext(
        "✗ {n} of {days} days would leave a visit without a working day.",
        "✗ {n} of {days} days would leave a visit without a working day.", len(grouped),
    )  # fmt: skip
    days_of = {_("First infusion on"): [iso(day) for day in grouped.index]}
    rows = pd.DataFrame(days_of | {_("Without a working day"): list(grouped)}, dtype=object)
    head = Markup('<p class="pw-bad">{}</p>').format(text.format(n=len(grouped), days=days))
    return head + elements.details(_("Show the days"), elements.table(rows))


def moved(table: pd.DataFrame) -> Markup:
    """Say what moved and by how much."""
    shown = table[table["change"] == "moved"]
    stays = (table["change"] == "same").sum() + (table["change"] == "status").sum()
    if shown.empty:
        return Markup("<p>{}</p>").format(_("Nothing moves."))
    text = ngettext("{n} visit moves, {stays} stay.", "{n} visits move, {stays} stay.", len(shown))
    return Markup("<p><b>{}</b></p>").format(text.format(n=len(shown), stays=stays)) + _changes(shown)


def level_change(table: pd.DataFrame) -> Markup:
    """Say which visits a change of level adds, removes and moves."""
    shown = table[table["change"].isin(["added", "removed", "moved"])]
    if shown.empty:
        return Markup("<p>{}</p>").format(_("This is the participant's own level: nothing changes."))
    words = {"added": _("+ added"), "removed": _("− removed"), "moved": _("moved")}
    return Markup("<p>{}</p>").format(_("For this participant a change of level means:")) + _changes(
        shown.assign(change=shown["change"].map(words)), with_change=True
    )


def _changes(table: pd.DataFrame, with_change: bool = False) -> Markup:
    rows = []
    for row in table.to_dict("records"):
        line: dict[str, object] = {_("Visit"): row["name"]}
        if with_change:
            line[_("Change")] = row["change"]
        line |= {
            _("Target before"): iso(row["target_before"]), _("Target after"): iso(row["target_after"]),
            _("Days"): "" if pd.isna(row["moved_days"]) else f"{row['moved_days']:+d}",
            _("Status after"): status_word(row["status_after"]),
        }  # fmt: skip
        rows.append(line)
    return elements.table(pd.DataFrame(rows, dtype=object))


def burden(table: pd.DataFrame, level: int) -> Markup:
    """Compare the levels in visits, infusions, hours and blood."""
    labels = {
        "visits": _("Visits, infusions included"), "infusions": _("Infusions"), "procedures": _("Procedures"),
        "hours": _("Hours"), "blood_ml": _("Blood (mL)"),
    }  # fmt: skip
    assumed = {"hours", "blood_ml"}
    tag = Markup('<span class="pw-tag pw-assumption">{}</span>').format(_("assumption"))
    rows = []
    for name, label in labels.items():
        row: dict[str, object] = {_("In total"): Markup("{} {}").format(label, tag if name in assumed else "")}
        for at, value in table[name].items():
            head = _("Level {level}").format(level=at) + (" ◀" if at == level else "")
            row[head] = f"{value:.1f}" if name == "hours" else f"{value:g}"
        rows.append(row)
    return elements.table(pd.DataFrame(rows, dtype=object), _("All levels; ◀ is the participant's own"))


def matrix(record: FollowupRecord, level: int) -> Markup:
    """Lay out the schedule of activities of a level, with the reasons for its times and volumes."""
    table, procedures = matrix_of(record, level), {item.id: item for item in record.procedures}
    names: dict[Any, str] = {visit.id: visit.name for visit in record.visits_at(level)}
    rows = []
    for name, marks in table.iterrows():
        line = {_("Procedure"): procedures[str(name)].name} | {
            names[v]: "×" if yes else "" for v, yes in marks.items()
        }
        rows.append(line | {_("Times"): int(marks.sum())})
    total = {_("Procedure"): _("Procedures")} | {names[v]: int(n) for v, n in zip(table, table.sum(), strict=True)}
    rows.append(total | {_("Times"): int(table.to_numpy().sum())})
    title = _("Schedule of activities at level {level}").format(level=level)
    reasons = [
        {_("Procedure"): item.name, _("Minutes"): item.minutes.value, _("Why so long"): item.minutes.origin,
         _("Blood (mL)"): f"{item.blood_ml.value:g}", _("Why so much"): item.blood_ml.origin}
        for item in record.procedures
    ]  # fmt: skip
    return elements.details(title, elements.table(pd.DataFrame(rows, dtype=object), title)) + elements.details(
        _("Why these hours and volumes (all assumptions)"), elements.table(pd.DataFrame(reasons))
    )


def conflicts(table: pd.DataFrame) -> Markup:
    """Say which courses meet an infusion."""
    if table.empty:
        return Markup("<p>{}</p>").format(_("No course is given, or no infusion has a day."))
    words = {
        "conflict": Markup('<b class="pw-bad">✗ {}</b>').format(_("on the day of the infusion")),
        "in window": Markup('<span class="pw-open">! {}</span>').format(_("on another day of its window")),
        "none": Markup('<span class="pw-good">✓ {}</span>').format(_("apart")),
    }
    rows = [
        {_("Agent"): row["agent"], _("From"): iso(row["starts"]), _("To"): iso(row["ends"]) or _("goes on"),
         _("Infusion"): row["infusion"], _("Day"): iso(row["day"]), _("Exclusion 15"): words[row["verdict"]]}
        for row in table.to_dict("records")
    ]  # fmt: skip
    return elements.table(pd.DataFrame(rows, dtype=object))


def legend() -> Markup:
    """Explain every sign of the lanes."""
    items = [f"{sign} {word}" for sign, _colour, word in SIGNS.values() if sign not in "–?"]
    items = [_("▼ infusion given"), _("▽ infusion to come"), *items, _("▶ goes on"), _("bar: DLT window")]
    return Markup('<p class="pw-off">{}</p>').format(" · ".join(items))
