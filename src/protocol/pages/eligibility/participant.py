"""One participant: facts in; the answer of a gate, what to find out next, and the screening record to keep."""

from collections.abc import Callable, Mapping
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple, get_args

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Fact, Gate, Screening, Step, Timeline, expected, next_steps
from protocol.eligibility.criteria import RECENCY_ANCHOR, Procedure
from protocol.eligibility.gates import INFUSION_DAY, infusion_catalogue
from protocol.exchange.cohort.cells import read_value
from protocol.pages.eligibility.timeline import ClocksPart
from protocol.pages.eligibility.verdicts import overall, verdict_list
from protocol.pages.kit import text as elements
from protocol.records import Phase, ProtocolError
from protocol.translation import _, ngettext
from protocol.trial import Trial
from protocol.version import __version__


class FactsForm:
    """Fields by fact id; an empty field is an unknown fact. `sources` says where each fact came from."""

    def __init__(self, facts: tuple[Fact, ...], today: date) -> None:
        self.facts = {fact.id: fact for fact in facts}
        self.fields = {fact.id: field(fact) for fact in facts}
        self.sources: dict[str, str] = {}
        self.unusable: dict[str, str] = {}
        for widget in self.fields.values():
            widget.observe(self._entered, "value")
        if RECENCY_ANCHOR in self.fields:
            self.fields[RECENCY_ANCHOR].value = today.isoformat()
            self.sources[RECENCY_ANCHOR] = _("today")
        self.clear = widgets.Button(description=_("Empty the form"), icon="eraser")
        groups = [(name, list(members)) for name, members in groupby(facts, key=lambda fact: fact.group)]
        self.view = widgets.Accordion([self._group(members) for _name, members in groups], selected_index=0)
        self.view.titles = tuple(name for name, _members in groups)

    def read(self) -> tuple[dict[str, Any], list[ProtocolError]]:
        """Return the facts that are given, and a problem for every field that cannot be used."""
        facts, problems = {}, []
        for name, widget in self.fields.items():
            try:
                facts[name] = read_value(widget.value, self.facts[name])
            except ValueError:
                fact = self.facts[name]
                problems.append(ProtocolError(fact.label, f"{widget.value!r}"[:60], expected(fact)))
        return facts, problems

    def fill(
        self, facts: Mapping[str, Any], where: str | Mapping[str, str], unusable: Mapping[str, str] | None = None
    ) -> None:
        """Put facts into the form and remember where they came from; all others become unknown.

        `where` says it once for all of them or by fact; `unusable` are facts that were found and cannot be used,
        with the reason, until somebody enters them.
        """
        for name, widget in self.fields.items():
            value = facts.get(name)
            if isinstance(widget, widgets.Text) and value is not None:
                value = value.isoformat() if isinstance(value, date) else f"{value:.12g}"
            widget.value = "" if value is None else value
        known = [name for name, value in facts.items() if value is not None]
        self.sources = dict.fromkeys(known, where) if isinstance(where, str) else dict(where)
        self.unusable = dict(unusable or {})

    def _entered(self, change: dict[str, Any]) -> None:
        name = next(name for name, widget in self.fields.items() if widget is change["owner"])
        self.sources[name] = _("entered in the form")
        self.unusable.pop(name, None)

    def _group(self, members: list[Fact]) -> widgets.VBox:
        box = widgets.VBox([self.fields[fact.id] for fact in members])
        box.add_class("pw-form")
        return box


def field(fact: Fact) -> widgets.Widget:
    """Make the field of a fact."""
    label = f"{fact.label} ({fact.unit_label})" if fact.unit_label else fact.label
    settings = {"description": label, "tooltip": fact.help if fact.help else label}
    match fact.type:
        case "date":  # as text: a date picker shows the browser's own order of day and month
            return widgets.Text(placeholder="2026-03-01", continuous_update=False, **settings)
        case "yes_no":
            return widgets.Dropdown(options=[(_("unknown"), ""), (_("yes"), True), (_("no"), False)], **settings)
        case "choice":
            options = [(name, option) for option, name in fact.options.items()]
            return widgets.Dropdown(options=[(_("unknown"), ""), *options], **settings)
    hint = _("{low:g} to {high:g}").format(low=fact.minimum, high=fact.maximum)
    return widgets.Text(placeholder=hint, continuous_update=False, **settings)


FIRST = 3

SHOWN = 8
"""Facts named for one step."""


