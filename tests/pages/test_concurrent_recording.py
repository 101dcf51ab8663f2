"""Forms that stay open while something changes: a second click, another person's entry, another day, another site."""

import asyncio
from base64 import b64decode
from contextlib import closing
from datetime import date, timedelta
from io import BytesIO
from zipfile import ZipFile

import ipywidgets as widgets
import pytest
from support.participant_log import OpenedLog

from protocol.conduct import Correction, Decision, Note, VisitRecorded, event
from protocol.exchange.documents import inspection as log_files
from protocol.pages.escalation.decisions import DecisionPanel
from protocol.pages.overview.meeting import MeetingPanel
from protocol.pages.overview.tables import decision_sheet
from protocol.pages.trial_log import desk as watching
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.enrolment import EnrolmentForm
from protocol.pages.trial_log.participant_path import ParticipantPath
from protocol.pages.trial_log.visits import ledger_of, visits_to_come
from protocol.records import ProtocolError

pytestmark = pytest.mark.slow  # every test builds a page

TODAY = date(2026, 6, 1)


class Sites(OpenedLog):
    """A log of two participants of two sites, who were infused, and one who waits for a place at the first."""

    def __init__(self, trial, path):
        super().__init__(trial, path, TODAY)
        self.names = [site.name for site in trial.sites]
        self.start = trial.escalation.design.start.value
        for who, site in (("W-001", 0), ("U-001", 1), ("W-004", 0), ("W-005", 0)):
            self.add("screened", "2026-03-01", who, site, phase="Ib", overall="eligible so far", result={})
            self.add("consented", "2026-03-01", who, site)
        for who, site in (("W-001", 0), ("U-001", 1)):
            self.add("enrolled", "2026-03-01", who, site, regimen=self.start)
            self.add("infused", "2026-03-02", who, site, number=1)

    def add(self, kind, on, who=None, site=0, **more):
        person = {"participant": who} if who else {}
        at = self.names[site] if who else ""
        return self.log.append(event({"kind": kind, "on": on} | person | more), actor="other", site=at)

    def since(self, count):
        return [(e.kind, e.participant) for e in self.log.entries(count)]


@pytest.fixture
def sites(trial, tmp_path):
    with closing(Sites(trial, tmp_path / "trial.sqlite")) as made:
        yield made


def panel_on(desk, who="W-001"):
    panel = ParticipantPath(desk, desk.briefing.as_of)
    panel.participant.value = who
    return panel


def twice(recorder):
    recorder.record.click()
    recorder.record.click()


# --- A double click ---


def test_a_double_click_records_one_infusion_and_a_change_of_the_form_the_next(sites):
    panel, before = panel_on(sites.desk()), sites.log.head().count
    panel.kind.value, panel.on.value = "infused", date(2026, 3, 9)
    twice(panel.happened)
    assert sites.since(before) == [("infused", "W-001")]
    panel.on.value = date(2026, 3, 16)
    panel.happened.record.click()
    assert sites.log.entries()[-1].content["number"] == 3


def test_a_double_click_marks_one_visit(sites):
    sites.day = next(
        day
        for day in (date(2026, 3, 10) + timedelta(days=by) for by in range(300))
        if (
            visits_to_come(ledger_of(sites_desk_on(sites, day), "W-001"))["status"].isin(["overdue", "due", "open"])
        ).sum()
        > 1
    )
    panel, before = panel_on(sites.desk()), sites.log.head().count
    assert panel.visit.value
    twice(panel.done)
    panel.missed.record.click()
    assert sites.since(before) == [("visit", "W-001")]
    assert panel.participant.value == "W-001"
    assert panel.visit.value is None


def sites_desk_on(sites, day):
    sites.day = day
    return sites.desk()


def test_a_double_click_enrols_one_participant(sites):
    desk, chosen = sites.desk(), widgets.Text()
    panel, before = EnrolmentForm(desk, TODAY, chosen), sites.log.head().count
    panel.enrol.record.click()
    assert "Choose a participant." in panel.enrol.said.value
    chosen.value = "W-004"
    twice(panel.enrol)
    assert sites.since(before) == [("enrolled", "W-004")]


