"""Move the sliders of the cohort's page over a million invented participants (``make bench``).

From the value set to the last picture's rows written, in the kernel. Exit code 1 when the median is over its limit.
Run it on an otherwise idle machine.
"""

import statistics
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).parents[2]
SIZE = 1_000_000
SLIDER_MS, TOGGLE_MS = 300, 50
MOVES = {
    "bmi_max_kg_m2": [31.0, 32.0, 33.0, 29.0, 28.0, 27.0, 30.0],
    "transaminase_max_uln": [3.0, 3.5, 2.0, 2.2, 2.4, 2.6, 2.5],
    "washout_days": [21.0, 28.0, 10.0, 7.0, 20.0, 15.0, 14.0],
}


def milliseconds(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def told(label, times, limit=None):
    median = statistics.median(times)
    bound = f" (at most {limit})" if limit else ""
    print(f"{label:<44} median {median:7.1f} ms, longest {max(times):7.1f} ms{bound}", flush=True)
    return limit is None or median < limit


def page_of(path):
    from protocol.pages.eligibility import EligibilityPage
    from protocol.trial import load_trial

    page = EligibilityPage(load_trial(ROOT / "data" / "NCT05672420"), date(2026, 11, 20))
    page.cohort.take(path)
    page.tabs.selected_index = 1
    print(f"first screening of {SIZE:,}: {milliseconds(page.refresh) / 1000:.1f} s", flush=True)
    return page


def main():
    from invented_cohort import write_parquet

    with tempfile.TemporaryDirectory() as folder:
        page = page_of(write_parquet(Path(folder) / "cohort.parquet", SIZE))
        cohort, good = page.cohort, True
        for tab, name in ((0, "Who is left"), (1, "Each criterion"), (3, "Thresholds")):
            cohort.tabs.selected_index = tab
            for slider, values in MOVES.items():
                moved = [milliseconds(lambda v=v, s=slider: setattr(page.parameters[s], "value", v)) for v in values]
                good &= told(f"{name}: {slider}", moved, SLIDER_MS)
        cohort.tabs.selected_index = 0
        switch = cohort.counted["E3"]
        flips = [milliseconds(lambda: setattr(switch, "value", not switch.value)) for _again in range(8)]
        good &= told("a criterion switched off or on", flips, TOGGLE_MS)
        told("groups", [milliseconds(lambda: setattr(cohort.tabs, "selected_index", 5))])
        told("every other reading", [milliseconds(lambda: waited(cohort, 4, cohort.readings))])
        told("all near-misses", [milliseconds(lambda: waited(cohort, 2, cohort.near))])
    return 0 if good else 1


def waited(cohort, tab, panel):
    cohort.tabs.selected_index = tab
    panel.work.thread.join()


if __name__ == "__main__":
    sys.exit(main())
