"""The choice between doses: every reference case, a second implementation, and bad input."""

import pytest
from support.effect import by_case
from twins.dose_selection import accepted, high_chosen

from protocol.effect import acceptance, choose_dose
from protocol.records import ProtocolError

EXACT = {"abs": 1e-9, "rel": 0}


@pytest.mark.parametrize("case", **by_case("rose.json"))
def test_a_choice_between_two_doses_is_the_reference(case):
    found = choose_dose(case["p_low"], case["delta"], case["alpha_L"], case["alpha_H"])
    assert found.by_formula == case["n_per_arm_normal"]
    assert found.participants == case["n_per_arm_exact_smallest"]
    assert found.margin == case["choose_high_if_more_responses_than"]
    assert found.low_is_right == pytest.approx(case["pcs_low_exact"], **EXACT)
    assert found.high_is_right == pytest.approx(case["pcs_high_exact"], **EXACT)
    rates = case["p_low"], case["p_low"] + case["delta"]
    assert found.high_is_right == pytest.approx(high_chosen(found.participants, *rates, found.margin), abs=1e-12)


@pytest.mark.parametrize("case", **by_case("merit.json"))
def test_doses_are_accepted_as_often_as_in_the_reference(case):
    n, bounds = case["n_per_arm"], (case["accept_if_toxicities_at_most"], case["accept_if_responses_at_least"])
    toxicity, response = (case["phi_T0"], case["phi_T1"]), (case["phi_E0"], case["phi_E1"])
    found = acceptance(n, case["arms"], *bounds, toxicity, response)
    for name in ("toxic_futile", "toxic_effective", "safe_futile", "safe_effective"):
        assert getattr(found, name) == pytest.approx(case[f"accept_{name}"], **EXACT)
    assert found.safe_futile == pytest.approx(accepted(n, *bounds, toxicity[1], response[0]), abs=1e-12)
    assert found.type_one == pytest.approx(case["type1_all_arms_at_worst_single_null"], **EXACT)
    one, alone = found.one_good_arm(found.toxic_effective)
    assert one == pytest.approx(case["at_least_one_accepted_if_one_arm_good_rest_toxic_effective"], **EXACT)
    assert alone == pytest.approx(case["only_the_good_arm_accepted"], **EXACT)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: choose_dose(0.3, 0.8, 0.7, 0.7), "difference: found 0.8"),
        (lambda: choose_dose(0.3, 0.1, 0.2, 0.7), "right choice of the low dose: found 0.2"),
        (lambda: acceptance(0, 2, 0, 0, (0.4, 0.2), (0.2, 0.4)), "participants: found 0"),
        (lambda: acceptance(20, 2, 5, 21, (0.4, 0.2), (0.2, 0.4)), "least responses: found 21"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(call, says):
    with pytest.raises(ProtocolError) as refused:
        call()
    assert says in str(refused.value)
