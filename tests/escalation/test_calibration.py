"""The calibration of a design: a simulation for each setting."""

import numpy as np
import pytest
from support.escalation import SCENARIOS
from support.trial import ESCALATION

from protocol.escalation import Setting, calibrate, calibrate_in_steps, simulate
from protocol.records import ProtocolError


def designed(setting):
    return ESCALATION.designed(**setting._asdict(), enough=setting.maximum)


@pytest.mark.slow
def test_the_calibration_is_the_simulation_of_each_setting():
    scenarios = {name: SCENARIOS[name] for name in ("diagonal", "too-toxic")}
    table = calibrate(designed, scenarios, [0.25], [3], [12, 30], 200, 4, margin=0.05).table()
    assert len(table) == 2 * (2 + 1)
    for maximum in (12, 30):
        own = table[table["maximum"] == maximum].set_index("scenario")
        alone = {
            name: simulate(designed(Setting(0.25, 3, maximum)), truth, 200, 4) for name, truth in scenarios.items()
        }
        wrong = {name: 1 - one.measures()["correct_selection"][0].astype(float) for name, one in alone.items()}
        for name in scenarios:
            assert own.loc[name, "wrong"] == pytest.approx(wrong[name].mean())
        mean = (wrong["diagonal"] + wrong["too-toxic"]) / 2  # the draws are the same: trial by trial
        assert own.loc["", "wrong"] == pytest.approx(mean.mean())
        assert own.loc["", "wrong_se"] == pytest.approx(mean.std() / np.sqrt(200))


@pytest.mark.slow
def test_more_participants_make_a_wrong_choice_rarer():
    table = calibrate(designed, SCENARIOS, [0.3], [3], [18, 60], 300, 4, margin=0.05).table()
    few, many = table[table["scenario"] == ""].itertuples()
    assert many.wrong + 4 * many.wrong_se < few.wrong
    assert many.participants > few.participants


def test_a_calibration_stops_between_rounds_and_keeps_them():
    seen = []
    found = calibrate(
        designed, {"diagonal": SCENARIOS["diagonal"]}, [0.3], [3], [12, 18], 4_000, 4, margin=0.05,
        progress=seen.append, stop=lambda: len(seen) >= 2,
    )  # fmt: skip
    assert found.trials == seen[-1].trials < found.requested == 4_000


@pytest.mark.slow
def test_the_steps_of_a_calibration_say_how_much_is_done_before_its_first_round_ends():
    scenarios = {name: SCENARIOS[name] for name in ("diagonal", "too-toxic")}
    steps = list(calibrate_in_steps(designed, scenarios, [0.3], [3], [12, 24], 200, 4, margin=0.05))
    first = [done for found, done in steps if found is None]
    assert len(first) == 3
    assert first == sorted(first)
    assert 0 < first[0] < 25 / 200
    assert steps[-1][0].trials == 200
    assert steps[-1][1] == 1
    assert all(0 < done <= 1 for _found, done in steps)
    whole = calibrate(designed, scenarios, [0.3], [3], [12, 24], 200, 4, margin=0.05)
    assert steps[-1][0].table().equals(whole.table())


def test_a_calibration_of_nothing_or_too_much_is_refused():
    for maxima in ([], range(3, 300)):
        with pytest.raises(ProtocolError, match="1 to 1,000 combinations"):
            calibrate(designed, SCENARIOS, [0.3], [3], maxima, 10, 1, margin=0.05)
