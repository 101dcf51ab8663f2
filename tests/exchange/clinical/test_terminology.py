"""The codes of the record: check digits are right, and each code belongs to a fact of the record."""

from collections import Counter

import pytest
from support.trial import ELIGIBILITY, FACTS

from protocol.eligibility import Fact
from protocol.exchange.clinical.terminology import ASK, UNRELATED, code_book, value_sets, written

CODES = written(ELIGIBILITY)
LOINC = sorted({entry.code for entry in CODES if entry.system == "LOINC"})
SNOMED = sorted({entry.code for entry in CODES if entry.system == "SNOMED CT"})


# Verhoeff's dihedral group: products, and the permutation applied to each place
def product(i: int, j: int) -> int:
    if i < 5:
        return (i + j) % 5 if j < 5 else 5 + (i + j) % 5
    return 5 + (i - j) % 5 if j < 5 else (i - j) % 5


PRODUCT = [[product(i, j) for j in range(10)] for i in range(10)]
FIRST = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def loinc_is_right(code: str) -> bool:
    digits, _dash, check = code.partition("-")
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))]
    return (sum(sum(divmod(number, 10)) for number in doubled) + int(check)) % 10 == 0


def snomed_is_right(code: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(code)):
        number = int(digit)
        for _turn in range(place % 8):
            number = FIRST[number]
        check = PRODUCT[check][number]
    return check == 0


def test_the_check_digit_of_each_loinc_and_snomed_code_is_right() -> None:
    assert [code for code in LOINC if not loinc_is_right(code)] == []
    assert [code for code in SNOMED if not snomed_is_right(code)] == []


def test_the_checks_find_a_wrong_digit() -> None:
    assert not loinc_is_right("42808-4")  # circulates for CD34 and is none
    wrong = [code[:-1] + str((int(code[-1]) + shift) % 10) for code in SNOMED for shift in range(1, 10)]
    swapped = [code[:-3] + code[-2] + code[-3] + code[-1] for code in SNOMED if code[-2] != code[-3]]
    assert not any(snomed_is_right(code) for code in wrong + swapped)
    assert len(LOINC) > 25
    assert len(SNOMED) > 15


@pytest.mark.parametrize("fact", [fact for fact in ELIGIBILITY.facts if fact.codes], ids=lambda fact: fact.id)
def test_an_option_of_a_code_is_one_of_its_fact_or_asks(fact: Fact) -> None:
    allowed = {"", "yes"} if fact.type == "yes_no" else {"", *fact.options}
    own = [entry for entry in CODES if entry.meaning.fact == fact.id]
    assert {entry.meaning.option for entry in own} <= allowed | {ASK, UNRELATED}
    for entry in (one for one in own if one.system not in ("LOINC", "OMOP")):
        assert entry.meaning.option, "a diagnosis or procedure must say what it means"


def test_no_code_says_two_things_of_one_fact() -> None:
    counts = Counter((entry.system, entry.code, entry.meaning.fact) for entry in CODES)
    assert [key for key, count in counts.items() if count > 1] == []


def test_each_value_set_has_its_source_and_is_used() -> None:
    named = {text.split()[1] for fact in ELIGIBILITY.facts for text in fact.codes if text.startswith("set ")}
    assert named == set(value_sets())
    assert all(len(one["source"]) > 20 for one in value_sets().values())


def test_a_longer_icd_code_beats_the_range_around_it_and_displays_are_no_codes() -> None:
    book = code_book(ELIGIBILITY)
    assert [meaning.option for meaning in book.meanings("ICD-10", "C44.3")] == ["in_situ"]
    assert [meaning.option for meaning in book.meanings("ICD-10", "C43.3")] == ["invasive"]
    assert [meaning.option for meaning in book.meanings("ICD-10", "B22.7")] == ["yes"]
    for nothing in ("", "C", "Creatinine", "B25", "Z2"):
        assert book.meanings("ICD-10", nothing) == []
    assert book.meanings("LOINC", "Creatinine [Mass/volume] in Serum or Plasma") == []


def test_a_code_of_another_form_is_refused() -> None:
    odd = FACTS["ecog"].model_copy(update={"codes": ("89247-1",)})
    with pytest.raises(ValueError, match="write one like LOINC"):
        written(ELIGIBILITY.model_copy(update={"facts": (odd,)}))
