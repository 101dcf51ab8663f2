"""The dashboard in a browser: charts, lost sessions, failures, and files that it does not serve."""

import re
import signal

import pytest
from support.kernels import kernels

PICTURE = ".pw-chart >> nth=0"
SAID = ".said"


@pytest.fixture
def picture(workshop, laptop):
    laptop.open(workshop, "01-picture")
    laptop.tab.wait_for_selector(f"{PICTURE} >> svg")
    return laptop


def expect_text(tab, selector, words):
    tab.locator(selector, has_text=words).first.wait_for()


def cell(tab, dose, frequency):
    return tab.locator(f'{PICTURE} >> path[aria-label*="frequency: {frequency}; dose: {dose}"]').first


def faded(tab):
    return tab.locator(f'{PICTURE} >> path[aria-label*="dose"][opacity="0.4"]').count()


def test_a_slider_reaches_the_picture_without_a_blank_moment(picture):
    tab = picture.tab
    tab.evaluate(
        """() => { window.blanks = 0; const chart = document.querySelector('.pw-chart');
        new MutationObserver(() => { if (!chart.querySelector('svg g')) window.blanks++; })
          .observe(chart, { childList: true, subtree: true }); }"""
    )
    tab.get_by_role("slider", name="Age, from").press("ArrowRight")
    expect_text(tab, PICTURE, "61")
    tab.get_by_role("button", name="B", exact=True).click()
    tab.locator(f'{PICTURE} >> [aria-label="Grid, marked B"]').wait_for()
    assert tab.evaluate("window.blanks") == 0
    assert picture.errors == []


def test_a_click_reaches_the_page_and_stays_chosen_when_rows_or_drawing_change(picture):
    tab = picture.tab
    cell(tab, "B", 2).click()
    expect_text(tab, SAID, "picked B2, value 52")
    tab.get_by_role("slider", name="Age, from").press("ArrowRight")
    expect_text(tab, PICTURE, "62")
    assert faded(tab) == 5
    tab.get_by_role("button", name="B", exact=True).click()
    tab.locator(f'{PICTURE} >> [aria-label="Grid, marked B"]').wait_for()
    assert faded(tab) == 5
    cell(tab, "B", 2).click()
    expect_text(tab, SAID, "picked B2, value 62")


def test_a_picture_in_a_hidden_tab_has_its_width_and_latest_rows_when_shown(picture):
    tab = picture.tab
    tab.get_by_role("slider", name="Age, from").press("ArrowRight")
    expect_text(tab, PICTURE, "61")
    tab.get_by_role("tab", name="days").click()
    tab.locator('.pw-chart path[aria-label*="Jan 07, 2026"]').wait_for()
    width = "[...document.querySelectorAll('.pw-chart svg')].at(-1).getBoundingClientRect().width"
    assert tab.evaluate(width) > 800
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.wait_for_function(f"{width} < 390")


def test_rows_that_follow_are_read_as_dates_like_the_first(picture):
    tab = picture.tab
    tab.get_by_role("tab", name="days").click()
    tab.locator('.pw-chart path[aria-label*="Jan 06, 2026"]').wait_for()
    tab.get_by_role("slider", name="Age, from").press("ArrowRight")
    tab.locator('.pw-chart path[aria-label*="Jan 07, 2026"]').wait_for()


def test_a_drawing_with_a_mistake_says_so_in_its_place(picture):
    picture.tab.get_by_role("tab", name="broken").click()
    expect_text(picture.tab, ".pw-chart-problem", "could not be drawn: A drawing with a mistake")


def test_text_of_the_data_is_never_markup(picture):
    cell(picture.tab, "A", 1).hover()
    expect_text(picture.tab, "#vg-tooltip-element", "<img src=x onerror=alert(1)>")
    assert picture.tab.locator("#vg-tooltip-element img").count() == 0


def test_the_vega_runtime_travels_once_for_all_pictures(workshop, laptop):
    sizes = []
    laptop.tab.on("websocket", lambda socket: socket.on("framereceived", lambda data: sizes.append(len(data))))
    laptop.open(workshop, "01-picture")
    laptop.tab.wait_for_selector(f"{PICTURE} >> svg")
    laptop.tab.get_by_role("tab", name="days").click()
    laptop.tab.locator('.pw-chart path[aria-label*="Jan 06, 2026"]').wait_for()
    assert sum(size > 500_000 for size in sizes) == 1


def test_sliders_and_toggle_buttons_have_names(picture):
    assert picture.tab.get_by_role("slider", name="Age, from").count() == 1
    group = picture.tab.get_by_role("group", name="Dose")
    assert group.get_by_role("button", pressed=True).inner_text() == "A"


