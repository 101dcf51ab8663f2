"""Figures of eligibility: a tidy DataFrame in, an Altair chart out."""

from datetime import date, timedelta
from typing import Any

import altair as alt
import pandas as pd

from protocol.eligibility import Status, Timeline
from protocol.eligibility.verdicts import LABELS, SIGNS, STATUSES, signed
from protocol.figures.theme import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SAND,
    SERIES,
    SHAPES,
    SKY,
    colours,
    day_axis,
    finished,
    in_words,
    moment,
)
from protocol.translation import _

__all__ = [
    "clock_rows",
    "clocks",
    "funnel",
    "funnel_rows",
    "groups",
    "nearness",
    "overlap",
    "readings",
    "reasons",
    "review",
    "threshold",
    "verdicts",
]

_STATUS_COLOURS: dict[str, str] = dict(zip(STATUSES, (SKY, ORANGE, SAND, GREY), strict=True))

_PHONE_PX = 420
"""A figure less wide than this is on a telephone."""

_TEXT_SIZE = alt.expr(f"width < {_PHONE_PX} ? 11 : 12")
"""Of the words in a figure: on a telephone whole titles fit."""


def _room(short: str, long: str) -> Any:
    """Return the pixels of a title before the text at the right end: a column on a telephone, or another one."""
    text = f"width < {_PHONE_PX} ? datum.{short} : datum.{long}"
    wide = f"replace({text}, regexp('[⺀-鿿＀-￯]', 'g'), 'xx')"  # a Chinese sign is as wide as two letters
    return alt.expr(f"width - 16 - 7.5 * length({wide})")


def _rows(**axis: Any) -> alt.Y:
    """One row a criterion, in the order of the column ``order``."""
    order = alt.EncodingSortField("order", op="min")
    return alt.Y("criterion:N", sort=order, title=None, axis=alt.Axis(ticks=False, **axis))


def _pick(*fields: str) -> Any:
    """Let a mark be clicked; the picture's widget says which row it was."""
    return alt.selection_point(name="pick", fields=list(fields), on="click")


def _people(total: int, **axis: Any) -> alt.Axis:
    """Return the axis of a number of participants out of a total: whole numbers, also of a handful."""
    few: dict[str, Any] = {"values": [*range(total + 1)]} if total < 5 else {}
    whole: dict[str, Any] = {"orient": "top", "tickMinStep": 1, "format": ",d"}
    return alt.Axis(**(whole | axis | few))


def _numbers(total: int) -> dict[str, Any]:
    """Scale and axis of a number of participants out of a total."""
    return {
        "scale": alt.Scale(domain=[0, max(total, 1)], nice=False),
        "axis": _people(total, tickCount=5, format="~s"),
        "title": _("Participants"),
    }


def funnel_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """Add to the counts of a funnel its order, and the texts at the right end: in words, and for a telephone.

    Parameters
    ----------
    counts : pandas.DataFrame
        What ``CohortScreening.funnel()`` returns.

    Returns
    -------
    pandas.DataFrame
        The same rows with the columns order, loss and numbers.
    """
    pairs = [*zip(counts["excluded"], counts["only_reason"], strict=True)]
    losses = [
        " · ".join(([f"−{lost:,}"] if lost else []) + ([_("{n:,} alone").format(n=alone)] if alone else []))
        for lost, alone in pairs
    ]
    numbers = [f"−{lost:,} · {alone:,}" if lost or alone else "" for lost, alone in pairs]
    return counts.assign(order=range(len(counts)), loss=losses, numbers=numbers)


