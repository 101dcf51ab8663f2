"""The escalation page, used without a browser."""

import re
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
from protocol.pages.kit import PageState
from protocol.pages.trial_log.desk import open_desk

pytestmark = pytest.mark.slow  # every test builds a page


@pytest.fixture
def page():
    identity = {"nct_id": SimpleNamespace(value="NCT0")}
    trial = SimpleNamespace(
        folder=None,
        escalation=ESCALATION,
        eligibility=TRIAL.eligibility,
        effect=None,
        examples=None,
        identity=identity,
    )
    return EscalationPage(trial, today=date(2026, 1, 1))


def cells(page):
    return {row["regimen"]: row for row in page.sandbox.answer.picture._rows}


def problems(page):
    return "".join(text.value for text in page.sandbox.problems.values())


def at(page, label):
    return page.grid.index(label)


def simulated(page):
    finished(page.lab.simulation.task)
    return page.lab.simulation.summary.value


def finished(task):
    task.run.click()
    task.thread.join(timeout=60)
    assert not task.is_running
    assert not task.problem.value


def test_the_trial_starts_at_the_lowest_regimen(page):
    assert "Treat the first cohort at A1: 3 participants." in page.sandbox.answer.card.value
    assert cells(page)["A1"]["sign"] == "▶ start here"
    assert {row["state"] for name, row in cells(page).items() if name != "A1"} == {"untried"}


def test_counts_entered_for_a_regimen_lead_to_the_next_one(page):
    page.sandbox.treated.value = 3
    assert page.sandbox.notation.value == "A1:NNN"
    assert "Treat the next cohort of 3 at B1." in page.sandbox.answer.card.value
    page.sandbox.dlt.value = 1
    assert page.sandbox.notation.value == "A1:NNT"
    assert "Treat the next cohort of 3 at A1 again." in page.sandbox.answer.card.value
    assert "1 of 3 participants had a DLT, an observed rate of 0.33" in page.sandbox.answer.card.value


def test_a_pasted_line_replaces_everything_and_sets_the_current_regimen(page):
    page.sandbox.notation.value = "A1:NNN B1:NTN"
    assert page.sandbox.current.value == page.sandbox.regimen.value == at(page, "B1")
    assert (page.sandbox.treated.value, page.sandbox.dlt.value) == (3, 1)
    assert cells(page)["B1"]["count"] == "1/3"
    assert page.sandbox.notation.value == "A1:NNN B1:NTN"


def test_moving_to_the_recommended_regimen_keeps_the_outcomes(page):
    page.sandbox.treated.value = 3
    page.sandbox.follow.click()
    assert page.sandbox.current.value == page.sandbox.regimen.value == at(page, "B1")
    assert "No participant was treated at B1 yet" in page.sandbox.answer.card.value
    assert page.sandbox.follow.disabled
    page.sandbox.treated.value = 3
    assert page.sandbox.notation.value == "A1:NNN B1:NNN"
    assert page.sandbox.current.value == at(page, "B1")


def test_a_click_on_the_grid_chooses_the_regimen_to_edit(page):
    page.sandbox.notation.value = "A1:NNN B1:NTN"
    page.sandbox.answer.picture.picked = cells(page)["A1"]
    assert (page.sandbox.regimen.value, page.sandbox.treated.value, page.sandbox.dlt.value) == (at(page, "A1"), 3, 0)
    assert [name for name, row in cells(page).items() if row["marked"]] == ["A1"]
    assert page.sandbox.current.value == at(page, "B1")


def test_more_dlts_than_participants_are_explained_and_nothing_is_recommended(page):
    page.sandbox.treated.value = 3
    before, advice, rows = page.sandbox.notation.value, page.sandbox.answer.card.value, cells(page)
    page.sandbox.dlt.value = 4
    assert "4 with a DLT of 3 treated" in problems(page)
    assert "No recommendation" in page.sandbox.answer.card.value
    assert page.sandbox.follow.disabled
    assert (page.sandbox.notation.value, cells(page)) == (before, rows)
    page.sandbox.dlt.value = 0
    assert not problems(page)
    assert page.sandbox.answer.card.value == advice