def test_dark_colours_are_remembered(picture):
    tab = picture.tab
    tab.get_by_role("button", name="Dark colours").click()
    tab.reload()
    tab.wait_for_selector(f"{PICTURE} >> svg")
    colour = tab.evaluate("getComputedStyle(document.querySelector('.pw-chart')).color")
    assert min(map(int, re.findall(r"\d+", colour)[:3])) > 180


def test_a_page_whose_kernel_died_says_so_and_takes_no_more_input(workshop, picture):
    kernel = picture.tab.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    kernels(workshop.process)[kernel[:8]].send_signal(signal.SIGKILL)
    picture.tab.get_by_role("alert").get_by_text("This page has ended.").wait_for()
    assert picture.tab.evaluate("document.getElementById('rendered_cells').inert")
    picture.tab.get_by_role("button", name="Reload").click()
    picture.tab.wait_for_selector(f"{PICTURE} >> svg")
    assert picture.tab.locator("#wb-ended").is_hidden()


def test_a_failing_page_shows_no_traceback(workshop, laptop):
    laptop.open(workshop, "02-broken")
    expect_text(laptop.tab, "#rendered_cells", "This page could not be computed")
    seen = laptop.tab.content()
    assert "cell [1]" not in seen
    assert "secret of the kitchen" not in seen
    assert "RuntimeError" not in seen


def test_without_the_token_there_is_only_the_login_page(workshop, laptop):
    for address in (workshop.root, workshop.page("01-picture")):
        laptop.tab.goto(address)
        assert laptop.tab.get_by_label("Token").is_visible()
        assert laptop.tab.locator("nav a").count() == 0
    laptop.tab.get_by_label("Token").fill("not the token")
    laptop.tab.get_by_role("button", name="Open").click()
    expect_text(laptop.tab, "main", "That is not the token")


FILES = ["secrets.toml", "picture.png", "../pyproject.toml", "../data/NCT05672420/registry.txt"]
DOORS = ["voila/files", "voila/render", "voila/static", "voila/templates", "files", "api/contents"]


@pytest.mark.parametrize(
    "path", [f"{door}/{file}" for door in DOORS for file in FILES] + ["voila/files/01-picture.ipynb"]
)
def test_files_are_not_handed_out(path, workshop, laptop):
    laptop.tab.goto(workshop.address)
    answer = laptop.tab.request.get(f"{workshop.root}/{path.replace('..', '%2e%2e')}")
    assert not answer.ok


def test_a_foreign_host_name_is_refused(workshop, laptop):
    answer = laptop.tab.request.get(workshop.address, headers={"Host": "evil.example"})
    assert answer.status == 403


def test_an_unknown_page_has_an_answer_in_plain_words(workshop, laptop):
    laptop.tab.goto(workshop.address)
    laptop.tab.goto(f"{workshop.root}/nowhere")
    expect_text(laptop.tab, "h1", "There is no such page")
    laptop.tab.goto(workshop.page("99-nothing"))
    expect_text(laptop.tab, "h1", "There is no such page")


def test_the_browser_itself_refuses_other_hosts(workshop, laptop):
    laptop.tab.goto(workshop.address)
    refused = laptop.tab.evaluate(
        "fetch('http://127.0.0.2:9/').then(() => false, (error) => error instanceof TypeError)"
    )
    assert refused
    assert "Content Security Policy" in " ".join(laptop.errors)


def test_a_page_asks_for_all_its_controls_at_once(workshop, laptop):
    sent = []
    laptop.tab.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(bytes(data))))
    laptop.open(workshop, "01-picture")
    laptop.tab.wait_for_selector(f"{PICTURE} >> svg")
    assert sum(b'"request_states"' in message for message in sent) == 1
    assert not any(b'"request_state"' in message for message in sent)


def test_a_page_that_waits_for_its_controls_too_long_says_so(workshop, laptop):
    laptop.tab.route("**/page.js*", lambda route: route.fulfill(body=without_patience(route.fetch().text())))
    laptop.tab.route_web_socket("**/channels*", lambda _socket: None)
    laptop.open(workshop, "01-picture")
    message = laptop.tab.get_by_text("This page could not be opened in time")
    message.wait_for()
    laptop.tab.evaluate("document.getElementById('loading')?.remove()")  # as Voila does when the cells come later
    laptop.tab.wait_for_timeout(1200)
    assert message.is_visible()
    laptop.tab.evaluate("document.getElementById('rendered_cells').textContent = 'the controls'")
    message.wait_for(state="detached")


def without_patience(script):
    return script.replace("Number(document.currentScript.dataset.patienceSeconds) * 1000", "3000")
