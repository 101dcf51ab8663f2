"""The cohort on the eligibility page without a browser: set a control, read what each part says."""

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import date
from html import escape
from pathlib import Path
from time import sleep
from typing import Any

import pandas as pd
import polars as pl
import pytest
from support.trial import TRIAL

from protocol.pages.eligibility.cohort import CohortPanel
from protocol.pages.eligibility.page import EligibilityPage
from protocol.pages.kit import Task

pytestmark = pytest.mark.slow  # every test builds a page

TODAY = date(2026, 11, 20)
PICTURES = ("funnel", "criteria", "near-misses", "thresholds", "readings", "subgroups", "export")
LEFT, EACH, NEAR, THRESHOLDS, READINGS, GROUPS, KEEP = PICTURES


def rows(chart: Any) -> list[dict[str, Any]]:
    drawn: list[dict[str, Any]] = chart._rows
    return drawn


def numbers(cohort: CohortPanel) -> dict[str, int]:
    assert cohort.screened is not None
    return cohort.screened.tally.totals


def test_the_bounds_are_said(cohort: CohortPanel) -> None:
    found = numbers(cohort)
    worst, best = found["confirmed"], found["confirmed"] + found["possible"]
    assert f"from {worst} to {best} are eligible" in cohort.totals.value


def test_a_funnel_in_another_order_ends_alike(cohort: CohortPanel) -> None:
    ends = []
    for order in ("protocol", "most", "own"):
        cohort.left.order.value = order
        drawn = rows(cohort.left.funnel)
        ends.append(min(row["remaining"] for row in drawn))
        assert not {"E9", "E23"} & {row["criterion"] for row in drawn}
    assert len(set(ends)) == 1
    assert "E23 says the same as I3" in cohort.left.once.value


def test_an_order_of_ones_own_comes_first_and_a_wrong_id_is_said(cohort: CohortPanel) -> None:
    cohort.left.order.value, cohort.left.own.value = "own", "e3, I7 Z9"
    assert [row["criterion"] for row in rows(cohort.left.funnel)][:3] == ["E3", "I7", "I1"]
    assert "Z9 is no criterion" in cohort.left.problem.value


def test_a_criterion_switched_off_lets_people_in_and_the_page_says_so(cohort: CohortPanel) -> None:
    before = numbers(cohort)["excluded"]
    cohort.counted["E3"].value = False
    assert numbers(cohort)["excluded"] < before
    assert "Left out: E3." in cohort.totals.value
    assert "E3" not in [row["criterion"] for row in rows(cohort.left.funnel)]


def test_computable_only_leaves_out_what_only_an_investigator_can_judge(cohort: CohortPanel) -> None:
    cohort.judged.value = "computable"
    judged = {c.id for c in TRIAL.eligibility.criteria if c.type == "judgement"}
    assert cohort.off == judged
    assert "I6" in cohort.totals.value


def test_the_shares_of_the_page_add_up_to_the_excluded(cohort: CohortPanel) -> None:
    cohort.tabs.value = EACH
    assert sum(row["share"] for row in rows(cohort.each.reasons)) == pytest.approx(numbers(cohort)["excluded"])
    for view in ("overlap", "review", "verdicts"):
        cohort.each.show_what.value = view
        assert rows(getattr(cohort.each, view))


def test_near_misses_are_listed_in_words(cohort: CohortPanel) -> None:
    cohort.tabs.value = NEAR
    assert "Lowest oxygen saturation: 94 instead of 95 %" in cohort.near.nearest.body.value
    assert cohort.screened is not None
    alone = cohort.screened.tally.criteria()["only_reason"].sum()
    assert sum(row["participants"] for row in rows(cohort.near.picture)) == alone
    assert "spo2_min_pct" not in cohort.near.nearest.body.value


def test_a_threshold_moved_on_the_side_moves_along_its_curve(
    cohort_page: EligibilityPage, cohort: CohortPanel
) -> None:
    cohort.tabs.value = THRESHOLDS
    cohort.thresholds.threshold.value = "bmi_max_kg_m2"
    before = rows(cohort.thresholds.picture)
    cohort_page.parameters["bmi_max_kg_m2"].value = 25.0
    after = rows(cohort.thresholds.picture)
    assert [row["left"] for row in before] == [row["left"] for row in after]
    assert {row["present"] for row in after} == {25.0}
    now = next(row for row in after if row["value"] == 25.0)
    assert now["left"] == numbers(cohort)["confirmed"] + numbers(cohort)["possible"]
    cohort_page.parameters["ecog_max"].value = 0
    assert [row["left"] for row in rows(cohort.thresholds.picture)] != [row["left"] for row in after]


