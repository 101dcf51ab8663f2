"""The criteria engine: the record's own cases, Kleene logic, and one participant against many."""

from pathlib import Path

import pytest

from protocol.eligibility import Case, Criterion, EligibilityRecord
from protocol.records import read_record

FOLDER = Path(__file__).parents[1] / "data" / "NCT05672420"
RECORD = read_record(FOLDER / "eligibility.toml", EligibilityRecord)
CASES = [(criterion, case) for criterion in RECORD.criteria for case in criterion.cases]


@pytest.mark.parametrize(("criterion", "case"), CASES, ids=[f"{c.id}: {case.says}" for c, case in CASES])
def test_every_case_of_the_record_gets_its_verdict(criterion: Criterion, case: Case) -> None:
    verdict = RECORD.screen(case.facts, case.phase)[case.part or criterion.id]
    assert verdict.status == case.expect, verdict.reason
