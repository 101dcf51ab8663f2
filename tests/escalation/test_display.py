"""What the objects of the escalation show of themselves in a notebook and as a table."""

import pytest
from support.escalation import GRID, SCENARIOS
from support.trial import ESCALATION

from protocol.escalation import DESIGNS, Grid, Outcomes, Setting, calibrate, compare, simulate

TRUTH = SCENARIOS["diagonal"]


def test_a_simulation_shows_one_row_a_regimen():
    result = simulate(ESCALATION.designed(), TRUTH, 20, 1)
    assert repr(result) == "<Simulation of Boin, seed 1: 20 of 20 trials>"
    assert result.table().equals(result.regimens())
    assert result.table()["regimen"].tolist() == [*GRID.labels, "none"]
    assert "&lt;Simulation of Boin" in result._repr_html_()
    assert ">E3</div></td>" in result._repr_html_()


def test_a_comparison_and_a_calibration_show_their_figures():
    design = ESCALATION.designed(maximum=12, enough=12)
    both = compare({"one": design, "<other>": design}, TRUTH, 10, 1, margin=0.05)
    assert repr(both) == "<Comparison of 2 simulations: 10 of 10 trials>"
    assert "&lt;other&gt;" in both._repr_html_()

    def designed(setting):
        return ESCALATION.designed(**setting._asdict())

    tried = calibrate(designed, {"diagonal": TRUTH}, [0.3], [3], [12], 10, 1, margin=0.05)
    assert repr(tried) == "<Calibration of 1 simulations: 10 of 10 trials>"
    assert Setting(0.3, 3, 12) in {setting for setting, _scenario in tried.simulations}
    assert "overdosed" in tried._repr_html_()


def test_outcomes_show_their_counts():
    outcomes = Outcomes.parse(GRID, "A1:NNN B1:NTP0.5")
    assert repr(outcomes) == "<Outcomes A1:NNN B1:NTP0.5>"
    table = outcomes.table()
    assert table[["regimen", "enrolled", "treated", "dlt"]].to_numpy().tolist() == [["A1", 3, 3, 0], ["B1", 3, 2, 1]]
    assert table["followed"].tolist() == [0.0, 0.5]
    assert repr(Outcomes.none(GRID)) == "<Outcomes without participants>"
    assert repr(Outcomes.none(GRID, 3)) == "<Outcomes of 3 trials>"
    assert ">B1</div></td>" in outcomes._repr_html_()


def test_a_grid_shows_its_regimens_and_escapes_their_names():
    assert GRID.table().loc[4].tolist() == ["B2", "B", "2"]
    assert "<b>" not in Grid(("<b>",), ("1",))._repr_html_()


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_shows_how_it_is_set(name):
    design = ESCALATION.designed(name)
    table = design.table().set_index("parameter")["value"]
    assert table["grid"] == "A1 to E3"
    assert table["target"] == 0.3
    assert "cohort_size" in design._repr_html_()


def test_trials_are_chosen_by_number_or_mark_also_none_and_a_single_one():
    two = Outcomes.parse(ESCALATION.grid, "A1:NNT").of([0, 0])
    chosen = [two.of(trials) for trials in ([], 1, [True, False])]
    assert [len(one.treated) for one in chosen] == [0, 1, 1]
