"""The command ``protocol-workbook``: what it offers, what it refuses, and which notebooks it brings along."""

import json
import os
import subprocess
import sys
import tomllib
from importlib import import_module

import pytest
from support.paths import FOLDER, NOTEBOOKS, ROOT

from protocol import __main__ as command
from protocol import load_trial, translation
from protocol.dashboard import lab, launcher
from protocol.dashboard.notebooks import OF_PAGES, copy_notebooks, write_pages
from protocol.dashboard.server import pages_of, trial_of


@pytest.mark.parametrize("name", command.COMMANDS)
def test_each_command_says_what_it_takes(name, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: protocol-workbook {name}" in capsys.readouterr().out


def test_the_version_is_printed_without_loading_a_topic():
    code = (
        "import sys\nfrom protocol.__main__ import main\n"
        "try: main(['--version'])\nexcept SystemExit: sys.exit(bool({'pandas', 'jupyterlab'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert (done.returncode, done.stdout) == (0, f"protocol-workbook {version}\n")


def test_the_wheel_installs_the_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _colon, function = project["scripts"]["protocol-workbook"].partition(":")
    assert getattr(import_module(module), function) is command.main


def test_what_no_command_is_called_and_a_language_without_a_catalogue_are_refused(capsys):
    for arguments in (["lib"], ["--language", "xx", "log"]):
        with pytest.raises(SystemExit) as ended:
            command.main(arguments)
        assert ended.value.code == 2
    assert "invalid choice: 'xx'" in capsys.readouterr().err


def test_a_language_holds_for_messages_and_for_the_kernels_of_pages(monkeypatch):
    monkeypatch.setenv("PROTOCOL_LANGUAGE", "en")
    assert translation.languages() == ("en", "zh_CN")
    translation.use("zh_CN")
    assert translation._("Yes") == "是"
    assert translation.list_of("ab") == "a、b"
    assert os.environ["PROTOCOL_LANGUAGE"] == "zh_CN"


def test_the_notebooks_are_copied_and_nothing_is_overwritten(tmp_path):
    assert copy_notebooks(tmp_path) == ()
    names = sorted(file.relative_to(tmp_path) for file in tmp_path.rglob("*.ipynb"))
    assert names == sorted(
        file.relative_to(NOTEBOOKS) for pattern in (OF_PAGES, "explore/*.ipynb") for file in NOTEBOOKS.glob(pattern)
    )
    changed, removed = tmp_path / names[0], tmp_path / names[1]
    changed.write_text("mine")
    removed.unlink()
    assert copy_notebooks(tmp_path) == (str(names[0]),)
    assert changed.read_text() == "mine"
    assert removed.is_file()


def test_a_notebook_that_was_run_is_no_other_notebook(tmp_path):
    copy_notebooks(tmp_path)
    file = tmp_path / "explore/1-screen-a-patient.ipynb"
    notebook = json.loads(file.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell.pop("outputs", None)
    file.write_text(json.dumps(notebook), encoding="utf-8")
    assert copy_notebooks(tmp_path) == ()


@pytest.mark.parametrize("written", ["data/NCT05672420", "../data/NCT05672420"])
def test_the_record_that_comes_with_the_package_is_found_from_any_folder(tmp_path, monkeypatch, written):
    monkeypatch.chdir(tmp_path)
    assert load_trial(written).folder == FOLDER


@pytest.mark.slow
def test_lab_opens_a_folder_of_ones_own_with_the_notebooks_in_it(tmp_path, monkeypatch, capsys):
    launched = []
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", launched.append)
    monkeypatch.chdir(tmp_path)
    for name in ("PROTOCOL_LOG", "PROTOCOL_UPLOAD_BYTES", "JUPYTER_CONFIG_PATH"):
        monkeypatch.setenv(name, "")
    given = ["--port", "8911", "--log", "trial.sqlite", "--no-browser", "--", "--ServerApp.quit_button=False"]
    assert lab.main(given) == 0
    assert f"--ServerApp.root_dir={tmp_path / 'protocol-workbook'}" in launched[0]
    assert {"--ServerApp.port=8911", "--ServerApp.open_browser=False", "--ServerApp.ip=127.0.0.1"} <= set(launched[0])
    assert launched[0][-1] == "--ServerApp.quit_button=False"
    assert os.environ["PROTOCOL_LOG"] == str(tmp_path / "trial.sqlite")
    assert (tmp_path / "protocol-workbook/notebooks/explore").is_dir()
    assert "protocol-workbook/notebooks" in capsys.readouterr().err


@pytest.mark.slow
def test_lab_opens_the_folder_in_which_there_are_notebooks(tmp_path, monkeypatch):
    launched = []
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", launched.append)
    copy_notebooks(tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    for name in ("PROTOCOL_LOG", "PROTOCOL_UPLOAD_BYTES", "JUPYTER_CONFIG_PATH"):
        monkeypatch.setenv(name, "")
    assert lab.main([]) == 0
    assert f"--ServerApp.root_dir={tmp_path}" in launched[0]


def test_the_pages_of_another_trial_are_served_from_its_folder(tmp_path):
    write_pages(FOLDER, tmp_path / "pages")
    assert [page.file for page in pages_of(tmp_path / "pages")] == [page.file for page in pages_of(NOTEBOOKS)]
    assert trial_of(tmp_path / "pages").identity.trial_id == FOLDER.name
    assert str(FOLDER) in (tmp_path / "pages/01-overview.ipynb").read_text(encoding="utf-8")


def test_a_folder_that_is_no_trial_is_refused(tmp_path, capsys):
    assert launcher.main(["--trial", str(tmp_path)]) == 2
    assert "found no trial.toml; write the folder of a trial" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        launcher.main([str(NOTEBOOKS), "--trial", str(FOLDER)])
