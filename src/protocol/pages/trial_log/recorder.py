"""A form of the log: its button, its result, and the question if another person recorded in the meantime."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import Entry, Event, ReasonNeeded, content
from protocol.pages.kit import Day, Text, button, field, macros, note, paragraph, row, table
from protocol.pages.trial_log.desk import Desk, how_to_start
from protocol.pages.trial_log.event_text import event_text, recoveries_of
from protocol.records import ProtocolError
from protocol.translation import _

Wanted = tuple[Event, str, str]
"""An event, its site and the reason."""


class Recorder:
    """A button to record what a form holds.

    Parameters
    ----------
    desk : Desk
    label : str
        The label of the button.
    read : callable
        Returns event, site and reason; raises ProtocolError for a form that cannot be used.
    done : callable
        Called after an event is recorded.
    controls : sequence of ipywidgets.Widget
        The form. After a recording a click does nothing until one of them changes: a double click records once.

    Attributes
    ----------
    record, anyway, discard : ipywidgets.Button
        The last two show if another person recorded an entry in the meantime, or if the clock looks wrong.
    reason : ipywidgets.Text
        Shows if the clock looks wrong: why the entry is recorded all the same.
    said : Text
        The result: the entry, an error, or the newer entries.
    """

    def __init__(
        self,
        desk: Desk,
        label: str,
        read: Callable[[], Wanted],
        done: Callable[[], None] = lambda: None,
        controls: Sequence[Any] = (),
    ) -> None:
        self._desk, self._read, self._done, self._controls = desk, read, done, tuple(controls)
        self._wanted: Wanted | None = None
        self._recorded: list[Any] = []  # what the form held when it was recorded
        self.show_afresh()
        self.record = button(label, self._first, primary=True)
        self.anyway = button(_("Record it all the same"), self._again)
        self.discard = button(_("Do not record it"), self._drop)
        self.said = Text()
        self.reason = field(widgets.Text, _("Reason"))
        self._question = row(self.reason, self.anyway, self.discard)
        self._ask(False)
        self.view = widgets.VBox([row(self.record), self.said, self._question])

    def show_afresh(self) -> None:
        """Count what the page shows now as seen. Entries that are newer are asked about."""
        self._seen = self._desk.briefing.head.count

    def _first(self) -> None:
        if self._controls and self._recorded == self._held():
            return
        self._ask(False)
        try:
            self._wanted = self._read()
        except ProtocolError as error:
            self.said.show(error)
            return
        self._send(self._wanted)

    def _again(self) -> None:
        added = self.reason.value.strip() if self._is_reason_asked else ""
        self._ask(False)
        if self._wanted:
            event, site, reason = self._wanted
            self._wanted = event, site, "; ".join(filter(None, (reason, added)))
            self._send(self._wanted)

    def _drop(self) -> None:
        self._ask(False)
        self._wanted = None
        self.show_afresh()
        self.said.show(paragraph(_("Nothing was recorded.")))

    def _send(self, wanted: Wanted) -> None:
        try:
            entry = self._desk.record(*wanted, expected=self._seen)
        except ProtocolError as error:
            newer = getattr(error, "newer", ())
            self.said.show(self._conflict(newer, wanted[0]) if newer else error)
            self._ask(bool(newer), isinstance(error, ReasonNeeded))
            return
        self._wanted, self.reason.value = None, ""
        what = event_text(entry.content, recoveries_of(self._desk.trial))
        text = _("✓ Recorded as entry {number}: {what}").format(number=entry.sequence, what=what)
        self.said.show(paragraph(text, "good"))
        self._done()
        self.show_afresh()
        self._recorded = self._held()

    def _held(self) -> list[Any]:
        return [control.value for control in self._controls]

    def _conflict(self, newer: tuple[Entry, ...], wanted: Event) -> Markup:
        """Show what was recorded in the meantime, which counts as seen from now on."""
        self._seen = newer[-1].sequence
        with suppress(ProtocolError):  # if the log is out of reach for a moment, its newer entries are still here
            self._desk.refresh()
        rows = [
            {
                _("Entry"): entry.sequence,
                _("Recorded by"): entry.actor,
                _("Site"): entry.site,
                _("What"): event_text(entry.content, recoveries_of(self._desk.trial)),
                _("Reason"): entry.reason,
            }
            for entry in newer
        ]
        return macros("trial_log").conflict(
            _("Another person recorded this while the form was open. Look at it, then decide."),
            table(pd.DataFrame(rows, dtype=object), _("Newer entries")),
            _("Not recorded yet: {what}").format(what=event_text(content(wanted), recoveries_of(self._desk.trial))),
        )

    def _ask(self, asked: bool, for_reason: bool = False) -> None:
        """Show or hide the question: another person's entry, or (with `for_reason`) the clock."""
        self._is_reason_asked = for_reason
        self.reason.layout.display = None if for_reason else "none"
        self._question.layout.display = None if asked or for_reason else "none"
        self.record.disabled = asked or for_reason


def refusal(desk: Desk) -> Markup | None:
    """Say why nothing can be recorded here; None if it can."""
    if desk.invented:
        text = _("This is the invented example; nothing can be recorded in it. Start {how}.")
        return note(text.format(how=how_to_start()))
    if not desk.reader.records:
        return note(_("You see this log as a viewer; a viewer records nothing."))
    return None


def sites_of(desk: Desk) -> list[str]:
    """Return the names of the sites that this reader records for."""
    own = [site.name for site in desk.trial.sites if desk.reader.sees(site.name)]
    return own or [site.name for site in desk.trial.sites]


def day_in(picker: Day) -> date:
    """Return the day in a control.

    Raises
    ------
    ProtocolError
        If the control is empty.
    """
    if picker.value is None:
        raise ProtocolError(picker.description, _("no date"), _("the day on which it took place"))
    day: date = picker.value
    return day


class Days:
    """The days that forms put in, which follow the calendar on a page that stays open over midnight.

    Parameters
    ----------
    today : date
    *pickers : Day
        A picker in which a person chose another day is left alone.
    """

    def __init__(self, today: date, *pickers: Day) -> None:
        self._today, self._pickers = today, pickers

    def move(self, today: date) -> None:
        """Put in the new day where the old one still stands."""
        for picker in self._pickers:
            if picker.value == self._today:
                picker.value = today
        self._today = today
