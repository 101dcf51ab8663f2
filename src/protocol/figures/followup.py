"""Pictures of one participant's time: the schedule and the look-back clocks."""

from datetime import date
from typing import Any

import pandas as pd

from protocol.figures.theme import AMBER, BLUE, GREEN, GREY, ORANGE, PINK, SKY, alt, dressed
from protocol.translation import _

# status: (sign, colour, word); where two share a colour, the sign and the word differ
SIGNS = {
    "not yet": ("○", GREY, _("not yet")),
    "open": ("◊", SKY, _("open")),
    "due": ("●", BLUE, _("due")),
    "overdue": ("!", AMBER, _("overdue")),
    "missed": ("×", ORANGE, _("missed")),
    "early": ("◁", SKY, _("early")),
    "in window": ("✓", GREEN, _("in window")),
    "late": ("▷", ORANGE, _("late")),
    "not applicable": ("–", GREY, _("not applicable")),
    "cancelled": ("⊘", GREY, _("cancelled")),
    "not yet known": ("?", GREY, _("not yet known")),
}
COURSE = ("start_of_therapy", "first_infusion")  # the anchors of the near panel
LABEL_WIDTH = 250
SHOWN_DAYS = 240  # the waterfall looks this far back, so that two weeks stay readable beside three years


def schedule_rows(ledger: pd.DataFrame, landmarks: pd.DataFrame, panel: str) -> pd.DataFrame:
    """Prepare the rows of one panel of the schedule.

    Parameters
    ----------
    ledger : pandas.DataFrame
        What :func:`protocol.followup.timeline` returns.
    landmarks : pandas.DataFrame
        What :func:`protocol.followup.landmarks` returns.
    panel : {"course", "years"}
        The two-week course with what hangs on therapy and infusion, or what hangs on enrolment and end of treatment.

    Returns
    -------
    pandas.DataFrame
        ``label`` (name, sign and status), ``order``, ``kind``, ``status``, ``opens``, ``until`` (the moment the last
        day of the window ends), ``target``, ``done``, ``today``, and texts for the tooltip.
    """
    rows = pd.concat([landmarks, ledger[ledger["status"] != "not applicable"]], ignore_index=True)
    rows = rows[(rows["root"].isin(COURSE) == (panel == "course")) | (rows["kind"] == "today")]
    rank = {"today": 0, "anchor": 1, "period": 2}
    rows["order"] = rows["kind"].map(rank).fillna(3).astype(int)
    rows = rows.sort_values(["order", "target"], kind="stable", na_position="last", ignore_index=True)
    rows["status"] = rows["status"].astype(object).where(rows["status"].notna(), rows["kind"])
    rows["label"] = [_label(*row) for row in rows[["name", "status", "target", "today"]].itertuples(index=False)]
    rows["order"] = range(len(rows))
    rows["until"] = rows["closes"] + pd.Timedelta(days=1)  # a window includes its last day
    rows["day"] = rows["study_day"].astype("string").fillna("")
    for column, hour in {"opens": 0, "until": 0, "closes": 12, "target": 12, "done": 12, "today": 12}.items():
        rows[column] = _moments(rows[column], hour)
    return rows[["label", "order", "kind", "status", "opens", "target", "closes", "until", "done", "today", "day"]]


def _label(name: str, status: str, target: Any, today: pd.Timestamp) -> str:
    if status == "today":
        return _("Today, {date}").format(date=today.date())
    if status in SIGNS:
        return f"{name} · {SIGNS[status][0]} {SIGNS[status][2]}"
    return name if pd.notna(target) else f"{name} · {SIGNS['not yet known'][0]} {SIGNS['not yet known'][2]}"


def _moments(days: "pd.Series[pd.Timestamp]", hour: int) -> "pd.Series[Any]":
    """Write days as local moments, which Vega does not move between time zones; noon is the middle of a day."""
    known = days.notna()
    written = [f"{day:%Y-%m-%d}T{hour:02}:00:00" if here else None for day, here in zip(days, known, strict=True)]
    return pd.Series(written, index=days.index, dtype=object)  # None and not NaN, which JSON does not have


