"""Pictures that explain a cohort: who is excluded why and by how little, what a threshold or a reading would do."""

from typing import Any

import pandas as pd

from protocol.figures.theme import AMBER, BLUE, GREEN, GREY, ORANGE, PINK, SKY, alt, dressed
from protocol.translation import _

ROW = alt.Step(38)
NARROW = 420
"""Pixels; a picture less wide is on a telephone."""
GROUP_COLOURS = [BLUE, ORANGE, GREEN, PINK, AMBER, SKY, GREY]
GROUP_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke"]


def _titled_rows(frame: pd.DataFrame, **tooltips: str) -> tuple[Any, Any]:
    """Rows with their title above their bars, so that long titles fit a telephone."""
    base = alt.Chart(frame).encode(
        y=alt.Y("criterion:N", sort=alt.EncodingSortField("order", op="min"), title=None, axis=alt.Axis(ticks=False)),
        tooltip=[
            alt.Tooltip("criterion:N", title=_("Criterion")),
            alt.Tooltip("title:N", title=_("About")),
            *(alt.Tooltip(f"{name}:Q", title=title, format=",.4~g") for name, title in tooltips.items()),
        ],
    )
    room = alt.expr(f"width - (width < {NARROW} ? 80 : 170)")  # what does not fit is in the tooltip
    titles = base.mark_text(align="left", dy=-9, fontSize=12, limit=room).encode(x=alt.value(4), text="title:N")
    return base, titles


def _amounts(base: Any) -> Any:
    """What stands at the right end of each row: in words, on a telephone as numbers only."""
    text = alt.expr(f"width < {NARROW} ? datum.numbers : datum.words")
    return base.mark_text(align="right", dy=-9, fontSize=12, fontWeight="bold", text=text).encode(
        x=alt.value("width"), detail=["words:N", "numbers:N"]
    )


def reasons(frame: pd.DataFrame, total: int) -> Any:
    """Draw for each criterion whom it excludes: with others, its fair share, and alone.

    Parameters
    ----------
    frame : pandas.DataFrame
        criterion, title, order, fails, share, only_reason, gain; words and numbers (at the right end).
    total : int
        The most a bar can show.
    """
    base, titles = _titled_rows(
        frame,
        fails=_("Fail it"),
        share=_("Its share of the exclusions"),
        only_reason=_("Excluded by it alone"),
        gain=_("More left without it"),
    )
    scale = alt.Scale(domain=[0, max(total, 1)], nice=False)
    axis = alt.Axis(orient="top", tickCount=5, format="~s")
    pale = base.mark_bar(color=SKY, opacity=0.45, height=13, yOffset=7).encode(
        x=alt.X("fails:Q", scale=scale, title=_("Participants"), axis=axis)
    )
    dark = base.mark_bar(color=BLUE, height=5, yOffset=7).encode(x=alt.X("share:Q", scale=scale))
    alone = base.mark_point(
        shape="diamond", size=110, yOffset=7, filled=True, color=ORANGE, stroke="white", strokeWidth=0.8, opacity=1
    ).encode(x=alt.X("only_reason:Q", scale=scale))
    return dressed(
        alt.layer(pale, dark, alone, titles, _amounts(base)).properties(
            width="container",
            height=ROW,
            description=_("Whom each criterion excludes: with others, its share, alone"),
        )
    )


def review(frame: pd.DataFrame, total: int) -> Any:
    """Draw what finding out the unknowns of each criterion could decide.

    Parameters
    ----------
    frame : pandas.DataFrame
        criterion, title, order, open (unknown and not excluded), decides (nothing else is unknown); words
        and numbers (at the right end).
    total : int
        The most a bar can show.
    """
    base, titles = _titled_rows(frame, open=_("Unknown and not excluded"), decides=_("Nothing else is unknown"))
    scale = alt.Scale(domain=[0, max(total, 1)], nice=False)
    axis = alt.Axis(orient="top", tickCount=5, format="~s")
    pale = base.mark_bar(color=AMBER, opacity=0.5, height=13, yOffset=7).encode(
        x=alt.X("open:Q", scale=scale, title=_("Participants"), axis=axis)
    )
    dark = base.mark_bar(color=BLUE, height=5, yOffset=7).encode(x=alt.X("decides:Q", scale=scale))
    return dressed(
        alt.layer(pale, dark, titles, _amounts(base)).properties(
            width="container", height=ROW, description=_("Participants that finding out the unknowns could decide")
        )
    )


