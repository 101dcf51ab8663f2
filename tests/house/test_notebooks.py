"""The notebooks are compared by nbval, output by output: what is broken on purpose is seen."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support.paths import DATA, NOTEBOOKS

PAGES = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
EXPLORE = sorted((NOTEBOOKS / "explore").glob("*.ipynb"))
RULES = NOTEBOOKS / "explore" / "outputs.cfg"
"""What is not compared."""


def code(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", [*PAGES, *EXPLORE], ids=lambda path: path.stem)
def test_the_outputs_of_every_cell_are_kept_without_widgets(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert "widgets" not in notebook.metadata
    for cell in code(path):
        assert cell.execution_count, "nbval compares nothing of a cell that was not run"
        assert cell.outputs
        assert "widget-view" not in str(cell.outputs)
        assert not re.search("NBVAL|nbval|raises-exception", cell.source + str(cell.metadata))


@pytest.mark.parametrize("path", EXPLORE, ids=lambda path: path.stem)
def test_a_notebook_to_explore_has_ten_cells_a_sentence_before_each_and_a_question_as_title(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert len(notebook.cells) <= 10
    assert {cell.cell_type for cell in notebook.cells[::2]} == {"markdown"}
    assert {cell.cell_type for cell in notebook.cells[1::2]} == {"code"}
    assert notebook.cells[0].source.startswith(f"# {notebook.metadata.title}\n")
    assert notebook.metadata.title.endswith("?")


@pytest.mark.parametrize("path", [*PAGES, *EXPLORE], ids=lambda path: path.stem)
def test_a_notebook_uses_public_names_only(path: Path) -> None:
    tree = ast.parse("\n".join(cell.source for cell in code(path)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("protocol"):
            module = importlib.import_module(str(node.module))
            names = [name.name for name in node.names]
            is_package = node.module == "protocol.figures"  # its modules are what it offers
            assert [name for name in names if not is_package and name not in module.__all__] == []
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_")


BREAK_A_FIGURE = """
drawn = figures.schedule
figures.schedule = lambda frame, **settings: drawn(frame.iloc[1:], **settings)
"""
BREAK_A_PAGE = """
import protocol.pages.sites as page_module
from protocol import ProtocolError


def refuse(*_):
    raise ProtocolError("sites.toml", "nothing", "a site")


page_module.quality_notes = refuse
"""


@pytest.mark.slow
def test_a_broken_record_figure_page_and_a_missing_log_make_the_notebooks_fail(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "data")
    (tmp_path / "data/examples/log.jsonl").unlink()
    record = tmp_path / "data/NCT05672420/eligibility.toml"
    threshold = re.compile(r'(id = "bmi_max_kg_m2".*?\nvalue = )30\.0', re.DOTALL)
    text, count = threshold.subn(r"\g<1>35.0", record.read_text(encoding="utf-8"), count=1)
    assert count == 1
    record.write_text(text, encoding="utf-8")
    patient, visits, page = code(EXPLORE[0]), code(EXPLORE[5]), code(PAGES[4])
    new = nbformat.v4.new_code_cell
    cells = {
        "as it is": visits[0],
        "to break": new("from protocol.figures import followup as figures" + BREAK_A_FIGURE, execution_count=1),
        "figure": visits[1],
        "record": patient[0],
        "no log": page[0],
        "to break a page": new(BREAK_A_PAGE, execution_count=1),
        "page": page[0],
    }
    numbered = [nbformat.from_dict({**cell, "id": str(number)}) for number, cell in enumerate(cells.values())]
    notebook = nbformat.v4.new_notebook(cells=numbered)
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks/broken.ipynb")
    command = [sys.executable, "-m", "pytest", "-rA", "--color=no", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    command += ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(RULES), "notebooks/broken.ipynb"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    lines = re.findall(r"^(PASSED|FAILED) \S+::Cell (\d)", said, re.MULTILINE)
    found = {int(cell): verdict for verdict, cell in lines}
    failed = [name for number, name in enumerate(cells) if found.get(number) == "FAILED"]
    assert failed == ["figure", "record", "no log", "page"], said
    assert len(found) == len(cells)
    assert "without a log" in said
    assert "sites.toml: found nothing; write a site" in said
