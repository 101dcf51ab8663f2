"""The decisions so far, one after another: where each stands on the path, and what was known when it was made."""

from datetime import date
from itertools import pairwise

import pytest
from support.participant_log import said
from support.trial import TRIAL

from protocol.conduct import event, open_log
from protocol.pages.escalation import EscalationPage
from protocol.pages.escalation.decision_steps import DecisionSteps, decision_rows
from protocol.pages.overview import OverviewPage
from protocol.pages.trial_log.desk import open_desk

pytestmark = pytest.mark.slow  # every test builds pictures

TODAY = date(2026, 11, 20)
DESK = open_desk(TRIAL, {}, lambda: TODAY)
AGAINST = 5  # the decision of the example that is not what the rule recommended


@pytest.fixture
def steps():
    return DecisionSteps(DESK)


def marked(steps):
    return [row["number"] for row in steps.picture._rows if row["marked"]]


def go_to(steps, number):
    steps.picture.picked = next(row for row in steps.picture._rows if row["number"] == number)


def test_the_last_decision_is_shown_at_first_and_marked_on_the_path(steps):
    assert said(steps.pager.place).strip() == "Decision 19 of 19"
    assert marked(steps) == [19]
    assert steps.pager.next.disabled
    assert not steps.pager.previous.disabled


def test_a_reader_steps_back_and_forth_with_two_buttons(steps):
    for _step in range(18):
        steps.pager.previous.click()
    assert "Decision 1 of 19" in said(steps.pager.place)
    assert steps.pager.previous.disabled
    assert "Regimen before no regimen" in said(steps.card)
    steps.pager.next.click()
    assert marked(steps) == [2]


def test_a_click_on_the_path_chooses_a_decision(steps):
    go_to(steps, 7)
    assert "Decision 7 of 19" in said(steps.pager.place)
    assert marked(steps) == [7]


def test_the_card_says_what_was_known_what_was_recommended_and_what_was_decided_by_whom_and_why(steps):
    go_to(steps, 18)
    words = said(steps.card)
    assert "The decision is what the rule recommended." in words
    for pair in (
        "Day 2026-08-28",
        "Regimen before C2",
        "Outcomes there by that day 1 of 9 evaluable participants had a DLT",
        "Recommended C3",
        "Decided C3",
        "Decided by steering committee",
        "Reason 1 of 9 evaluable participants at C2 had a DLT; as recommended.",
        "Enrolled under it 1/3 (with a DLT / evaluable)",
    ):
        assert pair in words


def test_a_decision_against_the_rule_says_so_and_who_is_not_evaluable_yet_is_no_zero(steps):
    go_to(steps, AGAINST)
    assert "◆ The decision differs from what the rule recommended." in said(steps.card)
    assert "Recommended E1 Decided D1" in said(steps.card)
    go_to(steps, 19)
    assert "Enrolled under it nobody evaluable yet" in said(steps.card)


def test_what_is_written_beside_neighbours_at_one_regimen_stands_on_different_sides():
    rows = decision_rows(DESK.briefing, TRIAL).to_dict("records")
    stays = [(one["side"], after["side"]) for one, after in pairwise(rows)
             if one["chosen"] == after["chosen"]]  # fmt: skip
    assert len(stays) == 3
    assert all(before != after for before, after in stays)


def test_what_is_written_beside_a_point_stands_where_the_path_does_not_come_from():
    grid, rows = TRIAL.escalation.grid, decision_rows(DESK.briefing, TRIAL).to_dict("records")
    for one, after in pairwise(rows):
        if one["chosen"] != after["chosen"]:
            rises = grid.index(after["chosen"]) > grid.index(one["chosen"])
            assert after["side"] == ("above" if rises else "below")


def test_both_pages_step_through_the_same_decisions():
    overview, escalation = OverviewPage(TRIAL, TODAY, DESK), EscalationPage(TRIAL, TODAY, DESK)
    for steps in (overview.status.steps, escalation.decision.decisions.steps):
        assert "Decision 19 of 19" in said(steps.pager.place)
        assert steps.view.layout.display is None


@pytest.fixture
def begun(tmp_path):
    """A log without an entry, and the desk of the coordinator."""
    open_log(tmp_path / "trial.sqlite").close()
    names = {"PROTOCOL_LOG": str(tmp_path / "trial.sqlite"), "PROTOCOL_ROLE": "coordinator", "PROTOCOL_ACTOR": "c-1"}
    desk = open_desk(TRIAL, names, lambda: TODAY)
    yield desk
    desk._log.close()


def decide(desk, chosen, **basis):
    values = {"kind": "decision", "on": TODAY, "chosen": chosen, "why": "as agreed", "decided_by": "committee"}
    desk.record(event(values | (basis or {"recommended": chosen})))


def test_without_a_decision_nothing_is_shown_and_the_first_one_is_shown_when_it_is_recorded(begun):
    steps = DecisionSteps(begun)
    assert steps.view.layout.display == "none"
    decide(begun, "A1")
    assert steps.view.layout.display is None
    assert "Decision 1 of 1" in said(steps.pager.place)


def test_a_new_decision_is_shown_to_who_looks_at_the_last_one_and_takes_nobody_away_from_another(begun):
    decide(begun, "A1")
    follows, stays = DecisionSteps(begun), DecisionSteps(begun)
    decide(begun, "A1", waits_for={"places": 3})
    stays.pager.previous.click()
    assert "Decision 2 of 2" in said(follows.pager.place)
    assert "◆ The committee decided before the rule recommended anything." in said(follows.card)
    assert "Outcomes there by that day nobody evaluable yet" in said(follows.card)
    decide(begun, None)
    assert "Decision 3 of 3" in said(follows.pager.place)
    assert "Decided stop" in said(follows.card)
    assert marked(follows) == []  # a stop opens no regimen
    assert "Decision 1 of 3" in said(stays.pager.place)