def overlap(frame: pd.DataFrame) -> Any:
    """Draw how many of those who fail one criterion fail another as well.

    Parameters
    ----------
    frame : pandas.DataFrame
        criterion, other, order, other_order, both, fails, percent (0 to 100), ink ("black" or "white"), words.
    """
    base = alt.Chart(frame).encode(
        x=alt.X(
            "other:N",
            sort=alt.EncodingSortField("other_order", op="min"),
            title=_("also fail this one"),
            axis=alt.Axis(orient="top", labelAngle=0, ticks=False),
        ),
        y=alt.Y(
            "criterion:N",
            sort=alt.EncodingSortField("order", op="min"),
            title=_("of those who fail"),
            axis=alt.Axis(ticks=False),
        ),
        tooltip=[
            alt.Tooltip("words:N", title=" "),
            alt.Tooltip("both:Q", title=_("Fail both"), format=","),
            alt.Tooltip("fails:Q", title=_("Fail the first"), format=","),
        ],
    )
    colour = alt.Scale(domain=[0, 50], range=["#eaf3fa", BLUE], clamp=True)
    cells = base.mark_rect(stroke="white", strokeWidth=1).encode(
        color=alt.Color("percent:Q", scale=colour, legend=None)
    )
    numbers = base.mark_text(fontSize=11).encode(
        text=alt.Text("percent:Q", format=".0f"), color=alt.Color("ink:N", scale=None)
    )
    return dressed(
        alt.layer(cells, numbers).properties(
            width="container",
            height=alt.Step(24),
            description=_("Percent of those failing one criterion who fail another"),
        )
    )


def nearness(frame: pd.DataFrame) -> Any:
    """Draw how far the near-misses are from their threshold.

    Parameters
    ----------
    frame : pandas.DataFrame
        distance (a class, in words), order, participants.
    """
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "distance:N",
            sort=alt.EncodingSortField("order", op="min"),
            title=_("Distance from the threshold"),
            axis=alt.Axis(ticks=False),
        ),
        x=alt.X("participants:Q", title=_("Participants"), axis=alt.Axis(tickCount=4, format="~s", orient="top")),
        tooltip=[
            alt.Tooltip("distance:N", title=_("Distance")),
            alt.Tooltip("participants:Q", title=_("Participants"), format=","),
        ],
    )
    numbers = base.mark_text(align="left", dx=4, fontSize=12, fontWeight="bold").encode(
        text=alt.Text("participants:Q", format=",")
    )
    return dressed(
        alt.layer(base.mark_bar(color=SKY), numbers).properties(
            width="container",
            height=alt.Step(26),
            description=_("Near-misses by their distance from the threshold"),
        )
    )


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
    number = alt.Axis(format="~s", tickCount=6)
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
            axis=alt.Axis(orient="top", tickCount=5, format="+~s", gridColor=zero, gridOpacity=1, gridDash=[2, 2]),
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
    base = alt.Chart(frame).encode(
        y=alt.Y("criterion:N", sort=alt.EncodingSortField("order", op="min"), title=None, axis=alt.Axis(ticks=False)),
        yOffset=alt.YOffset("group:N", sort=list(names)),
        color=alt.Color(
            "group:N",
            scale=alt.Scale(domain=list(names), range=GROUP_COLOURS[: len(names)]),
            legend=alt.Legend(title=None, orient="top", columns=2, labelLimit=200),
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
