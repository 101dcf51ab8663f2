"""Figures of the effect: a tidy DataFrame in, an Altair chart out."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from protocol.figures.theme import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SERIES,
    SHAPES,
    colours,
    finished,
    in_words,
)
from protocol.translation import _

__all__ = [
    "BELOW",
    "GRADES",
    "MARKS",
    "boundary",
    "counts",
    "event_lanes",
    "event_rates",
    "incidence",
    "intervals",
    "right_choices",
    "shares",
    "small_counts",
]

GRADES = {"1": "#f3dfa2", "2": AMBER, "3": ORANGE, "4": "#8f2d00", "5": "#4a0d3f", "?": GREY}
"""The colour of each grade; its number always stands beside it."""

MARKS = {
    "infusion": ("triangle-down", BLUE, _("infusion")),
    "transfusion": ("square", PINK, _("transfusion")),
    "growth factor": ("diamond", GREY, _("growth factor")),
    "recovery": ("circle", GREEN, _("recovery")),
}
"""The shape, colour and label of what stands beside the counts of a participant."""

BELOW = "\u200b"
"""A sign without width at the end of a lane's name: a row below the first one of the lane, which has no label."""

_PAGE = "currentColor"  # the page's own ink

_BAND = 0.3  # opacity of a grade behind counts


def boundary(frame: pd.DataFrame, outcome: str, looks: int) -> alt.LayerChart:
    """Draw the boundary of one outcome and the path of the trial.

    Parameters
    ----------
    frame : DataFrame
        kind ("stop" for the counts that stop at a look; "trial" for what the trial has there), participants, low,
        high (counts, both included), words.
    outcome : str
        What is counted.
    looks : int
        Participants at the last look.
    """
    tips = [
        alt.Tooltip("participants:Q", title=_("Participants")),
        alt.Tooltip("words:N", title=outcome),
    ]
    x = alt.X(
        "participants:Q",
        title=_("participants with their outcome"),
        scale=alt.Scale(domain=[0, looks * 1.04], nice=False),
        axis=alt.Axis(tickCount=6, grid=False),
    )
    y = alt.Y(
        "bottom:Q",
        title=outcome,
        scale=alt.Scale(domainMin=-0.5, nice=False),
        axis=alt.Axis(tickMinStep=1, tickCount=6),
    )
    base = alt.Chart(frame).transform_calculate(bottom="datum.low - 0.5", top="datum.high + 0.5")
    stop = base.transform_filter("datum.kind === 'stop'")
    area = stop.mark_bar(width=alt.expr(f"max(3, min(14, width / {max(looks, 1)} * 3))"), color=ORANGE, opacity=0.45)
    trial = base.transform_filter("datum.kind === 'trial'")
    ranges = trial.mark_rule(color=BLUE, strokeWidth=5, opacity=0.35)
    line = trial.mark_line(color=BLUE, strokeWidth=2)
    points = trial.mark_point(filled=True, color=BLUE, size=70, opacity=1)
    low = alt.Y("low:Q", title=outcome)
    return finished(
        alt.layer(
            area.encode(x=x, y=y, y2="top:Q", tooltip=tips),
            ranges.encode(x=x, y=low, y2="high:Q", tooltip=tips),
            line.encode(x=x, y=low),
            points.encode(x=x, y=low, tooltip=tips),
        ),
        230,
        _("Counts that stop the trial at each look, as bars, and the counts of the trial so far, as a line."),
    )


def intervals(frame: pd.DataFrame, title: str, percent: bool, most: float | None = None) -> alt.LayerChart:
    """Draw one figure for each row with its interval.

    Parameters
    ----------
    frame : DataFrame
        row (its name), value, low, high, words (the row and its figure), kind ("good", "bad" or "").
    title : str
        What the figure is.
    percent : bool
        Whether the values are shares, 0 to 1.
    most : float, optional
        End of the axis.
    """
    axis = alt.Axis(format="%" if percent else "~r", tickCount=5, labelOverlap=True)
    scale = (
        alt.Scale(domain=[0, most], nice=False, padding=10) if most else alt.Scale(zero=True, nice=True, padding=10)
    )
    base = alt.Chart(frame).encode(y=alt.Y("row:N", sort=None, axis=None))
    tips = [alt.Tooltip("row:N", title=" "), alt.Tooltip("words:N", title=title)]
    colour = colours("kind", {"good": GREEN, "bad": ORANGE, "": BLUE})
    shape = alt.Shape(
        "kind:N", scale=alt.Scale(domain=["good", "bad", ""], range=["circle", "triangle-up", "square"]), legend=None
    )
    lines = base.mark_rule(strokeWidth=2, yOffset=10).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=axis), x2="high:Q", color=colour, tooltip=tips
    )
    points = base.mark_point(filled=True, size=90, opacity=1, yOffset=10).encode(
        x=alt.X("value:Q", title=title, scale=scale, axis=axis), color=colour, shape=shape, tooltip=tips
    )
    words = base.mark_text(align="left", dy=-9, fontSize=13, limit=alt.expr("width"), tooltip=None).encode(
        x=alt.value(0), text="words:N"
    )
    return finished(alt.layer(lines, points, words), alt.Step(44), _("A figure with its interval for each row."))


