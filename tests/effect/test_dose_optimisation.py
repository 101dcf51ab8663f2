"""The randomised comparison of regimens before phase II."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from protocol.effect import (
    NOBODY,
    OptimisationRule,
    choose_dose,
    contour_arms,
    optimise,
    plateau_responses,
    without_comparison,
)
from protocol.effect.monitoring import posterior
from protocol.records import ProtocolError

RULE = OptimisationRule(0.3, 0.1)


def exact(rule, toxicity, response, n):
    """The share of right choices, by every outcome of two arms: a second implementation."""
    right = rule.right(toxicity, response)
    found = 0.0
    for t1, t2, e1, e2 in product(range(n + 1), repeat=4):
        chance = np.prod(binom.pmf([t1, t2, e1, e2], n, [*toxicity, *response]))
        tolerable = [posterior(t, n, rule.limit, (rule.limit, 1 - rule.limit)) < rule.certainty for t in (t1, t2)]
        best = max([e for e, holds in zip((e1, e2), tolerable, strict=True) if holds], default=None)
        good = [holds and e >= best - rule.margin * n - 1e-9 for e, holds in zip((e1, e2), tolerable, strict=True)]
        chosen = good.index(True) if any(good) else None
        found += chance * (not right.any() if chosen is None else right[chosen])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("response", [(0.3, 0.6), (0.5, 0.5)])
def test_the_share_of_right_choices_is_the_exact_one_within_its_error(response):
    toxicity = (0.15, 0.25)
    found = optimise(RULE, np.tile([0, 1], (20_000, 1)), toxicity, response, [6], 1).iloc[0]
    assert abs(found["right"] - exact(RULE, toxicity, response, 6)) < 4 * found["se"]


def test_responses_alone_choose_as_the_exact_rule_of_two_doses():
    """Without a limit of toxicity, and with its margin, it is the rule of :func:`choose_dose`."""
    chosen = choose_dose(0.3, 0.25, 0.7, 0.7)
    rule = OptimisationRule(0.999, chosen.margin / chosen.participants, 0.999999)
    found = optimise(rule, np.tile([0, 1], (40_000, 1)), (0.01, 0.01), (0.3, 0.55), [chosen.participants], 2).iloc[0]
    assert found["right"] == pytest.approx(chosen.high_is_right, abs=0.01)


def test_the_same_participants_meet_every_size():
    few, many = (optimise(RULE, [[0, 1]] * 50, (0.1, 0.2), (0.3, 0.5), sizes, 3) for sizes in ([10, 40], [40]))
    assert few.iloc[1].tolist() == many.iloc[0].tolist()


def test_a_regimen_that_is_too_toxic_is_never_right_and_none_is_right_if_all_are():
    assert RULE.right([0.2, 0.5], [0.4, 0.9]).tolist() == [True, False]
    assert not RULE.right([0.4, 0.5], [0.4, 0.9]).any()
    found = optimise(RULE, [[0]] * 400, [0.9], [0.5], [30], 1).iloc[0]
    assert (found["right"], found["none"], found["too_toxic"]) == (1.0, 1.0, 0.0)


def test_of_regimens_alike_the_lowest_is_chosen():
    rule = OptimisationRule(0.3, 0.1)
    assert rule.choose(np.array([[1, 1, 1]]), np.array([[9, 10, 10]]), 20).tolist() == [0]
    assert rule.choose(np.array([[20, 1, 1]]), np.array([[20, 9, 15]]), 20).tolist() == [2]
    assert rule.choose(np.array([[20, 20, -1]]), np.array([[20, 9, -1]]), 20).tolist() == [NOBODY]


@pytest.mark.parametrize(
    ("candidates", "toxicity", "where"),
    [
        ([[0, 5]], (0.1, 0.2), "regimens compared"),
        ([[0, 1, 0, 1]], (0.1, 0.2), "regimens compared"),
        ([[0, 1]], (0.1, 1.2), "toxicity rate"),
        ([[0, 1]], (0.1,), "regimens compared"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused(candidates, toxicity, where):
    with pytest.raises(ProtocolError, match=where):
        optimise(RULE, candidates, toxicity, (0.3, 0.5), [10], 1)


# After simulated escalations


def arms_by_hand(selected, treated, dlt, rule, most):
    """The arms of one escalation, step by step: a second implementation."""
    if selected == NOBODY:
        return []
    doses, frequencies = treated.shape
    dose, frequency = divmod(selected, frequencies)
    found = [selected]
    for row, column in (
        (dose + 1, frequency - 1),
        (dose - 1, frequency + 1),
        (dose - 1, frequency),
        (dose, frequency - 1),
    ):
        if 0 <= row < doses and 0 <= column < frequencies and treated[row, column] and len(found) < most:
            seen = dlt[row, column], treated[row, column]
            if posterior(*seen, rule.limit, (rule.limit, 1 - rule.limit)) < rule.certainty:
                found.append(row * frequencies + column)
    return sorted(found)


def test_the_arms_are_the_selected_regimen_and_its_neighbours_that_were_given_and_tolerable():
    random = np.random.default_rng(4)
    treated = random.integers(0, 3, (300, 3, 3)) * 3
    dlt = random.binomial(treated, 0.3)
    selected = random.integers(-1, 9, 300)
    for most in (2, 3):
        found = contour_arms(selected, treated, dlt, RULE, most)
        for place, row in enumerate(found):
            assert [one for one in row if one >= 0] == arms_by_hand(
                selected[place], treated[place], dlt[place], RULE, most
            )


@pytest.mark.parametrize(
    ("selected", "treated", "where"),
    [([9], np.ones((1, 3, 3), int), "selected regimen"), ([0, 1], np.ones((1, 3, 3), int), "escalations")],
)
def test_escalations_that_cannot_be_are_refused(selected, treated, where):
    with pytest.raises(ProtocolError, match=where):
        contour_arms(selected, treated, treated, RULE)
    with pytest.raises(ProtocolError, match="more with the outcome than were treated"):
        contour_arms([0], np.ones((1, 2, 2), int), 2 * np.ones((1, 2, 2), int), RULE)


def test_responses_rise_with_the_steps_to_the_plateau():
    found = plateau_responses(3, 3, 0.2, 0.6, 0.5)
    assert found.tolist() == [[0.2, pytest.approx(0.4), 0.6], [pytest.approx(0.4), 0.6, 0.6], [0.6, 0.6, 0.6]]
    assert (plateau_responses(1, 1, 0.2, 0.6, 0.5) == 0.2).all()
    with pytest.raises(ProtocolError, match="of the lowest regimen"):
        plateau_responses(2, 2, 0.5, 0.4, 0.5)


def test_without_a_comparison_the_selected_regimens_are_judged_by_themselves():
    found = without_comparison(RULE, [0, 1, 1, NOBODY], (0.2, 0.5), (0.4, 0.9))
    assert found[["right", "too_toxic", "none"]].tolist() == [0.25, 0.5, 0.25]


def test_a_comparison_after_escalations_meets_the_same_participants_and_does_not_choose_worse():
    """With many participants in each arm the right regimen of those compared is found."""
    toxicity, response = (0.1, 0.2, 0.28, 0.5), (0.2, 0.6, 0.6, 0.6)
    selected = np.random.default_rng(1).choice([0, 1, 2], 3000)
    compared = np.stack([np.maximum(selected - 1, NOBODY), selected], axis=1)
    found = optimise(RULE, compared, toxicity, response, [20, 200], 5)
    again = optimise(RULE, compared, toxicity, response, [200], 5)
    assert found.iloc[1].tolist() == again.iloc[0].tolist()
    assert found["right"].iloc[1] > without_comparison(RULE, selected, toxicity, response)["right"] - 0.02
