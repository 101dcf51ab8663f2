"""Figures of the escalation: a tidy DataFrame in, an Altair chart out."""

from typing import Any

import altair as alt
import pandas as pd

from protocol.figures.theme import (
    AMBER,
    BLUE,
    DARK,
    GREEN,
    GREY,
    ORANGE,
    SERIES,
    SHAPES,
    SKY,
    colours,
    draggable,
    finished,
    in_words,
)
from protocol.translation import _

__all__ = [
    "DECISIONS",
    "FILLS",
    "INKS",
    "calibration",
    "characteristics",
    "comparison",
    "decisions",
    "grid",
    "pathways",
    "true_rates",
]

_PAPER = "rgba(138, 138, 138, 0.16)"  # a cell that is neither good nor bad, on white and on black
_WARNING = "rgba(213, 94, 0, 0.32)"  # ORANGE, thin enough for the page's own ink
_PAGE = "currentColor"  # the page's own ink

FILLS = {"next": BLUE, "current": SKY, "tried": _PAPER, "untried": "transparent", "eliminated": _WARNING}
"""The colour of a regimen on the grid, by its state."""

INKS = {"next": "white", "current": DARK, "tried": _PAGE, "untried": _PAGE, "eliminated": _PAGE}
"""The colour of the text on a regimen, by its state."""

DECISIONS = {"escalate": GREEN, "stay": _PAPER, "de-escalate": AMBER, "eliminate": ORANGE}
"""The colour of each decision in a decision table."""

_MOVES = {
    "up": DECISIONS["escalate"],
    "stay": DECISIONS["stay"],
    "across": SKY,
    "down": DECISIONS["de-escalate"],
    "stop": DECISIONS["eliminate"],
    "complete": "#c4c4c4",
}

_CELL_PX, _SEEN_CELL_PX = 74, 58
_SLIM_PX = 330
"""Width of the grid below which a cell has room for one short line at a time."""

_STEP_PX, _NODE_WIDTH_PX, _NODE_HEIGHT_PX = 27, 104, 22


