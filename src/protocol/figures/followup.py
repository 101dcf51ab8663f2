"""Figures of the follow-up: a tidy DataFrame in, an Altair chart out."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from protocol.figures.theme import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    colours,
    day_axis,
    finished,
    in_words,
    moment,
)
from protocol.translation import _, labelled

__all__ = [
    "NEXT",
    "SIGNS",
    "VIEWS",
    "WEEKDAYS",
    "clock_rows",
    "course_rows",
    "courses",
    "gain_rows",
    "gains",
    "lane_rows",
    "lanes",
    "milestone_rows",
    "schedule",
    "schedule_rows",
    "slots",
    "span_of_milestones",
    "strip_rows",
    "waterfall",
    "week_strip",
]

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
"""The sign, colour and label of each visit status; if two share a colour, sign and label differ."""

STATES = {
    "done": ("circle", GREEN, _("done")),
    "to come": ("M1,0A1,1,0,1,1,-1,0A1,1,0,1,1,1,0M.6,0A.6,.6,0,1,0,-.6,0A.6,.6,0,1,0,.6,0", GREY, _("to come")),
    "needs action": ("triangle-up", AMBER, _("open, due or overdue")),
    "missed": ("cross", ORANGE, _("missed, early or late")),
}
"""The shape, colour and label of what a lane says about a visit; a ring is drawn for what is to come."""

_STATE_OF = {
    "not yet": "to come",
    "open": "needs action",
    "due": "needs action",
    "overdue": "needs action",
    "in window": "done",
    "missed": "missed",
    "early": "missed",
    "late": "missed",
}

_STATUS_COLOURS = {status: colour for status, (_sign, colour, _word) in SIGNS.items()}

_BELOW = 8  # pixels by which a bar stands below the middle of its row, whose label stands above it

_SHOWN_DAYS = 240  # the waterfall looks this far back, so that two weeks stay readable beside three years


def schedule_rows(ledger: pd.DataFrame, landmarks: pd.DataFrame, panel: str) -> pd.DataFrame:
    """Prepare the rows of one panel of the schedule.

    Parameters
    ----------
    ledger : pandas.DataFrame
        What :func:`protocol.followup.timeline` returns.
    landmarks : pandas.DataFrame
        What :func:`protocol.followup.landmarks` returns.
    panel : {"course", "years"}
        The course of treatment, with all that is counted from the anchors after the first one up to study day 1; or
        the years, with all that is counted from the other anchors.

    Returns
    -------
    pandas.DataFrame
        ``label`` (name, sign and status), ``order``, ``kind``, ``status``, ``opens``, ``until`` (the moment the last
        day of the window ends), ``target``, ``done``, ``today``, and texts for the tooltip.
    """
    rows = pd.concat([landmarks, ledger[ledger["status"] != "not applicable"]], ignore_index=True)
    rows = rows[
        (rows["root"].isin(_course_anchors(ledger, landmarks)) == (panel == "course")) | (rows["kind"] == "today")
    ]
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


def _course_anchors(ledger: pd.DataFrame, landmarks: pd.DataFrame) -> list[str]:
    """Name the anchors after the first one up to study day 1, which the infusions are counted from."""
    anchors = landmarks.loc[landmarks["kind"] == "anchor", "id"].tolist()
    infusions = ledger.loc[ledger["kind"] == "infusion", "root"]
    return anchors[1 : anchors.index(infusions.iloc[0]) + 1] if len(infusions) else []


def _label(name: str, status: str, target: Any, today: pd.Timestamp) -> str:
    if status == "today":
        return _("Today, {date}").format(date=today.date())
    if status in SIGNS:
        return f"{name} · {SIGNS[status][0]} {SIGNS[status][2]}"
    return name if pd.notna(target) else f"{name} · {SIGNS['not yet known'][0]} {SIGNS['not yet known'][2]}"


def _moments(days: "pd.Series[Any]", hour: int) -> "pd.Series[Any]":
    """Write days as local moments; a missing one is None and not NaN, which JSON does not have."""
    written = [None if pd.isna(day) else moment(day, hour) for day in days]
    return pd.Series(written, index=days.index, dtype=object)


def _row(field: str) -> alt.Y:
    """Encode a nominal field as rows in the order of the column ``order``; its labels stand in the picture."""
    return alt.Y(f"{field}:N", axis=None, sort=alt.EncodingSortField("order", op="min", order="ascending"))


def _label_above(base: alt.Chart, y: alt.Y, field: str, dy: float) -> alt.Chart:
    """Write the name of a row above its bar, from the left edge on, so that a narrow screen keeps its whole width."""
    marks = base.mark_text(align="left", baseline="middle", dy=dy, fontSize=13, lineBreak="\n")
    labels: alt.Chart = marks.encode(x=alt.value(0), y=y, text=f"{field}:N")
    return labels


def schedule(rows: pd.DataFrame, title: str) -> alt.LayerChart:
    """Draw one panel: windows as bars, targets as ticks, visits done as points, today as a line.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`schedule_rows` returns.
    title : str
        The panel's heading.
    """
    y = _row("label")
    tooltip = [
        alt.Tooltip("label:N", title=_("What")),
        alt.Tooltip("target:T", title=_("Target"), format="%Y-%m-%d"),
        alt.Tooltip("opens:T", title=_("From"), format="%Y-%m-%d"),
        alt.Tooltip("closes:T", title=_("To"), format="%Y-%m-%d"),
        alt.Tooltip("done:T", title=_("Done"), format="%Y-%m-%d"),
        alt.Tooltip("day:N", title=_("Study day (1 = first infusion)")),
    ]
    colour = colours("status", _STATUS_COLOURS | {"anchor": PINK, "period": SKY, "today": PINK})
    x = day_axis("opens", labelAngle=0, tickCount=4)
    base = alt.Chart(rows)
    bars = base.mark_bar(height=11, cornerRadius=3, opacity=0.55, yOffset=_BELOW).encode(
        x=x, x2="until:T", y=y, color=colour, tooltip=tooltip
    )
    ticks = base.mark_tick(thickness=3, size=18, yOffset=_BELOW).encode(
        x="target:T", y=y, color=colour, tooltip=tooltip
    )
    done = base.mark_point(
        filled=True, size=75, shape="diamond", stroke=GREY, strokeWidth=1, opacity=1, yOffset=_BELOW
    ).encode(x="done:T", y=y, color=colour, tooltip=tooltip)
    line = base.mark_rule(color=PINK, strokeDash=[5, 3], strokeWidth=2).encode(x="today:T")
    return finished(
        alt.layer(line, bars, ticks, done, _label_above(base, y, "label", -9)),
        alt.Step(40),
        _("Windows are bars, target days ticks, visits done diamonds, today a dashed line."),
        title=title,
    )


def clock_rows(clocks: pd.DataFrame) -> pd.DataFrame:
    """Prepare the rows of the waterfall.

    Parameters
    ----------
    clocks : pandas.DataFrame
        What :func:`protocol.followup.look_backs` returns.

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
    edge = rows["allowed_from"].max() - pd.Timedelta(days=_SHOWN_DAYS)
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
    words = _("from {day} ◀ binds") if binding else _("from {day}")
    return f"{name}\n" + words.format(day=day)


