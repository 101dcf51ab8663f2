"""Visit planning for one participant: best days, delays, frequency levels, agents beside infusions, calendar file."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.exchange.contacts.calendar import calendar_file
from protocol.figures import followup as figures
from protocol.followup import (
    FollowupRecord,
    activities,
    best_days,
    burden,
    conflicts,
    differences,
    doomed_starts,
    infusion_visit,
    last_announced_year,
    slipped,
    timeline,
)
from protocol.pages.followup.ledger_text import day_text, status_text, window_text
from protocol.pages.followup.story import DatesCase
from protocol.pages.kit import (
    Day,
    Panel,
    Text,
    assumption,
    details,
    download,
    field,
    joined,
    origin,
    paragraph,
    row,
    section,
    span,
    strong,
    table,
    tag,
)
from protocol.records import ProtocolError, Provenance
from protocol.translation import _, labelled, list_of, ngettext

AHEAD_DAYS = 60
"""Days of the first infusion that are looked at."""

WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))

_WHY = {
    "weekday": _("no weekday of the site"),
    "full": _("no place left"),
    "past": _("already past"),
    "chain": _("for the visit that hangs on it"),
}


class VisitPlanningPanel(Panel):
    """What follows from one participant's dates; :meth:`show` takes a :class:`DatesCase`.

    Parameters
    ----------
    trial : str
        Registry id, for the UIDs of the calendar file.
    record : FollowupRecord
    today : date
    sites : tuple of tuple of str
        Each site that can be chosen: its name to show and its registered name.
    full_days : callable
        Takes a site's name and its visits a day, returns the days on which it has no place left.
    """

    def __init__(
        self,
        trial: str,
        record: FollowupRecord,
        today: date,
        sites: tuple[tuple[str, str], ...],
        full_days: Callable[[str, int], set[date]],
    ) -> None:
        self._trial, self._record, self._today, self._full_days = trial, record, today, full_days
        self._burden = burden(record)
        working, levels = record.working, [(str(item.level), item.level) for item in record.frequencies]
        options = [(_("No site"), ""), *sites]
        self.site = field(widgets.Dropdown, _("Site"), options=options)
        self.capacity = _number(_("Visits a day"), working.visits_per_day.value, 99, least=1)
        self.weekdays = [
            field(widgets.Checkbox, name, value=place in working.weekdays.value, indent=False, width="content")
            for place, name in enumerate(WEEKDAYS, start=1)
        ]
        self.first = field(Day, _("First infusion from"), value=today)
        self.last = field(Day, _("First infusion up to"), value=today + timedelta(days=AHEAD_DAYS))
        self.slip = field(widgets.IntSlider, _("Days later"), value=7, min=-14, max=60)
        self.other_level = field(
            widgets.ToggleButtons, _("Compare with level"), options=levels, style={"button_width": "4em"}
        )
        self.agents = {
            item.id: tuple(
                field(Day, edge.format(agent=item.name)) for edge in (_("{agent}, from"), _("{agent}, to"))
            )
            for item in record.concurrent_agents
        }
        self.study_id = field(widgets.Text, _("Study id"), value="P-01")
        self.revision = _number(_("Revision"), 0, 9999)

        self.best, self.doomed, self.moved, self.levels, self.conflicts = (Text() for _part in range(5))
        self.matrix, self.file = Text(role=""), Text(role="")
        self.courses = Chart(figures.courses, _("Courses of agents beside the infusions"))
        self.courses.layout.display = "none"
        pickers = [picker for pair in self.agents.values() for picker in pair]
        self.view = widgets.VBox(self._sections(pickers))
        self.redraw_on(self.site, *self.weekdays, self.capacity, self.first, self.last, self.slip, self.other_level)
        self.redraw_on(self.study_id, self.revision, *pickers)
        self.other_level.observe(self._show_activities, names="value")
        self._show_activities()

    def _sections(self, pickers: list[Day]) -> list[widgets.VBox]:
        working = self._record.working
        assumed: dict[str, Provenance] = {
            _("Weekdays"): working.weekdays,
            _("Exchanged weekend days"): working.makeup_days,
            _("Visits a day"): working.visits_per_day,
        }
        sections = [
            section(
                _("Best days"),
                row(widgets.VBox([self.site, self.capacity]), row(*self.weekdays)),
                Text(details(_("Assumptions about working days"), assumptions_text(assumed)), role=""),
                self.best,
                lead=_("The working day nearest to the target, never outside the window."),
            ),
            section(
                _("Before the first infusion is fixed"),
                row(self.first, self.last),
                self.doomed,
                lead=_("Days that would leave a visit without a working day, if each visit takes its best day."),
            ),
            section(_("If the first infusion moves"), self.slip, self.moved),
            section(
                _("Comparison of frequency levels"),
                self.other_level,
                self.levels,
                self.matrix,
                lead=_("What a level asks of a participant who takes the whole course."),
            ),
        ]
        if pickers:
            origins = dict.fromkeys(origin(agent) for agent in self._record.concurrent_agents)
            words = _("Concurrently is read as on the day of an infusion; an empty last day means that it goes on.")
            agents = [row(*pair) for pair in self.agents.values()]
            title = _("Agents that must not be given together with an infusion")
            drawn = [self.conflicts, self.courses]
            sections.append(section(title, *agents, *drawn, lead=joined((words, *origins), " ")))
        calendar = section(
            _("Calendar file"),
            row(self.study_id, self.revision),
            self.file,
            lead=_("Best days and windows for a calendar program. Raise the revision when dates change."),
        )
        return [*sections, calendar]

    def draw(self, case: DatesCase) -> None:
        """Show what follows from a participant's dates; an input that cannot be used is named where it matters."""
        parts: tuple[tuple[Text, Callable[[DatesCase], Markup]], ...] = (
            (self.best, self._best_days),
            (self.doomed, self._doomed_starts),
            (self.moved, self._moved),
            (self.levels, self._levels),
            (self.conflicts, self._conflicts),
            (self.file, self._calendar),
        )
        for text, part in parts:
            try:
                text.show(part(case))
            except ProtocolError as error:
                text.show(error)

    def _show_activities(self, _change: Any = None) -> None:
        self.matrix.show(activities_text(self._record, self.other_level.value))

    @property
    def record(self) -> FollowupRecord:
        """The record with the weekdays as chosen.

        Raises
        ------
        ProtocolError
            If no weekday is chosen.
        """
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

    def _proposals(self, case: DatesCase) -> pd.DataFrame:
        return best_days(self.record, case.dates, case.level, self._today, case.done, self.full)

    def _best_days(self, case: DatesCase) -> Markup:
        proposals = self._proposals(case)
        if not proposals["provisional"].any():
            return best_days_text(proposals)
        text = _("Exchanged working days are announced up to {year}; later days are provisional.")
        year = last_announced_year(self._record.working)
        return best_days_text(proposals) + paragraph(text.format(year=year), "lead")

    def _doomed_starts(self, case: DatesCase) -> Markup:
        if self.first.value is None or self.last.value is None:
            raise ProtocolError(_("First infusion"), _("no date"), _("the first and the last day to look at"))
        first, last = self.first.value, self.last.value
        return doomed_starts_text(doomed_starts(self.record, case.level, first, last, self.full), first, last)

    def _moved(self, case: DatesCase) -> Markup:
        if infusion_visit(1) in case.done:
            return paragraph(_("The first infusion has taken place: it does not move."), "off")
        dates = slipped(self._record, case.dates, self.slip.value)
        after = timeline(self._record, dates, case.level, self._today, case.done)
        return moves_text(differences(case.ledger, after))

    def _levels(self, case: DatesCase) -> Markup:
        here = {visit.id for visit in self._record.visits_at(self.other_level.value)}
        done = {name: day for name, day in case.done.items() if name in here}
        after = timeline(self._record, case.dates, self.other_level.value, self._today, done)
        return burden_table(self._burden, case.level) + level_text(differences(case.ledger, after))

    def _conflicts(self, case: DatesCase) -> Markup:
        given = {name: (first.value, last.value) for name, (first, last) in self.agents.items()}
        found = conflicts(self._record, case.ledger, given)
        self.courses.layout.display = "none" if found.empty else ""
        if not found.empty:
            self.courses.draw(figures.course_rows(found, self._today))
        return conflicts_table(found)

    def _calendar(self, case: DatesCase) -> Markup:
        proposals = self._proposals(case).dropna(subset="best")
        planned = {name: day.date() for name, day in zip(proposals["id"], proposals["best"], strict=True)}
        file = calendar_file(self._trial, self.study_id.value, case.ledger, self.revision.value, self._today, planned)
        name = f"{self.study_id.value}-{self._trial}.ics"
        return download(_("Download the calendar file (ICS)"), name, file, "text/calendar")