def schedule(rows: pd.DataFrame, title: str) -> alt.LayerChart:
    """Draw one panel: windows as bars, targets as ticks, visits done as points, today as a line.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`schedule_rows` returns.
    title : str
        The panel's heading.
    """
    y = alt.Y("label:N", title=None, sort=alt.EncodingSortField("order", op="min", order="ascending"))
    y = y.axis(labelLimit=LABEL_WIDTH + 100, domain=False, ticks=False, labelPadding=8)
    tooltip = [
        alt.Tooltip("label:N", title=_("What")), alt.Tooltip("target:T", title=_("Target"), format="%Y-%m-%d"),
        alt.Tooltip("opens:T", title=_("From"), format="%Y-%m-%d"),
        alt.Tooltip("closes:T", title=_("To"), format="%Y-%m-%d"),
        alt.Tooltip("done:T", title=_("Done"), format="%Y-%m-%d"), alt.Tooltip("day:N", title=_("Study day")),
    ]  # fmt: skip
    colour = alt.Color(
        "status:N",
        scale=alt.Scale(
            domain=[*SIGNS, "anchor", "period", "today"],
            range=[colour for _sign, colour, _word in SIGNS.values()] + [PINK, SKY, PINK],
        ),
        legend=None,
    )
    x = alt.X(
        "opens:T",
        title=None,
        axis=alt.Axis(format="%Y-%m-%d", labelAngle=0, labelOverlap="greedy", tickCount=6),
    )
    base = alt.Chart(rows)
    bars = base.mark_bar(height=11, cornerRadius=3, opacity=0.55).encode(
        x=x, x2="until:T", y=y, color=colour, tooltip=tooltip
    )
    ticks = base.mark_tick(thickness=3, size=18).encode(x="target:T", y=y, color=colour, tooltip=tooltip)
    done = base.mark_point(filled=True, size=75, shape="diamond", stroke=GREY, strokeWidth=1, opacity=1).encode(
        x="done:T", y=y, color=colour, tooltip=tooltip
    )
    line = base.mark_rule(color=PINK, strokeDash=[5, 3], strokeWidth=2).encode(x="today:T")
    chart = alt.layer(line, bars, ticks, done).properties(
        width="container", height=alt.Step(26), title=title,
        description=_("Windows are bars, target days ticks, visits done diamonds, today a dashed line."),
    )  # fmt: skip
    drawn: alt.LayerChart = dressed(chart)
    return drawn


def clock_rows(clocks: pd.DataFrame) -> pd.DataFrame:
    """Prepare the rows of the waterfall.

    Parameters
    ----------
    clocks : pandas.DataFrame
        What :func:`protocol.followup.lookbacks` returns.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``order``, ``binding`` (yes or no), ``shown_from`` (the exposure, or the left edge of the picture
        for an older one), ``shown_to``, ``cut`` (the left edge where the bar is cut), ``exposure``,
        ``allowed_from``, ``earliest``.
    """
    rows = clocks[["name", "exposure", "allowed_from", "binding"]].copy()
    rows["order"] = range(len(rows))
    day = rows["allowed_from"].dt.strftime("%Y-%m-%d")
    rows["label"] = [_clock_label(*row) for row in zip(rows["name"], day, rows["binding"], strict=True)]
    edge = rows["allowed_from"].max() - pd.Timedelta(days=SHOWN_DAYS)
    shown = rows["exposure"].clip(lower=edge)
    rows["shown_to"] = _moments(rows["allowed_from"].clip(lower=edge), 0)
    rows["cut"] = _moments(shown.where(rows["exposure"] < edge), 0)
    rows["shown_from"] = _moments(shown, 0)
    rows["earliest"] = _moments(rows["allowed_from"].where(rows["binding"]), 0)
    for column in ("exposure", "allowed_from"):
        rows[column] = _moments(rows[column], 0)
    rows["binding"] = rows["binding"].map({True: "yes", False: "no"}).astype(object)
    return rows.drop(columns="name")


def _clock_label(name: str, day: str, binding: bool) -> str:
    label = _("{name} · from {day}").format(name=name, day=day)
    return label + " ◀ " + _("binds") if binding else label


