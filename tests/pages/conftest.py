"""Fixtures: a real log with the first months of the invented example, another with two participants, a page."""

from contextlib import closing
from datetime import date

import pytest
from support.example_log import copied, record_all
from support.participant_log import Life

from protocol.pages.eligibility import EligibilityPage

FIRST = 529  # entries: four cohorts, and a fifth that is being watched


@pytest.fixture(scope="session")
def recorded(trial, tmp_path_factory):
    return record_all(tmp_path_factory.mktemp("log") / "trial.sqlite", trial.examples.entries[:FIRST])


@pytest.fixture
def log_file(recorded, tmp_path):
    return copied(recorded, tmp_path)


@pytest.fixture
def life(trial, tmp_path):
    with closing(Life(trial, tmp_path / "trial.sqlite")) as made:
        yield made


@pytest.fixture
def cohort_page(trial):
    """The eligibility page, opened at its cohort."""
    shown = EligibilityPage(trial, date(2026, 11, 20))
    shown.tabs.value = "cohort"
    yield shown
    shown.view.close()


@pytest.fixture
def cohort(cohort_page):
    return cohort_page.cohort
