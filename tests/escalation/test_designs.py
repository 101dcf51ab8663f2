"""The designs beside BOIN: published values, second implementations, and properties of every design."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.escalation import GRID, SCENARIOS, by_id, cases, draws_of, published_values
from support.trial import ESCALATION
from twins.keyboard import PlainKeyboard
from twins.pipe import PlainPipe
from twins.pocrm import PlainPocrm
from twins.three_plus_three import PlainThreePlusThree

from protocol.escalation import DESIGNS, STOP, Grid, Outcomes, simulate
from protocol.escalation.designs.keyboard import Keyboard
from protocol.escalation.designs.pipe import Pipe
from protocol.escalation.designs.pocrm import Pocrm
from protocol.escalation.designs.three_plus_three import ThreePlusThree
from protocol.records import ProtocolError

# Keyboard


@pytest.mark.requirement("R-ESC-02")
@pytest.mark.parametrize("case", **by_id("keyboard_comb_boundaries.json"))
def test_keyboard_boundaries_equal_those_of_the_published_package(case):
    margins = {"margin_below": case["marginL"], "margin_above": case["marginR"]}
    tables = Keyboard(GRID, case["target"], elimination=case["cutoff.eli"], toxic=0.9, **margins).tables
    assert tables.escalate[1:].tolist() == case["escalate_if_dlt_le"]
    assert tables.deescalate[1:].tolist() == case["deescalate_if_dlt_ge"]
    assert [int(y) if y <= n else None for n, y in enumerate(tables.eliminate)][1:] == case["eliminate_if_dlt_ge"]


@pytest.mark.requirement("R-ESC-02")
@pytest.mark.slow
@pytest.mark.parametrize("case", **by_id("keyboard_comb_oc.json"))
def test_keyboard_characteristics_agree_with_the_published_simulations(case):
    design = Keyboard(GRID, case["target"], preference="coin")
    table = simulate(design, case["p_true"], 20_000, seed=1).regimens()
    published = case["results"]
    for name, key, scale in (
        ("selected", "selection_percent", 100),
        ("participants", "mean_patients", 1),
        ("dlts", "mean_dlt", 1),
    ):
        found, error = table[name].to_numpy()[:15], table[f"{name}_se"].to_numpy()[:15] + 0.0001
        expected = np.array(published[key]).ravel() / scale
        assert np.all(np.abs(found - expected) <= 4 * error * np.sqrt(3)), name  # theirs: 10,000 trials
    # `pctearlystop` of the package is twice the share of trials that stop; 100 less the selections is the share.
    none = table.iloc[-1]
    assert abs(none.selected - published["early_stop_percent"] / 100) <= 4 * np.sqrt(3) * none.selected_se + 1e-4


@pytest.mark.requirement("R-ESC-02")
@pytest.mark.slow
def test_keyboard_agrees_with_the_plain_twin_on_the_same_draws():
    design, twin = Keyboard(GRID, preference="coin"), PlainKeyboard(5, 3, 0.3)
    result = simulate(design, SCENARIOS["diagonal"], 2_000, 7)
    for trial, (latent, coins) in enumerate(draws_of(7, 2_000)):
        n, y = twin.run(SCENARIOS["diagonal"], latent, coins)
        assert result.treated[trial].ravel().tolist() == [n[c] for c in twin.cells]
        assert result.dlt[trial].ravel().tolist() == [y[c] for c in twin.cells]
        if trial < 100:
            assert result.selected[trial] == twin.cells.index(twin.select(n, y))


# 3+3


@pytest.mark.requirement("R-ESC-03")
@pytest.mark.parametrize("case", cases("three_plus_three_escalation.json"), ids=lambda case: str(case["rate"]))
def test_a_level_of_the_3_plus_3_is_passed_as_often_as_the_rule_says(case):
    design = ThreePlusThree(Grid(("A", "B"), ("1",)))
    result = simulate(design, [[case["rate"]], [1.0]], 20_000, 1)
    passed = (result.treated[:, 1, 0] > 0).mean()
    assert abs(passed - case["escalate"]) < 4 * np.sqrt(passed * (1 - passed) / 20_000)


@pytest.mark.requirement("R-ESC-03")
@pytest.mark.slow
@pytest.mark.parametrize("path", [(), ("A1", "A2", "B2", "B3", "C3")])
@pytest.mark.parametrize("scenario", ["diagonal", "lowest", "safe"])
def test_the_3_plus_3_agrees_with_the_plain_twin_on_the_same_draws(path, scenario):
    design = ThreePlusThree(GRID, path=path)
    result, twin = simulate(design, SCENARIOS[scenario], 2_000, 7), PlainThreePlusThree(design.levels)
    for trial, (latent, _coins) in enumerate(draws_of(7, 2_000)):
        n, y, picked = twin.run(np.ravel(SCENARIOS[scenario]), latent)
        assert result.treated[trial].ravel().tolist() == [n.get(cell, 0) for cell in range(15)]
        assert result.dlt[trial].ravel().tolist() == [y.get(cell, 0) for cell in range(15)]
        assert result.selected[trial] == (STOP if picked is None else picked)


@pytest.mark.parametrize(
    ("text", "answer", "words"),
    [
        ("A1:NNN", "B1", "steps up: to B1"),
        ("A1:NNT", "A1", "3 more participants here"),
        ("A1:NNTTNN", "stop", "the trial stops"),
        ("A1:NNN B1:NTT", "A1", "go down to A1"),
        ("A1:NNNNNN B1:NTT", "stop", "the trial ends"),
        ("A1:NNN B1:NNN C1:NNN D1:NNN E1:NNN E2:NNN E3:NNN", "E3", "Nothing above E3 is open"),
    ],
)
def test_the_3_plus_3_says_its_numbers(text, answer, words):
    design, outcomes = ThreePlusThree(GRID), Outcomes.parse(GRID, text)
    at = GRID.index(text.split()[-1][:2])
    following = design.next(outcomes, [at])[0]
    assert (GRID.labels[following] if following != STOP else "stop") == answer
    assert words in design.why(outcomes, at)


# PIPE

REACH = {
    "neighbouring": ("neighbours", True),
    "neighbouring-nodiag": ("neighbours", False),
    "no.dose.skip": ("levels", True),
    "no.dose.skip-nodiag": ("levels", False),
}


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.slow
@pytest.mark.parametrize("case", **by_id("pipe_next.json"))
def test_pipe_finds_contours_and_admissible_regimens_of_the_published_package(case, monkeypatch):
    shapes = np.array([case["beta_prior"][name] for name in "ab"]).reshape(2, 15)
    medians = published_values("pipe_next.json")["prior_median"]
    reach, diagonal = REACH[case["constraint"]]
    size = case["prior.ss_each"]
    design = Pipe(
        GRID, case["theta"], prior_rates=tuple(map(tuple, medians)), prior_size=size, ceiling=case["epsilon"] or 1.0,
        admissible=case["admis"], reach=reach, diagonal=diagonal, preference="coin",
    )  # fmt: skip
    assert design.shapes == pytest.approx(shapes, abs=2e-4)  # the package solves for them roughly
    monkeypatch.setattr(Pipe, "shapes", property(lambda _design: shapes))
    outcomes = Outcomes(GRID, np.array(case["n"]), np.array(case["dlt"]))
    posterior = design.posterior(outcomes)
    assert posterior.above[0].reshape(5, 3).astype(int).tolist() == case["contour_above"]
    assert posterior.chance[0] == pytest.approx(np.ravel(case["prob_above_contour"]), abs=1e-6)
    if case["epsilon"]:
        assert design.eliminated(outcomes)[0].astype(int).tolist() == case["unsafe_by_epsilon"]
    at = (case["doses"][-1] - 1) * 3 + case["freqs"][-1] - 1 if case["doses"] else 0
    answers = {int(design.next(outcomes, [at], [draw])[0]) for draw in np.linspace(0, 0.999, 50)}
    assert answers == {(dose - 1) * 3 + frequency - 1 for dose, frequency in case["next_seen"]}


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.slow
def test_pipe_agrees_with_the_plain_twin_on_the_same_draws():
    design = ESCALATION.designed("PIPE")
    a, b = design.shapes.reshape(2, 5, 3).tolist()
    twin, scenarios = PlainPipe(a, b, 0.3, 0.8), ("diagonal", "lowest")
    for scenario in scenarios:
        result = simulate(design, SCENARIOS[scenario], 1_000, 7)
        for trial, (latent, _coins) in enumerate(draws_of(7, 1_000)):
            n, y = twin.run(SCENARIOS[scenario], latent)
            assert result.treated[trial].ravel().tolist() == [n[c] for c in twin.cells], trial
            assert result.dlt[trial].ravel().tolist() == [y[c] for c in twin.cells]


def test_pipe_skips_by_the_published_rule_levels_and_not_regimens():
    text = "A1:NNN B1:NNN C1:NNN D1:NNN A2:NNN A3:NNN"
    outcomes, at = Outcomes.parse(GRID, text), [GRID.index("A3")]
    reach = {
        (name, diagonal): {
            GRID.labels[i]
            for i in np.flatnonzero(Pipe(GRID, reach=name, diagonal=diagonal)._in_reach(outcomes, np.array(at))[0])
        }
        for name in ("tried", "levels")
        for diagonal in (False, True)
    }
    assert "C3" not in reach["tried", False] | reach["tried", True]
    assert "C3" in reach["levels", False]  # third dose and third frequency were given, though not together
    assert reach["levels", True] == set(GRID.labels)
    first = Outcomes.parse(GRID, "A1:NNN")
    assert GRID.labels[Pipe(GRID, reach="levels", diagonal=True).next(first, [0])[0]] == "B2"
    assert GRID.labels[Pipe(GRID, reach="levels").next(first, [0])[0]] in {"A2", "B1"}
    for name in ("neighbours", "tried", "levels"):
        assert Pipe(GRID, reach=name).next(Outcomes.none(GRID), [0])[0] == 0


def test_pipe_goes_down_when_nothing_around_is_safe():
    design, outcomes = Pipe(GRID), Outcomes.parse(GRID, "A1:NNNNNN B1:NTTTTT B2:TTTTTT C3:TTTTTTTTT")
    assert design.next(outcomes, [GRID.index("C3")])[0] != STOP
    assert not design.eliminated(outcomes)[0].ravel()[design.next(outcomes, [GRID.index("C3")])[0]]


# POCRM

SKELETONS = {0.3: {"halfwidth": 0.03, "guess": 8}, 0.2: {"halfwidth": 0.025, "guess": 8}}


def their_index(combination):
    """The package counts doses within a frequency, from 1."""
    frequency, dose = divmod(combination - 1, 5)
    return dose * 3 + frequency


def published_pocrm(target, used=(1, 2, 3, 4, 5, 6), **more):
    orders = published_values("pocrm_imp.json")["orders"]
    rows = [tuple(GRID.labels[their_index(one)] for one in order) for order in orders]
    return Pocrm(
        GRID, target, orderings=tuple(rows[one - 1] for one in used), sequence=rows[2], elimination=1.0, held=False,
        preference="coin", **SKELETONS[target], **more,
    )  # fmt: skip


@pytest.mark.parametrize("target", [0.2, 0.3])
def test_the_working_model_of_pocrm_is_the_published_one(target):
    published = published_values("pocrm_imp.json")["skeletons"][f"theta_{target}"]["values"]
    assert published_pocrm(target).skeleton == pytest.approx(published, abs=1e-12)


# The package stops with an error unless participants with and without a DLT were seen; so these have no answer.
NO_ANSWER = {"data_29", "data_31"}


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.slow
@pytest.mark.parametrize("case", **by_id("pocrm_imp.json"))
def test_pocrm_estimates_and_next_regimens_equal_those_of_the_published_package(case):
    used = case.get("orders_used", [1, 2, 3, 4, 5, 6])
    design, counts = published_pocrm(case["theta"], used), np.zeros((2, 15), int)
    counts[:, [their_index(one) for one in range(1, 16)]] = case["n_by_combo"], case["dlt_by_combo"]
    outcomes = Outcomes(GRID, *counts.reshape(2, 5, 3))
    assert (case["id"] in NO_ANSWER) == (case["error"] is not None)
    if case["error"]:
        assert 0 <= design.next(outcomes, [0], [0.5])[0] < 15
        return
    fit = design.fit(outcomes)
    weight = fit.weight[0] * (case.get("prior_o") or 1)  # the prior of an ordering only multiplies
    assert weight / weight.sum() == pytest.approx(case["order_prob"], abs=2e-3)
    for seen in case["by_order_seen"]:
        power = fit.power[0, used.index(seen["order"])]
        assert power == pytest.approx(seen["a_est"], abs=2e-3)
        order = design.orders[used.index(seen["order"])]
        rates = dict(zip(order.tolist(), design.skeleton**power, strict=True))
        published = [seen["ptox_est"][one - 1] for one in range(1, 16)]
        assert [rates[their_index(one)] for one in range(1, 16)] == pytest.approx(published, abs=2e-3)
    answers = {int(design.next(outcomes, [0], [draw])[0]) for draw in np.linspace(0, 0.9999, 100)}
    assert answers == {their_index(one) for one in case["next_combo_seen"]}


@pytest.mark.slow
@pytest.mark.parametrize("case", **by_id("pocrm_sim.json"))
def test_pocrm_characteristics_agree_with_the_published_simulations(case):
    order, trials = [their_index(one) for one in range(1, 16)], 2_000
    truth = np.zeros(15)
    truth[order] = case["p_true_by_combo"]
    design = published_pocrm(0.3, cohort_size=1, maximum=case["args"]["n"])
    result = simulate(design, truth.reshape(5, 3), trials, 1)
    found, expected = result.regimens().selected.to_numpy()[order], np.array(case["results"]["selection_prob"])
    error = np.sqrt(expected * (1 - expected) / 1_000 + found * (1 - found) / trials)
    assert np.all(np.abs(found - expected) <= 4 * error + 0.005)  # published shares are rounded to 0.01
    share = result.treated.reshape(trials, 15)[:, order].mean(axis=0) / case["args"]["n"]
    assert share == pytest.approx(case["results"]["allocation_share"], abs=0.02)


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["diagonal", "lowest"])
def test_pocrm_agrees_with_the_plain_twin_on_the_same_draws(scenario):
    trials, design = 1_000, ESCALATION.designed("POCRM")
    places = [divmod(int(index), 3) for index in range(15)]
    orders = [[places[index] for index in order] for order in design.orders]
    twin = PlainPocrm(orders, [places[index] for index in design.stages], design.skeleton, 0.3)
    result = simulate(design, SCENARIOS[scenario], trials, 7)
    for trial, (latent, _coins) in enumerate(draws_of(7, trials)):
        n, y = twin.run(SCENARIOS[scenario], latent)
        assert result.treated[trial].ravel().tolist() == [n[c] for c in places], trial
        assert result.dlt[trial].ravel().tolist() == [y[c] for c in places]
        picked = twin.select(n, y)
        assert result.selected[trial] == (STOP if picked is None else places.index(picked))


# Properties of every design


def fitting(name, grid, **changes):
    """A design of this name for a grid other than the record's."""
    few = {"draws": 200} if name == "Two-agent logistic" else {}
    return DESIGNS[name](grid, **few, **changes)


