"""What users receive shows itself, and needs no role, no phase of this trial and no number of criteria."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from support.frames import frame
from support.small_protocols import criterion, record_of
from support.trial import ELIGIBILITY

from protocol.eligibility import EligibilityRecord, screening_record
from protocol.records import ProtocolError

DAY = date(2026, 3, 1)
FACTS: dict[str, Any] = {"ecog": 1, "sex": "female", "enrolment_date": DAY}
ABOUT = {"study_id": "W-1", "trial_id": "T", "registry_version": "1", "software": "x"}
RECEIVED = {
    "record": ELIGIBILITY,
    "screening": ELIGIBILITY.screen(FACTS),
    "answer": ELIGIBILITY.answers(FACTS, as_of=DAY)[3],
    "timeline": ELIGIBILITY.timeline(FACTS, start=DAY, days=30),
    "cohort": ELIGIBILITY.cohort(pd.DataFrame({"ecog": [1, 3]})),
    "cohort screening": ELIGIBILITY.screen_cohort(pd.DataFrame({"ecog": [1, 3]})),
    "screening record": screening_record(ELIGIBILITY, FACTS, None, DAY, **ABOUT),
}


@pytest.mark.parametrize("one", RECEIVED.values(), ids=RECEIVED.keys())
def test_what_is_returned_shows_itself(one: Any) -> None:
    assert "\n" not in repr(one)
    assert len(repr(one)) < 160
    assert isinstance(one.table(), pd.DataFrame)
    assert "<table" in one._repr_html_()


def test_html_in_a_record_is_escaped() -> None:
    found = record_of([criterion(1, "p", title="<img src=x>")]).screen({"p": True})
    assert "<img" not in found._repr_html_()


def test_a_record_may_have_any_number_of_criteria() -> None:
    record = record_of(criterion(number, f"x > {number}") for number in range(1, 101))
    found = record.screen_cohort(frame([{"x": 80.0}, {"x": 0.5}]))
    assert found.fail.sum(axis=1).tolist() == [79, 0]
    assert found.totals() == {"ineligible": 1, "possibly eligible": 0, "eligible so far": 1}
    assert found.having("excludes", ["E79", "E80"]).tolist() == [True, False]


def without_roles() -> EligibilityRecord:
    record = record_of([criterion(1, "y > 5"), criterion(2, "p")])
    content = {name: getattr(record, name) for name in ("facts", "parameters", "criteria")}
    return EligibilityRecord(phases=("all",), **content)


def test_without_a_day_of_enrolment_no_measurement_is_out_of_date() -> None:
    record, old = without_roles(), {"y": 9.0, "d": date(2000, 1, 1), "enrolment_date": DAY}
    assert record.screen(old)["E1"].status == "excludes"
    assert record.screen_cohort(frame([old])).fail.tolist() == [[True, False]]
    assert record_of(record.criteria).screen(old)["E1"].status == "unknown"
    assert record.timeline(old, start=DAY, days=5).lanes == ()
    assert [change.fact for change in record.counterfactuals(old)] == ["y"]


def test_without_a_day_of_the_infusion_there_is_no_such_gate() -> None:
    with pytest.raises(ProtocolError, match="which the record does not have"):
        without_roles().screen_infusion({"p": True})


def test_the_first_phase_of_the_record_is_the_default() -> None:
    assert without_roles().screen({}).phase == "all"
    assert ELIGIBILITY.screen({}).phase == ELIGIBILITY.phases[0]
    with pytest.raises(ProtocolError, match="write all"):
        without_roles().screen({}, "II")
