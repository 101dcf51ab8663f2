"""The waterfall design: a second implementation, the published simulations, and its contour."""

import numpy as np
import pytest
from support.escalation import GRID, SCENARIOS, cases, draws_of
from twins.waterfall import PlainWaterfall

from protocol.escalation import STOP, Outcomes, select_contour, simulate
from protocol.escalation.designs.waterfall import Waterfall
from protocol.records import ProtocolError

CASES = cases("waterfall_oc.json")


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "options"),
    [
        ("diagonal", {"cohorts": (8, 6, 6)}),
        ("lowest", {}),
        ("top", {"enough": 9, "enough_rule": "reached"}),
        ("middle", {"enough": 12, "enough_rule": "reached"}),
        ("middle", {"enough": 12}),
        ("lowest", {"enough": 9}),
    ],
)
def test_the_waterfall_agrees_with_the_plain_twin_on_the_same_draws(scenario, options):
    design, twin = Waterfall(GRID, **options), PlainWaterfall(5, 3, 0.3, **options)
    result = simulate(design, SCENARIOS[scenario], 2_000, 7)
    contour = design.contour(Outcomes(GRID, result.treated, result.dlt))
    for trial, (latent, _coins) in enumerate(draws_of(7, 2_000)):
        n, y = twin.run(SCENARIOS[scenario], latent)
        assert result.treated[trial].ravel().tolist() == [n[c] for c in twin.cells], trial
        assert result.dlt[trial].ravel().tolist() == [y[c] for c in twin.cells]
        if trial < 50:
            gone, rates = twin.eliminated(n, y), twin.isotonic(n, y)
            for frequency in range(3):
                line = [(d, frequency) for d in range(5) if n[d, frequency] and (d, frequency) not in gone]
                best = min(line, key=lambda c: abs(rates[c] + 1e-5 * sum(c) - 0.3), default=None)
                none = best is None or (0, 0) in gone or frequency >= twin.open_frequencies
                assert contour[trial, frequency] == (STOP if none else twin.cells.index(best))


class EndsOnTheNextDose(Waterfall):
    """The package's simulation: it has moved already when it looks whether 12 participants are enough."""

    def next(self, outcomes, current, draws=None):  # noqa: ARG002
        following = Waterfall(self.grid, self.target, cohorts=self.cohorts).next(outcomes, current)
        same = [np.flatnonzero(np.isin(current, line) & np.isin(following, line)) for line in self.lines]
        treated = outcomes.treated.reshape(len(following), -1)
        closed = self.eliminated(outcomes).reshape(treated.shape)
        for line, rows in enumerate(same):
            rows = rows[(following[rows] != STOP) & (treated[rows, following[rows]] >= 12)]
            move = self.tables.move[treated[rows], outcomes.dlt.reshape(treated.shape)[rows]]
            following[rows] = self._start_after(line, outcomes.of(rows), closed[rows], move)
        return following


@pytest.mark.requirement("R-ESC-05")
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_waterfall_agrees_with_the_published_simulations(case):
    trials, theirs, published = 20_000, case["call_args"]["ntrial"], case["results"]
    design = EndsOnTheNextDose(GRID, 0.3, cohorts=tuple(case["call_args"]["ncohort"]))
    result = simulate(design, case["p_true"], trials, 1)
    picked = design.contour(Outcomes(GRID, result.treated, result.dlt))
    share = np.array([(picked == cell).any(axis=1).mean() for cell in range(15)]).reshape(5, 3)
    expected = np.array(published["selection_percent"]) / 100
    error = np.sqrt(share * (1 - share) / trials + expected * (1 - expected) / theirs)
    assert np.all(np.abs(share - expected) <= 4 * error + 1e-4)
    for counts, key in ((result.treated, "mean_patients"), (result.dlt, "mean_dlt")):
        error = counts.std(axis=0) * np.sqrt(1 / trials + 1 / theirs)
        assert np.all(np.abs(counts.mean(axis=0) - published[key]) <= 4 * error + 0.01), key


