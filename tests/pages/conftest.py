"""A real log for the pages: the first months of the invented example, recorded one by one."""

from pathlib import Path

import pytest
from example_log import copied, record_all

from protocol.trial import load_trial

FIRST = 260  # entries: four cohorts, and a fifth that is being watched


@pytest.fixture(scope="session")
def trial():
    return load_trial(Path(__file__).parents[2] / "data" / "NCT05672420")


@pytest.fixture(scope="session")
def recorded(trial, tmp_path_factory):
    return record_all(tmp_path_factory.mktemp("log") / "trial.sqlite", trial.examples.entries[:FIRST])


@pytest.fixture
def log_file(recorded, tmp_path):
    return copied(recorded, tmp_path)
