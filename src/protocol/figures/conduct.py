"""Pictures of the conduct of a trial: the way of the participants, sites, exclusions and decisions."""

from typing import Any

import altair as alt
import pandas as pd

from protocol.figures.theme import BLUE, GREY, ORANGE, SKY, finished
from protocol.translation import _

__all__ = ["exclusions", "path", "progress", "recruitment", "site"]

_STEP_PX = 24

_EDGE_PX, _BESIDE_PX, _SEEN_PX = 8, 17, 24
"""In the path of decisions: the room at both ends, from a point to what is written beside it, and for that."""


def progress(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw how many participants came how far, side by side, each as a share of those who were screened.

    Parameters
    ----------
    frame : DataFrame
        One row per step, the first one first: place (0, 1, ...), step (its name), participants, share (of those
        who were screened, 0 to 1).
    """
    scale = alt.Scale(domain=[0, len(frame)], nice=False)
    base = alt.Chart(frame).transform_calculate(end="datum.place + 0.94 * datum.share", whole="datum.place + 0.94")
    tips = [alt.Tooltip("step:N", title=_("Step")), alt.Tooltip("participants:Q", title=_("Participants"))]

    def bar(end: str, colour: str, opacity: float) -> Any:
        mark = base.mark_bar(height=10, y=44, color=colour, opacity=opacity, cornerRadius=2)
        return mark.encode(x=_across("place", scale), x2=end, tooltip=tips)

    def words(field: str, y: int, size: int, weight: Any) -> Any:
        mark = base.mark_text(align="left", y=y, fontSize=size, fontWeight=weight, tooltip=None)
        return mark.encode(x=_across("place", scale), text=field)

    layers = [
        bar("whole:Q", GREY, 0.25),
        bar("end:Q", BLUE, 1),
        words("participants:Q", 10, 20, 600),
        words("step:N", 29, 13, 400),
    ]
    return finished(alt.layer(*layers), 52, _("Participants by how far they have come, from screened to evaluable."))


def recruitment(frame: pd.DataFrame, planned: int | None, days: bool) -> alt.LayerChart:
    """Draw the participants enrolled over time, and the number that the record plans.

    Parameters
    ----------
    frame : DataFrame
        One row per week with an enrolment: day (local moment, ISO text), enrolled (so far).
    planned : int or None
        None if the record states none.
    days : bool
        Whether the axis names days, and not months.
    """
    axis = alt.Axis(format="%Y-%m-%d" if days else "%Y-%m", labelOverlap="greedy", tickCount=4, grid=False)
    base = alt.Chart(frame).encode(
        x=alt.X("day:T", title=None, axis=axis),
        y=alt.Y("enrolled:Q", title=_("enrolled"), axis=alt.Axis(tickMinStep=1, tickCount=4)),
    )
    tips = [alt.Tooltip("day:T", title=_("Day"), format="%Y-%m-%d"), alt.Tooltip("enrolled:Q", title=_("enrolled"))]
    line = base.mark_area(
        interpolate="step-after", color=BLUE, opacity=0.18, line={"color": BLUE, "strokeWidth": 2}
    ).encode(tooltip=tips)
    layers = [line]
    if planned is not None:
        once = alt.Chart(frame).transform_aggregate(count="count()").encode(y=alt.datum(planned))
        layers.append(once.mark_rule(strokeDash=[6, 4], color=ORANGE, strokeWidth=1.5, tooltip=None))
        label = once.mark_text(align="left", baseline="bottom", x=4, dy=-3, fontSize=13, tooltip=None)
        layers.append(label.encode(text=alt.value(_("planned: {n}").format(n=planned))))
    return finished(alt.layer(*layers), 140, _("Participants enrolled over time, with the planned number."))


def site(frame: pd.DataFrame, most: int) -> alt.LayerChart:
    """Draw the counts of one site as bars; a count that is hidden is drawn as its range, or as no bar.

    Parameters
    ----------
    frame : DataFrame
        One row per count: count (its name), low, high (equal for a count that is told), words ("3", "1–4", "–").
    most : int
        The largest count of any site, so that the pictures of all sites have one scale.
    """
    scale = alt.Scale(domain=[0, max(most, 1) * 1.15], nice=False)
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "count:N",
            sort=None,
            title=None,
            axis=alt.Axis(domain=False, ticks=False, labelPadding=6, labelLimit=110),
        )
    )
    tips = [alt.Tooltip("count:N", title=_("Step")), alt.Tooltip("words:N", title=_("Participants"))]
    known, ranged = _bars(base, scale, tips, height=14)
    words = base.mark_text(align="left", dx=5, fontSize=13).encode(x=_across("high", scale), text="words:N")
    return finished(
        alt.layer(known, ranged, words), alt.Step(22), _("Participants of a site: screened, enrolled, treated, DLTs.")
    )


def exclusions(frame: pd.DataFrame, most: int) -> alt.LayerChart:
    """Draw how many participants each criterion excluded.

    Parameters
    ----------
    frame : DataFrame
        One row per criterion, the most frequent first: reason (its id and what it asks), low, high (equal for a
        count that is told), words.
    most : int
        The largest count.
    """
    base = alt.Chart(frame).encode(y=alt.Y("reason:N", sort=None, axis=None))
    tips = [alt.Tooltip("reason:N", title=_("Criterion")), alt.Tooltip("words:N", title=_("Participants"))]
    scale = alt.Scale(domain=[0, max(most, 1) * 1.1], nice=False)
    known, ranged = _bars(base, scale, tips, height=10, yOffset=9)
    names = base.mark_text(align="left", dy=-6, fontSize=13, limit=alt.expr("width"), tooltip=None).encode(
        x=alt.value(0), text="reason:N"
    )
    counts = base.mark_text(align="left", dx=5, dy=9, fontSize=13).encode(x=_across("high", scale), text="words:N")
    return finished(
        alt.layer(known, ranged, names, counts),
        alt.Step(36),
        _("Criteria that participants did not pass, most first."),
    )


def _across(field: str, scale: alt.Scale) -> alt.X:
    return alt.X(f"{field}:Q", scale=scale, axis=None)


def _bars(base: Any, scale: alt.Scale, tips: list[alt.Tooltip], **mark: int) -> tuple[Any, Any]:
    """Draw counts as bars up to what is known at least, and paler from there to what they are at most."""
    known = base.mark_bar(color=BLUE, **mark).encode(x=_across("low", scale), tooltip=tips)
    ranged = base.mark_bar(color=SKY, opacity=0.5, **mark).encode(x=_across("low", scale), x2="high:Q", tooltip=tips)
    return known, ranged


def path(frame: pd.DataFrame, regimens: tuple[str, ...]) -> alt.LayerChart:
    """Draw which regimen each decision opened, one after the other.

    Parameters
    ----------
    frame : DataFrame
        One row per decision: number (1, 2, 3), day (ISO text), chosen, recommended, kind ("as recommended" or
        "otherwise"), words (both, and why), seen (DLTs of the participants enrolled under it, in words), side of the
        point where that is written ("above" or "below"), marked (whether it is the decision that is read).
    regimens : tuple of str
        The regimens on the axis, the lowest first.

    Returns
    -------
    altair.LayerChart
        Clickable: the point selection "pick" gives the number of the decision above or below which is clicked.
    """
    ends: list[Any] = [_EDGE_PX, alt.expr(f"width - {_EDGE_PX}")]
    base = alt.Chart(frame).encode(
        x=alt.X(
            "number:Q",
            title=_("Decision"),
            axis=alt.Axis(tickMinStep=1, format="d", grid=False, labelOverlap="greedy", labelFlush=False),
            scale=alt.Scale(zero=False, nice=False, range=ends),
        ),
        y=alt.Y(
            "chosen:N",
            sort=list(reversed(regimens)),
            title=_("Regimen opened"),
            scale=alt.Scale(domain=list(reversed(regimens))),
        ),
    )
    line = base.mark_line(interpolate="step-after", orient="vertical", color=GREY, strokeWidth=1.5)
    line = line.encode(order=alt.Order("number:Q"))
    ring = base.transform_filter("datum.marked").mark_point(
        size=270, strokeWidth=2.5, opacity=1, aria=False, tooltip=None
    )
    ring = ring.encode(stroke=alt.value("currentColor"))
    words = {"as recommended": _("as recommended"), "otherwise": _("not as recommended")}
    signs = list(words.values())
    colour = alt.Color(
        "sign:N",
        scale=alt.Scale(domain=signs, range=[BLUE, ORANGE]),
        legend=alt.Legend(title=None, orient="top"),
    )
    shape = alt.Shape("sign:N", scale=alt.Scale(domain=signs, range=["circle", "diamond"]), legend=None)
    points = base.transform_calculate(
        sign=f"datum.kind == 'otherwise' ? '{words['otherwise']}' : '{words['as recommended']}'"
    )
    marks = points.mark_point(filled=True, size=130, opacity=1, cursor="pointer").encode(
        color=colour,
        shape=shape,
        tooltip=[
            alt.Tooltip("day:N", title=_("Day")),
            alt.Tooltip("chosen:N", title=_("Opened")),
            alt.Tooltip("recommended:N", title=_("Recommended")),
            alt.Tooltip("seen:N", title=_("With a DLT / evaluable, enrolled under it")),
            alt.Tooltip("words:N", title=_("Why")),
        ],
    )
    # a point is small for a finger: what is clicked is the strip of each decision
    around = alt.Chart(frame).transform_calculate(left="datum.number - 0.5", right="datum.number + 0.5")
    strips = around.mark_rect(fill="transparent", cursor="pointer", aria=False, tooltip=None)
    strips = strips.encode(x=alt.X("left:Q", title=_("Decision")), x2="right:Q")
    strips = strips.add_params(alt.selection_point(name="pick", fields=["number"], on="click"))
    # neighbours at one regimen are written on different sides, so that every second one must not touch
    seen = base.transform_joinaggregate(count="count()").transform_filter(f"width > {_SEEN_PX / 2} * datum.count")
    layers = [strips, line, ring, marks]
    for side, dy in (("above", -_BESIDE_PX), ("below", _BESIDE_PX)):
        some = seen.transform_filter(f"datum.side === '{side}'")
        mark = some.mark_text(dy=dy, baseline="middle", fontSize=11, tooltip=None)
        layers.append(mark.encode(text="seen:N", color=alt.value("currentColor")))
    return finished(
        alt.layer(*layers),
        _STEP_PX * max(len(regimens), 2) + 20,
        _("Which regimen each decision of the committee opened."),
    )
