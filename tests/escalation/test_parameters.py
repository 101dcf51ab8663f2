"""Every parameter of what escalation offers is checked: refused with where, what was found and what to write."""

from dataclasses import MISSING, fields
from typing import get_args, get_origin, get_type_hints

import numpy as np
import pytest
from support.escalation import GRID, SCENARIOS
from support.trial import ESCALATION

from protocol.escalation import (
    DESIGNS,
    Grid,
    Outcomes,
    TrialRules,
    calibrate,
    choose,
    compare,
    deciding_regimens,
    figure_words,
    isotonic_rates,
    last_named,
    pathways,
    recommended,
    select,
    select_contour,
    simulate,
    true_rates,
    turning_points,
)
from protocol.escalation.checks import accepted, checked, floats, plain
from protocol.records import ProtocolError

NEVER_RIGHT = [None, "3", "COIN", [], object(), 1j, float("nan"), float("inf"), b"3"]

ONE, BOIN = Outcomes.parse(GRID, "A1:NNN B1:NTN"), DESIGNS["BOIN (2-D)"](GRID)
TRUTH, CLOSED = SCENARIOS["middle"], np.zeros((1, 5, 3), bool)


def parameters_of(kind):
    for field in fields(kind):
        if field.default is not MISSING:
            hint = get_type_hints(kind, include_extras=True)[field.name]
            yield field.name, hint, field.default


def wrong_values(hint, default):
    """Values that a parameter of this annotation cannot have."""
    bases = [hint, *get_args(hint)]
    optional, listed = type(None) in bases, tuple in map(get_origin, bases)
    wrong = [
        value
        for value in NEVER_RIGHT
        if not (optional and value is None) and not (listed and isinstance(value, list))
    ]
    if isinstance(default, bool):
        return [*wrong, 0, 1]
    if isinstance(default, int):
        return [*wrong, True, float(default), default + 0.5, -1]
    return [*wrong, True, -1] if default is None or isinstance(default, float) else [*wrong, True, 3]


CASES = [
    (kind, name, value)
    for kind in (*DESIGNS.values(), TrialRules)
    for name, hint, default in parameters_of(kind)
    for value in wrong_values(hint, default)
]


@pytest.mark.parametrize(("kind", "name", "value"), CASES, ids=lambda one: getattr(one, "__name__", repr(one)[:20]))
def test_no_parameter_of_a_design_or_of_the_rules_takes_what_it_cannot_use(kind, name, value):
    first = () if kind is TrialRules else (GRID,)
    with pytest.raises(ProtocolError) as caught:
        kind(*first, **{name: value})
    assert name in caught.value.where
    assert caught.value.found
    assert caught.value.write


@pytest.mark.parametrize("kind", DESIGNS.values())
@pytest.mark.parametrize("grid", [None, "ABCDE", [["A1"]], 3])
def test_a_design_needs_a_grid(kind, grid):
    with pytest.raises(ProtocolError, match=r"design, grid: found .*; write an object of the class Grid"):
        kind(grid)


