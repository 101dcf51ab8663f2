"""Settings, markers and fixtures of all tests."""

import os
import shutil
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from support import postgresql_server
from support.trial import TRIAL

settings.register_profile("workbook", deadline=None, derandomize=True)  # a red run can be repeated by anyone
settings.load_profile("workbook")

MARKERS = {
    "chromium": "browser",
    "serve": "server",
    "dashboard": "server",
    "workshop": "server",
    "postgresql": "server",
    "spark": "spark",
    "cluster": "spark",
}


def pytest_itemcollected(item):
    """Mark a test by the fixtures that it asks for."""
    for marker in {MARKERS[name] for name in getattr(item, "fixturenames", ()) if name in MARKERS}:
        item.add_marker(marker)
    if item.get_closest_marker("requirement"):
        item.user_properties.append(("requirement", True))  # goes with each report, also from another process


RANKS = ("passed", "skipped", "failed")


class RequirementResults:
    """Keeps the last result of each test of a requirement in pytest's cache, for docs/traceability.md."""

    def __init__(self, config):
        self.cache, self.found = config.cache, {}

    def pytest_runtest_logreport(self, report):
        if ("requirement", True) in map(tuple, report.user_properties) and (
            report.when == "call" or report.outcome != "passed"
        ):
            name = report.nodeid.partition("[")[0]
            before = self.found.get(name, {"outcome": "passed"})["outcome"]
            worst = max(before, report.outcome, key=RANKS.index)
            self.found[name] = {"outcome": worst, "day": f"{datetime.now(UTC):%Y-%m-%d}"}

    def pytest_sessionfinish(self):
        if self.found:
            self.cache.set("requirements/results", self.cache.get("requirements/results", {}) | self.found)


def pytest_configure(config):
    if not hasattr(config, "workerinput") and hasattr(config, "cache"):  # the one process that hears of every test
        config.pluginmanager.register(RequirementResults(config))


@pytest.fixture(scope="session")
def trial():
    return TRIAL


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium; in continuous integration it must be there."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("needs Chromium; on Debian and Ubuntu: apt-get install chromium fonts-noto-cjk")
    return found


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server on loopback; in continuous integration its programs must be there."""
    folder = postgresql_server.binaries()
    if folder is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("needs PostgreSQL; on Debian and Ubuntu: apt-get install postgresql")
    server = postgresql_server.Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def log_url(request, tmp_path):
    """An empty place for a log, once a file and once a database."""
    if request.param == "sqlite":
        return str(tmp_path / "trial.sqlite")
    return request.getfixturevalue("postgresql").database()
