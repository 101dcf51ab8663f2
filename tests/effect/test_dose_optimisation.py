"""The randomised comparison of regimens before phase II."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from protocol.effect import NOBODY, OptimisationRule, choose_dose, optimise
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
