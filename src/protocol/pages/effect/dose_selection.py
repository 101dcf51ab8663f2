"""From escalation to phase II: a randomised comparison of regimens, and how often it chooses rightly."""

from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from protocol.chart import Chart
from protocol.effect import OptimisationRule, choose_dose, optimise
from protocol.escalation import Scenario
from protocol.figures import effect as figures
from protocol.pages.effect.after_escalation import SIZES, AfterEscalation, choice_rows, choice_table
from protocol.pages.effect.settings import LEAST_PLANNED, STARTING_AIMS, EffectSettings
from protocol.pages.kit import Panel, Text, field, paragraph, row, section
from protocol.records import ProtocolError
from protocol.translation import _, list_of
from protocol.trial import Trial

TRIALS = 4000


class DoseSelectionPanel(Panel):
    """A randomised dose optimisation; :meth:`show` draws it.

    Parameters
    ----------
    trial : Trial
    settings : EffectSettings
    seed : int

    Attributes
    ----------
    regimens : list of ipywidgets.Dropdown
    responses : list of ipywidgets.BoundedFloatText
    scenario, limit, margin : ipywidgets
    after : AfterEscalation
        The comparison after simulated escalations.
    picture : Chart
    said, problem, tables : Text
    """

    def __init__(self, trial: Trial, settings: EffectSettings, seed: int = 1) -> None:
        self._record, self._seed = trial.escalation, seed
        labels = self._record.grid.labels
        start = [labels[min(place, len(labels) - 1)] for place in _first_choice(self._record.grid)]
        self.scenario = field(
            widgets.Dropdown, _("True DLT rates of"), options=[(one.title, one.id) for one in self._record.scenarios]
        )
        options = [*((name, name) for name in labels)]
        self.regimens = [
            field(widgets.Dropdown, _("First regimen"), options=options, value=start[0], width="short"),
            field(widgets.Dropdown, _("Second regimen"), options=options, value=start[1], width="short"),
            field(
                widgets.Dropdown,
                _("Third regimen"),
                options=[(_("none"), ""), *options],
                value=start[2],
                width="short",
            ),
        ]
        limits: dict[str, Any] = {"min": 0.01, "max": 0.99, "step": 0.01, "width": "short"}
        words = (_("Its response rate"),) * 3
        aims = settings.monitoring.aims(LEAST_PLANNED) if settings.monitoring else STARTING_AIMS
        rates = (aims.futile, aims.good, aims.good)
        self.responses = [
            field(widgets.BoundedFloatText, label, value=rate, **limits)
            for label, rate in zip(words, rates, strict=True)
        ]
        self.limit = field(
            widgets.BoundedFloatText,
            _("Highest acceptable DLT rate"),
            value=self._record.design.target.value,
            **limits,
        )
        self.margin = field(widgets.BoundedFloatText, _("Negligible difference"), value=0.05, **limits | {"min": 0.0})
        self.problem, self.said, self.tables = Text(), Text(), Text(role="")
        self.picture = Chart(figures.right_choices, _("Share of right choices by participants in each arm"))
        lead = _(
            "Two or three regimens are randomised. Of those that are tolerable, the lowest one is chosen whose "
            "response rate is close to the best."
        )
        arms = [row(regimen, rate) for regimen, rate in zip(self.regimens, self.responses, strict=True)]
        self.after = AfterEscalation(trial.escalation, lambda: (self._scenario, self._rule), seed)
        for control in (self.scenario, self.limit, self.margin):
            control.observe(self.after.outdated, "value")
        chosen = section(
            _("Randomised choice between regimens"),
            self.scenario,
            *arms,
            row(self.limit, self.margin),
            self.problem,
            self.said,
            self.picture,
            self.tables,
            lead=lead,
        )
        self.view = widgets.VBox([chosen, self.after.view])
        self.redraw_on(self.scenario, *self.regimens, *self.responses, self.limit, self.margin)

    @property
    def _rule(self) -> OptimisationRule:
        return OptimisationRule(self.limit.value, self.margin.value)

    @property
    def _scenario(self) -> Scenario:
        return next(one for one in self._record.scenarios if one.id == self.scenario.value)

    def draw(self) -> None:
        """Simulate the comparison with the rates as set, and draw how often the choice is right."""
        try:
            found = self._compare()
        except ProtocolError as error:
            self.problem.show(error)
            return
        self.problem.show(None)
        self.picture.draw(choice_rows(found), truths=tuple(dict.fromkeys(found["truth"])))
        self.said.show(*self._sentences())
        self.tables.show(choice_table(found, "right-choices.csv"))

    def _arms(self) -> tuple[list[int], list[float], list[float]]:
        grid, truth = self._record.grid, np.asarray(self._scenario.truth).ravel()
        names = [one.value for one in self.regimens if one.value]
        if len(set(names)) < len(names):
            raise ProtocolError(_("regimens compared"), _("one of them twice"), _("two or three that differ"))
        chosen = sorted(
            (grid.index(one.value), rate.value)
            for one, rate in zip(self.regimens, self.responses, strict=True)
            if one.value
        )
        places = [place for place, _rate in chosen]
        return places, [float(truth[place]) for place in places], [rate for _place, rate in chosen]

    def _compare(self) -> pd.DataFrame:
        places, toxic, response = self._arms()
        names = [self._record.grid.labels[place] for place in places]
        rule = self._rule
        alike = [max(response)] * len(response)
        candidates = np.tile(np.arange(len(places)), (TRIALS, 1))
        found = []
        as_set = _("response rates as set: right choice {names}"), _("response rates as set: no right choice")
        same = _("equal response rates: right choice {names}"), _("equal response rates: no right choice")
        for rates, (some, none) in ((response, as_set), (alike, same)):
            right = [name for name, holds in zip(names, rule.right(toxic, rates), strict=True) if holds]
            truth = some.format(names=list_of(right)) if right else none
            found.append(optimise(rule, candidates, toxic, rates, SIZES, self._seed).assign(truth=truth))
            if rates == alike:
                break
        return pd.concat(found, ignore_index=True)

    def _sentences(self) -> list[Any]:
        _places, toxic, response = self._arms()
        named = [self._record.grid.labels[place] for place in _places]
        truths = _("True DLT rates: {rates}. They are those of the scenario; the response rates are yours.")
        rates = list_of(f"{name} {rate:.0%}" for name, rate in zip(named, toxic, strict=True))
        said = [paragraph(truths.format(rates=rates), "off")]
        if len(response) == 2 and response[1] > response[0]:
            try:
                exact = choose_dose(response[0], response[1] - response[0], 0.7, 0.7)
            except ProtocolError:
                return said
            words = _(
                "For a right choice with a probability of 70 % both ways by responses alone, {n} participants in "
                "each arm are needed (exact; {formula} by the formula)."
            )
            said.append(paragraph(words.format(n=exact.participants, formula=exact.by_formula)))
        return said


def _first_choice(grid: Any) -> tuple[int, int, int]:
    """Return three neighbours in the middle of the grid, the lowest first."""
    middle = (len(grid.doses) // 2) * len(grid.frequencies)
    return middle, middle + 1, middle + 2
