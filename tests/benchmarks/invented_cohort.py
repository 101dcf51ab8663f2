"""A large invented cohort as Parquet: the proportions of ``data/examples/make_examples.py``, drawn a batch at a time.

The same size and seed give the same rows. No real participant, date or outcome stands behind any of it.
"""

from pathlib import Path

import numpy as np
import polars as pl

BATCH = 250_000
AS_OF = np.datetime64("2026-11-20")
FORGOTTEN = 0.008  # of the values, besides the facts that do not apply to a participant
SELDOM = (
    "bleeding_uncontrolled", "severe_comorbidity", "support_contraindicated", "mental_illness", "substance_abuse",
    "poor_compliance", "investigator_risk", "investigator_other", "other_cause_myelosuppression",
    "prior_stem_cell_trial", "hiv_history", "organ_transplant",
)  # fmt: skip


class Draws:
    """Columns of one batch; a name written twice would be a mistake."""

    def __init__(self, random: np.random.Generator, size: int) -> None:
        self.random, self.size = random, size
        self.days = (AS_OF - random.integers(0, 80, size)).astype("datetime64[D]")
        self.columns: dict[str, pl.Series] = {"enrolment_date": pl.Series(self.days)}

    def keep(self, name, values, where=None):
        """Keep a column; elsewhere than `where`, and here and there, the value is not known."""
        known = self.random.random(self.size) > FORGOTTEN
        column = values if isinstance(values, pl.Series) else pl.Series(values)
        kept = pl.Series(known if where is None else known & where)
        self.columns[name] = pl.select(pl.when(kept).then(column).otherwise(None)).to_series()

    def pick(self, **weights):
        shares = np.array([*weights.values()], dtype=float)
        codes = self.random.choice(len(weights), self.size, p=shares / shares.sum()).astype(np.uint32)
        return codes, pl.Series([*weights], dtype=pl.String).gather(pl.Series(codes))

    def yes(self, chance):
        return self.random.random(self.size) < chance

    def before(self, low, high):
        return self.days - self.random.integers(low, high, self.size)


def batch(random: np.random.Generator, size: int, first: int) -> pl.DataFrame:
    """Draw the participants numbered from `first` on."""
    draws = Draws(random, size)
    _body(draws)
    _disease(draws)
    _organs(draws)
    _history(draws)
    numbers = pl.int_range(first, first + size, eager=True)
    ids = pl.Series("participant_id", pl.select("INV-" + numbers.cast(pl.String).str.zfill(8)).to_series())
    return pl.DataFrame([ids, *(column.alias(name) for name, column in draws.columns.items())])


def _body(d):
    female = ~d.yes(0.54)
    height = d.random.normal(np.where(female, 161, 172), 6).round(1)
    fertility, women = d.pick(fertile=5, postmenopausal=4, sterile=1)
    _codes, men = d.pick(fertile=9, sterile=1)
    fertile_woman = female & (fertility == 0)
    d.keep("birth_date", d.days - (np.clip(d.random.normal(52, 16, d.size), 15, 84) * 365.25).astype(int))
    d.keep("sex", pl.select(pl.when(pl.Series(female)).then(pl.lit("female")).otherwise(pl.lit("male"))).to_series())
    d.keep("consent_signed", d.yes(0.97))
    d.keep("consent_date", d.before(0, 6))
    weight = np.clip(d.random.normal(23.6, 3.3, d.size), 16, 40) * (height / 100) ** 2
    d.keep("weight_kg", weight.round(1))
    d.keep("height_cm", height)
    d.keep("fertility_status", pl.select(pl.when(pl.Series(female)).then(women).otherwise(men)).to_series())
    d.keep("fertility_plan", d.yes(0.03))
    d.keep("contraception_agreed", d.yes(0.95))
    d.keep("pregnancy_test", d.pick(negative=98, positive=2)[1], fertile_woman)
    d.keep("pregnancy_test_date", d.before(0, 9), fertile_woman)
    d.keep("breastfeeding", d.yes(0.02), fertile_woman)


def _disease(d):
    code, diagnosis = d.pick(aml=52, all=30, apl=5, lbl=2, lymphoma=4, myeloma=3, acute_unspecified=1, border=2)
    transplant = np.isin(code, (4, 5))
    setting = np.where(transplant, 4, d.random.choice(4, d.size, p=[0.40, 0.12, 0.30, 0.18])).astype(np.uint32)
    states = pl.Series(["untreated", "failed_first_induction", "cr", "relapsed", "cr"])
    plans = pl.Series(["first_induction", "reinduction", "consolidation", "reinduction", "auto_hsct"])
    treated = setting != 0
    d.keep("diagnosis", diagnosis)
    d.keep("dx_classification", d.pick(who_2016=92, other=8)[1])
    d.keep("disease_origin", d.pick(de_novo=88, therapy_related=4, after_mds_mpn=5, mds_related_changes=3)[1])
    d.keep("disease_state", states.gather(pl.Series(setting)))
    d.keep("planned_treatment", plans.gather(pl.Series(setting)))
    d.keep("prior_reinductions", (d.yes(0.15) & treated).astype(np.int64))
    d.keep("cns_disease", d.pick(none=93, overt_at_diagnosis=3, csf_only=3, relapse_only=1)[1])
    d.keep("antimitotic_with_infusion", d.pick(none=90, systemic=3, intrathecal_only=7)[1])
    d.keep("ever_anticancer_therapy", treated)
    d.keep("therapy_start_date", d.days + d.random.integers(1, 8, d.size))
    d.keep("last_anticancer_therapy_date", d.days - d.random.gamma(4, 8, d.size).astype(int) - 3, treated)
    d.keep("residual_toxicity_grade", d.random.choice(4, d.size, p=[0.45, 0.40, 0.11, 0.04]), treated)
    d.keep("hematologic_toxicity_grade", d.random.choice(5, d.size, p=[0.45, 0.33, 0.12, 0.07, 0.03]), treated)
    d.keep("cd34_pb_per_ul", d.random.gamma(2.2, 7, d.size).round(1), transplant)
    d.keep("cd34_dose_1e6_kg", d.random.gamma(3, 0.9, d.size).round(2), transplant)
    d.keep("veins_ok", d.yes(0.9), transplant)


