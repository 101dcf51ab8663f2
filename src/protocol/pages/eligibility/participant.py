"""One participant: facts in; the verdict of a gate, what to find out next, and why."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import Answer, EligibilityRecord, Screening, Timeline
from protocol.eligibility.fact_status import FactStatus, fact_statuses, limits
from protocol.eligibility.gates import infusion_catalogue
from protocol.pages.eligibility.facts_form import TOGETHER, FactsForm, Shown
from protocol.pages.eligibility.hospital_records import day_of
from protocol.pages.eligibility.next_steps import NextStepsPanel
from protocol.pages.eligibility.timeline import TimelinePanel
from protocol.pages.eligibility.verdicts import reasons, verdict_line, verdict_list
from protocol.pages.kit import Day, Panel, Text, classed, field, fold, macros, row, section
from protocol.records import Phase, ProtocolError
from protocol.translation import _, ngettext
from protocol.trial import Trial

Chances = Callable[[Phase], tuple[dict[str, float], Markup | str]]
"""Returns how often each criterion fails in a cohort, and which cohort that is."""

MOST_LISTED = 12
"""Facts named after a record was read."""


class Present(NamedTuple):
    """What the panel shows at the moment."""

    record: EligibilityRecord
    facts: dict[str, Any]
    sources: dict[str, str]
    unusable: dict[str, str]
    phase: Phase
    gate: Any
    as_of: date
    when: Timeline


class ParticipantPanel(Panel):
    """The participant part of the eligibility page.

    Parameters
    ----------
    trial : Trial
    today : date
        The first day of the answer.
    chances : callable
        Returns how often each criterion fails, for the order of the next steps.
    phase : ipywidgets.Widget
        The control of the phase, which the page owns.
    take : callable
        Called with the name and the content of a hospital record that is put into the form.
    clear : callable
        Called to empty the form.

    Attributes
    ----------
    form : FactsForm
        What is known.
    gate : ipywidgets.ToggleButtons
        Enrolment, or an infusion.
    as_of : Day
        The day of the answer.
    who, problems, answer : Text
        Who is in the form, what is wrong with the day, and the verdict in one line.
    why, verdicts : Text
        What excludes, what would have to change and what is confirmed later; every criterion.
    """

    def __init__(
        self,
        trial: Trial,
        today: date,
        chances: Chances,
        phase: Any,
        take: Callable[[str, bytes], None],
        clear: Callable[[], None],
    ) -> None:
        self.trial, self.chances, self.day, self._phase = trial, chances, today, phase
        record: EligibilityRecord = trial.eligibility
        self.roles = record.roles
        self.form = FactsForm(record, today, take, clear)
        gates = [(_("Enrolment"), "enrolment")]
        if self.roles.infusion_day:
            gates.append((_("An infusion"), "infusion"))
        self.gate = field(widgets.ToggleButtons, _("Check for"), width="form", options=gates)
        self.as_of = field(Day, _("Day"), width="short", value=today)
        self.who, self.problems, self.answer = Text(), Text(role="alert"), Text()
        self.why, self.verdicts = Text(role=""), Text(role="")
        self._statuses: dict[str, FactStatus] = {}
        self.next = NextStepsPanel(record)
        self.clocks = TimelinePanel(record)
        self.redraw_on(self.form, self.gate, self.as_of)
        self.form.observe(self.redraw, ["asking", "skipped"])

    def fill(
        self, facts: Mapping[str, Any], where: str | Mapping[str, str], unusable: Mapping[str, str] | None = None
    ) -> None:
        """Put a participant into the form and answer once."""
        with self.redraw_once():
            self.form.fill(facts, where, unusable)

    def draw(self, record: EligibilityRecord, phase: Phase) -> None:
        """Answer for the facts of the form; name what cannot be used and leave it out."""
        facts, problems = self.form.read()
        try:
            self.day = day_of(self.as_of)
            self.problems.show(None)
        except ProtocolError as error:
            self.problems.show(error)
        self._answer(record, phase, facts, problems)

    def present(self) -> Present:
        """Return what the panel answers at the moment."""
        record, phase = self.shown or (self.trial.eligibility, self.trial.eligibility.phases[0])
        facts, _problems = self.form.read()
        known = {name: value for name, value in facts.items() if value is not None}
        if self.gate.value == "infusion":
            known.setdefault(str(self.roles.infusion_day), self.day)
        when = self._timeline(record, phase, known)
        gate = self.gate.value
        return Present(record, known, self.form.sources, self.form.unusable, phase, gate, self.day, when)

    def filled(self, name: str) -> Markup:
        """Say what a record filled: how many facts, which cannot be used, and which are still unknown."""
        labels = {fact.id: fact.label for fact in self.trial.eligibility.facts}
        facts, _problems = self.form.read()
        count = sum(value is not None for value in facts.values())
        unusable = [(one, labels[one]) for one in self.form.unusable]
        unknown = [(one, labels[one]) for one, status in self._statuses.items() if status.asked]
        words = ngettext(
            "{name}: {n} fact filled, {unusable} not usable, {unknown} unknown left.",
            "{name}: {n} facts filled, {unusable} not usable, {unknown} unknown left.",
            count,
        )
        said = words.format(name=name, n=count, unusable=len(unusable), unknown=len(unknown))
        lists = [(_("Not usable:"), unusable[:MOST_LISTED]), (_("Unknown:"), unknown[:MOST_LISTED])]
        return macros("eligibility").filled(said, lists)

    def _timeline(self, record: EligibilityRecord, phase: Phase, facts: dict[str, Any]) -> Timeline:
        """Look at the days from the day of the answer on, or from the day of enrolment if that is earlier."""
        enrolled = facts.get(self.roles.enrolment_day or "") or self.day
        return record.timeline(facts, phase, start=min(self.day, enrolled), unusable=self.form.unusable)

    def _answer(
        self, record: EligibilityRecord, phase: Phase, facts: dict[str, Any], problems: Mapping[str, ProtocolError]
    ) -> None:
        gate = self.gate.value
        answered = {name for name, value in facts.items() if value is not None}
        days = (self.roles.enrolment_day, self.roles.infusion_day)
        empty = not (answered.difference(days) or problems)
        if gate == "infusion":
            planned = str(self.roles.infusion_day)
            facts[planned] = facts.get(planned) or self.day
        rules = infusion_catalogue(record) if gate == "infusion" else record
        found = {"sources": self.form.sources, "unusable": self.form.unusable}
        answers = record.answers(facts, phase, as_of=self.day, gate=gate, **found)
        screening = Screening(phase, tuple(answer.verdict for answer in answers), ())
        self._statuses = fact_statuses(rules, screening.verdicts, phase)
        self.next.show(screening, facts, *self.chances(phase))
        question, why = self.next.question(screening, self.form.skipped)
        shown = Shown(
            self._statuses,
            limits(rules, phase, facts),
            self._notes(answers, facts),
            answered,
            problems,
            question,
            why,
            self._done(screening),
        )
        self.form.show(shown)
        refused = [(name, self.form.facts[name].label) for name in problems]
        self.answer.show(verdict_line(answers, gate, shown.counts, refused, empty=empty))
        changes = () if gate == "infusion" else record.counterfactuals(facts, phase, self.form.unusable)
        self.why.show(reasons(answers, rules, changes, gate))
        self.clocks.view.layout.display = "none" if gate == "infusion" else ""
        if gate == "enrolment":
            self.clocks.show(self._timeline(record, phase, facts))
        self.verdicts.show(verdict_list(answers, rules, self.trial.ambiguities))

    def _notes(self, answers: tuple[Answer, ...], facts: Mapping[str, Any]) -> dict[str, str]:
        """Say what is computed or converted, and why something that was found is not used."""
        notes = {
            item.fact: f"= {item.shown}"
            for answer in answers
            for item in answer.evidence
            if item.shown and not item.problem and facts.get(item.fact) is None
        }
        for name, fact in self.form.facts.items():
            text = self.form.value.get(name, "")
            if fact.is_number and facts.get(name) is not None and " " in text:
                notes[name] = f"= {facts[name]:.6g} {fact.unit_label}".rstrip()
        notes |= dict.fromkeys(self.form.together, TOGETHER)
        unusable = _("found, but not usable: {reason}")
        return notes | {name: unusable.format(reason=_(reason)) for name, reason in self.form.unusable.items()}

    def _done(self, screening: Screening) -> str:
        if screening.overall == "possibly eligible":
            return _("No question is left that was not skipped.")
        return _("The verdict is reached. Nothing more needs to be asked.")

    def arranged(self, bar: Sequence[Any], *above: Any) -> widgets.Widget:
        """Arrange the panel: the bar that stays in sight, with these controls, then the form and the reasons."""
        controls = classed(row(self._phase, self.gate, self.as_of, *bar), "pw-bar-controls")
        fixed = classed(
            widgets.VBox([classed(self.answer, "pw-bar-answer"), controls]), "pw-sticky", "pw-verdict-bar"
        )
        lead = _("Open one for the registry's words, its parts, and the evidence with its day and source.")
        every = classed(fold(_("Verdicts by criterion"), self.verdicts, lead=lead), "pw-printed")
        why = section(_("Reasons"), self.why)
        parts = widgets.VBox([why, self.next.view, self.clocks.view, every])
        form = widgets.VBox([*above, self.who, self.problems, self.form])
        return widgets.VBox([fixed, row(classed(form, "pw-patient"), classed(parts, "pw-reasons"))])
