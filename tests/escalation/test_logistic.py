"""The two-agent logistic model: a second implementation, numerical integration, and overdose control."""

import numpy as np
import pytest
from support.escalation import GRID, SCENARIOS, draws_of, published_values
from support.trial import ESCALATION
from twins.logistic import PlainLogistic

from protocol.escalation import STOP, Grid, Outcomes, simulate
from protocol.escalation.design import higher
from protocol.escalation.designs.boin import Boin
from protocol.escalation.designs.logistic import Logistic, _scattered
from protocol.records import ProtocolError

PUBLISHED = published_values("logistic_one_agent.json")
NEVER = (1e-9, 1e-6, 1.0, 1e-6)  # an agent that does nothing


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["diagonal", "lowest"])
def test_the_logistic_model_agrees_with_the_plain_twin_on_the_same_draws(scenario):
    design = ESCALATION.designed("Two-agent logistic", draws=50)
    twin = PlainLogistic(
        design.doses, design.frequencies, (design.dose_prior, design.frequency_prior), design.interaction,
        _scattered(50, 5).T.tolist(), *design.interval, design.overdose, design.target,
    )  # fmt: skip
    result = simulate(design, SCENARIOS[scenario], 1_000, 7)
    for trial, (latent, _coins) in enumerate(draws_of(7, 1_000)):
        n, y = twin.run(SCENARIOS[scenario], latent)
        assert result.treated[trial].ravel().tolist() == [n[c] for c in twin.cells], trial
        assert result.dlt[trial].ravel().tolist() == [y[c] for c in twin.cells]
        picked = twin.select(n, y)
        assert result.selected[trial] == (STOP if picked is None else twin.cells.index(picked))


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.parametrize("case", PUBLISHED["cases"], ids=lambda case: f"{case['n']}-{case['dlt']}")
def test_the_posterior_agrees_with_numerical_integration_where_one_agent_acts(case):
    grid, prior = Grid(tuple("ABCDE"), ("1",)), tuple(PUBLISHED["prior"].values())
    design = Logistic(
        grid,
        doses=tuple(PUBLISHED["amounts"]),
        dose_prior=prior,
        frequency_prior=NEVER,
        interaction=0.0,
        draws=20_000,
    )
    posterior = design.posterior(Outcomes(grid, np.array([case["n"]]).T, np.array([case["dlt"]]).T))
    assert design.interval == pytest.approx(PUBLISHED["interval"])
    error = (
        3 * 0.5 / np.sqrt(posterior.size[0])
    )  # evenly scattered draws do better than chance, and this is three of its errors
    assert posterior.inside[0] == pytest.approx(case["inside"], abs=error)
    assert posterior.over[0] == pytest.approx(case["above"], abs=error)
    assert error < 0.05


@pytest.mark.slow
def test_more_draws_do_not_change_the_advice():
    few, many = (ESCALATION.designed("Two-agent logistic", draws=draws) for draws in (8_000, 100_000))
    for text in ("A1:NNN", "A1:NNT", "A1:NNN A2:NNN B2:NTN", "A1:NNN B1:NNN C1:NNN C2:NNT D2:NTTNNT"):
        outcomes = Outcomes.parse(GRID, text)
        at = [GRID.index(text.split()[-1][:2])]
        assert few.next(outcomes, at) == many.next(outcomes, at)
        assert few.posterior(outcomes).over == pytest.approx(many.posterior(outcomes).over, abs=0.02)


def test_no_regimen_is_given_whose_chance_of_an_overdose_is_above_the_limit():
    design = ESCALATION.designed("Two-agent logistic")
    outcomes = Outcomes.parse(GRID, "A1:NNN B1:NNN C1:NNN C2:TTN")
    following = design.next(outcomes, [GRID.index("C2")])[0]
    assert design.posterior(outcomes).over[0, following] <= design.overdose
    assert design.eliminated(outcomes)[0][tuple(np.divmod(GRID.index("C2"), 3))]


def test_the_advice_names_the_effective_number_of_draws():
    design = ESCALATION.designed("Two-agent logistic")
    assert "effective draws of 8,000" in design.why(Outcomes.parse(GRID, "A1:NNN"), 0)
    few = ESCALATION.designed("Two-agent logistic", draws=50)
    assert "too few to rely on" in few.why(Outcomes.parse(GRID, "A1:NNNNNNTTT"), 0)


TARGETS = [0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_the_defaults_never_escalate_after_three_dlts_in_three_at_any_target(target):
    design = Logistic(GRID, target, draws=2_000)
    for text in (
        "A1:TTT",
        "A1:NNN B1:TTT",
        "A1:NNN A2:TTT",
        "A1:NNN B1:NNN B2:TTT",
        "A1:TTTTTT",
        "A1:NNN B1:NNN C1:TTT",
    ):
        at = GRID.index(text.split()[-1][:2])
        following = int(design.next(Outcomes.parse(GRID, text), [at])[0])
        assert following in (STOP, at) or not higher(GRID)[at, following], (text, following)
    assert design.next(Outcomes.none(GRID), [0])[0] == 0
    assert design.next(Outcomes.parse(GRID, "A1:NNN"), [0])[0] in (0, 1, 3)


def test_the_default_priors_follow_the_target_and_stated_ones_stay():
    assert Logistic(GRID, 0.5).priors == ((0.25, 1.5, 1.0, 0.7),) * 2
    own = (0.1, 1.0, 1.0, 0.5)
    assert Logistic(GRID, 0.5, dose_prior=own).priors[0] == own
    assert Logistic(GRID, 0.5).next(Outcomes.parse(GRID, "A1:TTT"), [0])[0] == STOP


@pytest.mark.parametrize("target", [0.3, 0.5, 0.7])
def test_no_prior_escalates_from_a_regimen_with_an_observed_rate_that_boin_would_leave(target):
    sure = {"dose_prior": (0.001, 0.1, 1.0, 0.1), "frequency_prior": (0.001, 0.1, 1.0, 0.1)}
    design = Logistic(GRID, target, draws=200, **sure)
    for text in ("A1:NNN B1:TTT", "A1:NNN B1:TTTTTN"):
        outcomes = Outcomes.parse(GRID, text)
        following = int(design.next(outcomes, [GRID.index("B1")])[0])
        assert not higher(GRID)[GRID.index("B1"), following]
    if 1.4 * target < (1 + target) / 2:
        boin = Boin(GRID, target, safe=0.6 * target, toxic=1.4 * target)
        assert design.highest_observed == pytest.approx(boin.tables.lambda_d)
    assert target < design.highest_observed < 1


def test_a_target_that_the_default_margins_do_not_fit_asks_for_them():
    with pytest.raises(ProtocolError, match="margin_below and margin_above"):
        Logistic(GRID, 0.1)
    assert Logistic(GRID, 0.1, margin_below=0.05).interval == pytest.approx((0.05, 0.13))


@pytest.mark.parametrize(
    "changes",
    [
        {"doses": (1.0, 2.0)}, {"doses": (1.0, 2.0, 2.0, 3.0, 4.0)}, {"frequencies": (0.0, 1.0, 2.0)},
        {"dose_prior": (1.0, 1.0, 1.0, 1.0)}, {"frequency_prior": (0.1, 0.0, 1.0, 1.0)}, {"margin_below": 0.4},
        {"overdose": 0.0}, {"overdose": float("nan")}, {"draws": 10}, {"interaction": -1.0},
    ],
    ids=str,
)  # fmt: skip
def test_what_the_logistic_model_cannot_use_is_refused(changes):
    with pytest.raises(ProtocolError, match="design"):
        Logistic(GRID, **changes)
