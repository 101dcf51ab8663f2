"""The trial's own calendar: assumptions in, milestones out, and what each assumption is worth."""

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
from protocol.exchange.spreadsheet import csv
from protocol.figures import followup as figures
from protocol.followup import forecast
from protocol.followup.forecast import Assumptions
from protocol.pages.followup.planning import wide
from protocol.pages.followup.words import iso
from protocol.pages.kit import text as elements
from protocol.pages.kit.fields import Day
from protocol.records import ProtocolError, Provenance
from protocol.translation import _
from protocol.trial import Trial


def changes(given: Assumptions) -> dict[str, Mapping[str, Any]]:
    """Name the changes whose worth is shown."""
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


def summary_in_words(table: pd.DataFrame, runs: pd.DataFrame) -> Markup:
    """Say when the milestones fall and how long the trial is closed."""
    rows = [
        {_("Milestone"): figures.NEXT[str(name)]}
        | {f"P{share}": _day_and_months(row[f"p{share}"], row[f"p{share}_months"]) for share in (10, 50, 90)}
        for name, row in table.iterrows()
    ]  # fmt: skip
    shut = _(
        "Closed to accrual for {share} of phase Ib, with {n} participants in it (medians of {runs} runs)."
    ).format(share=f"{runs['closed_share'].median():.0%}", n=int(runs["participants"].median()), runs=len(runs))
    return Markup("<p><b>{}</b></p>").format(shut) + elements.table(pd.DataFrame(rows, dtype=object))


def _day_and_months(day: pd.Timestamp, months: float) -> Markup:
    return Markup("{} ({})").format(iso(day), _("{n} months").format(n=round(months)))


def effects_in_words(table: pd.DataFrame) -> Markup:
    """Tabulate what each change does."""
    rows = [
        {_("Change"): row["change"] or _("as above"), _("Phase Ib, months"): f"{row['escalation_end']:.1f}",
         _("Last enrolment, months"): f"{row['last_enrolment']:.1f}",
         _("Closed to accrual"): f"{row['closed_share']:.0%}"}
        for row in table.to_dict("records")
    ]  # fmt: skip
    return elements.details(_("The figures"), elements.table(pd.DataFrame(rows, dtype=object)))


_STYLE = {"description_width": "62%"}

_LAYOUT = {"width": "min(440px, 100%)"}

RUNS, SEED, DESIGN_RUNS = 20_000, 1, 300


