"""The escalation: what was seen, what comes next and why, and how often such a rule is right."""

from datetime import date
from typing import Any

import ipywidgets as widgets
import numpy as np
from markupsafe import Markup

from protocol.chart import Chart
from protocol.conduct import AWAITED, outcome_notation, participant_status
from protocol.escalation import STOP, Integers, Outcomes, last_named
from protocol.figures import escalation as figures
from protocol.pages.escalation.advice import advice, deciding_regimen, regimen_rows, withheld
from protocol.pages.escalation.calibration import CalibrationPanel
from protocol.pages.escalation.comparison import SideBySide
from protocol.pages.escalation.decisions import DecisionPanel
from protocol.pages.escalation.design_settings import DesignSettings
from protocol.pages.escalation.operating_characteristics import Characteristics, half
from protocol.pages.escalation.pathways import Outlook
from protocol.pages.escalation.statistical_section import Report
from protocol.pages.kit import text as elements
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError
from protocol.translation import _
from protocol.trial import Trial

WIDE = {"description_width": "initial"}

MOST_PARTICIPANTS = 200


class EscalationPage:
    """Enter outcomes, read the recommendation, simulate.

    Parameters
    ----------
    trial : Trial
    today : date
        The reader's calendar day; it stands in the text for the protocol.
    desk : Desk, optional
        The log; its outcomes are put in, and its decisions are a tab. Without it the page starts empty.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self.record, self.grid, self.examples = trial.escalation, trial.escalation.grid, trial.examples
        self._desk, self._is_example = desk, False
        self._make_inputs()
        self._make_outputs()
        self.settings = settings = DesignSettings(self.record, self.refresh)
        self.outlook = Outlook(self.record)
        self.simulation = Characteristics(self.record, settings.design_now)
        self.comparison = SideBySide(self.record, settings.design_as, lambda: self.simulation.truth.truth)
        self.calibration = CalibrationPanel(self.record, settings.design_with, settings.stops_early)
        self.report = Report(trial, settings.design_now, lambda: settings.design.value, today)
        self.decisions = DecisionPanel(desk, today) if desk else None
        self.tabs = self._tabs()
        self.view = widgets.VBox([self.tabs])
        self._connect()
        self.refresh()
        if desk:
            self._put_in_outcomes()

    # Inputs

    def _make_inputs(self) -> None:
        given = self.record.design
        self._start = start = self.grid.index(given.start.value)
        regimens = [(label, index) for index, label in enumerate(self.grid.labels)]
        narrow = {"style": WIDE, "layout": {"width": "145px"}}
        counts = {"min": 0, "max": MOST_PARTICIPANTS, **narrow}
        self.regimen = widgets.Dropdown(options=regimens, value=start, description=_("Regimen"), **narrow)
        self.treated = widgets.BoundedIntText(description=_("Treated"), **counts)
        self.dlt = widgets.BoundedIntText(description=_("With a DLT"), **counts)
        self.pending = widgets.BoundedIntText(
            description=_("Still in the DLT window"),
            min=0,
            max=MOST_PARTICIPANTS,
            style=WIDE,
            layout={"width": "250px"},
        )
        self.current = widgets.Dropdown(options=regimens, value=start, description=_("Current regimen"), style=WIDE)
        self.follow = widgets.Button(
            description=_("Move to the recommended regimen"), layout={"width": "max-content"}
        )
        self.notation = widgets.Text(
            description=_("Outcomes"), placeholder="A1:NNN B1:NTN", style=WIDE, layout={"width": "auto"}
        )
        has_log = self._desk is not None and not self._desk.invented
        self.example = widgets.Button(
            description=_("Put in the outcomes of the log") if has_log else _("Put in the invented example"),
            disabled=not has_log and self.examples is None,
            layout={"width": "max-content"},
        )

    def _make_outputs(self) -> None:
        self.picture = Chart(figures.grid, description=_("Recommendation on the grid"))
        self.problem = elements.html("")
        self.advice = elements.html("", role="status")
        self.label = elements.html("")

    def _tabs(self) -> widgets.Tab:
        tabs = {
            _("Next cohort"): widgets.VBox([self._next(), self.outlook.view]),
            _("Design"): self.settings.view,
            _("Operating characteristics"): self.simulation.view,
            _("Comparison of designs"): self.comparison.view,
            _("Calibration"): self.calibration.view,
            _("Statistical section"): self.report.view,
        }
        if self.decisions:
            tabs[_("Decisions")] = widgets.VBox([self.decisions.view, self.decisions.past])
        return widgets.Tab(list(tabs.values()), titles=list(tabs), selected_index=0)

    def _next(self) -> widgets.VBox:
        entry = [
            elements.row(self.current, self.pending), elements.row(self.follow, self.example),
            elements.html(Markup("<b>{}</b>").format(_("Outcomes of one regimen"))),
            elements.row(self.regimen, self.treated, self.dlt), self.notation,
            elements.html(Markup('<p class="pw-off">{}</p>').format(_(
                "One letter a participant, N without and T with a DLT, P still in the window (P0.5: half of it has "
                "passed). Paste a line to replace everything; "
                "the regimen named last becomes the current one."
            ))),
        ]  # fmt: skip
        window = self.record.dlt_window_days
        lead = Markup("{} {}").format(
            _("Count only participants who completed the DLT window of {} days from their first infusion.").format(
                window.value
            ),
            elements.origin(window),
        )
        answer = half(self.advice, self.problem, self.outlook.turning, *entry)
        board = elements.row(answer, half(self.picture))
        return elements.section(_("Next regimen"), self.label, board, lead=lead)

    def _connect(self) -> None:
        for widget in (self.current, self.pending):
            widget.observe(self.refresh, "value")
        self.notation.observe(self._read, "value")
        self.regimen.observe(self._load, "value")
        self.picture.observe(self._pick, "picked")
        self.follow.on_click(self._follow)
        self.example.on_click(lambda _button: self._put_in_outcomes())
        for widget in (self.treated, self.dlt):
            widget.observe(self._count, "value")

    # What a person does

    def _pick(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.regimen.value = self.grid.index(change["new"]["regimen"])

    def _follow(self, _button: widgets.Button) -> None:
        try:
            outcomes, following = self._advise()
        except ProtocolError as error:
            self._say(error)
            return
        if following != STOP and not self._waited_for(outcomes).any():
            self.regimen.value = self.current.value = following

    def _put_in_outcomes(self) -> None:
        """Put in the outcomes of the log, or those of the invented example where there is no log."""
        if self._desk and not self._desk.invented:
            now = self._desk.briefing
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
        deciding = deciding_regimen(design, outcomes, self.current.value)
        return outcomes, int(design.next(outcomes, [deciding])[0])

    def _waited_for(self, outcomes: Outcomes) -> Integers:
        """Count who is waited for, at each regimen: by the rules of the trial, and as the box says."""
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
        self.problem.value = ""
        self._is_example = self._is_example and bool(self.notation.value.strip())
        self.label.value = str(elements.invented()) if self._is_example else ""
        waited, current = self._waited_for(outcomes), self.current.value
        waits = bool(waited.any())
        self.follow.disabled = following in (STOP, current) or waits
        note = (
            ""
            if design == self.record.designed(self.settings.design.value)
            else elements.note(_("What if: the design differs from the record's."))
        )
        words = advice(design, outcomes, current, following, waited, note)
        self.advice.value = elements.dress(words, role="status")
        self.picture.draw(
            regimen_rows(design, outcomes, current, None if waits else following, marked=self.regimen.value)
        )
        self.settings.refresh(design)
        self.simulation.follow()
        self.outlook.refresh(design, outcomes, current, following, waits=waits)

    def _is_reached(self, outcomes: Outcomes) -> bool:
        """Whether the current regimen is at most one step above a treated one: nothing may be skipped."""
        at, treated = self.current.value, np.argwhere(outcomes.treated[0])
        up = np.maximum(np.array(divmod(at, self.grid.shape[1])) - treated, 0).sum(axis=1)
        return bool((up <= 1).any()) or (not len(treated) and at == self._start)

    def _check_reached(self, outcomes: Outcomes) -> None:
        if self._is_reached(outcomes):
            return
        label = self.grid.labels[self.current.value]
        found = _("{}, where nobody was treated, nor one step from it").format(label)
        write = _("a regimen that was treated, or one a step away from it")
        raise ProtocolError(_("current regimen"), found, write)

    def _say(self, error: ProtocolError) -> None:
        self.problem.value = elements.dress(elements.message(error))
        self.simulation.mark_stale()
        self.advice.value = elements.dress(withheld(), role="status")
        self.outlook.turning.value = ""
        self.follow.disabled = True
