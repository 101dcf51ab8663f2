"""A form of the log: its button, its result, and the questions before an entry is recorded."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.conduct import Entry, Event, ReasonNeeded, content, is_grave
from protocol.pages.kit import Content, Day, Text, button, field, macros, note, paragraph, row, table
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.event_text import event_text, names_of
from protocol.pages.trial_log.visits import questions_about
from protocol.records import ProtocolError
from protocol.translation import _, list_of

Wanted = tuple[Event, str, str]
"""An event, its site and the reason."""


class Incomplete(ProtocolError):  # noqa: N818  a question to the person at the form
    """A field of a form that has no answer yet, or one that cannot be used.

    Parameters
    ----------
    field : ipywidgets.Widget
        The control.
    write : str
        The sentence that stands at it: "Choose a participant."
    found : str, optional
        What cannot be used; nothing if the field has no answer.

    Attributes
    ----------
    field : ipywidgets.Widget
    """

    def __init__(self, field: Any, write: str, found: str = "") -> None:
        super().__init__(str(field.description), found or _("nothing"), write)
        self.field, self.is_empty = field, not found


class Problems:
    """The places for what is wrong with the fields of a form, each below its field."""

    def __init__(self) -> None:
        self._texts: dict[Any, Text] = {}
        self._named: dict[str, Any] = {}

    def at(self, control: Any, *names: str) -> widgets.VBox:
        """Return a control with the place for its problem, which goes away when the control changes.

        Parameters
        ----------
        control : ipywidgets.Widget
        *names : str
            Of the fields of an entry that it stands for, with the kind where kinds have one each: ``decided_by``,
            ``adverse_event.grade``.
        """
        self._named |= dict.fromkeys(names, control)
        text = self._texts[control] = Text(role="alert")
        control.observe(lambda _change: text.show(None), "value")
        return widgets.VBox([control, text], layout={"max_width": "100%"})

    def said(self, control: Any) -> str:
        """Return what stands at a control, as HTML."""
        return str(self._texts[control].value)

    def clear(self) -> None:
        """Take every problem away."""
        for text in self._texts.values():
            text.show(None)

    def show(self, error: ProtocolError) -> bool:
        """Show an error at its field, which it holds or names; return whether there is a place for it."""
        control = getattr(error, "field", None)
        if control is None:  # "decision.decided_by"
            control = self._named.get(error.where) or self._named.get(error.where.rpartition(".")[2])
        text = self._texts.get(control)
        if control is not None and text is not None:
            at_field = ProtocolError(control.description, error.found, error.write)
            text.show(paragraph(error.write, "bad") if getattr(error, "is_empty", False) else at_field)
        return text is not None


class Recorder:
    """A button to record what a form holds.

    A grave event is confirmed in a second step, and what contradicts the history of the participant is asked about
    and recorded with a reason; see :func:`protocol.conduct.is_grave` and :func:`protocol.conduct.questions`.

    Parameters
    ----------
    desk : Desk
    label : str
        The label of the button.
    read : callable
        Returns event, site and reason; raises ProtocolError for a form that cannot be used, Incomplete for a field
        without an answer.
    done : callable
        Called after an event is recorded.
    controls : sequence of ipywidgets.Widget
        The form. After a recording a click does nothing until one of them changes: a double click records once.
    said : Text, optional
        The result. Recorders that stand together share one, so that no old result stands beside a new one; who puts
        it on the page puts `question` below it.
    problems : Problems, optional
        The places at the fields; without one an incomplete field is told in `said`.
    following : callable, optional
        Takes the entry and returns what stands behind its result, such as the way to the next step.

    Attributes
    ----------
    record, anyway, discard : ipywidgets.Button
        The last two show while something is asked: what another person recorded in the meantime, a contradiction, a
        grave event, a clock that looks wrong.
    reason : ipywidgets.Text
        Why the entry is recorded all the same; shows for a contradiction and for a wrong clock.
    said : Text
        The result: the entry, an error, or what is asked.
    question : ipywidgets.Box
        The reason and the two buttons that answer.
    """

    def __init__(
        self,
        desk: Desk,
        label: str,
        read: Callable[[], Wanted],
        done: Callable[[], None] = lambda: None,
        controls: Sequence[Any] = (),
        said: Text | None = None,
        problems: Problems | None = None,
        following: Callable[[Entry], Content] = lambda _entry: None,
    ) -> None:
        self._desk, self._read, self._done, self._controls = desk, read, done, tuple(controls)
        self._following = following
        self._problems = Problems() if problems is None else problems
        self._wanted: Wanted | None = None
        self._recorded: list[Any] = []  # what the form held when it was recorded
        self.record = button(label, self._first, primary=True)
        self.anyway = button(_("Record it all the same"), self._again)
        self.discard = button(_("Do not record it"), self._drop)
        self.said = Text() if said is None else said
        self.reason = field(widgets.Text, _("Reason"))
        self._without_reason = Problems()
        self.question = row(self._without_reason.at(self.reason, "reason"), self.anyway, self.discard)
        self._ask(False)
        self.show_afresh()
        own = [self.said, self.question] if said is None else []
        self.view = widgets.VBox([row(self.record), *own])

    @property
    def asks(self) -> bool:
        """Whether a question waits for its answer."""
        return bool(self.question.layout.display is None)

    def show_afresh(self) -> None:
        """Count what the page shows now as seen. Entries that are newer are asked about."""
        self._seen = self._desk.briefing.head.count

    def start_afresh(self) -> None:
        """Begin with another participant: no question, no result and no problem of the one before."""
        self._ask(False)
        self._wanted = None
        self._problems.clear()
        self.said.show(None)
        self.show_afresh()

    def _first(self) -> None:
        if self.asks or (self._controls and self._recorded == self._held()):
            return
        self._problems.clear()
        self.said.show(None)
        try:
            self._wanted = self._read()
        except ProtocolError as error:
            if not self._problems.show(error):
                self.said.show(error)
            return
        found = questions_about(self._desk, self._wanted[0])
        if found or is_grave(self._wanted[0]):
            self._confirm(self._wanted[0], found)
        else:
            self._send(self._wanted)

    def _confirm(self, event: Event, found: tuple[str, ...]) -> None:
        """Repeat what will be recorded, with what contradicts it."""
        lead = _("This contradicts what is recorded. Is it right?") if found else _("Is this right?")
        self.said.show(macros("trial_log").asked(lead, self._told(content(event)), found))
        self._ask(True, bool(found), _("Record it all the same") if found else _("Yes, record it"))

    def _again(self) -> None:
        added = self.reason.value.strip() if self._is_reason_asked else ""
        if self._is_reason_asked and not added:
            self._without_reason.show(Incomplete(self.reason, _("Write the reason.")))
            return
        self._ask(False)
        if self._wanted:
            event, site, reason = self._wanted
            self._wanted = event, site, list_of(filter(None, (reason, added)), "; ")
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
            at_field = not newer and not isinstance(error, ReasonNeeded) and self._problems.show(error)
            self.said.show(self._conflict(newer, wanted[0]) if newer else None if at_field else error)
            self._ask(bool(newer), isinstance(error, ReasonNeeded))
            return
        self._wanted, self.reason.value = None, ""
        text = _("✓ Recorded as entry {number}: {what}")
        result = paragraph(text.format(number=entry.sequence, what=self._told(entry.content)), "good")
        self.said.show(result, self._following(entry))
        self._done()
        self.show_afresh()
        self._recorded = self._held()

    def _told(self, values: Any) -> str:
        return event_text(values, names_of(self._desk.trial))

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
                _("Site"): self._desk.trial.site_shown(entry.site),
                _("What"): self._told(entry.content),
                _("Reason"): entry.reason,
            }
            for entry in newer
        ]
        return macros("trial_log").conflict(
            _("Another person recorded this while the form was open. Look at it, then decide."),
            table(pd.DataFrame(rows, dtype=object), _("Newer entries")),
            _("Not recorded yet: {what}").format(what=self._told(content(wanted))),
        )

    def _ask(self, asked: bool, for_reason: bool = False, yes: str = "") -> None:
        """Show or hide the question, which a reason answers (`for_reason`) or a button with the label `yes`."""
        self.anyway.description = yes or _("Record it all the same")
        self._is_reason_asked = for_reason
        self.reason.layout.display = None if for_reason else "none"
        self.question.layout.display = None if asked or for_reason else "none"


def refusal(desk: Desk) -> Markup | None:
    """Say why nothing can be recorded here; None if it can."""
    if desk.invented:
        text = _(
            "This is the invented example; nothing can be recorded in it. To record, open a log of your own: "
            "the guide “Keep a log of the trial” says how."
        )
        return note(text)
    if not desk.reader.records:
        return note(_("You see this log as a viewer; a viewer records nothing."))
    return None


def sites_of(desk: Desk) -> list[tuple[str, str]]:
    """Return the sites that this reader records for: each with the name to show and the registered one."""
    own = [site for site in desk.trial.sites if desk.reader.sees(site.name)]
    return [(site.shown_name, site.name) for site in own or desk.trial.sites]


def day_in(picker: Day) -> date:
    """Return the day in a control.

    Raises
    ------
    Incomplete
        If the control is empty.
    """
    if picker.value is None:
        raise Incomplete(picker, _("Write the day on which it took place."))
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
