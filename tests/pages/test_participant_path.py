"""One participant's path on the pages: the next step with its form, and entries that are asked about first."""

from datetime import date, timedelta

import pytest
from support.participant_log import START

from protocol.conduct import open_log
from protocol.pages.followup import FollowupPage
from protocol.pages.kit import PageState
from protocol.pages.trial_log.desk import open_desk
from protocol.pages.trial_log.participant_path import DLT_NO, ParticipantPath

pytestmark = pytest.mark.slow  # every test builds a page


def path_on(life, who):
    panel = ParticipantPath(life.desk(), life.day)
    panel.participant.value = who
    return panel


def visible(panel):
    return {name for name, view in panel._forms.items() if view.layout.display is None}


def test_the_study_id_is_typed_once_from_the_screening_to_the_infusion(life):
    panel = path_on(life, "W-002")
    for step, kind in (("Consent", "consented"), ("Enrolment", "enrolled"), ("Start of therapy", "therapy_started")):
        assert f"Next step: {step}" in panel.next_step.value
        recorder = panel.enrolment.enrol if kind == "enrolled" else panel.happened
        recorder.record.click()
        assert life.last().content["kind"] == kind, panel.said.value
        assert visible(panel) == set()
        panel.proceed.click()
    assert "Next step: Infusion 1" in panel.next_step.value
    assert panel.participant.value == "W-002"


def test_a_double_click_does_not_record_the_next_step(life):
    panel, before = path_on(life, "W-002"), life.count
    panel.happened.record.click()
    panel.happened.record.click()
    panel.enrolment.enrol.record.click()
    assert life.count == before + 2  # the consent, and an enrolment that was asked for at its own button
    assert panel.proceed.description == "Next step: Start of therapy"


def test_a_new_study_id_begins_with_the_screening_which_is_on_another_page(life, monkeypatch):
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    panel = path_on(life, "W-009")
    assert "participant=W-009" in panel.next_step.value
    assert visible(panel) == set()
    assert "not in the log" in panel.path.value


def test_the_form_of_an_infusion_says_regimen_dose_and_planned_day(life):
    panel = path_on(life, "W-002")
    for _step in ("consent", "enrolment", "start"):
        recorder = panel.enrolment.enrol if visible(panel) == {"enrolled"} else panel.happened
        recorder.record.click()
        panel.proceed.click()
    said = panel.next_step.value
    assert "Planned: infusion 1 of 1 at regimen A1, dose A: 500,000 cells/kg" in said
    assert "assumption" in said


def test_what_was_typed_about_the_product_comes_back_after_a_reload(life):
    panel = path_on(life, "W-001")
    panel.open_form("other")
    panel.kind.value = "infused"
    product, event = panel.observed["infused"], panel.observed["adverse_event"]
    product.lot.value, product.cells.value = "LOT-7", "1.9"
    event.why_serious.value = event.why_serious.options[0][1], event.why_serious.options[2][1]
    kept = panel.draft.value
    again = path_on(life, "W-001")
    again.draft.value = kept
    assert (again.observed["infused"].lot.value, again.observed["infused"].cells.value) == ("LOT-7", "1.9")
    assert again.observed["adverse_event"].why_serious.value == event.why_serious.value


def test_nothing_is_unsaved_once_it_is_recorded(life):
    page = FollowupPage(life.desk().trial, life.day, life.desk())
    state, path = PageState(page.in_address, page.drafts), page.path
    path.participant.value = "W-002"
    while path.following.kind != "infused":
        (path.enrolment.enrol if path.following.kind == "enrolled" else path.happened).record.click()
        path.proceed.click()
    path.observed["infused"].lot.value = "LOT-7"
    assert state.unsaved
    path.happened.record.click()
    assert life.last().content["lot"] == "LOT-7"
    assert not state.unsaved


def test_who_is_not_eligible_has_no_form_but_may_be_recorded_about(life):
    life.screen("W-003", "ineligible")
    panel = path_on(life, "W-003")
    assert "not eligible" in panel.path.value
    assert visible(panel) == set()
    panel.other.click()
    assert visible(panel) == {"event"}
    assert panel._kind_row.layout.display is None