def test_a_threshold_of_the_infusion_is_not_offered(cohort: CohortPanel) -> None:
    offered = {value for _label, value in cohort.thresholds.threshold.options}
    assert "antimitotic_days_around" not in offered
    assert "lab_window_days" in offered


def test_readings_come_with_what_they_decide_and_a_list_of_questions(cohort: CohortPanel) -> None:
    cohort.tabs.value = READINGS
    drawn = rows(cohort.readings.picture)
    assert [row["decided"] for row in drawn] == sorted((row["decided"] for row in drawn), reverse=True)
    assert drawn[0]["row"].startswith("A30")
    assert "other readings change" in cohort.readings.nothing.value
    assert 'download="questions.html"' in cohort.readings.questions.value


def test_groups_show_no_small_number(cohort: CohortPanel) -> None:
    cohort.tabs.value = GROUPS
    for by in ("age_years", "sex", "bmi_kg_m2"):
        cohort.groups.by.value = by
        shown = cohort.groups.rates["fails"].dropna()
        assert not shown.between(1, 9).any()
        assert "hidden" in cohort.groups.table.body.value


def test_sites_are_compared_when_the_cohort_names_them(
    cohort_page: EligibilityPage, cohort: CohortPanel, tmp_path: Path
) -> None:
    people = pl.DataFrame({"site": ["North"] * 40 + ["South"] * 40, "ecog": [3] * 15 + [1] * 45 + [3] * 20})
    people.write_parquet(tmp_path / "sites.parquet")
    for frame in (people, tmp_path / "sites.parquet"):
        cohort.take(frame)
        cohort.tabs.value = GROUPS
        cohort_page.redraw()
        assert ("Site", "site") in cohort.groups.by.options
        cohort.groups.by.value = "site"
        rates = cohort.groups.rates.set_index(["criterion", "group"])
        assert (rates.loc[("I5", "North"), "fails"], rates.loc[("I5", "South"), "fails"]) == (15, 20)
    cohort.take(people.drop("site"))
    cohort_page.redraw()
    assert ("Site", "site") not in cohort.groups.by.options


def test_the_files_are_offered_with_their_day(cohort: CohortPanel) -> None:
    cohort.tabs.value = KEEP
    for name in ("attrition", "flow", "groups", "screening-log"):
        assert f"NCT05672420-{name}-2026-11-20" in cohort.results.files.value
    assert "<svg" in cohort.results.picture.value


def test_a_cohort_in_python_replaces_the_example(
    cohort_page: EligibilityPage, cohort: CohortPanel, tmp_path: Path
) -> None:
    path = tmp_path / "mine.parquet"
    pl.DataFrame({"participant_id": ["P-1", "P-2"], "ecog": [3, 1]}).write_parquet(path)
    cohort.take(path)
    cohort_page.redraw()
    assert numbers(cohort) == {"participants": 2, "excluded": 1, "possible": 1, "confirmed": 0}
    assert "mine.parquet" in cohort.source.value
    cohort.chosen.value = "P-1"
    assert cohort_page.person.form.fields["ecog"].value == "3"
    assert cohort_page.tabs.value == "patient"


def test_every_tab_is_drawn_for_a_cohort_nobody_of_which_is_excluded(
    cohort_page: EligibilityPage, cohort: CohortPanel
) -> None:
    cohort.take(pl.DataFrame({"participant_id": ["P-1"], "ecog": [1]}))
    cohort_page.redraw()
    for tab in PICTURES:
        cohort.tabs.value = tab
    for box in cohort.counted.values():
        box.value = False
    for tab in PICTURES:
        cohort.tabs.value = tab
    assert numbers(cohort)["confirmed"] == 1


