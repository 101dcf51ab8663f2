"""The design as it is set: the rail of its inputs; its boundaries, and all its parameters with their origin."""

from collections.abc import Callable, Mapping
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
from protocol.pages.kit import (
    Text,
    assumption,
    button,
    classed,
    details,
    download,
    field,
    joined,
    macros,
    note,
    origin,
    paragraph,
    row,
    section,
    strong,
    table,
)
from protocol.pages.kit.page_state import set_from_text, text_of
from protocol.records import ProtocolError, Provenance
from protocol.translation import _

MOST_PARTICIPANTS = 200
MOST_IN_PICTURE = 30  # participants at one regimen; the table beside the picture goes on to the maximum

SIGNS = {"escalate": "↗", "stay": "=", "de-escalate": "↙", "eliminate": "✕"}


class DesignSettings:
    """Choose a design and its values: the rail of the design lab. The whole lab and the sandbox use what this builds.

    Parameters
    ----------
    record : EscalationRecord

    Attributes
    ----------
    design, target, preference, bar, cohort_size, maximum, enough, enough_rule : ipywidgets
    reset : ipywidgets.Button
        Takes the record's values again.
    differs : Text
        What differs from the record.
    problem : Text
        What is wrong with the values.
    view : ipywidgets.VBox
    """

    def __init__(self, record: EscalationRecord) -> None:
        self._record, given = record, record.design
        self._listeners: list[Callable[[], None]] = []
        self._held = False
        self.design = field(
            widgets.Dropdown, _("Design"), options=given.offered(), value=given.name.value, width="form"
        )
        self.target = field(
            widgets.BoundedFloatText,
            _("Target DLT rate"),
            width="form",
            value=given.target.value,
            min=0.01,
            max=0.70,
            step=0.01,
        )
        self.cohort_size = _count(_("Cohort size"), given.cohort_size.value)
        self.maximum = _count(_("Participants at most"), given.maximum.value)
        self.enough = _count(_("Stop at (participants at one regimen)"), given.enough.value)
        rules = [(_("It would stay there (as published)"), "staying"), (_("At once"), "reached")]
        stated = "staying" if given.enough_rule is None else given.enough_rule.value
        self.enough_rule = field(widgets.Dropdown, _("Stop when"), options=rules, value=stated, width="form")
        sides = [(_("Dose first"), "dose"), (_("Frequency first"), "frequency")]
        preferred = "frequency" if given.preference.value == "frequency" else "dose"
        self.preference = field(widgets.Dropdown, _("Ties"), options=sides, value=preferred, width="form")
        self.bar = field(
            widgets.Checkbox, _("Stricter escalation"), value=given.bar.value, indent=False, width="form"
        )
        self.reset = button(_("Take the record's values"), self._reset)
        self.differs, self.problem = Text(), Text(role="alert")
        self.explained = {
            "preference": Text(details(_("What the preference in ties does"), _ties()), role=""),
            "bar": Text(details(_("What stricter escalation does"), _escalation_bar()), role=""),
            "enough_rule": Text(details(_("When enough participants stop the trial"), _enough_words()), role=""),
            "value_both": Text(note(_utility_rules()), role=""),
        }
        self.controls = {
            "design": self.design,
            "target": self.target,
            "cohort": self.cohort_size,
            "most": self.maximum,
            "stop_at": self.enough,
            "stop_when": self.enough_rule,
            "ties": self.preference,
            "stricter": self.bar,
        }
        form = classed(widgets.VBox([*self.controls.values()]), "pw-form")
        self.view = section(
            _("Settings"),
            form,
            self.problem,
            self.differs,
            self.reset,
            *self.explained.values(),
            lead=_(
                "They apply to the lab, the protocol text and the sandbox, never to the recommendation on the log."
            ),
        )
        for widget in self.controls.values():
            widget.observe(self._changed, "value")
        self.refresh()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def design_now(self) -> Design:
        """Return the chosen design, set as the inputs stand."""
        return self.design_with()

    def design_with(self, **changes: Any) -> Design:
        """Return the chosen design, set as the inputs stand but for `changes`."""
        return self.design_as(self.design.value, **changes)

    def design_as(self, name: str, **changes: Any) -> Design:
        """Return a design by its name, set as the inputs stand but for `changes`.

        Raises
        ------
        ProtocolError
            For values that the design does not take.
        """
        names = "target", "preference", "bar", "cohort_size", "maximum", "enough", "enough_rule"
        return self._record.designed(name, **{one: getattr(self, one).value for one in names} | changes)

    def values(self) -> dict[str, Any]:
        """Return what stands in the inputs, by the names of :attr:`controls`."""
        return {name: control.value for name, control in self.controls.items()}

    def take(self, values: Mapping[str, Any]) -> None:
        """Set inputs to what :meth:`values` returned.

        Raises
        ------
        ProtocolError
            For an input that is not there, or does not take its value.
        """
        for name, value in values.items():
            control = self.controls.get(name)
            if control is None or not set_from_text(control, text_of(value)):
                raise ProtocolError(_("Settings"), f"{name}={value}"[:60], _("a setting of the design lab"))

    def stops_early(self) -> bool:
        """Whether the trial stops when one regimen has enough participants."""
        return bool(self.enough.value < self.maximum.value)

    def differences(self) -> list[str]:
        """Say what differs from the record: "Target DLT rate 0.2, not 0.3"."""
        own, now = (
            _values(self._record, self._record.design.name.value),
            _values(self._record, self.design.value, self),
        )
        return [
            _("{what} {value}, not {record}").format(what=label, value=value, record=own[label])
            for label, value in now.items()
            if label in own and value != own[label]
        ]

    def _reset(self) -> None:
        given = self._record.design
        self._held = True
        try:
            self.design.value = given.name.value
            for name in ("target", "cohort_size", "maximum", "enough", "bar"):
                getattr(self, name).value = getattr(given, name).value
            self.enough_rule.value = "staying" if given.enough_rule is None else given.enough_rule.value
            self.preference.value = "frequency" if given.preference.value == "frequency" else "dose"
        finally:
            self._held = False
        self._changed()

    def _changed(self, _change: Any = None) -> None:
        if self._held:
            return
        self.refresh()
        for listener in self._listeners:
            listener()

    def refresh(self) -> None:
        """Show what differs from the record, what is wrong, and the inputs that the design has."""
        try:
            design = self.design_now()
        except ProtocolError as error:
            self.problem.show(error)
            return
        self.problem.show(None)
        found = self.differences()
        same = paragraph(_("As in the record."), "off")
        self.differs.show(macros("lists").bullets(found, strong(_("Differs from the record"))) if found else same)
        self.reset.layout.display = None if found else "none"
        for name in ("bar", "preference", "enough", "enough_rule", "value_both"):
            for widget in filter(None, (getattr(self, name, None), self.explained.get(name))):
                widget.layout.display = None if hasattr(design, name) else "none"


