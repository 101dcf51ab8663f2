"""Recording from the pages: what is written, what is refused, and what is asked when two people record."""

import json
from base64 import b64decode
from datetime import date, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

import ipywidgets as widgets
import pytest
from support.paths import FOLDER

from protocol.conduct import Correction, LogReader, VisitRecorded, event, fold, open_log
from protocol.pages import open_page
from protocol.pages.eligibility.page import EligibilityPage
from protocol.pages.escalation.decisions import DecisionPanel
from protocol.pages.escalation.page import EscalationPage
from protocol.pages.followup import FollowupPage
from protocol.pages.overview import OverviewPage
from protocol.pages.overview.meeting import MeetingPanel
from protocol.pages.trial_log.desk import Desk, open_desk
from protocol.pages.trial_log.enrolment import EnrolmentForm, may_be_enrolled
from protocol.pages.trial_log.participant_path import ParticipantPath
from protocol.records import ProtocolError

pytestmark = pytest.mark.slow  # every test builds a page


@pytest.fixture
def today(recorded):
    log = open_log(recorded, read_only=True)
    day = date.fromisoformat(log.entries()[-1].time[:10])
    log.close()
    return day


@pytest.fixture
def sit_down(trial, log_file, today):
    """Open the log as somebody; the connections are let go of at the end."""
    desks = []

    def somebody(role="coordinator", **more):
        names = {"PROTOCOL_LOG": str(log_file), "PROTOCOL_ROLE": role, "PROTOCOL_ACTOR": f"{role}-1"} | more
        desks.append(open_desk(trial, names, lambda: today))
        return desks[-1]

    yield somebody
    for desk in desks:
        if desk and not desk.invented:
            desk._log.close()


def count(log_file):
    log = open_log(log_file, read_only=True)
    number = log.head().count
    log.close()
    return number


def with_visits(desk, today):
    """A panel on a participant who has a visit to come."""
    panel = ParticipantPath(desk, today)
    for person in reversed(desk.briefing.so_far.participants):
        panel.participant.value = person.id
        if panel.visit.value:
            return panel
    raise AssertionError("nobody has a visit to come")


# --- What is written ---


def test_a_visit_is_marked_with_one_click(sit_down, today, log_file):
    desk = sit_down()
    panel, before = with_visits(desk, today), count(log_file)
    who, visit = panel.participant.value, panel.visit.value
    panel.done.record.click()
    assert "✓ Recorded as entry" in panel.done.said.value
    assert count(log_file) == before + 1
    person = next(p for p in desk.briefing.so_far.participants if p.id == who)
    assert person.visits[visit] == today
    assert panel.visit.value != visit


def test_what_was_removed_can_be_recorded_again_and_a_double_click_records_once(sit_down, today, log_file):
    desk = sit_down()
    panel = with_visits(desk, today)
    person, before = panel.participant.value, count(log_file)
    visit = VisitRecorded(participant=person, on=today, visit=panel.visit.value)
    site = desk.courses[person].site
    first = desk.record(visit, site)
    assert desk.record(visit, site) == first
    removal = Correction(of=first.sequence, hash=first.hash, participant=person, why="entered by mistake")
    desk.record(removal, site)
    again = desk.record(visit, site)
    assert again.sequence == first.sequence + 2
    assert count(log_file) == before + 3


def test_the_coordinator_takes_every_entry_along_with_its_check(sit_down, trial, today, log_file):
    panel = MeetingPanel(sit_down())
    panel.inspect.click()
    assert "The log is whole." in panel.pack.value
    content = b64decode(panel.pack.value.split("base64,")[1].split('"')[0])
    with ZipFile(BytesIO(content)) as whole:
        assert set(whole.namelist()) == {"log.csv", "log.parquet", "log.jsonl", "report.txt"}
        assert len(whole.read("log.jsonl").splitlines()) == count(log_file) + 1  # the last line is the head


@pytest.mark.parametrize("who", [{}, {"role": "investigator", "PROTOCOL_SITE": "Wuhan Union Hospital"}])
def test_nobody_else_takes_every_entry_along(sit_down, who):
    desk = sit_down(**{"role": "viewer"} | who)
    assert MeetingPanel(desk).inspect.layout.display == "none"
    with pytest.raises(ProtocolError, match="no right to see this"):
        desk.inspection()