@st.composite
def truths(draw, doses, frequencies):
    steps = draw(
        st.lists(st.floats(0, 0.3), min_size=doses * frequencies, max_size=doses * frequencies).map(
            lambda values: np.array(values).reshape(doses, frequencies)
        )
    )
    return np.minimum(np.maximum.accumulate(np.maximum.accumulate(steps + draw(st.floats(0, 0.7)), 0), 1), 1.0)


SHAPES = [(1, 1), (1, 4), (3, 2), (5, 3)]


@pytest.mark.requirement("R-ESC-06")
@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@settings(deadline=None, max_examples=8)
@given(data=st.data())
def test_no_design_leaves_the_grid_skips_climbs_diagonally_or_enters_an_eliminated_regimen(name, shape, data):
    grid = Grid(tuple(f"D{i}-" for i in range(shape[0])), tuple(f"F{i}" for i in range(shape[1])))
    design, truth = fitting(name, grid, maximum=24), data.draw(truths(*shape)).ravel()
    draws = np.random.default_rng(data.draw(st.integers(0, 2**32))).random((20, 24))
    treated, dlt, at, going = *np.zeros((2, 20, grid.size), int), np.zeros(20, int), np.arange(20)
    for step in range(8):
        for draw in draws[going, 3 * step : 3 * step + 3].T:
            treated[going, at[going]] += 1
            dlt[going, at[going]] += draw < truth[at[going]]
        outcomes = Outcomes(grid, treated[going].reshape(-1, *shape), dlt[going].reshape(-1, *shape))
        following, closed = design.next(outcomes, at[going], draws[going, step]), design.eliminated(outcomes)
        assert ((following >= STOP) & (following < grid.size)).all()
        moved = following != STOP
        assert not closed.reshape(-1, grid.size)[moved, following[moved]].any()
        place = np.array(np.divmod(np.arange(grid.size), shape[1]))
        climbs = np.maximum(place[:, None, :] - place[:, :, None], 0).sum(axis=0)  # from a row to a column
        near = (treated[going][moved] > 0) & (climbs[:, following[moved]].T <= 1)
        assert near.any(axis=1).all()  # at most one step above a treated regimen, and not a diagonal one
        at[going], going = following, going[moved]
    selected = design.selected(Outcomes(grid, treated.reshape(-1, *shape), dlt.reshape(-1, *shape)))
    assert (treated[selected != STOP, selected[selected != STOP]] > 0).all()


