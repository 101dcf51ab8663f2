"""The escalation page, used without a browser."""

from datetime import date
from types import SimpleNamespace

import ipywidgets as widgets
import pandas as pd
import pytest
import vl_convert
from support.trial import ESCALATION, TRIAL

from protocol.escalation import DESIGNS
from protocol.figures import escalation as figures
from protocol.pages.escalation.page import EscalationPage

pytestmark = pytest.mark.slow  # every test builds a page


@pytest.fixture
def page():
    trial = SimpleNamespace(escalation=ESCALATION, examples=None, identity={"nct_id": SimpleNamespace(value="NCT0")})
    return EscalationPage(trial, today=date(2026, 1, 1))


def cells(page):
    return {row["regimen"]: row for row in page.picture._rows}


def at(page, label):
    return page.grid.index(label)


def simulated(page):
    finished(page.simulation.task)
    return page.simulation.summary.value


def finished(task):
    task.run.click()
    task.thread.join(timeout=60)
    assert not task.is_running
    assert not task.problem.value


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
    assert "No participant was treated at B1 yet" in page.advice.value
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
    page.settings.preference.value = "frequency"
    assert "Next cohort at A2" in page.advice.value
    assert "What if" in page.advice.value
    page.settings.target.value = 0.2
    assert "target DLT rate 0.2" in page.settings.table.value


def test_enough_participants_at_one_regimen_stop_the_trial(page):
    page.notation.value = "A1:NNN B1:NNTNNTNNN"
    page.settings.enough.value = 9
    assert page.settings.enough_rule.value == "staying"
    assert "Next cohort at C1" in page.advice.value
    page.settings.enough_rule.value = "reached"
    assert ">Stop<" in page.advice.value
    assert "9 participants at B1 are enough" in page.advice.value


def test_both_rules_of_stopping_early_are_offered_where_a_design_has_them(page):
    assert [value for _label, value in page.settings.enough_rule.options] == ["staying", "reached"]
    assert page.settings.explained["enough_rule"].layout.display is None
    page.settings.design.value = "3+3 along a path"
    assert page.settings.enough_rule.layout.display == "none"
    assert page.settings.explained["enough_rule"].layout.display == "none"


def test_a_cohort_larger_than_the_trial_is_explained(page):
    page.settings.maximum.value = 2
    assert "a cohort of 1 or more" in page.problem.value
    page.settings.maximum.value = 30
    assert not page.problem.value


def test_a_target_beyond_what_the_design_takes_is_explained(page):
    page.settings.target.value = 0.7
    assert not page.problem.value
    page.settings.target.max = 0.9
    page.settings.target.value = 0.8
    assert "Write" in page.problem.value
    assert "No recommendation" in page.advice.value


def test_the_bar_refuses_a_step(page):
    page.notation.value = "A1:NNN A2:NNN B1:TTN A2:NNN"
    page.current.value = at(page, "A2")
    assert "Next cohort at B2" in page.advice.value
    page.settings.bar.value = True
    assert "B2 is barred" in page.advice.value


