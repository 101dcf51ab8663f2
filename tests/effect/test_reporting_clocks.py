"""When a reaction must be reported: every reference case, and bad input."""

from datetime import date, timedelta

import pytest
from support.effect import by_case

from protocol.effect import Observations, report_due, reporting_days, reporting_rules, reports_of
from protocol.records import ProtocolError

FIRST = date(2026, 3, 2)


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


# What is to be done next


def event_of(number=1, **about):
    usual = {"participant": "T-1", "number": number, "term": "fever", "version": "5.0", "grade": 3, "onset": FIRST}
    usual |= {"serious": True, "relatedness": "possible", "expected": False, "known_on": FIRST, "last_known": FIRST}
    return usual | {"serious_since": FIRST} | about


def next_task(as_of=FIRST, **about):
    events = Observations.of_rows(events=[event_of(**about)]).events
    return reports_of(events.assign(site="North"), as_of, "china").iloc[0]


@pytest.mark.parametrize(
    ("about", "task", "days"),
    [
        ({"known_on": None}, "sponsor", 1),
        ({"expected": None}, "judge", 15),
        ({"expected": None, "grade": 4}, "judge", 7),
        ({}, "first", 15),
        ({"grade": 4}, "first", 7),
        ({"why_serious": "hospitalisation, life-threatening"}, "first", 7),
        ({"grade": 4, "reported_on": FIRST + timedelta(3)}, "completed", 15),
        ({"reported_on": FIRST + timedelta(3)}, "", None),
        ({"grade": 4, "reported_on": FIRST + timedelta(3), "completed_on": FIRST + timedelta(9)}, "", None),
        ({"expected": True}, "", None),
        ({"expected": None, "relatedness": "unrelated"}, "", None),
    ],
)
def test_the_next_report_is_the_first_that_was_not_made(about, task, days):
    found = next_task(**about)
    assert (found["task"], found["due"]) == (task, days and FIRST + timedelta(days))
    assert not found["late"]


def test_a_report_is_late_from_the_day_after_its_last_day_until_it_is_made():
    assert not next_task(as_of=FIRST + timedelta(15))["late"]
    assert next_task(as_of=FIRST + timedelta(16))["late"]
    assert not next_task(as_of=FIRST + timedelta(16), reported_on=FIRST + timedelta(15))["late"]


def test_the_one_due_first_stands_on_top_and_an_unknown_day_last():
    rows = [
        event_of(1),
        event_of(2, known_on=None, serious_since=None),
        event_of(3, grade=4),
        event_of(4, serious=False),
    ]
    found = reports_of(Observations.of_rows(events=rows).events.assign(site="North"), FIRST, "china")
    assert found["number"].tolist() == [3, 1, 2]


def test_the_days_and_their_origin_are_data():
    days = reporting_days("china")
    assert (days.sponsor_hours, days.fatal_days, days.follow_up_days, days.other_days) == (24, 7, 8, 15)
    assert "CDE" in days.source
    assert "hospitals" in days.sponsor_assumption
    assert reporting_rules() == ("china",)