@pytest.mark.requirement("R-ESC-07")
@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_gives_the_same_figures_in_any_chunks(name):
    design = ESCALATION.designed(name)
    whole = simulate(design, SCENARIOS["diagonal"], 70, 3)
    parts = simulate(design, SCENARIOS["diagonal"], 70, 3, chunk=23)
    assert whole.regimens().equals(parts.regimens())
    assert (whole.selected == parts.selected).all()


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_says_why_for_every_outcome_of_a_first_cohort(name):
    design = ESCALATION.designed(name)
    for letters in ("NNN", "NNT", "NTT", "TTT"):
        outcomes = Outcomes.parse(GRID, f"A1:{letters}")
        words = design.why(outcomes, 0)
        assert "A1" in words
        assert any(character.isdigit() for character in words.replace("A1", ""))
        assert design.next(outcomes, [0], [0.5])[0] < GRID.size


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize(
    "changes",
    [{"target": 0.0}, {"target": 1.0}, {"target": float("nan")}, {"cohort_size": 0}, {"maximum": 0}],
    ids=str,
)
def test_every_design_refuses_what_cannot_be(name, changes):
    with pytest.raises(ProtocolError):
        fitting(name, GRID, **changes)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_runs_on_a_large_grid_and_refuses_no_trials(name):
    grid = Grid(tuple(f"D{i}-" for i in range(6)), tuple(f"F{i}" for i in range(6)))
    design = fitting(name, grid, maximum=12)
    assert simulate(design, np.full((6, 6), 0.2), 5, 1).trials == 5
    with pytest.raises(ProtocolError):
        simulate(design, np.full((6, 6), 0.2), 0, 1)


