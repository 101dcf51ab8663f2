"""What to find out next, with the chances of the cohort and costs that can be edited."""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.eligibility import EligibilityRecord, Screening, Step, next_steps
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
    list, basis : ipywidgets.HTML
        The steps, and where their chances come from.
    view : ipywidgets.VBox
        The part.
    """

    def __init__(self, record: EligibilityRecord, changed: Callable[[Any], None]) -> None:
        self.record = record
        self.costs = {
            procedure.id: widgets.BoundedFloatText(
                value=procedure.cost, min=0.1, max=1000, step=0.5, description=procedure.label
            )
            for procedure in record.procedures
        }
        for field in self.costs.values():
            field.observe(changed, "value")
        self.list, self.basis = elements.html(""), elements.html("")
        reasons = [elements.html(elements.origin(procedure)) for procedure in record.procedures]
        fields = [widgets.VBox([field, why]) for field, why in zip(self.costs.values(), reasons, strict=True)]
        for field in fields:
            field.add_class("pw-form")
        self.editor = widgets.Accordion([widgets.VBox(fields)])
        self.editor.titles = (_("Costs, in looks into the chart (assumptions, to be edited)"),)
        self.view = widgets.VBox([self.list, self.basis, self.editor])

    def show(
        self, screening: Screening, facts: Mapping[str, Any], rates: Mapping[str, float], basis: Markup | str
    ) -> None:
        """Show the steps that could still exclude, the most useful first."""
        costs = {name: field.value for name, field in self.costs.items()}
        steps = next_steps(self.record, screening, rates, costs, facts)
        self.list.value = str(listed(screening, steps, {fact.id: fact.label for fact in self.record.facts}))
        self.basis.value = elements.dress(Markup('<p class="pw-off">{}</p>').format(basis) if steps else "")
        self.editor.layout.display = "" if steps else "none"


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
    lead = _("The cheapest unknowns that could exclude, by chance for the cost:")
    return Markup('<h3>{}</h3><p class="pw-lead">{}</p><ol class="pw-steps">{}</ol>{}').format(
        _("What to find out next"), lead, first, elements.details(more, folded) if rest else ""
    )


def _item(step: Step, labels: Mapping[str, str]) -> Markup:
    chance = _("no case to learn from, taken as {chance:.0%}") if step.guessed else _("excludes in {chance:.0%}")
    worth = _("{chance}, cost {cost:g}").format(chance=chance.format(chance=step.chance), cost=step.cost)
    named, more = step.facts[:SHOWN], len(step.facts) - SHOWN
    facts = ", ".join(labels[name] for name in named)
    facts += " " + ngettext("and {n} more", "and {n} more", more).format(n=more) if more > 0 else ""
    return Markup('<li><b>{}</b> <span class="pw-tag">{}</span><br>{} <span class="pw-off">{}</span></li>').format(
        step.procedure.label, worth, facts, ", ".join(step.criteria)
    )
