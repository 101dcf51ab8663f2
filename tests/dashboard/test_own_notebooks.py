"""One's own notebooks: no pages, no test, not in git; the notebooks of pages are saved without results."""

import shutil
import subprocess
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from support.paths import NOTEBOOKS, ROOT
from voila.voila_kernel_manager import voila_kernel_manager_factory

from protocol.dashboard.server import pages_of, rules
from protocol.dashboard.sessions import PageKernels


@pytest.mark.parametrize("name", ["Untitled.ipynb", "my-cohort.ipynb", "1-mine.ipynb"])
def test_a_notebook_of_ones_own_is_no_page(tmp_path, name):
    for file in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"):
        shutil.copy(file, tmp_path)
    before = pages_of(tmp_path)
    shutil.copy(NOTEBOOKS / before[0].file, tmp_path / name)
    (tmp_path / "own").mkdir()
    shutil.copy(NOTEBOOKS / before[0].file, tmp_path / "own")
    assert pages_of(tmp_path) == before
    assert len(before) == 6


@pytest.mark.parametrize(
    ("name", "is_kept"), [("own/01-mine.ipynb", False), ("a.ipynb", False), ("01-a.ipynb", True)]
)
def test_no_kernel_waits_for_a_notebook_that_is_no_page(name, is_kept):
    config = rules(NOTEBOOKS, 8866, "token")
    manager = voila_kernel_manager_factory(PageKernels, True, 1)
    settings = SimpleNamespace(preheat_denylist=config.VoilaKernelManager.preheat_denylist)
    assert manager._notebook_filter(settings, NOTEBOOKS / name) is is_kept


def test_git_leaves_own_notebooks_alone():
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a clone")
    command = [git, "check-ignore", "-q", "notebooks/own/anything.ipynb"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


@pytest.fixture
def contents(tmp_path):
    """What JupyterLab reads and saves notebooks with, in a folder with those of the pages."""
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks")
    return LargeFileManager(root_dir=str(tmp_path), pre_save_hook="protocol.dashboard.lab.without_results")


def run_and_save(contents, path, source=None, to=None):
    """Save a notebook as it is after a run on persons; return the results that its file then has."""
    model = contents.get(path)
    cells = [cell for cell in model["content"]["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        cell["source"] = source or cell["source"]
        cell["outputs"] = [nbformat.v4.new_output("stream", text="participant W-001")]
    model["content"]["metadata"]["widgets"] = {"state": {}}
    contents.save(model, to or path)
    saved = contents.get(to or path)["content"]
    assert ("widgets" in saved["metadata"]) == ("W-001" in str(saved))
    return [cell["outputs"] for cell in saved["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_of_a_page_is_saved_with_the_results_that_it_came_with(contents):
    path = "notebooks/01-overview.ipynb"
    before = [cell["outputs"] for cell in contents.get(path)["content"]["cells"] if cell["cell_type"] == "code"]
    assert "Overview page" in str(before)
    assert run_and_save(contents, path) == before
    assert run_and_save(contents, path, to="notebooks/06-copy.ipynb") == [[]]
    assert run_and_save(contents, path, source="page") == [[]]


def test_ones_own_notebooks_are_saved_with_their_results(contents):
    for to in ("notebooks/own/01-mine.ipynb", "notebooks/mine.ipynb"):
        assert "W-001" in str(run_and_save(contents, "notebooks/01-overview.ipynb", to=to))
