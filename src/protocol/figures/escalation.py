"""Pictures of the escalation: the recommendation, operating characteristics, the decision table."""

from typing import Any

import pandas as pd

from protocol.figures.theme import AMBER, BLUE, GREEN, GREY, ORANGE, SKY, alt, dressed
from protocol.translation import _

PAPER = "rgba(138, 138, 138, 0.16)"  # a cell that is neither good nor bad, on white and on black
WARNING = "rgba(213, 94, 0, 0.32)"  # the orange of the house, thin enough for the page's own ink
FILLS = {"next": BLUE, "current": SKY, "tried": PAPER, "untried": "transparent", "eliminated": WARNING}
INKS = {
    "next": "white",
    "current": "#111",
    "tried": "currentColor",
    "untried": "currentColor",
    "eliminated": "currentColor",
}
DECISIONS = {"escalate": GREEN, "stay": PAPER, "de-escalate": AMBER, "eliminate": ORANGE}
CELL_HEIGHT_PX = 74


def grid(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw the grid of regimens with what was seen and what is recommended.

    Parameters
    ----------
    frame : DataFrame
        One row per regimen, lowest first: regimen, dose, frequency, state (a key of :data:`FILLS`), sign (the
        state in words), count (DLTs of treated, in words), treated, dlt, estimate (the DLT rate in words),
        marked (whether its counts are being edited).

    Returns
    -------
    altair.LayerChart
        Clickable: the point selection "pick" gives the regimen.
    """
    pick = alt.selection_point(name="pick", fields=["regimen"], on="click")
    cells = _cells(frame, _fill("state", FILLS)).encode(
        stroke=alt.condition("datum.marked", alt.value("currentColor"), alt.value(GREY)),
        strokeWidth=alt.condition("datum.marked", alt.value(3), alt.value(0.8)),
        tooltip=[
            alt.Tooltip("regimen:N", title=_("Regimen")),
            alt.Tooltip("sign:N", title=_("State")),
            alt.Tooltip("treated:Q", title=_("Treated")),
            alt.Tooltip("dlt:Q", title=_("With a DLT")),
            alt.Tooltip("estimate:N", title=_("Estimated DLT rate")),
        ],
    )
    ink = _ink("state", INKS)
    layers = [
        cells.add_params(pick),
        _words(frame, "regimen", ink, dy=-22, size=13),
        _words(frame, "count", ink, dy=0, size=18, bold=True),
        _words(frame, "sign", ink, dy=23, size=13),
    ]
    return _finished(layers, frame, _("The grid of regimens: participants, DLTs and the recommendation."))


def characteristics(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw one operating characteristic on the grid.

    Parameters
    ----------
    frame : DataFrame
        One row per regimen, lowest first: regimen, dose, frequency, strength (0 to 1, depth of the colour),
        shown and exact (the figure in words, without and with its error), below (the true rate in words),
        sign (its place against the target in words), correct (whether selecting it is right).
    """
    strength = alt.Opacity("strength:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 1]), legend=None)
    wash = _cells(frame, alt.value(BLUE)).encode(opacity=strength)
    frame_line = _cells(frame, alt.value("transparent")).encode(
        stroke=alt.condition("datum.correct", alt.value(GREEN), alt.value(GREY)),
        strokeWidth=alt.condition("datum.correct", alt.value(4), alt.value(0.8)),
        tooltip=[
            alt.Tooltip("regimen:N", title=_("Regimen")),
            alt.Tooltip("exact:N", title=_("Result")),
            alt.Tooltip("below:N", title=_("True rate")),
            alt.Tooltip("sign:N", title=_("Against the target")),
        ],
    )
    ink = alt.condition("datum.strength > 0.6", alt.value("white"), alt.value("currentColor"))
    layers = [
        wash,
        frame_line,
        _words(frame, "below", ink, dy=-22, size=12),
        _words(frame, "shown", ink, dy=0, size=18, bold=True),
        _words(frame, "sign", ink, dy=23, size=12),
    ]
    return _finished(layers, frame, _("Operating characteristics on the grid, with the assumed true DLT rates."))


def decisions(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw the decision table: what follows from each number of DLTs.

    Parameters
    ----------
    frame : DataFrame
        One row per possible outcome: treated, dlt, decision (a key of :data:`DECISIONS`), letter (its sign).
    """
    base = alt.Chart(frame).encode(
        x=alt.X("treated:O", title=_("Participants treated at the regimen"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("dlt:O", title=_("With a DLT"), sort="descending"),
    )
    cells = base.mark_rect(cornerRadius=3).encode(
        fill=_fill("decision", DECISIONS, legend=alt.Legend(title=None, orient="top", columns=2)),
        tooltip=[
            alt.Tooltip("treated:Q", title=_("Treated")),
            alt.Tooltip("dlt:Q", title=_("With a DLT")),
            alt.Tooltip("decision:N", title=_("Decision")),
        ],
    )
    black = {"escalate": "#111", "stay": "currentColor", "de-escalate": "#111", "eliminate": "#111"}
    letters = base.mark_text(fontSize=13).encode(text="letter:N", color=_ink("decision", black))
    chart = alt.layer(cells, letters).properties(
        width="container",
        height=alt.Step(20),
        description=_("Decision by participants treated and participants with a DLT."),
    )
    finished: alt.LayerChart = dressed(chart)
    return finished


def _cells(frame: pd.DataFrame, fill: Any) -> Any:
    return _placed(frame).mark_rect(cornerRadius=6).encode(fill=fill)


def _words(frame: pd.DataFrame, field: str, ink: Any, *, dy: int, size: int, bold: bool = False) -> Any:
    mark = _placed(frame).mark_text(dy=dy, fontSize=size, fontWeight=700 if bold else 400, tooltip=None)
    return mark.encode(text=f"{field}:N", color=ink)


def _placed(frame: pd.DataFrame) -> Any:
    gap = alt.Scale(paddingInner=0.05, paddingOuter=0)
    quiet = alt.Axis(labelAngle=0, ticks=False, domain=False)
    return alt.Chart(frame).encode(
        x=alt.X("frequency:N", sort=None, title=_("Frequency of infusion →"), scale=gap, axis=quiet),
        y=alt.Y("dose:N", sort="descending", title=_("Dose →"), scale=gap, axis=quiet),
    )


def _fill(field: str, colours: dict[str, str], legend: Any = None) -> Any:
    scale = alt.Scale(domain=[*colours], range=[*colours.values()])
    return alt.Fill(f"{field}:N", scale=scale, legend=legend)


def _ink(field: str, colours: dict[str, str]) -> Any:
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=[*colours], range=[*colours.values()]), legend=None)


def _finished(layers: list[alt.Chart], frame: pd.DataFrame, description: str) -> alt.LayerChart:
    height = CELL_HEIGHT_PX * frame["dose"].nunique()
    chart = alt.layer(*layers).properties(width="container", height=height, description=description)
    finished: alt.LayerChart = dressed(chart)
    return finished