def test_long_work_shows_what_it_has_and_can_be_stopped() -> None:
    shown: list[int] = []
    task = Task(shown.append)

    def slow() -> Iterator[tuple[int, float]]:
        for step in range(1, 1001):
            sleep(0.005)
            yield step, step / 1000

    task.begin(slow())
    assert not task.stop.disabled
    while task.progress.value < 0.01:
        sleep(0.005)
    task.stop.click()
    task.wait()
    assert shown
    assert shown[-1] < 1000
    assert "Stopped after" in task.words.value
    task.begin(iter([(7, 1.0)]), at_once=True)
    assert shown[-1] == 7
    assert task.view.layout.display == "none"


def drawn_as_svg(chart: Any, **more: Any) -> str:
    """Draw what the browser would draw."""
    import vl_convert

    drawing = {**chart._drawing, **more}
    text: str = vl_convert.vegalite_to_svg({**drawing, "datasets": {**drawing["datasets"], "rows": chart._rows}})
    return text


TELEPHONE_PX = 312
"""Width of a picture beside its ids on a telephone of 390 px."""


def test_on_a_telephone_titles_and_readings_are_whole(cohort: CohortPanel) -> None:
    charts = [cohort.left.funnel]
    cohort.tabs.value = EACH
    for view in ("reasons", "review"):
        cohort.each.show_what.value = view
        charts.append(getattr(cohort.each, view))
    cohort.tabs.value = READINGS
    for chart in (*charts, cohort.readings.picture):
        drawn = drawn_as_svg(chart, width=TELEPHONE_PX)
        assert escape(rows(chart)[0]["title"]) in drawn
        assert "…" not in drawn
    assert escape(rows(cohort.readings.picture)[0]["reading"]) in drawn


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_handful_of_participants_is_counted_in_whole_numbers(
    cohort_page: EligibilityPage, cohort: CohortPanel, size: int
) -> None:
    cohort_page.take_cohort(pd.DataFrame({"ecog": [4] * size}), "few")
    cohort.tabs.value = EACH
    for chart in (cohort.left.funnel, cohort.each.reasons):
        found = re.findall(r">([\d.,]+)</text>", drawn_as_svg(chart, width=600))
        assert found[: size + 1] == [*map(str, range(size + 1))]


def test_every_picture_of_a_cohort_can_be_drawn(cohort: CohortPanel) -> None:
    for tab in PICTURES:
        cohort.tabs.value = tab
    for view in ("reasons", "overlap", "review", "verdicts"):
        cohort.each.show_what.value = view
        assert "<svg" in drawn_as_svg(getattr(cohort.each, view))
    others = (cohort.left.funnel, cohort.near.picture, cohort.thresholds.picture)
    for chart in (*others, cohort.readings.picture, cohort.groups.picture):
        assert "<svg" in drawn_as_svg(chart)


# --- The participants behind a bar -------------------------------------------------------------------------------


def listed(cohort: CohortPanel) -> int:
    found = re.search(r": ([\d,]+) participants?\.", cohort.behind.says.value)
    assert found, cohort.behind.says.value
    return int(found[1].replace(",", ""))


def test_a_bar_clicked_lists_the_participants_behind_it(cohort: CohortPanel) -> None:
    bar = next(row for row in rows(cohort.left.funnel) if row["criterion"] == "I7")
    cohort.left.funnel.picked = bar
    assert listed(cohort) == bar["excluded"]
    cohort.tabs.value = EACH
    for view, criterion, count in (("reasons", "E3", "fails"), ("review", "E12", "open")):
        cohort.each.show_what.value = view
        bar = next(row for row in rows(getattr(cohort.each, view)) if row["criterion"] == criterion)
        getattr(cohort.each, view).picked = bar
        assert listed(cohort) == bar[count]
    cohort.each.show_what.value = "overlap"
    cell = next(row for row in rows(cohort.each.overlap) if row["criterion"] != row["other"] and row["both"])
    cohort.each.overlap.picked = cell
    assert listed(cohort) == cell["both"]
    cohort.each.show_what.value = "verdicts"
    for status in ("passes", "excludes", "unknown"):
        bar = next(r for r in rows(cohort.each.verdicts) if (r["criterion"], r["status"]) == ("E3", status))
        cohort.each.verdicts.picked = bar
        assert listed(cohort) == bar["participants"]