@pytest.mark.parametrize(
    ("name", "changes", "where"),
    [
        ("PIPE", {"admissible": "nearest"}, "admissible"),
        ("PIPE", {"reach": "everywhere"}, "reach"),
        ("PIPE", {"prior_rates": ((0.1,), (0.2, 0.3))}, "prior_rates"),
        ("PIPE", {"prior_rates": ((0.1, 0.2, 1.0),) * 5}, "prior_rates"),
        ("PIPE", {"prior_rates": (("0.1", 0.2, 0.3),) * 5}, "prior_rates"),
        ("PIPE", {"ceiling": 0}, "ceiling"),
        ("Utility of response and toxicity", {"response_rates": ((0.1,), (0.2, 0.3))}, "response_rates"),
        ("Utility of response and toxicity", {"response_rates": ((0.1, 0.2, 1.5),) * 5}, "response_rates"),
        ("POCRM", {"orderings": ((1, 2),)}, "orderings"),
        ("POCRM", {"orderings": (("A1", "B1"), ("A1",))}, "ordering"),
        ("POCRM", {"guess": 16}, "design"),
        ("Waterfall", {"cohorts": (8, 6, 0)}, "cohorts"),
        ("Waterfall", {"cohorts": (8, 6.0, 6)}, "cohorts"),
        ("Two-agent logistic", {"dose_prior": (0.1, 1.0, 1.0)}, "dose_prior"),
        ("Two-agent logistic", {"dose_prior": (0.1, 1.0, 1.0, float("inf"))}, "dose_prior"),
        ("Two-agent logistic", {"doses": (1, 2, 3, 4, "5")}, "doses"),
        ("3+3 along a path", {"path": ("A1", 2)}, "path"),
        ("BOIN (2-D)", {"enough": float("nan")}, "enough"),
        ("BOIN (2-D)", {"enough_rule": "at once"}, "enough_rule"),
        ("BOIN (2-D)", {"toxic": 1.2}, "design"),
    ],
)  # fmt: skip
def test_what_a_design_cannot_use_is_named(name, changes, where):
    with pytest.raises(ProtocolError) as caught:
        DESIGNS[name](GRID, **changes)
    assert where in caught.value.where


def test_lists_and_whole_numbers_are_taken_where_tuples_and_numbers_are_meant():
    listed = DESIGNS["POCRM"](GRID, sequence=list(DESIGNS["POCRM"](GRID).grid.labels))
    assert listed == DESIGNS["POCRM"](GRID, sequence=GRID.labels)
    assert hash(listed) == hash(DESIGNS["POCRM"](GRID, sequence=GRID.labels))
    pipe = DESIGNS["PIPE"](GRID, prior_rates=np.full((5, 3), 0.3, np.float32), prior_size=1)
    assert pipe.prior_rates == ((0.3, 0.3, 0.3),) * 5
    assert DESIGNS["Two-agent logistic"](GRID, frequencies=[1, 2, 3]).frequencies == (1.0, 2.0, 3.0)
    assert Grid(["A"], ["1"]) == Grid(("A",), ("1",))


