"""The rows of the grid's picture: what was seen at each regimen and where it stands in the escalation."""

import pandas as pd

from protocol.escalation import Design, Outcomes, isotonic_rates
from protocol.translation import _


def regimen_rows(
    design: Design, outcomes: Outcomes, current: int, following: int | None, marked: int | None = None
) -> pd.DataFrame:
    """Describe every regimen for :func:`protocol.figures.escalation.grid`.

    Parameters
    ----------
    design : Design
    outcomes : Outcomes
        One trial.
    current : int
        Index of the regimen the trial is at.
    following : int or None
        Index of the regimen recommended next; None while no recommendation can be given.
    marked : int, optional
        Index of the regimen whose counts are being edited.
    """
    treated, dlt = outcomes.treated.ravel(), outcomes.dlt.ravel()
    closed, rates = design.eliminated(outcomes).ravel(), isotonic_rates(outcomes).ravel()
    rows = []
    for index, regimen in enumerate(design.grid.regimens):
        seen = bool(treated[index])
        state, sign = _state(index == current, index == following, bool(closed[index]), seen)
        if state == "next" and not treated.any():
            sign = _("▶ start here")
        rows.append(
            {
                "regimen": str(regimen),
                "dose": regimen.dose,
                "frequency": regimen.frequency,
                "state": state,
                "sign": sign,
                "count": _("{} of {}").format(dlt[index], treated[index]) if seen else "–",
                "treated": int(treated[index]),
                "dlt": int(dlt[index]),
                "estimate": f"{rates[index]:.2f}" if seen else "–",
                "marked": index == marked,
            }
        )
    return pd.DataFrame(rows)


def _state(is_current: bool, is_next: bool, closed: bool, seen: bool) -> tuple[str, str]:
    if is_next:
        return "next", _("▶ stay here") if is_current else _("▶ next")
    if closed:
        return "eliminated", _("✕ current") if is_current else _("✕ eliminated")
    if is_current:
        return "current", _("● current")
    return ("tried", _("tried")) if seen else ("untried", _("untried"))
