"""One's own notebooks: no pages, no test, not in git; the notebooks of pages are saved without results."""

import shutil
import subprocess
from types import SimpleNamespace

import pytest
from support.paths import NOTEBOOKS, ROOT
from voila.voila_kernel_manager import voila_kernel_manager_factory

from protocol.dashboard.lab import without_results
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
    assert len(before) == 5


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


def saved(path):
    cell = {"cell_type": "code", "source": "1", "outputs": [{"output_type": "stream"}], "execution_count": 3}
    model = {"type": "notebook", "content": {"metadata": {"widgets": {}}, "cells": [cell]}}
    without_results(path=path, model=model, contents_manager=None)
    return bool(cell["outputs"] or cell["execution_count"] or "widgets" in model["content"]["metadata"])


def test_the_notebook_of_a_page_is_saved_without_results_and_ones_own_with_them():
    assert not saved("notebooks/01-overview.ipynb")
    assert saved("notebooks/own/01-mine.ipynb")
    assert saved("notebooks/mine.ipynb")
