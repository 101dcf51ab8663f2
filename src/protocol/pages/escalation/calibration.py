"""The calibration: what sample size, cohort size and target do to the risk of a wrong choice."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.display import typed_words
from protocol.escalation import Calibration, Design, EscalationRecord, Setting, calibrate_in_steps, figure_words
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.escalation.operating_characteristics import count_field, half, seed_field
from protocol.pages.escalation.result_state import ResultState
from protocol.pages.kit import (
    Panel,
    Steps,
    Task,
    Text,
    assumption,
    details,
    download,
    field,
    fold,
    joined,
    row,
    table,
)
from protocol.records import ProtocolError
from protocol.translation import _

TRIALS, MOST_TRIALS = 500, 20_000

COUNTS = ("participants", "dlts", "overdosed")
"""Risks that are counted in participants; the others are shares of the trials."""


class CalibrationPanel(Panel):
    """Simulate the design under other sizes and targets, and compare the risks.

    Parameters
    ----------
    record : EscalationRecord
    design_with : callable
        Builds the page's design with other values of ``target``, ``cohort_size``, ``maximum`` and ``enough``.
    stops_early : callable
        Whether the page's trial stops when one regimen has enough participants.

    Attributes
    ----------
    result : Calibration or None
        What is shown.
    """

    def __init__(
        self, record: EscalationRecord, design_with: Callable[..., Design], stops_early: Callable[[], bool]
    ) -> None:
        self._record, self._design_with, self._stops_early = record, design_with, stops_early
        self._drawing = Lock()
        self.result: Calibration | None = None
        self.maxima = field(widgets.Text, _("Participants at most"), value="24, 36, 48, 60")
        self.cohort_sizes = field(widgets.Text, _("Cohort sizes"), value="1, 3, 6")
        self.targets = field(widgets.Text, _("Target DLT rates"), value="0.20, 0.30")
        self.trials, self.seed = count_field(_("Trials"), TRIALS, MOST_TRIALS), seed_field()
        risks = [(label, name) for name, label in risk_labels().items()]
        self.risk = field(widgets.Dropdown, _("Show"), options=risks)
        self.target = field(widgets.Dropdown, _("Target"))
        mean = (_("Mean of all scenarios, each counted alike"), "")
        scenarios = [mean, *((scenario.title, scenario.title) for scenario in record.scenarios)]
        self.scenario = field(widgets.Dropdown, _("Scenario"), options=scenarios)
        self.state = ResultState(self._settings)
        self.task = Task(self._show, self._ask)
        self.picture = Chart(figures.calibration, description=_("Calibration"))
        self.table = Text(role="")
        self.redraw_on(self.risk, self.target, self.scenario)
        self.state.watch(self.maxima, self.cohort_sizes, self.targets, self.trials, self.seed)
        sizes = half(self.maxima, self.cohort_sizes, self.targets, row(self.trials, self.seed), self.task.view)
        self._result = half(self.risk, self.target, self.scenario, self.picture)
        self._result.layout.display = "none"
        lead = _("The design as set, with other sizes and targets, under every scenario of the library.")
        invented = _("every scenario is invented; the committee says which of them are likely")
        self.view = fold(
            _("Calibration: sample size, cohort size and target"),
            self.state.text,
            row(sizes, self._result),
            self.table,
            lead=joined((lead, assumption(invented)), " "),
        )

    def _settings(self) -> tuple[Any, ...]:
        """Return the design of each combination, the trials and the seed."""
        maxima = [int(n) for n in numbers(self.maxima, whole=True)]
        sizes = [int(n) for n in numbers(self.cohort_sizes, whole=True)]
        targets = numbers(self.targets, whole=False)
        stops = self._stops_early()
        designs = {}
        for setting in (Setting(t, s, m) for t in targets for s in sizes for m in maxima):
            more = {} if stops else {"enough": setting.maximum}
            designs[setting] = self._design_with(**setting._asdict(), **more)  # refused here, before the work begins
        return designs, targets, sizes, maxima, self.trials.value, self.seed.value

    def _ask(self) -> tuple[int, Steps]:
        designs, targets, sizes, maxima, trials, seed = self.state.ask()
        scenarios = {scenario.title: scenario.truth for scenario in self._record.scenarios}
        margin = self._record.acceptable_margin.value
        steps = calibrate_in_steps(
            designs.__getitem__, scenarios, targets, sizes, maxima, trials, seed, margin=margin
        )
        return 1, steps

    def _show(self, result: Calibration) -> None:
        if result is self.result:
            return
        self.result = result
        self.state.keep()
        self._result.layout.display = None
        targets = sorted({setting.target for setting, _scenario in result.simulations})
        if [value for _label, value in self.target.options] != targets:
            with self.redraw_once():
                self.target.options = [(f"{target:g}", target) for target in targets]
                self.target.value = targets[-1]
        self.show(result)

    def draw(self, result: Calibration) -> None:
        """Draw the chosen risk under the chosen scenario and target, and tabulate all risks."""
        with self._drawing:  # the running calibration and the reader may both ask
            every, risk = result.table(), self.risk.value
            own = every[(every["scenario"] == self.scenario.value) & (every["target"] == self.target.value)]
            rows, title = risk_rows(own, risk, result.trials), _("{title} ± 2 SE").format(title=risk_labels()[risk])
            self.picture.draw(rows, title=title, percent=risk not in COUNTS)
            self.table.show(risk_table(own, every, result.trials))


def numbers(control: widgets.Text, *, whole: bool) -> list[float]:
    """Read numbers separated by commas or spaces, each once.

    Raises
    ------
    ProtocolError
        For words that are no numbers, for none at all, and for fractions if `whole` is set.
    """
    words = typed_words(control.value)
    try:
        found = [float(word) for word in words]
        if not found or (whole and any(number != int(number) for number in found)):
            raise ValueError(control.value)
    except (ValueError, OverflowError):
        write = (
            _("whole numbers with commas between: 24, 36") if whole else _("numbers with commas between: 0.2, 0.3")
        )
        raise ProtocolError(control.description, repr(control.value), write) from None
    return [*dict.fromkeys(found)]


def risk_labels() -> dict[str, str]:
    """Return the labels of the risks."""
    return {
        "wrong": _("Risk of a wrong choice"),
        "unacceptable": _("Risk of an unacceptable choice"),
        "toxic": _("Risk of choosing above the target"),
        "none": _("No regimen chosen"),
        "participants": _("Participants in a trial"),
        "dlts": _("Participants with a DLT"),
        "overdosed": _("Participants treated above the target"),
    }


def risk_rows(own: pd.DataFrame, risk: str, trials: int) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.escalation.calibration`: one risk under one scenario and target."""
    value, error = own[risk], own[f"{risk}_se"]
    return pd.DataFrame(
        {
            "maximum": own["maximum"],
            "size": own["cohort_size"],
            "cohort": [_("cohorts of {}").format(size) for size in own["cohort_size"]],
            "value": value,
            "low": (value - 2 * error).clip(lower=0),
            "high": value + 2 * error,
            "words": [_words(risk, v, e, trials) for v, e in zip(value, error, strict=True)],
        }
    )


def risk_table(own: pd.DataFrame, every: pd.DataFrame, trials: int) -> Markup:
    """Return all risks of one target under one scenario, and the table of all of them to save."""
    rows: dict[str, Any] = {_("Participants at most"): own["maximum"], _("Cohort size"): own["cohort_size"]}
    for risk, title in risk_labels().items():
        pairs = zip(own[risk], own[f"{risk}_se"], strict=True)
        rows[title] = [_words(risk, value, error, trials) for value, error in pairs]
    saved = download(_("Save the calibration (CSV)"), "calibration.csv", csv(every), "text/csv")
    caption = _("{:,} trials of each setting under each scenario; each figure ± its Monte Carlo error").format(trials)
    shown = details(_("The figures as a table"), table(pd.DataFrame(rows, dtype=object), caption))
    return joined((shown, saved))


def _words(risk: str, value: float, error: float, trials: int) -> str:
    return " ± ".join(figure_words(value, error, "participants" if risk in COUNTS else "share", trials))
