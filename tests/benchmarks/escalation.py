"""Measure the simulation of every design (``make bench``): time a trial, and against the bare draws.

Exit code 3 when a ratio is missed. Run it on an otherwise idle machine.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core, like the bare draws

import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the folder of `support`

import numpy as np
from report import Report
from support.paths import FOLDER
from support.trial import ESCALATION

from protocol.escalation import DESIGNS, Outcomes, simulate

REPEATS, PARTICIPANTS = 5, 60
MOST = 50  # times the bare draws
TRIALS = {"PIPE": 2_000, "POCRM": 1_000, "Two-agent logistic": 500}  # fewer than 10,000 for the slower designs
BY_TABLE = {"BOIN (2-D)", "Keyboard (2-D)"}  # held to the bare draws
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


def once(work):
    """Time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def seconds(work):
    """Median time of `work` after one call that warms it up."""
    work()
    return statistics.median(once(work) for _ in range(REPEATS))


def times(work, base):
    """How many times as long as `base` a call of `work` takes; both in turn, as a machine is not always as fast."""
    return statistics.median(once(work) / statistics.median(once(base) for _ in range(3)) for _ in range(REPEATS))


def _draws(trials):
    return np.random.default_rng(1).random((trials, PARTICIPANTS))


def simulations(report):
    """Time of one simulated trial under every design, and against the bare draws."""
    for name in DESIGNS:
        design, trials = ESCALATION.designed(name), TRIALS.get(name, 10_000)
        draws = partial(_draws, trials)
        for scenario in ESCALATION.scenarios:
            simulated, label = partial(simulate, design, scenario.truth, trials, 1), f"{name}, {scenario.id}"
            report.figure(f"{label}: {trials:,} trials, each", 1000 * seconds(simulated) / trials, "ms")
            if name in BY_TABLE:
                report.ratio(f"{label}: to the bare draws", times(simulated, draws), MOST)
    rules = ESCALATION.rules(most_pending=0.5, backfill=True)
    taken = seconds(lambda: simulate(ESCALATION.designed(), ESCALATION.scenarios[0].truth, 2_000, 1, rules=rules))
    report.figure("BOIN (2-D) by the calendar, late outcomes and backfill: each trial", taken / 2, "ms")


def one_trial(report):
    """Time of one advice and of one selection; the calls that every page makes."""
    outcomes = Outcomes.parse(ESCALATION.grid, "A1:NNNNNN B1:NNNNNN C1:NNNTNN C2:NNTNNTNNT D1:TTNNNN")
    for name in DESIGNS:
        if name == "3+3 along a path":
            continue  # it has no more than six at a regimen, and none beside its path
        design, at = ESCALATION.designed(name), [ESCALATION.grid.index("C2")]
        for what, call in {
            "next": lambda d=design, a=at: d.next(outcomes, a),
            "selected": lambda d=design: d.selected(outcomes),
        }.items():
            report.figure(f"{name}: {what} for one trial", 1000 * seconds(call), "ms")


def fresh_processes(report):
    """What the first call in a process takes more than later ones: tables, imports."""
    for name in DESIGNS:
        line = [sys.executable, "-c", FRESH, str(FOLDER), name]
        more = float(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
        report.figure(f"{name}: first call in a fresh process, more than later ones", more, "s")


def memory(report):
    """Peak memory of 100,000 trials, the program itself included."""
    simulate(ESCALATION.designed(), ESCALATION.scenarios[0].truth, MANY, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.figure(f"BOIN (2-D): {MANY:,} trials, memory at the most", peak, "MB")


def main():
    report = Report()
    for part in (memory, one_trial, fresh_processes, simulations):
        part(report)
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(main())