def test_a_visit_that_is_not_due_is_not_put_in(sit_down, today):
    desk = sit_down()
    panel = ParticipantPath(desk, today)
    for person in desk.briefing.so_far.participants:
        panel.participant.value = person.id
        statuses = list(panel._to_come(person.id)["status"])
        if panel.visit.value is None and statuses:
            assert statuses[0] in ("missed", "not yet")
            panel.done.record.click()
            assert "Choose a visit." in panel._problems.said(panel.visit)
            assert panel.done.said.value == ""
            return
    raise AssertionError("everybody has a visit to do now")


def test_the_same_click_twice_records_once(sit_down, today, log_file):
    desk = sit_down()
    event = VisitRecorded(on=today, participant=desk.briefing.so_far.participants[-1].id, visit="month_3")
    site = desk.courses[event.participant].site
    first, second = desk.record(event, site), desk.record(event, site)
    assert first == second
    assert count(log_file) == first.sequence


def test_a_decision_is_recorded_and_shows_in_the_history(sit_down, today):
    desk = sit_down()
    panel = DecisionPanel(desk, today)
    panel.chosen.value, panel.why.value = "B1", "Two slow recoveries; a step back until they are understood."
    panel.decide.record.click()
    assert "✓ Recorded" in panel.decide.said.value
    last = desk.briefing.decisions.iloc[-1]
    waits = "nothing recommended (waits for free places: 1, first infusions: 2)"
    assert (last["chosen"], last["recommended"]) == ("B1", waits)
    assert "a step back" in panel.history.value
    assert desk.briefing.open_regimen == "B1"
    assert panel.steps.picture._rows[-1]["kind"] == "otherwise"


@pytest.mark.requirement("R-ESC-08")
def test_a_decision_without_a_reason_is_refused(sit_down, today, log_file):
    panel, before = DecisionPanel(sit_down(), today), count(log_file)
    panel.chosen.value = "B1"
    panel.decide.record.click()
    assert "Write why the committee decided so." in panel.problems.said(panel.why)
    assert panel.decide.said.value == ""
    assert count(log_file) == before


def test_a_decision_says_before_it_is_recorded_that_it_departs_and_errors_stand_at_their_fields(sit_down, today):
    panel = DecisionPanel(sit_down(), today)
    assert panel.departs.value == ""
    panel.chosen.value = "B1"
    assert "The design recommends nothing yet" in panel.departs.value
    panel.decide.record.click()
    said = panel.problems.said
    assert "Write why the committee decided so." in said(panel.why)
    assert said(panel.chosen) == panel.decide.said.value == ""
    panel.why.value, panel.chosen.value = "a try", "E3"
    panel.decide.record.click()
    assert "more than one step above" in said(panel.chosen)
    assert said(panel.why) == panel.decide.said.value == ""
    panel.chosen.value, panel.decided_by.value = "B1", " "
    panel.decide.record.click()
    assert "Write who decided." in said(panel.decided_by)
    assert said(panel.chosen) == panel.decide.said.value == ""
    panel.decided_by.value, panel.on.value = "steering committee", None
    panel.decide.record.click()
    assert "Write the day on which it took place." in said(panel.on)
    assert panel.decide.said.value == ""


def test_the_escalation_page_follows_the_log_by_itself(sit_down, today, trial):
    desk = sit_down()
    page = EscalationPage(trial, today, desk)
    assert "D1 is open." in page.decision.answer.card.value
    assert "Invented" not in "".join(text.value for text in texts_of(page.view))
    page.decision.open.click()
    page.sandbox.notation.value = "A1:NNN"
    desk.record(event({"kind": "decision", "on": today, "chosen": "B1", "why": "a step back", "decided_by": "we",
                       "waits_for": desk.briefing.waits_for}))  # fmt: skip
    assert "B1 is open." in page.decision.answer.card.value
    shown = {row["regimen"]: row["head"] for row in page.decision.answer.picture._rows}
    assert shown["B1"] == "B1 ● open"
    assert page.sandbox.notation.value == "A1:NNN"
    assert "Treat the next cohort of 3 at B1." in page.sandbox.answer.card.value


