"""The follow-up page without a browser: set a control, read what the page says."""

import base64
import re
from datetime import date, timedelta
from html import unescape

import pandas as pd
import pytest
from support.trial import TRIAL

from protocol.effect import REPORT_COLUMNS
from protocol.exchange.cohort.files import read_cohort
from protocol.pages.followup import FollowupPage
from protocol.pages.followup.ledger_text import length_text
from protocol.pages.followup.today import ROWS, _nothing, tasks_of
from protocol.pages.trial_log.desk import open_desk

pytestmark = pytest.mark.slow  # every test builds a page

TODAY = date(2026, 11, 22)
NO_REPORTS = pd.DataFrame(columns=REPORT_COLUMNS)


@pytest.fixture
def page():
    """The page of a record without a log: the dates of its example in a sandbox."""
    page = FollowupPage(TRIAL, today=TODAY)
    page.try_dates.click()
    return page


@pytest.fixture
def dates(page):
    return page.what_if


@pytest.fixture(scope="module")
def example():
    """The page of the invented example."""
    return FollowupPage(TRIAL, TODAY, open_desk(TRIAL, {}, lambda: TODAY))


def text(widget):
    return unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", widget.value)))


def test_the_page_opens_with_an_example_that_says_it_is_invented(dates):
    assert "Invented example" in text(dates.example)
    assert "Enrolment" in text(dates.example)
    assert dates.problem.value == ""
    assert dates.story.course._rows
    assert dates.story.years._rows


def test_the_label_of_the_example_leaves_with_its_last_date(dates):
    dates.anchors["enrolment"].value = TODAY - timedelta(days=41)
    assert "Enrolment" not in text(dates.example)
    assert "End of treatment" in text(dates.example)
    dates.clear.click()
    assert dates.example.value == ""
    assert "invented" not in dates.story.download.value


def test_the_example_shows_several_statuses(dates):
    for status in ("✓ in window", "▷ late", "! overdue", "◊ open", "○ not yet"):
        assert status in text(dates.story.table)


@pytest.mark.parametrize(("level", "days"), [(1, "1."), (2, "1, 8."), (3, "1, 4, 8, 11.")])
def test_a_frequency_shows_its_days_as_an_assumption(dates, level, days):
    dates.frequency.value = level
    assert f"Infusion on study days {days} assumption" in text(dates.infusion_days)
    assert "does not say what frequency" in text(dates.infusion_days)
    assert "Study day 1 is the day of the first infusion, and there is no day 0" in text(dates.infusion_days)


def test_visits_of_another_frequency_are_set_aside_and_come_back(dates):
    dates.frequency.value = 1
    assert dates.problem.value == ""
    assert "Set aside, because frequency 1 has no such visit: Infusion, day 4, Infusion, day 8" in text(
        dates.infusion_days
    )
    dates.frequency.value = 3
    assert "Set aside" not in text(dates.infusion_days)
    assert dates.done["infusion_day_4"].value == TODAY - timedelta(days=17)


def test_dates_out_of_order_are_explained_and_the_last_good_state_stays(dates):
    before = dates.story.table.value
    dates.anchors["first_infusion"].value = TODAY - timedelta(days=300)
    assert "before “Start of anti-cancer therapy”" in text(dates.problem)
    assert dates.story.table.value == before
    dates.anchors["first_infusion"].value = TODAY - timedelta(days=20)
    assert dates.problem.value == ""


@pytest.mark.parametrize(
    ("control", "day", "refused"),
    [
        ("enrolment", date(1, 1, 1), True), ("enrolment", date(9999, 12, 31), True),
        ("enrolment", date(1600, 2, 29), False), ("first_infusion", date(9999, 12, 31), True),
        ("first_infusion", date(1, 1, 1), False), ("other_malignancy", date(9999, 12, 31), True),
        ("other_malignancy", date(1, 1, 1), False),
    ],
)  # fmt: skip
def test_a_date_far_away_is_shown_or_refused_in_words(dates, control, day, refused):
    dates.clear.click()
    (dates.anchors | dates.exposures)[control].value = day
    assert bool(dates.problem.value) == refused
    assert refused or str(day.year) in dates.story.table.value + dates.earliest.value


def test_contraception_waits_for_the_end_of_treatment(dates):
    assert "Contraception: until and including 2027-05-16" in text(dates.story.periods)
    dates.anchors["end_of_treatment"].value = None
    assert "Contraception: not yet known" in text(dates.story.periods)
    assert "6 months after “End of treatment”" in text(dates.story.periods)


def test_the_earliest_enrolment_names_the_clock_that_binds(dates):
    dates.exposures["immunosuppressant"].value = date(2026, 8, 31)
    assert "from 2027-02-28. What binds is “Immunosuppressant, organ transplant”: 6 months" in text(dates.earliest)
    assert "too early" in text(dates.earliest)


