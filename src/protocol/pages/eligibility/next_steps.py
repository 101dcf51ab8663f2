"""What to find out next, and what each procedure costs."""

from collections.abc import Collection, Mapping
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, NextStep, Screening, next_steps
from protocol.eligibility.fact_status import asked_facts
from protocol.pages.kit import (
    Panel,
    Text,
    assumption,
    button,
    classed,
    field,
    joined,
    macros,
    note,
    origin,
    paragraph,
    row,
)
from protocol.translation import _, list_of, ngettext

FIRST_STEPS = 3
"""Steps shown in full; the others are folded."""

FACTS_OF_A_STEP = 8
"""Facts named for one step."""


class NextStepsPanel(Panel):
    """What to find out next, and what each procedure costs.

    Attributes
    ----------
    costs : dict of str to ipywidgets.BoundedFloatText
        What each procedure costs, by its id; a look into the medical record is 1.
    fact, own_cost, apart, back : ipywidgets
        A fact, its cost by itself, and the buttons that take it out of its procedure and put it back.
    alone : dict of str to float
        The facts that have a cost of their own, by id.
    list, basis : Text
        The steps, and where their chances come from.
    steps : tuple of NextStep
        What is shown.
    """

    steps: tuple[NextStep, ...] = ()

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
        titles = (_("Cost of each step: a look into the medical record is 1 (assumptions; change them here)"),)
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
        self.set_apart.show(_("Found by themselves: {facts}.").format(facts=list_of(parts, "; ")) if parts else None)
        self.redraw()

    def draw(
        self, screening: Screening, facts: Mapping[str, Any], rates: Mapping[str, float], basis: Markup | str
    ) -> None:
        """Show the steps that can still exclude, the most useful first."""
        costs = {name: control.value for name, control in self.costs.items()}
        self.steps = steps = next_steps(self.record, screening, rates, costs, facts, self.alone)
        self.list.show(self._listed(screening, steps))
        self.basis.show(paragraph(basis, "off") if steps else None)
        self.editor.layout.display = "" if steps else "none"

    def question(self, screening: Screening, skipped: Collection[str]) -> tuple[str, str]:
        """Return the fact to ask for next, of those not skipped, and what it can decide; ("", "") if there is none.

        The facts of the steps come first, then what else undecided criteria wait for.
        """
        if screening.overall != "possibly eligible":
            return "", ""
        found = [(name, step.criteria) for step in self.steps for name in step.facts]
        found += [(one, (v.id,)) for v in screening.verdicts for one in asked_facts([v])]
        for name, criteria in found:
            if name not in skipped:
                return name, _("can decide {criteria}").format(criteria=list_of(criteria[:FACTS_OF_A_STEP]))
        return "", ""

    def _listed(self, screening: Screening, steps: tuple[NextStep, ...]) -> Markup | None:
        if screening.overall == "ineligible":
            return note(_("Nothing more needs to be found out unless a value above changes."))
        if not steps:
            return None
        lead = _(
            "The most useful step first: how often its criteria fail, divided by its cost. Some findings decide "
            "only together."
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
        html, more = macros("eligibility"), len(step.facts) - FACTS_OF_A_STEP
        links = [html.to_field(name, self.labels[name]) for name in step.facts[:FACTS_OF_A_STEP]]
        facts = joined(links, list_of(("", "")))
        if more > 0:
            facts += " " + ngettext("and {n} more", "and {n} more", more).format(n=more)
        return html.step(step.procedure.label, detail, facts, list_of(step.criteria))


def _cost_field(label: str, cost: float) -> Any:
    return field(widgets.BoundedFloatText, label, width="form", value=cost, min=0.1, max=1000, step=0.5)
