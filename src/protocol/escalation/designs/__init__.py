"""The dose-finding designs, by the name that people choose them by.

Each file holds one design: its rule, the model of its parameters in the record, its description for a protocol and
its references. A file's name is the name of the design's table in the record: ``[design.pipe]`` for ``pipe.py``.
"""

from protocol.escalation.design import Design
from protocol.escalation.designs.boin import Boin
from protocol.escalation.designs.keyboard import Keyboard
from protocol.escalation.designs.logistic import Logistic
from protocol.escalation.designs.pipe import Pipe
from protocol.escalation.designs.pocrm import Pocrm
from protocol.escalation.designs.three_plus_three import ThreePlusThree
from protocol.escalation.designs.utility import Utility
from protocol.escalation.designs.waterfall import Waterfall

DESIGNS: dict[str, type[Design]] = {
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


def table_name(design: type[Design]) -> str:
    """Name the table of the record that has the design's own parameters: the file that the design stands in."""
    return design.__module__.rpartition(".")[2]
