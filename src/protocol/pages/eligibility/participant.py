"""One participant: facts in; the answer of a gate, what to find out next, and the screening record."""

from collections.abc import Callable, Mapping
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Fact, NextStep, Screening, Timeline, expected, next_steps
from protocol.eligibility.gates import infusion_catalogue
from protocol.exchange.cohort.cells import read_value
from protocol.pages.eligibility.hospital_records import day_of
from protocol.pages.eligibility.timeline import TimelinePanel
from protocol.pages.eligibility.verdicts import overall, verdict_list
from protocol.pages.kit import (
    Panel,
    Text,
    assumption,
    button,
    classed,
    download,
    field,
    joined,
    macros,
    note,
    origin,
    paragraph,
    row,
    section,
)
from protocol.records import Phase, ProtocolError
from protocol.translation import _, ngettext
from protocol.trial import Trial
from protocol.version import __version__

FIRST_STEPS = 3
"""Steps shown in full; the others are folded."""

FACTS_OF_A_STEP = 8
"""Facts named for one step."""

Chances = Callable[[Phase], tuple[dict[str, float], Markup | str]]
"""Returns how often each criterion fails in a cohort, and which cohort that is."""


class FactsForm:
    """Fields by fact id; an empty field is an unknown fact.

    Attributes
    ----------
    fields : dict of str to ipywidgets.Widget
    sources : dict of str to str
        Where each fact came from.
    unusable : dict of str to str
        Facts that were found and cannot be used, with the reason, until they are entered.
    """

    def __init__(self, facts: tuple[Fact, ...], today: date, enrolment_day: str | None) -> None:
        self.facts = {fact.id: fact for fact in facts}
        self.fields = {fact.id: _fact_field(fact) for fact in facts}
        self.sources: dict[str, str] = {}
        self.unusable: dict[str, str] = {}
        for name, control in self.fields.items():
            control.observe(lambda _change, name=name: self._entered(name), "value")
        if enrolment_day is not None:
            self.fields[enrolment_day].value = today.isoformat()
            self.sources[enrolment_day] = _("today")
        self.clear = button(_("Empty the form"), icon="eraser")
        groups = [(name, list(members)) for name, members in groupby(facts, key=lambda fact: fact.group)]
        boxes = [classed(widgets.VBox([self.fields[fact.id] for fact in some]), "pw-form") for _name, some in groups]
        self.view = widgets.Accordion(boxes, selected_index=0, titles=tuple(name for name, _facts in groups))

    def read(self) -> tuple[dict[str, Any], list[ProtocolError]]:
        """Return the facts that are given, and a problem for every field that cannot be used."""
        facts, problems = {}, []
        for name, control in self.fields.items():
            fact = self.facts[name]
            try:
                facts[name] = read_value(control.value, fact)
            except ValueError:
                problems.append(ProtocolError(fact.label, f"{control.value!r}"[:60], expected(fact)))
        return facts, problems

    def fill(
        self, facts: Mapping[str, Any], where: str | Mapping[str, str], unusable: Mapping[str, str] | None = None
    ) -> None:
        """Put facts into the form; all others become unknown. `where` says where they came from, also by fact."""
        for name, control in self.fields.items():
            value = facts.get(name)
            if isinstance(control, widgets.Text) and value is not None:
                value = value.isoformat() if isinstance(value, date) else f"{value:.12g}"
            control.value = "" if value is None else value
        known = [name for name, value in facts.items() if value is not None]
        self.sources = dict.fromkeys(known, where) if isinstance(where, str) else dict(where)
        self.unusable = dict(unusable or {})

    def _entered(self, name: str) -> None:
        self.sources[name] = _("entered in the form")
        self.unusable.pop(name, None)


def _fact_field(fact: Fact) -> Any:
    about: dict[str, Any] = {"help": fact.help or "", "unit": fact.unit_label or "", "width": "form"}
    match fact.type:
        case "date":  # as text: a date picker shows the browser's own order of day and month
            return field(widgets.Text, fact.label, **about, placeholder="2026-03-01", continuous_update=False)
        case "yes_no":
            options = [(_("unknown"), ""), (_("yes"), True), (_("no"), False)]
            return field(widgets.Dropdown, fact.label, **about, options=options)
        case "choice":
            options = [(_("unknown"), ""), *((name, option) for option, name in fact.options.items())]
            return field(widgets.Dropdown, fact.label, **about, options=options)
    hint = _("{low:g} to {high:g}").format(low=fact.minimum, high=fact.maximum)
    return field(widgets.Text, fact.label, **about, placeholder=hint, continuous_update=False)


