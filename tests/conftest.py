"""Settings, markers and fixtures of all tests."""

import os
import shutil

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
