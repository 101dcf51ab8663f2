"""What was observed, as readers of different rights may see it."""

from datetime import date, timedelta

import pandas as pd
import pytest
from support.effect_observations import AS_OF, REGIMENS, SITES, invented

from protocol.effect import HIDDEN, Observations, Summaries, graded
from protocol.effect.adverse_events import ANY, TOTAL
from protocol.records import ProtocolError

FIRST = date(2026, 3, 2)


@pytest.fixture(scope="module")
def observed():
    return invented(30, 18)


@pytest.fixture(scope="module")
def all_of_it(observed):
    return Summaries(observed, AS_OF, groups=REGIMENS)


@pytest.fixture(scope="module")
def figures_only(observed):
    return Summaries(observed, AS_OF, lambda _site: False, groups=REGIMENS)


def people(*rows):
    """One participant a row; days are study days."""
    made = {"participants": [], "counts": [], "given": []}
    for number, row in enumerate(rows):
        name = {"participant": f"T-{number + 1}"}
        days = {key: FIRST + timedelta(row[key]) for key in ("died", "relapsed", "dlt_on", "assessed") if key in row}
        seen = FIRST + timedelta(row.get("last_seen", 40))
        made["participants"].append(
            name
            | {"regimen": "C1", "phase": "II", "site": "North", "first_infusion": FIRST, "last_seen": seen}
            | days
        )
        made["counts"] += [
            name | {"on": FIRST + timedelta(day), "analyte": "neutrophils", "value": value, "unit": "10^9/L"}
            for day, value in row.get("counts", {}).items()
        ]
        made["given"] += [
            name | {"on": FIRST + timedelta(day), "what": what}
            for day, what in row.get("given", {0: "nothing"}).items()
        ]
    return Summaries(Observations.of_rows(**made), date(2026, 9, 1))


UP = {2: 0.1, 8: 0.7, 9: 0.8, 10: 0.9}
DOWN = {2: 0.1, 8: 0.2, 20: 0.3, 35: 0.2}


@pytest.mark.parametrize(
    ("one", "response", "toxicity"),
    [
        ({"counts": UP, "assessed": 28}, True, False),
        ({"counts": DOWN, "assessed": 28}, False, False),
        ({"counts": DOWN, "dlt_on": 4}, False, True),
        ({"counts": {2: 0.1}, "last_seen": 10}, None, None),
        ({"counts": {2: 0.1, 8: 0.2}, "died": 12, "last_seen": 12, "dlt_on": 12}, False, True),
        ({"counts": {}, "assessed": 28}, None, False),
        ({"counts": {2: 0.1, 33: 0.9, 34: 0.9, 35: 0.9}, "assessed": 27}, False, False),
        ({"counts": UP, "assessed": 20}, True, None),
    ],
)
def test_an_outcome_is_known_only_when_nothing_can_change_it(one, response, toxicity):
    found = people(one).outcomes("II", "anc500_3v", 28, 28).iloc[0]
    assert (found["response"], found["toxicity"]) == (response, toxicity)


def test_who_was_never_below_has_no_response_and_leaves_the_others_their_place():
    found = people({"counts": {2: 3.0, 9: 2.0}}, {"counts": UP, "assessed": 28}).outcomes("II", "anc500_3v", 28, 28)
    assert found["response"].tolist() == [True]
    assert people({"counts": UP}).outcomes("I", "anc500_3v", 28, 28).empty


def test_without_transfusion_counts_only_what_is_known():
    found = people(
        {"given": {0: "nothing"}},
        {"given": {20: "platelet transfusion"}, "last_seen": 22},
        {"given": {14: "platelet transfusion"}},
        {"last_seen": 20},
        {"given": {}},
    ).transfusion_free("platelets", 15, 28)
    assert found.iloc[0].tolist() == ["C1", 2, 3, 2]
    with pytest.raises(ProtocolError, match="last day"):
        people({}).transfusion_free("platelets", 15, 10)


