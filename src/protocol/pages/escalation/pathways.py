"""Pathways: where the next cohorts can lead, and what would change the recommendation."""

from collections.abc import Hashable, Mapping
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.escalation import STOP, Design, EscalationRecord, NextAction, Outcomes, pathways, turning_points
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

SIGNS = {"up": "↗", "stay": "=", "across": "⇄", "down": "↙", "stop": "✕", "complete": "✓"}


class PathwaysPanel(Panel):
    """Every outcome of the next one or two cohorts, and the smallest changes that would decide otherwise.

    Parameters
    ----------
    record : EscalationRecord

    Attributes
    ----------
    turning : Text
        The smallest changes.
    """

    def __init__(self, record: EscalationRecord) -> None:
        self._record = record
        ahead = [(_("One cohort"), 1), (_("Two cohorts"), 2)]
        self.cohorts = field(widgets.ToggleButtons, _("Look ahead"), options=ahead, value=2)
        chances = [(_("no scenario"), ""), *((scenario.title, scenario.id) for scenario in record.scenarios)]
        self.chances = field(widgets.Dropdown, _("Scenario for the chances"), options=chances)
        self.picture = Chart(figures.pathways, description=_("Pathways of the next cohorts"))
        self.turning, self.table = Text(), Text(role="")
        self.view = section(
            _("What lies ahead"), row(self.cohorts, self.chances), self.turning, self.picture, self.table
        )
        self.redraw_on(self.cohorts, self.chances)

    def draw(self, design: Design, outcomes: Outcomes, current: int, action: NextAction, awaited: int) -> None:
        """Show what can follow in one trial.

        Parameters
        ----------
        design : Design
        outcomes : Outcomes
            One trial.
        current : int
            Index of the regimen that is open.
        action : NextAction
        awaited : int
            Outcomes that the open cohort still has to give: they are shown first.
        """
        following, waits = action.following, action.following is None
        self.turning.show(None if following is None else turning_text(design, outcomes, current, following))
        first = current if following is None else following
        if first == STOP or (waits and not awaited):
            self._hide(
                _("The trial ends: no cohort follows.")
                if first == STOP
                else _("Shown when the outcomes that are waited for are known.")
            )
            return
        ahead = self.cohorts.value
        if ((awaited if waits else design.cohort_size) + 1) * (design.cohort_size + 1) ** (ahead - 1) > MOST_ROWS:
            ahead = 1
        truth = next((one.truth for one in self._record.scenarios if one.id == self.chances.value), None)
        found = pathways(design, outcomes, first, ahead, truth, first_size=awaited if waits else None)
        rows = tree(found, design.grid.labels[first])
        drawable = len(rows) <= 2 * MOST_ROWS
        self.picture.layout.display = None if drawable else "none"
        if drawable:
            self.picture.draw(rows, cohorts=ahead, heights=int(rows["place"].max()) + 1)
        self.table.show(*_notes(design, outcomes, found, ahead == self.cohorts.value), path_table(found))

    def _hide(self, words: str) -> None:
        self.picture.layout.display = "none"
        self.table.show(words)


def _notes(design: Design, outcomes: Outcomes, found: pd.DataFrame, fits: bool) -> list[Markup]:
    first = found[found["cohort"] == 1]
    one = first.iloc[min(1, len(first) - 1)]
    reads = _("‘{label}’ says: with {dlt} of {n} participants with a DLT at {at}, {then}.").format(
        label=_label(one), dlt=one["dlt"], n=one["participants"], at=one["treated_at"], then=_then(one)
    )
    notes = {
        _("With cohorts as large as these, one cohort is shown."): not fits,
        _("Participants in their DLT window stay as they are now."): outcomes.pending is not None,
        _("The coming participants are counted without a response."): design.assumed_responses is not None,
    }
    return [paragraph(reads, "off"), *(note(words) for words, holds in notes.items() if holds)]


def _then(one: "pd.Series[Any]") -> str:
    if one["leads_to"]:
        return _("{regimen} follows").format(regimen=one["leads_to"])
    if one["move"] == "complete":
        return _("the trial is complete with {n} participants").format(n=one["enrolled"])
    return _("the trial stops")


