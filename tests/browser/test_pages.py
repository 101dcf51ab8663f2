"""Every page in a real browser: it opens, answers a control, fits a phone and asks no other host."""

from pathlib import Path

import pytest
from support.paths import NOTEBOOKS

from protocol.dashboard.server import pages_of

NAMES = [Path(page.file).stem for page in pages_of(NOTEBOOKS)]

# A page, a control by its role and name, what a person does to it, words that must go, words that must come.
CONTROLS = [
    (
        "01-overview",
        "tab",
        "Protocol",
        lambda it: it.click(),
        "Since the last meeting",
        "Open questions to the sponsor",
    ),
    ("02-eligibility", "textbox", "Age at consent", lambda it: fill(it, "80"), "Possibly", "Not eligible"),
    (
        "03-escalation",
        "button",
        "Try other outcomes",
        lambda it: it.click(),
        "Record the decision",
        "Sandbox: not the log",
    ),
    ("04-followup", "tab", "Planning", lambda it: it.click(), "The next two weeks", "When the next cohort may open"),
    (
        "06-effect",
        "tab",
        "Recovery",
        lambda it: it.click(),
        "What the rule does",
        "Cumulative incidence of recovery",
    ),
    ("05-sites", "combobox", "Away", lambda it: it.select_option(index=1), "Qiubai Li (", "Hongxiang Wang ("),
]

READY = ".pw-page :is(h2, h3, button, label) >> visible=true"
TOO_WIDE = """[...document.querySelectorAll('#rendered_cells *')]
  .filter(e => !e.parentElement.closest('.pw-scroll, .pw-chart') && e.getBoundingClientRect().right > 391)
  .map(e => e.className).slice(0, 5)"""
NAMELESS = """[...document.querySelectorAll(':is(input, select, textarea, button, [role=slider])')]
  .filter(e => e.checkVisibility() && !e.labels?.length && !e.textContent.trim() && !e.title
    && !e.ariaHidden && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby'))
  .map(e => e.outerHTML.slice(0, 120))"""
CUT = """[...document.querySelectorAll('#rendered_cells *')]
  .filter(e => e.checkVisibility() && !e.ariaHidden && (['date', 'number'].includes(e.type)
    ? e.getBoundingClientRect().width < (e.type === 'date' ? 120 : 64)
    : e.clientWidth && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).textOverflow === 'ellipsis'))
  .map(e => e.parentElement.innerText || e.outerHTML.slice(0, 120))"""
TEXT = "document.querySelector('#rendered_cells').innerText"


@pytest.fixture(scope="module", params=NAMES)
def opened(request, dashboard, visitor):
    """A page on a laptop; it stays open for the tests that only look."""
    with visitor(1280, 800) as visit:
        visit.open(dashboard, request.param)
        visit.tab.wait_for_selector(READY)
        yield visit


@pytest.mark.requirement("R-SYS-03")
def test_a_page_opens_without_a_mistake(opened):
    assert opened.tab.locator("nav [aria-current=page]").count() == 1
    assert opened.tab.get_by_text("Traceback").count() == 0
    assert opened.tab.locator(".pw-chart-problem").count() == 0
    assert opened.tab.evaluate(CUT) == [], "a label or a day that can be read only in part"
    assert opened.errors == []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_a_phone(name, dashboard, phone):
    phone.open(dashboard, name)
    phone.tab.wait_for_selector(READY)
    assert phone.tab.evaluate("document.documentElement.scrollWidth") <= 390, phone.tab.evaluate(TOO_WIDE)
    assert phone.tab.evaluate(CUT) == [], "a label or a day that can be read only in part"


def test_the_words_of_the_adverse_events_can_be_read_on_a_phone(dashboard, phone):
    """The counts of a term, the caption of a table that scrolls, and that it scrolls."""
    phone.open(dashboard, "06-effect")
    phone.tab.get_by_role("tab", name="Adverse events").click()
    phone.tab.locator("svg text tspan", has_text="grade 3 or more").first.wait_for()
    counts = phone.tab.locator("svg text tspan", has_text="grade 3 or more").all_text_contents()
    assert [words for words in counts if "…" in words] == []
    phone.tab.get_by_text("Term by highest grade and by regimen").click()
    box = phone.tab.locator(".pw-scroll", has_text="A column of a regimen has the participants treated")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    edge = "part => Math.round(part.getBoundingClientRect().right)"
    assert box.locator("caption").evaluate(edge) <= box.evaluate(edge)


def fill(field, text):
    field.fill(text)
    field.press("Enter")


@pytest.mark.parametrize(("name", "role", "label", "act", "goes", "comes"), CONTROLS, ids=lambda one: str(one)[:14])
def test_a_control_changes_what_the_page_says(name, role, label, act, goes, comes, dashboard, laptop):
    laptop.open(dashboard, name)
    laptop.tab.wait_for_function(f"words => {TEXT}.includes(words)", arg=goes)
    act(laptop.tab.get_by_role(role, name=label).first)
    laptop.tab.wait_for_function(
        f"([goes, comes]) => !{TEXT}.includes(goes) && {TEXT}.includes(comes)", arg=[goes, comes]
    )
    assert laptop.errors == []


def test_every_control_of_a_page_has_a_name(opened):
    assert opened.tab.evaluate(NAMELESS) == []


def test_the_start_page_leads_to_every_page(dashboard, laptop):
    laptop.tab.goto(dashboard.address)
    assert laptop.tab.locator(".wb-card").count() == len(NAMES)
    assert all(text.strip().endswith((".", "?")) for text in laptop.tab.locator(".wb-card-text").all_inner_texts())
    assert "token" not in laptop.tab.url
    assert laptop.errors == []