def _number(label: str, value: int, most: int, least: int = 0) -> widgets.BoundedIntText:
    return field(widgets.BoundedIntText, label, value=value, min=least, max=most, width="short")


def assumptions_text(values: Mapping[str, Provenance]) -> Markup:
    """Return each value's name and origin, a paragraph each."""
    return joined(
        paragraph(joined((name, assumption(value.origin)), labelled("", ""))) for name, value in values.items()
    )


def best_days_text(proposals: pd.DataFrame) -> Markup:
    """Return the proposed days as a table, after the visits for which no day is left."""
    if proposals.empty:
        return paragraph(_("No visit with a known day is to come."))
    none = proposals[proposals["best"].isna()]
    text = _("✗ No working day is left in the window of: {names}.").format(names=list_of(none["name"]))
    rows = [_best_day(row) for row in proposals.to_dict("records")]
    shown = table(pd.DataFrame(rows, dtype=object), _("Visits to come"))
    return (paragraph(text, "bad") if len(none) else Markup("")) + shown


def _best_day(proposal: Mapping[Any, Any]) -> dict[str, object]:
    best = day_text(proposal["best"]) if pd.notna(proposal["best"]) else span(_("✗ none"), "bad")
    moved = proposal["moved_days"]
    return {
        _("Visit"): proposal["name"],
        _("Best day"): joined((best, tag(_("provisional"), "assumption")), " ") if proposal["provisional"] else best,
        _("Target"): day_text(proposal["target"]),
        _("Moved by days"): "" if pd.isna(moved) or not moved else f"{moved:+d}",
        _("Why not the target"): _WHY.get(proposal["why"], proposal["why"]),
        _("Window (both days included)"): window_text(proposal),
    }


