"""Roles: who uses the workbook, and what this person may see and record."""

import pytest
from support.paths import ROOT

from protocol.conduct import Reader, reader_of
from protocol.dashboard.launcher import logged, main
from protocol.records import ProtocolError

ROLES = """
[users.chief]
role = "coordinator"
[users.union]
role = "investigator"
site = "Wuhan Union Hospital"
[users.chair]
rows = true
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "roles.toml"
    path.write_text(ROLES)
    return str(path)


@pytest.mark.requirement("R-ACC-01")
def test_nobody_in_particular_is_a_viewer():
    found = reader_of({})
    assert (found.role, found.records, found.sees_all) == ("viewer", False, False)


@pytest.mark.parametrize(
    ("account", "role", "records", "sees_union", "sees_tongji"),
    [
        ("chief", "coordinator", True, True, True),
        ("union", "investigator", True, True, False),
        ("chair", "viewer", False, True, True),
        ("stranger", "viewer", False, False, False),
    ],
)
@pytest.mark.parametrize("variable", ["JUPYTERHUB_USER", "PROTOCOL_ACTOR"])
def test_the_roles_file_says_what_an_account_may(file, variable, account, role, records, sees_union, sees_tongji):
    found = reader_of({variable: account, "PROTOCOL_ROLES": file})
    assert (found.actor, found.role, found.records) == (account, role, records)
    assert found.sees("Wuhan Union Hospital") == sees_union
    assert found.sees("Wuhan Tongji Hospital") == sees_tongji


@pytest.mark.requirement("R-ACC-01")
def test_under_the_hub_nobody_names_another_account_or_role(file):
    claims = {"PROTOCOL_ACTOR": "chief", "PROTOCOL_ROLE": "coordinator"}
    assert reader_of({"JUPYTERHUB_USER": "stranger", "PROTOCOL_ROLES": file} | claims).role == "viewer"
    assert reader_of({"JUPYTERHUB_USER": "stranger"} | claims).role == "viewer"


@pytest.mark.parametrize(
    "environment",
    [
        {"PROTOCOL_ROLE": "admin", "PROTOCOL_ACTOR": "one"},
        {"PROTOCOL_ROLE": "investigator", "PROTOCOL_ACTOR": "one"},
        {"PROTOCOL_ROLE": "coordinator", "PROTOCOL_SITE": "Wuhan Union Hospital", "PROTOCOL_ACTOR": "one"},
        {"PROTOCOL_ROLE": "coordinator"},
        {"PROTOCOL_ROLES": "/nowhere/roles.toml"},
    ],
)
def test_what_is_said_wrongly_is_refused_and_not_guessed(environment):
    with pytest.raises(ProtocolError):
        reader_of(environment)


def test_a_roles_file_with_an_unknown_role_is_refused(tmp_path):
    path = tmp_path / "roles.toml"
    path.write_text('[users.one]\nrole = "admin"\n')
    with pytest.raises(ProtocolError, match=r"users\.one\.role"):
        reader_of({"JUPYTERHUB_USER": "one", "PROTOCOL_ROLES": str(path)})


@pytest.mark.requirement("R-ACC-02")
def test_a_viewer_records_nothing_and_an_investigator_the_own_site():
    assert not Reader(role="viewer", rows=True).records
    assert Reader(role="investigator", site="A").sees("A")


# --- What the dashboard hands to its kernels ---

WRITER = "postgresql+pg8000://writer:secret@localhost/log"
READER = "postgresql+pg8000://reader:secret@localhost/log"


def test_a_viewers_kernel_never_learns_the_address_that_can_write():
    found = logged({"PROTOCOL_LOG": WRITER, "PROTOCOL_LOG_READ": READER}, None)
    assert found == {"PROTOCOL_LOG": READER, "PROTOCOL_LOG_READ": ""}


def test_viewers_are_not_served_from_a_database_as_somebody_who_may_write(tmp_path, capsys, monkeypatch):
    with pytest.raises(ProtocolError, match="PROTOCOL_LOG_READ"):
        logged({"PROTOCOL_LOG": WRITER}, None)
    for name in ("PROTOCOL_ROLE", "PROTOCOL_ACTOR", "PROTOCOL_ROLES", "PROTOCOL_LOG_READ", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name, raising=False)
    assert main([str(tmp_path), "--log", WRITER]) == 2
    said = capsys.readouterr().err
    assert "PROTOCOL_LOG_READ" in said
    assert "secret" not in said


def test_who_records_keeps_the_address_that_can_write():
    who = {"PROTOCOL_ROLE": "coordinator", "PROTOCOL_ACTOR": "coordinator-1"}
    assert logged({"PROTOCOL_LOG": WRITER} | who, None)["PROTOCOL_LOG"] == WRITER


def test_the_log_named_on_the_command_line_is_the_one_that_is_served(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert logged({"PROTOCOL_LOG_READ": "old.sqlite"}, "new.sqlite")["PROTOCOL_LOG"] == str(tmp_path / "new.sqlite")
    assert logged({"PROTOCOL_LOG_READ": READER}, "new.sqlite")["PROTOCOL_LOG"] == str(tmp_path / "new.sqlite")
    assert logged({"PROTOCOL_LOG_READ": READER}, WRITER)["PROTOCOL_LOG"] == READER
    with pytest.raises(ProtocolError, match="PROTOCOL_LOG_READ"):
        logged({"PROTOCOL_LOG_READ": READER}, WRITER.replace("/log", "/other"))


def test_every_file_is_named_in_full(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = {"PROTOCOL_LOG": "a.sqlite", "PROTOCOL_LOG_READ": "sqlite:///b.sqlite", "PROTOCOL_ROLES": "roles.toml"}
    found = logged(named, None)
    assert found["PROTOCOL_LOG"] == f"sqlite:///{tmp_path / 'b.sqlite'}"
    assert found["PROTOCOL_ROLES"] == file


def test_a_file_is_found_from_wherever_a_kernel_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert logged({}, "trial.sqlite")["PROTOCOL_LOG"] == str(tmp_path / "trial.sqlite")
    assert logged({}, None)["PROTOCOL_LOG"] == ""


@pytest.mark.parametrize(
    ("account", "role"),
    [
        ("coordinator-1", "coordinator"),
        ("investigator-union", "investigator"),
        ("committee-1", "viewer"),
        ("else", "viewer"),
    ],
)
def test_the_example_of_the_roles_file_in_the_guide_gives_the_roles_it_names(tmp_path, account, role):
    guide = (ROOT / "docs" / "howto" / "jupyterhub.md").read_text(encoding="utf-8")
    file = tmp_path / "roles.toml"
    file.write_text(guide.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    found = reader_of({"JUPYTERHUB_USER": account, "PROTOCOL_ROLES": str(file)})
    assert (found.role, found.rows) == (role, account == "committee-1")
