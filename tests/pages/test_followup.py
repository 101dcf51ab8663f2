"""The follow-up page without a browser: set a control, read what the page says."""

import base64
import re
from datetime import date, timedelta
from html import unescape

import pytest
from support.trial import TRIAL

from protocol.exchange.cohort.files import read_cohort
from protocol.pages.followup import FollowupPage
from protocol.pages.followup.ledger_text import length_text

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
    assert "Contraception: until and including 2027-05-16" in text(page.periods)
    page.anchors["end_of_treatment"].value = None
    assert "Contraception: not yet known" in text(page.periods)
    assert "6 months after “End of treatment”" in text(page.periods)


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
    assert "only if the participant had none of these" in text(page.earliest)
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
    assert length_text(duration) == words


# --- Planning ---


def test_best_days_are_proposed_and_later_years_are_provisional(page):
    assert "DLT window, day 22 2026-11-23 2026-11-23" in text(page.planning.best)
    assert "2027-05-17 provisional 2027-05-16 +1 no weekday of the site" in text(page.planning.best)


def test_a_window_without_a_working_day_is_named_before_the_first_infusion_is_fixed():
    page = FollowupPage(TRIAL, today=date(2026, 1, 10))
    page.clear.click()
    page.frequency.value = 2
    page.anchors["first_infusion"].value = date(2026, 2, 9)
    assert "No working day is left in the window of: Infusion, day 8" in text(page.planning.best)
    page.planning.first.value, page.planning.last.value = date(2026, 2, 9), date(2026, 2, 15)
    assert "7 of 7 days would leave" in text(page.planning.doomed)
    page.planning.first.value = page.planning.last.value = date(2026, 2, 26)
    assert "Each of these 1 days leaves every visit a working day" in text(page.planning.doomed)


def test_a_range_of_days_that_ends_before_it_starts_is_explained(page):
    page.planning.last.value = TODAY - timedelta(days=1)
    assert "before 2026-11-22" in text(page.planning.doomed)
    assert "Visits to come" in text(page.planning.best)


def test_a_site_that_never_works_is_explained_and_comes_back(page):
    for box in page.planning.weekdays:
        box.value = False
    assert "at least one weekday" in text(page.planning.best)
    page.planning.weekdays[0].value = True
    assert "Visits to come" in text(page.planning.best)


def test_a_slip_moves_what_hangs_on_the_first_infusion(page):
    page.planning.slip.value = 5
    assert "Infusion, day 11 2026-11-12 2026-11-17 +5" in text(page.planning.moved)
    assert "Month 3" not in text(page.planning.moved)
    page.clear.click()
    assert "First infusion (study day 1) Found no date" in text(page.planning.moved)


def test_another_level_shows_what_it_adds_and_removes(page):
    page.planning.other_level.value = 2
    assert "Infusion, day 4 − removed" in text(page.planning.levels)
    assert "Hours assumption 11.7 13.9 19.2" in text(page.planning.levels)
    assert "Schedule of activities at level 2" in text(page.planning.matrix)
    page.planning.other_level.value = 3
    assert "own level" in text(page.planning.levels)


def test_an_agent_on_the_day_of_an_infusion_is_a_conflict(page):
    assert page.planning.courses.layout.display == "none"
    first, last = page.planning.agents["hydroxyurea"]
    first.value = TODAY - timedelta(days=21)
    assert "✗ on the day of the infusion" in text(page.planning.conflicts)
    assert page.planning.courses._rows
    last.value = TODAY - timedelta(days=25)
    assert "before the start" in text(page.planning.conflicts)


def test_the_calendar_file_is_offered_and_refuses_a_name(page):
    link = page.planning.file.value
    content = base64.b64decode(re.search('base64,([^"]+)', link)[1])
    assert content.startswith(b"BEGIN:VCALENDAR")
    assert b"P-01-month_3@NCT05672420" in content.replace(b"\r\n ", b"")
    page.planning.study_id.value = "Zhang San"
    assert "no name and no space" in text(page.planning.file)


def test_an_early_end_cancels_what_was_to_come(page):
    page.anchors["withdrawal"].value = TODAY
    assert "⊘ cancelled" in text(page.table)
    assert "Early termination visit ● due" in text(page.table)


# --- The whole trial ---


@pytest.fixture
def board(page):
    page.tabs.selected_index = 2
    return page.board


