"""What the committee decided, and what had been recommended."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from protocol.conduct import State
from protocol.translation import _

WAITED = {
    "places": _("free places: {n}"),
    "enrolled": _("first infusions: {n}"),
    "in DLT window": _("ends of a DLT window: {n}"),
    "assessment missing": _("missing DLT assessments: {n}"),
}
"""What a recommendation waits for, in words that name nobody."""


def decided(state: State, table: pd.DataFrame) -> pd.DataFrame:
    """List the decisions, each with the outcomes of those enrolled at its regimen until the next one.

    Parameters
    ----------
    state : State
    table : DataFrame
        What :func:`protocol.conduct.standing` returns.

    Returns
    -------
    pandas.DataFrame
        ``day, recommended`` (a regimen, None to stop, or in words that nothing was), ``chosen`` (None to stop),
        ``why, decided_by, seen`` (DLTs of those enrolled under it, in words).
    """
    names = ["chosen", "why", "decided_by"]
    days = [entry.content["on"] for entry in state.decisions]
    enrolled = table["enrolled"].astype(str)
    rows = []
    for entry, first, after in zip(state.decisions, days, [*days, "9999"][1:], strict=True):
        here = table["regimen"].eq(entry.content["chosen"]) & enrolled.ge(first) & enrolled.lt(after)
        progress = table.loc[here, "progress"]
        complete = int(progress.isin(["evaluable", "DLT"]).sum())
        seen = f"{int(progress.eq('DLT').sum())}/{complete}" if complete else "–"
        rows.append((first, _recommended(entry.content), *(entry.content[name] for name in names), seen))
    return pd.DataFrame(rows, columns=["day", "recommended", *names, "seen"], dtype=object)


def _recommended(decision: Mapping[str, Any]) -> str | None:
    """Return the regimen that was recommended, None to stop, or say that nothing was and what that waited for."""
    if "recommended" in decision:
        regimen: str | None = decision["recommended"]
        return regimen
    found = decision["waits_for"]
    waited = ", ".join(words.format(n=found[what]) for what, words in WAITED.items() if what in found)
    return _("nothing recommended (waits for {what})").format(what=waited) if waited else _("nothing recommended")
