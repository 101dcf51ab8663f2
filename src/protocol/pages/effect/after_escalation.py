"""The choice of a regimen from the first participant on: simulated escalations, and a comparison after each."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.effect import OptimisationRule, contour_arms, optimise, plateau_responses, without_comparison
from protocol.escalation import EscalationRecord, Scenario, Simulation, simulate
from protocol.exchange.spreadsheet import csv
from protocol.figures import effect as figures
from protocol.pages.effect.words import percent
from protocol.pages.kit import Task, Text, details, download, field, joined, paragraph, row, section, table
from protocol.pages.kit.task import Work
from protocol.translation import _, list_of

SIZES = (6, 9, 12, 15, 20, 25, 30, 40, 50, 60)
"""Participants in each arm."""

TOLD = 30
"""The size that the sentence names."""


class AfterEscalation:
    """Escalations with the design of the record, each followed by a comparison of the regimen that it selected.

    Parameters
    ----------
    record : EscalationRecord
    asked : callable
        Returns the scenario of the true DLT rates, and the rule by which a regimen is chosen.
    seed : int
        Of the participants, in the escalation and after it.

    Attributes
    ----------
    trials, arms : ipywidgets
        How many escalations, and how many regimens are compared at most.
    lowest, plateau, reached : ipywidgets.BoundedFloatText
        The assumed response rates.
    task : Task
    picture : Chart
    said, tables : Text
    view : ipywidgets.VBox
    """

    def __init__(
        self, record: EscalationRecord, asked: Callable[[], tuple[Scenario, OptimisationRule]], seed: int
    ) -> None:
        self._record, self._asked_of, self._seed = record, asked, seed
        self._used: tuple[Any, ...] | None = None
        self.trials = field(widgets.Dropdown, _("Escalations"), options=[200, 1000, 4000], value=1000, width="short")
        self.arms = field(widgets.Dropdown, _("Regimens compared, at most"), options=[2, 3], value=3, width="short")
        limits: dict[str, Any] = {"min": 0.0, "max": 1.0, "step": 0.05, "width": "short"}
        rate = _("Response rate of the lowest regimen")
        self.lowest = field(widgets.BoundedFloatText, rate, value=0.3, **limits)
        self.plateau = field(widgets.BoundedFloatText, _("Response rate on the plateau"), value=0.6, **limits)
        where = _("Share of the steps after which the plateau begins")
        self.reached = field(widgets.BoundedFloatText, where, value=0.5, **limits | {"min": 0.05})
        self.task = Task(self._show, self._ask)
        self.said, self.tables = Text(), Text(role="")
        self.picture = Chart(figures.right_choices, _("Share of right choices after simulated escalations"))
        self.picture.layout.display = "none"
        lead = _(
            "Each escalation selects a regimen. It is compared with its neighbours that were given and were "
            "tolerable: first those with one step more of dose and one less of frequency, or the reverse, then those "
            "below. The DLT rates are those of the scenario above; the response rates are yours, and no source "
            "states them."
        )
        self.view = section(
            _("After simulated escalations"),
            row(self.trials, self.arms),
            row(self.lowest, self.plateau, self.reached),
            self.task.view,
            self.said,
            self.picture,
            self.tables,
            lead=lead,
        )
        for control in (self.trials, self.arms, self.lowest, self.plateau, self.reached):
            control.observe(self.outdated, "value")

    def outdated(self, _change: Any = None) -> None:
        """Say that the figures are of other inputs, if some are shown."""
        if self._used is not None:
            self.task.end()
            self.said.show(
                paragraph(_("The inputs have changed: run again. The figures below are of those before."), "open")
            )

    def _ask(self) -> tuple[int, Work]:
        scenario, rule = self._asked_of()
        record, trials, seed = self._record, self.trials.value, self._seed
        doses, frequencies = np.asarray(scenario.truth).shape
        response = plateau_responses(doses, frequencies, self.lowest.value, self.plateau.value, self.reached.value)
        self._used = scenario, rule, response, self.arms.value
        start = record.grid.index(record.design.start.value)

        def work(progress: Callable[[Simulation], None], stop: Callable[[], bool]) -> Simulation:
            design = record.designed()
            return simulate(design, scenario.truth, trials, seed, start=start, progress=progress, stop=stop)

        return trials, work

    def _show(self, found: Simulation) -> None:
        """Compare after each escalation that is finished, and draw how often the choice is right."""
        if self._used is None:
            return
        scenario, rule, response, most = self._used
        compared = contour_arms(found.selected, found.treated, found.dlt, rule, most)
        rates = found.truth.ravel(), response.ravel()
        names = [name for name, holds in zip(found.design.grid.labels, rule.right(*rates), strict=True) if holds]
        words = _("after {n:,} escalations; right: {names}")
        truth = words.format(n=found.trials, names=list_of(names) or _("none"))
        shares = optimise(rule, compared, *rates, SIZES, self._seed).assign(truth=truth)
        self.picture.layout.display = None
        self.picture.draw(choice_rows(shares), truths=(truth,))
        alone = without_comparison(rule, found.selected, *rates)
        told = _(
            "Without a comparison the selected regimen is right in {right} ± {error} of the escalations, too toxic "
            "in {toxic}; {none} select none."
        ).format(
            right=percent(alone["right"]),
            error=percent(2 * alone["se"]),
            toxic=percent(alone["too_toxic"]),
            none=percent(alone["none"]),
        )
        usual = shares[shares["participants"] == TOLD].iloc[0]
        compares = _(
            "With a comparison of {n} participants in each arm: right in {right} ± {error}, too toxic in {toxic}; "
            "{none} choose none."
        ).format(
            n=TOLD,
            right=percent(usual["right"]),
            error=percent(2 * usual["se"]),
            toxic=percent(usual["too_toxic"]),
            none=percent(usual["none"]),
        )
        arms = (compared >= 0).sum(axis=1)
        counted = _("Regimens compared: {three} of the escalations lead to three, {two} to two, {one} to one.")
        counts = {name: percent(float((arms == n).mean())) for n, name in ((1, "one"), (2, "two"), (3, "three"))}
        about = _("True DLT rates: {scenario}. Assumed response rates: {rates}.")
        listed = list_of(f"{name} {rate:.0%}" for name, rate in zip(found.design.grid.labels, rates[1], strict=True))
        self.said.show(
            paragraph(told),
            paragraph(compares),
            paragraph(counted.format(**counts)),
            paragraph(about.format(scenario=scenario.title, rates=listed), "off"),
        )
        self.tables.show(choice_table(shares, "right-choices-after-escalations.csv"))


def choice_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.effect.right_choices`, with two standard errors."""
    return pd.DataFrame(
        {
            "truth": found["truth"],
            "participants": found["participants"],
            "share": found["right"],
            "low": (found["right"] - 2 * found["se"]).clip(lower=0),
            "high": (found["right"] + 2 * found["se"]).clip(upper=1),
            "words": [_share(one) for one in found.to_dict("records")],
        }
    )


def choice_table(found: pd.DataFrame, name: str) -> Markup:
    """Return the shares of right choices as a folded table, with a file of this name."""
    shown = [
        {
            _("Truth"): one["truth"],
            _("Participants in each arm"): one["participants"],
            _("Right choice"): _share(one),
            _("Too toxic"): percent(one["too_toxic"]),
            _("None chosen"): percent(one["none"]),
        }
        for one in found.to_dict("records")
    ]
    saved = download(_("Save the table (CSV)"), name, csv(found), "text/csv")
    return details(_("The figures as a table"), joined((table(pd.DataFrame(shown, dtype=object)), saved)))


def _share(one: Any) -> str:
    return f"{percent(one['right'])} ± {percent(2 * one['se'])}"
