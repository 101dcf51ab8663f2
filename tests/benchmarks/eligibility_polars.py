"""The 34 criteria written by hand as Polars expressions, phase II with the record's own thresholds: a peer to race.

Polars' own null is the unknown: ``and`` and ``or`` on it are Kleene's, which is the fastest way Polars has.
"""

import functools
import operator

import polars as pl
from eligibility_duckdb import DYING, SURVIVAL, in_order

TIMES = 1 + 1e-9  # 1.5 x 1.2 must admit 1.8
c = pl.col
day = c("enrolment_date")


def number(name):
    return c(name).cast(pl.Float64).fill_nan(None)


def days(earlier, later):
    return (later.cast(pl.Int32) - earlier.cast(pl.Int32)).cast(pl.Int32)


def fresh(value, dated, window, *, may_follow=False):
    """A value whose date is known to be too old (or after enrolment) is not known."""
    age = days(c(dated), day)
    old = age > window if may_follow else (age > window) | (age < 0)
    return pl.when(old.fill_null(False)).then(None).otherwise(value)


def unclear(condition):
    """False when false, otherwise not known."""
    return pl.when(~condition).then(pl.lit(False)).otherwise(pl.lit(None, pl.Boolean))


def one_of(name, *options):
    return functools.reduce(operator.or_, [c(name) == option for option in options])


def within_months(earlier, months):
    return c(earlier).dt.offset_by(f"{months}mo") > day


def conditions():
    """The condition of each criterion in protocol order; E18 stands for whom it applies to elsewhere."""
    birth, consent = c("birth_date"), c("consent_date")
    early = (consent.dt.month().cast(pl.Int32) * 100 + consent.dt.day()) < (
        birth.dt.month().cast(pl.Int32) * 100 + birth.dt.day()
    )
    years = consent.dt.year() - birth.dt.year() - early.cast(pl.Int32)
    age = pl.when(years.is_between(0, 120)).then(years)
    bmi_raw = number("weight_kg") / (number("height_cm") / 100) ** 2
    bmi = pl.when((bmi_raw >= 8) & (bmi_raw <= 90)).then(bmi_raw)
    plan, state = c("planned_treatment"), c("disease_state")
    kind = one_of("diagnosis", "aml", "all") | unclear(one_of("diagnosis", "apl_variant", "lbl", "acute_unspecified"))
    who = (c("dx_classification") == "who_2016") | unclear(c("dx_classification") == "other")
    first = (plan == "first_induction") & one_of("disease_state", "untreated", "prephase_only")
    before = number("prior_reinductions")
    failed = (plan == "reinduction") & (state == "failed_first_induction")
    part_1 = kind & who & (first | (failed & ~unclear(before.is_not_null() & (before > 0))))
    part_2 = kind & (plan == "consolidation") & one_of("disease_state", "cr", "cri", "crh")
    again = one_of("disease_state", "relapsed", "refractory") & (before <= 0)
    part_3 = kind & (plan == "reinduction") & again
    cells, apl = number("cd34_pb_per_ul"), c("diagnosis") == "apl"
    few = (cells < 11 * (2 - TIMES)) | unclear(cells < 20 * (2 - TIMES))
    few = few | (number("cd34_dose_1e6_kg") < 2 * (2 - TIMES))
    part_4 = (c("diagnosis") != "none") & (~apl | unclear(apl)) & (plan == "auto_hsct") & few & c("veins_ok")
    signed = c("consent_signed") & (days(consent, day) >= 0)
    ecog = fresh(number("ecog"), "ecog_date", 7, may_follow=True)
    rated_late = (c("ecog_date") > c("therapy_start_date")).fill_null(False)
    rating = pl.when(rated_late).then(pl.lit(None, pl.Boolean)).otherwise(ecog <= 2 * TIMES)
    survival = number("expected_survival_months")
    oxygen = fresh(number("spo2_pct"), "spo2_date", 7) >= 95 * (2 - TIMES)
    oxygen &= ~unclear(~c("on_room_air"))
    heart = fresh(number("lvef_pct"), "lvef_date", 28) >= 45 * (2 - TIMES)
    alt = fresh(number("alt_u_l"), "labs_date", 7) <= 2.5 * number("alt_uln_u_l") * TIMES
    ast = fresh(number("ast_u_l"), "labs_date", 7) <= 2.5 * number("ast_uln_u_l") * TIMES
    bilirubin = fresh(number("bilirubin_umol_l"), "labs_date", 7) <= 1.5 * number("bilirubin_uln_umol_l") * TIMES
    kidney = fresh(number("creatinine_umol_l"), "labs_date", 7) <= 1.5 * number("creatinine_uln_umol_l") * TIMES
    treated = (c("radiotherapy_field") != "none") | (before > 0) | (c("disease_origin") == "therapy_related")
    treated |= ~one_of("disease_state", "untreated", "other") | (number("residual_toxicity_grade") > 0)
    treated |= one_of("planned_treatment", "reinduction", "consolidation", "maintenance")
    ever = c("ever_anticancer_therapy")
    ever = pl.when((~ever & treated).fill_null(False)).then(None).otherwise(ever)  # "never" contradicts them
    never_treated = ~ever & c("last_anticancer_therapy_date").is_null()
    washed_out = never_treated | (days(c("last_anticancer_therapy_date"), day) >= 14)
    blood = number("hematologic_toxicity_grade")
    toxicity = (number("residual_toxicity_grade") <= TIMES) & ((blood <= TIMES) | unclear(blood > TIMES))
    trying = (days(c("anti_infective_start_date"), day) < 3).fill_null(False) | (
        c("anti_infective_start_date").is_not_null() & day.is_null() & pl.lit(None, pl.Boolean)
    )
    infected = ((c("infection") == "uncontrolled") & ~trying) | unclear((c("infection") != "none") & trying)
    hbv_dna = fresh(c("hbv_dna"), "virology_date", 28)
    hbsag = fresh(c("hbsag"), "virology_date", 28)
    virus = (hbv_dna == "above_2000") | (hbv_dna == "up_to_2000")
    hbv = ((hbsag == "positive") & virus) | unclear((hbsag == "negative") & hbv_dna.is_not_null() & virus)
    rna = fresh(c("hcv_rna"), "virology_date", 28)
    hcv = ((fresh(c("anti_hcv"), "virology_date", 28) == "positive") | rna.is_not_null()) & (rna == "detectable")
    hiv = c("hiv_history") | (c("hiv_test") == "confirmed")
    hiv = hiv | unclear(fresh(c("hiv_test"), "virology_date", 28) == "reactive")
    drugs = (c("immunosuppressant_use") == "continuous") & within_months("last_immunosuppressant_date", 6)
    grafted = c("organ_transplant") & within_months("organ_transplant_date", 6)
    past = (c("other_trial") == "past") | c("last_trial_drug_date").is_not_null()
    trial = (c("other_trial") == "current") | (past & (days(c("last_trial_drug_date"), day) < 42))
    test = fresh(c("pregnancy_test"), "pregnancy_test_date", 7)
    pregnant = c("breastfeeding") | (
        (test == "positive") & (test.is_not_null() | (c("fertility_status") != "sterile"))
    )
    safe = (c("fertility_status") == "sterile") | (
        (c("sex") == "female") & (c("fertility_status") == "postmenopausal")
    )
    cancer = one_of("other_malignancy", "invasive", "in_situ") & within_months("last_other_malignancy_date", 36)
    return [
        (age >= 18) & (age <= 75),
        part_1 | part_2 | part_3 | part_4,
        signed,
        one_of("sex", "male", "female") | unclear(c("sex") == "other"),
        rating,
        survival >= 3 * (2 - TIMES),
        oxygen & heart & alt & ast & bilirubin & kidney,
        washed_out & (never_treated | toxicity),
        (c("cns_disease") == "overt_at_diagnosis") | unclear(one_of("cns_disease", "csf_only", "relapse_only")),
        one_of("disease_origin", "therapy_related", "after_mds_mpn"),
        bmi > 30 * TIMES,
        c("other_cause_myelosuppression"),
        one_of("radiotherapy_field", "sternum_or_pelvis", "total_body", "mediastinal")
        | unclear(c("radiotherapy_field") == "craniospinal"),
        infected,
        c("bleeding_uncontrolled"),
        c("severe_comorbidity"),
        survival * 730.5 <= 48 * TIMES,
        hbv | hcv,
        hiv,
        drugs | grafted,
        trial,
        c("prior_stem_cell_trial"),
        (c("antimitotic_with_infusion") == "systemic")
        | unclear(c("antimitotic_with_infusion") == "intrathecal_only"),
        one_of("allergy", "severe", "product"),
        c("support_contraindicated"),
        pregnant,
        c("fertility_plan") | ~(safe | c("contraception_agreed")),
        c("mental_illness"),
        c("substance_abuse"),
        cancer,
        ~signed,
        c("poor_compliance"),
        c("investigator_risk"),
        c("investigator_other"),
    ]


