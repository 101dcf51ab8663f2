"""The overview page without a browser."""

import base64
import json
import re
from datetime import UTC, date, datetime
from html import unescape

import pytest
from ipywidgets import HTML, Box
from markupsafe import Markup
from support.log_events import beginning
from support.trial import TRIAL

from protocol.briefing import COUNTS
from protocol.conduct import open_log
from protocol.exchange.registry import ctgov
from protocol.pages.kit import PageState
from protocol.pages.overview import OverviewPage
from protocol.pages.overview.status import StatusPanel
from protocol.pages.overview.tables import PROGRESS, sheets
from protocol.pages.trial_log.desk import open_desk

pytestmark = pytest.mark.slow  # every test builds a page

TODAY = date(2026, 11, 20)
DESK = open_desk(TRIAL, {}, lambda: TODAY)


def text(widget: object) -> str:
    """All HTML below a widget."""
    if isinstance(widget, HTML):
        return str(widget.value)
    return "\n".join(text(child) for child in widget.children) if isinstance(widget, Box) else ""


def plain(value: str) -> str:
    """HTML text as it is read."""
    return unescape(Markup(value).striptags())


def shown(page: OverviewPage) -> StatusPanel:
    assert page.status
    return page.status


def test_the_protocol_is_there_at_a_glance() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    for words in ("8 + 26", "5 × 3", "2 weeks", "Wuhan Union Hospital, China", "Not yet recruiting", "52"):
        assert words in page


def test_what_is_invented_says_so_before_the_first_figure() -> None:
    page = text(OverviewPage(TRIAL, TODAY, DESK).view)
    assert page.index("Invented example.") < page.index("with a DLT")


def test_every_fact_shows_its_source() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    assert page.count('class="pw-tag"><span lang="en">registry: ') >= 15
    assert page.count('class="pw-tag"><span lang="en">page: ') >= 4


def test_open_questions_follow_the_chosen_severity() -> None:
    page = OverviewPage(TRIAL, TODAY).protocol
    assert "19 questions" in page.questions.value
    page.severity.value = "any"
    assert "60 questions" in page.questions.value
    page.severity.value = "low"
    assert "12 questions" in page.questions.value


def test_the_questions_can_be_printed_as_one_page_that_needs_nothing_else() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    assert re.search(r'download="questions-2026-11-20\.html" href="data:text/html;base64,', page)


def test_the_first_screen_holds_the_answer_the_grid_the_counts_and_links_to_the_work() -> None:
    page = OverviewPage(TRIAL, TODAY, DESK)
    status = shown(page)
    assert page.view.value == "status"
    answer = plain(status.answer.value)
    assert DESK.briefing.action.sentence in answer
    assert DESK.briefing.action.foreseen in answer
    assert DESK.briefing.action.withheld in answer
    open_now = next(row for row in status.grid._rows if row["regimen"] == DESK.briefing.open_regimen)
    assert (open_now["count"], open_now["seen"], open_now["waits"]) == ("1/9", "est. 0.12", "3 pending")
    assert [row["participants"] for row in status.progress._rows] == [130, 57, 57, 56, 54]
    assert "visits overdue" in plain(status.alarms.value)
    assert "target DLT rate 0.30" in plain(status.assumed.value)
    assert "assumption" in plain(status.assumed.value)


def test_the_words_of_the_counts_are_those_of_the_briefing_everywhere() -> None:
    status = shown(OverviewPage(TRIAL, TODAY, DESK))
    assert [row["step"] for row in status.progress._rows] == [COUNTS[name] for name in PROGRESS]
    assert {row["count"] for chart in status.sites.values() for row in chart._rows} == {
        COUNTS[name] for name in ("screened", "enrolled", "treated", "dlts")
    }
    assert set(sheets(DESK)[0].shown.columns[1:]) < set(COUNTS.values())


