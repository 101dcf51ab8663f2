"""One button that records, and what it says: done, refused, or somebody else was faster."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import Entry, Event, content
from protocol.pages.kit import text as elements
from protocol.pages.kit.fields import Day
from protocol.pages.trial_log.desk import Desk, how_to_start
from protocol.pages.trial_log.words import event_in_words
from protocol.records import ProtocolError
from protocol.translation import _

Wanted = tuple[Event, str, str]
"""An event, its site and the reason."""

_AUTO = {"width": "max-content"}


class Recorder:
    """A button to record what a form holds.

    Parameters
    ----------
    desk : Desk
    label : str
        What stands on the button.
    read : callable
        Returns event, site and reason; raises ProtocolError for a form that cannot be used.
    done : callable
        Called after something was recorded.
    controls : sequence of ipywidgets.Widget
        The form. Once it was recorded a click does nothing until one of them is changed: the second half of a double
        click records nothing.

    Attributes
    ----------
    record, anyway, discard : ipywidgets.Button
        The last two show when somebody recorded something in the meantime.
    said : ipywidgets.HTML
        What came of it.
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
        self._recorded: list[Any] = []  # what the form held after it was recorded
        self.show_afresh()
        self.record = widgets.Button(description=label, button_style="primary", layout=_AUTO)
        self.anyway = widgets.Button(description=_("Record it all the same"), layout=_AUTO)
        self.discard = widgets.Button(description=_("Do not record it"), layout=_AUTO)
        self.said = elements.html("", role="status")
        self._question = elements.row(self.anyway, self.discard)
        self._ask(False)
        self.view = widgets.VBox([elements.row(self.record), self.said, self._question])
        self.record.on_click(self._first)
        self.anyway.on_click(self._again)
        self.discard.on_click(self._drop)

    def show_afresh(self) -> None:
        """Count what the page shows now as seen; whatever is recorded later is asked about."""
        self._seen = self._desk.briefing.head.count

    def _first(self, _button: widgets.Button) -> None:
        if self._controls and self._recorded == self._held():
            return
        self._ask(False)
        try:
            self._wanted = self._read()
        except ProtocolError as error:
            self._say(elements.message(error))
            return
        self._send(self._wanted)

    def _again(self, _button: widgets.Button) -> None:
        self._ask(False)
        if self._wanted:
            self._send(self._wanted)

    def _drop(self, _button: widgets.Button) -> None:
        self._ask(False)
        self._wanted = None
        self.show_afresh()
        self._say(Markup("<p>{}</p>").format(_("Nothing was recorded.")))

    def _send(self, wanted: Wanted) -> None:
        try:
            entry = self._desk.record(*wanted, expected=self._seen)
        except ProtocolError as error:
            newer = getattr(error, "newer", ())
            self._say(self._conflict(newer, wanted[0]) if newer else elements.message(error))
            self._ask(bool(newer))
            return
        self._wanted = None
        self._say(recorded(entry))
        self._done()
        self.show_afresh()
        self._recorded = self._held()

    def _held(self) -> list[Any]:
        return [control.value for control in self._controls]

    def _conflict(self, newer: tuple[Entry, ...], wanted: Event) -> Markup:
        """Show what was recorded in the meantime; from now on it counts as seen."""
        self._seen = newer[-1].sequence
        with suppress(ProtocolError):  # a log out of reach for a moment; the entries are here
            self._desk.refresh()
        rows = [
            {
                _("Entry"): entry.sequence, _("Recorded by"): entry.actor, _("Site"): entry.site,
                _("What"): event_in_words(entry.content), _("Reason"): entry.reason,
            }
            for entry in newer
        ]  # fmt: skip
        text = _("Somebody recorded this while the form was open. Look at it, then decide.")
        table = elements.table(pd.DataFrame(rows, dtype=object), _("Newer entries"))
        own = _("Not recorded yet: {what}").format(what=event_in_words(content(wanted)))
        return Markup('<div class="pw-message" role="alert"><b>{}</b></div>{}<p>{}</p>').format(text, table, own)

    def _ask(self, asked: bool) -> None:
        self._question.layout.display = None if asked else "none"
        self.record.disabled = asked

    def _say(self, words: Markup) -> None:
        self.said.value = elements.dress(words, role="status")


def recorded(entry: Entry) -> Markup:
    """Say that an entry is in the log."""
    text = _("✓ Recorded as entry {number}: {what}").format(number=entry.sequence, what=event_in_words(entry.content))
    return Markup('<p class="pw-good">{}</p>').format(text)


def refusal(desk: Desk | None) -> Markup | None:
    """Say why nothing can be recorded here; None when it can."""
    if desk is None or desk.invented:
        text = _("This is the invented example; nothing can be recorded in it. Start {how}.")
        return elements.note(text.format(how=how_to_start()))
    if not desk.reader.records:
        return elements.note(_("You see this log as a viewer; a viewer records nothing."))
    return None


def sites_of(desk: Desk) -> list[str]:
    """Return the sites this person records for."""
    own = [site.name for site in desk.trial.sites if desk.reader.sees(site.name)]
    return own or [site.name for site in desk.trial.sites]


def day_in(picker: Day) -> date:
    """Return the day in a control; ProtocolError when it is empty."""
    if picker.value is None:
        raise ProtocolError(picker.description, _("no date"), _("the day on which it took place"))
    day: date = picker.value
    return day


def field(kind: Any, label: str, **options: Any) -> Any:
    """Make a control with its whole label on it, as wide as it needs and no wider than a phone."""
    layout = {"width": options.pop("width", "min(420px, 100%)")}
    return kind(description=label, style={"description_width": "initial"}, layout=layout, **options)


def offer(control: Any, options: Sequence[Any]) -> None:
    """Offer other choices in a list; what was chosen stays, and nothing takes the place of what is gone."""
    chosen = control.value
    values = [one[1] if isinstance(one, tuple) else one for one in options]
    with control.hold_sync():  # new options choose the first for a moment
        control.options = options
        control.value = chosen if chosen in values else None


class Days:
    """The days that forms put in: today, also in a page that stays open over midnight.

    Parameters
    ----------
    today : date
    pickers : Day
        A picker in which a person chose another day is left alone.
    """

    def __init__(self, today: date, *pickers: Day) -> None:
        self._today, self._pickers = today, pickers

    def move(self, today: date) -> None:
        """Put the new day where the old one still stands."""
        for picker in self._pickers:
            if picker.value == self._today:
                picker.value = today
        self._today = today