@pytest.mark.parametrize("line", ["A1:NNX", "Z9:NNN", "<b>A1</b>", "A1:" + "N" * 61])
def test_a_line_that_cannot_be_read_is_explained_and_nothing_is_recommended(page, line):
    page.sandbox.notation.value = "A1:NNN B1:NTN"
    page.sandbox.notation.value = line
    assert "Write" in problems(page)
    assert "<b>A1" not in problems(page)
    assert "No recommendation" in page.sandbox.answer.card.value
    page.sandbox.regimen.value = at(page, "C1")
    page.sandbox.treated.value = 5
    assert problems(page)
    assert "No recommendation" in page.sandbox.answer.card.value
    page.sandbox.notation.value = "A1:NNN"
    assert not problems(page)


def test_a_regimen_no_cohort_came_near_cannot_be_the_current_one(page):
    page.sandbox.notation.value = "A1:NNN"
    page.sandbox.current.value = at(page, "E3")
    assert "nor one step from it" in problems(page)
    assert "No recommendation" in page.sandbox.answer.card.value
    page.sandbox.follow.click()
    assert page.sandbox.current.value == at(page, "E3")
    page.sandbox.current.value = at(page, "A2")
    assert "Treat the next cohort of 3 at A2 again." in page.sandbox.answer.card.value


def test_eliminated_and_untried_regimens_are_told_apart(page):
    page.sandbox.notation.value = "A1:NNN B1:NNNNNT B2:TTT"
    shown = cells(page)
    assert shown["B2"]["sign"] == "✕ open"
    assert shown["C2"]["state"] == "eliminated"
    assert shown["C1"]["state"] == shown["A3"]["state"] == "untried"
    assert shown["C1"]["estimate"] == "–"


def test_too_toxic_at_the_lowest_regimen_stops(page):
    page.sandbox.notation.value = "A1:TTT"
    assert "Stop enrolment." in page.sandbox.answer.card.value
    assert "no regimen could be recommended for phase II" in page.sandbox.answer.card.value
    assert page.sandbox.follow.disabled


def test_what_if_inputs_change_the_answer_and_say_so(page):
    page.sandbox.notation.value = "A1:NNN"
    assert "What if" not in page.sandbox.answer.card.value
    page.settings.preference.value = "frequency"
    assert "Treat the next cohort of 3 at A2." in page.sandbox.answer.card.value
    assert "What if: the design differs from the record" in page.sandbox.answer.card.value
    assert "Ties go first to frequency, not dose" in page.settings.differs.value
    page.settings.target.value = 0.2
    assert "target DLT rate 0.2" in page.lab.boundaries.table.value


def test_enough_participants_at_one_regimen_stop_the_trial(page):
    page.sandbox.notation.value = "A1:NNN B1:NNTNNTNNN"
    page.settings.enough.value = 9
    assert page.settings.enough_rule.value == "staying"
    assert "Treat the next cohort of 3 at C1." in page.sandbox.answer.card.value
    page.settings.enough_rule.value = "reached"
    assert "Stop enrolment." in page.sandbox.answer.card.value
    assert "9 participants at B1 are enough" in page.sandbox.answer.card.value


def test_both_rules_of_stopping_early_are_offered_where_a_design_has_them(page):
    assert [value for _label, value in page.settings.enough_rule.options] == ["staying", "reached"]
    assert page.settings.explained["enough_rule"].layout.display is None
    page.settings.design.value = "3+3 along a path"
    assert page.settings.enough_rule.layout.display == "none"
    assert page.settings.explained["enough_rule"].layout.display == "none"


def test_a_cohort_larger_than_the_trial_is_explained(page):
    page.settings.maximum.value = 2
    assert "a cohort of 1 or more" in problems(page)
    page.settings.maximum.value = 30
    assert not problems(page)


def test_a_target_beyond_what_the_design_takes_is_explained(page):
    page.settings.target.value = 0.7
    assert not problems(page)
    page.settings.target.max = 0.9
    page.settings.target.value = 0.8
    assert "Write" in problems(page)
    assert "No recommendation" in page.sandbox.answer.card.value


def test_the_bar_refuses_a_step(page):
    page.sandbox.notation.value = "A1:NNN A2:NNN B1:TTN A2:NNN"
    page.sandbox.current.value = at(page, "A2")
    assert "Treat the next cohort of 3 at B2." in page.sandbox.answer.card.value
    page.settings.bar.value = True
    assert "B2 is barred" in page.sandbox.answer.card.value


