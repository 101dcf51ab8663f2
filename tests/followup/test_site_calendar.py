"""The calendar of a site: working days, proposed days of visits, and starts that lose an infusion."""

from datetime import date, timedelta

import chinese_calendar
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.paths import FOLDER
from support.trial import FOLLOWUP

from protocol.followup import FollowupRecord, best_days, doomed_starts
from protocol.followup.site_calendar import Calendar, last_announced_year, reason
from protocol.records import ProtocolError, read_record

FILE = FOLDER / "followup.toml"
SPRING = {
    "enrolment": date(2026, 1, 20),
    "start_of_therapy": date(2026, 1, 26),
    "first_infusion": date(2026, 2, 9),
    "end_of_treatment": date(2026, 2, 23),
}
TODAY = date(2026, 2, 1)
DAYS = st.dates(date(2024, 1, 1), date(2027, 6, 30))


def works(day):
    calendar = Calendar.of(FOLLOWUP.working, np.datetime64(day), np.datetime64(day))
    return bool(calendar.free[0])


def next_two(day):
    return day + timedelta(days=1), day + timedelta(days=2)


def working(**changes):
    values = {
        name: getattr(FOLLOWUP.working, name) for name in ("weekdays", "holidays", "makeup_days", "visits_per_day")
    }
    values |= {name: values[name].model_copy(update={"value": value}) for name, value in changes.items()}
    return FOLLOWUP.model_copy(update={"working": FOLLOWUP.working.model_copy(update=values)})


@pytest.mark.parametrize("year", [2019, 2023, 2024, 2025, 2026])
def test_working_days_agree_with_the_announcements_as_another_package_has_them(year):
    first, last = date(year, 1, 1), date(year, 12, 31)
    calendar = Calendar.of(FOLLOWUP.working, np.datetime64(first), np.datetime64(last))
    ours = [first + timedelta(days=int(place)) for place in np.flatnonzero(calendar.free)]
    assert ours == chinese_calendar.get_workdays(first, last)


def test_spring_festival_2026_lasts_nine_days_and_is_paid_for_with_two_saturdays():
    assert [works(date(2026, 2, day)) for day in range(13, 26)] == [True, True, *[False] * 9, True, True]
    assert works(date(2026, 2, 28))
    assert reason(FOLLOWUP.working, date(2026, 2, 17)) == "Chinese New Year"
    assert reason(FOLLOWUP.working, date(2026, 2, 21)) != ""
    assert reason(FOLLOWUP.working, date(2026, 2, 14)) == ""


@settings(max_examples=60, deadline=None)
@given(DAYS, st.integers(0, 30), st.sampled_from([1, 2, 3]), st.integers(-10, 60), st.sets(DAYS, max_size=60))
def test_a_proposed_day_is_a_free_working_day_inside_the_window_and_none_is_nearer(first, lag, level, ago, full):
    today = first + timedelta(days=ago)
    dates = {"enrolment": first - timedelta(days=lag), "first_infusion": first}
    for row in best_days(FOLLOWUP, dates, level, today, full=full).itertuples():
        window = [day.date() for day in pd.date_range(row.opens, row.closes)]
        free = [day for day in window if day >= today and works(day) and day not in full]
        if pd.isna(row.best):
            assert free == []
            continue
        best, target = row.best.date(), row.target.date()
        assert best in free
        if row.id == f"infusion_day_{ {1: 1, 2: 8, 3: 11}[level] }":  # the day after must be free, or the next one
            serving = [day for day in free if any(works(after) and after not in full for after in next_two(day))]
            free = serving or free
        assert best == min(free, key=lambda day: (abs((day - target).days), day))
        assert row.moved_days == (best - target).days
        assert bool(row.why) == (best != target)
        assert row.provisional == (row.closes.year > last_announced_year(FOLLOWUP.working))


def test_without_a_working_day_in_the_window_none_is_proposed():
    days = best_days(FOLLOWUP, SPRING, 2, TODAY).set_index("id")
    assert pd.isna(days.loc["infusion_day_8", "best"])
    assert days.loc["infusion_day_8", "why"] == "Chinese New Year's Eve"
    assert days.loc["end_of_treatment_visit", "best"] == pd.Timestamp(2026, 2, 24)


