"""The committee's decisions: the next one with its form, and their history."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.briefing import Briefing
from protocol.conduct import event
from protocol.escalation import STOP, Outcomes
from protocol.escalation.committee_choice import choose
from protocol.pages.escalation.decision_steps import DecisionSteps
from protocol.pages.kit import (
    Draft,
    Text,
    as_written,
    details,
    field,
    joined,
    link_to,
    note,
    paragraph,
    section,
    span,
    table,
)
from protocol.pages.trial_log.committee_fields import CommitteeFields
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.recorder import Incomplete, Problems, Recorder, Wanted, refusal
from protocol.records import ProtocolError
from protocol.translation import _

STOPS = ""
"""The choice to stop enrolment."""


class DecisionPanel:
    """The form that records a decision of the committee, and the decisions so far.

    Parameters
    ----------
    desk : Desk
    today : date
        Put into the form.

    Attributes
    ----------
    chosen, why, decided_by, on : ipywidgets
        The decision.
    decide : Recorder
        Its button.
    departs : Text
        Says that the choice is not what is recommended.
    problems : Problems
        What is wrong, at its field.
    draft : Draft
        The decision, as long as it is not recorded.
    steps : DecisionSteps
    form, past : ipywidgets.VBox
    """

    def __init__(self, desk: Desk, today: date) -> None:
        self._desk = desk
        labels = list(desk.trial.escalation.grid.labels)
        options = [*((label, label) for label in labels), (_("no regimen: enrolment stops"), STOPS)]
        self._put_in = self._advised()
        self.chosen = field(widgets.Dropdown, _("Regimen chosen"), options=options, value=self._put_in, width="short")
        self._committee = CommitteeFields(_("Day of the decision"), today)
        controls = {"chosen": self.chosen} | self._committee.by_name
        self.why, self.decided_by, self.on = self._committee.by_name.values()
        self.draft, form = Draft(controls), tuple(controls.values())
        self.problems = Problems()
        self.decide = Recorder(
            desk, _("Record the decision"), self._decision, self._decided, form, problems=self.problems
        )
        self.departs, self.history = Text(), Text(role="")
        self.chosen.observe(self._compare, "value")
        self.steps = DecisionSteps(desk)
        self.past = section(_("Path of decisions"), self.steps.view, self.history)
        self.form = section(_("Record the decision"), *self._controls(controls))
        desk.on_change(self.refresh)
        self.refresh()

    def _controls(self, form: dict[str, Any]) -> list[widgets.Widget]:
        refused = refusal(self._desk)
        if refused is not None:
            return [Text(refused, role="")]
        enrol = paragraph(link_to("followup", _("Enrol participants on the Follow-up page"), tab="participant"))
        if self._desk.reader.role != "coordinator":
            return [Text(note(_("Decisions are recorded by the coordinator.")), role=""), Text(enrol, role="")]
        hint = _("If the design must wait, the entry says that nothing was recommended, and what that waits for.")
        fields = [self.problems.at(control, name) for name, control in form.items()]
        fields.insert(1, self.departs)
        return [*fields, self.decide.view, Text(joined((paragraph(hint, "off"), enrol)), role="")]

    def refresh(self) -> None:
        """Show the decisions so far; what a person put into the form stays as it is."""
        now, advised = self._desk.briefing, self._advised()
        with self.draft.put_in():
            if not now.invented:
                self._committee.move(now.as_of)
            if self.chosen.value == self._put_in:
                self.chosen.value = advised
        self._put_in = advised
        self._compare()
        self.history.show(_history(now))

    def _compare(self, _change: Any = None) -> None:
        """Say before it is recorded that the choice departs from the recommendation."""
        advised, chosen = self._advised(), self.chosen.value
        if chosen is None or chosen == advised:
            self.departs.show(None)
            return
        words = (
            _("The design recommends nothing yet. The entry will say so.")
            if advised is None
            else _("This departs from the recommendation: {what}.").format(what=advised or _("stop"))
        )
        self.departs.show(note(words))

    def _decided(self) -> None:
        self.chosen.value, self.why.value = None, ""
        self.draft.keep()

    def _advised(self) -> str | None:
        """Return the choice that is recommended; None while there is none."""
        now = self._desk.briefing
        following = now.action.following
        if following is None or now.open_regimen is None:  # after a stop nothing is recommended
            return None
        return STOPS if following == STOP else self._desk.trial.escalation.grid.labels[following]

    def _decision(self) -> Wanted:
        """Read the form."""
        if self.chosen.value is None:
            raise Incomplete(self.chosen, _("Choose a regimen, or that enrolment stops."))
        chosen, decided = self.chosen.value or None, self._committee.read()
        self._check_choice(chosen)
        advised = self._advised()
        basis = {"waits_for": self._desk.briefing.waits_for} if advised is None else {"recommended": advised or None}
        return event({"kind": "decision", "chosen": chosen} | decided | basis), "", ""

    @property
    def waits(self) -> bool:
        """Whether a regimen is open and the design recommends nothing yet."""
        now = self._desk.briefing
        return now.action.following is None and now.open_regimen is not None

    def _check_choice(self, chosen: str | None) -> None:
        """Refuse a regimen that the committee may not choose; see :func:`protocol.escalation.choose`."""
        now, escalation = self._desk.briefing, self._desk.trial.escalation
        opened = now.decisions["chosen"].dropna()
        if self.waits and chosen == now.open_regimen and len(opened):
            found = _("{regimen}, open already, while nothing is recommended").format(regimen=chosen)
            write = _("another one, or this one when the design recommends")
            raise Incomplete(self.chosen, write, found)
        at = now.open_regimen or (opened.iloc[-1] if len(opened) else escalation.design.start.value)
        outcomes = Outcomes.parse(escalation.grid, now.notation)
        try:
            choose(escalation.designed(), outcomes, escalation.grid.index(at), chosen)
        except ProtocolError as error:
            raise Incomplete(self.chosen, error.write, error.found) from None


def _history(now: Briefing) -> Markup:
    rows = [
        {
            _("Day"): row["day"],
            _("Recommended"): row["recommended"] or _("stop"),
            _("Chosen"): _chosen(row["chosen"], row["recommended"]),
            _("Why"): as_written(row["why"]),
            _("Decided by"): as_written(row["decided_by"]),
            _("With a DLT / evaluable, enrolled under it"): row["seen"],
        }
        for row in now.decisions.to_dict("records")[::-1]
    ]
    if not rows:
        return paragraph(_("No decision is recorded yet."))
    return details(
        _("Every decision with its reason"), table(pd.DataFrame(rows, dtype=object), _("The last one first"))
    )


def _chosen(chosen: str | None, recommended: str | None) -> Markup | str:
    shown = chosen or _("stop")
    return shown if chosen == recommended else span(f"◆ {shown}", "open")