def _log(field: str, least: float, most: float, title: str | None, **axis: Any) -> alt.Y:
    scale = alt.Scale(type="log", domain=[least, most], nice=False, clamp=True)
    return alt.Y(
        f"{field}:Q",
        title=title,
        scale=scale,
        axis=alt.Axis(**dict[str, Any](tickCount=4, format="~r", grid=False) | axis),
    )


def counts(
    frame: pd.DataFrame, title: str, bands: Sequence[tuple[str, float, float]], days: tuple[int, int]
) -> alt.LayerChart:
    """Draw the counts of one participant on a logarithmic scale, on the bands of the grades, with what was given.

    Parameters
    ----------
    frame : DataFrame
        kind ("draw" or one of :data:`MARKS`), day, value (of a draw; None otherwise), words.
    title : str
        What is counted, with its unit.
    bands : sequence of (str, float, float)
        Grade, and the counts from which and below which it is; the first one begins at the floor of the picture, the
        last one, without a grade (""), ends at its top.
    days : (int, int)
        First and last day, counted from the first infusion, day 0.
    """
    least, most = bands[0][1], bands[-1][2]
    x = alt.X(
        "day:Q",
        title=_("day (0 = first infusion)"),
        scale=alt.Scale(domain=list(days), nice=False, padding=8),
        axis=alt.Axis(tickCount=8, grid=False, tickMinStep=1),
    )
    tips = [alt.Tooltip("day:Q", title=_("Day (0 = first infusion)")), alt.Tooltip("words:N", title=_("What"))]
    named = pd.DataFrame([band for band in bands if band[0]], columns=["grade", "low", "high"])
    grades = alt.Chart(named)
    bars = grades.mark_rect(opacity=_BAND).encode(
        y=_log("low", least, most, title), y2="high:Q", fill=colours("grade", GRADES, alt.Fill)
    )
    before, after = _("grade {n}").split("{n}")
    labels = (
        grades.transform_calculate(
            middle="sqrt(datum.low * datum.high)", says=f"'{before}' + datum.grade + '{after}'"
        )
        .mark_text(align="right", fontSize=12, dx=-4, tooltip=None)
        .encode(x=alt.value(alt.expr("width")), y=_log("middle", least, most, title), text="says:N")
    )
    base = alt.Chart(frame)
    draws = base.transform_filter("datum.kind === 'draw'")
    y = _log("value", least, most, title)
    line = draws.mark_line(color=BLUE, strokeWidth=2).encode(x=x, y=y)
    points = draws.mark_point(filled=True, color=BLUE, size=45, opacity=1).encode(x=x, y=y, tooltip=tips)
    others = base.transform_filter("datum.kind !== 'draw'")
    words = in_words({name: label for name, (_s, _c, label) in MARKS.items()})
    legend = alt.Legend(orient="top", title=None, labelExpr=words, symbolSize=90, labelLimit=0, columns=2)
    shapes = alt.Scale(domain=[*MARKS], range=[shape for shape, _c, _w in MARKS.values()])
    below = "height - (datum.kind === 'transfusion' ? 24 : 8)"
    place = f"datum.kind === 'infusion' ? 8 : datum.kind === 'recovery' ? 26 : {below}"
    marks = others.mark_point(filled=True, size=90, opacity=1, y=alt.expr(place)).encode(
        x=x,
        color=colours("kind", {name: colour for name, (_s, colour, _w) in MARKS.items()}, legend=legend),
        shape=alt.Shape("kind:N", scale=shapes, legend=legend),
        tooltip=tips,
    )
    since = base.transform_filter("datum.kind === 'recovery'").mark_rule(
        color=GREEN, strokeWidth=2, strokeDash=[5, 3]
    )
    return finished(
        alt.layer(bars, labels, since.encode(x=x), line, points, marks),
        300,
        _("Counts over time on a logarithmic scale, with grades as bands, infusions, transfusions and the recovery."),
    )


