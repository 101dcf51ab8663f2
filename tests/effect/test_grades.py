"""CTCAE grades: every reference case, the printed criteria on both sides of every limit, units, and bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.effect import by_case
from twins.grades import FIXED, plain_grade

from protocol.effect import UNKNOWN, analytes, febrile_neutropenia, grade, graded_terms, units, versions
from protocol.records import ProtocolError


def found(case):
    one = grade(case["term"], [case["value"]], case["unit"], version=case["ctcae"], normal_limit=case["lln"])
    return None if one.grade[0] == UNKNOWN else int(one.grade[0])


@pytest.mark.requirement("R-EFF-01")
@pytest.mark.parametrize("case", **by_case("ctcae_grades.json"))
def test_a_reference_count_has_its_grade(case):
    assert found(case) == case["grade"]


@pytest.mark.requirement("R-EFF-01")
@pytest.mark.parametrize("case", **by_case("febrile_neutropenia.json"))
def test_a_reference_fever_has_its_lowest_grade(case):
    given_values = [case["anc"]], case["anc_unit"], [case["temperature_celsius"]], [case["minutes_at_or_above_38_0"]]
    lowest = int(febrile_neutropenia(*given_values, version=case["ctcae"])[0])
    assert (None if lowest == UNKNOWN else lowest) == case["minimum_grade"]


@pytest.mark.parametrize(("version", "term"), FIXED)
def test_a_count_on_a_limit_is_milder_than_one_just_below(version, term):
    limits, _needs = FIXED[version, term]
    for its_grade, limit in limits.items():
        on, below = float(limit), float(limit) - 0.001
        grades = grade(term, [on, below], units_of(term)[0], version=version, normal_limit=1000).grade
        assert grades[1] == its_grade
        assert grades[0] < its_grade


def units_of(term):
    return ("g/L", "g/dL") if term == "Anemia" else ("10^9/L", "/mm3")


@pytest.mark.requirement("R-EFF-01")
@given(
    st.sampled_from(sorted(FIXED)),
    st.decimals(0, 400, places=3, allow_nan=False),
    st.none() | st.decimals("0.5", 300, places=2, allow_nan=False),
    st.sampled_from([0, 1]),
)
def test_a_grade_is_the_one_of_the_plain_criteria(named, value, normal, place):
    version, term = named
    unit = units_of(term)[place]
    value = value / 10 if unit == "g/dL" else value
    limit = None if normal is None else float(normal)
    one = grade(term, [float(value)], unit, version=version, normal_limit=limit)
    expected = plain_grade(version, term, str(value), unit, None if normal is None else str(normal))
    assert (None if one.grade[0] == UNKNOWN else int(one.grade[0])) == expected
    assert bool(one.reasons()[one.why[0]]) == (expected is None)


@given(st.sampled_from(sorted(FIXED)), st.lists(st.integers(0, 300_000), min_size=1), st.integers(1, 200_000))
def test_a_change_of_unit_changes_no_grade(named, values, normal):
    version, term = named
    coarse, fine = units_of(term)
    factor = 10 if coarse == "g/L" else 0.001  # of the second unit, in the first
    high = 400 if coarse == "g/L" else 300
    in_coarse = np.array(values) / 300_000 * high
    limit = normal / 300_000 * high
    one = grade(term, in_coarse, coarse, version=version, normal_limit=limit)
    other = grade(term, in_coarse / factor, fine, version=version, normal_limit=limit / factor)
    assert one.grade.tolist() == other.grade.tolist()


@given(st.sampled_from(sorted(FIXED)), st.lists(st.floats(0, 300), min_size=2))
def test_a_lower_count_never_has_a_milder_grade(named, values):
    version, term = named
    grades = grade(term, sorted(values), units_of(term)[0], version=version, normal_limit=150).grade
    assert (np.diff(grades) <= 0).all()


def test_a_computed_count_on_a_limit_does_not_lie_below_it():
    computed = [3 * 0.1 + 0.2, 0.7 - 0.2, 0.1 * 5]
    grades = grade("Neutrophil count decreased", computed, "10^9/L", version="5.0", normal_limit=1.8).grade
    assert grades.tolist() == [3, 3, 3]


def test_one_unit_is_known_by_all_ways_to_write_it():
    for unit in ("10^9/L", "x10^9/L", "×10⁹/L", "10*9/L", "10^3/µL", "10^3/μL", "K/uL", "10^9/l", "G/L"):
        one = grade("Neutrophil count decreased", [0.45], unit, version="5.0", normal_limit=1.8)
        assert one.grade.tolist() == [4], unit
    for unit in ("/mm3", "/mm³", "/mm^3", "/uL", "/µL", "cells/µL", "10*6/L"):
        one = grade("Neutrophil count decreased", [450], unit, version="5.0", normal_limit=1800)
        assert one.grade.tolist() == [4], unit


def test_a_normal_limit_may_differ_from_count_to_count():
    one = grade("Anemia", [120, 120, 120, None], "g/L", version="5.0", normal_limit=[115, 130, np.nan, 115])
    assert one.grade.tolist() == [0, 1, UNKNOWN, UNKNOWN]
    assert one.table()["grade"].isna().tolist() == [False, False, True, True]
    assert one.table()["why"].tolist()[2:] == ["the laboratory's lower limit of normal is not given", "no count"]
    assert set(one.table()["version"]) == {"5.0"}


def test_an_indicated_transfusion_gives_its_grade_where_the_criteria_say_so():
    marks = [True, False, True]
    one = grade("Thrombocytopenia", [60, 60, 9], "10^9/L", version="6.0", transfusion_indicated=marks)
    assert one.grade.tolist() == [3, 2, 4]
    other = grade("Platelet count decreased", [60], "10^9/L", version="5.0", transfusion_indicated=[True])
    assert other.grade.tolist() == [2]


def test_a_term_of_another_version_is_unknown_and_says_the_terms_there_are():
    one = grade("Platelet count decreased", [24], "10^9/L", version="6.0", normal_limit=125)
    assert one.grade.tolist() == [UNKNOWN]
    assert "Thrombocytopenia" in one.table()["why"][0]


def test_versions_terms_and_units_are_listed():
    assert list(versions()) == ["5.0", "6.0"]
    assert "Lymphocyte count decreased" not in graded_terms("6.0")
    assert {unit for analyte in analytes() for unit in units(analyte)} >= {"10^9/L", "g/L", "mmol/L"}


ANC = "Neutrophil count decreased"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: grade(ANC, [12_000], None, version="5.0"), "12,000 without a unit"),
        (lambda: grade(ANC, [12_000], "10^9/L", version="5.0"), "number 1: found 12,000 10^9/L"),
        (lambda: grade(ANC, [1.0, -0.1], "10^9/L", version="5.0"), "number 2: found -0.1 10^9/L"),
        (lambda: grade(ANC, [1.0], "g/L", version="5.0"), "found 'g/L'; write one of 10^9/L"),
        (lambda: grade(ANC, ["low"], "10^9/L", version="5.0"), "something that is no number"),
        (lambda: grade(ANC, [np.inf], "10^9/L", version="5.0"), "an infinite number"),
        (lambda: grade(ANC, [1.0], "10^9/L", version="4.0"), "found '4.0'; write one of '5.0', '6.0'"),
        (lambda: grade("Neutropenia", [1.0], "10^9/L", version="5.0"), "found 'Neutropenia'"),
        (lambda: grade(ANC, [1.6], "10^9/L", version="5.0", normal_limit=0), "lower limit of normal: found 0"),
        (lambda: grade(ANC, [1.6], "10^9/L", version="5.0", normal_limit=[1, 2]), "normal: found (2,)"),
        (lambda: febrile_neutropenia([0.4], "10^9/L", [101.3], [0], version="5.0"), "degrees Celsius"),
        (lambda: febrile_neutropenia([0.4], "10^9/L", [37.0], [90], version="5.0"), "a time that cannot be"),
        (lambda: febrile_neutropenia([0.4, 1], "10^9/L", [38.4], [90], version="5.0"), "different lengths"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(call, says):
    with pytest.raises(ProtocolError) as refused:
        call()
    assert says in str(refused.value)
