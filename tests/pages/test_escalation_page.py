"""The escalation page, used without a browser."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import ipywidgets as widgets
import pandas as pd
import pytest
import vl_convert

from protocol.escalation import DESIGNS, EscalationRecord
from protocol.figures import escalation as figures
from protocol.pages.escalation import EscalationPage
from protocol.records import read_record
from protocol.trial import load_trial

FOLDER = Path(__file__).parents[2] / "data" / "NCT05672420"
RECORD = read_record(FOLDER / "escalation.toml", EscalationRecord)


@pytest.fixture
def page():
    return EscalationPage(SimpleNamespace(escalation=RECORD, examples=None), today=date(2026, 1, 1))


def cells(page):
    return {row["regimen"]: row for row in page.picture._rows}


def at(page, label):
    return page.grid.index(label)


def simulated(page):
    page.simulation.run.click()
    page.simulation.worker.join(timeout=60)
    assert not page.simulation.worker.is_alive()
    return page.simulation.summary.value


def test_the_trial_starts_at_the_lowest_regimen(page):
    assert "Treat the next cohort at A1" in page.advice.value
    assert cells(page)["A1"]["sign"] == "▶ start here"
    assert {row["state"] for name, row in cells(page).items() if name != "A1"} == {"untried"}


def test_counts_entered_for_a_regimen_lead_to_the_next_one(page):
    page.treated.value = 3
    assert page.notation.value == "A1:NNN"
    assert "Next cohort at B1" in page.advice.value
    page.dlt.value = 1
    assert page.notation.value == "A1:NNT"
    assert "Treat the next cohort at A1" in page.advice.value
    assert "1 of 3 participants had a DLT" in page.advice.value


def test_a_pasted_line_replaces_everything_and_sets_the_current_regimen(page):
    page.notation.value = "A1:NNN B1:NTN"
    assert page.current.value == page.regimen.value == at(page, "B1")
    assert (page.treated.value, page.dlt.value) == (3, 1)
    assert cells(page)["B1"]["count"] == "1 of 3"
    assert page.notation.value == "A1:NNN B1:NTN"


def test_moving_to_the_recommended_regimen_keeps_the_outcomes(page):
    page.treated.value = 3
    page.follow.click()
    assert page.current.value == page.regimen.value == at(page, "B1")
    assert "Nobody was treated at B1 yet" in page.advice.value
    assert page.follow.disabled
    page.treated.value = 3
    assert page.notation.value == "A1:NNN B1:NNN"
    assert page.current.value == at(page, "B1")


def test_a_click_on_the_grid_chooses_the_regimen_to_edit(page):
    page.notation.value = "A1:NNN B1:NTN"
    page.picture.picked = cells(page)["A1"]
    assert (page.regimen.value, page.treated.value, page.dlt.value) == (at(page, "A1"), 3, 0)
    assert [name for name, row in cells(page).items() if row["marked"]] == ["A1"]
    assert page.current.value == at(page, "B1")


def test_more_dlts_than_participants_are_explained_and_nothing_is_recommended(page):
    page.treated.value = 3
    before, advice, rows = page.notation.value, page.advice.value, cells(page)
    page.dlt.value = 4
    assert "4 with a DLT of 3 treated" in page.problem.value
    assert "No recommendation" in page.advice.value
    assert page.follow.disabled
    assert (page.notation.value, cells(page)) == (before, rows)
    page.dlt.value = 0
    assert not page.problem.value
    assert page.advice.value == advice


@pytest.mark.parametrize("line", ["A1:NNX", "Z9:NNN", "<b>A1</b>", "A1:" + "N" * 61])
def test_a_line_that_cannot_be_read_is_explained_and_nothing_is_recommended(page, line):
    page.notation.value = "A1:NNN B1:NTN"
    page.notation.value = line
    assert "Write" in page.problem.value
    assert "<b>A1" not in page.problem.value
    assert "No recommendation" in page.advice.value
    page.regimen.value = at(page, "C1")
    page.treated.value = 5
    assert page.problem.value
    assert "No recommendation" in page.advice.value
    page.notation.value = "A1:NNN"
    assert not page.problem.value


def test_a_regimen_no_cohort_came_near_cannot_be_the_current_one(page):
    page.notation.value = "A1:NNN"
    page.current.value = at(page, "E3")
    assert "nor one step from it" in page.problem.value
    assert "No recommendation" in page.advice.value
    page.follow.click()
    assert page.current.value == at(page, "E3")
    page.current.value = at(page, "A2")
    assert "Treat the next cohort at A2" in page.advice.value


def test_eliminated_and_untried_regimens_are_told_apart(page):
    page.notation.value = "A1:NNN B1:NNNNNT B2:TTT"
    shown = cells(page)
    assert shown["B2"]["sign"] == "✕ current"
    assert shown["C2"]["state"] == "eliminated"
    assert shown["C1"]["state"] == shown["A3"]["state"] == "untried"
    assert shown["C1"]["estimate"] == "–"


def test_too_toxic_at_the_lowest_regimen_stops(page):
    page.notation.value = "A1:TTT"
    assert ">Stop<" in page.advice.value
    assert "no regimen could be recommended" in page.advice.value
    assert page.follow.disabled


def test_what_if_inputs_change_the_answer_and_say_so(page):
    page.notation.value = "A1:NNN"
    assert "What if" not in page.advice.value
    page.preference.value = "frequency"
    assert "Next cohort at A2" in page.advice.value
    assert "What if" in page.advice.value
    page.target.value = 0.2
    assert "target DLT rate 0.2" in page.table.value


def test_enough_participants_at_one_regimen_stop_the_trial(page):
    page.notation.value = "A1:NNN B1:NNTNNTNNN"
    page.enough.value = 9
    assert ">Stop<" in page.advice.value
    assert "9 participants at B1 are enough" in page.advice.value


def test_a_cohort_larger_than_the_trial_is_explained(page):
    page.maximum.value = 2
    assert "a cohort of 1 or more" in page.problem.value
    page.maximum.value = 30
    assert not page.problem.value


def test_a_target_beyond_what_the_design_takes_is_explained(page):
    page.target.value = 0.7
    assert not page.problem.value
    page.target.max = 0.9
    page.target.value = 0.8
    assert "Write" in page.problem.value
    assert "No recommendation" in page.advice.value


def test_the_bar_refuses_a_step(page):
    page.notation.value = "A1:NNN A2:NNN B1:TTN A2:NNN"
    page.current.value = at(page, "A2")
    assert "Next cohort at B2" in page.advice.value
    page.bar.value = True
    assert "B2 is barred" in page.advice.value


def test_every_parameter_says_that_it_is_assumed(page):
    section = page.view.children[1]
    texts = " ".join(part.value for part in walk(section) if hasattr(part, "value") and isinstance(part.value, str))
    for name in (
        "Target DLT rate",
        "Participants in a cohort",
        "DLT window, days",
        "Dose A, million cells/kg",
    ):
        assert name in texts
    assert texts.count("pw-assumption") >= 18


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def test_every_control_has_a_description(page):
    controls = [
        part for part in walk(page.view) if hasattr(part, "description") and not isinstance(part, widgets.HTML)
    ]
    assert len(controls) > 25
    assert all(control.description for control in controls)


def test_a_simulation_shows_its_figures_with_seed_and_version(page):
    page.simulation.trials.value = 2_000
    text = simulated(page)
    assert "2,000 of 2,000 trials" in text
    assert "seed 1" in text
    assert "protocol-workbook" in text
    assert page.simulation.progress.value == 2_000
    shown = {row["regimen"]: row for row in page.simulation.picture._rows}
    assert shown["D1"]["sign"] == "★ right"
    assert shown["D1"]["shown"].endswith("%")
    page.simulation.measure.value = "participants"
    assert not page.simulation.picture._rows[0]["shown"].endswith("%")


def test_the_simulation_follows_the_design_of_the_page(page):
    page.simulation.trials.value = 500
    page.bar.value = True
    simulated(page)
    assert page.simulation.result.design == page.design_now()
    assert page.simulation.result.design.bar


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_answers_on_the_page(page, name):
    page.design.value = name
    page.notation.value = "A1:NNN B1:NTN"
    assert not page.problem.value
    assert "B1" in page.advice.value
    assert "pw-assumption" in page.every.value
    assert (page.rules.layout.display == "none") == ("No decision table" in page.table.value)
    assert (page.bar.layout.display == "none") == (not hasattr(page.design_now(), "bar"))
    assert ("earlier inputs" in page.simulation.stale.value) == (name != RECORD.design.name.value)
    page.simulation.trials.value = 50
    assert name in simulated(page)
    assert not page.simulation.problem.value


def test_a_regimen_off_the_path_is_explained(page):
    page.design.value = "3+3 along a path"
    page.notation.value = "A1:NNN B1:NNN B2:NNN"
    assert "a regimen on the path" in page.problem.value


def test_rates_that_fall_are_explained_and_nothing_runs(page):
    page.simulation.truth["B1"].value = 0.01
    page.simulation.run.click()
    assert "B1" in page.simulation.problem.value
    assert "may not fall" in page.simulation.problem.value
    assert page.simulation.worker is None


def test_a_scenario_fills_the_rates(page):
    page.simulation.scenario.value = "lowest"
    assert page.simulation.truth["A1"].value == 0.3
    assert page.simulation.truth["E3"].value == 0.8


def test_stop_ends_a_running_simulation_and_keeps_its_figures(page):
    page.simulation.trials.value = 200_000
    page.simulation.run.click()
    page.simulation.stop.click()
    page.simulation.worker.join(timeout=60)
    assert 0 < page.simulation.result.trials < 200_000
    assert f"{page.simulation.result.trials:,} of 200,000 trials" in page.simulation.summary.value
    assert page.simulation.stop.disabled
    assert not page.simulation.run.disabled


def test_a_second_run_while_one_is_going_is_ignored(page):
    page.simulation.trials.value = 200_000
    page.simulation.run.click()
    worker = page.simulation.worker
    page.simulation.run.click()
    assert page.simulation.worker is worker
    page.simulation.stop.click()
    worker.join(timeout=60)


def test_the_pictures_state_their_types_and_what_they_show(page):
    for chart in (page.picture, page.rules):
        drawing = chart._drawing
        assert drawing["description"]
        assert drawing["width"] == "container"
    assert set(figures.FILLS) == set(figures.INKS)
    assert {row["decision"] for row in page.rules._rows} == set(figures.DECISIONS)


def test_every_picture_can_be_drawn_with_its_words(page):
    simulated(page)
    page.notation.value = "A1:NNN B1:NNNNNT B2:TTT"
    drawn = {
        "eliminated": figures.grid(pd.DataFrame(page.picture._rows)),
        "★ right": figures.characteristics(pd.DataFrame(page.simulation.picture._rows)),
        "Participants treated at the regimen": figures.decisions(pd.DataFrame(page.rules._rows)),
    }
    for words, chart in drawn.items():
        assert words in vl_convert.vegalite_to_svg(chart.to_dict() | {"width": 360})


def test_the_invented_example_can_be_put_in_and_says_what_it_is():
    page = EscalationPage(load_trial(FOLDER), today=date(2026, 1, 1))
    page.example.click()
    assert page.grid.labels[page.current.value] == "D2"
    assert cells(page)["E2"]["count"] == "5 of 9"
    assert "Invented example" in page.label.value
    assert "Wait for 3 participants at D2" in page.advice.value
    assert page.follow.disabled
    page.notation.value += " D2:N"
    assert "Invented example" in page.label.value
    page.notation.value = ""
    assert page.label.value == ""


def test_operating_characteristics_are_there_before_anybody_asks(page):
    assert "1,000 of 1,000 trials" in page.simulation.summary.value
    assert len(page.simulation.picture._rows) == page.grid.size


def test_correcting_an_earlier_regimen_leaves_the_current_one_where_it_is(page):
    page.treated.value = 3
    page.follow.click()
    page.regimen.value = at(page, "A1")
    page.treated.value = 6
    assert page.notation.value == "A1:NNNNNN"
    assert page.grid.labels[page.current.value] == "B1"


def test_a_pasted_line_takes_the_trial_along_from_wherever_it_was(page):
    page.notation.value = "A1:NNN B1:NNN C1:NNN D1:NNN"
    page.notation.value = "A1:NNN"
    assert page.grid.labels[page.current.value] == "A1"
    assert page.problem.value == ""


def test_a_toxicity_known_late_below_an_untried_regimen_takes_the_step_back(page):
    page.treated.value = 3
    page.follow.click()
    assert "Treat the next cohort at B1" in page.advice.value
    page.regimen.value = at(page, "A1")
    page.dlt.value = 2
    assert "Treat the next cohort at B1" not in page.advice.value
    assert "Nobody was treated at B1 yet, and A1 no longer allows that step" in page.advice.value
    assert "Next cohort at A1" in page.advice.value


def test_a_pasted_line_always_takes_the_regimen_named_last(page):
    page.notation.value = "A1:NNN B1:NNN"
    page.notation.value = "A1:NTT"
    assert page.grid.labels[page.current.value] == "A1"
    assert "2 of 3 participants had a DLT" in page.advice.value


def test_nothing_is_recommended_while_participants_are_watched(page):
    page.treated.value = 3
    page.pending.value = 1
    assert "Wait for 1 participant at A1" in page.advice.value
    assert page.follow.disabled
    assert {row["state"] for row in cells(page).values()} == {"current", "untried"}


def test_figures_of_earlier_inputs_say_so(page):
    assert page.simulation.stale.value == ""
    page.simulation.truth["A1"].value = 0.01
    assert "earlier inputs" in page.simulation.stale.value
    simulated(page)
    assert page.simulation.stale.value == ""
    page.target.value = 0.2
    assert "earlier inputs" in page.simulation.stale.value


def test_every_parameter_shows_its_origin_as_a_tag_and_not_as_its_source_text(page):
    assert "&lt;span" not in "".join(w.value for w in html_widgets(page.view))


def html_widgets(widget):
    found = [widget] if isinstance(widget, widgets.HTML) else []
    return found + [below for child in getattr(widget, "children", ()) for below in html_widgets(child)]
