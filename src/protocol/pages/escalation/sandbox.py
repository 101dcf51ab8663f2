"""The sandbox: other outcomes than those of the log, and what the design would say to them."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np

from protocol.escalation import STOP, Awaited, Design, EscalationRecord, NextAction, Outcomes, last_named, next_action
from protocol.escalation.grid import Integers
from protocol.pages.escalation.answer import Answer
from protocol.pages.escalation.design_settings import MOST_PARTICIPANTS, DesignSettings
from protocol.pages.escalation.operating_characteristics import count_field, half
from protocol.pages.kit import Text, button, classed, field, joined, note, origin, paragraph, row, strong
from protocol.records import ProtocolError
from protocol.translation import _, list_of


class Sandbox:
    """Enter outcomes and read the answer; the log is never changed, and its advice stays where it is.

    Parameters
    ----------
    record : EscalationRecord
    settings : DesignSettings
        The design that answers.
    close : callable, optional
        Returns to the log; None if there is no log to return to.

    Attributes
    ----------
    notation, current, pending, regimen, treated, dlt : ipywidgets
        The outcomes, the regimen the trial is at, and the counts of one regimen.
    answer : Answer
    problems : dict of str to Text
        What is wrong at each field: "current", "counts", "notation", "design".
    action : NextAction or None
        The answer; None while the entries cannot be used.
    """

    def __init__(
        self, record: EscalationRecord, settings: DesignSettings, close: Callable[[], None] | None = None
    ) -> None:
        self.record, self.grid, self.settings = record, record.grid, settings
        self.action: NextAction | None = None
        start = record.design.start.value
        self._start = self.grid.index(start)
        regimens = [(label, index) for index, label in enumerate(self.grid.labels)]
        self.current = field(widgets.Dropdown, _("Open regimen"), options=regimens, value=self._start, width="short")
        self.pending = count_field(_("Pending there"), 0, MOST_PARTICIPANTS, least=0)
        self.regimen = field(widgets.Dropdown, _("Regimen"), options=regimens, value=self._start, width="short")
        self.treated = count_field(_("Evaluable"), 0, MOST_PARTICIPANTS, least=0)
        self.dlt = count_field(_("With a DLT"), 0, MOST_PARTICIPANTS, least=0)
        self.notation = field(
            widgets.Text, _("Outcomes"), placeholder=f"{start}:NNN", width="full", continuous_update=False
        )
        self.follow = button(_("Move to the recommended regimen"), self._follow)
        self.problems = {name: Text(role="alert") for name in ("current", "counts", "notation", "design")}
        self.answer = Answer(record)
        self.close = button(_("Return to the log"), close, primary=True, icon="arrow-left")
        self.view = classed(widgets.VBox([*self._head(close is not None), *self._content()]), "pw-sandbox")
        for widget in (self.current, self.pending):
            widget.observe(self.refresh, "value")
        self.notation.observe(self._read, "value")
        self.regimen.observe(self._load, "value")
        self.answer.picture.observe(self._pick, "picked")
        for widget in (self.treated, self.dlt):
            widget.observe(self._count, "value")
        self.refresh()

    def _head(self, has_log: bool) -> list[widgets.Widget]:
        words = _("Nothing here is recorded. The design is the one set in the Design lab.")
        title = _("Sandbox: not the log") if has_log else _("Sandbox: there is no log")
        label = Text(joined((paragraph(title, "sandbox-label"), paragraph(words, "off"))), role="")
        return [label, row(self.close)] if has_log else [label]

    def _content(self) -> list[widgets.Widget]:
        window = self.record.dlt_window_days
        letters = _(
            "One letter a participant: N without a DLT, T with a DLT, P pending (P0.5: half of the DLT window has "
            "passed). Paste a line to replace everything; the regimen named last becomes the open one. Count as "
            "evaluable only participants who completed the DLT window of {} days from their first infusion."
        ).format(window.value)
        editor = half(
            self.answer.card,
            row(self.current, self.pending),
            self.problems["current"],
            row(self.follow),
            Text(strong(_("Outcomes of one regimen")), role=""),
            row(self.regimen, self.treated, self.dlt),
            self.problems["counts"],
            self.notation,
            self.problems["notation"],
            self.problems["design"],
            Text(paragraph(joined((letters, origin(window)), " "), "off"), role=""),
        )
        return [row(editor, half(self.answer.picture, self.answer.legend)), self.answer.pathways.view]

    # What a person does

    def start(self, notation: str, current: int, pending: int) -> None:
        """Begin with these outcomes."""
        self.notation.value = notation
        self.current.value, self.pending.value = current, pending
        self.regimen.value = current

    def _pick(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.regimen.value = self.grid.index(change["new"]["regimen"])

    def _follow(self) -> None:
        if self.action and self.action.following not in (None, STOP):
            self.regimen.value = self.current.value = self.action.following

    def _count(self, _change: object) -> None:
        try:
            counts = self.regimen.value, self.treated.value, self.dlt.value
            outcomes = self._outcomes().with_regimen(*counts)
            self.settings.design_now().eliminated(outcomes)
        except ProtocolError as error:
            self._say("counts", error)
        else:
            self.notation.unobserve(self._read, "value")
            self.notation.value = outcomes.notation(self.current.value)
            self.notation.observe(self._read, "value")
            self.refresh()

    def _read(self, _change: object) -> None:
        try:
            self._outcomes()
        except ProtocolError as error:
            self._say("notation", error)
            return
        self.pending.value = 0  # the line replaces everything
        self.regimen.value = self.current.value = last_named(self.grid, self.notation.value)
        self._load()

    def _load(self, _change: object = None) -> None:
        """Show the counts of the chosen regimen in the two fields."""
        try:
            outcomes = self._outcomes()
        except ProtocolError as error:
            self._say("notation", error)
            return
        for widget, counts in ((self.treated, outcomes.treated), (self.dlt, outcomes.dlt)):
            widget.unobserve(self._count, "value")
            widget.value = int(counts.ravel()[self.regimen.value])
            widget.observe(self._count, "value")
        self.refresh()

    # What the page answers

    def _outcomes(self) -> Outcomes:
        return Outcomes.parse(self.grid, self.notation.value)

    def _waited_for(self, design: Design, outcomes: Outcomes) -> Integers:
        """Count the participants that are waited for at each regimen: by the trial's rules, and as entered."""
        waited = self.record.rules().waited_for(design, outcomes, self.current.value)
        waited[self.current.value] = max(waited[self.current.value], self.pending.value)
        return waited

    def refresh(self, _change: object = None) -> None:
        """Ask the design and show its answer; while an entry cannot be used, show none."""
        at = "design"
        try:
            design = self.settings.design_now()
            at = "notation"
            outcomes = self._outcomes()
            design.eliminated(outcomes)
            at = "current"
            self._check_reached(outcomes)
            at = "design"
            waited = self._waited_for(design, outcomes)
            awaited = [Awaited(int(cell)) for cell in np.repeat(np.arange(self.grid.size), waited)]
            self.action = next_action(design, outcomes, self.current.value, awaited)
        except ProtocolError as error:
            self._say(at, error)
            return
        for text in self.problems.values():
            text.show(None)
        current = self.current.value
        self.follow.disabled = self.action.following in (None, STOP, current)
        differs = self.settings.differences()
        what_if = note(_("What if: the design differs from the record's ({}).").format(list_of(differs, "; ")))
        pending = waited if outcomes.pending is None else np.maximum(waited, outcomes.pending.ravel())
        self.answer.show(
            design,
            outcomes,
            current,
            self.action,
            pending=pending,
            awaited=int(waited[current]) if outcomes.pending is None else 0,
            notes=[what_if] if differs else [],
            marked=self.regimen.value,
        )

    def _check_reached(self, outcomes: Outcomes) -> None:
        """Refuse an open regimen that is more than one step above a treated one: nothing may be skipped."""
        at, treated = self.current.value, np.argwhere(outcomes.treated[0])
        up = np.maximum(np.array(divmod(at, self.grid.shape[1])) - treated, 0).sum(axis=1)
        if (up <= 1).any() or (not len(treated) and at == self._start):
            return
        found = _("{}, where no participant was treated, nor one step from it").format(self.grid.labels[at])
        write = _("a regimen that was treated, or one a step away from it")
        raise ProtocolError(self.current.description, found, write)

    def _say(self, at: str, error: ProtocolError) -> None:
        self.action = None
        for name, text in self.problems.items():
            text.show(error if name == at else None)
        words = _("The grid shows the last entries that could be used. Correct the field that is marked.")
        self.answer.card.show(note(strong(_("No recommendation."), words)))
        self.answer.pathways.turning.show(None)
        self.follow.disabled = True
