"""The forecast of the trial's duration: published figures, a second implementation, properties, registered dates."""

import random
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.trial import TRIAL
from twins import forecast as twin

from protocol.followup.forecast import (
    DAYS_PER_MONTH,
    Assumptions,
    assumptions,
    cohorts_at,
    milestones,
    registered_dates,
    simulate,
    what_if,
)
from protocol.records import ProtocolError

PLAIN = Assumptions(
    screened_per_month=2, screening_failures=0, dlt_window_days=28, review_days=7, screening_days=7, stagger_days=0,
    counted_from="first", last_infusion_days=(1, 8, 11), cohort_size=3, enrolment=181, follow_up="P2Y",
)  # fmt: skip
SHORTEST, ALL = np.array([[5, 1, 1]]), np.array([[5, 5, 5]])


@pytest.mark.parametrize(
    ("per_month", "shortest", "closed", "every_combination"),
    [
        (1, (25, 30, 37), 0.27, 65), (2, (17, 20, 23), 0.40, 43), (4, (13.5, 14.8, 16.4), 0.54, 32),
        (8, (11.6, 12.2, 13.0), 0.66, 26), (12, (10.9, 11.4, 11.9), 0.71, 24),
    ],
)  # fmt: skip
def test_reference_figures_of_an_independent_simulation(per_month, shortest, closed, every_combination):
    """Cohorts of 3, screening 7 d, DLT window 28 d, review 7 d, no DLT; 7 cohorts, and 15; months, rounded."""
    plain = replace(PLAIN, screened_per_month=per_month)
    result = simulate(plain, SHORTEST, 20_000, 1)
    months = np.quantile(result["escalation_end"], [0.1, 0.5, 0.9]) / DAYS_PER_MONTH
    assert months == pytest.approx(shortest, abs=0.7 if per_month < 4 else 0.1)
    assert result["closed_share"].median() == pytest.approx(closed, abs=0.01)
    middle = simulate(plain, ALL, 20_000, 1)["escalation_end"].median() / DAYS_PER_MONTH
    assert middle == pytest.approx(every_combination, abs=0.6)


@pytest.mark.parametrize("changes", [{}, {"counted_from": "last", "stagger_days": 7, "screening_failures": 0.4}])
def test_the_arrays_agree_with_a_twin_that_walks_from_participant_to_participant(changes):
    assumed = replace(PLAIN, enrolment=60, **changes)
    chance = random.Random(7)
    walked = np.array([twin.walk(assumed, [0, 0, 1, 2], chance) for _run in range(3000)])
    drawn = simulate(assumed, np.array([[2, 1, 1]]), 20_000, 3)
    for place, name in enumerate(("escalation_end", "last_enrolment", "closed_share")):
        spread = walked[:, place].std() / np.sqrt(3000)
        assert abs(walked[:, place].mean() - drawn[name].mean()) < 5 * spread


@settings(max_examples=40)
@given(st.floats(0.2, 30), st.integers(0, 60), st.integers(0, 30), st.integers(0, 10), st.integers(0, 2**31))
def test_slower_never_ends_sooner_with_the_same_chances(rate, window, review, stagger, seed):
    faster = replace(PLAIN, screened_per_month=rate, dlt_window_days=window, review_days=review, stagger_days=stagger)
    before = simulate(faster, SHORTEST, 50, seed)
    for slower in (
        replace(faster, screened_per_month=rate / 2), replace(faster, dlt_window_days=window + 7),
        replace(faster, counted_from="last"), replace(faster, screening_failures=0.5),
    ):  # fmt: skip
        after = simulate(slower, SHORTEST, 50, seed)
        assert (after["escalation_end"] >= before["escalation_end"]).all()
        assert (after["last_enrolment"] >= before["last_enrolment"] - 1e-6).all()
    assert before["closed_share"].between(0, 1).all()
    assert (before["last_enrolment"] >= before["escalation_end"]).all()


