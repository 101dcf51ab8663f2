"""The calibration: what sample size, cohort size and target do to the risk of a wrong choice."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import Calibration, Design, EscalationRecord, Setting, calibrate, figure_words
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.kit import text as elements
from protocol.pages.kit.task import Job, Work
from protocol.records import ProtocolError
from protocol.translation import _

WIDE = {"description_width": "initial"}

TRIALS, MOST_TRIALS = 500, 20_000

COUNTS = ("participants", "dlts", "overdosed")


class CalibrationPanel:
    """Type the values to try, run, read the risks.

    Parameters
    ----------
    record : EscalationRecord
    design_with : callable
        Builds the page's design with other values of ``target``, ``cohort_size``, ``maximum`` and ``enough``.
    stops_early : callable
        Whether the page's trial stops when one regimen has enough participants.
    """

    def __init__(
        self, record: EscalationRecord, design_with: Callable[..., Design], stops_early: Callable[[], bool]
    ) -> None:
        self.record, self._design_with, self._stops_early = record, design_with, stops_early
        self.result: Calibration | None = None
        self._drawing = Lock()
        given = {"style": WIDE, "layout": {"width": "min(100%, 360px)"}}
        self.maxima = widgets.Text("24, 36, 48, 60", description=_("Participants at most"), **given)
        self.cohort_sizes = widgets.Text("1, 3, 6", description=_("Cohort sizes"), **given)
        self.targets = widgets.Text("0.20, 0.30", description=_("Target DLT rates"), **given)
        self.trials = widgets.BoundedIntText(value=TRIALS, min=1, max=MOST_TRIALS, description=_("Trials"), **given)
        self.seed = widgets.BoundedIntText(value=1, min=0, max=2**31, description=_("Seed"), **given)
        self.risk = widgets.Dropdown(
            options=[(words, name) for name, words in risk_words().items()], description=_("Show"), **given
        )
        self.target = widgets.Dropdown(description=_("Target"), **given)
        scenarios = [
            (_("Mean of all scenarios, each counted alike"), ""),
            *((s.title, s.title) for s in record.scenarios),
        ]
        self.scenario = widgets.Dropdown(options=scenarios, description=_("Scenario"), **given)
        self.job = Job(self._ask, self._show)
        self.picture = Chart(figures.calibration, description=_("Calibration"))
        self.table = elements.html("", role="status")
        for widget in (self.risk, self.target, self.scenario):
            widget.observe(self._redraw, "value")
        self.view = self._section()

    def _section(self) -> widgets.VBox:
        lead = Markup("{} {}").format(
            _("The design of this page with other sizes and targets, under every scenario of the library."),
            elements.assumption(
                _("every scenario is invented; which of them are likely is for the committee to say")
            ),
        )
        inputs = widgets.VBox([
            self.maxima, self.cohort_sizes, self.targets, self.trials, self.seed, self.job.view,
        ])  # fmt: skip
        result = widgets.VBox([self.risk, self.target, self.scenario, self.picture])
        for half in (inputs, result):
            half.add_class("pw-half")
        return elements.section(
            _("Sample size, cohort size and target"), elements.row(inputs, result), self.table, lead=lead
        )

    def _ask(self) -> tuple[int, Work]:
        maxima = [int(n) for n in numbers(self.maxima, whole=True)]
        sizes = [int(n) for n in numbers(self.cohort_sizes, whole=True)]
        targets = numbers(self.targets, whole=False)
        scenarios = {scenario.title: scenario.truth for scenario in self.record.scenarios}
        trials, seed, margin = self.trials.value, self.seed.value, self.record.acceptable_margin.value
        stops = self._stops_early()

        def designed(setting: Setting) -> Design:
            more = {} if stops else {"enough": setting.maximum}
            return self._design_with(**setting._asdict(), **more)

        def work(progress: Callable[[Calibration], None], stop: Callable[[], bool]) -> Calibration:
            return calibrate(
                designed, scenarios, targets, sizes, maxima, trials, seed, margin=margin, progress=progress, stop=stop
            )

        for size, most, target in ((s, m, t) for s in sizes for m in maxima for t in targets):
            designed(Setting(target, size, most))  # refused here, before the work begins
        return trials, work

    def _show(self, result: Calibration) -> None:
        self.result = result
        targets = sorted({setting.target for setting, _scenario in result.simulations})
        if [value for _label, value in self.target.options] != targets:
            self.target.options = [(f"{target:g}", target) for target in targets]
            self.target.value = targets[-1]
        self._redraw()

    def _redraw(self, _change: object = None) -> None:
        if not self.result or self.target.value is None:
            return
        with self._drawing:  # the running calibration and the reader may both ask
            table, risk = self.result.table(), self.risk.value
            own = table[(table["scenario"] == self.scenario.value) & (table["target"] == self.target.value)]
            self.picture.draw(risk_rows(own, risk, self.result.trials), title=f"{risk_words()[risk]} ± 2 SE",
                              percent=risk not in COUNTS)  # fmt: skip
            self.table.value = elements.dress(risk_table(own, table, self.result.trials), role="status")


def numbers(field: widgets.Text, *, whole: bool) -> list[float]:
    """Read numbers separated by commas or spaces, each once."""
    words = field.value.replace(",", " ").split()
    try:
        found = [float(word) for word in words]
        if not found or (whole and any(number != int(number) for number in found)):
            raise ValueError(field.value)
    except (ValueError, OverflowError):
        write = (
            _("whole numbers with commas between: 24, 36") if whole else _("numbers with commas between: 0.2, 0.3")
        )
        raise ProtocolError(field.description, repr(field.value), write) from None
    return [*dict.fromkeys(found)]


def risk_words() -> dict[str, str]:
    """Name the risks."""
    return {
        "wrong": _("Risk of a wrong choice"), "unacceptable": _("Risk of an unacceptable choice"),
        "toxic": _("Risk of choosing above the target"), "none": _("No regimen chosen"),
        "participants": _("Participants in a trial"), "dlts": _("Participants with a DLT"),
        "overdosed": _("Participants treated above the target"),
    }  # fmt: skip


def risk_rows(own: pd.DataFrame, risk: str, trials: int) -> pd.DataFrame:
    """Prepare the picture of one risk under one scenario and target."""
    value, error = own[risk], own[f"{risk}_se"]
    return pd.DataFrame({
        "maximum": own["maximum"], "size": own["cohort_size"],
        "cohort": [_("cohorts of {}").format(size) for size in own["cohort_size"]],
        "value": value, "low": (value - 2 * error).clip(lower=0), "high": value + 2 * error,
        "words": [_words(risk, v, e, trials) for v, e in zip(value, error, strict=True)],
    })  # fmt: skip


def risk_table(own: pd.DataFrame, every: pd.DataFrame, trials: int) -> Markup:
    """Show all risks of one target under one scenario, with the table of all of them to save."""
    words = risk_words()
    rows: dict[str, Any] = {_("Participants at most"): own["maximum"], _("Cohort"): own["cohort_size"]}
    for risk, title in words.items():
        pairs = zip(own[risk], own[f"{risk}_se"], strict=True)
        rows[title] = [_words(risk, value, error, trials) for value, error in pairs]
    saved = elements.download(_("Save the calibration (CSV)"), "calibration.csv", csv(every), "text/csv")
    caption = _("{:,} trials of each setting under each scenario; each figure ± its Monte Carlo error").format(trials)
    return elements.table(pd.DataFrame(rows, dtype=object), caption) + saved


def _words(risk: str, value: float, error: float, trials: int) -> str:
    return " ± ".join(figure_words(value, error, "participants" if risk in COUNTS else "share", trials))
