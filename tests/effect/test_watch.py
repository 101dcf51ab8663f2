"""Phase II as it is watched: the rules, where the trial stands, and what could change it."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from support.effect import by_case

from protocol.effect import RULES, TRUTHS, Aims, JointBoundary, cells_of, watch
from protocol.effect.watch import _OfIndependentOutcomes
from protocol.records import ProtocolError

AIMS = Aims(30, 10, 10, 0.15, 0.35, 0.3, 0.55, 0.1)


def outcomes(response, toxicity):
    """Outcomes of participants in order, one letter each: y, n, or ? while it is not known."""
    known = {"y": True, "n": False, "?": None}
    return pd.DataFrame(
        {"response": [known[one] for one in response], "toxicity": [known[one] for one in toxicity]}, dtype=object
    )


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_keeps_its_error_and_says_what_it_does(rule):
    found = watch(rule, AIMS)
    table = found.operating().set_index("truth")["go"]
    assert list(table.index) == list(TRUTHS)
    if rule in ("bayesian", "pocock"):  # the error is to stop at the acceptable rate
        assert 1 - table["effective and safe"] <= AIMS.level
    else:
        wrong = [f"{e} and {t}" for e in ("effective", "futile") for t in ("safe", "toxic")]
        bad = [name for name in wrong if ("futile" in name and "response" in found.watches)]
        bad += [name for name in wrong if ("toxic" in name and "toxicity" in found.watches)]
        assert table[bad].max() <= AIMS.level
        assert table["effective and safe"] > 0.5
    assert "{" not in found.sentence


def test_the_rule_of_the_reference_design_is_found():
    """Simon's optimal design for 0.1 against 0.3 with errors of 0.05 and 0.2, of his table."""
    found = watch("simon", Aims(60, 10, 10, 0.1, 0.3, 0.1, 0.3, 0.05, miss=0.2))
    assert found.settings == {"r1": 1, "n1": 10, "r": 5, "n": 29}
    assert found.looks == (10, 29)


def test_two_independent_outcomes_are_the_four_cells():
    found = watch("bop2_both", AIMS)
    plain = JointBoundary(found.boundary.looks, found.futility, found.toxicity)
    cells = [cells_of(*rates) for rates in AIMS.truths.values()]
    assert np.allclose(plain.operating(cells).low, found.boundary.operating(cells).low, atol=1e-12, rtol=0)


@pytest.mark.parametrize("case", **by_case("bop2_joint.json"))
def test_the_product_of_two_outcomes_has_the_probabilities_of_the_references(case):
    bounds = case["futility_stop_at_or_below"], case["toxicity_stop_at_or_above"]
    found = _OfIndependentOutcomes(tuple(case["looks"]), *map(tuple, bounds))
    for one in case["oc_exact"]:
        both, response, toxicity, _none = one["cells_ET_E_T_none"]
        if abs(both - (both + response) * (both + toxicity)) < 1e-12:
            operating = found.operating([one["cells_ET_E_T_none"]])
            assert operating.not_low[0] == pytest.approx(one["go"], abs=1e-9)
            assert operating.low[0].tolist() == pytest.approx(one["stop_by_look"], abs=1e-9)


def twin(rule, response, toxicity):
    """Whether the trial may stop, must stop, or neither: every way to fill in what is not known, one by one."""
    verdicts = set()
    unknown = [n for n, (e, t) in enumerate(zip(response, toxicity, strict=True)) if "?" in e + t]
    for filled in product("yn", repeat=2 * len(unknown)):
        e, t = list(response), list(toxicity)
        for place, number in enumerate(unknown):
            e[number] = filled[2 * place] if e[number] == "?" else e[number]
            t[number] = filled[2 * place + 1] if t[number] == "?" else t[number]
        stop = False
        for n, low, high in zip(rule.looks, rule.futility, rule.toxicity, strict=True):
            if n <= len(e):
                stop |= e[:n].count("y") <= low or t[:n].count("y") >= high
        verdicts.add(stop)
    return verdicts


