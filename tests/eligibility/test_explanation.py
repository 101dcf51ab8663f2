"""One participant: what is known and from where, why something is unknown, and the tree behind a verdict."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import statuses
from support.participants import PHASES, participants, records
from support.random_examples import random_examples
from support.small_protocols import CONDITIONS, PEOPLE, criterion, record_of
from support.trial import ELIGIBILITY, FACTS

from protocol.eligibility import REASONS, EligibilityRecord, Node
from protocol.records import Phase, ProtocolError

TODAY = date(2026, 3, 1)
DAY = timedelta(days=1)


# --- Unknown has a reason ----------------------------------------------------------------------------------------


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert ELIGIBILITY.screen(never)["I8a"].status == "passes"
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


@pytest.mark.slow
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
        named = {"passes": good, "excludes": bad, "unknown": "unknown"}
        if rule.applies_if is None and not any(part.applies_if for part in rule.parts):
            assert answer.tree.state == named[answer.verdict.status], rule.id


@pytest.mark.slow
@random_examples(120)
@given(CONDITIONS, PEOPLE)
def test_trees_of_random_conditions_add_up(condition: str, person: dict[str, Any]) -> None:
    root = record_of([criterion(1, condition)]).answers(person, as_of=TODAY)[0]
    assert root.tree is not None
    assert {"true": "excludes", "false": "passes", "unknown": "unknown"}[root.tree.state] == root.verdict.status
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


@pytest.mark.parametrize(
    ("facts", "rule", "reason"),
    [
        (
            {"alt_u_l": 92.751, "alt_uln_u_l": 37.1},
            "I7.3",
            "Alanine aminotransferase (ALT) 92.751 U/L above 2.5 × Upper limit of normal of ALT 37.1 U/L",
        ),
        ({"bmi_kg_m2": 30.0004}, "E3", "Body mass index 30.0004 kg/m² above 30 kg/m²"),
        ({"bmi_kg_m2": 30.004}, "E3", "Body mass index 30.004 kg/m² above 30 kg/m²"),
        ({"bmi_kg_m2": 31.23456}, "E3", "Body mass index 31.23 kg/m² above 30 kg/m²"),
        ({"weight_kg": 86.7, "height_cm": 170}, "E3", "Body mass index 30 kg/m² at most 30 kg/m²"),
        ({"spo2_pct": 94.9996}, "I7.1", "Oxygen saturation 94.9996 % below 95 %"),
        (
            {"creatinine_umol_l": 101.86, "creatinine_uln_umol_l": 67.904},
            "I7.4",
            "Serum creatinine 101.86 μmol/L above 1.5 × Upper limit of normal of creatinine 67.9 μmol/L",
        ),
    ],
)
def test_a_reason_never_shows_a_value_on_the_other_side_of_its_limit(
    facts: dict[str, Any], rule: str, reason: str
) -> None:
    assert ELIGIBILITY.screen(facts)[rule].reason == reason


def test_a_number_in_a_list_that_names_a_fact_has_its_tree() -> None:
    person = {"n": 7}
    answer = record_of([criterion(1, "n in (0.5, n, 3)")]).answers(person, as_of=TODAY)[0]
    assert answer.tree is not None
    assert answer.tree.state == "true"
