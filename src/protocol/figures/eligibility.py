"""Pictures of a cohort: who is left after each criterion, and how each criterion came out."""

from typing import Any

import pandas as pd

from protocol.figures.theme import GREEN, GREY, ORANGE, SKY, alt, dressed
from protocol.translation import _

ROW = alt.Step(25)
STATUSES = ["met", "not met", "unknown", "not applicable"]
SIGNS = {"met": "✓", "not met": "✕", "unknown": "?", "not applicable": "–"}


def funnel(frame: pd.DataFrame, total: int) -> Any:
    """Draw who remains after each criterion, in protocol order.

    Parameters
    ----------
    frame : pandas.DataFrame
        criterion, title, order, excluded, remaining (no failure so far), confirmed (nothing unknown either),
        only_reason; loss and numbers (at the right end, in words and for a telephone).
    total : int
        Participants in the cohort.
    """
    rows = alt.Y("criterion:N", sort=alt.EncodingSortField("order"), title=None, axis=alt.Axis(ticks=False))
    width = alt.Scale(domain=[0, max(total, 1)], nice=False)
    base = alt.Chart(frame).encode(
        y=rows,
        tooltip=[
            alt.Tooltip("criterion:N", title=_("Criterion")),
            alt.Tooltip("title:N", title=_("About")),
            alt.Tooltip("excluded:Q", title=_("First excluded here")),
            alt.Tooltip("remaining:Q", title=_("Not excluded so far")),
            alt.Tooltip("confirmed:Q", title=_("Of these, everything known and met")),
            alt.Tooltip("only_reason:Q", title=_("Excluded by this alone")),
        ],
    )
    possible = base.mark_bar(color=SKY, opacity=0.45).encode(
        x=alt.X("remaining:Q", scale=width, title=_("Participants"), axis=alt.Axis(orient="top", tickMinStep=1))
    )
    confirmed = base.mark_bar(color=GREEN, height=5, yOffset=9).encode(x=alt.X("confirmed:Q", scale=width))
    room = alt.expr("width - (width < 420 ? 75 : 140)")  # less wide is a telephone; the tooltip has the whole title
    titles = base.mark_text(align="left", dx=6, dy=-2, fontSize=12, limit=room).encode(x=alt.datum(0), text="title:N")
    text = alt.expr("width < 420 ? datum.numbers : datum.loss")
    losses = base.mark_text(align="right", dx=-6, dy=-2, fontSize=12, fontWeight="bold", text=text).encode(
        x=alt.datum(max(total, 1)), detail=["loss:N", "numbers:N"]
    )
    return dressed(
        alt.layer(possible, confirmed, titles, losses).properties(
            width="container", height=ROW, description=_("Participants left after each criterion, in protocol order")
        )
    )


def verdicts(frame: pd.DataFrame, total: int) -> Any:
    """Draw how many participants meet, fail or cannot be judged on each criterion.

    Parameters
    ----------
    frame : pandas.DataFrame
        criterion, title, order, status (met, not met, unknown, not applicable), rank, participants, sign.
    total : int
        Participants in the cohort.
    """
    base = alt.Chart(frame).encode(
        y=alt.Y("criterion:N", sort=alt.EncodingSortField("order"), title=None, axis=alt.Axis(ticks=False)),
        x=alt.X(
            "participants:Q",
            stack="zero",
            scale=alt.Scale(domain=[0, max(total, 1)], nice=False),
            title=_("Participants"),
            axis=alt.Axis(orient="top", tickMinStep=1),
        ),
        order="rank:O",
        tooltip=[
            alt.Tooltip("criterion:N", title=_("Criterion")),
            alt.Tooltip("title:N", title=_("About")),
            alt.Tooltip("status:N", title=_("Verdict")),
            alt.Tooltip("participants:Q", title=_("Participants")),
        ],
    )
    colours = alt.Scale(domain=STATUSES, range=[SKY, ORANGE, "#d8c36a", GREY])
    legend = alt.Legend(title=None, orient="top", labelExpr=_sign_and_word())
    bars = base.mark_bar().encode(color=alt.Color("status:N", scale=colours, legend=legend))
    signs = base.mark_text(dx=-9, fontSize=12, fontWeight="bold", color="black").encode(
        text="sign:N",
        opacity=alt.condition(f"datum.participants > {max(total, 1) * 0.04}", alt.value(1), alt.value(0)),
    )
    return dressed(
        alt.layer(bars, signs).properties(
            width="container", height=ROW, description=_("Verdicts per criterion: met, not met, unknown")
        )
    )


def _sign_and_word() -> str:
    return "{" + ", ".join(f"'{word}': '{sign} {word}'" for word, sign in SIGNS.items()) + "}[datum.label]"
