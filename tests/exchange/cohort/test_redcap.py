"""REDCap files: the data dictionary of a project, and a cohort to import into it."""

import csv
import io
import re
from datetime import date
from itertools import pairwise, product

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import ELIGIBILITY, FACTS

from protocol.eligibility.fact_sources import ParticipantFacts
from protocol.eligibility.logic import Logic
from protocol.exchange.cohort.redcap import COLUMNS, dictionary, import_file
from protocol.records import ProtocolError

ROWS = list(csv.DictReader(io.StringIO(dictionary(ELIGIBILITY).decode("utf-8"))))
FIELDS = {row["Variable / Field Name"]: row for row in ROWS}
CHOICES = "Choices, Calculations, OR Slider Labels"
BRANCHING = "Branching Logic (Show field only if...)"


def test_the_dictionary_has_the_eighteen_columns_and_every_fact_once() -> None:
    assert tuple(ROWS[0]) == COLUMNS
    assert len(COLUMNS) == 18
    names = [row["Variable / Field Name"] for row in ROWS]
    assert len(names) == len(set(names))
    assert names[0] == "record_id"
    assert [name for name in names[1:] if not name.endswith("_calc")] == list(FACTS)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) and "__" not in name for name in names)


def test_the_fields_of_a_form_stand_together() -> None:
    forms = [row["Form Name"] for row in ROWS]
    changes = sum(one != other for one, other in pairwise(forms))
    assert changes == len(set(forms)) - 1
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", form) for form in forms)


@pytest.mark.parametrize("fact", ELIGIBILITY.facts, ids=lambda fact: fact.id)
def test_a_field_allows_what_its_fact_allows(fact: object) -> None:
    from protocol.eligibility import Fact

    assert isinstance(fact, Fact)
    row = FIELDS[fact.id]
    assert fact.origin in row["Field Note"]
    if fact.type in ("yes_no", "choice"):
        codes = [pair.split(", ", 1)[0] for pair in row[CHOICES].split(" | ")]
        assert row["Field Type"] == "radio"
        assert codes == (["1", "0", "99"] if fact.type == "yes_no" else [*fact.options, "99"])
        return
    validation = row["Text Validation Type OR Show Slider Number"]
    assert (row["Field Type"], validation) == (
        "text",
        {"date": "date_ymd", "whole": "integer", "number": "number"}[fact.type],
    )
    if fact.is_number:
        assert (float(row["Text Validation Min"]), float(row["Text Validation Max"])) == (fact.minimum, fact.maximum)


def evaluate(logic: str, answers: dict[str, str]) -> bool:
    """Evaluate REDCap's branching logic, of which these files use =, <>, and, or, and brackets."""
    python = re.sub(r"\[(\w+)\]", lambda match: repr(answers.get(match[1], "")), logic)
    python = python.replace("<>", "!=").replace(" = ", " == ")
    assert set(re.sub(r"'[^']*'", "", python)) <= set("()!= andor")
    return bool(eval(python, {"__builtins__": {}}))


def test_a_field_is_hidden_exactly_when_the_criterion_is_known_not_to_apply() -> None:
    branched = [name for name, row in FIELDS.items() if row[BRANCHING]]
    assert branched == ["pregnancy_test", "pregnancy_test_date", "breastfeeding"]
    applies = next(c.applies_if for c in ELIGIBILITY.criteria if c.id == "E18")
    assert applies is not None
    for sex, fertility in product(["", *FACTS["sex"].options], ["", *FACTS["fertility_status"].options]):
        known = {name: value for name, value in (("sex", sex), ("fertility_status", fertility)) if value}
        parameters = {parameter.id: parameter for parameter in ELIGIBILITY.parameters}
        rails = Logic(FACTS, parameters, ParticipantFacts(known)).condition(applies)
        for blank in ("", "99"):
            answers = {"sex": sex or blank, "fertility_status": fertility or blank}
            for name in branched:
                assert evaluate(FIELDS[name][BRANCHING], answers) == (not rails.false)


