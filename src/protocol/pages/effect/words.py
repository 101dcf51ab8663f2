"""Words and small pieces that the parts of the effect page share."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from protocol.display import FEW_TEXT
from protocol.effect import HIDDEN, units
from protocol.effect import analytes as all_analytes
from protocol.exchange.units import shown_unit
from protocol.translation import _

LIGHTS = {
    "green": ("●", _("Go on")),
    "amber": ("▲", _("Caution")),
    "red": ("■", _("Stop the trial")),
    "grey": ("○", _("Not begun")),
}
"""Sign and word of each light; the colour never stands alone."""

LOOK_STATES = {
    "stop": _("stop"),
    "go on": _("go on"),
    "open": _("waits for outcomes"),
    "to come": _("to come"),
}

TRUTHS = {
    "effective and safe": _("effective and safe"),
    "futile and safe": _("futile, safe"),
    "effective and toxic": _("effective, toxic"),
    "futile and toxic": _("futile and toxic"),
}

OUTCOMES = {"response": _("responses"), "toxicity": _("toxicities")}

COUNTED = {"response": _("{n} responses"), "toxicity": _("{n} toxicities")}
"""How many participants have an outcome."""

RELATEDNESS = {
    "definite": _("definite"),
    "probable": _("probable"),
    "possible": _("possible"),
    "unlikely": _("unlikely"),
    "unrelated": _("unrelated"),
    "not assessable": _("not assessable"),
}

STATUSES = {
    "recovered": _("recovered"),
    "none": _("not recovered"),
    "unknown": _("not known"),
    "never_below": _("never below the limit"),
}

PRODUCTS = {"platelets": _("Platelets"), "red cells": _("Red cells")}

LIMITS = {"neutrophils": 0.5, "platelets": 20.0, "haemoglobin": 80.0, "white_cells": 1.0, "lymphocytes": 0.2}
"""The limit that days below are counted of, in the first unit of each count; an assumption.

Neutrophils and platelets: the definitions of recovery, see ``recovery.toml``. White cells and lymphocytes: grade 4 of
CTCAE v5.0. Haemoglobin: its grade 3, because its grade 4 has no number.
"""

FLOORS = {
    "neutrophils": (0.01, 20.0),
    "platelets": (1.0, 600.0),
    "haemoglobin": (30.0, 200.0),
    "white_cells": (0.01, 50.0),
    "lymphocytes": (0.01, 10.0),
}
"""The range that a picture of each count shows; a count beyond it stands on its edge."""

MOST_GROUPS = 6
"""Curves and colours that a picture can tell apart."""


def analyte_options() -> list[tuple[str, str]]:
    """Return the choices of a list of analytes."""
    return [(_(label), name) for name, label in all_analytes().items()]


def analyte_title(analyte: str) -> str:
    """Return what is counted with its unit."""
    label = _(all_analytes()[analyte])
    return f"{label} ({unit_text(analyte)})"


def unit_text(analyte: str) -> str:
    """Return the unit of a count with raised figures."""
    return shown_unit(units(analyte)[0])


def count_text(count: Any) -> str:
    """Return a count as the reader may see it."""
    return FEW_TEXT if count == HIDDEN else f"{int(count):,}"


def part_text(part: Any, whole: Any) -> str:
    """Return a count with the whole: "12 of 20"."""
    return _("{part} of {whole}").format(part=count_text(part), whole=count_text(whole))


def share_text(part: Any, whole: Any) -> str:
    """Return a share with its counts: "12 of 20 (60 %)"; hidden counts give no share."""
    if HIDDEN in (part, whole):
        return "–"
    share = f" ({part / whole:.0%})" if whole else ""
    return part_text(part, whole) + share


def percent(value: float) -> str:
    """Return a probability in per cent with one decimal."""
    return f"{value:.1%}"


def renamed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return these columns of a table under the names of the page."""
    return frame[list(columns)].rename(columns=dict(columns)).astype(object)


def day_zero() -> str:
    """Say how days are counted on this page; the schedule counts study days."""
    return _("Day 0 is the day of the first infusion: study day 1 of the schedule of visits.")
