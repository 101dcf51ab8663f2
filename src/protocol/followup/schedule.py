"""The record of follow-up: anchors, visits, infusion days, look-backs, working days; durations in ISO 8601."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self, get_args

import numpy as np
from dateutil.relativedelta import relativedelta
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from protocol.records import ProtocolError, Provenance, Record, RecordError, Sourced, Text, unique
from protocol.translation import _, alternatives, list_of

Days = NDArray[np.datetime64]  # unit: days; a date that is not known is NaT

ONE_DAY = np.timedelta64(1, "D")
"""NumPy no longer adds plain numbers to dates."""

_DURATION = re.compile(r"(-?)P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")

_FIRST, _LAST = np.datetime64(date.min, "D"), np.datetime64(date.max, "D")

_MOST_MONTHS, _MOST_DAYS = 12 * 9999, 366 * 9999


def duration(text: str) -> relativedelta:
    """Read an ISO 8601 duration in years, months, weeks and days, with an optional leading minus.

    Months and years are calendar units: added to a date they clip to the end of the month
    (31 August + P6M = 28 February, or 29 in a leap year).

    Raises
    ------
    ValueError
        When the text is no such duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise RecordError(
            _("{text!r}, which is no duration in days or longer").format(text=text),
            alternatives(('"P28D"', '"P2W"', '"P6M"', '"-P7D"')),
        )
    years, months, weeks, days = (int(number or 0) for number in match.groups()[1:])
    length = relativedelta(years=years, months=months, weeks=weeks, days=days)
    return -length if match[1] else length


def moved(days: Days, text: str, sign: int = 1) -> Days:
    """Move dates by an ISO 8601 duration: months first, clipped to the end of the month, then days.

    Parameters
    ----------
    days : ndarray of datetime64[D], any shape
        NaT stays NaT.
    text : str
        The duration; ``sign=-1`` moves back.

    Raises
    ------
    ProtocolError
        When the calendar (years 1 to 9999) ends before a result.
    """
    length = duration(text)
    months = sign * (12 * length.years + length.months)
    if abs(months) > _MOST_MONTHS or abs(length.days) > _MOST_DAYS:
        raise _beyond(days.flat[0], text)
    result: Days = _clipped(days, months) + sign * int(length.days) * ONE_DAY
    outside = (result < _FIRST) | (result > _LAST)
    if outside.any():
        raise _beyond(days[outside][0], text)
    return result


def _clipped(days: Days, months: int) -> Days:
    if not months:
        return days
    here = days.astype("datetime64[M]")
    month = np.timedelta64(1, "M")
    there = here + months * month
    end = (there + month).astype("datetime64[D]") - ONE_DAY
    return np.asarray(np.minimum(there.astype("datetime64[D]") + (days - here.astype("datetime64[D]")), end))


def _beyond(day: object, text: str) -> ProtocolError:
    return ProtocolError(
        _("date"), _("{day}, which cannot be moved by {text}").format(day=day, text=text), _("a nearer date")
    )


def shifted(day: date, text: str, sign: int = 1) -> date:
    """Move one date by an ISO 8601 duration; ``sign=-1`` moves it back. The batch of length one of :func:`moved`.

    Raises
    ------
    ProtocolError
        When the calendar ends before the result.
    """
    result: date = moved(np.array([day], "datetime64[D]"), text, sign)[0].item()
    return result


def _is_duration(text: str) -> str:
    duration(text)
    return text


def _is_length(text: str) -> str:
    duration(text)
    if text.startswith("-"):
        raise RecordError(
            _("{text!r}, which is negative").format(text=text),
            _("a length such as {example}").format(example='"P3D"'),
        )
    return text


Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

Offset = Annotated[str, AfterValidator(_is_duration)]

Length = Annotated[str, AfterValidator(_is_length)]

Level = Annotated[int, Field(ge=1)]


Role = Literal["enrolment", "start_of_therapy", "first_infusion", "end_of_treatment", "withdrawal"]
"""What an anchor is used for; :class:`Anchor` explains each role."""

ROLES: tuple[Role, ...] = get_args(Role)
"""The roles of anchors, in the order in which their days may happen."""