SIGNS = st.sampled_from("yyn?")


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("yynn"), st.sampled_from("ynnnn")), max_size=14), st.data())
@settings(max_examples=60, deadline=None)
def test_the_light_is_red_only_if_no_open_outcome_can_save_the_trial(people, data):
    small = watch("bop2_both", Aims(12, 4, 4, 0.15, 0.4, 0.3, 0.6, 0.2))
    response, toxicity = ([one[place] for one in people] for place in (0, 1))
    for name in (response, toxicity):
        for place in data.draw(st.lists(st.integers(0, max(len(people) - 1, 0)), max_size=2)):
            if people:
                name[place] = "?"
    stands = small.stands(outcomes(response, toxicity))
    reached = [state for n, state in zip(small.looks, stands.states, strict=True) if n <= len(people)]
    verdicts = twin(small, response, toxicity)
    if "stop" in reached:
        assert verdicts == {True}
    if reached and set(reached) == {"go on"}:
        assert verdicts == {False}
    assert stands.light == "red" if "stop" in reached else True


@pytest.mark.slow
@given(st.lists(st.tuples(SIGNS, SIGNS), max_size=20), st.integers(0, 19), st.sampled_from("yn"))
@settings(max_examples=60, deadline=None)
def test_learning_an_outcome_never_takes_back_a_verdict(people, place, learned):
    rule = watch("bop2_both", AIMS)
    response, toxicity = ([one[part] for one in people] for part in (0, 1))
    before = rule.stands(outcomes(response, toxicity)).states
    if place < len(people) and toxicity[place] == "?":
        toxicity[place] = learned
    after = rule.stands(outcomes(response, toxicity)).states
    for old, new in zip(before, after, strict=True):
        assert old == new or old in ("open", "to come")


def test_nobody_treated_is_grey_and_a_passed_trial_green():
    rule = watch("bayesian", AIMS)
    assert rule.stands(outcomes("", "")).light == "grey"
    done = rule.stands(outcomes("n" * 30, "n" * 30))
    assert (done.light, done.next_look) == ("green", None)
    assert "every look" in done.sentence


def test_a_boundary_that_is_reached_before_its_look_stops_at_once():
    rule = watch("bayesian", AIMS)
    needed = rule.toxicity[0]
    stands = rule.stands(outcomes("?" * needed, "y" * needed))
    assert stands.light == "red"
    assert "too many toxicities" in stands.sentence
    assert stands.ahead().empty or (stands.ahead()["participants"] > 10).all()


def test_one_toxicity_short_of_the_boundary_is_amber():
    rule = watch("bayesian", AIMS)
    few = "y" * (rule.toxicity[0] - 1)
    assert rule.stands(outcomes("n" * len(few), few)).light == "amber"
    assert rule.stands(outcomes("n", "n")).light == "green"


def test_what_the_next_participants_could_change_is_a_binomial_tail():
    rule = watch("bayesian", AIMS)
    ahead = rule.stands(outcomes("nnnn", "ynnn")).ahead().iloc[0]
    assert (ahead["participants"], ahead["known"], ahead["to_come"]) == (10, 1, 6)
    assert ahead["needed"] == rule.toxicity[0] - 1
    assert ahead["chance_bad"] == pytest.approx(binom.sf(ahead["needed"] - 1, 6, AIMS.toxic))


def test_a_boundary_never_loosens_when_the_error_to_go_on_shrinks():
    strict, loose = (watch("bop2_response", Aims(30, 10, 10, 0.1, 0.3, 0.3, 0.55, level)) for level in (0.05, 0.2))
    assert strict.operating()["go"].iloc[1] <= loose.operating()["go"].iloc[1]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"planned": 0}, "participants of phase II"),
        ({"safe": 0.4}, "acceptable toxicity rate"),
        ({"futile": 0.6}, "uninteresting response rate"),
        ({"level": 0.0}, "largest error"),
        ({"every": 0}, "between two looks"),
    ],
)
def test_aims_that_cannot_be_are_refused_at_their_field(changes, where):
    given_aims = {"planned": 30, "first": 10, "every": 10, "safe": 0.15, "toxic": 0.35, "futile": 0.3, "good": 0.55}
    with pytest.raises(ProtocolError, match=where):
        Aims(**given_aims | {"level": 0.1} | changes)


def test_an_outcome_that_is_no_mark_is_refused():
    with pytest.raises(ProtocolError, match="outcome toxicity"):
        watch("bayesian", AIMS).stands(pd.DataFrame({"response": [True], "toxicity": ["perhaps"]}))


def test_looks_end_at_the_planned_number():
    assert Aims(23, 10, 5, 0.1, 0.3, 0.3, 0.5, 0.1).looks == (10, 15, 20, 23)
    assert Aims(6, 10, 5, 0.1, 0.3, 0.3, 0.5, 0.1).looks == (6,)
