"""One participant: facts in; the answer of a gate, when, what to find out next and what to keep out."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, get_args

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Gate, Screening, Timeline
from protocol.eligibility.criteria import RECENCY_ANCHOR
from protocol.eligibility.gates import INFUSION_DAY, infusion_catalogue
from protocol.pages import elements
from protocol.pages.eligibility.clocks import ClocksPart
from protocol.pages.eligibility.form import FactsForm
from protocol.pages.eligibility.questions import NextQuestions
from protocol.pages.eligibility.record import KeepingPart, Present
from protocol.pages.eligibility.verdicts import overall, verdict_list
from protocol.records import Phase, ProtocolError
from protocol.translation import _
from protocol.trial import Trial

Chances = Callable[[Phase], tuple[dict[str, float], Markup | str]]
"""How often each criterion fails in a cohort, and which cohort that is."""


class ParticipantPanel:
    """The participant part of the eligibility page.

    Attributes
    ----------
    form : FactsForm
        What is known.
    gate : ipywidgets.ToggleButtons
        Enrolment, or an infusion.
    as_of : ipywidgets.Text
        The day of the answer.
    show : ipywidgets.ToggleButtons
        Which verdicts the list shows.
    """

    def __init__(self, trial: Trial, today: date, chances: Chances) -> None:
        self.trial, self.chances, self.day = trial, chances, today
        self.record: EligibilityRecord = trial.eligibility
        self.phase: Phase = "Ib"
        self.form = FactsForm(self.record.facts, today)
        gates = zip((_("Enrolment"), _("An infusion")), get_args(Gate), strict=True)
        self.gate = widgets.ToggleButtons(options=list(gates), description=_("Gate"))
        self.as_of = widgets.Text(value=today.isoformat(), description=_("As of"), continuous_update=False)
        self.show = widgets.ToggleButtons(
            options=[(_("All"), "any"), (_("Not met"), "not met"), (_("Unknown"), "unknown")], description=_("Show")
        )
        self.who, self.problems = elements.html(""), elements.html("")
        self.answer, self.verdicts = elements.html("", role="status"), elements.html("")
        self.next = NextQuestions(self.record, self.refresh)
        self.clocks = ClocksPart(self.record)
        self.keeping = KeepingPart(trial, self.present)
        self.view = self._arranged()
        for field in (*self.form.fields.values(), self.gate, self.as_of, self.show):
            field.observe(self.refresh, "value")

    def ask(self, record: EligibilityRecord, phase: Any) -> None:
        """Answer under these thresholds and readings, in this phase."""
        self.record, self.phase = record, phase
        self.refresh()

    def fill(
        self, facts: dict[str, Any], where: str | Mapping[str, str], unusable: Mapping[str, str] | None = None
    ) -> None:
        """Put a participant into the form and answer once."""
        for field in self.form.fields.values():
            field.unobserve(self.refresh, "value")
        self.form.fill(facts, where, unusable)
        for field in self.form.fields.values():
            field.observe(self.refresh, "value")
        self.refresh()

    def refresh(self, _change: Any = None) -> None:
        """Answer for the facts of the form; what cannot be used is said and left out."""
        facts, problems = self.form.read()
        problems += self._day()
        gate = self.gate.value
        if gate == "infusion":
            facts[INFUSION_DAY] = facts.get(INFUSION_DAY) or self.day
        self.problems.value = Markup("").join(elements.message(problem) for problem in problems)
        self._show(facts, gate)
        self.keeping.forget()

    def present(self) -> Present:
        """Return what the panel answers at the moment."""
        facts, _problems = self.form.read()
        known = {name: value for name, value in facts.items() if value is not None}
        if self.gate.value == "infusion":
            known.setdefault(INFUSION_DAY, self.day)
        when = self._timeline(known)
        return Present(
            self.record, known, self.form.sources, self.form.unusable, self.phase, self.gate.value, self.day, when
        )

    def _timeline(self, facts: dict[str, Any]) -> Timeline:
        """Look at the days from today on, or from the day of enrolment when that is earlier."""
        enrolled = facts.get(RECENCY_ANCHOR) or self.day
        return self.record.timeline(facts, self.phase, start=min(self.day, enrolled), unusable=self.form.unusable)

    def _day(self) -> list[ProtocolError]:
        try:
            self.day = date.fromisoformat(self.as_of.value.strip())
        except ValueError:
            return [ProtocolError(_("As of"), repr(self.as_of.value)[:60], _("a date like 2026-03-01"))]
        return []

    def _show(self, facts: dict[str, Any], gate: Any) -> None:
        rules = infusion_catalogue(self.record) if gate == "infusion" else self.record
        found = {"sources": self.form.sources, "unusable": self.form.unusable}
        answers = self.record.answers(facts, self.phase, as_of=self.day, gate=gate, **found)
        screening = Screening(self.phase, tuple(answer.verdict for answer in answers), ())
        changes = () if gate == "infusion" else self.record.counterfactuals(facts, self.phase, self.form.unusable)
        empty = not any(
            value is not None for name, value in facts.items() if name not in (RECENCY_ANCHOR, INFUSION_DAY)
        )
        said = overall(answers, rules.criteria, changes, gate, empty=empty)
        self.answer.value = elements.dress(said, "status")
        rates, basis = self.chances(self.phase)
        self.next.show(screening, facts, rates, basis)
        self.clocks.view.layout.display = "none" if gate == "infusion" else ""
        if gate == "enrolment":
            self.clocks.show(self._timeline(facts))
        self.verdicts.value = verdict_list(answers, rules.criteria, self.trial.ambiguities, self.show.value)

    def _arranged(self) -> widgets.Widget:
        form = widgets.VBox([self.who, elements.row(self.form.clear), self.problems, self.form.view])
        form.add_class("pw-side")
        every = elements.section(
            _("Every criterion"),
            self.show,
            self.verdicts,
            lead=_("Open one for the registry's words, its parts, and the evidence with its day and source."),
        )
        answer = widgets.VBox(
            [elements.row(self.gate, self.as_of), self.answer, self.next.view, self.clocks.view, every,
             self.keeping.view]
        )  # fmt: skip
        answer.add_class("pw-main")
        return elements.row(form, answer)
