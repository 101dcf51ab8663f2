"""Correct an entry: it was on another day, it did not happen, or it said something else. The wrong entry stays."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import ipywidgets as widgets

from protocol.conduct import Entry, event
from protocol.pages.kit import Day, Text, field, offer, paragraph, row
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.event_text import event_text, names_of
from protocol.pages.trial_log.observation_forms import Fields
from protocol.pages.trial_log.recorder import Incomplete, Problems, Recorder, Wanted, day_in
from protocol.translation import _, labelled

DAY, REMOVED, VALUES = "day", "remove", "values"

KEPT = ("kind", "on", "participant", "number", "version", "phase", "advised", "recommended", "waits_for")
"""Fields of an entry that a correction of what it said leaves alone."""


class CorrectionForm:
    """The form that corrects one of some entries.

    Parameters
    ----------
    desk : Desk
    today : date
        Put into the form.
    entries : callable
        Returns the entries that can be corrected, the first recorded first.
    site : callable
        Returns the site that the correction concerns; empty for what the committee decided.
    makers : mapping of str to callable
        Kind of an entry to what makes its fields, from the places of problems; what an entry of another kind said is
        not corrected, but removed and recorded anew.
    controls : tuple of ipywidgets.Widget
        More controls of the form, such as the participant.
    done : callable
        Called after a correction is recorded.
    said : Text, optional
        As of :class:`Recorder`.

    Attributes
    ----------
    wrong, action, right, why : ipywidgets
        The entry, what is wrong with it, the right day, and why.
    correct : Recorder
    fields : dict of str to Fields
        Those that were opened so far, by kind.
    view : ipywidgets.VBox
    """

    def __init__(
        self,
        desk: Desk,
        today: date,
        entries: Callable[[], tuple[Entry, ...]],
        site: Callable[[], str] = lambda: "",
        makers: Mapping[str, Callable[[Problems], Fields]] | None = None,
        *,
        controls: tuple[Any, ...] = (),
        done: Callable[[], None] = lambda: None,
        said: Text | None = None,
    ) -> None:
        self._desk, self._entries, self._site, self._makers = desk, entries, site, dict(makers or {})
        self._held, self._saved, self._showing = tuple[Entry, ...](), done, False
        self._problems = Problems()
        self.fields: dict[str, Fields] = {}
        self.wrong = field(widgets.Dropdown, _("Entry"), options=[], width="wide")
        actions = [
            (_("it was on another day"), DAY),
            (_("it did not happen"), REMOVED),
            (_("it said something else"), VALUES),
        ]
        self.action = field(widgets.Dropdown, _("What is wrong"), options=actions)
        self.right = field(Day, _("The right day"), value=today)
        self.why = field(widgets.Text, _("Why"), width="wide")
        form = (*controls, self.wrong, self.action, self.right, self.why)
        self.correct = Recorder(
            desk, _("Record the correction"), self._correction, self._corrected, form, said, self._problems
        )
        at = self._problems.at
        self._day, self._values = at(self.right, "correction.on"), widgets.VBox()
        self.view = widgets.VBox(
            [at(self.wrong), row(at(self.action), self._day), self._values, at(self.why, "why"), self.correct.view]
        )
        self.wrong.observe(self._propose, "value")
        self.action.observe(self._lay_out, "value")
        self.refresh()

    def refresh(self) -> None:
        """Offer the entries that hold now, the last one first; what a person put in stays."""
        self._held = self._entries()
        names = names_of(self._desk.trial)
        listed = [(labelled(one.sequence, event_text(one.content, names)), one.sequence) for one in self._held]
        before, self._showing = self.wrong.value, True  # what a person put in stays
        offer(self.wrong, listed[::-1])
        self._showing = False
        if self.wrong.value != before:
            self._lay_out()

    def start_afresh(self) -> None:
        """Begin with another participant: nothing is left of a correction of the one before."""
        self.wrong.value, self.action.value, self.why.value = None, DAY, ""

    @property
    def entry(self) -> Entry | None:
        """The chosen entry."""
        return next((one for one in self._held if one.sequence == self.wrong.value), None)

    def _propose(self, _change: Any) -> None:
        if self._showing:
            return
        if self.entry:
            self.right.value = date.fromisoformat(self.entry.content["on"])
        self._lay_out()

    def _lay_out(self, _change: Any = None) -> None:
        """Show the right day, or the fields of the entry with what it said."""
        self._day.layout.display = None if self.action.value == DAY else "none"
        entry, shown = self.entry, tuple[Any, ...]()
        if entry and self.action.value == VALUES:
            if entry.kind in self._makers:
                fields = self._fields_of(entry.kind)
                fields.put(entry.content)
                shown = (fields.view,)
            else:
                words = _("What an entry of this kind said is not changed: remove it, then record it anew.")
                shown = (Text(paragraph(words, "open"), role=""),)
        self._values.children = shown

    def _fields_of(self, kind: str) -> Fields:
        if kind not in self.fields:
            self.fields[kind] = self._makers[kind](self._problems)
        return self.fields[kind]

    def _corrected(self) -> None:
        self.wrong.value, self.why.value = None, ""
        self._saved()

    def _correction(self) -> Wanted:
        entry = self.entry
        if entry is None:
            raise Incomplete(self.wrong, _("Choose the entry that is wrong."))
        if not self.why.value.strip():
            raise Incomplete(self.why, _("Write why it is wrong."))
        values = {
            "kind": "correction",
            "of": entry.sequence,
            "hash": entry.hash,
            "participant": entry.participant,
            "replacement": self._replacement(entry),
            "why": self.why.value.strip(),
        }
        return event(values), self._site(), ""

    def _replacement(self, entry: Entry) -> dict[str, Any] | None:
        """Return what holds instead; None for an entry that is removed."""
        if self.action.value == REMOVED:
            return None
        if self.action.value == DAY:
            return dict(entry.content) | {"on": day_in(self.right).isoformat()}
        if entry.kind not in self._makers:
            raise Incomplete(self.action, _("Choose another: an entry of this kind is removed, and recorded anew."))
        course = self._desk.courses.get(entry.participant or "")
        kept = {name: entry.content[name] for name in KEPT if name in entry.content}
        replaced = self._fields_of(entry.kind).read(course) | kept
        if event(replaced) == entry.event:
            raise Incomplete(self.action, _("Nothing is changed: change what is wrong."))
        return replaced
