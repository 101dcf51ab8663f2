"""Tables of adverse events: every reference case, a second implementation, and bad input."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.effect import by_case
from twins.adverse_events import cell

from protocol.effect import overview, rate_interval, tabulate_events
from protocol.records import ProtocolError


def frames(case):
    people = pd.DataFrame(case["participants"]).rename(columns={"regimen": "group"})
    return people, pd.DataFrame(case["adverse_events"])


@pytest.mark.parametrize("case", **by_case("ae_tables.json"))
def test_a_table_has_the_reference_counts_and_rates(case):
    found = tabulate_events(*frames(case)).set_index(["term", "group"])
    assert len(found) == len(case["table"])
    same = {"n": "participants", "participants_any_grade": "any_grade", "participants_grade3plus": "grade_3_or_more",
            "events": "events", "time_at_risk_days_first_event": "days_at_risk",
            "exposure_days": "exposure_days"}  # fmt: skip
    for expected in case["table"]:
        row = found.loc[(expected["term"], expected["regimen"])]
        assert {key: row[name] for key, name in same.items()} == {key: expected[key] for key in same}
        assert {str(grade): row[f"grade_{grade}"] for grade in range(1, 6)} == expected["participants_by_max_grade"]
        figures = [row["rate"], row["low"], row["high"], row["event_rate"]]
        wanted = [expected["eair_per_100_participant_days"], *expected["eair_ci95_exact"],
                  expected["event_rate_per_100_participant_days"]]  # fmt: skip
        assert figures == pytest.approx(wanted, abs=1e-9)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(1, 5), st.integers(0, 10)), max_size=12))
def test_a_row_is_counted_as_person_by_person(events):
    people = [("A", 10), ("B", 20), ("C", 15), ("D", 11)]
    frame = pd.DataFrame(people, columns=["participant", "exposure_days"]).assign(group="B2")
    listed = pd.DataFrame(events, columns=["participant", "grade", "onset_day"]).assign(term="Fever")
    row = tabulate_events(frame, listed, terms=["Fever"]).iloc[0]
    highest, number, days = cell(people, events)
    assert [row[f"grade_{grade}"] for grade in range(1, 6)] == list(highest.values())
    assert (row["events"], row["days_at_risk"]) == (number, days)


def test_rows_of_zeros_stay():
    people = pd.DataFrame({"participant": ["A"], "group": ["B2"], "exposure_days": [10]})
    none = pd.DataFrame(columns=["participant", "term", "grade", "onset_day"])
    found = tabulate_events(people, none, terms=["Fever"], groups=["A1", "B2"])
    assert found["participants"].tolist() == [0, 1, 1, 0, 1, 1]
    assert found["any_grade"].tolist() == [0] * 6
    assert found["rate"].isna().tolist() == [True, False, False, True, False, False]


def test_the_overview_counts_participants_first():
    people = pd.DataFrame({"participant": ["A", "B"], "group": ["B2", "B3"], "exposure_days": [30, 30]})
    listed = pd.DataFrame(
        [("A", "Fever", 1, 2, False, "possible"), ("A", "Fever", 3, 5, True, "unlikely"),
         ("B", "Sepsis", 5, 9, True, "definite")],
        columns=["participant", "term", "grade", "onset_day", "serious", "related"],
    )  # fmt: skip
    found = overview(people, listed).set_index(["kind", "group"])
    assert found.loc[("any", "Total")].tolist() == [2, 2, 3]
    assert found.loc[("any", "B2")].tolist() == [1, 1, 2]
    assert found.loc[("serious and related", "Total")].tolist() == [2, 1, 1]
    assert found.loc[("fatal", "B2")].tolist() == [1, 0, 0]


def test_an_interval_without_events_begins_at_zero():
    assert rate_interval(0, 100) == pytest.approx((0, 0.036888794541139355))


PEOPLE = pd.DataFrame({"participant": ["A", "B"], "group": ["B2", "B2"], "exposure_days": [10, 20]})


def one_event(**more):
    return pd.DataFrame([{"participant": "A", "term": "Fever", "grade": 2, "onset_day": 3} | more])


@pytest.mark.parametrize(
    ("people", "events", "says"),
    [
        (PEOPLE, one_event(grade=6), "adverse events, row 1: found grade 6; write a grade from 1 to 5"),
        (PEOPLE, one_event(grade=0), "found grade 0"),
        (PEOPLE, one_event(grade=2.5), "not whole"),
        (PEOPLE, one_event(participant="Z"), "a participant who is not listed as treated"),
        (PEOPLE, one_event(onset_day=-1), "an onset that is missing, before day 0"),
        (PEOPLE, one_event(onset_day=11), "after the exposure"),
        (PEOPLE, one_event(end_day=2), "an end before the onset"),
        (PEOPLE, one_event(term=None), "an event without a term"),
        (PEOPLE, one_event().drop(columns="grade"), "no column grade"),
        (PEOPLE.assign(exposure_days=0), one_event(), "not above 0"),
        (pd.concat([PEOPLE, PEOPLE]), one_event(), "a participant listed twice"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(people, events, says):
    with pytest.raises(ProtocolError) as refused:
        tabulate_events(people, events)
    assert says in str(refused.value)
