"""The escalation: what was seen, what comes next and why, and how often such a rule is right."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import DESIGNS, STOP, Design, Outcomes, isotonic_rates, last_named
from protocol.figures import escalation as figures
from protocol.pages import elements
from protocol.pages.characteristics import Characteristics
from protocol.records import ProtocolError, Provenance
from protocol.translation import _
from protocol.trial import Trial

WIDE = {"description_width": "initial"}
MOST_IN_PICTURE = 30  # participants at one regimen; the table beside it goes on to the maximum


class EscalationPage:
    """Enter outcomes, read the recommendation, simulate.

    Parameters
    ----------
    trial : Trial
    today : date
        The reader's calendar day; nothing on this page depends on it.
    """

    def __init__(self, trial: Trial, today: date) -> None:  # noqa: ARG002 - every page takes the day
        self.record, self.grid = trial.escalation, trial.escalation.grid
        self._make_inputs()
        self._make_outputs()
        self.simulation = Characteristics(self.record, self.design_now)
        self.view = widgets.VBox([*self._sections(), self.simulation.view])
        self._connect()
        self.refresh()

    # Inputs

    def _make_inputs(self) -> None:
        start, given = self.grid.index(self.record.design.start.value), self.record.design
        regimens = [(label, index) for index, label in enumerate(self.grid.labels)]
        counts = {"min": 0, "max": given.maximum.value, "style": WIDE, "layout": {"width": "170px"}}
        self.regimen = widgets.Dropdown(options=regimens, value=start, description=_("Regimen"), style=WIDE)
        self.treated = widgets.BoundedIntText(description=_("Treated"), **counts)
        self.dlt = widgets.BoundedIntText(description=_("With a DLT"), **counts)
        self.current = widgets.Dropdown(
            options=regimens, value=start, description=_("Current regimen"), style=WIDE
        )
        self.follow = widgets.Button(
            description=_("Move to the recommended regimen"), layout={"width": "auto"}
        )
        self.notation = widgets.Text(
            description=_("Outcomes"), placeholder="A1:NNN B1:NTN", style=WIDE, layout={"width": "100%"}
        )
        self.design = widgets.Dropdown(
            options=[*DESIGNS], value=given.name.value, description=_("Design"), style=WIDE
        )
        self.target = widgets.BoundedFloatText(
            value=given.target.value, min=0.01, max=0.70, step=0.01, description=_("Target DLT rate"), style=WIDE,
            layout={"width": "200px"},
        )  # fmt: skip
        sides = [(_("Dose first"), "dose"), (_("Frequency first"), "frequency")]
        preferred = "frequency" if given.preference.value == "frequency" else "dose"
        self.preference = widgets.ToggleButtons(
            options=sides, value=preferred, description=_("Ties"), style=WIDE
        )
        self.bar = widgets.Checkbox(
            value=given.bar.value, description=_("Extra bar on escalation"), indent=False, style=WIDE
        )

    def _make_outputs(self) -> None:
        self.picture = Chart(figures.grid, description=_("Recommendation on the grid"))
        self.rules = Chart(figures.decisions, description=_("Decision by participants and DLTs"))
        self.problem = elements.html("")
        self.advice = elements.html("", role="status")
        self.table = elements.html("")
        for output in (self.picture, self.rules):
            output.add_class("pw-picture")

    def _sections(self) -> list[widgets.VBox]:
        entry = widgets.VBox([
            self.advice, self.problem, self.current, self.follow,
            elements.html(Markup("<b>{}</b>").format(_("Outcomes of one regimen"))),
            elements.row(self.regimen, self.treated, self.dlt), self.notation,
            elements.html(Markup('<p class="pw-off">{}</p>').format(_(
                "One letter a participant, N without and T with a DLT. Paste a line to replace everything; the "
                "regimen named last becomes the current one."
            ))),
        ])  # fmt: skip
        entry.add_class("pw-half")
        board = widgets.VBox([self.picture])
        board.add_class("pw-half")
        window = self.record.dlt_window_days
        lead = Markup("{} {}").format(
            _(
                "Count only participants who completed the DLT window of {} days from their first infusion."
            ).format(window.value),
            elements.origin(window),
        )
        return [
            elements.section(_("Next regimen"), elements.row(board, entry), lead=lead),
            elements.section(
                _("Design"), *self._design_section(), lead=_("Change a value to see what would follow.")
            ),
        ]

    def _design_section(self) -> list[widgets.Widget]:
        bar = _(
            "The bar refuses a higher dose at which a lower or equal frequency showed a DLT rate of at least the "
            "de-escalation boundary, and the same with dose and frequency exchanged. Lin and Yin's paper has no "
            "such rule. The R package BOIN applies it when it advises a trial, but not when it simulates one; here "
            "the advice and the simulation always follow the same rule."
        )
        return [
            elements.row(self.design, self.target, self.preference, self.bar),
            elements.html(elements.details(_("What the bar does"), bar)),
            self.table,
            self.rules,
            elements.html(elements.details(_("All parameters and assumptions"), self._parameters())),
        ]

    def _connect(self) -> None:
        for widget in (self.current, self.design, self.target, self.preference, self.bar):
            widget.observe(self.refresh, "value")
        self.notation.observe(self._read, "value")
        self.regimen.observe(self._load, "value")
        self.picture.observe(self._pick, "picked")
        self.follow.on_click(self._follow)
        for widget in (self.treated, self.dlt):
            widget.observe(self._count, "value")

    # What a person does

    def _pick(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.regimen.value = self.grid.index(change["new"]["regimen"])

    def _follow(self, _button: widgets.Button) -> None:
        following = self._advise()[1]
        if following != STOP:
            self.regimen.value = self.current.value = following

    def _count(self, _change: object) -> None:
        try:
            counts = self.regimen.value, self.treated.value, self.dlt.value
            outcomes = self._outcomes().with_regimen(*counts)
            self.design_now().eliminated(outcomes)
        except ProtocolError as error:
            self._say(error)
        else:
            self.notation.value = outcomes.notation(self.current.value)
            self.refresh()

    def _read(self, _change: object) -> None:
        try:
            outcomes = self._outcomes()
        except ProtocolError as error:
            self._say(error)
            return
        if self.notation.value != outcomes.notation(self.current.value):
            self.regimen.value = self.current.value = last_named(self.grid, self.notation.value)
        self._load()

    def _load(self, _change: object = None) -> None:
        """Show the counts of the chosen regimen in the two fields."""
        try:
            outcomes = self._outcomes()
        except ProtocolError as error:
            self._say(error)
            return
        for widget, counts in ((self.treated, outcomes.treated), (self.dlt, outcomes.dlt)):
            widget.unobserve(self._count, "value")
            widget.value = int(counts.ravel()[self.regimen.value])
            widget.observe(self._count, "value")
        self.refresh()

    # What the page answers

    def design_now(self) -> Design:
        """Build the design from the record and the what-if inputs."""
        what_if = {"target": self.target.value, "preference": self.preference.value, "bar": self.bar.value}
        return self.record.designed(self.design.value, **what_if)

    def _outcomes(self) -> Outcomes:
        return Outcomes.parse(self.grid, self.notation.value)

    def _advise(self) -> tuple[Outcomes, int]:
        outcomes = self._outcomes()
        return outcomes, int(self.design_now().next(outcomes, [self.current.value])[0])

    def refresh(self, _change: object = None) -> None:
        """Ask the design and show its answer; on input that cannot be used, keep the last good one."""
        try:
            design = self.design_now()
            outcomes, following = self._advise()
        except ProtocolError as error:
            self._say(error)
            return
        self.problem.value = ""
        self.follow.disabled = following in (STOP, self.current.value)
        self.advice.value = elements.dress(self._advice(design, outcomes, following), role="status")
        self.picture.draw(self._cells(design, outcomes, following))
        rules = design.decisions()
        self.table.value = elements.dress(_table(rules, design))
        self.rules.draw(_rule_cells(rules, design.cohort_size))

    def _say(self, error: ProtocolError) -> None:
        self.problem.value = elements.dress(elements.message(error))

    def _advice(self, design: Design, outcomes: Outcomes, following: int) -> Markup:
        labels, current = self.grid.labels, self.current.value
        if following == STOP:
            words = _("Stop")
        elif following == current:
            words = _("Treat the next cohort at {}").format(labels[following])
        else:
            words = _("Next cohort at {}").format(labels[following])
        picked = int(design.selected(outcomes)[0])
        rates = isotonic_rates(outcomes).ravel()
        end = _("Were the trial to end now, no regimen could be recommended for phase II.")
        if picked != STOP:
            end = _(
                "Were the trial to end now, {} would be recommended for phase II (estimated DLT rate {:.2f})."
            )
            end = end.format(labels[picked], rates[picked])
        return Markup(
            '<div class="pw-card"><p class="pw-answer">{}</p><p>{}</p><p class="pw-off">{}</p></div>'
        ).format(words, design.why(outcomes, current), end)

    def _cells(self, design: Design, outcomes: Outcomes, following: int) -> pd.DataFrame:
        treated, dlt = outcomes.treated.ravel(), outcomes.dlt.ravel()
        closed, rates = design.eliminated(outcomes).ravel(), isotonic_rates(outcomes).ravel()
        rows = []
        for index, regimen in enumerate(self.grid.regimens):
            state, sign = self._state(index, following, closed[index], treated[index])
            seen = treated[index] > 0
            count = _("{} of {}").format(dlt[index], treated[index]) if seen else "–"
            rows.append({
                "regimen": str(regimen), "dose": regimen.dose, "frequency": regimen.frequency, "state": state,
                "sign": sign, "count": count, "treated": int(treated[index]), "dlt": int(dlt[index]),
                "estimate": float(rates[index]) if seen else None, "marked": index == self.regimen.value,
            })  # fmt: skip
        return pd.DataFrame(rows)

    def _state(self, index: int, following: int, closed: bool, treated: int) -> tuple[str, str]:
        if index == following:
            return "next", _("▶ stay here") if index == self.current.value else _("▶ next")
        if closed:
            return "eliminated", _("✕ current") if index == self.current.value else _("✕ eliminated")
        if index == self.current.value:
            return "current", _("● current")
        return ("tried", _("tried")) if treated else ("untried", _("untried"))

    def _parameters(self) -> Markup:
        given = self.record.design
        values = [
            (name, str(getattr(given, key).value), getattr(given, key)) for key, name in _names().items()
        ]
        values.append(
            (_("DLT window, days"), str(self.record.dlt_window_days.value), self.record.dlt_window_days)
        )
        for dose in self.record.doses:
            name = _("Dose {}, million cells/kg").format(dose.id)
            values.append((name, f"{dose.cells_per_kg.value / 1e6:g}", dose.cells_per_kg))
        rows = [(name, value, _origin(origin)) for name, value, origin in values]
        return elements.table(pd.DataFrame(rows, columns=[_("Parameter"), _("Value"), _("Origin")]))


def _origin(value: Provenance) -> Markup:
    return elements.assumption(value.origin) if value.is_assumption else elements.origin(value)


def _names() -> dict[str, str]:
    return {
        "name": _("Design"),
        "start": _("First regimen"),
        "target": _("Target DLT rate"),
        "safe_ratio": _("Rate that calls for escalation, times the target"),
        "toxic_ratio": _("Rate that calls for de-escalation, times the target"),
        "elimination": _("Probability of a rate above the target that eliminates"),
        "lowest_margin": _("Less of it needed at the lowest regimen"),
        "cohort_size": _("Participants in a cohort"),
        "maximum": _("Participants at most"),
        "enough": _("Enough participants at one regimen"),
        "bar": _("Extra bar on escalation"),
        "preference": _("Ties go first to"),
    }


def _table(rules: pd.DataFrame, design: Design) -> Markup:
    every_cohort = rules[rules["treated"] % design.cohort_size == 0]
    names = {
        "treated": _("Treated"),
        "escalate": _("Escalate at or below"),
        "deescalate": _("De-escalate at or above"),
        "eliminate": _("Eliminate at or above"),
    }
    shown = every_cohort.astype(object).where(every_cohort.notna(), "–").rename(columns=names)
    saved = elements.download(
        _("Save the table (CSV)"), "decision-table.csv", rules.to_csv(index=False).encode(), "text/csv"
    )
    caption = _("Participants with a DLT at the current regimen, target DLT rate {:g}").format(design.target)
    return elements.details(_("Decision table"), elements.table(shown, caption) + saved)


def _rule_cells(rules: pd.DataFrame, cohort_size: int) -> pd.DataFrame:
    signs = {"escalate": "↗", "stay": "=", "de-escalate": "↙", "eliminate": "✕"}
    rows = []
    for rule in rules[
        (rules["treated"] % cohort_size == 0) & (rules["treated"] <= MOST_IN_PICTURE)
    ].itertuples():
        for dlt in range(rule.treated + 1):
            if pd.notna(rule.eliminate) and dlt > rule.eliminate:
                break
            decision = "stay"
            if dlt <= rule.escalate:
                decision = "escalate"
            elif pd.notna(rule.eliminate) and dlt >= rule.eliminate:
                decision = "eliminate"
            elif dlt >= rule.deescalate:
                decision = "de-escalate"
            rows.append(
                {"treated": rule.treated, "dlt": dlt, "decision": decision, "letter": signs[decision]}
            )
    return pd.DataFrame(rows)
