"""The tab "Decision": what the log says should be done next, the form that records it, and the sandbox."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import ipywidgets as widgets

from protocol.escalation import EscalationRecord, Outcomes
from protocol.pages.escalation.answer import Answer
from protocol.pages.escalation.decisions import STOPS, DecisionPanel
from protocol.pages.escalation.operating_characteristics import half
from protocol.pages.escalation.regimen_rows import pending_in
from protocol.pages.escalation.sandbox import Sandbox
from protocol.pages.kit import Text, button, classed, field, fold, invented, row
from protocol.pages.trial_log.committee_fields import ChoiceFields
from protocol.pages.trial_log.correction import CorrectionForm
from protocol.pages.trial_log.declaration import DeclarationForm
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.next_infusion import next_infusion_words
from protocol.pages.trial_log.observation_forms import Fields
from protocol.pages.trial_log.recorder import Problems, refusal
from protocol.translation import _


class DecisionTab:
    """The answer of the log, or of the invented example, which follows it; a sandbox opens below it.

    Parameters
    ----------
    desk : Desk
    today : date
    sandbox : callable
        Makes the sandbox when it is first opened, from the function that returns to the log.

    Attributes
    ----------
    answer : Answer
    decisions : DecisionPanel
    trying : ipywidgets.Checkbox
        Whether the sandbox is open; it stands in the address of the page, not on the page.
    outcomes : ipywidgets.Text
        The outcomes in the open sandbox, for the address.
    """

    def __init__(self, desk: Desk, today: date, sandbox: Callable[[Callable[[], None]], Sandbox]) -> None:
        self._desk, self._record, self._make = desk, desk.trial.escalation, sandbox
        self._sandbox: Sandbox | None = None
        self.answer, self.decisions = Answer(self._record), DecisionPanel(desk, today)
        self.declaration = DeclarationForm(desk, today)
        self.trying = field(widgets.Checkbox, _("Sandbox"), value=False)
        self.outcomes = field(widgets.Text, _("Outcomes in the sandbox"))
        self.open = button(_("Try other outcomes"), self._try, icon="flask")
        self._frame = widgets.VBox()
        label = [Text(invented(), role="")] if desk.invented else []
        self.next_infusion = Text()
        words = half(self.answer.card, self.next_infusion, row(self.open))
        grid = classed(half(self.answer.picture, self.answer.legend), "pw-after")  # on a telephone
        status = row(grid, words)
        ahead = classed(widgets.VBox([self.answer.pathways.view]), "pw-ahead")
        record = classed(widgets.VBox([self.decisions.form]), "pw-decision-form")
        self.correction = CorrectionForm(desk, today, lambda: desk.entries_of(None), makers=_makers(self._record))
        self._below = widgets.VBox([row(ahead, record), self.declaration.view, self.decisions.past])
        if refusal(desk) is None and desk.reader.role == "coordinator":
            lead = _("An entry is never changed: the correction is added to it.")
            title = _("Correct a decision or a declaration")
            self._below.children += (fold(title, self.correction.view, lead=lead),)
        self.view = widgets.VBox([*label, status, self._frame, self._below])
        self.trying.observe(self._switch, "value")
        self.outcomes.observe(self._take_from_address, "value")
        desk.on_change(self.refresh)
        self.refresh()

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, made when it is first asked for."""
        if self._sandbox is None:
            self._sandbox = self._make(self._return)
            self._sandbox.notation.observe(self._tell_address, "value")
        return self._sandbox

    def _try(self) -> None:
        self.trying.value = True

    def _return(self) -> None:
        self.trying.value = False

    def _tell_address(self, _change: Any = None) -> None:
        """Put the outcomes into the address of the page if they are not those of the log."""
        written, own = self.sandbox.notation.value, self._of_log()[0]
        self.outcomes.value = written if self.trying.value and written != own else ""

    def _take_from_address(self, change: dict[str, Any]) -> None:
        if self.trying.value and change["new"]:
            self.sandbox.notation.value = change["new"]

    def _switch(self, _change: Any) -> None:
        is_open = self.trying.value
        self._below.layout.display = self.open.layout.display = "none" if is_open else None
        if is_open:
            self.sandbox.start(*self._of_log())
            self._frame.children = [self.sandbox.view]
        else:
            self._frame.children, self.outcomes.value = [], ""

    def _of_log(self) -> tuple[str, int, int]:
        """Return the complete outcomes, the regimen opened last, and the outcomes its cohort still has to give."""
        now, grid = self._desk.briefing, self._record.grid
        opened = now.decisions["chosen"].dropna()
        last = now.open_regimen or (opened.iloc[-1] if len(opened) else self._record.design.start.value)
        held = int(now.waiting["regimen"].eq(last).sum()) + now.free_places if now.open_regimen else 0
        return now.notation, grid.index(last), held

    def refresh(self) -> None:
        """Show the present state of the log; an open sandbox stays as it is."""
        notation, current, awaited = self._of_log()
        now, record = self._desk.briefing, self._record
        self.answer.show(
            record.designed(),
            Outcomes.parse(record.grid, notation),
            current,
            now.action,
            pending=pending_in(now, record.grid.labels),
            awaited=awaited,
        )
        self.next_infusion.show(next_infusion_words(self._desk))
        self.correction.refresh()


def _makers(record: EscalationRecord) -> dict[str, Callable[[Problems], Fields]]:
    """Return what makes the fields of a decision and of a declaration."""
    labels = [(label, label) for label in record.grid.labels]
    stops = (_("no regimen: enrolment stops"), STOPS)
    return {
        "decision": partial(ChoiceFields, "chosen", [*labels, stops]),
        "regimen_declared": partial(ChoiceFields, "regimen", labels),
    }
