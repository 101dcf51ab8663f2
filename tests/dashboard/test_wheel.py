"""The wheel alone serves the pages, from any folder; the packages for a machine without network are complete."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from importlib.metadata import PathDistribution

import pytest
from support.paths import NOTEBOOKS, ROOT

from protocol.dashboard.notebooks import OF_PAGES
from protocol.qualification.installation import listed_files

BUILD = "from hatchling.build import build_wheel; build_wheel({!r})"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    pytest.importorskip("hatchling", reason="needs hatchling: pip install hatchling")
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("built")
    for name in ("src", "notebooks", "data", "tests/vectors"):
        shutil.copytree(ROOT / name, copy / name)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy)
    (copy / "notebooks/own/01-mine.ipynb").write_text("{}")
    (copy / "notebooks/mine.ipynb").write_text("{}")
    subprocess.run([sys.executable, "-c", BUILD.format(str(built))], cwd=copy, check=True, capture_output=True)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(built / "site")
    return built / "site"


@pytest.mark.slow
def test_the_wheel_has_record_notebooks_and_licence_and_nothing_of_ones_own(unpacked):
    notebooks = unpacked / "protocol/share/notebooks"
    names = sorted(str(path.relative_to(notebooks)) for path in notebooks.rglob("*.ipynb"))
    ours = [file for pattern in (OF_PAGES, "explore/*.ipynb") for file in NOTEBOOKS.glob(pattern)]
    assert names == sorted(str(file.relative_to(NOTEBOOKS)) for file in ours)
    assert list((unpacked / "protocol/share/data").glob("*/trial.toml"))
    assert list(unpacked.glob("*.dist-info/licenses/LICENSE"))


@pytest.mark.slow
@pytest.mark.requirement("R-SYS-01")
def test_the_files_of_the_wheel_are_those_of_its_list_and_one_that_is_changed_is_found(unpacked):
    package = PathDistribution(next(unpacked.glob("*.dist-info")))
    assert listed_files(package).passed
    file = unpacked / "protocol/py.typed"
    file.write_text("changed")
    try:
        assert listed_files(package).found == "protocol/py.typed (changed)"
    finally:
        file.write_text("")


@pytest.mark.slow
def test_the_wheel_has_the_reference_values_that_the_installed_system_is_checked_with(unpacked):
    source = (ROOT / "src/protocol/qualification/reference_values.py").read_text(encoding="utf-8")
    files = re.findall(r'"([\w/]+\.json)"', source)
    assert len(files) >= 8
    assert [name for name in files if not (unpacked / "protocol/share/tests/vectors" / name).is_file()] == []


@pytest.mark.slow
@pytest.mark.server
def test_the_wheel_serves_the_pages_from_any_folder(unpacked, tmp_path):
    command = [sys.executable, "-m", "protocol", "dashboard", "--no-browser"]
    with (tmp_path / "errors.txt").open("w") as errors:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(unpacked)},
            stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
        )  # fmt: skip
    try:
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address, (tmp_path / "errors.txt").read_text()
        with urllib.request.urlopen(address.group()) as answer:
            page = answer.read().decode()
    finally:
        process.stdout.close()
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert page.count('class="wb-card"') == 6
    assert "NCT05672420" in page


def test_the_packages_for_a_machine_without_network_include_what_builds_the_workbook():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nwheelhouse:")[2].partition("\n\n")[0]
    assert '["build-system"]["requires"]' in recipe
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    asked = subprocess.run(
        ["make", "--dry-run", "--print-data-base", "dashboard", "WHEELS=wheels"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    assert "PIP_NO_INDEX := 1" in asked
    assert f"PIP_FIND_LINKS := {ROOT / 'wheels'}" in asked
