"""The utility design: a second implementation, the published order of outcomes, and what closes a regimen."""

import numpy as np
import pytest
from support.escalation import GRID, SCENARIOS, published_values
from support.trial import ESCALATION
from twins.utility import PlainUtility

from protocol.escalation import STOP, Grid, Outcomes, simulate
from protocol.escalation.designs.utility import Utility
from protocol.escalation.simulation import Stream
from protocol.records import ProtocolError

NAME = "Utility of response and toxicity"
PUBLISHED = published_values("utility_ranks.json")
FLAT = ((0.2,) * 3, (0.5,) * 3, (0.5,) * 3, (0.5,) * 3, (0.5,) * 3)


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "response", "options"),
    [
        ("diagonal", None, {}),
        ("lowest", FLAT, {"value_neither": 30, "value_both": 50}),
        ("safe", FLAT, {"least_response": 0.4, "explored": 3}),
    ],
)
def test_the_utility_agrees_with_the_plain_twin_on_the_same_draws(scenario, response, options):
    design, trials = ESCALATION.designed(NAME, **options), 1_000
    response = response or design.response_rates
    names = {"value_neither": "neither", "value_both": "both", "least_response": "least", "explored": "explored"}
    twin = PlainUtility(5, 3, 0.3, **{names[key]: value for key, value in options.items()})
    result, draws = (
        simulate(design, SCENARIOS[scenario], trials, 7, response=response),
        Stream(design, 7).take(trials, more=True),
    )
    for trial in range(trials):
        twin.run(SCENARIOS[scenario], response, draws.latent[:, trial].tolist(), draws.responses[:, trial].tolist())
        assert result.treated[trial].ravel().tolist() == [twin.n[c] for c in twin.cells], trial
        assert result.dlt[trial].ravel().tolist() == [twin.y[c] for c in twin.cells]
        assert result.responded[trial].ravel().tolist() == [twin.r[c] for c in twin.cells]
        if trial < 100:
            picked = twin.recommend()
            assert result.selected[trial] == (STOP if picked is None else twin.cells.index(picked))


@pytest.mark.requirement("R-ESC-05")
def test_outcomes_rank_in_the_published_order():
    given = PUBLISHED["arguments"]
    design = Utility(
        GRID, given["phi_t"], safe=0.6 * given["phi_t"], toxic=1.4 * given["phi_t"], least_response=given["phi_e"]
    )
    ranks = design.ranks(9).set_index(["treated", "dlt", "responses"])["rank"]
    ours = [ranks[tuple(case["outcome"])] for case in sorted(PUBLISHED["cases"], key=lambda case: case["score"])]
    assert ours == sorted(set(ours))


@pytest.mark.parametrize(
    ("text", "answer", "words"),
    [
        ("A1:NNN", "B1", "Next: B1."),
        ("A1:EEN", "A1", "2 of 3 had a response."),
        ("A1:NNN B1:EEE C1:TTN", "B1", "Next: B1."),
        ("A1:TTT", "stop", "is too toxic: the trial stops"),
        ("A1:NNNNNNNNNNNNNN", "B1", "Next: B1."),
        ("A1:" + "E" * 60, "stop", "The maximum of 60 participants is reached."),
        ("", "A1", "No participant was treated at A1 yet."),
    ],
)
def test_the_utility_says_its_numbers(text, answer, words):
    design, outcomes = ESCALATION.designed(NAME), Outcomes.parse(GRID, text)
    at = GRID.index(text.split()[-1][:2]) if text else 0
    following = design.next(outcomes, [at])[0]
    assert (GRID.labels[following] if following != STOP else "stop") == answer
    assert words in design.why(outcomes, at)


def test_a_regimen_that_hardly_anybody_responds_to_is_closed_but_not_those_above_it():
    design, outcomes = ESCALATION.designed(NAME), Outcomes.parse(GRID, "A1:NNNNNNNNN B1:NEE")
    assert design.eliminated(outcomes)[0].ravel().nonzero()[0].tolist() == [GRID.index("A1")]
    assert GRID.labels[design.selected(outcomes)[0]] == "B1"


def test_where_nothing_in_reach_is_useful_the_trial_stops():
    grid = Grid(("A",), ("1",))
    design, outcomes = Utility(grid), Outcomes.parse(grid, "A1:NNNNNNNNN")
    assert design.next(outcomes, [0])[0] == STOP
    assert "safe and useful enough" in design.why(outcomes, 0)
    assert design.selected(outcomes)[0] == STOP


def test_response_without_toxicity_is_preferred_among_equally_tolerated_regimens():
    response = np.full((5, 3), 0.1)
    response[1, 1] = 0.8
    result = simulate(ESCALATION.designed(NAME), SCENARIOS["safe"], 500, 1, response=response)
    assert (result.selected == GRID.index("B2")).mean() > 0.6
    assert result.summary().set_index("measure").value["responses"] > 20


@pytest.mark.parametrize(
    "changes",
    [
        {"value_neither": 101}, {"value_both": -1}, {"least_response": 0.0}, {"least_response": float("nan")},
        {"futility": 1.0}, {"explored": 0}, {"response_rates": ((0.1,),)},
    ],
    ids=str,
)  # fmt: skip
def test_what_the_utility_cannot_use_is_refused(changes):
    with pytest.raises(ProtocolError, match="design"):
        Utility(GRID, **changes)


@pytest.mark.parametrize("response", [[[0.5] * 3] * 4, [[1.5] * 3] * 5, [[float("nan")] * 3] * 5, "half"])
def test_response_rates_that_cannot_be_are_refused(response):
    with pytest.raises(ProtocolError, match="true response rates"):
        simulate(ESCALATION.designed(), SCENARIOS["safe"], 5, 1, response=response)
