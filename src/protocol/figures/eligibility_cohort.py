"""Pictures that explain a cohort: who is excluded why, with which others, and by how little."""

from typing import Any

import pandas as pd

from protocol.figures.theme import AMBER, BLUE, ORANGE, SKY, alt, dressed
from protocol.translation import _

ROW = alt.Step(38)
NARROW = 420
"""Pixels; a picture less wide is on a telephone."""


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
    axis = alt.Axis(orient="top", tickCount=5, tickMinStep=1, format="~s")
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
    axis = alt.Axis(orient="top", tickCount=5, tickMinStep=1, format="~s")
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
        criterion, other, order, other_order, both, fails, percent (0 to 100), words.
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
        text=alt.Text("percent:Q", format=".0f"),
        color=alt.condition("datum.percent > 40", alt.value("white"), alt.value("black")),
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
        x=alt.X(
            "participants:Q",
            title=_("Participants"),
            axis=alt.Axis(tickCount=4, tickMinStep=1, format="~s", orient="top"),
        ),
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
