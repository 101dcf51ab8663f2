"""Qualifying an installation: every check passes, a changed file is found, and the page can be filed."""

import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PathDistribution

import pytest
from support.trial import TRIAL

from protocol.qualification import Check, Qualification, report_page, requirements
from protocol.qualification.checks import guarded
from protocol.qualification.command import main
from protocol.qualification.installation import fingerprint, installation, listed_files
from protocol.qualification.log_life import log_life
from protocol.qualification.reference_values import reference_values, verdicts
from protocol.qualification.served_pages import dashboard, opened_pages

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def failed(checks):
    found = list(checks)
    assert found
    return [check for check in found if not check.passed]


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", [reference_values, log_life, lambda: verdicts(TRIAL)], ids=["values", "log", "criteria"]
)
def test_every_check_of_the_operation_passes(part):
    assert failed(part()) == []


@pytest.mark.slow
@pytest.mark.requirement("R-SYS-03")
def test_every_page_opens_where_it_is_qualified():
    assert failed(opened_pages(TRIAL)) == []


@pytest.mark.slow
@pytest.mark.server
def test_a_dashboard_is_started_visited_and_ended():
    with dashboard() as visited:
        assert failed(visited()) == []


@pytest.mark.slow
@pytest.mark.requirement("R-SYS-02")
def test_versions_record_and_system_are_checked_and_a_clone_is_no_installation():
    wrong = failed(installation())
    assert [check.found for check in wrong] in ([], ["a clone, whose files may change"])


@pytest.fixture
def package(tmp_path):
    """A package of two files, installed."""
    files = {"protocol/a.py": "one = 1\n", "protocol/share/b.toml": "two = 2\n"}
    about = tmp_path / "protocol_workbook-9.dist-info"
    about.mkdir()
    lines = []
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
        lines.append(f"{name},sha256={digest(content)},{len(content)}")
    (about / "RECORD").write_text("\n".join([*lines, f"{about.name}/RECORD,,"]))
    (about / "METADATA").write_text("Metadata-Version: 2.4\nName: protocol-workbook\nVersion: 9\n")
    return PathDistribution(about)


def digest(content):
    return urlsafe_b64encode(sha256(content.encode()).digest()).rstrip(b"=").decode()


@pytest.mark.requirement("R-SYS-01")
def test_a_file_that_was_changed_removed_or_added_is_found(package, tmp_path):
    assert listed_files(package).found == "2 files as in the wheel"
    before = fingerprint(package)
    (tmp_path / "protocol/__pycache__").mkdir()
    (tmp_path / "protocol/__pycache__/a.pyc").write_text("compiled")
    assert listed_files(package).passed
    (tmp_path / "protocol/a.py").write_text("one = 2\n")
    assert listed_files(package).found == "protocol/a.py (changed)"
    (tmp_path / "protocol/share/b.toml").unlink()
    (tmp_path / "protocol/more.py").write_text("")
    found = listed_files(package)
    assert not found.passed
    assert found.found == "protocol/a.py (changed), protocol/share/b.toml (missing), protocol/more.py (added)"
    assert fingerprint(package) == before  # the fingerprint names the wheel


def test_an_error_is_a_check_that_failed():
    def broken():
        yield Check((), "first", "1", "1")
        raise RuntimeError("no disk")

    first, second = guarded("Log", broken)
    assert first.passed
    assert (second.what, second.found, second.passed) == ("Log", "RuntimeError: no disk", False)


def qualified(*checks):
    system = {"Workbook": "9", "Machine": "<b>ward</b>"}
    return Qualification(NOON, system, (Check(("R-SYS-01",), "files", "2", "2"),), checks)


def test_the_page_loads_nothing_has_every_check_and_places_to_sign():
    page = report_page(qualified(Check(("R-LOG-03",), "a changed entry", "2", "none")))
    assert "NOT PASSED" in page
    assert page.count("a changed entry") == 2  # as a deviation, and in its part
    assert "R-LOG-03" in page
    assert "&lt;b&gt;ward" in page
    assert re.findall(r"(?:src|href)=|https?://", page) == []
    assert [role in page for role in ("Performed by", "Reviewed by", "Approved by")] == [True] * 3
    assert all(one.id in page for one in requirements())
    assert "NOT PASSED" not in report_page(qualified())


@pytest.mark.parametrize(("checks", "code"), [((), 0), ((Check((), "a", "1", "2"),), 1)])
def test_the_command_writes_the_page_says_what_failed_and_ends_with_its_code(
    tmp_path, monkeypatch, capsys, checks, code
):
    monkeypatch.setattr("protocol.qualification.command.qualify", lambda _moment, _progress: qualified(*checks))
    page = tmp_path / "report.html"
    assert main([str(page)]) == code
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert ("FAILED: a: expected 1, found 2" in capsys.readouterr().out) == bool(code)
    assert main([str(page)]) == 2
    assert main([str(tmp_path / "nowhere/report.html")]) == 2