def _count(label: str, value: int) -> widgets.BoundedIntText:
    return field(widgets.BoundedIntText, label, value=value, min=1, max=MOST_PARTICIPANTS, width="form")


def _values(record: EscalationRecord, name: str, settings: DesignSettings | None = None) -> dict[str, str]:
    """Return the parameters in words by their labels: the record's, or those of the inputs."""
    design = settings.design_now() if settings else None
    return {label: value for label, value, _origin in statistics.parameters(record, name, design)}


class BoundariesPanel:
    """The boundaries of the design: its decisions as a picture and a table, and all its parameters.

    Parameters
    ----------
    record : EscalationRecord
    settings : DesignSettings

    Attributes
    ----------
    rules : Chart
        The decisions by participants and DLTs.
    table, every : Text
    """

    def __init__(self, record: EscalationRecord, settings: DesignSettings) -> None:
        self._record, self._settings = record, settings
        self.rules = Chart(figures.decisions, description=_("Decision by participants and DLTs"))
        self.table, self.every = Text(role=""), Text(role="")
        lead = _("What the design decides on the counts of one regimen.")
        self.view = section(_("Boundaries"), row(half(self.rules), half(self.table, self.every)), lead=lead)
        settings.on_change(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what the design decides; while the settings cannot be used, what it decided before."""
        try:
            design = self._settings.design_now()
        except ProtocolError:
            return
        self.table.show(decision_table(design))
        every = _parameters(self._record, self._settings.design.value, design)
        self.every.show(details(_("All parameters and assumptions"), every))
        rows = decision_rows(design)
        self.rules.layout.display = "none" if rows.empty else None
        if not rows.empty:
            self.rules.draw(rows)


def decision_table(design: Design) -> Markup:
    """Return the decision table in steps of a cohort, with the whole of it to save."""
    rules = design.decisions()
    if rules is None:
        return note(_("No decision table: this design looks at every regimen; its reason names the numbers."))
    names = {
        "treated": _("Treated"),
        "escalate": _("Escalate at or below"),
        "deescalate": _("De-escalate at or above"),
        "eliminate": _("Eliminate at or above"),
    }
    shown = rules[rules["treated"] % design.cohort_size == 0].astype(object)
    shown = shown.where(shown.notna(), "–").rename(columns=names)
    saved = download(_("Save the table (CSV)"), "decision-table.csv", csv(rules), "text/csv")
    caption = _("Participants with a DLT at the current regimen, target DLT rate {:g}").format(design.target)
    return details(_("Decision table"), joined((table(shown, caption), saved)))


def decision_rows(design: Design) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.escalation.decisions`.

    There is one row for each outcome, up to the first that eliminates; none for a design without a decision table.
    """
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


def _parameters(record: EscalationRecord, name: str, design: Design) -> Markup:
    rows = [(label, value, _origin(where)) for label, value, where in statistics.parameters(record, name, design)]
    return table(pd.DataFrame(rows, columns=[_("Parameter"), _("Value"), _("Origin")], dtype=object))


def _origin(value: Provenance | None) -> Markup | str:
    if value is None:  # chosen on the page, not in the record
        return "–"
    return assumption(value.origin) if value.is_assumption else origin(value)


def _ties() -> str:
    return _(
        "All untried regimens score the same, so ties are frequent and the preference steers the whole "
        "trial: dose first climbs at the lowest frequency, frequency first at the lowest dose. Run the "
        "simulation with both before choosing."
    )


def _enough_words() -> str:
    return _(
        "In the published simulations of BOIN enough participants at one regimen stop the trial only where the next "
        "cohort would stay at that regimen: while the rule still moves up or down, the trial goes on. When the R "
        "package BOIN advises a trial, and in the simulations of BOIN12, they stop it at once: fewer participants "
        "are treated and the right regimen is selected less often. Choose the first to compare with a publication."
    )


def _utility_rules() -> str:
    return _(
        "BOIN12 (Lin and others 2020) is published for one line of doses; for dose and frequency together its rules "
        "are not published in one place. From the paper: the utilities, the benchmark and the desirability, the "
        "boundaries, and the closing of regimens that are too toxic or too rarely followed by a response. Ours: the "
        "steps to all neighbours on the grid, what is chosen from when none of them is open, and the selection among "
        "regimens whose isotonic DLT rate is no higher than that of the regimen nearest the target. How often it is "
        "right is judged by DLTs alone, as for every design."
    )


def _escalation_bar() -> str:
    return _(
        "Stricter escalation refuses a higher dose at which a lower or equal frequency showed a DLT rate of at least "
        "the de-escalation boundary, and the same with dose and frequency exchanged. Lin and Yin's paper "
        "has no such rule. The R package BOIN applies it when it advises a trial, but not when it "
        "simulates one; here the advice and the simulation always follow the same rule."
    )