INCLUSIONS, PREGNANCY = 8, 25


def masks(path):
    """Fail, unknown and not applicable as integers, bit i for criterion i."""
    status = c("fertility_status")
    applies = (c("sex") == "female") & ~(status.is_not_null() & (status == "postmenopausal"))
    bits = {"fail": [], "unknown": []}
    for position, condition in enumerate(conditions()):
        blocks = ~condition if position < INCLUSIONS else condition
        fail, unknown = blocks.fill_null(False), blocks.is_null()
        if position == PREGNANCY:
            outside = (~applies).fill_null(False)
            fail = (applies & blocks).fill_null(False)
            unknown = ~outside & ~fail & (blocks.is_null() | blocks)
        bits["fail"].append(fail.cast(pl.Int64) * (1 << position))
        bits["unknown"].append(unknown.cast(pl.Int64) * (1 << position))
    columns = {name: functools.reduce(operator.or_, some) for name, some in bits.items()}
    columns["absent"] = outside.cast(pl.Int64) * (1 << PREGNANCY)
    return pl.scan_parquet(path).select(**columns)


def answers(path, counted):
    """Counts per criterion, funnel, leave-one-out and totals, as one list of whole numbers."""
    fail, unknown, absent = c("fail"), c("unknown"), c("absent")
    blocked, unsettled = fail & counted, (fail | unknown) & counted
    wanted = [
        pl.len().alias("size"),
        (fail == 0).sum().alias("kept"),
        ((fail | unknown) == 0).sum().alias("eligible"),
    ]
    wanted += [(blocked == 0).sum().alias("left"), (unsettled == 0).sum().alias("confirmed")]
    for i in range(34):
        bit, upto = 1 << i, ((2 << i) - 1) & counted
        wanted += [((m & bit) != 0).sum().alias(f"{n}{i}") for n, m in (("f", fail), ("u", unknown), ("a", absent))]
        if counted & bit:
            wanted += [((fail & upto) == bit).sum().alias(f"first{i}"), (blocked == bit).sum().alias(f"alone{i}")]
            wanted += [((unsettled & upto) == 0).sum().alias(f"sure{i}"), (unsettled == bit).sum().alias(f"gain{i}")]
    wanted += [((fail & counted & ~(1 << DYING)) == 1 << SURVIVAL).sum().alias("only")]
    found = masks(path).select(wanted).collect(engine="streaming").row(0, named=True)
    return in_order(found, counted)
