"""The design in tables: what follows from which counts, and every parameter with its origin."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.escalation import Design, EscalationRecord
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
    given = record.design
    values: list[tuple[str, object, Provenance]] = [
        (_("Design"), given.name.value, given.name),
        (_("First regimen"), given.start.value, given.start),
        (_("Target DLT rate"), given.target.value, given.target),
        (_("Rate that calls for stepping up, times the target"), given.safe_ratio.value, given.safe_ratio),
        (
            _("Rate that calls for stepping down, times the target"),
            given.toxic_ratio.value,
            given.toxic_ratio,
        ),
        (_("Probability of too high a rate that eliminates"), given.elimination.value, given.elimination),
        (_("Less of it needed at the lowest regimen"), given.lowest_margin.value, given.lowest_margin),
        (_("Participants in a cohort"), given.cohort_size.value, given.cohort_size),
        (_("Participants at most"), given.maximum.value, given.maximum),
        (_("Enough participants at one regimen"), given.enough.value, given.enough),
        (_("Extra bar on escalation"), _("yes") if given.bar.value else _("no"), given.bar),
        (_("Ties go first to"), given.preference.value, given.preference),
        (_("DLT window, days"), record.dlt_window_days.value, record.dlt_window_days),
    ]
    if own := given.own(name):
        words = _own_words()
        values += [(words[field], _plain(getattr(own, field).value), getattr(own, field)) for field in words
                   if hasattr(own, field)]  # fmt: skip
    for dose in record.doses:
        label = _("Dose {}, million cells/kg").format(dose.id)
        values.append((label, f"{dose.cells_per_kg.value / 1e6:g}", dose.cells_per_kg))
    rows = [(label, value, _origin(origin)) for label, value, origin in values]
    return elements.table(pd.DataFrame(rows, columns=[_("Parameter"), _("Value"), _("Origin")], dtype=object))


def _own_words() -> dict[str, str]:
    return {
        "margin_below": _("Target key reaches below the target by"),
        "margin_above": _("Target key reaches above the target by"),
        "path": _("Path of the 3+3"),
        "prior_rates": _("Prior medians of the DLT rates, dose by dose"),
        "prior_size": _("Weight of the prior at one regimen, participants"),
        "orderings": _("Possible orderings of the regimens"),
        "sequence": _("First stage, until participants with and without a DLT were seen"),
        "halfwidth": _("Working model: half the width of the indifference interval"),
        "guess": _("Working model: place of the target in an ordering"),
        "ceiling": _("Probability of lying above the contour that bars"),
    }


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ("; " if value and isinstance(value[0], tuple) else ", ").join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _origin(value: Provenance) -> Markup:
    return elements.assumption(value.origin) if value.is_assumption else elements.origin(value)


def ties() -> str:
    """Explain the preference in ties."""
    return _(
        "All untried regimens score the same, so ties are frequent and the preference steers the whole "
        "trial: dose first climbs at the lowest frequency, frequency first at the lowest dose. Run the "
        "simulation below with both before choosing."
    )


def bar() -> str:
    """Explain the extra bar on escalation."""
    return _(
        "The bar refuses a higher dose at which a lower or equal frequency showed a DLT rate of at least "
        "the de-escalation boundary, and the same with dose and frequency exchanged. Lin and Yin's paper "
        "has no such rule. The R package BOIN applies it when it advises a trial, but not when it "
        "simulates one; here the advice and the simulation always follow the same rule."
    )
