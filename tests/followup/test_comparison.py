"""What changes when a date or a level changes, the burden of each level, and conflicts with other treatments."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import FOLLOWUP

from protocol.followup import activities, burden, conflicts, differences, slipped, timeline
from protocol.records import ProtocolError

SPRING = {
    "enrolment": date(2026, 1, 20),
    "start_of_therapy": date(2026, 1, 26),
    "first_infusion": date(2026, 2, 9),
    "end_of_treatment": date(2026, 2, 23),
}
TODAY = date(2026, 2, 1)


@pytest.mark.slow
@given(st.integers(-30, 60))
def test_when_the_first_infusion_slips_its_visits_move_and_those_of_enrolment_stay(days):
    later = slipped(FOLLOWUP, SPRING, max(days, -14))
    moved = differences(timeline(FOLLOWUP, SPRING, 3, TODAY), timeline(FOLLOWUP, later, 3, TODAY)).set_index("id")
    shift = max(days, -14)
    assert set(moved.loc[["infusion_day_1", "infusion_day_11", "dlt_day_29"], "moved_days"]) == {shift}
    assert set(moved.loc[["screening", "month_3", "month_24"], "moved_days"]) == {0}
    assert later["enrolment"] == SPRING["enrolment"]


def test_nothing_slips_without_a_first_infusion():
    with pytest.raises(ProtocolError, match="First infusion"):
        slipped(FOLLOWUP, {"enrolment": TODAY}, 3)


def test_a_change_of_level_names_what_is_added_and_removed():
    change = differences(timeline(FOLLOWUP, SPRING, 1, TODAY), timeline(FOLLOWUP, SPRING, 3, TODAY)).set_index("id")
    assert set(change.index[change["change"] == "added"]) == {"infusion_day_4", "infusion_day_8", "infusion_day_11"}
    assert set(change.index[change["change"] == "removed"]) == {"safety_day_8"}
    assert change.loc["after_last_infusion", "moved_days"] == 10
    assert change.loc["month_6", "change"] == "same"


def test_the_burden_is_the_sum_over_the_matrix():
    for level, row in burden(FOLLOWUP).iterrows():
        matrix = activities(FOLLOWUP, level)
        minutes = {item.id: item.minutes.value for item in FOLLOWUP.procedures}
        by_hand = sum(minutes[name] for visit in matrix for name in matrix.index[matrix[visit]])
        assert row["hours"] * 60 == pytest.approx(by_hand)
        assert row["visits"] == len(matrix.columns)
        assert row["infusions"] == matrix.loc["infusion"].sum()
    assert list(burden(FOLLOWUP)["visits"]) == [14, 14, 16]


def test_time_and_blood_are_assumptions():
    assert all(item.minutes.is_assumption and item.blood_ml.is_assumption for item in FOLLOWUP.procedures)


@pytest.mark.parametrize(
    ("starts", "ends", "verdict"),
    [
        (date(2026, 2, 1), date(2026, 2, 14), "none"), (date(2026, 2, 1), date(2026, 2, 15), "in window"),
        (date(2026, 2, 1), date(2026, 2, 16), "conflict"), (date(2026, 2, 16), None, "conflict"),
        (date(2026, 2, 17), date(2026, 3, 1), "in window"), (date(2026, 2, 18), None, "none"),
    ],
)  # fmt: skip
def test_a_course_conflicts_with_an_infusion_on_the_same_day(starts, ends, verdict):
    ledger = timeline(FOLLOWUP, SPRING, 2, TODAY)
    table = conflicts(FOLLOWUP, ledger, {"hydroxyurea": (starts, ends)}).set_index("infusion")
    assert table.loc["Infusion, day 8", "verdict"] == verdict


@pytest.mark.parametrize(
    "courses",
    [{"aspirin": (TODAY, TODAY)}, {"hydroxyurea": (None, TODAY)}, {"hydroxyurea": (TODAY, TODAY - timedelta(1))}],
)
def test_courses_that_cannot_be_are_refused(courses):
    with pytest.raises(ProtocolError):
        conflicts(FOLLOWUP, timeline(FOLLOWUP, SPRING, 2, TODAY), courses)
