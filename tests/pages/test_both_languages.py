"""Documents in both languages: what the other process is told, what it answers, and what a page says."""

import io
import json
import os
import re
import sys
import zipfile
from base64 import b64decode
from datetime import date
from pathlib import Path

import pytest
from markupsafe import Markup
from support.paths import FOLDER
from support.trial import TRIAL

from protocol.__main__ import main
from protocol.pages import documents
from protocol.pages.effect import EffectPage
from protocol.pages.eligibility import EligibilityPage
from protocol.pages.escalation import EscalationPage
from protocol.pages.kit import BothLanguages, MadeDocument
from protocol.pages.kit.both_languages import ABOUT, _compare, version_of
from protocol.pages.overview import OverviewPage
from protocol.pages.overview.meeting import MeetingPanel
from protocol.pages.trial_log.desk import open_desk
from protocol.records import ProtocolError

DAY = date(2026, 12, 1)


def desk_of(trial, environment=None):
    return open_desk(trial, environment or {}, lambda: DAY)


@pytest.fixture(scope="module")
def overview():
    return OverviewPage(TRIAL, DAY, desk_of(TRIAL))


def safety():
    page = EffectPage(TRIAL, DAY, desk_of(TRIAL.in_phase_two()))
    page.tabs.value = "report"
    return page.panels["report"]


def screening():
    page = EligibilityPage(TRIAL, DAY)
    with page.person.redraw_once():
        page.person.form.fill({"age_years": 40, "ecog": 3, "alt": 20.0}, "ward list")
    page.phase.value = page.record.phases[-1]
    page.screenings.study_id.value = "P-017"
    page.parameters["ecog_max"].value = 1
    return page.screenings


def section():
    page = EscalationPage(TRIAL, DAY, desk_of(TRIAL))
    page.settings.design.value, page.settings.target.value = "Keyboard (2-D)", 0.25
    page.report.trials.value = 20
    page.report.task.run.click()
    page.report.task.join()
    return page.report


PANELS = {  # with the meeting pack below
    "questions": lambda overview: overview.protocol,
    "synopsis": lambda overview: overview.protocol.files,
    "safety-report": lambda _overview: safety(),
    "screening-record": lambda _overview: screening(),
    "statistical-section": lambda _overview: section(),
}


def made_by(panel) -> MadeDocument:
    return panel.both._ask()


def request_of(made: MadeDocument) -> bytes:
    asked = {
        "document": made.document,
        "folder": str(FOLDER),
        "day": made.day.isoformat(),
        "inputs": made.inputs,
    }
    return json.dumps(asked).encode()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PANELS))
def test_another_process_makes_the_same_document_from_what_a_page_tells_it(name, overview, monkeypatch) -> None:
    for module in ("exchange.documents.meeting_pack", "pages.effect.report"):
        monkeypatch.setattr(f"protocol.{module}.drawn", lambda _chart: Markup("<svg></svg>"))
    made = made_by(PANELS[name](overview))
    assert made.document == name
    with zipfile.ZipFile(io.BytesIO(documents.answer(request_of(made)))) as files:
        about = json.loads(files.read(ABOUT))
        assert {one: files.read(one) for one in files.namelist() if one != ABOUT} == made.files
    assert about == {"record": version_of(TRIAL), **made.sight}


@pytest.mark.slow
def test_the_section_of_a_stopped_simulation_is_refused() -> None:
    panel = section()
    one = next(iter(panel._result.simulations.values()))
    object.__setattr__(one, "requested", 10 * one.requested)
    panel.both.make.click()
    assert "a simulation that was stopped" in panel.both.files.value


@pytest.mark.slow
def test_a_kept_screening_of_other_criteria_is_refused() -> None:
    inputs = dict(made_by(screening()).inputs)
    inputs["record"]["rule_hash"] = "0" * 16
    with pytest.raises(ProtocolError, match="other criteria"):
        documents.documents("screening-record", FOLDER, day=DAY, **inputs)


@pytest.mark.slow
def test_the_choice_is_there_for_the_synopsis_and_not_for_files_that_programs_read(overview) -> None:
    files = overview.protocol.files
    shown = {}
    for label, value in files.kind.options.items():
        files.kind.value = value
        shown[label] = files.both.make.layout.display
    assert [label for label, display in shown.items() if display is None] == [
        "Synopsis in the order of ICH M11 (HTML)"
    ]