def small_counts(
    frame: pd.DataFrame, limit: float, least: float, most: float, days: tuple[int, int]
) -> alt.LayerChart:
    """Draw the counts of one participant as a small multiple, with the limit of the recovery.

    Parameters
    ----------
    frame : DataFrame
        kind ("draw", "infusion" or "recovery"), day, value (of a draw; None otherwise).
    limit, least, most : float
        The limit, and the range of the counts.
    days : (int, int)
        First and last day, counted from the first infusion, day 0.
    """
    x = alt.X(
        "day:Q",
        title=None,
        scale=alt.Scale(domain=list(days), nice=False, padding=4),
        axis=alt.Axis(tickCount=3, grid=False, tickMinStep=7),
    )
    y = _log("value", least, most, None, tickCount=3)
    base = alt.Chart(frame)
    draws = base.transform_filter("datum.kind === 'draw'")
    edge = (
        base.transform_aggregate(count="count()")
        .mark_rule(color=ORANGE, strokeDash=[4, 3])
        .encode(y=alt.datum(limit))
    )
    since = base.transform_filter("datum.kind === 'recovery'").mark_rule(color=GREEN, strokeWidth=3).encode(x=x)
    given = base.transform_filter("datum.kind === 'infusion'").mark_point(
        shape="triangle-down", filled=True, color=BLUE, size=40, opacity=1, y=5
    )
    line = draws.mark_line(color=BLUE, strokeWidth=1.5, point={"size": 12, "color": BLUE}).encode(x=x, y=y)
    return finished(
        alt.layer(edge, since, line, given.encode(x=x)),
        96,
        _("Counts of a participant over time, with the recovery."),
    )


_RISK_ROW, _CURVES_PX = 20, 270  # pixels of a row of numbers at risk, and of the curves


def incidence(
    frame: pd.DataFrame, groups: Sequence[str], times: tuple[float, ...], title: str, competing: bool
) -> alt.LayerChart:
    """Draw cumulative incidence curves with their bands, and below them the numbers at risk.

    Parameters
    ----------
    frame : DataFrame
        kind ("recovery" or the competing event; "risk" for a number at risk), group, time, estimate, low, high,
        at_risk, slot (the row of a number at risk, 1 and more).
    groups : sequence of str
        In their order.
    times : tuple of float
        Where the numbers at risk stand; the last one ends the axis.
    title : str
        The event of interest.
    competing : bool
        Whether the competing events are drawn as well, dashed.
    """
    span = _CURVES_PX / (_CURVES_PX + _RISK_ROW * (len(groups) + 1))
    bottom = -(1 - span) / span
    x = alt.X(
        "time:Q",
        title=_("days since the first infusion"),
        scale=alt.Scale(domain=[0, times[-1]], nice=False, padding=12),
        axis=alt.Axis(values=list(times), grid=False),
    )
    axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1])
    y = alt.Y("estimate:Q", title=title, scale=alt.Scale(domain=[bottom, 1], nice=False), axis=axis)
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=list(groups), range=[SERIES[place % len(SERIES)] for place in range(len(groups))]),
        legend=alt.Legend(orient="top", title=None, symbolType="stroke", columns=4) if len(groups) > 1 else None,
    )
    tips = [
        alt.Tooltip("group:N", title=_("Group")),
        alt.Tooltip("time:Q", title=_("Days since the first infusion")),
        alt.Tooltip("estimate:Q", title=title, format=".1%"),
        alt.Tooltip("low:Q", title=_("Lower bound"), format=".1%"),
        alt.Tooltip("high:Q", title=_("Upper bound"), format=".1%"),
    ]
    base = alt.Chart(frame)
    recovery = base.transform_filter("datum.kind === 'recovery'")
    band = recovery.mark_area(interpolate="step-after", opacity=0.14).encode(
        x=x, y=alt.Y("low:Q", title=title, axis=axis), y2="high:Q", color=colour
    )
    line = recovery.mark_line(interpolate="step-after", strokeWidth=2.5).encode(x=x, y=y, color=colour, tooltip=tips)
    layers = [band, line]
    if competing:
        others = base.transform_filter("datum.kind !== 'recovery' && datum.kind !== 'risk'")
        layers.append(
            others.mark_line(interpolate="step-after", strokeWidth=1.5).encode(
                x=x,
                y=y,
                color=colour,
                strokeDash=alt.StrokeDash(
                    "kind:N",
                    scale=alt.Scale(domain=["death", "relapse"], range=[[2, 3], [8, 4]]),
                    legend=alt.Legend(orient="top", title=None, symbolStrokeColor=GREY),
                ),
                tooltip=[alt.Tooltip("kind:N", title=_("Event")), *tips],
            )
        )
    risk = base.transform_filter("datum.kind === 'risk'").transform_calculate(
        place=f"{bottom} * (datum.slot + 0.4) / {len(groups) + 1}"
    )
    height = alt.Y("place:Q", title=title, axis=axis)
    numbers = risk.mark_text(fontSize=12, tooltip=None).encode(x=x, y=height, text="at_risk:Q")
    named = risk.transform_filter("datum.time === 0").mark_point(shape="square", filled=True, size=50, opacity=1, x=0)
    edge = base.transform_aggregate(count="count()")
    floor = edge.mark_rule(color=GREY, strokeWidth=1).encode(y=alt.datum(0))
    head = edge.mark_text(align="left", fontSize=12, dy=8, dx=2, tooltip=None, x=0).encode(
        y=alt.datum(0), text=alt.value(_("at risk"))
    )
    return finished(
        alt.layer(floor, head, *layers, numbers, named.encode(y=height, color=colour)),
        _CURVES_PX + _RISK_ROW * (len(groups) + 1),
        _("Cumulative incidence of the recovery by group, with bands and the numbers at risk."),
    )