def waterfall(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw the look-back clocks: from each exposure to the first day it allows; the last one binds.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`clock_rows` returns.
    """
    y = alt.Y("label:N", title=None, sort=alt.EncodingSortField("order", op="min", order="ascending"))
    y = y.axis(labelLimit=LABEL_WIDTH + 200, domain=False, ticks=False, labelPadding=8)
    x = alt.X("shown_from:T", title=None, axis=alt.Axis(format="%Y-%m-%d", labelOverlap="greedy", tickCount=6))
    tooltip = [
        alt.Tooltip("label:N", title=_("Look-back")),
        alt.Tooltip("exposure:T", title=_("Exposure"), format="%Y-%m-%d"),
        alt.Tooltip("allowed_from:T", title=_("Allowed from"), format="%Y-%m-%d"),
    ]
    colour = alt.Color("binding:N", scale=alt.Scale(domain=["yes", "no"], range=[ORANGE, SKY]), legend=None)
    base = alt.Chart(rows)
    bars = base.mark_bar(height=14, cornerRadius=3).encode(x=x, x2="shown_to:T", y=y, color=colour, tooltip=tooltip)
    cut = base.mark_point(shape="triangle-left", filled=True, size=130, opacity=1).encode(
        x="cut:T", y=y, color=colour, tooltip=tooltip
    )
    line = base.mark_rule(color=ORANGE, strokeDash=[5, 3], strokeWidth=2).encode(x="earliest:T")
    chart = alt.layer(line, bars, cut).properties(
        width="container", height=alt.Step(28),
        description=_("Look-back clocks from the last exposure to the first day of enrolment they allow."),
    )  # fmt: skip
    drawn: alt.LayerChart = dressed(chart)
    return drawn


def course_rows(table: pd.DataFrame, today: date) -> pd.DataFrame:
    """Prepare the rows of :func:`courses`.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`protocol.followup.conflicts` returns, not empty.
    today : date
        A course that goes on is drawn up to two weeks after today or the last infusion.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``starts``, ``until``, ``goes_on``, ``day``, ``infusion``, ``verdict``, ``sign``; local moments.
    """
    rows = table.rename(columns={"agent": "label"}).copy()
    edge = max(pd.Timestamp(today), rows["day"].max(), rows["starts"].max()) + pd.Timedelta(days=14)
    rows["goes_on"] = _moments(pd.Series(edge, rows.index).where(rows["ends"].isna()), 0)
    rows["until"] = _moments(rows["ends"].fillna(edge) + pd.Timedelta(days=1), 0)
    rows["starts"], rows["day"] = _moments(rows["starts"], 0), _moments(rows["day"], 12)
    rows["sign"] = rows["verdict"].map({"conflict": "✗", "in window": "!", "none": "✓"})
    return rows.drop(columns="ends").astype(object)


def courses(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw each agent's course as a bar and on it the days of the infusions, each with its verdict.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`course_rows` returns.
    """
    y = alt.Y("label:N", title=None, sort=None).axis(labelLimit=250, domain=False, ticks=False, labelPadding=8)
    x = alt.X("starts:T", title=None, axis=alt.Axis(format="%Y-%m-%d", labelOverlap="greedy", tickCount=6))
    colour = alt.Color(
        "verdict:N", legend=None,
        scale=alt.Scale(domain=["conflict", "in window", "none"], range=[ORANGE, AMBER, GREEN]),
    )  # fmt: skip
    tooltip = [alt.Tooltip("label:N", title=_("Agent")), alt.Tooltip("infusion:N", title=_("Infusion"))]
    tooltip.append(alt.Tooltip("day:T", title=_("Day"), format="%Y-%m-%d"))
    base = alt.Chart(rows).encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=12, cornerRadius=3, color=SKY).encode(x=x, x2="until:T")
    arrows = base.mark_point(shape="triangle-right", filled=True, size=110, color=SKY, opacity=1)
    signs = base.mark_text(fontSize=15, fontWeight="bold", dy=-15).encode(x="day:T", text="sign:N", color=colour)
    ticks = base.mark_tick(thickness=3, height=20).encode(x="day:T", color=colour)
    chart = alt.layer(bars, arrows.encode(x="goes_on:T"), ticks, signs).properties(
        width="container", height=alt.Step(46),
        description=_("Courses of agents as bars; infusion days as ticks, ✗ where they meet."),
    )  # fmt: skip
    drawn: alt.LayerChart = dressed(chart)
    return drawn
