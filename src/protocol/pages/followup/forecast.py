"""The forecast of the trial: assumptions in, milestones out, and how much each assumption changes them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from protocol.chart import Chart
from protocol.escalation import simulate as simulate_design
from protocol.exchange.cohort.files import read_cohort
from protocol.exchange.spreadsheet import csv
from protocol.figures import followup as figures
from protocol.followup import forecast
from protocol.followup.forecast import Assumptions
from protocol.pages.followup.ledger_text import day_text, length_text
from protocol.pages.followup.planning import assumptions_text
from protocol.pages.kit import (
    Day,
    Text,
    button,
    details,
    download,
    field,
    fold,
    joined,
    origin,
    paragraph,
    row,
    section,
    strong,
    table,
)
from protocol.records import ProtocolError, Provenance
from protocol.translation import _, ngettext
from protocol.trial import Trial, escalating

RUNS, SEED, DESIGN_RUNS = 20_000, 1, 300


class ForecastPanel:
    """Simulate when escalation, enrolment and the last visit end.

    Parameters
    ----------
    trial : Trial
    today : date
        The default start.

    Attributes
    ----------
    rates : dict of str to ipywidgets.BoundedFloatText
        People screened a month, by site.
    failures, window, counted_from, review, lead, stagger, path, start : ipywidgets
        The other assumptions.
    registered, summary, effects, problem, download : Text
    """

    def __init__(self, trial: Trial, today: date) -> None:
        self._trial = trial
        escalation, record = trial.escalation, trial.followup.forecast
        self._given = given = forecast.assumptions(
            trial.followup,
            dlt_window_days=escalation.dlt_window_days.value,
            cohort_size=escalation.design.cohort_size.value,
            enrolment=self._fact("enrolment"),
        )
        self._walks: dict[str, NDArray[np.int64]] = {}
        self.rates = {
            rate.site: _number(trial.site_shown(rate.site), rate.screened_per_month, 500, 0.5)
            for rate in record.sites
        }
        self.failures = _number(_("Share failing the screening"), given.screening_failures, 0.99, 0.05)
        self.from_cohort = button(
            _("Take it from the invented cohort"), self._take_cohort, disabled=trial.examples is None
        )
        self.window = _days(_("DLT window"), given.dlt_window_days)
        edges = [(_("first infusion"), "first"), (_("last infusion"), "last")]
        self.counted_from = field(widgets.Dropdown, _("Counted from"), options=edges, value=given.counted_from)
        self.review = _days(_("Review"), given.review_days)
        self.lead = _days(_("Screening before a cohort"), given.screening_days)
        self.stagger = _days(_("Between participants, at least"), given.stagger_days)
        self.path = field(widgets.Dropdown, _("Path of the escalation"), options=self._paths(), width="wide")
        self.start = field(Day, _("First cohort opens"), value=today)

        self.registered, self.problem = Text(self._registered_dates(), role=""), Text(role="")
        self.summary, self.effects, self.download = Text(), Text(role=""), Text(role="")
        self.milestones = Chart(figures.span_of_milestones, _("Milestones of the trial from P10 to P90"))
        self.gains = Chart(figures.gains, _("Months by which each change moves the end of the escalation"))
        accrual = [*self.rates.values(), self.failures, self.from_cohort, self.start]
        cohorts = [self.window, self.counted_from, self.review, self.lead, self.stagger]
        left = widgets.VBox([Text(strong(_("People screened a month")), role=""), *accrual])
        right = widgets.VBox([Text(strong(_("Cohorts of the escalation")), role=""), *cohorts])
        assumed: dict[str, Provenance] = {
            _("DLT window"): escalation.dlt_window_days,
            _("Cohort size"): escalation.design.cohort_size,
            _("Counted from"): record.counted_from,
            _("Review"): record.review_days,
            _("Screening before a cohort"): record.screening_days,
            _("Between participants"): record.stagger_days,
            _("Share failing the screening"): record.screening_failures,
            **{trial.site_shown(rate.site): rate for rate in record.sites},
        }
        self.view = widgets.VBox(
            [
                section(
                    _("When the trial could end"),
                    self.problem,
                    self.milestones,
                    self.summary,
                    self.download,
                    lead=_("The registry states none of the numbers below; each is an assumption to be replaced."),
                ),
                fold(
                    _("Assumptions of the forecast"),
                    self.path,
                    row(left, right),
                    Text(details(_("Why these numbers"), assumptions_text(assumed)), role=""),
                ),
                fold(
                    _("How much each assumption matters"),
                    self.gains,
                    self.effects,
                    lead=_("One change at a time, with the same random numbers; medians of simulated trials."),
                ),
                fold(_("Registered dates"), self.registered),
            ]
        )
        for control in (*self.rates.values(), self.failures, *cohorts, self.path, self.start):
            control.observe(self.refresh, names="value")
        self.refresh()

    def _fact(self, name: str) -> Any:
        return self._trial.identity[name].value

    def _paths(self) -> list[tuple[str, str]]:
        grid = self._trial.escalation.grid
        steps = sum(grid.shape) - 1
        paths = [
            (_("Doses first, then frequencies ({n} cohorts)").format(n=steps), "shortest"),
            (_("Every combination once ({n} cohorts)").format(n=grid.size), "all"),
        ]
        if self._trial.so_far:
            paths.append((_("As in the trial so far"), "so far"))
        return paths + [
            (_("By the design, if the true rates are: {name}").format(name=scenario.title), scenario.id)
            for scenario in self._trial.escalation.scenarios
        ]

    def cohorts(self) -> NDArray[np.int64]:
        """Count the cohorts at each frequency level along the chosen path or paths, shape (P, K)."""
        name, grid = self.path.value, self._trial.escalation.grid
        if name not in self._walks:
            doses, levels = grid.shape
            if name == "shortest":
                self._walks[name] = np.array([[doses, *[1] * (levels - 1)]])
            elif name == "all":
                self._walks[name] = np.full((1, levels), doses)
            elif name == "so far" and self._trial.so_far:
                here = escalating(self._trial, self._trial.so_far)
                people = [person.regimen for person in here.participants]
                counts = forecast.cohorts_at(people, grid.frequencies)
                self._walks[name] = np.ceil(counts[None, :] / self._given.cohort_size).astype(np.int64)
            else:
                self._walks[name] = self._designed(name)
        return self._walks[name]

    def _designed(self, scenario: str) -> NDArray[np.int64]:
        """Simulate the record's own design and count the cohorts of each trial."""
        record = self._trial.escalation
        truth = next(item.truth for item in record.scenarios if item.id == scenario)
        start = record.grid.index(record.design.start.value)
        walked = simulate_design(record.designed(), truth, DESIGN_RUNS, SEED, start=start)
        treated = walked.treated.sum(axis=1).astype(np.int64)
        cohorts: NDArray[np.int64] = np.ceil(treated / self._given.cohort_size).astype(np.int64)
        return cohorts

    def _registered_dates(self) -> Markup | ProtocolError:
        facts, given = self._trial.identity, self._given
        start, end = self._fact("start_date"), self._fact("completion_date")
        most = given.enrolled_per_day * forecast.DAYS_PER_MONTH
        try:
            check = forecast.registered_dates(start, end, given.enrolment, given.follow_up, most)
        except ProtocolError as error:
            return error
        said = _(
            "Registered are a start on {start}, a completion on {end} and {n} participants. With {length} of "
            "follow-up the last enrolment is on {last}: {days} days for all enrolments, or {rate} a month."
        ).format(
            start=start,
            end=end,
            n=given.enrolment,
            length=length_text(given.follow_up),
            last=check.last_enrolment,
            days=check.days,
            rate=round(check.per_month),
        )
        verdict = (
            paragraph(_("✓ They fit together."), "good")
            if check.feasible
            else paragraph(_("✗ These registered facts contradict each other."), "bad")
        )
        tags = [origin(facts[name]) for name in ("start_date", "completion_date", "enrolment")]
        return verdict + paragraph(joined((said, *tags), " "))

    @property
    def assumed(self) -> Assumptions:
        """The assumptions as the page stands."""
        return replace(
            self._given,
            screened_per_month=sum(box.value for box in self.rates.values()),
            screening_failures=self.failures.value,
            dlt_window_days=self.window.value,
            counted_from=self.counted_from.value,
            review_days=self.review.value,
            screening_days=self.lead.value,
            stagger_days=self.stagger.value,
        )

    def refresh(self, _change: Any = None) -> None:
        """Simulate with the present assumptions and show the result."""
        try:
            if self.start.value is None:
                raise ProtocolError(_("First cohort opens"), _("no date"), _("a date"))
            given, paths = self.assumed, self.cohorts()
            runs = forecast.simulate(given, paths, RUNS, SEED)
            found = forecast.milestones(given, runs, self.start.value)
            effects = forecast.what_if(given, paths, changes(given), RUNS // 4, SEED)
        except ProtocolError as error:
            self.problem.show(error)
            return
        self.problem.show(None)
        self.summary.show(milestones_table(found, runs))
        self.milestones.draw(figures.milestone_rows(found))
        self.gains.draw(figures.gain_rows(effects))
        file = csv(found.rename_axis("milestone").reset_index())
        self.download.show(download(_("Download the milestones (CSV)"), "milestones.csv", file, "text/csv"))
        self.effects.show(effects_table(effects))

    def _take_cohort(self) -> None:
        """Take the share that is not eligible in the invented cohort."""
        examples, record = self._trial.examples, self._trial.eligibility
        if examples:
            cohort = read_cohort("example", examples.cohort(), record)
            verdicts = record.screen_cohort(cohort.frame).overall()
            self.failures.value = round(float((verdicts == "ineligible").mean()), 2)


def _number(label: str, value: float, most: float, step: float) -> widgets.BoundedFloatText:
    return field(widgets.BoundedFloatText, label, value=value, min=0, max=most, step=step)


def _days(label: str, value: int) -> widgets.BoundedIntText:
    return field(widgets.BoundedIntText, label, unit=_("days"), value=value, min=0, max=365)


def changes(given: Assumptions) -> dict[str, Mapping[str, Any]]:
    """Return the changes whose effect is shown, by their labels."""
    other = "last" if given.counted_from == "first" else "first"
    edge = _("DLT window from the last infusion") if other == "last" else _("DLT window from the first infusion")
    return {
        _("Twice as many screened"): {"screened_per_month": given.screened_per_month * 2},
        _("Half as many screened"): {"screened_per_month": given.screened_per_month / 2},
        _("Half the screening failures"): {"screening_failures": given.screening_failures / 2},
        _("DLT window one week shorter"): {"dlt_window_days": max(given.dlt_window_days - 7, 0)},
        _("DLT window two weeks longer"): {"dlt_window_days": given.dlt_window_days + 14},
        edge: {"counted_from": other},
        _("Review in 2 days"): {"review_days": 2},
        _("Review in 3 weeks"): {"review_days": 21},
        _("7 days more between participants"): {"stagger_days": given.stagger_days + 7},
    }


def milestones_table(found: pd.DataFrame, runs: pd.DataFrame) -> Markup:
    """Return the milestones with their percentiles, and the share of time that the trial is closed to accrual.

    Parameters
    ----------
    found : pandas.DataFrame
        What :func:`protocol.followup.forecast.milestones` returns.
    runs : pandas.DataFrame
        The simulated trials it is about.
    """
    rows = [
        {_("Milestone"): figures.NEXT[str(name)]}
        | {f"P{share}": _day_and_months(one[f"p{share}"], one[f"p{share}_months"]) for share in (10, 50, 90)}
        for name, one in found.iterrows()
    ]
    closed = _(
        "Closed to accrual for {share} of the escalation, with {n} participants in it (medians of {runs} runs)."
    ).format(share=f"{runs['closed_share'].median():.0%}", n=int(runs["participants"].median()), runs=len(runs))
    return paragraph(strong(closed)) + details(_("The figures as a table"), table(pd.DataFrame(rows, dtype=object)))


def _day_and_months(day: pd.Timestamp, months: float) -> Markup:
    words = ngettext("({n} month)", "({n} months)", round(months)).format(n=round(months))
    return joined((day_text(day), words), " ")


def effects_table(effects: pd.DataFrame) -> Markup:
    """Return what each change does to the medians."""
    rows = [
        {
            _("Change"): one["change"] or _("with the assumptions above"),
            _("Escalation, months"): f"{one['escalation_end']:.1f}",
            _("Last enrolment, months"): f"{one['last_enrolment']:.1f}",
            _("Share of time closed to accrual"): f"{one['closed_share']:.0%}",
        }
        for one in effects.to_dict("records")
    ]
    return details(_("The figures as a table"), table(pd.DataFrame(rows, dtype=object)))
