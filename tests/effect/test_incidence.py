"""Cumulative incidence: every reference case, a second implementation, properties, and bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.effect import by_case
from twins.incidence import incidence

from protocol.effect import cumulative_incidence
from protocol.records import ProtocolError


def curves(case):
    found = cumulative_incidence(case["time"], case["status"], case["group"])
    return {f"{one.group} {one.event}": one for one in found}


@pytest.mark.requirement("R-EFF-02")
@pytest.mark.parametrize("case", **by_case("cumulative_incidence.json"))
def test_a_curve_is_the_reference_with_its_variance(case):
    found = curves(case)
    for expected in case["curves"]:
        table = found[expected["curve"]].at(case["timepoints"])
        for name, key in (("estimate", "est"), ("variance", "var")):
            wanted = [np.nan if value is None else value for value in expected[key]]
            assert table[name].tolist() == pytest.approx(wanted, abs=1e-9, nan_ok=True), (expected["curve"], name)


@pytest.mark.parametrize("case", **by_case("cumulative_incidence.json"))
def test_a_curve_has_the_states_of_survfit_and_lies_below_the_naive_one(case):
    found = curves(case)
    for states in case["survival_survfit"]:
        for place, label in enumerate(states["states"][1:], start=1):
            curve = found.get(f"{states['group']} {label.removeprefix('c')}")
            if curve is None:
                continue  # an event that happened to nobody
            table = curve.at(case["timepoints"])
            known = table["estimate"].notna()
            expected = np.array(states["pstate"])[known, place]
            assert table["estimate"][known].tolist() == pytest.approx(expected.tolist(), abs=1e-9)
    for naive in case["naive_one_minus_km_event1"]:
        curve = found.get(f"{naive['group']} 1")
        if curve is not None:
            estimate = curve.at(case["timepoints"])["estimate"].fillna(0)
            assert (estimate <= np.array(naive["one_minus_km"]) + 1e-12).all()


DATA = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=25)


@pytest.mark.requirement("R-EFF-02")
@given(DATA)
def test_a_curve_is_that_of_the_plain_fractions(data):
    times, events = zip(*data, strict=True)
    for curve in cumulative_incidence(times, events):
        expected = incidence(times, events, curve.event)
        assert curve.times.tolist() == list(expected)
        assert curve.estimate.tolist() == pytest.approx([float(each) for each, _risk in expected.values()], abs=1e-12)
        assert curve.at_risk.tolist() == [risk for _each, risk in expected.values()]


@pytest.mark.slow
@given(DATA, st.floats(0.5, 0.99))
def test_a_band_holds_its_curve_and_all_curves_together_stay_below_one(data, level):
    times, events = zip(*data, strict=True)
    found = cumulative_incidence(times, events)
    for curve in found:
        table = curve.table(level)
        assert ((table["low"] <= table["estimate"] + 1e-12) & (table["estimate"] <= table["high"] + 1e-12)).all()
        assert (np.diff(curve.estimate) >= 0).all()
    assert sum((curve.estimate[-1] for curve in found), 0.0) <= 1 + 1e-12


@given(DATA, st.sampled_from([7, 1 / 7, 24]))
def test_a_change_of_the_unit_of_time_changes_nothing(data, factor):
    times, events = (np.array(each, float) for each in zip(*data, strict=True))
    for one, other in zip(
        cumulative_incidence(times, events), cumulative_incidence(times * factor, events), strict=True
    ):
        assert one.estimate.tolist() == other.estimate.tolist()
        assert one.variance.tolist() == other.variance.tolist()


def test_numbers_at_risk_are_those_just_before_a_time():
    [curve] = cumulative_incidence([5, 8, 8, 12], [1, 1, 0, 0])
    assert curve.at([0, 5, 6, 8, 9, 12, 13])["at_risk"].tolist() == [4, 4, 3, 3, 1, 1, 0]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: cumulative_incidence([1, 2], [1]), "2 times, 1 events and 2 groups"),
        (lambda: cumulative_incidence([], []), "0 times"),
        (lambda: cumulative_incidence([-1], [1]), "missing or negative"),
        (lambda: cumulative_incidence([None], [1]), "missing or negative"),
        (lambda: cumulative_incidence([1], [-1]), "events: found -1"),
        (lambda: cumulative_incidence([1], [1.5]), "not whole"),
        (lambda: cumulative_incidence([1, 2], [1, 1], ["A", None]), "a participant without a group"),
        (lambda: cumulative_incidence([1], [1])[0].at([1], 1.0), "level: found 1.0"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(call, says):
    with pytest.raises(ProtocolError) as refused:
        call()
    assert says in str(refused.value)
