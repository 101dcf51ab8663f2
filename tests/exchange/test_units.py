"""Units: conversions, and units that cannot be converted."""

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clinical_records import observation, quantity, read
from support.trial import ELIGIBILITY, FACTS

from protocol.exchange import units
from protocol.exchange.clinical.reference_ranges import read_limits
from protocol.exchange.units import UnitError, convert
from protocol.records import ProtocolError

# creatinine C4H7N3O and bilirubin C33H36N4O6 from the abridged standard atomic weights (IUPAC 2021)
WEIGHTS = {"C": Fraction("12.011"), "H": Fraction("1.008"), "N": Fraction("14.007"), "O": Fraction("15.999")}
CREATININE = sum(WEIGHTS[atom] * count for atom, count in {"C": 4, "H": 7, "N": 3, "O": 1}.items())
BILIRUBIN = sum(WEIGHTS[atom] * count for atom, count in {"C": 33, "H": 36, "N": 4, "O": 6}.items())


MOLAR_MASSES = {one.value: one.molar_mass for one in ELIGIBILITY.imports.analytes}


def converted(value: float, unit: str, fact: str) -> float:
    return convert(value, unit, FACTS[fact], MOLAR_MASSES.get(fact))


@pytest.mark.parametrize(
    ("unit", "fact", "shown"),
    [
        ("a", "age_years", "years"),
        ("a", None, "years"),
        ("{score}", "ecog", "score"),
        ("1", "prior_reinductions", "number"),
        ("umol/L", "creatinine_umol_l", "μmol/L"),
        ("mg/dL", "creatinine_umol_l", "mg/dL"),
        ("ukat/L", "alt_u_l", "μkat/L"),
        ("/uL", "cd34_pb_per_ul", "cells/μL"),
        ("10*6/L", "cd34_pb_per_ul", "10⁶/L"),
        ("10*9/L", None, "10⁹/L"),
        ("10^9/L", None, "10⁹/L"),
        ("{cells}/uL", None, "cells/μL"),
        ("kg/m2", None, "kg/m²"),
        ("[IU]/L", None, "IU/L"),
        ("[in_i]", "height_cm", "in"),
        ("单位/升", None, "单位/升"),
    ],
)
def test_a_unit_is_shown_as_people_write_it(unit: str, fact: str | None, shown: str) -> None:
    assert units.shown_unit(unit, fact and FACTS[fact]) == shown


def test_every_unit_is_read_as_it_is_shown() -> None:
    for fact in FACTS.values():
        for unit in (str(fact.unit), *fact.units) if fact.is_number else ():
            if (shown := units.shown_unit(unit, fact)) not in ("number", "score"):
                assert units.is_unit(shown, fact, 200.0), (fact.id, shown)


@pytest.mark.parametrize(
    ("value", "unit", "fact", "expected"),
    [
        (88.4, "umol/L", "creatinine_umol_l", 88.4),
        (1.0, "mg/dL", "creatinine_umol_l", float(10000 / CREATININE)),
        (1.0, "mg/dL", "bilirubin_umol_l", float(10000 / BILIRUBIN)),
        (0.0884, "mmol/L", "creatinine_umol_l", 88.4),
        (10.0, "mg/L", "creatinine_umol_l", float(10000 / CREATININE)),
        (20.5, "µmol/L", "bilirubin_umol_l", 20.5),
        (112.0, "U/L", "alt_u_l", 112.0),
        (112.0, "[IU]/L", "alt_u_l", 112.0),
        (112.0, "[iU]/L", "alt_u_l", 112.0),
        (112.0, "IU/L", "alt_u_l", 112.0),
        (112.0, "[U]/L", "alt_u_l", 112.0),
        (1.0, "ukat/L", "alt_u_l", 60.0),
        (0.5, "10*9/L", "cd34_pb_per_ul", 500.0),
        (0.5, "10*3/uL", "cd34_pb_per_ul", 500.0),
        (11.0, "10*6/L", "cd34_pb_per_ul", 11.0),
        (11.0, "{cells}/uL", "cd34_pb_per_ul", 11.0),
        (1.7, "m", "height_cm", 170.0),
        (66.9291338583, "[in_i]", "height_cm", 170.0),
        (0.0, "{score}", "ecog", 0.0),
        (45.0, "%", "lvef_pct", 45.0),
        (30.0, "kg/m2", "bmi_kg_m2", 30.0),
    ],
)
def test_a_value_arrives_in_the_unit_of_its_fact(value: float, unit: str, fact: str, expected: float) -> None:
    assert converted(value, unit, fact) == pytest.approx(expected, rel=5e-5)


