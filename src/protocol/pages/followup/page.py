"""The follow-up page: one participant's schedule, visit planning, all participants, and the trial's forecast."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd

from protocol.briefing import ledgers
from protocol.chart import Chart
from protocol.conduct import TrialSoFar
from protocol.exchange.spreadsheet import csv
from protocol.figures import followup as figures
from protocol.followup import agenda, full_days, landmarks, lookbacks, shifted, timeline
from protocol.followup.schedule import infusion_visit
from protocol.pages.followup import ledger_text
from protocol.pages.followup.forecast import ForecastPanel
from protocol.pages.followup.participant_events import ParticipantEventsPanel
from protocol.pages.followup.planning import DatesCase, VisitPlanningPanel, wide
from protocol.pages.followup.trial_board import TrialBoard
from protocol.pages.kit import (
    Day,
    Text,
    assumption,
    button,
    download,
    field,
    invented,
    joined,
    note,
    origin,
    paragraph,
    row,
    section,
    span,
    table,
)
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial

BOARD, FORECAST = 2, 3  # places of the tabs that are made when they are first looked at


class FollowupPage:
    """One participant's schedule and earliest date of enrolment, and the visits of the whole trial.

    Parameters
    ----------
    trial : Trial
        The record.
    today : date
        The reader's day.
    desk : Desk, optional
        The log, whose participants are shown and recorded about; without it those of `trial` are shown.

    Attributes
    ----------
    anchors, exposures, done : dict of str to Day
        By the ids of the record; None means not known, none, or not done.
    frequency, boundary_day, visit, clear : ipywidgets
        The other controls.
    planning, board, forecast, events
        The parts of the page; `board` and `forecast` are made when their tab is opened, `events` needs a log.
    view : ipywidgets.VBox
        The page.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self._trial = desk.visible_trial if desk else trial
        self._participants = desk.participants if desk else trial.so_far
        self._record, self._today = trial.followup, today
        record, example = self._record, self._record.example
        self.anchors = {item.id: self._picker(item.name, example.anchors.get(item.id)) for item in record.anchors}
        self.exposures = {
            item.id: self._picker(item.name, example.exposures.get(item.id)) for item in record.lookbacks
        }
        # The first infusion is an anchor, so its date is asked for only once.
        visits = [visit for visit in record.all_visits if visit.id != infusion_visit(1)]
        self.done = {visit.id: self._picker(_("Done on"), example.done.get(visit.id)) for visit in visits}
        levels = [(str(item.level), item.level) for item in record.frequencies]
        self.frequency = field(
            widgets.ToggleButtons,
            _("Frequency level"),
            options=levels,
            value=example.frequency,
            style={"button_width": "4em"},
        )
        self.boundary_day = field(
            widgets.Checkbox,
            _("Enrolment is allowed on the day a look-back is complete"),
            value=record.boundary_day_allowed.value,
            indent=False,
            width="wide",
        )
        self.visit = field(widgets.Dropdown, _("Visit"), options=[])
        self.clear = button(_("Clear all dates"), self._clear_dates, tooltip=_("Remove every date on this page"))

        self.problem, self.example, self.infusion_days, self.table, self.download = (
            Text(role="") for _part in range(5)
        )
        self.summary, self.periods, self.earliest = Text(), Text(), Text()
        self.course = Chart(figures.schedule, _("The course of treatment: windows and what was done"))
        self.years = Chart(figures.schedule, _("The whole follow-up: windows and what was done"))
        self.clocks = Chart(figures.waterfall, _("The look-backs and the day each one is complete"))
        self._done_box = widgets.VBox()

        number = str(trial.identity["nct_id"].value)
        sites = tuple(site.name for site in trial.sites)
        self.planning = VisitPlanningPanel(number, record, today, sites, self._full_days)
        self.board: TrialBoard | None = None
        self.forecast: ForecastPanel | None = None
        self.events = ParticipantEventsPanel(desk, today) if desk else None
        tabs: dict[str, widgets.Widget] = {
            _("One participant"): self._one_participant(),
            _("Visit planning"): widgets.VBox([self.example, self.planning.view]),
            _("All participants"): widgets.VBox(),
            _("Trial forecast"): widgets.VBox(),
        }
        if desk and self.events:
            tabs[_("Record")] = self.events.view
            desk.on_change(lambda: self.show(desk.participants))
        self.tabs = widgets.Tab(list(tabs.values()), titles=list(tabs), selected_index=0)
        self.view = widgets.VBox([self.tabs])
        self.tabs.observe(self._open_tab, names="selected_index")
        for control in (*self._pickers, self.frequency, self.boundary_day):
            control.observe(self.refresh, names="value")
        self.visit.observe(self._show_visit, names="value")
        self.refresh()

    def _picker(self, name: str, offset: str | None) -> Day:
        picker: Day = field(Day, name, value=None if offset is None else shifted(self._today, offset))
        return picker

    @property
    def _pickers(self) -> list[Day]:
        return [*self.anchors.values(), *self.exposures.values(), *self.done.values()]

    def _one_participant(self) -> widgets.VBox:
        dates = widgets.VBox([*self.anchors.values(), self.clear])
        choices = widgets.VBox([self.frequency, self.infusion_days, self.visit, self._done_box])
        why = Text(assumption(self._record.boundary_day_allowed.origin), role="")
        return widgets.VBox(
            [
                self.problem,
                self.example,
                section(
                    _("Dates of one participant"),
                    row(dates, choices),
                    lead=_("An empty date is not known. Visits that are counted from it wait until it is."),
                ),
                section(_("Today"), self.summary, self.periods),
                section(
                    _("Schedule"),
                    wide(self.course),
                    wide(self.years),
                    self.table,
                    self.download,
                    lead=_("Bars are windows, ticks target days, diamonds visits done; the dashed line is today."),
                ),
                section(
                    _("Earliest date of enrolment"),
                    self.earliest,
                    *self.exposures.values(),
                    self.boundary_day,
                    why,
                    wide(self.clocks),
                    lead=_("The last day of each exposure; empty means there was none."),
                ),
            ]
        )

    def refresh(self, _change: Any = None) -> None:
        """Read the controls, ask the record once, and write every output."""
        record, today, level = self._record, self._today, self.frequency.value
        anchors, done = _values(self.anchors), self._done_at(level)
        try:
            ledger = timeline(record, anchors, level, today, done)
            clocks = lookbacks(record, _values(self.exposures), today, self.boundary_day.value)
            marks = landmarks(record, anchors, today)
        except ProtocolError as error:
            self.problem.show(error)
            old = note(
                _("These dates cannot be used together. What stands below belongs to the last ones that could.")
            )
            self.summary.show(old)
            self.earliest.show(old)
            return
        self.problem.show(None)
        self._offer_visits(ledger)
        self._show_infusion_days(level)
        self._show_schedule(ledger, marks)
        self._show_look_backs(clocks)
        self.planning.show(DatesCase(anchors, level, done, ledger))

    def _open_tab(self, change: dict[str, Any]) -> None:
        """Make a tab when it is first looked at, so that the page opens quickly."""
        place, so_far = change["new"], self._participants
        if place == BOARD and self.board is None and so_far:
            self.board = TrialBoard(self._trial, so_far)
        if place == FORECAST and self.forecast is None:
            self.forecast = ForecastPanel(self._trial, self._today)
        nobody = Text(note(_("There is no participant in this trial so far that you may see.")), role="")
        made = {BOARD: self.board.view if self.board else nobody, FORECAST: self.forecast and self.forecast.view}
        if place in made and not self.tabs.children[place].children:
            self.tabs.children[place].children = (made[place],)

    def show(self, so_far: TrialSoFar | None) -> None:
        """Show other participants on the board; None if there are none to be seen."""
        self._participants = so_far
        if self.board and so_far:
            self.board.show(so_far)
        elif self.tabs.children[BOARD].children:  # there was no participant before
            self.tabs.children[BOARD].children = ()
            self._open_tab({"new": self.tabs.selected_index})

    def _full_days(self, site: str, visits_per_day: int) -> set[date]:
        """Return the days on which a site of the trial so far has no place left."""
        so_far = self._participants
        if so_far is None:
            return set()
        ledger, _left_out = ledgers(self._trial, so_far)
        if ledger is None:
            return set()
        sites = {person.id: person.site for person in so_far.participants}
        return full_days(agenda(ledger, sites, so_far.as_of, 3660), site, visits_per_day)

    def _done_at(self, level: int) -> dict[str, date | None]:
        """The visits done that the frequency has; the others wait in their controls."""
        here = {visit.id for visit in self._record.visits_at(level)}
        return {name: day for name, day in _values(self.done).items() if name in here}

    def _offer_visits(self, ledger: pd.DataFrame) -> None:
        offered = ledger[(ledger["status"] != "not applicable") & ledger["id"].isin(list(self.done))]
        options = list(zip(offered["name"], offered["id"], strict=True))
        if options != list(self.visit.options):
            chosen = self.visit.value
            self.visit.options = options
            self.visit.value = chosen if chosen in set(offered["id"]) else options[0][1]
        self._show_visit()

    def _show_visit(self, _change: Any = None) -> None:
        if self.visit.value is not None:
            self._done_box.children = (self.done[self.visit.value],)

    def _clear_dates(self) -> None:
        for picker in self._pickers:
            picker.value = None

    def _show_infusion_days(self, level: int) -> None:
        frequency = next(item for item in self._record.frequencies if item.level == level)
        days = _("Infusion on study days {days}.").format(days=", ".join(map(str, frequency.infusion_days)))
        names = {visit.id: visit.name for visit in self._record.all_visits}
        here = self._done_at(level)
        aside = [names[name] for name, day in _values(self.done).items() if day and name not in here]
        text = _("Set aside, because frequency {level} has no such visit: {names}.")
        self.infusion_days.show(
            paragraph(joined((days, origin(frequency)), " ")),
            span(frequency.origin, "off"),
            note(text.format(level=level, names=", ".join(aside))) if aside else None,
        )
        still = self._still_invented(names)
        words = _("Still invented: {names}.").format(names=", ".join(still))
        self.example.show(*(invented(), paragraph(words, "lead")) if still else ())

    def _still_invented(self, names: Mapping[str, str]) -> list[str]:
        """Name the controls that still hold a date of the invented example; `names` are those of the visits."""
        example = self._record.example
        groups = ((self.anchors, example.anchors), (self.exposures, example.exposures), (self.done, example.done))
        return [
            names.get(name, controls[name].description)
            for controls, offsets in groups
            for name, offset in offsets.items()
            if name in controls and controls[name].value == shifted(self._today, offset)
        ]

    def _show_schedule(self, ledger: pd.DataFrame, marks: pd.DataFrame) -> None:
        self.course.draw(figures.schedule_rows(ledger, marks, "course"), title=_("Course of treatment"))
        self.years.draw(figures.schedule_rows(ledger, marks, "years"), title=_("Whole follow-up"))
        visits = table(ledger_text.schedule_table(ledger), caption=_("All visits by target day"))
        self.table.show(visits, ledger_text.origins(ledger))
        self.summary.show(ledger_text.today_summary(ledger, self._today))
        self.periods.show(ledger_text.period_list(self._record, marks))
        name = "schedule-invented-example.csv" if self.example.value else "schedule.csv"
        file = csv(ledger.drop(columns=["kind", "root"]))
        self.download.show(download(_("Download the schedule (CSV)"), name, file, "text/csv"))

    def _show_look_backs(self, clocks: pd.DataFrame) -> None:
        self.clocks.layout.display = "none" if clocks.empty else ""
        if not clocks.empty:
            self.clocks.draw(figures.clock_rows(clocks))
        anchor = self._record.anchor("enrolment")
        enrolment = self.anchors[anchor].value if anchor else None
        self.earliest.show(ledger_text.enrolment_text(clocks, enrolment))


def _values(controls: Mapping[str, Day]) -> dict[str, date | None]:
    return {name: control.value for name, control in controls.items()}
