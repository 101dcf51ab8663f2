"""The effect page: phase II, blood counts, recovery, adverse events, and the choice of a regimen."""

from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets

from protocol.pages.effect.adverse_events import AdverseEventsPanel
from protocol.pages.effect.blood_counts import BloodCountsPanel
from protocol.pages.effect.dose_selection import DoseSelectionPanel
from protocol.pages.effect.phase_two import PhaseTwoPanel
from protocol.pages.effect.recovery import RecoveryPanel
from protocol.pages.effect.report import SafetyReportPanel
from protocol.pages.effect.settings import EffectSettings
from protocol.pages.kit import Panel, Tabs, Text, invented, joined, note, paragraph
from protocol.pages.trial_log.desk import Desk
from protocol.translation import _
from protocol.trial import Trial


class EffectPage:
    """What the infusions did to the blood, what harm came, and whether phase II should go on.

    Parameters
    ----------
    trial : Trial
    today : date
        The reader's day.
    desk : Desk, optional
        The log, or the invented example. Without one only the choice between regimens has something to show.

    Attributes
    ----------
    tabs : Tabs
        ``phase-two``, ``counts``, ``recovery``, ``events``, ``doses``, ``report``.
    panels : dict of str to Panel
        Those that were opened so far, by the name of their tab.
    in_address : dict of str to widget
        What the address of the page keeps.
    view : ipywidgets.VBox
        The page.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self._trial, self._desk, self._today = trial, desk, today
        self._settings = EffectSettings(trial, desk)
        self.panels: dict[str, Panel] = {}
        self._boxes = {name: widgets.VBox() for name in _TITLES}
        self.phase_two = PhaseTwoPanel(self._settings, self._invented)
        parts = {name: (title, self._opener(name)) for name, title in _TITLES.items()}
        self.tabs = Tabs(parts)
        self.in_address = {"tab": self.tabs, "rule": self.phase_two.rule}
        if desk:
            desk.on_change(self.refresh)
        self.view = widgets.VBox([self.tabs])

    @property
    def _invented(self) -> bool:
        return bool(self._desk and self._desk.invented)

    def _opener(self, name: str) -> Callable[[], widgets.Widget]:
        def build() -> widgets.Widget:
            self.panels[name] = self._make(name)
            self._fill(name)
            return self._boxes[name]

        return build

    def _make(self, name: str) -> Panel:
        if name == "phase-two":
            return self.phase_two
        if name == "counts":
            return BloodCountsPanel(self._settings, self._invented)
        if name == "recovery":
            return RecoveryPanel(self._settings, self._trial.escalation.grid, self._invented)
        if name == "events":
            return AdverseEventsPanel(self._settings, self._invented, self._trial.site_shown)
        if name == "report" and self._desk:
            return SafetyReportPanel(self._desk, self._settings)
        return DoseSelectionPanel(self._trial, self._settings)

    def refresh(self) -> None:
        """Show the present state of the log in every tab that was opened."""
        self._settings = EffectSettings(self._trial, self._desk)
        for name in self.panels:
            self._fill(name)

    def _fill(self, name: str) -> None:
        panel, box = self.panels[name], self._boxes[name]
        later = self._desk and self._desk.trial is not self._trial
        words = joined((invented(), paragraph(_later(), "off") if later else ""))
        label = Text(words if self._invented else None, role="")
        seen = self._desk.effect if self._desk else None
        if name == "doses":
            panel.show()
            box.children = (panel.view,)
        elif seen is None:
            nobody = _("No log is open, and there is no example: there are no participants.")
            box.children = (Text(note(nobody), role=""),)
        elif not seen.treated and name != "phase-two":
            box.children = (label, Text(note(_("No participant is treated yet.")), role=""))
        else:
            panel.show(seen)
            if panel.view not in box.children:
                box.children = (label, panel.view)


_TITLES: dict[str, Any] = {
    "phase-two": _("Phase II"),
    "counts": _("Blood counts"),
    "recovery": _("Recovery"),
    "events": _("Adverse events"),
    "doses": _("Dose selection"),
    "report": _("Safety report"),
}


def _later() -> str:
    return _(
        "This page shows the example at a later time than the other pages: the escalation is over, and phase II is "
        "under way with more participants."
    )
