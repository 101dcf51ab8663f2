"""The overview in a real browser: one screen that answers, three screens on a projector, one sheet of paper."""

import io
import re
import zipfile
from base64 import b64decode
from datetime import date

import pytest
from support.trial import TRIAL

from protocol.pages.overview import OverviewPage
from protocol.pages.trial_log.desk import open_desk

SIZES = [(1280, 720), (1920, 1080)]


def lowest(tab, selector):
    """The lower edge of an element, in pixels of the window."""
    return tab.locator(selector).first.evaluate("it => it.getBoundingClientRect().bottom")


def open_overview(visit, dashboard, query=""):
    visit.tab.goto(dashboard.address)
    visit.tab.goto(f"{dashboard.page('01-overview')}{query}")
    visit.tab.wait_for_selector(".pw-status .pw-chart svg")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", ["", "?view=projector"], ids=["desk", "projector"])
def test_the_decision_stands_on_one_screen(dashboard, laptop, size, view):
    laptop.tab.set_viewport_size({"width": size[0], "height": size[1]})
    open_overview(laptop, dashboard, view)
    laptop.tab.locator(".pw-status > .pw-first-screen").wait_for()
    assert lowest(laptop.tab, ".pw-first-screen") <= size[1]
    assert laptop.tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert laptop.errors == []


def test_a_presenter_steps_through_three_screens_and_the_address_keeps_the_screen(dashboard, laptop):
    open_overview(laptop, dashboard, "?view=projector")
    tab = laptop.tab
    screens = tab.locator(".pw-screen")
    seen = [screens.nth(place) for place in range(3)]
    tab.locator("body").click(position={"x": 2, "y": 2})
    for key, shown in (("ArrowRight", 1), ("PageDown", 2), ("PageDown", 2), ("PageUp", 1), ("ArrowLeft", 0)):
        tab.keyboard.press(key)
        seen[shown].wait_for()
        assert [screen.is_visible() for screen in seen] == [place == shown for place in range(3)]
    tab.get_by_role("button", name="Next screen").click()
    tab.get_by_text("2 of 3: Since the last meeting").wait_for()
    tab.wait_for_url("**screen=2*")
    tab.get_by_role("tab", name="Status").focus()
    tab.keyboard.press("ArrowRight")  # belongs to the tabs
    tab.get_by_role("tabpanel", name="Meeting").wait_for()
    assert laptop.errors == []


def test_at_a_desk_the_screens_stand_below_each_other_and_arrow_keys_do_nothing(dashboard, phone):
    open_overview(phone, dashboard, "?view=desk")
    phone.tab.keyboard.press("ArrowRight")
    assert [screen.is_visible() for screen in phone.tab.locator(".pw-screen").all()] == [True] * 3
    assert phone.tab.get_by_role("button", name="Next screen").count() == 0
    answer, grid = (phone.tab.locator(name).bounding_box()["y"] for name in (".pw-status-answer", ".pw-status-grid"))
    assert answer < grid
    ends = "(all) => all.map((it) => it.getBoundingClientRect().right)"
    assert max(phone.tab.locator(".pw-screens :is(.pw-chart svg, p, button, h1, h2, h3)").evaluate_all(ends)) <= 390
    assert phone.errors == []


@pytest.mark.parametrize("page", ["01-overview", "03-escalation"])
def test_decisions_are_stepped_with_the_keyboard_and_chosen_on_the_path(dashboard, laptop, page):
    laptop.open(dashboard, page)
    tab = laptop.tab
    tab.get_by_text("Decision 19 of 19").wait_for()
    back = tab.get_by_role("button", name="Previous decision")
    for number in (18, 17):
        back.press("Enter")
        tab.get_by_text(f"Decision {number} of 19").wait_for()
        assert back.evaluate("it => it === document.activeElement")
    point = tab.locator(".pw-narrow:has(+ .pw-decision) .pw-chart svg path[aria-label^='Decision: 7;']")
    point.click()
    tab.get_by_text("Decision 7 of 19").wait_for()
    place = tab.locator(".pw-narrow path[aria-label^='Decision: 3;']").bounding_box()
    tab.mouse.click(place["x"] + place["width"] / 2, place["y"] - 60)  # no point, but above one
    tab.get_by_text("Decision 3 of 19").wait_for()
    assert laptop.errors == []


def test_on_a_projector_the_arrow_keys_step_through_the_screens_and_not_through_the_decisions(dashboard, laptop):
    open_overview(laptop, dashboard, "?view=projector")
    tab = laptop.tab
    tab.get_by_role("button", name="Next screen").click()
    tab.get_by_role("button", name="Previous decision").press("Enter")
    tab.get_by_text("Decision 18 of 19").wait_for()
    tab.keyboard.press("ArrowRight")
    tab.get_by_text("3 of 3: Sites and screening").wait_for()
    tab.keyboard.press("ArrowLeft")
    tab.get_by_text("Decision 18 of 19").wait_for()


TOUCHING = """() => { const seen = [...document.querySelectorAll('.pw-narrow:has(+ .pw-decision) svg text')]
  .filter((it) => /^[0-9]+.[0-9]+$/.test(it.textContent) && it.textContent.includes('/'))
  .map((it) => it.getBoundingClientRect());
  const pairs = seen.flatMap((one, place) => seen.slice(place + 1).map((other) => [one, other]));
  return [seen.length, pairs.filter(([one, other]) => one.left < other.right && other.left < one.right
    && one.top < other.bottom && other.top < one.bottom).length]; }"""


def test_on_a_telephone_no_fraction_of_the_path_touches_another_and_the_changes_are_seen_whole(dashboard, phone):
    open_overview(phone, dashboard, "?view=desk")
    phone.tab.wait_for_selector(".pw-narrow:has(+ .pw-decision) svg text")
    assert phone.tab.evaluate(TOUCHING) == [18, 0]
    phone.tab.locator("summary", has_text="Counts of participants on").click()
    table = phone.tab.get_by_role("group", name="Counts of participants on")
    assert table.evaluate("it => it.scrollWidth <= it.clientWidth")
    assert phone.errors == []


def test_the_meeting_pack_prints_on_one_sheet(browser, tmp_path):
    desk = open_desk(TRIAL, {}, lambda: date(2026, 11, 20))
    page = OverviewPage(TRIAL, date(2026, 11, 20), desk)
    page.meeting.since.value = date(2024, 1, 1)  # with more news than the sheet holds
    page.meeting.prepare.click()
    content = b64decode(page.meeting.pack.value.split("base64,")[1].split('"')[0])
    with zipfile.ZipFile(io.BytesIO(content)) as pack:
        (tmp_path / "meeting.html").write_bytes(pack.read("meeting.html"))
    tab = browser.new_page()
    tab.goto((tmp_path / "meeting.html").as_uri())
    printed = tab.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    assert tab.get_by_text(desk.briefing.action.sentence).bounding_box()["y"] < 200
    tab.close()
