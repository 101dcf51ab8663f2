"""The statistical section of the protocol: values, tables and references of each design."""

import re
from datetime import date

import pytest
from support.trial import ESCALATION

from protocol.escalation import DESIGNS, simulate
from protocol.exchange.documents.statistics import StatisticalSection, parameters
from protocol.version import __version__


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
    "Probability of too high a rate that eliminates", "Stricter escalation", "Ties go first to",
    "Stop at (participants at one regimen)", "Rate that calls for stepping up, times the target",
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
        ("PIPE", {"ceiling": 0.7}, "Cutoff: a higher probability of lying above the contour bars a regimen", "0.7"),
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
    said = DESIGNS[name].description()
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
