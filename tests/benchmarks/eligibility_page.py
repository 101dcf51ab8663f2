"""Move the sliders of the cohort's page over a million invented participants (``make bench``).

From the value set to the last picture's rows written, in the kernel. Times are printed and not judged.
Run it on an otherwise idle machine.
"""

import statistics
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the folder of `support`

from report import Report
from support.trial import TRIAL

SIZE = 1_000_000
MOVES = {
    "bmi_max_kg_m2": [31.0, 32.0, 33.0, 29.0, 28.0, 27.0, 30.0],
    "transaminase_max_uln": [3.0, 3.5, 2.0, 2.2, 2.4, 2.6, 2.5],
    "washout_days": [21.0, 28.0, 10.0, 7.0, 20.0, 15.0, 14.0],
}


def milliseconds(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def median_and_longest(report, what, times):
    report.figure(f"{what}, median", statistics.median(times), "ms")
    report.figure(f"{what}, longest", max(times), "ms")


def page_of(report, path):
    from protocol.pages.eligibility.page import EligibilityPage

    page = EligibilityPage(TRIAL, date(2026, 11, 20))
    page.cohort.take(path)
    page.tabs.selected_index = 1
    report.figure(f"first screening of {SIZE:,}", milliseconds(page.redraw), "ms")
    return page


def main():
    from invented_cohort import write_parquet

    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        page = page_of(report, write_parquet(Path(folder) / "cohort.parquet", SIZE))
        cohort = page.cohort
        for tab, name in ((0, "Funnel"), (1, "Criteria"), (3, "Thresholds")):
            cohort.tabs.selected_index = tab
            for slider, values in MOVES.items():
                moved = [milliseconds(lambda v=v, s=slider: setattr(page.parameters[s], "value", v)) for v in values]
                median_and_longest(report, f"{name}: {slider}", moved)
        cohort.tabs.selected_index = 0
        switch = cohort.counted["E3"]
        flips = [milliseconds(lambda: setattr(switch, "value", not switch.value)) for _again in range(8)]
        median_and_longest(report, "a criterion switched off or on", flips)
        median_and_longest(report, "groups", [milliseconds(lambda: setattr(cohort.tabs, "selected_index", 5))])
        median_and_longest(report, "every other reading", [milliseconds(lambda: waited(cohort, 4, cohort.readings))])
        median_and_longest(report, "all near-misses", [milliseconds(lambda: waited(cohort, 2, cohort.near))])
    return report.exit_code()


def waited(cohort, tab, panel):
    cohort.tabs.selected_index = tab
    panel.task.thread.join()


if __name__ == "__main__":
    sys.exit(main())
