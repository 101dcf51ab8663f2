"""The effect page without a browser: set a control, read what the page says."""

import re
import zipfile
from base64 import b64decode
from datetime import date
from io import BytesIO

import pytest
from ipywidgets import HTML
from support.effect_observations import AS_OF, invented
from support.participant_log import said
from support.trial import TRIAL

from protocol.effect import Observations, Summaries, cumulative_incidence
from protocol.pages.effect.adverse_events import AdverseEventsPanel
from protocol.pages.effect.blood_counts import BloodCountsPanel, bands_of
from protocol.pages.effect.dose_selection import DoseSelectionPanel
from protocol.pages.effect.page import EffectPage
from protocol.pages.effect.phase_two import PhaseTwoPanel
from protocol.pages.effect.recovery import RecoveryPanel, curve_words
from protocol.pages.effect.report import safety_reports
from protocol.pages.effect.settings import EffectSettings, phase_two_text
from protocol.pages.overview.meeting import MeetingPanel
from protocol.pages.trial_log.desk import open_desk

TODAY = date(2026, 11, 22)
LABELS = TRIAL.escalation.grid.labels
REGIMENS = (LABELS[3], LABELS[4], LABELS[6])


@pytest.fixture(scope="module")
def trial():
    return TRIAL.in_phase_two()


@pytest.fixture(scope="module")
def desk(trial):
    return open_desk(trial, {}, lambda: TODAY)


@pytest.fixture(scope="module")
def settings(trial, desk):
    return EffectSettings(trial, desk)


@pytest.fixture(scope="module")
def observed():
    return invented(
        24, 16, regimens=REGIMENS, sites=[one.name for one in TRIAL.sites], phases=TRIAL.eligibility.phases
    )


@pytest.fixture(scope="module")
def seen(observed):
    return Summaries(observed, AS_OF, groups=LABELS)


@pytest.fixture(scope="module")
def figures_only(observed):
    return Summaries(observed, AS_OF, lambda _site: False, LABELS)


@pytest.fixture
def phase_two(settings, seen):
    panel = PhaseTwoPanel(settings, invented=True)
    panel.rule.value = "bayesian"
    panel.show(seen)
    return panel


@pytest.mark.slow
@pytest.mark.parametrize("further", [True, False])
def test_the_example_says_where_it_goes_on_after_that_of_the_other_pages(further, trial):
    shown = trial if further else TRIAL
    page = EffectPage(TRIAL, TODAY, open_desk(shown, {}, lambda: TODAY))
    label = page._boxes["phase-two"].children[0].value
    assert "Invented example" in label
    assert ("at a later time than the other pages" in label) is further


def test_every_tab_of_the_example_opens_and_says_that_it_is_invented(trial, desk):
    page = EffectPage(trial, TODAY, desk)
    for name in page.tabs.titles:
        page.tabs.value = name
        assert name == "doses" or "Invented example" in said(page._boxes[name].children[0])
        assert page.panels[name].shown is not None
    page.refresh()
    assert page.panels["events"].rates._rows


@pytest.mark.slow
def test_the_light_stands_with_its_word_and_its_sentence(phase_two):
    text = said(phase_two.light)
    assert "participants treated" in text
    assert 'role="img" aria-label=' in phase_two.light.value
    assert "Stop if the posterior probability" in said(phase_two.said)


def test_the_planned_number_is_an_open_question_with_what_is_left_of_the_whole(phase_two, settings):
    assert phase_two.planned.value == settings.planned
    assert "open question" in said(phase_two.said)
    phase_two.planned.value = 0
    assert "not stated" in said(phase_two.light)
    assert phase_two._behind.layout.display == "none"
    phase_two.planned.value = 40
    assert phase_two._behind.layout.display is None


@pytest.mark.slow
def test_the_boundary_follows_the_rule_and_what_differs_is_said(phase_two):
    shown = phase_two._halves
    assert (shown["response"].layout.display, shown["toxicity"].layout.display) == ("none", None)
    phase_two.rule.value = "simon"
    assert (shown["response"].layout.display, shown["toxicity"].layout.display) == (None, "none")
    assert "the record says otherwise: BOP2" in said(phase_two.said)
    assert "Operating characteristics as a table" in phase_two.tables.value


