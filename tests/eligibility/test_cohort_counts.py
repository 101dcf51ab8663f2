"""Counts of a cohort: any order of criteria, criteria left out, shared exclusions, and bounds."""

from collections import Counter
from fractions import Fraction
from itertools import combinations, permutations
from math import factorial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import frame
from support.random_examples import random_examples
from support.small_protocols import PEOPLE, criteria, criterion, record_of

from protocol.eligibility import Criterion, EligibilityRecord, Tally
from protocol.records import ProtocolError


def tally(record: EligibilityRecord, people: list[dict[str, Any]], off: tuple[str, ...] = ()) -> Tally:
    """Screen and count."""
    return record.screen_cohort(frame(people)).tally(off)


@st.composite
def protocols(draw: st.DrawFn) -> EligibilityRecord:
    """Draw four criteria, sometimes one of them an exact mirror or an implication of the first."""
    own = [draw(criteria(number)) for number in (1, 2, 3)]
    relation = draw(st.sampled_from(["none", "mirrors", "implied_by"]))
    first = own[0]
    if relation == "none" or first.condition is None:
        return record_of(own)
    condition = first.condition
    if relation == "implied_by":  # narrower than the first: it fails only where that fails
        condition = f"({condition}) {'and' if first.kind == 'exclusion' else 'or'} p"
    more = {"applies_if": first.applies_if, "phases": first.phases, relation: first.id}
    return record_of([*own, criterion(4, condition, first.kind, **more)])


COHORTS = st.lists(PEOPLE, min_size=1, max_size=6)


@pytest.mark.slow
@random_examples(80)
@given(protocols(), COHORTS)
def test_the_excluded_are_shared_out_over_their_criteria_and_nobody_twice(
    record: EligibilityRecord, people: list[dict[str, Any]]
) -> None:
    screening, found = record.screen_cohort(frame(people)), tally(record, people)
    assert found.totals["excluded"] == int(screening.fail.any(axis=1).sum())
    assert found.totals["confirmed"] == int((~(screening.fail | screening.unknown).any(axis=1)).sum())
    assert sum(found.totals.values()) == 2 * len(people)
    assert found.shares().sum() == pytest.approx(found.totals["excluded"])


@random_examples(40)
@given(st.lists(st.sets(st.integers(0, 3)), min_size=1, max_size=70))
def test_the_shares_are_the_shapley_values(failing: list[set[int]]) -> None:
    names = ("p", "q", "r", "x > 50")
    record = record_of(criterion(number, text) for number, text in enumerate(names, start=1))
    people = [{"p": 0 in f, "q": 1 in f, "r": 2 in f, "x": 60.0 if 3 in f else 1.0} for f in failing]

    def excluded(coalition: tuple[int, ...]) -> int:
        return sum(bool(set(coalition) & one) for one in failing)

    for player, share in enumerate(tally(record, people).shares()):
        others, value = [i for i in range(4) if i != player], Fraction(0)
        for size in range(4):
            weight = Fraction(factorial(size) * factorial(3 - size), factorial(4))
            for before in combinations(others, size):
                value += weight * (excluded((*before, player)) - excluded(before))
        assert share == pytest.approx(float(value))


@pytest.mark.slow
@random_examples(40)
@given(protocols(), COHORTS)
def test_a_funnel_ends_alike_in_every_order_and_loses_everybody_once(
    record: EligibilityRecord, people: list[dict[str, Any]]
) -> None:
    found = tally(record, people)
    orders = ["protocol", "most", *permutations(found.order())][:12]
    ends = set()
    for order in orders:
        funnel = found.funnel(order)
        assert funnel["excluded"].sum() == found.totals["excluded"]
        assert set(funnel["criterion"]) == set(found.order())
        ends.add((int(funnel["remaining"].iloc[-1]), int(funnel["confirmed"].iloc[-1])))
    assert ends == {(len(people) - found.totals["excluded"], found.totals["confirmed"])}


def without(record: EligibilityRecord, off: set[str]) -> EligibilityRecord:
    """Return a record that never had some criteria, nor what says the same as them."""
    gone = off | {c.id for c in record.criteria if c.mirrors in off}
    kept = [c for c in record.criteria if c.id not in gone]
    return record_of(c if c.implied_by not in gone else c.model_copy(update={"implied_by": None}) for c in kept)


@pytest.mark.slow
@random_examples(80)
@given(protocols(), COHORTS, st.sets(st.sampled_from([0, 1, 2])))
def test_a_criterion_switched_off_is_one_that_never_was(
    record: EligibilityRecord, people: list[dict[str, Any]], places: set[int]
) -> None:
    off = {record.criteria[place].id for place in places}
    rest = without(record, off)
    if not rest.criteria:
        return
    switched, screened = tally(record, people, tuple(off)), tally(rest, people)
    assert switched.totals == screened.totals
    assert switched.criteria().equals(screened.criteria())
    assert switched.funnel("most").equals(screened.funnel("most"))
    assert switched.overlap().equals(screened.overlap())


@pytest.mark.slow
@random_examples(80)
@given(protocols(), COHORTS)
def test_the_gain_of_a_criterion_is_what_screening_without_it_finds(
    record: EligibilityRecord, people: list[dict[str, Any]]
) -> None:
    found = tally(record, people)
    left = found.totals["possible"] + found.totals["confirmed"]
    for row in found.criteria().itertuples():
        rest = tally(record, people, (row.criterion,)).totals
        assert row.gain == rest["possible"] + rest["confirmed"] - left
        assert row.gain_confirmed == rest["confirmed"] - found.totals["confirmed"]


