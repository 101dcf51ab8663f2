"""The design in tables: what follows from which counts, and every parameter with its origin."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.escalation import Design, EscalationRecord
from protocol.exchange import statistics
from protocol.exchange.spreadsheet import csv
from protocol.pages import elements
from protocol.records import Provenance
from protocol.translation import _

MOST_IN_PICTURE = 30  # participants at one regimen; the table beside the picture goes on to the maximum
SIGNS = {"escalate": "↗", "stay": "=", "de-escalate": "↙", "eliminate": "✕"}


def table(design: Design) -> Markup:
    """Show the decision table in steps of a cohort, with the whole of it to save."""
    rules = design.decisions()
    if rules is None:
        return elements.note(
            _("No decision table: this design looks at every regimen. The sentence above names its numbers.")
        )
    names = {
        "treated": _("Treated"),
        "escalate": _("Escalate at or below"),
        "deescalate": _("De-escalate at or above"),
        "eliminate": _("Eliminate at or above"),
    }
    shown = rules[rules["treated"] % design.cohort_size == 0].astype(object)
    shown = shown.where(shown.notna(), "–").rename(columns=names)
    content = csv(rules)
    saved = elements.download(_("Save the table (CSV)"), "decision-table.csv", content, "text/csv")
    caption = _("Participants with a DLT at the current regimen, target DLT rate {:g}").format(design.target)
    return elements.details(_("Decision table"), elements.table(shown, caption) + saved)


def cells(design: Design) -> pd.DataFrame:
    """Prepare the picture of the decisions: one row per outcome up to the first that eliminates."""
    rules = design.decisions()
    if rules is None:
        return pd.DataFrame(columns=["treated", "dlt", "decision", "letter"])
    rules = rules[(rules["treated"] % design.cohort_size == 0) & (rules["treated"] <= MOST_IN_PICTURE)]
    frame = rules.merge(pd.DataFrame({"dlt": np.arange(MOST_IN_PICTURE + 1)}), how="cross")
    dlt, last = frame["dlt"], frame["eliminate"].fillna(frame["treated"] + 1)
    conditions = [dlt <= frame["escalate"], dlt >= last, dlt >= frame["deescalate"]]
    kinds = [np.asarray(condition, dtype=bool) for condition in conditions]
    frame["decision"] = np.select(kinds, ["escalate", "eliminate", "de-escalate"], "stay")
    frame["letter"] = frame["decision"].map(SIGNS)
    kept = np.asarray((dlt <= last) & (dlt <= frame["treated"]), dtype=bool)
    return frame.loc[kept, ["treated", "dlt", "decision", "letter"]]


def parameters(record: EscalationRecord, name: str) -> Markup:
    """Show every parameter of the design chosen as `name`, with its value and where it comes from."""
    rows = [(label, value, _origin(origin)) for label, value, origin in statistics.parameters(record, name)]
    return elements.table(pd.DataFrame(rows, columns=[_("Parameter"), _("Value"), _("Origin")], dtype=object))


def _origin(value: Provenance | None) -> Markup:
    if value is None:  # chosen on the page, not the record's own
        return Markup("–")
    return elements.assumption(value.origin) if value.is_assumption else elements.origin(value)


def ties() -> str:
    """Explain the preference in ties."""
    return _(
        "All untried regimens score the same, so ties are frequent and the preference steers the whole "
        "trial: dose first climbs at the lowest frequency, frequency first at the lowest dose. Run the "
        "simulation below with both before choosing."
    )


def unpublished() -> str:
    """Say which rules of the utility design are the workbook's own."""
    return _(
        "BOIN12 (Lin and others 2020) is published for one line of doses; for dose and frequency together its rules "
        "are not published in one place. From the paper: the utilities, the benchmark and the desirability, the "
        "boundaries, and the closing of regimens that are too toxic or too rarely followed by a response. Ours: the "
        "steps to all neighbours on the grid, what is chosen from when none of them is open, and the selection among "
        "regimens whose isotonic DLT rate is no higher than that of the regimen nearest the target. How often it is "
        "right is judged by DLTs alone, as for every design."
    )


def bar() -> str:
    """Explain the extra bar on escalation."""
    return _(
        "The bar refuses a higher dose at which a lower or equal frequency showed a DLT rate of at least "
        "the de-escalation boundary, and the same with dose and frequency exchanged. Lin and Yin's paper "
        "has no such rule. The R package BOIN applies it when it advises a trial, but not when it "
        "simulates one; here the advice and the simulation always follow the same rule."
    )