def texts_of(widget):
    found = [widget] if isinstance(widget, widgets.HTML) else []
    return found + [below for child in getattr(widget, "children", ()) for below in texts_of(child)]


def test_another_regimen_than_the_open_one_needs_a_reason(sit_down, today, log_file):
    desk = sit_down()
    page = EligibilityPage(desk.trial, today, desk)
    record_eligible(page, desk, "W-001", today)
    panel = EnrolmentForm(desk, today, widgets.Text("W-001"))
    panel.regimen.value = "A1"
    panel.enrol.record.click()
    assert "A1 while D1 is open" in panel.enrol.said.value
    assert desk.courses["W-001"].enrolled is None
    assert "W-001" in may_be_enrolled(desk)
    panel.reason.value = "The open dose was not released in time."
    panel.enrol.record.click()
    assert "enrolled at A1" in panel.enrol.said.value
    assert desk.courses["W-001"].regimen == "A1"
    assert "W-001" not in may_be_enrolled(desk)


def record_eligible(page, desk, study_id, today):
    """Record an eligible screening and the consent of a new participant."""
    found = next(e for e in desk.trial.examples.entries if e.kind == "screened" and is_eligible(e))
    facts = found.content["result"]["facts"]
    by = today - date.fromisoformat(found.content["on"])
    dates = {fact.id for fact in desk.trial.eligibility.facts if fact.type == "date"}
    moved = {n: date.fromisoformat(v) + by if n in dates else v for n, v in facts.items()}
    fill(page, moved)
    page.screenings.study_id.value, page.screenings.site.value = study_id, desk.trial.sites[0].name
    page.screenings.recorder.record.click()
    assert "✓ Recorded" in page.screenings.recorder.said.value, page.screenings.recorder.said.value
    panel = ParticipantPath(desk, today)
    panel.participant.value, panel.kind.value = study_id, "consented"
    panel.happened.record.click()
    assert "✓ Recorded" in panel.happened.said.value, panel.happened.said.value


def is_eligible(entry):
    return entry.content["overall"] == "eligible so far"


def fill(page, facts):
    page.person.fill(facts, "form")


def test_a_screening_is_recorded_whole_and_can_be_answered_again(sit_down, today):
    desk = sit_down()
    page = EligibilityPage(desk.trial, today, desk)
    record_eligible(page, desk, "W-002", today)
    kept = desk.courses["W-002"].screenings[-1].content
    record = desk.trial.eligibility
    dates = {fact.id for fact in record.facts if fact.type == "date"}
    facts = {n: date.fromisoformat(v) if n in dates else v for n, v in kept["result"]["facts"].items()}
    again = record.screen(facts, kept["phase"])
    assert {v.id: v.status for v in again.verdicts} == kept["result"]["verdicts"]
    assert kept["overall"] == again.overall == "eligible so far"
    assert {"interpretation_id", "rule_hash", "parameters"} <= set(kept["result"])
    assert "W-002" in page.screenings.known.value
    page.screenings.download.click()
    content = page.screenings.links.value.split("application/json;base64,")[1].split('"')[0]
    filed = json.loads(b64decode(content))
    versions = ("registry_version", "software")
    assert [filed[name] for name in versions] == [kept["result"][name] for name in versions]
    assert filed["registry_version"] == str(desk.trial.identity["record_updated"].value)


def test_a_recorded_screening_fills_the_form_again(sit_down, today):
    desk = sit_down()
    record_eligible(EligibilityPage(desk.trial, today, desk), desk, "W-003", today)
    page = EligibilityPage(desk.trial, today + timedelta(days=3), desk)
    assert page.drafts["form"].value == ""
    page.in_address["participant"].value = "W-003"
    assert "Eligible so far" in page.person.answer.value
    assert page.person.as_of.value == today
    assert page.screenings.study_id.value == "W-003"
    assert page.screenings.site.value == desk.trial.sites[0].name
    assert "Screening of" in page.person.who.value
    assert "other thresholds" not in page.person.who.value
    page.in_address["participant"].value = "NOBODY-1"
    assert "NOBODY-1" in page.screenings.not_found.value
    assert "Eligible so far" in page.person.answer.value