def test_every_participant_of_a_small_cohort_is_listed_with_the_verdict_when_it_is_asked_for(
    cohort_page: EligibilityPage, cohort: CohortPanel
) -> None:
    assert cohort.each_one.table is None, "nothing is built while it is folded"
    cohort.each_one.view.selected_index = 0
    assert cohort.each_one.table is not None
    (frame,) = cohort.each_one.table.shown
    assert list(frame) == ["Participant", "Answer", "Excludes", "Unknown"]
    assert list(frame["Participant"]) == [*cohort.cohort.participants]
    found = cohort.screened.tally.totals
    assert (frame["Answer"] == "✕ not eligible").sum() == found["excluded"]
    assert (frame["Answer"] == "✓ eligible so far").sum() == found["confirmed"]
    for row in frame.to_dict("records"):
        verdicts = cohort_page.record.screen(cohort.facts(row["Participant"]), "Ib").verdicts
        excludes = {one.id for one in verdicts if one.status == "excludes"} & set(cohort.screened.tally.on)
        assert {text.split(" ")[0] for text in re.split("[,;] ", row["Excludes"]) if text} >= excludes
        assert bool(excludes) == (row["Answer"] == "✕ not eligible")
    before = frame
    cohort_page.parameters["ecog_max"].value = 0
    assert not cohort.each_one.table.shown[0].equals(before), "it follows the thresholds"


def test_a_participant_of_the_list_opens_in_the_patient_tab_again_and_again(
    cohort_page: EligibilityPage, cohort: CohortPanel
) -> None:
    cohort.each_one.view.selected_index = 0
    body = cohort.each_one.table.body
    name = cohort.cohort.participants[2]
    assert f'data-open="{name}">{name}</button>' in body.value
    assert name in b64decode(cohort.each_one.table.export.value.split("base64,")[1].split('"')[0]).decode()
    for _again in range(2):
        cohort_page.tabs.value = "cohort"
        body._receive(None, {"open": name}, [])
        assert cohort_page.tabs.value == "patient"
        assert name in cohort_page.person.who.value
    assert cohort_page.drafts["form"].value == "", "the example is there again after a reload"
    body._receive(None, {"open": "nobody"}, [])
    assert "nobody" in cohort.not_found.value


def test_a_large_cohort_is_told_where_its_verdicts_are(cohort_page: EligibilityPage, cohort: CohortPanel) -> None:
    cohort.each_one.view.selected_index = 0
    cohort_page.take_cohort(pd.DataFrame({"ecog": [1] * 1_001}), "many")
    assert "up to 1,000 participants" in cohort.each_one.says.value
    assert cohort.each_one._body.children == ()
    cohort_page.take_cohort(pd.DataFrame({"ecog": [1, 4]}), "two")
    assert cohort.each_one.says.value == ""
    assert list(cohort.each_one.table.shown[0]["Excludes"]) == ["", "I5 ECOG performance status at most 2"]


def test_near_misses_of_a_distance_are_listed(cohort: CohortPanel) -> None:
    cohort.tabs.value = NEAR
    bar = next(row for row in rows(cohort.near.picture) if row["participants"])
    cohort.near.picture.picked = bar
    assert listed(cohort) == bar["participants"]


def test_the_selection_follows_the_thresholds_and_ends(cohort_page: EligibilityPage, cohort: CohortPanel) -> None:
    assert cohort.behind.table.view.layout.display == "none"
    cohort.behind.criterion.value = "E3"
    before = listed(cohort)
    assert "E3" in cohort.behind.table.body.value
    cohort_page.parameters["bmi_max_kg_m2"].value = 25.0
    assert listed(cohort) > before
    cohort.behind.everyone.click()
    assert cohort.behind.says.value == ""
    assert cohort.behind.criterion.value == ""


def test_the_drawer_finds_thresholds_and_shows_only_the_changed(cohort_page: EligibilityPage) -> None:
    drawer = cohort_page.thresholds

    def shown() -> set[str]:
        return {name for name, box in drawer._boxes.items() if box.layout.display != "none"}

    assert len(shown()) == len(TRIAL.eligibility.parameters)
    drawer.search.value = "body mass"
    assert shown() == {"bmi_max_kg_m2"}
    drawer.search.value = ""
    drawer.only_changed.value = True
    assert shown() == set()
    cohort_page.parameters["ecog_max"].value = 1
    assert shown() == {"ecog_max"}
