"""Reports of serious adverse events on the board, and from which day on the next first infusion may be given."""

from datetime import timedelta

import pytest
from support.participant_log import START, said

from protocol.escalation.record import StaggerRule
from protocol.pages.escalation.decision_tab import DecisionTab
from protocol.pages.followup.today import TodayPanel
from protocol.pages.kit import Day
from protocol.pages.overview.status import StatusPanel
from protocol.pages.trial_log.participant_path import ParticipantPath

pytestmark = pytest.mark.slow  # every test builds a page


def harm(life, who="W-001", on=START, **more):
    usual = {"number": 1, "term": "allergic_reaction", "version": "5.0", "grade": 4, "relatedness": "probable"}
    usual |= {"action": "none", "outcome": "not recovered", "why_serious": ["life-threatening"]}
    return life.add("adverse_event", who, on, **usual | more)


def reports_on(panel):
    return [task for task in panel.rows if task.task.get("kind") == "report" and task.view in panel._list.children]


def recorded(panel, task, day):
    task.done.click()
    panel.on.value = day
    panel.save.record.click()
    assert "✓ Recorded" in panel.result.value, (panel.result.value, panel.save.said.value)


# Reports


def test_a_serious_event_stands_on_the_board_until_each_report_is_recorded_in_its_row(life):
    harm(life)
    panel = TodayPanel(life.desk(), lambda _name: None)
    (task,) = reports_on(panel)
    assert "Allergic reaction, grade 4 the sponsor is to be told by" in said(task.what)
    recorded(panel, task, START + timedelta(days=1))
    assert life.last().content["known_on"] == "2026-03-03"

    (task,) = reports_on(panel)
    assert "to be judged: was it expected? by 2026-03-10" in said(task.what)
    assert "! overdue" in said(task.what)
    assert (task.done.layout.display, task.assess.description) == ("none", "Judge")
    life.add("adverse_event_followed", "W-001", life.day, number=1, expected=False)
    panel._desk.refresh()

    (task,) = reports_on(panel)
    assert "first report to the authority" in said(task.what)
    assert "reports overdue: 1" in said(panel.counts)
    recorded(panel, task, START + timedelta(days=6))
    (task,) = reports_on(panel)
    assert "completed report" in said(task.what)
    recorded(panel, task, START + timedelta(days=15))
    assert reports_on(panel) == []
    assert "reports" not in said(panel.counts)
    seen = panel._desk.courses["W-001"]
    assert (seen.adverse_events[1].completed_on, seen.last_seen) == (START + timedelta(days=15), START)


def test_a_report_before_the_sponsor_knew_is_refused_and_nothing_is_recorded(life):
    harm(life, known_on=START + timedelta(days=2), expected=False)
    panel, before = TodayPanel(life.desk(), lambda _name: None), life.count
    (task,) = reports_on(panel)
    task.done.click()
    panel.on.value = START + timedelta(days=1)
    panel.save.record.click()
    assert "before the day on which the sponsor knew on 2026-03-04" in said(panel.save.said)
    assert life.count == before


def test_a_report_is_a_mark_of_the_strip_and_a_row_of_its_day(life):
    harm(life, known_on=life.day, expected=False)
    panel = TodayPanel(life.desk(), lambda _name: None)
    due = (life.day + timedelta(days=7)).isoformat()
    assert [row["day"] for row in panel.strip._rows if row["kind"] == "report"] == [due]
    panel.day.value = due
    assert len(reports_on(panel)) == 1


def test_sites_see_their_reports_and_those_who_see_figures_only_a_range(life):
    harm(life)
    own, other = (life.desk("investigator", PROTOCOL_SITE=site.name) for site in life.trial.sites[:2])
    assert own.briefing.reports["participant"].tolist() == ["W-001"]
    assert other.briefing.reports.empty
    viewer = life.desk("viewer")
    assert viewer.briefing.reports.empty
    assert viewer.briefing.report_counts == {"late": "0", "due": "1–4"}
    panel = TodayPanel(viewer, lambda _name: None)
    assert "reports due: 1–4" in said(panel.counts)
    assert "W-001" not in panel.counts.value + panel.strip.description


def test_the_days_of_reports_stand_with_their_origin(life):
    panel = TodayPanel(life.desk(), lambda _name: None)
    assert "24 hours from the site to the sponsor" in said(panel.meaning)
    assert "7 days to the first report" in said(panel.meaning)
    assert "all sites lie in China" in panel.meaning.value


def test_a_record_without_a_rule_of_reporting_asks_for_no_report(life):
    life.trial = life.trial.model_copy(update={"effect": life.trial.effect.model_copy(update={"reporting": None})})
    harm(life)
    panel = TodayPanel(life.desk(), lambda _name: None)
    assert reports_on(panel) == []
    assert "names no rule" in said(panel.meaning)


def test_a_late_report_needs_attention_on_the_overview(life):
    harm(life, known_on=START, expected=False)
    panel = StatusPanel(life.desk(), Day(value=START), lambda: None)
    assert "reports of serious events overdue: 1" in said(panel.alarms)


# The wait after the first participant


@pytest.fixture
def staggered(life):
    rule = {name: {"value": value, "assumption": "of a test"} for name, value in (("days", 28), ("of", "cohort"))}
    escalation = life.trial.escalation.model_copy(update={"stagger": StaggerRule.model_validate(rule)})
    life.trial = life.trial.model_copy(update={"escalation": escalation})
    life.add("consented", "W-002")
    life.add("enrolled", "W-002", START + timedelta(days=3), regimen=life.start)
    return life


def test_who_may_be_infused_from_which_day_stands_beside_the_decision_and_on_the_board(staggered):
    desk = staggered.desk()
    until = (START + timedelta(days=28)).isoformat()
    for text in (DecisionTab(desk, staggered.day, None).next_infusion, TodayPanel(desk, print).next_infusion):
        assert f"First infusions at {staggered.start} from {until} on" in said(text)
        assert "observed alone for 28 days" in said(text)
        assert "Enrolled and not infused: W-002." in said(text)


def test_those_who_see_figures_see_how_many_wait(staggered):
    text = said(TodayPanel(staggered.desk("viewer"), print).next_infusion)
    assert "W-002" not in text
    assert "1 participant is enrolled and not infused." in text


def test_the_path_says_from_which_day_on_the_first_infusion_may_be_given(staggered):
    staggered.add("therapy_started", "W-002", START + timedelta(days=3))
    panel = ParticipantPath(staggered.desk(), staggered.day)
    panel.participant.value = "W-002"
    until = (START + timedelta(days=28)).isoformat()
    assert f"from {until}" in said(panel.path)
    assert f"Not before {until}" in said(panel.next_step)


def test_when_the_days_are_over_the_others_are_free(staggered):
    staggered.day = START + timedelta(days=28)
    desk = staggered.desk()
    assert "are free since" in said(TodayPanel(desk, print).next_infusion)
    assert desk.first_infusion_from("W-002") is None


def test_a_record_without_the_rule_says_nothing(life):
    assert TodayPanel(life.desk(), print).next_infusion.value == ""
