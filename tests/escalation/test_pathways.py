"""Pathways, turning points, designs side by side, the calibration and the text for the protocol."""

import re
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.escalation import GRID, SCENARIOS
from support.trial import ESCALATION

from protocol import __version__
from protocol.escalation import DESIGNS, STOP, Outcomes, last_named, simulate
from protocol.escalation.calibration import Setting, calibrate
from protocol.escalation.comparison import compare
from protocol.escalation.pathways import pathways, recommended, turning_points
from protocol.exchange.statistics import StatisticalSection, parameters
from protocol.exchange.statistics.designs import about
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


def test_too_many_pathways_are_refused():
    with pytest.raises(ProtocolError, match="fewer cohorts"):
        pathways(ESCALATION.designed(cohort_size=40), Outcomes.none(GRID), 0, 2)


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


# Side by side


def side_by_side(trials=300, **more):
    designs = {
        "plain": ESCALATION.designed(),
        "bar": ESCALATION.designed(bar=True),
        "3+3": ESCALATION.designed("3+3 along a path"),
    }
    return compare(designs, SCENARIOS["diagonal"], trials, 7, margin=0.05, **more)


def test_designs_side_by_side_meet_the_same_participants():
    found = side_by_side()
    for name, one in found.simulations.items():
        alone = simulate(one.design, SCENARIOS["diagonal"], 300, 7)
        assert np.array_equal(one.treated, alone.treated), name
        assert np.array_equal(one.dlt, alone.dlt), name
    plain, bar = found.simulations["plain"], found.simulations["bar"]
    alike = (plain.treated == bar.treated).all(axis=(1, 2))
    assert 0 < alike.mean() < 1
    assert np.array_equal(plain.dlt[alike], bar.dlt[alike])  # the same draws: no DLT differs where no step does


def test_paired_differences_have_the_smaller_error_of_the_same_participants():
    found = side_by_side(2_000)
    table = found.table().set_index(["design", "measure"])
    apart = found.differences("plain").set_index(["design", "measure"])
    for measure in ("correct_selection", "participants", "dlts", "overdosed"):
        by_hand = [one.measures(0.05)[measure][0].astype(float) for one in found.simulations.values()][:2]
        row = apart.loc[("bar", measure)]
        assert row.difference == pytest.approx((by_hand[1] - by_hand[0]).mean())
        assert row.difference == pytest.approx(
            table.loc[("bar", measure), "value"] - table.loc[("plain", measure), "value"]
        )
        assert row.se == pytest.approx((by_hand[1] - by_hand[0]).std() / np.sqrt(2_000))
    unpaired = np.hypot(table.loc[("bar", "dlts"), "se"], table.loc[("plain", "dlts"), "se"])
    assert apart.loc[("bar", "dlts"), "se"] < 0.9 * unpaired
    with pytest.raises(ProtocolError, match="plain, bar"):
        found.differences("nobody")


def test_a_right_selection_is_always_acceptable():
    for truth in SCENARIOS.values():
        measures = simulate(ESCALATION.designed(), truth, 200, 1).measures(0.05)
        right, fine = measures["correct_selection"][0], measures["acceptable_selection"][0]
        assert not (np.asarray(right) & ~np.asarray(fine)).any()
    assert "acceptable_selection" not in simulate(ESCALATION.designed(), truth, 20, 1).measures()


def test_a_comparison_sharpens_and_stops_between_rounds():
    seen = []
    found = side_by_side(5_000, progress=seen.append, stop=lambda: len(seen) >= 2)
    assert found.trials == seen[-1].trials < 5_000
    assert {one.trials for one in found.simulations.values()} == {found.trials}
    assert seen[0].trials == 25
    assert "of 5,000 trials, about" in str(found)


def test_designs_of_different_sizes_are_not_compared():
    designs = {"a": ESCALATION.designed(), "b": ESCALATION.designed(cohort_size=4)}
    with pytest.raises(ProtocolError, match="the same cohort size and maximum"):
        compare(designs, SCENARIOS["diagonal"], 10, 1, margin=0.05)
    with pytest.raises(ProtocolError, match="no design"):
        compare({}, SCENARIOS["diagonal"], 10, 1, margin=0.05)
    with pytest.raises(ProtocolError, match="trials"):
        side_by_side(0)


