"""The design as it is set: named inputs, its decision table and all its parameters with their origin."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import Design, EscalationRecord
from protocol.exchange.documents import statistics
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.escalation.operating_characteristics import half
from protocol.pages.kit import text as elements
from protocol.records import Provenance
from protocol.translation import _

MOST_IN_PICTURE = 30  # participants at one regimen; the table beside the picture goes on to the maximum

SIGNS = {"escalate": "↗", "stay": "=", "de-escalate": "↙", "eliminate": "✕"}


def decision_table(design: Design) -> Markup:
    """Show the decision table in steps of a cohort, with the whole of it to save."""
    rules = design.decisions()
    if rules is None:
        return elements.note(
            _("No decision table: this design looks at every regimen. The sentence above names its numbers.")
        )
    names = {
        "treated": _("Treated"),
        "escalate": _("Escalate at or below"),
        "deescalate": _("De-escalate at or above"),
        "eliminate": _("Eliminate at or above"),
    }
    shown = rules[rules["treated"] % design.cohort_size == 0].astype(object)
    shown = shown.where(shown.notna(), "–").rename(columns=names)
    content = csv(rules)
    saved = elements.download(_("Save the table (CSV)"), "decision-table.csv", content, "text/csv")
    caption = _("Participants with a DLT at the current regimen, target DLT rate {:g}").format(design.target)
    return elements.details(_("Decision table"), elements.table(shown, caption) + saved)


def decision_cells(design: Design) -> pd.DataFrame:
    """Prepare the picture of the decisions: one row per outcome up to the first that eliminates."""
    rules = design.decisions()
    if rules is None:
        return pd.DataFrame(columns=["treated", "dlt", "decision", "letter"])
    rules = rules[(rules["treated"] % design.cohort_size == 0) & (rules["treated"] <= MOST_IN_PICTURE)]
    frame = rules.merge(pd.DataFrame({"dlt": np.arange(MOST_IN_PICTURE + 1)}), how="cross")
    dlt, last = frame["dlt"], frame["eliminate"].fillna(frame["treated"] + 1)
    conditions = [dlt <= frame["escalate"], dlt >= last, dlt >= frame["deescalate"]]
    kinds = [np.asarray(condition, dtype=bool) for condition in conditions]
    frame["decision"] = np.select(kinds, ["escalate", "eliminate", "de-escalate"], "stay")
    frame["letter"] = frame["decision"].map(SIGNS)
    kept = np.asarray((dlt <= last) & (dlt <= frame["treated"]), dtype=bool)
    return frame.loc[kept, ["treated", "dlt", "decision", "letter"]]


def parameters(record: EscalationRecord, name: str) -> Markup:
    """Show every parameter of the design chosen as `name`, with its value and where it comes from."""
    rows = [(label, value, _origin(origin)) for label, value, origin in statistics.parameters(record, name)]
    return elements.table(pd.DataFrame(rows, columns=[_("Parameter"), _("Value"), _("Origin")], dtype=object))


def _origin(value: Provenance | None) -> Markup:
    if value is None:  # chosen on the page, not the record's own
        return Markup("–")
    return elements.assumption(value.origin) if value.is_assumption else elements.origin(value)


def ties() -> str:
    """Explain the preference in ties."""
    return _(
        "All untried regimens score the same, so ties are frequent and the preference steers the whole "
        "trial: dose first climbs at the lowest frequency, frequency first at the lowest dose. Run the "
        "simulation below with both before choosing."
    )


def unpublished() -> str:
    """Say which rules of the utility design are the workbook's own."""
    return _(
        "BOIN12 (Lin and others 2020) is published for one line of doses; for dose and frequency together its rules "
        "are not published in one place. From the paper: the utilities, the benchmark and the desirability, the "
        "boundaries, and the closing of regimens that are too toxic or too rarely followed by a response. Ours: the "
        "steps to all neighbours on the grid, what is chosen from when none of them is open, and the selection among "
        "regimens whose isotonic DLT rate is no higher than that of the regimen nearest the target. How often it is "
        "right is judged by DLTs alone, as for every design."
    )


def scroll_bar() -> str:
    """Explain the extra bar on escalation."""
    return _(
        "The bar refuses a higher dose at which a lower or equal frequency showed a DLT rate of at least "
        "the de-escalation boundary, and the same with dose and frequency exchanged. Lin and Yin's paper "
        "has no such rule. The R package BOIN applies it when it advises a trial, but not when it "
        "simulates one; here the advice and the simulation always follow the same rule."
    )


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
            "preference": elements.html(elements.details(_("What the preference in ties does"), ties())),
            "bar": elements.html(elements.details(_("What the bar does"), scroll_bar())),
            "value_both": elements.html(elements.note(unpublished())),
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
        self.table.value = elements.dress(decision_table(design))
        every = parameters(self.record, self.design.value)
        self.every.value = elements.dress(elements.details(_("All parameters and assumptions"), every))
        for name in ("bar", "preference", "enough", "value_both"):
            for widget in filter(None, (getattr(self, name, None), self.explained.get(name))):
                widget.layout.display = None if hasattr(design, name) else "none"
        cells = decision_cells(design)
        self.rules.layout.display = "none" if cells.empty else None
        if not cells.empty:
            self.rules.draw(cells)