def funnel(frame: pd.DataFrame, total: int) -> alt.LayerChart:
    """Draw who remains after each criterion, in the order of the rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        What ``CohortScreening.funnel()`` or :func:`funnel_rows` returns: criterion, title, excluded, remaining (no
        failure so far), confirmed (nothing unknown either), only_reason.
    total : int
        Participants in the cohort.
    """
    frame = frame if "numbers" in frame else funnel_rows(frame)
    width = alt.Scale(domain=[0, max(total, 1)], nice=False)
    base = alt.Chart(frame).encode(
        y=_rows(),
        tooltip=[
            alt.Tooltip("criterion:N", title=_("Criterion")),
            alt.Tooltip("title:N", title=_("About")),
            alt.Tooltip("excluded:Q", title=_("First excluded here")),
            alt.Tooltip("remaining:Q", title=_("Not excluded so far")),
            alt.Tooltip("confirmed:Q", title=_("Of these, everything known and passed")),
            alt.Tooltip("only_reason:Q", title=_("Excluded by this alone")),
        ],
    )
    possible = base.mark_bar(color=SKY, opacity=0.45).encode(
        x=alt.X("remaining:Q", scale=width, title=_("Participants"), axis=_people(total))
    )
    confirmed = base.mark_bar(color=GREEN, height=5, yOffset=9).encode(x=alt.X("confirmed:Q", scale=width))
    titles = base.mark_text(
        align="left", dx=6, dy=-2, fontSize=_TEXT_SIZE, limit=_room("numbers", "loss"), text=alt.expr("datum.title")
    ).encode(x=alt.datum(0), detail=["title:N", "loss:N", "numbers:N"])
    text = alt.expr(f"width < {_PHONE_PX} ? datum.numbers : datum.loss")
    losses = base.mark_text(align="right", dx=-6, dy=-2, fontSize=12, fontWeight="bold", text=text).encode(
        x=alt.datum(max(total, 1)), detail=["loss:N", "numbers:N"]
    )
    return finished(
        alt.layer(possible.add_params(_pick("criterion")), confirmed, titles, losses),
        alt.Step(25),
        _("Participants left after each criterion, in protocol order"),
    )


def verdicts(frame: pd.DataFrame, total: int) -> alt.LayerChart:
    """Draw how many participants meet, fail or cannot be judged on each criterion.

    Parameters
    ----------
    frame : pandas.DataFrame
        criterion, title, order, status (passes, excludes, unknown, not applicable), rank, participants, sign.
    total : int
        Participants in the cohort.
    """
    said = alt.Chart(frame).transform_calculate(verdict=in_words(LABELS, "datum.status"))
    base = said.encode(
        y=_rows(),
        x=alt.X(
            "participants:Q",
            stack="zero",
            scale=alt.Scale(domain=[0, max(total, 1)], nice=False),
            title=_("Participants"),
            axis=_people(total),
        ),
        order="rank:O",
        tooltip=[
            alt.Tooltip("criterion:N", title=_("Criterion")),
            alt.Tooltip("title:N", title=_("About")),
            alt.Tooltip("verdict:N", title=_("Verdict")),
            alt.Tooltip("participants:Q", title=_("Participants")),
        ],
    )
    columns = alt.expr(f"width < {_PHONE_PX} ? 2 : 4")
    words = in_words({one: signed(one) for one in SIGNS})
    legend = alt.Legend(title=None, orient="top", columns=columns, labelExpr=words)
    bars = base.mark_bar().encode(color=colours("status", _STATUS_COLOURS, legend=legend))
    signs = base.mark_text(dx=-9, fontSize=12, fontWeight="bold", color="black").encode(
        text="sign:N",
        opacity=alt.condition(f"datum.participants > {max(total, 1) * 0.04}", alt.value(1), alt.value(0)),
    )
    bars = bars.add_params(_pick("criterion", "status"))
    return finished(alt.layer(bars, signs), alt.Step(25), _("Verdicts per criterion: passes, excludes, unknown"))


def _titled_rows(frame: pd.DataFrame, **tooltips: str) -> tuple[Any, Any]:
    """Rows with their title above their bars, so that long titles fit a telephone."""
    base = alt.Chart(frame).encode(
        y=_rows(),
        tooltip=[
            alt.Tooltip("criterion:N", title=_("Criterion")),
            alt.Tooltip("title:N", title=_("About")),
            *(alt.Tooltip(f"{name}:Q", title=title, format=",.4~g") for name, title in tooltips.items()),
        ],
    )
    titles = base.mark_text(
        align="left", dy=-9, fontSize=_TEXT_SIZE, limit=_room("numbers", "words"), text=alt.expr("datum.title")
    ).encode(x=alt.value(4), detail=["title:N", "words:N", "numbers:N"])
    return base, titles