def saved(value: str) -> tuple[str, bytes]:
    [(name, content)] = re.findall(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"', value)
    return name, b64decode(content)


@pytest.mark.slow
def test_the_questions_are_made_in_both_languages_beside_the_page(overview) -> None:
    both = overview.protocol.both
    both.make.click()
    assert both.task.is_running  # the page goes on
    both.task.join()
    name, content = saved(both.files.value)
    assert name == "questions-2026-12-01-en-zh.html"
    text = content.decode()
    assert "Questions to the sponsor" in text
    assert "向申办者提出的问题" in text
    assert text.count("<article>") == len(TRIAL.ambiguities)
    assert 'class="after"' not in text


@pytest.mark.slow
@pytest.mark.requirement("R-ACC-03")
def test_the_other_process_opens_the_same_log_with_the_same_rights(monkeypatch, log_file) -> None:
    for name in ("PROTOCOL_ROLE", "PROTOCOL_ACTOR", "PROTOCOL_ROLES"):
        monkeypatch.delenv(name, raising=False)  # a viewer, who sees figures
    monkeypatch.setenv("PROTOCOL_LOG", str(log_file))
    panel = OverviewPage(TRIAL, DAY, desk_of(TRIAL, os.environ)).meeting
    panel.since.value = date(2026, 4, 1)
    panel.both.make.click()
    panel.both.task.join()
    name, content = saved(panel.both.files.value)
    assert name == "meeting-2026-12-01-entry-529-en-zh.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as pack:
        page = pack.read("meeting.html").decode()
    assert "Changes are counted from 2026-04-01" in page
    assert "变化自2026-04-01起计" in page
    assert "Trial log up to entry 529" in page
    assert "试验日志截至条目529" in page
    assert not re.search(r"INV-\d", page)


def test_the_command_writes_the_files_of_a_page(tmp_path, capsys) -> None:
    assert main(["document", "questions", str(FOLDER), "--day", "2026-12-01", "--to", str(tmp_path)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == tmp_path / "questions-2026-12-01.html"
    assert "Questions to the sponsor" in path.read_text(encoding="utf-8")


def stub(tmp_path: Path, script: str) -> str:
    path = tmp_path / "other"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o700)
    return str(path)


@pytest.fixture
def control():
    return BothLanguages(TRIAL, lambda: MadeDocument("questions", DAY, {"a.html": b"<p>a</p>"}))


def test_a_process_that_fails_is_told_in_plain_words_and_its_own_words_stay_here(
    control, monkeypatch, tmp_path, capsys
) -> None:
    monkeypatch.setattr(sys, "executable", stub(tmp_path, "cat > /dev/null; echo inner words >&2; exit 3"))
    control.make.click()
    control.task.join()
    assert "no document in 中文" in control.files.value
    assert "inner words" not in control.files.value
    assert "inner words" in capsys.readouterr().err


def test_stop_ends_the_other_process(control, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(sys, "executable", stub(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600"))
    control.make.click()
    while not (tmp_path / "pid").exists() and control.task.is_running:
        control.task.thread.join(0.01)
    control.task.stop.click()
    control.task.thread.join(60)
    assert not control.task.is_running
    assert control.files.value == ""
    assert "Stopped: no document was made." in control.task.words.value
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    assert not Path(f"/proc/{pid}").exists()


HERE = {"record": "r", "reader": {"role": "viewer"}, "log": "l", "head": "1:a", "day": "2026-12-01"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"record": "other"}, "files of the record that have changed"),
        ({"head": "2:b"}, "new entries in the trial log"),
        ({"reader": {"role": "coordinator"}}, "another log, day or role"),
        ({"reader": {"role": "coordinator"}, "head": "2:b"}, "another log, day or role"),
        ({"log": "other"}, "another log, day or role"),
        ({"day": "2026-12-02"}, "another log, day or role"),
    ],
)
def test_a_document_that_saw_something_else_is_refused(change, words) -> None:
    _compare(HERE, dict(HERE))
    with pytest.raises(ProtocolError, match=words):
        _compare(HERE, HERE | change)


def test_the_command_says_what_it_does_not_take(capsys, monkeypatch) -> None:
    with pytest.raises(ProtocolError, match="one of questions, synopsis"):
        documents.documents("letter", FOLDER)
    assert main(["document", "synopsis", "/nowhere"]) == 1
    assert "/nowhere" in capsys.readouterr().err
    monkeypatch.setattr(documents, "other_language", lambda: "")
    with pytest.raises(ProtocolError, match="one language only"):
        documents.documents("questions", FOLDER, both=True)


@pytest.mark.parametrize(("role", "told"), [("coordinator", True), ("viewer", False)])
def test_files_with_study_ids_say_what_holds_for_them_in_one_language_and_in_both(life, role, told):
    panel = MeetingPanel(life.desk(role))
    panel.prepare.click()
    assert ("Personal Information Protection Law" in panel.pack.value) is told
    assert panel.both._ask().names_participants is told
