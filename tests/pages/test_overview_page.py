"""The overview page without a browser."""

import re
from datetime import date
from pathlib import Path

from ipywidgets import HTML, Box

from protocol.pages.overview import OverviewPage
from protocol.trial import load_trial

TRIAL = load_trial(Path(__file__).parents[2] / "data" / "NCT05672420")
TODAY = date(2026, 11, 20)


def text(widget: object) -> str:
    """All HTML below a widget."""
    if isinstance(widget, HTML):
        return str(widget.value)
    return "\n".join(text(child) for child in widget.children) if isinstance(widget, Box) else ""


def test_the_protocol_is_there_at_a_glance() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    for words in ("8 + 26", "5 × 3", "2 weeks", "Wuhan Union Hospital, China", "Not yet recruiting", "52"):
        assert words in page


def test_what_is_invented_says_so_before_the_first_figure() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    assert page.index("Invented example.") < page.index("with a DLT")


def test_every_fact_shows_its_source() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    assert page.count('class="pw-tag pw-registry"') >= 15
    assert page.count('class="pw-tag pw-page"') >= 4


def test_open_questions_follow_the_chosen_severity() -> None:
    page = OverviewPage(TRIAL, TODAY)
    assert "15 questions" in page.questions.value
    page.severity.value = "any"
    assert "52 questions" in page.questions.value
    page.severity.value = "low"
    assert "12 questions" in page.questions.value


def test_the_questions_can_be_printed_as_one_page_that_needs_nothing_else() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    assert re.search(r'download="questions-2026-11-20\.html" href="data:text/html;base64,', page)


def test_the_next_decision_names_who_is_waited_for() -> None:
    page = text(OverviewPage(TRIAL, TODAY).view)
    assert "The next decision waits for the DLT windows of:" in page
    assert "first infusion not given yet" in page


def test_without_examples_the_page_still_stands() -> None:
    page = text(OverviewPage(TRIAL.model_copy(update={"examples": None}), TODAY).view)
    assert "Invented" not in page
    assert "52" in page