def calculated(formula: str, answers: dict[str, date | float]) -> float:
    """Calculate a REDCap formula in Python: if(a, b, c), year, month and day are functions there."""
    python = (
        re.sub(r"\[(\w+)\]", r"answers['\1']", formula)
        .replace("^", "**")
        .replace(" = ''", " is None")
        .replace("if(", "choose(")
    )
    functions = {part: (lambda value, part=part: getattr(value, part)) for part in ("year", "month", "day")}
    choose = lambda condition, yes, no: yes if condition else no  # noqa: E731
    return float(eval(python, {"__builtins__": {}, "answers": answers, "choose": choose, **functions}))


@pytest.mark.slow
@given(st.dates(date(1940, 1, 1), date(2008, 12, 31)), st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_the_calculated_age_is_the_records_age(born: date, consent: date) -> None:
    formula = FIELDS["age_years_calc"][CHOICES]
    age = ParticipantFacts({}).years(born, consent)
    assert calculated(formula, {"birth_date": born, "consent_date": consent}) == age
    assert "datediff" not in formula


def test_the_calculated_body_mass_index_is_the_records() -> None:
    formula = FIELDS["bmi_kg_m2_calc"][CHOICES]
    assert formula.startswith("if([weight_kg] = '' or [height_cm] = '', ''")
    assert calculated(formula, {"weight_kg": 86.7, "height_cm": 170.0}) == pytest.approx(30.0)
    assert FIELDS["bmi_kg_m2_calc"]["Field Type"] == "calc"


def test_a_power_has_both_sides_in_brackets_and_no_space_as_redcap_asks() -> None:
    formulas = [field[CHOICES] for field in FIELDS.values() if "^" in field[CHOICES]]
    assert formulas
    for formula in formulas:
        assert formula.count("^") == formula.count(")^(")


def test_a_cohort_is_coded_as_the_dictionary_says() -> None:
    frame = pd.DataFrame(
        {
            "participant_id": ["S-1", "=cmd()"],
            "veins_ok": pd.Series([True, None], dtype="boolean"),
            "hbsag": pd.Series(["negative", None], dtype=object),
            "ecog": pd.Series([0, None], dtype="Int64"),
            "bmi_kg_m2": [22.5, None],
            "consent_date": pd.to_datetime(["2026-03-01", None]),
        }
    )
    content = import_file(frame, ELIGIBILITY)
    assert not content.startswith(b"\xef\xbb\xbf")
    first, second = csv.DictReader(io.StringIO(content.decode()))
    assert first == {
        "record_id": "S-1",
        "veins_ok": "1",
        "hbsag": "negative",
        "ecog": "0",
        "bmi_kg_m2": "22.5",
        "consent_date": "2026-03-01",
    }
    unknown = {"veins_ok": "99", "hbsag": "99", "ecog": "", "bmi_kg_m2": "", "consent_date": ""}
    assert second == {"record_id": "'=cmd()", **unknown}


def test_no_cell_of_the_dictionary_runs_in_a_spreadsheet() -> None:
    assert not [cell for row in ROWS for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_whole_numbers_stay_whole_and_small_ones_have_no_exponent() -> None:
    frame = pd.DataFrame({"ecog": [1.0, None], "cd34_dose_1e6_kg": [0.00001, 2.5]})
    rows = [*csv.DictReader(io.StringIO(import_file(frame, ELIGIBILITY).decode()))]
    assert rows == [
        {"record_id": "1", "ecog": "1", "cd34_dose_1e6_kg": "0.00001"},
        {"record_id": "2", "ecog": "", "cd34_dose_1e6_kg": "2.5"},
    ]


def test_what_is_no_frame_of_pandas_is_refused() -> None:
    with pytest.raises(ProtocolError, match="found dict; write a pandas DataFrame"):
        import_file({"ecog": [1]}, ELIGIBILITY)  # type: ignore[arg-type]
