"""The planning part of one participant: best days, what moves, what a level asks, exclusion 15, calendar file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.exchange.calendar_files import calendar_file
from protocol.figures import followup as figures
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
from protocol.pages import elements
from protocol.pages.days import Day
from protocol.pages.followup import plans
from protocol.records import ProtocolError
from protocol.translation import _

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
        self.matrix.value = elements.dress(plans.matrix(self._record, self.other_level.value))

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
        note = plans.provisional_note(last_announced_year()) if table["provisional"].any() else Markup("")
        return plans.best_days(table) + note

    def _doomed(self, case: Case) -> Markup:
        if self.first.value is None or self.last.value is None:
            raise ProtocolError(_("First infusion"), _("no date"), _("the first and the last day to look at"))
        first, last = self.first.value, self.last.value
        return plans.doomed(doomed_starts(self.record, case.level, first, last, self.full), first, last)

    def _moved(self, case: Case) -> Markup:
        dates = slipped(self._record, case.dates, self.slip.value)
        after = timeline(self._record, dates, case.level, self._today, case.done)
        return plans.moved(differences(case.ledger, after))

    def _levels(self, case: Case) -> Markup:
        here = {visit.id for visit in self._record.visits_at(self.other_level.value)}
        done = {name: day for name, day in case.done.items() if name in here}
        after = timeline(self._record, case.dates, self.other_level.value, self._today, done)
        return plans.burden(self._burden, case.level) + plans.level_change(differences(case.ledger, after))

    def _conflicts(self, case: Case) -> Markup:
        given = {name: (first.value, last.value) for name, (first, last) in self.agents.items()}
        table = conflicts(self._record, case.ledger, given)
        self.courses.layout.display = "none" if table.empty else ""
        if not table.empty:
            self.courses.draw(figures.course_rows(table, self._today))
        return plans.conflicts(table)

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
