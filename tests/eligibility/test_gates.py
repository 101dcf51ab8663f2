"""The two gates: what is asked before enrolment, and again before an infusion."""

from datetime import date, timedelta
from typing import Any

import pytest
from support.trial import ELIGIBILITY

from protocol.eligibility import Criterion, EligibilityRecord, Screening
from protocol.eligibility.gates import infusion_catalogue
from protocol.records import ProtocolError

TODAY = date(2026, 3, 1)
DAY = timedelta(days=1)


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


GATE_CASES = [(rule, case) for rule in ELIGIBILITY.infusion_criteria for case in ELIGIBILITY.cases[rule.id]]


@pytest.mark.requirement("R-ELI-05")
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
    assert ELIGIBILITY.screen(tested)["E18"].status == "passes"
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


@pytest.mark.requirement("R-ELI-05")
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