class NextStepsPanel(Panel):
    """What to find out next, and what each procedure costs.

    Attributes
    ----------
    costs : dict of str to ipywidgets.BoundedFloatText
        What each procedure costs, by its id; looking into the chart is 1.
    fact, own_cost, apart, back : ipywidgets
        A fact, its cost by itself, and the buttons that take it out of its procedure and put it back.
    alone : dict of str to float
        The facts that have a cost of their own, by id.
    list, basis : Text
        The steps, and where their chances come from.
    """

    def __init__(self, record: EligibilityRecord) -> None:
        self.record, self.alone = record, dict[str, float]()
        self.labels = {fact.id: fact.label for fact in record.facts}
        self.costs = {one.id: _cost_field(one.label, one.cost) for one in record.procedures}
        reasons = [assumption(one.origin) if one.is_assumption else origin(one) for one in record.procedures]
        fields = [
            classed(widgets.VBox([cost, Text(reason, role="")]), "pw-form")
            for cost, reason in zip(self.costs.values(), reasons, strict=True)
        ]
        self.list, self.basis = Text(role=""), Text(role="")
        titles = (_("Costs, in looks into the chart (assumptions, to be edited)"),)
        self.editor = widgets.Accordion([widgets.VBox([*fields, self._one_by_itself()])], titles=titles)
        self.view = widgets.VBox([self.list, self.basis, self.editor])
        self.redraw_on(*self.costs.values())

    def _one_by_itself(self) -> widgets.Widget:
        """Arrange what gives one fact a cost of its own."""
        options = [("–", ""), *((fact.label, fact.id) for fact in self.record.facts)]
        self.fact = field(widgets.Dropdown, _("A fact by itself"), width="form", options=options)
        self.own_cost = _cost_field(_("Its own cost"), 1)
        self.apart = button(_("Find it by itself"), lambda: self._set(self.own_cost.value), disabled=True)
        self.back = button(_("Back with the others"), lambda: self._set(None), disabled=True)
        self.set_apart = Text()
        self.fact.observe(self._chosen, "value")
        text = _("One fact may be cheaper by itself: a value in a letter, without a new blood test.")
        form = widgets.VBox([Text(paragraph(text, "off"), role=""), self.fact, self.own_cost])
        return widgets.VBox([classed(form, "pw-form"), row(self.apart, self.back), self.set_apart])

    def _chosen(self, _change: Any = None) -> None:
        name = self.fact.value
        self.apart.disabled, self.back.disabled = not name, name not in self.alone
        self.own_cost.value = self.alone.get(name, 1)

    def _set(self, cost: float | None) -> None:
        """Give the chosen fact a cost of its own; None takes it back."""
        self.alone.pop(self.fact.value, None)
        if cost is not None:
            self.alone[self.fact.value] = cost
        self._chosen()
        each = _("{fact}, cost {cost:g}")
        parts = [each.format(fact=self.labels[name], cost=own) for name, own in self.alone.items()]
        self.set_apart.show(_("Found by themselves: {facts}.").format(facts="; ".join(parts)) if parts else None)
        self.redraw()

    def draw(
        self, screening: Screening, facts: Mapping[str, Any], rates: Mapping[str, float], basis: Markup | str
    ) -> None:
        """Show the steps that can still exclude, the most useful first."""
        costs = {name: control.value for name, control in self.costs.items()}
        steps = next_steps(self.record, screening, rates, costs, facts, self.alone)
        self.list.show(self._listed(screening, steps))
        self.basis.show(paragraph(basis, "off") if steps else None)
        self.editor.layout.display = "" if steps else "none"

    def _listed(self, screening: Screening, steps: tuple[NextStep, ...]) -> Markup | None:
        if screening.overall == "ineligible":
            return note(_("Nothing more needs to be found out unless a value above changes."))
        if not steps:
            return None
        lead = _(
            "By how often the criteria fail, divided by the cost of knowing. Some findings decide only together:"
        )
        items, left = [self._step(step) for step in steps], len(steps) - FIRST_STEPS
        more = ngettext("and {n} more", "and {n} more", left).format(n=left)
        first, rest = joined(items[:FIRST_STEPS]), joined(items[FIRST_STEPS:])
        title = _("What to find out next")
        return macros("eligibility").steps(title, lead, first, more, rest, FIRST_STEPS + 1)

    def _step(self, step: NextStep) -> Markup:
        """Say what is done, how likely it excludes, at what cost, and what it finds."""
        guessed = _("no case to learn from, taken as {chance:.0%}")
        chance = (guessed if step.guessed else _("criteria fail in {chance:.0%}")).format(chance=step.chance)
        detail = _("{chance}, cost {cost:g}").format(chance=chance, cost=step.cost)
        facts, more = ", ".join(self.labels[name] for name in step.facts[:FACTS_OF_A_STEP]), len(step.facts)
        if (more := more - FACTS_OF_A_STEP) > 0:
            facts += " " + ngettext("and {n} more", "and {n} more", more).format(n=more)
        return macros("eligibility").step(step.procedure.label, detail, facts, ", ".join(step.criteria))


