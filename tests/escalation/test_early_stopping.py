"""Enough participants at one regimen: published simulations by their own rule, and both rules of every design."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.escalation import GRID, SCENARIOS, cases, published_values
from support.trial import ESCALATION

from protocol.escalation import DESIGNS, STOP, Grid, Outcomes, TrialRules, simulate
from protocol.escalation.designs.boin import Boin
from protocol.escalation.designs.utility import Utility

WITH_ENOUGH = [name for name in DESIGNS if name not in {"Waterfall", "3+3 along a path"}]


class StaysOnOneOfThree(Boin):
    """The option of the web application: 1 DLT in 3 participants stays."""

    @property
    def tables(self):
        tables = super().tables
        move = tables.move.copy()
        move[3, 1] = 0
        return tables._replace(move=move)


def one_line(rates):
    return Grid(tuple("123456")[: len(rates)], ("x",)), [[rate] for rate in rates]


def published_trials(case, **changes):
    grid, truth = one_line(case["p_true"])
    kind = StaysOnOneOfThree if case["stay_on_one_of_three"] else Boin
    target, names = case["target"], ("maximum", "cohort_size", "enough")
    rates = {"safe": 0.6 * target, "toxic": 1.4 * target, "lowest_margin": case["margin"]}
    design = kind(grid, target, **rates, **{name: case[name] for name in names}, **changes)
    return simulate(design, truth, 20_000, 1)


def agree(found, published, trials, spread):
    """Whether two means differ by at most four standard errors; published ones are rounded to 0.1."""
    return abs(found - published) <= 4 * spread * np.sqrt(1 / 20_000 + 1 / (trials or 10_000)) + 0.05


@pytest.mark.slow
def test_early_stops_of_the_published_package_agree_dose_by_dose():
    case = cases("boin_early_stop_oc.json")[0]
    result = published_trials(case)
    for dose, share in enumerate(case["selection_percent"]):
        found = 100 * (result.selected == dose).mean()
        assert agree(found, share, case["trials"], np.sqrt(found * (100 - found)))
    for counts, key in ((result.treated, "mean_patients"), (result.dlt, "mean_dlt")):
        for dose, mean in enumerate(case[key]):
            assert agree(counts[:, dose, 0].mean(), mean, case["trials"], counts[:, dose, 0].std())


@pytest.mark.slow
def test_early_stops_of_a_published_table_agree():
    case = cases("boin_early_stop_oc.json")[1]
    result, truth = published_trials(case), np.array(case["p_true"])
    at, above = np.flatnonzero(truth == case["target"]), np.flatnonzero(truth > case["target"])
    for doses, key in ((at, "selected_at_target_percent"), (above, "selected_above_percent")):
        found = 100 * np.isin(result.selected, doses).mean()
        assert agree(found, case[key], None, np.sqrt(found * (100 - found)))
    below = np.flatnonzero(truth < case["target"])
    for doses, key in ((below, "patients_below"), (at, "patients_at"), (above, "patients_above")):
        counts = result.treated[:, doses, 0].sum(axis=1)
        assert agree(counts.mean(), case[key], None, counts.std())
    total = result.treated.sum(axis=(1, 2))
    assert agree(total.mean(), case["total"], None, total.std())


@pytest.mark.slow
@pytest.mark.parametrize("case", cases("boin_early_stop_oc.json"), ids=lambda case: case["id"])
def test_a_stop_at_once_is_another_design_with_fewer_participants(case):
    total = published_trials(case, enough_rule="reached").treated.sum(axis=(1, 2))
    assert total.mean() < case["total"] - 4


@pytest.mark.slow
def test_boin12_selects_as_its_web_application_does():
    published = published_values("boin12_trialdesign.json")
    given_ones = published["arguments"]
    grid, truth = one_line(published["p_true"])
    names = set(given_ones) - {"target", "correlation"}
    rates = {"safe": 0.6 * given_ones["target"], "toxic": 1.4 * given_ones["target"]}
    shared = rates | {name: given_ones[name] for name in names}
    design = Utility(grid, given_ones["target"], **shared)
    assert design.enough_rule == "reached"
    result = simulate(design, truth, 20_000, 1, response=[[rate] for rate in published["response"]])
    for dose, share in published["selection_percent"].items():
        found = 100 * (result.selected == int(dose) - 1).mean()
        assert agree(found, share, published["trials"], np.sqrt(found * (100 - found))), (dose, found)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_ENOUGH)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_enough_participants_stop_every_design_by_the_rule_that_is_named(name, data):
    n = data.draw(st.lists(st.integers(0, 9), min_size=15, max_size=15))
    y = [data.draw(st.integers(0, one)) for one in n]
    outcomes = Outcomes(GRID, np.reshape(n, (5, 3)), np.reshape(y, (5, 3)))
    at, draw = [data.draw(st.integers(0, 14))], [data.draw(st.floats(0, 1))]
    changes = {"draws": 50, "maximum": 1000, "preference": "coin"}
    free = ESCALATION.designed(name, enough=1000, **changes).next(outcomes, at, draw)[0]
    staying = ESCALATION.designed(name, enough=6, enough_rule="staying", **changes).next(outcomes, at, draw)[0]
    reached = ESCALATION.designed(name, enough=6, enough_rule="reached", **changes).next(outcomes, at, draw)[0]
    enough = n[at[0]] >= 6
    assert reached == (STOP if enough else free)
    assert staying == (STOP if enough and free == at[0] else free)


def test_the_published_rule_is_the_default_of_every_design():
    rules = {name: kind(GRID).enough_rule for name, kind in DESIGNS.items() if hasattr(kind, "enough_rule")}
    assert rules.pop("Utility of response and toxicity") == "reached"
    assert set(rules.values()) == {"staying"}


def test_a_record_that_states_no_rule_leaves_each_design_its_own():
    silent = ESCALATION.model_copy(update={"design": ESCALATION.design.model_copy(update={"enough_rule": None})})
    assert silent.designed("BOIN (2-D)").enough_rule == "staying"
    assert silent.designed("Utility of response and toxicity").enough_rule == "reached"
    assert ESCALATION.designed("Utility of response and toxicity").enough_rule == "staying"


def test_trials_by_the_calendar_stop_by_the_same_rule():
    for rule in ("staying", "reached"):
        design = ESCALATION.designed(enough=9, enough_rule=rule)
        plain = simulate(design, SCENARIOS["middle"], 200, 3)
        timed = simulate(design, SCENARIOS["middle"], 200, 3, rules=TrialRules(accrual_per_month=3))
        assert (plain.treated == timed.treated).all()
