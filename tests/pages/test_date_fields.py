"""Date fields show year, month and day in one order, independent of the browser's settings."""

from collections.abc import Iterator
from datetime import date

import ipywidgets as widgets
import pytest
from support.paths import ROOT
from support.trial import TRIAL

from protocol.pages.followup import FollowupPage
from protocol.pages.kit.fields import Day


@pytest.fixture
def day() -> Iterator[Day]:
    shown = Day(date(2026, 3, 10), "Screened on", layout={"width": "420px"})
    yield shown
    shown.close()


def test_a_day_is_written_beside_the_browsers_own_order(day: Day) -> None:
    assert ">2026-03-10</span>" in day.written.value
    assert (day.picker.value, day.picker.description) == (date(2026, 3, 10), "Screened on")
    day.picker.value = date(2026, 10, 3)
    assert day.value == date(2026, 10, 3)
    assert ">2026-10-03</span>" in day.written.value
    day.value = date(2027, 1, 2)
    assert day.picker.value == date(2027, 1, 2)
    assert ">2027-01-02</span>" in day.written.value


def test_no_day_is_written_as_none(day: Day) -> None:
    day.picker.value = None
    assert day.value is None
    assert "></span>" in day.written.value


def test_who_watches_a_day_hears_of_each_change_once(day: Day) -> None:
    heard: list[date | None] = []
    day.observe(lambda change: heard.append(change["new"]), names="value")
    day.picker.value = date(2026, 4, 1)
    day.value = date(2026, 4, 2)
    assert heard == [date(2026, 4, 1), date(2026, 4, 2)]


def test_no_page_asks_for_a_day_in_the_browsers_order_alone() -> None:
    for module in (ROOT / "src" / "protocol" / "pages").rglob("*.py"):
        assert module.name == "fields.py" or "DatePicker" not in module.read_text(encoding="utf-8"), module


@pytest.mark.slow
def test_every_day_of_the_follow_up_page_is_written_out() -> None:
    page = FollowupPage(TRIAL, date(2026, 3, 10))
    page.try_dates.click()
    try:
        pickers = [one for one in _all(page.view) if isinstance(one, widgets.DatePicker)]
        days = [one for one in _all(page.view) if isinstance(one, Day)]
        assert len(pickers) == len(days) > 10
        page.planning.first.value = date(2026, 12, 1)
        assert "2026-12-01" in page.planning.first.written.value
    finally:
        page.view.close()


def _all(widget: widgets.Widget) -> list[widgets.Widget]:
    return [widget, *(below for child in getattr(widget, "children", ()) for below in _all(child))]
