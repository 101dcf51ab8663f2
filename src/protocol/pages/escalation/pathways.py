"""What lies ahead of a trial: where the next cohorts can lead, and what would change the recommendation."""

from collections.abc import Hashable
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import STOP, Design, EscalationRecord, Outcomes, pathways, turning_points
from protocol.exchange.spreadsheet import csv
from protocol.figures import escalation as figures
from protocol.pages.kit import text as elements
from protocol.translation import _, ngettext

WIDE = {"description_width": "initial"}

MOST_ROWS = 26  # outcomes in one column of the picture; larger cohorts are drawn one cohort ahead

WIDEST_LINE_PX = 9

SIGNS = {"up": "↗", "stay": "=", "across": "⇄", "down": "↙", "stop": "✕"}


class Outlook:
    """Show every outcome of the next one or two cohorts, and the smallest changes that would decide otherwise.

    Parameters
    ----------
    record : EscalationRecord
    """

    def __init__(self, record: EscalationRecord) -> None:
        self.record = record
        self._asked: tuple[Design, Outcomes, int, int, bool] | None = None
        self.cohorts = widgets.ToggleButtons(
            options=[(_("One cohort"), 1), (_("Two cohorts"), 2)], value=2, description=_("Look ahead"), style=WIDE
        )
        chances = [(_("no scenario"), ""), *((scenario.title, scenario.id) for scenario in record.scenarios)]
        self.chances = widgets.Dropdown(
            options=chances, description=_("Chances under"), style=WIDE, layout={"width": "min(100%, 420px)"}
        )
        self.picture = Chart(figures.pathways, description=_("Pathways of the next cohorts"))
        self.turning, self.table = elements.html("", role="status"), elements.html("")
        self.view = elements.section(
            _("What lies ahead"), elements.row(self.cohorts, self.chances), self.picture, self.table,
            lead=_(
                "Every number of DLTs that the next cohorts can have, and where each leads: ‘1 of 3 = B1’ says that "
                "one DLT in three participants keeps the trial at B1."
            ),
        )  # fmt: skip
        for widget in (self.cohorts, self.chances):
            widget.observe(self._draw, "value")

    def refresh(
        self, design: Design, outcomes: Outcomes, current: int, following: int, *, waits: bool = False
    ) -> None:
        """Show what lies ahead of one trial at `current` whose next cohort is treated at `following`.

        Nothing while it `waits` for outcomes: they are not known, and nothing follows before they are.
        """
        self._asked = design, outcomes, current, following, waits
        words = Markup("") if waits else turning_words(design, outcomes, current, following)
        self.turning.value = elements.dress(words, role="status")
        self._draw()

    def _draw(self, _change: object = None) -> None:
        if self._asked is None:
            return
        design, outcomes, _current, following, waits = self._asked
        ends = following == STOP
        self.picture.layout.display = "none" if ends or waits else None
        if waits:
            self.table.value = elements.dress(_("Shown when the outcomes that are waited for are known."))
            return
        if ends:
            self.table.value = elements.dress(_("The trial stops: no cohort follows."))
            return
        fits = (design.cohort_size + 1) ** self.cohorts.value <= MOST_ROWS
        ahead = self.cohorts.value if fits else 1
        truth = next((one.truth for one in self.record.scenarios if one.id == self.chances.value), None)
        found = pathways(design, outcomes, following, ahead, truth)
        rows = tree(found, design.grid.labels[following])
        if len(rows) <= 2 * MOST_ROWS:
            self.picture.draw(rows, cohorts=ahead, heights=int(rows["place"].max()) + 1)
        else:
            self.picture.layout.display = "none"
        self.table.value = elements.dress(Markup("").join([*_notes(design, outcomes, fits), path_table(found)]))


def _notes(design: Design, outcomes: Outcomes, fits: bool) -> list[Markup]:
    notes = {
        _("With cohorts as large as these, one cohort is shown."): not fits,
        _("Participants in their DLT window stay as they are now."): outcomes.pending is not None,
        _("The coming participants are counted without a response."): design.assumed_responses is not None,
    }
    return [elements.note(words) for words, holds in notes.items() if holds]


