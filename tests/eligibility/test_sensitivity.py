"""Sensitivity to thresholds and readings, and near misses, each checked by a new screening."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import frame
from support.participants import participants, records
from support.random_examples import random_examples
from support.small_protocols import PARAMETERS, PEOPLE, criteria, criterion, record_of
from support.trial import ELIGIBILITY

from protocol.eligibility import Cohort, EligibilityRecord
from protocol.eligibility.cohort import reader
from protocol.eligibility.sensitivity import FEWER_POINTS, curve, near_misses, other_readings, steps, tornado
from protocol.records import ProtocolError

THRESHOLDS = {parameter.id: parameter for parameter in PARAMETERS if not parameter.options}
POINTS = np.array([0.0, 0.5, 1.0, 1.2, 1.44, 2.4, 3.0, 6.9, 7.0, 7.1, 14.0, 20.0, 36.0, 50.0])
COHORTS = st.lists(PEOPLE, min_size=1, max_size=6)


def totals(cohort: Cohort, off: tuple[str, ...], **parameters: Any) -> tuple[int, int]:
    """Screen again and count."""
    found = cohort.screen("Ib", **parameters).tally(off).totals
    return found["confirmed"], found["possible"]


@random_examples(250)
@given(
    st.tuples(*(criteria(number) for number in (1, 2, 3))),
    COHORTS,
    st.sampled_from(["limit", "window_days"]),
    st.sampled_from([(), (0,), (1, 2)]),
)
def test_a_curve_is_screening_again_at_every_point(
    rules: tuple[Any, ...], people: list[dict[str, Any]], parameter: str, places: tuple[int, ...]
) -> None:
    record, off = record_of(rules), tuple(rules[place].id for place in places)
    cohort = Cohort(record, frame(people))
    found = curve(record, cohort.screen(), reader(cohort), parameter, POINTS, "Ib", off)
    assert set(found.points) <= set(POINTS)
    assert len(found.points) == len(POINTS)  # fewer than FEWER_POINTS: none is left out
    for point, confirmed, possible in zip(found.points, found.confirmed, found.possible, strict=True):
        assert (confirmed, possible) == totals(cohort, off, **{parameter: float(point)})


@pytest.mark.parametrize("condition", ["x > limit", "x >= limit", "x < limit", "x <= limit", "x != limit"])
@pytest.mark.parametrize("kind", ["inclusion", "exclusion"])
def test_a_curve_counts_whoever_stands_at_either_end_of_the_range(condition: str, kind: str) -> None:
    record = record_of([criterion(1, condition, kind)])
    cohort = Cohort(record, frame([{"x": 0.0}, {"x": 0.5}, {"x": 50.0}]))
    for points in (POINTS, POINTS[1:]):
        found = curve(record, cohort.screen(), reader(cohort), "limit", points, "Ib")
        assert [*found.confirmed] == [totals(cohort, (), limit=float(point))[0] for point in points]


NUMBERS = [parameter.id for parameter in ELIGIBILITY.parameters if not parameter.options]


@random_examples(25)
@given(st.data(), records(), st.sampled_from(NUMBERS))
def test_every_threshold_of_the_trial_has_a_curve_at_every_step(
    data: st.DataObject, record: EligibilityRecord, name: str
) -> None:
    people = data.draw(st.lists(participants(record), min_size=2, max_size=4))
    parameter = next(item for item in record.parameters if item.id == name)
    cohort = Cohort(record, trial_frame(people))
    found = curve(record, cohort.screen(), reader(cohort), name, steps(parameter), "Ib")
    assert found.every_point
    for place in data.draw(st.lists(st.integers(0, len(found.points) - 1), min_size=4, max_size=4)):
        again = totals(cohort, (), **{name: float(found.points[place])})
        assert again == (found.confirmed[place], found.possible[place])


def trial_frame(people: list[dict[str, Any]]) -> Any:
    """Return invented participants of the trial as a frame."""
    import polars as pl

    kinds = {"yes_no": pl.Boolean, "choice": pl.String, "date": pl.Date}
    schema = {fact.id: pl.Float64 if fact.is_number else kinds[fact.type] for fact in ELIGIBILITY.facts}
    return pl.DataFrame({name: [one.get(name) for one in people] for name in schema}, schema=schema)


def test_a_threshold_that_is_squared_is_screened_at_fewer_points_and_says_so() -> None:
    record = record_of([criterion(1, "x > limit ** 2")])
    cohort, points = Cohort(record, frame([{"x": value} for value in range(60)])), np.linspace(0, 50, 300)
    found = curve(record, cohort.screen(), reader(cohort), "limit", points, "Ib")
    assert not found.every_point
    assert len(found.points) == FEWER_POINTS
    assert [int(n) for n in found.confirmed[:3]] == [totals(cohort, (), limit=float(p))[0] for p in found.points[:3]]


def test_points_within_the_tolerance_of_a_value_count_as_that_value() -> None:
    record = record_of([criterion(1, "x > limit")])
    cohort, points = Cohort(record, frame([{"x": 20.0}])), np.array([0.0, 20.0 - 1e-9, 20.0, 20.0 + 1e-9, 50.0])
    found = curve(record, cohort.screen(), reader(cohort), "limit", points, "Ib")
    assert found.every_point
    assert found.confirmed.tolist() == [0, 1, 1, 1, 1]


def test_a_curve_covers_batches_and_counts_everybody() -> None:
    record = record_of([criterion(1, "x > limit")])
    people = np.random.default_rng(1).uniform(0, 60, 150_000).round(1)
    import polars as pl

    cohort = Cohort(record, pl.DataFrame({"x": people}))
    seen: list[int] = []
    read = reader(cohort, lambda done, _all: seen.append(done))
    found = curve(record, cohort.screen(), read, "limit", np.linspace(0, 50, 301), "Ib")
    wanted = [(people <= point * (1 + 1e-9)).sum() for point in found.points]
    assert found.confirmed.tolist() == wanted
    assert len(seen) > 1
    assert seen[-1] == 150_000


def test_a_near_miss_counts_what_is_unknown_and_on_once() -> None:
    person = {"expected_survival_months": 2.9}  # all else unknown; E23 says the same as I3
    found = ELIGIBILITY.screen_cohort(pd.DataFrame([person]))
    whole, fewer = found.tally(), found.tally(["E3", "I5"])
    read = reader(ELIGIBILITY.cohort(pd.DataFrame([person])))
    rows = [near_misses(ELIGIBILITY, tally, read, "Ib")["open"].tolist() for tally in (whole, fewer)]
    assert rows == [[len(whole.on) - 2], [len(fewer.on) - 2]]  # but I6, and E9, which is known


def test_work_can_be_stopped() -> None:
    record = record_of([criterion(1, "x > limit")])
    cohort = Cohort(record, frame([{"x": 1.0}]))

    def stop(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curve(record, cohort.screen(), reader(cohort, stop), "limit", POINTS, "Ib")


def test_a_reading_has_no_range() -> None:
    with pytest.raises(ProtocolError, match="reading"):
        steps(PARAMETERS[2])


def test_the_present_value_is_among_the_steps_of_a_slider() -> None:
    for parameter in (item for item in ELIGIBILITY.parameters if not item.options):
        points = steps(parameter)
        assert float(parameter.value) in points
        assert (points[0], points[-1]) == (parameter.minimum, parameter.maximum)


# --- Near-misses --------------------------------------------------------------------------------------------------


@random_examples(150)
@given(st.tuples(*(criteria(number) for number in (1, 2))), COHORTS)
def test_a_near_miss_has_one_reason_and_passes_at_the_value_it_needs(
    rules: tuple[Any, ...], people: list[dict[str, Any]]
) -> None:
    record = record_of(rules)
    cohort = Cohort(record, frame(people))
    screening = cohort.screen()
    found = near_misses(record, screening.tally(), reader(cohort), "Ib")
    once = [row for row, fails in enumerate(screening.fail) if fails.sum() == 1]
    assert sorted(found["participant"]) == once
    assert found["distance"].dropna().is_monotonic_increasing
    for row in found.dropna(subset=["distance"]).itertuples():
        present = float(THRESHOLDS[row.parameter].value)
        assert row.distance == pytest.approx(abs(row.needed - present) / (present or 1.0))
        place = [rule.id for rule in record.criteria].index(row.criterion)
        again = cohort.screen("Ib", **{row.parameter: float(row.needed)})  # refused outside its range
        assert not again.fail[row.participant, place]


def test_near_misses_come_nearest_first_and_those_of_no_degree_last() -> None:
    rules = [criterion(1, "x > limit"), criterion(2, "p")]
    record = record_of(rules).with_parameters(limit=30.0)
    people = [{"x": 33.0, "p": False}, {"x": 1.0, "p": True}, {"x": 30.6, "p": False}, {"x": 40.0, "p": True}]
    cohort = Cohort(record, frame(people))
    screening = cohort.screen()
    found = near_misses(record, screening.tally(), reader(cohort), "Ib")
    assert found["participant"].tolist() == [2, 0, 1]
    assert found["needed"].tolist()[:2] == pytest.approx([30.6, 33.0])
    assert found["distance"].tolist()[:2] == pytest.approx([0.02, 0.1])
    assert found["parameter"].tolist() == ["limit", "limit", None]
    assert np.isnan(found["distance"].iloc[2])


def test_a_value_just_at_a_strict_limit_needs_the_next_step() -> None:
    record = record_of([criterion(1, "x >= limit")]).with_parameters(limit=30.0)
    cohort = Cohort(record, frame([{"x": 30.0}]))
    screening = cohort.screen()
    found = near_misses(record, screening.tally(), reader(cohort), "Ib")
    assert found["needed"].tolist() == pytest.approx([30.1])


def test_what_no_value_of_a_threshold_would_pass_names_no_threshold() -> None:
    record = record_of([criterion(1, "x > limit")])  # which goes up to 50
    cohort = Cohort(record, frame([{"x": 60.0}]))
    found = near_misses(record, cohort.screen().tally(), reader(cohort), "Ib")
    assert found["parameter"].tolist() == [None]


# --- Readings -----------------------------------------------------------------------------------------------------


def test_every_other_reading_is_tried_and_the_participants_it_decides_are_counted() -> None:
    record = record_of([criterion(1, "x > 10 and (reading == 'wide' or x > 20)"), criterion(2, "p")])
    people = [{"x": 5.0, "p": False}, {"x": 15.0, "p": False}, {"x": 15.0, "p": True}, {"x": 25.0, "p": False}, {}]
    cohort = Cohort(record, frame(people))
    readings = other_readings(record.parameters)
    assert [(one.parameter.id, one.option) for one in readings] == [("reading", "wide")]
    (found, done), = tornado(lambda changed: cohort.screen("Ib", **changed), readings)  # fmt: skip
    assert done == 1.0
    row = found.iloc[0]
    assert (row["confirmed"], row["possible"], row["decided"], row["by_ambiguity"]) == (1, 1, 1, 1)
    assert (row["confirmed_change"], row["possible_change"], row["eligible_change"]) == (-1, 0, -1)


def test_the_trials_readings_count_whoever_changes_under_any_of_an_ambiguitys() -> None:
    people = [
        {"disease_myelosuppression": True, "other_cause_myelosuppression": False},
        {"birth_date": date(1990, 1, 1)},
    ]
    cohort = Cohort(ELIGIBILITY, trial_frame(people))
    readings = other_readings(ELIGIBILITY.parameters)
    tables = list(tornado(lambda changed: cohort.screen("Ib", **changed), readings))
    found, done = tables[-1]
    assert (len(tables), done) == (len(readings), 1.0)
    assert found.loc[found["parameter"] == "myelosuppression_reading", "decided"].tolist() == [1]
    assert (found["by_ambiguity"] >= found["decided"]).all()
