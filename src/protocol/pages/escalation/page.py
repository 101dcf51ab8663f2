"""The escalation page: the decision that the log leads to, the lab of the design, and the text for the protocol."""

from collections.abc import Callable
from datetime import date
from functools import cached_property

from protocol.pages.escalation.decision_tab import DecisionTab
from protocol.pages.escalation.design_lab import DesignLab
from protocol.pages.escalation.design_settings import DesignSettings
from protocol.pages.escalation.sandbox import Sandbox
from protocol.pages.escalation.statistical_section import StatisticalSectionPanel
from protocol.pages.kit import Draft, Tabs
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _
from protocol.trial import Trial


class EscalationPage:
    """Read what the log leads to and record the decision; try a design; write it into the protocol.

    Parameters
    ----------
    trial : Trial
    today : date
        The reader's calendar day; it stands in the text for the protocol.
    desk : Desk, optional
        The log, or the invented example. Without it the first tab is a sandbox.

    Attributes
    ----------
    settings : DesignSettings
    decision : DecisionTab or None
        None without a log.
    in_address, drafts : dict
        The controls that stand in the address of the page, and the fields of its form.
    tabs : Tabs
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self._trial, self._today, self._desk = trial, today, desk
        self.record, self.grid = trial.escalation, trial.escalation.grid
        self.settings = DesignSettings(self.record)
        self.decision = DecisionTab(desk, today, self._sandbox_with) if desk else None
        first = self.decision.view if self.decision else self.sandbox.view
        self.tabs = Tabs(
            {
                "decision": (_("Decision"), first),
                "lab": (_("Design lab"), lambda: self.lab.view),
                "protocol": (_("Protocol text"), lambda: self.report.view),
            }
        )
        self.view = self.tabs
        self.in_address = {"tab": self.tabs, **self.settings.controls}
        self.drafts: dict[str, Draft] = {}
        if self.decision:
            self.in_address |= {"sandbox": self.decision.trying, "outcomes": self.decision.outcomes}
            self.drafts = {"decision": self.decision.decisions.draft, "declaration": self.decision.declaration.draft}
        else:
            self.in_address |= {"outcomes": self.sandbox.notation}

    @property
    def says_action(self) -> bool:
        """Whether what is open says what the trial should do next."""
        return self.decision is not None and self.tabs.value == "decision"

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox."""
        return self.decision.sandbox if self.decision else self._sandbox_with(None)

    @cached_property
    def lab(self) -> DesignLab:
        """The design lab, made when it is first asked for."""
        return DesignLab(self.record, self.settings)

    @cached_property
    def report(self) -> StatisticalSectionPanel:
        """The text for the protocol, made when it is first asked for."""
        from protocol.pages.effect.settings import (
            EffectSettings,
            phase_two_text,
        )  # with its pictures, for this tab only

        return StatisticalSectionPanel(
            self._trial,
            self.settings,
            self._today,
            lambda: phase_two_text(EffectSettings(self._trial, self._desk)),
            lambda: self._desk.sight if self._desk else {},
        )

    def _sandbox_with(self, close: Callable[[], None] | None) -> Sandbox:
        sandbox = Sandbox(self.record, self.settings, close)
        self.settings.on_change(sandbox.refresh)
        return sandbox