@pytest.mark.parametrize("name", DESIGNS)
def test_a_grid_of_twelve_by_eight_is_worked_on_or_refused_with_a_smaller_one(name):
    grid = Grid(tuple("ABCDEFGHIJKL"), tuple("12345678"))
    design = fitting(name, grid, maximum=12, **({"halfwidth": 0.01} if name == "POCRM" else {}))
    if name in {"POCRM", "3+3 along a path", "Two-agent logistic"}:  # the others need every lower set of the grid
        assert (simulate(design, np.full((12, 8), 0.1), 20, 1).treated.sum(axis=(1, 2)) <= 12).all()
        return
    with pytest.raises(ProtocolError, match="a smaller grid"):
        simulate(design, np.full((12, 8), 0.1), 20, 1)


@pytest.mark.parametrize(
    ("attempt", "where"),
    [
        (lambda: ThreePlusThree(GRID, path=("A1", "B2")), "path"),
        (lambda: ThreePlusThree(GRID, path=("A1", "A3")), "path"),
        (lambda: ThreePlusThree(GRID, path=("A1", "Z9")), "regimen"),
        (lambda: ThreePlusThree(GRID, cohort_size=4), "design"),
        (lambda: ThreePlusThree(GRID).next(Outcomes.parse(GRID, "A2:NNN"), [1]), "current regimen"),
        (lambda: ThreePlusThree(GRID).next(Outcomes.parse(GRID, "A1:NNNNNNN"), [0]), "outcomes"),
        (lambda: Keyboard(GRID, margin_below=0.3), "design"),
        (lambda: Pocrm(GRID, orderings=(("A1", "B1"),)), "ordering"),
        (lambda: Pocrm(GRID, orderings=(tuple(reversed(GRID.labels)),)), "ordering"),
        (lambda: Pocrm(GRID, sequence=tuple(reversed(GRID.labels))), "ordering"),
        (lambda: Pocrm(GRID, halfwidth=0.3), "design"),
        (lambda: Pocrm(Grid(tuple("ABCDEFGHIJKL"), tuple("12345678"))), "design"),
        (lambda: Pocrm(GRID, guess=16), "design"),
        (lambda: Pocrm(GRID, preference="coin").next(Outcomes.none(GRID), [0]), "ties"),
        (lambda: Pipe(GRID, prior_rates=((0.1, 0.2),)), "design"),
        (lambda: Pipe(GRID, prior_rates=((0.1, 0.2, 1.0),) * 5), "design"),
        (lambda: Pipe(GRID, prior_size=float("nan")), "design"),
        (lambda: Pipe(GRID, ceiling=0.0), "design"),
        (lambda: Pipe(GRID, preference="coin").next(Outcomes.none(GRID), [0]), "ties"),
    ],
)
def test_what_a_design_cannot_use_is_refused(attempt, where):
    with pytest.raises(ProtocolError) as caught:
        attempt()
    assert where in caught.value.where


