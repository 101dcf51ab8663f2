"""Comparison of designs: the same simulated participants under each, with paired differences."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import Comparison, Design, EscalationRecord, compare_in_steps, figure_words
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.escalation.operating_characteristics import count_field, half, measure_labels, seed_field
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

TRIALS, MOST_TRIALS = 2000, 100_000

SHOWN = (
    "correct_selection",
    "acceptable_selection",
    "toxic_selection",
    "none_selected",
    "stopped_early",
    "participants",
    "dlts",
    "overdosed",
    "duration",
    "responses",
)
"""Measures of the table; the first eight are drawn as well."""


class ComparisonPanel(Panel):
    """Choose designs, run them on the same participants, read the differences with their error.

    Parameters
    ----------
    record : EscalationRecord
    design_as : callable
        Builds a design by its name, with changes, as the page's other inputs stand.
    truth_now : callable
        Returns the true DLT rates of the editor.

    Attributes
    ----------
    result : Comparison or None
        What is shown.
    """

    def __init__(
        self, record: EscalationRecord, design_as: Callable[..., Design], truth_now: Callable[[], list[list[float]]]
    ) -> None:
        self._record, self._design_as, self._truth_now = record, design_as, truth_now
        self._drawing = Lock()
        self.result: Comparison | None = None
        names = self._names()
        quick = [name for name in names if self._design(name).decisions() is not None]  # read from a table, so fast
        self.designs = field(widgets.SelectMultiple, _("Designs"), options=names, value=quick, rows=len(names))
        self.reference = field(widgets.Dropdown, _("Differences from"), options=names)
        self.margin = field(
            widgets.BoundedFloatText,
            _("Acceptable: target ±"),
            width="short",
            value=record.acceptable_margin.value,
            min=0.01,
            max=0.5,
            step=0.01,
        )
        self.trials, self.seed = count_field(_("Trials"), TRIALS, MOST_TRIALS), seed_field()
        self.accrual = field(
            widgets.BoundedFloatText, _("Accrual a month (0: no time)"), value=0, min=0, max=100, step=0.5
        )
        measures = [(measure_labels()[name], name) for name in SHOWN[:8]]
        self.measure = field(widgets.Dropdown, _("Show"), options=measures)
        self.state = ResultState(self._settings)
        self.task = Task(self._show, self._ask)
        self.picture = Chart(figures.comparison, description=_("Comparison of designs"))
        self.table = Text(role="")
        self.redraw_on(self.reference, self.measure)
        self.state.watch(self.designs, self.trials, self.seed, self.margin, self.accrual)
        lead = _(
            "Each design meets the same simulated participants, with the true rates of the operating "
            "characteristics. A selection is acceptable if it is right or its true rate is near the target. Right is "
            "judged by DLTs alone for every design: one that weighs responses may prefer another regimen."
        )
        settings = half(self.designs, row(self.trials, self.seed), row(self.margin, self.accrual), self.task.view)
        self._result = half(self.measure, self.picture, self.reference)
        self._result.layout.display = "none"
        margin = assumption(record.acceptable_margin.origin)
        self.view = fold(
            _("Comparison of designs"),
            self.state.text,
            row(settings, self._result),
            self.table,
            lead=joined((lead, margin), " "),
        )

    def _names(self) -> list[str]:
        """Name the designs; those that can have the stricter rule of escalation stand there with it and without."""
        names = []
        for name in self._record.design.offered():
            names.append(name)
            if hasattr(self._record.designed(name), "bar"):
                names.append(with_bar(name))
        return names

    def _settings(self) -> tuple[Any, ...]:
        """Return the designs by their names, true rates, trials, seed, margin and accrual."""
        designs = {name: self._design(name) for name in self.designs.value}
        if not designs:
            raise ProtocolError(self.designs.description, _("no design"), _("one or more designs of the list"))
        fields = self.trials, self.seed, self.margin, self.accrual
        return designs, self._truth_now(), *(control.value for control in fields)

    def _ask(self) -> tuple[int, Steps]:
        designs, truth, trials, seed, margin, accrual = self.state.ask()
        rules = self._record.rules(accrual_per_month=accrual or None, backfill=False)
        return 1, compare_in_steps(designs, truth, trials, seed, margin=margin, rules=rules)

    def _design(self, name: str) -> Design:
        plain = next(one for one in self._record.design.offered() if name in (one, with_bar(one)))
        return self._design_as(plain, bar=name != plain)

    def _show(self, result: Comparison) -> None:
        if result is self.result:
            return
        self.result = result
        self.state.keep()
        self._result.layout.display = None
        self.show(result)

    def draw(self, result: Comparison) -> None:
        """Draw the chosen measure, and tabulate all of them."""
        with self._drawing:  # the running comparison and the reader may both ask
            rows, unit = rows_of(result, self.measure.value)
            title = _("{title} ± 2 SE").format(title=measure_labels()[self.measure.value])
            self.picture.draw(rows, title=title, percent=unit == "share")
            self.table.show(tables(result, self.reference.value))


def with_bar(name: str) -> str:
    """Return the name of a design with the stricter rule of escalation."""
    return _("{}, stricter escalation").format(name)


def rows_of(result: Comparison, measure: str) -> tuple[pd.DataFrame, str]:
    """Return the rows of :func:`protocol.figures.escalation.comparison` for one measure, and its unit."""
    frame = result.table()
    frame = frame[frame["measure"] == measure]
    words = [
        _("{design}: {figure}").format(
            design=design, figure="\u00a0±\u00a0".join(figure_words(value, error, unit, result.trials))
        )
        for design, value, error, unit in zip(
            *(frame[name] for name in ("design", "value", "se", "unit")), strict=True
        )
    ]
    low = (frame["value"] - 2 * frame["se"]).clip(lower=0)
    rows = pd.DataFrame(
        {
            "design": frame["design"],
            "value": frame["value"],
            "low": low,
            "high": frame["value"] + 2 * frame["se"],
            "words": words,
        }
    )
    return rows, str(frame["unit"].iloc[0])


def tables(result: Comparison, reference: str) -> Markup:
    """Return every measure of every design, and the paired differences from one of them, folded."""
    pieces = [table(_wide(result.table(), "value", result.trials), _("Each figure ± its Monte Carlo error"))]
    if len(result.simulations) > 1 and reference in result.simulations:
        apart = result.differences(reference)
        caption = _("Difference from {}, on the same participants ± its Monte Carlo error").format(reference)
        pieces.append(table(_wide(apart, "difference", result.trials), caption))
    name, content = "comparison-of-designs.csv", csv(result.regimens())
    return joined(
        (
            details(_("The figures as a table"), joined(pieces)),
            details(_("Regimen by regimen"), _by_regimen(result)),
            download(_("Save the figures (CSV)"), name, content, "text/csv"),
        )
    )


def _by_regimen(result: Comparison) -> Markup:
    """One table for each measure of regimens: one row per design, one column per regimen."""
    titles = {"selected": _("Selected"), "participants": _("Participants"), "dlts": _("Participants with a DLT")}
    every, shown = result.regimens(), Markup("")
    for measure, title in titles.items():
        unit, rows = "share" if measure == "selected" else "participants", []
        for design, own in every.groupby("design", sort=False):
            own = own[own[measure].notna()]
            pairs = zip(own[measure], own[f"{measure}_se"], strict=True)
            rows.append([design, *("\u00a0±\u00a0".join(figure_words(*pair, unit, result.trials)) for pair in pairs)])
        names = every["regimen"].unique()[: len(rows[0]) - 1]
        frame = pd.DataFrame(rows, columns=[_("Design"), *names], dtype=object)
        shown += table(frame, _("{} ± Monte Carlo error").format(title))
    return shown


def _wide(frame: pd.DataFrame, column: str, trials: int) -> pd.DataFrame:
    """One row per design, one column per measure, figures in words."""
    words = measure_labels()
    present = [name for name in SHOWN if name in set(frame["measure"])]
    rows = []
    for design, own in frame.groupby("design", sort=False):
        found = {row["measure"]: row for row in own.to_dict("records")}
        rows.append([design, *(_cell(found[name], column, trials) for name in present)])
    return pd.DataFrame(rows, columns=[_("Design"), *(words[name] for name in present)], dtype=object)


def _cell(row: dict[Hashable, Any], column: str, trials: int) -> str:
    value, error, unit = float(row[column]), float(row["se"]), str(row["unit"])
    if column == "value":
        return "\u00a0±\u00a0".join(figure_words(value, error, unit, trials))
    signed = f"{100 * value:+.1f} ± {100 * error:.1f} %" if unit == "share" else f"{value:+.2f} ± {error:.2f}"
    return signed.replace("-", "−").replace(" ", "\u00a0")