def test_a_screening_answered_with_other_thresholds_says_so_when_it_is_reopened(sit_down, today):
    desk = sit_down()
    record_eligible(EligibilityPage(desk.trial, today, desk), desk, "W-004", today)
    page = EligibilityPage(desk.trial, today, desk)
    page.parameters["ecog_max"].value = 0
    page.screenings.reopened.value = "W-004"
    assert "other thresholds or readings than those chosen now" in page.person.who.value


def test_what_is_saved_is_no_draft_any_more(sit_down, today):
    desk = sit_down()
    page = EligibilityPage(desk.trial, today, desk)
    page.person.form.fields["ecog"].value = "1"
    page.screenings.study_id.value = "W-005"
    assert page.drafts["form"].value != ""
    page.screenings.recorder.record.click()
    assert "✓ Recorded" in page.screenings.recorder.said.value
    assert page.drafts["form"].value == ""


def test_a_saved_screening_a_reopened_one_and_an_emptied_form_are_no_draft_until_a_fact_changes(sit_down, today):
    desk = sit_down()
    page = EligibilityPage(desk.trial, today, desk)
    form, draft = page.person.form, page.drafts["form"]
    record_eligible(page, desk, "W-006", today)
    assert draft.value == ""
    form._receive(None, {"clear": True}, [])
    assert draft.value == ""
    page.screenings.reopened.value = "W-006"
    assert (draft.value, page.screenings.study_id.value) == ("", "W-006")
    form.fields["lvef_pct"].value = "61.5"
    assert "61.5" in draft.value
    form._receive(None, {"clear": True}, [])
    assert draft.value == ""
    form.fields["ecog"].value = "1"
    assert draft.value != ""


def test_a_saved_screening_leads_to_the_next_step_of_its_participant(sit_down, today, monkeypatch):
    monkeypatch.setenv("PROTOCOL_UPLOAD_PATHS", "no")
    desk = sit_down()
    page = EligibilityPage(desk.trial, today, desk)
    for name, ecog, said in (("W-007", "1", "Next step of W-007: Consent"), ("W-008", "4", "The path of W-008")):
        page.person.form.fields["ecog"].value, page.screenings.study_id.value = ecog, name
        page.screenings.recorder.record.click()
        result = page.screenings.recorder.said.value
        assert f'href="04-followup.ipynb?tab=participant&amp;participant={name}">{said}</a>' in result


def test_a_participant_who_consented_before_a_screening_is_no_unknown_id(sit_down, today):
    desk = sit_down()
    own = desk.trial.sites[1].name
    desk.record(event({"kind": "consented", "on": today, "participant": "W-009"}), own)
    page = EligibilityPage(desk.trial, today, desk)
    page.in_address["participant"].value = "W-009"
    assert "W-009 has no screening in the log yet." in page.screenings.not_found.value
    assert (page.screenings.study_id.value, page.screenings.site.value) == ("W-009", own)
    assert page.drafts["form"].value == "", "what the page puts in is no draft"


def test_the_facts_of_one_participant_are_never_put_under_the_id_of_another(sit_down, today):
    desk = sit_down()
    record_eligible(EligibilityPage(desk.trial, today, desk), desk, "W-010", today)
    desk.record(event({"kind": "consented", "on": today, "participant": "W-011"}), desk.trial.sites[0].name)
    page = EligibilityPage(desk.trial, today, desk)
    page.screenings.reopened.value = "W-010"
    assert "Eligible so far" in page.person.answer.value
    page.screenings.reopened.value = "W-011"
    assert (page.screenings.study_id.value, "Eligible so far" in page.person.answer.value) == ("W-011", False)
    page.person.form.fields["ecog"].value = "1"  # typed and not saved
    page.screenings.reopened.value = ""
    desk.record(event({"kind": "consented", "on": today, "participant": "W-012"}), desk.trial.sites[0].name)
    page.screenings.reopened.value = "W-012"
    assert "a form that is not saved" in page.screenings.not_found.value
    assert (page.screenings.study_id.value, page.person.form.fields["ecog"].value) == ("W-011", "1")
    page.cohort.chosen.value = page.cohort.cohort.participants[0]
    assert page.screenings.study_id.value == "", "the facts are of a participant of the cohort"


