"""Laboratory values as people type them: units are converted, ranges taken along, and nothing is guessed."""

import pytest
from support.trial import ELIGIBILITY

from protocol.exchange.cohort.laboratory_text import Typed, read_typed, typed
from protocol.exchange.units import is_unit
from protocol.records import ProtocolError

FACTS = {fact.id: fact for fact in ELIGIBILITY.facts}
MASSES = {one.value: one.molar_mass for one in ELIGIBILITY.imports.analytes}
MASSES |= {one.limit: one.molar_mass for one in ELIGIBILITY.imports.analytes if one.limit}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("32", ("32", "", "")),
        ("32 U/L (9–50)", ("32", "U/L", "50")),
        ("32 U/L [9-50]", ("32", "U/L", "50")),
        ("1.1 mg/dL 0.5-1.2", ("1.1", "mg/dL", "1.2")),
        ("110 μmol/L (<105)", ("110", "μmol/L", "105")),
        ("32 (≤ 40)", ("32", "", "40")),
        ("150 10*6/L", ("150", "10*6/L", "")),
        ("150 10⁶/L (50–200)", ("150", "10⁶/L", "200")),
        ("-1e3", ("-1e3", "", "")),
    ],
)
def test_a_line_of_a_report_is_taken_apart(text: str, parts: tuple[str, str, str]) -> None:
    assert typed(text) == Typed(*parts)


@pytest.mark.parametrize("text", ["", "<5", "≥ 40", "3 - 4", "negative", "1,5 mg/dL x", "2026-03-01"])
def test_what_is_no_number_with_a_unit_is_not_taken_apart(text: str) -> None:
    assert typed(text) is None


def test_a_number_in_another_unit_is_converted() -> None:
    fact = FACTS["creatinine_umol_l"]
    assert read_typed("1.1 mg/dL", fact, MASSES[fact.id]) == pytest.approx(97.24, abs=0.01)
    assert read_typed("97", fact) == read_typed("97 μmol/L", fact) == read_typed("97 umol/L", fact) == 97
    assert read_typed("", fact) is None


@pytest.mark.parametrize("text", ["1.1 mg/dL", "97 U/L", "97 furlong", "1.1", "<97", "97 mg/dL"])
def test_a_unit_that_does_not_fit_is_refused_in_words(text: str) -> None:
    fact = FACTS["creatinine_umol_l"]
    with pytest.raises(ProtocolError) as error:  # without a molar mass
        read_typed(text, fact)
    assert error.value.where == fact.label
    assert "μmol/L" in error.value.write


def test_a_choice_and_a_day_are_read_as_they_are() -> None:
    assert read_typed("no", FACTS["breastfeeding"]) is False
    assert read_typed("male", FACTS["sex"]) == "male"
    with pytest.raises(ProtocolError):
        read_typed("male", FACTS["breastfeeding"])


@pytest.mark.parametrize("fact", [fact for fact in ELIGIBILITY.facts if fact.units], ids=lambda fact: fact.id)
def test_every_unit_that_the_record_offers_converts(fact) -> None:
    assert all(is_unit(unit, fact, MASSES.get(fact.id)) for unit in fact.units)
