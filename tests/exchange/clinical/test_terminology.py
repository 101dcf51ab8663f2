"""The codes of the record: check digits are right, and each code belongs to a fact of the record."""

from collections import Counter

import pytest
from support.trial import ELIGIBILITY, FACTS

from protocol.eligibility import Fact
from protocol.exchange.clinical.terminology import ASK, UNRELATED, code_book, system_of, written

CODES = written(ELIGIBILITY)
LOINC = sorted({entry.code for entry in CODES if entry.system == "LOINC"})
SNOMED = sorted({entry.code.lstrip("<") for entry in CODES if entry.system == "SNOMED CT"})


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


def test_each_value_set_is_used() -> None:
    named = {text.split()[1] for fact in ELIGIBILITY.facts for text in fact.codes if text.startswith("set ")}
    assert named == {one.id for one in ELIGIBILITY.imports.value_sets}


def test_a_longer_icd_code_beats_the_range_around_it_and_displays_are_no_codes() -> None:
    book = code_book(ELIGIBILITY)
    assert [meaning.option for meaning in book.meanings("ICD-10", "C44.3")] == ["in_situ"]
    assert [meaning.option for meaning in book.meanings("ICD-10", "C43.3")] == ["invasive"]
    assert [meaning.option for meaning in book.meanings("ICD-10", "B22.7")] == ["yes"]
    for nothing in ("", "C", "Creatinine", "B25", "Z2"):
        assert book.meanings("ICD-10", nothing) == []
    assert book.meanings("LOINC", "Creatinine [Mass/volume] in Serum or Plasma") == []


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("http://hl7.org/fhir/sid/icd-10", "ICD-10"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "ICD-10"),
        ("http://hl7.org/fhir/sid/icd-10-cn", "ICD-10"),
        ("icd-10-cn", "ICD-10"),
        ("ICD10", "ICD-10"),
        ("urn:oid:2.16.156.10011.2.3.3.11", "ICD-10"),
        ("urn:oid:2.16.156.10011.2.3.3.12", "ICD-9-CM-3"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "ICD-10"),
        ("http://www.cms.gov/Medicare/Coding/ICD10PCS", "ICD-10-PCS"),
        ("http://hl7.org/fhir/sid/icd-9-cm-3", "ICD-9-CM-3"),
        ("http://terminology.hl7.org/CodeSystem/icd-o-3", "ICD-O-3"),
        ("http://www.whocc.no/atc", "ATC"),
        ("http://fhir.de/CodeSystem/bfarm/atc", "ATC"),
        ("http://www.nlm.nih.gov/research/umls/rxnorm/", "RxNorm"),
        ("http://hl7.org/fhir/sid/icd-9", ""),
        ("http://hospital.example/codes", ""),
        (None, ""),
    ],
)
def test_a_code_system_is_known_by_its_usual_names(name: str | None, system: str) -> None:
    assert system_of(name) == system


@pytest.mark.parametrize(
    ("system", "code", "fact", "option"),
    [
        ("ICD-10", "C34.900x001", "other_malignancy", "invasive"),
        ("ICD-10", "C61.x00", "other_malignancy", "invasive"),
        ("ICD-10", "C7A.1", "other_malignancy", "invasive"),
        ("ICD-10", "C44.900", "other_malignancy", "in_situ"),
        ("ICD-10", "D05.100", "other_malignancy", "in_situ"),
        ("ICD-10", "D37.101", "other_malignancy", ASK),
        ("ICD-10", "D48.900", "other_malignancy", ASK),
        ("ICD-10", "D46.900", "other_malignancy", UNRELATED),
        ("ICD-10", "D25.900", "other_malignancy", UNRELATED),
        ("ICD-10", "C91.000x001", "other_malignancy", UNRELATED),
        ("ICD-10", "C91.0x00", "diagnosis", "all"),
        ("ICD-10", "C95.900", "diagnosis", ASK),
        ("ICD-10", "D46.900", "disease_origin", ASK),
        ("ICD-O-3", "8140/3", "other_malignancy", "invasive"),
        ("ICD-O-3", "8140/3-C34.9", "other_malignancy", "invasive"),
        ("ICD-O-3", "M81400/2", "other_malignancy", "in_situ"),
        ("ICD-O-3", "8140/1", "other_malignancy", ASK),
        ("ICD-O-3", "8140/0", "other_malignancy", UNRELATED),
        ("ICD-O-3", "8090/3", "other_malignancy", "in_situ"),
        ("ICD-O-3", "9866/3", "diagnosis", "apl"),
        ("ICD-O-3", "9861/3", "other_malignancy", UNRELATED),
        ("ICD-O-3", "9920/3", "disease_origin", "therapy_related"),
        ("ATC", "L01BC01", "ever_anticancer_therapy", "yes"),
        ("ATC", "L03AA02", "ever_anticancer_therapy", UNRELATED),
        ("ATC", "L03AX03", "ever_anticancer_therapy", "yes"),
        ("ATC", "L04AX03", "ever_anticancer_therapy", "yes"),
        ("ATC", "L04AD01", "ever_anticancer_therapy", UNRELATED),
        ("ATC", "H02AB06", "ever_anticancer_therapy", ASK),
        ("ATC", "J01CA04", "ever_anticancer_therapy", UNRELATED),
        ("ATC", "V10XX03", "ever_anticancer_therapy", "yes"),
        ("ICD-9-CM-3", "92.2400", "ever_anticancer_therapy", "yes"),
        ("ICD-9-CM-3", "99.2503", "ever_anticancer_therapy", "yes"),
        ("ICD-9-CM-3", "88.72", "ever_anticancer_therapy", UNRELATED),
        ("ICD-10-PCS", "DW062ZZ", "ever_anticancer_therapy", "yes"),
        ("CPT", "77412", "radiotherapy_field", ASK),
        ("ICD-10", "Z94.0", "organ_transplant", ASK),
        ("ICD-10", "Z94.84", "organ_transplant", UNRELATED),
        ("ICD-10", "F32.1", "mental_illness", ASK),
        ("ICD-10", "F11.2", "substance_abuse", ASK),
        ("ICD-10", "B18.1", "hbsag", ASK),
        ("ICD-10", "B18.2", "anti_hcv", ASK),
        ("ICD-10", "O00.1", "pregnancy_test", ASK),
        ("ICD-10", "M81400/3", "other_malignancy", "invasive"),
        ("ICD-10", "M9866/3", "diagnosis", "apl"),
        ("ATC", "L04AA40", "ever_anticancer_therapy", "yes"),
        ("ATC", "L04AG06", "ever_anticancer_therapy", ASK),
        ("ATC", "H01CB02", "ever_anticancer_therapy", ASK),
        ("ATC", "V10XX03", "radiotherapy_field", ASK),
        ("ICD-10-PCS", "CW7NGZZ", "ever_anticancer_therapy", "yes"),
        ("CPT", "79005", "ever_anticancer_therapy", "yes"),
        ("LOINC", "7918-6", "hiv_test", ""),
        ("LOINC", "30361-0", "hiv_test", "reactive"),
        ("LOINC", "5221-7", "hiv_test", "confirmed"),
        ("LOINC", "63557-3", "hbsag", ""),
        ("LOINC", "29615-2", "hbv_dna", ""),
        ("LOINC", "20416-4", "hcv_rna", ""),
        ("LOINC", "80385-8", "pregnancy_test", ""),
    ],
)
def test_a_code_means_what_its_classification_says(system: str, code: str, fact: str, option: str) -> None:
    meanings = {meaning.fact: meaning.option for meaning in code_book(ELIGIBILITY).meanings(system, code)}
    assert meanings[fact] == option


