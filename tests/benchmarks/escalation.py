"""Measure the simulation of every design (``make bench``): time a trial, and against the bare draws.

Exit code 1 when a figure is over its limit. Run it on an otherwise idle machine.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core, as the limits are meant

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from protocol.escalation import DESIGNS, Outcomes, simulate
from protocol.trial import load_trial

FOLDER = Path(__file__).parents[2] / "data" / "NCT05672420"
RECORD = load_trial(FOLDER).escalation
REPEATS, PARTICIPANTS = 5, 60
RATIO = 50  # times the bare draws
LIMITS = {  # milliseconds a trial
    "BOIN (2-D)": 0.005,
    "Keyboard (2-D)": 0.005,
    "Waterfall": None,
    "PIPE": 0.1,
    "POCRM": 1.0,
    "Two-agent logistic": 10.0,
    "Utility of response and toxicity": None,
    "3+3 along a path": 0.005,
}
TRIALS = {"PIPE": 2_000, "POCRM": 1_000, "Two-agent logistic": 500}  # fewer than 10,000 for the slower designs
BY_TABLE = {"BOIN (2-D)", "Keyboard (2-D)"}  # held to the bare draws
ONE_TRIAL_MS, FRESH_SECONDS, MEMORY_MB = 1.0, 1.0, 500
MANY = 100_000
FRESH = """
import sys, time
from pathlib import Path
from protocol.escalation import EscalationRecord, simulate
from protocol.records import read_record
record = read_record(Path(sys.argv[1]) / "escalation.toml", EscalationRecord)
taken, design = [], record.designed(sys.argv[2])
for _ in range(4):
    began = time.perf_counter()
    simulate(design, record.scenarios[0].truth, 200, 1)
    taken.append(time.perf_counter() - began)
print(taken[0] - sorted(taken[1:])[1])
"""


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


def simulations():
    """Time of one simulated trial under every design, and against the bare draws."""
    over = 0
    for name in DESIGNS:
        design, trials = RECORD.designed(name), TRIALS.get(name, 10_000)
        draws = seconds(lambda trials=trials: np.random.default_rng(1).random((trials, PARTICIPANTS)))
        for scenario in RECORD.scenarios:
            taken = seconds(lambda d=design, t=trials, s=scenario: simulate(d, s.truth, t, 1))
            label = f"{name}, {scenario.id}"
            over += report(f"{label}: {trials:,} trials, ms a trial", 1000 * taken / trials, LIMITS[name])
            if name in BY_TABLE:
                over += report(f"{label}: times the bare draws", taken / draws, RATIO)
    rules = RECORD.rules(most_pending=0.5, backfill=True)
    taken = seconds(lambda: simulate(RECORD.designed(), RECORD.scenarios[0].truth, 2_000, 1, rules=rules))
    report("BOIN (2-D) by the calendar, late outcomes and backfill, ms a trial", taken / 2, None)
    return over


def one_trial():
    """Time of one advice and of one selection; the calls that every page makes."""
    over, outcomes = 0, Outcomes.parse(RECORD.grid, "A1:NNNNNN B1:NNNNNN C1:NNNTNN C2:NNTNNTNNT D1:TTNNNN")
    for name in DESIGNS:
        if name == "3+3 along a path":
            continue  # it has no more than six at a regimen, and none beside its path
        design, at = RECORD.designed(name), [RECORD.grid.index("C2")]
        for what, call in {
            "next": lambda d=design, a=at: d.next(outcomes, a),
            "selected": lambda d=design: d.selected(outcomes),
        }.items():
            over += report(f"{name}: {what} for one trial, ms", 1000 * seconds(call), ONE_TRIAL_MS)
    return over


def fresh_processes():
    """What the first call in a process takes more than later ones: tables, imports."""
    over = 0
    for name in DESIGNS:
        line = [sys.executable, "-c", FRESH, str(FOLDER), name]
        more = float(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
        over += report(f"{name}: first call in a fresh process, seconds more", more, FRESH_SECONDS)
    return over


def memory():
    """Peak memory of 100,000 trials, the program itself included."""
    simulate(RECORD.designed(), RECORD.scenarios[0].truth, MANY, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return report(f"BOIN (2-D): {MANY:,} trials, MB at the most", peak, MEMORY_MB)


def main():
    return int(memory() + one_trial() + fresh_processes() + simulations() > 0)


if __name__ == "__main__":
    sys.exit(main())
