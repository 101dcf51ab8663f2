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

import pytest
from support.paths import NOTEBOOKS, ROOT

BUILD = "from hatchling.build import build_wheel; build_wheel({!r})"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    pytest.importorskip("hatchling", reason="needs hatchling: pip install hatchling")
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("built")
    for name in ("src", "notebooks", "data"):
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
def test_the_wheel_has_record_pages_and_licence_and_nothing_of_ones_own(unpacked):
    pages = sorted(path.name for path in (unpacked / "protocol/share/notebooks").rglob("*"))
    assert pages == sorted(path.name for path in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    assert list((unpacked / "protocol/share/data").glob("*/trial.toml"))
    assert list(unpacked.glob("*.dist-info/licenses/LICENSE"))


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
    assert page.count('class="wb-card"') == 5
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
