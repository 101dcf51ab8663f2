"""The follow-up page without a browser: set a control, read what the page says."""

import base64
import re
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import pytest

from protocol.pages.followup import FollowupPage
from protocol.pages.followup.words import length_in_words
from protocol.trial import load_trial

TRIAL = load_trial(Path(__file__).parents[2] / "data" / "NCT05672420")
TODAY = date(2026, 11, 22)


@pytest.fixture
def page():
    return FollowupPage(TRIAL, today=TODAY)


def text(widget):
    return unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", widget.value)))


def test_the_page_opens_with_an_example_that_says_it_is_invented(page):
    assert "Invented example" in text(page.example)
    assert "Enrolment" in text(page.example)
    assert page.problem.value == ""
    assert page.course._rows
    assert page.years._rows


def test_the_label_of_the_example_leaves_with_its_last_date(page):
    page.anchors["enrolment"].value = TODAY - timedelta(days=41)
    assert "Enrolment" not in text(page.example)
    assert "End of treatment" in text(page.example)
    page.clear.click()
    assert page.example.value == ""
    assert "invented" not in page.download.value


def test_the_example_shows_several_statuses(page):
    for status in ("✓ in window", "▷ late", "! overdue", "◊ open", "○ not yet"):
        assert status in text(page.table)


@pytest.mark.parametrize(("level", "days"), [(1, "1."), (2, "1, 8."), (3, "1, 4, 8, 11.")])
def test_a_frequency_shows_its_days_as_an_assumption(page, level, days):
    page.frequency.value = level
    assert f"Infusion on study days {days} assumption" in text(page.infusion_days)
    assert "does not say what frequency" in text(page.infusion_days)


def test_visits_of_another_frequency_are_set_aside_and_come_back(page):
    page.frequency.value = 1
    assert page.problem.value == ""
    assert "Set aside, because frequency 1 has no such visit: Infusion, day 4, Infusion, day 8" in text(
        page.infusion_days
    )
    page.frequency.value = 3
    assert "Set aside" not in text(page.infusion_days)
    assert page.done["infusion_day_4"].value == TODAY - timedelta(days=17)


def test_dates_out_of_order_are_explained_and_the_last_good_state_stays(page):
    before = page.table.value
    page.anchors["first_infusion"].value = TODAY - timedelta(days=300)
    assert "before “Start of anti-cancer therapy”" in text(page.problem)
    assert page.table.value == before
    page.anchors["first_infusion"].value = TODAY - timedelta(days=20)
    assert page.problem.value == ""


@pytest.mark.parametrize(
    ("control", "day", "refused"),
    [
        ("enrolment", date(1, 1, 1), True), ("enrolment", date(9999, 12, 31), True),
        ("enrolment", date(1600, 2, 29), False), ("first_infusion", date(9999, 12, 31), True),
        ("first_infusion", date(1, 1, 1), False), ("other_malignancy", date(9999, 12, 31), True),
        ("other_malignancy", date(1, 1, 1), False),
    ],
)  # fmt: skip
def test_a_date_far_away_is_shown_or_refused_in_words(page, control, day, refused):
    page.clear.click()
    (page.anchors | page.exposures)[control].value = day
    assert bool(page.problem.value) == refused
    assert refused or str(day.year) in page.table.value + page.earliest.value


def test_contraception_waits_for_the_end_of_treatment(page):
    assert "Contraception: until and including 2027-05-16" in text(page.contraception)
    page.anchors["end_of_treatment"].value = None
    assert "Contraception: not yet known" in text(page.contraception)
    assert "6 months after “End of treatment”" in text(page.contraception)


def test_the_earliest_enrolment_names_the_clock_that_binds(page):
    page.exposures["immunosuppressant"].value = date(2026, 8, 31)
    assert "from 2027-02-28. What binds is “Immunosuppressant, organ transplant”: 6 months" in text(page.earliest)
    assert "too early" in text(page.earliest)


def test_day_14_is_a_switch(page):
    page.clear.click()
    page.exposures["anti_cancer_therapy"].value = date(2026, 11, 1)
    page.anchors["enrolment"].value = date(2026, 11, 15)
    assert "respects" in text(page.earliest)
    page.boundary_day.value = False
    assert "from 2026-11-16" in text(page.earliest)
    assert "too early" in text(page.earliest)


def test_without_exposures_the_page_says_so(page):
    page.clear.click()
    assert "no look-back delays" in text(page.earliest)
    assert page.clocks.layout.display == "none"


def test_a_visit_is_chosen_and_its_date_set(page):
    page.visit.value = "end_of_treatment_visit"
    assert page._done_box.children == (page.done["end_of_treatment_visit"],)
    page._done_box.children[0].value = TODAY - timedelta(days=6)
    assert "End of treatment visit" not in text(page.summary)


def test_only_visits_of_the_frequency_are_offered(page):
    page.visit.value = "infusion_day_4"
    page.frequency.value = 1
    offered = dict(page.visit.options).values()
    assert "infusion_day_4" not in offered
    assert "safety_day_8" in offered
    assert page.visit.value in offered


def test_the_schedule_is_a_file(page):
    link = page.download.value
    assert 'download="schedule-invented-example.csv"' in link
    lines = base64.b64decode(re.search('base64,([^"]+)', link)[1]).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("id,name,hangs_on,offset")
    assert "'-P7D" in next(line for line in lines if line.startswith("screening"))
    assert len(lines) == 1 + len(TRIAL.followup.all_visits)


def test_text_from_the_record_is_shown_as_text():
    bad = "<img src=x onerror=alert(1)>"
    record = TRIAL.followup
    visit = record.visits[0].model_copy(update={"name": bad})
    clock = record.lookbacks[0].model_copy(update={"name": bad})
    record = record.model_copy(
        update={"visits": (visit, *record.visits[1:]), "lookbacks": (clock, *record.lookbacks[1:])}
    )
    page = FollowupPage(TRIAL.model_copy(update={"followup": record}), today=TODAY)
    page.frequency.value = 1
    page.exposures[clock.id].value = TODAY
    for output in (page.table, page.earliest, page.summary, page.example):
        assert "<img" not in output.value
    assert "&lt;img" in page.table.value
    assert "&lt;img" in page.earliest.value


@pytest.mark.parametrize(
    ("duration", "words"),
    [("P6M", "6 months"), ("P1Y", "1 year"), ("-P7D", "7 days"), ("P1Y6M", "1 year 6 months")],
)
def test_durations_are_said_in_words(duration, words):
    assert length_in_words(duration) == words
