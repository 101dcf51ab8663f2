"""Make the invented cohort of 500 to screen (the invented log is made by make_log.py beside this).

Run ``python data/examples/make_examples.py`` from the project's folder; the same seed writes the same bytes.
No real participant, date or outcome stands behind any of it.
"""

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
COHORT_SEED = 20230101
AS_OF = date(2026, 11, 20)
NEVER = dict.fromkeys(
    ("bleeding_uncontrolled", "severe_comorbidity", "support_contraindicated", "mental_illness", "substance_abuse",
     "poor_compliance", "investigator_risk", "investigator_other", "other_cause_myelosuppression",
     "prior_stem_cell_trial", "hiv_history", "organ_transplant"),
    0.02,
)  # fmt: skip


def cohort(random: np.random.Generator, size: int = 500) -> list[dict[str, Any]]:
    """Invent participants; about one value in forty is left unknown, judgements more often."""
    return [_forget(random, _participant(random, number)) for number in range(1, size + 1)]


def _participant(random: np.random.Generator, number: int) -> dict[str, Any]:
    enrolment = AS_OF - timedelta(days=int(random.integers(0, 80)))
    person = {"participant_id": f"INV-{number:03d}", "enrolment_date": enrolment}
    return (
        person
        | _body(random, enrolment)
        | _disease(random, enrolment)
        | _organs(random, enrolment)
        | _history(random, enrolment)
    )


def _pick(random: np.random.Generator, **weights: float) -> str:
    names, shares = list(weights), np.array(list(weights.values()))
    return str(random.choice(names, p=shares / shares.sum()))


def _before(random: np.random.Generator, day: date, low: int, high: int) -> date:
    return day - timedelta(days=int(random.integers(low, high)))


def _yes(random: np.random.Generator, chance: float) -> bool:
    return bool(random.random() < chance)


def _body(random: np.random.Generator, enrolment: date) -> dict[str, Any]:
    sex = _pick(random, female=46, male=54)
    height = random.normal(161 if sex == "female" else 172, 6)
    age_days = int(np.clip(random.normal(52, 16), 15, 84) * 365.25)
    female = sex == "female"
    fertility = (
        _pick(random, fertile=5, postmenopausal=4, sterile=1) if female else _pick(random, fertile=9, sterile=1)
    )
    facts = {
        "birth_date": enrolment - timedelta(days=age_days),
        "sex": sex,
        "consent_signed": _yes(random, 0.97),
        "consent_date": _before(random, enrolment, 0, 6),
        "weight_kg": round(float(np.clip(random.normal(23.6, 3.3), 16, 40)) * (height / 100) ** 2, 1),
        "height_cm": round(float(height), 1),
        "fertility_status": fertility,
        "fertility_plan": _yes(random, 0.03),
        "contraception_agreed": _yes(random, 0.95),
    }
    if female and fertility == "fertile":
        facts |= {
            "pregnancy_test": _pick(random, negative=98, positive=2),
            "pregnancy_test_date": _before(random, enrolment, 0, 9),
            "breastfeeding": _yes(random, 0.02),
        }
    return facts


def _disease(random: np.random.Generator, enrolment: date) -> dict[str, Any]:
    diagnosis = _pick(random, aml=52, all=30, apl=5, lbl=2, lymphoma=4, myeloma=3, acute_unspecified=1, border=2)
    transplant = diagnosis in ("lymphoma", "myeloma")
    setting = "transplant" if transplant else _pick(random, first=40, failed=12, consolidation=30, relapse=18)
    states = {"first": "untreated", "failed": "failed_first_induction", "consolidation": "cr", "relapse": "relapsed",
              "transplant": "cr"}  # fmt: skip
    plans = {"first": "first_induction", "failed": "reinduction", "consolidation": "consolidation",
             "relapse": "reinduction", "transplant": "auto_hsct"}  # fmt: skip
    treated = setting != "first"
    facts: dict[str, Any] = {
        "diagnosis": diagnosis,
        "dx_classification": _pick(random, who_2016=92, other=8),
        "disease_origin": _pick(random, de_novo=88, therapy_related=4, after_mds_mpn=5, mds_related_changes=3),
        "disease_state": states[setting],
        "planned_treatment": plans[setting],
        "prior_reinductions": int(random.random() < 0.15) if treated else 0,
        "cns_disease": _pick(random, none=93, overt_at_diagnosis=3, csf_only=3, relapse_only=1),
        "antimitotic_with_infusion": _pick(random, none=90, systemic=3, intrathecal_only=7),
        "ever_anticancer_therapy": treated,
        "therapy_start_date": enrolment + timedelta(days=int(random.integers(1, 8))),
    }
    if treated:
        facts |= {
            "last_anticancer_therapy_date": enrolment - timedelta(days=int(random.gamma(4, 8)) + 3),
            "residual_toxicity_grade": int(random.choice(4, p=[0.45, 0.40, 0.11, 0.04])),
            "hematologic_toxicity_grade": int(random.choice(5, p=[0.45, 0.33, 0.12, 0.07, 0.03])),
        }
    if transplant:
        facts |= {
            "cd34_pb_per_ul": round(float(random.gamma(2.2, 7)), 1),
            "cd34_dose_1e6_kg": round(float(random.gamma(3, 0.9)), 2),
            "veins_ok": _yes(random, 0.9),
        }
    return facts


