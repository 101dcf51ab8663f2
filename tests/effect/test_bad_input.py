"""Numbers that cannot be get a message that says where, what was found and what to write."""

import pandas as pd
import pytest

from protocol.conduct import event
from protocol.effect import (
    Aims,
    bayesian_rule,
    bop2,
    bop2_joint,
    posterior,
    predictive_probability,
    read_counts,
    simon,
    watch,
)
from protocol.effect.adverse_events import tabulate_events
from protocol.records import ProtocolError

RULE = bayesian_rule([5, 10], 0.3, (1, 1)).boundary(0.9)
BOTH = bop2_joint((5, 10), (0.2, 0.3, 0.1, 0.4), 0.8, 0.8)

HARM = {"kind": "adverse_event", "on": "2026-03-02", "participant": "W-001", "number": 1, "term": "fever"}
HARM |= {"version": "5.0", "relatedness": "possible", "action": "none", "outcome": "recovered"}


def listed(**more):
    people = pd.DataFrame({"participant": ["a"], "group": ["B2"], "exposure_days": [5.0]})
    one = {"participant": "a", "term": "fever", "grade": 2, "onset_day": 3} | more
    return tabulate_events(people, pd.DataFrame([one]))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: read_counts([12_000], "neutrophils", None), "12,000 without a unit; write one of 10^9/L"),
        (lambda: read_counts([12_000], "neutrophils", "10^9/L"), "or the unit it was reported in"),
        (lambda: event(HARM | {"grade": 6}), "grade: found 6; write a number up to 5"),
        (lambda: listed(grade=6), "row 1: found grade 6; write a grade from 1 to 5"),
        (lambda: listed(end_day=2), "row 1: found an end before the onset"),
        (lambda: watch("bop2_both", Aims(0, 10, 5, 0.15, 0.3, 0.5, 0.7, 0.1)), "found 0; write a whole number of 2"),
        (lambda: bayesian_rule([0], 0.3, (1, 1)), "looks: found 0; write rising whole numbers"),
        (lambda: bop2([0], 0.3, 0.8, 0.8), "looks: found 0; write rising whole numbers"),
        (lambda: simon(0.1, 0.3, 0.05, 0.2, most=0), "found 0; write a whole number of 2"),
        (lambda: RULE.decide(5, 6), "found 6 of 5 participants treated; write at most 5"),
        (lambda: BOTH.decide(5, 6, 1), "responses: found 6 of 5 participants treated; write at most 5"),
        (lambda: BOTH.decide(5, 1, 6), "toxicities: found 6 of 5 participants treated; write at most 5"),
        (lambda: posterior(6, 5, 0.3, (1, 1)), "more with the outcome than were treated"),
        (lambda: predictive_probability(6, 5, 10, 0.3, 0.95, (1, 1)), "more of them than the 5 treated"),
    ],
)
def test_a_number_that_cannot_be_is_refused_in_words(wrong, says):
    with pytest.raises(ProtocolError) as refused:
        wrong()
    assert says in str(refused.value)
