"""Pieces of the kit in a real browser: a day, the heads of a table, and what stays in sight."""

import pytest

OPENED = """() => { window.opened = 0;
  HTMLInputElement.prototype.showPicker = function () { window.opened++; window.calendar = this; }; }"""


@pytest.fixture
def kit(workshop, laptop):
    laptop.open(workshop, "04-kit")
    laptop.tab.get_by_label("Screened on", exact=True).wait_for()
    yield laptop
    assert laptop.errors == []


def test_a_day_is_typed_in_iso_form_with_the_keyboard_alone(kit):
    day = kit.tab.get_by_label("Screened on", exact=True)
    assert day.input_value() == "2026-03-10"
    day.press("ControlOrMeta+a")
    kit.tab.keyboard.type("2026/4/1")
    kit.tab.keyboard.press("Tab")
    kit.tab.get_by_text("read 2026-04-01").wait_for()
    assert day.input_value() == "2026-04-01"
    assert kit.tab.evaluate("document.activeElement.getAttribute('aria-label')") == "Calendar: Screened on"


def test_a_wrong_day_stays_and_the_field_says_what_to_write(kit):
    day = kit.tab.get_by_label("Screened on", exact=True)
    day.fill("31.12.2026")
    day.press("Enter")
    kit.tab.get_by_role("alert").get_by_text("a day such as 2026-03-10").wait_for()
    assert day.input_value() == "31.12.2026"
    assert day.get_attribute("aria-invalid") == "true"
    described = "input => document.getElementById(input.getAttribute('aria-describedby')).innerText"
    assert "31.12.2026" in day.evaluate(described)
    day.fill("2026-12-31")
    day.press("Enter")
    kit.tab.get_by_role("alert").wait_for(state="detached")
    assert day.get_attribute("aria-invalid") == "false"


def test_the_calendar_of_the_browser_opens_at_the_day_and_fills_it_in(kit):
    kit.tab.evaluate(OPENED)
    kit.tab.get_by_role("button", name="Calendar: Screened on").press("Enter")
    assert kit.tab.evaluate("[window.opened, window.calendar.value]") == [1, "2026-03-10"]
    kit.tab.evaluate("() => { calendar.value = '2026-05-06'; calendar.dispatchEvent(new Event('change')); }")
    kit.tab.get_by_text("read 2026-05-06").wait_for()
    assert kit.tab.get_by_label("Screened on", exact=True).input_value() == "2026-05-06"


def ages(tab):
    return tab.locator(".pw-table td.pw-num").all_inner_texts()


def test_the_head_of_a_column_sorts_with_the_keyboard_and_keeps_the_focus(kit):
    kit.tab.get_by_role("button", name="Age").press("Enter")
    kit.tab.locator("th[aria-sort=ascending]", has_text="Age").wait_for()
    assert ages(kit.tab) == ["9", "40", "61"]
    kit.tab.keyboard.press("Space")
    kit.tab.locator("th[aria-sort=descending]", has_text="Age").wait_for()
    assert ages(kit.tab) == ["61", "40", "9"]
    assert kit.tab.evaluate("document.activeElement.textContent") == "Age"


def test_numbers_stand_on_the_right(kit):
    side = "cell => getComputedStyle(cell).textAlign"
    assert kit.tab.locator("td", has_text="61").evaluate(side) == "right"
    assert kit.tab.locator("td", has_text="P-1").evaluate(side) == "left"


@pytest.mark.parametrize("view", ["", "?view=projector"])
def test_what_is_sticky_stays_below_the_head_of_the_page(kit, workshop, view):
    kit.tab.goto(workshop.page("04-kit") + view)
    bar = kit.tab.locator(".bar")
    bar.wait_for()
    kit.tab.evaluate("scrollTo(0, 1500)")
    kit.tab.wait_for_function("document.querySelector('.bar').getBoundingClientRect().top < 200")
    head = kit.tab.locator(".wb-top").bounding_box()
    top = bar.evaluate("bar => bar.getBoundingClientRect().top")
    assert top == pytest.approx(head["y"] + head["height"], abs=2)