def test_a_site_reopens_its_own_screenings_only_and_a_viewer_none(sit_down, today):
    own = sit_down().trial.sites[0].name
    names = {"PROTOCOL_SITE": own}
    site = sit_down("investigator", **names)
    page = EligibilityPage(site.trial, today, site)
    assert page.screenings.reopened.options
    assert {site.courses[name.partition(",")[0]].site for name in page.screenings.reopened.options} == {own}
    viewer = sit_down("viewer")
    page = EligibilityPage(viewer.trial, today, viewer)
    assert page.screenings.reopened.options == ()
    assert page.screenings.recorder is None


def test_a_correction_replaces_the_day_and_keeps_the_old_entry(sit_down, today, log_file):
    desk = sit_down()
    panel = ParticipantPath(desk, today)
    person = desk.briefing.so_far.participants[-1]
    panel.participant.value = person.id
    entry = next(e for e in desk.entries_of(person.id) if e.kind == "visit")
    visit, day = entry.content["visit"], date.fromisoformat(entry.content["on"])
    panel.wrong.value = entry.sequence
    assert panel.right.value == day
    panel.right.value, panel.why.value = day + timedelta(days=1), "The ward book says the day after."
    before = count(log_file)
    panel.correct.record.click()
    assert "✓ Recorded" in panel.correct.said.value
    corrected = next(p for p in desk.briefing.so_far.participants if p.id == person.id)
    assert (person.visits[visit], corrected.visits[visit]) == (day, day + timedelta(days=1))
    assert count(log_file) == before + 1
    old = next(e for e in desk._log.entries() if e.sequence == entry.sequence)
    assert old.content["on"] == day.isoformat()


# --- What is refused ---


def test_a_viewer_has_no_way_to_write(sit_down, log_file, today):
    desk = sit_down("viewer")
    assert type(desk._log) is LogReader
    assert not hasattr(desk._log, "append")
    with desk._log._store.reading() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM entries")
    with pytest.raises(ProtocolError, match="no right"):
        desk.record(VisitRecorded(on=today, participant="INV-001", visit="month_3"), "Wuhan Union Hospital")


@pytest.mark.requirement("R-ACC-03")
def test_a_viewer_meets_no_form_and_no_participant(sit_down, today, trial):
    desk = sit_down("viewer")
    assert desk.courses == {}
    assert desk.briefing.so_far is None
    panel = ParticipantPath(desk, today)
    assert "viewer records nothing" in panel.view.children[-1].value
    page = FollowupPage(trial, today, desk)
    page.tabs.value = "planning"
    assert page.board is None
    for said in (page._board_box.children[0].value, page.work._hidden.value, panel.view.children[1].value):
        assert "Your role shows figures and hides the participants." in said
    assert "INV-" not in page.work.counts.value + page.work.by_site.value
    assert page.work._participants.layout.display == "none"


@pytest.mark.requirement("R-ACC-02")
def test_an_investigator_sees_and_records_the_own_site_only(sit_down, today, trial):
    own, other = trial.sites[0].name, trial.sites[1].name
    desk = sit_down("investigator", PROTOCOL_SITE=own)
    assert {course.site for course in desk.courses.values()} == {own}
    assert {person.site for person in desk.briefing.so_far.participants} == {own}
    everybody = sit_down("coordinator").courses
    stranger = next(name for name, course in everybody.items() if course.site == other and course.enrolled)
    assert desk.entries_of(stranger) == ()
    with pytest.raises(ProtocolError, match="no right"):
        desk.record(VisitRecorded(on=today, participant=stranger, visit="month_3"), other)
    with pytest.raises(ProtocolError, match="no right") as refused:
        desk.record(VisitRecorded(on=today, participant=stranger, visit="month_3"), own)
    assert other not in str(refused.value)
    assert "Decisions are recorded by the coordinator" in str(DecisionPanel(desk, today).form.children)


def test_nothing_is_recorded_in_the_example_and_it_is_said_how_to_start(trial, today):
    desk = open_desk(trial, {"PROTOCOL_ROLE": "coordinator", "PROTOCOL_ACTOR": "coordinator-1"}, lambda: today)
    assert desk.invented
    with pytest.raises(ProtocolError, match="protocol-workbook log start"):
        desk.record(VisitRecorded(on=today, participant="INV-001", visit="month_3"), "Wuhan Union Hospital")
    said = DecisionPanel(desk, today).form.children[-1].value
    assert "open a log of your own" in said
    assert "python" not in said


