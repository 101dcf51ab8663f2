"""How tests run: the same examples everywhere, and a browser where there is one."""

import os
import shutil

import pytest
from hypothesis import settings

settings.register_profile("workbook", deadline=None, derandomize=True)  # a red run can be repeated by anyone
settings.load_profile("workbook")


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium; in continuous integration it must be there."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("needs Chromium; on Debian and Ubuntu: apt-get install chromium fonts-noto-cjk")
    return found
