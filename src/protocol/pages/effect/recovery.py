"""Recovery in the trial: cumulative incidence with its competing events, and transfusions on the grid."""

from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from protocol.chart import Chart
from protocol.effect import EVENTS, HIDDEN, Curve, Incidence, Summaries, definitions
from protocol.escalation import Grid
from protocol.exchange.spreadsheet import csv
from protocol.figures import effect as figures
from protocol.pages.effect.settings import EffectSettings
from protocol.pages.effect.words import MOST_GROUPS, PRODUCTS, count_text, day_zero, part_text, percent, share_text
from protocol.pages.kit import (
    Panel,
    Text,
    details,
    download,
    field,
    joined,
    note,
    paragraph,
    row,
    section,
    strong,
    table,
)
from protocol.records import ProtocolError
from protocol.translation import _, list_of, ngettext, paragraph_of

HALF = 0.5

BY = {"": _("all together"), "phase": _("by phase"), "regimen": _("by regimen")}

EVENT_WORDS = {"recovery": _("recovery"), "death": _("death"), "relapse": _("relapse")}


class RecoveryPanel(Panel):
    """Recovery of all participants; :meth:`show` takes Summaries.

    Parameters
    ----------
    settings : EffectSettings
    grid : Grid
    invented : bool

    Attributes
    ----------
    definition, by, competing, product, first, last : ipywidgets
    said, source, tables, problem, free_table : Text
    curves, grid : Chart
    """

    def __init__(self, settings: EffectSettings, grid: Grid, invented: bool) -> None:
        self._grid, self._settings = grid, settings
        self.definition = field(
            widgets.Dropdown,
            _("Definition of recovery"),
            options=settings.definition_options(),
            value=settings.definition,
            width="wide",
        )
        groups = [(label, name) for name, label in BY.items()]
        self.by = field(widgets.ToggleButtons, _("Curves"), options=groups, value="")
        self.competing = field(widgets.Checkbox, _("Show death and relapse"), value=True, indent=False)
        self.said, self.source, self.tables = Text(), Text(role=""), Text(role="")
        self.curves = Chart(figures.incidence, _("Cumulative incidence of recovery, with numbers at risk"))
        products = [(label, name) for name, label in PRODUCTS.items()]
        self.product = field(widgets.Dropdown, _("Transfusions of"), options=products, width="short")
        self.first = field(widgets.BoundedIntText, _("From day"), value=15, min=0, max=730, width="short")
        self.last = field(widgets.BoundedIntText, _("To day"), value=28, min=0, max=730, width="short")
        self.problem, self.free_table, self.free_said = Text(), Text(role=""), Text()
        self.grid = Chart(figures.shares, _("Share of participants without a transfusion, on the grid"))
        self.file = "recovery-invented-example.csv" if invented else "recovery.csv"
        lead = _(
            "Death and relapse before the recovery are competing events; they are not censored. Bands are "
            "confidence intervals (95 %), point by point."
        )
        self.view = widgets.VBox(
            [
                section(
                    _("Cumulative incidence of recovery"),
                    self.definition,
                    row(self.by, self.competing),
                    self.said,
                    self.curves,
                    self.source,
                    self.tables,
                    lead=lead,
                ),
                section(
                    _("Without transfusion"),
                    row(self.product, self.first, self.last),
                    self.problem,
                    self.free_said,
                    self.grid,
                    self.free_table,
                    lead=paragraph_of(
                        (
                            _("Participants without a transfusion from one day to the other, both included."),
                            day_zero(),
                        )
                    ),
                ),
            ]
        )
        for part, controls in (
            (self._draw_curves, (self.definition, self.by, self.competing)),
            (self._draw_free, (self.product, self.first, self.last)),
        ):
            for control in controls:
                control.observe(lambda _change, part=part: self.shown and part(*self.shown), "value")

    def draw(self, seen: Summaries) -> None:
        """Show the recovery of the participants."""
        self._draw_curves(seen)
        self._draw_free(seen)

    def _draw_curves(self, seen: Summaries) -> None:
        found = seen.incidence(self.definition.value, self.by.value)
        name = self.definition.value
        words = strong(_(definitions()[name].label), self._settings.definition_origin(name))
        self.source.show(paragraph(words, "off"))  # a telephone cuts the words of the list of definitions
        groups = list(dict.fromkeys(_group(one) for one in found.curves))
        shown = groups[:MOST_GROUPS]
        self.curves.layout.display = None if shown else "none"
        self.said.show(*_said(found, groups, seen))
        if not shown:
            self.tables.show(None)
            return
        times = ticks(max(float(one.times[-1]) for one in found.curves))
        rows = curve_rows(found.curves, shown, times)
        kinds = {one["kind"] for one in rows[["kind"]].to_dict("records")} - {"recovery", "risk"}
        self.curves.draw(
            rows,
            groups=tuple(shown),
            times=times,
            title=_("recovered"),
            competing=self.competing.value and bool(kinds),
        )
        frame = pd.concat([curve_table(one) for one in found.curves], ignore_index=True)
        saved = download(_("Save the curves (CSV)"), self.file, csv(frame), "text/csv")
        at = recovered_by(found.curves, times)
        self.tables.show(
            details(
                _("The figures as a table"), joined((table(at, _("Recovered by day (0 = first infusion)")), saved))
            )
        )

    def _draw_free(self, seen: Summaries) -> None:
        try:
            found = seen.transfusion_free(self.product.value, self.first.value, self.last.value)
        except ProtocolError as error:
            self.problem.show(error)
            return
        self.problem.show(None)
        on_grid = found[found["group"].isin(self._grid.labels)]
        self.grid.layout.display = None if len(on_grid) else "none"
        if len(on_grid):
            self.grid.draw(share_rows(on_grid, self._grid), title=_("without a transfusion"))
        counted = found[found["counted"] != HIDDEN]
        unknown = int(found.loc[found["unknown"] != HIDDEN, "unknown"].sum())
        words = ngettext(
            "{n} participant is not counted: not followed up so far, or nothing was recorded.",
            "{n} participants are not counted: not followed up so far, or nothing was recorded.",
            unknown,
        )
        self.free_said.show(paragraph(words.format(n=unknown), "off") if unknown else None)
        shown = [
            {
                _("Regimen"): one["group"],
                _("Without a transfusion"): share_text(one["free"], one["counted"]),
                _("Not counted"): count_text(one["unknown"]),
            }
            for one in found.to_dict("records")
        ]
        self.free_table.show(
            details(_("The figures as a table"), table(pd.DataFrame(shown, dtype=object))) if len(counted) else None
        )