def test_a_log_that_cannot_be_opened_is_said_and_the_example_never_takes_its_place(monkeypatch, tmp_path):
    monkeypatch.setenv("PROTOCOL_LOG", str(tmp_path / "absent.sqlite"))
    with pytest.raises(ProtocolError, match=r"absent\.sqlite"):
        open_page("overview", FOLDER)
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    page = open_page("overview", FOLDER)
    shown = page.children[1].value
    assert 'role="alert"' in shown
    assert "absent.sqlite" in shown
    assert "Invented" not in shown


@pytest.mark.parametrize("text", ["ask Zhang Wei", "call 13800138000"])
def test_a_reason_that_looks_like_a_person_is_refused(sit_down, today, log_file, text):
    panel, before = DecisionPanel(sit_down(), today), count(log_file)
    panel.chosen.value, panel.why.value = "B1", text
    panel.decide.record.click()
    assert 'role="alert"' in panel.problems.said(panel.why)
    assert panel.decide.said.value == ""
    assert count(log_file) == before


# --- Two people at once ---


def two_at_one_visit(sit_down, today):
    """Two people look at the same participant; the other records first."""
    mine, theirs = sit_down(), sit_down("coordinator", PROTOCOL_ACTOR="coordinator-2")
    panel, other = with_visits(mine, today), ParticipantPath(theirs, today)
    other.participant.value, other.kind.value = panel.participant.value, "note"
    other.words.value = "Came a day late because of heavy rain."
    other.happened.record.click()
    assert "✓ Recorded" in other.happened.said.value
    return panel


def test_the_second_is_shown_the_first_and_may_record_all_the_same(sit_down, today, log_file):
    panel = two_at_one_visit(sit_down, today)
    before = count(log_file)
    panel.done.record.click()
    assert "heavy rain" in panel.done.said.value
    assert "coordinator-2" in panel.done.said.value
    assert count(log_file) == before
    assert panel.done.question.layout.display is None
    panel.done.anyway.click()
    assert "✓ Recorded" in panel.done.said.value
    assert count(log_file) == before + 1
    assert panel.done.question.layout.display == "none"


def test_the_second_may_let_it_be(sit_down, today, log_file):
    panel = two_at_one_visit(sit_down, today)
    before = count(log_file)
    panel.done.record.click()
    panel.done.discard.click()
    assert "Nothing was recorded" in panel.done.said.value
    assert count(log_file) == before
    assert not panel.done.record.disabled


def test_a_clock_that_is_behind_is_asked_about_with_a_reason(sit_down, today, log_file):
    desk = sit_down()
    panel, before = with_visits(desk, today), count(log_file)
    last = datetime.fromisoformat(desk._log.entries()[-1].time)
    desk._log._clock = lambda: last - timedelta(minutes=5)
    panel.done.record.click()
    assert "before the last entry" in panel.done.said.value
    assert panel.done.reason.layout.display is None
    panel.done.anyway.click()  # without a reason it is asked again
    assert count(log_file) == before
    panel.done.reason.value = "the clock of this machine is set back"
    panel.done.anyway.click()
    assert "✓ Recorded" in panel.done.said.value
    assert count(log_file) == before + 1
    assert desk._log.entries()[-1].reason == "the clock of this machine is set back"


def test_the_head_of_the_minutes_is_compared_with_the_log(sit_down, today, log_file):
    desk = sit_down("viewer")
    panel, last = MeetingPanel(desk), desk._log.entries()[-1]
    for words, said in {
        f"{last.sequence}:{last.hash}": "The log is whole and has the",
        f"Trial log up to entry {last.sequence}, whose hash is {last.hash[:20]}": "The log is whole",
        f"{last.sequence}:{'0' * 64}": "not the log that was exported",
        f"{last.sequence + 7}:{last.hash}": "not the log that was exported",
        "entry twelve": "no number with a hash",
    }.items():
        panel.minutes.value = words
        panel.check.click()
        assert said in panel.checked.value


