"""Every page on paper: each sheet says what it is, nothing is cut, and only what the page shows is printed."""

import io
import re
from datetime import date
from pathlib import Path
from unicodedata import normalize

import pytest
from pypdf import PdfReader
from support.paths import NOTEBOOKS
from support.trial import TRIAL

from protocol.dashboard.server import pages_of

PAGES = pages_of(NOTEBOOKS)
READY = ".pw-page :is(h2, h3, button, label) >> visible=true"
SHEET = {"width": 688, "height": 980}  # A4 within its margins, in the browser's pixels
MOST_SHEETS = 8
CUT = """[...document.querySelectorAll('#rendered_cells *')]
  .filter((part) => part.checkVisibility() && !part.parentElement.closest('svg'))
  .filter((part) => part.getBoundingClientRect().right > 690)
  .map((part) => part.outerHTML.slice(0, 120)).slice(0, 5)"""


def sheets(tab):
    pages = PdfReader(io.BytesIO(tab.pdf(prefer_css_page_size=True))).pages
    return [normalize("NFKC", sheet.extract_text()) for sheet in pages]  # a font may join letters, such as ff


def words(texts):
    return re.sub(r"\s+", " ", " ".join(texts))


@pytest.fixture(scope="module", params=PAGES, ids=lambda page: Path(page.file).stem)
def opened(request, dashboard, visitor):
    """A page and what its tab shows; it stays open for both tests."""
    with visitor(1280, 800) as visit:
        visit.open(dashboard, Path(request.param.file).stem)
        visit.tab.wait_for_selector(READY)
        yield request.param, visit.tab


def test_a_page_is_printed_on_a_few_sheets_that_say_what_they_are(opened):
    page, tab = opened
    tab.get_by_text("Loading widget").first.wait_for(state="detached")
    printed = sheets(tab)
    assert len(printed) <= MOST_SHEETS
    for number, text in enumerate(printed, start=1):
        assert page.title in text
        assert TRIAL.identity.trial_id in text
        assert date.today().isoformat() in text  # noqa: DTZ011 - the browser's day
        assert f"{number} / {len(printed)}" in text
    assert len(printed[0]) > 300, "the first sheet is empty"
    shown = tab.locator(".pw-invented >> visible=true").count()
    assert all(("Invented example" in text) is bool(shown) for text in printed)
    everything = words(printed)
    assert "Projector" not in everything
    assert "Skip to the content" not in everything


def test_nothing_of_a_page_is_cut_at_the_edge_of_the_sheet(opened):
    _page, tab = opened
    tab.emulate_media(media="print")
    tab.set_viewport_size(SHEET)
    assert tab.evaluate(CUT) == []


def test_a_pressed_button_is_printed_and_the_others_are_not(workshop, laptop):
    laptop.open(workshop, "04-kit")
    laptop.tab.get_by_role("button", name="II", exact=True).click()
    laptop.tab.get_by_text("phase II").wait_for()
    text = words(sheets(laptop.tab))
    assert "✓ II" in text
    assert not re.search(r"\bIb\b", text)


def test_a_page_in_dark_colours_is_printed_in_black_on_white(workshop, laptop):
    laptop.open(workshop, "04-kit")
    laptop.tab.get_by_role("button", name="Dark").click()
    laptop.tab.emulate_media(media="print")
    laptop.tab.locator(".pw-page").wait_for(state="attached")
    colour = "([page, trait]) => getComputedStyle(document.querySelector(page))[trait]"
    assert laptop.tab.evaluate(colour, ["body", "backgroundColor"]) == "rgb(255, 255, 255)"
    assert laptop.tab.evaluate(colour, [".pw-page", "color"]) == "rgb(0, 0, 0)"