def test_every_parameter_says_that_it_is_assumed(page):
    section = [*walk(page.settings.view), *walk(page.lab.boundaries.view)]
    texts = " ".join(part.value for part in section if hasattr(part, "value") and isinstance(part.value, str))
    for name in (
        "Target DLT rate",
        "Participants in a cohort",
        "DLT window, days",
        "Dose A, cells/kg",
    ):
        assert name in texts
    assert texts.count("pw-assumption") >= 18


def whole(page):
    """Every widget of the page, its tabs opened."""
    return [part for view in (page.view, page.lab.view, page.report.view) for part in walk(view)]


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def test_every_control_has_a_description(page):
    controls = [part for part in whole(page) if hasattr(part, "description") and not isinstance(part, widgets.HTML)]
    assert len(controls) > 25
    assert all(control.description for control in controls)


def test_a_simulation_shows_its_figures_with_seed_and_version(page):
    page.lab.simulation.trials.value = 2_000
    text = simulated(page)
    assert "2,000 of 2,000 trials" in text
    assert "seed 1" in text
    assert "protocol-workbook" in text
    assert page.lab.simulation.task.progress.value == 2_000
    shown = {row["regimen"]: row for row in page.lab.simulation.picture._rows}
    assert shown["D1"]["sign"] == "★ right"
    assert shown["D1"]["shown"].endswith("%")
    page.lab.simulation.measure.value = "participants"
    assert not page.lab.simulation.picture._rows[0]["shown"].endswith("%")


def test_the_simulation_follows_the_design_of_the_page(page):
    page.lab.simulation.trials.value = 500
    page.settings.bar.value = True
    simulated(page)
    assert page.lab.simulation.result.design == page.settings.design_now()
    assert page.lab.simulation.result.design.bar


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_answers_on_the_page(page, name):
    page.settings.design.value = name
    page.sandbox.notation.value = "A1:NNN B1:NTN"
    assert not problems(page)
    assert "B1" in page.sandbox.answer.card.value
    assert "pw-assumption" in page.lab.boundaries.every.value
    assert (page.lab.boundaries.rules.layout.display == "none") == (
        "No decision table" in page.lab.boundaries.table.value
    )
    assert (page.settings.bar.layout.display == "none") == (not hasattr(page.settings.design_now(), "bar"))
    assert page.lab.simulation.result.design == page.settings.design_now()
    assert page.lab.simulation.state.holds()
    page.lab.simulation.trials.value = 50
    assert name in simulated(page)


def test_a_regimen_off_the_path_is_explained(page):
    page.settings.design.value = "3+3 along a path"
    page.sandbox.notation.value = "A1:NNN B1:NNN B2:NNN"
    assert "a regimen on the path" in problems(page)


def test_dragging_a_rate_takes_the_others_along_and_the_figures_follow(page):
    rates, before = page.lab.simulation.truth.rates, page.lab.simulation.result
    rates["B2"].value = 0.4
    assert (rates["C2"].value, rates["C3"].value, rates["B1"].value) == (0.4, 0.45, 0.1)
    assert rates["A2"].value == 0.1
    rates["B2"].value = 0.02
    assert (rates["A1"].value, rates["A2"].value, rates["B1"].value, rates["C2"].value) == (0.02, 0.02, 0.02, 0.4)
    result = page.lab.simulation.result
    assert result is not before
    assert result.truth.tolist() == page.lab.simulation.truth.truth
    assert page.lab.simulation.state.holds()
    assert {row["regimen"]: row["below"] for row in page.lab.simulation.picture._rows}["B2"] == "true 0.02"


def test_a_scenario_fills_the_rates_with_its_reason(page):
    page.lab.simulation.truth.scenario.value = "lowest"
    assert page.lab.simulation.truth.rates["A1"].value == 0.3
    assert page.lab.simulation.truth.rates["E3"].value == 0.8
    assert "the first step up is too toxic" in page.lab.simulation.truth.reason.value
    assert page.lab.simulation.result.truth[0, 0] == 0.3