def _amounts(base: Any) -> Any:
    """What stands at the right end of each row: in words, on a telephone as numbers only."""
    text = alt.expr(f"width < {_PHONE_PX} ? datum.numbers : datum.words")
    return base.mark_text(align="right", dy=-9, fontSize=12, fontWeight="bold", text=text).encode(
        x=alt.value("width"), detail=["words:N", "numbers:N"]
    )


def reasons(frame: pd.DataFrame, total: int) -> alt.LayerChart:
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
    scale = _numbers(total)["scale"]
    pale = base.mark_bar(color=SKY, opacity=0.45, height=13, yOffset=7).encode(x=alt.X("fails:Q", **_numbers(total)))
    dark = base.mark_bar(color=BLUE, height=5, yOffset=7).encode(x=alt.X("share:Q", scale=scale))
    alone = base.mark_point(
        shape="diamond", size=110, yOffset=7, filled=True, color=ORANGE, stroke="white", strokeWidth=0.8, opacity=1
    ).encode(x=alt.X("only_reason:Q", scale=scale))
    return finished(
        alt.layer(pale.add_params(_pick("criterion")), dark, alone, titles, _amounts(base)),
        alt.Step(38),
        _("Whom each criterion excludes: with others, its share, alone"),
    )


def review(frame: pd.DataFrame, total: int) -> alt.LayerChart:
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
    scale = _numbers(total)["scale"]
    pale = base.mark_bar(color=AMBER, opacity=0.5, height=13, yOffset=7).encode(x=alt.X("open:Q", **_numbers(total)))
    dark = base.mark_bar(color=BLUE, height=5, yOffset=7).encode(x=alt.X("decides:Q", scale=scale))
    return finished(
        alt.layer(pale.add_params(_pick("criterion")), dark, titles, _amounts(base)),
        alt.Step(38),
        _("Participants that finding out the unknowns could decide"),
    )


def overlap(frame: pd.DataFrame) -> alt.LayerChart:
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
    return finished(
        alt.layer(cells.add_params(_pick("criterion", "other")), numbers),
        alt.Step(24),
        _("Percent of those failing one criterion who fail another"),
    )


def nearness(frame: pd.DataFrame) -> alt.LayerChart:
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
    return finished(
        alt.layer(base.mark_bar(color=SKY).add_params(_pick("distance")), numbers),
        alt.Step(26),
        _("Near-misses by their distance from the threshold"),
    )