CALLS = [
    lambda: Grid("AB", ("1",)), lambda: Grid(("A", 2), ("1",)), lambda: Grid(None, ("1",)), lambda: Grid(("A",), "1"),
    lambda: Grid(("a", "A"), ("1",)), lambda: GRID.index(None), lambda: GRID.index(3),
    lambda: true_rates(None, TRUTH),
    lambda: true_rates(GRID, None), lambda: true_rates(GRID, "0.3"), lambda: true_rates(GRID, np.full((5, 3), True)),
    lambda: true_rates(GRID, [[0.1], [0.2, 0.3]]), lambda: true_rates(GRID, np.full((5, 3), 0.1j)),
    lambda: Outcomes(None, [[1]], [[0]]), lambda: Outcomes.none(None), lambda: Outcomes.none(GRID, -1),
    lambda: Outcomes.none(GRID, True), lambda: Outcomes.none(GRID, 2.0), lambda: Outcomes.parse(GRID, None),
    lambda: Outcomes.parse(None, "A1:N"), lambda: ONE.of([7]), lambda: ONE.of(np.array([True, False])),
    lambda: ONE.with_regimen(15, 1, 0), lambda: ONE.with_regimen(0, 1.5, 0), lambda: ONE.with_regimen("A1", 1, 0),
    lambda: Outcomes.none(GRID, 2).with_regimen(0, 1, 0), lambda: ONE.notation("A1"), lambda: last_named(GRID, 3),
    lambda: BOIN.next(None, [0]), lambda: BOIN.next("A1:NNN", [0]), lambda: BOIN.selected(None),
    lambda: BOIN.eliminated([[1]]), lambda: BOIN.why(None, 0), lambda: BOIN.why(ONE, 99), lambda: BOIN.why(ONE, None),
    lambda: BOIN.why(Outcomes.none(GRID, 2), 0), lambda: BOIN.descends(ONE, [99]),
    lambda: BOIN.next(Outcomes.none(Grid(tuple("VWXYZ"), tuple("123"))), [0]),
    lambda: isotonic_rates(None), lambda: select(None, 0.3, CLOSED), lambda: select(ONE, float("nan"), CLOSED),
    lambda: select(ONE, "0.3", CLOSED), lambda: select(ONE, 1.5, CLOSED),
    lambda: select(ONE, 0.3, CLOSED.astype(int)),
    lambda: select(ONE, 0.3, CLOSED[0]), lambda: select(ONE, 0.3, None), lambda: select(ONE, 0.3, CLOSED, rounded=1),
    lambda: select(ONE, 0.3, CLOSED, highest=float("nan")), lambda: select(ONE, 0.3, CLOSED, among=CLOSED[0]),
    lambda: select_contour(ONE, 0.3, None), lambda: select_contour(ONE, 0.3, CLOSED, edge="yes"),
    lambda: pathways(BOIN, ONE, 99), lambda: pathways(BOIN, ONE, 0, 0), lambda: pathways(BOIN, ONE, 0, 2.0),
    lambda: pathways(BOIN, ONE, 0, 10**9), lambda: pathways(None, ONE, 0), lambda: pathways(BOIN, None, 0),
    lambda: pathways(BOIN, Outcomes.none(GRID, 2), 0), lambda: pathways(BOIN, ONE, 0, 1, "0.3"),
    lambda: recommended(BOIN, ONE, 99), lambda: recommended(BOIN, ONE, "A1"),
    lambda: deciding_regimens(BOIN, ONE, -1),
    lambda: turning_points(BOIN, Outcomes.none(GRID, 2), 0), lambda: turning_points(BOIN, ONE, 3.0),
    lambda: choose(BOIN, ONE, 99, "A1"), lambda: choose(BOIN, ONE, 0, 3), lambda: choose(None, ONE, 0, "A1"),
    lambda: choose(BOIN, Outcomes.none(GRID, 2), 0, "A1"), lambda: simulate(None, TRUTH, 5, 1),
    lambda: simulate(BOIN, TRUTH, True, 1), lambda: simulate(BOIN, TRUTH, "5", 1),
    lambda: simulate(BOIN, TRUTH, 5, None),
    lambda: simulate(BOIN, TRUTH, 5, 1.0), lambda: simulate(BOIN, TRUTH, 5, True), lambda: simulate(BOIN, None, 5, 1),
    lambda: simulate(BOIN, TRUTH, 5, 1, start="A1"), lambda: simulate(BOIN, TRUTH, 5, 1, start=True),
    lambda: simulate(BOIN, TRUTH, 5, 1, workers=0), lambda: simulate(BOIN, TRUTH, 5, 1, workers=-2),
    lambda: simulate(BOIN, TRUTH, 5, 1, first_trial=-1), lambda: simulate(BOIN, TRUTH, 5, 1, chunk=2.0),
    lambda: simulate(BOIN, TRUTH, 5, 1, rules={}), lambda: simulate(BOIN, TRUTH, 5, 1, progress="print"),
    lambda: simulate(BOIN, TRUTH, 5, 1, stop=True), lambda: simulate(BOIN, TRUTH, 5, 1, response="0.5"),
    lambda: compare({"a": BOIN}, TRUTH, 0, 1, margin=0.1), lambda: compare({"a": BOIN}, TRUTH, 5, 1, margin=0),
    lambda: compare({"a": BOIN}, TRUTH, 5, 1, margin="0.1"), lambda: compare([BOIN], TRUTH, 5, 1, margin=0.1),
    lambda: compare({"a": None}, TRUTH, 5, 1, margin=0.1), lambda: compare({}, TRUTH, 5, 1, margin=0.1),
    lambda: calibrate(None, {"s": TRUTH}, [0.3], [3], [30], 5, 1, margin=0.1),
    lambda: calibrate(lambda _s: BOIN, [TRUTH], [0.3], [3], [30], 5, 1, margin=0.1),
    lambda: calibrate(lambda _s: BOIN, {"s": TRUTH}, 0.3, [3], [30], 5, 1, margin=0.1),
    lambda: calibrate(lambda _s: BOIN, {"s": TRUTH}, [0.3], "3", [30], 5, 1, margin=0.1),
    lambda: calibrate(lambda _s: BOIN, {"s": TRUTH}, [0.3], [3], [30], 5, 1, margin=0.0),
    lambda: calibrate(lambda _s: BOIN, {"s": TRUTH}, [], [3], [30], 5, 1, margin=0.1),
    lambda: simulate(BOIN, TRUTH, 5, 1).summary("0.1"), lambda: simulate(BOIN, TRUTH, 5, 1).acceptable(-0.1),
    lambda: simulate(BOIN, TRUTH, 5, 1).followed_by(None), lambda: figure_words("1", 0.1, "share", 5),
    lambda: figure_words(0.1, 0.1, "share", 0), lambda: ESCALATION.designed(""), lambda: ESCALATION.designed(3),
    lambda: ESCALATION.designed(target="0.3"), lambda: ESCALATION.designed(target=None),
    lambda: ESCALATION.rules(backfill=1), lambda: TrialRules().waits(BOIN, ONE, [99]),
    lambda: TrialRules().waits(BOIN, None, [0]), lambda: TrialRules().waited_for(BOIN, ONE, "B1"),
    lambda: TrialRules().waited_for(BOIN, ONE, 99), lambda: TrialRules().check(None),
    lambda: TrialRules().backfilled(BOIN, ONE, [0], 0), lambda: TrialRules().backfilled(BOIN, ONE, 0, 3),
    lambda: DESIGNS["Utility of response and toxicity"](GRID).ranks(0),
    lambda: DESIGNS["POCRM"](GRID).fit(ONE, [2.0]), lambda: DESIGNS["PIPE"](GRID).posterior(None),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS, ids=[str(number) for number in range(len(CALLS))])