def test_stop_ends_a_running_simulation_and_keeps_its_figures(page):
    task = page.lab.simulation.task
    page.lab.simulation.trials.value = 200_000
    task.run.click()
    task.stop.click()
    task.thread.join(timeout=60)
    assert 0 < page.lab.simulation.result.trials < 200_000
    assert f"{page.lab.simulation.result.trials:,} of 200,000 trials" in page.lab.simulation.summary.value
    assert "s left" in task.words.value
    assert task.stop.disabled
    assert not task.run.disabled


def test_a_second_run_while_one_is_going_is_ignored(page):
    task = page.lab.simulation.task
    page.lab.simulation.trials.value = 200_000
    task.run.click()
    thread = task.thread
    task.run.click()
    assert task.thread is thread
    task.stop.click()
    thread.join(timeout=60)


def test_the_pictures_state_their_types_and_what_they_show(page):
    for chart in (page.sandbox.answer.picture, page.lab.boundaries.rules):
        drawing = chart._drawing
        assert drawing["description"]
        assert drawing["width"] == "container"
    assert set(figures.FILLS) == set(figures.INKS)
    assert {row["decision"] for row in page.lab.boundaries.rules._rows} == set(figures.DECISIONS)


def test_every_picture_can_be_drawn_with_its_words(page):
    simulated(page)
    page.sandbox.notation.value = "A1:NNN B1:NNNNNT B2:TTT"
    ahead = page.sandbox.answer.pathways.picture
    drawn = {
        "eliminated": figures.grid(pd.DataFrame(page.sandbox.answer.picture._rows)),
        "★ right": figures.characteristics(pd.DataFrame(page.lab.simulation.picture._rows)),
        "Participants treated at the regimen": figures.decisions(pd.DataFrame(page.lab.boundaries.rules._rows)),
        "After cohort 2": figures.pathways(pd.DataFrame(ahead._rows), cohorts=2, heights=16),
    }
    for words, chart in drawn.items():
        assert words in vl_convert.vegalite_to_svg(chart.to_dict() | {"width": 360})


def test_operating_characteristics_are_there_before_anybody_asks(page):
    assert "of 2,000 trials" in page.lab.simulation.summary.value
    assert len(page.lab.simulation.picture._rows) == page.grid.size


def test_correcting_an_earlier_regimen_leaves_the_current_one_where_it_is(page):
    page.sandbox.treated.value = 3
    page.sandbox.follow.click()
    page.sandbox.regimen.value = at(page, "A1")
    page.sandbox.treated.value = 6
    assert page.sandbox.notation.value == "A1:NNNNNN"
    assert page.grid.labels[page.sandbox.current.value] == "B1"


def test_a_pasted_line_takes_the_trial_along_from_wherever_it_was(page):
    page.sandbox.notation.value = "A1:NNN B1:NNN C1:NNN D1:NNN"
    page.sandbox.notation.value = "A1:NNN"
    assert page.grid.labels[page.sandbox.current.value] == "A1"
    assert problems(page) == ""


def test_a_toxicity_known_late_below_an_untried_regimen_takes_the_step_back(page):
    page.sandbox.treated.value = 3
    page.sandbox.follow.click()
    assert "Treat the next cohort of 3 at B1 again." in page.sandbox.answer.card.value
    page.sandbox.regimen.value = at(page, "A1")
    page.sandbox.dlt.value = 2
    assert "Treat the next cohort of 3 at B1 again." not in page.sandbox.answer.card.value
    assert "No participant was treated at B1 yet, and A1 no longer allows that step" in page.sandbox.answer.card.value
    assert "Treat the next cohort of 3 at A1." in page.sandbox.answer.card.value


def test_a_pasted_line_always_takes_the_regimen_named_last(page):
    page.sandbox.notation.value = "A1:NNN B1:NNN"
    page.sandbox.notation.value = "A1:NTT"
    assert page.grid.labels[page.sandbox.current.value] == "A1"
    assert "2 of 3 participants had a DLT" in page.sandbox.answer.card.value


