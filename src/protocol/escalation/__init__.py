"""Dose and frequency escalation: the grid, the designs, the selection and the simulation."""

from protocol.escalation.calibration import Calibration, Setting, calibrate, calibrate_in_steps
from protocol.escalation.committee_choice import Choice, choose
from protocol.escalation.comparison import Comparison, compare, compare_in_steps
from protocol.escalation.design import Description, Design
from protocol.escalation.designs import DESIGNS
from protocol.escalation.grid import STOP, Booleans, Floats, Grid, Integers, Regimen, true_rates
from protocol.escalation.next_action import Awaited, NextAction, enrolment_stopped, escalation_over, next_action
from protocol.escalation.outcomes import Outcomes, last_named
from protocol.escalation.pathways import deciding_regimens, pathways, recommended, turning_points
from protocol.escalation.record import EscalationRecord, Scenario
from protocol.escalation.results import Simulation, figure_words
from protocol.escalation.selection import isotonic_rates, select, select_contour
from protocol.escalation.simulation import simulate
from protocol.escalation.trial_rules import TrialRules

__all__ = [
    "DESIGNS",
    "STOP",
    "Awaited",
    "Booleans",
    "Calibration",
    "Choice",
    "Comparison",
    "Description",
    "Design",
    "EscalationRecord",
    "Floats",
    "Grid",
    "Integers",
    "NextAction",
    "Outcomes",
    "Regimen",
    "Scenario",
    "Setting",
    "Simulation",
    "TrialRules",
    "calibrate",
    "calibrate_in_steps",
    "choose",
    "compare",
    "compare_in_steps",
    "deciding_regimens",
    "enrolment_stopped",
    "escalation_over",
    "figure_words",
    "isotonic_rates",
    "last_named",
    "next_action",
    "pathways",
    "recommended",
    "select",
    "select_contour",
    "simulate",
    "true_rates",
    "turning_points",
]