def shares(frame: pd.DataFrame, title: str) -> alt.LayerChart:
    """Draw a share for each regimen on the grid.

    Parameters
    ----------
    frame : DataFrame
        One row per regimen: regimen, dose, frequency, strength (0 to 1, depth of the colour), figure, below (in
        words), words (for the tooltip).
    title : str
        What the share is.
    """
    doses = frame["dose"].drop_duplicates().tolist()
    quiet: dict[str, Any] = {"domain": False, "ticks": False, "grid": False, "labelPadding": 8}
    base = alt.Chart(frame).encode(
        x=alt.X("frequency:N", title=None, sort=None, axis=alt.Axis(labelAngle=0, **quiet)),
        y=alt.Y("dose:N", title=None, sort=doses[::-1], axis=alt.Axis(**quiet)),
    )
    strength = alt.Opacity("strength:Q", scale=alt.Scale(domain=[0, 1], range=[0.05, 1]), legend=None)
    tips = [alt.Tooltip("regimen:N", title=_("Regimen")), alt.Tooltip("words:N", title=title)]
    cells = base.mark_rect(cornerRadius=4, color=BLUE).encode(opacity=strength)
    frames = base.mark_rect(cornerRadius=4, fill="transparent", stroke=GREY, strokeWidth=0.8).encode(tooltip=tips)
    ink = alt.condition("datum.strength > 0.6", alt.value("white"), alt.value(_PAGE))
    figure = base.mark_text(fontSize=16, fontWeight=700, dy=-7, tooltip=None).encode(text="figure:N", color=ink)
    below = base.mark_text(fontSize=12, dy=11, tooltip=None).encode(text="below:N", color=ink)
    return finished(alt.layer(cells, frames, figure, below), alt.Step(50), title)


_SERIES = {"any": ("circle", BLUE, _("any grade")), "severe": ("triangle-up", ORANGE, _("grade 3 or more"))}


