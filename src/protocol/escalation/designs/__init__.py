"""The dose-finding designs, by the name people choose them with."""

from typing import Any

from protocol.escalation.designs.boin import Boin
from protocol.escalation.designs.keyboard import Keyboard
from protocol.escalation.designs.logistic import Logistic
from protocol.escalation.designs.pipe import Pipe
from protocol.escalation.designs.pocrm import Pocrm
from protocol.escalation.designs.three_plus_three import ThreePlusThree
from protocol.escalation.designs.utility import Utility
from protocol.escalation.designs.waterfall import Waterfall

DESIGNS: dict[str, type[Any]] = {
    "BOIN (2-D)": Boin,
    "Keyboard (2-D)": Keyboard,
    "Waterfall": Waterfall,
    "PIPE": Pipe,
    "POCRM": Pocrm,
    "Two-agent logistic": Logistic,
    "Utility of response and toxicity": Utility,
    "3+3 along a path": ThreePlusThree,
}
"""Every design by the name that people choose it by."""
