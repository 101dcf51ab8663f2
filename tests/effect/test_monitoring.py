"""Watching phase II: every reference case, a second implementation, properties, and bad input."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from support.effect import by_case
from twins.monitoring import chance_above, predictive, two_stages, watch

from protocol.effect import (
    Boundary,
    JointBoundary,
    bayesian_rule,
    bop2,
    bop2_cutoffs,
    bop2_joint,
    calibrate_bop2,
    cells_of,
    chen_chaloner_rule,
    likelihood_ratio_rule,
    posterior,
    predictive_boundary,
    predictive_probability,
    repeated_test_rule,
    simon,
    wang_tsiatis_rule,
)
from protocol.records import ProtocolError

EXACT = {"abs": 1e-9, "rel": 0}


def never(looks):
    return (-1,) * len(looks)


# Reference cases


@pytest.mark.requirement("R-EFF-03")
@pytest.mark.parametrize("case", **by_case("bayes_toxicity.json"))
def test_a_bayesian_boundary_is_the_reference_and_stops_as_often(case):
    found = bayesian_rule(case["looks"], case["phi"], case["prior"]).boundary(case["cut"])
    assert list(found.high) == case["stop_when_toxicities_at_or_above"]
    chances = posterior(found.high, case["looks"], case["phi"], case["prior"])
    assert chances.round(4).tolist() == case["posterior_at_boundary_rounded4"]
    table = found.operating([one["p"] for one in case["oc_exact"]]).table()
    for row, one in zip(table.itertuples(), case["oc_exact"], strict=True):
        assert row.stop_high == pytest.approx(one["stop_probability"], **EXACT)
        assert row.stop_before_last == pytest.approx(one["stop_before_last_look"], **EXACT)
        assert row.expected_participants == pytest.approx(one["expected_n"], **EXACT)


@pytest.mark.requirement("R-EFF-03")
@pytest.mark.parametrize("case", **by_case("toxbdry.json"))
def test_a_repeated_test_is_tuned_to_the_reference_boundaries(case):
    rule = repeated_test_rule(case["looks"], case["pLo"], case["delta"])
    for cutoff, name in zip(rule.tuned(case["pLo"], case["cP0"]), ("hi", "lo"), strict=True):
        given_boundary = Boundary(case["looks"], never(case["looks"]), [each + 1 for each in case[f"{name}_bdry"]])
        table = given_boundary.operating([one["ptox"] for one in case["oc"]]).table()
        for row, one in zip(table.itertuples(), case["oc"], strict=True):
            assert row.stop_high == pytest.approx(one[f"pcross.{name}"], **EXACT)
            assert row.stop_before_last == pytest.approx(one[f"pstop.{name}"], **EXACT)
            assert row.expected_participants == pytest.approx(one[f"ess.{name}"], **EXACT)
        mine = rule.boundary(cutoff).operating([case["pLo"]]).high.sum()
        theirs = case["oc"][0][f"pcross.{name}"]
        if name == "hi":  # the tuning of the package may end at another neighbour, never at a better one
            assert theirs - 1e-9 <= mine <= case["cP0"]
        else:
            assert case["cP0"] < mine <= theirs + 1e-9


def stopping_rule(case):
    looks, p0, param = case["ns"], case["p0"], case["param"]
    if case["type"] == "Pocock":
        return repeated_test_rule(looks, p0), -ndtri(case["cval"])
    if case["type"] in {"WT", "OBF"}:
        return wang_tsiatis_rule(looks, p0, param or 0.0), case["cval"]
    if case["type"] == "BB":
        return bayesian_rule(looks, p0, param), case["cval"]
    if case["type"] == "CC":
        return chen_chaloner_rule(looks, p0, param[:2], param[2], param[3]), case["cval"]
    return likelihood_ratio_rule(looks, p0, param), case["cval"]


@pytest.mark.requirement("R-EFF-03")
@pytest.mark.parametrize("case", **by_case("stoppingrule.json"))
def test_a_stopping_rule_has_the_reference_boundary_and_rejects_as_often(case):
    rule, cutoff = stopping_rule(case)
    found = rule.boundary(float(cutoff) + 1e-6, beyond=True)  # the package tunes to near a tie, and goes on at it
    assert list(found.high) == [min(x, n + 1) for x, n in zip(case["boundary"], case["ns"], strict=True)]
    operating = found.operating([one["p"] for one in case["oc"]])
    for place, one in enumerate(case["oc"]):
        assert operating.high[place].sum() == pytest.approx(one["Reject Prob"], **EXACT)
        assert operating.expected_participants[place] * one["p"] == pytest.approx(one["E(events)"], abs=1e-8)
    assert rule.boundary(rule.tuned(case["p0"], case["alpha"])[0]).operating([case["p0"]]).high.sum() <= case["alpha"]


@pytest.mark.slow
@pytest.mark.requirement("R-EFF-03")
@pytest.mark.parametrize("case", **by_case("simon.json"))
def test_two_stages_are_the_published_ones(case):
    for found, name in zip(
        simon(case["p0"], case["p1"], case["alpha"], case["beta"]), ("optimal", "minimax"), strict=True
    ):
        expected = case[name]
        assert [found.r1, found.n1, found.r, found.n] == [expected[key] for key in ("r1", "n1", "r", "n")]
        assert found.expected_participants == pytest.approx(expected["en_p0"], **EXACT)
        assert found.early_stop == pytest.approx(expected["pet_p0"], **EXACT)
        assert found.type_one == pytest.approx(expected["type1_exact"], **EXACT)
        assert found.power == pytest.approx(expected["power_exact"], **EXACT)


@pytest.mark.requirement("R-EFF-03")
@pytest.mark.parametrize("case", **by_case("predictive_probability.json"))
def test_a_predictive_probability_is_the_reference(case):
    found = predictive_probability(case["x"], case["n"], case["Nmax"], case["p0"], case["theta_T"], case["prior"])
    assert found == pytest.approx(case["predictive_probability"], **EXACT)
    assert posterior(case["x"], case["n"], case["p0"], case["prior"]) == pytest.approx(
        case["posterior_prob_p_gt_p0"], **EXACT
    )


@pytest.mark.parametrize("case", **by_case("predictive_designs.json"))
def test_a_predictive_design_is_the_reference(case):
    found = predictive_boundary(case["looks"], case["p0"], case["theta_T"], case["theta_L"], 1.0, case["prior"])
    assert list(found.low) == case["stop_at_or_below"]
    operating = found.operating([case["p0"], case["p1"]])
    before = operating.table()["stop_before_last"]
    for place, name in enumerate(("p0", "p1")):
        assert operating.not_low[place] == pytest.approx(case[f"declare_effective_{name}"], **EXACT)
        assert before[place] == pytest.approx(case[f"stop_before_last_{name}"], **EXACT)
        assert operating.expected_participants[place] == pytest.approx(case[f"expected_n_{name}"], **EXACT)


@pytest.mark.parametrize("case", **by_case("predictive_bounds.json"))
def test_predictive_bounds_are_the_reference(case):
    arguments = case["p0"], case["theta_T"], case["phi_L"], case["phi_U"], case["prior"]
    found = predictive_boundary(case["looks"], *arguments)
    assert list(found.low) == case["futility_x_at_or_below"]
    assert list(found.high) == case["efficacy_x_at_or_above"]


@pytest.mark.requirement("R-EFF-03")
@pytest.mark.parametrize("case", **by_case("bop2_binary.json"))
def test_a_bop2_boundary_is_the_reference(case):
    arguments = case["cumulative_n"], case["H0"], case["lambda"], case["gamma"], case["prior"]
    futility = bop2(*arguments)
    both = bop2(*arguments, early_success="power", exponent=case["eta"])
    assert list(futility.low) == case["futility_stop_at_or_below"]
    assert list(both.high) == case["efficacy_stop_at_or_above_power"]
    assert list(bop2(*arguments, early_success="O'Brien-Fleming").high) == case["efficacy_stop_at_or_above_OF"]
    rates = [one["p"] for one in case["oc_exact"]]
    one_sided, two_sided = futility.operating(rates), both.operating(rates)
    for place, one in enumerate(case["oc_exact"]):
        assert two_sided.not_low[place] == pytest.approx(one["fe_declare_effective"], **EXACT)
        assert two_sided.expected_participants[place] == pytest.approx(one["fe_expected_n"], **EXACT)
        assert two_sided.low[place, :-1].sum() == pytest.approx(one["fe_stop_futility_before_last"], **EXACT)
        assert two_sided.high[place, :-1].sum() == pytest.approx(one["fe_stop_efficacy_before_last"], **EXACT)
        assert one_sided.passed[place] == pytest.approx(one["futility_only_declare_effective"], **EXACT)
        assert one_sided.expected_participants[place] == pytest.approx(one["futility_only_expected_n"], **EXACT)


@pytest.mark.parametrize("case", **by_case("bop2fe_joint.json"))
def test_joint_boundaries_with_early_success_are_the_reference(case):
    arguments = case["cumulative_n"], case["H0"], case["lambda"], case["gamma"]
    found = bop2_joint(*arguments, early_success="power", exponent=case["eta"])
    assert [list(found.futility), list(found.toxicity)] == [case["f1"], case["f2"]]
    assert [list(found.success_responses), list(found.success_toxicities)] == [case["s1"], case["s2"]]


@pytest.mark.parametrize("case", **by_case("bop2_joint.json"))
def test_joint_boundaries_are_the_reference_and_go_as_often(case):
    found = bop2_joint(case["looks"], case["prior_dirichlet_ET_E_T_none"], case["lambda_"], case["gamma"],
                       response_limit=case["phi_E"], toxicity_limit=case["phi_T"])  # fmt: skip
    assert [None if x < 0 else x for x in found.futility] == case["futility_stop_at_or_below"]
    assert [None if x > n else x for x, n in zip(found.toxicity, found.looks, strict=True)] == case[
        "toxicity_stop_at_or_above"
    ]
    operating = found.operating([one["cells_ET_E_T_none"] for one in case["oc_exact"]])
    for place, one in enumerate(case["oc_exact"]):
        assert operating.passed[place] == pytest.approx(one["go"], **EXACT)
        assert operating.low[place].tolist() == pytest.approx(one["stop_by_look"], **EXACT)
        assert operating.expected_participants[place] == pytest.approx(one["expected_n"], **EXACT)


# A second implementation


@settings(max_examples=30)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True), st.data())
def test_one_count_is_watched_as_participant_by_participant(looks, data):
    looks = sorted(looks)
    low = [data.draw(st.integers(-1, n - 1)) for n in looks]
    high = [data.draw(st.integers(x + 1, n + 1)) for x, n in zip(low, looks, strict=True)]
    rate = Fraction(data.draw(st.integers(0, 10)), 10)

    def stops(n, e, _t):
        look = looks.index(n)
        return "low" if e <= low[look] else "high" if e >= high[look] else None

    reasons, expected = watch(looks[-1], looks, {(1, 0): rate, (0, 0): 1 - rate}, stops)
    found = Boundary(looks, low, high).operating([float(rate)])
    assert found.low.sum() == pytest.approx(float(reasons.get("low", 0)), abs=1e-12)
    assert found.high.sum() == pytest.approx(float(reasons.get("high", 0)), abs=1e-12)
    assert found.passed[0] == pytest.approx(float(reasons["passed"]), abs=1e-12)
    assert found.expected_participants[0] == pytest.approx(float(expected), abs=1e-10)


def test_two_outcomes_are_watched_as_participant_by_participant():
    looks, prior = (4, 7, 9), (1, 1, 1, 2)
    boundary = bop2_joint(looks, prior, 0.7, 0.5, early_success="power", exponent=2)
    cells = {(1, 1): Fraction(1, 10), (1, 0): Fraction(4, 10), (0, 1): Fraction(2, 10), (0, 0): Fraction(3, 10)}

    def stops(n, e, t):
        reasons = boundary.decide(n, e, t)
        return None if not reasons else "success" if reasons == ("success",) else "stop"

    reasons, expected = watch(9, looks, cells, stops)
    found = boundary.operating([0.1, 0.4, 0.2, 0.3])
    assert reasons["stop"] > 0 < reasons["success"]
    assert found.low.sum() == pytest.approx(float(reasons["stop"]), abs=1e-12)
    assert found.high.sum() == pytest.approx(float(reasons["success"]), abs=1e-12)
    assert found.expected_participants[0] == pytest.approx(float(expected), abs=1e-10)


@pytest.mark.slow
@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 9), st.integers(1, 3), st.integers(1, 3))
def test_posterior_and_predictive_probability_are_those_of_the_plain_sums(x, n, tenths, a, b):
    x = min(x, n)
    limit = Fraction(tenths, 10)
    assert posterior(x, n, float(limit), (a, b)) == pytest.approx(float(chance_above(limit, x, n, a, b)), abs=1e-12)
    expected = predictive(x, n, 14, limit, Fraction(801, 1000), a, b)
    found = predictive_probability(x, n, 14, float(limit), 0.801, (a, b))
    assert found == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(0.1, 0.5, 0.1, 0.2), (0.3, 0.7, 0.15, 0.2), (0.05, 0.4, 0.05, 0.1)])
def test_two_stages_are_the_best_of_every_design(rates):
    found = [(one.r1, one.n1, one.r, one.n) for one in simon(*rates, 16)]
    assert found == list(two_stages(*rates, 16))


# Properties


LOOKS = st.lists(st.integers(1, 40), min_size=1, max_size=5, unique=True).map(sorted)
INSIDE = st.floats(0.05, 0.95)


@pytest.mark.slow
@given(LOOKS, INSIDE, INSIDE, INSIDE)
def test_a_boundary_never_loosens_when_the_cutoff_tightens(looks, limit, one, other):
    rules = [bayesian_rule(looks, limit, (1, 1)), repeated_test_rule(looks, limit, 0.5),
             wang_tsiatis_rule(looks, limit, 0.25), likelihood_ratio_rule(looks, limit)]  # fmt: skip
    tight, loose = sorted((one, other))  # a lower cutoff stops earlier
    for rule in rules:
        for first, second in zip(rule.boundary(tight).high, rule.boundary(loose).high, strict=True):
            assert first <= second
    small, large = sorted((one, other))  # more lambda lowers the cutoff, and tightens
    assert (bop2_cutoffs(looks, large, 0.7) <= bop2_cutoffs(looks, small, 0.7)).all()
    prior = (0.1, 0.3, 0.2, 0.4)
    more, less = (bop2_joint(looks, prior, scale, 0.7) for scale in (large, small))
    assert all(x >= y for x, y in zip(more.futility, less.futility, strict=True))
    assert all(x <= y for x, y in zip(more.toxicity, less.toxicity, strict=True))


@pytest.mark.slow
@given(LOOKS, INSIDE, INSIDE)
def test_all_ends_of_a_trial_together_have_probability_one(looks, limit, rate):
    found = bop2(looks, limit, 0.8, 0.8).operating([rate])
    assert found.low.sum() + found.high.sum() + found.passed[0] == pytest.approx(1, abs=1e-12)
    assert looks[0] - 1e-9 <= found.expected_participants[0] <= looks[-1] + 1e-9


@pytest.mark.slow
@given(LOOKS, INSIDE, INSIDE, st.floats(0.02, 0.5))
def test_a_tuned_cutoff_keeps_the_level_and_its_neighbour_does_not(looks, limit, rate, level):
    rule = bayesian_rule(looks, limit, (0.5, 0.5))
    cutoff, looser = rule.tuned(rate, level)
    assert rule.boundary(cutoff).operating([rate]).high.sum() <= level
    if np.isfinite(looser):
        assert rule.boundary(looser).operating([rate]).high.sum() > level


@given(INSIDE, INSIDE, st.floats(-0.2, 0.2))
def test_the_four_cells_have_the_two_rates_they_are_made_of(response, toxicity, correlation):
    try:
        cells = cells_of(response, toxicity, correlation)
    except ProtocolError:
        return
    assert sum(cells) == pytest.approx(1)
    assert cells[0] + cells[1] == pytest.approx(response)
    assert cells[0] + cells[2] == pytest.approx(toxicity)


# Calibration


def test_a_calibrated_design_keeps_its_level_and_no_pair_tried_has_more_power():
    looks, null, alternative = (5, 10, 15), cells_of(0.3, 0.3), cells_of(0.6, 0.1)
    scales, powers = (0.5, 0.6, 0.7, 0.8, 0.9), (0.4, 0.8)
    made = lambda scale, power: bop2_joint(looks, null, scale, power)  # noqa: E731
    best = calibrate_bop2(made, [null], alternative, 0.1, scales=scales, powers=powers)
    every = [made(scale, power).operating([null, alternative]).passed for scale in scales for power in powers]
    assert best.type_one[0] <= 0.1
    assert best.power_reached == pytest.approx(max(go for wrong, go in every if wrong <= 0.1), abs=1e-9)


@pytest.mark.slow
def test_a_calibration_can_control_every_null_truth():
    looks, null, alternative = (10, 20, 30), cells_of(0.2, 0.4), cells_of(0.5, 0.15)
    nulls = [null, cells_of(0.2, 0.15), cells_of(0.5, 0.4)]
    made = lambda scale, power: bop2_joint(looks, null, scale, power)  # noqa: E731
    of_one = calibrate_bop2(made, [null], alternative, 0.1)
    of_all = calibrate_bop2(made, nulls, alternative, 0.1)
    assert max(of_all.type_one) <= 0.1
    assert of_all.power_reached < of_one.power_reached
    of_rate = calibrate_bop2(lambda scale, power: bop2(looks, 0.2, scale, power), [0.2], 0.4, 0.1)
    assert of_rate.type_one[0] <= 0.1


# What a boundary says


def test_a_boundary_says_what_a_count_means_and_nothing_between_looks():
    one = Boundary((10, 20), (1, 4), (6, 21))
    assert [one.decide(10, x) for x in (1, 2, 5, 6)] == ["stop low", "go on", "go on", "stop high"]
    assert one.decide(15, 0) == "no look"
    assert one.table()["stop_at_or_above"].isna().tolist() == [False, True]
    both = JointBoundary((10, 20), (1, -1), (4, 6), (7, 12), (1, -1))
    assert both.decide(10, 1, 4) == ("futility", "toxicity")
    assert both.decide(10, 7, 1) == ("success",)
    assert both.decide(20, 12, 0) == ()
    assert both.decide(11, 0, 11) == ()
    assert both.table().isna().to_numpy().sum() == 2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bayesian_rule([0, 5], 0.3, (1, 1)), "looks: found 0, 5; write rising whole numbers"),
        (lambda: bayesian_rule([], 0.3, (1, 1)), "looks: found no look"),
        (lambda: bop2([10, 5], 0.3, 0.9, 1), "looks: found 10, 5"),
        (lambda: bop2([10.5], 0.3, 0.9, 1), "not whole"),
        (lambda: bop2([10], 0.3, 1.2, 1), "scale (lambda): found 1.2"),
        (lambda: bop2([10], 0.3, 0.9, -1), "power (gamma): found -1"),
        (lambda: bop2([10], 1.0, 0.9, 1), "limit: found 1.0"),
        (lambda: bop2([10], 0.3, 0.9, 1, (0, 1)), "beta prior: found (0, 1)"),
        (lambda: bop2([10], 0.3, 0.9, 1, early_success="linear"), "form of early success: found 'linear'"),
        (lambda: bop2_joint([10], (0.1, 0.2, 0.7), 0.9, 1), "Dirichlet prior"),
        (lambda: Boundary((10,), (3,), (3,)), "a low boundary that is not below the high one"),
        (lambda: Boundary((10, 20), (3,), (5, 9)), "found 1 of them; write one for each look"),
        (lambda: Boundary((10,), (1,), (5,)).decide(10, 11), "with the outcome: found 11 of 10 participants"),
        (lambda: JointBoundary((10,), (1,), (5,)).decide(10, 12, 0), "responses: found 12 of 10 participants"),
        (lambda: JointBoundary((10,), (1,), (5,)).decide(10, 0, -1), "toxicities: found -1"),
        (lambda: JointBoundary((10,), (1,), (5,), (4,)), "one of its two boundaries"),
        (lambda: JointBoundary((10,), (1,), (5,)).operating([0.5, 0.5, 0.5, 0.5]), "or another sum"),
        (lambda: Boundary((10,), (1,), (5,)).operating([1.2]), "a number outside 0 to 1"),
        (lambda: predictive_probability(11, 10, 40, 0.3, 0.9, (1, 1)), "more of them than the 10 treated"),
        (lambda: predictive_probability(1, 50, 40, 0.3, 0.9, (1, 1)), "participants: found 50"),
        (lambda: posterior(5, 4, 0.3, (1, 1)), "more with the outcome than were treated"),
        (lambda: simon(0.4, 0.2, 0.05, 0.2), "desirable rate: found 0.2"),
        (lambda: simon(0.2, 0.25, 0.05, 0.2, 30), "no design of 30 participants or fewer"),
        (lambda: cells_of(0.1, 0.9, 0.9), "correlation"),
        (lambda: calibrate_bop2(lambda s, g: bop2([5], 0.3, s, g), [0.9], 0.95, 0.001), "no lambda that keeps"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(call, says):
    with pytest.raises(ProtocolError) as refused:
        call()
    assert says in str(refused.value)
