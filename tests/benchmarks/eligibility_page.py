"""Open the eligibility page, answer in its form, and move its sliders over a million participants (``make bench``).

From the value set to the last picture's rows written, in the kernel. Times are printed and not judged; opening is
counted in processor time.
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
OPENINGS = 7
MOVES = {
    "bmi_max_kg_m2": [31.0, 32.0, 33.0, 29.0, 28.0, 27.0, 30.0],
    "transaminase_max_uln": [3.0, 3.5, 2.0, 2.2, 2.4, 2.6, 2.5],
    "washout_days": [21.0, 28.0, 10.0, 7.0, 20.0, 15.0, 14.0],
}


def milliseconds_since(start):
    return (time.perf_counter() - start) * 1000


def milliseconds(work):
    start = time.perf_counter()
    work()
    return milliseconds_since(start)


def median_and_longest(report, what, times):
    report.figure(f"{what}, median", statistics.median(times), "ms")
    report.figure(f"{what}, longest", max(times), "ms")


def form(report):
    """Open the page, and answer one question of an empty and of a full form."""
    from ipywidgets.widgets.widget import _instances

    from protocol.pages.eligibility.page import EligibilityPage

    opened = []
    for _again in range(OPENINGS):
        before, start = len(_instances), time.process_time()
        page = EligibilityPage(TRIAL, date(2026, 11, 20))
        opened.append((time.process_time() - start) * 1000)
        models = len(_instances) - before
    median_and_longest(report, "page opened (CPU)", opened)
    report.figure("widgets of the page", models, "models")
    for what, filled in (("empty form", ""), ("full form", "INV-001")):
        page.cohort.chosen.value = filled
        verdicts, wholes = [], []
        for value in "1230" * 5:
            start = time.perf_counter()
            page.person.answer.observe(
                lambda _change, s=start, to=verdicts: to.append(milliseconds_since(s)), "value"
            )
            page.person.form.enter({"ecog": value})
            wholes.append((time.perf_counter() - start) * 1000)
            page.person.answer.unobserve_all("value")
        median_and_longest(report, f"field to verdict, {what}", verdicts)
        median_and_longest(report, f"field to the last panel, {what}", wholes)


def page_of(report, path):
    from protocol.pages.eligibility.page import EligibilityPage

    page = EligibilityPage(TRIAL, date(2026, 11, 20))
    page.cohort.take(path)
    page.tabs.value = "cohort"
    report.figure(f"first screening of {SIZE:,}", milliseconds(page.redraw), "ms")
    return page


def main():
    from invented_cohort import write_parquet

    report = Report()
    form(report)
    with tempfile.TemporaryDirectory() as folder:
        page = page_of(report, write_parquet(Path(folder) / "cohort.parquet", SIZE))
        cohort = page.cohort
        for tab, name in (("funnel", "Funnel"), ("criteria", "Criteria"), ("thresholds", "Thresholds")):
            cohort.tabs.value = tab
            for slider, values in MOVES.items():
                moved = [milliseconds(lambda v=v, s=slider: setattr(page.parameters[s], "value", v)) for v in values]
                median_and_longest(report, f"{name}: {slider}", moved)
        cohort.tabs.value = "funnel"
        switch = cohort.counted["E3"]
        flips = [milliseconds(lambda: setattr(switch, "value", not switch.value)) for _again in range(8)]
        median_and_longest(report, "a criterion switched off or on", flips)
        median_and_longest(report, "groups", [milliseconds(lambda: setattr(cohort.tabs, "value", "subgroups"))])
        median_and_longest(
            report, "every other reading", [milliseconds(lambda: waited(cohort, "readings", cohort.readings))]
        )
        median_and_longest(
            report, "all near-misses", [milliseconds(lambda: waited(cohort, "near-misses", cohort.near))]
        )
    return report.exit_code()


def waited(cohort, tab, panel):
    cohort.tabs.value = tab
    panel.task.thread.join()


if __name__ == "__main__":
    sys.exit(main())