# Calibration


def designed(setting):
    return ESCALATION.designed(**setting._asdict(), enough=setting.maximum)


def test_the_calibration_is_the_simulation_of_each_setting():
    scenarios = {name: SCENARIOS[name] for name in ("diagonal", "too-toxic")}
    table = calibrate(designed, scenarios, [0.25], [3], [12, 30], 200, 4, margin=0.05).table()
    assert len(table) == 2 * (2 + 1)
    for maximum in (12, 30):
        own = table[table["maximum"] == maximum].set_index("scenario")
        alone = {
            name: simulate(designed(Setting(0.25, 3, maximum)), truth, 200, 4) for name, truth in scenarios.items()
        }
        wrong = {name: 1 - one.measures()["correct_selection"][0].astype(float) for name, one in alone.items()}
        for name in scenarios:
            assert own.loc[name, "wrong"] == pytest.approx(wrong[name].mean())
        mean = (wrong["diagonal"] + wrong["too-toxic"]) / 2  # the draws are the same: trial by trial
        assert own.loc["", "wrong"] == pytest.approx(mean.mean())
        assert own.loc["", "wrong_se"] == pytest.approx(mean.std() / np.sqrt(200))


def test_more_participants_make_a_wrong_choice_rarer():
    table = calibrate(designed, SCENARIOS, [0.3], [3], [18, 60], 300, 4, margin=0.05).table()
    few, many = table[table["scenario"] == ""].itertuples()
    assert many.wrong + 4 * many.wrong_se < few.wrong
    assert many.participants > few.participants


def test_a_calibration_stops_between_rounds_and_keeps_them():
    seen = []
    found = calibrate(
        designed, {"diagonal": SCENARIOS["diagonal"]}, [0.3], [3], [12, 18], 4_000, 4, margin=0.05,
        progress=seen.append, stop=lambda: len(seen) >= 2,
    )  # fmt: skip
    assert found.trials == seen[-1].trials < found.requested == 4_000


def test_a_calibration_of_nothing_or_too_much_is_refused():
    for maxima in ([], range(3, 300)):
        with pytest.raises(ProtocolError, match="1 to 1,000 combinations"):
            calibrate(designed, SCENARIOS, [0.3], [3], maxima, 10, 1, margin=0.05)


# The text


def section(**changes):
    design = ESCALATION.designed(**changes)
    simulations = {one.title: simulate(design, one.truth, 60, 8) for one in ESCALATION.scenarios[:2]}
    return StatisticalSection(ESCALATION, "NCT05672420", "BOIN (2-D)", design, simulations, date(2026, 1, 1))


def test_the_statistical_section_says_what_repeats_it():
    text = section().markdown()
    for words in (__version__, "**Seed:** 8", "**Trials of each scenario:** 60", "2015;64:507-523", "Decision table"):
        assert words in text
    again = {line.text for part in section().parts() if part.number == "6" for line in part.content}
    for one in ESCALATION.scenarios[:2]:
        rates = "; ".join(", ".join(f"{rate:g}" for rate in line) for line in one.truth)
        assert rates in again


def test_the_decision_table_of_the_text_is_the_designs():
    table = next(part for part in section().parts() if part.number == "3").content[0]
    rules = ESCALATION.designed().decisions()
    rules = rules[rules["treated"] % 3 == 0]
    assert [[*map(int, row[0][:3])] for row in table.rows] == rules.iloc[:, :3].to_numpy().tolist()


def test_the_characteristics_of_the_text_are_those_of_the_simulation():
    text = section()
    measures, selected = next(part for part in text.parts() if part.number == "4").content[-2:]
    first = text.simulations[ESCALATION.scenarios[0].title]
    value = first.summary(0.05).set_index("measure").loc["correct_selection"]
    assert measures.rows[0][0][1] == f"{value.value:.1%} ± {value.se:.1%}"
    assert measures.rows[0][1] == ESCALATION.scenarios[0]
    errors = first.regimens()["selected_se"]
    assert [cell.rpartition(" ± ")[2] for cell in selected.rows[0][0][1:]] == [
        f"{error:.1%}" if error else f"up to {3 / first.trials:.1%}" for error in errors
    ]
    shares = [float(re.search(r"([\d.]+)%", cell)[1]) for cell in selected.rows[0][0][1:]]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert len(shares) == 16


