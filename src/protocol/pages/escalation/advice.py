"""The advice about the next cohort, and the rows of the grid's picture."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from protocol.escalation import STOP, Design, Outcomes, isotonic_rates
from protocol.escalation.grid import Integers
from protocol.escalation.pathways import deciding_regimens
from protocol.pages.kit import macros
from protocol.translation import _, ngettext


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


def advice(
    design: Design, outcomes: Outcomes, current: int, following: int, waited: Integers, note: Markup | str
) -> Markup:
    """Return the recommendation for the next cohort with its reason.

    Parameters
    ----------
    design : Design
    outcomes : Outcomes
        One trial.
    current, following : int
        Indices of the regimen the trial is at and of the recommended one; STOP for none.
    waited : ndarray of int, shape (D * F,)
        Participants at each regimen whose DLT window is not over: while there are any, nothing is recommended.
    note : Markup or str
        What else must be known about this advice.
    """
    labels, deciding = design.grid.labels, int(deciding_regimens(design, outcomes, current)[0])
    headline, why = _headline(labels, current, following), design.why(outcomes, deciding)
    if deciding != current:
        why = _("No participant was treated at {} yet, and {} no longer allows that step. {}").format(
            labels[current], labels[deciding], why
        )
    if waited.any():
        why = _("On what is known so far it would be: {}. {}").format(headline, why)
        headline = _waiting(labels, waited)
    return macros("escalation").advice(headline, why, _if_it_ended_now(design, outcomes), note)


def withheld() -> Markup:
    """Say that there is no advice while an entry cannot be used."""
    words = _("Correct the entry named below; the grid shows the last usable one.")
    return macros("escalation").advice(_("No recommendation"), words)


def _waiting(labels: tuple[str, ...], waited: Integers) -> str:
    counts = {labels[cell]: int(waited[cell]) for cell in np.flatnonzero(waited)}
    groups = [
        ngettext("{n} participant at {at}", "{n} participants at {at}", n).format(n=n, at=at)
        for at, n in counts.items()
    ]
    return _("Wait for {}").format(_(" and ").join(groups))


def _headline(labels: tuple[str, ...], current: int, following: int) -> str:
    if following == STOP:
        return _("Stop")
    if following == current:
        return _("Treat the next cohort at {}").format(labels[following])
    return _("Next cohort at {}").format(labels[following])


def _if_it_ended_now(design: Design, outcomes: Outcomes) -> str:
    picked = int(design.selected(outcomes)[0])
    if picked == STOP:
        return _("If the trial ended now, no regimen could be recommended.")
    end = _("If the trial ended now, {} would be recommended (estimated DLT rate {:.2f}).")
    return end.format(design.grid.labels[picked], isotonic_rates(outcomes).ravel()[picked])