@pytest.mark.parametrize(
    ("role", "shared", "warns"), [("coordinator", "1", True), ("coordinator", "", False), ("viewer", "1", False)]
)
def test_a_page_that_several_persons_use_under_one_account_says_so(log_file, monkeypatch, role, shared, warns):
    names = {
        "PROTOCOL_LOG": str(log_file),
        "PROTOCOL_ROLE": role,
        "PROTOCOL_ACTOR": f"{role}-1",
        "PROTOCOL_SHARED": shared,
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    banner = open_page("sites", FOLDER).view.children[1].children[0].value
    assert ("Everybody who has the address of this dashboard records as coordinator-1" in banner) == warns


@pytest.mark.parametrize(
    ("name", "saying", "other"), [("overview", "status", "protocol"), ("escalation", "decision", "lab")]
)
def test_what_the_trial_does_next_stands_once_on_the_screen(log_file, monkeypatch, name, saying, other):
    monkeypatch.setenv("PROTOCOL_LOG", str(log_file))
    page = open_page(name, FOLDER)
    banner, tabs = page.view.children[1].children[0], page._page.view
    for tab, is_above in [(saying, False), (other, True)]:
        tabs.value = tab
        assert ("pw-next" in banner.value) == is_above, tab
        assert "Trial log trial.sqlite" in banner.value


# --- Every page follows the log ---


def test_what_another_person_recorded_reaches_the_open_pages(sit_down, today, trial):
    mine, theirs = sit_down("viewer"), sit_down()
    page = OverviewPage(trial, today, mine)
    before = page.meeting.changed.value
    panel = DecisionPanel(theirs, today)
    panel.chosen.value, panel.why.value = "", "A pause until the batch is tested again."
    panel.decide.record.click()
    assert page.meeting.changed.value == before
    assert mine.refresh()
    assert not mine.refresh()
    assert "Enrolment is stopped" in page.status.answer.value


def test_the_sandbox_takes_its_outcomes_from_the_log(sit_down, today):
    desk = sit_down("viewer")
    page = EscalationPage(desk.trial, today, desk)
    page.decision.open.click()
    assert page.sandbox.notation.value == desk.briefing.notation
    assert page.sandbox.current.value == desk.trial.escalation.grid.index(desk.briefing.open_regimen)


def test_the_pages_of_the_log_follow_it(sit_down, today, trial):
    desk = sit_down()
    page = FollowupPage(trial, today, desk)
    page.tabs.value = "planning"
    before = page.board._ledger["done"].notna().sum(), len(page.work._tasks), page.work.counts.value
    panel = with_visits(desk, today)
    panel.done.record.click()
    after = page.board._ledger["done"].notna().sum(), len(page.work._tasks), page.work.counts.value
    assert (after[0], after[1]) == (before[0] + 1, before[1] - 1)
    assert after[2] != before[2]


def test_an_empty_log_is_a_beginning(trial, tmp_path, today, monkeypatch):
    path = tmp_path / "new.sqlite"
    open_log(path).close()
    monkeypatch.setenv("PROTOCOL_LOG", str(path))
    for role in ("viewer", "coordinator"):
        monkeypatch.setenv("PROTOCOL_ROLE", role)
        monkeypatch.setenv("PROTOCOL_ACTOR", "coordinator-1")
        for name in ("overview", "eligibility", "escalation", "followup", "sites"):
            view = open_page(name, FOLDER).view
            assert len(view.children[1].children) == 4, name  # banner, message of the address, page, its state


def test_the_state_of_the_desk_is_the_fold_of_its_entries(sit_down):
    desk = sit_down()
    assert desk._state() == fold(desk._log.entries())
    assert isinstance(desk, Desk)


def test_a_log_opened_for_the_pages_refuses_visits_and_regimens_that_the_trial_does_not_have(sit_down, today):
    desk = sit_down()
    person = desk.briefing.so_far.participants[-1]
    with pytest.raises(ProtocolError, match=r"infusion_day_1, .*month_24"):
        desk.record(VisitRecorded(on=today, participant=person.id, visit="month_25"), person.site)
    ready = next(name for name, course in desk.courses.items() if course.consented and not course.withdrawn)
    odd = event({"kind": "enrolled", "on": today, "participant": ready, "regimen": "F1"})
    with pytest.raises(ProtocolError, match="A1, A2"):
        desk.record(odd, desk.courses[ready].site, "no other was left")
