"""The escalation page: outcomes, the recommendation with its reason, and the simulations of the design."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import numpy as np

from protocol.chart import Chart
from protocol.conduct import AWAITED, outcome_notation, participant_status
from protocol.escalation import STOP, Outcomes, last_named
from protocol.escalation.grid import Integers
from protocol.escalation.pathways import deciding_regimens
from protocol.figures import escalation as figures
from protocol.pages.escalation.advice import advice, regimen_rows, withheld
from protocol.pages.escalation.calibration import CalibrationPanel
from protocol.pages.escalation.comparison import ComparisonPanel
from protocol.pages.escalation.decisions import DecisionPanel
from protocol.pages.escalation.design_settings import MOST_PARTICIPANTS, DesignSettings
from protocol.pages.escalation.operating_characteristics import OperatingCharacteristicsPanel, count_field, half
from protocol.pages.escalation.pathways import PathwaysPanel
from protocol.pages.escalation.statistical_section import StatisticalSectionPanel
from protocol.pages.kit import Text, button, field, invented, joined, note, origin, paragraph, row, section, strong
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial


class EscalationPage:
    """Enter outcomes, read the recommendation, simulate.

    Parameters
    ----------
    trial : Trial
    today : date
        The reader's calendar day; it stands in the text for the protocol.
    desk : Desk, optional
        The log; its outcomes are put in, and its decisions are a tab. Without it the page starts empty.

    Attributes
    ----------
    notation, current, pending, regimen, treated, dlt : ipywidgets
        The outcomes, the regimen the trial is at, and the counts of one regimen.
    settings, pathways, simulation, comparison, calibration, report, decisions
        The parts of the page; `decisions` is None without a log.
    view : ipywidgets.Tab
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self.record, self.grid, self.examples = trial.escalation, trial.escalation.grid, trial.examples
        self._log = desk if desk and not desk.invented else None
        self._is_example = False
        start = self.record.design.start.value
        self._start = self.grid.index(start)
        regimens = [(label, index) for index, label in enumerate(self.grid.labels)]
        self.current = field(
            widgets.Dropdown, _("Current regimen"), options=regimens, value=self._start, width="short"
        )
        self.pending = count_field(_("Still in the DLT window"), 0, MOST_PARTICIPANTS, least=0)
        self.regimen = field(widgets.Dropdown, _("Regimen"), options=regimens, value=self._start, width="short")
        self.treated = count_field(_("Treated"), 0, MOST_PARTICIPANTS, least=0)
        self.dlt = count_field(_("With a DLT"), 0, MOST_PARTICIPANTS, least=0)
        self.notation = field(widgets.Text, _("Outcomes"), placeholder=f"{start}:NNN", width="full")
        self.follow = button(_("Move to the recommended regimen"), self._follow)
        source = _("Put in the outcomes of the log") if self._log else _("Put in the invented example")
        self.example = button(source, self._put_in_outcomes, disabled=not self._log and self.examples is None)
        self.picture = Chart(figures.grid, description=_("Recommendation on the grid"))
        self.advice, self.problem, self.label = Text(), Text(role=""), Text(role="")

        self.settings = settings = DesignSettings(self.record, self.refresh)
        self.pathways = PathwaysPanel(self.record)
        self.simulation = OperatingCharacteristicsPanel(self.record, settings.design_now)
        self.comparison = ComparisonPanel(self.record, settings.design_as, lambda: self.simulation.truth.truth)
        self.calibration = CalibrationPanel(self.record, settings.design_with, settings.stops_early)
        self.report = StatisticalSectionPanel(trial, settings.design_now, lambda: settings.design.value, today)
        self.decisions = DecisionPanel(desk, today) if desk else None
        tabs = {
            _("Next cohort"): widgets.VBox([self._next_regimen(), self.pathways.view]),
            _("Design"): settings.view,
            _("Operating characteristics"): self.simulation.view,
            _("Comparison of designs"): self.comparison.view,
            _("Calibration"): self.calibration.view,
            _("Statistical section"): self.report.view,
        }
        if self.decisions:
            tabs[_("Decisions")] = self.decisions.view
        self.tabs = widgets.Tab(list(tabs.values()), titles=list(tabs), selected_index=0)
        self.view = widgets.VBox([self.tabs])
        self._connect()
        self.refresh()
        if desk:
            self._put_in_outcomes()

    def _next_regimen(self) -> widgets.VBox:
        letters = _(
            "One letter a participant, N without and T with a DLT, P still in the window (P0.5: half of it has "
            "passed). Paste a line to replace everything; the regimen named last becomes the current one."
        )
        window = self.record.dlt_window_days
        lead = _("Count only participants who completed the DLT window of {} days from their first infusion.")
        answer = half(
            self.advice,
            self.problem,
            self.pathways.turning,
            row(self.current, self.pending),
            row(self.follow, self.example),
            Text(strong(_("Outcomes of one regimen")), role=""),
            row(self.regimen, self.treated, self.dlt),
            self.notation,
            Text(paragraph(letters, "off"), role=""),
        )
        return section(
            _("Next regimen"),
            self.label,
            row(answer, half(self.picture)),
            lead=joined((lead.format(window.value), origin(window)), " "),
        )

    def _connect(self) -> None:
        for widget in (self.current, self.pending):
            widget.observe(self.refresh, "value")
        self.notation.observe(self._read, "value")
        self.regimen.observe(self._load, "value")
        self.picture.observe(self._pick, "picked")
        for widget in (self.treated, self.dlt):
            widget.observe(self._count, "value")

    # What a person does

    def _pick(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.regimen.value = self.grid.index(change["new"]["regimen"])

    def _follow(self) -> None:
        try:
            outcomes, following = self._advise()
        except ProtocolError as error:
            self._say(error)
            return
        if following != STOP and not self._waited_for(outcomes).any():
            self.regimen.value = self.current.value = following

    def _put_in_outcomes(self) -> None:
        """Put in the outcomes of the log, or those of the invented example where there is no log."""
        if self._log:
            now = self._log.briefing
            self.notation.value = now.notation
            self.current.value = self.grid.index(now.open_regimen) if now.open_regimen else self._start
            self.pending.value = len(now.waiting)
        elif self.examples:
            so_far = self.examples.so_far
            table = participant_status(so_far, self.record.dlt_window_days.value)
            self._is_example = True
            self.notation.value = outcome_notation(table)
            self.current.value = self.grid.index(so_far.open_regimen)
            waiting = table["regimen"].eq(so_far.open_regimen) & table["progress"].isin(AWAITED)
            self.pending.value = int(waiting.sum())

    def _count(self, _change: object) -> None:
        try:
            counts = self.regimen.value, self.treated.value, self.dlt.value
            outcomes = self._outcomes().with_regimen(*counts)
            self.settings.design_now().eliminated(outcomes)
        except ProtocolError as error:
            self._say(error)
        else:
            self.notation.unobserve(self._read, "value")
            self.notation.value = outcomes.notation(self.current.value)
            self.notation.observe(self._read, "value")
            self.refresh()

    def _read(self, _change: object) -> None:
        try:
            self._outcomes()
        except ProtocolError as error:
            self._say(error)
            return
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

    def _outcomes(self) -> Outcomes:
        return Outcomes.parse(self.grid, self.notation.value)

    def _advise(self) -> tuple[Outcomes, int]:
        outcomes, design = self._outcomes(), self.settings.design_now()
        self._check_reached(outcomes)
        deciding = deciding_regimens(design, outcomes, self.current.value)
        return outcomes, int(design.next(outcomes, deciding)[0])

    def _waited_for(self, outcomes: Outcomes) -> Integers:
        """Count the participants that are waited for at each regimen: by the trial's rules, and as entered."""
        waited = self.record.rules().waited_for(self.settings.design_now(), outcomes, self.current.value)
        waited[self.current.value] = max(waited[self.current.value], self.pending.value)
        return waited

    def refresh(self, _change: object = None) -> None:
        """Ask the design and show its answer; on input that cannot be used, withhold it."""
        try:
            design = self.settings.design_now()
            outcomes, following = self._advise()
        except ProtocolError as error:
            self._say(error)
            return
        self.problem.show(None)
        self._is_example = self._is_example and bool(self.notation.value.strip())
        self.label.show(invented() if self._is_example else None)
        waited, current = self._waited_for(outcomes), self.current.value
        waits = bool(waited.any())
        self.follow.disabled = following in (STOP, current) or waits
        differs = design != self.record.designed(self.settings.design.value)
        what_if = note(_("What if: the design differs from the record's.")) if differs else ""
        self.advice.show(advice(design, outcomes, current, following, waited, what_if))
        next_regimen = None if waits else following
        self.picture.draw(regimen_rows(design, outcomes, current, next_regimen, marked=self.regimen.value))
        self.settings.refresh(design)
        self.simulation.follow()
        self.pathways.show(design, outcomes, current, following, waits)

    def _is_reached(self, outcomes: Outcomes) -> bool:
        """Whether the current regimen is at most one step above a treated one: nothing may be skipped."""
        at, treated = self.current.value, np.argwhere(outcomes.treated[0])
        up = np.maximum(np.array(divmod(at, self.grid.shape[1])) - treated, 0).sum(axis=1)
        return bool((up <= 1).any()) or (not len(treated) and at == self._start)

    def _check_reached(self, outcomes: Outcomes) -> None:
        if self._is_reached(outcomes):
            return
        label = self.grid.labels[self.current.value]
        found = _("{}, where no participant was treated, nor one step from it").format(label)
        write = _("a regimen that was treated, or one a step away from it")
        raise ProtocolError(_("current regimen"), found, write)

    def _say(self, error: ProtocolError) -> None:
        self.problem.show(error)
        self.simulation.mark_stale()
        self.advice.show(withheld())
        self.pathways.turning.show(None)
        self.follow.disabled = True