def test_nothing_is_recommended_while_participants_are_watched(page):
    page.sandbox.treated.value = 3
    page.sandbox.pending.value = 1
    assert "Wait for 1 participant at A1" in page.sandbox.answer.card.value
    assert page.sandbox.follow.disabled
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
    page.settings.design.value, page.sandbox.notation.value = design, text
    page.sandbox.current.value = at(page, current)
    assert f"Wait for {whom}" in page.sandbox.answer.card.value
    assert page.sandbox.follow.disabled
    assert not any("next" in row["state"] for row in cells(page).values())
    assert "What would change it" not in page.sandbox.answer.pathways.turning.value
    assert page.sandbox.answer.pathways.picture.layout.display == "none"
    assert "waited for" in page.sandbox.answer.pathways.table.value
    assert "No regimen is recommended for phase II" in page.sandbox.answer.card.value
    page.sandbox.notation.value = text.replace("P0.1", "N").replace("P", "N")
    assert "Wait" not in page.sandbox.answer.card.value
    assert page.sandbox.answer.pathways.picture.layout.display is None


def test_the_page_says_what_of_the_utility_design_is_not_published_and_what_right_means(page):
    note = page.settings.explained["value_both"]
    assert note.layout.display == "none"
    page.settings.design.value = "Utility of response and toxicity"
    assert note.layout.display is None
    assert "not published in one place" in note.value
    assert "Ours:" in note.value
    assert "judged by DLTs alone" in page.lab.comparison.view.children[0].children[0].value


def test_figures_follow_the_design_and_say_so_when_they_cannot(page):
    assert page.lab.simulation.state.holds()
    page.settings.target.value = 0.2
    assert page.lab.simulation.result.design.target == 0.2
    page.settings.maximum.value = 2
    assert page.lab.simulation.result.design.maximum == 60
    assert "Stale: these results are for other settings. Run again." in page.lab.simulation.state.text.value
    assert page.lab.simulation.state.is_stale


def test_a_slow_design_shows_what_the_time_allows(page, monkeypatch):
    monkeypatch.setattr("protocol.pages.escalation.operating_characteristics.LIVE_SECONDS", -1.0)
    page.settings.design.value = "POCRM"
    page.lab.simulation.truth.rates["A1"].value = 0.01
    assert page.lab.simulation.result.trials == 25
    assert "25 of 2,000 trials" in page.lab.simulation.task.words.value


# What lies ahead


def test_the_pathways_are_drawn_and_tabulated(page):
    page.sandbox.notation.value = "A1:NNN B1:NTN"
    rows = page.sandbox.answer.pathways.picture._rows
    assert len(rows) == 1 + 4 + 16
    assert [row["label"] for row in rows if row["step"] == 1] == [
        "0 of 3 ↗ C1", "1 of 3 = B1", "2 of 3 ↙ A1", "3 of 3 ↙ A1",
    ]  # fmt: skip
    assert [row["place"] for row in rows if row["step"] == 2] == list(range(16))
    assert "Chance" not in page.sandbox.answer.pathways.table.value
    page.sandbox.answer.pathways.chances.value = "diagonal"
    assert "Chance" in page.sandbox.answer.pathways.table.value
    page.sandbox.answer.pathways.cohorts.value = 1
    assert len(page.sandbox.answer.pathways.picture._rows) == 1 + 4
    assert page.sandbox.answer.pathways.picture._rows[1]["chance"] == "72.9%"


def test_it_says_what_would_change_the_recommendation(page):
    page.sandbox.notation.value = "A1:NNN B1:NTN"
    words = page.sandbox.answer.pathways.turning.value
    assert "1 more DLT at B1 (2 of 3 instead of 1): A1." in words
    assert "1 DLT fewer at B1 (0 of 3 instead of 1): C1." in words
    assert "3 more DLTs at A1 (3 of 3 instead of 0): the trial would stop." in words


def test_a_stopped_trial_has_no_pathways(page):
    page.sandbox.notation.value = "A1:TTT"
    assert "no cohort follows" in page.sandbox.answer.pathways.table.value
    assert page.sandbox.answer.pathways.picture.layout.display == "none"
    page.sandbox.notation.value = "A1:NNN"
    assert page.sandbox.answer.pathways.picture.layout.display is None


@pytest.mark.parametrize(("size", "rows"), [(10, 1 + 11), (55, None), (60, 1 + 1)])
def test_large_cohorts_are_shown_one_ahead(page, size, rows):
    page.settings.cohort_size.value = size
    assert "one cohort is shown" in page.sandbox.answer.pathways.table.value
    if rows:
        assert len(page.sandbox.answer.pathways.picture._rows) == rows
    assert (page.sandbox.answer.pathways.picture.layout.display == "none") == (rows is None)


