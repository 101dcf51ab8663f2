"""Objects of the trial in a notebook: one line, a small table as HTML, and a tidy table."""

from datetime import UTC, date, datetime

import pytest
from support import log_events
from support.log_events import NOON, WHO
from support.paths import FOLDER
from support.trial import TRIAL

from protocol.briefing import brief
from protocol.conduct import Reader, Verification, fold, open_log
from protocol.conduct.verification import Problem
from protocol.records import ProtocolError, read_record
from protocol.sites import SitesRecord


@pytest.fixture
def log(tmp_path):
    log = open_log(tmp_path / "<trial>.sqlite", clock=lambda: NOON)
    for event in log_events.beginning():
        log.append(event, **WHO)
    yield log
    log.close()


def test_a_log_shows_its_entries(log):
    assert repr(log) == "Log('<trial>.sqlite')"
    assert "&lt;trial&gt;" in log._repr_html_()
    assert "<trial>" not in log._repr_html_()
    assert list(log.table()["sequence"]) == [entry.sequence for entry in log.entries()]


def test_a_state_shows_its_participants(log):
    state = log.state()
    table = state.table().set_index("participant")
    assert repr(state) == f"State({state.head.count} entries, 1 participants, {len(state.decisions)} decisions)"
    assert table.loc["W-001", "regimen"] == "A1"
    assert "W-001" in state._repr_html_()
    assert fold(()).table().empty


def test_a_verification_shows_its_problems(log):
    assert repr(log.verify()) == f"Verification({log.head().count} entries, 0 problems)"
    wrong = Verification(log.head(), (Problem(2, "<changed>"),))
    assert wrong.table().to_numpy().tolist() == [[2, "<changed>"]]
    assert "&lt;changed&gt;" in wrong._repr_html_()


def test_a_trial_shows_its_facts():
    counts = f"{len(TRIAL.eligibility.criteria)} criteria, {len(TRIAL.sites)} sites"
    assert repr(TRIAL) == f"Trial('NCT05672420', {counts})"
    assert set(TRIAL.table()["label"]) == {fact.label for fact in TRIAL.identity.facts}
    assert "NCT05672420" in TRIAL._repr_html_()
    with pytest.raises(KeyError):
        TRIAL.identity["no such fact"]


def test_a_briefing_shows_its_counts():
    now = brief(TRIAL, fold(TRIAL.examples.entries), Reader(), date(2026, 11, 20), invented=True, overdue=False)
    assert f"{now.counts['enrolled']} enrolled" in repr(now)
    assert dict(now.table().to_numpy()) == now.counts
    assert "screened" in now._repr_html_()


def test_days_are_those_of_the_time_zone_of_the_record(tmp_path):
    evening = datetime(2026, 11, 20, 17, tzinfo=UTC)
    elsewhere = TRIAL.model_copy(update={"time_zone": None})
    assert (TRIAL.local_day(evening).day, elsewhere.local_day(evening).day) == (21, 20)
    text = (FOLDER / "sites.toml").read_text(encoding="utf-8")
    (tmp_path / "sites.toml").write_text(text.replace("Asia/Shanghai", "Asia/Nowhere"), encoding="utf-8")
    with pytest.raises(ProtocolError, match=r"time_zone.*Asia/Nowhere"):
        read_record(tmp_path / "sites.toml", SitesRecord)
