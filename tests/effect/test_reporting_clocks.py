"""When a reaction must be reported: every reference case, and bad input."""

from datetime import date

import pytest
from support.effect import by_case

from protocol.effect import report_due
from protocol.records import ProtocolError


@pytest.mark.requirement("R-EFF-04")
@pytest.mark.parametrize("case", **by_case("reporting_clocks.json"))
def test_reports_are_due_on_the_reference_days(case):
    marks = {name: case[name] for name in ("serious", "expected", "fatal_or_life_threatening", "relatedness")}
    due = report_due(date.fromisoformat(case["sponsor_first_aware"]), **marks)
    assert due.is_susar == case["susar"]
    for found, name in ((due.first_report, "initial_due"), (due.follow_up, "follow_up_due")):
        assert (found and found.isoformat()) == case[name]
    assert "2018" in due.source


MARKS = {"serious": True, "expected": False, "fatal_or_life_threatening": False, "relatedness": "possible"}


def test_expected_and_not_serious_events_have_no_clock():
    assert not report_due(date(2026, 3, 2), **MARKS | {"expected": True}).is_susar
    assert not report_due(date(2026, 3, 2), **MARKS | {"serious": False}).is_susar


@pytest.mark.parametrize(
    ("day", "changed", "says"),
    [
        ("2026-03-02", {}, "first known: found '2026-03-02'"),
        (date(2026, 3, 2), {"relatedness": "perhaps"}, "relatedness: found 'perhaps'"),
        (date(2026, 3, 2), {"serious": "yes"}, "serious: found 'yes'; write True or False"),
        (date(2026, 3, 2), {"country": "nowhere"}, "country: found 'nowhere'"),
    ],
)
def test_bad_input_is_refused_in_words(day, changed, says):
    with pytest.raises(ProtocolError) as refused:
        report_due(day, **MARKS | changed)
    assert says in str(refused.value)
