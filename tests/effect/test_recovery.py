"""Nadir and recovery: every reference case, a second implementation, properties, and bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.effect import by_case
from twins.recovery import days_rule, span_rule, values_rule

from protocol.effect import Definition, Draws, Given, definitions, event_times, nadir, recovery
from protocol.records import ProtocolError

ANALYTES = {"anc": "neutrophils", "plt": "platelets", "hb": "haemoglobin"}


def drawn(case, analyte):
    days, values = zip(*case["draws"], strict=True)
    unit = "g/L" if analyte == "haemoglobin" else "10^9/L"
    return Draws(["P"] * len(days), days, values, analyte=analyte, unit=unit)


def on(days):
    return None if days is None else Given(["P"] * len(days), days)


def plain(value):
    return None if pd.isna(value) else int(value)


@pytest.mark.parametrize("case", **by_case("recovery_series.json"))
def test_a_reference_series_recovers_on_its_day(case):
    draws = drawn(case, ANALYTES[case["analyte"]])
    for name, expected in case["expect"].items():
        found = recovery(
            draws,
            name,
            follow_up_end=case["follow_up_end"],
            transfusions=on(case.get("transfusion_days", [])),
            growth_factor=on(case.get("gcsf_days", [])),
        ).table()
        row = found.iloc[0]
        assert [row["status"], plain(row["day"]), plain(row["earliest"])][: len(expected)] == expected, name


@pytest.mark.parametrize("case", [one for one in by_case("recovery_series.json")["argvalues"]
                                  if "competing" in one or "censor" in one], ids=lambda case: case["id"])  # fmt: skip
def test_a_reference_series_enters_the_cumulative_incidence_with_its_event(case):
    name = next(iter(case["expect"]))
    draws = drawn(case, ANALYTES[case["analyte"]])
    given_days = on(case.get("transfusion_days", []))
    found = recovery(draws, name, follow_up_end=case["follow_up_end"], transfusions=given_days)
    time, event = case.get("competing") or case["censor"]
    table = event_times(found, {event: [time]} if event else None)
    assert [table["time"][0], table["event"][0]] == [time, event]


@pytest.mark.parametrize("case", **by_case("nadir.json"))
def test_a_reference_series_has_its_nadir_and_days_below(case):
    row = nadir(drawn(case, "neutrophils"), case["threshold"]).iloc[0]
    for name in ("nadir", "nadir_day", "draws_below", "days_below_carried_forward"):
        assert row[name] == case[name]
    for name in ("days_below_interpolated", "area_below_interpolated"):
        assert row[name] == pytest.approx(case[name], abs=1e-9)


SERIES = st.dictionaries(st.integers(0, 25), st.sampled_from([0.1, 0.4, 0.5, 0.6, 1.0]), min_size=1)
DAYS = st.lists(st.integers(-3, 25), max_size=3, unique=True)


def one_status(series, definition, end, transfusions=(), factor=()):
    draws = Draws(["P"] * len(series), list(series), list(series.values()), analyte="neutrophils", unit="10^9/L")
    found = recovery(
        draws, definition, follow_up_end=end, transfusions=on(transfusions), growth_factor=on(factor)
    ).table()
    return found["status"][0], plain(found["day"][0]), plain(found["earliest"][0])


def defined(rule, count, **more):
    return Definition(
        label="", analyte="neutrophils", unit="10^9/L", limit="0.5", rule=rule, count=count, source="", **more
    )


@pytest.mark.slow
@given(SERIES, st.integers(1, 4), st.integers(5, 30), DAYS, st.integers(1, 4))
def test_successive_days_are_those_of_the_plain_rule(series, count, end, days, barred):
    if min(series) > end:
        return
    found = one_status(series, defined("days", count, product="any", days_without=barred), end, days)
    assert found == days_rule(series, 0.5, count, end, days, barred, counts_transfusions=True)


@pytest.mark.slow
@given(SERIES, st.integers(5, 30), DAYS, st.integers(0, 4))
def test_a_growth_factor_forbids_its_days_and_its_washout(series, end, days, washout):
    if min(series) > end:
        return
    found = one_status(series, defined("days", 3, growth_factor=True, washout=washout), end, factor=days)
    assert found == days_rule(series, 0.5, 3, end, days, washout + 1)


@pytest.mark.slow
@given(SERIES, st.integers(1, 4), st.integers(5, 30), DAYS, st.integers(1, 7))
def test_successive_values_are_those_of_the_plain_rule(series, count, end, days, barred):
    if min(series) > end:
        return
    found = one_status(series, defined("values", count, product="any", days_without=barred), end, days)
    assert found[:2] == values_rule(series, 0.5, count, end, days, barred, counts_transfusions=True)


@pytest.mark.slow
@given(SERIES, st.integers(2, 14), st.integers(1, 7), st.integers(5, 30), DAYS)
def test_spans_are_those_of_the_plain_rule(series, length, gap, end, days):
    if min(series) > end:
        return
    found = one_status(series, defined("span", length, most_gap=gap, product="any"), end, days)
    assert found[:2] == span_rule(series, 0.5, length, gap, end, days)


@pytest.mark.slow
@given(SERIES, st.integers(0, 25), st.sampled_from([0.1, 0.6]), DAYS)
def test_learning_a_draw_never_undoes_a_recovery(series, day, value, days):
    if day in series:
        return
    definition = defined("days", 3, product="any")
    before = one_status(series, definition, 30, days)
    after = one_status(series | {day: value}, definition, 30, days)
    if before[0] == "recovered":
        assert after[0] == "recovered"
        assert after[1] <= before[1]
    if value >= 0.5 and before[0] != "never_below":  # a value at the limit only makes more certain
        by_values = defined("values", 3, product="any")
        if one_status(series, by_values, 30, days)[0] == "recovered":
            assert one_status(series | {day: value}, by_values, 30, days)[0] == "recovered"
        assert after[2] == before[2]


@pytest.mark.slow
@given(st.dictionaries(st.integers(0, 25), st.integers(0, 3000), min_size=1), st.sampled_from(sorted(definitions())))
def test_a_change_of_unit_changes_no_recovery(series, name):
    analyte = definitions()[name].analyte
    coarse, fine, factor = ("g/L", "g/dL", 10) if analyte == "haemoglobin" else ("10^9/L", "/mm3", 0.001)
    scale = {"neutrophils": 0.001, "platelets": 0.05, "haemoglobin": 0.1}[analyte]
    people, days = ["P"] * len(series), list(series)
    values = np.array(list(series.values())) * scale
    nothing = {"transfusions": Given(), "growth_factor": Given()}
    one = Draws(people, days, values, analyte=analyte, unit=coarse)
    other = Draws(people, days, values / factor, analyte=analyte, unit=fine)
    assert recovery(one, name, **nothing).table().equals(recovery(other, name, **nothing).table())


def test_many_participants_are_each_as_alone():
    random = np.random.default_rng(5)
    who = random.integers(0, 60, 900)
    day, value = random.integers(0, 28, 900), random.choice([0.1, 0.4, 0.5, 0.9], 900)
    together = Draws(who, day, value, analyte="neutrophils", unit="10^9/L")
    found = recovery(together, "anc500_3d", follow_up_end=28).table()
    fallen = nadir(together, 0.5)
    for place, participant in enumerate(together.everyone):
        mine = who == participant
        alone = Draws(who[mine], day[mine], value[mine], analyte="neutrophils", unit="10^9/L")
        row = recovery(alone, "anc500_3d", follow_up_end=28).table().iloc[0]
        assert row.astype(str).tolist() == found.iloc[place].astype(str).tolist()
        assert nadir(alone, 0.5).iloc[0].astype(str).tolist() == fallen.iloc[place].astype(str).tolist()


def test_transfusions_that_are_not_known_leave_a_recovery_unknown():
    days, values = list(range(10)), [10, 30, 25, 10, 15, 19, 23, 25, 40, 50]
    draws = Draws(["P"] * 10, days, values, analyte="platelets", unit="10^9/L")
    everybody = recovery(draws, "plt20_3v_7d").table()
    assert (everybody["status"][0], everybody["why"][0]) == ("unknown", "transfusions of platelets are not known")
    named = recovery(draws, "plt20_3v_7d", transfusions=Given(unknown=["P"])).table()
    assert named.equals(everybody)
    high = Draws(["P"] * 3, [1, 2, 3], [90, 80, 70], analyte="platelets", unit="10^9/L")
    assert recovery(high, "plt20_3v_7d").table()["status"][0] == "unknown"
    low = Draws(["P"] * 3, [1, 2, 3], [9, 8, 7], analyte="platelets", unit="10^9/L")
    assert recovery(low, "plt20_3v_7d").table()["status"][0] == "none"


def test_a_growth_factor_that_is_not_known_leaves_a_recovery_unknown():
    draws = Draws(["P"] * 4, [1, 2, 3, 4], [0.1, 0.6, 0.7, 0.8], analyte="neutrophils", unit="10^9/L")
    found = recovery(draws, "anc500_3d_no_gcsf").table()
    assert (found["status"][0], found["why"][0]) == ("unknown", "growth factor is not known")
    assert recovery(draws, "anc500_3d_no_gcsf", growth_factor=Given()).table()["day"][0] == 2


def test_a_participant_without_a_draw_is_unknown_and_stays_in_the_table():
    draws = Draws(["A"], [3], [0.4], analyte="neutrophils", unit="10^9/L", everyone=["A", "B"])
    found = recovery(draws, "anc500_3d").table()
    assert found["status"].tolist() == ["none", "unknown"]
    assert found["why"].tolist() == ["", "no draw"]
    assert nadir(draws, 0.5)["nadir"].isna().tolist() == [False, True]


def test_an_interim_cut_counts_an_incomplete_window_neither_way():
    draws = Draws(["P"] * 4, [10, 11, 12, 13], [0.1, 0.2, 0.6, 0.9], analyte="neutrophils", unit="10^9/L")
    found = recovery(draws, "anc500_3d", follow_up_end=13)
    assert found.table()["status"][0] == "none"
    assert event_times(found, interim=True)["time"][0] == 12
    assert event_times(found)["time"][0] == 13


def test_a_relapse_before_the_earliest_day_decides_what_the_draws_leave_open():
    draws = Draws(["P"] * 4, [9, 12, 15, 19], [0.4, 0.3, 0.6, 1.0], analyte="neutrophils", unit="10^9/L")
    found = recovery(draws, "anc500_3d", follow_up_end=19)
    assert found.table()[["status", "earliest"]].iloc[0].tolist() == ["unknown", 13]
    assert event_times(found, {3: [12.0]})[["time", "event"]].iloc[0].tolist() == [12, 3]
    later = event_times(found, {3: [18.0]})
    assert pd.isna(later["event"][0])
    assert later["why"][0].startswith("days without a draw")


def test_recovery_and_a_competing_event_on_one_day_is_a_recovery():
    draws = Draws(["P"] * 4, [1, 2, 3, 4], [0.1, 0.6, 0.7, 0.8], analyte="neutrophils", unit="10^9/L")
    found = recovery(draws, "anc500_3d")
    assert event_times(found, {2: [2.0]})["event"][0] == 1
    assert event_times(found, {2: [1.0]})["event"][0] == 2
    assert event_times(found, {2: [np.nan]})["event"][0] == 1


def neutrophils(participant, day, value, **more):
    return Draws(participant, day, value, analyte="neutrophils", unit="10^9/L", **more)


GOOD = neutrophils(["P"], [1], [0.4])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Draws(["P"], [1], [12_000], analyte="neutrophils", unit=None), "12,000 without a unit"),
        (lambda: Draws(["P"], [1], [1], analyte="cells", unit="10^9/L"), "analyte: found 'cells'"),
        (lambda: neutrophils(["P"], [1, 2], [1, 2]), "1 participants, 2 days and 2 counts"),
        (lambda: neutrophils(["P"], [1.5], [1]), "not whole"),
        (lambda: neutrophils(["P"], [20261130], [1]), "days of draws: found 20,261,130"),
        (lambda: neutrophils([None], [1], [1]), "a participant who is missing"),
        (lambda: neutrophils(["P"], [1], [1], everyone=["Q"]), "unknown or listed twice"),
        (lambda: neutrophils(["P"], [1], [1], everyone=["P", "P"]), "unknown or listed twice"),
        (lambda: recovery(GOOD, "anc1000"), "definition of recovery: found 'anc1000'"),
        (lambda: recovery(GOOD, "plt20_7d"), "found counts of neutrophils; write counts of platelets"),
        (lambda: recovery(GOOD, "anc500_3d", follow_up_end=[1, 2]), "end of follow-up"),
        (lambda: recovery(GOOD, "anc500_3d_no_gcsf", growth_factor=Given(["Q"], [1])), "growth factor: found a part"),
        (lambda: recovery(GOOD, "anc500_3d_no_gcsf", growth_factor=Given(["P"], [])), "1 participants and 0 days"),
        (lambda: nadir(GOOD, 0), "limit in 10^9/L: found 0"),
        (lambda: event_times(recovery(GOOD, "anc500_3d"), {1: [3.0]}), "a whole number of 2 or more"),
        (lambda: event_times(recovery(GOOD, "anc500_3d"), {2: [3.0, 4.0]}), "one day for each participant"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(call, says):
    with pytest.raises(ProtocolError) as refused:
        call()
    assert says in str(refused.value)
