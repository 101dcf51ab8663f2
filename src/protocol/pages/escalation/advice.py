"""The advice in words: what the design says next, on which counts, and when it says nothing."""

import numpy as np
from markupsafe import Markup

from protocol.escalation import STOP, Design, Outcomes, isotonic_rates
from protocol.escalation.grid import Integers
from protocol.escalation.pathways import deciding_regimens
from protocol.translation import _, ngettext


def deciding_regimen(design: Design, outcomes: Outcomes, current: int) -> int:
    """Return the regimen whose counts decide, for one trial; see :func:`deciding_regimens`."""
    return int(deciding_regimens(design, outcomes, current)[0])


def advice(
    design: Design, outcomes: Outcomes, current: int, following: int, waited: Integers, note: Markup | str
) -> Markup:
    """Say what comes next and why.

    Parameters
    ----------
    design : Design
    outcomes : Outcomes
        One trial.
    current, following : int
        Indices of the regimen the trial is at and of the recommended one; STOP for none.
    waited : ndarray of int, shape (D * F,)
        Participants at each regimen whose DLT window is waited for: while there are any, nothing is recommended.
    note : Markup or str
        What else must be known about this advice.
    """
    labels, deciding = design.grid.labels, deciding_regimen(design, outcomes, current)
    headline, why = _headline(labels, current, following), design.why(outcomes, deciding)
    if deciding != current:
        why = _("Nobody was treated at {} yet, and {} no longer allows that step. {}").format(
            labels[current], labels[deciding], why
        )
    if waited.any():
        why = _("On what is known so far it would be: {}. {}").format(headline, why)
        headline = _waiting(labels, waited)
    return card(headline, why, _end(design, outcomes), note)


def withheld() -> Markup:
    """Say that there is no advice while an entry cannot be used."""
    return card(_("No recommendation"), _("Correct the entry named below; the grid shows the last usable one."))


def card(headline: str, why: str, end: str = "", note: Markup | str = "") -> Markup:
    """Set the advice in large words with its reasons below."""
    return Markup('<div class="pw-card"><p class="pw-answer">{}</p><p>{}</p><p class="pw-off">{}</p>{}</div>').format(
        headline, why, end, note
    )


def _waiting(labels: tuple[str, ...], waited: Integers) -> str:
    counts = {labels[cell]: int(waited[cell]) for cell in np.flatnonzero(waited)}
    whom = [ngettext("{n} participant at {at}", "{n} participants at {at}", n).format(n=n, at=at)
            for at, n in counts.items()]  # fmt: skip
    return _("Wait for {}").format(_(" and ").join(whom))


def _headline(labels: tuple[str, ...], current: int, following: int) -> str:
    if following == STOP:
        return _("Stop")
    if following == current:
        return _("Treat the next cohort at {}").format(labels[following])
    return _("Next cohort at {}").format(labels[following])


def _end(design: Design, outcomes: Outcomes) -> str:
    picked = int(design.selected(outcomes)[0])
    if picked == STOP:
        return _("Were the trial to end now, no regimen could be recommended for phase II.")
    end = _("Were the trial to end now, {} would be recommended for phase II (estimated DLT rate {:.2f}).")
    return end.format(design.grid.labels[picked], isotonic_rates(outcomes).ravel()[picked])
