"""Fixtures: a running dashboard on the loopback interface, and Chromium."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import sync_playwright
from support.paths import NOTEBOOKS

SECONDS = 90_000  # patience for anything on a busy machine, in Playwright's milliseconds

# Pages with one thing each that the tests try in a browser.
WORKSHOP = {
    "01-picture": """
        from support.chart_page import picture_page
        picture_page()""",
    "03-state": """
        from support.state_page import state_page
        state_page()""",
    "04-kit": """
        from support.kit_page import kit_page
        kit_page()""",
    "02-broken": 'raise RuntimeError("secret of the kitchen")',
}


@dataclass
class Served:
    """A running dashboard."""

    address: str
    process: subprocess.Popen

    @property
    def root(self):
        return "{0.scheme}://{0.netloc}".format(urlsplit(self.address))

    def page(self, name):
        return f"{self.root}/voila/render/{name}.ipynb"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def dashboard_of(folder, log, *arguments, **more):
    environment = os.environ | more | {"PYTHONPATH": os.pathsep.join(sys.path)}
    if "--port" not in arguments:  # several tests start a dashboard at the same time
        arguments = (*arguments, "--port", str(free_port()))
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "protocol", "dashboard", str(folder), "--no-browser", *arguments],
            stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, start_new_session=True,
        )  # fmt: skip
    try:
        found = re.search(r"https?://\S+", process.stdout.readline())
        assert found, log.read_text()
        yield Served(found.group(), process)
    finally:
        process.stdout.close()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def serve():
    return dashboard_of


@pytest.fixture(scope="session")
def dashboard(chromium, tmp_path_factory):
    with dashboard_of(NOTEBOOKS, tmp_path_factory.mktemp("log") / "dashboard.txt") as served:
        yield served


@pytest.fixture(scope="session")
def workshop(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("workshop")
    for name, source in WORKSHOP.items():
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell("\n".join(line.strip() for line in source.strip().splitlines()))],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / "secrets.toml").write_text("participant = 1")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    with dashboard_of(folder, tmp_path_factory.mktemp("log") / "workshop.txt") as served:
        yield served


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield browser
        browser.close()


@dataclass
class Visit:
    """A tab that remembers what went wrong in it."""

    tab: object
    elsewhere: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    def open(self, served, name):
        self.tab.goto(served.address)
        self.tab.goto(served.page(name))
        self.tab.wait_for_selector("#loading", state="detached")


@contextmanager
def visiting(browser, width, height):
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(SECONDS)
    visit = Visit(context.new_page())
    visit.tab.on("request", lambda request: note_elsewhere(visit, request.url))
    visit.tab.on("pageerror", lambda error: visit.errors.append(str(error)))
    visit.tab.on("console", lambda said: said.type == "error" and visit.errors.append(said.text))
    yield visit
    context.close()
    assert visit.elsewhere == [], "a request left this machine"


def note_elsewhere(visit, url):
    parts = urlsplit(url)
    if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
        visit.elsewhere.append(url)


@pytest.fixture(scope="module")
def visitor(browser):
    """Opens a tab of a width and height; for a page at which several tests look."""
    return partial(visiting, browser)


@pytest.fixture
def laptop(browser):
    with visiting(browser, 1280, 800) as visit:
        yield visit


@pytest.fixture
def phone(browser):
    with visiting(browser, 390, 844) as visit:
        yield visit
