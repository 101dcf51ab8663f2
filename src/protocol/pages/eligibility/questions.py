"""What to find out next, with the chances of the cohort and costs that can be edited."""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Screening, Step, next_steps
from protocol.eligibility.criteria import Procedure
from protocol.pages import elements
from protocol.translation import _, ngettext

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
