"""Dose and frequency escalation: the grid, the designs, the selection and the simulation."""

from protocol.escalation.committee_choice import Choice, choose
from protocol.escalation.design import Design
from protocol.escalation.designs import DESIGNS
from protocol.escalation.grid import STOP, Grid, Regimen, true_rates
from protocol.escalation.outcomes import Outcomes, last_named
from protocol.escalation.record import EscalationRecord
from protocol.escalation.results import Simulation
from protocol.escalation.selection import isotonic_rates, select
from protocol.escalation.simulation import simulate
from protocol.escalation.trial_rules import TrialRules

__all__ = [
    "DESIGNS",
    "STOP",
    "Choice",
    "Design",
    "EscalationRecord",
    "Grid",
    "Outcomes",
    "Regimen",
    "Simulation",
    "TrialRules",
    "choose",
    "isotonic_rates",
    "last_named",
    "select",
    "simulate",
    "true_rates",
]  # fmt: skip