def test_rates_that_do_not_rise_are_refused_and_the_figures_stay(phase_two):
    before = phase_two.light.value
    phase_two.safe.value = 0.9
    assert "acceptable toxicity rate" in said(phase_two.problem)
    assert phase_two.light.value == before
    phase_two.safe.value = 0.15
    assert phase_two.problem.value == ""


def test_nobody_treated_is_said(settings):
    panel = PhaseTwoPanel(settings, invented=False)
    panel.rule.value = "pocock"
    panel.show(Summaries(Observations.of_rows(), AS_OF))
    assert "No participant of phase II is treated yet." in said(panel.light)


def test_a_page_without_a_log_says_so_and_still_compares_regimens(trial):
    page = EffectPage(trial, TODAY)
    assert "No log is open" in said(page._boxes["phase-two"].children[0])
    page.tabs.value = "doses"
    assert page.panels["doses"].picture._rows


@pytest.mark.slow
def test_counts_of_one_participant_and_small_multiples_of_all(settings, seen):
    panel = BloodCountsPanel(settings, invented=True)
    panel.show(seen)
    assert {row["kind"] for row in panel.one._rows} >= {"draw", "infusion", "recovery"}
    assert "Nadir" in said(panel.course)
    assert sum(cell.layout.display is None for cell in panel._cells) == 12
    first = said(panel.names[0])
    panel.pager.next.click()
    assert said(panel.names[0]) != first
    panel.participant.value = seen.own.participants["participant"].iloc[-1]
    panel.analyte.value = "platelets"
    assert panel.definition.value.startswith("plt")
    assert "10⁹/L" in said(panel.course)


def test_bands_cover_the_picture_from_its_floor_to_its_top_by_the_version():
    for version, lowest in (("5.0", "4"), ("6.0", "4")):
        bands = bands_of("neutrophils", version)
        assert bands[0][0] == lowest
        assert [high for _grade, _low, high in bands[:-1]] == [low for _grade, low, _high in bands[1:]]
    assert bands_of("neutrophils", "5.0")[0][2] == 0.5
    assert bands_of("neutrophils", "6.0")[0][2] == 0.1


@pytest.mark.slow
def test_curves_have_bands_numbers_at_risk_and_what_is_left_out(settings, seen):
    panel = RecoveryPanel(settings, TRIAL.escalation.grid, invented=True)
    panel.show(seen)
    kinds = {row["kind"] for row in panel.curves._rows}
    assert {"recovery", "risk"} <= kinds
    assert "participants recovered by day" in said(panel.said)
    panel.by.value = "regimen"
    assert {row["group"] for row in panel.curves._rows} == set(REGIMENS)
    assert len(panel.grid._rows) == len(LABELS)
    panel.last.value = 3
    assert "last day" in said(panel.problem)


@pytest.mark.slow
def test_events_are_drawn_in_rows_that_do_not_overlap(settings, seen):
    panel = AdverseEventsPanel(settings, invented=True)
    panel.show(seen)
    taken = {}
    for row in panel.lanes._rows:
        if row["kind"] == "event":
            assert all(row["day"] >= end or row["until"] <= start for start, end in taken.get(row["lane"], []))
            taken.setdefault(row["lane"], []).append((row["day"], row["until"]))
    assert taken
    panel.lot.value = seen.lots()[0]
    assert "received lot" in said(panel.received)
    panel.phase.value = TRIAL.eligibility.phases[-1]
    assert all(int(count) <= 16 for count in re.findall(r"of (\d+)", said(panel.tables)))


@pytest.mark.slow
def test_a_reader_of_figures_sees_no_participant_anywhere(settings, figures_only, observed):
    names = set(observed.participants["participant"])
    panels = [
        PhaseTwoPanel(settings, invented=False),
        BloodCountsPanel(settings, invented=False),
        RecoveryPanel(settings, TRIAL.escalation.grid, invented=False),
        AdverseEventsPanel(settings, invented=False),
    ]
    for panel in panels:
        panel.show(figures_only)
        everything = repr([*_states(panel.view)])
        assert not [name for name in names if name in everything], type(panel).__name__
    assert "hides the participants" in said(panels[1].hidden)
    assert "hides the participants" in said(panels[3].hidden)


