"""The type of the numbers changes no answer: narrow integers do not overflow, single precision is read as written."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.escalation import GRID, SCENARIOS
from support.trial import ESCALATION

from protocol.escalation import (
    DESIGNS,
    Outcomes,
    TrialRules,
    isotonic_rates,
    recommended,
    select,
    select_contour,
    simulate,
    true_rates,
)
from protocol.records import ProtocolError

WHOLE = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, object, ">i2"]
REAL = [np.float16, np.float32, np.float64, np.longdouble, object, ">f4"]
MOST = {"3+3 along a path": 6}


@st.composite
def counts(draw, most=100):
    treated = draw(st.lists(st.integers(0, most), min_size=15, max_size=15))
    dlt = [draw(st.integers(0, n)) for n in treated]
    both = [draw(st.integers(0, y)) for y in dlt]
    responded = [draw(st.integers(b, n - y + b)) for n, y, b in zip(treated, dlt, both, strict=True)]
    pending = [draw(st.integers(0, min(6, 125 - n))) for n in treated]
    shaped = (np.array(part).reshape(5, 3) for part in (treated, dlt, pending, responded, both))
    return dict(zip(("treated", "dlt", "pending", "responded", "both"), shaped, strict=True))


def seen(parts, kind, *, late):
    given_ones = {name: part.astype(kind) for name, part in parts.items() if late or name != "pending"}
    if late:
        given_ones["followed"] = parts["pending"] / 2
    return Outcomes(GRID, **given_ones)


def answers(design, outcomes, at, draws):
    contour = design.contour(outcomes)
    return [
        design.next(outcomes, at, draws).tolist(),
        design.selected(outcomes).tolist(),
        design.eliminated(outcomes).tolist(),
        design.descends(outcomes, at).tolist(),
        None if contour is None else contour.tolist(),
        design.why(outcomes, int(at[0])),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_counts_of_any_width_lead_to_the_same_answers(name, data):
    changes = {} if name in MOST else {"maximum": 150}
    design = ESCALATION.designed(name, draws=50, preference="coin", **changes)
    parts = data.draw(counts(MOST.get(name, 100)))
    late = design.reads_pending and data.draw(st.booleans())
    at, draw = [0], [data.draw(st.floats(0, 1))]
    expected = answers(design, seen(parts, np.int64, late=late), at, draw)
    for kind in WHOLE:
        assert answers(design, seen(parts, kind, late=late), at, draw) == expected, kind


def test_narrow_counts_select_what_wide_ones_select():
    generator = np.random.default_rng(5)
    treated = generator.integers(0, 100, (300, 5, 3))
    dlt = generator.binomial(treated, 0.3)
    wide, closed = Outcomes(GRID, treated, dlt), np.zeros(treated.shape, bool)
    for kind in WHOLE:
        narrow = Outcomes(GRID, treated.astype(kind), dlt.astype(kind))
        assert (select(narrow, 0.3, closed) == select(wide, 0.3, closed)).all()
        assert (select_contour(narrow, 0.3, closed) == select_contour(wide, 0.3, closed)).all()
        assert (isotonic_rates(narrow) == isotonic_rates(wide)).all()
        assert narrow.treated.dtype == np.int64


def test_counts_from_a_data_frame_are_counts():
    treated = pd.DataFrame(np.full((5, 3), 6, np.int8))
    for frame in (treated, treated.astype("Int8"), treated.astype(object)):
        assert Outcomes(GRID, frame, frame // 3).treated.tolist() == np.full((1, 5, 3), 6).tolist()


def test_counts_beyond_what_16_bits_hold_keep_their_sums():
    treated, dlt = np.full((5, 3), 30_000, np.int16), np.full((5, 3), 9_000, np.int16)
    assert isotonic_rates(Outcomes(GRID, treated, dlt))[0] == pytest.approx(0.3, abs=1e-4)


@pytest.mark.parametrize("kind", REAL, ids=str)
def test_single_precision_truths_are_the_rates_that_were_written(kind):
    truth = np.array(SCENARIOS["diagonal"])
    response = np.linspace(0.2, 0.6, 15).round(2).reshape(5, 3)
    design = ESCALATION.designed("Utility of response and toxicity")
    plain = simulate(design, truth, 200, 3, response=response)
    other = simulate(design, truth.astype(kind), 200, 3, response=response.astype(kind))
    assert true_rates(GRID, truth.astype(kind)).tolist() == truth.tolist()
    assert other.summary().equals(plain.summary())
    assert other.regimens().equals(plain.regimens())


@pytest.mark.parametrize("kind", [*REAL, np.float16], ids=str)
def test_draws_and_follow_up_of_any_width_lead_to_the_same_step(kind):
    design = ESCALATION.designed(preference="coin")
    draws = np.array([0.0, 0.3, 0.5, 0.7, 1.0])
    many = Outcomes.parse(GRID, "A1:NNN").of(np.zeros(5, int))
    assert (design.next(many, [0] * 5, draws.astype(kind)) == design.next(many, [0] * 5, draws)).all()
    late = np.zeros((5, 3), int)
    late[0, 0] = 1
    parts = [Outcomes(GRID, 2 * late, 0 * late, late, (0.9 * late).astype(one)) for one in (float, kind)]
    assert parts[0].followed.tolist() == parts[1].followed.tolist()
    assert design.why(parts[0], 0) == design.why(parts[1], 0)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.uint64, np.int32, object])
def test_the_index_of_the_current_regimen_may_have_any_width(kind):
    outcomes = Outcomes.parse(GRID, "A1:NNN B1:NNT").of(np.zeros(3, int))
    for name in DESIGNS:
        design = ESCALATION.designed(name, draws=50)
        at, draws = np.array([3, 0, 3]), [0.1] * 3
        assert (design.next(outcomes, at.astype(kind), draws) == design.next(outcomes, at, draws)).all(), name
    assert (recommended(ESCALATION.designed(), outcomes, kind(3) if kind is not object else 3) >= 0).all()


def test_numbers_of_numpy_are_parameters_like_those_of_python():
    sizes = {"maximum": np.uint64(60), "cohort_size": np.int8(3)}
    boin = DESIGNS["BOIN (2-D)"](GRID, np.float32(0.3), elimination=np.float16(0.95), **sizes)
    assert boin == DESIGNS["BOIN (2-D)"](GRID)
    assert ESCALATION.designed(target=np.float32(0.25)) == ESCALATION.designed(target=0.25)
    assert TrialRules(late_share=np.float32(0.7), window_days=np.int8(28)) == TrialRules(late_share=0.7)
    design = ESCALATION.designed()
    one, other = (simulate(design, SCENARIOS["middle"], kind(50), kind(3)) for kind in (int, np.uint64))
    assert one.summary().equals(other.summary())


BAD = [
    np.full((5, 3), True), np.full((5, 3), 1.0), np.full((5, 3), "1"), np.full((5, 3), 1 + 0j), np.full((5, 3), None),
    np.full((5, 3), 2**63, np.uint64), np.full((5, 3), -1, np.int8), np.full((5, 3), np.datetime64("2026-01-01")),
    np.ma.masked_array(np.ones((5, 3), int), mask=True), None, "3", 3, np.full((5, 3), 2_000_000),
    np.full((5, 3), Decimal(1)), np.full((5, 3), 10**30, object),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=[str(number) for number in range(len(BAD))])
def test_what_is_no_count_is_refused(bad):
    whole = np.ones((5, 3), int)
    with pytest.raises(ProtocolError, match="participants"):
        Outcomes(GRID, bad, 0 * whole)
    with pytest.raises(ProtocolError, match="DLT"):
        Outcomes(GRID, whole, bad)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize(
    "draws",
    [
        [0.5, 0.5],
        [],
        0.5,
        [float("nan")],
        [-0.1],
        [1.1],
        ["0.5"],
        [True],
        [None],
        [0.5j],
        np.ma.array([0.5], mask=[1]),
    ],
    ids=str,
)
def test_draws_that_are_not_one_number_from_0_to_1_for_each_trial_are_refused(name, draws):
    design = ESCALATION.designed(name)
    with pytest.raises(ProtocolError, match="draws for ties"):
        design.next(Outcomes.parse(GRID, "A1:NNN"), [0], draws)


@pytest.mark.parametrize("current", [[0, 0], [], 0, [0.0], [True], ["0"], [None], [15], [-1], [2**63]], ids=str)
@pytest.mark.parametrize("name", DESIGNS)
def test_current_regimens_that_are_not_one_index_for_each_trial_are_refused(name, current):
    with pytest.raises(ProtocolError, match="current regimen"):
        ESCALATION.designed(name).next(Outcomes.parse(GRID, "A1:NNN"), current)


@pytest.mark.parametrize("name", DESIGNS)
def test_no_trials_have_no_answers(name):
    design, none = ESCALATION.designed(name), Outcomes.none(GRID, 0)
    assert design.next(none, [], []).tolist() == []
    assert design.selected(none).tolist() == []
    assert design.eliminated(none).shape == (0, 5, 3)
    assert (none.notation(), len(none.table())) == ("", 0)
    with pytest.raises(ProtocolError, match="one trial"):
        design.why(none, 0)


@pytest.mark.parametrize("name", DESIGNS)
def test_a_draw_of_exactly_1_takes_a_regimen_that_is_tied(name):
    design = ESCALATION.designed(name, preference="coin")
    outcomes = Outcomes.parse(GRID, "A1:NNN")
    allowed = {int(design.next(outcomes, [0], [draw])[0]) for draw in np.linspace(0, 0.999, 200)}
    assert int(design.next(outcomes, [0], [1.0])[0]) in allowed
