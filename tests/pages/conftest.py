"""Fixtures: a real log with the first months of the invented example."""

import pytest
from support.example_log import copied, record_all

FIRST = 529  # entries: four cohorts, and a fifth that is being watched


@pytest.fixture(scope="session")
def recorded(trial, tmp_path_factory):
    return record_all(tmp_path_factory.mktemp("log") / "trial.sqlite", trial.examples.entries[:FIRST])


@pytest.fixture
def log_file(recorded, tmp_path):
    return copied(recorded, tmp_path)
