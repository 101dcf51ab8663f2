"""The status of the trial: progress, outcomes and counts, computed from dates."""

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol.conduct import (
    Participant,
    TrialSoFar,
    dlt_windows,
    next_cohort,
    outcome_notation,
    participant_status,
)

DAY = date(2026, 1, 31)


def person(**changes: object) -> Participant:
    facts = {"id": "INV-1", "site": "Here", "regimen": "A1", "enrolled": DAY, "first_infusion": DAY} | changes
    return Participant.model_validate(facts)


def so_far(*people: Participant, as_of: date = DAY) -> TrialSoFar:
    return TrialSoFar(invented=True, as_of=as_of, open_regimen="A1", screened={"Here": 5}, participants=people)


@pytest.mark.parametrize(
    ("days", "progress"), [(-1, "enrolled"), (0, "in DLT window"), (27, "in DLT window"), (28, "evaluable")]
)
def test_the_window_ends_on_its_last_day(days: int, progress: str) -> None:
    assert (
        person(assessed=DAY + timedelta(days=27)).progress(DAY + timedelta(days=days), dlt_window_days=28) == progress
    )


def test_a_dlt_counts_from_its_day_and_not_before() -> None:
    hit = person(dlt_on=DAY + timedelta(days=5))
    assert hit.progress(DAY + timedelta(days=4), 28) == "in DLT window"
    assert hit.progress(DAY + timedelta(days=5), 28) == "DLT"


def test_only_complete_participants_reach_the_notation() -> None:
    people = [
        person(assessed=DAY + timedelta(days=28)),
        person(id="INV-2", dlt_on=DAY),
        person(id="INV-3", first_infusion=DAY + timedelta(days=20)),
    ]
    table = participant_status(so_far(*people, as_of=DAY + timedelta(days=30)), dlt_window_days=28)
    assert outcome_notation(table) == "A1:NT"


def test_nobody_treated_is_an_empty_notation() -> None:
    table = participant_status(so_far(person(first_infusion=None)), 28)
    assert outcome_notation(table) == ""
    assert pd.isna(table["window_ends"][0])


@pytest.mark.parametrize(
    "changes",
    [
        {"enrolled": DAY + timedelta(days=1)},
        {"dlt_on": DAY, "first_infusion": None},
        {"id": "Zhang San"},
        {"regimen": "Z"},
    ],
)
def test_what_cannot_have_happened_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        person(**changes)


@given(st.integers(1, 60), st.integers(-5, 100))
def test_progress_never_goes_back(window: int, day: int) -> None:
    order = ["enrolled", "in DLT window", "evaluable"]
    someone = person(assessed=DAY + timedelta(days=window - 1))
    first, second = (order.index(someone.progress(DAY + timedelta(days=day + step), window)) for step in (0, 1))
    assert first <= second


def test_a_toxicity_after_the_window_is_no_dlt() -> None:
    late = person(dlt_on=DAY + timedelta(days=28), assessed=DAY + timedelta(days=27))
    assert late.progress(DAY + timedelta(days=40), 28) == "evaluable"
    assert person(dlt_on=DAY + timedelta(days=27)).progress(DAY + timedelta(days=40), 28) == "DLT"


@pytest.mark.parametrize(
    ("changes", "progress"),
    [
        ({}, "assessment missing"),
        ({"assessed": 26}, "assessment missing"),
        ({"assessed": 27}, "evaluable"),
        ({"assessed": 41}, "assessment missing"),  # after the day that counts as today
        ({"withdrawal": 3}, "withdrawn, not evaluable"),
        ({"withdrawal": 26, "assessed": 28}, "withdrawn, not evaluable"),
        ({"withdrawal": 27, "assessed": 27}, "evaluable"),
        ({"withdrawal": 30}, "assessment missing"),
        ({"withdrawal": 3, "dlt_on": 2}, "DLT"),
        ({"withdrawal": 3, "first_infusion": None}, "withdrawn, not evaluable"),
    ],
)
def test_no_dlt_is_what_somebody_saw_and_not_what_nobody_recorded(changes: dict[str, object], progress: str) -> None:
    days = {name: DAY + timedelta(days=n) if isinstance(n, int) else n for name, n in changes.items()}
    assert person(**days).progress(DAY + timedelta(days=40), 28) == progress


def test_who_left_before_an_outcome_gives_the_place_back_and_holds_nothing() -> None:
    here = [person(id=f"INV-{n}", assessed=DAY + timedelta(days=28)) for n in (1, 2)]
    left = person(id="INV-3", withdrawal=DAY + timedelta(days=1))
    trial = so_far(*here, left, as_of=DAY + timedelta(days=40))
    row = next_cohort(dlt_windows(trial, 28), cohort_size=3, review_days=7).iloc[0]
    assert (row["participants"], row["running"], row["free_places"], row["held_by"]) == (2, 0, 1, "")
    nobody = so_far(left, as_of=DAY + timedelta(days=40))
    assert next_cohort(dlt_windows(nobody, 28), 3, 7).iloc[0]["free_places"] == 3
    assert outcome_notation(participant_status(trial, 28)) == "A1:NN"


def test_a_missing_assessment_holds_the_cohort_by_name() -> None:
    people = [person(id=f"INV-{n}", assessed=DAY + timedelta(days=28)) for n in (1, 2)]
    trial = so_far(*people, person(id="INV-3"), as_of=DAY + timedelta(days=40))
    row = next_cohort(dlt_windows(trial, 28), cohort_size=3, review_days=7).iloc[0]
    assert (row["held_by"], row["running"], row["earliest"]) == ("INV-3", 1, None)