def test_the_second_screen_tells_what_is_new_the_path_and_the_recruitment() -> None:
    page = OverviewPage(TRIAL, TODAY, DESK)
    status = shown(page)
    assert page.meeting
    since = page.meeting.since
    assert since.value == date.fromisoformat(DESK.briefing.decisions["day"].iloc[-1])
    assert "+7" in status.changed.value
    nothing = "No DLT, withdrawal, correction, decision or declaration was recorded in these days."
    assert nothing in status.changed.value
    assert "DLTs, withdrawals, corrections and decisions after 2026-10-27 as a table" in status.tables[1].value
    assert nothing in status.tables[1].value
    assert nothing in page.meeting.changed.value
    since.value = date(2026, 6, 1)
    assert "allergic reaction" in text(page.view)
    assert "Since 2026-06-01" in status.changed.value
    since.value = None
    assert "Choose the day of the last meeting" in text(page.view)
    assert len(status.steps.picture._rows) == len(DESK.briefing.decisions)
    assert status.recruitment._rows[-1]["enrolled"] == DESK.briefing.counts["enrolled"]
    assert "57 of 181 planned participants are enrolled." in plain(status.planned.value)
    assert "a question to the sponsor" in status.planned.value


def test_no_plan_of_recruitment_is_invented() -> None:
    facts = tuple(fact for fact in TRIAL.identity.facts if fact.id != "enrolment")
    trial = TRIAL.model_copy(update={"identity": TRIAL.identity.model_copy(update={"facts": facts})})
    status = shown(OverviewPage(trial, TODAY, open_desk(trial, {}, lambda: TODAY)))
    assert "The record states no planned number" in status.planned.value
    assert "planned" not in str(status.recruitment._drawing["layer"])


def test_the_third_screen_has_a_picture_for_each_site_and_the_most_frequent_reasons() -> None:
    status = shown(OverviewPage(TRIAL, TODAY, DESK))
    assert list(status.sites) == [site.name for site in TRIAL.sites]
    rows = {row["count"]: row for row in status.sites["Wuhan Union Hospital"]._rows}
    assert (rows["screened"]["low"], rows["screened"]["words"]) == (68, "68")
    counts = [row["high"] for row in status.reasons._rows]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == 8
    assert status.hidden.value == ""


def test_every_picture_has_its_data_as_a_table() -> None:
    page = text(shown(OverviewPage(TRIAL, TODAY, DESK)).view)
    for words in (
        "Participants by regimen",
        "From screening to outcome",
        "Participants by site",
        "Criteria not passed",
    ):
        assert f"<summary>{words} as a table</summary>" in page
    assert "<summary>Counts of participants on 2026-10-27 and now as a table</summary>" in page


def test_small_counts_are_drawn_as_a_range_for_those_who_see_figures_only(log_file) -> None:
    desk = open_desk(TRIAL, {"PROTOCOL_LOG": str(log_file)}, lambda: TODAY)
    status = shown(OverviewPage(TRIAL, TODAY, desk))
    found = {(row["low"], row["high"], row["words"]) for chart in status.sites.values() for row in chart._rows}
    assert (0, 0, "not shown") in found
    assert (0, 4, "1–4") in {(row["low"], row["high"], row["words"]) for row in status.reasons._rows}
    assert "One to four are not told apart" in status.hidden.value
    assert "INV-" not in text(status.view)


@pytest.mark.parametrize(("role", "invites"), [("coordinator", True), ("viewer", False)])
def test_a_log_that_was_just_started_says_what_comes_first(tmp_path, role, invites) -> None:
    open_log(tmp_path / "trial.sqlite").close()
    names = {"PROTOCOL_LOG": str(tmp_path / "trial.sqlite"), "PROTOCOL_ROLE": role, "PROTOCOL_ACTOR": "c-1"}
    page = OverviewPage(TRIAL, TODAY, open_desk(TRIAL, names, lambda: TODAY))
    status = shown(page)
    assert "Treat the first cohort at A1" in plain(status.answer.value)
    assert "No participant is screened yet." in status.empty.value
    assert ("Screen the first participant" in status.empty.value) == invites
    for part in (status.progress_part, status.path_part, status.recruitment_part, status.sites_part):
        assert part.layout.display == "none"
    assert "Nothing is recorded in the log yet." in status.changed.value
    assert "<table" not in text(status.view)
    assert page.meeting
    assert page.meeting.since.value < TODAY


