"""The launcher without a browser: what it refuses, which pages it lists, and the settings it gives to Voila."""

import json
import os
import socket
import subprocess
import sys

import pytest
import zmq
from jupyter_client import KernelManager
from support.paths import FOLDER, NOTEBOOKS
from support.trial import TRIAL

from protocol.conduct import open_log
from protocol.dashboard.launcher import free_port, is_free, main
from protocol.dashboard.server import FURNITURE, Page, pages_of, rules, trial_of, workbook


@pytest.fixture
def folder(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# What is <next>?\n", "\n", "And why."]},
        {"cell_type": "code", "source": ["1"]},
    ]
    for name, metadata in (("02-last-page", {}), ("01-first", {"title": "Follow-up"})):
        (tmp_path / f"{name}.ipynb").write_text(json.dumps({"cells": cells, "metadata": metadata}))
    return tmp_path


@pytest.fixture
def busy_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_port_in_use_is_refused_and_never_silently_another(folder, busy_port, capsys):
    assert main([str(folder), "--port", str(busy_port)]) == 2
    assert f"Port {busy_port} is in use" in capsys.readouterr().err
    assert rules(folder, busy_port, "token").Voila.port_retries == 0


def test_the_port_it_picks_is_free(busy_port):
    assert not is_free(busy_port)
    assert is_free(free_port())


@pytest.mark.parametrize(("role", "warned"), [("coordinator", True), ("viewer", False)])
def test_an_address_by_which_several_persons_record_as_one_is_warned_of(
    folder, tmp_path, monkeypatch, capsys, role, warned
):
    open_log(tmp_path / "trial.sqlite").close()
    for name, value in {"PROTOCOL_ROLE": role, "PROTOCOL_ACTOR": "coordinator-1", "PROTOCOL_SHARED": ""}.items():
        monkeypatch.setenv(name, value)
    for name in ("PROTOCOL_ROLES", "PROTOCOL_LOG", "PROTOCOL_LOG_READ", "PROTOCOL_SITE", "JUPYTERHUB_USER"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr("protocol.dashboard.server.serve", lambda *_served, **_more: None)
    assert main([str(folder), "--log", str(tmp_path / "trial.sqlite"), "--no-browser"]) == 0
    assert ("Everybody who has the address of this dashboard records as" in capsys.readouterr().err) == warned
    assert (os.environ["PROTOCOL_SHARED"] == "1") == warned


def test_a_folder_without_pages_is_refused(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "name the folder with the notebooks" in capsys.readouterr().err


def test_pages_are_listed_by_file_name_with_title_and_sentence(folder):
    assert pages_of(folder) == (
        Page("01-first.ipynb", "Follow-up", "What is <next>? And why."),
        Page("02-last-page.ipynb", "Last page", "What is <next>? And why."),
    )


def test_every_page_of_the_workbook_has_a_sentence():
    assert all(page.sentence for page in pages_of(NOTEBOOKS))


@pytest.mark.requirement("R-ACC-05")
def test_the_dashboard_answers_this_machine_only_and_wants_its_token(folder):
    voila = rules(folder, 8866, "the token").Voila
    assert (voila.ip, voila.port, voila.token) == ("127.0.0.1", 8866, "the token")
    assert "http" not in voila.tornado_settings["headers"]["Content-Security-Policy"]


@pytest.mark.slow
def test_others_on_this_machine_cannot_listen_to_what_a_page_says(folder, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(FURNITURE))
    kernel = KernelManager(config=rules(folder, 8866, "the token"))
    kernel.start_kernel()
    client = kernel.blocking_client()
    client.start_channels()
    listener = zmq.Context.instance().socket(zmq.SUB)
    listener.subscribe("")
    listener.connect(f"tcp://127.0.0.1:{kernel.iopub_port}")
    try:
        client.wait_for_ready(60)
        client.execute_interactive("print('participant')", timeout=30, output_hook=lambda _message: None)
        assert not listener.poll(500)
    finally:
        listener.close(linger=0)
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def test_a_changed_look_has_a_new_version(folder, monkeypatch, tmp_path):
    before = workbook(folder)["version"]
    (tmp_path / "look.css").write_text("body { color: red }")
    monkeypatch.setattr("protocol.dashboard.server.STATIC", tmp_path)
    assert workbook(folder)["version"] != before


@pytest.mark.slow
@pytest.mark.parametrize("module", ["protocol.figures.escalation", "protocol.pages", "protocol.dashboard.launcher"])
def test_slow_parsers_that_no_figure_needs_are_not_made_and_their_module_can_be_imported_later(module):
    code = f"import sys, {module}, jsonschema; assert 'rfc3987_syntax' not in sys.modules; import rfc3987_syntax"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_kernels_of_the_dashboard_are_started_by_the_workbook():
    kernel = json.loads((FURNITURE / "kernels/python3/kernel.json").read_text(encoding="utf-8"))
    assert kernel["argv"][1:3] == ["-m", "protocol.dashboard.kernel"]


def test_the_dashboard_names_the_trial_that_its_notebooks_open(folder):
    assert (workbook(NOTEBOOKS)["trial_id"], workbook(NOTEBOOKS)["trial_title"]) == (
        FOLDER.name,
        TRIAL.identity.title,
    )
    assert (workbook(folder)["trial_id"], workbook(folder)["trial_title"]) == ("", "")


@pytest.mark.parametrize("call", ["open_page('sites', 'no-such-trial')", 'open_page("sites", somewhere)'])
def test_a_trial_that_cannot_be_read_is_not_named(tmp_path, call):
    cell = {"cell_type": "code", "source": [call]}
    (tmp_path / "01-sites.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}}))
    assert trial_of(tmp_path) is None


def test_the_furniture_asks_no_other_host():
    for file in FURNITURE.rglob("*.*"):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in "".join(line for line in text.splitlines() if "http" in line), file