def test_the_same_seed_gives_the_same_runs():
    assert simulate(PLAIN, SHORTEST, 100, 5).equals(simulate(PLAIN, SHORTEST, 100, 5))
    assert not simulate(PLAIN, SHORTEST, 100, 5).equals(simulate(PLAIN, SHORTEST, 100, 6))


def test_every_run_takes_one_of_the_paths():
    result = simulate(PLAIN, np.array([[1, 0, 0], [0, 0, 4]]), 200, 1)
    assert set(result["participants"]) == {3, 12}


def test_the_last_visit_follows_two_years_after_the_last_enrolment():
    table = milestones(PLAIN, simulate(PLAIN, SHORTEST, 100, 1), date(2027, 1, 15))
    for column in ("p10", "p50", "p90"):
        last, visit = table.loc["last_enrolment", column], table.loc["last_visit", column]
        assert (visit.year - last.year, visit.month, visit.day) == (2, last.month, last.day)
    assert (table["p10"] <= table["p50"]).all()
    assert (table["p50"] <= table["p90"]).all()


def test_what_if_compares_each_change_with_the_same_chances():
    table = what_if(PLAIN, SHORTEST, {"longer": {"dlt_window_days": 42}, "same": {}}, 500, 1).set_index("change")
    assert table.loc["longer", "escalation_months_gained"] == pytest.approx(-7 * 14 / DAYS_PER_MONTH)
    assert table.loc["same", "enrolment_months_gained"] == 0


def test_the_record_and_plain_values_of_other_topics_are_enough():
    assumed = assumptions(TRIAL.followup, dlt_window_days=28, cohort_size=3, enrolment=181)
    assert assumed.screened_per_month == sum(site.screened_per_month for site in TRIAL.followup.forecast.sites)
    assert assumed.last_infusion_days == (1, 8, 11)
    assert assumed.follow_up == "P2Y"


def test_sites_of_the_forecast_are_the_sites_of_the_trial():
    assert {rate.site for rate in TRIAL.followup.forecast.sites} == {site.name for site in TRIAL.sites}


def test_a_path_of_regimens_becomes_cohorts_at_each_frequency():
    assert list(cohorts_at(["A1", "B1", "B2", "C2"], ["1", "2", "3"])) == [2, 2, 0]
    with pytest.raises(ProtocolError, match="A4"):
        cohorts_at(["A4"], ["1", "2", "3"])


@pytest.mark.parametrize(
    "changes",
    [
        {"screened_per_month": 0}, {"screening_failures": 1.0}, {"screened_per_month": float("nan")},
        {"dlt_window_days": -1}, {"cohort_size": 0}, {"counted_from": "middle"},
    ],
)  # fmt: skip
def test_assumptions_that_cannot_be_are_refused(changes):
    with pytest.raises(ProtocolError):
        replace(PLAIN, **changes)


@pytest.mark.parametrize(("paths", "runs"), [(SHORTEST, 0), (SHORTEST, 2_000_000), (np.array([[1, 2]]), 10)])
def test_runs_and_paths_that_do_not_fit_are_refused(paths, runs):
    with pytest.raises(ProtocolError):
        simulate(PLAIN, paths, runs, 1)


def test_the_registered_dates_leave_a_month_for_181_participants():
    facts = TRIAL.identity
    check = registered_dates(
        facts["start_date"].value, facts["completion_date"].value, facts["enrolment"].value, "P2Y", 12
    )
    assert (check.last_enrolment, check.days, check.feasible) == (date(2023, 1, 31), 31, False)
    assert check.per_month == pytest.approx(181 / 31 * DAYS_PER_MONTH)


def test_registered_dates_that_fit_are_said_to_fit_and_reversed_ones_refused():
    assert registered_dates(date(2023, 1, 1), date(2027, 1, 1), 24, "P2Y", 2).feasible
    assert not registered_dates(date(2023, 1, 1), date(2024, 1, 1), 24, "P2Y", 2).feasible
    with pytest.raises(ProtocolError, match="before the start"):
        registered_dates(date(2025, 1, 1), date(2023, 1, 1), 181, "P2Y", 2)
