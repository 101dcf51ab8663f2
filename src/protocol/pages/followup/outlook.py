"""What the trial calendar says, and which changes it tries."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from protocol.figures import followup_trial as figures
from protocol.followup.forecast import Assumptions
from protocol.pages import elements
from protocol.pages.followup.words import iso
from protocol.translation import _


def changes(given: Assumptions) -> dict[str, Mapping[str, Any]]:
    """Name the changes whose worth is shown."""
    other = "last" if given.counted_from == "first" else "first"
    edge = _("DLT window from the last infusion") if other == "last" else _("DLT window from the first infusion")
    return {
        _("Twice as many screened"): {"screened_per_month": given.screened_per_month * 2},
        _("Half as many screened"): {"screened_per_month": given.screened_per_month / 2},
        _("Half the screening failures"): {"screening_failures": given.screening_failures / 2},
        _("DLT window one week shorter"): {"dlt_window_days": max(given.dlt_window_days - 7, 0)},
        _("DLT window two weeks longer"): {"dlt_window_days": given.dlt_window_days + 14},
        edge: {"counted_from": other},
        _("Review in 2 days"): {"review_days": 2},
        _("Review in 3 weeks"): {"review_days": 21},
        _("7 days more between participants"): {"stagger_days": given.stagger_days + 7},
    }


def summary(table: pd.DataFrame, runs: pd.DataFrame) -> Markup:
    """Say when the milestones fall and how long the trial is closed."""
    rows = [
        {_("Milestone"): figures.NEXT[str(name)]}
        | {f"P{share}": _day_and_months(row[f"p{share}"], row[f"p{share}_months"]) for share in (10, 50, 90)}
        for name, row in table.iterrows()
    ]  # fmt: skip
    shut = _(
        "Closed to accrual for {share} of phase Ib, with {n} participants in it (medians of {runs} runs)."
    ).format(share=f"{runs['closed_share'].median():.0%}", n=int(runs["participants"].median()), runs=len(runs))
    return Markup("<p><b>{}</b></p>").format(shut) + elements.table(pd.DataFrame(rows, dtype=object))


def _day_and_months(day: pd.Timestamp, months: float) -> Markup:
    return Markup("{} ({})").format(iso(day), _("{n} months").format(n=round(months)))


def effects(table: pd.DataFrame) -> Markup:
    """Tabulate what each change does."""
    rows = [
        {_("Change"): row["change"] or _("as above"), _("Phase Ib, months"): f"{row['phase_ib_end']:.1f}",
         _("Last enrolment, months"): f"{row['last_enrolment']:.1f}",
         _("Closed to accrual"): f"{row['closed_share']:.0%}"}
        for row in table.to_dict("records")
    ]  # fmt: skip
    return elements.details(_("The figures"), elements.table(pd.DataFrame(rows, dtype=object)))