# --- Errors at their field ---


def test_what_is_missing_is_said_at_its_field_and_goes_away_with_an_answer(life):
    panel = ParticipantPath(life.desk(), life.day)
    panel.happened.record.click()
    assert "Choose a participant." in panel._problems.said(panel.participant)
    assert panel.said.value == ""
    panel.participant.value = "W-001"
    assert panel._problems.said(panel.participant) == ""
    panel.on.value = None
    panel.happened.record.click()
    assert "Write the day" in panel._problems.said(panel.on)


def test_an_old_success_never_stands_beside_a_new_error(life):
    panel = path_on(life, "W-001")
    panel.kind.value = "note"
    panel.words.value = "came late"
    panel.happened.record.click()
    assert "✓ Recorded" in panel.said.value
    panel.visit.value = None
    panel.missed.record.click()
    assert "Choose a visit." in panel._problems.said(panel.visit)
    assert "✓ Recorded" not in panel.said.value


# --- Entries that are grave, or contradict what is known ---


def test_a_dlt_has_no_default_and_is_confirmed_with_what_will_be_recorded(life):
    panel, before = path_on(life, "W-001"), life.count
    panel.kind.value = "dlt_assessed"
    assert (panel.detail.value, panel.grade.value) == (None, None)
    panel.happened.record.click()
    assert "whether there was a DLT" in panel._problems.said(panel.detail)
    panel.detail.value = "infection"
    panel.happened.record.click()
    assert "Choose the grade." in panel._problems.said(panel.grade)
    panel.grade.value = 4
    panel.happened.record.click()
    panel.happened.record.click()
    assert life.count == before
    assert "with a DLT: infection, grade 4 (2026-03-22)" in panel.said.value
    assert panel.happened.reason.layout.display == "none"
    panel.happened.anyway.click()
    assert life.last().content["grade"] == 4


def test_the_end_of_participation_is_confirmed_and_can_be_taken_back(life):
    panel, before = path_on(life, "W-001"), life.count
    panel.kind.value = "withdrawn"
    assert panel.detail.value is None
    panel.detail.value = "death"
    panel.happened.record.click()
    assert "left the trial (death)" in panel.said.value
    panel.happened.discard.click()
    assert life.count == before
    assert "Nothing was recorded" in panel.said.value


def test_a_second_assessment_of_a_day_is_recorded_only_with_a_reason(life):
    life.add("dlt_assessed", "W-001", life.day, dlt=False)
    panel, before = path_on(life, "W-001"), life.count
    panel.kind.value = "dlt_assessed"
    panel.detail.value, panel.grade.value = "infection", 3
    panel.happened.record.click()
    assert "of the same day is already recorded: no DLT" in panel.said.value
    panel.happened.anyway.click()
    assert "Write the reason." in panel.happened._without_reason.said(panel.happened.reason)
    assert life.count == before
    panel.happened.reason.value = "seen at the evening round"
    panel.happened.anyway.click()
    assert (life.last().content["dlt"], life.last().reason) == (True, "seen at the evening round")


def test_no_dlt_needs_no_confirmation(life):
    life.day = START + timedelta(days=27)
    panel = path_on(life, "W-001")
    assert "Next step: DLT assessment" in panel.next_step.value
    panel.detail.value = DLT_NO
    panel.happened.record.click()
    assert life.last().content["dlt"] is False


def test_an_enrolment_before_the_screening_is_asked_about(life):
    life.screen("W-004", on=START + timedelta(days=9))
    life.add("consented", "W-004")
    panel, before = path_on(life, "W-004"), life.count
    panel.enrolment.on.value = START + timedelta(days=5)
    panel.enrolment.enrol.record.click()
    assert "after this enrolment" in panel.said.value
    assert life.count == before


def test_a_visit_before_its_window_is_asked_about(life):
    panel, before = path_on(life, "W-001"), life.count
    panel.visit.value = "month_3"
    panel.done.record.click()
    assert "before the planned window" in panel.said.value
    assert life.count == before


