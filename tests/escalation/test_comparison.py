"""Designs compared on the same simulated participants."""

import numpy as np
import pytest
from support.escalation import SCENARIOS
from support.trial import ESCALATION

from protocol.escalation import compare, compare_in_steps, simulate
from protocol.records import ProtocolError


def side_by_side(trials=300, **more):
    designs = {
        "plain": ESCALATION.designed(),
        "bar": ESCALATION.designed(bar=True),
        "3+3": ESCALATION.designed("3+3 along a path"),
    }
    return compare(designs, SCENARIOS["diagonal"], trials, 7, margin=0.05, **more)


def test_designs_side_by_side_meet_the_same_participants():
    found = side_by_side()
    for name, one in found.simulations.items():
        alone = simulate(one.design, SCENARIOS["diagonal"], 300, 7)
        assert np.array_equal(one.treated, alone.treated), name
        assert np.array_equal(one.dlt, alone.dlt), name
    plain, bar = found.simulations["plain"], found.simulations["bar"]
    alike = (plain.treated == bar.treated).all(axis=(1, 2))
    assert 0 < alike.mean() < 1
    assert np.array_equal(plain.dlt[alike], bar.dlt[alike])  # the same draws: no DLT differs where no step does


@pytest.mark.slow
def test_paired_differences_have_the_smaller_error_of_the_same_participants():
    found = side_by_side(2_000)
    table = found.table().set_index(["design", "measure"])
    apart = found.differences("plain").set_index(["design", "measure"])
    for measure in ("correct_selection", "participants", "dlts", "overdosed"):
        by_hand = [one.measures(0.05)[measure][0].astype(float) for one in found.simulations.values()][:2]
        row = apart.loc[("bar", measure)]
        assert row.difference == pytest.approx((by_hand[1] - by_hand[0]).mean())
        assert row.difference == pytest.approx(
            table.loc[("bar", measure), "value"] - table.loc[("plain", measure), "value"]
        )
        assert row.se == pytest.approx((by_hand[1] - by_hand[0]).std() / np.sqrt(2_000))
    unpaired = np.hypot(table.loc[("bar", "dlts"), "se"], table.loc[("plain", "dlts"), "se"])
    assert apart.loc[("bar", "dlts"), "se"] < 0.9 * unpaired
    with pytest.raises(ProtocolError, match="plain, bar"):
        found.differences("nobody")


@pytest.mark.slow
def test_a_right_selection_is_always_acceptable():
    for truth in SCENARIOS.values():
        measures = simulate(ESCALATION.designed(), truth, 200, 1).measures(0.05)
        right, fine = measures["correct_selection"][0], measures["acceptable_selection"][0]
        assert not (np.asarray(right) & ~np.asarray(fine)).any()
    assert "acceptable_selection" not in simulate(ESCALATION.designed(), truth, 20, 1).measures()


def test_a_comparison_sharpens_and_stops_between_rounds():
    seen = []
    found = side_by_side(5_000, progress=seen.append, stop=lambda: len(seen) >= 2)
    assert found.trials == seen[-1].trials < 5_000
    assert {one.trials for one in found.simulations.values()} == {found.trials}
    assert seen[0].trials == 25
    assert "of 5,000 trials, about" in str(found)


def test_designs_of_different_sizes_are_not_compared():
    designs = {"a": ESCALATION.designed(), "b": ESCALATION.designed(cohort_size=4)}
    with pytest.raises(ProtocolError, match="the same cohort size and maximum"):
        compare(designs, SCENARIOS["diagonal"], 10, 1, margin=0.05)
    with pytest.raises(ProtocolError, match="no design"):
        compare({}, SCENARIOS["diagonal"], 10, 1, margin=0.05)
    with pytest.raises(ProtocolError, match="trials"):
        side_by_side(0)


def test_the_steps_of_a_comparison_end_with_the_comparison():
    designs = {"plain": ESCALATION.designed(), "bar": ESCALATION.designed(bar=True)}
    steps = list(compare_in_steps(designs, SCENARIOS["diagonal"], 100, 7, margin=0.05))
    assert steps[0][0] is None
    assert 0 < steps[0][1] < 25 / 100
    assert steps[-1][1] == 1
    assert steps[-1][0].table().equals(compare(designs, SCENARIOS["diagonal"], 100, 7, margin=0.05).table())