def _group(curve: Curve) -> str:
    return _("all") if curve.group is None else str(curve.group)


def _said(found: Incidence, groups: list[str], seen: Summaries) -> list[Any]:
    said = []
    if not groups:
        said.append(note(_("No participant has a recovery that is known so far.")))
    said += [curve_words(one) for one in found.curves if EVENTS[one.event] == "recovery" and one.group is None]
    if len(groups) > MOST_GROUPS:
        more = _("The picture shows the first {n} groups; all are in the table.")
        said.append(paragraph(more.format(n=MOST_GROUPS), "off"))
    if found.hidden:
        few = _("Groups of fewer than five participants are not shown to those who see figures only: {names}.")
        said.append(paragraph(few.format(names=list_of(found.hidden)), "off"))
    if found.left_out and seen.treated:
        reasons = list_of(
            (_("{n} {why}").format(n=count_text(seen.hide(n)), why=why) for why, n in found.left_out.items()), "; "
        )
        said.append(paragraph(_("Not counted: {reasons}.").format(reasons=reasons), "off"))
    return said


NO_INTERVAL = 1e-9  # so near to 1 an estimate is 1, and its interval says nothing


def curve_words(curve: Curve) -> Any:
    """Say when half of all had recovered, and how many in the end."""
    line = curve.table().dropna(subset="estimate")
    last = line.iloc[-1]
    half = line.loc[line["estimate"] >= HALF, "time"]
    words = [_("Half of all recovered by day {day:g}.").format(day=half.iloc[0])] if len(half) else []
    about = {"n": curve.participants, "day": last["time"], "share": percent(last["estimate"])}
    if last["estimate"] >= 1 - NO_INTERVAL:
        end = _("All {n} participants recovered by day {day:g}.")
    elif last["estimate"] <= 0:
        end = _("{share} of {n} participants recovered by day {day:g}.")
    else:
        end = _("{share} of {n} participants recovered by day {day:g} (interval {low} to {high}, 95 %).")
        about |= {"low": percent(last["low"]), "high": percent(last["high"])}
    return paragraph(paragraph_of([*words, end.format(**about)]))