class ForecastPanel:
    """Simulate when phase Ib, enrolment and the last visit end.

    Parameters
    ----------
    trial : Trial
    today : date
        The default start.
    """

    def __init__(self, trial: Trial, today: date) -> None:
        self._trial = trial
        self._given = forecast.assumptions(
            trial.followup, dlt_window_days=trial.escalation.dlt_window_days.value,
            cohort_size=trial.escalation.design.cohort_size.value,
            enrolment=_fact(trial, "enrolment"),
        )  # fmt: skip
        self._walks: dict[str, NDArray[np.int64]] = {}
        self._make_inputs(today)
        self.problem = elements.html("")
        self.summary, self.effects = elements.html("", role="status"), elements.html("")
        self.download = elements.html("")
        self.milestones = Chart(figures.span_of_milestones, _("Milestones of the trial from P10 to P90"))
        self.gains = Chart(figures.gains, _("Months by which each change moves the end of phase Ib"))
        self.view = self._arrange()
        for control in self._controls:
            control.observe(self.refresh, names="value")
        self.from_cohort.on_click(self._take_cohort)
        self.refresh()

    def _make_inputs(self, today: date) -> None:
        given, record = self._given, self._trial.followup.forecast
        self.rates = {rate.site: _number(rate.site, rate.screened_per_month, 0, 500, 0.5) for rate in record.sites}
        self.failures = _number(_("Share failing the screening"), given.screening_failures, 0, 0.99, 0.05)
        self.from_cohort = widgets.Button(
            description=_("Take it from the invented cohort"), disabled=self._trial.examples is None,
            layout={"width": "max-content"},
        )  # fmt: skip
        self.window = _whole(_("DLT window, days"), given.dlt_window_days)
        edges = [(_("first infusion"), "first"), (_("last infusion"), "last")]
        self.counted_from = widgets.Dropdown(
            options=edges, value=given.counted_from, description=_("Counted from"), style=_STYLE, layout=_LAYOUT
        )
        self.review = _whole(_("Review, days"), given.review_days)
        self.lead = _whole(_("Screening before a cohort, days"), given.screening_days)
        self.stagger = _whole(_("Between participants, at least days"), given.stagger_days)
        self.path = widgets.Dropdown(
            options=self._paths(), description=_("Path"), style={"description_width": "initial"},
            layout={"width": "min(640px, 100%)"},
        )  # fmt: skip
        self.start = Day(value=today, description=_("First cohort opens"), style=_STYLE, layout=_LAYOUT)

    @property
    def _controls(self) -> list[widgets.Widget]:
        return [*self.rates.values(), self.failures, self.window, self.counted_from, self.review, self.lead,
                self.stagger, self.path, self.start]  # fmt: skip

    def _paths(self) -> list[tuple[str, str]]:
        grid = self._trial.escalation.grid
        steps = sum(grid.shape) - 1
        paths = [
            (_("Shortest: up the doses, then up the frequencies ({n} cohorts)").format(n=steps), "shortest"),
            (_("Every combination once ({n} cohorts)").format(n=grid.size), "all"),
        ]
        if self._trial.so_far:
            paths.append((_("As in the trial so far"), "so far"))
        return paths + [
            (_("As the design walks when true rates are: {name}").format(name=scenario.title), scenario.id)
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
                people = [person.regimen for person in self._trial.so_far.participants]
                counts = forecast.cohorts_at(people, grid.frequencies)
                self._walks[name] = np.ceil(counts[None, :] / self._given.cohort_size).astype(np.int64)
            else:
                self._walks[name] = self._designed(name)
        return self._walks[name]

    def _designed(self, scenario: str) -> NDArray[np.int64]:
        """Let the record's own design walk many trials; its cohorts are what the calendar needs."""
        record = self._trial.escalation
        truth = next(item.truth for item in record.scenarios if item.id == scenario)
        start = record.grid.index(record.design.start.value)
        walked = simulate_design(record.designed(), truth, DESIGN_RUNS, SEED, start=start)
        treated = walked.treated.sum(axis=1).astype(np.int64)
        cohorts: NDArray[np.int64] = np.ceil(treated / self._given.cohort_size).astype(np.int64)
        return cohorts

    def _arrange(self) -> widgets.VBox:
        left = widgets.VBox(
            [_label(_("People screened a month")), *self.rates.values(), self.failures, self.from_cohort, self.start],
            layout=_LAYOUT,
        )
        right = widgets.VBox(
            [_label(_("Cohorts of phase Ib")), self.window, self.counted_from, self.review, self.lead, self.stagger],
            layout=_LAYOUT,
        )
        return widgets.VBox(
            [
                elements.section(
                    _("Registered dates"), elements.html(self._registered()),
                ),
                elements.section(
                    _("What the calendar rests on"), self.path, elements.row(left, right),
                    elements.html(elements.details(_("Why these numbers"), self._reasons())),
                    lead=_("None of these numbers is in the listing; each is an assumption to be replaced."),
                ),
                elements.section(
                    _("When the trial could end"), self.problem, self.summary, wide(self.milestones), self.download,
                ),
                elements.section(
                    _("What each assumption is worth"), wide(self.gains), self.effects,
                    lead=_("One change at a time, with the same chances; medians of simulated trials."),
                ),
            ]
        )  # fmt: skip

    def _reasons(self) -> Markup:
        record, escalation = self._trial.followup.forecast, self._trial.escalation
        values: list[tuple[str, Provenance]] = [
            (_("DLT window"), escalation.dlt_window_days), (_("Cohort size"), escalation.design.cohort_size),
            (_("Counted from"), record.counted_from), (_("Review"), record.review_days),
            (_("Screening before a cohort"), record.screening_days), (_("Between participants"), record.stagger_days),
            (_("Share failing the screening"), record.screening_failures),
            *((rate.site, rate) for rate in record.sites),
        ]  # fmt: skip
        return Markup("").join(
            Markup("<p>{}: {}</p>").format(name, elements.assumption(v.origin)) for name, v in values
        )

    def _registered(self) -> Markup:
        facts, given = self._trial.identity, self._given
        most = given.enrolled_per_day * forecast.DAYS_PER_MONTH
        try:
            check = forecast.registered_dates(
                _fact(self._trial, "start_date"),
                _fact(self._trial, "completion_date"),
                given.enrolment,
                given.follow_up,
                most,
            )
        except ProtocolError as error:
            return elements.message(error)
        said = _(
            "Registered are a start on {start}, a completion on {end}, {n} participants and 2 years of follow-up "
            "after enrolment. Two years before the completion is {last}: {days} days for all enrolments, or {rate} a "
            "month."
        ).format(start=facts["start_date"].value, end=facts["completion_date"].value, n=given.enrolment,
                 last=check.last_enrolment, days=check.days, rate=round(check.per_month))  # fmt: skip
        verdict = (
            _("✓ They fit together.") if check.feasible else _("✗ These registered facts contradict each other.")
        )
        tags = Markup(" ").join(
            elements.origin(facts[name]) for name in ("start_date", "completion_date", "enrolment")
        )
        style = "pw-good" if check.feasible else "pw-bad"
        return Markup('<p class="{}">{}</p><p>{} {}</p>').format(style, verdict, said, tags)

    @property
    def assumed(self) -> forecast.Assumptions:
        """The assumptions as the page stands."""
        return replace(
            self._given, screened_per_month=sum(box.value for box in self.rates.values()),
            screening_failures=self.failures.value, dlt_window_days=self.window.value,
            counted_from=self.counted_from.value, review_days=self.review.value, screening_days=self.lead.value,
            stagger_days=self.stagger.value,
        )  # fmt: skip

    def refresh(self, _change: Any = None) -> None:
        """Simulate with the present assumptions and show what follows."""
        try:
            if self.start.value is None:
                raise ProtocolError(_("First cohort opens"), _("no date"), _("a date"))
            given, paths = self.assumed, self.cohorts()
            runs = forecast.simulate(given, paths, RUNS, SEED)
            table = forecast.milestones(given, runs, self.start.value)
            effects = forecast.what_if(given, paths, changes(given), RUNS // 4, SEED)
        except ProtocolError as error:
            self.problem.value = elements.dress(elements.message(error))
            return
        self.problem.value = ""
        self.summary.value = elements.dress(summary_in_words(table, runs), role="status")
        self.milestones.draw(figures.milestone_rows(table))
        self.gains.draw(figures.gain_rows(effects))
        file = csv(table.rename_axis("milestone").reset_index())
        self.download.value = elements.dress(
            elements.download(_("Download the milestones (CSV)"), "milestones.csv", file, "text/csv")
        )
        self.effects.value = elements.dress(effects_in_words(effects))

    def _take_cohort(self, _button: widgets.Button) -> None:
        """Take the share that is not eligible in the invented cohort."""
        from protocol.exchange.cohort.files import read_cohort

        examples, record = self._trial.examples, self._trial.eligibility
        if examples:
            cohort = read_cohort("example", examples.cohort(), record)
            verdicts = record.screen_cohort(cohort.frame, "Ib").overall()
            self.failures.value = round(float((verdicts == "ineligible").mean()), 2)


def _fact(trial: Trial, name: str) -> Any:
    return trial.identity[name].value


def _label(text: str) -> widgets.HTML:
    return elements.html(Markup("<b>{}</b>").format(text))


def _number(description: str, value: float, low: float, high: float, step: float) -> widgets.BoundedFloatText:
    return widgets.BoundedFloatText(
        value, min=low, max=high, step=step, description=description, style=_STYLE, layout=_LAYOUT
    )


def _whole(description: str, value: int) -> widgets.BoundedIntText:
    return widgets.BoundedIntText(value, min=0, max=365, description=description, style=_STYLE, layout=_LAYOUT)