@pytest.mark.slow
@random_examples(60)
@given(protocols(), COHORTS)
def test_each_count_is_the_one_counted_by_hand(record: EligibilityRecord, people: list[dict[str, Any]]) -> None:
    failing, unknown = [], []
    for facts in people:
        status = {verdict.id: verdict.status for verdict in record.screen(facts).verdicts}
        failing.append(_reasons(record, status))
        unknown.append(_open(record, status))
    rows = tally(record, people).criteria().set_index("criterion")
    fails = Counter(name for one in failing for name in one)
    alone = Counter(*[[next(iter(one)) for one in failing if len(one) == 1]])
    opened = [names for names, one in zip(unknown, failing, strict=True) if not one]
    for name, row in rows.iterrows():
        assert (row["fails"], row["only_reason"]) == (fails[name], alone[name])
        assert row["unknown"] == sum(name in names for names in unknown)
        assert row["open"] == sum(name in names for names in opened)
        assert row["decides"] == sum(names == {name} for names in opened)
    overlap = tally(record, people).overlap()
    for one in overlap.itertuples():
        assert one.both == sum({one.criterion, one.other} <= reasons for reasons in failing)


def _reasons(record: EligibilityRecord, status: dict[str, str]) -> set[str]:
    """What excludes a participant, counted once: a mirror as its original, an implication only for itself."""
    failed = {c.mirrors or c.id for c in record.criteria if status[c.id] == "excludes"}
    host = {c.id: c.implied_by for c in record.criteria}
    return {name for name in failed if host[name] not in failed}


def _open(record: EligibilityRecord, status: dict[str, str]) -> set[str]:
    failed = {c.mirrors or c.id for c in record.criteria if status[c.id] == "excludes"}
    names = {c.mirrors or c.id for c in record.criteria if status[c.id] == "unknown"} - failed
    host = {c.id: c.implied_by for c in record.criteria}
    return {name for name in names if host[name] not in names | failed}


@pytest.mark.slow
@random_examples(120)
@given(protocols(), COHORTS, st.data())
def test_the_bounds_contain_whatever_the_unknowns_turn_out_to_be(
    record: EligibilityRecord, people: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Each verdict left open is settled one way or the other; the extremes are reached."""
    screening = record.screen_cohort(frame(people))
    bounds = tally(record, people).totals
    worst, best = bounds["confirmed"], bounds["confirmed"] + bounds["possible"]
    drawn = data.draw(st.lists(st.booleans(), min_size=screening.unknown.size, max_size=screening.unknown.size))
    turned = np.array(drawn).reshape(screening.unknown.shape)
    for settled in (turned, np.zeros_like(turned), np.ones_like(turned)):
        eligible = int((~(screening.fail | (screening.unknown & settled)).any(axis=1)).sum())
        assert worst <= eligible <= best
    assert int((~screening.fail.any(axis=1)).sum()) == best
    assert int((~(screening.fail | screening.unknown).any(axis=1)).sum()) == worst


PLAIN = ["p or q", "not r", "x > 10", "colour == 'red' and p", "n <= 3 or q"]


@pytest.mark.slow
@random_examples(60)
@given(st.lists(PEOPLE, min_size=1, max_size=5), st.lists(PEOPLE, min_size=5, max_size=5))
def test_the_bounds_contain_every_completion_of_the_facts(
    people: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    record = record_of(criterion(number, text) for number, text in enumerate(PLAIN, start=1))
    before = tally(record, people).totals
    learnt = [new | old for old, new in zip(people, more, strict=False)]
    after = tally(record, learnt).totals
    assert after["confirmed"] >= before["confirmed"]
    assert after["excluded"] >= before["excluded"]


def test_a_mirror_and_an_implication_are_not_counted_twice() -> None:
    rules: list[Criterion] = [
        criterion(1, "p", "inclusion"),
        criterion(2, "not p", mirrors="I1"),
        criterion(3, "x >= 10", "inclusion"),
        criterion(4, "x < 5", implied_by="I3"),
    ]
    found = tally(record_of(rules), [{"p": False, "x": 20.0}, {"p": True, "x": 1.0}, {"p": True, "x": 20.0}])
    assert found.criteria()["criterion"].tolist() == ["I1", "I3", "E4"]
    assert found.criteria()["fails"].tolist() == [1, 1, 0]
    assert found.criteria()["share"].tolist() == [1.0, 1.0, 0.0]


def test_an_implied_criterion_takes_the_place_of_one_that_is_switched_off() -> None:
    rules = [criterion(1, "x >= 10", "inclusion"), criterion(2, "x < 5", implied_by="I1")]
    people = [{"x": 1.0}, {"x": 7.0}, {"x": 20.0}]
    assert tally(record_of(rules), people).totals["excluded"] == 2
    assert tally(record_of(rules), people, ("I1",)).totals["excluded"] == 1
    assert tally(record_of(rules), people).criteria().set_index("criterion").loc["I1", "gain"] == 1


def test_more_than_64_participants_keep_their_rows() -> None:
    people = [{"p": number % 7 == 0} for number in range(150)]
    found = tally(record_of([criterion(1, "p"), criterion(2, "q")]), people)
    assert found.only_reason("E1").tolist() == list(range(0, 150, 7))
    assert found.totals == {"participants": 150, "excluded": 22, "possible": 128, "confirmed": 0}


def test_a_criterion_that_is_none_cannot_be_switched_off() -> None:
    with pytest.raises(ProtocolError, match="E9"):
        tally(record_of([criterion(1, "p")]), [{"p": True}], ("E9",))


def test_with_everything_switched_off_nobody_is_excluded() -> None:
    found = tally(record_of([criterion(1, "p")]), [{"p": True}], ("E1",))
    assert found.totals["confirmed"] == 1
    assert found.criteria().empty
    assert found.funnel().empty
    assert found.overlap().empty
