"""Measure the topic "effect" (``make bench``): exact boundaries, their calibration, grades and recovery.

Times depend on the machine and are printed; grades and recovery are judged against a bare numpy pass over as many
draws. Exit code 3 when a ratio is missed. Run it on an otherwise idle machine.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import sys
import time

import numpy as np
from report import Report

from protocol.effect import (
    Aims,
    Draws,
    Given,
    bop2_joint,
    calibrate_bop2,
    cells_of,
    definitions,
    grade,
    recovery,
    watch,
)

REPEATS = 5

LOOKS = tuple(range(5, 61, 5))
"""Twelve looks at up to 60 participants."""

DRAWS, PER_PERSON = 1_000_000, 40

MOST = 10
"""Grades and recovery, as times of a bare pass over the draws: sort, compare and count."""


def seconds(work, repeats=REPEATS):
    """Median time of `work`, which takes the number of the call, after one call that warms it up."""
    taken = []
    for number in range(repeats + 1):
        start = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def truths(shift):
    """The four truths of the two outcomes; shifted a little, so that no call meets the results of another."""
    rates = [(0.5, 0.3), (0.5, 0.15), (0.7, 0.3), (0.7, 0.15)]
    return [cells_of(e + shift, t, correlation=0.1) for e, t in rates]


def joint(scale, power):
    """BOP2 with both endpoints under a prior of one participant."""
    return bop2_joint(LOOKS, (0.2, 0.3, 0.1, 0.4), scale, power, response_limit=0.5, toxicity_limit=0.3)


def boundaries(report):
    """Exact operating characteristics and calibration of BOP2 with both endpoints: 60 participants, twelve looks."""
    found = joint(0.8, 0.8)
    taken = seconds(lambda number: found.operating(truths(1e-4 * number)))
    report.figure("BOP2, both endpoints, 60 participants, 12 looks: exact operation", 1000 * taken, "ms")
    taken = seconds(
        lambda number: calibrate_bop2(joint, truths(1e-4 * number)[:-1], truths(1e-4 * number)[-1], 0.1), 2
    )
    report.figure("its calibration over 100 lambdas and 20 gammas, dependent outcomes", taken, "s")

    def watched(number):
        aims = Aims(60, first=5, every=5, safe=0.15, toxic=0.3 + 1e-4 * number, futile=0.5, good=0.7, level=0.1)
        return watch("bop2_both", aims)

    report.figure("the same with independent outcomes, as the page does it", seconds(watched, 2), "s")


def counts(report):
    """Grades and recovery of a million draws."""
    random = np.random.default_rng(1)
    who = np.repeat(np.arange(DRAWS // PER_PERSON), PER_PERSON)
    day = np.tile(np.arange(PER_PERSON), DRAWS // PER_PERSON)
    fall = np.abs(day - random.integers(10, 25, DRAWS // PER_PERSON).repeat(PER_PERSON)) / 10
    value = np.round(fall * np.exp(random.normal(0, 0.3, DRAWS)), 2)
    transfused = Given(who[::9], day[::9])

    def bare(_number):
        order = np.lexsort((day, who))
        return np.bincount(who[order], value[order] < 0.5).sum()

    def graded(_number):
        return grade("Neutrophil count decreased", value, "10^9/L", version="5.0", normal_limit=1.8)

    def neutrophils(_number):
        return recovery(Draws(who, day, value, analyte="neutrophils", unit="10^9/L"), definitions()["anc500_3v"])

    def platelets(_number):
        own = Draws(who, day, 40 * value, analyte="platelets", unit="10^9/L")
        return recovery(own, definitions()["plt20_3v_7d"], transfusions=transfused)

    base, times = seconds(bare), {work.__name__: seconds(work, 3) for work in (graded, neutrophils, platelets)}
    for name, taken in times.items():
        report.figure(f"{DRAWS:,} draws, {name}", taken, "s")
        report.ratio(f"{name}: to a bare pass", taken / base, MOST)
    report.figure("grades and recovery of the neutrophils together", times["graded"] + times["neutrophils"], "s")


if __name__ == "__main__":
    result = Report()
    boundaries(result)
    counts(result)
    sys.exit(result.exit_code())