@pytest.mark.parametrize(
    ("text", "kind", "facts"),
    [
        ("右肺腺癌", "condition", {"other_malignancy"}),
        ("Adenocarcinoma of lung", "condition", {"other_malignancy"}),
        ("Benign neoplasm of skin", "condition", set()),
        ("Family history of breast cancer", "condition", set()),
        ("Lung cancer, family history of diabetes", "condition", {"other_malignancy"}),
        ("Lung cancer found at screening", "condition", {"other_malignancy"}),
        ("Screening for lung cancer", "condition", set()),
        ("Malignant transformation of a benign teratoma", "condition", {"other_malignancy"}),
        ("筛查发现肺癌", "condition", {"other_malignancy"}),
        ("肺癌筛查", "condition", set()),
        ("乳腺癌家族史", "condition", set()),
        ("胃Ca术后", "condition", {"other_malignancy"}),
        ("多发骨转移", "condition", {"other_malignancy"}),
        ("肾透明细胞瘤", "condition", {"other_malignancy"}),
        ("NSCLC", "condition", {"other_malignancy"}),
        ("转移性右下腹痛", "condition", set()),
        ("子宫肌瘤", "condition", set()),
        ("Hypertension", "condition", set()),
        ("阿糖胞苷注射液", "medication", {"ever_anticancer_therapy"}),
        ("imatinib 400 MG", "medication", {"ever_anticancer_therapy"}),
        ("Acetaminophen 325 MG", "medication", set()),
        ("直线加速器放射治疗", "procedure", {"ever_anticancer_therapy", "radiotherapy_field"}),
        ("Irradiated red cells", "procedure", set()),
        ("Kidney transplant", "procedure", {"organ_transplant"}),
        ("Adenocarcinoma of lung", "procedure", set()),
    ],
)
def test_a_word_shows_what_an_entry_may_be_about(text: str, kind: str, facts: set[str]) -> None:
    assert {one.fact for one in code_book(ELIGIBILITY).asked([], [text], kind) if one.option == ASK} == facts


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["condition", "procedure", "medication"])
def test_a_text_of_any_length_is_read_in_a_time_that_grows_with_it(kind: str) -> None:
    assert code_book(ELIGIBILITY).asked([], ["P" * 100_000], kind) == []


def test_a_code_that_decides_goes_before_a_word_and_before_a_code_that_asks() -> None:
    book = code_book(ELIGIBILITY)
    both = [("SNOMED CT", "363346000"), ("ICD-O-3", "9861/3")]
    said = {one.fact: (one.option, one.code) for one in book.asked(both, ["malignant"], "condition")}
    assert said["diagnosis"] == ("aml", "ICD-O-3 9861/3")
    assert said["other_malignancy"] == (UNRELATED, "ICD-O-3 9861/3")
    assert next(meaning.option for meaning in book.above("SNOMED CT", "363346000")) == "invasive"


def test_a_value_set_that_is_none_is_refused() -> None:
    odd = FACTS["ecog"].model_copy(update={"codes": ("set no_such_set = ask",)})
    with pytest.raises(ValueError, match="write one like LOINC"):
        written(ELIGIBILITY.model_copy(update={"facts": (odd,)}))


def test_a_code_of_another_form_is_refused() -> None:
    odd = FACTS["ecog"].model_copy(update={"codes": ("89247-1",)})
    with pytest.raises(ValueError, match="write one like LOINC"):
        written(ELIGIBILITY.model_copy(update={"facts": (odd,)}))