def test_a_double_click_removes_one_entry_and_none_that_was_not_chosen(sites):
    sites.add("recovery", "2026-03-20", "W-001", lineage="platelets")
    panel, before = panel_on(sites.desk()), sites.log.head().count
    assert panel.wrong.value is None
    panel.action.value, panel.why.value = "remove", "wrong entry"
    panel.correct.record.click()
    assert sites.since(before) == []
    panel.wrong.value = panel.wrong.options[0][1]
    twice(panel.correct)
    assert sites.since(before) == [("correction", "W-001")]


def test_a_visit_recorded_leaves_what_stands_in_the_other_forms(sites):
    panel = panel_on(sites.desk())
    panel.kind.value, panel.words.value, panel.why.value = "note", "half a remark", "half a reason"
    panel.visit.value = panel.visit.options[0][1]
    panel.done.record.click()
    assert "✓ Recorded" in panel.done.said.value
    assert (panel.words.value, panel.why.value) == ("half a remark", "half a reason")


# --- Somebody else, while the form is open ---


def test_a_refresh_leaves_the_form_and_the_newer_entries_are_asked_about(sites):
    desk = sites.desk()
    panel = DecisionPanel(desk, TODAY)
    panel.chosen.value, panel.why.value = "B1", "As recommended"
    sites.add("dlt_assessed", "2026-03-10", "W-001", dlt=True, code="infection", grade=4)
    before = sites.log.head().count
    assert desk.refresh()
    assert (panel.chosen.value, panel.why.value) == ("B1", "As recommended")
    panel.decide.record.click()
    assert sites.since(before) == []
    assert "W-001" in panel.decide.said.value
    assert "Not recorded yet" in panel.decide.said.value
    panel.decide.discard.click()
    panel.decide.record.click()
    assert sites.since(before) == [("decision", None)]


def test_a_visit_that_another_person_marked_is_not_replaced_by_the_next(sites):
    desk = sites.desk()
    panel = panel_on(desk)
    shown = panel.visit.value = panel.visit.options[0][1]
    sites.add("visit", "2026-06-01", "W-001", visit=shown)
    before = sites.log.head().count
    desk.refresh()
    assert panel.visit.value is None
    panel.done.record.click()
    assert sites.since(before) == []


def test_a_refresh_leaves_the_right_day_of_a_correction(sites):
    desk = sites.desk()
    panel = panel_on(desk)
    panel.wrong.value = panel.wrong.options[0][1]
    panel.right.value = date(2026, 3, 3)
    sites.add("recovery", "2026-03-20", "W-001", lineage="platelets")
    desk.refresh()
    assert panel.right.value == date(2026, 3, 3)
    panel.why.value, before = "the ward book", sites.log.head().count
    panel.correct.record.click()
    assert "platelets" in panel.correct.said.value
    assert sites.since(before) == []


def test_what_this_page_recorded_itself_is_not_asked_about(sites):
    desk = sites.desk()
    EnrolmentForm(desk, TODAY, widgets.Text("W-004")).enrol.record.click()
    panel = DecisionPanel(desk, TODAY)
    panel.chosen.value, panel.why.value = "", "A pause."
    panel.decide.record.click()
    assert "✓ Recorded" in panel.decide.said.value


def test_what_is_recorded_is_said_to_be_even_when_the_page_cannot_show_it(sites):
    desk = sites.desk()
    panel, before = panel_on(desk), sites.log.head().count

    def fail(*_any):
        raise ProtocolError("log", "nothing", "later")

    desk.on_change(fail)
    panel.kind.value, panel.words.value = "note", "a remark"
    panel.happened.record.click()
    assert "✓ Recorded" in panel.happened.said.value
    assert sites.since(before) == [("note", "W-001")]


# --- Another day ---


def test_a_page_left_open_over_midnight_records_the_new_day(sites):
    desk = sites.desk()
    panel, decisions = panel_on(desk), DecisionPanel(desk, TODAY)
    enrolment = EnrolmentForm(desk, TODAY, panel.participant)
    panel.on.value = date(2026, 5, 30)
    sites.day = TODAY + timedelta(days=1)
    assert desk.refresh()
    assert panel.visited_on.value == decisions.on.value == enrolment.on.value == sites.day
    assert panel.on.value == date(2026, 5, 30)


# --- Another site ---