@pytest.mark.parametrize(
    ("spellings", "fact", "expected"),
    [
        (["kg/m^2", "kg/m²", "KG/M2", "kg/m**2", "kg/(m^2)", "㎏/㎡", "kg·m⁻²", "kg/sqm"], "bmi_kg_m2", 1.0),
        (["lbs/in^2", "[lb_av]/[in_i]2"], "bmi_kg_m2", 703.069579639),
        (
            ["MG/DL", "mg/dl", "Mg/dL", "mg per dL", "mg / dL", "mg%", "mg/100 mL", "毫克/分升"],
            "creatinine_umol_l",
            88.4016973126,
        ),
        (
            ["mcmol/L", "MCMOL/L", "UMOL/L", "uMol/l", "μmol／L", "µM", "μmol·L⁻¹", "微摩尔/升"],
            "creatinine_umol_l",
            1.0,
        ),
        (["mmol/l", "MMOL/L", "Mmol/L", "mM"], "creatinine_umol_l", 1000.0),
        (["mcg/dL", "ug/dL", "UG/DL"], "creatinine_umol_l", 0.0884016973126),
        (["u/L", "U/l", "iu/L", "UI/L", "units/L", "Units/Liter", "mIU/mL", "U/L."], "alt_u_l", 1.0),
        (["lbs", "lb", "LB", "lbs.", "pounds", "[lb_av]"], "weight_kg", 0.45359237),
        (["KG", "Kg", "kgs", "kilograms", "公斤"], "weight_kg", 1.0),
        (["in", "IN", "in.", "inches", "[in_i]"], "height_cm", 2.54),
        (["ft", "feet", "[ft_i]"], "height_cm", 30.48),
        (["CM", "cms", "centimetres", "厘米"], "height_cm", 1.0),
        (["10^9/L", "x10^9/L", "×10⁹/L", "10E9/L", "1e9/L", "10**9/L", "10*9/l"], "cd34_pb_per_ul", 1000.0),
        (
            ["cells/uL", "cells/µL", "/UL", "/mm3", "/cumm", "cells/mm^3", "个/μL", "cells per microliter"],
            "cd34_pb_per_ul",
            1.0,
        ),
        (["10^6/kg", "x10^6 cells/kg", "×10⁶/kg", "million/kg"], "cd34_dose_1e6_kg", 1.0),
        (["percent", "％", "pct"], "spo2_pct", 1.0),
        (["score", "Points", "分", "{ECOG}", ""], "ecog", 1.0),
        (["years", "yr", "岁", "ANN"], "age_years", 1.0),
        (["months", "MO", "个月"], "expected_survival_months", 1.0),
    ],
)
def test_a_unit_that_can_mean_one_thing_only_for_its_fact_is_read(
    spellings: list[str], fact: str, expected: float
) -> None:
    found = {unit: converted(1.0, unit, fact) for unit in spellings}
    assert found == pytest.approx(dict.fromkeys(spellings, expected), rel=1e-9)


