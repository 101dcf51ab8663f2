"""Options of the trial: continuous accrual, late outcomes, and backfill."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.escalation import GRID, SCENARIOS, published_values
from support.trial import ESCALATION
from twins.late import LateBoin, LateKeyboard

from protocol.escalation import DESIGNS, STOP, Grid, Outcomes, TrialRules, choose, simulate
from protocol.escalation.design import steps_up
from protocol.escalation.designs.boin import Boin
from protocol.escalation.designs.keyboard import Keyboard
from protocol.escalation.simulation import Stream, TrialsByCalendar
from protocol.records import ProtocolError

TITE = published_values("tite_boin_decisions.json")


@pytest.mark.requirement("R-ESC-04")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "plain", "scenario", "options"),
    [
        (Boin, LateBoin, "diagonal", {"most_pending": 0.5, "late_share": 0.7}),
        (Boin, LateBoin, "lowest", {"most_pending": 1.0}),
        (Boin, LateBoin, "diagonal", {"most_pending": 0.25, "backfill": True, "backfill_most": 9}),
        (Keyboard, LateKeyboard, "diagonal", {"most_pending": 0.5}),
    ],
)
def test_trials_by_the_calendar_agree_with_the_plain_twin_on_the_same_draws(kind, plain, scenario, options):
    trials = 2_000
    design, rules = kind(GRID, preference="coin", maximum=36), TrialRules(accrual_per_month=4, **options)
    result, draws = (
        simulate(design, SCENARIOS[scenario], trials, 7, rules=rules),
        Stream(design, 7).take(trials, more=True),
    )
    twin = plain(5, 3, 0.3, maximum=36).calendar(4, **options)
    for trial in range(trials):
        own = (draws.latent, draws.ties, draws.gaps, draws.times)
        n, y, days = twin.run_by_calendar(SCENARIOS[scenario], *(part[:, trial].tolist() for part in own))
        assert result.treated[trial].ravel().tolist() == [n[c] for c in twin.cells], trial
        assert result.dlt[trial].ravel().tolist() == [y[c] for c in twin.cells]
        assert result.days[trial] == pytest.approx(days)


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_a_trial_that_waits_for_every_outcome_is_the_trial_without_a_calendar(name):
    design = ESCALATION.designed(name, draws=200)
    plain = simulate(design, SCENARIOS["diagonal"], 60, 3)
    timed = simulate(design, SCENARIOS["diagonal"], 60, 3, rules=TrialRules(accrual_per_month=3))
    assert (plain.treated == timed.treated).all()
    assert (plain.dlt == timed.dlt).all()
    assert (plain.selected == timed.selected).all()
    assert plain.days is None
    cohorts = plain.treated.sum(axis=(1, 2)) / design.cohort_size
    assert (timed.days >= 28 * cohorts - 28 * plain.dlt.sum(axis=(1, 2))).all()


@pytest.mark.requirement("R-ESC-06")
@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("backfill", [False, True])
def test_late_outcomes_and_backfill_never_give_an_eliminated_or_far_regimen(name, backfill, monkeypatch):
    design = ESCALATION.designed(name, draws=200, maximum=30)
    rules = TrialRules(accrual_per_month=6, most_pending=0.5, backfill=backfill, backfill_most=6)
    if backfill and not design.reads_pending:
        with pytest.raises(ProtocolError, match="backfill under a design that waits for all participants"):
            simulate(design, SCENARIOS["diagonal"], 5, 1, rules=rules)
        return
    steps, asked, own = steps_up(GRID), [], type(design).next

    def watched(self, outcomes, current, draws=None):
        following = own(self, outcomes, current, draws)
        closed, tried = self.eliminated(outcomes).reshape(-1, 15), outcomes.enrolled.reshape(-1, 15) > 0
        for row, cell in enumerate(following):
            assert cell == STOP or not closed[row, cell]
            assert cell == STOP or (steps[tried[row], cell] <= 1).any()
        asked.append(len(following))
        return following

    monkeypatch.setattr(type(design), "next", watched)
    result = simulate(design, SCENARIOS["diagonal"], 40, 2, rules=rules)
    assert sum(asked) > 40
    assert (result.treated.sum(axis=(1, 2)) <= 30).all()


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 7, 60])
def test_trials_by_the_calendar_do_not_depend_on_the_chunks(chunk):
    rules = TrialRules(accrual_per_month=5, most_pending=0.5, backfill=True)
    one, other = (
        simulate(ESCALATION.designed(), SCENARIOS["middle"], 60, 4, rules=rules, response=[[0.3] * 3] * 5, chunk=size)
        for size in (60, chunk)
    )
    assert one.summary().equals(other.summary())


@pytest.mark.slow
def test_late_outcomes_and_backfill_shorten_the_trial():
    days = {}
    for options in ({}, {"most_pending": 0.5}, {"backfill": True}):
        rules = TrialRules(accrual_per_month=4, **options)
        days[tuple(options)] = simulate(ESCALATION.designed(), SCENARIOS["diagonal"], 300, 1, rules=rules).days.mean()
    assert days["most_pending",] < 0.75 * days[()]
    assert days["backfill",] < 0.75 * days[()]


def test_times_to_a_dlt_and_gaps_between_participants_have_the_stated_distributions():
    rules = TrialRules(accrual_per_month=4, late_share=0.8)
    design = Boin(GRID, cohort_size=60)
    draws = Stream(design, 1).take(2_000, more=True)
    trials = TrialsByCalendar(design, np.ones(15), draws, rules, None)
    assert (trials.delays > 14).mean() == pytest.approx(0.8, abs=0.01)
    assert trials.delays.max() <= 28
    assert trials.gaps.mean() == pytest.approx(365.25 / 12 / 4, rel=0.01)


def advice(text, **options):
    outcomes, design = Outcomes.parse(GRID, text), ESCALATION.designed()
    at = GRID.index(text.split()[-1][:2])
    waits = TrialRules(accrual_per_month=4, **options).waits(design, outcomes, [at])[0]
    return bool(waits), GRID.labels[design.next(outcomes, [at])[0]], design.why(outcomes, at)


@pytest.mark.parametrize(
    ("text", "waits", "answer", "words"),
    [
        (
            "A1:NNP0.9",
            False,
            "B1",
            "1 of them is in the window (90% of it passed); counted in part, the rate is 0.00.",
        ),
        ("A1:NPP", True, "A1", "More than half are in the window, so no step up is taken: stay at A1."),
        ("A1:NNN B1:TTP", False, "A1", "De-escalate to A1"),
        ("A1:NNN B1:TPP0.5", True, "A1", "2 of them are in the window (25% of it passed)"),
    ],
)
def test_the_advice_counts_pending_participants_and_says_so(text, waits, answer, words):
    found = advice(text, most_pending=0.5)
    assert found[:2] == (waits, answer)
    assert words in found[2]


def test_without_a_tolerance_every_outcome_is_waited_for():
    assert advice("A1:NNP0.9")[0]
    assert advice("A1:NNN B1:TTP")[0]
    assert not advice("A1:NNN")[0]


@pytest.mark.parametrize("name", [name for name, kind in DESIGNS.items() if not kind.reads_pending])
@pytest.mark.parametrize("most_pending", [0.0, 0.5])
def test_a_design_that_needs_complete_outcomes_waits_for_those_at_every_regimen(name, most_pending):
    design, outcomes = ESCALATION.designed(name, draws=200), Outcomes.parse(GRID, "A1:NNNPPP B1:NNN")
    rules, at = TrialRules(most_pending=most_pending), GRID.index("B1")
    assert rules.waits(design, outcomes, [at])[0]
    assert rules.waited_for(design, outcomes, at)[0] == 3
    assert not rules.waits(design, Outcomes.parse(GRID, "A1:NNN B1:NNN"), [at])[0]


def test_a_design_that_counts_pending_participants_waits_for_those_behind_the_next_step():
    rules, design, at = TrialRules(), ESCALATION.designed(), GRID.index("B1")
    for text, waited in (("A1:NNNPPP B1:NNN", {}), ("A1:NNN B1:NPP", {"B1": 2}), ("A1:NPP", {"A1": 2})):
        found = rules.waited_for(design, Outcomes.parse(GRID, text), at)
        assert {GRID.labels[cell]: found[cell] for cell in np.flatnonzero(found)} == waited


@pytest.mark.parametrize("name", ["Waterfall", "Utility of response and toxicity"])
def test_a_design_that_needs_complete_outcomes_counts_no_others(name):
    design, at = ESCALATION.designed(name), GRID.index("B1")
    pending, complete = (Outcomes.parse(GRID, text) for text in ("A1:NNNPPP B1:TTTNPPPPPPPP", "A1:NNN B1:TTTN"))
    assert design.eliminated(complete)[0, 1, 0]
    assert (design.eliminated(pending) == design.eliminated(complete)).all()
    assert design.next(pending, [at], [0.0]) == design.next(complete, [at], [0.0])


def test_a_cleared_regimen_is_below_safe_and_has_room():
    rules, design = TrialRules(accrual_per_month=4, backfill=True, backfill_most=6), ESCALATION.designed()
    filled = {}
    for text in (
        "A1:NNN B1:NNN B2:NPP",
        "A1:NNN B1:NNNNNN B2:NPP",
        "A1:NTN B1:NTT B2:PPP",
        "A1:PPP",
        "A1:NNN A2:TTN C1:PPP",
    ):
        at = GRID.index(text.split()[-1][:2])
        cell = rules.backfilled(design, Outcomes.parse(GRID, text), [at], 3)[0]
        filled[text] = GRID.labels[cell] if cell >= 0 else None
    assert [*filled.values()] == ["B1", "A1", None, None, "A1"]


@pytest.mark.parametrize(
    "options",
    [
        {"accrual_per_month": 0.0}, {"accrual_per_month": float("nan")}, {"late_share": 0.0}, {"late_share": 1.0},
        {"most_pending": 1.1}, {"most_pending": float("nan")}, {"window_days": 0}, {"backfill_most": 0},
        {"backfill": True},
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_cannot_be_are_refused(options):
    with pytest.raises(ProtocolError, match="rules of the trial"):
        TrialRules(**options)


def test_the_record_gives_the_rules_of_its_trial():
    rules = ESCALATION.rules()
    assert (rules.accrual_per_month, rules.window_days) == (4.0, 28)
    assert ESCALATION.rules(most_pending=0.5).most_pending == 0.5
    tables = [getattr(ESCALATION.trial, name) for name in type(ESCALATION.trial).model_fields]
    assert all(value.is_assumption for value in tables)


# The published decisions with pending participants

MOVES = {"escalate": 1, "stay": 0, "de-escalate": -1, "eliminate": -1}


def one_dose_above_another(target, treated, dlt, pending, followed):
    """The decision at the middle of three doses: 1 up, 0 stay, -1 down; and whether it is eliminated."""
    grid = Grid(("1", "2", "3"), ("x",))
    design = Boin(grid, target, safe=0.6 * target, toxic=1.4 * target)
    counts = np.zeros((4, 3, 1))
    counts[:, 1, 0] = treated - pending, dlt, pending, followed
    whole, part = counts[:3].astype(int), counts[3]
    outcomes = Outcomes(grid, *whole[:2], *((whole[2], part) if pending else ()))
    return int(design.next(outcomes, [1])[0]) - 1, bool(design.eliminated(outcomes)[0, 1, 0])


@pytest.mark.requirement("R-ESC-04")
@pytest.mark.parametrize("case", TITE["published"], ids=lambda case: "-".join(map(str, case.values())))
def test_decisions_with_pending_participants_equal_the_published_table(case):
    n, y = case["treated"], case["dlt"]
    for pending in range(case["least_pending"], min(case["most_pending"], n - y) + 1):
        first, _or, second = case["decision"].partition(" or ")
        if first == "suspend":
            suspended = TrialRules(most_pending=0.5).waits(Boin(GRID), pending_at_a1(n, y, pending), [0])
            assert suspended[0]
            continue
        if second:
            limit = case["stft"]
            for followed, expected in ((limit + 0.005, first), (limit - 0.005, second)):
                assert one_dose_above_another(0.2, n, y, pending, followed)[0] == MOVES[expected]
            continue
        for followed in (0.0, pending / 2, float(pending)):
            found, eliminated = one_dose_above_another(0.2, n, y, pending, followed)
            assert (found, eliminated) == (MOVES[first], first == "eliminate")


def pending_at_a1(n, y, pending):
    counts = np.zeros((3, 5, 3), int)
    counts[:, 0, 0] = n - pending, y, pending
    return Outcomes(GRID, *counts, np.zeros((5, 3)))


@pytest.mark.requirement("R-ESC-04")
@pytest.mark.slow
def test_decisions_with_pending_participants_equal_those_of_the_published_formula():
    compared = 0
    for target, n, y, pending, kind, limit in TITE["states"]:
        most = pending > n / 2
        for followed in {0.0, float(pending), *np.clip([limit - 1e-4, limit + 1e-4], 0, pending)}:
            found, eliminated = one_dose_above_another(target, n, y, pending, followed)
            if kind == "escalate from":
                expected = 1 if followed >= limit and not most else 0
            else:
                expected = -1 if followed <= limit else 0
            certain = (
                eliminated or y >= Boin(GRID, target, safe=0.6 * target, toxic=1.4 * target).tables.deescalate[n]
            )
            assert found == (-1 if certain else expected), (target, n, y, pending, followed)
            compared += 1
    assert compared > 1_500


# Backfill after a response


def test_a_backfilled_regimen_has_shown_a_response_if_so_stated():
    design = ESCALATION.designed()
    rules = TrialRules(accrual_per_month=4, backfill=True, backfill_responders=True)
    filled = {}
    for text in ("A1:NNN B1:NNN C1:PPP", "A1:NNE B1:NNN C1:PPP", "A1:NNE B1:NEN C1:PPP", "A1:NNN B1:TTB C1:PPP"):
        at = GRID.index(text.split()[-1][:2])
        cell = rules.backfilled(design, Outcomes.parse(GRID, text), [at], 3)[0]
        filled[text] = GRID.labels[cell] if cell >= 0 else None
    assert [*filled.values()] == [None, "A1", "B1", None]


def test_backfill_after_a_response_needs_response_rates_and_backfill():
    rules = TrialRules(accrual_per_month=4, backfill=True, backfill_responders=True)
    with pytest.raises(ProtocolError, match="response rates, or backfill_responders=False"):
        simulate(ESCALATION.designed(), SCENARIOS["safe"], 5, 1, rules=rules)
    assert ESCALATION.rules(backfill=True, backfill_responders=True).backfill_responders


@pytest.mark.slow
def test_without_responses_nobody_is_backfilled_and_with_them_somebody_is():
    design = ESCALATION.designed()
    truth, rules = SCENARIOS["safe"], {"accrual_per_month": 4, "backfill": True}
    none, plain = (
        simulate(design, truth, 200, 1, rules=TrialRules(**one), response=np.zeros((5, 3)))
        for one in (rules | {"backfill_responders": True}, {"accrual_per_month": 4})
    )
    assert (none.treated == plain.treated).all()
    every, some = (
        simulate(
            design, truth, 200, 1, rules=TrialRules(**rules, backfill_responders=one), response=np.full((5, 3), 0.3)
        )
        for one in (False, True)
    )
    assert plain.days.mean() > some.days.mean() > every.days.mean()


# Pending participants and responses in the notation


@st.composite
def notations(draw):
    people = st.lists(st.sampled_from(["N", "T", "E", "B", "P0.25", "P"]), min_size=1, max_size=6)
    labels = draw(st.lists(st.sampled_from(GRID.labels), min_size=1, max_size=5, unique=True))
    return " ".join(f"{label}:{''.join(draw(people))}" for label in labels)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(notations())
def test_the_whole_notation_is_read_back_as_it_was_written(text):
    outcomes = Outcomes.parse(GRID, text)
    again = Outcomes.parse(GRID, outcomes.notation())
    for name in ("treated", "dlt", "pending", "followed", "responded", "both"):
        one, other = getattr(outcomes, name), getattr(again, name)
        assert (one is None) == (other is None)
        assert one is None or one == pytest.approx(other, abs=1e-3)
    assert outcomes.enrolled.sum() == sum(sum(map(word.split(":")[1].count, "NTEBP")) for word in text.split())


@pytest.mark.parametrize("text", ["A1:P1.5", "A1:P-1", "A1:PX", "A1:N0.5", "A1:", "Z9:P"])
def test_a_notation_of_pending_participants_that_cannot_be_read_is_refused(text):
    with pytest.raises(ProtocolError):
        Outcomes.parse(GRID, text)


@pytest.mark.parametrize(
    ("given_more", "words"),
    [
        ({"pending": 1}, "belong together"), ({"pending": 1, "followed": 1.5}, "1.5 windows passed by 1 pending"),
        ({"pending": -1, "followed": 0.0}, "pending"), ({"pending": 1, "followed": float("nan")}, "0 or more"),
        ({"responded": 4, "both": 0}, "4 with a response of 3 treated"),
        ({"responded": 3, "both": 0}, "3 with a response, where there can be 2"),
        ({"responded": 1, "both": 2}, "with a DLT and a response"), ({"pending": 0.5, "followed": 0.0}, "not whole"),
    ],
    ids=str,
)  # fmt: skip
def test_counts_that_contradict_each_other_are_refused(given_more, words):
    grid = Grid(("A",), ("1",))
    parts = {name: np.array([[value]]) for name, value in ({"treated": 3, "dlt": 1} | given_more).items()}
    with pytest.raises(ProtocolError, match=words):
        Outcomes(grid, **parts)


# The committee's choice


@pytest.mark.parametrize("name", DESIGNS)
def test_a_committee_may_step_down_or_stop_but_not_skip_climb_twice_or_enter_what_is_eliminated(name):
    design, outcomes = ESCALATION.designed(name, draws=200), Outcomes.parse(GRID, "A1:NNN B1:NNN C1:TTT")
    at = GRID.index("C1")
    assert choose(design, outcomes, at, "A1").chosen == GRID.index("A1")
    assert choose(design, outcomes, at, None) == (int(design.next(outcomes, [at], [0.0])[0]), STOP)
    for label, words in (("D2", "more than one step"), ("B3", "more than one step"), ("C1", "eliminated")):
        if label == "C1" and not design.eliminated(outcomes)[0, 2, 0]:
            continue
        with pytest.raises(ProtocolError, match=words):
            choose(design, outcomes, at, label)
    with pytest.raises(ProtocolError, match="regimen"):
        choose(design, outcomes, at, "F1")


def test_a_choice_departs_from_what_the_page_recommends_even_where_a_dlt_became_known_late():
    design, outcomes = ESCALATION.designed(), Outcomes.parse(GRID, "A1:NTT")
    following = choose(design, outcomes, GRID.index("B1"), "A1")
    assert following == (GRID.index("A1"), GRID.index("A1"))
    assert choose(design, outcomes, GRID.index("B1"), "B1").is_override


@pytest.mark.parametrize("text", ["A1:" + "N" * 60, "A1:" + "N" * 57 + " B1:PPP"])
def test_after_the_last_participant_a_committee_can_only_end_the_trial(text):
    design, outcomes = ESCALATION.designed(), Outcomes.parse(GRID, text)
    for label in ("A1", "B1"):
        with pytest.raises(ProtocolError, match="after the last of 60 participants"):
            choose(design, outcomes, GRID.index("B1"), label)
    assert choose(design, outcomes, 0, None).chosen == STOP


@pytest.mark.requirement("R-ESC-08")
def test_a_choice_knows_whether_it_departs_from_the_recommendation():
    design, outcomes = ESCALATION.designed(), Outcomes.parse(GRID, "A1:NNN")
    assert not choose(design, outcomes, 0, "B1").is_override
    assert choose(design, outcomes, 0, "A2").is_override
    assert choose(design, outcomes, 0, None).is_override
