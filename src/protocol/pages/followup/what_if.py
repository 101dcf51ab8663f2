"""A copy of one participant's dates that can be changed; nothing of it is recorded."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd

from protocol.chart import Chart
from protocol.figures import followup as figures
from protocol.followup import FollowupRecord, lookbacks, shifted, timeline
from protocol.followup.schedule import infusion_visit
from protocol.pages.followup import ledger_text
from protocol.pages.followup.story import DatesCase, Story
from protocol.pages.kit import (
    Day,
    Text,
    assumption,
    button,
    classed,
    field,
    invented,
    joined,
    note,
    origin,
    paragraph,
    row,
    section,
    span,
)
from protocol.records import ProtocolError
from protocol.translation import _, list_of


class WhatIf:
    """The dates of one participant to play with, and what would follow from them.

    Parameters
    ----------
    record : FollowupRecord
    today : date
    case : DatesCase or None
        What is copied; the invented dates of the record's example for None.
    name : str
        Of whom the copy is.
    changed : callable
        Called with the dates and what follows from them, whenever they can be used.

    Attributes
    ----------
    anchors, exposures, done : dict of str to Day
        By the ids of the record; None means not known, none, or not done.
    frequency, boundary_day, visit, clear : ipywidgets
        The other controls.
    problem, example, infusion_days, earliest : Text
    story : Story
    clocks : Chart
    case : DatesCase or None
        The last dates that could be used, and what follows from them.
    """

    case: DatesCase | None = None
    _held = False

    def __init__(
        self,
        record: FollowupRecord,
        today: date,
        case: DatesCase | None,
        name: str,
        changed: Callable[[DatesCase], None],
    ) -> None:
        self._record, self._today, self._changed, self._is_example = record, today, changed, case is None
        example = record.example
        given = {
            "anchors": case.dates if case else self._shifted(example.anchors),
            "exposures": {} if case else self._shifted(example.exposures),
            "done": case.done if case else self._shifted(example.done),
        }
        self.anchors = {item.id: _picker(item.name, given["anchors"].get(item.id)) for item in record.anchors}
        self.exposures = {item.id: _picker(item.name, given["exposures"].get(item.id)) for item in record.lookbacks}
        # The first infusion is an anchor, so its date is asked for only once.
        visits = [visit for visit in record.all_visits if visit.id != infusion_visit(1)]
        self.done = {visit.id: _picker(_("Done on"), given["done"].get(visit.id)) for visit in visits}
        levels = [(str(item.level), item.level) for item in record.frequencies]
        self.frequency = field(
            widgets.ToggleButtons,
            _("Frequency level"),
            options=levels,
            value=case.level if case else example.frequency,
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
        self.clear = button(_("Clear all dates"), self._clear_dates, tooltip=_("Remove every date of this copy"))
        self.problem, self.example, self.infusion_days = Text(role=""), Text(role=""), Text(role="")
        self.earliest = Text()
        self.story = Story(record, today, "schedule-what-if.csv")
        self.clocks = Chart(figures.waterfall, _("The look-backs and the day each one is complete"))
        self._done_box = widgets.VBox()
        head = _("What if: a copy of the dates of {name}. Nothing here is recorded.").format(name=name)
        self.view = classed(
            widgets.VBox(
                [Text(paragraph(span(head if case else _("What if"), "sandbox-label")), role=""), *self._arranged()]
            ),
            "pw-sandbox",
        )
        for control in (*self._pickers, self.frequency, self.boundary_day):
            control.observe(self.refresh, names="value")
        self.visit.observe(self._show_visit, names="value")
        self.refresh()

    def _arranged(self) -> list[widgets.Widget]:
        dates = widgets.VBox([*self.anchors.values(), self.clear])
        choices = widgets.VBox([self.frequency, self.infusion_days, self.visit, self._done_box])
        why = Text(assumption(self._record.boundary_day_allowed.origin), role="")
        return [
            self.problem,
            self.example,
            section(
                _("Dates"),
                row(dates, choices),
                lead=_("An empty date is not known. Visits that are counted from it wait until it is."),
            ),
            self.story.view,
            section(
                _("Earliest date of enrolment"),
                self.earliest,
                *self.exposures.values(),
                self.boundary_day,
                why,
                self.clocks,
                lead=_("The last day of each exposure; empty means there was none."),
            ),
        ]

    def _shifted(self, offsets: Mapping[str, str]) -> dict[str, date | None]:
        return {name: shifted(self._today, offset) for name, offset in offsets.items()}

    @property
    def _pickers(self) -> list[Day]:
        return [*self.anchors.values(), *self.exposures.values(), *self.done.values()]

    def take(self, dates: Mapping[str, date | None], frequency: int) -> None:
        """Put other dates into the copy; those that are not given are not known.

        Parameters
        ----------
        dates : mapping of str to date or None
            By the ids of anchors and visits.
        frequency : int
            The infusion frequency level.

        Raises
        ------
        ProtocolError
            For ids that the record does not have, and dates that cannot be used together; nothing changes then.
        """
        known, levels = {**self.anchors, **self.done}, [value for _label, value in self.frequency.options]
        for found, usable in ((frequency, levels), *((name, known) for name in dates)):
            if found not in usable:
                write = _("one of {names}").format(names=list_of(map(str, usable)))
                raise ProtocolError(_("dates"), repr(found)[:60], write)
        given = {name: dates.get(name) for name in known}
        here = {visit.id for visit in self._record.visits_at(frequency)} & set(self.done)
        anchors, done = ({name: given[name] for name in names} for names in (self.anchors, here))
        timeline(self._record, anchors, frequency, self._today, done)
        self._held = True
        try:
            self.frequency.value = frequency
            for name, picker in known.items():
                picker.value = given[name]
        finally:
            self._held = False
        self.refresh()

    def refresh(self, _change: Any = None) -> None:
        """Read the controls, ask the record once, and write every output."""
        if self._held:
            return
        record, today, level = self._record, self._today, self.frequency.value
        anchors, done = _values(self.anchors), self._done_at(level)
        try:
            ledger = timeline(record, anchors, level, today, done)
            clocks = lookbacks(record, _values(self.exposures), today, self.boundary_day.value)
        except ProtocolError as error:
            self.problem.show(error)
            old = note(
                _("These dates cannot be used together. What stands below belongs to the last ones that could.")
            )
            self.story.summary.show(old)
            self.earliest.show(old)
            return
        self.problem.show(None)
        self._offer_visits(ledger)
        self._show_infusion_days(level)
        self._show_look_backs(clocks)
        self.case = case = DatesCase(anchors, level, done, ledger)
        self.story.filename = "schedule-invented-example.csv" if self.example.value else "schedule-what-if.csv"
        self.story.show(case)
        self._changed(case)

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
        days = _("Infusion on study days {days}.").format(days=list_of(map(str, frequency.infusion_days)))
        names = {visit.id: visit.name for visit in self._record.all_visits}
        here = self._done_at(level)
        aside = [names[name] for name, day in _values(self.done).items() if day and name not in here]
        text = _("Set aside, because frequency {level} has no such visit: {names}.")
        self.infusion_days.show(
            paragraph(joined((days, origin(frequency)), " ")),
            span(frequency.origin, "off"),
            paragraph(ledger_text.study_day_words(), "off"),
            note(text.format(level=level, names=list_of(aside))) if aside else None,
        )
        still = self._still_invented(names) if self._is_example else []
        words = _("Still invented: {names}.").format(names=list_of(still))
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

    def _show_look_backs(self, clocks: pd.DataFrame) -> None:
        self.clocks.layout.display = "none" if clocks.empty else ""
        if not clocks.empty:
            self.clocks.draw(figures.clock_rows(clocks))
        anchor = self._record.anchor("enrolment")
        enrolment = self.anchors[anchor].value if anchor else None
        self.earliest.show(ledger_text.enrolment_text(clocks, enrolment))


def _picker(name: str, day: date | None) -> Day:
    picker: Day = field(Day, name, value=day)
    return picker


def _values(controls: Mapping[str, Day]) -> dict[str, date | None]:
    return {name: control.value for name, control in controls.items()}