def test_an_investigator_records_nothing_of_another_site(sites):
    desk = sites.desk("investigator", PROTOCOL_SITE=sites.names[0])
    toxic = sites.add("dlt_assessed", "2026-03-12", "U-001", 1, dlt=True, code="infection", grade=4)
    decided = sites.add("decision", "2026-05-10", recommended="A1", chosen="A1", why="go on", decided_by="committee")
    before = sites.log.head().count
    for tried in (
        Correction(of=toxic.sequence, hash=toxic.hash, participant="U-001", why="gone"),
        Correction(of=decided.sequence, hash=decided.hash, why="gone"),
        Note(on=TODAY, participant="U-001", text="my remark"),
        Note(on=TODAY, text="my remark"),
        VisitRecorded(on=TODAY, participant="U-001", visit="month_3"),
    ):
        for site in ("", *sites.names[:2]):
            with pytest.raises(ProtocolError, match="no right") as refused:
                desk.record(tried, site, expected=0)
            assert sites.names[1] not in str(refused.value)
    with pytest.raises(ProtocolError, match="no right"):
        desk.record(VisitRecorded(on=TODAY, participant="W-001", visit="month_3"))
    assert sites.since(before) == []


def test_a_study_id_taken_at_another_site_in_the_meantime_is_refused_without_showing_it(sites, monkeypatch):
    desk = sites.desk("investigator", PROTOCOL_SITE=sites.names[0])
    panel = panel_on(desk, "X-009")
    panel.kind.value = "consented"
    checked, ask = [], Desk._may_record

    def raced(self, *about):
        may = ask(self, *about)
        if not checked:
            checked.append(sites.add("consented", "2026-05-01", "X-009", 1))
        return may

    monkeypatch.setattr(Desk, "_may_record", raced)
    panel.happened.record.click()
    assert "no right" in panel.happened.said.value
    assert sites.names[1] not in panel.happened.said.value


# --- What a decision may be ---


@pytest.mark.parametrize(
    ("chosen", "said"),
    [("E3", "more than one step above"), ("B2", "more than one step above"), ("A1", "nothing is recommended")],
)
def test_a_decision_is_held_to_the_grid_and_to_what_was_recommended(sites, chosen, said):
    sites.add("decision", "2026-03-01", recommended="A1", chosen="A1", why="the start", decided_by="committee")
    panel = DecisionPanel(sites.desk(), TODAY)
    assert panel.waits
    panel.chosen.value, panel.why.value = chosen, "we think so"
    before = sites.log.head().count
    panel.decide.record.click()
    assert said in panel.problems.said(panel.chosen)
    assert sites.since(before) == []


def test_a_decision_while_the_design_waits_records_that_nothing_was_recommended_and_what_that_waited_for(sites):
    panel = DecisionPanel(sites.desk(), TODAY)
    assert panel.chosen.value is None  # nothing is put in when nothing is recommended
    panel.chosen.value, panel.why.value = "", "A pause."
    panel.decide.record.click()
    entry = sites.log.entries()[-1]
    assert "recommended" not in entry.content
    assert entry.content["waits_for"] == {"places": 1, "assessment missing": 2}
    assert entry.content["why"] == "A pause."
    assert Decision.model_validate(dict(entry.content)) == entry.event


def test_what_nothing_was_recommended_for_stands_in_the_history_the_pack_and_the_export(sites):
    desk = sites.desk()
    panel, meeting = DecisionPanel(desk, TODAY), MeetingPanel(desk)
    panel.chosen.value, panel.why.value = "A1", "Where the protocol starts."
    panel.decide.record.click()
    words = "nothing recommended (waits for free places: 1, missing DLT assessments: 2)"
    assert words in panel.history.value
    assert (panel.steps.picture._rows[-1]["recommended"], panel.steps.picture._rows[-1]["kind"]) == (
        words,
        "otherwise",
    )
    meeting.prepare.click()
    with ZipFile(BytesIO(b64decode(meeting.pack.value.split("base64,")[1].split('"')[0]))) as pack:
        assert words in pack.read("decisions.csv").decode("utf-8-sig")
        assert words in pack.read("meeting.html").decode()
    exported = log_files.csv(sites.log.entries()).decode("utf-8-sig")
    assert '""waits_for"":{""assessment missing"":2,""places"":1}' in exported


