"""Two viewers of a real log at once: every page opens, and no participant's data is sent to a viewer's browser."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from support.paths import NOTEBOOKS
from support.trial import TRIAL

from protocol.conduct import event, open_log
from protocol.dashboard.server import pages_of

SITE = "Wuhan Union Hospital"
NAMES = [Path(page.file).stem for page in pages_of(NOTEBOOKS)]
STUDY_IDS = ("WX-9017", "WX-9018", "WX-9019")
READY = ".pw-page :is(h2, h3, button, label) >> visible=true"


def record_three(path):
    """Record three participants of the first regimen; one of them has a DLT."""
    log, first = open_log(path), date(2026, 9, 1)
    found = next(entry for entry in TRIAL.examples.entries if entry.kind == "screened")
    for number, name in enumerate(STUDY_IDS):
        day = first + timedelta(days=7 * number)
        story = [
            {"kind": "consented"},
            {"kind": "screened", "phase": "Ib", "overall": "eligible so far", "result": found.content["result"]},
            {"kind": "enrolled", "regimen": "A1"},
            {"kind": "infused", "number": 1},
            {"kind": "dlt_assessed", "dlt": True, "code": "infection"}
            if number == 0
            else {"kind": "dlt_assessed", "dlt": False, "on": day + timedelta(days=28)},
        ]
        for happened in story:
            log.append(event({"on": day, "participant": name} | happened), actor="coordinator-1", site=SITE)
    log.close()


@pytest.fixture(scope="module")
def committee(chromium, serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("committee")
    record_three(folder / "trial.sqlite")
    log = {"PROTOCOL_LOG": str(folder / "trial.sqlite"), "PROTOCOL_ROLE": "viewer"}
    with serve(NOTEBOOKS, folder / "dashboard.txt", **log) as served:
        yield served


def listen(visit):
    """Keep everything that the browser is sent over its websockets."""
    heard = []
    visit.tab.on("websocket", lambda socket: socket.on("framereceived", lambda data: heard.append(data)))
    return heard


@pytest.mark.requirement("R-ACC-03")
@pytest.mark.parametrize("name", NAMES[1:])
def test_a_viewer_of_a_page_is_not_sent_a_participant(name, committee, laptop):
    read(name, committee, laptop)


@pytest.mark.requirement("R-ACC-03")
def test_two_viewers_read_a_page_at_once_and_neither_is_sent_a_participant(committee, laptop, phone):
    read("01-overview", committee, laptop, phone)


def read(name, committee, *visits):
    """Open a page and all of its tabs in several browsers, and look for participants in what they are sent."""
    heard = [(visit, listen(visit)) for visit in visits]
    for visit, _frames in heard:
        visit.tab.goto(committee.address)
    for visit, _frames in heard:
        visit.tab.goto(committee.page(name), wait_until="commit")
    for visit, frames in heard:
        visit.tab.wait_for_selector("#loading", state="detached")
        visit.tab.wait_for_selector(READY)
        assert visit.tab.get_by_text("You see it as viewer").count() == 1
        for tab in visit.tab.get_by_role("tab").all():
            tab.click()
        visit.tab.wait_for_timeout(500)
        assert frames
        everything = b"".join(part.encode() if isinstance(part, str) else part for part in frames)
        everything += visit.tab.content().encode()
        assert b"Trial log trial.sqlite" in everything
        assert not [study_id for study_id in STUDY_IDS if study_id.encode() in everything]
        assert visit.errors == []


def test_the_committee_reads_the_figures_of_the_log(committee, laptop):
    laptop.open(committee, "01-overview")
    laptop.tab.locator(".pw-chart", has_text="1/3").first.wait_for()
    text = laptop.tab.locator("#rendered_cells").inner_text()
    assert "A1 ● open" in text or "A1 ▶" in text
    assert laptop.tab.locator(".pw-action-sentence").inner_text()
    assert "Invented" not in text


@pytest.mark.parametrize("name", ["02-eligibility", "04-followup", "06-effect"])
def test_the_head_of_a_page_of_the_log_leaves_the_screen_to_the_page(name, committee, laptop):
    laptop.open(committee, name)
    laptop.tab.locator(".pw-log .pw-next").wait_for()
    assert laptop.tab.locator(".pw-tabpanel >> visible=true").first.bounding_box()["y"] <= 172
