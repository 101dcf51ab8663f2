"""One participant: what is known and from where, both gates, when, what to find out next, and what to change."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.participants import PHASES, participants, records
from support.random_examples import random_examples
from support.small_protocols import CONDITIONS, PEOPLE, criteria, criterion, record_of
from support.trial import ELIGIBILITY, FACTS

from protocol.eligibility import REASONS, Criterion, EligibilityRecord, Node, Screening, failure_rates, next_steps
from protocol.eligibility.gates import infusion_catalogue, rules
from protocol.figures.eligibility_clocks import clock_rows, clocks
from protocol.pages.eligibility.clocks import in_words as clocks_in_words
from protocol.records import Phase, ProtocolError

TODAY = date(2026, 3, 1)
DAY = timedelta(days=1)


def statuses(screening: Screening) -> dict[str, str]:
    return {rule.id: rule.status for verdict in screening.verdicts for rule in (verdict, *verdict.parts)}


# --- Unknown has a reason ----------------------------------------------------------------------------------------


@random_examples(60)
@given(st.data(), records(), PHASES)
def test_an_unknown_always_has_one_of_the_eight_reasons(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = data.draw(participants(record))
    unusable = {name: data.draw(st.sampled_from(REASONS)) for name in data.draw(st.sets(st.sampled_from([*FACTS])))}
    for verdict in record.screen(facts, phase, unusable).verdicts:
        if verdict.status == "unknown":
            assert verdict.gaps, verdict.id
            assert {gap.reason for gap in verdict.gaps} <= set(REASONS)
            assert verdict.reason


@pytest.mark.parametrize(
    ("rule", "reason", "facts", "unusable"),
    [
        ("E3", "missing", {}, {}),
        ("I7.2", "stale", {"lvef_pct": 60.0, "lvef_date": date(2026, 1, 1), "enrolment_date": TODAY}, {}),
        ("I7.4", "unit unknown", {"creatinine_uln_umol_l": 97.0}, {"creatinine_umol_l": "unit unknown"}),
        ("I7.4", "no upper limit of normal", {"creatinine_umol_l": 90.0}, {}),
        ("E3", "conflicting sources", {"bmi_kg_m2": 28.0, "weight_kg": 90.0, "height_cm": 170.0}, {}),
        ("I2.1", "conflicting sources", {}, {"diagnosis": "conflicting sources"}),
        ("E26", "judgement pending", {}, {}),
        ("E6", "not yet evaluable", {"infection": "controlled", "anti_infective_start_date": TODAY,
                                     "enrolment_date": TODAY}, {}),
        ("E1", "protocol ambiguous", {"cns_disease": "csf_only"}, {}),
    ],
)  # fmt: skip
def test_each_reason_for_not_knowing_is_told(
    rule: str, reason: str, facts: dict[str, Any], unusable: dict[str, str]
) -> None:
    verdict = ELIGIBILITY.screen(facts, unusable=unusable)[rule]
    assert verdict.status == "unknown"
    assert reason in {gap.reason for gap in verdict.gaps}


DATED_BY = {fact.dated_by for fact in ELIGIBILITY.facts if fact.dated_by} | {"enrolment_date"}
COMPUTED = {fact.id for fact in ELIGIBILITY.facts if fact.derived}
UNMARKED = sorted(set(FACTS) - DATED_BY - COMPUTED - {"weight_kg", "height_cm", "birth_date", "consent_date"})


@random_examples(30)
@given(st.data(), records(), PHASES)
def test_what_cannot_be_used_decides_nothing_that_its_value_would_decide_otherwise(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = data.draw(participants(record))
    name = data.draw(st.sampled_from(UNMARKED))
    less = statuses(record.screen(facts, phase, {name: "unit unknown"}))
    known = {rule: status for rule, status in less.items() if status != "unknown"}
    for value in (facts.get(name), data.draw(participants(record)).get(name)):
        if value is not None and value == value:
            more = statuses(record.screen({**facts, name: value}, phase))
            assert {rule: more[rule] for rule in known} == known


def test_a_dated_therapy_that_cannot_be_used_is_not_the_same_as_never_treated() -> None:
    never = {"ever_anticancer_therapy": False, "enrolment_date": TODAY}
    assert ELIGIBILITY.screen(never)["I8a"].status == "met"
    assert ELIGIBILITY.screen(never, unusable={"last_anticancer_therapy_date": "conflicting sources"})[
        "I8a"
    ].status == ("unknown")


@pytest.mark.parametrize("unusable", [{"ecog": "lost"}, {"shoe_size": "missing"}])
def test_an_unusable_fact_needs_a_fact_and_a_reason_of_the_record(unusable: dict[str, str]) -> None:
    with pytest.raises(ProtocolError, match="one of"):
        ELIGIBILITY.screen({}, unusable=unusable)


# --- Four parts --------------------------------------------------------------------------------------------------


def combined(node: Node) -> str:
    """Work a joint's state out from its children, by Kleene's rules."""
    states = [child.state for child in node.children]
    opposite = {"true": "false", "false": "true", "unknown": "unknown"}
    match node.join:
        case "not":
            return opposite[states[0]]
        case "unclear" | "too early":
            return "false" if states == ["false"] else "unknown"
        case "and":
            return "false" if "false" in states else "unknown" if "unknown" in states else "true"
    return "true" if "true" in states else "unknown" if "unknown" in states else "false"


def every(node: Node) -> list[Node]:
    return [node, *(found for child in node.children for found in every(child))]


@random_examples(30)
@given(st.data(), records(), PHASES)
def test_the_tree_of_a_criterion_adds_up_to_its_verdict(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = data.draw(participants(record))
    answers = record.answers(facts, phase, as_of=TODAY)
    assert [answer.verdict for answer in answers] == list(record.screen(facts, phase).verdicts)
    for answer, rule in zip(answers, record.criteria, strict=True):
        if answer.tree is None:
            assert answer.verdict.status == "not applicable"
            continue
        assert all(combined(node) == node.state for node in every(answer.tree) if node.children), rule.id
        good, bad = ("true", "false") if rule.kind == "inclusion" else ("false", "true")
        named = {"met": good, "not met": bad, "unknown": "unknown"}
        if rule.applies_if is None and not any(part.applies_if for part in rule.parts):
            assert answer.tree.state == named[answer.verdict.status], rule.id


@random_examples(120)
@given(CONDITIONS, PEOPLE)
def test_trees_of_random_conditions_add_up(condition: str, person: dict[str, Any]) -> None:
    root = record_of([criterion(1, condition)]).answers(person, as_of=TODAY)[0]
    assert root.tree is not None
    assert {"true": "not met", "false": "met", "unknown": "unknown"}[root.tree.state] == root.verdict.status
    for node in every(root.tree):
        if node.children and "decided" not in "".join(child.says for child in node.children):
            assert combined(node) == node.state


def test_evidence_names_value_unit_day_and_where_it_came_from() -> None:
    facts = {"lvef_pct": 61.0, "lvef_date": date(2026, 2, 20), "weight_kg": 86.7, "height_cm": 170.0}
    sources = {"lvef_pct": "echo.pdf, page 2", "weight_kg": "form"}
    answers = {a.verdict.id: a for a in ELIGIBILITY.answers(facts, as_of=TODAY, sources=sources)}
    echo = {item.fact: item for item in answers["I7"].evidence}["lvef_pct"]
    assert (echo.value, echo.shown, echo.unit, echo.measured) == (61.0, "61 %", "%", date(2026, 2, 20))
    assert (echo.where, echo.problem) == ("echo.pdf, page 2", "")
    index, weight, height = answers["E3"].evidence
    assert (index.shown, index.where) == ("30 kg/m²", "computed from Weight, Height")
    assert (weight.where, height.where) == ("form", "")
    assert {item.fact: item.problem for item in answers["I7"].evidence}["spo2_pct"] == "missing"


def test_what_was_found_and_cannot_be_used_stands_in_the_evidence_with_its_source() -> None:
    unusable, sources = {"creatinine_umol_l": "unit unknown"}, {"creatinine_umol_l": "Observation/17"}
    answers = {a.verdict.id: a for a in ELIGIBILITY.answers({}, as_of=TODAY, unusable=unusable, sources=sources)}
    found = {item.fact: item for item in answers["I7"].evidence}["creatinine_umol_l"]
    assert (found.value, found.problem, found.where) == (None, "unit unknown", "Observation/17")


def test_a_reading_that_needs_no_fact_is_no_statement_of_the_tree() -> None:
    tree = {a.verdict.id: a for a in ELIGIBILITY.answers({}, as_of=TODAY)}["I2"].tree
    assert tree is not None
    assert [child.says[:4] for child in tree.children] == ["I2.1", "I2.2", "I2.3"]
    assert "veins" not in " ".join(node.says for node in every(tree))
    everyone = ELIGIBILITY.with_parameters(vein_reading="everyone").answers({}, as_of=TODAY)
    tree = {a.verdict.id: a for a in everyone}["I2"].tree
    assert tree is not None
    assert "veins" in " ".join(node.says for node in every(tree))


# --- Two gates ---------------------------------------------------------------------------------------------------


def test_ecog_is_provisional_until_the_day_therapy_starts() -> None:
    facts = {"ecog": 1, "therapy_start_date": date(2026, 3, 10)}
    before, on = (
        {a.verdict.id: a for a in ELIGIBILITY.answers(facts, as_of=day)}["I5"].provisional
        for day in (date(2026, 3, 9), date(2026, 3, 10))
    )
    assert before == ("therapy start", date(2026, 3, 10))
    assert on is None
    assert {a.verdict.id: a for a in ELIGIBILITY.answers({"ecog": 1}, as_of=TODAY)}["I5"].provisional == (
        "therapy start",
        None,
    )


def test_exclusion_15_is_provisional_at_enrolment_and_final_on_the_day_of_the_infusion() -> None:
    facts = {"antimitotic_with_infusion": "none", "infusion_date": TODAY, "enrolment_date": TODAY}
    enrolment = {a.verdict.id: a for a in ELIGIBILITY.answers(facts, as_of=TODAY)}
    infusion = {a.verdict.id: a for a in ELIGIBILITY.answers(facts, as_of=TODAY, gate="infusion")}
    assert enrolment["E15"].provisional == ("infusion", TODAY)
    assert infusion["E15"].provisional is None
    assert enrolment["E19"].provisional == ("follow-up", None)
    assert enrolment["E14"].provisional is None


def infused(facts: dict[str, Any]) -> Screening:
    return ELIGIBILITY.screen_infusion({"infusion_date": TODAY, **facts})


GATE_CASES = [(rule, case) for rule in ELIGIBILITY.infusion_criteria for case in rule.cases]


@pytest.mark.parametrize(("rule", "case"), GATE_CASES, ids=[f"{r.id}: {case.says}" for r, case in GATE_CASES])
def test_every_case_of_the_gate_before_an_infusion_gets_its_verdict(rule: Criterion, case: Any) -> None:
    gate = ELIGIBILITY.model_copy(update={"criteria": ELIGIBILITY.infusion_criteria})
    assert gate.screen(case.facts)[rule.id].status == case.expect


def test_before_an_infusion_the_title_exclusion_15_and_the_rechecks_are_asked_and_nothing_else() -> None:
    ids = [verdict.id for verdict in infused({}).verdicts]
    assert ids == ["D1", "D2", *(recheck.rule for recheck in ELIGIBILITY.rechecks)]
    assert "E15" in ids
    assert "I8" not in ids


def test_a_test_must_be_recent_on_the_day_of_the_infusion() -> None:
    facts = {"sex": "female", "pregnancy_test": "negative", "breastfeeding": False, "enrolment_date": TODAY}
    tested = {**facts, "pregnancy_test_date": TODAY}
    assert ELIGIBILITY.screen(tested)["E18"].status == "met"
    later = ELIGIBILITY.screen_infusion({**tested, "infusion_date": TODAY + 8 * DAY})["E18"]
    assert (later.status, later.gaps[0].reason) == ("unknown", "stale")


def test_without_the_day_of_the_infusion_the_gate_asks_for_it() -> None:
    with pytest.raises(ProtocolError, match="Day of the infusion"):
        ELIGIBILITY.screen_infusion({"treatment_myelosuppression": True})


def test_an_infusion_needs_myelosuppression_induced_by_the_treatment() -> None:
    ready = {
        "treatment_myelosuppression": True, "antimitotic_with_infusion": "none", "consent_signed": True,
        "consent_date": date(2026, 2, 1), "spo2_pct": 98.0, "on_room_air": True, "infection": "none",
        "bleeding_uncontrolled": False, "allergy": "none", "sex": "male", "investigator_risk": False,
    }  # fmt: skip
    assert infused(ready).overall == "eligible so far"
    assert infused(ready | {"treatment_myelosuppression": False}).overall == "ineligible"
    assert infused(ready | {"treatment_myelosuppression": None}).overall == "possibly eligible"
    assert infused(ready | {"last_antimitotic_date": TODAY}).overall == "ineligible"


def test_before_its_day_every_answer_about_an_infusion_is_provisional_and_on_it_none_is() -> None:
    facts = {"infusion_date": TODAY}
    for as_of, still in ((TODAY - DAY, ("infusion", TODAY)), (TODAY, None)):
        answers = ELIGIBILITY.answers(facts, as_of=as_of, gate="infusion")
        asked = [answer for answer in answers if answer.verdict.status != "not applicable"]
        assert {answer.provisional for answer in asked} == {still}


def test_the_gate_counts_to_the_infusion_and_says_so() -> None:
    facts = {"infection": "uncontrolled", "anti_infective_start_date": TODAY - 5 * DAY, "infusion_date": TODAY}
    assert "Day of the infusion" in ELIGIBILITY.screen_infusion(facts)["E6"].reason
    assert infusion_catalogue(ELIGIBILITY).criteria[0].id == "D1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rechecks": ({"rule": "E99", "assumption": "a"},)}, "E99"),
        ({"procedures": ({"id": "x", "label": "X", "facts": ("shoe",), "cost": 1, "assumption": "a"},)}, "shoe"),
        (
            {"procedures": ({"id": "x", "label": "X", "facts": ("ecog", "ecog"), "cost": 1, "assumption": "a"},)},
            "ecog",
        ),
    ],
)
def test_a_gate_or_a_procedure_that_names_nothing_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EligibilityRecord.model_validate(ELIGIBILITY.model_dump() | change)


# --- When --------------------------------------------------------------------------------------------------------


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
        return all(alone[lane.rule.id].status in ("met", "not applicable") for lane in when.lanes)

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
        ["all together", "met", "2026-03-15", "further on"],
        ["I8a No anti-cancer therapy for 14 days", "not met", "2026-03-01", "2026-03-14"],
        ["I8a No anti-cancer therapy for 14 days", "met", "2026-03-15", "further on"],
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
    assert "On no day do all clocks" in clocks_in_words(when, {"lvef_date": "LVEF"})


def test_of_parts_that_are_alternatives_only_the_whole_criterion_stands_in_the_way() -> None:
    treated = {"diagnosis": "aml", "dx_classification": "who_2016", "disease_state": "untreated"}
    when = ELIGIBILITY.timeline({**treated, "planned_treatment": "first_induction"}, start=TODAY)
    assert when.steady["I2"] == "met"
    assert when.steadily_failing == ()
    assert ELIGIBILITY.timeline({"planned_treatment": "other"}, start=TODAY).steadily_failing == ("I2",)


def test_what_no_day_changes_is_told_apart() -> None:
    when = ELIGIBILITY.timeline({"ecog": 4}, start=TODAY)
    assert "I5" in when.steadily_failing
    assert when.lanes == ()
    with pytest.raises(KeyError):
        ELIGIBILITY.timeline(WAITING[0][1], start=TODAY).lanes[0].on(TODAY - DAY)


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


# --- What to find out next ---------------------------------------------------------------------------------------


def expected_cost(order: list[tuple[float, float]]) -> float:
    """Return the expected cost of tests with (chance of failing, cost) done in this order until one fails."""
    reached, cost = 1.0, 0.0
    for chance, price in order:
        cost, reached = cost + reached * price, reached * (1 - chance)
    return cost


@random_examples(60)
@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.5, 20)), min_size=2, max_size=5))
def test_no_other_order_of_independent_tests_decides_at_less_expected_cost(tests: list[tuple[float, float]]) -> None:
    best = sorted(tests, key=lambda test: -test[0] / test[1])
    assert expected_cost(best) <= min(expected_cost(list(order)) for order in permutations(tests)) * (1 + 1e-9)


def test_failure_rates_are_the_cohorts_own_smoothed() -> None:
    rates = failure_rates(ELIGIBILITY.screen_cohort(pd.DataFrame({"ecog": [0, 3, 4, None]})))
    assert rates["I5"] == (2 + 1) / (3 + 2)
    assert rates["E3"] == 0.5  # nobody known


def test_steps_come_by_chance_for_the_cost_and_costs_can_be_changed() -> None:
    rates = dict.fromkeys((c.id for c in ELIGIBILITY.criteria), 0.1) | {"I7": 0.9}
    screening = ELIGIBILITY.screen({})
    steps = next_steps(ELIGIBILITY, screening, rates)
    assert [step.worth for step in steps] == sorted((step.worth for step in steps), reverse=True)
    echo = next(step for step in steps if step.procedure.id == "echo")
    assert (echo.facts, echo.criteria) == (("lvef_pct",), ("I7",))
    assert echo.chance == pytest.approx(0.9)
    assert next_steps(ELIGIBILITY, screening, rates, {"echo": 0.01})[0].procedure.id == "echo"


def test_a_fact_with_a_cost_of_its_own_is_found_by_itself_and_the_others_stay_together() -> None:
    rates, screening = dict.fromkeys((c.id for c in ELIGIBILITY.criteria), 0.1), ELIGIBILITY.screen({})
    costs = {"blood_tests": 4.0, "pregnancy_test": 3.0}
    before = {step.procedure.id: step for step in next_steps(ELIGIBILITY, screening, rates, costs)}
    alone = {"alt_u_l": 0.05, "pregnancy_test": 0.2, "lvef_pct": 7.0}
    steps = next_steps(ELIGIBILITY, screening, rates, costs, alone=alone)
    assert [(steps[0].procedure.label, steps[0].facts, steps[0].cost)] == [
        ("Alanine aminotransferase (ALT)", ("alt_u_l",), 0.05)
    ]
    after = {step.facts: step for step in steps}
    rest = tuple(name for name in before["blood_tests"].facts if name != "alt_u_l")
    assert (after[rest].procedure.id, after[rest].cost) == ("blood_tests", 4.0)
    assert after[("pregnancy_test",)].cost == 0.2  # the fact's, though its procedure has the same name
    assert after[("lvef_pct",)].cost == 7.0
    assert [name for step in steps for name in step.facts].count("alt_u_l") == 1
    assert sorted(n for s in steps for n in s.facts) == sorted(n for s in before.values() for n in s.facts)


def test_nothing_is_left_to_find_out_once_a_criterion_fails() -> None:
    assert next_steps(ELIGIBILITY, ELIGIBILITY.screen({"ecog": 4}), {}) == ()


def test_mirrors_and_what_cannot_fail_are_no_reason_to_ask() -> None:
    asked = {name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen({}), {}) for name in step.criteria}
    assert asked.isdisjoint({"E23", "E9", "I4"})


def test_a_question_that_only_the_sponsor_can_answer_is_not_sought_in_a_test() -> None:
    facts = {"diagnosis": "lbl", "dx_classification": "who_2016", "disease_state": "untreated",
             "planned_treatment": "first_induction", "prior_reinductions": 0}  # fmt: skip
    asked = {
        name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen(facts), {}, facts=facts) for name in step.criteria
    }
    assert ELIGIBILITY.screen(facts)["I2"].status == "unknown"
    assert "I2" not in asked
    older = facts | {"dx_classification": None, "prior_reinductions": None}
    assert "I2" not in {
        name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen(older), {}, facts=older) for name in step.criteria
    }
    assert "I2" in {name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen({}), {}) for name in step.criteria}


def test_whatever_can_fail_is_found_by_the_draws() -> None:
    for phase in ("Ib", "II"):
        asked = {
            name for step in next_steps(ELIGIBILITY, ELIGIBILITY.screen({}, phase), {}) for name in step.criteria
        }
        assert asked == {c.id for c in ELIGIBILITY.criteria if not (c.counted_with or c.cannot_fail)}


def test_a_fact_that_no_procedure_finds_costs_a_look_into_the_chart() -> None:
    record = record_of([criterion(1, "p and x > 1")])
    assert {(step.procedure.id, step.cost) for step in next_steps(record, record.screen({}), {})} == {
        ("p", 1.0),
        ("x", 1.0),
    }


def test_every_fact_of_the_trial_has_its_procedure() -> None:
    assert {name for procedure in ELIGIBILITY.procedures for name in procedure.facts} == set(FACTS)


def test_an_unknown_of_the_infusion_gate_is_asked_for_as_well() -> None:
    steps = next_steps(ELIGIBILITY, infused({}), {})
    assert "treatment_myelosuppression" in {name for step in steps for name in step.facts}


# --- What would have to be different -----------------------------------------------------------------------------


@random_examples(15)
@given(st.data(), records(), PHASES)
def test_a_change_makes_its_criterion_met_and_changes_nothing_it_does_not_name(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = {name: value for name, value in data.draw(participants(record)).items() if value == value}
    before = {v.id: v.status for v in record.screen(facts, phase).verdicts}
    for change in record.counterfactuals(facts, phase):
        assert before[change.criterion] == "not met"
        for value in change.to:
            after = {v.id: v.status for v in record.screen({**facts, change.fact: value}, phase).verdicts}
            assert (after[change.criterion] == "met") or not change.sufficient
            if value == change.to[0]:
                others = {name: status for name, status in after.items() if status != before[name]}
                assert {name: status for name, status in others.items() if name != change.criterion} == change.also


@random_examples(15)
@given(st.data(), records(), PHASES)
def test_no_number_nearer_to_the_present_one_would_do(
    data: st.DataObject, record: EligibilityRecord, phase: Phase
) -> None:
    facts = {name: value for name, value in data.draw(participants(record)).items() if value == value}
    for change in record.counterfactuals(facts, phase):
        fact = FACTS[change.fact]
        if fact.is_number and change.sufficient:
            step = (fact.step or 1) * (1 if change.to[0] < change.now else -1)  # type: ignore[operator]
            nearer = round(change.to[0] + step, 9)  # type: ignore[operator, arg-type]
            nearer = int(nearer) if fact.type == "whole" else nearer
            if (nearer - change.now) * step < 0:  # type: ignore[operator]
                assert record.screen({**facts, change.fact: nearer}, phase)[change.criterion].status != "met"


ORGANS = {
    "spo2_pct": 98.0, "on_room_air": True, "lvef_pct": 60.0, "alt_u_l": 112.0, "alt_uln_u_l": 40.0, "ast_u_l": 30.0,
    "ast_uln_u_l": 40.0, "bilirubin_umol_l": 10.0, "bilirubin_uln_umol_l": 20.5, "creatinine_umol_l": 80.0,
    "creatinine_uln_umol_l": 97.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (ORGANS, ["Alanine aminotransferase (ALT) at most 100 U/L (now 112 U/L)"]),
        ({"ecog": 3}, ["ECOG performance status at most 2 (now 3)"]),
        ({"alt_u_l": 112.0, "alt_uln_u_l": 40.0}, ["Alanine aminotransferase (ALT) at most 100 U/L (now 112 U/L)"]),
        ({"bmi_kg_m2": 31.0}, ["Body mass index at most 30 kg/m² (now 31 kg/m²)"]),
        ({"weight_kg": 90.0, "height_cm": 170.0}, ["Weight at most 86.7 kg (now 90 kg)"]),
        ({"lvef_pct": 30.0}, ["Left ventricular ejection fraction at least 45 % (now 30 %)"]),
        ({"last_trial_drug_date": date(2026, 2, 15), "other_trial": "past", "enrolment_date": TODAY},
         ["enrolment from 2026-03-29"]),
    ],
)  # fmt: skip
def test_the_nearest_change_is_told_in_words(facts: dict[str, Any], says: list[str]) -> None:
    assert [change.says for change in ELIGIBILITY.counterfactuals(facts)] == says


def test_two_obstacles_in_one_criterion_are_told_as_such() -> None:
    changes = ELIGIBILITY.counterfactuals(ORGANS | {"bilirubin_umol_l": 57.5, "lvef_pct": 30.0})
    assert {change.fact for change in changes} == {"alt_u_l", "bilirubin_umol_l", "lvef_pct"}
    assert not any(change.sufficient for change in changes)
    together = ORGANS | {change.fact: change.to[0] for change in changes if change.fact != "lvef_pct"}
    assert ELIGIBILITY.screen(together)["I7"].status == "met"


def test_a_change_that_moves_another_verdict_says_which() -> None:
    (change,) = ELIGIBILITY.counterfactuals({"expected_survival_months": 0.05})
    assert change.criterion == "I6"
    assert dict(change.also) == {"E9": "met"}


@random_examples(60)
@given(st.tuples(*(criteria(number) for number in (1, 2))), PEOPLE, PHASES)
def test_changes_hold_for_random_protocols(drawn: tuple[Any, ...], person: dict[str, Any], phase: Phase) -> None:
    record = record_of(drawn)
    facts = {name: value for name, value in person.items() if value == value}
    for change in record.counterfactuals(facts, phase):
        if change.sufficient:
            for value in change.to:
                assert record.screen({**facts, change.fact: value}, phase)[change.criterion].status == "met"