def test_day_14_is_a_switch(dates):
    dates.clear.click()
    dates.exposures["anti_cancer_therapy"].value = date(2026, 11, 1)
    dates.anchors["enrolment"].value = date(2026, 11, 15)
    assert "respects" in text(dates.earliest)
    dates.boundary_day.value = False
    assert "from 2026-11-16" in text(dates.earliest)
    assert "too early" in text(dates.earliest)


def test_without_exposures_the_page_says_so(dates):
    dates.clear.click()
    assert "only if the participant had none of these" in text(dates.earliest)
    assert dates.clocks.layout.display == "none"


def test_a_visit_is_chosen_and_its_date_set(dates):
    dates.visit.value = "end_of_treatment_visit"
    assert dates._done_box.children == (dates.done["end_of_treatment_visit"],)
    dates._done_box.children[0].value = TODAY - timedelta(days=6)
    assert "End of treatment visit" not in text(dates.story.summary)


def test_only_visits_of_the_frequency_are_offered(dates):
    dates.visit.value = "infusion_day_4"
    dates.frequency.value = 1
    offered = dict(dates.visit.options).values()
    assert "infusion_day_4" not in offered
    assert "safety_day_8" in offered
    assert dates.visit.value in offered


def test_the_schedule_is_a_file(dates):
    link = dates.story.download.value
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
    page.try_dates.click()
    dates = page.what_if
    dates.frequency.value = 1
    dates.exposures[clock.id].value = TODAY
    for output in (dates.story.table, dates.earliest, dates.story.summary, dates.example):
        assert "<img" not in output.value
    assert "&lt;img" in dates.story.table.value
    assert "&lt;img" in dates.earliest.value


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
    page.try_dates.click()
    dates = page.what_if
    dates.clear.click()
    dates.frequency.value = 2
    dates.anchors["first_infusion"].value = date(2026, 2, 9)
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


def test_a_slip_moves_what_hangs_on_the_first_infusion(page, dates):
    page.planning.slip.value = 5
    assert "Infusion, day 11 2026-11-12 2026-11-17 +5" in text(page.planning.moved)
    assert "Month 3" not in text(page.planning.moved)
    dates.clear.click()
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


def test_an_early_end_cancels_what_was_to_come(dates):
    dates.anchors["withdrawal"].value = TODAY
    assert "⊘ cancelled" in text(dates.story.table)
    assert "Early termination visit ● due" in text(dates.story.table)


# --- Today ---


def test_a_page_opens_on_the_work_of_the_day_with_the_counts_of_the_briefing(example):
    assert example.tabs.value == "today"
    now, work = example._desk.briefing, example.work
    total = now.visits[["overdue", "due", "open"]].sum()
    said = f"{total['overdue']} overdue · {total['due']} due · {total['open']} open"
    assert said in text(work.counts)
    assert len(work._tasks) == total.sum() + now.counts["unassessed"]
    assert "Invented example" in text(work.view.children[0])


def test_rows_are_by_urgency_and_more_are_shown_on_demand(example):
    work = example.work
    order = [("overdue", "due", "open").index(status) for status in work._tasks["status"]]
    assert order == sorted(order)
    shown = len(work._list.children)
    assert shown == min(ROWS, len(work._tasks))
    work.more.click()
    assert len(work._list.children) == min(2 * ROWS, len(work._tasks))


def test_a_site_filters_the_rows_the_picture_and_the_table(example):
    work = example.work
    work.site.value = "Wuhan Central Hospital"
    here = {one.id for one in example._desk.participants.participants if one.site == work.site.value}
    assert set(work._tasks["participant"]) <= here
    assert {row["participant"] for row in work.strip._rows} - {""} <= here
    assert "Wuhan Union" not in text(work.visits.body)
    assert "visits-invented-example.csv" in work.visits.export.value
    work.site.value = ""


def test_the_strip_shows_every_day_and_what_is_planned_on_it_once(example):
    example.work.site.value = ""
    work, today = example.work, example._desk.briefing.as_of
    days = [str(today + timedelta(days=number)) for number in range(14)]
    rows = work.strip._rows
    assert [row["day"] for row in rows if not row["kind"]] == days
    planned = [row for row in rows if row["kind"]]
    assert len({(row["day"], row["slot"]) for row in planned}) == len(planned) > 3
    assert {row["kind"] for row in planned} == {"infusion", "visit"}


def test_without_anything_due_the_next_visit_is_named():
    status = pd.DataFrame([{"participant": "W-001", "progress": "evaluable", "window_ends": None}])
    found = pd.DataFrame(
        [
            {
                "participant": "W-001",
                "name": "Month 3",
                "target": pd.Timestamp(TODAY),
                "status": "not yet",
                "kind": "visit",
            }
        ]
    )
    assert tasks_of(found.assign(id="", opens=None, closes=None), status, NO_REPORTS).empty
    assert "Nothing is due. Next: Month 3 of W-001, planned for 2026-11-22." in _nothing(found)