# Bad input, for every design


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize(
    ("truth", "words"),
    [
        ([[float("nan")] * 3] * 5, "a probability from 0 to 1"),
        ([[0.3, 0.2, 0.4]] * 5, "may not fall"),
        ([[-0.1, 0.2, 0.4]] * 5, "a probability from 0 to 1"),
        ([[0.1, 0.2]] * 5, "5 rows"),
        ("steep", "numbers from 0 to 1"),
    ],
    ids=["NaN", "falling", "negative", "another shape", "a word"],
)
def test_true_rates_that_cannot_be_are_refused_by_every_design(name, truth, words):
    with pytest.raises(ProtocolError, match=words):
        simulate(ESCALATION.designed(name, draws=50), truth, 5, 1)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("trials", [0, -1, 2.5, 10**9], ids=str)
def test_numbers_of_trials_that_cannot_be_are_refused_by_every_design(name, trials):
    with pytest.raises(ProtocolError, match="trials"):
        simulate(ESCALATION.designed(name, draws=50), SCENARIOS["safe"], trials, 1)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize(
    ("treated", "dlt", "words"),
    [(3, 4, "at most 3"), (-3, 0, "0 or more"), (3, float("nan"), "whole"), (2.5, 1, "whole"), (61, 0, "at most")],
    ids=str,
)
def test_counts_that_cannot_be_are_refused_by_every_design(name, treated, dlt, words):
    counts = [
        np.array([[value if cell == 0 else 0 for cell in range(3)]] + [[0] * 3] * 4) for value in (treated, dlt)
    ]
    design = ESCALATION.designed(name, draws=50)
    with pytest.raises(ProtocolError, match=words):
        design.next(Outcomes(GRID, *counts), [0], [0.5])


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("current", [-1, 15, 100])
def test_a_current_regimen_off_the_grid_is_refused_by_every_design(name, current):
    with pytest.raises(ProtocolError, match="current regimen"):
        ESCALATION.designed(name, draws=50).next(Outcomes.none(GRID), [current], [0.5])


