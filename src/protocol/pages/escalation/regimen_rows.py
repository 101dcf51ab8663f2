"""The rows of the grid's picture: what was seen at each regimen, and what is recommended."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from protocol.briefing import Briefing
from protocol.escalation import Design, Outcomes, isotonic_rates
from protocol.translation import _, list_of


def regimen_rows(
    design: Design,
    outcomes: Outcomes,
    current: int,
    following: int | None,
    pending: ArrayLike | None = None,
    marked: int | None = None,
) -> pd.DataFrame:
    """Describe every regimen for :func:`protocol.figures.escalation.grid`.

    Parameters
    ----------
    design : Design
    outcomes : Outcomes
        One trial.
    current : int
        Index of the regimen that is open.
    following : int or None
        Index of the regimen recommended next; None while no recommendation can be given.
    pending : array_like of int, shape (D * F,), optional
        Participants at each regimen whose outcome is not known yet.
    marked : int, optional
        Index of the regimen whose counts are being edited.
    """
    treated, dlt = outcomes.treated.ravel(), outcomes.dlt.ravel()
    awaited = np.zeros(design.grid.size, int) if pending is None else np.asarray(pending)
    closed, rates = design.eliminated(outcomes).ravel(), isotonic_rates(outcomes).ravel()
    rows = []
    for index, regimen in enumerate(design.grid.regimens):
        seen, waits = bool(treated[index]), int(awaited[index])
        state, sign = _state(index == current, index == following, bool(closed[index]), seen or waits > 0)
        if state == "next" and not treated.any():
            sign = _("▶ start here")
        estimate = rate_words(rates[index]) if seen else "–"
        told = _("est. {rate}").format(rate=estimate) if seen else ""
        pending_words = _("{n} pending").format(n=waits) if waits else ""
        rows.append(
            {
                "regimen": str(regimen),
                "dose": regimen.dose,
                "frequency": regimen.frequency,
                "state": state,
                "sign": sign,
                "head": f"{regimen} {sign}",
                "short": str(regimen) if sign[0].isalpha() else f"{regimen} {sign[0]}",
                "count": f"{dlt[index]}/{treated[index]}" if seen else "–",
                "treated": int(treated[index]),
                "dlt": int(dlt[index]),
                "pending": waits,
                "observed": rate_words(dlt[index] / treated[index]) if seen else "–",
                "estimate": estimate,
                "seen": told,
                "waits": pending_words,
                "below": list_of(filter(None, (told, pending_words))),
                "marked": index == marked,
            }
        )
    return pd.DataFrame(rows)


def pending_in(now: Briefing, labels: tuple[str, ...]) -> list[int]:
    """Count, for each regimen, the enrolled participants whose outcome is not known yet."""
    counts = now.regimens.set_index("regimen")
    open_ones = counts["enrolled"] - counts["evaluable"] - counts["not evaluable"]
    return [int(open_ones.get(label, 0)) for label in labels]


def rate_words(rate: float) -> str:
    """Write a DLT rate as everywhere on the pages, with two decimals."""
    return f"{rate:.2f}"


def _state(is_current: bool, is_next: bool, closed: bool, seen: bool) -> tuple[str, str]:
    if is_next:
        return "next", _("▶ stay here") if is_current else _("▶ next")
    if closed:
        return "eliminated", _("✕ open") if is_current else _("✕ eliminated")
    if is_current:
        return "current", _("● open")
    return ("tried", _("tried")) if seen else ("untried", _("untried"))
