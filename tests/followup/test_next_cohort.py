"""When the next cohort may open."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.conduct import Participant, TrialSoFar, dlt_windows, next_cohort

DAY = date(2026, 1, 31)


def cohort(*people, as_of=DAY):
    facts = [
        {"id": f"INV-{n}", "site": "Here", "regimen": "A2", "enrolled": DAY - timedelta(60), **person}
        for n, person in enumerate(people, start=1)
    ]
    members = tuple(Participant.model_validate(fact) for fact in facts)
    return TrialSoFar(invented=True, as_of=as_of, open_regimen="A2", screened={}, participants=members)


def opening(so_far, window=28, cohort_size=3, review=7, last=None):
    return next_cohort(dlt_windows(so_far, window, last), cohort_size, review).iloc[0]


def infused(days_ago, **more):
    return {"first_infusion": DAY - timedelta(days_ago), **more}


def test_the_last_clock_holds_the_cohort_and_the_review_follows():
    row = opening(cohort(infused(20), infused(10), infused(15)))
    assert (row["held_by"], row["running"]) == ("INV-2", 3)
    assert row["earliest"] == DAY + timedelta(18 + 7)


def test_counted_from_the_last_infusion_the_clock_starts_later():
    people = infused(20), infused(10), infused(15)
    row = opening(cohort(*people), last={"1": 1, "2": 8})
    assert row["earliest"] == DAY + timedelta(18 + 7 + 7)


def test_a_dlt_stops_its_own_clock_and_nobody_elses():
    row = opening(cohort(infused(20), infused(10, dlt_on=DAY - timedelta(2)), infused(15)))
    assert (row["held_by"], row["running"]) == ("INV-3", 2)
    assert row["earliest"] == DAY + timedelta(13 + 7)


def test_who_has_not_begun_holds_the_cohort_without_a_date():
    row = opening(cohort(infused(20), infused(10), {}))
    assert (row["held_by"], row["earliest"]) == ("INV-3", None)


def test_a_cohort_with_a_free_place_has_no_date():
    row = opening(cohort(infused(20), infused(10)))
    assert (row["free_places"], row["earliest"]) == (1, None)


def test_complete_clocks_hold_nothing():
    row = opening(cohort(*(infused(days, assessed=DAY) for days in (40, 35, 30))))
    assert (row["held_by"], row["running"]) == ("", 0)
    assert row["earliest"] == DAY - timedelta(30) + timedelta(28 + 7)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 50), min_size=3, max_size=3), st.integers(1, 60), st.integers(0, 30))
def test_no_cohort_opens_before_every_window_has_passed(ago, window, review):
    row = opening(cohort(*(infused(days, assessed=DAY) for days in ago)), window=window, review=review)
    assert row["earliest"] == DAY - timedelta(min(ago)) + timedelta(window + review)


@pytest.mark.parametrize(
    "changes",
    [
        {"first_infusion": DAY, "end_of_treatment": DAY - timedelta(1)},
        {"first_infusion": DAY, "withdrawal": DAY - timedelta(1)},
        {"visits": {"Month 3": DAY}},
    ],
)
def test_dates_that_cannot_have_happened_are_refused(changes):
    with pytest.raises(ValueError, match=r"order|pattern"):
        cohort(changes)