def test_after_a_stop_nothing_is_recommended_and_an_older_entry_reads_as_it_was_written(sites):
    why = "Nothing was recommended yet. A pause."  # as it was written before an entry could say so itself
    sites.add("decision", "2026-03-01", recommended="A1", chosen=None, why=why, decided_by="committee")
    desk = sites.desk()
    panel = DecisionPanel(desk, TODAY)
    panel.chosen.value, panel.why.value = "A1", "The pause is over."
    panel.decide.record.click()
    assert list(desk.briefing.decisions["recommended"]) == ["A1", "nothing recommended"]
    assert list(desk.briefing.decisions["why"]) == [why, "The pause is over."]
    assert decision_sheet(desk.briefing).shown["Chosen"].tolist() == ["stop", "A1"]


def test_a_decision_while_the_design_waits_needs_a_reason(sites):
    panel, before = DecisionPanel(sites.desk(), TODAY), sites.log.head().count
    panel.chosen.value = ""
    panel.decide.record.click()
    assert "Write why" in panel.problems.said(panel.why)
    assert sites.since(before) == []


@pytest.mark.parametrize("words", ["the DLT of W-001", "seen in w-001's chart", "W001 came late", "see W‑001"])
@pytest.mark.parametrize("control", ["why", "decided_by"])
def test_a_participant_in_the_words_of_a_decision_is_refused(sites, control, words):
    panel, before = DecisionPanel(sites.desk(), TODAY), sites.log.head().count
    panel.chosen.value, panel.why.value = "", "A pause."
    getattr(panel, control).value = words
    panel.decide.record.click()
    assert "a study id" in panel.decide.said.value
    assert sites.since(before) == []


# --- What is read again ---


def test_only_new_entries_are_read_and_the_comparison_stays_right(sites, monkeypatch):
    desk, asked = sites.desk(), []
    long_ago, later = date(2026, 3, 1), date(2100, 1, 1)
    desk.changes(long_ago)
    real = desk._log.entries
    monkeypatch.setattr(desk._log, "entries", lambda since=0: asked.append(since) or real(since))
    before = sites.log.head().count
    sites.add("dlt_assessed", "2026-03-10", "W-001", dlt=True, code="infection", grade=4)
    desk.refresh()
    for since in (long_ago, later, later):
        fresh = sites.desk()
        assert desk.changes(since).equals(fresh.changes(since))
        assert desk.news(since).equals(fresh.news(since))
    assert asked == [before]
    sites.add("withdrawn", "2026-05-10", "U-001", 1, cause="progression")  # recorded within `later`
    desk.refresh()
    assert desk.changes(later).equals(sites.desk().changes(later))


def test_a_note_moves_the_page_on_without_looking_at_the_figures_again(sites, monkeypatch):
    desk, heard = sites.desk(), []
    desk.on_change(lambda: heard.append("figures"))
    desk.on_change(lambda: heard.append("entry"), every_entry=True)
    seen = desk.briefing
    with monkeypatch.context() as without:
        without.setattr("protocol.briefing.brief", None)
        sites.add("note", "2026-05-10", "W-001", text="thawed late")
        assert desk.refresh()
    assert heard == ["entry"]
    assert desk.briefing.head == sites.log.head()
    assert desk.briefing.counts is seen.counts
    sites.add("visit", "2026-05-10", "W-001", visit="month_3")
    assert desk.refresh()
    assert heard == ["entry", "figures", "entry"]


def test_a_note_at_midnight_does_not_keep_the_page_on_the_old_day(sites):
    desk = sites.desk()
    sites.add("note", "2026-05-10", text="late")
    sites.day += timedelta(days=1)
    assert desk.refresh()
    assert desk.briefing.as_of == sites.day


def test_a_look_that_failed_is_made_again(sites, monkeypatch):
    desk = sites.desk()
    sites.add("withdrawn", "2026-05-10", "U-001", 1, cause="progression")
    with monkeypatch.context() as broken:
        broken.setattr("protocol.briefing.brief", None)
        with pytest.raises(TypeError):
            desk.refresh()
    assert desk.refresh()
    assert desk.briefing.counts["withdrawn"] == 1


def test_a_page_that_is_open_follows_what_others_record(sites, monkeypatch):
    monkeypatch.setattr(watching, "EVERY_SECONDS", 0.01)
    desk = sites.desk()

    async def while_open():
        watching.keep_watching(desk)
        sites.add("withdrawn", "2026-05-10", "U-001", 1, cause="progression")
        for _ in range(500):
            await asyncio.sleep(0.01)
            if desk.briefing.counts["withdrawn"]:
                return

    asyncio.run(while_open())
    assert desk.briefing.counts["withdrawn"] == 1
