"""Pictures of what would be otherwise: another threshold, another reading, another group."""

from typing import Any

import pandas as pd

from protocol.figures.theme import AMBER, BLUE, GREEN, GREY, ORANGE, PINK, SKY, alt, dressed
from protocol.translation import _

LINES = "split(datum.label, '\\n')"
AXIS = "datum.value ? format(datum.value, '+~s') : '0'"
GROUP_COLOURS = [BLUE, ORANGE, GREEN, PINK, AMBER, SKY, GREY]
GROUP_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke"]


def threshold(frame: pd.DataFrame, label: str) -> Any:
    """Draw who is left over the whole range of a threshold, with the unknown as a band.

    Parameters
    ----------
    frame : pandas.DataFrame
        value, confirmed (all known and met), left (not excluded), present (the value now, in every row), lower and
        upper (words at one place of the two lines, empty elsewhere).
    label : str
        The threshold with its unit.
    """
    base = alt.Chart(frame).encode(
        x=alt.X("value:Q", title=label, scale=alt.Scale(zero=False, nice=False)),
        tooltip=[
            alt.Tooltip("value:Q", title=label, format=".4~g"),
            alt.Tooltip("confirmed:Q", title=_("At least: everything known and met"), format=","),
            alt.Tooltip("left:Q", title=_("At most: nothing fails"), format=","),
        ],
    )
    number = alt.Axis(format="~s", tickCount=6, tickMinStep=1)
    band = base.mark_area(color=SKY, opacity=0.35, interpolate="step-after").encode(
        y=alt.Y("confirmed:Q", title=_("Participants"), axis=number), y2="left:Q"
    )
    low = base.mark_line(color=GREEN, strokeWidth=2.5, interpolate="step-after").encode(y="confirmed:Q")
    high = base.mark_line(color=BLUE, strokeWidth=2.5, strokeDash=[6, 3], interpolate="step-after").encode(y="left:Q")
    names = [
        base.mark_text(dy=dy, fontSize=13, fontWeight="bold").encode(y=f"{line}:Q", text=f"{text}:N")
        for line, text, dy in (("confirmed", "lower", 13), ("left", "upper", -9))
    ]
    present = (
        alt.Chart(frame)
        .mark_rule(strokeWidth=1.5, color=ORANGE, strokeDash=[2, 2])
        .encode(x="mean(present):Q", tooltip=[alt.Tooltip("mean(present):Q", title=_("Now"), format=".4~g")])
    )
    points = base.mark_point(size=120, opacity=0).encode(y="left:Q")
    return dressed(
        alt.layer(band, low, high, present, *names, points).properties(
            width="container", height=320, description=_("Participants left over the range of a threshold")
        )
    )


def readings(frame: pd.DataFrame) -> Any:
    """Draw how many more or fewer are left under each other reading of an unclear word.

    Parameters
    ----------
    frame : pandas.DataFrame
        row (register id and reading), title, order, change (of those not excluded), confirmed_change, decided
        (participants whose answer changes), sign ("more", "fewer" or "as many"), words.
    """
    register = alt.Axis(ticks=False, labelExpr="split(datum.label, '|')[0]")
    base = alt.Chart(frame).encode(
        y=alt.Y("row:N", sort=alt.EncodingSortField("order", op="min"), title=None, axis=register),
        tooltip=[
            alt.Tooltip("title:N", title=_("Read instead as")),
            alt.Tooltip("change:Q", title=_("Not excluded: change"), format="+,"),
            alt.Tooltip("confirmed_change:Q", title=_("All known and met: change"), format="+,"),
            alt.Tooltip("decided:Q", title=_("Participants whose answer changes"), format=","),
        ],
    )
    zero = alt.condition("datum.value == 0", alt.value("#888888"), alt.value("transparent"))
    colours = alt.Scale(domain=["fewer", "as many", "more"], range=[ORANGE, GREY, GREEN])
    bars = base.mark_bar(height=13, yOffset=16, opacity=0.6).encode(
        x=alt.X(
            "change:Q",
            stack=None,
            title=_("Change"),
            axis=alt.Axis(
                orient="top",
                tickCount=5,
                tickMinStep=1,
                labelExpr=AXIS,
                gridColor=zero,
                gridOpacity=1,
                gridDash=[2, 2],
            ),
        ),
        color=alt.Color("sign:N", scale=colours, legend=None),
    )
    known = base.mark_bar(height=4, yOffset=16, color=BLUE).encode(x=alt.X("confirmed_change:Q", stack=None))
    room = alt.expr("width - 8")  # what does not fit is in the tooltip
    titles = base.mark_text(align="left", dy=-15, fontSize=12, fontWeight="bold", limit=room).encode(
        x=alt.value(4), text="title:N"
    )
    amounts = base.mark_text(align="left", fontSize=12, limit=room).encode(x=alt.value(4), text="words:N")
    return dressed(
        alt.layer(bars, known, titles, amounts).properties(
            width="container",
            height=alt.Step(54),
            description=_("Change of the participants left under each other reading"),
        )
    )


def groups(frame: pd.DataFrame, names: tuple[str, ...]) -> Any:
    """Draw exclusion rates by group with their 95 % intervals; hidden ones are not in the frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        criterion, title, order, group, rate, low, high (0 to 1), words.
    names : tuple of str
        The groups in order.
    """
    seen = [name for name in names if (frame["group"] == name).any()]
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "criterion:N",
            sort=alt.EncodingSortField("order", op="min"),
            title=None,
            axis=alt.Axis(ticks=False, labelExpr=LINES),
        ),
        yOffset=alt.YOffset("group:N", sort=list(names)),
        color=alt.Color(
            "group:N",
            scale=alt.Scale(domain=list(names), range=GROUP_COLOURS[: len(names)]),
            legend=alt.Legend(title=None, orient="top", columns=1, labelLimit=240, values=seen),
        ),
        tooltip=[
            alt.Tooltip("title:N", title=_("About")),
            alt.Tooltip("group:N", title=_("Group")),
            alt.Tooltip("rate:Q", title=_("Excluded"), format=".1%"),
            alt.Tooltip("low:Q", title=_("95 % interval from"), format=".1%"),
            alt.Tooltip("high:Q", title=_("to"), format=".1%"),
            alt.Tooltip("words:N", title=_("Against all others")),
        ],
    )
    share = alt.Axis(format="%", orient="top", tickCount=5)
    intervals = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=_("Excluded"), axis=share), x2="high:Q")
    shapes = alt.Scale(domain=list(names), range=GROUP_SHAPES[: len(names)])
    rates = base.mark_point(filled=True, size=65, opacity=1).encode(
        x="rate:Q", shape=alt.Shape("group:N", scale=shapes)
    )
    return dressed(
        alt.layer(intervals, rates).properties(
            width="container", height=alt.Step(15), description=_("Share excluded by group, with 95 % intervals")
        )
    )
