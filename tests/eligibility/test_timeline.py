"""The timeline of one participant: on which days each criterion passes, and what opens or closes a day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.participants import PHASES, participants, records
from support.random_examples import random_examples
from support.trial import ELIGIBILITY

from protocol.eligibility import EligibilityRecord
from protocol.eligibility.gates import rules
from protocol.figures.eligibility import clock_rows, clocks
from protocol.pages.eligibility.timeline import in_words as clocks_in_words
from protocol.records import Phase, ProtocolError

TODAY = date(2026, 3, 1)
DAY = timedelta(days=1)


@pytest.mark.slow
@random_examples(25)
@given(st.data(), records(), PHASES)
def test_every_day_of_the_timeline_gets_what_a_screening_on_that_day_gets(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = data.draw(participants(record))
    if facts.get("consent_date") is None:
        facts["consent_signed"] = True  # otherwise the day of consent moves along, which a screening cannot know
    start = facts.get("enrolment_date", TODAY)
    when = record.timeline(facts, phase, start=start, days=400)
    edges = {day for lane in when.lanes for span in lane.spans for day in (span.first, span.last)}
    for day in sorted({*edges, start, start + 200 * DAY}):
        alone = record.screen({**facts, "enrolment_date": day}, phase)
        assert {lane.rule.id: lane.on(day) for lane in when.lanes} | dict(when.steady) == {
            rule.id: alone[rule.id].status for rule in rules(record, phase) if rule.counted_with is None
        }


@pytest.mark.slow
@random_examples(25)
@given(st.data(), records(), PHASES)
def test_the_earliest_day_is_open_and_the_day_before_is_not(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = {**data.draw(participants(record)), "consent_signed": True}
    start = facts.get("enrolment_date", TODAY) - 20 * DAY
    when = record.timeline(facts, phase, start=start, days=1100)

    def is_open(day: date) -> bool:
        alone = record.screen({**facts, "enrolment_date": day}, phase)
        return all(alone[lane.rule.id].status in ("passes", "not applicable") for lane in when.lanes)

    if when.earliest is None:
        assert not any(is_open(start + number * DAY) for number in (0, 30, 400))
        return
    assert is_open(when.earliest)
    assert when.earliest == start or not is_open(when.earliest - DAY)
    assert bool(when.binding) == (when.earliest > start)
    if when.latest:
        assert is_open(when.latest)
        assert not is_open(when.latest + DAY)
        assert when.closing


WAITING = [
    ("I8a", {"ever_anticancer_therapy": True, "last_anticancer_therapy_date": TODAY}, TODAY + 14 * DAY),
    ("E13", {"other_trial": "past", "last_trial_drug_date": TODAY}, TODAY + 42 * DAY),
    ("E12", {"immunosuppressant_use": "continuous", "last_immunosuppressant_date": date(2026, 8, 31),
             "organ_transplant": False}, date(2027, 2, 28)),
    ("E22", {"other_malignancy": "invasive", "last_other_malignancy_date": TODAY}, date(2029, 3, 1)),
    ("I3", {"consent_signed": True, "consent_date": date(2026, 3, 5)}, date(2026, 3, 5)),
    ("E6", {"infection": "controlled", "anti_infective_start_date": TODAY}, TODAY + 3 * DAY),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "facts", "opens"), WAITING, ids=[row[0] for row in WAITING])
def test_each_clock_opens_on_its_day_and_binds(rule: str, facts: dict[str, Any], opens: date) -> None:
    when = ELIGIBILITY.timeline(facts, start=TODAY - DAY)
    assert when.earliest == when.waited == opens
    assert [lane.rule.id for lane in when.binding] == [rule]
    assert when.latest is None


def test_the_picture_draws_every_run_of_days() -> None:
    rows = clock_rows(ELIGIBILITY.timeline(WAITING[0][1], start=TODAY))
    assert rows[["lane", "status", "first", "last"]].to_numpy().tolist() == [
        ["all together", "passes", "2026-03-15", "further on"],
        ["I8a No anti-cancer therapy for 14 days", "excludes", "2026-03-01", "2026-03-14"],
        ["I8a No anti-cancer therapy for 14 days", "passes", "2026-03-15", "further on"],
    ]
    assert clocks(rows).to_dict()["description"]


def test_days_that_are_only_possible_are_drawn_with_a_sign_and_a_word_of_their_own() -> None:
    when = ELIGIBILITY.timeline(STOPPED | {"birth_date": date(1950, 10, 15)}, start=TODAY)
    rows = clock_rows(when)
    together = rows[rows["lane"] == "all together"]
    assert together[["order", "status", "sign", "first", "last"]].to_numpy().tolist() == [
        [0, "unknown", "?", str(when.possibly_from), "2026-10-14"]
    ]
    assert together["name"].tolist() == together["word"].tolist() == ["all together: possible, not certain"]
    lanes = rows[rows["lane"] != "all together"]
    assert lanes["word"].tolist() == lanes["status"].tolist()
    assert clock_rows(ELIGIBILITY.timeline(WAITING[0][1], start=TODAY))["name"].iloc[0] == "all together"


@pytest.mark.parametrize("day", ["2026-03-10", None, datetime(2026, 3, 10, 8, tzinfo=UTC), date(9999, 12, 1)])
def test_what_is_no_day_of_a_participant_is_refused(day: Any) -> None:
    with pytest.raises(ProtocolError, match=r"as_of: found .*; write a date like 2026-03-01"):
        ELIGIBILITY.answers({}, as_of=day)
    with pytest.raises(ProtocolError, match=r"start: found .*; write a date like 2026-03-01"):
        ELIGIBILITY.timeline({}, start=day)


def test_half_a_day_and_an_unknown_gate_and_many_values_for_one_are_refused() -> None:
    with pytest.raises(ProtocolError, match=r"days: found 2\.5"):
        ELIGIBILITY.timeline({}, start=TODAY, days=2.5)  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="gate: found 'Infusion'; write enrolment or infusion"):
        ELIGIBILITY.answers({}, as_of=TODAY, gate="Infusion")  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="a number from"):
        ELIGIBILITY.screen({"alt_u_l": np.array([30.0, 40.0])})  # type: ignore[dict-item]


def test_a_rating_of_another_day_decides_nothing_where_it_has_to_be_of_the_day() -> None:
    record = ELIGIBILITY.with_parameters(ecog_reading="on_the_day")
    for ecog in (1, 3):
        facts = {"ecog": ecog, "ecog_date": TODAY, "therapy_start_date": TODAY + 2 * DAY}
        assert record.screen(facts)["I5"].status == "unknown"


def test_a_measurement_without_its_day_is_used_and_says_so() -> None:
    answer = next(one for one in ELIGIBILITY.answers({"lvef_pct": 61.0}, as_of=TODAY) if one.verdict.id == "I7")
    found = {item.fact: item.where for item in answer.evidence}
    assert (found["lvef_pct"], found["alt_u_l"]) == ("no day given", "")


def test_a_computed_index_says_what_it_is_computed_from_where_the_given_one_is_rounded() -> None:
    facts = {"bmi_kg_m2": 30.0, "weight_kg": 86.9, "height_cm": 170.0}
    answer = next(one for one in ELIGIBILITY.answers(facts, as_of=TODAY) if one.verdict.id == "E3")
    assert answer.evidence[0].shown == "30.07 kg/m²"
    assert answer.evidence[0].where.startswith("computed from")


def test_a_timeline_without_a_day_is_refused() -> None:
    with pytest.raises(ProtocolError, match="1 or more"):
        ELIGIBILITY.timeline({}, start=TODAY, days=0)


def test_the_longest_of_several_clocks_binds() -> None:
    facts = {name: value for rule, known, _day in WAITING if rule in ("I8a", "E13") for name, value in known.items()}
    when = ELIGIBILITY.timeline(facts, start=TODAY)
    assert [lane.rule.id for lane in when.binding] == ["E13"]
    assert {lane.rule.id for lane in when.lanes} == {"I8a", "E13"}


def test_the_76th_birthday_closes_while_consent_is_not_signed_or_age_counts_at_enrolment() -> None:
    facts: dict[str, Any] = {"birth_date": date(1950, 6, 15)}
    for record in (ELIGIBILITY, ELIGIBILITY.with_parameters(age_reading="enrolment")):
        when = record.timeline(facts, start=TODAY)
        assert when.latest == date(2026, 6, 14)
        assert [lane.rule.id for lane in when.closing] == ["I1"]
    signed = facts | {"consent_signed": True, "consent_date": TODAY}
    assert ELIGIBILITY.timeline(signed, start=TODAY).latest is None


def test_a_test_that_expires_before_waiting_is_over_must_be_done_again() -> None:
    facts = {
        "ever_anticancer_therapy": True, "last_anticancer_therapy_date": TODAY,
        "lvef_pct": 60.0, "lvef_date": TODAY - 20 * DAY,
    }  # fmt: skip
    when = ELIGIBILITY.timeline(facts, start=TODAY)
    assert when.earliest is None
    assert when.waited == TODAY + 14 * DAY
    assert when.to_repeat == ("lvef_date",)


STOPPED: dict[str, Any] = {"immunosuppressant_use": "continuous", "last_immunosuppressant_date": date(2025, 12, 1)}


def test_a_day_that_only_waits_for_an_answer_is_possible_and_the_answer_is_named() -> None:
    when = ELIGIBILITY.timeline(STOPPED, start=TODAY)
    assert when.earliest is None
    assert when.possibly_from == ELIGIBILITY.timeline(STOPPED | {"organ_transplant": False}, start=TODAY).earliest
    assert [lane.rule.id for lane in when.binding] == ["E12"]
    assert "Ever received an organ transplant" in when.awaited
    assert when.possibly_until is None
    words = clocks_in_words(when, {})
    assert f"Possibly from {when.possibly_from} on" in words
    assert "Ever received an organ transplant" in words
    assert "On no day" not in words


def test_a_possible_day_closes_with_the_clock_that_then_fails() -> None:
    when = ELIGIBILITY.timeline(STOPPED | {"birth_date": date(1950, 10, 15)}, start=TODAY)
    assert when.possibly_until == date(2026, 10, 14)
    assert [lane.rule.id for lane in when.closing] == ["I1"]
    assert "Possibly until 2026-10-14" in clocks_in_words(when, {})


def test_with_tests_that_expire_alone_no_day_is_called_possible() -> None:
    old = {"lvef_pct": 60.0, "lvef_date": TODAY - 20 * DAY}
    waits = {"ever_anticancer_therapy": True, "last_anticancer_therapy_date": TODAY}
    when = ELIGIBILITY.timeline(old | waits, start=TODAY)
    assert when.possible == ()
    assert "do not all pass on any day of enrolment" in clocks_in_words(when, {"lvef_date": "LVEF"})


def test_of_parts_that_are_alternatives_only_the_whole_criterion_stands_in_the_way() -> None:
    treated = {"diagnosis": "aml", "dx_classification": "who_2016", "disease_state": "untreated"}
    when = ELIGIBILITY.timeline({**treated, "planned_treatment": "first_induction"}, start=TODAY)
    assert when.steady["I2"] == "passes"
    assert when.steadily_failing == ()
    assert ELIGIBILITY.timeline({"planned_treatment": "other"}, start=TODAY).steadily_failing == ("I2",)


def test_what_no_day_changes_is_told_apart() -> None:
    when = ELIGIBILITY.timeline({"ecog": 4}, start=TODAY)
    assert "I5" in when.steadily_failing
    assert when.lanes == ()
    with pytest.raises(KeyError):
        ELIGIBILITY.timeline(WAITING[0][1], start=TODAY).lanes[0].on(TODAY - DAY)


@pytest.mark.slow
@random_examples(20)
@given(st.data(), PHASES)
def test_the_lanes_of_the_picture_have_no_gap_and_end_together(data: st.DataObject, phase: Phase) -> None:
    when = ELIGIBILITY.timeline(data.draw(participants(ELIGIBILITY)), phase, start=TODAY, days=500)
    rows = clock_rows(when)
    assert rows.empty == (not when.lanes)
    for lane in when.lanes:
        own = rows[rows["lane"] == f"{lane.rule.id} {lane.title}"]
        assert own["opens"].tolist()[1:] == own["until"].tolist()[:-1]
        assert own["opens"].iloc[0] == f"{TODAY}T00:00:00"
        assert own["until"].iloc[-1] == rows["until"].max()
        assert own["name"].tolist() == [own["lane"].iloc[0], *[""] * (len(own) - 1)]
    if when.lanes and when.earliest:
        assert set(rows["earliest"]) == {f"{when.earliest}T00:00:00"}
