"""Measure the follow-up of many participants and the trial's own calendar (``make bench``).

Exit code 1 when a figure is over its limit. Run it on an otherwise idle machine.
"""

import statistics
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from protocol.chart import Chart
from protocol.conduct import Participation, TrialSoFar
from protocol.figures import followup_trial as figures
from protocol.followup import timelines
from protocol.followup.forecast import assumptions, simulate
from protocol.pages.followup import FollowupPage
from protocol.pages.followup.board import lanes_of
from protocol.trial import load_trial

TODAY = date(2026, 11, 22)
TRIAL = load_trial(Path(__file__).parents[2] / "data" / "NCT05672420")
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
        Participation(id=row.participant, site="Here", regimen=f"A{row.frequency}", enrolled=row.enrolment.date(),
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
    """Draw a swimlane from nothing: rows, specification and widget."""
    table = people(count)
    ledger, lanes = timelines(TRIAL.followup, table, TODAY), lanes_of(trial_of(table), 28, {})
    first, last, _origin, _gap, _drawn = figures.VIEWS[view]

    def draw():
        rows = figures.lane_rows(ledger, lanes, pd.Timestamp(TODAY), view)
        count = int(rows["slot"].max()) + 1
        Chart(figures.lanes, "lanes").draw(rows, view=view, slot_count=count, domain=(first, last))

    return milliseconds(draw)


def measured():
    """Yield each figure as (what, value in ms, limit)."""
    table = people(2000)
    yield "2,000 participants' ledgers, ms", milliseconds(lambda: timelines(TRIAL.followup, table, TODAY)), 50
    yield "one participant's ledger, ms", milliseconds(lambda: timelines(TRIAL.followup, table[:1], TODAY)), None
    yield "swimlane of 181, course of treatment, ms", drawing(181, "course"), 500
    yield "swimlane of 181, two years, ms", drawing(181, "years"), 500
    given = assumptions(TRIAL.followup, dlt_window_days=28, cohort_size=3, enrolment=181)
    paths = np.array([[5, 1, 1], [5, 5, 5]])
    yield "20,000 runs of the trial calendar, ms", milliseconds(lambda: simulate(given, paths, 20_000, 1)), 250
    stagger = replace(given, stagger_days=7, counted_from="last")
    yield "the same with another assumption, ms", milliseconds(lambda: simulate(stagger, paths, 20_000, 1)), 250
    yield "the follow-up page, ms", milliseconds(lambda: FollowupPage(TRIAL, TODAY)), 500


def main():
    over = 0
    for what, value, limit in measured():
        exceeded = limit is not None and value > limit
        over += exceeded
        print(f"{what:45} {value:8.2f}" + (f"  limit {limit}{'  OVER' if exceeded else ''}" if limit else ""))
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
