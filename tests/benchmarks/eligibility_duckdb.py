"""The 34 criteria written by hand as SQL for DuckDB, phase II with the record's own thresholds: a peer to race.

In its fast form: one pass makes integer masks, a second counts their bits. SQL's null is the unknown.
"""

import duckdb

UP, DOWN = "* (1 + 1e-9)", "* (1 - 1e-9)"  # 1.5 x 1.2 must admit 1.8
INCLUSIONS, PREGNANCY = 8, 25
SURVIVAL, DYING = 5, 16  # who is dying is not expected to survive: counted once, with the former
NUMBERS = (
    "weight_kg", "height_cm", "expected_survival_months", "spo2_pct", "lvef_pct", "alt_u_l", "alt_uln_u_l", "ast_u_l",
    "ast_uln_u_l", "bilirubin_umol_l", "bilirubin_uln_umol_l", "creatinine_umol_l", "creatinine_uln_umol_l",
    "cd34_pb_per_ul", "cd34_dose_1e6_kg",
)  # fmt: skip
FRESH = {  # value: (its date, days it is valid)
    "spo2_pct": ("spo2_date", 7),
    "lvef_pct": ("lvef_date", 28),
    **dict.fromkeys(("alt_u_l", "ast_u_l", "bilirubin_umol_l", "creatinine_umol_l"), ("labs_date", 7)),
    **dict.fromkeys(("hbsag", "hbv_dna", "anti_hcv", "hcv_rna"), ("virology_date", 28)),
    "pregnancy_test": ("pregnancy_test_date", 7),
}


def unclear(condition):
    """False when false, otherwise not known."""
    return f"(CASE WHEN NOT ({condition}) THEN false END)"


def fresh(name, value):
    """A value whose date is known to be too old, or after enrolment, is not known."""
    dated, days = FRESH[name]
    return f"CASE WHEN enrolment_date - {dated} > {days} OR enrolment_date - {dated} < 0 THEN NULL ELSE {value} END"


def months(name, count):
    return f"({name} + INTERVAL {count} MONTH > enrolment_date)"


TRYING = """(CASE WHEN anti_infective_start_date IS NULL THEN false
                  ELSE enrolment_date - anti_infective_start_date < 3 END)"""