def _cost_field(label: str, cost: float) -> Any:
    return field(widgets.BoundedFloatText, label, width="form", value=cost, min=0.1, max=1000, step=0.5)


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


class ScreeningRecordPart:
    """Writes a screening record.

    Attributes
    ----------
    study_id : ipywidgets.Text
        Never a name.
    prepare : ipywidgets.Button
        Makes the files.
    links : Text
        The files, or what is wrong.
    """

    def __init__(self, trial: Trial, present: Callable[[], Present]) -> None:
        self.trial, self.present = trial, present
        self._calendars: dict[str, bytes] = {}  # the last file of each study id, whose events the next one cancels
        self.study_id = field(
            widgets.Text, _("Study id"), width="short", placeholder="S-014", continuous_update=False
        )
        self.prepare, self.links = button(_("Write the record"), self._write, icon="file-text-o"), Text()
        lead = _(
            "Verdicts, evidence, readings and rules as they stand now; a study id, never a name. It holds every "
            "fact entered: enter the age instead of the date of birth where that may not be kept."
        )
        self.view = section(_("Screening record"), row(self.study_id, self.prepare), self.links, lead=lead)

    def forget(self) -> None:
        """Remove the files, because the page shows something else now."""
        self.links.show(None)

    def _write(self) -> None:
        try:
            self.links.show(self._files(self.present()))
        except ProtocolError as error:
            self.links.show(error)

    def _files(self, now: Present) -> Markup:
        from protocol.eligibility.screening_record import screening_record
        from protocol.exchange.contacts.calendar import eligibility_calendar
        from protocol.exchange.documents.screening import screening_file_name, screening_json, screening_page

        identity = self.trial.identity
        trial_id = str(identity["nct_id"].value)
        updated = identity.get("record_updated")
        day = updated.value if updated else _("no known day")
        kept = screening_record(
            now.record,
            now.facts,
            now.phase,
            now.as_of,
            study_id=self.study_id.value.strip(),
            trial_id=trial_id,
            gate=now.gate,
            sources=now.sources,
            unusable=now.unusable,
            registry_version=_("registry record of {day}").format(day=day),
            software=f"protocol workbook {__version__}",
        )
        earlier = self._calendars.get(kept.study_id)
        calendar = eligibility_calendar(trial_id, kept.study_id, now.when, now.as_of, previous=earlier)
        self._calendars[kept.study_id] = calendar
        files = [
            (_("Record (JSON)"), screening_file_name(kept, "json"), screening_json(kept), "application/json"),
            (
                _("Page to print (HTML)"),
                screening_file_name(kept, "html"),
                screening_page(kept).encode(),
                "text/html",
            ),
            (_("Days (calendar)"), screening_file_name(kept, "ics"), calendar, "text/calendar"),
        ]
        about = _("Interpretation {interpretation}, rules {rules}, as of {day}.").format(
            interpretation=kept.interpretation_id, rules=kept.rule_hash, day=kept.as_of
        )
        links = joined((download(*file) for file in files), " ")
        return paragraph(links) + paragraph(about, "off")