def test_a_value_that_is_not_the_records_is_said_to_be_the_readers():
    rows = {
        row.label: row for row in parameters(ESCALATION, "BOIN (2-D)", ESCALATION.designed(target=0.25, maximum=45))
    }
    assert rows["Target DLT rate"][1:] == ("0.25", None)
    assert rows["Participants at most"][1:] == ("45", None)
    assert rows["Participants in a cohort"].origin == ESCALATION.design.cohort_size
    assert "set by the reader" in section(target=0.25).html()
    assert "set by the reader" not in section().html()


def test_what_was_never_or_always_seen_has_an_error_in_the_text():
    name = "3+3 along a path"
    design = ESCALATION.designed(name)
    simulations = {one.title: simulate(design, one.truth, 60, 8) for one in ESCALATION.scenarios[:2]}
    text = StatisticalSection(ESCALATION, "N", name, design, simulations, date(2026, 1, 1)).markdown()
    assert "100.0% ± up to 5.0%" in text
    assert "± 0.0 " not in text
    assert "± 0.0%" not in text


SHARED = {
    "Probability of too high a rate that eliminates", "Extra bar on escalation", "Ties go first to",
    "Enough participants at one regimen", "Rate that calls for stepping up, times the target",
    "Rate that calls for stepping down, times the target",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("3+3 along a path", 6), ("PIPE", 4), ("Two-agent logistic", 4), ("Waterfall", 2), ("POCRM", 3),
        ("Keyboard (2-D)", 2), ("BOIN (2-D)", 0), ("Utility of response and toxicity", 1),
    ],
)  # fmt: skip
def test_only_rules_that_a_design_has_are_listed(name, missing):
    rows = {row.label: row for row in parameters(ESCALATION, name, ESCALATION.designed(name))}
    assert len(SHARED - rows.keys()) == missing
    assert rows.keys() == {row.label for row in parameters(ESCALATION, name)}
    assert all(row.origin for label, row in rows.items() if label != "Design")


def test_a_changed_value_of_one_design_alone_is_said_to_be_the_readers():
    for name, changes, label, value in (
        ("PIPE", {"ceiling": 0.7}, "Probability of lying above the contour that bars", "0.7"),
        ("BOIN (2-D)", {"safe": 0.15}, "Rate that calls for stepping up, times the target", "0.5"),
    ):
        rows = {row.label: row for row in parameters(ESCALATION, name, ESCALATION.designed(name, **changes))}
        assert rows[label][1:] == (value, None)


def test_a_rule_of_three_and_six_has_no_target_in_the_text():
    name = "3+3 along a path"
    text = StatisticalSection(ESCALATION, "N", name, ESCALATION.designed(name), {}, date(2026, 1, 1)).markdown()
    assert "The rule has no target DLT rate; 0.3 only judges the simulation" in text


def test_the_page_to_print_needs_nothing_else_and_escapes_what_it_is_given():
    text = section()
    page = StatisticalSection(ESCALATION, "<b>N</b>", text.name, text.design, text.simulations, text.day).html()
    assert "<b>N</b>" not in page
    assert not re.search(r"(src|href)=", page)
    assert page.count("assumption") > 15


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_is_described_with_its_references(name):
    said = about(name)
    assert said.rule.endswith(".")
    assert said.selection.endswith(".")
    assert all(re.search(r"\d{4}", one) for one in said.references)
    assert said.references
    labels = [row.label for row in parameters(ESCALATION, name)]
    assert len(labels) == len(set(labels))
    assert not [label for label in labels if "_" in label]


def test_every_scenario_of_the_library_has_a_reason_and_its_own_surface():
    assert len(ESCALATION.scenarios) >= 12
    assert len({one.truth for one in ESCALATION.scenarios}) == len(ESCALATION.scenarios)
    assert all(one.is_assumption and len(one.origin) > 20 for one in ESCALATION.scenarios)


def test_a_design_without_a_table_says_so_in_the_text():
    design = ESCALATION.designed("POCRM")
    text = StatisticalSection(ESCALATION, "N", "POCRM", design, {}, date(2026, 1, 1))
    assert "no table of their own" in text.markdown()
    assert text.markdown().count("Not simulated") == 2


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
