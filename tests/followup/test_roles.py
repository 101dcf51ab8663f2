"""What the record names instead of the code: roles of anchors, holidays, and the end of follow-up."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from support.paths import FOLDER
from support.trial import FOLLOWUP, TRIAL

from protocol.followup import (
    FollowupRecord,
    assumptions,
    best_days,
    infusion_visit,
    last_announced_year,
    reason,
    slipped,
    timeline,
)
from protocol.records import ProtocolError, read_record
from protocol.trial import dates_of

FILE = FOLDER / "followup.toml"
DATES = {
    "enrolment": date(2026, 1, 5),
    "start_of_therapy": date(2026, 1, 7),
    "first_infusion": date(2026, 1, 19),
    "end_of_treatment": date(2026, 1, 20),
    "withdrawal": date(2026, 3, 1),
}
TODAY = date(2026, 1, 4)


def read(tmp_path, *changes):
    text = FILE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "followup.toml"
    path.write_text(text, encoding="utf-8")
    return read_record(path, FollowupRecord)


def status(record, visit, dates=DATES):
    return timeline(record, dates, 2, TODAY).set_index("id").loc[visit, "status"]


def test_the_anchors_may_have_any_ids(tmp_path):
    day_1 = ("first_infusion", "day_1")
    record = read(tmp_path, day_1, ('role = "day_1"', 'role = "first_infusion"'))
    given = {day_1[1] if name == day_1[0] else name: day for name, day in DATES.items()}
    here, there = (timeline(*each, 2, TODAY) for each in ((FOLLOWUP, DATES), (record, given)))
    assert here.drop(columns=["root"]).equals(there.drop(columns=["root"]))
    assert slipped(record, given, 3)["day_1"] == date(2026, 1, 22)


@pytest.mark.parametrize(
    ("role", "visit", "with_it"),
    [("end_of_treatment", "infusion_day_8", "cancelled"), ("withdrawal", "month_6", "cancelled")],
)
def test_a_role_that_no_anchor_has_switches_its_rule_off(tmp_path, role, visit, with_it):
    record = read(tmp_path, (f'role = "{role}"\n', ""))
    assert (status(FOLLOWUP, visit), status(record, visit)) == (with_it, "not yet")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('role = "first_infusion"\n', "", "no anchor of study day 1"),
        ('role = "withdrawal"', 'role = "enrolment"', "duplicate anchor role"),
        ('role = "withdrawal"', 'role = "goodbye"', "role"),
        ('id = "month_3"', 'id = "last_infusion"', "duplicate anchor or visit"),
        ('follow_up = "follow_up"', 'follow_up = "for_ever"', "for_ever"),
        ('value = "CN"', 'value = "China"', "holidays"),
    ],
)
def test_roles_that_do_not_hold_together_are_refused(tmp_path, old, new, said):
    with pytest.raises(ProtocolError, match=said):
        read(tmp_path, (old, new))


def test_dates_of_a_role_that_no_anchor_has_are_left_out():
    anchors = tuple(
        item.model_copy(update={"id": f"{item.id}_x", "role": None if item.role == "start_of_therapy" else item.role})
        for item in FOLLOWUP.anchors
    )
    trial = TRIAL.model_copy(update={"followup": FOLLOWUP.model_copy(update={"anchors": anchors})})
    table = dates_of(trial, TRIAL.so_far.participants)
    assert {"enrolment_x", "first_infusion_x", "end_of_treatment_x", "withdrawal_x"} <= set(table.columns)
    assert not [name for name in table.columns if name.startswith("start_of_therapy")]


def country(code):
    working = FOLLOWUP.working
    holidays = working.holidays.model_copy(update={"value": code}) if code else None
    return working.model_copy(update={"holidays": holidays})


@pytest.mark.parametrize(
    ("code", "day", "why"),
    [
        ("CN", date(2026, 2, 17), "Chinese New Year"),
        ("DE", date(2026, 10, 3), "German Unity Day"),
        ("DE", date(2026, 2, 17), ""),
        ("", date(2026, 2, 17), ""),
        ("", date(2026, 2, 14), "weekday"),
    ],
)
def test_holidays_are_those_of_the_country_of_the_record(code, day, why):
    assert reason(country(code), day) == why


def test_only_countries_that_announce_days_year_by_year_have_provisional_years():
    assert last_announced_year(country("CN")) < 2100
    assert {last_announced_year(country(code)) for code in ("DE", "")} == {9999}
    record = FOLLOWUP.model_copy(update={"working": country("")})
    assert not best_days(record, DATES, 1, TODAY)["provisional"].any()


def test_a_country_without_known_holidays_is_refused():
    with pytest.raises(ProtocolError, match=r"working\.holidays"):
        reason(country("XX"), TODAY)


def test_without_a_period_of_follow_up_the_last_visit_is_the_last_enrolment():
    forecast = FOLLOWUP.forecast.model_copy(update={"follow_up": None})
    record = FOLLOWUP.model_copy(update={"forecast": forecast})
    assert assumptions(record, dlt_window_days=28, cohort_size=3, enrolment=9).follow_up == "P0D"


def test_infusions_are_visits_named_by_their_day():
    days = pd.Series([visit.id for visit in FOLLOWUP.visits_at(3) if visit.is_infusion])
    assert np.array_equal(days, [infusion_visit(day) for day in (1, 4, 8, 11)])