# Side by side, calibration, text


def test_designs_stand_side_by_side_with_and_without_stricter_escalation(page):
    panel = page.lab.comparison
    panel.trials.value = 100
    panel.designs.value = ("BOIN (2-D)", "BOIN (2-D), stricter escalation", "3+3 along a path")
    finished(panel.task)
    assert [row["design"] for row in panel.picture._rows] == list(panel.designs.value)
    assert [one.design.__dict__.get("bar") for one in panel.result.simulations.values()] == [False, True, None]
    assert "Difference from BOIN (2-D)" in panel.table.value
    assert panel.table.value.count(">E3</th>") == 3
    panel.reference.value = "3+3 along a path"
    assert "Difference from 3+3 along a path" in panel.table.value
    panel.measure.value = "participants"
    assert panel.picture._rows[0]["value"] > 50


def test_an_accrual_gives_durations(page):
    panel = page.lab.comparison
    panel.trials.value, panel.accrual.value, panel.designs.value = 30, 4, ("BOIN (2-D)",)
    finished(panel.task)
    assert "Days from the first start" in panel.table.value


def test_designs_of_other_sizes_cannot_stand_side_by_side(page):
    panel = page.lab.comparison
    page.settings.cohort_size.value = 4
    panel.designs.value = ("BOIN (2-D)", "3+3 along a path")
    panel.task.run.click()
    assert "cohorts of 3" in panel.task.problem.value
    assert panel.task.thread is None
    panel.designs.value = ()
    panel.task.run.click()
    assert "no design" in panel.task.problem.value


def test_the_calibration_gives_risks_by_size_and_target(page):
    panel = page.lab.calibration
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
     ("targets", "nan", "inside 0 to 1"), ("targets", "0.3/0.2", "numbers with commas"),
     ("maxima", "inf", "whole numbers")],
)  # fmt: skip
def test_values_to_try_that_cannot_be_used_are_explained(page, field, text, words):
    getattr(page.lab.calibration, field).value = text
    page.lab.calibration.task.run.click()
    assert words in page.lab.calibration.task.problem.value
    assert page.lab.calibration.task.thread is None


def test_the_protocol_text_is_there_at_once_names_its_settings_and_can_be_copied_and_saved():
    page = EscalationPage(TRIAL, today=date(2026, 1, 1))
    report = page.report
    assert "Not simulated." in report.text.value
    assert "This text is for BOIN (2-D):" in report.speaks_of.value
    assert "as in the record" in report.speaks_of.value
    report.trials.value = 20
    finished(report.task)
    assert "Not simulated." not in report.text.value
    assert 'download="statistical-section.html"' in report.files.value
    assert 'download="statistical-section.md"' in report.files.value
    assert 'data-text="# Statistical section: dose escalation of NCT05672420' in report.copied.value
    page.settings.target.value = 0.2
    assert "Target DLT rate 0.2, not 0.3" in report.speaks_of.value
    assert "Not simulated." in report.text.value
    assert report.state.is_stale


def test_no_output_widget_stands_on_the_page(page):
    assert not [part for part in whole(page) if isinstance(part, widgets.Output)]


def test_every_parameter_shows_its_origin_as_a_tag_and_not_as_its_source_text(page):
    assert "&lt;span" not in "".join(part.value for part in whole(page) if isinstance(part, widgets.HTML))


def html_widgets(widget):
    found = [widget] if isinstance(widget, widgets.HTML) else []
    return found + [below for child in getattr(widget, "children", ()) for below in html_widgets(child)]


# The log and the sandbox


@pytest.fixture
def example():
    return EscalationPage(TRIAL, date(2026, 12, 1), open_desk(TRIAL, {}, lambda: date(2026, 12, 1)))


def test_the_page_opens_on_the_example_as_it_would_on_a_log_and_says_that_it_is_invented(example):
    texts = [widget.value for widget in html_widgets(example.decision.view)]
    assert any("Invented example" in text for text in texts)
    shown = {row["regimen"]: row for row in example.decision.answer.picture._rows}
    assert (shown["E2"]["count"], shown["C2"]["head"], shown["C2"]["waits"]) == ("3/6", "C2 ● open", "3 pending")
    assert "C2 is open." in example.decision.answer.card.value
    card = re.sub("<[^>]+>", "", example.decision.answer.card.value)
    assert example.decision._desk.briefing.action.sentence in card