@pytest.fixture
def broken_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A release of pint that does not take the definitions of UCUM, as 0.26 does not."""

    def refuse(*_arguments: object) -> None:
        raise pint.DefinitionSyntaxError("the alias i.U. is not a valid unit alias")

    for kept in (units._registry, units._factor, units._case_insensitive):
        kept.cache_clear()
    monkeypatch.setattr("ucumvert.PintUcumRegistry", refuse)
    yield
    for kept in (units._registry, units._factor, units._case_insensitive):
        kept.cache_clear()


def test_a_library_of_units_that_does_not_work_is_said_so_and_is_no_fault_of_the_data(broken_library: None) -> None:
    observed = observation("2160-0", valueQuantity=quantity(1.0, "mg/dL"))
    with pytest.raises(ProtocolError, match=r"^pint .*, ucumvert .*: found units that cannot be converted: .*i\.U\."):
        read(observed)
    table = b"site,analyte,sex,limit,unit,valid_from,source\nUnion,creatinine,,0.83,mg/dL,2025-01-01,handbook\n"
    with pytest.raises(ProtocolError, match=r"^pint"):
        read_limits("limits.csv", table, ELIGIBILITY)


@pytest.mark.slow
def test_half_a_ten_to_the_nine_per_litre_is_five_hundred_per_microlitre_exactly() -> None:
    assert converted(0.5, "10*9/L", "cd34_pb_per_ul") == 500.0


@pytest.mark.slow
@given(st.floats(0.01, 50), st.sampled_from(["creatinine_umol_l", "bilirubin_umol_l"]))
def test_mass_and_amount_are_inverse(value: float, name: str) -> None:
    mass = MOLAR_MASSES[name]
    in_mass = FACTS[name].model_copy(update={"unit": "mg/dL"})
    assert convert(converted(value, "mg/dL", name), "umol/L", in_mass, mass) == pytest.approx(value, rel=1e-9)


@pytest.mark.requirement("R-IMP-01")
@pytest.mark.parametrize(
    ("unit", "fact"),
    [
        ("", "alt_u_l"),
        ("  ", "creatinine_umol_l"),
        ("mg/dL", "alt_u_l"),
        ("U/L", "creatinine_umol_l"),
        ("K/L", "creatinine_umol_l"),
        ("G/L", "alt_u_l"),
        ("[IU]/uL", "cd34_pb_per_ul"),
        ("109/L", "cd34_pb_per_ul"),  # or 10⁹/L that lost its power
        ("10 9/L", "cd34_pb_per_ul"),
        ("UM", "weight_kg"),
        ("cells", "cd34_pb_per_ul"),
        ("mgdL", "creatinine_umol_l"),
        ("IU", "alt_u_l"),
        ("st", "weight_kg"),
        ("Cel", "spo2_pct"),
        ("%", "ecog"),
        ("1", "spo2_pct"),
        ("kg", "height_cm"),
        (")(", "alt_u_l"),
        ("m" * 5000, "height_cm"),
        ("mg/dL", "weight_kg"),
    ],
)
def test_a_unit_that_is_absent_unknown_or_of_something_else_is_never_used(unit: str, fact: str) -> None:
    with pytest.raises(UnitError):
        converted(1.0, unit, fact)


@pytest.mark.slow
def test_pint_is_imported_only_when_something_is_converted() -> None:
    modules = "protocol.exchange.clinical.fhir, protocol.exchange.clinical.omop, protocol.pages.eligibility.page"
    code = f"import sys, {modules}; print({{'pint', 'ucumvert'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("unit", "fact", "factor"),
    [
        ("micromol/L", "creatinine_umol_l", 1),
        ("micromoles per liter", "creatinine_umol_l", 1),
        ("umole/L", "creatinine_umol_l", 1),
        ("单位/升", "alt_u_l", 1),
        ("国际单位/升", "alt_u_l", 1),
        ("E/L", "alt_u_l", 1),
        ("cells/cmm", "cd34_pb_per_ul", 1),
        ("thou/uL", "cd34_pb_per_ul", 1000),
        ("Gpt/L", "cd34_pb_per_ul", 1000),
        ("周岁", "age_years", 1),
    ],
)
def test_words_of_laboratories_for_units_are_read(unit: str, fact: str, factor: float) -> None:
    assert convert(3, unit, FACTS[fact]) == 3 * factor


@pytest.mark.parametrize(("unit", "value"), [("K/uL", 0.05), ("G/L", 0.05), ("10*9/L", 0.05), ("/uL", 50)])
def test_thousands_and_billions_of_a_blood_count_are_read(unit: str, value: float) -> None:
    assert convert(value, unit, FACTS["cd34_pb_per_ul"]) == 50


def test_grams_stay_grams_where_a_mass_is_meant() -> None:
    assert convert(60_000, "g", FACTS["weight_kg"]) == 60