# --- The work of the day ---


@pytest.fixture
def page(life, trial):
    return FollowupPage(trial, life.day, life.desk())


def row_of(work, kind):
    return next(one for one in work.rows if one.task and one.task["kind"] == kind)


def test_a_visit_is_done_in_its_row_with_the_day_confirmed(page, life):
    work, before = page.work, life.count
    one = row_of(work, "visit")
    about, said = dict(one.task), work.counts.value
    one.done.click()
    assert work._editor in one.view.children
    assert work.on.value == life.day
    assert work._reason_at.layout.display == "none"
    work.on.value = about["target"].date()
    work.save.record.click()
    work.save.record.click()
    assert life.count == before + 1
    assert (life.last().content["visit"], life.last().content["on"]) == (about["id"], str(about["target"].date()))
    assert "✓ Recorded" in work.result.value
    assert work.counts.value != said
    assert about["id"] not in set(work._tasks["id"])


def test_a_missed_visit_asks_why(page, life):
    work, before = page.work, life.count
    one = row_of(work, "visit")
    visit = one.task["id"]
    one.missed.click()
    work.save.record.click()
    assert "Write why it was missed." in work._problems.said(work.reason)
    assert life.count == before
    work.reason.value = "heavy rain"
    work.save.record.click()
    last = life.last()
    assert (last.content["visit"], last.content["done"], last.reason) == (visit, False, "heavy rain")


def test_a_row_can_be_shut_without_recording(page, life):
    work, before = page.work, life.count
    one = row_of(work, "visit")
    one.done.click()
    work.cancel.click()
    assert one.view.children == (one.line,)
    work.save.record.click()
    assert life.count == before


def test_a_click_on_a_day_lists_what_is_planned_on_it_and_a_second_one_ends_the_choice(page):
    work = page.work
    before = [one.task for one in work.rows]
    planned = [one for one in work.strip._rows if one["kind"]]
    day = planned[-1]["day"]
    of_day = {(one["participant"], one["name"]) for one in planned if one["day"] == day}
    work.strip.picked = {"day": day}
    assert work.day.value == day
    shown = [one for one in work.rows if one.view in work._list.children]
    assert {(one.task["participant"], one.task["name"]) for one in shown} == of_day
    assert f"({len(of_day)})" in work.day.label
    assert {one["day"] for one in work.strip._rows if one["chosen"]} == {day}
    assert all(one.done.layout.display == "none" for one in shown if one.task["status"] == "not yet")
    work.strip.picked = {}
    work.strip.picked = {"day": day}
    assert work.day.value == ""
    assert [one.task for one in work.rows[: len(before)]] == before


def test_a_day_without_a_plan_says_so(page):
    work = page.work
    planned = {one["day"] for one in work.strip._rows if one["kind"]}
    empty = next(day for _label, day in work.day.options if day and day not in planned)
    work.day.value = empty
    assert f"Nothing is planned for {empty}." in work.nothing.value


def test_an_unfinished_entry_comes_back_whole_after_a_reload(page, life, trial):
    path = page.path
    assert {draft.value for draft in page.drafts.values()} == {""}
    path.participant.value = "W-001"
    assert {draft.value for draft in page.drafts.values()} == {""}, "what the page puts in is no draft"
    path.other.click()
    path.kind.value = "dlt_assessed"
    path.detail.value, path.grade.value, path.on.value = "infection", 4, date(2026, 3, 21)
    kept = {name: draft.value for name, draft in page.drafts.items() if draft.value}
    assert set(kept) == {"entry"}

    again = FollowupPage(trial, life.day, life.desk())
    state = PageState(again.in_address, again.drafts)
    state.address = {"tab": "participant", "participant": "W-001"}
    state.draft = kept
    back = again.path
    assert visible(back) == {"event"}
    assert (back.kind.value, back.detail.value, back.grade.value) == ("dlt_assessed", "infection", 4)
    assert (back.on.value, back.participant.value, state.unsaved) == (date(2026, 3, 21), "W-001", True)
    back.happened.record.click()
    back.happened.anyway.click()
    assert life.last().content["code"] == "infection"
    assert (state.draft, state.unsaved) == ({}, False)