def _label(one: "Mapping[Hashable, Any] | pd.Series[Any]") -> str:
    counted = _("{} of {}").format(one["dlt"], one["participants"])
    return f"{counted} {SIGNS[one['move']]} {one['leads_to'] or _ending(one)}"


def _ending(one: "Mapping[Hashable, Any] | pd.Series[Any]") -> str:
    return _("complete ({n})").format(n=one["enrolled"]) if one["move"] == "complete" else _("stop")


def tree(found: pd.DataFrame, first: str) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.escalation.pathways`; `first` is the regimen where they begin.

    Outcomes that all complete the trial are one node, since none of them changes what follows.
    """
    every = {one["path"]: one for one in found.to_dict("records")}
    parts: dict[tuple[int, ...], list[dict[Hashable, Any]]] = {}
    for path, one in every.items():
        parts.setdefault(path[:-1], []).append(one)
    whole = {path for path, below in parts.items() if all(one["move"] == "complete" for one in below)}
    nodes = [one for path, one in every.items() if path[:-1] not in whole or path[-1] == 0]
    ends = [one["path"] for one in nodes if one["path"] not in parts]

    def middle(path: tuple[int, ...]) -> float:
        below = [place for place, end in enumerate(ends) if end[: len(path)] == path]
        return sum(below) / len(below)

    start = {"step": 0, "place": middle(()), "from_place": middle(()), "label": f"▶ {first}", "move": "stay"}
    rows: list[dict[str, Any]] = [start | {"width": 1.5, "words": _("the next cohort"), "chance": "–"}]
    for one in nodes:
        path, merged = one["path"], one["path"][:-1] in whole
        chances = [each["chance"] for each in parts[path[:-1]]] if merged else [one["chance"]]
        chance, known = sum(chances), pd.notna(one["chance"])
        rows.append(
            {
                "step": one["cohort"],
                "place": middle(path),
                "from_place": middle(path[:-1]),
                "label": _("complete ({n})").format(n=one["enrolled"]) if merged else _label(one),
                "move": one["move"],
                "words": _("any number of DLTs") if merged else _outcome(path),
                "width": 0.6 + WIDEST_LINE_PX * chance if known else 1.5,
                "chance": f"{chance:.1%}" if known else "–",
            }
        )
    return pd.DataFrame(rows)


def path_table(found: pd.DataFrame) -> Markup:
    """Return the pathways as a table, with all of them to save."""
    paths = [_outcome(path) for path in found["path"]]
    rows: dict[str, Any] = {
        _("Escalation cohort"): found["cohort"],
        _("Treated at"): found["treated_at"],
        _("DLTs in the cohorts"): paths,
        _("Leads to"): [one["leads_to"] or _ending(one) for one in found.to_dict("records")],
    }
    if found["chance"].notna().all():
        rows[_("Chance")] = [f"{chance:.1%}" for chance in found["chance"]]
    saved = download(_("Save the pathways (CSV)"), "pathways.csv", csv(found.assign(path=paths)), "text/csv")
    return details(_("The pathways as a table"), joined((table(pd.DataFrame(rows, dtype=object)), saved)))


def _outcome(path: tuple[int, ...]) -> str:
    return _("{first}, then {second}").format(first="", second="").join(str(dlt) for dlt in path)


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
    return macros("lists").bullets(
        sentences, joined((title, lead), _("{before}. {after}").format(before="", after=""))
    )


def _sentence(row: dict[Hashable, Any]) -> str:
    change, dlt, treated = row["change"], row["dlt"], row["treated"]
    more = ngettext("{n} more DLT", "{n} more DLTs", change)
    fewer = ngettext("{n} DLT fewer", "{n} DLTs fewer", -change)
    counted = _("{} at {} ({} of {} instead of {}): {}.")
    head = (more if change > 0 else fewer).format(n=abs(change))
    then = row["leads_to"] or _("the trial would stop")
    return counted.format(head, row["regimen"], dlt + change, treated, dlt, then)
