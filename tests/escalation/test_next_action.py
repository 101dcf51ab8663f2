"""What the trial should do next: one sentence, whom it waits for, and a phase II regimen that is withheld in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import TRIAL

from protocol.escalation import DESIGNS, STOP, Awaited, Outcomes, enrolment_stopped, next_action, recommended
from protocol.records import ProtocolError

RECORD = TRIAL.escalation
GRID, DESIGN = RECORD.grid, RECORD.designed()
LABELS = GRID.labels
SIZE = DESIGN.cohort_size


def outcomes(notation):
    return Outcomes.parse(GRID, notation)


def at(label):
    return GRID.index(label)


def test_an_empty_trial_treats_its_first_cohort_at_the_start():
    action = next_action(DESIGN, outcomes(""), at("A1"), free_places=SIZE)
    assert action.sentence == f"Treat the first cohort at A1: {SIZE} participants."
    assert action.why == ""
    assert action.phase_two == "No regimen is recommended for phase II: no participant has an outcome yet."


def test_participants_in_their_window_are_named_with_their_day():
    awaited = [Awaited(at("A2"), "P-001 (2026-12-11)"), Awaited(at("A2"), "P-002 (2026-12-15)")]
    action = next_action(DESIGN, outcomes("A1:NNN A2:N"), at("A2"), awaited)
    assert action.sentence == "A2 is open. Wait for P-001 (2026-12-11) and P-002 (2026-12-15)."
    assert action.waits == ("P-001 (2026-12-11)", "P-002 (2026-12-15)")
    assert action.following is None
    assert action.why.startswith("On what is known so far: ")
    assert action.counted == "On what is known so far: B2. At A2, 0 of 1 participant had a DLT."


def test_without_names_participants_are_counted_at_their_regimen():
    awaited = [Awaited(at("A2")), Awaited(at("A2")), Awaited(at("A1"))]
    action = next_action(DESIGN, outcomes("A1:NN A2:N"), at("A2"), awaited)
    assert action.sentence == "A2 is open. Wait for 1 participant at A1 and 2 participants at A2."


def test_free_places_are_filled_before_the_next_decision():
    action = next_action(DESIGN, outcomes("A1:N"), at("A1"), free_places=2)
    assert action.sentence == "A1 is open. Enrol 2 more participants."
    assert action.waits == ("2 free places",)


def test_a_complete_cohort_is_followed_by_the_design_s_choice():
    action = next_action(DESIGN, outcomes("A1:NNN"), at("A1"))
    following = int(recommended(DESIGN, outcomes("A1:NNN"), at("A1"))[0])
    assert action.following == following
    assert action.sentence == f"Treat the next cohort of {SIZE} at {LABELS[following]}."
    assert action.foreseen == ""
    assert action.counted == "At A1, 0 of 3 participants had a DLT."


def test_what_the_awaited_outcomes_lead_to_is_foreseen_for_each_number_of_dlts():
    seen = outcomes("A1:NNN A2:N")
    action = next_action(DESIGN, seen, at("A2"), [Awaited(at("A2"))] * 2)
    for dlts, word in ((0, "With 0 further DLTs: "), (2, "2 further DLTs: ")):
        full = outcomes("A1:NNN A2:N" + "T" * dlts + "N" * (2 - dlts))
        leads = int(recommended(DESIGN, full, at("A2"))[0])
        where = "stop" if leads == STOP else LABELS[leads]
        assert f"{word}{where}" in action.foreseen


def test_a_regimen_for_phase_two_is_withheld_while_outcomes_are_waited_for():
    seen, waits = outcomes("A1:NNN"), [Awaited(at("A1"))]
    assert next_action(DESIGN, seen, at("A1")).recommended == "A1"
    held = next_action(DESIGN, seen, at("A1"), waits)
    assert held.recommended is None
    assert held.phase_two == "No regimen is recommended for phase II while outcomes are waited for."


def test_a_regimen_above_the_target_is_not_recommended_and_its_estimate_is_said():
    action = next_action(DESIGN, outcomes("A1:T"), at("A1"))
    assert action.recommended is None
    assert action.estimate > DESIGN.target
    assert "A1, and its estimated DLT rate, 0.70, is above the target, 0.30" in action.phase_two


def test_an_eliminated_lowest_regimen_stops_the_trial():
    action = next_action(DESIGN, outcomes("A1:TTT"), at("A1"))
    assert (action.following, action.sentence) == (STOP, "Stop enrolment.")
    assert action.phase_two == "If the trial ended now, no regimen could be recommended for phase II."


def test_after_the_last_participant_the_escalation_is_complete():
    small = RECORD.designed(maximum=6)
    action = next_action(small, outcomes("A1:NNN A2:NNN"), at("A2"))
    assert action.sentence == "Escalation is complete: all 6 participants have their outcome."
    assert action.recommended is not None


def test_a_stopped_enrolment_says_so_and_recommends_nothing():
    action = enrolment_stopped()
    assert (action.following, action.recommended) == (STOP, None)
    assert action.sentence == "Enrolment is stopped by the last decision."


def test_the_answer_shows_itself_as_a_table():
    table = next_action(DESIGN, outcomes("A1:NNN"), at("A1")).table()
    assert list(table["what"]) == ["next", "why", "phase II"]


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_gives_one_answer(name):
    design = RECORD.designed(name)
    seen = Outcomes.parse(design.grid, "A1:NNN")
    if design.assumed_responses is not None:
        seen = Outcomes(design.grid, seen.treated, seen.dlt, responded=seen.treated * 0, both=seen.treated * 0)
    action = next_action(design, seen, 0)
    assert action.following == int(recommended(design, seen, 0)[0])
    assert next_action(design, seen, 0, [Awaited(0)]).following is None


@given(dlts=st.integers(0, 3), waiting=st.integers(1, 3))
def test_nothing_is_recommended_while_anyone_is_waited_for(dlts, waiting):
    seen = outcomes("A1:" + "T" * dlts + "N" * (3 - dlts))
    action = next_action(DESIGN, seen, 0, [Awaited(0)] * waiting)
    assert (action.following, action.recommended) == (None, None)


def test_a_regimen_beside_the_grid_is_refused():
    with pytest.raises(ProtocolError, match="current regimen"):
        next_action(DESIGN, outcomes(""), 99)