def threshold(frame: pd.DataFrame, label: str) -> alt.LayerChart:
    """Draw who is left over the whole range of a threshold, with the unknown as a band.

    Parameters
    ----------
    frame : pandas.DataFrame
        value, confirmed (all known and passed), left (not excluded), present (the value now, in every row), lower and
        upper (words at one place of the two lines, empty elsewhere).
    label : str
        The threshold with its unit.
    """
    base = alt.Chart(frame).encode(
        x=alt.X("value:Q", title=label, scale=alt.Scale(zero=False, nice=False)),
        tooltip=[
            alt.Tooltip("value:Q", title=label, format=".4~g"),
            alt.Tooltip("confirmed:Q", title=_("At least: everything known and passed"), format=","),
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
    return finished(
        alt.layer(band, low, high, present, *names, points), 320, _("Participants left over the range of a threshold")
    )


def readings(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw how many more or fewer are left under each other reading of an unclear word.

    Parameters
    ----------
    frame : pandas.DataFrame
        row (register id and reading), title, reading, order, change (of those not excluded), confirmed_change,
        decided (participants whose answer changes), sign ("more", "fewer" or "as many"), words.
    """
    register = alt.Axis(ticks=False, labelExpr="split(datum.label, '|')[0]")
    base = alt.Chart(frame).encode(
        y=alt.Y("row:N", sort=alt.EncodingSortField("order", op="min"), title=None, axis=register),
        tooltip=[
            alt.Tooltip("title:N", title=_("About")),
            alt.Tooltip("reading:N", title=_("Read instead as")),
            alt.Tooltip("change:Q", title=_("Not excluded: change"), format="+,"),
            alt.Tooltip("confirmed_change:Q", title=_("All known and passed: change"), format="+,"),
            alt.Tooltip("decided:Q", title=_("Participants whose answer changes"), format=","),
        ],
    )
    zero = alt.condition("datum.value == 0", alt.value("#888888"), alt.value("transparent"))
    bars = base.mark_bar(height=13, yOffset=23, opacity=0.6).encode(
        x=alt.X(
            "change:Q",
            stack=None,
            title=_("Change"),
            axis=alt.Axis(
                orient="top",
                tickCount=5,
                tickMinStep=1,
                labelExpr="datum.value ? format(datum.value, '+~s') : '0'",
                gridColor=zero,
                gridOpacity=1,
                gridDash=[2, 2],
            ),
        ),
        color=colours("sign", {"fewer": ORANGE, "as many": GREY, "more": GREEN}),
    )
    known = base.mark_bar(height=4, yOffset=23, color=BLUE).encode(x=alt.X("confirmed_change:Q", stack=None))
    lines: list[tuple[str, int, Any]] = [("title", -23, "bold"), ("reading", -8, "normal"), ("words", 7, "normal")]
    texts = [
        base.mark_text(
            align="left", dy=dy, fontSize=_TEXT_SIZE, fontWeight=weight, limit=alt.expr("width - 4")
        ).encode(x=alt.value(4), text=f"{column}:N")
        for column, dy, weight in lines
    ]
    return finished(
        alt.layer(bars, known, *texts),
        alt.Step(68),
        _("Change of the participants left under each other reading"),
    )


_TITLE_PX, _GROUP_PX = 24, 15
"""Height of a title above its rows, and of one row."""


def groups(frame: pd.DataFrame, names: tuple[str, ...]) -> alt.LayerChart:
    """Draw exclusion rates by group with their 95 % intervals; hidden ones are not in the frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        criterion, title, name (what stands above its rows, on one row of each criterion), order, group, rate, low,
        high (0 to 1), words.
    names : tuple of str
        The groups in order.
    """
    seen = [name for name in names if (frame["group"] == name).any()]
    gap = _TITLE_PX / (_TITLE_PX + _GROUP_PX * max(len(names), 1))
    between = alt.Scale(paddingInner=gap, paddingOuter=gap)
    rows: dict[str, Any] = {
        "sort": alt.EncodingSortField("order", op="min"),
        "title": None,
        "axis": None,
        "scale": between,
    }
    base = alt.Chart(frame).encode(
        y=alt.Y("criterion:N", **rows),
        yOffset=alt.YOffset("group:N", sort=list(names)),
        color=alt.Color(
            "group:N",
            scale=alt.Scale(domain=list(names), range=SERIES[: len(names)]),
            legend=alt.Legend(title=None, orient="top", columns=1, labelLimit=240, values=seen),
        ),
        tooltip=[
            alt.Tooltip("title:N", title=_("About")),
            alt.Tooltip("group:N", title=_("Group")),
            alt.Tooltip("rate:Q", title=_("Excluded"), format=".1%"),
            alt.Tooltip("low:Q", title=_("Lower bound (95 %)"), format=".1%"),
            alt.Tooltip("high:Q", title=_("Upper bound (95 %)"), format=".1%"),
            alt.Tooltip("words:N", title=_("Against all others")),
        ],
    )
    share = alt.Axis(format="%", orient="top", tickCount=5)
    intervals = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=_("Excluded"), axis=share), x2="high:Q")
    shapes = alt.Scale(domain=list(names), range=SHAPES[: len(names)])
    rates = base.mark_point(filled=True, size=65, opacity=1).encode(
        x="rate:Q", shape=alt.Shape("group:N", scale=shapes)
    )
    titles = (
        alt.Chart(frame)
        .mark_text(
            align="left",
            baseline="bottom",
            dy=-3,
            fontSize=_TEXT_SIZE,
            fontWeight="bold",
            limit=alt.expr("width - 4"),
        )
        .encode(y=alt.Y("criterion:N", bandPosition=0, **rows), x=alt.value(4), text="name:N")
    )
    layers = alt.layer(intervals, rates, titles)
    return finished(layers, alt.Step(_GROUP_PX), _("Share excluded by group, with intervals (95 %)"))


_MARGIN_DAYS = 10

_LEAST_DAYS = 45

_CLOCK_COLUMNS = [
    *("lane", "name", "order", "status", "sign", "word", "opens", "until", "first", "last", "start", "earliest")
]


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
    shown = min(when.last, max([*turns, when.first + timedelta(days=_LEAST_DAYS)]) + timedelta(days=_MARGIN_DAYS))
    together, words = _("all together"), LABELS
    runs: list[tuple[str, date, date, Status]] = [(together, first, last, "passes") for first, last in when.open]
    runs += [(together, first, last, "unknown") for first, last in when.possible]  # there is none open then
    runs += [
        (f"{lane.rule.id} {lane.title}", span.first, span.last, span.status)
        for lane in when.lanes
        for span in lane.spans
    ]
    order = {name: place for place, name in enumerate(dict.fromkeys([together, *(run[0] for run in runs)]))}
    rows = [
        (
            name,
            name,
            order[name],
            status,
            SIGNS[status],
            words[status],
            moment(first),
            moment(min(last, shown) + timedelta(days=1)),
            first.isoformat(),
            last.isoformat() if last < when.last else _("further on"),
            moment(when.first),
            moment(when.earliest) if when.earliest else None,
        )
        for name, first, last, status in runs
        if when.lanes and first <= shown
    ]
    frame = pd.DataFrame(rows, columns=_CLOCK_COLUMNS, dtype=object)
    uncertain = (frame["lane"] == together) & (frame["status"] == "unknown")
    frame.loc[uncertain, "name"] = frame.loc[uncertain, "word"] = _("all together: possible, not certain")
    return frame.assign(name=frame["name"].where(~frame["lane"].duplicated(), ""))


def clocks(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw a lane for each criterion that depends on the day, and lines for the first day and the earliest day open.

    Parameters
    ----------
    frame : pandas.DataFrame
        What :func:`clock_rows` returns.
    """
    base = alt.Chart(frame).encode(
        y=alt.Y("lane:N", title=None, axis=None, sort=alt.EncodingSortField("order", op="min")),
        tooltip=[
            alt.Tooltip("lane:N", title=_("What")),
            alt.Tooltip("word:N", title=_("Verdict")),
            alt.Tooltip("first:N", title=_("From")),
            alt.Tooltip("last:N", title=_("To")),
        ],
    )
    bars = base.mark_bar(height=15, cornerRadius=3, yOffset=9).encode(
        x=day_axis("opens", labelAngle=0, labelSeparation=12, tickCount=4, orient="top"),
        x2="until:T",
        color=colours("status", _STATUS_COLOURS),
    )
    signs = base.mark_text(align="left", dx=4, dy=10, fontWeight="bold", color="black").encode(
        x="opens:T", text="sign:N"
    )
    names = base.mark_text(align="left", dx=3, dy=-8, fontSize=13).encode(x="start:T", text="name:N")
    start = alt.Chart(frame).mark_rule(color=GREY, strokeDash=[2, 3]).encode(x="start:T")
    earliest = alt.Chart(frame).mark_rule(color=PINK, strokeWidth=2.5).encode(x="earliest:T")
    return finished(
        alt.layer(bars, signs, names, start, earliest),
        alt.Step(42),
        _("Days of enrolment on which each criterion passes; the line is the earliest day for all"),
    )
