"""The overview page without a browser."""

import base64
import json
import re
from datetime import UTC, date, datetime

import pytest
from ipywidgets import HTML, Box
from support.trial import TRIAL

from protocol.exchange.registry import ctgov
from protocol.pages.overview import OverviewPage
from protocol.pages.trial_log.desk import open_desk

pytestmark = pytest.mark.slow  # every test builds a page

TODAY = date(2026, 11, 20)
DESK = open_desk(TRIAL, {}, lambda: TODAY)


def text(widget: object) -> str:
    """All HTML below a widget."""
    if isinstance(widget, HTML):
        return str(widget.value)
    return "\n".join(text(child) for child in widget.children) if isinstance(widget, Box) else ""


def test_the_protocol_is_there_at_a_glance() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    for words in ("8 + 26", "5 × 3", "2 weeks", "Wuhan Union Hospital, China", "Not yet recruiting", "52"):
        assert words in page


def test_what_is_invented_says_so_before_the_first_figure() -> None:
    page = text(OverviewPage(TRIAL, TODAY, DESK).view)
    assert page.index("Invented example.") < page.index("with a DLT")


def test_every_fact_shows_its_source() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    assert page.count('class="pw-tag pw-registry"') >= 15
    assert page.count('class="pw-tag pw-page"') >= 4


def test_open_questions_follow_the_chosen_severity() -> None:
    page = OverviewPage(TRIAL, TODAY)
    assert "15 questions" in page.questions.value
    page.severity.value = "any"
    assert "52 questions" in page.questions.value
    page.severity.value = "low"
    assert "12 questions" in page.questions.value


def test_the_questions_can_be_printed_as_one_page_that_needs_nothing_else() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    assert re.search(r'download="questions-2026-11-20\.html" href="data:text/html;base64,', page)


def test_the_next_decision_names_who_is_waited_for() -> None:
    page = text(OverviewPage(TRIAL, TODAY, DESK).view)
    assert "Nothing is recommended yet. The next decision can be taken on a day not yet known; it waits for:" in page
    assert "first infusion not given yet" in page


def test_the_committee_sees_figures_screening_sites_and_what_changed() -> None:
    page = OverviewPage(TRIAL, TODAY, DESK).meeting
    assert page
    shown = text(page.view)
    for words in ("Participants by regimen", "Open, due and overdue visits", "Per site", "From screening on"):
        assert words in shown
    for words in ("Criteria that excluded", "Figures on 2026-10-27 and now", "No DLT, withdrawal, correction"):
        assert words in shown
    page.since.value = date(2026, 6, 1)
    assert "allergic reaction" in text(page.view)
    page.since.value = None
    assert "Choose the day of the last meeting" in text(page.view)


def test_without_examples_the_page_still_stands() -> None:
    bare = TRIAL.model_copy(update={"examples": None, "so_far": None})
    assert open_desk(bare, {}, lambda: TODAY) is None
    page = text(OverviewPage(bare, TODAY).view)
    assert "Invented" not in page
    assert "52" in page


def test_files_are_built_only_when_asked_for_and_are_whole() -> None:
    page = OverviewPage(TRIAL, TODAY)
    sizes = {}
    for build in page.files.kind.options.values():
        page.files.kind.value = build
        assert "download" not in page.files.link.value
        page.files.prepare.click()
        found = re.search(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"', page.files.link.value)
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
    page.files.upload.set_trait("value", (file,))
    assert page.files.task.thread is not None
    page.files.task.thread.join(30)
    return str(page.files.compared.value)


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
    page.files.kind.value = list(page.files.kind.options.values())[1]
    page.files.prepare.click()
    assert "trial.toml, study_type" in page.files.link.value