class ParticipantPanel(Panel):
    """The participant part of the eligibility page.

    Parameters
    ----------
    trial : Trial
    today : date
        The first day of the answer.
    chances : callable
        Returns how often each criterion fails, for the order of the next steps.

    Attributes
    ----------
    form : FactsForm
        What is known.
    gate : ipywidgets.ToggleButtons
        Enrolment, or an infusion.
    as_of : ipywidgets.Text
        The day of the answer.
    status : ipywidgets.ToggleButtons
        Which verdicts the list shows.
    """

    def __init__(self, trial: Trial, today: date, chances: Chances) -> None:
        self.trial, self.chances, self.day = trial, chances, today
        record: EligibilityRecord = trial.eligibility
        self.roles = record.roles
        self.form = FactsForm(record.facts, today, self.roles.enrolment_day)
        gates = [(_("Enrolment"), "enrolment")]
        if self.roles.infusion_day:
            gates.append((_("An infusion"), "infusion"))
        self.gate = field(widgets.ToggleButtons, _("Gate"), width="form", options=gates)
        self.as_of = field(widgets.Text, _("As of"), width="short", value=today.isoformat(), continuous_update=False)
        statuses = [(_("All"), "any"), (_("Excludes"), "excludes"), (_("Unknown"), "unknown")]
        self.status = field(widgets.ToggleButtons, _("Show"), width="form", options=statuses)
        self.who, self.problems, self.answer = Text(role=""), Text(role="alert"), Text()
        self.verdicts = Text(role="")
        self.next = NextStepsPanel(record)
        self.clocks = TimelinePanel(record)
        self.keeping = ScreeningRecordPart(trial, self.present)
        self.view = self._arranged()
        self.redraw_on(*self.form.fields.values(), self.gate, self.as_of, self.status)

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
        except ProtocolError as error:
            problems.append(error)
        self.problems.show(*problems)
        self._answer(record, phase, facts)
        self.keeping.forget()

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

    def _timeline(self, record: EligibilityRecord, phase: Phase, facts: dict[str, Any]) -> Timeline:
        """Look at the days from the day of the answer on, or from the day of enrolment if that is earlier."""
        enrolled = facts.get(self.roles.enrolment_day or "") or self.day
        return record.timeline(facts, phase, start=min(self.day, enrolled), unusable=self.form.unusable)

    def _answer(self, record: EligibilityRecord, phase: Phase, facts: dict[str, Any]) -> None:
        gate = self.gate.value
        days = (self.roles.enrolment_day, self.roles.infusion_day)
        empty = not any(value is not None for name, value in facts.items() if name not in days)
        if gate == "infusion":
            planned = str(self.roles.infusion_day)
            facts[planned] = facts.get(planned) or self.day
        rules = infusion_catalogue(record) if gate == "infusion" else record
        found = {"sources": self.form.sources, "unusable": self.form.unusable}
        answers = record.answers(facts, phase, as_of=self.day, gate=gate, **found)
        changes = () if gate == "infusion" else record.counterfactuals(facts, phase, self.form.unusable)
        self.answer.show(overall(answers, rules, changes, gate, empty=empty))
        screening = Screening(phase, tuple(answer.verdict for answer in answers), ())
        self.next.show(screening, facts, *self.chances(phase))
        self.clocks.view.layout.display = "none" if gate == "infusion" else ""
        if gate == "enrolment":
            self.clocks.show(self._timeline(record, phase, facts))
        self.verdicts.show(verdict_list(answers, rules, self.trial.ambiguities, self.status.value))

    def _arranged(self) -> widgets.Widget:
        form = widgets.VBox([self.who, row(self.form.clear), self.problems, self.form.view])
        lead = _("Open one for the registry's words, its parts, and the evidence with its day and source.")
        every = section(_("Verdicts by criterion"), self.status, self.verdicts, lead=lead)
        parts = (row(self.gate, self.as_of), self.answer, self.next.view, self.clocks.view, every, self.keeping.view)
        return row(classed(form, "pw-side"), classed(widgets.VBox(parts), "pw-main"))
