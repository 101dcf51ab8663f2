"""Planning for one participant: best days, what moves, what a level asks, exclusion 15, calendar file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.exchange.contacts.calendar import calendar_file
from protocol.figures import followup as figures
from protocol.figures.followup import SIGNS
from protocol.followup import (
    FollowupRecord,
    best_days,
    burden,
    conflicts,
    differences,
    doomed_starts,
    last_announced_year,
    slipped,
    timeline,
)
from protocol.followup import activities as matrix_of
from protocol.pages.followup.words import iso, status_word
from protocol.pages.kit import text as elements
from protocol.pages.kit.fields import Day
from protocol.records import ProtocolError
from protocol.translation import _, ngettext

_WHY = {
    "weekday": _("no weekday of the site"),
    "full": _("no place left"),
    "past": _("already past"),
    "chain": _("for the visit that hangs on it"),
}


def best_days_in_words(table: pd.DataFrame) -> Markup:
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


def doomed_in_words(table: pd.DataFrame, first: date, last: date) -> Markup:
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


def moved_in_words(table: pd.DataFrame) -> Markup:
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


def burden_in_words(table: pd.DataFrame, level: int) -> Markup:
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


def conflicts_in_words(table: pd.DataFrame) -> Markup:
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


_WIDE = {"description_width": "60%"}

_FULL = {"width": "calc(100% - 4px)"}

_AHEAD_DAYS = 60

WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))


@dataclass(frozen=True)
class Case:
    """One participant as the page stands."""

    dates: Mapping[str, date | None]
    level: int
    done: Mapping[str, date | None]
    ledger: pd.DataFrame


class Planning:
    """What follows from one participant's dates.

    Parameters
    ----------
    trial : str
        Registry id, for the UIDs of the calendar file.
    record : FollowupRecord
    today : date
    full_days : callable
        Takes a site's name and its visits a day, returns the days on which it has no place left.
    sites : tuple of str
        Names to choose from.
    """

    def __init__(
        self, trial: str, record: FollowupRecord, today: date, sites: tuple[str, ...],
        full_days: Callable[[str, int], set[date]],
    ) -> None:  # fmt: skip
        self._trial, self._record, self._today, self._full_days = trial, record, today, full_days
        self._case: Case | None = None
        self._burden = burden(record)
        self._make_inputs(sites)
        self._make_outputs()
        self.view = self._arrange()
        for control in self._controls:
            control.observe(self._again, names="value")
        self.other_level.observe(self._lay_out, names="value")
        self._lay_out()

    def _make_inputs(self, sites: tuple[str, ...]) -> None:
        working, today = self._record.working, self._today
        self.site = widgets.Dropdown(
            options=[(_("No site"), ""), *((name, name) for name in sites)],
            description=_("Site"),
            style=_WIDE,
            layout=_FULL,
        )
        self.weekdays = [
            widgets.Checkbox(
                place in working.weekdays.value, description=name, indent=False, layout={"width": "4.5em"}
            )
            for place, name in enumerate(WEEKDAYS, start=1)
        ]
        self.capacity = widgets.BoundedIntText(
            working.visits_per_day.value, min=1, max=99, description=_("Visits a day"), style=_WIDE, layout=_FULL
        )
        self.first = Day(value=today, description=_("First infusion from"), style=_WIDE, layout=_FULL)
        self.last = Day(value=today + timedelta(days=_AHEAD_DAYS), description=_("to"), style=_WIDE, layout=_FULL)
        self.slip = widgets.IntSlider(
            7, min=-14, max=60, description=_("Days later"),
            style={"description_width": "initial"},
            layout={"width": "min(520px, 100%)"},
        )  # fmt: skip
        levels = [(str(item.level), item.level) for item in self._record.frequencies]
        self.other_level = widgets.ToggleButtons(
            options=levels, description=_("Compare with level"), style={"button_width": "4em"}
        )
        self.agents = {
            item.id: tuple(
                Day(description=f"{item.name}, {edge}", style=_WIDE, layout=_FULL) for edge in (_("from"), _("to"))
            )
            for item in self._record.concurrent_agents
        }
        self.study_id = widgets.Text("P-01", description=_("Study id"), style=_WIDE, layout=_FULL)
        self.revision = widgets.BoundedIntText(
            0, min=0, max=9999, description=_("Revision"), style=_WIDE, layout=_FULL
        )

    @property
    def _controls(self) -> list[widgets.Widget]:
        pickers = [picker for pair in self.agents.values() for picker in pair]
        return [self.site, *self.weekdays, self.capacity, self.first, self.last, self.slip, self.other_level,
                self.study_id, self.revision, *pickers]  # fmt: skip

    def _make_outputs(self) -> None:
        self.best, self.doomed = elements.html("", role="status"), elements.html("", role="status")
        self.moved, self.levels = elements.html("", role="status"), elements.html("", role="status")
        self.matrix = elements.html("")
        self.conflicts = elements.html("", role="status")
        self.courses = Chart(figures.courses, _("Courses of agents beside the infusions"))
        self.courses.layout.display = "none"
        self.file = elements.html("")

    def _arrange(self) -> widgets.VBox:
        working = self._record.working
        reasons = Markup("").join(
            Markup("<p>{}: {}</p>").format(name, elements.assumption(value.origin))
            for name, value in (
                (_("Weekdays"), working.weekdays), (_("Exchanged weekend days"), working.makeup_days),
                (_("Visits a day"), working.visits_per_day),
            )
        )  # fmt: skip
        days = widgets.Box(self.weekdays, layout={"flex_flow": "row wrap"})
        agents = [picker for pair in self.agents.values() for picker in pair]
        return widgets.VBox(
            [
                elements.section(
                    _("Best days"), elements.row(_column(self.site, self.capacity), _column(days)),
                    elements.html(elements.details(_("Assumptions about working days"), reasons)), self.best,
                    lead=_("The working day nearest to the target, never outside the window."),
                ),
                elements.section(
                    _("Before the first infusion is fixed"), _column(self.first, self.last), self.doomed,
                    lead=_("Days on which it would leave a visit without a working day, each visit on its best day."),
                ),
                elements.section(_("When the first infusion slips"), self.slip, self.moved),
                elements.section(
                    _("Frequency levels side by side"), self.other_level, self.levels, self.matrix,
                    lead=_("What a level asks of a participant who takes the whole course."),
                ),
                elements.section(
                    _("Agents that inhibit cell division (exclusion 15)"), _column(*agents), self.conflicts,
                    wide(self.courses),
                    lead=_("Concurrently is read as on the day of an infusion; an empty last day means it goes on."),
                ),
                elements.section(
                    _("Calendar file"), _column(self.study_id, self.revision), self.file,
                    lead=_("Best days and windows for a calendar program. Raise the revision when dates change."),
                ),
            ]
        )  # fmt: skip

    def refresh(self, case: Case) -> None:
        """Show what follows from a participant's dates."""
        self._case = case
        self._again()

    def _again(self, _change: Any = None) -> None:
        for output, part in (
            (self.best, self._best), (self.doomed, self._doomed), (self.moved, self._moved),
            (self.levels, self._levels), (self.conflicts, self._conflicts), (self.file, self._file),
        ):  # fmt: skip
            if self._case:
                try:
                    output.value = elements.dress(part(self._case), role="status")
                except ProtocolError as error:
                    output.value = elements.dress(elements.message(error))

    def _lay_out(self, _change: Any = None) -> None:
        self.matrix.value = elements.dress(matrix(self._record, self.other_level.value))

    @property
    def record(self) -> FollowupRecord:
        """The record with the site's weekdays as chosen."""
        chosen = tuple(place for place, box in enumerate(self.weekdays, start=1) if box.value)
        if not chosen:
            raise ProtocolError(_("Weekdays"), _("none"), _("at least one weekday"))
        weekdays = self._record.working.weekdays.model_copy(update={"value": chosen})
        working = self._record.working.model_copy(update={"weekdays": weekdays})
        return self._record.model_copy(update={"working": working})

    @property
    def full(self) -> set[date]:
        """Days on which the chosen site has no place left."""
        return self._full_days(self.site.value, self.capacity.value) if self.site.value else set()

    def _proposals(self, case: Case) -> pd.DataFrame:
        return best_days(self.record, case.dates, case.level, self._today, case.done, self.full)

    def _best(self, case: Case) -> Markup:
        table = self._proposals(case)
        note = provisional_note(last_announced_year(self._record.working)) if table["provisional"].any() else Markup("")
        return best_days_in_words(table) + note

    def _doomed(self, case: Case) -> Markup:
        if self.first.value is None or self.last.value is None:
            raise ProtocolError(_("First infusion"), _("no date"), _("the first and the last day to look at"))
        first, last = self.first.value, self.last.value
        return doomed_in_words(doomed_starts(self.record, case.level, first, last, self.full), first, last)

    def _moved(self, case: Case) -> Markup:
        dates = slipped(self._record, case.dates, self.slip.value)
        after = timeline(self._record, dates, case.level, self._today, case.done)
        return moved_in_words(differences(case.ledger, after))

    def _levels(self, case: Case) -> Markup:
        here = {visit.id for visit in self._record.visits_at(self.other_level.value)}
        done = {name: day for name, day in case.done.items() if name in here}
        after = timeline(self._record, case.dates, self.other_level.value, self._today, done)
        return burden_in_words(self._burden, case.level) + level_change(differences(case.ledger, after))

    def _conflicts(self, case: Case) -> Markup:
        given = {name: (first.value, last.value) for name, (first, last) in self.agents.items()}
        table = conflicts(self._record, case.ledger, given)
        self.courses.layout.display = "none" if table.empty else ""
        if not table.empty:
            self.courses.draw(figures.course_rows(table, self._today))
        return conflicts_in_words(table)

    def _file(self, case: Case) -> Markup:
        proposals = self._proposals(case).dropna(subset="best")
        planned = {name: day.date() for name, day in zip(proposals["id"], proposals["best"], strict=True)}
        file = calendar_file(self._trial, self.study_id.value, case.ledger, self.revision.value, self._today, planned)
        name = f"{self.study_id.value}-{self._trial}.ics"
        return elements.download(_("Download the calendar file (ICS)"), name, file, "text/calendar")


def _column(*content: widgets.Widget) -> widgets.VBox:
    """Stack controls, no wider than a phone when it must be."""
    return widgets.VBox(content, layout={"width": "min(520px, 100%)"})


def wide(chart: Chart) -> widgets.Box:
    """Keep a timeline readable on a phone: it scrolls sideways instead of shrinking."""
    chart.layout.min_width, chart.layout.width = "680px", "100%"
    return widgets.Box([chart], layout={"overflow": "auto", "width": "100%"})
