"""Measure the simulation of every design (``make bench``): time a trial, and against the bare draws.

Exit code 1 when a figure is over its limit. Run it on an otherwise idle machine.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core, as the limits are meant

import statistics
import sys
import time
from pathlib import Path

import numpy as np

from protocol.escalation import DESIGNS, simulate
from protocol.trial import load_trial

RECORD = load_trial(Path(__file__).parents[2] / "data" / "NCT05672420").escalation
REPEATS, PARTICIPANTS = 5, 60
RATIO = 50  # times the bare draws, interval designs
LIMITS = {  # milliseconds a trial
    "BOIN (2-D)": 0.005,
    "Keyboard (2-D)": 0.005,
    "PIPE": 0.1,
    "POCRM": 1.0,
    "3+3 along a path": 0.005,
}
TRIALS = {"PIPE": 2_000, "POCRM": 1_000}  # fewer than 10,000 for the slower designs


def seconds(work):
    """Median time of `work` after one call that warms it up."""
    work()
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def report(what, value, limit):
    print(f"{what:58} {value:10.4f}" + (f"  limit {limit}{'  OVER' * (value > limit)}" if limit else ""), flush=True)
    return limit is not None and value > limit


def main():
    over = 0
    for name in DESIGNS:
        design, trials = RECORD.designed(name), TRIALS.get(name, 10_000)
        draws = seconds(lambda trials=trials: np.random.default_rng(1).random((trials, PARTICIPANTS)))
        for scenario in RECORD.scenarios:
            taken = seconds(lambda d=design, t=trials, s=scenario: simulate(d, s.truth, t, 1))
            label = f"{name}, {scenario.id}"
            over += report(f"{label}: {trials:,} trials, ms a trial", 1000 * taken / trials, LIMITS.get(name))
            if LIMITS.get(name, 1) <= 0.005:
                over += report(f"{label}: times the bare draws", taken / draws, RATIO)
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