def test_before_the_first_meeting_everything_since_the_log_began_is_new(tmp_path) -> None:
    file = tmp_path / "trial.sqlite"
    log = open_log(file, clock=lambda: datetime(2026, 11, 19, 4, tzinfo=UTC))
    for event in beginning():
        log.append(event, actor="c-1", site="Wuhan Union Hospital")
    log.close()
    page = OverviewPage(TRIAL, TODAY, open_desk(TRIAL, {"PROTOCOL_LOG": str(file)}, lambda: TODAY))
    assert page.meeting
    assert page.meeting.since.value == date(2026, 11, 18)
    assert "since the log began" in shown(page).changed.value
    assert shown(page).changed.value.count("+1") == 5  # screened to treated, and over without an assessment


def test_the_meeting_pack_is_made_from_the_first_screen_and_opens_its_tab() -> None:
    page = OverviewPage(TRIAL, TODAY, DESK)
    shown(page).pack.click()
    assert page.view.value == "meeting"
    assert page.meeting
    assert "meeting-2026-11-20-invented-example.zip" in page.meeting.pack.value


def test_the_address_holds_tab_screen_and_meeting() -> None:
    page = OverviewPage(TRIAL, TODAY, DESK)
    assert list(page.in_address) == ["tab", "screen", "since", "severity"]
    state = PageState(page.in_address, {})
    state.address = {"tab": "meeting", "screen": "3", "since": "2026-06-01"}
    assert state.problem.value == ""
    assert shown(page).screens.stepper.value == 3
    state.address = {"screen": "9"}
    assert shown(page).screens.stepper.value == 3


def test_without_examples_the_page_still_stands() -> None:
    bare = TRIAL.model_copy(update={"examples": None, "so_far": None})
    assert open_desk(bare, {}, lambda: TODAY) is None
    page = text(OverviewPage(bare, TODAY).view)
    assert "Invented" not in page
    assert "52" in page


def test_files_are_built_only_when_asked_for_and_are_whole() -> None:
    page = OverviewPage(TRIAL, TODAY)
    sizes = {}
    for build in page.protocol.files.kind.options.values():
        page.protocol.files.kind.value = build
        assert "download" not in page.protocol.files.link.value
        page.protocol.files.prepare.click()
        found = re.search(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"', page.protocol.files.link.value)
        assert found
        sizes[found[1]] = len(base64.b64decode(found[2]))
    assert list(sizes) == [
        f"NCT05672420-{kind}"
        for kind in ("registry.json", "usdm.json", "synopsis.html", "synopsis.md", "windows.csv")
    ]
    assert all(5_000 < size < 500_000 for size in sizes.values())


def compared(content: bytes) -> str:
    page = OverviewPage(TRIAL, TODAY)
    file = {
        "name": "<b>new</b>.json",
        "content": content,
        "type": "",
        "size": len(content),
        "last_modified": datetime(2026, 11, 20, tzinfo=UTC),
    }
    page.protocol.files.upload.set_trait("value", (file,))
    assert page.protocol.files.task.thread is not None
    page.protocol.files.task.thread.join(30)
    return str(page.protocol.files.compared.value)


def test_a_registry_record_is_compared_with_the_record_in_the_workbook() -> None:
    own = ctgov.export(TRIAL)
    assert "No difference." in compared(json.dumps(own).encode())
    own["protocolSection"]["statusModule"]["overallStatus"] = "<img src=x>"
    page = compared(json.dumps(own).encode())
    assert "1 difference<" in page
    assert "NOT_YET_RECRUITING" in page
    assert "&lt;img src=x&gt;" in page


def test_a_file_that_is_no_registry_record_gets_a_message_with_its_place() -> None:
    for content, words in (
        (b'{"FullStudiesResponse": 1}', "legacy API"),
        (b"{", "not JSON"),
        (b"[" * 10**6, "nesting"),
    ):
        page = compared(content)
        assert 'role="alert"' in page
        assert words in page
        assert "&lt;b&gt;new" in page


def test_a_file_the_trial_has_no_data_for_says_what_is_missing() -> None:
    facts = tuple(fact for fact in TRIAL.identity.facts if fact.id != "study_type")
    trial = TRIAL.model_copy(update={"identity": TRIAL.identity.model_copy(update={"facts": facts})})
    page = OverviewPage(trial, TODAY)
    page.protocol.files.kind.value = list(page.protocol.files.kind.options.values())[1]
    page.protocol.files.prepare.click()
    assert "trial.toml, study_type" in page.protocol.files.link.value