@pytest.mark.parametrize(
    ("text", "answer", "words"),
    [
        ("A1:NNN", "A2", "It goes on at A2."),
        ("A1:NNN A2:NNN A3:NNN", "B3", "It goes on at B3."),
        ("A1:NNN A2:NNN A3:NNN B3:NNN C3:NNNTTN", "C3", "It goes on at C3."),
        ("A1:NNN A2:NNN A3:NNN B3:NNNNNNNNT C3:TTT", "B3", "It goes on at B3."),
        ("A1:NNN A2:NNN A3:NNN C3:TTT B3:NNNNNNNNNNNT", "C2", "with B3 nearest the target along this line; next: C2"),
        ("A1:TTT", "stop", "the trial stops"),
        ("A1:NNN A2:NNN A3:NNN C3:TTT B3:NNNNNNNNNNNT C2:TNNNTNNNTNNN D2:TTT C2:TNTNNN", "D1", "next: D1"),
    ],
)
def test_the_waterfall_says_its_numbers(text, answer, words):
    design, outcomes = Waterfall(GRID, cohorts=(8, 6, 6), enough=12), Outcomes.parse(GRID, text)
    at = GRID.index(text.split()[-1][:2])
    following = design.next(outcomes, [at])[0]
    assert (GRID.labels[following] if following != STOP else "stop") == answer
    assert words in design.why(outcomes, at)


def test_the_recommended_regimen_is_the_one_of_the_contour_nearest_the_target():
    outcomes = Outcomes.parse(GRID, "A1:NNN A2:NNN A3:NNNNNT B3:TTN B2:NNNNNNNNNTTT C1:NNT")
    design = Waterfall(GRID)
    assert [GRID.labels[cell] for cell in design.contour(outcomes)[0]] == ["C1", "B2", "A3"]
    assert GRID.labels[design.selected(outcomes)[0]] == "C1"


def test_frequencies_above_one_that_the_first_subtrial_selects_at_the_lowest_dose_are_closed():
    design = Waterfall(GRID)
    first = Outcomes.parse(GRID, "A1:NNN A2:NNNNNTTNNN A3:NTTNNT")
    assert [GRID.labels[cell] if cell != STOP else None for cell in design.contour(first)[0]] == ["A1", "A2", None]
    assert GRID.labels[design.selected(first)[0]] == "A2"
    # What later subtrials find does not open or close a frequency.
    later = Outcomes.parse(GRID, "A1:NNN A2:NNNNNTTNNN A3:NTTNNT B1:NNT C1:TTT")
    assert [GRID.labels[cell] if cell != STOP else None for cell in design.contour(later)[0]] == ["B1", "A2", None]
    climbed = Outcomes.parse(GRID, "A1:NNN A2:NNN A3:NNN B3:NNT C3:TTN")
    assert GRID.labels[design.contour(climbed)[0, 2]] == "B3"
    lost = Outcomes.parse(GRID, "A1:NNN A2:NNN A3:NNN B3:NNT C3:TTN B2:TTT")
    assert design.contour(lost)[0, 2] == GRID.index("A3")  # closed from B2 up, but the first subtrial ended at B3


@pytest.mark.slow
def test_a_toxic_regimen_above_the_selected_frequency_is_named_less_often():
    truth = [[0.02, 0.18, 0.45], [0.05, 0.42, 0.52], [0.1, 0.5, 0.6], [0.3, 0.6, 0.7], [0.5, 0.7, 0.8]]
    design = Waterfall(GRID, cohorts=(8, 6, 6))
    result = simulate(design, truth, 4_000, 1)
    outcomes = Outcomes(GRID, result.treated, result.dlt)
    named = (design.contour(outcomes) == GRID.index("A3")).any(axis=1).mean()
    without = select_contour(outcomes, 0.3, design.eliminated(outcomes))
    assert (without == GRID.index("A3")).any(axis=1).mean() > 0.47
    assert named < 0.37


def test_sizes_of_subtrials_that_do_not_fit_the_grid_are_refused():
    with pytest.raises(ProtocolError, match="3 numbers of cohorts"):
        Waterfall(GRID, cohorts=(8, 6))
