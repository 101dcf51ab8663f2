"""The tables of the topic effect: how they are made from a log, and what is derived from them."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st
from support.log_events import DAY, SITE, beginning, chain
from support.trial import TRIAL

from protocol.conduct import event, fold
from protocol.effect import (
    GIVEN,
    STATUSES,
    DltRule,
    Observations,
    analytes,
    draws,
    elapsed_days,
    event_terms,
    exposure,
    given,
    overview,
    recoveries,
    refuse_term,
    standard_count,
    tabulate_events,
    term_label,
    units,
)
from protocol.effect.observations import COLUMNS
from protocol.records import ProtocolError
from protocol.trial import effect_observations, log_rules

FIRST = DAY + timedelta(days=7)
WINDOW = TRIAL.escalation.dlt_window_days.value


def observed(*more, trial=TRIAL, people=("W-001",)):
    told = [one for name in people for one in beginning(name)]
    told += [event({"participant": "W-001"} | one) for one in more]
    return effect_observations(fold(chain(told)), trial)


def count(day, **values):
    counts = {name: {"value": value, "unit": unit} for name, (value, unit) in values.items()}
    return {"kind": "blood_count", "on": FIRST + timedelta(days=day), "counts": counts}


def harm(day=2, number=1, **changes):
    return {
        "kind": "adverse_event",
        "on": FIRST + timedelta(days=day),
        "number": number,
        "term": "fever",
        "version": "5.0",
        "grade": 3,
        "relatedness": "possible",
        "action": "none",
        "outcome": "not recovered",
    } | changes


def platelets(day):
    return {"kind": "given", "on": FIRST + timedelta(days=day), "what": "platelet transfusion"}


def test_the_tables_have_their_columns_and_types_also_when_they_are_empty():
    for found in (Observations.of_rows(), observed(count(1, platelets=(12, "10^9/L")), harm(), platelets(3))):
        for name, columns in COLUMNS.items():
            frame = getattr(found, name)
            assert {column: str(kind) for column, kind in frame.dtypes.items()} == dict(columns), name


def test_a_participant_carries_regimen_phase_site_and_days():
    left = {"kind": "withdrawn", "on": FIRST + timedelta(days=40), "cause": "progression"}
    (row,) = observed(count(9, platelets=(12, "10^9/L")), left).participants.to_dict("records")
    assert (row["participant"], row["regimen"], row["site"]) == ("W-001", "A1", SITE)
    assert row["phase"] == TRIAL.eligibility.phases[0]
    assert row["first_infusion"].date() == FIRST
    assert row["relapsed"].date() == row["last_seen"].date() == FIRST + timedelta(days=40)
    assert row["died"] is pd.NaT


def test_counts_are_converted_to_the_first_unit_of_their_analyte():
    found = observed(count(1, platelets=(12000, "/uL"), haemoglobin=(7.4, "g/dL"), neutrophils=(0.3, "10^9/L")))
    values = found.counts.set_index("analyte")
    assert values["value"].to_dict() == {"platelets": 12.0, "haemoglobin": 74.0, "neutrophils": 0.3}
    assert values["unit"].to_dict() == {"platelets": "10^9/L", "haemoglobin": "g/L", "neutrophils": "10^9/L"}


def test_a_unit_that_nobody_knows_leaves_the_count_unknown_and_the_draw_in_the_table():
    found = observed(count(1, platelets=(12, "spoons")))
    assert found.counts["value"].isna().all()
    assert len(draws(found, "platelets").value) == 0


@given_by(st.integers(0, 10**9), st.sampled_from([(name, unit) for name in analytes() for unit in units(name)]))
@settings(max_examples=60)
def test_a_count_in_its_first_unit_stays_as_it_is_and_a_conversion_keeps_the_order(number, where):
    analyte, unit = where
    value = number / 1000
    assert standard_count(value, analyte, units(analyte)[0]) == value
    assert standard_count(value, analyte, unit) <= standard_count(value + 1, analyte, unit)


def test_the_planned_cells_are_those_of_the_dose():
    (row,) = observed().infusions.to_dict("records")
    dose = next(one for one in TRIAL.escalation.doses if one.id == "A")
    assert row["planned"] == dose.amount.value / 1e6
    assert np.isnan(row["cells"])
    other = TRIAL.escalation.model_copy(update={"dose_unit": "mg"})
    assert observed(trial=TRIAL.model_copy(update={"escalation": other})).infusions["planned"].isna().all()


# Adverse events


def test_an_event_that_was_followed_has_its_worst_grade_and_its_last_state():
    end = (FIRST + timedelta(days=9)).isoformat()
    more = {"kind": "adverse_event_followed", "on": end, "number": 1, "grade": 4, "end": end, "outcome": "recovered"}
    (row,) = observed(harm(), more).events.to_dict("records")
    assert (row["grade"], row["outcome"], row["end"].date().isoformat()) == (4, "recovered", end)
    assert row["serious"] is False


@pytest.mark.parametrize(
    ("changes", "dlt"),
    [
        ({}, None),
        ({"relatedness": "unrelated"}, False),
        ({"relatedness": "unlikely"}, False),
        ({"relatedness": "not assessable"}, None),
        ({"day": WINDOW - 1}, None),
        ({"day": WINDOW}, False),
        ({"day": -2}, False),
        ({"dlt": True}, True),
        ({"dlt": False}, False),
    ],
)
def test_whether_an_event_is_dose_limiting_is_derived_where_the_record_can_and_asked_otherwise(changes, dlt):
    (row,) = observed(harm(**changes)).events.to_dict("records")
    assert (None if row["dlt"] is pd.NA else row["dlt"]) is dlt


def test_a_record_that_names_a_lowest_grade_derives_it():
    assert TRIAL.effect
    values = {"related": {"value": ["possible"], "assumption": "a test"}}
    rule = DltRule(**values, lowest_grade={"value": 3, "assumption": "a test"})
    assert [rule.derived("possible", grade, FIRST, FIRST, 28) for grade in (2, 3, 5)] == [False, True, True]
    assert rule.derived("possible", 3, FIRST, None, 28) is False


def test_the_tables_of_adverse_events_have_everybody_treated_in_the_denominator():
    found = observed(harm(), harm(day=-3, number=2), people=("W-001", "W-002"))
    people, events = exposure(found)
    assert people["exposure_days"].tolist() == [3, 1]
    assert events["onset_day"].tolist() == [2]
    table = tabulate_events(people, events)
    assert table.query("group == 'Total' and term == 'fever'")["participants"].item() == 2
    assert overview(people, events).query("group == 'Total' and kind == 'any'")["participants"].item() == 1


# Recovery


def test_recovery_is_read_from_the_log_and_a_participant_without_records_of_transfusions_is_unknown():
    days = (-2, 3, 5, 7, 9)
    counts = [count(day, platelets=(value, "10^9/L")) for day, value in zip(days, (90, 8, 25, 30, 40), strict=True)]
    without = recoveries(observed(*counts), "plt20_3v_7d")
    assert STATUSES[without.status[0]] == "unknown"
    nothing = {"kind": "given", "on": FIRST, "what": "nothing"}
    known = recoveries(observed(*counts, nothing), "plt20_3v_7d")
    assert (STATUSES[known.status[0]], known.day[0]) == ("recovered", 5)
    transfused = recoveries(observed(*counts, platelets(5)), "plt20_3v_7d")
    assert STATUSES[transfused.status[0]] == "none"


def test_only_what_was_given_counts_and_study_days_begin_with_the_first_infusion():
    found = observed(platelets(3), {"kind": "given", "on": FIRST, "what": "G-CSF"}, people=("W-001", "W-002"))
    one = given(found, ["platelet transfusion"])
    assert (list(one.participant), list(one.day), list(one.unknown)) == (["W-001"], [3], ["W-002"])
    assert elapsed_days(found, found.given, "on").tolist() == [3, 0]


def test_a_subset_has_the_observations_of_its_participants_only():
    found = observed(harm(), people=("W-001", "W-002"))
    rest = found.where(lambda people: people["participant"] == "W-002")
    assert (len(rest.participants), len(rest.events), len(rest.infusions)) == (1, 0, 1)
    assert found.table()["events"].tolist() == [1, 0]


# Terms and what the log refuses


def test_a_version_has_its_own_terms():
    assert "lymphocyte_count_decreased" in event_terms("5.0")
    assert "lymphocyte_count_decreased" not in event_terms("6.0")
    assert "venous_thromboembolism" in event_terms("6.0")
    assert term_label("fever") == "Fever"
    assert term_label("MedDRA:10037660") == "MedDRA:10037660"


@pytest.mark.parametrize(
    ("term", "version", "grade", "match"),
    [
        ("thromboembolic_event", "6.0", 3, "which CTCAE 6.0 does not have; write a term of its own"),
        ("neutrophil_count_decreased", "5.0", 5, "a grade up to 4"),
        ("bad_mood", "5.0", 1, "an id of the list of terms"),
        ("fever", "4.0", 1, "version of CTCAE"),
    ],
)
def test_a_term_that_a_version_does_not_have_is_refused(term, version, grade, match):
    with pytest.raises(ProtocolError, match=match):
        refuse_term(term, version, grade)


def test_a_meddra_code_of_the_site_is_kept_as_it_is():
    refuse_term("MedDRA:10037660", "5.0", 3)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (count(1, platelets=(12000, "10^9/L")), "12,000 10.9/L; write a number from 0 to 10,000"),
        (count(1, platelets=(12, "g/L")), "unit of platelets"),
        (count(1, bananas=(12, "g/L")), "analyte"),
        ({"kind": "given", "on": FIRST, "what": "tea"}, "platelet transfusion"),
        (harm(term="bad_mood"), "list of terms"),
    ],
)
def test_the_log_of_a_trial_refuses_what_the_topic_does_not_know(values, match):
    with pytest.raises(ProtocolError, match=match):
        log_rules(TRIAL).refuse(event({"participant": "W-001"} | values))


def test_the_rules_of_the_trial_have_its_phases_and_no_wait_that_the_record_does_not_state():
    rules = log_rules(TRIAL)
    assert rules.phases == TRIAL.eligibility.phases
    assert rules.stagger is None
    days, of = ({"value": value, "assumption": "a test"} for value in (14, "cohort"))
    record = TRIAL.escalation.model_validate(TRIAL.escalation.model_dump() | {"stagger": {"days": days, "of": of}})
    assert log_rules(TRIAL.model_copy(update={"escalation": record})).stagger.days == 14


# The record


def test_the_record_states_a_version_definitions_and_what_is_watched_each_with_its_origin():
    record = TRIAL.effect
    assert record
    assert record.ctcae.is_assumption
    assert not record.dlt.related.is_assumption
    assert record.dlt.lowest_grade is None
    assert record.phase_two_planned is None
    assert {one.lineage for one in record.recoveries} == {one.id for one in TRIAL.identity.recoveries}
    assert all(one.definition.is_assumption and one.rule.label for one in record.recoveries)
    assert all(one.origin for one in record.special_interest)
    assert set(GIVEN) >= {"platelet transfusion", "red cell transfusion", "G-CSF"}


@pytest.mark.parametrize(
    "changes",
    [
        {"ctcae": {"value": "4.0", "assumption": "x"}},
        {"recoveries": [{"lineage": "platelets", "definition": {"value": "never", "assumption": "x"}}]},
        {"special_interest": [{"id": "x", "label": "x", "terms": ["bad_mood"], "assumption": "x"}]},
    ],
)
def test_a_record_that_names_what_does_not_exist_is_refused(changes):
    with pytest.raises(ValueError, match="write"):
        type(TRIAL.effect).model_validate(TRIAL.effect.model_dump() | changes)


def test_a_trial_without_the_file_does_not_state_the_topic():
    assert TRIAL.states("effect")
    assert not TRIAL.model_copy(update={"effect": None}).states("effect")
    assert TRIAL.states("overview")


# The invented example


@pytest.mark.slow
def test_the_second_example_goes_on_into_phase_two_with_everything_observed():
    later = TRIAL.in_phase_two()
    assert later.examples
    state = fold(later.examples.entries)
    found = effect_observations(state, later)
    phases = found.participants["phase"].value_counts()
    assert phases.to_dict() == {"Ib": 57, "II": 40}
    assert state.declared["II"] in TRIAL.escalation.grid.labels
    assert found.participants[["died", "relapsed"]].notna().sum().tolist() == [1, 1]
    assert set(found.counts["analyte"]) == set(analytes())
    assert found.counts["value"].notna().all()
    assert found.infusions[["cells", "viability", "volume_ml"]].notna().all(axis=None)
    assert found.events["dlt"].eq(True).sum() == sum(bool(one.dlt_on) for one in state.histories.values())
    assert {STATUSES[one] for one in recoveries(found, "anc500_3v").status} == {"recovered", "none"}
    assert date(2026, 11, 20) == later.examples.so_far.as_of