def tree(found: pd.DataFrame, first: str) -> pd.DataFrame:
    """Lay out pathways for :func:`protocol.figures.escalation.pathways`; `first` is where they begin."""
    ahead = int(found["cohort"].max())
    ends = [path for path, cohort, then in zip(found["path"], found["cohort"], found["leads_to"], strict=True)
            if cohort == ahead or not then]  # fmt: skip

    def middle(path: tuple[int, ...]) -> float:
        below = [place for place, end in enumerate(ends) if end[: len(path)] == path]
        return sum(below) / len(below)

    rows = [{"step": 0, "place": middle(()), "from_place": middle(()), "label": f"▶ {first}", "move": "stay",
             "width": 1.5, "words": _("the next cohort"), "chance": "–"}]  # fmt: skip
    for row in found.to_dict("records"):
        known = pd.notna(row["chance"])
        rows.append({
            "step": row["cohort"], "place": middle(row["path"]), "from_place": middle(row["path"][:-1]),
            "label": _("{} of {}").format(row["dlt"], row["participants"])
            + f" {SIGNS[row['move']]} {row['leads_to'] or _('stop')}",
            "move": row["move"],
            "width": 0.6 + WIDEST_LINE_PX * row["chance"] if known else 1.5,
            "words": _outcome(row["path"]), "chance": f"{row['chance']:.1%}" if known else "–",
        })  # fmt: skip
    return pd.DataFrame(rows)


def path_table(found: pd.DataFrame) -> Markup:
    """Show the pathways as a table, with all of them to save."""
    paths = [_outcome(path) for path in found["path"]]
    rows: dict[str, Any] = {
        _("Cohort"): found["cohort"], _("Treated at"): found["treated_at"], _("DLTs in the cohorts"): paths,
        _("Leads to"): [then or _("stop") for then in found["leads_to"]],
    }  # fmt: skip
    if found["chance"].notna().all():
        rows[_("Chance")] = [f"{chance:.1%}" for chance in found["chance"]]
    saved = elements.download(
        _("Save the pathways (CSV)"),
        "pathways.csv",
        csv(found.assign(path=paths)),
        "text/csv",
    )
    return elements.details(_("The pathways as a table"), elements.table(pd.DataFrame(rows, dtype=object)) + saved)


def _outcome(path: tuple[int, ...]) -> str:
    return _(", then ").join(str(dlt) for dlt in path)


def turning_words(design: Design, outcomes: Outcomes, current: int, following: int) -> Markup:
    """Say in sentences which smallest changes in the counts would change the recommendation."""
    found = turning_points(design, outcomes, current)
    if not outcomes.treated.any():
        return Markup("")
    title = Markup("<b>{}</b>").format(_("What would change it"))
    if found.empty:
        words = _("No other number of DLTs at any one regimen would change the recommendation.")
        return Markup("<p>{}</p><p>{}</p>").format(title, words)
    items = Markup("").join(Markup("<li>{}</li>").format(_sentence(row)) for row in found.to_dict("records"))
    now = _("stop") if following == STOP else design.grid.labels[following]
    lead = _("Now it is: {}. The smallest changes at one regimen that would lead elsewhere:").format(now)
    return Markup("<p>{}. {}</p><ul>{}</ul>").format(title, lead, items)


def _sentence(row: dict[Hashable, Any]) -> str:
    change, dlt, treated = row["change"], row["dlt"], row["treated"]
    more = ngettext("{n} more DLT", "{n} more DLTs", change)
    fewer = ngettext("{n} DLT fewer", "{n} DLTs fewer", -change)
    counted = _("{} at {} ({} of {} instead of {}): {}.")
    head = (more if change > 0 else fewer).format(n=abs(change))
    then = row["leads_to"] or _("the trial would stop")
    return counted.format(head, row["regimen"], dlt + change, treated, dlt, then)