def test_the_sandbox_begins_with_what_the_log_says_and_the_advice_of_the_log_stays(example):
    decision, advice = example.decision, example.decision.answer.card.value
    decision.open.click()
    assert decision.sandbox.view in [*walk(decision.view)]
    assert "pw-sandbox" in decision.sandbox.view._dom_classes
    assert "Sandbox: not the log" in "".join(text.value for text in html_widgets(decision.sandbox.view))
    assert decision.sandbox.notation.value == decision._desk.briefing.notation
    assert decision.sandbox.current.value == example.grid.index("C2")
    decision.sandbox.notation.value = "A1:NNN"
    assert "Treat the next cohort of 3 at B1." in decision.sandbox.answer.card.value
    assert decision.answer.card.value == advice
    assert example.in_address["outcomes"].value == "A1:NNN"
    assert decision.sandbox.pending.value == 0
    decision.sandbox.close.click()
    assert decision.sandbox.view not in [*walk(decision.view)]
    decision.open.click()
    assert decision.sandbox.notation.value == decision._desk.briefing.notation


def test_the_settings_of_the_lab_change_the_sandbox_and_never_the_advice_of_the_log(example):
    advice = example.decision.answer.card.value
    example.decision.open.click()
    example.settings.target.value = 0.2
    assert "What if: the design differs from the record" in example.sandbox.answer.card.value
    assert example.decision.answer.card.value == advice
    example.settings.reset.click()
    assert "What if" not in example.sandbox.answer.card.value
    assert "As in the record." in example.settings.differs.value


def test_a_regimen_for_phase_two_above_the_target_is_withheld_with_the_reason(page):
    page.sandbox.notation.value = "A1:NTT"
    words = page.sandbox.answer.card.value
    assert "would be recommended" not in words
    assert "No regimen is recommended for phase II: the nearest to the target is A1" in words
    assert "is above the target, 0.30" in words


def test_the_estimate_is_the_same_in_the_cell_its_tooltip_and_the_words(page):
    page.sandbox.notation.value = "A1:NNN B1:NNNNNNNNT"
    cell = cells(page)["B1"]
    assert (cell["count"], cell["seen"], cell["estimate"], cell["observed"]) == ("1/9", "est. 0.12", "0.12", "0.11")
    assert "an observed rate of 0.11" in page.sandbox.answer.card.value
    assert "would be recommended for phase II (estimated DLT rate 0.12)" in page.sandbox.answer.card.value


def test_what_is_wrong_stands_at_its_field(page):
    page.sandbox.treated.value = 3
    page.sandbox.dlt.value = 4
    shown = {name: bool(text.value) for name, text in page.sandbox.problems.items()}
    assert shown == {"current": False, "counts": True, "notation": False, "design": False}
    page.sandbox.dlt.value = 0
    page.sandbox.current.value = at(page, "E3")
    shown = {name: bool(text.value) for name, text in page.sandbox.problems.items()}
    assert shown == {"current": True, "counts": False, "notation": False, "design": False}
    page.settings.maximum.value = 2
    assert "a cohort of 1 or more" in page.settings.problem.value


def test_outcomes_of_an_open_cohort_are_what_lies_ahead_first(page):
    page.sandbox.notation.value = "A1:NNN B1:N"
    page.sandbox.pending.value = 2
    rows = page.sandbox.answer.pathways.picture._rows
    assert [row["label"] for row in rows if row["step"] == 1] == ["0 of 2 ↗ C1", "1 of 2 = B1", "2 of 2 ↙ A1"]
    assert "with 1 of 2 participants with a DLT at B1, B1 follows" in page.sandbox.answer.pathways.table.value


def test_a_trial_whose_participants_are_all_treated_is_complete_and_not_stopped(page):
    page.settings.maximum.value = 9
    page.sandbox.notation.value = "A1:NNN B1:NTN"
    last = [row for row in page.sandbox.answer.pathways.picture._rows if row["step"] == 1]
    assert [(row["label"], row["move"]) for row in last] == [("complete (9)", "complete")]
    assert figures._MOVES["complete"] != figures._MOVES["stop"]