def waterfall(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw the look-back clocks: from each exposure to the first day it allows; the last one binds.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`clock_rows` returns.
    """
    y = _row("label")
    x = day_axis("shown_from", tickCount=4)
    tooltip = [
        alt.Tooltip("label:N", title=_("Look-back")),
        alt.Tooltip("exposure:T", title=_("Exposure"), format="%Y-%m-%d"),
        alt.Tooltip("allowed_from:T", title=_("Allowed from"), format="%Y-%m-%d"),
    ]
    colour = colours("binding", {"yes": ORANGE, "no": SKY})
    base = alt.Chart(rows)
    bars = base.mark_bar(height=14, cornerRadius=3, yOffset=20).encode(
        x=x, x2="shown_to:T", y=y, color=colour, tooltip=tooltip
    )
    cut = base.mark_point(shape="triangle-left", filled=True, size=130, opacity=1, yOffset=20).encode(
        x="cut:T", y=y, color=colour, tooltip=tooltip
    )
    line = base.mark_rule(color=ORANGE, strokeDash=[5, 3], strokeWidth=2).encode(x="earliest:T")
    return finished(
        alt.layer(line, bars, cut, _label_above(base, y, "label", -20)),
        alt.Step(66),
        _("Look-back clocks from the last exposure to the first day of enrolment they allow."),
    )


def course_rows(table: pd.DataFrame, today: date) -> pd.DataFrame:
    """Prepare the rows of :func:`courses`.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`protocol.followup.look_backs` returns, not empty.
    today : date
        A course that goes on is drawn up to two weeks after today or the last infusion.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``starts``, ``until``, ``goes_on``, ``day``, ``infusion``, ``verdict``, ``sign``; local moments.
    """
    rows = table.rename(columns={"agent": "label"}).copy()
    edge = max(pd.Timestamp(today), rows["day"].max(), rows["starts"].max()) + pd.Timedelta(days=14)
    rows["goes_on"] = [moment(edge + pd.Timedelta(days=1), 12) if on else "" for on in rows["ends"].isna()]
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
    y = alt.Y("label:N", axis=None, sort=None)
    x = day_axis("starts", tickCount=4)
    colour = colours("verdict", {"conflict": ORANGE, "in window": AMBER, "none": GREEN})
    tooltip = [alt.Tooltip("label:N", title=_("Agent")), alt.Tooltip("infusion:N", title=_("Infusion"))]
    tooltip.append(alt.Tooltip("day:T", title=_("Day"), format="%Y-%m-%d"))
    base = alt.Chart(rows).encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=12, cornerRadius=3, color=SKY, yOffset=16).encode(x=x, x2="until:T")
    arrows = base.mark_point(shape="triangle-right", filled=True, size=110, color=SKY, opacity=1, yOffset=16)
    signs = base.mark_text(fontSize=15, fontWeight="bold", dy=-1).encode(x="day:T", text="sign:N", color=colour)
    ticks = base.mark_tick(thickness=3, height=20, yOffset=16).encode(x="day:T", color=colour)
    return finished(
        alt.layer(bars, arrows.encode(x="goes_on:T"), ticks, signs, _label_above(base, y, "label", -20)),
        alt.Step(64),
        _("Courses of agents as bars; infusion days as ticks, ✗ where they meet."),
    )


VIEWS = {
    "course": (-14, 60, "enrolment", 2, 14),
    "now": (-60, 60, "today", 3, 0),
    "years": (-14, 745, "enrolment", 15, 182),
}
"""The parts of a timeline that can be shown.

By name: the first and the last day, what they are counted from, the days that a mark needs beside the next one on a
narrow screen, and the days between two grid lines (0 for an axis of dates).
"""

_DLT_CLOCKS = {
    "running": (AMBER, _("running")),
    "unassessed": (AMBER, _("over, assessment missing")),
    "complete": (GREY, _("complete")),
    "DLT": (ORANGE, _("DLT")),
}

NEXT = {
    "escalation_end": _("Dose escalation ends"),
    "last_enrolment": _("Last enrolment"),
    "last_visit": _("Last visit"),
}
"""The ends that the forecast has, with their labels."""

_LANE_COLUMNS = [
    "lane",
    "order",
    "kind",
    "status",
    "state",
    "size",
    "slot",
    "at",
    "until",
    "what",
    "day",
    "regimen",
    "site",
]


def lane_rows(ledger: pd.DataFrame, people: pd.DataFrame, today: pd.Timestamp, view: str) -> pd.DataFrame:
    """Prepare the swimlane: marks that would touch are put into different rows of their lane.

    Parameters
    ----------
    ledger : pandas.DataFrame
        What :func:`protocol.followup.timelines` returns, of the participants to show.
    people : pandas.DataFrame
        One row a participant in the order wanted: ``participant``, ``site``, ``regimen``, ``enrolment``,
        ``withdrawal``, ``starts``, ``complete`` and ``state`` of the DLT clock (days or None).
    today : pandas.Timestamp
    view : str
        One of :data:`VIEWS`; what lies outside it is left out.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (lane, clock, ongoing, today, visit), ``lane`` (its label), ``order``, ``status``, ``state`` (one of
        :data:`STATES`), ``size`` (of the mark; an infusion is larger), ``slot`` (row in the lane, 0 for its label;
        cancelled visits are left out), ``at`` and ``until`` (days from the view's origin, or local moments in the
        view "now"), and texts for the tooltip.
    """
    first, last, origin, gap, _grid = VIEWS[view]
    people = people.assign(order=list(range(len(people))))
    people = people.assign(zero=today, lane=_labels(ledger, people))
    if origin == "enrolment":
        people["zero"] = people["enrolment"].astype("datetime64[s]")
    marks = _marks(ledger, people, first, last, gap)
    spans = _spans(people, today, first, last)
    rows = pd.concat([spans, marks], ignore_index=True).reindex(columns=_LANE_COLUMNS)
    rows["until"] = rows["until"].fillna(rows["at"])
    rows["slot"] = rows["slot"].fillna(0).astype(int)
    rows["size"] = rows["size"].fillna(0).astype(int)
    texts = ["status", "state", "what", "day"]
    rows[texts] = rows[texts].astype(object).fillna("")
    if origin == "today":
        rows["at"], rows["until"] = (
            [moment(today + pd.Timedelta(days=int(day)), 12) for day in rows[name]] for name in ("at", "until")
        )
    return rows


def _labels(ledger: pd.DataFrame, people: pd.DataFrame) -> list[str]:
    """Name each lane, with the signs and counts of what needs attention."""
    counts = ledger[ledger["status"].isin(["overdue", "missed", "due"])]
    found = counts.groupby(["participant", "status"], observed=True).size().to_dict()
    labels = []
    for person, regimen in people[["participant", "regimen"]].itertuples(index=False):
        extra = "".join(
            f" {SIGNS[name][0]}{found[person, name]}"
            for name in ("overdue", "missed", "due")
            if (person, name) in found
        )
        labels.append(f"{person} · {regimen}{extra}")
    return labels


def _marks(ledger: pd.DataFrame, people: pd.DataFrame, first: int, last: int, gap: int) -> pd.DataFrame:
    shown = ledger[ledger["status"].isin(list(_STATE_OF))]
    shown = shown[["participant", "kind", "name", "target", "done", "status"]].astype(
        dict.fromkeys(("participant", "kind", "name", "status"), object)
    )
    rows = shown.merge(people, on="participant")
    day = rows["done"].fillna(rows["target"])
    rows["at"] = (day - rows["zero"]).dt.days
    rows["day"] = day.dt.strftime("%Y-%m-%d")
    rows = rows[rows["at"].between(first, last)].sort_values(["order", "at"], kind="stable")
    placed = slots(rows["order"].to_numpy(), rows["at"].to_numpy(), gap)
    rows["slot"] = [1 + slot for slot in placed]
    rows["state"] = rows["status"].map(_STATE_OF)
    rows["size"] = np.where(rows["kind"] == "infusion", 130, 60)
    words = rows["status"].map({name: word for name, (_sign_, _colour, word) in SIGNS.items()})
    rows["what"] = [*map(labelled, rows["name"], words)]
    return rows.assign(kind="visit")


def slots(lanes: "np.typing.NDArray[Any]", days: "np.typing.NDArray[Any]", gap: int) -> list[int]:
    """Put each mark into the first row of its lane where the last mark is at least `gap` days before.

    Parameters
    ----------
    lanes, days : ndarray of int, equal length
        Sorted by lane and day.
    gap : int
        Days, 1 or more.
    """
    placed, lane, ends = [], None, list[int]()
    for here, day in zip(lanes.tolist(), days.tolist(), strict=True):
        if here != lane:
            lane, ends = here, []
        slot = next((place for place, end in enumerate(ends) if day - end >= gap), len(ends))
        ends[slot : slot + 1] = [day]
        placed.append(slot)
    return placed


def _spans(people: pd.DataFrame, today: pd.Timestamp, first: int, last: int) -> pd.DataFrame:
    """Draw from enrolment to today or the early end, the DLT clocks, and an arrow for who goes on."""
    rows: list[dict[str, Any]] = []
    for person in people.to_dict("records"):
        rows += [
            {name: person[name] for name in ("lane", "order", "regimen", "site")} | span
            for span in _spans_of(person, today)
            if span["until"] >= first and span["at"] <= last
        ]
    frame = pd.DataFrame(rows, columns=["lane", "order", "regimen", "site", "kind", "at", "until", "status", "what"])
    frame["at"], frame["until"] = frame["at"].clip(lower=first), frame["until"].clip(upper=last)
    return frame


def _spans_of(person: Mapping[Any, Any], today: pd.Timestamp) -> Iterator[dict[str, Any]]:
    def day(date: Any) -> int:
        return int((pd.Timestamp(date) - person["zero"]).days)

    goes_on, now = pd.isna(person["withdrawal"]), day(today)
    ends = now if goes_on else day(person["withdrawal"])
    yield {"kind": "lane", "at": day(person["enrolment"]), "until": ends, "what": _("In the trial")}
    yield {"kind": "today", "at": now, "until": now, "what": _("Today")}
    if goes_on:
        yield {"kind": "ongoing", "at": now, "until": now, "what": _("Goes on")}
    if person["state"] in _DLT_CLOCKS:
        text = _("DLT window, {state}, until {day}").format(
            state=_DLT_CLOCKS[person["state"]][1], day=person["complete"]
        )
        span = {"at": day(person["starts"]), "until": day(person["complete"])}
        yield {"kind": "clock", "status": person["state"], "what": text, **span}


def lanes(rows: pd.DataFrame, view: str, slot_count: int, domain: tuple[Any, Any]) -> alt.LayerChart:
    """Draw a lane for every participant: DLT windows as bars, visits as marks by their state, infusions larger.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`lane_rows` returns.
    view : str
        One of :data:`VIEWS`.
    slot_count : int
        Rows of a lane, its label included, 2 or more.
    domain : tuple
        First and last value of the axis of time, as in `rows`.
    """
    _first, last, origin, _gap, grid = VIEWS[view]
    if origin == "today":
        kind, axis, title = "at:T", alt.Axis(format="%Y-%m-%d", labelOverlap="greedy", tickCount=4), None
    else:
        axis = alt.Axis(labelOverlap="greedy", values=list(range(0, last + 1, grid)))
        kind, title = "at:Q", _("Days since enrolment")
    x = alt.X(kind, title=title, axis=axis, scale=alt.Scale(domain=list(domain), nice=False))
    y = _row("lane")
    clocks = {state: colour for state, (colour, _word) in _DLT_CLOCKS.items()}
    tooltip = [
        alt.Tooltip("lane:N", title=_("Participant")),
        alt.Tooltip("site:N", title=_("Site")),
        alt.Tooltip("what:N", title=_("What")),
        alt.Tooltip("day:N", title=_("Day")),
    ]
    base = alt.Chart(rows).encode(y=y, tooltip=tooltip)

    def of(kind: str) -> alt.Chart:
        return base.transform_filter(alt.datum.kind == kind)

    across = {"x": x, "x2": alt.X2("until")}
    lane = of("lane").mark_bar(height=1.5, color=GREY, opacity=0.7).encode(**across)
    clock = (
        of("clock")
        .mark_bar(opacity=0.3, cornerRadius=3)
        .encode(**across, fill=colours("status", clocks, channel=alt.Fill))
    )
    arrow = of("ongoing").mark_point(shape="triangle-right", filled=True, size=60, color=GREY, opacity=1)
    now = of("today").mark_tick(color=GREY, thickness=1, opacity=0.8).encode(x=x)
    offset = alt.YOffset("slot:O", scale=alt.Scale(domain=list(range(slot_count))))
    names = (
        of("lane")
        .mark_text(align="left", baseline="middle", fontSize=13)
        .encode(x=alt.value(0), yOffset=offset, text="lane:N")
    )
    words = in_words({name: label for name, (_s, _c, label) in STATES.items()})
    legend = alt.Legend(orient="top", title=None, labelExpr=words, columns=2, symbolSize=90, labelLimit=0)
    shapes = alt.Scale(domain=[*STATES], range=[shape for shape, _colour, _word in STATES.values()])
    marks = (
        of("visit")
        .mark_point(filled=True, opacity=1)
        .encode(
            x=x,
            yOffset=offset,
            color=colours("state", {name: colour for name, (_s, colour, _w) in STATES.items()}, legend=legend),
            shape=alt.Shape("state:N", scale=shapes, legend=legend),
            size=alt.Size("size:Q", scale=None, legend=None),
        )
    )
    return finished(
        alt.layer(clock, lane, now, arrow.encode(x=x), marks, names),
        alt.Step(15 * slot_count + 6, **{"for": "position"}),
        _("A lane for each participant: DLT windows as bars, visits as marks by their state, infusions larger."),
    )


KINDS = {
    "visit": ("circle", BLUE, _("visit")),
    "infusion": ("triangle-down", ORANGE, _("infusion")),
    "assessment": ("diamond", PINK, _("DLT assessment")),
    "report": ("square", GREEN, _("report due")),
}
"""The shape, colour and label of what is planned for a day."""

WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
"""Monday to Sunday, as the strip names them."""

_SHORT_WEEKDAYS = (_("Mo"), _("Tu"), _("We"), _("Th"), _("Fr"), _("Sa"), _("Su"))


def strip_rows(items: pd.DataFrame, today: date, days: int, chosen: date | None = None) -> pd.DataFrame:
    """Prepare the rows of :func:`week_strip`.

    Parameters
    ----------
    items : pandas.DataFrame
        One row for each thing planned: ``day``, ``kind`` (one of :data:`KINDS`), ``participant``, ``name``.
    today : date
        The first day shown.
    days : int
        How many days are shown, 1 or more.
    chosen : date, optional
        The day that is marked.

    Returns
    -------
    pandas.DataFrame
        ``order`` and ``label`` (weekday and day of the month), ``day`` (ISO), ``slot`` (place above the day, 1 at
        least), ``kind``, ``participant``, ``name``, ``chosen``; a row without kind for each day, so that empty days
        show too.
    """
    all_days = [today + timedelta(days=number) for number in range(days)]
    place = {day: number for number, day in enumerate(all_days)}
    shown = items[items["day"].isin(all_days)].sort_values(["day", "kind", "participant"], kind="stable")
    slot = shown.groupby("day").cumcount() + 1
    rows = [
        (place[one.day], n, one.kind, one.participant, one.name) for n, one in zip(slot, _records(shown), strict=True)
    ]
    rows += [(place[day], 1, "", "", "") for day in all_days]
    frame = pd.DataFrame(rows, columns=["order", "slot", "kind", "participant", "name"])
    labels = {n: f"{WEEKDAYS[day.weekday()]} {day.day}" for day, n in place.items()}
    iso = {n: day.isoformat() for day, n in place.items()}
    marked = frame["order"].map({n: day == chosen for day, n in place.items()})
    return frame.assign(label=frame["order"].map(labels), day=frame["order"].map(iso), chosen=marked)


def _records(frame: pd.DataFrame) -> Iterator[Any]:
    return frame[["day", "kind", "participant", "name"]].rename_axis(None).itertuples(index=False, name="Item")


def week_strip(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw a mark for each thing planned above its day.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`strip_rows` returns.

    Returns
    -------
    altair.LayerChart
        Clickable: the point selection "pick" gives the day.
    """
    short = in_words(dict(zip(WEEKDAYS, _SHORT_WEEKDAYS, strict=True)), "split(datum.label, ' ')[0]")
    narrow = f"width < 480 ? [{short}, split(datum.label, ' ')[1]] : split(datum.label, ' ')"
    axis = alt.Axis(labelExpr=narrow, labelAngle=0, labelOverlap=False, title=None, ticks=False)
    order = alt.EncodingSortField("order", op="min", order="ascending")
    x = alt.X("label:N", sort=order, axis=axis, scale=alt.Scale(paddingInner=0.1, paddingOuter=0.05))
    y = alt.Y("slot:O", sort="descending", axis=None)
    tooltip = [
        alt.Tooltip("day:N", title=_("Day")),
        alt.Tooltip("participant:N", title=_("Participant")),
        alt.Tooltip("name:N", title=_("What")),
    ]
    words = in_words({name: label for name, (_s, _c, label) in KINDS.items()})
    legend = alt.Legend(orient="top", title=None, labelExpr=words, symbolSize=90, labelLimit=0)
    shapes = alt.Scale(domain=[*KINDS], range=[shape for shape, _colour, _word in KINDS.values()])
    base = alt.Chart(rows).encode(x=x, y=y, tooltip=tooltip)
    columns = (
        alt.Chart(rows)
        .transform_filter("datum.kind === ''")
        .mark_rect(cursor="pointer", color=BLUE)
        .encode(
            x=x,
            opacity=alt.condition("datum.chosen", alt.value(0.2), alt.value(0.01)),
            tooltip=[alt.Tooltip("day:N", title=_("Show the day"))],
        )
        .add_params(alt.selection_point(name="pick", fields=["day"], on="click"))
    )
    floor = base.transform_filter("datum.kind === ''").mark_tick(thickness=1, color=GREY, opacity=0.01)
    marks = (
        base.transform_filter("datum.kind !== ''")
        .mark_point(filled=True, opacity=1, size=90, cursor="pointer")
        .encode(
            color=colours("kind", {name: colour for name, (_s, colour, _w) in KINDS.items()}, legend=legend),
            shape=alt.Shape("kind:N", scale=shapes, legend=legend),
        )
    )
    return finished(
        alt.layer(columns, floor, marks),
        alt.Step(18),
        _("A mark for each visit, infusion, DLT assessment and report due on a day; a click shows that day."),
    )


def milestone_rows(milestones: pd.DataFrame) -> pd.DataFrame:
    """Prepare the rows of :func:`span_of_milestones` from :func:`protocol.followup.forecast.milestones`."""
    days = milestones[["p10", "p50", "p90"]].map(lambda day: moment(day, 12))
    texts = milestones[["p10", "p50", "p90"]].map(lambda day: f"{day:%Y-%m-%d}")
    frame = days.join(texts.add_suffix("_text")).astype(object)
    names = [NEXT[name] for name in frame.index]
    words = _("{milestone}: {day} (median)")
    labels = [words.format(milestone=name, day=day) for name, day in zip(names, frame["p50_text"], strict=True)]
    return frame.assign(order=range(len(frame)), name=names, label=labels).reset_index(drop=True)


def span_of_milestones(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw each milestone from its early (P10) to its late (P90) day, the median as a tick.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`milestone_rows` returns.
    """
    y = _row("name")
    x = day_axis("p10", format="%Y-%m", tickCount=4)
    tooltip = [alt.Tooltip("name:N", title=_("What"))]
    tooltip += [alt.Tooltip(f"p{share}_text:N", title=f"P{share}") for share in (10, 50, 90)]
    base = alt.Chart(rows).encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=16, cornerRadius=3, color=SKY, opacity=0.7, yOffset=12).encode(x=x, x2="p90:T")
    ticks = base.mark_tick(thickness=3, size=24, color=BLUE, yOffset=12).encode(x="p50:T")
    return finished(
        alt.layer(bars, ticks, _label_above(base, y, "label", -12)),
        alt.Step(56),
        _("From P10 to P90 of each milestone; the tick is the median."),
    )


def gain_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Prepare the rows of :func:`gains` from :func:`protocol.followup.forecast.what_if`."""
    rows = table[table["change"] != ""].rename(columns={"escalation_months_gained": "months"})
    rows = rows[["change", "months"]].sort_values("months", ascending=False, ignore_index=True)
    rows["months"] = rows["months"].round(2)
    rows["direction"] = np.where(rows["months"] >= 0, "sooner", "later")
    rows["text"] = [f"{'−' if months > 0 else '+'}{abs(months):.1f}" for months in rows["months"]]
    return rows.assign(order=range(len(rows)), shift=-rows["months"])


def gains(rows: pd.DataFrame) -> alt.LayerChart:
    """Draw by how many months each change moves the end of the dose escalation; to the left is sooner.

    Parameters
    ----------
    rows : pandas.DataFrame
        What :func:`gain_rows` returns.
    """
    y = _row("change")
    title = [_("Months by which the dose escalation"), _("ends later (+) or sooner (−)")]
    x = alt.X("shift:Q", title=title, scale=alt.Scale(padding=30), axis=alt.Axis(tickCount=6))
    colour = colours("direction", {"sooner": GREEN, "later": ORANGE})
    base = alt.Chart(rows).encode(y=y, x=x)
    bars = base.mark_bar(height=14, cornerRadius=3, yOffset=10).encode(color=colour)
    later = base.transform_filter("datum.shift >= 0").mark_text(align="left", dx=5, dy=10, fontSize=13)
    sooner = base.transform_filter("datum.shift < 0").mark_text(align="right", dx=-5, dy=10, fontSize=13)
    names = _label_above(alt.Chart(rows), y, "change", -9)
    return finished(
        alt.layer(bars, later.encode(text="text:N"), sooner.encode(text="text:N"), names),
        alt.Step(44),
        _("Months by which each change moves the end of the dose escalation."),
    )
