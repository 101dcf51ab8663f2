"""Notebooks and a figure, run in a real JupyterLab: nothing red, no error in the console, nothing from outside."""

import os
import re
import shutil
import signal
import subprocess
import sys

import nbformat
import pytest
from support.paths import DATA, NOTEBOOKS

pytestmark = pytest.mark.browser

PAGES = ["01-overview.ipynb", "02-eligibility.ipynb"]  # what all of them show is compared by nbval

FIGURE = """
from datetime import date
from protocol import load_trial
from protocol.figures import eligibility as figures
import pandas as pd

record = load_trial("../data/NCT05672420").eligibility
ages = pd.DataFrame({"participant_id": ["W-1", "W-2"], "age_years": [30, 15]})
screened = record.cohort(ages).screen("Ib")
figures.funnel(screened.funnel(), total=2)
"""

TABS = """
from protocol.pages.kit import Tabs, Text, framed

names = ["Decision", "Operating characteristics", "Comparison of designs", "Calibration", "Statistical section"]
framed(Tabs({str(number): (name, Text(name)) for number, name in enumerate(names)}))
"""

# Messages of JupyterLab and of the browser that say nothing of the notebook.
NOISE = re.compile(
    r"favicon|404 \(Not Found\)|ResizeObserver|preload|Blocked aria-hidden|translations", re.IGNORECASE
)


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copytree(DATA, folder / "data")
    figure = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(FIGURE)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(figure, folder / "notebooks" / "figure.ipynb")
    figure.cells[0].source = TABS
    nbformat.write(figure, folder / "notebooks" / "tabs.ipynb")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "protocol", "lab", "--no-browser", "--port=0", "--", "--allow-root",
         "--LabApp.expose_app_in_browser=True"],
        stderr=subprocess.PIPE, text=True, cwd=folder, env=environment, start_new_session=True,
    )  # fmt: skip
    address = None
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+/lab\S*token=\w+", line):
            address = found.group()
            break
    assert address
    root, token = address.split("/lab", 1)[0], address.rsplit("token=", 1)[1]
    yield lambda name: f"{root}/lab/tree/notebooks/{name}?reset&token={token}"
    os.killpg(process.pid, signal.SIGKILL)
    process.stderr.close()
    process.wait()


RUN = """async () => {
    const {sessionContext} = jupyterapp.shell.currentWidget;
    await sessionContext.ready;
    await sessionContext.session.kernel.info;
    await jupyterapp.commands.execute('notebook:run-all-cells');
}"""


def run(laptop, address):
    laptop.tab.goto(address)
    laptop.tab.wait_for_selector(".jp-Notebook .jp-CodeCell")
    laptop.errors.clear()  # those of JupyterLab's own start
    laptop.tab.evaluate(RUN)


def assert_nothing_red(laptop):
    red = "[data-mime-type='application/vnd.jupyter.stderr'], [data-mime-type='application/vnd.jupyter.error']"
    assert laptop.tab.locator(f".jp-OutputArea {red}").all_inner_texts() == []
    assert [error for error in laptop.errors if not NOISE.search(error)] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_in_jupyterlab_without_a_red_block_or_an_error(lab, laptop, name):
    run(laptop, lab(name))
    laptop.tab.wait_for_selector(".jp-OutputArea-output .pw-page, .jp-OutputArea-output h1")
    laptop.tab.wait_for_timeout(3000)  # errors of late messages, of which the page shows no sign
    assert_nothing_red(laptop)


def test_a_figure_of_the_library_draws_itself_without_a_network(lab, laptop):
    run(laptop, lab("figure.ipynb"))
    picture = laptop.tab.locator(".jp-OutputArea-output .pw-chart svg")
    picture.get_by_text("I1", exact=True).wait_for()
    assert_nothing_red(laptop)


CUT_TABS = """() => {
  const pane = document.querySelector(".jp-OutputArea-output .pw-page").getBoundingClientRect();
  const tabs = [...document.querySelectorAll(".jp-OutputArea-output [role=tab]")];
  return tabs.filter((tab) => tab.getBoundingClientRect().right > Math.min(pane.right, innerWidth) + 1
    || tab.scrollWidth > tab.clientWidth + 1).map((tab) => tab.textContent);
}"""


def test_tabs_of_a_page_wrap_in_a_narrow_pane_and_are_not_cut(lab, laptop):
    run(laptop, lab("tabs.ipynb"))
    tabs = laptop.tab.locator(".jp-OutputArea-output [role=tab]")
    tabs.last.wait_for()
    for width in (1400, 820, 640):
        laptop.tab.set_viewport_size({"width": width, "height": 800})
        laptop.tab.wait_for_function(f"() => ({CUT_TABS})().length === 0")
    tops = tabs.evaluate_all("tabs => tabs.map((tab) => Math.round(tab.getBoundingClientRect().top))")
    assert len(set(tops)) > 1, "the pane is not narrow"
    assert_nothing_red(laptop)
