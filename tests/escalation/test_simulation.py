"""The simulation on one process, several, or a cluster: the same figures, reported early, and stopped on request."""

import os
import signal
import time

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.escalation import SCENARIOS
from support.trial import ESCALATION

from protocol.escalation import simulate
from protocol.records import ProtocolError

TRUTH = SCENARIOS["diagonal"]


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("treated", "dlt", "selected")
    ) and one.summary().equals(other.summary())


@pytest.mark.slow
@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**40), st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_trials_are_the_same_in_whichever_call_they_are_simulated(seed, before, after, timed):
    more = {"rules": ESCALATION.rules(), "response": np.full((5, 3), 0.4)} if timed else {"rules": None}
    design = ESCALATION.designed(preference="coin")
    whole = simulate(design, TRUTH, before + after, seed, **more)
    first = simulate(design, TRUTH, before, seed, **more)
    rest = simulate(design, TRUTH, after, seed, first_trial=before, **more)
    joined = first.followed_by(rest)
    assert same(whole, joined)
    if timed:
        assert np.array_equal(whole.days, joined.days)
        assert np.array_equal(whole.responded, joined.responded)


@pytest.mark.slow
def test_two_processes_give_the_figures_of_one():
    serial = simulate(ESCALATION.designed(), TRUTH, 4_000, 5)
    seen = []
    shared = simulate(ESCALATION.designed(), TRUTH, 4_000, 5, workers=2, chunk=700, progress=seen.append)
    assert same(serial, shared)
    assert [one.trials for one in seen] == [700, 1400, 2100, 2800, 3500, 4000]


@pytest.mark.slow
def test_stop_keeps_what_several_processes_have_finished():
    seen = []
    result = simulate(
        ESCALATION.designed("POCRM"), TRUTH, 100_000, 5, workers=2, chunk=100,
        progress=seen.append, stop=lambda: len(seen) >= 3,
    )  # fmt: skip
    assert 300 <= result.trials <= 1_000
    assert same(result, simulate(ESCALATION.designed("POCRM"), TRUTH, result.trials, 5))


def test_the_first_figures_come_from_a_few_trials_and_say_the_time_left():
    seen = []
    simulate(ESCALATION.designed("POCRM"), TRUTH, 300, 5, progress=seen.append)
    assert seen[0].trials == 25
    assert str(seen[0]).startswith("25 of 300 trials, about ")
    assert str(seen[-1]) == "300 of 300 trials"


def test_an_interrupt_returns_what_is_finished():
    def interrupt(result):
        if result.trials >= 200:
            raise KeyboardInterrupt

    result = simulate(ESCALATION.designed(), TRUTH, 1_000, 5, chunk=100, progress=interrupt)
    assert same(result, simulate(ESCALATION.designed(), TRUTH, 200, 5))


@pytest.mark.parametrize("workers", [0, -2, 1.5])
def test_a_number_of_processes_that_cannot_be_is_refused(workers):
    with pytest.raises(ProtocolError, match="workers"):
        simulate(ESCALATION.designed(), TRUTH, 10, 1, workers=workers)


@pytest.fixture(scope="module")
def cluster():
    from distributed import Client, LocalCluster

    quiet = {"dashboard_address": None, "host": "127.0.0.1", "silence_logs": 50}
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **quiet) as local, Client(local) as client:
        yield client


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_worker_midway_loses_nothing(cluster):
    design, killed = ESCALATION.designed("POCRM"), []

    def kill(result):
        if result.trials >= 600 and not killed:
            killed.append(next(iter(cluster.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    shared = simulate(design, TRUTH, 3_000, 9, client=cluster, chunk=200, progress=kill)
    assert killed
    assert same(shared, simulate(design, TRUTH, 3_000, 9))


@pytest.mark.filterwarnings("ignore")
def test_the_dask_backend_of_joblib_runs_the_same_call(cluster):
    with joblib.parallel_config("dask"):
        shared = simulate(ESCALATION.designed(), TRUTH, 2_000, 9, workers=-1, chunk=500)
    assert same(shared, simulate(ESCALATION.designed(), TRUTH, 2_000, 9))


@pytest.mark.filterwarnings("ignore")
def test_stop_ends_the_work_on_a_cluster(cluster):
    began, seen = time.monotonic(), []
    result = simulate(
        ESCALATION.designed("POCRM"), TRUTH, 200_000, 9, client=cluster, chunk=200,
        progress=seen.append, stop=lambda: len(seen) >= 3,
    )  # fmt: skip
    assert result.trials == 600
    assert time.monotonic() - began < 60
