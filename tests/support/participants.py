"""Invented participants and changed thresholds, drawn so that limits are hit exactly, just missed and just passed."""

import ast
import math
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from support.trial import ELIGIBILITY, FACTS
from twins.eligibility import months_after

from protocol.eligibility import EligibilityRecord, Fact, Parameter
from protocol.eligibility.conditions import names_in, parse

PHASES = st.sampled_from(["Ib", "II"])

TIMES_LIMIT_OF_NORMAL = {
    "alt_u_l": ("alt_uln_u_l", "transaminase_max_uln"),
    "ast_u_l": ("ast_uln_u_l", "transaminase_max_uln"),
    "bilirubin_umol_l": ("bilirubin_uln_umol_l", "bilirubin_max_uln"),
    "creatinine_umol_l": ("creatinine_uln_umol_l", "creatinine_max_uln"),
}
LIMITS_OF_NORMAL = ("12", "20.5", "40", "50.1", "57")
ENROLMENTS = [
    date(2026, 3, 1),
    date(2026, 2, 28),
    date(2024, 2, 29),
    date(2025, 8, 31),
    date(2025, 6, 30),
    date(2026, 12, 31),
]
DAYS = (-1, 0, 1, 2, 3, 4, 7, 8, 13, 14, 15, 28, 29, 41, 42, 43)
MONTHS = (6, 36)
HEIGHTS_CM = ("170", "200", "152.5")
COURSES = [
    ("aml", "untreated", "first_induction"),
    ("all", "failed_first_induction", "reinduction"),
    ("aml", "cri", "consolidation"),
    ("apl", "cr", "consolidation"),
    ("all", "relapsed", "reinduction"),
    ("aml", "refractory", "reinduction"),
    ("myeloma", "other", "auto_hsct"),
    ("apl", "cr", "auto_hsct"),
    ("lymphoma", "relapsed", "allo_hsct"),
]
COURSE_FACTS = ("diagnosis", "disease_state", "planned_treatment")
"""Diagnosis, state and planned treatment that fit a part of Inclusion 2: chance alone rarely meets one."""


def _compared() -> dict[str, set[str]]:
    """Return for each fact the parameters it is compared with."""
    found: dict[str, set[str]] = {fact: set() for fact in FACTS}
    for criterion in ELIGIBILITY.criteria:
        for condition in criterion.conditions():
            for node in ast.walk(parse(condition)):
                names = set(names_in(node)) if isinstance(node, ast.Compare) else set()
                for fact in names & set(FACTS):
                    found[fact] |= names - set(FACTS)
    return found


COMPARED = _compared()


@st.composite
def records(draw: st.DrawFn) -> EligibilityRecord:
    """Draw the trial's record with up to six thresholds or readings changed."""
    chosen = draw(st.lists(st.sampled_from(ELIGIBILITY.parameters), max_size=6, unique_by=lambda p: p.id))
    return ELIGIBILITY.with_parameters(**{p.id: draw(st.sampled_from(_parameter_values(p))) for p in chosen})


def _parameter_values(parameter: Parameter) -> list[Any]:
    if parameter.options:
        return list(parameter.options)
    value, step = Decimal(str(parameter.value)), Decimal(str(parameter.step))
    return _within(parameter, [value, value - step, value + step, parameter.minimum, parameter.maximum])


def _within(range_: Fact | Parameter, values: Iterable[Any]) -> list[float]:
    inside = (float(value) for value in values)
    return [value for value in dict.fromkeys(inside) if range_.minimum <= value <= range_.maximum]


@st.composite
def participants(draw: st.DrawFn, record: EligibilityRecord) -> dict[str, Any]:
    """Draw the facts of one participant: nearly nothing known, nearly everything, or something between."""
    thresholds = {parameter.id: parameter.value for parameter in record.parameters}
    enrolled = draw(st.sampled_from(ENROLMENTS))
    gaps = draw(st.sampled_from([0, 0, 1, 2, 12]))
    days, births = _dates_before(enrolled, thresholds), _births(enrolled, thresholds)
    facts: dict[str, Any] = {}
    for fact in sorted(FACTS.values(), key=lambda fact: fact.id in TIMES_LIMIT_OF_NORMAL):
        dates = births if fact.id == "birth_date" else days
        dates = [enrolled] if fact.id == "enrolment_date" else dates[:30] if fact.id == "consent_date" else dates
        value = draw(st.sampled_from([*_values(fact, facts, thresholds, dates), *[None] * gaps]))
        if value is not None:
            facts[fact.id] = value
    course = draw(st.sampled_from([*COURSES, None, None, None]))
    return facts if course is None else facts | dict(zip(COURSE_FACTS, course, strict=True))


def _values(fact: Fact, facts: dict[str, Any], thresholds: dict[str, Any], dates: list[date]) -> list[Any]:
    if fact.type == "date":
        return dates
    if fact.type == "yes_no":
        return [True, False]
    if fact.type == "choice":
        return list(fact.options)
    if fact.derived is not None and len(facts) % 2:  # let half of the participants derive it
        return [None]
    numbers = [*_within(fact, _numbers(fact, facts, thresholds)), math.nan]
    return [value if fact.type == "number" or math.isnan(value) else int(value) for value in numbers]


def _numbers(fact: Fact, facts: dict[str, Any], thresholds: dict[str, Any]) -> list[Any]:
    if fact.limit_of_normal:
        return list(LIMITS_OF_NORMAL)
    if fact.id == "height_cm":
        return list(HEIGHTS_CM)
    step = Decimal(str(fact.step))
    compared = (thresholds[name] for name in sorted(COMPARED[fact.id]))
    limits = [Decimal(str(value)) for value in compared if not isinstance(value, str)]
    if fact.id in TIMES_LIMIT_OF_NORMAL:
        limit_of_normal, factor = TIMES_LIMIT_OF_NORMAL[fact.id]
        uln, times = facts.get(limit_of_normal, 40.0), Decimal(str(thresholds[factor]))
        limits = [times * (Decimal(40) if math.isnan(uln) else Decimal(str(uln)))]
    if fact.id == "weight_kg":  # at 170 and at 200 cm exactly the limit
        limits = [Decimal(str(thresholds["bmi_max_kg_m2"])) * square for square in (Decimal("2.89"), Decimal(4))]
    around = [limit + shift * step for limit in limits for shift in (0, -1, 1, -10, 10)]
    whole_range = [] if fact.id == "weight_kg" else [fact.minimum, fact.maximum]
    return [*around, *whole_range] or [fact.minimum, fact.maximum]


def _dates_before(enrolled: date, thresholds: dict[str, Any]) -> list[date]:
    windows = [int(value) for name, value in thresholds.items() if name.endswith("_days")]
    days = [day for window in windows for day in (window - 1, window, window + 1)]
    months = [int(value) for name, value in thresholds.items() if name in _MONTHS]
    shifted = [months_after(enrolled, -month) for month in (*MONTHS, *months)]
    near = [enrolled - timedelta(days=day) for day in (*DAYS, *days)]
    return [*near, *(day + timedelta(days=shift) for day in shifted for shift in (-1, 0, 1, 3))]


_MONTHS = ("immunosuppressant_months", "other_malignancy_months")


def _births(enrolled: date, thresholds: dict[str, Any]) -> list[date]:
    ages = [18, 40, 75, 76, max(1, int(thresholds["age_min_years"])), int(thresholds["age_max_years"]) + 1]
    days = [months_after(enrolled, -12 * age) + timedelta(days=shift) for age in ages for shift in (-1, 0, 1)]
    return [*days, date(2008, 2, 29), date(1948, 2, 29)]