def event_rates(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw the rate of each adverse event with its interval, of any grade and of grade 3 or more.

    Parameters
    ----------
    frame : DataFrame
        One row per term and series, the most frequent term first: term, series ("any" or "severe"), value, low, high
        (per 100 participant-days), words, head (the term and its counts in two lines, in the row of "any" only).
    """
    axis = alt.Axis(tickCount=5, labelOverlap=True)
    title = _("participants with it per 100 participant-days")
    base = alt.Chart(frame).encode(y=alt.Y("term:N", sort=None, axis=None))
    tips = [alt.Tooltip("term:N", title=_("Term")), alt.Tooltip("words:N", title=" ")]
    legend_words = in_words({name: label for name, (_s, _c, label) in _SERIES.items()})
    legend = alt.Legend(orient="top", title=None, labelExpr=legend_words, labelLimit=0)
    colour = colours("series", {name: one for name, (_s, one, _w) in _SERIES.items()}, legend=legend)
    shapes = alt.Scale(domain=[*_SERIES], range=[shape for shape, _c, _w in _SERIES.values()])
    layers = []
    for name, offset in (("any", 8), ("severe", 18)):
        mine = base.transform_filter(f"datum.series === '{name}'")
        rule = mine.mark_rule(strokeWidth=2, yOffset=offset).encode(
            x=alt.X("low:Q", title=title, axis=axis, scale=alt.Scale(zero=True)),
            x2="high:Q",
            color=colour,
            tooltip=tips,
        )
        point = mine.mark_point(filled=True, size=75, opacity=1, yOffset=offset).encode(
            x=alt.X("value:Q", title=title, axis=axis),
            color=colour,
            shape=alt.Shape("series:N", scale=shapes, legend=legend),
            tooltip=tips,
        )
        layers += [rule, point]
    names = base.mark_text(
        align="left", dy=-20, fontSize=13, lineBreak="\n", limit=alt.expr("width"), tooltip=None
    ).encode(x=alt.value(0), text="head:N")
    return finished(
        alt.layer(*layers, names),
        alt.Step(64),
        _("Rates of adverse events with their intervals, the most frequent first."),
    )


def event_lanes(frame: pd.DataFrame, last: int) -> alt.LayerChart:
    """Draw the adverse events of each participant over time, coloured by grade, with the infusions.

    Parameters
    ----------
    frame : DataFrame
        kind ("event" or "infusion"), lane (the participant, with :data:`BELOW` once for each row below the first),
        order, day, until (elapsed days; the last one of an event that lasts is the last day of the picture), grade
        (text), sign (text in the bar), words.
    last : int
        Last day of the picture.
    """
    order = alt.EncodingSortField("order", op="min", order="ascending")
    named = f"indexof(datum.label, '{BELOW}') < 0 ? datum.label : ''"
    axis = alt.Axis(domain=False, ticks=False, labelLimit=90, labelExpr=named)
    lane = alt.Y("lane:N", sort=order, title=None, axis=axis)
    x = alt.X(
        "day:Q",
        title=_("day (0 = first infusion)"),
        scale=alt.Scale(domain=[0, last], nice=False, padding=6),
        axis=alt.Axis(tickCount=6, tickMinStep=1),
    )
    tips = [alt.Tooltip("lane:N", title=_("Participant")), alt.Tooltip("words:N", title=_("What"))]
    base = alt.Chart(frame).encode(y=lane)
    events = base.transform_filter("datum.kind === 'event'")
    legend = alt.Legend(orient="top", title=_("Grade"), values=[*"12345"], columns=5)
    bars = events.mark_bar(height=12, cornerRadius=3, stroke=GREY, strokeWidth=0.6).encode(
        x=x, x2="until:Q", color=colours("grade", GRADES, legend=legend), tooltip=tips
    )
    signs = events.mark_text(align="left", fontSize=11, dx=3, tooltip=None).encode(
        x=x, text="sign:N", color=alt.condition("datum.grade >= '3'", alt.value("white"), alt.value("#111"))
    )
    infusions = base.transform_filter("datum.kind === 'infusion'").mark_point(
        shape="triangle-down", filled=True, size=45, color=BLUE, opacity=1
    )
    return finished(
        alt.layer(bars, signs, infusions.encode(x=x, tooltip=tips)),
        alt.Step(15),
        _("Adverse events of each participant over time, coloured by grade; triangles are infusions."),
    )


def right_choices(frame: pd.DataFrame, truths: Sequence[str]) -> alt.LayerChart:
    """Draw how often the right regimen is chosen, by the participants of each arm.

    Parameters
    ----------
    frame : DataFrame
        truth (in words), participants (of each arm), share, low, high (two standard errors around it), words.
    truths : sequence of str
        In their order.
    """
    base = alt.Chart(frame).encode(
        x=alt.X(
            "participants:Q",
            title=_("participants in each arm"),
            scale=alt.Scale(zero=False, nice=False, padding=14),
            axis=alt.Axis(tickCount=7),
        ),
        color=alt.Color(
            "truth:N",
            scale=alt.Scale(domain=list(truths), range=list(SERIES[: len(truths)])),
            legend=alt.Legend(title=None, orient="top", columns=1, labelLimit=0),
        ),
    )
    axis = alt.Axis(format="%", tickCount=5)
    title = _("share of right choices")
    height = alt.Y("share:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=axis)
    tips = [
        alt.Tooltip("truth:N", title=_("Truth")),
        alt.Tooltip("participants:Q", title=_("Participants in each arm")),
        alt.Tooltip("words:N", title=title),
    ]
    lines = base.mark_line(strokeWidth=2).encode(y=height)
    errors = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title, axis=axis), y2="high:Q")
    shape = alt.Shape("truth:N", scale=alt.Scale(domain=list(truths), range=list(SHAPES[: len(truths)])), legend=None)
    points = base.mark_point(filled=True, size=60, opacity=1).encode(y=height, shape=shape, tooltip=tips)
    return finished(
        alt.layer(lines, errors, points),
        260,
        _("How often the right regimen is chosen, by participants in each arm."),
    )
