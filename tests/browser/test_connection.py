"""A page whose server answers late, not at all, or again: what is typed stays, and it ends only when it has ended."""

import re

import pytest

STATUS = re.compile(r"/api/kernels/[0-9a-f-]+$")  # as page.js asks; Voila's own requests have a query
FAST = {"EVERY_MS = 2500": "EVERY_MS = 100", "ANSWER_MS = 10_000": "ANSWER_MS = 3000"}
INERT = "document.getElementById('rendered_cells').inert"


@pytest.fixture
def page(workshop, laptop):
    """Open a page that asks for its state ten times a second, with half a word typed into a field."""
    laptop.tab.route("**/page.js*", lambda route: route.fulfill(body=hurried(route.fetch().text())))
    laptop.open(workshop, "04-kit")
    field = laptop.tab.get_by_label("Screened on", exact=True)
    field.press("End")
    laptop.tab.keyboard.type("half")
    return laptop.tab


def hurried(script):
    for slow, fast in FAST.items():
        assert slow in script
        script = script.replace(slow, fast)
    return script


def assert_untouched(tab):
    assert not tab.evaluate(INERT)
    assert tab.locator("#wb-ended").is_hidden()
    assert tab.evaluate("document.activeElement.value") == "2026-03-10half"


def test_one_missed_answer_is_said_and_keeps_focus_and_text(page):
    missed = []
    page.route(STATUS, lambda route: missed.append(route.abort()) if len(missed) < 2 else route.continue_())
    page.get_by_text("Reconnecting …").wait_for()
    assert_untouched(page)
    page.get_by_text("Reconnecting …").wait_for(state="detached")
    assert_untouched(page)
    assert len(missed) == 2


def test_a_late_answer_is_no_missed_answer(page):
    held = []
    page.route(STATUS, lambda route: held.append(route))
    page.get_by_text("Reconnecting …").wait_for()
    page.unroute(STATUS)
    held.pop().continue_()
    page.get_by_text("Reconnecting …").wait_for(state="detached")
    assert_untouched(page)


def test_a_server_under_load_is_no_ended_page(page):
    busy = []
    page.route(STATUS, lambda route: busy.append(route.fulfill(status=503)) if len(busy) < 2 else route.continue_())
    page.get_by_text("Reconnecting …").wait_for()
    page.get_by_text("Reconnecting …").wait_for(state="detached")
    assert_untouched(page)


def test_three_missed_answers_end_a_page_and_an_answer_brings_it_back_with_its_focus(page):
    missed = []
    page.route(STATUS, lambda route: missed.append(route.abort()))
    page.get_by_role("alert").get_by_text("This page has ended.").wait_for()
    assert len(missed) >= 3
    assert page.evaluate(INERT)
    page.unroute(STATUS)
    page.wait_for_function("document.getElementById('wb-ended').hidden")
    assert_untouched(page)


def test_a_kernel_that_the_server_does_not_have_ends_the_page_at_once(page):
    asked = []
    page.route(STATUS, lambda route: asked.append(route.fulfill(status=404)))
    page.get_by_role("alert").get_by_text("This page has ended.").wait_for()
    assert len(asked) == 1


@pytest.mark.parametrize("held", ["the words of the kernel", "the script that draws"])
def test_a_page_that_is_opening_is_never_called_ended(held, workshop, laptop):
    missed = []
    laptop.tab.route("**/page.js*", lambda route: route.fulfill(body=hurried(route.fetch().text())))
    if held == "the script that draws":
        laptop.tab.route("**/voila/static/**", lambda route: route.abort())
    else:
        laptop.tab.route_web_socket("**/channels*", lambda _socket: None)
    laptop.tab.route(STATUS, lambda route: missed.append(route.abort()))
    laptop.tab.goto(workshop.address)
    laptop.tab.goto(workshop.page("04-kit"), wait_until="commit")
    laptop.tab.wait_for_selector("#rendered_cells", state="attached")
    laptop.tab.evaluate("document.getElementById('loading')?.remove()")  # as Voila does before it draws
    while len(missed) < 6:
        with laptop.tab.expect_request(STATUS):
            pass
        assert laptop.tab.locator("#wb-ended").is_hidden()
    assert laptop.tab.get_by_text("Reconnecting …").count() == 0


LOSES = """document.addEventListener("DOMContentLoaded", () => {
  const cells = document.getElementById("rendered_cells"), lost = Number(sessionStorage.getItem("lost"));
  if (!cells || lost >= TIMES) return;
  sessionStorage.setItem("lost", lost + 1);
  cells.append("Error displaying widget: model not found");
});"""


def loading(visit, times):
    """Note each load of a page that loses a control the first `times` times."""
    asked = []
    visit.tab.add_init_script(LOSES.replace("TIMES", str(times)))
    visit.tab.on("request", lambda one: asked.append(one.url) if one.is_navigation_request() else None)
    return asked


def test_a_page_that_loses_a_control_each_time_is_loaded_again_only_once(workshop, laptop):
    asked = loading(laptop, 9)
    laptop.open(workshop, "04-kit")
    laptop.tab.locator(".wb-late").get_by_role("button").wait_for()
    laptop.tab.wait_for_timeout(2000)
    assert sum("04-kit" in url for url in asked) == 2


def test_a_page_that_lost_a_control_while_it_opened_is_loaded_again(workshop, laptop):
    asked = loading(laptop, 1)
    laptop.open(workshop, "04-kit")
    laptop.tab.get_by_label("Screened on", exact=True).wait_for()
    laptop.tab.wait_for_function("sessionStorage.getItem(`reloaded ${location.pathname}`) === null")
    assert "Error displaying widget" not in laptop.tab.content()
    assert sum("04-kit" in url for url in asked) == 2


def test_a_page_answers_on_after_an_error_in_it(workshop, laptop):
    laptop.open(workshop, "03-state")
    tab = laptop.tab
    for phase in ("II", "Ib"):
        tab.get_by_role("button", name="Fail").click()
        tab.get_by_label("Phase").select_option(phase)
        tab.wait_for_url("**?phase=II" if phase == "II" else lambda url: "phase" not in url)
    assert "an error of the page itself" not in tab.content()