def test_a_missing_assessment_is_a_row_with_the_day_it_was_due():
    ends = date(2026, 11, 20)
    status = pd.DataFrame([{"participant": "W-001", "progress": "assessment missing", "window_ends": ends}])
    (task,) = tasks_of(pd.DataFrame(), status, NO_REPORTS).to_dict("records")
    assert (task["kind"], task["participant"], task["target"].date()) == ("assessment", "W-001", date(2026, 11, 19))


# --- One participant ---


def test_a_participant_is_chosen_and_the_dates_are_the_logs(example):
    example.choose("INV-125")
    assert example.tabs.value == "participant"
    person = example.person
    assert "▶" in example.path.path.value
    assert str(person.first_infusion) in text(example.story.table)
    assert example.story.course._rows
    assert example.planning.study_id.value == "INV-125"
    assert example._plan.titles == ("Plan the visits",)


def test_a_first_infusion_that_has_taken_place_does_not_move(example):
    example.choose("INV-125")
    assert text(example.planning.moved).strip() == "The first infusion has taken place: it does not move."


def test_a_copy_of_the_dates_can_be_changed_and_left(example):
    example.choose("INV-125")
    before = example.planning.best.value
    example.try_dates.click()
    sandbox = example.what_if
    assert "a copy of the dates of INV-125" in text(sandbox.view.children[0])
    assert "pw-sandbox" in sandbox.view._dom_classes
    assert sandbox.example.value == ""
    first = sandbox.anchors["first_infusion"]
    assert first.value == example.person.first_infusion
    first.value += timedelta(days=1)
    assert example.planning.best.value != before
    assert str(first.value) not in text(example.story.table)
    example.choose("INV-127")
    assert example.what_if is None
    assert example._sandbox.children == ()


def test_without_a_choice_there_is_no_schedule_and_a_hint(example):
    example.path.participant.value = ""
    assert example._own.layout.display == "none"
    assert example._plan.layout.display == "none"
    assert "Choose a participant" in text(example.path.path)


def test_the_address_holds_the_tab_the_participant_and_what_today_shows(example):
    shown = {"tab": example.tabs, "participant": example.path.participant}
    assert example.in_address == shown | {"day": example.work.day, "site": example.work.site}


# --- The whole trial ---


@pytest.fixture
def board(example):
    example.tabs.value = "planning"
    return example.board


def test_the_board_is_made_when_it_is_looked_at_and_kept():
    page = FollowupPage(TRIAL, TODAY, open_desk(TRIAL, {}, lambda: TODAY))
    assert page.board is None
    page.tabs.value = "planning"
    board = page.board
    page.tabs.value = "today"
    page.tabs.value = "planning"
    assert page.board is board
    assert page._board_box.children == (board.view,)


def test_lanes_come_in_pages_and_filter(board):
    assert "Participants 1 to 10 of 57" in text(board.lane_text)
    board.page.value = 2
    assert "Participants 11 to 20 of 57" in text(board.lane_text)
    board.page.value, board.per_page.value = 1, 50
    assert "Participants 1 to 50 of 57" in text(board.lane_text)
    board.zoom.value = "years"
    assert {row["kind"] for row in board.picture._rows} == {"lane", "today", "ongoing", "clock", "visit"}
    board.site.value = "Wuhan Central Hospital"
    assert {row["site"] for row in board.picture._rows} == {"Wuhan Central Hospital"}
    board.site.value, board.per_page.value = "", 10


def test_the_next_cohort_waits_for_the_one_who_has_not_begun(board):
    assert "C2 ◀ 12 3 0 INV-130 not yet known" in text(board.next_cohort)
    board.review.value = 14
    assert "C3 12 0 0 – 2026-11-03" in text(board.next_cohort)
    board.counted_from.value = "last"
    assert "INV-125 C2 Wuhan Central Hospital running 2026-11-20 2026-12-18" in text(board.next_cohort)


# --- The trial calendar ---


@pytest.fixture
def forecast(page):
    page.tabs.value = "planning"
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


def test_a_protocol_without_a_log_says_so(page):
    assert "there are no participants" in text(page.tabs._panels["today"].children[0])
    page.planning.site.value = TRIAL.sites[0].name
    assert "Visits to come" in text(page.planning.best)
    page.tabs.value = "planning"
    assert "No participant is enrolled yet" in text(page._board_box.children[0])


def test_today_names_the_next_visit_and_what_was_missed(dates):
    assert "Next: " in dates.story.summary.value
    assert "missed" in dates.story.summary.value
    dates.clear.click()
    assert "No date is known yet" in dates.story.summary.value
    assert "only if the participant had none of these" in dates.earliest.value


def test_dates_that_cannot_be_used_take_the_answers_away(dates):
    dates.anchors["first_infusion"].value = dates.anchors["enrolment"].value - timedelta(days=1)
    assert "Write" in dates.problem.value
    assert "cannot be used together" in dates.story.summary.value
    assert "overdue" not in dates.story.summary.value