KIND = f"""(diagnosis IN ('aml', 'all') OR {unclear("diagnosis IN ('apl_variant', 'lbl', 'acute_unspecified')")})"""
RATED_LATE = "coalesce(ecog_date > therapy_start_date, false)"
CONDITIONS = (
    "age >= 18 AND age <= 75",
    f"""({KIND} AND (dx_classification = 'who_2016' OR {unclear("dx_classification = 'other'")})
          AND ((planned_treatment = 'first_induction' AND disease_state IN ('untreated', 'prephase_only'))
               OR (planned_treatment = 'reinduction' AND disease_state = 'failed_first_induction'
                   AND NOT {unclear("prior_reinductions IS NOT NULL AND prior_reinductions > 0")})))
     OR ({KIND} AND planned_treatment = 'consolidation' AND disease_state IN ('cr', 'cri', 'crh'))
     OR ({KIND} AND planned_treatment = 'reinduction' AND disease_state IN ('relapsed', 'refractory')
          AND prior_reinductions <= 0)
     OR (diagnosis <> 'none' AND (diagnosis <> 'apl' OR {unclear("diagnosis = 'apl'")})
          AND planned_treatment = 'auto_hsct' AND veins_ok
          AND (cd34_pb_per_ul < 11 {DOWN} OR {unclear("cd34_pb_per_ul < 20 " + DOWN)}
               OR cd34_dose_1e6_kg < 2 {DOWN}))""",
    "consent_signed AND enrolment_date - consent_date >= 0",
    f"""sex IN ('male', 'female') OR {unclear("sex = 'other'")}""",
    f"CASE WHEN {RATED_LATE} THEN NULL ELSE fresh_ecog <= 2 {UP} END",
    f"expected_survival_months >= 3 {DOWN}",
    f"""spo2_pct >= 95 {DOWN} AND NOT {unclear("NOT on_room_air")} AND lvef_pct >= 45 {DOWN}
     AND alt_u_l <= 2.5 * alt_uln_u_l {UP} AND ast_u_l <= 2.5 * ast_uln_u_l {UP}
     AND bilirubin_umol_l <= 1.5 * bilirubin_uln_umol_l {UP}
     AND creatinine_umol_l <= 1.5 * creatinine_uln_umol_l {UP}""",
    f"""(never_treated OR enrolment_date - last_anticancer_therapy_date >= 14)
     AND (never_treated OR (residual_toxicity_grade <= 1
          AND (hematologic_toxicity_grade <= 1 OR {unclear("hematologic_toxicity_grade > 1")})))""",
    f"""cns_disease = 'overt_at_diagnosis' OR {unclear("cns_disease IN ('csf_only', 'relapse_only')")}""",
    "disease_origin IN ('therapy_related', 'after_mds_mpn')",
    f"bmi > 30 {UP}",
    "other_cause_myelosuppression",
    f"""radiotherapy_field IN ('sternum_or_pelvis', 'total_body', 'mediastinal')
     OR {unclear("radiotherapy_field = 'craniospinal'")}""",
    f"""(infection = 'uncontrolled' AND NOT {TRYING}) OR {unclear("infection <> 'none' AND " + TRYING)}""",
    "bleeding_uncontrolled",
    "severe_comorbidity",
    f"expected_survival_months * 730.5 <= 48 {UP}",
    f"""(hbsag = 'positive' AND hbv_dna IN ('above_2000', 'up_to_2000'))
     OR {unclear("hbsag = 'negative' AND hbv_dna IS NOT NULL AND hbv_dna IN ('above_2000', 'up_to_2000')")}
     OR ((anti_hcv = 'positive' OR hcv_rna IS NOT NULL) AND hcv_rna = 'detectable')""",
    f"""hiv_history OR hiv_test = 'confirmed' OR {unclear("fresh_hiv_test = 'reactive'")}""",
    f"""(immunosuppressant_use = 'continuous' AND {months("last_immunosuppressant_date", 6)})
     OR (organ_transplant AND {months("organ_transplant_date", 6)})""",
    """other_trial = 'current' OR ((other_trial = 'past' OR last_trial_drug_date IS NOT NULL)
          AND enrolment_date - last_trial_drug_date < 42)""",
    "prior_stem_cell_trial",
    f"""antimitotic_with_infusion = 'systemic' OR {unclear("antimitotic_with_infusion = 'intrathecal_only'")}""",
    "allergy IN ('severe', 'product')",
    "support_contraindicated",
    """breastfeeding OR (pregnancy_test = 'positive'
          AND (pregnancy_test IS NOT NULL OR fertility_status <> 'sterile'))""",
    """fertility_plan OR NOT (fertility_status = 'sterile'
          OR (sex = 'female' AND fertility_status = 'postmenopausal') OR contraception_agreed)""",
    "mental_illness",
    "substance_abuse",
    f"""other_malignancy IN ('invasive', 'in_situ') AND {months("last_other_malignancy_date", 36)}""",
    "NOT (consent_signed AND enrolment_date - consent_date >= 0)",
    "poor_compliance",
    "investigator_risk",
    "investigator_other",
)
TREATED = """(radiotherapy_field <> 'none' OR prior_reinductions > 0 OR disease_origin = 'therapy_related'
    OR disease_state NOT IN ('untreated', 'other') OR residual_toxicity_grade > 0
    OR planned_treatment IN ('reinduction', 'consolidation', 'maintenance'))"""  # "never treated" contradicts them
APPLIES = "(sex = 'female' AND NOT coalesce(fertility_status = 'postmenopausal', false))"


