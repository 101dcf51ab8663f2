"""Designs side by side: the same simulated participants under each, with paired differences."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import Comparison, Design, EscalationRecord, compare, figure_words
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.escalation.operating_characteristics import measure_words
from protocol.pages.kit import text as elements
from protocol.pages.kit.task import Job, Work
from protocol.records import ProtocolError
from protocol.translation import _

WIDE = {"description_width": "initial"}

TRIALS, MOST_TRIALS = 2000, 100_000

SHOWN = ("correct_selection", "acceptable_selection", "toxic_selection", "none_selected", "stopped_early",
         "participants", "dlts", "overdosed", "duration", "responses")  # fmt: skip


class SideBySide:
    """Choose designs, run them on the same participants, read differences with their error.

    Parameters
    ----------
    record : EscalationRecord
    design_as : callable
        Builds a design by its name, with changes, as the page's other inputs stand.
    truth_now : callable
        Returns the true DLT rates of the editor.
    """

    def __init__(
        self, record: EscalationRecord, design_as: Callable[..., Design], truth_now: Callable[[], list[list[float]]]
    ) -> None:
        self.record, self._design_as, self._truth_now = record, design_as, truth_now
        self.result: Comparison | None = None
        self._drawing = Lock()
        names = self._names()
        self.designs = widgets.SelectMultiple(
            options=names, value=self._quick(), description=_("Designs"), rows=len(names), style=WIDE,
            layout={"width": "min(100%, 420px)"},
        )  # fmt: skip
        self.reference = widgets.Dropdown(
            options=names, description=_("Differences from"), style=WIDE, layout={"width": "min(100%, 420px)"}
        )
        given = {"style": WIDE, "layout": {"width": "230px"}}
        self.margin = widgets.BoundedFloatText(
            value=record.acceptable_margin.value, min=0.01, max=0.5, step=0.01,
            description=_("Acceptable: target ±"), **given,
        )  # fmt: skip
        self.trials = widgets.BoundedIntText(value=TRIALS, min=1, max=MOST_TRIALS, description=_("Trials"), **given)
        self.seed = widgets.BoundedIntText(value=1, min=0, max=2**31, description=_("Seed"), **given)
        self.accrual = widgets.BoundedFloatText(
            value=0,
            min=0,
            max=100,
            step=0.5,
            description=_("Accrual a month (0: no time)"),
            style=WIDE,
            layout={"width": "290px"},
        )
        self.measure = widgets.Dropdown(
            options=[(measure_words()[name], name) for name in SHOWN[:8]], description=_("Show"), style=WIDE,
            layout={"width": "min(100%, 420px)"},
        )  # fmt: skip
        self.job = Job(self._ask, self._show)
        self.picture = Chart(figures.comparison, description=_("Designs side by side"))
        self.table = elements.html("", role="status")
        self.reference.observe(self._redraw, "value")
        self.measure.observe(self._redraw, "value")
        self.view = self._section()

    def _names(self) -> list[str]:
        """Name the designs; those with the extra bar on escalation stand there with it and without."""
        names = []
        for name in self.record.design.offered():
            names.append(name)
            if hasattr(self.record.designed(name), "bar"):
                names.append(with_bar(name))
        return names

    def _quick(self) -> list[str]:
        """Name what is compared at first: the designs that can be read from a table, which are also the fast ones."""
        return [name for name in self._names() if self._design(name).decisions() is not None]

    def _section(self) -> widgets.VBox:
        lead = Markup("{} {}").format(
            _(
                "Each design meets the same simulated participants, with the true rates of the tab before: what "
                "differs is the design. A selection is acceptable when it is right or its true rate is near the "
                "target. Right is judged by DLTs alone, whatever a design looks for: one that weighs responses may "
                "well prefer another regimen."
            ),
            elements.assumption(self.record.acceptable_margin.origin),
        )
        inputs = widgets.VBox([
            self.designs, elements.row(self.trials, self.seed), elements.row(self.margin, self.accrual),
            self.job.view, self.reference, self.measure,
        ])  # fmt: skip
        inputs.add_class("pw-half")
        picture = widgets.VBox([self.picture])
        picture.add_class("pw-half")
        return elements.section(_("Designs side by side"), elements.row(inputs, picture), self.table, lead=lead)

    def _ask(self) -> tuple[int, Work]:
        designs = {name: self._design(name) for name in self.designs.value}
        if not designs:
            raise ProtocolError(_("comparison"), _("no design"), _("one or more designs of the list"))
        truth, trials, seed, margin = self._truth_now(), self.trials.value, self.seed.value, self.margin.value
        rules = self.record.rules(accrual_per_month=self.accrual.value or None, backfill=False)

        def work(progress: Callable[[Comparison], None], stop: Callable[[], bool]) -> Comparison:
            return compare(designs, truth, trials, seed, margin=margin, rules=rules, progress=progress, stop=stop)

        return trials, work

    def _design(self, name: str) -> Design:
        plain = next(one for one in self.record.design.offered() if name in (one, with_bar(one)))
        return self._design_as(plain, bar=name != plain)

    def _show(self, result: Comparison) -> None:
        self.result = result
        self._redraw()

    def _redraw(self, _change: object = None) -> None:
        if self.result:
            with self._drawing:  # the running comparison and the reader may both ask
                rows, unit = rows_of(self.result, self.measure.value)
                title = f"{measure_words()[self.measure.value]} ± 2 SE"
                self.picture.draw(rows, title=title, percent=unit == "share")
                self.table.value = elements.dress(tables(self.result, self.reference.value), role="status")


def with_bar(name: str) -> str:
    """Name a design that also has the extra bar on escalation."""
    return _("{} + extra bar").format(name)


def rows_of(result: Comparison, measure: str) -> tuple[pd.DataFrame, str]:
    """Prepare the picture of one measure, and name its unit."""
    frame = result.table()
    frame = frame[frame["measure"] == measure]
    words = ["\u00a0±\u00a0".join(figure_words(value, error, unit, result.trials))
             for value, error, unit in zip(frame["value"], frame["se"], frame["unit"], strict=True)]  # fmt: skip
    low = (frame["value"] - 2 * frame["se"]).clip(lower=0)
    rows = pd.DataFrame({
        "design": frame["design"], "value": frame["value"], "low": low,
        "high": frame["value"] + 2 * frame["se"], "words": words,
    })  # fmt: skip
    return rows, str(frame["unit"].iloc[0])


def tables(result: Comparison, reference: str) -> Markup:
    """Show every measure of every design, and the paired differences from one of them."""
    every = elements.table(_wide(result.table(), "value", result.trials), _("Each figure ± its Monte Carlo error"))
    saved = elements.download(
        _("Save the figures (CSV)"), "designs-side-by-side.csv", csv(result.regimens()), "text/csv"
    )
    saved = elements.details(_("Regimen by regimen"), _by_regimen(result)) + saved
    if len(result.simulations) < 2 or reference not in result.simulations:
        return every + saved
    apart = result.differences(reference)
    caption = _("Difference from {}, on the same participants ± its Monte Carlo error").format(reference)
    return every + elements.table(_wide(apart, "difference", result.trials), caption) + saved


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
        shown += elements.table(frame, _("{} ± Monte Carlo error").format(title))
    return shown


def _wide(frame: pd.DataFrame, column: str, trials: int) -> pd.DataFrame:
    """One row per design, one column per measure, figures in words."""
    words = measure_words()
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