def _organs(random: np.random.Generator, enrolment: date) -> dict[str, Any]:
    def liver(limit: float) -> float:
        return round(float(limit * random.lognormal(-0.75, 0.75)), 1)

    return {
        "ecog": int(random.choice(5, p=[0.28, 0.46, 0.18, 0.06, 0.02])),
        "ecog_date": _before(random, enrolment, 0, 8),
        "expected_survival_months": round(float(random.gamma(3.2, 5) + 0.5), 1),
        "spo2_pct": round(float(np.clip(random.normal(97.3, 1.4), 86, 100)), 0),
        "on_room_air": _yes(random, 0.97),
        "spo2_date": _before(random, enrolment, 0, 8),
        "lvef_pct": round(float(np.clip(random.normal(61, 7), 25, 78)), 0),
        "lvef_date": _before(random, enrolment, 0, 31),
        "alt_u_l": liver(50),
        "alt_uln_u_l": 50.0,
        "ast_u_l": liver(40),
        "ast_uln_u_l": 40.0,
        "bilirubin_umol_l": liver(26),
        "bilirubin_uln_umol_l": 26.0,
        "creatinine_umol_l": round(float(np.clip(random.normal(70, 19), 28, 260)), 0),
        "creatinine_uln_umol_l": 97.0,
        "labs_date": _before(random, enrolment, 0, 8),
    }


def _history(random: np.random.Generator, enrolment: date) -> dict[str, Any]:
    infection = _pick(random, none=78, controlled=17, uncontrolled=5)
    facts: dict[str, Any] = {name: _yes(random, chance) for name, chance in NEVER.items()}
    facts |= {
        "radiotherapy_field": _pick(random, none=93, sternum_or_pelvis=2, total_body=1, mediastinal=1, elsewhere=3),
        "other_trial": _pick(random, never=90, past=8, current=2),
        "immunosuppressant_use": _pick(random, none=86, steroid_only=10, continuous=4),
        "infection": infection,
        "hbsag": _pick(random, negative=93, positive=7),
        "hbv_dna": _pick(random, not_detectable=94, up_to_2000=3, above_2000=3),
        "anti_hcv": _pick(random, negative=98, positive=2),
        "hcv_rna": _pick(random, not_detectable=99, detectable=1),
        "hiv_test": _pick(random, negative=99, reactive=1),
        "virology_date": _before(random, enrolment, 1, 32),
        "other_malignancy": _pick(random, none=95, invasive=3, in_situ=2),
        "allergy": _pick(random, none=97, severe=2, product=1),
        "disease_myelosuppression": _yes(random, 0.8),
    }
    if facts["hbsag"] == "negative":
        facts["hbv_dna"] = "not_detectable"
    if facts["other_trial"] == "past":
        facts["last_trial_drug_date"] = _before(random, enrolment, 10, 400)
    if facts["immunosuppressant_use"] == "continuous":
        facts["last_immunosuppressant_date"] = _before(random, enrolment, 5, 500)
    if infection != "none":
        facts["anti_infective_start_date"] = _before(random, enrolment, 1, 15)
    if facts["other_malignancy"] != "none":
        facts["last_other_malignancy_date"] = _before(random, enrolment, 200, 3000)
    if facts["organ_transplant"]:
        facts["organ_transplant_date"] = _before(random, enrolment, 60, 4000)
    return facts


def _forget(random: np.random.Generator, person: dict[str, Any]) -> dict[str, Any]:
    kept = ("participant_id", "enrolment_date")
    return {name: value for name, value in person.items() if name in kept or random.random() > 0.008}


def write_cohort(people: list[dict[str, Any]], columns: list[str]) -> None:
    """Write the cohort as CSV; an unknown value is an empty cell."""
    with (HERE / "cohort.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["participant_id", *columns], extrasaction="raise")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in person.items()} for person in people)


def _cell(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def main() -> None:
    """Write the cohort."""
    people = cohort(np.random.default_rng(COHORT_SEED))
    names = dict.fromkeys(name for person in people for name in person)
    write_cohort(people, [name for name in names if name != "participant_id"])


if __name__ == "__main__":
    main()
