"""Figures of the escalation: a tidy DataFrame in, an Altair chart out."""

from typing import Any

import pandas as pd

from protocol.figures.theme import AMBER, BLUE, GREEN, GREY, ORANGE, PINK, SKY, alt, dressed
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
    return _finished_wide(
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
    return _finished_wide(alt.layer(bars, errors, names, figures), alt.Step(44), _("One measure of several designs."))


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
    return _finished_wide(alt.layer(lines, errors, points, sizes), 280, _("A risk by sample size and cohort size."))


def _key() -> alt.Legend:
    return alt.Legend(title=None, orient="top", columns=2)


def _finished_wide(chart: Any, height: Any, description: str) -> alt.LayerChart:
    finished: alt.LayerChart = dressed(chart.properties(width="container", height=height, description=description))
    return finished