LAST_INFUSION = "last_infusion"
"""What a visit may hang on besides anchors and visits: the participant's last infusion."""

_INFUSION = "infusion_day_"


def infusion_visit(day: int) -> str:
    """Return the id of the visit at which the infusion of a study day is given (1 or more)."""
    return f"{_INFUSION}{day}"


class Anchor(Provenance):
    """A day that other days are counted from. Anchors stand in the order in which they may happen.

    The role says what the workbook uses the anchor for; each role belongs to at most one anchor.

    ``enrolment``
        Look-backs end on this day.
    ``start_of_therapy``
        The day on which the anti-cancer therapy begins.
    ``first_infusion``
        Study day 1; infusion days are counted from it. One anchor must have this role.
    ``end_of_treatment``
        No infusion is planned after this day.
    ``withdrawal``
        No visit is planned after this day except those that hang on it.
    """

    id: Id
    name: Text
    meaning: Text
    role: Role | None = None


class Window(Provenance):
    """How far from its target day a visit may be; both ends belong to the window."""

    before: Length = "P0D"
    after: Length = "P0D"


class Procedure(Provenance):
    """Something done at a visit, with the time it takes and the blood it needs."""

    id: Id
    name: Text
    minutes: Sourced[Annotated[int, Field(ge=0)]]
    blood_ml: Sourced[Annotated[float, Field(ge=0)]]


class Visit(Provenance):
    """A visit: an offset from an anchor or another visit (the origin is the offset's), and a window around it."""

    id: Id
    name: Text
    hangs_on: Id
    offset: Offset
    window: Window
    procedures: tuple[Id, ...]
    frequencies: tuple[Level, ...] = ()
    """The frequency levels it belongs to; empty means all."""

    @property
    def is_infusion(self) -> bool:
        """Whether it is an infusion, whose day follows from the frequency."""
        return self.id.startswith(_INFUSION)

    def applies_to(self, level: int) -> bool:
        """Whether the visit belongs to a frequency level."""
        return not self.frequencies or level in self.frequencies


class Frequency(Provenance):
    """One level of the infusion frequency: the study days of its infusions (day 1 is the first)."""

    level: Level
    infusion_days: tuple[Level, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _from_day_one(self) -> Self:
        if self.infusion_days[0] != 1 or list(self.infusion_days) != sorted(set(self.infusion_days)):
            raise RecordError(
                _("infusion days {days}").format(days=list_of(self.infusion_days)),
                _("rising days that begin with 1"),
            )
        return self


class LookBack(Provenance):
    """A clock that must have run out before enrolment."""

    id: Id
    name: Text
    lasts: Length


class Period(Provenance):
    """A stretch of time from one anchor to a length after an anchor; both ends belong to it."""

    id: Id
    name: Text
    starts: Id
    hangs_on: Id
    lasts: Length


class Agent(Provenance):
    """A medicine that must not be given together with an infusion."""

    id: Id
    name: Text


Weekday = Annotated[int, Field(ge=1, le=7)]

Count = Annotated[int, Field(ge=0)]


class Working(Record):
    """When a site works.

    Attributes
    ----------
    weekdays : Sourced of tuple of int
        ISO weekdays, 1 (Monday) to 7 (Sunday).
    holidays : Sourced of str, optional
        ISO 3166 code of the country whose public holidays are observed, such as ``CN``. None: no public holidays.
    makeup_days : Sourced of bool
        Whether the site works on weekend days that the country makes working days.
    visits_per_day : Sourced of int
        Visits that the site can take on one day, 1 or more.
    """

    weekdays: Sourced[Annotated[tuple[Weekday, ...], Field(min_length=1)]]
    holidays: Sourced[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]] | None = None
    makeup_days: Sourced[bool]
    visits_per_day: Sourced[Annotated[int, Field(ge=1)]]


class SiteRate(Provenance):
    """How many people a site screens in a month."""

    site: Text
    screened_per_month: Annotated[float, Field(ge=0)]