def test_no_function_takes_an_argument_that_it_cannot_use(call):
    with pytest.raises(ProtocolError) as caught:
        call()
    assert caught.value.where
    assert caught.value.found
    assert caught.value.write


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("target", "a number inside 0 to 1"),
        ("maximum", "a whole number"),
        ("preference", "one of 'dose', 'frequency', 'coin'"),
        ("bar", "True or False"),
        ("enough", "a whole number of 1 or more"),
        ("elimination", "a number from 0 to 1"),
        ("lowest_margin", "a number from 0 to below 0.5"),
    ],
)
def test_a_message_says_what_to_write(parameter, words):
    with pytest.raises(ProtocolError) as caught:
        DESIGNS["BOIN (2-D)"](GRID, **{parameter: "?"})
    assert (caught.value.where, caught.value.found) == (f"design, {parameter}", "'?'")
    assert caught.value.write == words


def test_annotations_are_said_in_words():
    assert accepted(tuple[float, ...]) == "a list, each a number"
    assert accepted(tuple[float, float]) == "2 values, each a number"
    assert accepted(str | None) == "a text or None"
    assert plain([np.float32(0.1), (np.int8(3), "x")]) == (0.1, (3, "x"))


def test_a_value_that_cannot_be_printed_is_refused_all_the_same():
    class Silent:
        def __repr__(self):
            raise RuntimeError

    with pytest.raises(ProtocolError, match="here: found ndarray; write a number"):
        floats(np.array(Silent(), dtype=object), "here", "a number")

    @checked
    def function(value: int) -> int:
        return value

    with pytest.raises(ProtocolError, match="function, value: found Silent; write a whole number"):
        function(Silent())
    with pytest.raises(TypeError):
        function()