def doomed_starts_text(doomed: pd.DataFrame, first: date, last: date) -> Markup:
    """Return the days of the first infusion, from `first` to `last`, that leave a visit without a working day."""
    days = (last - first).days + 1
    if doomed.empty:
        return paragraph(_("✓ Each of these {n} days leaves every visit a working day.").format(n=days), "good")
    grouped = doomed.groupby("start", sort=True)["name"].agg(list_of)
    text = ngettext(
        "✗ {n} of {days} days would leave a visit without a working day.",
        "✗ {n} of {days} days would leave a visit without a working day.",
        len(grouped),
    )
    starts = {_("First infusion on"): [day_text(day) for day in grouped.index]}
    rows = pd.DataFrame(starts | {_("Without a working day"): list(grouped)}, dtype=object)
    head = paragraph(text.format(n=len(grouped), days=days), "bad")
    return head + details(_("Show the days"), table(rows))


def moves_text(changes: pd.DataFrame) -> Markup:
    """Return the visits that move, and by how much."""
    moved = changes[changes["change"] == "moved"]
    if moved.empty:
        return paragraph(_("Nothing moves."))
    stays = changes["change"].isin(["same", "status"]).sum()
    text = ngettext("{n} visit moves, {stays} stay.", "{n} visits move, {stays} stay.", len(moved))
    return paragraph(strong(text.format(n=len(moved), stays=stays))) + _changes_table(moved)


