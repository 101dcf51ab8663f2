"""Measure the dashboard: opening a page, a slider's way to the picture, memory (``make bench``).

Exit code 3 when the ratio to a bare Voila page is missed. Run it on an otherwise idle machine.
"""

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the folder of `support`

import nbformat
import psutil
from playwright.sync_api import sync_playwright
from report import Report
from support.kernels import kernels
from support.paths import NOTEBOOKS

OPENINGS, PRESSES = 5, 40
MOST = 1.0  # times a bare Voila page with a slider and a chart
READY = ".pw-page :is(h2, h3, button, label) >> visible=true"
DRAWN = """[...document.querySelectorAll('.pw-chart')]
  .every((one) => !one.checkVisibility() || one.querySelector('svg'))"""
BARE = """import altair, ipywidgets
altair.JupyterChart.enable_offline()
bars = altair.Chart(altair.Data(values=[{"a": 1, "b": 2}])).mark_bar().encode(x="a:Q", y="b:Q")
ipywidgets.VBox([ipywidgets.IntSlider(), altair.JupyterChart(bars)])"""
BARE_READY = ".vega-embed :is(svg, canvas) >> visible=true"
GRID = "from support.chart_page import picture_page\npicture_page()"

# From the key press to the first change of the drawing, both seen by the browser's own clock.
ANSWER_MS = """(picture) => new Promise((resolve) => {
  const seen = (what) => [...document.querySelectorAll(what)].find((one) => one.checkVisibility());
  const chart = seen(picture);
  const watcher = new MutationObserver(() => { watcher.disconnect(); resolve(performance.now() - pressed); });
  let pressed;
  watcher.observe(chart, { subtree: true, childList: true, characterData: true, attributes: true });
  pressed = performance.now();
  const key = { key: 'ArrowRight', code: 'ArrowRight', keyCode: 39, bubbles: true };
  seen('[role=slider]').dispatchEvent(new KeyboardEvent('keydown', key));
})"""


def write_notebook(folder, name, source):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / name)


@contextmanager
def running(command, ready):
    """Run a server until the block ends; yield the process and what `ready` found in its words."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    try:
        yield process, next(found for line in process.stdout if (found := re.search(ready, line))).group()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def cpu_seconds(process):
    seconds = {}
    for child in kernels(process).values():
        with suppress(psutil.Error):
            seconds[child.pid] = sum(child.cpu_times()[:2])
    return seconds


def wait_for_warm(process, count):
    """Wait until every page's spare kernel has computed its page: none uses the processor any more."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        before = cpu_seconds(process)
        time.sleep(2)
        after = cpu_seconds(process)
        if len(after) >= count and all(after[pid] - before.get(pid, 0) < 0.1 for pid in after):
            return
    raise TimeoutError("the kernels are still busy after two minutes")


def opening_seconds(browser, process, count, login, address, sign):
    """Time until the sign that the page is there and no picture in sight is empty; a page is ready, the tab new."""
    wait_for_warm(process, count)
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(login)
    start = time.perf_counter()
    tab.goto(address)
    tab.wait_for_selector(sign)
    tab.wait_for_function(DRAWN)
    seconds = time.perf_counter() - start
    context.close()
    return seconds


@contextmanager
def bare_voila(folder):
    """Run stock Voila on a page with a slider and an Altair chart; yield the process and the page's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "voila", str(folder), "--no-browser", f"--port={port}", "--preheat_kernel=True"]
    with running(command, r"http://\S+") as (process, _):
        yield process, f"http://127.0.0.1:{port}/voila/render/bare.ipynb"


def slider_ms(browser, address, root, name, tab_name=None, picture=".pw-chart", fold=None):
    """Median time from a key on the first slider of a page to the change of `picture`, the first one if left out.

    The slider may stand in a tab, and there in a part that is folded.
    """
    tab = browser.new_page()
    tab.goto(address)
    tab.goto(f"{root}/voila/render/{name}")
    if tab_name:
        tab.get_by_role("tab", name=tab_name).click()
    if fold:
        tab.get_by_role("button", name=fold).click()
    tab.wait_for_selector(".pw-chart svg >> visible=true")
    tab.wait_for_selector("[role=slider] >> visible=true")
    answers = []
    for _ in range(PRESSES):
        tab.locator("[role=slider] >> visible=true").first.focus()
        answers.append(tab.evaluate(ANSWER_MS, picture))
        tab.wait_for_timeout(100)
    tab.close()
    return statistics.median(answers)


def kernel_mb(browser, process, address, root, name):
    tab = browser.new_page()
    tab.goto(address)
    tab.goto(f"{root}/voila/render/{name}")
    tab.wait_for_selector(READY)
    kernel = tab.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    memory = kernels(process)[kernel[:8]].memory_info().rss / 2**20
    tab.close()
    return memory


def measure(report, browser, folder):
    launch = [sys.executable, "-m", "protocol", "dashboard", "--no-browser"]
    with running([*launch, str(folder / "01-grid")], r"http://\S+") as (process, address):
        wait_for_warm(process, 1)
        taken = slider_ms(browser, address, address.partition("/?")[0], "01-grid.ipynb")
        report.figure("slider to picture, median", taken, "ms")
    names = sorted(file.name for file in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    start = time.perf_counter()
    with running([*launch, str(NOTEBOOKS)], r"http://\S+") as (process, address):
        report.figure("launcher answers", time.perf_counter() - start, "s")
        root = address.partition("/?")[0]
        wait_for_warm(process, len(names))
        taken = slider_ms(browser, address, root, "02-eligibility.ipynb", "Cohort", fold="Thresholds and readings")
        report.figure("threshold to funnel of 500, median", taken, "ms")
        figures = ":is(.pw-characteristics.pw-chart, .pw-characteristics .pw-chart)"
        taken = slider_ms(browser, address, root, "03-escalation.ipynb", "Design lab", figures)
        report.figure("true DLT rate to 2,000 trials, median", taken, "ms")
        with bare_voila(folder / "bare") as (stock, plain):
            for name in names:
                page, pairs = f"{root}/voila/render/{name}", []
                for _ in range(OPENINGS):  # in turn, so that a busy moment of the machine meets both
                    bare = opening_seconds(browser, stock, 1, plain, plain, BARE_READY)
                    pairs.append((bare, opening_seconds(browser, process, len(names), address, page, READY)))
                report.figure(f"{name}, warm, median", statistics.median(ours for _, ours in pairs), "s")
                report.figure("a bare Voila page, warm, median", statistics.median(bare for bare, _ in pairs), "s")
                ratio = statistics.median(ours / bare for bare, ours in pairs)
                report.ratio(f"{name} to a bare Voila page, median of pairs", ratio, MOST)
                wait_for_warm(process, len(names))
                report.figure(f"{name}: kernel RSS", kernel_mb(browser, process, address, root, name), "MB")


def main():
    report = Report()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        for name, source in (("bare", BARE), ("01-grid", GRID)):
            folder = Path(scratch) / name
            folder.mkdir()
            write_notebook(folder, f"{name}.ipynb", source)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        measure(report, browser, Path(scratch))
        browser.close()
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(main())
