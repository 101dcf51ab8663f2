"""What each fact means to an answer: which judgements are open, and may be confirmed together."""

import pytest
from pydantic import ValidationError
from support.trial import ELIGIBILITY

from protocol.eligibility import Fact
from protocol.eligibility.fact_status import fact_statuses, open_statements

STATED = {fact.id: fact.stated for fact in ELIGIBILITY.facts if fact.stated}


def opened(facts, answered=()):
    statuses = fact_statuses(ELIGIBILITY, ELIGIBILITY.screen(facts).verdicts, ELIGIBILITY.phases[0])
    return open_statements(ELIGIBILITY, statuses, answered)


def test_only_judgements_are_stated_and_what_they_state_excludes_nobody():
    assert STATED
    assert all(fact.judgement for fact in ELIGIBILITY.facts if fact.stated)
    answers = {name: {"yes": True, "no": False}.get(answer, answer) for name, answer in STATED.items()}
    for phase in ELIGIBILITY.phases:
        assert not [v.id for v in ELIGIBILITY.screen(answers, phase).verdicts if v.status == "excludes"]


def test_a_statement_is_open_until_it_has_an_answer_or_something_is_found_about_it():
    first, second, *others = STATED
    assert set(opened({})) == set(STATED)
    assert set(opened({first: False}, {first, second})) == set(others)


def test_a_judgement_that_no_undecided_criterion_waits_for_is_not_listed():
    first = next(iter(STATED))
    assert first not in opened({first: True})


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "yes_no", "stated": "no"},
        {"type": "yes_no", "judgement": True, "stated": "perhaps"},
        {"type": "choice", "judgement": True, "options": {"a": "A"}, "stated": "b"},
        {"type": "date", "judgement": True, "stated": "no"},
    ],
)
def test_a_stated_answer_that_the_fact_cannot_have_is_refused(wrong):
    with pytest.raises(ValidationError, match="stated is"):
        Fact(id="one", label="One", group="G", source="registry: x", **wrong)