def _organs(d):
    d.keep("ecog", d.random.choice(5, d.size, p=[0.28, 0.46, 0.18, 0.06, 0.02]))
    d.keep("ecog_date", d.before(0, 8))
    d.keep("expected_survival_months", (d.random.gamma(3.2, 5, d.size) + 0.5).round(1))
    d.keep("spo2_pct", np.clip(d.random.normal(97.3, 1.4, d.size), 86, 100).round(0))
    d.keep("on_room_air", d.yes(0.97))
    d.keep("spo2_date", d.before(0, 8))
    d.keep("lvef_pct", np.clip(d.random.normal(61, 7, d.size), 25, 78).round(0))
    d.keep("lvef_date", d.before(0, 31))
    for name, limit, unit in (("alt", 50.0, "u_l"), ("ast", 40.0, "u_l"), ("bilirubin", 26.0, "umol_l")):
        values = (limit * d.random.lognormal(-0.75, 0.75, d.size)).clip(1, 900).round(1)
        d.keep(f"{name}_{unit}", values)
        d.keep(f"{name}_uln_{unit}", np.full(d.size, limit))
    d.keep("creatinine_umol_l", np.clip(d.random.normal(70, 19, d.size), 28, 260).round(0))
    d.keep("creatinine_uln_umol_l", np.full(d.size, 97.0))
    d.keep("labs_date", d.before(0, 8))


def _history(d):
    infection, infections = d.pick(none=78, controlled=17, uncontrolled=5)
    trial, trials = d.pick(never=90, past=8, current=2)
    drug, drugs = d.pick(none=86, steroid_only=10, continuous=4)
    cancer, cancers = d.pick(none=95, invasive=3, in_situ=2)
    for name in SELDOM:
        transplanted = d.yes(0.02)  # the last one is the organ transplant
        d.keep(name, transplanted)
    field = d.pick(none=93, sternum_or_pelvis=2, total_body=1, mediastinal=1, elsewhere=3)
    d.keep("radiotherapy_field", field[1])
    d.keep("other_trial", trials)
    d.keep("immunosuppressant_use", drugs)
    d.keep("infection", infections)
    antigen, antigens = d.pick(negative=93, positive=7)
    d.keep("hbsag", antigens)
    amount, _ = d.pick(not_detectable=94, up_to_2000=3, above_2000=3)
    amounts = pl.Series(["not_detectable", "up_to_2000", "above_2000"])
    d.keep("hbv_dna", amounts.gather(pl.Series(amount * antigen)))  # no virus where there is no antigen
    d.keep("anti_hcv", d.pick(negative=98, positive=2)[1])
    d.keep("hcv_rna", d.pick(not_detectable=99, detectable=1)[1])
    d.keep("hiv_test", d.pick(negative=99, reactive=1)[1])
    d.keep("virology_date", d.before(1, 32))
    d.keep("other_malignancy", cancers)
    d.keep("allergy", d.pick(none=97, severe=2, product=1)[1])
    d.keep("disease_myelosuppression", d.yes(0.8))
    d.keep("last_trial_drug_date", d.before(10, 400), trial == 1)
    d.keep("last_immunosuppressant_date", d.before(5, 500), drug == 2)
    d.keep("anti_infective_start_date", d.before(1, 15), infection != 0)
    d.keep("last_other_malignancy_date", d.before(200, 3000), cancer != 0)
    d.keep("organ_transplant_date", d.before(60, 4000), transplanted)


def batches(size: int, seed: int):
    """Draw a cohort batch by batch; each has a seed of its own, so that a longer cohort begins like a shorter one."""
    for first in range(0, size, BATCH):
        random = np.random.default_rng([seed, first])
        yield batch(random, min(BATCH, size - first), first + 1)


def write_parquet(path: Path, size: int, seed: int = 1) -> Path:
    """Write a cohort of `size` as Parquet, in row groups of one batch, never holding more than one batch."""
    parts = path.with_suffix(".parts")
    parts.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(batches(size, seed)):
        frame.write_parquet(parts / f"{number:05}.parquet")
    pl.scan_parquet(parts / "*.parquet").sink_parquet(path, row_group_size=BATCH)
    for part in parts.iterdir():
        part.unlink()
    parts.rmdir()
    return path