class Forecast(Record):
    """The assumptions of the trial's forecast; the DLT window and the cohort size come from the escalation.

    ``follow_up`` is the id of the period that ends with a participant's last visit. Without it the last visit is the
    last enrolment.
    """

    follow_up: Id | None = None
    review_days: Sourced[Count]
    screening_days: Sourced[Count]
    stagger_days: Sourced[Count]
    screening_failures: Sourced[Annotated[float, Field(ge=0, lt=1)]]
    counted_from: Sourced[Literal["first", "last"]]
    sites: Annotated[tuple[SiteRate, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique((rate.site for rate in self.sites), _("site"))
        if sum(rate.screened_per_month for rate in self.sites) == 0:
            raise RecordError(_("every rate is 0"), _("a rate above 0 for one of them"))
        return self


class Example(Provenance):
    """An invented participant, in days before or after today, by the ids of anchors, visits and look-backs."""

    frequency: Level
    anchors: dict[Id, Offset]
    done: dict[Id, Offset]
    exposures: dict[Id, Offset]


def _known(names: Iterable[object], known: Sequence[object], owner: str, what: str) -> None:
    for name in names:
        if name not in known:
            raise RecordError(
                _("{owner!r} names the unknown {what} {name!r}").format(owner=owner, what=what, name=name),
                _("one of {words}").format(words=list_of(known)),
            )


class FollowupRecord(Record):
    """What the protocol says about visits and dates: the file ``followup.toml``."""

    placeholder: bool = False
    """Whether the values only fill the place of a schedule that no source states: no page shows them."""
    anchors: tuple[Anchor, ...]
    course: Sourced[Length]
    overdue: Sourced[Length]
    """How long a visit that was not done stays overdue after its window; later it counts as missed."""
    infusion_window: Window
    infusion_procedures: tuple[Id, ...]
    frequencies: tuple[Frequency, ...]
    procedures: tuple[Procedure, ...]
    visits: tuple[Visit, ...]
    boundary_day_allowed: Sourced[bool]
    lookbacks: tuple[LookBack, ...]
    periods: tuple[Period, ...]
    concurrent_agents: tuple[Agent, ...] = ()
    working: Working
    forecast: Forecast
    example: Example

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        unique((item.role for item in self.anchors if item.role), _("anchor role"))
        if self.anchor("first_infusion") is None:
            raise RecordError(
                _("no anchor of study day 1"),
                _("{role} at one of the anchors").format(role='role = "first_infusion"'),
            )
        days = [*(item.id for item in self.anchors), *(item.id for item in self.all_visits)]
        unique([*days, LAST_INFUSION], _("anchor or visit"))
        for items, what in (
            (self.procedures, _("procedure")),
            (self.lookbacks, _("look-back")),
            (self.periods, _("period")),
            (self.concurrent_agents, _("agent")),
        ):
            unique((item.id for item in items), what)
        unique((str(item.level) for item in self.frequencies), _("frequency level"))
        self._check_names()
        self._check_course()
        self._check_gaps()
        for frequency in self.frequencies:
            self.roots(frequency.level)
        return self

    def _check_names(self) -> None:
        if len({visit.name for visit in self.all_visits}) < len(self.all_visits):
            raise RecordError(_("two visits have the same name"), _("a name of its own for each"))
        procedures = [item.id for item in self.procedures]
        levels = [item.level for item in self.frequencies]
        anchors, periods = [item.id for item in self.anchors], [item.id for item in self.periods]
        _known([self.forecast.follow_up] if self.forecast.follow_up else [], periods, "forecast", _("period"))
        for visit in self.all_visits:
            _known(visit.procedures, procedures, visit.id, _("procedure"))
            _known(visit.frequencies, levels, visit.id, _("frequency"))
        for period in self.periods:
            _known((period.starts, period.hangs_on), anchors, period.id, _("anchor"))
        _known([self.example.frequency], levels, "example", _("frequency"))
        _known(self.example.anchors, anchors, "example", _("anchor"))
        _known(self.example.done, [item.id for item in self.all_visits], "example", _("visit"))
        _known(self.example.exposures, [item.id for item in self.lookbacks], "example", _("look-back"))

    def _check_course(self) -> None:
        start = date(2001, 1, 1)
        days = (shifted(start, self.course.value) - start).days
        for frequency in self.frequencies:
            last = frequency.infusion_days[-1]
            if last > days:
                raise RecordError(
                    _("frequency {level}, which infuses on day {last} after the course of {course}").format(
                        level=frequency.level, last=last, course=self.course.value
                    ),
                    _("days up to {days}").format(days=days),
                )

    def _check_gaps(self) -> None:
        """Refuse a window that reaches over the day it is counted from, or over the next infusion's window."""
        zero = date(2001, 1, 1)
        for visit in self.all_visits:
            target = shifted(zero, visit.offset)
            opens, closes = shifted(target, visit.window.before, -1), shifted(target, visit.window.after)
            if opens < zero < target or target < zero < closes:
                raise RecordError(
                    _("the window of {visit!r}, which is wider than its gap of {gap} to {anchor!r}").format(
                        visit=visit.id, gap=visit.offset, anchor=visit.hangs_on
                    ),
                    _("a narrower window"),
                )
        for frequency in self.frequencies:
            for one, other in pairwise(frequency.infusion_days):
                last = shifted(zero, self.infusion_window.after if one > 1 else "P0D") + timedelta(days=one)
                if last >= shifted(zero + timedelta(days=other), self.infusion_window.before, -1):
                    raise RecordError(
                        _("the windows of infusion days {one} and {other} meet").format(one=one, other=other),
                        _("a narrower {key}").format(key="infusion_window"),
                    )

    def anchor(self, role: Role) -> str | None:
        """Return the id of the anchor with a role, None if no anchor has it."""
        return next((item.id for item in self.anchors if item.role == role), None)

    @property
    def first_infusion(self) -> str:
        """The id of the anchor of study day 1."""
        return str(self.anchor("first_infusion"))

    def _infusion(self, day: int, origin: Frequency) -> Visit:
        levels = tuple(item.level for item in self.frequencies if day in item.infusion_days)
        exact = Window(assumption=_("Study day 1 is the day of the first infusion, so it has no window."))
        return Visit(
            id=infusion_visit(day),
            name=_("Infusion, day {day}").format(day=day),
            hangs_on=self.first_infusion,
            offset=f"P{day - 1}D",
            window=exact if day == 1 else self.infusion_window,
            procedures=self.infusion_procedures,
            frequencies=levels,
            source=origin.source,
            assumption=origin.assumption,
        )

    @property
    def all_visits(self) -> tuple[Visit, ...]:
        """Every visit of every level; an infusion has the origin of the lowest level that has it."""
        first = {day: item for item in reversed(self.frequencies) for day in item.infusion_days}
        return (*(self._infusion(day, first[day]) for day in sorted(first)), *self.visits)

    def visits_at(self, level: int) -> tuple[Visit, ...]:
        """The visits of one frequency level."""
        item = next(item for item in self.frequencies if item.level == level)
        others = (visit for visit in self.visits if visit.applies_to(level))
        return (*(self._infusion(day, item) for day in item.infusion_days), *others)

    def parent(self, visit: Visit, level: int) -> str:
        """The anchor or visit that a visit is counted from at one level."""
        if visit.hangs_on != LAST_INFUSION:
            return visit.hangs_on
        days = next(item.infusion_days for item in self.frequencies if item.level == level)
        return infusion_visit(days[-1])

    def roots(self, level: int) -> dict[str, str]:
        """Follow every visit of a level up to its anchor.

        Raises
        ------
        ValueError
            Naming the path of a circle or of an unknown name.
        """
        visits = {item.id: item for item in self.visits_at(level)}
        return {name: self._root(visit, level, visits) for name, visit in visits.items()}

    def _root(self, visit: Visit, level: int, visits: Mapping[str, Visit]) -> str:
        path = [visit.id, self.parent(visit, level)]
        while path[-1] in visits:
            if path[-1] in path[:-1]:
                raise RecordError(
                    _("visits in a circle ({path})").format(path=" → ".join(path)), _("an anchor for one of them")
                )
            path.append(self.parent(visits[path[-1]], level))
        known = [anchor.id for anchor in self.anchors]
        if path[-1] not in known:
            raise RecordError(
                _("{name!r}, which is no anchor and no visit at frequency {level} ({path})").format(
                    name=path[-1], level=level, path=" → ".join(path)
                ),
                _("an anchor ({anchors}) or a visit").format(anchors=list_of(known)),
            )
        return path[-1]
