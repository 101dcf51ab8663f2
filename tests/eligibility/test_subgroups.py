"""Exclusion rates by subgroup: intervals, comparisons, and small counts that are suppressed."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import frame
from support.random_examples import random_examples
from support.small_protocols import criterion, record_of

from protocol.eligibility import Tally
from protocol.eligibility.subgroups import (
    ALL,
    COMPUTABLE,
    SMALLEST,
    Grouping,
    against,
    banded,
    exclusion_rates,
    hidden,
    merged,
    named,
    wilson,
)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(count: int, total: int, low: float, high: float) -> None:
    """Newcombe (1998), Stat Med 17:857, table I, method 3 (the first row follows from its formula)."""
    assert wilson(count, total) == pytest.approx((count / total, low, high), abs=6e-5)


def test_two_proportions_are_compared_in_standard_deviations_and_as_a_ratio() -> None:
    difference, ratio = against(0.5, 20, 100)
    assert difference == pytest.approx((0.5 - 0.2) / np.sqrt((0.25 + 0.16) / 2))
    assert ratio == pytest.approx(2.5)
    assert np.isnan(against(0.5, 0, 0)).all()
    assert np.isnan(against(0.5, 0, 10)[1])


CELLS = st.lists(
    st.tuples(*[st.one_of(st.integers(0, 14), st.integers(0, 60))] * 3), min_size=1, max_size=5
)  # per group: three kinds


def could_be(cells: np.ndarray, hide: np.ndarray, sizes: np.ndarray, group: int, kind: int) -> set[int]:
    """Find what a hidden number can be for somebody who knows all others, the totals and the sizes of the groups."""
    left = cells[:, hide].sum(axis=1)
    unseen = [g for g in np.flatnonzero(hide) if g != group]
    room = int(sizes[unseen].sum())
    found = set()
    for value in range(int(min(left[kind], sizes[group])) + 1):
        others = [k for k in range(len(cells)) if k != kind]
        rest = int(sizes[group]) - value
        for first in range(rest + 1) if len(others) == 2 else [rest]:
            mine = dict(zip(others, (first, rest - first), strict=False)) | {kind: value}
            if all(0 <= mine[k] <= left[k] for k in mine) and sum(left[k] - mine[k] for k in mine) == room:
                found.add(value)
                break
        if len(found) > 1:
            break
    return found


@pytest.mark.slow
@random_examples(300)
@given(CELLS, st.integers(2, 3))
def test_a_hidden_number_cannot_be_worked_out_from_what_is_shown(drawn: list[tuple[int, ...]], kinds: int) -> None:
    cells = np.array(drawn).T[:kinds]
    cells[0] += np.maximum(SMALLEST - cells.sum(axis=0), 0)  # groups are no smaller, see the next test
    sizes = cells.sum(axis=0)
    hide = hidden(cells, sizes)
    small = (cells > 0) & (cells < SMALLEST)
    assert not small[:, ~hide].any()
    if hide.all():  # then nothing of this criterion is shown, whatever its totals
        return
    together = cells[:, hide].sum(axis=1)
    assert not ((together > 0) & (together < SMALLEST)).any()
    for kind, group in zip(*np.nonzero(small), strict=True):
        assert len(could_be(cells, hide, sizes, group, kind)) > 1


def test_the_attacker_of_the_law_works_out_a_number_that_is_hidden_alone() -> None:
    cells = np.array([[3, 20, 30], [40, 50, 60]])
    alone = np.array([True, False, False])
    assert could_be(cells, alone, cells.sum(axis=0), 0, 0) == {3}


@pytest.mark.slow
@random_examples(200)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=7))
def test_no_group_is_small_unless_the_cohort_is(sizes: list[int]) -> None:
    places = np.repeat(np.arange(len(sizes)), sizes)
    found = merged(Grouping(places, tuple(f"g{i}" for i in range(len(sizes)))))
    left = np.bincount(found.places, minlength=len(found.labels))
    assert left.sum() == sum(sizes)
    assert (left >= min(SMALLEST, sum(sizes))).all()
    assert len(found.labels) == len(set(found.labels))


def counted(fails: list[tuple[int, int]], judgement: bool = False) -> tuple[Tally, Grouping]:
    """Return a cohort with this many (failing, not failing) in each group."""
    rule = criterion(1, "p").model_copy(update={"type": "judgement" if judgement else "objective"})
    people = [{"p": p} for yes, no in fails for p in [True] * yes + [False] * no]
    groups = np.repeat(np.arange(len(fails)), [sum(pair) for pair in fails])
    tally = record_of([rule, criterion(2, "q and not q")]).screen_cohort(frame(people)).tally()
    return tally, Grouping(groups, tuple("ABCDE"[: len(fails)]))


def test_rates_are_those_of_the_groups_and_compared_with_everybody_else() -> None:
    rows = exclusion_rates(*counted([(20, 60), (30, 30)])).set_index(["criterion", "group"])
    first = rows.loc[("E1", "A")]
    assert (first["fails"], first["size"], first["rate"]) == (20, 80, 0.25)
    assert first["ratio"] == pytest.approx(0.5)
    assert first["low"] < 0.25 < first["high"]
    assert rows.loc[(ALL, "B"), "fails"] == 30


def test_a_small_number_takes_a_second_one_with_it() -> None:
    rows = exclusion_rates(*counted([(3, 60), (30, 40), (25, 60)])).set_index(["criterion", "group"])
    assert rows.loc["E1", "hidden"].tolist() == [True, True, False]
    assert rows.loc[("E1", "A")].isna()["fails"]
    assert rows.loc["E1", "ratio"].isna().all()  # the comparison with the rest would give the hidden ones away


def test_what_lies_between_the_two_views_is_not_shown_when_small() -> None:
    rows = exclusion_rates(*counted([(20, 60), (5, 30), (30, 30)], judgement=True)).set_index(["criterion", "group"])
    assert not rows.loc[COMPUTABLE, "fails"].dropna().any()
    assert rows.loc[(COMPUTABLE, "B"), "hidden"]
    assert rows.loc[(ALL, "B"), "hidden"]


def test_bands_begin_at_their_lower_ends_and_the_unknown_stand_apart() -> None:
    bands = [(0, "under 18"), (18, "18 to 39"), (40, "40 to 59"), (60, "60 to 75"), (76, "over 75")]
    ages = np.array([17.0, 18.0, 39.0, 40.0, 75.0, 76.0, np.nan])
    found = banded(ages, ~np.isnan(ages), bands)
    labels = [found.labels[place] for place in found.places]
    assert labels == ["under 18", "18 to 39", "18 to 39", "40 to 59", "60 to 75", "over 75", "not known"]


def test_a_column_of_texts_groups_by_its_values() -> None:
    found = named(["f", None, "m", "f"], {"f": "Female"})
    assert [found.labels[place] for place in found.places] == ["Female", "not known", "m", "Female"]


def test_every_pair_of_small_cells_is_hidden_somewhere() -> None:
    for small, other in product((1, 9), (0, 10, 50)):
        cells = np.array([[small, other, 80], [50, 50, 50]])
        assert hidden(cells, cells.sum(axis=0))[0]


def test_who_fails_any_criterion_but_not_one_that_is_shown_is_not_worked_out_when_few() -> None:
    rules = [criterion(1, "p"), criterion(2, "q")]
    counts = {"A": (20, 4, 60), "B": (30, 20, 60)}  # failing the first, only the second, none
    people = [
        {"p": place == 0, "q": place == 1}
        for several in counts.values()
        for place, n in enumerate(several)
        for _one in range(n)
    ]
    places = np.repeat(np.arange(2), [sum(several) for several in counts.values()])
    tally = record_of(rules).screen_cohort(frame(people)).tally()
    rows = exclusion_rates(tally, Grouping(places, tuple(counts))).set_index(["criterion", "group"])
    assert rows.loc[("E1", "A"), "fails"] == 20
    assert rows.loc["E2", "hidden"].all()
    assert rows.loc[ALL, "hidden"].all()  # 24 less 20 would give it away
    assert rows.loc[COMPUTABLE, "hidden"].all()
