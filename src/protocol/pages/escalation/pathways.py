"""Pathways: where the next cohorts can lead, and what would change the recommendation."""

from collections.abc import Hashable
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import STOP, Design, EscalationRecord, Outcomes, pathways, turning_points
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.kit import (
    Panel,
    Text,
    details,
    download,
    field,
    joined,
    macros,
    note,
    paragraph,
    row,
    section,
    strong,
    table,
)
from protocol.translation import _, ngettext

MOST_ROWS = 26  # outcomes in one column of the picture; with larger cohorts one cohort is shown

WIDEST_LINE_PX = 9

SIGNS = {"up": "↗", "stay": "=", "across": "⇄", "down": "↙", "stop": "✕"}


class PathwaysPanel(Panel):
    """Every outcome of the next one or two cohorts, and the smallest changes that would decide otherwise.

    Parameters
    ----------
    record : EscalationRecord

    Attributes
    ----------
    turning : Text
        The changes, which stand beside the advice.
    """

    def __init__(self, record: EscalationRecord) -> None:
        self._record = record
        ahead = [(_("One cohort"), 1), (_("Two cohorts"), 2)]
        self.cohorts = field(widgets.ToggleButtons, _("Look ahead"), options=ahead, value=2)
        chances = [(_("no scenario"), ""), *((scenario.title, scenario.id) for scenario in record.scenarios)]
        self.chances = field(widgets.Dropdown, _("Chances under"), options=chances)
        self.picture = Chart(figures.pathways, description=_("Pathways of the next cohorts"))
        self.turning, self.table = Text(), Text(role="")
        lead = _(
            "Every number of DLTs that the next cohorts can have, and where each leads: ‘1 of 3 = {regimen}’ says "
            "that one DLT in three participants keeps the trial at {regimen}."
        ).format(regimen=record.design.start.value)
        self.view = section(_("Pathways"), row(self.cohorts, self.chances), self.picture, self.table, lead=lead)
        self.redraw_on(self.cohorts, self.chances)

    def draw(self, design: Design, outcomes: Outcomes, current: int, following: int, waits: bool) -> None:
        """Show what can follow in one trial.

        Parameters
        ----------
        design : Design
        outcomes : Outcomes
            One trial.
        current, following : int
            Indices of the regimen the trial is at, and of the one at which the next cohort is treated.
        waits : bool
            Whether outcomes are waited for; then nothing is shown.
        """
        self.turning.show(None if waits else turning_text(design, outcomes, current, following))
        if waits or following == STOP:
            self.picture.layout.display = "none"
            waiting = _("Shown when the outcomes that are waited for are known.")
            self.table.show(waiting if waits else _("The trial stops: no cohort follows."))
            return
        fits = (design.cohort_size + 1) ** self.cohorts.value <= MOST_ROWS
        ahead = self.cohorts.value if fits else 1
        truth = next((one.truth for one in self._record.scenarios if one.id == self.chances.value), None)
        found = pathways(design, outcomes, following, ahead, truth)
        rows = tree(found, design.grid.labels[following])
        drawable = len(rows) <= 2 * MOST_ROWS
        self.picture.layout.display = None if drawable else "none"
        if drawable:
            self.picture.draw(rows, cohorts=ahead, heights=int(rows["place"].max()) + 1)
        self.table.show(*_notes(design, outcomes, fits), path_table(found))


def _notes(design: Design, outcomes: Outcomes, fits: bool) -> list[Markup]:
    notes = {
        _("With cohorts as large as these, one cohort is shown."): not fits,
        _("Participants in their DLT window stay as they are now."): outcomes.pending is not None,
        _("The coming participants are counted without a response."): design.assumed_responses is not None,
    }
    return [note(words) for words, holds in notes.items() if holds]


def tree(found: pd.DataFrame, first: str) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.escalation.pathways`; `first` is the regimen where they begin."""
    ahead = int(found["cohort"].max())
    ends = [
        path
        for path, cohort, then in zip(found["path"], found["cohort"], found["leads_to"], strict=True)
        if cohort == ahead or not then
    ]

    def middle(path: tuple[int, ...]) -> float:
        below = [place for place, end in enumerate(ends) if end[: len(path)] == path]
        return sum(below) / len(below)

    rows = [
        {
            "step": 0,
            "place": middle(()),
            "from_place": middle(()),
            "label": f"▶ {first}",
            "move": "stay",
            "width": 1.5,
            "words": _("the next cohort"),
            "chance": "–",
        }
    ]
    for one in found.to_dict("records"):
        known = pd.notna(one["chance"])
        rows.append(
            {
                "step": one["cohort"],
                "place": middle(one["path"]),
                "from_place": middle(one["path"][:-1]),
                "label": _("{} of {}").format(one["dlt"], one["participants"])
                + f" {SIGNS[one['move']]} {one['leads_to'] or _('stop')}",
                "move": one["move"],
                "width": 0.6 + WIDEST_LINE_PX * one["chance"] if known else 1.5,
                "words": _outcome(one["path"]),
                "chance": f"{one['chance']:.1%}" if known else "–",
            }
        )
    return pd.DataFrame(rows)


def path_table(found: pd.DataFrame) -> Markup:
    """Return the pathways as a table, with all of them to save."""
    paths = [_outcome(path) for path in found["path"]]
    rows: dict[str, Any] = {
        _("Cohort"): found["cohort"],
        _("Treated at"): found["treated_at"],
        _("DLTs in the cohorts"): paths,
        _("Leads to"): [then or _("stop") for then in found["leads_to"]],
    }
    if found["chance"].notna().all():
        rows[_("Chance")] = [f"{chance:.1%}" for chance in found["chance"]]
    saved = download(_("Save the pathways (CSV)"), "pathways.csv", csv(found.assign(path=paths)), "text/csv")
    return details(_("The pathways as a table"), joined((table(pd.DataFrame(rows, dtype=object)), saved)))


def _outcome(path: tuple[int, ...]) -> str:
    return _(", then ").join(str(dlt) for dlt in path)


def turning_text(design: Design, outcomes: Outcomes, current: int, following: int) -> Markup | None:
    """Return the smallest changes in the counts that would change the recommendation; None before any count."""
    if not outcomes.treated.any():
        return None
    found, title = turning_points(design, outcomes, current), strong(_("What would change it"))
    if found.empty:
        words = _("No other number of DLTs at any one regimen would change the recommendation.")
        return joined((paragraph(title), paragraph(words)))
    now = _("stop") if following == STOP else design.grid.labels[following]
    lead = _("Now it is: {}. The smallest changes at one regimen that would lead elsewhere:").format(now)
    sentences = [_sentence(row) for row in found.to_dict("records")]
    return macros("lists").bullets(sentences, joined((title, lead), ". "))


def _sentence(row: dict[Hashable, Any]) -> str:
    change, dlt, treated = row["change"], row["dlt"], row["treated"]
    more = ngettext("{n} more DLT", "{n} more DLTs", change)
    fewer = ngettext("{n} DLT fewer", "{n} DLTs fewer", -change)
    counted = _("{} at {} ({} of {} instead of {}): {}.")
    head = (more if change > 0 else fewer).format(n=abs(change))
    then = row["leads_to"] or _("the trial would stop")
    return counted.format(head, row["regimen"], dlt + change, treated, dlt, then)
