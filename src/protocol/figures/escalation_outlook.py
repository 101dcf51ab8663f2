"""Pictures of what may come: the pathways of the next cohorts, designs side by side, the calibration."""

from typing import Any

import pandas as pd

from protocol.figures.escalation import DECISIONS
from protocol.figures.theme import AMBER, BLUE, GREEN, GREY, ORANGE, PINK, SKY, alt, dressed
from protocol.translation import _

MOVES = {
    "up": DECISIONS["escalate"], "stay": DECISIONS["stay"], "across": SKY, "down": DECISIONS["de-escalate"],
    "stop": DECISIONS["eliminate"],
}  # fmt: skip
STEP_HEIGHT_PX, NODE_WIDTH_PX, NODE_HEIGHT_PX = 27, 98, 22
COHORT_SIZES = [BLUE, ORANGE, GREEN, PINK, AMBER, SKY]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]


def pathways(frame: pd.DataFrame, cohorts: int, heights: int) -> alt.LayerChart:
    """Draw where every outcome of the next cohorts leads.

    Parameters
    ----------
    frame : DataFrame
        One row per node: step (0 now, then cohorts), place (0 at the top), from_place (of the node before), label
        (the outcome and where it leads, with a sign), move (a key of :data:`MOVES`), width (of the line to it,
        pixels), words (the whole path), chance (in words).
    cohorts, heights : int
        Cohorts ahead, and rows of the deepest column.
    """
    names = [_("Now"), *(_("After cohort {}").format(number) for number in range(1, cohorts + 1))]
    axis = alt.Axis(
        values=[*range(cohorts + 1)], labelExpr=f"{names!r}[datum.value]", orient="top", ticks=False, domain=False,
        grid=False, title=None,
    )  # fmt: skip
    span = alt.Scale(domain=[-0.42, cohorts + 0.42], nice=False)
    rows = alt.Scale(domain=[heights - 0.4, -0.6], nice=False)
    base = alt.Chart(frame).encode(
        x=alt.X("step:Q", scale=span, axis=axis), y=alt.Y("place:Q", scale=rows, axis=None)
    )
    lines = base.transform_calculate(before="datum.step - 1").transform_filter("datum.step > 0")
    edges = lines.mark_rule(color=GREY).encode(
        x=alt.X("before:Q", scale=span, axis=axis), x2="step:Q", y=alt.Y("from_place:Q", scale=rows, axis=None),
        y2="place:Q", strokeWidth=alt.StrokeWidth("width:Q", scale=None), opacity=alt.value(0.6),
    )  # fmt: skip
    tips = [alt.Tooltip("words:N", title=_("Outcome")), alt.Tooltip("label:N", title=_("Leads to")),
            alt.Tooltip("chance:N", title=_("Chance"))]  # fmt: skip
    paper = base.mark_rect(cornerRadius=5, width=NODE_WIDTH_PX, height=NODE_HEIGHT_PX, fill="Canvas")
    nodes = base.mark_rect(cornerRadius=5, width=NODE_WIDTH_PX, height=NODE_HEIGHT_PX, stroke=GREY, strokeWidth=0.8)
    nodes = nodes.encode(
        fill=alt.Fill("move:N", scale=alt.Scale(domain=[*MOVES], range=[*MOVES.values()]), legend=None), tooltip=tips
    )
    inks = {"up": "#111", "stay": "currentColor", "across": "#111", "down": "#111", "stop": "#111"}
    ink = alt.Color("move:N", scale=alt.Scale(domain=[*inks], range=[*inks.values()]), legend=None)
    labels = base.mark_text(fontSize=12.5, fontWeight=600).encode(text="label:N", color=ink)
    return _finished(
        alt.layer(edges, paper, nodes, labels).resolve_scale(color="independent", fill="independent"),
        STEP_HEIGHT_PX * heights + 20,
        _("Every outcome of the next cohorts and the regimen it leads to."),
    )


def comparison(frame: pd.DataFrame, title: str, percent: bool) -> alt.LayerChart:
    """Draw one measure of several designs with its Monte Carlo error.

    Parameters
    ----------
    frame : DataFrame
        One row per design: design, value, low, high (two standard errors around it), words (with the error).
    title : str
        The measure.
    percent : bool
        Whether the values are shares, 0 to 1.
    """
    axis = alt.Axis(format="%" if percent else "~r", tickCount=4, labelOverlap=True)
    base = alt.Chart(frame).encode(y=alt.Y("design:N", sort=None, axis=None))
    tips = [alt.Tooltip("design:N", title=_("Design")), alt.Tooltip("words:N", title=title)]
    across = alt.X("value:Q", title=title, scale=alt.Scale(zero=True), axis=axis)
    bars = base.mark_bar(color=BLUE, opacity=0.45, height=16, yOffset=8).encode(x=across, tooltip=tips)
    errors = base.mark_rule(strokeWidth=3, yOffset=8).encode(x=alt.X("low:Q", title=title), x2="high:Q", tooltip=tips)
    names = base.mark_text(align="left", dy=-11, fontSize=13).encode(x=alt.datum(0), text="design:N")
    figures = base.mark_text(align="left", dx=6, dy=8, fontSize=13).encode(x="high:Q", text="words:N")
    return _finished(alt.layer(bars, errors, names, figures), alt.Step(44), _("One measure of several designs."))


def calibration(frame: pd.DataFrame, title: str, percent: bool) -> alt.LayerChart:
    """Draw a risk against the sample size, a line for each cohort size.

    Parameters
    ----------
    frame : DataFrame
        One row per setting: maximum (participants in a trial at most), size (of its cohorts), cohort (the same in
        words), value, low, high
        (two standard errors around it), words (with the error).
    title : str
        The risk.
    percent : bool
        Whether the values are shares, 0 to 1.
    """
    axis = alt.Axis(format="%" if percent else "~r", tickCount=6)
    base = alt.Chart(frame).encode(
        x=alt.X("maximum:Q", title=_("Participants at most"), scale=alt.Scale(zero=False, nice=False, padding=18)),
        color=alt.Color("cohort:N", scale=alt.Scale(range=COHORT_SIZES), legend=_key()),
    )
    height = alt.Y("value:Q", title=title, scale=alt.Scale(zero=True), axis=axis)
    points = base.mark_point(size=70, filled=True, opacity=1).encode(
        y=height,
        shape=alt.Shape("cohort:N", scale=alt.Scale(range=SHAPES), legend=None),
        tooltip=[
            alt.Tooltip("maximum:Q", title=_("Participants at most")), alt.Tooltip("cohort:N", title=_("Cohorts")),
            alt.Tooltip("words:N", title=title),
        ],
    )  # fmt: skip
    errors = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    lines = base.mark_line(strokeWidth=1.5).encode(y=height)
    sizes = base.mark_text(dx=10, dy=-8, fontSize=12).encode(y=height, text="size:Q")
    return _finished(alt.layer(lines, errors, points, sizes), 280, _("A risk by sample size and cohort size."))


def _key() -> alt.Legend:
    return alt.Legend(title=None, orient="top", columns=2)


def _finished(chart: Any, height: Any, description: str) -> alt.LayerChart:
    finished: alt.LayerChart = dressed(chart.properties(width="container", height=height, description=description))
    return finished
