"""The design as it is set: named inputs, its decisions and all its parameters."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from protocol.chart import Chart
from protocol.escalation import Design, EscalationRecord
from protocol.figures import escalation as figures
from protocol.pages import elements
from protocol.pages.escalation import rules
from protocol.pages.escalation.characteristics import half
from protocol.translation import _

WIDE = {"description_width": "initial"}
MOST_PARTICIPANTS = 200


class DesignSettings:
    """Choose a design and its values; whatever the page does, it does with the design that this builds.

    Parameters
    ----------
    record : EscalationRecord
    changed : callable
        Called after every change.
    """

    def __init__(self, record: EscalationRecord, changed: Callable[[Any], None]) -> None:
        self.record = record
        self._make_inputs()
        self.rules = Chart(figures.decisions, description=_("Decision by participants and DLTs"))
        self.table, self.every = elements.html(""), elements.html("")
        self.explained = {
            "preference": elements.html(elements.details(_("What the preference in ties does"), rules.ties())),
            "bar": elements.html(elements.details(_("What the bar does"), rules.bar())),
            "value_both": elements.html(elements.note(rules.unpublished())),
        }
        self.view = self._section()
        for widget in (self.design, self.target, self.preference, self.bar, *self._sizes):
            widget.observe(changed, "value")

    def _make_inputs(self) -> None:
        given = self.record.design
        self.design = widgets.Dropdown(
            options=self.record.design.offered(), value=given.name.value, description=_("Design"), style=WIDE
        )
        self.target = widgets.BoundedFloatText(
            value=given.target.value, min=0.01, max=0.70, step=0.01, description=_("Target DLT rate"),
            style=WIDE, layout={"width": "200px"},
        )  # fmt: skip
        sizes = {"min": 1, "max": MOST_PARTICIPANTS, "style": WIDE, "layout": {"width": "250px"}}
        self.cohort_size = widgets.BoundedIntText(given.cohort_size.value, description=_("Cohort"), **sizes)
        self.maximum = widgets.BoundedIntText(given.maximum.value, description=_("Participants at most"), **sizes)
        self.enough = widgets.BoundedIntText(given.enough.value, description=_("Enough at one regimen"), **sizes)
        self._sizes = self.cohort_size, self.maximum, self.enough
        sides = [(_("Dose first"), "dose"), (_("Frequency first"), "frequency")]
        preferred = "frequency" if given.preference.value == "frequency" else "dose"
        self.preference = widgets.ToggleButtons(options=sides, value=preferred, description=_("Ties"), style=WIDE)
        self.bar = widgets.Checkbox(
            value=given.bar.value, description=_("Extra bar on escalation"), indent=False, style=WIDE
        )

    def _section(self) -> widgets.VBox:
        return elements.section(
            _("Design"),
            elements.row(self.design, self.target, self.preference, self.bar),
            elements.row(*self._sizes),
            elements.row(half(self.rules), half(*self.explained.values(), self.table, self.every)),
            lead=_("Change a value to see what would follow. What is set here holds for every tab of this page."),
        )

    def design_now(self) -> Design:
        """Build the design from the record and the what-if inputs."""
        return self.design_with()

    def design_with(self, **changes: Any) -> Design:
        """Build the chosen design, set as the inputs stand but for `changes`."""
        return self.design_as(self.design.value, **changes)

    def design_as(self, name: str, **changes: Any) -> Design:
        """Build a design by its name, set as the inputs stand but for `changes`."""
        names = "target", "preference", "bar", "cohort_size", "maximum", "enough"
        return self.record.designed(name, **{one: getattr(self, one).value for one in names} | changes)

    def stops_early(self) -> bool:
        """Whether the trial stops when one regimen has enough participants."""
        return bool(self.enough.value < self.maximum.value)

    def refresh(self, design: Design) -> None:
        """Show what the design decides on which counts, and its parameters."""
        self.table.value = elements.dress(rules.table(design))
        every = rules.parameters(self.record, self.design.value)
        self.every.value = elements.dress(elements.details(_("All parameters and assumptions"), every))
        for name in ("bar", "preference", "enough", "value_both"):
            for widget in filter(None, (getattr(self, name, None), self.explained.get(name))):
                widget.layout.display = None if hasattr(design, name) else "none"
        cells = rules.cells(design)
        self.rules.layout.display = "none" if cells.empty else None
        if not cells.empty:
            self.rules.draw(cells)
