"""Entries are corrected through the page: the day, that it did not happen, and what it said."""

from datetime import timedelta

import pytest
from support.participant_log import START, said

from protocol.conduct import event
from protocol.pages.escalation.decision_tab import DecisionTab
from protocol.pages.trial_log.participant_path import ParticipantPath

pytestmark = pytest.mark.slow  # every test builds a page


def path_on(life):
    panel = ParticipantPath(life.desk(), life.day)
    panel.participant.value = "W-001"
    return panel


def chosen(form, kind, action="values"):
    """Choose the last entry of a kind; return its fields, if it has some."""
    entry = next(one for one in reversed(form._held) if one.kind == kind)
    form.wrong.value, form.action.value, form.why.value = entry.sequence, action, "the ward book"
    return form.fields.get(kind)


def test_a_count_of_a_draw_is_corrected_with_what_was_reported_put_in(life):
    counts = {
        "platelets": {"value": 120, "unit": "10^9/L", "normal_limit": 125},
        "neutrophils": {"value": 0.4, "unit": "10*9/L"},
    }
    life.add("blood_count", "W-001", counts=counts)
    panel = path_on(life)
    fields = chosen(panel.corrections, "blood_count")
    assert (fields.values["platelets"].value, fields.limits["platelets"].value) == ("120", "125")
    assert fields.in_units["neutrophils"].value == "10*9/L"
    panel.correct.record.click()
    assert "Nothing is changed" in panel.corrections._problems.said(panel.action)
    fields.values["platelets"].value = "12"
    panel.correct.record.click()
    correction = life.last().content
    assert correction["replacement"]["counts"]["platelets"]["value"] == 12
    assert correction["why"] == "the ward book"
    assert panel._desk.courses["W-001"].draws[START] == {"platelets": 12, "neutrophils": 0.4}


def test_an_entry_to_correct_is_named_as_everywhere(life):
    visit = next(one for one in life.trial.followup.visits if one.name != one.id)
    life.add("visit", "W-001", visit=visit.id)
    named = [label for label, _number in path_on(life).corrections.wrong.options]
    assert f"W-001, visit {visit.name}: done ({START})" in named[0]


HARM = {"number": 1, "term": "fever", "version": "5.0", "grade": 4, "relatedness": "possible", "action": "none"}


def test_the_grade_of_an_adverse_event_is_corrected_and_the_rest_stays(life):
    life.add(
        "adverse_event",
        "W-001",
        outcome="recovered",
        end=START,
        expected=True,
        why_serious=["hospitalisation"],
        **HARM,
    )
    panel = path_on(life)
    fields = chosen(panel.corrections, "adverse_event")
    assert (fields.grade.value, fields.end.value, fields.why_serious.value) == (4, START, ("hospitalisation",))
    fields.grade.value = 2
    panel.correct.record.click()
    seen = panel._desk.courses["W-001"].adverse_events[1]
    assert (seen.grade, seen.end, seen.expected, seen.why_serious) == (2, START, True, ("hospitalisation",))


def test_a_grade_that_its_term_does_not_have_is_refused_at_its_field(life):
    life.add(
        "adverse_event", "W-001", outcome="recovered", why_serious=[], **HARM | {"term": "neutrophil_count_decreased"}
    )
    panel, before = path_on(life), life.count
    fields = chosen(panel.corrections, "adverse_event")
    fields.grade.value, fields.outcome.value, fields.why_serious.value = 5, "fatal", ("death",)
    panel.correct.record.click()
    assert "grade" in said(panel.said) + panel.corrections._problems.said(fields.grade)
    assert life.count == before


def test_what_followed_of_an_adverse_event_is_corrected_for_the_same_event(life):
    life.add("adverse_event", "W-001", outcome="not recovered", why_serious=[], **HARM)
    life.add("adverse_event_followed", "W-001", START + timedelta(days=3), number=1, known_on=START)
    panel = path_on(life)
    fields = chosen(panel.corrections, "adverse_event_followed")
    assert (fields.number.value, fields.known_on.value) == (1, START)
    fields.known_on.value = START + timedelta(days=1)
    panel.correct.record.click()
    assert panel._desk.courses["W-001"].adverse_events[1].known_on == START + timedelta(days=1)


def test_what_an_entry_of_another_kind_said_is_removed_and_recorded_anew(life):
    panel, before = path_on(life), life.count
    chosen(panel.corrections, "consented")
    assert "remove it, then record it anew" in said(panel.corrections._values.children[0])
    panel.correct.record.click()
    assert life.count == before


def decided(life):
    body = {"on": START, "why": "as advised", "decided_by": "committee"}
    life.log.append(event({"kind": "decision", "waits_for": {}, "chosen": life.start} | body), actor="other")
    declared = {"kind": "regimen_declared", "phase": "II", "regimen": "B2", "advised": "B2"}
    life.log.append(event(declared | body), actor="other")


def test_the_regimen_of_a_declaration_is_corrected_on_the_escalation_page(life):
    decided(life)
    desk = life.desk()
    tab = DecisionTab(desk, life.day, None)
    form = tab.correction
    fields = chosen(form, "regimen_declared")
    assert (fields.regimen.value, fields.why.value) == ("B2", "as advised")
    fields.regimen.value = "B1"
    form.correct.record.click()
    assert "✓ Recorded" in said(form.correct.said), said(form.correct.said)
    assert (desk.briefing.declared["regimen"], desk.briefing.declared["advised"]) == ("B1", "B2")
    assert "B1 is declared" in tab.declaration.standing.value


def test_a_declaration_is_removed_and_a_decision_moves_to_its_day(life):
    decided(life)
    desk = life.desk()
    form = DecisionTab(desk, life.day, None).correction
    chosen(form, "regimen_declared", "remove")
    form.correct.record.click()
    assert desk.briefing.declared is None
    chosen(form, "decision", "day")
    form.right.value = START - timedelta(days=1)
    form.correct.record.click()
    assert desk.briefing.decisions["day"].tolist() == [(START - timedelta(days=1)).isoformat()]


def test_only_the_coordinator_corrects_what_the_committee_decided(life):
    decided(life)
    site = life.trial.sites[0].name
    for role, more in (("viewer", {}), ("investigator", {"PROTOCOL_SITE": site})):
        tab = DecisionTab(life.desk(role, **more), life.day, None)
        assert tab.correction.view not in [one for box in tab._below.children for one in getattr(box, "children", ())]
        assert len(tab._below.children) == 3
