"""Units: conversions, and units that cannot be converted."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import ELIGIBILITY, FACTS

from protocol.exchange.clinical.units import UnitError, convert

# creatinine C4H7N3O and bilirubin C33H36N4O6 from the abridged standard atomic weights (IUPAC 2021)
WEIGHTS = {"C": Fraction("12.011"), "H": Fraction("1.008"), "N": Fraction("14.007"), "O": Fraction("15.999")}
CREATININE = sum(WEIGHTS[atom] * count for atom, count in {"C": 4, "H": 7, "N": 3, "O": 1}.items())
BILIRUBIN = sum(WEIGHTS[atom] * count for atom, count in {"C": 33, "H": 36, "N": 4, "O": 6}.items())


MOLAR_MASSES = {one.value: one.molar_mass for one in ELIGIBILITY.imports.analytes}


def converted(value: float, unit: str, fact: str) -> float:
    return convert(value, unit, FACTS[fact], MOLAR_MASSES.get(fact))


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


def test_half_a_ten_to_the_nine_per_litre_is_five_hundred_per_microlitre_exactly() -> None:
    assert converted(0.5, "10*9/L", "cd34_pb_per_ul") == 500.0


@given(st.floats(0.01, 50), st.sampled_from(["creatinine_umol_l", "bilirubin_umol_l"]))
def test_mass_and_amount_are_inverse(value: float, name: str) -> None:
    mass = MOLAR_MASSES[name]
    in_mass = FACTS[name].model_copy(update={"unit": "mg/dL"})
    assert convert(converted(value, "mg/dL", name), "umol/L", in_mass, mass) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("unit", "fact"),
    [
        ("", "alt_u_l"),
        ("  ", "creatinine_umol_l"),
        ("mg/dL", "alt_u_l"),
        ("U/L", "creatinine_umol_l"),
        ("K/uL", "cd34_pb_per_ul"),  # kelvin, not thousands
        ("G/L", "cd34_pb_per_ul"),  # gauss, not billions
        ("[IU]/uL", "cd34_pb_per_ul"),
        ("mcg/dL", "creatinine_umol_l"),
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
