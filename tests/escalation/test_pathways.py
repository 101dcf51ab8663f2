"""Pathways of the next cohorts, and the outcomes that change a recommendation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.escalation import GRID, SCENARIOS
from support.trial import ESCALATION

from protocol.escalation import DESIGNS, STOP, Outcomes, last_named, pathways, recommended, simulate, turning_points
from protocol.records import ProtocolError

FAST = [name for name in DESIGNS if name not in {"Two-agent logistic", "PIPE"}]
histories = st.lists(st.sampled_from(["NNN", "NNT", "NTT"]), min_size=0, max_size=4)


def walked(design, cohorts):
    """A trial that followed the design: its outcomes and the regimen of the next cohort."""
    outcomes, at = Outcomes.none(GRID), GRID.index("A1")
    for letters in cohorts:
        counts = np.stack([outcomes.treated, outcomes.dlt]).reshape(2, -1)
        counts[:, at] += 3, letters.count("T")
        outcomes = Outcomes(GRID, *counts.reshape(2, 5, 3))
        following = int(design.next(outcomes, [at], [0.0])[0])
        if following == STOP:
            break
        at = following
    return outcomes, at


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(st.sampled_from(FAST), histories)
def test_every_pathway_is_what_the_design_says_next(name, cohorts):
    design = ESCALATION.designed(name)
    outcomes, first = walked(design, cohorts)
    if recommended(design, outcomes, first)[0] == STOP:
        return
    found = pathways(design, outcomes, first, 2)
    for row in found.itertuples():
        counts, at = np.stack([outcomes.treated, outcomes.dlt]).reshape(2, -1), first
        for dlts in row.path:  # the same outcomes, one cohort after the other
            assert at != STOP
            counts[:, at] += 3, dlts
            last, at = at, int(design.next(Outcomes(GRID, *counts.reshape(2, 5, 3)), [at], [0.0])[0])
        assert row.leads_to == ("" if at == STOP else GRID.labels[at])
        assert row.treated_at == GRID.labels[last]
        assert (row.move == "stop") == (at == STOP)
        assert (row.move == "stay") == (at == last)


@pytest.mark.slow
def test_the_chances_of_the_pathways_are_those_of_the_simulation():
    design, truth = ESCALATION.designed(), SCENARIOS["lowest"]
    found = pathways(design, Outcomes.none(GRID), 0, 2, truth)
    assert found.loc[found["cohort"] == 1, "chance"].sum() == pytest.approx(1)
    ends = found[(found["cohort"] == 2) | (found["leads_to"] == "")]
    assert ends["chance"].sum() == pytest.approx(1)
    short = simulate(ESCALATION.designed(maximum=6), truth, 40_000, 1)
    stopped = (short.treated.sum(axis=(1, 2)) == 3).mean()
    expected = ends.loc[(ends["cohort"] == 1), "chance"].sum()
    assert stopped == pytest.approx(expected, abs=4 * np.sqrt(expected / 40_000))


def test_the_last_cohort_ahead_is_as_large_as_the_trial_allows():
    design = ESCALATION.designed(maximum=7)
    found = pathways(design, Outcomes.parse(GRID, "A1:NNN"), 3, 2)
    assert found.loc[found["cohort"] == 1, "participants"].unique().tolist() == [3]
    assert found.loc[found["cohort"] == 2, "participants"].unique().tolist() == [1]
    assert found.loc[found["cohort"] == 2, "leads_to"].unique().tolist() == [""]


def test_a_trial_that_ends_with_its_last_participant_is_complete_and_one_that_is_too_toxic_stops():
    design = ESCALATION.designed(maximum=6)
    last = pathways(design, Outcomes.parse(GRID, "A1:NNN"), GRID.index("B1"), 2)
    assert list(last["move"]) == ["complete"] * 4
    assert list(last["enrolled"]) == [6] * 4
    toxic = pathways(ESCALATION.designed(), Outcomes.none(GRID), GRID.index("A1"), 1)
    assert [(row.dlt, row.move) for row in toxic.itertuples() if not row.leads_to] == [(3, "stop")]
    enough = pathways(ESCALATION.designed(enough=3), Outcomes.none(GRID), GRID.index("A1"), 1)
    assert list(enough["move"]) == ["up", "complete", "complete", "stop"]


def test_too_many_pathways_are_refused():
    with pytest.raises(ProtocolError, match="fewer cohorts"):
        pathways(ESCALATION.designed(cohort_size=40), Outcomes.none(GRID), 0, 2)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(st.sampled_from(FAST), histories)
def test_a_turning_point_changes_the_recommendation_and_nothing_smaller_does(name, cohorts):
    design = ESCALATION.designed(name)
    outcomes, at = walked(design, cohorts)

    def answer(index, dlt):
        counts = int(outcomes.treated.ravel()[index]), int(dlt)
        then = int(recommended(design, outcomes.with_regimen(index, *counts), at)[0])
        return "" if then == STOP else GRID.labels[then]

    now = int(recommended(design, outcomes, at)[0])
    now = "" if now == STOP else GRID.labels[now]
    found = turning_points(design, outcomes, at)
    turned = {(row.regimen, np.sign(row.change)): row for row in found.itertuples()}
    for index in np.flatnonzero(outcomes.treated):
        dlt, treated = outcomes.dlt.ravel()[index], outcomes.treated.ravel()[index]
        for sign, most in ((1, treated - dlt), (-1, dlt)):
            row = turned.get((GRID.labels[index], sign))
            smaller = most if row is None else abs(row.change) - 1
            assert all(answer(index, dlt + sign * size) == now for size in range(1, smaller + 1))
            if row is not None:
                assert answer(index, dlt + row.change) == row.leads_to != now


def test_a_trial_without_participants_has_no_turning_points():
    assert turning_points(ESCALATION.designed(), Outcomes.none(GRID), 0).empty


def test_the_recommendation_of_the_outlook_is_that_of_the_advice():
    outcomes = Outcomes.parse(GRID, "A1:NNN B1:NTN")
    design, at = ESCALATION.designed(), last_named(GRID, "A1:NNN B1:NTN")
    assert recommended(design, outcomes, at)[0] == design.next(outcomes, [at])[0]


@pytest.mark.parametrize("text", ["A1:NNNP0.5P", "A1:NNN B1:NTP0.2"])
def test_pending_participants_stay_as_they_are(text):
    design, outcomes, at = ESCALATION.designed(), Outcomes.parse(GRID, text), last_named(GRID, text)
    now = int(recommended(design, outcomes, at)[0])
    assert now == design.next(outcomes, [at])[0]
    for row in turning_points(design, outcomes, at).itertuples():
        assert row.leads_to != GRID.labels[now]
    room = ESCALATION.designed(maximum=int(outcomes.enrolled.sum()) + 1)
    assert set(pathways(room, outcomes, at, 2)["participants"]) == {1}


def test_responses_are_kept_when_the_dlts_are_varied():
    design, outcomes = ESCALATION.designed("Utility of response and toxicity"), Outcomes.parse(GRID, "A1:EEB B1:ENT")
    found = turning_points(design, outcomes, GRID.index("B1"))
    assert set(found["regimen"]) <= {"A1", "B1"}
    assert not found.empty
    assert len(pathways(design, outcomes, GRID.index("B1"), 1)) == 4
