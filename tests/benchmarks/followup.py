"""Measure the follow-up of many participants and the trial's own calendar (``make bench``).

Times are printed and not judged. Run it on an otherwise idle machine.
"""

import statistics
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the folder of `support`

import numpy as np
import pandas as pd
from report import Report
from support.trial import TRIAL

from protocol.chart import Chart
from protocol.conduct import Participant, TrialSoFar
from protocol.figures import followup as figures
from protocol.followup import timelines
from protocol.followup.forecast import assumptions, simulate
from protocol.pages.followup import FollowupPage
from protocol.pages.followup.trial_board import lanes_of

TODAY = date(2026, 11, 22)
REPEATS = 7


def people(count):
    """Invent the dates of many participants."""
    draw = np.random.default_rng(1)
    enrolled = np.datetime64("2025-01-01") + draw.integers(0, 650, count)
    table = pd.DataFrame(
        {"participant": [f"P{place:04d}" for place in range(count)], "frequency": draw.integers(1, 4, count),
         "enrolment": enrolled, "start_of_therapy": enrolled + 3, "first_infusion": enrolled + 12}
    )  # fmt: skip
    return table.assign(end_of_treatment=enrolled + 26)


def trial_of(table):
    """The same participants as a trial so far."""
    members = [
        Participant(id=row.participant, site="Here", regimen=f"A{row.frequency}", enrolled=row.enrolment.date(),
                      therapy_started=row.start_of_therapy.date(), first_infusion=row.first_infusion.date())
        for row in table.itertuples()
    ]  # fmt: skip
    return TrialSoFar(invented=True, as_of=TODAY, open_regimen="A1", screened={}, participants=tuple(members))


def milliseconds(action):
    action()
    spent = []
    for _repeat in range(REPEATS):
        start = time.perf_counter()
        action()
        spent.append((time.perf_counter() - start) * 1000)
    return statistics.median(spent)


def drawing(count, view):
    """Return what draws a swimlane from nothing: rows, specification and widget."""
    table = people(count)
    ledger, lanes = timelines(TRIAL.followup, table, TODAY), lanes_of(trial_of(table), 28, {})
    first, last, _origin, _gap, _drawn = figures.VIEWS[view]

    def draw():
        rows = figures.lane_rows(ledger, lanes, pd.Timestamp(TODAY), view)
        count = int(rows["slot"].max()) + 1
        Chart(figures.lanes, "lanes").draw(rows, view=view, slot_count=count, domain=(first, last))

    return draw


def main():
    report, table = Report(), people(2000)
    given = assumptions(TRIAL.followup, dlt_window_days=28, cohort_size=3, enrolment=181)
    stagger = replace(given, stagger_days=7, counted_from="last")
    paths = np.array([[5, 1, 1], [5, 5, 5]])
    for what, work in {
        "2,000 participants' ledgers": lambda: timelines(TRIAL.followup, table, TODAY),
        "one participant's ledger": lambda: timelines(TRIAL.followup, table[:1], TODAY),
        "swimlane of 181, course of treatment": drawing(181, "course"),
        "swimlane of 181, two years": drawing(181, "years"),
        "20,000 runs of the trial calendar": lambda: simulate(given, paths, 20_000, 1),
        "the same with another assumption": lambda: simulate(stagger, paths, 20_000, 1),
        "the follow-up page": lambda: FollowupPage(TRIAL, TODAY),
    }.items():
        report.figure(what, milliseconds(work), "ms")
    return report.exit_code()


if __name__ == "__main__":
    sys.exit(main())