def test_an_unfinished_entry_is_not_put_to_another_participant(page, life, trial):
    page.path.participant.value = "W-001"
    page.path.other.click()
    page.path.kind.value, page.path.words.value = "note", "half a sentence"
    kept = {name: draft.value for name, draft in page.drafts.items() if draft.value}
    again = FollowupPage(trial, life.day, life.desk())
    state = PageState(again.in_address, again.drafts)
    state.address = {"participant": "W-002"}
    state.draft = kept
    assert again.path.words.value == ""
    assert not state.unsaved


def test_an_unfinished_correction_and_an_open_row_come_back(page, life, trial):
    page.path.participant.value = "W-001"
    page.path.wrong.value = page.path.wrong.options[0][1]
    page.path.right.value, page.path.why.value = date(2026, 3, 8), "the ward book"
    one = row_of(page.work, "visit")
    visit = dict(one.task)
    one.missed.click()
    page.work.reason.value = "heavy rain"
    kept = {name: draft.value for name, draft in page.drafts.items() if draft.value}
    again = FollowupPage(trial, life.day, life.desk())
    state = PageState(again.in_address, again.drafts)
    state.address = {"participant": "W-001"}
    state.draft = kept
    back = again.path
    assert (back.wrong.value, back.right.value, back.why.value) == (
        page.path.wrong.value,
        date(2026, 3, 8),
        "the ward book",
    )
    assert back.correction.selected_index == 0
    work = again.work
    assert (work._about[0]["id"], work._about[1], work.reason.value) == (visit["id"], False, "heavy rain")
    work.cancel.click()
    assert set(state.draft) == {"entry"}


def test_a_new_study_id_of_the_address_is_followed(page):
    state = PageState(page.in_address, page.drafts)
    state.address = {"tab": "participant", "participant": "W-099"}
    assert page.path.participant.value == "W-099"
    assert state.problem.value == ""
    assert "W-099 is not in the log" in page.path.path.value


def test_a_name_in_a_row_leads_to_the_participant(page):
    one = page.work.rows[0]
    one.who.click()
    assert page.tabs.value == "participant"
    assert page.path.participant.value == one.task["participant"]


def test_a_viewer_sees_counts_and_no_participant(life, trial):
    page = FollowupPage(trial, life.day, life.desk("viewer"))
    assert "Your role shows figures and hides the participants." in page.work._hidden.value
    assert "overdue" in page.work.by_site.value
    assert "W-001" not in str([page.work.counts.value, page.work.by_site.value, page.work.visits.body.value])
    assert "No participant" not in page.work._hidden.value


def test_without_anybody_enrolled_the_first_step_is_named(trial, tmp_path):
    log = open_log(tmp_path / "new.sqlite")
    log.close()
    names = {"PROTOCOL_LOG": str(tmp_path / "new.sqlite"), "PROTOCOL_ROLE": "coordinator", "PROTOCOL_ACTOR": "c-1"}
    desk = open_desk(trial, names, lambda: START)
    page = FollowupPage(trial, START, desk)
    assert "The first step is a screening" in page.work._hidden.value
    assert page.what_if is None
    assert page.try_dates.layout.display == "none"
    desk._log.close()


def test_a_correction_is_not_carried_to_another_participant(page):
    page.path.participant.value = "W-001"
    page.path.wrong.value = page.path.wrong.options[0][1]
    page.path.action.value, page.path.why.value = page.path.action.options[1][1], "typed twice"
    page.path.participant.value = "W-002"
    assert (page.path.wrong.value, page.path.why.value) == (None, "")
    assert page.path.action.value == page.path.action.options[0][1]


def test_the_path_names_the_site_of_the_participant(page, life):
    page.path.participant.value = "W-001"
    assert f"Site: {life.desk().courses['W-001'].site}" in page.path.path.value