def ticks(last: float) -> tuple[float, ...]:
    """Return the days that an axis up to a last day names, in whole weeks."""
    step = next((one for one in (7, 14, 28, 56, 91, 182, 365) if last / one <= 7), 365)
    return tuple(float(step * place) for place in range(int(np.ceil(last / step)) + 1)) if last else (0.0, 7.0)


def curve_rows(curves: list[Curve], groups: list[str], times: tuple[float, ...]) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.effect.incidence`."""
    parts = []
    for curve in curves:
        name = _group(curve)
        if name not in groups:
            continue
        start = pd.DataFrame([{"time": 0.0, "estimate": 0.0, "low": 0.0, "high": 0.0}])
        line = pd.concat([start, curve.table()[["time", "estimate", "low", "high"]]], ignore_index=True)
        parts.append(line.assign(kind=EVENTS[curve.event], group=name, at_risk=0, slot=0))
        if EVENTS[curve.event] == "recovery":
            risk = pd.DataFrame({"time": times, "at_risk": curve.at(times)["at_risk"]})
            parts.append(
                risk.assign(kind="risk", group=name, slot=groups.index(name) + 1, estimate=0.0, low=0.0, high=0.0)
            )
    return pd.concat(parts, ignore_index=True)[
        ["kind", "group", "time", "estimate", "low", "high", "at_risk", "slot"]
    ]


def curve_table(curve: Curve) -> pd.DataFrame:
    """Return a curve with its group and event, for a file."""
    return curve.table().assign(group=_group(curve), event=EVENTS[curve.event])


def recovered_by(curves: list[Curve], times: tuple[float, ...]) -> pd.DataFrame:
    """Return the shares at some days with their intervals and the numbers at risk, in words."""
    rows = []
    for curve in curves:
        for one in curve.at(times[1:]).to_dict("records"):
            known = pd.notna(one["estimate"])
            rows.append(
                {
                    _("Group"): _group(curve),
                    _("Event"): EVENT_WORDS[EVENTS[curve.event]],
                    _("Day (0 = first infusion)"): int(one["time"]),
                    _("Share"): percent(one["estimate"]) if known else "–",
                    _("Interval (95 %)"): f"{percent(one['low'])} – {percent(one['high'])}" if known else "–",
                    _("At risk"): int(one["at_risk"]),
                }
            )
    return pd.DataFrame(rows, dtype=object)


def _counts(part: Any, whole: Any) -> str:
    return "–" if HIDDEN in (part, whole) else part_text(part, whole)


def share_rows(found: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Return the rows of :func:`protocol.figures.effect.shares`, one for every regimen of the grid."""
    by_name = {one["group"]: one for one in found.to_dict("records")}
    rows = []
    for place, name in enumerate(grid.labels):
        dose, frequency = divmod(place, len(grid.frequencies))
        one = by_name.get(name)
        share = one["free"] / one["counted"] if one and one["counted"] > 0 and one["free"] != HIDDEN else None
        below = _("nobody") if one is None else _counts(one["free"], one["counted"])
        rows.append(
            {
                "regimen": name,
                "dose": _("dose {name}").format(name=grid.doses[dose]),
                "frequency": _("frequency {name}").format(name=grid.frequencies[frequency]),
                "strength": share or 0.0,
                "figure": "–" if share is None else f"{share:.0%}",
                "below": below,
                "words": below,
            }
        )
    return pd.DataFrame(rows)