def test_days_below_are_quartiles_of_a_regimen():
    found = people(*({"counts": {2: 0.1, 2 + n: 0.9}} for n in (4, 6, 10))).days_below("neutrophils", 0.5)
    assert found.iloc[0].tolist() == ["C1", 3, 6.0, 5.0, 8.0]


def test_the_first_to_be_infused_comes_first(all_of_it, observed):
    order = observed.participants.query("phase == 'II'").sort_values("first_infusion")["participant"].tolist()
    assert order == sorted(order)
    assert len(all_of_it.outcomes("II", "anc500_3v", 28, 28)) <= len(order)


def test_curves_of_all_and_of_groups_count_everybody_once(all_of_it):
    whole, parts = (all_of_it.incidence("anc500_3v", by) for by in ("", "regimen"))
    counted = {one.group: one.participants for one in parts.curves}
    assert sum(counted.values()) == whole.curves[0].participants
    assert list(counted) == [name for name in REGIMENS if name in counted]


def test_figures_only_hides_participants_small_groups_and_small_counts(all_of_it, figures_only):
    assert figures_only.own.participants.empty
    assert figures_only.events_of_participants().empty
    assert figures_only.reports("china").empty
    exact, hidden = all_of_it.events_by_term(), figures_only.events_by_term()
    few = exact["any_grade"].between(1, 4)
    assert few.any()
    assert (hidden.loc[few, "any_grade"] == HIDDEN).all()
    assert hidden.loc[few, "rate"].isna().all()
    assert not hidden[[f"grade_{n}" for n in range(1, 6)]].isin([1, 2, 3, 4]).any(axis=None)
    small = figures_only.incidence("anc500_3v", "regimen")
    assert set(small.hidden) == {name for name, n in _sizes(all_of_it).items() if n < 5}
    assert {one.group for one in small.curves}.isdisjoint(small.hidden)


def _sizes(seen):
    return {one.group: one.participants for one in seen.incidence("anc500_3v", "regimen").curves}


def test_a_site_sees_its_own_participants_and_the_figures_of_all(observed, all_of_it):
    own = Summaries(observed, AS_OF, lambda site: site == SITES[0], groups=REGIMENS)
    assert set(own.own.participants["site"]) == {SITES[0]}
    assert own.treated == all_of_it.treated
    lot = own.lots()[0]
    rows, elsewhere = own.received(lot)
    assert set(rows["site"]) == {SITES[0]}
    every, none = all_of_it.received(lot)
    assert none == 0
    hidden = every["participant"].nunique() - rows["participant"].nunique()
    assert elsewhere in (hidden, HIDDEN)


def test_a_recall_names_every_infusion_of_the_lot_and_no_other(all_of_it, observed):
    lot = all_of_it.lots()[0]
    rows, _elsewhere = all_of_it.received(lot)
    expected = observed.infusions[observed.infusions["lot"] == lot]
    assert rows[["participant", "number"]].values.tolist() == expected[["participant", "number"]].values.tolist()


def test_rates_of_grade_3_or_more_are_those_of_their_events(all_of_it):
    hard = all_of_it.severe_rates().set_index("term")
    whole = all_of_it.events_by_term().query(
        "group == @TOTAL and term != @ANY", local_dict={"TOTAL": TOTAL, "ANY": ANY}
    )
    expected = whole.set_index("term")["grade_3_or_more"]
    assert hard["having"].reindex(expected.index).fillna(0).astype(int).tolist() == expected.tolist()


def test_counts_are_graded_by_the_version_of_the_record(observed):
    five, six = (graded(observed, "neutrophils", version) for version in ("5.0", "6.0"))
    low = five["value"].between(0.1, 0.49)
    assert (five.loc[low, "grade"] == 4).all()
    assert (six.loc[low, "grade"] == 3).all()
    assert graded(observed, "lymphocytes", "6.0").empty


def test_nobody_treated_has_empty_figures():
    nobody = Summaries(Observations.of_rows(), AS_OF)
    assert nobody.treated == 0
    assert isinstance(nobody.by_regimen, pd.DataFrame)