def test_on_target_regimens_are_counted_and_not_claimed(page):
    truth = page.lab.simulation.truth
    assert "3 regimens are on the target of 0.3: B3, C2, D1." in truth.about.value
    truth.rates["D1"].value = 0.35
    assert "2 regimens are on the target of 0.3: B3, C2." in truth.about.value
    assert "four" not in truth.reason.value


def test_a_point_dragged_on_the_picture_changes_its_rate_and_pushes_the_others(page):
    truth = page.lab.simulation.truth
    truth.picture._receive(None, {"dragged": {"name": "B2", "value": 0.4}}, [])
    assert (truth.rates["B2"].value, truth.rates["C2"].value, truth.rates["A2"].value) == (0.4, 0.4, 0.1)
    drawn = {row["regimen"]: row["rate"] for row in truth.picture._rows}
    assert (drawn["B2"], drawn["C2"]) == (0.4, 0.4)
    assert page.lab.simulation.result.truth.tolist() == truth.truth


def test_all_rates_can_be_written_as_one_line(page):
    truth = page.lab.simulation.truth
    truth.written.value = truth.written.value.replace("0.05", "0.01", 1)
    assert truth.rates["A1"].value == 0.01
    truth.written.value = "0.1 0.2"
    assert "15 numbers from 0 to 1" in truth.problem.value
    assert truth.rates["A1"].value == 0.01


def test_a_result_of_the_lab_says_when_it_no_longer_fits_the_settings(page):
    panel = page.lab.comparison
    assert "Not run yet." in panel.state.text.value
    panel.trials.value, panel.designs.value = 50, ("BOIN (2-D)",)
    finished(panel.task)
    assert "for the settings shown" in panel.state.text.value
    page.lab.simulation.truth.rates["A1"].value = 0.02
    assert "Stale" in panel.state.text.value
    page.lab.simulation.truth.rates["A1"].value = 0.05
    assert "for the settings shown" in panel.state.text.value
    page.settings.target.value = 0.25
    assert panel.state.is_stale


def test_a_calibration_shows_the_time_left_before_its_first_round_ends(page, monkeypatch):
    panel = page.lab.calibration
    panel.maxima.value, panel.cohort_sizes.value, panel.targets.value = "12, 24", "3", "0.3"
    panel.trials.value = 20
    monkeypatch.setattr("protocol.pages.kit.task.PAUSE_SECONDS", -1)
    said = []
    panel.task.words.observe(lambda change: said.append((change["new"], panel.result)), "value")
    finished(panel.task)
    assert any("s left" in words and result is None for words, result in said)
    assert "for the settings shown" in panel.state.text.value


def test_figures_of_the_comparison_are_written_whole_at_the_left_edge(page):
    panel = page.lab.comparison
    panel.trials.value, panel.designs.value = 50, ("BOIN (2-D)", "Keyboard (2-D)")
    finished(panel.task)
    assert all(row["words"].startswith(f"{row['design']}: ") for row in panel.picture._rows)
    drawn = figures.comparison(pd.DataFrame(panel.picture._rows), "A right regimen selected", True).to_dict()
    words = next(layer for layer in drawn["layer"] if layer["mark"]["type"] == "text")
    assert words["encoding"]["x"] == {"value": 0}
    assert panel.table.value.startswith('<details class="pw-details">')


def test_the_address_holds_tab_and_settings(page):
    assert {"tab", "design", "target", "cohort", "most", "outcomes"} <= set(page.in_address)
    page.tabs.value = "protocol"
    assert page.in_address["tab"].value == "protocol"


def test_an_address_with_outcomes_opens_the_sandbox_with_them(example):
    PageState(example.in_address, example.drafts).address = {
        "sandbox": "yes",
        "outcomes": "A1:NNT",
        "tab": "decision",
    }
    assert example.sandbox.notation.value == "A1:NNT"
    assert "Sandbox: not the log" in "".join(text.value for text in html_widgets(example.decision.view))


def test_an_address_with_the_sandbox_alone_opens_it_on_the_log(example):
    PageState(example.in_address, example.drafts).address = {"sandbox": "yes"}
    assert example.sandbox.notation.value == example.decision._desk.briefing.notation
