"""The list of all participants on the follow-up page: where each is on the path."""

from datetime import date

import pytest
from support.trial import TRIAL

from protocol.conduct import event
from protocol.pages.followup import FollowupPage
from protocol.pages.trial_log.desk import open_desk
from protocol.pages.trial_log.participant_list import ParticipantList, participants_with_steps
from protocol.pages.trial_log.visits import questions_about

pytestmark = pytest.mark.slow  # every test reads the whole example

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def desk():
    return open_desk(TRIAL, {}, lambda: TODAY)


@pytest.fixture(scope="module")
def rows(desk):
    return participants_with_steps(desk).set_index("participant")


def test_each_participant_has_the_next_step_of_the_path_and_the_day_of_it(rows):
    assert tuple(rows.loc["INV-127", ["infusions", "last", "next"]]) == (
        "1 of 2",
        "Infusion 1: 2026-11-17",
        "Infusion 2",
    )
    assert rows.loc["INV-127", "when"] == "planned for 2026-11-24"
    assert rows.loc["INV-130", "next"] == "Start of therapy"
    assert rows.loc["INV-050", "when"] == "Month 24, end of follow-up: now"


def test_those_without_a_next_step_stand_last_with_the_reason(rows, desk):
    ended = [name for name, one in desk.courses.items() if one.withdrawn or one.overall == "ineligible"]
    assert set(rows.index[-len(ended) :]) == set(ended)
    assert rows["next"].iloc[-1] == "none: the end is recorded"
    assert not rows["next"].iloc[: -len(ended)].str.startswith("none").any()


@pytest.mark.parametrize(("day", "asked"), [(24, ""), (22, "before the planned window"), (26, "after the planned")])
def test_an_infusion_outside_its_planned_window_is_asked_about(desk, day, asked):
    given = event({"kind": "infused", "on": date(2026, 11, day), "participant": "INV-127", "number": 2})
    found = questions_about(desk, given)
    assert asked in "".join(found)
    assert len(found) == bool(asked)


def test_the_path_of_every_participant_shows(desk):
    page = FollowupPage(TRIAL, TODAY, desk)
    for name in desk.courses:
        page.choose(name)
        assert f"The path of {name}" in page.path.path.value, name


def test_one_next_step_can_be_chosen_and_is_counted(desk, rows):
    listed = ParticipantList(desk, print)
    assert listed.following.options[0][0] == f"All ({len(rows)})"
    count = int((rows["next"] == "Consent").sum())
    assert (f"Consent ({count})", "Consent") in listed.following.options
    listed.following.value = "Consent"
    assert len(listed.table.shown[0]) == count
    assert set(listed.table.shown[0]["Next step"]) == {"Consent"}
    listed._rows = listed._rows.iloc[:5]  # the log goes on: other counts, another list of choices
    listed.refresh()
    assert listed.following.value == "Consent"


def test_the_list_of_a_log_that_began_empty_shows_with_the_first_participant(life):
    page = FollowupPage(TRIAL, life.day, life.desk())
    page.tabs.value = "participant"
    assert (page.people is not None, page._everyone.layout.display) == (True, None)


def test_the_list_is_built_with_its_tab_and_open_as_long_as_nobody_is_chosen(desk):
    page = FollowupPage(TRIAL, TODAY, desk)
    assert page.people is None
    page.tabs.value = "participant"
    assert (len(page.people.table.shown[0]), page._everyone.selected_index) == (len(desk.courses), 0)
    page.choose("INV-127")
    assert page._everyone.selected_index is None