def level_text(changes: pd.DataFrame) -> Markup:
    """Return the visits that a change of level adds, removes and moves."""
    shown = changes[changes["change"].isin(["added", "removed", "moved"])]
    if shown.empty:
        return paragraph(_("This is the participant's own level: nothing changes."))
    labels = {"added": _("+ added"), "removed": _("− removed"), "moved": _("moved")}
    lead = paragraph(_("For this participant a change of level means:"))
    return lead + _changes_table(shown.assign(change=shown["change"].map(labels)), with_change=True)


def _changes_table(changes: pd.DataFrame, with_change: bool = False) -> Markup:
    rows = []
    for one in changes.to_dict("records"):
        kind = {_("Change"): one["change"]} if with_change else {}
        rows.append(
            {_("Visit"): one["name"]}
            | kind
            | {
                _("Target before"): day_text(one["target_before"]),
                _("Target after"): day_text(one["target_after"]),
                _("Days"): "" if pd.isna(one["moved_days"]) else f"{one['moved_days']:+d}",
                _("Status after"): status_text(one["status_after"]),
            }
        )
    return table(pd.DataFrame(rows, dtype=object))


def burden_table(totals: pd.DataFrame, level: int) -> Markup:
    """Return visits, infusions, hours and blood of each level; `level` is the participant's own."""
    labels = {
        "visits": _("Visits, infusions included"),
        "infusions": _("Infusions"),
        "procedures": _("Procedures"),
        "hours": _("Hours"),
        "blood_ml": _("Blood (mL)"),
    }
    assumed = {"hours", "blood_ml"}
    rows = []
    for name, label in labels.items():
        title = joined((label, tag(_("assumption"), "assumption")), " ") if name in assumed else label
        line: dict[str, object] = {_("In total"): title}
        for at, value in totals[name].items():
            head = _("Level {level}").format(level=at) + (" ◀" if at == level else "")
            line[head] = f"{value:.1f}" if name == "hours" else f"{value:g}"
        rows.append(line)
    return table(pd.DataFrame(rows, dtype=object), _("All levels; ◀ is the participant's own"))


def activities_text(record: FollowupRecord, level: int) -> Markup:
    """Return the schedule of activities of a level, and the reasons for its times and volumes."""
    marked, procedures = activities(record, level), {item.id: item for item in record.procedures}
    names: dict[Any, str] = {visit.id: visit.name for visit in record.visits_at(level)}
    rows = []
    for name, marks in marked.iterrows():
        visits = {names[visit]: "×" if yes else "" for visit, yes in marks.items()}
        rows.append({_("Procedure"): procedures[str(name)].name} | visits | {_("Times"): int(marks.sum())})
    total = {names[visit]: int(n) for visit, n in zip(marked, marked.sum(), strict=True)}
    rows.append({_("Procedure"): _("Procedures")} | total | {_("Times"): int(marked.to_numpy().sum())})
    reasons = [
        {
            _("Procedure"): item.name,
            _("Minutes"): item.minutes.value,
            _("Why so long"): item.minutes.origin,
            _("Blood (mL)"): f"{item.blood_ml.value:g}",
            _("Why so much"): item.blood_ml.origin,
        }
        for item in record.procedures
    ]
    title = _("Schedule of activities at level {level}").format(level=level)
    why = _("Why these hours and volumes (all assumptions)")
    shown = details(title, table(pd.DataFrame(rows, dtype=object), title))
    return shown + details(why, table(pd.DataFrame(reasons)))


def conflicts_table(found: pd.DataFrame) -> Markup:
    """Return the courses of agents beside the infusions, with a verdict on each pair."""
    if found.empty:
        return paragraph(_("No agent is entered, or no infusion has a day."))
    verdicts = {
        "conflict": span(_("✗ on the day of the infusion"), "bad"),
        "in window": span(_("! on another day of its window"), "open"),
        "none": span(_("✓ apart"), "good"),
    }
    rows = [
        {
            _("Agent"): row["agent"],
            _("From"): day_text(row["starts"]),
            _("To"): day_text(row["ends"]) or _("goes on"),
            _("Infusion"): row["infusion"],
            _("Day"): day_text(row["day"]),
            _("Verdict"): verdicts[row["verdict"]],
        }
        for row in found.to_dict("records")
    ]
    return table(pd.DataFrame(rows, dtype=object))