class NextQuestions:
    """The questions part of the participant panel.

    Attributes
    ----------
    costs : dict of str to ipywidgets.BoundedFloatText
        What each procedure costs, by its id, in looks into the chart.
    fact, own_cost, apart, back : ipywidgets
        A fact, its cost by itself, and the buttons that take it out of its procedure and put it back.
    alone : dict of str to float
        The facts that have a cost of their own, by id.
    list, basis : ipywidgets.HTML
        The steps, and where their chances come from.
    view : ipywidgets.VBox
        The part.
    """

    def __init__(self, record: EligibilityRecord, changed: Callable[[Any], None]) -> None:
        self.record, self.changed, self.alone = record, changed, dict[str, float]()
        self.costs = {
            procedure.id: widgets.BoundedFloatText(
                value=procedure.cost, min=0.1, max=1000, step=0.5, description=procedure.label
            )
            for procedure in record.procedures
        }
        for field in self.costs.values():
            field.observe(changed, "value")
        self.list, self.basis = elements.html(""), elements.html("")
        reasons = [elements.html(_reason(procedure)) for procedure in record.procedures]
        fields = [widgets.VBox([field, why]) for field, why in zip(self.costs.values(), reasons, strict=True)]
        for field in fields:
            field.add_class("pw-form")
        self.editor = widgets.Accordion([widgets.VBox([*fields, self._apart()])])
        self.editor.titles = (_("Costs, in looks into the chart (assumptions, to be edited)"),)
        self.view = widgets.VBox([self.list, self.basis, self.editor])

    def _apart(self) -> widgets.Widget:
        """Arrange what gives one fact a cost of its own."""
        options = [("–", ""), *((fact.label, fact.id) for fact in self.record.facts)]
        self.fact = widgets.Dropdown(options=options, description=_("A fact by itself"))
        self.own_cost = widgets.BoundedFloatText(value=1, min=0.1, max=1000, step=0.5, description=_("Its own cost"))
        self.apart = widgets.Button(description=_("Find it by itself"), disabled=True)
        self.back = widgets.Button(description=_("Back with the others"), disabled=True)
        self.set_apart = elements.html("", role="status")
        self.fact.observe(self._chosen, "value")
        self.apart.on_click(lambda _button: self._set(self.own_cost.value))
        self.back.on_click(lambda _button: self._set(None))
        text = _("One fact may be cheaper by itself: a value in a letter, without a new blood test.")
        hint = elements.html(Markup('<p class="pw-off">{}</p>').format(text))
        form = widgets.VBox([hint, self.fact, self.own_cost])
        form.add_class("pw-form")
        return widgets.VBox([form, elements.row(self.apart, self.back), self.set_apart])

    def _chosen(self, _change: Any = None) -> None:
        name = self.fact.value
        self.apart.disabled, self.back.disabled = not name, name not in self.alone
        self.own_cost.value = self.alone.get(name, 1)

    def _set(self, cost: float | None) -> None:
        """Give the chosen fact a cost of its own, or none any more."""
        self.alone.pop(self.fact.value, None)
        if cost is not None:
            self.alone[self.fact.value] = cost
        self._chosen()
        labels = {fact.id: fact.label for fact in self.record.facts}
        parts = [_("{fact}, cost {cost:g}").format(fact=labels[name], cost=own) for name, own in self.alone.items()]
        words = _("Found by themselves: {facts}.").format(facts="; ".join(parts)) if parts else ""
        self.set_apart.value = elements.dress(words, "status")
        self.changed(None)

    def show(
        self, screening: Screening, facts: Mapping[str, Any], rates: Mapping[str, float], basis: Markup | str
    ) -> None:
        """Show the steps that could still exclude, the most useful first."""
        costs = {name: field.value for name, field in self.costs.items()}
        steps = next_steps(self.record, screening, rates, costs, facts, self.alone)
        self.list.value = str(listed(screening, steps, {fact.id: fact.label for fact in self.record.facts}))
        self.basis.value = elements.dress(Markup('<p class="pw-off">{}</p>').format(basis) if steps else "")
        self.editor.layout.display = "" if steps else "none"


def _reason(procedure: Procedure) -> Markup:
    """Say why a procedure costs what it does, in full: a telephone shows no tooltip."""
    return elements.assumption(procedure.origin) if procedure.is_assumption else elements.origin(procedure)


