"""Record the regimen that the committee declares for the phase after the escalation."""

from datetime import date
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.conduct import event
from protocol.pages.kit import Draft, Text, field, note, paragraph, section
from protocol.pages.trial_log.committee_fields import CommitteeFields
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.recorder import Incomplete, Problems, Recorder, Wanted, refusal
from protocol.translation import _


class DeclarationForm:
    """The form that declares the recommended regimen of the next phase, beside what the design advises.

    Parameters
    ----------
    desk : Desk
    today : date
        Put into the form.

    Attributes
    ----------
    regimen, why, decided_by, on : ipywidgets
    declare : Recorder
    draft : Draft
        The declaration, as long as it is not recorded.
    standing : Text
        What is declared, or what the design advises.
    view : ipywidgets.VBox
        Empty for a trial of one phase.
    """

    def __init__(self, desk: Desk, today: date) -> None:
        self._desk = desk
        problems = Problems()
        labels = list(desk.trial.escalation.grid.labels)
        self.regimen = field(widgets.Dropdown, _("Regimen declared"), options=labels, value=None, width="short")
        self._committee = CommitteeFields(_("Day of the declaration"), today)
        chosen = {"regimen": self.regimen} | self._committee.by_name
        self.why, self.decided_by, self.on = self._committee.by_name.values()
        self.draft, form = Draft(chosen), tuple(chosen.values())
        self.standing = Text(role="")
        self.declare = Recorder(
            desk, _("Record the declaration"), self._read, self._declared, form, problems=problems
        )
        controls: list[Any] = [*(problems.at(one, name) for name, one in chosen.items()), self.declare.view]
        if refusal(desk) is not None or desk.reader.role != "coordinator":
            controls = []
        phases = desk.trial.eligibility.phases
        self.view = widgets.VBox([])
        if len(phases) > 1:
            self._phase = phases[1]
            heading = _("Regimen of phase {phase}").format(phase=self._phase)
            self.view = section(heading, self.standing, *controls)
            desk.on_change(self.refresh)
            self.refresh()

    def refresh(self) -> None:
        """Show what is declared; what a person put into the form stays as it is."""
        now = self._desk.briefing
        if not now.invented:
            with self.draft.put_in():
                self._committee.move(now.as_of)
        self.standing.show(self._standing())

    def _standing(self) -> Markup:
        now = self._desk.briefing
        if now.declared is None:
            return paragraph(now.action.phase_two or _("The design advises no regimen."))
        words = _("{regimen} is declared since {on}, by: {decided_by}. {why}")
        return note(words.format(**{name: now.declared[name] for name in ("regimen", "on", "decided_by", "why")}))

    def _declared(self) -> None:
        self.regimen.value, self.why.value = None, ""
        self.draft.keep()

    def _read(self) -> Wanted:
        if self.regimen.value is None:
            raise Incomplete(self.regimen, _("Choose the regimen."))
        values = {
            "kind": "regimen_declared",
            "phase": self._phase,
            "regimen": self.regimen.value,
            "advised": self._desk.briefing.action.recommended,
        }
        return event(values | self._committee.read()), "", ""
