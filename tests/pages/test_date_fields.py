"""A day is written and read in one order, year first, independent of the browser's settings."""

from collections.abc import Iterator
from datetime import date

import ipywidgets as widgets
import pytest
from support.paths import ROOT
from support.trial import TRIAL

from protocol.pages.followup import FollowupPage
from protocol.pages.kit import Day, field


@pytest.fixture
def day() -> Iterator[Day]:
    shown = Day(date(2026, 3, 10), "Screened on", layout={"width": "420px"})
    yield shown
    shown.close()


def test_a_day_is_written_in_iso_form(day: Day) -> None:
    assert (day.text, day.description) == ("2026-03-10", "Screened on")
    day.value = date(2027, 1, 2)
    assert day.text == "2027-01-02"
    day.value = None
    assert day.text == ""


@pytest.mark.parametrize(
    "text", ["2026-10-03", "2026-10-3", " 2026/10/03 ", "2026.10.3", "20261003", "2026年10月3日"]
)
def test_a_day_with_its_year_first_is_read_and_written_in_iso_form(day: Day, text: str) -> None:
    day.text = text
    assert day.value == date(2026, 10, 3)
    assert day.text == "2026-10-03"
    assert day.problem is None


@pytest.mark.parametrize("text", ["03/10/2026", "10.3.2026", "2026-02-30", "2026-13-01", "tomorrow", "2026-10"])
def test_what_is_no_day_stays_in_the_field_and_says_what_to_write(day: Day, text: str) -> None:
    day.text = text
    assert day.value is None
    assert day.text == text
    assert day.problem is not None
    assert (day.problem.where, day.problem.found) == ("Screened on", text)
    assert 'role="alert"' in day._problem
    assert "a day such as 2026-03-10" in day._problem
    day.text = "2026-03-11"
    assert (day.problem, day._problem) == (None, "")


def test_an_empty_field_is_no_day_and_no_problem(day: Day) -> None:
    day.text = "tomorrow"
    day.text = ""
    assert (day.value, day.problem) == (None, None)


def test_a_day_from_the_page_takes_the_place_of_wrong_text(day: Day) -> None:
    day.text = "tomorrow"
    day.value = date(2026, 4, 1)
    assert (day.text, day.problem) == ("2026-04-01", None)


def test_who_watches_a_day_hears_of_each_change_once_and_of_the_problem_with_it(day: Day) -> None:
    heard: list[tuple[date | None, bool]] = []
    day.observe(lambda change: heard.append((change["new"], day.problem is None)), names="value")
    day.text = "2026-4-1"
    day.value = date(2026, 4, 2)
    day.text = "tomorrow"
    assert heard == [(date(2026, 4, 1), True), (date(2026, 4, 2), True), (None, False)]


def test_a_day_is_a_field_with_label_help_and_width() -> None:
    shown = field(Day, "On", value=date(2026, 3, 1), help="The day of the visit")
    assert (shown.description, shown.tooltip, shown.value) == ("On", "The day of the visit", date(2026, 3, 1))
    assert shown.layout.width.endswith("100%)")
    assert shown._words == "Calendar: On"


def test_no_page_asks_for_a_day_in_the_browsers_order() -> None:
    for module in (ROOT / "src" / "protocol" / "pages").rglob("*.py"):
        assert "DatePicker" not in module.read_text(encoding="utf-8"), module


@pytest.mark.slow
def test_the_follow_up_page_asks_for_its_days_with_one_field_each() -> None:
    page = FollowupPage(TRIAL, date(2026, 3, 10))
    page.tabs.value = "participant"
    page.try_dates.click()
    try:
        days = [one for one in _all(page.view) if isinstance(one, Day)]
        assert len(days) > 10
        assert all(one.description for one in days)
    finally:
        page.view.close()


def _all(widget: widgets.Widget) -> list[widgets.Widget]:
    return [widget, *(below for child in getattr(widget, "children", ()) for below in _all(child))]
