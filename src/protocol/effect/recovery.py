"""Nadir, days below a limit, and the first day of sustained recovery, for many participants at once.

Days are elapsed days, counted from the reference day, day 0; which day that is the record says. Two draws on one day
count as the lower. No value is carried into a day without a draw.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from protocol.effect.checks import Integers, floats, integers, number_inside, one_of, whole
from protocol.effect.counts import analytes, converted, in_sentence, is_below, read_counts, unit_of
from protocol.records import ProtocolError, Record
from protocol.translation import _

NEVER = np.iinfo(np.int64).max // 4  # in place of a day: there is none

FURTHEST = 100_000  # days from day 0 that a draw may lie

HIGHEST = 1e9  # of a limit, in any unit

LONGEST = 1_000  # days of a window or of a washout

STATUSES = ("recovered", "none", "unknown", "never_below")
"""What is known of a recovery; never below the limit is neither a recovery nor its absence."""

RECOVERED, NONE, UNSURE, NEVER_BELOW = range(len(STATUSES))

Booleans = NDArray[np.bool_]


class Definition(Record):
    """One definition of recovery.

    Parameters
    ----------
    label, source : str
        What it says in words, and where it comes from.
    analyte, unit, limit : str
        A count at `limit`, a decimal number in `unit`, or above it counts.
    rule : {"days", "values", "span"}
        Successive calendar days that are all drawn, successive values on different days, or every draw of a span.
    count : int
        Days, values, or days of the span.
    most_gap : int, optional
        Most days between two draws of a span.
    product : str, optional
        Which transfusions forbid a recovery.
    days_without : int
        A transfusion on day t keeps the days t to t + days_without - 1 from beginning a window.
    growth_factor : bool
        Whether a growth factor forbids a recovery on its day and on `washout` days after it.
    washout : int
        Days.
    """

    label: str
    analyte: str
    unit: str
    limit: str
    rule: Literal["days", "values", "span"]
    count: int = Field(ge=1, le=LONGEST)
    source: str
    most_gap: int | None = Field(default=None, ge=1)
    product: str | None = None
    days_without: int = Field(default=1, ge=1, le=LONGEST)
    growth_factor: bool = False
    washout: int = Field(default=0, ge=0, le=LONGEST)


_PRODUCTS = {"platelets": _("platelets"), "red cells": _("red cells")}


@cache
def _definitions() -> dict[str, Definition]:
    content = tomllib.loads(Path(__file__).with_name("recovery.toml").read_text(encoding="utf-8"))
    return {name: Definition.model_validate(one) for name, one in content.items()}


def definitions() -> dict[str, Definition]:
    """Return the definitions of recovery that are kept here, by their id."""
    return dict(_definitions())


class Draws:
    """Counts of one analyte in draws of many participants.

    Parameters
    ----------
    participant : sequence of length N
        Whose draw it is, a label of any kind.
    day : array_like of int, shape (N,)
        Elapsed day of the draw.
    value : array_like of float, shape (N,)
        Count in `unit`; NaN or None is no draw.
    analyte, unit : str
    everyone : sequence, optional
        All participants, in the order of the results, those without a draw included; without it, those drawn.

    Attributes
    ----------
    everyone : pandas.Index
        All participants.
    code, day, value : ndarray, shape (M,)
        Place in `everyone`, elapsed day and count, one a day, by participant and day.

    Raises
    ------
    ProtocolError
        When columns have different lengths, a count or its unit cannot be, or a participant is not among `everyone`.
    """

    def __init__(
        self,
        participant: Sequence[Any] | ArrayLike,
        day: ArrayLike,
        value: ArrayLike,
        *,
        analyte: str,
        unit: str | None,
        everyone: Sequence[Any] | None = None,
    ) -> None:
        self.analyte = one_of(analyte, analytes(), _("analyte"))
        counts, self.unit = read_counts(value, analyte, unit)
        days = _days(day, _("days of draws"))
        code, self.everyone = _coded(participant, everyone, _("draws"))
        if not code.shape == days.shape == counts.shape or counts.ndim != 1:
            found = _("{} participants, {} days and {} counts").format(code.size, days.size, counts.size)
            raise ProtocolError(_("draws"), found, _("one row for each draw"))
        drawn = ~np.isnan(counts)
        if not drawn.all():
            code, days, counts = code[drawn], days[drawn], counts[drawn]
        key = _keys(code, days)
        if (np.diff(key) < 0).any():
            order = np.argsort(key, kind="stable")
            key, code, days, counts = key[order], code[order], days[order], counts[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        if first.size < key.size:  # two draws on one day: the lower
            counts = np.minimum.reduceat(counts, first)
            key, code, days = key[first], code[first], days[first]
        self.key, self.code, self.day, self.value = key, code, days, counts

    def __repr__(self) -> str:
        return f"{self.analyte} in {self.unit}: {self.value.size:,} days drawn of {len(self.everyone):,} participants"


@dataclass(frozen=True)
class Given:
    """Days on which something was given: transfusions of one product, or a growth factor.

    Parameters
    ----------
    participant : sequence of length K
    day : array_like of int, shape (K,)
    unknown : sequence, optional
        Participants of whom it is not known whether and when it was given.
    """

    participant: Sequence[Any] = ()
    day: ArrayLike = ()
    unknown: Sequence[Any] = ()


def _days(values: ArrayLike, where: str) -> Integers:
    write = _("whole days from {:,} to {:,}").format(-FURTHEST, FURTHEST)
    found = integers(values, where, write)
    if found.size and np.abs(found).max() > FURTHEST:
        raise ProtocolError(where, f"{np.abs(found).max():,}", write)
    return found


def _coded(participant: Any, everyone: Sequence[Any] | pd.Index | None, where: str) -> tuple[Integers, pd.Index]:
    labels = np.asarray(participant) if len(participant) else np.array([], dtype=object)
    if everyone is None:
        code, listed = pd.factorize(labels)
        index = pd.Index(listed)
    else:
        index = pd.Index(everyone)
        code = index.get_indexer(pd.Index(labels)) if index.is_unique else np.array([-1])
    if (code < 0).any() or not index.is_unique:
        found = _("a participant who is missing, unknown or listed twice")
        raise ProtocolError(where, found, _("participants of the list, each listed once"))
    return code.astype(np.int64), index


_WIDTH = 4 * FURTHEST  # days and windows of one participant lie inside


def _keys(code: Integers, day: Integers) -> Integers:
    """Return numbers that order rows by participant, and then by day."""
    return code * _WIDTH + day + 2 * FURTHEST


def _first(code: Integers, day: Integers, participants: int) -> Integers:
    """Return the first day of each participant, of rows in the order of days; NEVER where there is none."""
    first = np.full(participants, NEVER)
    first[code[::-1]] = day[::-1]
    return first


# Nadir and days below


def nadir(draws: Draws, limit: float, *, last_day: ArrayLike | None = None) -> pd.DataFrame:
    """Describe how low the counts fell, and for how long.

    Parameters
    ----------
    draws : Draws
    limit : float
        In the unit of the draws, above 0.
    last_day : array_like of int, shape (P,) or (), optional
        Draws after it are not counted; the day of recovery for a nadir up to recovery.

    Returns
    -------
    DataFrame
        One row a participant: participant, nadir, nadir_day (its first day), draws (days drawn), first_below (first
        day drawn below the limit), draws_below (days drawn below), days_below_carried_forward (each draw holds until
        the next, nothing after the last), days_below_interpolated (straight lines between draws) and
        area_below_interpolated (integral of limit minus count over that time, unit x days). Missing where there is
        no draw.

    Raises
    ------
    ProtocolError
        When the limit is no number above 0.
    """
    people = len(draws.everyone)
    number_inside(limit, _("limit in {}").format(draws.unit), 0, HIGHEST)
    kept = draws.day <= _per_participant(last_day, draws, NEVER, _("last day"))[draws.code]
    code, day, value = draws.code[kept], draws.day[kept], draws.value[kept]
    below = is_below(value, limit)
    lowest = np.full(people, np.inf)
    np.minimum.at(lowest, code, value)
    at_lowest = value == lowest[code]
    same = code[1:] == code[:-1]
    start, end, days = value[:-1][same], value[1:][same], np.diff(day)[same].astype(float)
    low, high = np.minimum(start, end), np.maximum(start, end)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(high >= limit, np.clip((limit - low) / (high - low), 0, 1), 1.0)
    share = np.where(is_below(low, limit), share, 0.0)
    depth = np.where(high >= limit, (limit - low) / 2, (limit - start + limit - end) / 2)
    segment = code[1:][same]
    drawn = np.bincount(code, minlength=people)
    frame = pd.DataFrame(
        {
            "participant": draws.everyone,
            "nadir": lowest,
            "nadir_day": _first(code[at_lowest], day[at_lowest], people),
            "draws": drawn,
            "first_below": _first(code[below], day[below], people),
            "draws_below": np.bincount(code[below], minlength=people),
            "days_below_carried_forward": np.bincount(segment, below[:-1][same] * days, people),
            "days_below_interpolated": np.bincount(segment, share * days, people),
            "area_below_interpolated": np.bincount(segment, share * days * depth, people),
        }
    )
    for name in ("nadir_day", "first_below"):
        frame[name] = _day_column(frame[name].to_numpy())
    frame.loc[drawn == 0, frame.columns.difference(["participant", "draws"])] = pd.NA
    return frame


def _day_column(days: Integers) -> Any:
    """Return a column of days in which a day that there is not is missing."""
    column = pd.array(days, dtype="Int64")
    column[days == NEVER] = pd.NA
    return column


def _per_participant(values: ArrayLike | None, draws: Draws, default: int, where: str) -> Integers:
    people = len(draws.everyone)
    if values is None:
        return np.full(people, default)
    found = _days(values, where)
    if found.shape not in {(), (people,)}:
        raise ProtocolError(where, _("{} of them").format(found.shape), _("one, or one for each participant"))
    return np.broadcast_to(found, people)


# Recovery


@dataclass(frozen=True, eq=False)
class Recoveries:
    """What is known of the recovery of each participant.

    Parameters
    ----------
    definition : Definition
    everyone : pandas.Index of length P
    status : ndarray of int, shape (P,)
        Place in :data:`STATUSES`.
    day : ndarray of int, shape (P,)
        First day of the recovery.
    earliest : ndarray of int, shape (P,)
        First day of the first window that may be a recovery, the certain one included.
    open_from : ndarray of int, shape (P,)
        Where follow-up ends in a window that is not complete, its first day.
    follow_up_end : ndarray of int, shape (P,)
    why : ndarray of int, shape (P,)
        Why it is unknown, as a place in :meth:`reasons`; 0 where it is known.

    A day that there is not lies beyond 10^17.
    """

    definition: Definition
    everyone: pd.Index
    status: Integers
    day: Integers
    earliest: Integers
    open_from: Integers
    follow_up_end: Integers
    why: Integers

    def reasons(self) -> tuple[str, ...]:
        """Return the words for every value of ``why``."""
        product = _PRODUCTS.get(self.definition.product or "", _("this product"))
        return (
            "",
            _("no draw"),
            _("days without a draw: counts drawn on them may have shown it"),
            _("transfusions of {} are not known").format(product),
            _("growth factor is not known"),
        )

    def table(self) -> pd.DataFrame:
        """Tabulate: participant, status, day, earliest, why; a day that is not known is missing."""
        return pd.DataFrame(
            {
                "participant": self.everyone,
                "status": np.array(STATUSES)[self.status],
                "day": _day_column(self.day),
                "earliest": _day_column(self.earliest),
                "why": np.array(self.reasons())[self.why],
            }
        )


DECIDED, NO_DRAW, GAPS, NO_TRANSFUSIONS, NO_GROWTH_FACTOR = range(5)  # why a recovery is unknown


def recovery(
    draws: Draws,
    definition: Definition | str,
    *,
    follow_up_end: ArrayLike | None = None,
    transfusions: Given | None = None,
    growth_factor: Given | None = None,
) -> Recoveries:
    """Find the first day of sustained recovery under a definition.

    Counting begins after the first draw below the limit, and, where none was below, after the first transfusion. A
    participant never below and never transfused has neither recovered nor failed to. A window must end by the end of
    follow-up: the first day is known only when the last one is.

    Parameters
    ----------
    draws : Draws
    definition : Definition or str
        A definition, or the id of one of :func:`definitions`.
    follow_up_end : array_like of int, shape (P,) or (), optional
        Last day of follow-up, or of an interim cut: later draws are not counted. Without it, the last draw's.
    transfusions, growth_factor : Given, optional
        ``None`` is not known, of anybody; ``Given()`` is none of anybody.

    Returns
    -------
    Recoveries

    Raises
    ------
    ProtocolError
        For an unknown definition, one of another analyte, or a participant who is not in the draws.
    """
    rule = _rule(definition)
    if rule.analyte != draws.analyte:
        found, write = (_("counts of {}").format(in_sentence(one)) for one in (draws.analyte, rule.analyte))
        raise ProtocolError(_("recovery"), found, write)
    rows = _rows(draws, rule, follow_up_end, transfusions, growth_factor)
    people = len(draws.everyone)
    sure = _certain_windows(rows, rule)
    found_day = _first(rows.code[sure], rows.day[sure], people)
    earliest = np.minimum(found_day, _earliest_possible(rows, rule))

    status = np.where(earliest < NEVER, UNSURE, NONE)
    why = np.where(earliest < NEVER, GAPS, DECIDED)
    status[found_day < NEVER], why[found_day < NEVER] = RECOVERED, DECIDED
    status[rows.start == NEVER] = NEVER_BELOW
    for reason, doubted in (
        (NO_TRANSFUSIONS, rows.no_transfusions & ((status == RECOVERED) | rows.never_below)),
        (NO_GROWTH_FACTOR, rows.no_growth_factor & (status == RECOVERED)),
    ):
        status[doubted], why[doubted] = UNSURE, reason
    no_draw = np.bincount(rows.code, minlength=people) == 0
    status[no_draw], why[no_draw] = UNSURE, NO_DRAW
    return Recoveries(
        rule,
        draws.everyone,
        status,
        day=np.where(status == RECOVERED, found_day, NEVER),
        earliest=earliest,
        open_from=np.where(status == NONE, _open_from(rows, rule), NEVER),
        follow_up_end=rows.end,
        why=why,
    )


def _rule(definition: Definition | str) -> Definition:
    if isinstance(definition, Definition):
        return definition
    return _definitions()[one_of(definition, _definitions(), _("definition of recovery"))]


@dataclass(frozen=True, eq=False)
class _Rows:
    """Draws up to the end of follow-up, where counting begins, and what was given."""

    code: Integers
    day: Integers
    key: Integers
    low: Booleans
    start: Integers  # first day of each participant that counts
    end: Integers
    never_below: Booleans
    given: tuple[tuple[Integers, Integers, int], ...]  # participants, days, and how many days each bars
    no_transfusions: Booleans
    no_growth_factor: Booleans

    def is_clear(self, first: Integers, last: Integers, code: Integers) -> Booleans:
        """Mark windows from the day `first` to `last` in which nothing was given, and that none bars."""
        clear = np.ones(code.size, bool)
        for whose, days, barred in self.given:
            if not whose.size:
                continue
            keys = np.sort(_keys(whose, days))
            before = np.searchsorted(keys, _keys(code, first - barred + 1), "left")
            clear &= before == np.searchsorted(keys, _keys(code, last), "right")
        return clear

    @cached_property
    def bad_days(self) -> tuple[Integers, Integers]:
        """Return the days that no window may hold, drawn below or barred, with their participants, in order."""
        codes, days = [self.code[self.low]], [self.day[self.low]]
        if not any(whose.size for whose, _days, _barred in self.given):
            return codes[0], days[0]
        for whose, given, barred in self.given:
            codes.append(np.repeat(whose, barred))
            days.append((given[:, None] + np.arange(barred)).ravel())
        code, day = np.concatenate(codes), np.concatenate(days)
        order = np.argsort(_keys(code, day), kind="stable")
        code, day = code[order], day[order]
        kept = day <= self.end[code]
        return code[kept], day[kept]


def _rows(
    draws: Draws, rule: Definition, follow_up_end: ArrayLike | None, transfusions: Given | None, factor: Given | None
) -> _Rows:
    people = len(draws.everyone)
    last_drawn = np.full(people, 0)
    last_drawn[draws.code] = draws.day
    end = last_drawn if follow_up_end is None else _per_participant(follow_up_end, draws, 0, _("end of follow-up"))
    kept = np.asarray(draws.day <= end[draws.code])
    code, day, key = draws.code[kept], draws.day[kept], draws.key[kept]
    limit = converted(Decimal(rule.limit), draws.analyte, draws.unit, of=unit_of(rule.analyte, rule.unit))
    low = is_below(draws.value[kept], limit)
    given, unknown = [], []
    for wanted, what, barred, where in (
        (rule.product is not None, transfusions, rule.days_without, _("transfusions")),
        (rule.growth_factor, factor, rule.washout + 1, _("growth factor")),
    ):
        whose, days, not_known = _read_given(what if wanted else Given(), draws, where)
        before_end = days <= end[whose]
        given.append((whose[before_end], days[before_end], barred))
        unknown.append(not_known)
    start = _first(code[low], day[low], people)
    never_below = start == NEVER
    whose, days, _barred = given[0]
    first_transfusion = np.full(people, NEVER)
    np.minimum.at(first_transfusion, whose, days)
    start = np.where(never_below, first_transfusion, start)
    return _Rows(code, day, key, low, start, end, never_below, tuple(given), unknown[0], unknown[1])


def _read_given(given: Given | None, draws: Draws, where: str) -> tuple[Integers, Integers, Booleans]:
    people = len(draws.everyone)
    if given is None:
        return np.array([], np.int64), np.array([], np.int64), np.ones(people, bool)
    whose, _index = _coded(given.participant, draws.everyone, where)
    days = _days(given.day, where)
    if whose.shape != days.shape:
        found = _("{} participants and {} days").format(whose.size, days.size)
        raise ProtocolError(where, found, _("one day for each participant named"))
    unknown = np.zeros(people, bool)
    unknown[_coded(given.unknown, draws.everyone, where)[0]] = True
    return whose, days, unknown


def _certain_windows(rows: _Rows, rule: Definition) -> Integers:
    """Return the rows that begin a window which is a recovery for certain."""
    if rule.rule == "span":
        return np.flatnonzero(_spans(rows, rule)[0])
    size = max(rows.code.size - rule.count + 1, 0)
    first = np.arange(size)
    last = first + rule.count - 1
    code, day, last_day = rows.code[first], rows.day[first], rows.day[last]
    lows = np.concatenate([[0], np.cumsum(rows.low)])
    good = (code == rows.code[last]) & (lows[last + 1] == lows[first]) & (day >= rows.start[code])
    if rule.rule == "days":
        good &= last_day - day == rule.count - 1
    good[good] = rows.is_clear(day[good], last_day[good], code[good])
    return np.flatnonzero(good)


def _spans(rows: _Rows, rule: Definition) -> tuple[Booleans, Booleans]:
    """Mark the rows that begin a span which is a recovery for certain, and those of one that may be."""
    size = rows.code.size
    first = np.arange(size)
    until = rows.day + rule.count - 1
    decides = np.minimum(np.searchsorted(rows.key, rows.key + rule.count - 1), size - 1)  # the first draw at the end
    decided = (rows.code[decides] == rows.code) & (rows.day[decides] >= until)
    inside = np.searchsorted(rows.key, rows.key + rule.count - 1, "right") - 1
    last = np.where(decided, decides, inside)
    lows = np.concatenate([[0], np.cumsum(rows.low)])
    possible = (rows.day >= rows.start[rows.code]) & (lows[last + 1] == lows[first])
    possible &= rows.is_clear(rows.day, until, rows.code) & (until <= rows.end[rows.code])
    far = np.concatenate([[0], np.cumsum(np.diff(rows.day) > (rule.most_gap or NEVER))]) if size else first
    return possible & decided & (far[last] == far[first]), possible


def _earliest_possible(rows: _Rows, rule: Definition) -> Integers:
    """Return the first day of each participant on which a window begins that the draws do not exclude."""
    people = rows.start.size
    if rule.rule == "values":
        return np.full(people, NEVER)  # the draws there are decide
    if rule.rule == "span":
        possible = _spans(rows, rule)[1]
        return _first(rows.code[possible], rows.day[possible], people)
    code, day = rows.bad_days
    following = np.append(day[1:], 0)
    following = np.where(np.append(code[1:] == code[:-1], False), following, rows.end[code] + 1)
    wide = (following - day - 1 >= rule.count) & (day + 1 >= rows.start[code])
    return _first(code[wide], day[wide] + 1, people)


def _open_from(rows: _Rows, rule: Definition) -> Integers:
    """Return the first day of a window that the end of follow-up cuts."""
    people = rows.start.size
    code, day = rows.bad_days
    last_bad = np.full(people, -NEVER)
    last_bad[code] = day
    if rule.rule == "days":
        opens = (last_bad > -NEVER) & (last_bad < rows.end)
        return np.asarray(np.where(opens, last_bad + 1, NEVER))
    after = rows.day > last_bad[rows.code]
    return _first(rows.code[after], rows.day[after], people)


def event_times(
    recoveries: Recoveries, competing: Mapping[int, ArrayLike] | None = None, *, interim: bool = False
) -> pd.DataFrame:
    """Return times and events for the cumulative incidence of recovery.

    A competing event before the first day of recovery comes first; one on that day does not. Who has not recovered is
    censored at the end of follow-up. At an interim cut, a window that is not complete neither is a recovery nor
    excludes one: the participant is censored where it begins.

    Parameters
    ----------
    recoveries : Recoveries
    competing : mapping of int to array_like of float, shape (P,), optional
        Elapsed days of competing events by their number, 2 or more; NaN where there was none. One after the end of
        follow-up is not counted.
    interim : bool
        Whether follow-up ended with an interim cut.

    Returns
    -------
    DataFrame
        participant, time (days), event (0 censored, 1 recovered, or the number of a competing event) and why, the
        reason where time and event are missing: the recovery is unknown, or the count was never below the limit.

    Raises
    ------
    ProtocolError
        When a number of a competing event is below 2, or its days are not one for each participant.
    """
    people = len(recoveries.everyone)
    first, cause = np.full(people, float(NEVER)), np.zeros(people, np.int64)
    for number, values in (competing or {}).items():
        where = _("competing event {}").format(number)
        whole(number, where, 2)
        days = floats(values, where, _("one day for each participant, NaN for none"))
        if days.shape != (people,):
            raise ProtocolError(
                where, _("{} days").format(days.size), _("one day for each participant, NaN for none")
            )
        sooner = (days < first) & (days <= recoveries.follow_up_end)
        first[sooner], cause[sooner] = days[sooner], number
    status = recoveries.status
    censored = np.minimum(recoveries.open_from, recoveries.follow_up_end) if interim else recoveries.follow_up_end
    is_known = (status == RECOVERED) | (status == NONE)
    is_known |= (status == UNSURE) & (recoveries.earliest < NEVER) & (first < recoveries.earliest)
    competes = (cause > 0) & ((status != RECOVERED) | (first < recoveries.day))
    time = np.where(competes, first, np.where(status == RECOVERED, recoveries.day, censored))
    event = np.where(competes, cause, status == RECOVERED)
    words = np.array(recoveries.reasons())[recoveries.why].astype(object)
    words[status == NEVER_BELOW] = _("never below the limit")
    return pd.DataFrame(
        {
            "participant": recoveries.everyone,
            "time": pd.Series(np.where(is_known, time, np.nan)),
            "event": pd.Series(pd.array(event, dtype="Int64")).mask(~is_known),
            "why": np.where(is_known, "", words),
        }
    )