def grid(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw the grid of regimens with what was seen and what is recommended.

    Parameters
    ----------
    frame : DataFrame
        One row per regimen, lowest first: regimen, dose, frequency, state (a key of :data:`FILLS`), sign (the
        state in words), head (regimen and state), short (regimen and symbol), count ("1/9", DLTs of evaluable),
        treated, dlt, pending, observed and estimate (DLT rates in words), seen and waits (the estimate, and the
        pending participants, in words), below (both), marked (whether its counts are being edited).

    Returns
    -------
    altair.LayerChart
        Clickable: the point selection "pick" gives the regimen.
    """
    pick = alt.selection_point(name="pick", fields=["regimen"], on="click")
    cells = _cells(frame, colours("state", FILLS, alt.Fill)).encode(
        stroke=alt.condition("datum.marked", alt.value("currentColor"), alt.value(GREY)),
        strokeWidth=alt.condition("datum.marked", alt.value(3), alt.value(0.8)),
        tooltip=[
            alt.Tooltip("regimen:N", title=_("Regimen")),
            alt.Tooltip("sign:N", title=_("State")),
            alt.Tooltip("treated:Q", title=_("Evaluable")),
            alt.Tooltip("dlt:Q", title=_("With a DLT")),
            alt.Tooltip("pending:Q", title=_("Pending")),
            alt.Tooltip("observed:N", title=_("Observed DLT rate")),
            alt.Tooltip("estimate:N", title=_("Estimated DLT rate")),
        ],
    )
    wide, slim = f"width >= {_SLIM_PX}", f"width < {_SLIM_PX}"
    layers = [
        cells.add_params(pick),
        _line(frame, "head", 13, -19, when=wide),
        _line(frame, "count", 18, 1, bold=True, when=wide),
        _line(frame, "below", 12, 19, when=wide),
        _line(frame, "short", 12, -21, when=slim),
        _line(frame, "count", 15, -6, bold=True, when=slim),
        _line(frame, "seen", 12, 8, when=slim),
        _line(frame, "waits", 12, 21, when=slim),
    ]
    about = _("The grid of regimens: DLTs of evaluable participants, estimates and the recommendation.")
    return finished(alt.layer(*layers), _height(frame, _SEEN_CELL_PX), about)


def _line(frame: pd.DataFrame, field: str, size: float, dy: int, *, when: str, bold: bool = False) -> Any:
    """Write a line into each cell while the picture has that width."""
    shown = _placed(frame).transform_filter(when)
    mark = shown.mark_text(dy=dy, fontSize=size, fontWeight=700 if bold else 400, tooltip=None)
    return mark.encode(text=f"{field}:N", color=colours("state", INKS))


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
    return finished(
        alt.layer(*layers),
        _height(frame),
        _("Operating characteristics on the grid, with the assumed true DLT rates."),
    )


def decisions(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw the decision table: what follows from each number of DLTs.

    Parameters
    ----------
    frame : DataFrame
        One row per possible outcome: treated, dlt, decision (a key of :data:`DECISIONS`), letter (its sign).
    """
    words = {
        "escalate": _("escalate"),
        "stay": _("stay"),
        "de-escalate": _("de-escalate"),
        "eliminate": _("eliminate"),
    }
    legend = alt.Legend(title=None, orient="top", columns=2, labelExpr=in_words(words))
    said = alt.Chart(frame).transform_calculate(rule=in_words(words, "datum.decision"))
    base = said.encode(
        x=alt.X("treated:O", title=_("Participants treated at the regimen"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("dlt:O", title=_("With a DLT"), sort="descending"),
    )
    cells = base.mark_rect(cornerRadius=3).encode(
        fill=colours("decision", DECISIONS, alt.Fill, legend),
        tooltip=[
            alt.Tooltip("treated:Q", title=_("Treated")),
            alt.Tooltip("dlt:Q", title=_("With a DLT")),
            alt.Tooltip("rule:N", title=_("What the rule says")),
        ],
    )
    inks = dict.fromkeys(DECISIONS, DARK) | {"stay": _PAGE}
    letters = base.mark_text(fontSize=13).encode(text="letter:N", color=colours("decision", inks))
    about = _("Decision by participants treated and participants with a DLT.")
    return finished(alt.layer(cells, letters), alt.Step(20), about)


def _height(frame: pd.DataFrame, cell: int = _CELL_PX) -> int:
    return int(cell * frame["dose"].nunique())


def true_rates(frame: pd.DataFrame, target: float) -> alt.LayerChart:
    """Draw assumed true DLT rates over the dose, a line for each frequency, with points that can be dragged.

    Parameters
    ----------
    frame : DataFrame
        One row per regimen: regimen, dose, frequency, line (the frequency in words), rate (0 to 1).
    target : float
        The target DLT rate, drawn as a line.
    """
    lines = list(frame["line"].unique())
    base = alt.Chart(frame).encode(
        x=alt.X("dose:N", sort=None, title=_("Dose →"), axis=alt.Axis(labelAngle=0, ticks=False)),
        xOffset=alt.XOffset("line:N", sort=None, scale=alt.Scale(paddingOuter=0.2)),
        y=alt.Y("rate:Q", title=_("True DLT rate"), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=6)),
    )
    colour = alt.Color(
        "line:N",
        sort=None,
        scale=alt.Scale(domain=lines, range=SERIES[: len(lines)]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
    )
    rule = alt.Chart(frame).mark_rule(color=GREEN, strokeDash=[6, 4], strokeWidth=2).encode(y=alt.datum(target))
    name = alt.Chart(frame).mark_text(align="left", dx=4, dy=-8, fontSize=13)
    name = name.encode(x=alt.value(0), y=alt.datum(target), text=alt.datum(_("target {:g}").format(target)))
    points = base.mark_point(size=130, filled=True, opacity=1).encode(
        color=colour,
        shape=alt.Shape("line:N", sort=None, scale=alt.Scale(domain=lines, range=SHAPES[: len(lines)]), legend=None),
        tooltip=[
            alt.Tooltip("regimen:N", title=_("Regimen")),
            alt.Tooltip("rate:Q", title=_("True DLT rate"), format=".2f"),
        ],
    )
    how = draggable("regimen", "rate", _("True DLT rate"), least=0, most=1, step=0.01, page=0.05, digits=2)
    whole = alt.layer(
        rule, name, base.mark_line(strokeWidth=1.5).encode(color=colour), points.properties(name="handles")
    )
    return finished(whole.add_params(how), 280, _("Assumed true DLT rates by dose, a line for each frequency."))


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


def pathways(frame: pd.DataFrame, cohorts: int, heights: int) -> alt.LayerChart:
    """Draw where every outcome of the next cohorts leads.

    Parameters
    ----------
    frame : DataFrame
        One row per node: step (0 now, then cohorts), place (0 at the top), from_place (of the node before), label
        (the outcome and where it leads, with a sign), move (up, stay, across, down, complete or stop), width (of the
        line to it, pixels), words (the whole path), chance (in words).
    cohorts, heights : int
        Cohorts ahead, and rows of the deepest column.
    """
    names = [_("Now"), *(_("After cohort {}").format(number) for number in range(1, cohorts + 1))]
    axis = alt.Axis(
        values=[*range(cohorts + 1)],
        labelExpr=f"{names!r}[datum.value]",
        orient="top",
        ticks=False,
        domain=False,
        grid=False,
        title=None,
    )
    span = alt.Scale(domain=[-0.42, cohorts + 0.42], nice=False)
    rows = alt.Scale(domain=[heights - 0.4, -0.6], nice=False)
    base = alt.Chart(frame).encode(
        x=alt.X("step:Q", scale=span, axis=axis), y=alt.Y("place:Q", scale=rows, axis=None)
    )
    lines = base.transform_calculate(before="datum.step - 1").transform_filter("datum.step > 0")
    edges = lines.mark_rule(color=GREY).encode(
        x=alt.X("before:Q", scale=span, axis=axis),
        x2="step:Q",
        y=alt.Y("from_place:Q", scale=rows, axis=None),
        y2="place:Q",
        strokeWidth=alt.StrokeWidth("width:Q", scale=None),
        opacity=alt.value(0.6),
    )
    tips = [
        alt.Tooltip("words:N", title=_("Outcome of the cohorts")),
        alt.Tooltip("label:N", title=_("Leads to")),
        alt.Tooltip("chance:N", title=_("Chance")),
    ]
    paper = base.mark_rect(cornerRadius=5, width=_NODE_WIDTH_PX, height=_NODE_HEIGHT_PX, fill="Canvas")
    nodes = base.mark_rect(cornerRadius=5, width=_NODE_WIDTH_PX, height=_NODE_HEIGHT_PX, stroke=GREY, strokeWidth=0.8)
    nodes = nodes.encode(fill=colours("move", _MOVES, alt.Fill), tooltip=tips)
    inks = dict.fromkeys(_MOVES, DARK) | {"stay": _PAGE}
    labels = base.mark_text(fontSize=12.5, fontWeight=600).encode(text="label:N", color=colours("move", inks))
    return finished(
        alt.layer(edges, paper, nodes, labels).resolve_scale(color="independent", fill="independent"),
        _STEP_PX * heights + 20,
        _("Every outcome of the next cohorts and the regimen it leads to."),
    )


def comparison(frame: pd.DataFrame, title: str, percent: bool) -> alt.LayerChart:
    """Draw one measure of several designs with its Monte Carlo error, as a forest plot.

    Parameters
    ----------
    frame : DataFrame
        One row per design: design, value, low, high (two standard errors around it), words (the design and its figure
        with the error).
    title : str
        The measure.
    percent : bool
        Whether the values are shares, 0 to 1.
    """
    axis = alt.Axis(format="%" if percent else "~r", tickCount=4, labelOverlap=True)
    base = alt.Chart(frame).encode(y=alt.Y("design:N", sort=None, axis=None))
    tips = [alt.Tooltip("design:N", title=_("Design")), alt.Tooltip("words:N", title=title)]
    scale = alt.Scale(zero=False, nice=True, padding=12)
    points = base.mark_point(filled=True, shape="square", size=90, color=BLUE, opacity=1, yOffset=10)
    points = points.encode(x=alt.X("value:Q", title=title, scale=scale, axis=axis), tooltip=tips)
    errors = base.mark_rule(strokeWidth=2, yOffset=10).encode(
        x=alt.X("low:Q", title=title), x2="high:Q", tooltip=tips
    )
    # the words stand above the interval at the left edge: they are never cut, wherever the interval lies
    words = base.mark_text(align="left", dy=-9, fontSize=13).encode(x=alt.value(0), text="words:N")
    return finished(alt.layer(errors, points, words), alt.Step(44), _("One measure of several designs."))


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
        color=alt.Color(
            "cohort:N", scale=alt.Scale(range=SERIES[:6]), legend=alt.Legend(title=None, orient="top", columns=2)
        ),
    )
    height = alt.Y("value:Q", title=title, scale=alt.Scale(zero=True), axis=axis)
    points = base.mark_point(size=70, filled=True, opacity=1).encode(
        y=height,
        shape=alt.Shape("cohort:N", scale=alt.Scale(range=SHAPES[:6]), legend=None),
        tooltip=[
            alt.Tooltip("maximum:Q", title=_("Participants at most")),
            alt.Tooltip("cohort:N", title=_("Cohorts")),
            alt.Tooltip("words:N", title=title),
        ],
    )
    errors = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    lines = base.mark_line(strokeWidth=1.5).encode(y=height)
    sizes = base.mark_text(dx=10, dy=-8, fontSize=12).encode(y=height, text="size:Q")
    return finished(alt.layer(lines, errors, points, sizes), 280, _("A risk by sample size and cohort size."))