def _states(widget):
    yield widget.get_state()
    for child in getattr(widget, "children", ()):
        yield from _states(child)


def test_the_choice_between_regimens_is_right_more_often_with_more_participants(trial, settings):
    panel = DoseSelectionPanel(trial, settings)
    panel.show()
    rows = [row for row in panel.picture._rows if row["truth"].startswith("response rates")]
    assert rows[-1]["share"] > rows[0]["share"]
    panel.regimens[1].value = panel.regimens[0].value
    assert "one of them twice" in said(panel.problem)
    panel.regimens[1].value = LABELS[-1]
    panel.regimens[2].value = ""
    assert panel.problem.value == ""


def test_an_incidence_of_all_has_no_interval():
    everyone, most = (cumulative_incidence([3, 5, 8], [1, 1, event])[0] for event in (1, 0))
    assert "All 3 participants recovered by day 8." in curve_words(everyone)
    assert "95 %" in curve_words(most)


def test_a_comparison_after_simulated_escalations_says_what_it_adds(trial, settings):
    panel = DoseSelectionPanel(trial, settings)
    after = panel.after
    after.trials.value = 200
    after.task.run.click()
    after.task.join()
    assert "Without a comparison the selected regimen is right in" in said(after.said)
    assert "With a comparison of 30 participants in each arm: right in" in said(after.said)
    assert "of the escalations lead to three" in said(after.said)
    (truth,) = {row["truth"] for row in after.picture._rows}
    assert truth.startswith("after 200 escalations; right: ")
    assert "Right choice" in said(after.tables)
    panel.limit.value = 0.2
    assert "The inputs have changed" in said(after.said)
    after.plateau.value = 0.1
    after.task.run.click()
    assert "below 0.3 of the lowest regimen" in said(after.task.problem)


@pytest.mark.slow
def test_the_report_has_an_open_version_without_participants_and_a_closed_one(desk, settings):
    open_one, closed = safety_reports(desk, settings)
    names = desk.effect.own.participants["participant"]
    whole = b"".join(open_one.files().values()).decode()
    assert not [name for name in names if name in whole]
    assert "Invented example." in whole
    assert names.iloc[0] in closed.html()
    assert "safety board only" in closed.html()
    assert {"safety-open.html", "safety-open-terms.csv", "safety-open-boundary.csv"} <= set(open_one.files())
    assert not re.search(r"(src|href)=", open_one.html())


@pytest.mark.slow
def test_the_meeting_pack_holds_the_safety_report(desk):
    panel = MeetingPanel(desk)
    panel.prepare.click()
    content = re.search(r"base64,([^\"]+)", panel.pack.value)[1]
    names = zipfile.ZipFile(BytesIO(b64decode(content))).namelist()
    assert {"meeting.html", "safety-open.html", "safety-closed.html", "safety-closed-events.csv"} <= set(names)
    assert "For the safety board only" in panel.pack.value
    closed = [name for name in names if name.startswith("safety-closed")]
    assert len(closed) > 1
    assert [name for name in closed if name not in panel.pack.value.partition("href=")[0]] == []


def test_the_statistical_section_says_how_phase_two_is_watched(settings):
    parts = phase_two_text(settings).parts()
    text = " ".join(str(part) for part in parts)
    assert "Stop if one of two posterior probabilities" in text
    assert "open question" in text
    assert "Zhou H" in text


def texts(widget):
    own = [widget] if isinstance(widget, HTML) else []
    return own + [text for child in getattr(widget, "children", ()) for text in texts(child)]


@pytest.mark.parametrize("tab", [BloodCountsPanel, RecoveryPanel, AdverseEventsPanel])
def test_a_tab_that_counts_days_says_that_day_0_is_the_first_infusion(tab, settings, seen):
    more = (TRIAL.escalation.grid,) if tab is RecoveryPanel else ()
    panel = tab(settings, *more, True)
    panel.show(seen)
    shown = " ".join(map(said, texts(panel.view)))
    assert "Day 0 is the day of the first infusion: study day 1 of the schedule of visits." in shown
    assert "on study day" not in shown