@pytest.mark.parametrize("name", DESIGNS)
def test_a_grid_of_one_regimen_is_kept_or_stopped_by_every_design(name):
    grid = Grid(("A",), ("1",))
    design = fitting(name, grid, maximum=12)
    assert design.next(Outcomes.parse(grid, "A1:EEN" if name.startswith("Utility") else "A1:NNN"), [0], [0.5])[0] == 0
    assert design.next(Outcomes.parse(grid, "A1:TTT"), [0], [0.5])[0] == STOP
    assert simulate(design, [[0.0]], 20, 1, response=[[1.0]]).selected.tolist() == [0] * 20
    assert simulate(design, [[1.0]], 20, 1, response=[[1.0]]).selected.tolist() == [STOP] * 20


@pytest.mark.parametrize("name", [name for name in DESIGNS if name not in {"Waterfall", "3+3 along a path"}])
def test_enough_participants_at_the_current_regimen_end_the_trial_under_every_design_of_the_whole_grid(name):
    design = ESCALATION.designed(name, enough=6, enough_rule="reached")
    letters = "EEENEN" if name.startswith("Utility") else "NNTNNN"
    outcomes = Outcomes.parse(GRID, f"A1:{letters}")
    assert design.next(outcomes, [0], [0.5])[0] == STOP
    assert "6 participants at A1 are enough." in design.why(outcomes, 0)
    assert design.next(outcomes.with_regimen(0, 3, 0), [0], [0.5])[0] != STOP


def test_the_utility_of_a_large_trial_needs_no_table():
    small, large = (fitting("Utility of response and toxicity", GRID, maximum=size) for size in (60, 600))
    outcomes = Outcomes.parse(GRID, "A1:NNE B1:EEB C1:TNNEEB")
    assert large.desirability(outcomes) == pytest.approx(small.desirability(outcomes), abs=1e-12)
