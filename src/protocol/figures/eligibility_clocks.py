"""Picture of one participant's clocks: on which days of enrolment each of them allows it."""

from datetime import date, timedelta
from typing import Any

import pandas as pd

from protocol.eligibility import Status, Timeline
from protocol.figures.eligibility import SIGNS, STATUSES
from protocol.figures.theme import GREY, ORANGE, PINK, SKY, alt, dressed
from protocol.translation import _

MARGIN_DAYS = 10
LEAST_DAYS = 45
COLUMNS = ["lane", "name", "order", "status", "sign", "word", "opens", "until", "first", "last", "start", "earliest"]


def clock_rows(when: Timeline) -> pd.DataFrame:
    """Prepare the rows of the picture: the lanes' runs of days up to a little after the last turning point.

    Parameters
    ----------
    when : Timeline
        What :meth:`protocol.eligibility.EligibilityRecord.timeline` returns.

    Returns
    -------
    pandas.DataFrame
        One row per lane and run: ``lane``, ``name`` (the lane's, on its first row only), ``order``, ``status``,
        ``sign``, ``word`` (the status in words), ``opens`` and ``until`` (moments, the last day included),
        ``first`` and ``last`` (days in words), ``start``, ``earliest`` (moments). Empty without lanes.
    """
    turns = [span.first for lane in when.lanes for span in lane.spans]
    shown = min(when.last, max([*turns, when.first + timedelta(days=LEAST_DAYS)]) + timedelta(days=MARGIN_DAYS))
    together, words = _("all together"), {status: _(status) for status in STATUSES}
    runs: list[tuple[str, date, date, Status]] = [(together, first, last, "met") for first, last in when.open]
    runs += [(together, first, last, "unknown") for first, last in when.possible]  # there is none open then
    runs += [
        (f"{lane.rule.id} {lane.title}", span.first, span.last, span.status)
        for lane in when.lanes
        for span in lane.spans
    ]
    order = {name: place for place, name in enumerate(dict.fromkeys([together, *(run[0] for run in runs)]))}
    rows = [
        (
            name, name, order[name], status, SIGNS[status], words[status],
            _moment(first), _moment(min(last, shown) + timedelta(days=1)),
            first.isoformat(), last.isoformat() if last < when.last else _("further on"), _moment(when.first),
            _moment(when.earliest) if when.earliest else None,
        )
        for name, first, last, status in runs
        if when.lanes and first <= shown
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    uncertain = (frame["lane"] == together) & (frame["status"] == "unknown")
    frame.loc[uncertain, "name"] = frame.loc[uncertain, "word"] = _("all together: possible, not certain")
    return frame.assign(name=frame["name"].where(~frame["lane"].duplicated(), ""))


def _moment(day: date) -> str:
    """Write a day as a local moment, which Vega does not move between time zones."""
    return f"{day.isoformat()}T00:00:00"


def clocks(frame: pd.DataFrame) -> Any:
    """Draw one lane per clock, and lines for the first day looked at and the earliest day open.

    Parameters
    ----------
    frame : pandas.DataFrame
        What :func:`clock_rows` returns.
    """
    axis = alt.Axis(
        format="%Y-%m-%d", labelAngle=0, labelOverlap="greedy", labelSeparation=12, tickCount=4, orient="top"
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("lane:N", title=None, axis=None, sort=alt.EncodingSortField("order", op="min")),
        tooltip=[
            alt.Tooltip("lane:N", title=_("What")),
            alt.Tooltip("word:N", title=_("Verdict")),
            alt.Tooltip("first:N", title=_("From")),
            alt.Tooltip("last:N", title=_("To")),
        ],
    )
    colours = alt.Scale(domain=STATUSES, range=[SKY, ORANGE, "#d8c36a", GREY])
    bars = base.mark_bar(height=15, cornerRadius=3, yOffset=9).encode(
        x=alt.X("opens:T", title=None, axis=axis),
        x2="until:T",
        color=alt.Color("status:N", scale=colours, legend=None),
    )
    signs = base.mark_text(align="left", dx=4, dy=10, fontWeight="bold", color="black").encode(
        x="opens:T", text="sign:N"
    )
    names = base.mark_text(align="left", dx=3, dy=-8, fontSize=13).encode(x="start:T", text="name:N")
    start = alt.Chart(frame).mark_rule(color=GREY, strokeDash=[2, 3]).encode(x="start:T")
    earliest = alt.Chart(frame).mark_rule(color=PINK, strokeWidth=2.5).encode(x="earliest:T")
    return dressed(
        alt.layer(bars, signs, names, start, earliest).properties(
            width="container",
            height=alt.Step(42),
            description=_("Days of enrolment on which each clock allows it; the line is the earliest day for all"),
        )
    )