def test_what_hangs_on_a_visit_follows_the_day_chosen_for_it():
    dates = {"first_infusion": date(2026, 3, 1)}  # day 8 is Sunday, 8 March
    days = best_days(FOLLOWUP, dates, 2, TODAY).set_index("id")
    assert days.loc["infusion_day_8", "best"] == pd.Timestamp(2026, 3, 9)
    assert days.loc["after_last_infusion", "target"] == pd.Timestamp(2026, 3, 10)


def test_an_infusion_leaves_a_working_day_to_the_visit_after_it():
    dates = {"first_infusion": date(2026, 3, 6)}  # day 8 is Friday, 13 March; the day after would be a weekend
    days = best_days(FOLLOWUP, dates, 2, TODAY).set_index("id")
    assert days.loc["infusion_day_8", "best"] == pd.Timestamp(2026, 3, 12)
    assert days.loc["after_last_infusion", "best"] == pd.Timestamp(2026, 3, 13)
    assert "2026-03-06" not in set(
        doomed_starts(FOLLOWUP, 2, date(2026, 3, 2), date(2026, 3, 8))["start"].astype(str)
    )


def test_a_full_day_is_avoided_and_said_to_be_full():
    day = date(2026, 4, 20)
    row = best_days(FOLLOWUP, SPRING, 2, TODAY, full={day}).set_index("id").loc["month_3"]
    assert (row["target"].date(), row["best"].date(), row["why"]) == (day, date(2026, 4, 21), "full")


def test_a_site_may_have_weekdays_of_its_own_and_no_exchanged_saturdays():
    record = working(weekdays=(2, 4), makeup_days=False)
    best = best_days(record, SPRING, 1, TODAY)["best"].dropna()
    assert set(best.dt.day_of_week) == {1, 3}
    assert not Calendar.of(record.working, np.datetime64("2026-02-14"), np.datetime64("2026-02-14")).free[0]


def test_starts_before_spring_festival_that_lose_the_second_infusion_are_listed():
    doomed = doomed_starts(FOLLOWUP, 2, date(2026, 1, 20), date(2026, 3, 10))
    lost = doomed.loc[doomed["id"] == "infusion_day_8", "start"].dt.date
    assert list(lost) == [date(2026, 2, day) for day in range(9, 16)]
    assert date(2026, 2, 24) not in set(doomed["start"].dt.date)


@settings(max_examples=15, deadline=None)
@given(DAYS, st.sampled_from([1, 2, 3]))
def test_a_start_is_doomed_exactly_when_its_own_plan_has_a_gap(start, level):
    plan = best_days(FOLLOWUP, {"first_infusion": start}, level, start - timedelta(days=2))
    doomed = doomed_starts(FOLLOWUP, level, start, start)
    assert set(doomed["id"]) == set(plan.loc[plan["best"].isna(), "id"])


def test_years_not_announced_are_provisional():
    later = date(last_announced_year(FOLLOWUP.working) + 1, 3, 1)
    plan = best_days(FOLLOWUP, {"first_infusion": later}, 1, TODAY)
    assert plan["provisional"].all()


def test_a_range_that_ends_before_it_starts_is_refused():
    with pytest.raises(ProtocolError, match="before 2026-03-01"):
        doomed_starts(FOLLOWUP, 1, date(2026, 3, 1), date(2026, 2, 1))


def test_dates_too_far_to_plan_are_refused():
    with pytest.raises(ProtocolError, match="within"):
        best_days(FOLLOWUP, {"enrolment": date(2126, 1, 1)}, 1, TODAY)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = [1, 2, 3, 4, 5]", "value = [1, 8]", "working.weekdays"),
        ("value = [1, 2, 3, 4, 5]", "value = []", "working.weekdays"),
        ("screened_per_month = 4.0", "screened_per_month = -1.0", "screened_per_month"),
        ('site = "Wuhan Tongji Hospital"', 'site = "Wuhan Union Hospital"', "duplicate"),
        ('value = "first"', 'value = "middle"', "counted_from"),
        ("minutes = { value = 120", "minutes = { value = -1", "minutes"),
    ],
)
def test_a_record_that_cannot_be_planned_with_is_refused(tmp_path, old, new, said):
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "followup.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ProtocolError, match=said):
        read_record(path, FollowupRecord)
