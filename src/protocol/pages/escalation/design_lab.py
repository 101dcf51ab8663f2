"""The tab "Design lab": the settings in a rail, and their results as cards."""

import ipywidgets as widgets

from protocol.escalation import EscalationRecord
from protocol.pages.escalation.calibration import CalibrationPanel
from protocol.pages.escalation.comparison import ComparisonPanel
from protocol.pages.escalation.design_settings import BoundariesPanel, DesignSettings
from protocol.pages.escalation.operating_characteristics import OperatingCharacteristicsPanel
from protocol.pages.kit import classed


class DesignLab:
    """What the design as set decides, how often it is right, and how it compares.

    Parameters
    ----------
    record : EscalationRecord
    settings : DesignSettings

    Attributes
    ----------
    boundaries, simulation, comparison, calibration
        The cards.
    view : ipywidgets.Box
    """

    def __init__(self, record: EscalationRecord, settings: DesignSettings) -> None:
        self.boundaries = BoundariesPanel(record, settings)
        self.simulation = OperatingCharacteristicsPanel(record, settings.design_now)
        self.comparison = ComparisonPanel(record, settings.design_as, lambda: self.simulation.truth.truth)
        self.calibration = CalibrationPanel(record, settings.design_with, settings.stops_early)
        settings.on_change(self.simulation.follow)
        settings.on_change(self.comparison.state.refresh)
        settings.on_change(self.calibration.state.refresh)
        self.simulation.on_truth(self.comparison.state.refresh)
        cards = [self.boundaries.view, self.simulation.view, self.comparison.view, self.calibration.view]
        rail = classed(widgets.VBox([settings.view]), "pw-settings")
        self.view = classed(widgets.Box([rail, widgets.VBox(cards)]), "pw-lab")
