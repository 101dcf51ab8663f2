"""The follow-up page: four anchors and what was done in, windows and earliest dates out."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import ledgers
from protocol.chart import Chart
from protocol.conduct import TrialSoFar
from protocol.exchange.spreadsheet import csv
from protocol.figures import followup as figures
from protocol.followup import agenda, full_days, landmarks, lookbacks, shifted, timeline
from protocol.pages.followup import words
from protocol.pages.followup.forecast import ForecastPanel
from protocol.pages.followup.participant_events import ParticipantEventsPanel
from protocol.pages.followup.planning import Case, Planning, wide
from protocol.pages.followup.trial_board import Board
from protocol.pages.kit import text as elements
from protocol.pages.kit.fields import Day
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial

_WIDE = {"description_width": "60%"}

BOARD, FORECAST = 2, 3  # places of the tabs that are made when they are first looked at


class FollowupPage:
    """One participant's schedule and earliest date of enrolment.

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
    view : ipywidgets.VBox
        The page.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self._trial = desk.visible_trial if desk else trial
        self._record, self._today = trial.followup, today
        self._make_inputs()
        self._make_outputs()
        sites = tuple(site.name for site in trial.sites)
        number = str(trial.identity["nct_id"].value)
        self.planning = Planning(number, trial.followup, today, sites, self._full_days)
        self.board: Board | None = None
        self.forecast: ForecastPanel | None = None
        self._participants = desk.participants if desk else trial.so_far
        tabs: dict[str, widgets.Widget] = {
            _("One participant"): self._arrange(),
            _("Visit planning"): widgets.VBox([self.example, self.planning.view]),
            _("All participants"): widgets.VBox(),
            _("Trial forecast"): widgets.VBox(),
        }
        self.events = ParticipantEventsPanel(desk, today) if desk else None
        if desk and self.events:
            tabs[_("Record")] = self.events.view
            desk.on_change(lambda: self.show(desk.participants))
        self.tabs = widgets.Tab(list(tabs.values()), titles=list(tabs), selected_index=0)
        self.view = widgets.VBox([self.tabs])
        self.tabs.observe(self._open_tab, names="selected_index")
        for control in (*self._pickers, self.frequency, self.boundary_day):
            control.observe(self.refresh, names="value")
        self.visit.observe(self._show_visit, names="value")
        self.clear.on_click(self._clear_dates)
        self.refresh()

    def _make_inputs(self) -> None:
        record, example = self._record, self._record.example
        self.anchors = {item.id: self._picker(item.name, example.anchors.get(item.id)) for item in record.anchors}
        self.exposures = {
            item.id: self._picker(item.name, example.exposures.get(item.id)) for item in record.lookbacks
        }
        # The first infusion is its own anchor, so its date is asked for only once.
        self.done = {
            item.id: self._picker(_("Done on"), example.done.get(item.id))
            for item in record.all_visits
            if item.id != "infusion_day_1"
        }
        levels = [(str(item.level), item.level) for item in record.frequencies]
        self.frequency = widgets.ToggleButtons(
            options=levels,
            value=example.frequency,
            description=_("Frequency level"),
            style={"button_width": "4em"},
        )
        self.boundary_day = widgets.Checkbox(
            value=record.boundary_day_allowed.value, indent=False, layout={"width": "auto"},
            description=_("The day a look-back is complete is allowed (day 14 of 2 weeks)"),
        )  # fmt: skip
        self.visit = widgets.Dropdown(description=_("Visit"), layout={"width": "calc(100% - 4px)"})
        self.clear = widgets.Button(description=_("Clear all dates"), tooltip=_("Remove every date on this page"))

    def _picker(self, name: str, offset: str | None) -> Day:
        value = None if offset is None else shifted(self._today, offset)
        return Day(description=name, value=value, style=_WIDE, layout={"width": "calc(100% - 4px)"})

    @property
    def _pickers(self) -> list[Day]:
        return [*self.anchors.values(), *self.exposures.values(), *self.done.values()]

    def _make_outputs(self) -> None:
        self.problem = elements.html("")
        self.example = elements.html("")
        self.infusion_days = elements.html("")
        self.summary = elements.html("", role="status")
        self.table = elements.html("")
        self.contraception = elements.html("", role="status")
        self.earliest = elements.html("", role="status")
        self.download = elements.html("")
        self.course = Chart(figures.schedule, _("The course of treatment: windows and what was done"))
        self.years = Chart(figures.schedule, _("From enrolment to two years: windows and what was done"))
        self.clocks = Chart(figures.waterfall, _("The look-backs and the day each one is complete"))
        self._done_box = widgets.VBox()

    def _arrange(self) -> widgets.VBox:
        dates = _column(*self.anchors.values(), self.clear)
        choices = _column(self.frequency, self.infusion_days, self.visit, self._done_box)
        clocks = _column(*self.exposures.values(), self.boundary_day)
        return widgets.VBox(
            [
                self.problem,
                self.example,
                elements.section(
                    _("Dates of one participant"), elements.row(dates, choices),
                    lead=_("An empty date is not known. Visits that hang on it wait until it is."),
                ),
                elements.section(_("Today"), self.summary, self.contraception),
                elements.section(
                    _("Schedule"), wide(self.course), wide(self.years), self.table, self.download,
                    lead=_("Bars are windows, ticks target days, diamonds visits done; the dashed line is today."),
                ),
                elements.section(
                    _("Earliest date of enrolment"), self.earliest,
                    clocks, self.question, wide(self.clocks),
                    lead=_("The last day of each exposure; empty means there was none."),
                ),
            ]
        )  # fmt: skip

    @property
    def question(self) -> widgets.HTML:
        """Why the boundary day is a switch."""
        return elements.html(elements.assumption(self._record.boundary_day_allowed.origin))

    def refresh(self, _change: Any = None) -> None:
        """Read the controls, ask the record once, and write every output."""
        record, today, level = self._record, self._today, self.frequency.value
        anchors, done = _values(self.anchors), self._done_at(level)
        try:
            ledger = timeline(record, anchors, level, today, done)
            clocks = lookbacks(record, _values(self.exposures), today, self.boundary_day.value)
            marks = landmarks(record, anchors, today)
        except ProtocolError as error:
            self.problem.value = elements.dress(elements.message(error))
            old = _("These dates cannot be used together. What stands below belongs to the last ones that could.")
            self.summary.value = self.earliest.value = elements.dress(elements.note(old), "status")
            return
        self.problem.value = ""
        self._offer_visits(ledger)
        self._write_texts(level)
        self._write_ledger(ledger, marks)
        self._write_clocks(clocks)
        self.planning.refresh(Case(anchors, level, done, ledger))

    def _open_tab(self, change: dict[str, Any]) -> None:
        """Make a tab when it is first looked at, so that the page opens quickly."""
        place, so_far = change["new"], self._participants
        if place == BOARD and self.board is None and so_far:
            self.board = Board(self._trial, so_far)
        if place == FORECAST and self.forecast is None:
            self.forecast = ForecastPanel(self._trial, self._today)
        nobody = elements.html(elements.note(_("There is no participant in this trial so far that you may see.")))
        made = {BOARD: self.board.view if self.board else nobody, FORECAST: self.forecast and self.forecast.view}
        if place in made and not self.tabs.children[place].children:
            self.tabs.children[place].children = (made[place],)

    def show(self, so_far: TrialSoFar | None) -> None:
        """Show other participants on the board; None when there are none to be seen."""
        self._participants = so_far
        if self.board and so_far:
            self.board.show(so_far)
        elif self.tabs.children[BOARD].children:  # nobody until now
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

    def _clear_dates(self, _button: widgets.Button) -> None:
        for picker in self._pickers:
            picker.value = None

    def _write_texts(self, level: int) -> None:
        frequency = next(item for item in self._record.frequencies if item.level == level)
        days = ", ".join(map(str, frequency.infusion_days))
        text = Markup("{} {}").format(
            _("Infusion on study days {days}.").format(days=days), elements.origin(frequency)
        )
        reason = Markup('<br><span class="pw-off">{}</span>').format(frequency.origin)
        self.infusion_days.value = elements.dress(text + reason + self._set_aside(level))
        self.example.value = elements.dress(elements.invented() + self._still_invented()) if self._invented else ""

    def _set_aside(self, level: int) -> Markup:
        here = self._done_at(level)
        names = {visit.id: visit.name for visit in self._record.all_visits}
        aside = [names[name] for name, day in _values(self.done).items() if day and name not in here]
        text = _("Set aside, because frequency {level} has no such visit: {names}.")
        return elements.note(text.format(level=level, names=", ".join(aside))) if aside else Markup("")

    @property
    def _invented(self) -> list[str]:
        """The controls that still hold a date of the invented example."""
        example = self._record.example
        names = {visit.id: visit.name for visit in self._record.all_visits}
        groups = (
            (self.anchors, example.anchors),
            (self.exposures, example.exposures),
            (self.done, example.done),
        )
        return [
            names.get(name, controls[name].description)
            for controls, offsets in groups
            for name, offset in offsets.items()
            if name in controls and controls[name].value == shifted(self._today, offset)
        ]

    def _still_invented(self) -> Markup:
        text = _("Still invented: {names}.").format(names=", ".join(self._invented))
        return Markup('<p class="pw-lead">{}</p>').format(text)

    def _write_ledger(self, ledger: pd.DataFrame, marks: pd.DataFrame) -> None:
        self.course.draw(figures.schedule_rows(ledger, marks, "course"), title=_("Course of treatment"))
        self.years.draw(figures.schedule_rows(ledger, marks, "years"), title=_("From enrolment to two years"))
        self.table.value = elements.dress(
            elements.table(words.readable(ledger), caption=_("All visits by target day")) + words.reasons(ledger)
        )
        self.summary.value = elements.dress(words.today_in_words(ledger, self._today), role="status")
        self.contraception.value = elements.dress(words.periods_in_words(self._record, marks), role="status")
        name = "schedule-invented-example.csv" if self._invented else "schedule.csv"
        file = csv(ledger.drop(columns=["kind", "root"]))
        self.download.value = elements.dress(
            elements.download(_("Download the schedule (CSV)"), name, file, "text/csv")
        )

    def _write_clocks(self, clocks: pd.DataFrame) -> None:
        self.clocks.layout.display = "none" if clocks.empty else ""
        if not clocks.empty:
            self.clocks.draw(figures.clock_rows(clocks))
        enrolment = next(iter(self.anchors.values())).value
        self.earliest.value = elements.dress(words.earliest_in_words(clocks, enrolment), role="status")


def _values(controls: Mapping[str, Day]) -> dict[str, date | None]:
    return {name: control.value for name, control in controls.items()}


def _column(*content: widgets.Widget) -> widgets.VBox:
    """Stack controls, no wider than a phone when it must be."""
    return widgets.VBox(content, layout={"width": "min(520px, 100%)"})