def test_every_parameter_says_that_it_is_assumed(page):
    section = page.settings.view
    texts = " ".join(part.value for part in walk(section) if hasattr(part, "value") and isinstance(part.value, str))
    for name in (
        "Target DLT rate",
        "Participants in a cohort",
        "DLT window, days",
        "Dose A, cells/kg",
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
    assert page.simulation.task.progress.value == 2_000
    shown = {row["regimen"]: row for row in page.simulation.picture._rows}
    assert shown["D1"]["sign"] == "★ right"
    assert shown["D1"]["shown"].endswith("%")
    page.simulation.measure.value = "participants"
    assert not page.simulation.picture._rows[0]["shown"].endswith("%")


def test_the_simulation_follows_the_design_of_the_page(page):
    page.simulation.trials.value = 500
    page.settings.bar.value = True
    simulated(page)
    assert page.simulation.result.design == page.settings.design_now()
    assert page.simulation.result.design.bar


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_answers_on_the_page(page, name):
    page.settings.design.value = name
    page.notation.value = "A1:NNN B1:NTN"
    assert not page.problem.value
    assert "B1" in page.advice.value
    assert "pw-assumption" in page.settings.every.value
    assert (page.settings.rules.layout.display == "none") == ("No decision table" in page.settings.table.value)
    assert (page.settings.bar.layout.display == "none") == (not hasattr(page.settings.design_now(), "bar"))
    assert page.simulation.result.design == page.settings.design_now()
    assert page.simulation.stale.value == ""
    page.simulation.trials.value = 50
    assert name in simulated(page)


def test_a_regimen_off_the_path_is_explained(page):
    page.settings.design.value = "3+3 along a path"
    page.notation.value = "A1:NNN B1:NNN B2:NNN"
    assert "a regimen on the path" in page.problem.value


def test_dragging_a_rate_takes_the_others_along_and_the_figures_follow(page):
    rates, before = page.simulation.truth.rates, page.simulation.result
    rates["B2"].value = 0.4
    assert (rates["C2"].value, rates["C3"].value, rates["B1"].value) == (0.4, 0.45, 0.1)
    assert rates["A2"].value == 0.1
    rates["B2"].value = 0.02
    assert (rates["A1"].value, rates["A2"].value, rates["B1"].value, rates["C2"].value) == (0.02, 0.02, 0.02, 0.4)
    result = page.simulation.result
    assert result is not before
    assert result.truth.tolist() == page.simulation.truth.truth
    assert page.simulation.stale.value == ""
    assert {row["regimen"]: row["below"] for row in page.simulation.picture._rows}["B2"] == "true 0.02"


def test_a_scenario_fills_the_rates_with_its_reason(page):
    page.simulation.truth.scenario.value = "lowest"
    assert page.simulation.truth.rates["A1"].value == 0.3
    assert page.simulation.truth.rates["E3"].value == 0.8
    assert "the first step up is too toxic" in page.simulation.truth.reason.value
    assert page.simulation.result.truth[0, 0] == 0.3


def test_stop_ends_a_running_simulation_and_keeps_its_figures(page):
    task = page.simulation.task
    page.simulation.trials.value = 200_000
    task.run.click()
    task.stop.click()
    task.thread.join(timeout=60)
    assert 0 < page.simulation.result.trials < 200_000
    assert f"{page.simulation.result.trials:,} of 200,000 trials" in page.simulation.summary.value
    assert "s left" in task.words.value
    assert task.stop.disabled
    assert not task.run.disabled


def test_a_second_run_while_one_is_going_is_ignored(page):
    task = page.simulation.task
    page.simulation.trials.value = 200_000
    task.run.click()
    thread = task.thread
    task.run.click()
    assert task.thread is thread
    task.stop.click()
    thread.join(timeout=60)


def test_the_pictures_state_their_types_and_what_they_show(page):
    for chart in (page.picture, page.settings.rules):
        drawing = chart._drawing
        assert drawing["description"]
        assert drawing["width"] == "container"
    assert set(figures.FILLS) == set(figures.INKS)
    assert {row["decision"] for row in page.settings.rules._rows} == set(figures.DECISIONS)


def test_every_picture_can_be_drawn_with_its_words(page):
    simulated(page)
    page.notation.value = "A1:NNN B1:NNNNNT B2:TTT"
    drawn = {
        "eliminated": figures.grid(pd.DataFrame(page.picture._rows)),
        "★ right": figures.characteristics(pd.DataFrame(page.simulation.picture._rows)),
        "Participants treated at the regimen": figures.decisions(pd.DataFrame(page.settings.rules._rows)),
        "After cohort 2": figures.pathways(pd.DataFrame(page.pathways.picture._rows), cohorts=2, heights=16),
    }
    for words, chart in drawn.items():
        assert words in vl_convert.vegalite_to_svg(chart.to_dict() | {"width": 360})


def test_the_invented_example_can_be_put_in_and_says_what_it_is():
    page = EscalationPage(TRIAL, today=date(2026, 1, 1))
    page.example.click()
    assert page.grid.labels[page.current.value] == "C2"
    assert cells(page)["E2"]["count"] == "3 of 6"
    assert "Invented example" in page.label.value
    assert "Wait for 3 participants at C2" in page.advice.value
    assert page.follow.disabled
    page.notation.value += " C2:N"
    assert "Invented example" in page.label.value
    page.notation.value = ""
    assert page.label.value == ""


def test_operating_characteristics_are_there_before_anybody_asks(page):
    assert "of 2,000 trials" in page.simulation.summary.value
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
    assert "No participant was treated at B1 yet, and A1 no longer allows that step" in page.advice.value
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


@pytest.mark.parametrize(
    ("design", "text", "current", "whom"),
    [
        ("BOIN (2-D)", "A1:NNN B1:NNP0.1", "B1", "1 participant at B1"),
        ("BOIN (2-D)", "A1:NPP", "B1", "2 participants at A1"),
        ("Waterfall", "A1:PPP", "A1", "3 participants at A1"),
        ("PIPE", "A1:NPP", "A1", "2 participants at A1"),
        ("POCRM", "A1:NNNP B1:NNP0.1", "B1", "1 participant at A1 and 1 participant at B1"),
    ],
)
def test_pending_participants_in_the_notation_are_waited_for(page, design, text, current, whom):
    page.settings.design.value, page.notation.value = design, text
    page.current.value = at(page, current)
    assert f"Wait for {whom}" in page.advice.value
    assert page.follow.disabled
    assert not any("next" in row["state"] for row in cells(page).values())
    assert "What would change it" not in page.pathways.turning.value
    assert page.pathways.picture.layout.display == "none"
    assert "waited for" in page.pathways.table.value
    page.notation.value = text.replace("P0.1", "N").replace("P", "N")
    assert "Wait" not in page.advice.value
    assert page.pathways.picture.layout.display is None


def test_the_page_says_what_of_the_utility_design_is_not_published_and_what_right_means(page):
    note = page.settings.explained["value_both"]
    assert note.layout.display == "none"
    page.settings.design.value = "Utility of response and toxicity"
    assert note.layout.display is None
    assert "not published in one place" in note.value
    assert "Ours:" in note.value
    assert "judged by DLTs alone" in page.comparison.view.children[0].value


def test_figures_follow_the_design_and_say_so_when_they_cannot(page):
    assert page.simulation.stale.value == ""
    page.settings.target.value = 0.2
    assert page.simulation.result.design.target == 0.2
    page.settings.maximum.value = 2
    assert page.simulation.result.design.maximum == 60
    assert "earlier inputs" in page.simulation.stale.value


def test_a_slow_design_shows_what_the_time_allows(page, monkeypatch):
    monkeypatch.setattr("protocol.pages.escalation.operating_characteristics.LIVE_SECONDS", -1.0)
    page.settings.design.value = "POCRM"
    page.simulation.truth.rates["A1"].value = 0.01
    assert page.simulation.result.trials == 25
    assert "25 of 2,000 trials" in page.simulation.task.words.value


# What lies ahead


def test_the_pathways_are_drawn_and_tabulated(page):
    page.notation.value = "A1:NNN B1:NTN"
    rows = page.pathways.picture._rows
    assert len(rows) == 1 + 4 + 16
    assert [row["label"] for row in rows if row["step"] == 1] == [
        "0 of 3 ↗ C1", "1 of 3 = B1", "2 of 3 ↙ A1", "3 of 3 ↙ A1",
    ]  # fmt: skip
    assert [row["place"] for row in rows if row["step"] == 2] == list(range(16))
    assert "Chance" not in page.pathways.table.value
    page.pathways.chances.value = "diagonal"
    assert "Chance" in page.pathways.table.value
    page.pathways.cohorts.value = 1
    assert len(page.pathways.picture._rows) == 1 + 4
    assert page.pathways.picture._rows[1]["chance"] == "72.9%"


def test_it_says_what_would_change_the_recommendation(page):
    page.notation.value = "A1:NNN B1:NTN"
    words = page.pathways.turning.value
    assert "1 more DLT at B1 (2 of 3 instead of 1): A1." in words
    assert "1 DLT fewer at B1 (0 of 3 instead of 1): C1." in words
    assert "3 more DLTs at A1 (3 of 3 instead of 0): the trial would stop." in words


def test_a_stopped_trial_has_no_pathways(page):
    page.notation.value = "A1:TTT"
    assert "no cohort follows" in page.pathways.table.value
    assert page.pathways.picture.layout.display == "none"
    page.notation.value = "A1:NNN"
    assert page.pathways.picture.layout.display is None


@pytest.mark.parametrize(("size", "rows"), [(10, 1 + 11), (60, None)])
def test_large_cohorts_are_shown_one_ahead(page, size, rows):
    page.settings.cohort_size.value = size
    assert "one cohort is shown" in page.pathways.table.value
    if rows:
        assert len(page.pathways.picture._rows) == rows
    assert (page.pathways.picture.layout.display == "none") == (rows is None)


# Side by side, calibration, text


def test_designs_stand_side_by_side_with_and_without_the_bar(page):
    panel = page.comparison
    panel.trials.value = 100
    panel.designs.value = ("BOIN (2-D)", "BOIN (2-D) + extra bar", "3+3 along a path")
    finished(panel.task)
    assert [row["design"] for row in panel.picture._rows] == list(panel.designs.value)
    assert [one.design.__dict__.get("bar") for one in panel.result.simulations.values()] == [False, True, None]
    assert "Difference from BOIN (2-D)" in panel.table.value
    assert panel.table.value.count('<th scope="col">E3</th>') == 3
    panel.reference.value = "3+3 along a path"
    assert "Difference from 3+3 along a path" in panel.table.value
    panel.measure.value = "participants"
    assert panel.picture._rows[0]["value"] > 50


def test_an_accrual_gives_durations(page):
    panel = page.comparison
    panel.trials.value, panel.accrual.value, panel.designs.value = 30, 4, ("BOIN (2-D)",)
    finished(panel.task)
    assert "Days from the first start" in panel.table.value


def test_designs_of_other_sizes_cannot_stand_side_by_side(page):
    panel = page.comparison
    page.settings.cohort_size.value = 4
    panel.designs.value = ("BOIN (2-D)", "3+3 along a path")
    panel.task.run.click()
    assert "cohorts of 3" in panel.task.problem.value
    assert panel.task.thread is None
    panel.designs.value = ()
    panel.task.run.click()
    assert "no design" in panel.task.problem.value


def test_the_calibration_gives_risks_by_size_and_target(page):
    panel = page.calibration
    panel.maxima.value, panel.cohort_sizes.value, panel.targets.value = "12, 30", "1 3", "0.2, 0.3"
    panel.trials.value = 30
    finished(panel.task)
    assert [value for _label, value in panel.target.options] == [0.2, 0.3]
    assert [(row["maximum"], row["size"]) for row in panel.picture._rows] == [(12, 1), (30, 1), (12, 3), (30, 3)]
    assert len(panel.result.table()) == 8 * (len(ESCALATION.scenarios) + 1)
    panel.scenario.value = ESCALATION.scenarios[0].title
    panel.risk.value = "participants"
    assert panel.picture._rows[1]["value"] > 25


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [("maxima", "24, many", "whole numbers"), ("cohort_sizes", "", "whole numbers"), ("cohort_sizes", "2.5", "whole"),
     ("targets", "nan", "inside 0 to 1"), ("targets", "0.3;0.2", "numbers with commas"),
     ("maxima", "inf", "whole numbers")],
)  # fmt: skip
def test_values_to_try_that_cannot_be_used_are_explained(page, field, text, words):
    getattr(page.calibration, field).value = text
    page.calibration.task.run.click()
    assert words in page.calibration.task.problem.value
    assert page.calibration.task.thread is None


def test_the_text_can_be_saved_and_read():
    page = EscalationPage(TRIAL, today=date(2026, 1, 1))
    page.report.trials.value = 20
    finished(page.report.task)
    assert 'download="statistical-section.html"' in page.report.files.value
    assert 'download="statistical-section.md"' in page.report.files.value
    assert "Statistical section: dose escalation of NCT05672420" in page.report.preview.value


def test_no_output_widget_stands_on_the_page(page):
    assert not [part for part in walk(page.view) if isinstance(part, widgets.Output)]


def test_every_parameter_shows_its_origin_as_a_tag_and_not_as_its_source_text(page):
    assert "&lt;span" not in "".join(w.value for w in html_widgets(page.view))


def html_widgets(widget):
    found = [widget] if isinstance(widget, widgets.HTML) else []
    return found + [below for child in getattr(widget, "children", ()) for below in html_widgets(child)]