def masks(path):
    """The masks as a query: fail, unknown, absent."""
    known = {name: f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END" for name in NUMBERS}
    known |= {name: fresh(name, known.get(name, name)) for name in FRESH}
    fail, unknown = [], []
    for position in range(len(CONDITIONS)):
        blocks = f"NOT c{position}" if position < INCLUSIONS else f"c{position}"
        failed, open_ = f"coalesce({blocks}, false)", f"c{position} IS NULL"
        if position == PREGNANCY:
            failed = f"coalesce(applies AND {blocks}, false)"
            open_ = f"coalesce(applies, true) AND coalesce({blocks}, true) AND NOT {failed}"
        fail.append(f"(({failed})::BIGINT << {position})")
        unknown.append(f"(({open_})::BIGINT << {position})")
    raw_bmi = "weight_kg / ((height_cm / 100) * (height_cm / 100))"
    years = """year(consent_date) - year(birth_date) - CASE WHEN month(consent_date) * 100 + day(consent_date)
               < month(birth_date) * 100 + day(birth_date) THEN 1 ELSE 0 END"""
    return f"""
    WITH known AS (SELECT * REPLACE ({", ".join(f"{value} AS {name}" for name, value in known.items())}),
        CASE WHEN enrolment_date - ecog_date > 7 THEN NULL ELSE ecog END AS fresh_ecog,
        CASE WHEN enrolment_date - virology_date > 28 OR enrolment_date - virology_date < 0 THEN NULL
             ELSE hiv_test END AS fresh_hiv_test,
        NOT (CASE WHEN NOT ever_anticancer_therapy AND {TREATED} THEN NULL ELSE ever_anticancer_therapy END)
          AND last_anticancer_therapy_date IS NULL AS never_treated,
        {years} AS years, {raw_bmi} AS raw_bmi, {APPLIES} AS applies FROM read_parquet('{path}')),
    derived AS (SELECT *, CASE WHEN years BETWEEN 0 AND 120 THEN years END AS age,
        CASE WHEN raw_bmi BETWEEN 8 AND 90 THEN raw_bmi END AS bmi FROM known),
    criteria AS (SELECT applies, {", ".join(f"({text}) AS c{i}" for i, text in enumerate(CONDITIONS))} FROM derived)
    SELECT {" | ".join(fail)} AS fail, {" | ".join(unknown)} AS unknown,
        (coalesce(NOT applies, false)::BIGINT << {PREGNANCY}) AS absent FROM criteria"""


def answers(path, counted):
    """Counts per criterion, funnel, leave-one-out and totals, as one list of whole numbers."""
    wanted = {"size": "count(*)", "kept": "count(*) FILTER (fail = 0)"}
    wanted |= {"eligible": "count(*) FILTER ((fail | unknown) = 0)"}
    wanted |= {"left": f"count(*) FILTER ((fail & {counted}) = 0)"}
    wanted |= {"confirmed": f"count(*) FILTER (((fail | unknown) & {counted}) = 0)"}
    for i in range(34):
        bit, upto = 1 << i, ((2 << i) - 1) & counted
        wanted |= {f"{n[0]}{i}": f"count_if(({n} & {bit}) <> 0)" for n in ("fail", "unknown", "absent")}
        if counted & bit:
            both = f"(fail | unknown) & {counted}"
            tests = {"first": f"(fail & {upto}) = {bit}", "alone": f"(fail & {counted}) = {bit}"}
            tests |= {"sure": f"((fail | unknown) & {upto}) = 0", "gain": f"({both}) = {bit}"}
            wanted |= {f"{name}{i}": f"count_if({test})" for name, test in tests.items()}
    wanted |= {"only": f"count_if((fail & {counted & ~(1 << DYING)}) = {1 << SURVIVAL})"}
    names = ", ".join(f"({text})::BIGINT AS {name}" for name, text in wanted.items())
    with duckdb.connect() as connection:
        row = connection.sql(f"SELECT {names} FROM ({masks(path)})").fetchall()[0]
    return in_order(dict(zip(wanted, row, strict=True)), counted)


def in_order(found, counted):
    """Arrange the counts as the race compares them."""
    size, result, left = found["size"], [], found["size"]
    for i in range(34):
        f, u, a = found[f"f{i}"], found[f"u{i}"], found[f"a{i}"]
        result += [size - f - u - a, f, u, a]
    for i in (i for i in range(34) if counted >> i & 1):
        left -= found[f"first{i}"]
        only = found["only" if i == SURVIVAL else f"alone{i}"]
        result += [found[f"first{i}"], left, found[f"sure{i}"], only]
        result += [found["left"] + found[f"alone{i}"], found["confirmed"] + found[f"gain{i}"]]
    return [*result, size - found["kept"], found["kept"] - found["eligible"], found["eligible"]]