def listed(screening: Screening, steps: tuple[Step, ...], labels: Mapping[str, str]) -> Markup:
    """List the steps: what is done, how likely it excludes, at what cost, and what it finds."""
    if screening.overall == "ineligible":
        return elements.note(_("Nothing more needs to be found out unless a value above changes."))
    if not steps:
        return Markup("")
    first = Markup("").join(_item(step, labels) for step in steps[:FIRST])
    rest = Markup("").join(_item(step, labels) for step in steps[FIRST:])
    more = ngettext("and {n} more", "and {n} more", len(steps) - FIRST).format(n=len(steps) - FIRST)
    folded = Markup('<ol start="{}">{}</ol>').format(FIRST + 1, rest)
    lead = _("By how often the criteria behind fail, for what it costs to know. Some findings decide only together:")
    return Markup('<h3>{}</h3><p class="pw-lead">{}</p><ol class="pw-steps">{}</ol>{}').format(
        _("What to find out next"), lead, first, elements.details(more, folded) if rest else ""
    )


def _item(step: Step, labels: Mapping[str, str]) -> Markup:
    chance = _("no case to learn from, taken as {chance:.0%}") if step.guessed else _("criteria fail in {chance:.0%}")
    worth = _("{chance}, cost {cost:g}").format(chance=chance.format(chance=step.chance), cost=step.cost)
    named, more = step.facts[:SHOWN], len(step.facts) - SHOWN
    facts = ", ".join(labels[name] for name in named)
    facts += " " + ngettext("and {n} more", "and {n} more", more).format(n=more) if more > 0 else ""
    return Markup('<li><b>{}</b> <span class="pw-tag">{}</span><br>{} <span class="pw-off">{}</span></li>').format(
        step.procedure.label, worth, facts, ", ".join(step.criteria)
    )


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


class KeepingPart:
    """The part of the participant panel that writes a screening down.

    Attributes
    ----------
    study_id : ipywidgets.Text
        Never a name.
    prepare : ipywidgets.Button
        Builds the files.
    links : ipywidgets.HTML
        The files, or what is wrong.
    view : ipywidgets.VBox
        The part.
    """

    def __init__(self, trial: Trial, present: Callable[[], Present]) -> None:
        self.trial, self.present = trial, present
        self.study_id = widgets.Text(placeholder="WUH-017", description=_("Study id"), continuous_update=False)
        self.prepare = widgets.Button(description=_("Write it down"), icon="file-text-o")
        self.links = elements.html("", role="status")
        self.prepare.on_click(self._write)
        self.view = elements.section(
            _("Keep this screening"),
            elements.row(self.study_id, self.prepare),
            self.links,
            lead=_(
                "Verdicts, evidence, readings and rules as they stand now; a study id, never a name. It holds every "
                "fact entered: enter the age instead of the date of birth where that may not be kept."
            ),
        )

    def forget(self) -> None:
        """Take the links away: they no longer are what the page shows."""
        if self.links.value:
            self.links.value = ""

    def _write(self, _button: widgets.Button) -> None:
        try:
            self.links.value = elements.dress(self._files(self.present()), "status")
        except ProtocolError as error:
            self.links.value = elements.dress(elements.message(error), "status")

    def _files(self, now: Present) -> Markup:
        from protocol.eligibility.screening_record import screening_record
        from protocol.exchange.contacts.calendar import clock_calendar
        from protocol.exchange.documents.screening import file_name, printable, to_json

        identity = self.trial.identity
        trial_id = str(identity["nct_id"].value)
        updated = identity.get("record_updated")
        day = updated.value if updated else _("no known day")
        kept = screening_record(
            now.record, now.facts, now.phase, now.as_of,
            study_id=self.study_id.value.strip(), trial_id=trial_id, gate=now.gate, sources=now.sources,
            unusable=now.unusable,
            registry_version=_("registry record of {day}").format(day=day),
            software=f"protocol workbook {__version__}",
        )  # fmt: skip
        calendar = clock_calendar(trial_id, kept.study_id, now.when, now.as_of)
        files = [
            (_("Record (JSON)"), file_name(kept, "json"), to_json(kept), "application/json"),
            (_("Page to print (HTML)"), file_name(kept, "html"), printable(kept).encode(), "text/html"),
            (_("Days (calendar)"), file_name(kept, "ics"), calendar, "text/calendar"),
        ]
        about = _("Interpretation {interpretation}, rules {rules}, as of {day}.").format(
            interpretation=kept.interpretation_id, rules=kept.rule_hash, day=kept.as_of
        )
        links = Markup(" ").join(elements.download(*file) for file in files)
        return Markup('<p>{}</p><p class="pw-off">{}</p>').format(links, about)


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