def test_tabs_are_made_when_they_are_looked_at(page):
    assert page.board is None
    page.tabs.selected_index = 2
    board = page.board
    page.tabs.selected_index = 0
    page.tabs.selected_index = 2
    assert page.board is board
    assert page.tabs.children[2].children == (board.view,)


def test_the_board_counts_by_site_and_week_and_filters(board):
    everyone = text(board.visits.body)
    assert "! overdue" in everyone
    assert "week of 2026-11-16" in text(board.counts)
    board.site.value = "Wuhan Central Hospital"
    assert "Wuhan Union" not in text(board.visits.body)
    assert "visits-invented-example.csv" in board.visits.export.value


def test_lanes_come_in_pages(board):
    assert "Participants 1 to 20 of 57" in text(board.lane_text)
    board.page.value = 2
    assert "Participants 21 to 40 of 57" in text(board.lane_text)
    board.page.value, board.per_page.value = 1, 50
    assert "Participants 1 to 50 of 57" in text(board.lane_text)
    board.zoom.value = "years"
    assert {row["kind"] for row in board.picture._rows} == {"lane", "today", "ongoing", "clock", "visit"}


def test_the_next_cohort_waits_for_the_one_who_has_not_begun(board):
    assert "C2 ◀ 12 3 0 INV-130 not yet known" in text(board.next_cohort)
    board.review.value = 14
    assert "C3 12 0 0 – 2026-11-03" in text(board.next_cohort)
    board.counted_from.value = "last"
    assert "INV-125 C2 Wuhan Central Hospital running 2026-11-20 2026-12-18" in text(board.next_cohort)


# --- The trial calendar ---


@pytest.fixture
def forecast(page):
    page.tabs.selected_index = 3
    return page.forecast


def test_the_registered_dates_contradict_each_other(forecast):
    shown = text(forecast.registered)
    assert "contradict" in shown
    assert "2023-01-31: 31 days for all enrolments, or 178 a month" in shown


def test_the_calendar_answers_every_assumption(forecast):
    before = text(forecast.summary)
    assert "Closed to accrual for 54% of the escalation" in before
    for control, value in (
        (forecast.window, 42), (forecast.review, 3), (forecast.stagger, 7), (forecast.lead, 0),
        (forecast.failures, 0.2), (forecast.path, "all"), (forecast.path, "middle"), (forecast.path, "so far"),
    ):  # fmt: skip
        control.value = value
        assert text(forecast.summary) != before
        before = text(forecast.summary)
    forecast.counted_from.value = "last"
    assert text(forecast.summary) != before
    assert len(forecast.gains._rows) == 9


def test_the_screening_failures_can_come_from_the_cohort(forecast):
    forecast.from_cohort.click()
    cohort = read_cohort("cohort.csv", TRIAL.examples.cohort(), TRIAL.eligibility).frame
    failing = (TRIAL.eligibility.screen_cohort(cohort).overall() == "ineligible").mean()
    assert forecast.failures.value == round(failing, 2)
    assert 0.5 < failing < 0.9


def test_a_trial_that_screens_nobody_is_explained_and_the_last_good_state_stays(forecast):
    before = forecast.summary.value
    for box in forecast.rates.values():
        box.value = 0
    assert "a rate above 0" in text(forecast.problem)
    assert "NaN" not in forecast.summary.value
    next(iter(forecast.rates.values())).value = 2
    assert forecast.problem.value == ""
    assert forecast.summary.value != before


def test_a_protocol_without_a_trial_so_far_says_so():
    page = FollowupPage(TRIAL.model_copy(update={"examples": None, "so_far": None}), today=TODAY)
    page.tabs.selected_index = 2
    assert "no participant in this trial so far" in text(page.tabs.children[2].children[0])
    page.planning.site.value = TRIAL.sites[0].name
    assert "Visits to come" in text(page.planning.best)
    page.tabs.selected_index = 3
    assert "so far" not in dict(page.forecast.path.options).values()


def test_today_names_the_next_visit_and_what_was_missed(page):
    assert "Next: " in page.summary.value
    assert "missed" in page.summary.value
    page.clear.click()
    assert "No date is known yet" in page.summary.value
    assert "only if the participant had none of these" in page.earliest.value


def test_dates_that_cannot_be_used_take_the_answers_away(page):
    page.anchors["first_infusion"].value = page.anchors["enrolment"].value - timedelta(days=1)
    assert "Write" in page.problem.value
    assert "cannot be used together" in page.summary.value
    assert "overdue" not in page.summary.value
