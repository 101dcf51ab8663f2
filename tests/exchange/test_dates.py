"""What a date in somebody else's file means."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.exchange.dates import PartialDate, of_parts, partial_date, whole_day


@pytest.mark.parametrize(
    ("text", "first", "last", "moment"),
    [
        ("1980", date(1980, 1, 1), date(1980, 12, 31), ""),
        ("1980-02", date(1980, 2, 1), date(1980, 2, 29), ""),
        ("1980-05-06", date(1980, 5, 6), date(1980, 5, 6), ""),
        ("2026-03-08T23:30:00-05:00", date(2026, 3, 8), date(2026, 3, 8), "2026-03-09T04:30:00+00:00"),
        ("2026-03-08T23:30:00", date(2026, 3, 8), date(2026, 3, 8), ""),
        ("0001-01-01T00:00:00+14:00", date(1, 1, 1), date(1, 1, 1), ""),
        ("9999", date(9999, 1, 1), date(9999, 12, 31), ""),
        ("2016-12-31T23:59:60Z", date(2016, 12, 31), date(2016, 12, 31), "2016-12-31T23:59:59.999999+00:00"),
        ("2026-03-08T07:00:00.1234567Z", date(2026, 3, 8), date(2026, 3, 8), "2026-03-08T07:00:00.123456+00:00"),
    ],
)
def test_a_date_means_the_days_that_are_possible(text: str, first: date, last: date, moment: str) -> None:
    assert partial_date(text) == PartialDate(first, last, moment)


NO_TIMES = ["T24:00:00Z", "T23:60:00Z", "T23:59:61Z", "T12", "T12:00:00+15:00", "T12:00:00z", "T", " 12:00:00"]
NO_DATES = [
    "",
    "80",
    "1980-5-6",
    "1980-13",
    "1981-02-29",
    "6.5.1980",
    "0000",
    "?",
    None,
    1980,
    "1980-W05",
    "1980-05-06\n",
]


@pytest.mark.parametrize("text", [*NO_DATES, *(f"1980-05-06{time}" for time in NO_TIMES)])
def test_what_is_no_date_is_refused(text: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reader of the file says what is wrong
        partial_date(text)


def test_a_moment_counts_for_the_day_of_the_zone() -> None:
    wuhan = ZoneInfo("Asia/Shanghai")
    assert partial_date("2026-02-28T22:00:00Z", zone=wuhan).first == date(2026, 3, 1)
    assert partial_date("2026-02-28T22:00:00", zone=wuhan).first == date(2026, 2, 28)
    assert partial_date("9999-12-31T22:00:00Z", zone=wuhan) == PartialDate(date.max, date.max)


def test_a_time_is_refused_where_only_a_date_may_stand() -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        partial_date("1980-05-06T08:00:00Z", time=False)


@given(st.dates())
def test_every_day_is_read_from_its_text_and_from_its_parts(day: date) -> None:
    whole = PartialDate(day, day)
    assert partial_date(day.isoformat()) == of_parts(day.year, day.month, day.day) == whole
    assert whole_day(f"{day} 00:00:00") == whole_day(day.isoformat()) == day
    month, year = partial_date(day.isoformat()[:7]), partial_date(day.isoformat()[:4])
    assert year.first <= month.first <= day <= month.last <= year.last
    assert month == of_parts(day.year, day.month)
    assert year == of_parts(day.year)
    assert month.last == date.max or (month.last + timedelta(1)).day == 1


NO_DAYS = ["2026-03-01 12:00:00", "2026-03-01 24:00:00", "2026-02-30", "1899-12-31", "2026", "1/3/2026", "2026-03"]
NO_DAYS += ["2026-W10", "2026W10", "2026-W99-1", "2026-W10-8", "2026-060", "20260", "２０２６-03-01", "0000-01-01"]


@pytest.mark.parametrize("text", NO_DAYS)
def test_a_whole_day_is_a_day_without_a_time_within_the_range(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        whole_day(text, date(1900, 1, 1), date(2100, 12, 31))


def test_a_day_of_a_calendar_week_is_a_day() -> None:
    assert whole_day("2026-W10-1") == whole_day("2026W101") == whole_day("20260302") == date(2026, 3, 2)


def test_the_age_of_a_partial_date_is_a_range() -> None:
    assert partial_date("1980").completed_years(date(2026, 3, 10)) == (45, 46)
    assert partial_date("1980-03-10").completed_years(date(2026, 3, 10)) == (46, 46)
