"""Every reference file is screened, and the verdicts agree with counts made without the workbook.

The counts stand here as numbers, and `tests/twins/clinical_records.py` makes them once more by plain loops. Where the
files lack something (limits of normal, a plan of treatment) the test supplies it, and says so in its name.
"""

import csv
import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.clinical_records import FILES, setting
from support.trial import ELIGIBILITY
from twins import clinical_records as twin

from protocol.eligibility import CohortScreening, Fact
from protocol.eligibility.criteria import Parameter
from protocol.eligibility.fact_sources import ParticipantFacts
from protocol.eligibility.logic import Logic
from protocol.exchange.clinical.fhir import read_fhir
from protocol.exchange.clinical.findings import Imported
from protocol.exchange.clinical.omop import read_omop
from protocol.exchange.clinical.reference_ranges import Limit
from protocol.exchange.cohort.files import read_cohort

AS_OF = date(2020, 9, 1)
BUNDLES = twin.bundles()


def counted(screening: CohortScreening, criterion: str) -> dict[str, int]:
    row = screening.counts().set_index("criterion").loc[criterion]
    return {str(name): int(count) for name, count in row.drop("title").items() if count}


def synthea(name: str, as_of: date = AS_OF, **more: Any) -> Imported:
    content = json.dumps(BUNDLES[name]).encode()
    return read_fhir({f"{name}.json": content}, setting(as_of, **more), lambda _key: name).participants[0]


def test_six_synthea_patients_are_screened() -> None:
    files = {path.name: gzip.decompress(path.read_bytes()) for path in (FILES / "fhir_r4_synthea").glob("*.gz")}
    found = read_fhir(files, setting(AS_OF), lambda key: key[:8])
    assert found.problems == ()
    screening = ELIGIBILITY.screen_cohort(found.frame(ELIGIBILITY))
    people = {name: twin.patient(bundle) for name, bundle in BUNDLES.items()}
    ages = [twin.years(born, AS_OF) for _sex, born, _died in people.values()]
    assert sorted(ages) == [25, 42, 46, 52, 53, 78]
    assert counted(screening, "I1") == {"passes": 5, "excludes": 1}
    assert counted(screening, "I4") == {"passes": 6}
    dead = [name for name, (_sex, _born, died) in people.items() if died]
    assert dead == ["Michele"]
    assert counted(screening, "I6") == {"excludes": 1, "unknown": 5}
    heavy = {name: max(twin.newest(bundle, ("39156-5",), AS_OF)) > 30 for name, bundle in BUNDLES.items()}
    assert [name for name, above in heavy.items() if above] == ["Robby"]  # 30.19
    assert counted(screening, "E3") == {"passes": 5, "excludes": 1}
    men = [name for name, (sex, _born, _died) in people.items() if sex == "male"]
    assert len(men) == 3
    assert counted(screening, "E18") == {"not applicable": 3, "unknown": 3}
    assert counted(screening, "E22") == {"excludes": 1, "unknown": 5}  # Darin's colon, resolved 2018-06-27
    assert counted(screening, "I7") == {"unknown": 6}  # no limit of normal anywhere
    assert Counter(screening.overall()) == {"ineligible": 3, "possibly eligible": 3}


def test_a_tumour_that_ended_less_than_three_years_ago_excludes_and_on_the_day_no_longer() -> None:
    tumours = [
        c for c in twin.resources(BUNDLES["Darin"], "Condition") if c["code"]["coding"][0]["code"] == "93761005"
    ]
    ends = [one["abatementDateTime"][:10] for one in tumours]
    assert ends == ["2018-06-27"]
    for as_of, verdict in (
        (date(2021, 6, 26), "excludes"),
        (date(2021, 6, 27), "passes"),
        (date(2018, 1, 1), "excludes"),
    ):
        assert ELIGIBILITY.screen(synthea("Darin", as_of).facts)["E22"].status == verdict
    assert (
        ELIGIBILITY.screen(synthea("Darin", date(2017, 2, 1)).facts)["E22"].status == "unknown"
    )  # not yet diagnosed


def test_measurements_that_disagree_at_one_moment_conflict() -> None:
    assert len(twin.newest(BUNDLES["Tom"], ("38483-4", "2160-0", "14682-9"), AS_OF)) == 2
    assert synthea("Tom").unusable["creatinine_umol_l"] == "conflicting sources"
    assert len(twin.newest(BUNDLES["Michele"], ("10230-1",), AS_OF)) == 2
    assert synthea("Michele").unusable["lvef_pct"] == "conflicting sources"


def test_with_limits_assumed_here_creatinine_of_mg_per_dl_meets_a_limit_of_umol_per_l() -> None:
    """Limits assumed for this test only, of the size the Chinese standard gives for women."""
    start = date(2010, 1, 1)
    table = (
        Limit("A", "alt", "", 40.0, start, "assumed", "40 U/L"),
        Limit("A", "ast", "", 35.0, start, "assumed", "35 U/L"),
        Limit("A", "bilirubin", "", 21.0, start, "assumed", "21 umol/L"),
        Limit("A", "creatinine", "female", 73.0, start, "assumed", "73 umol/L"),
    )
    codes = {"creatinine": ("38483-4",), "bilirubin": ("1975-2",)}
    for name, day, renal in (("Angelic", date(2020, 4, 14), "excludes"), ("Michele", date(2016, 4, 5), "passes")):
        [creatinine] = twin.newest(BUNDLES[name], codes["creatinine"], day)
        [bilirubin] = twin.newest(BUNDLES[name], codes["bilirubin"], day)
        within = creatinine * twin.UMOL_PER_MG_DL["creatinine"] <= Decimal("1.5") * 73
        assert ("passes" if within else "excludes") == renal
        assert bilirubin * twin.UMOL_PER_MG_DL["bilirubin"] <= Decimal("1.5") * 21
        screening = ELIGIBILITY.screen(synthea(name, day, site="A", limits=table).facts)
        assert (screening["I7.3"].status, screening["I7.4"].status) == ("passes", renal)


def test_the_mcode_patient_has_ecog_1_and_is_excluded_by_what_still_goes_on() -> None:
    """By hand from the bundle: ECOG 1 on 2019-04-01; active breast cancer; ribociclib and others still taken."""
    content = (FILES / "mcode" / "TrialMatching_Patient01.json").read_bytes()
    person = read_fhir({"mcode.json": content}, setting(date(2019, 4, 5)), lambda _key: "S-1").participants[0]
    assert person.facts["ecog"] == 1
    screening = ELIGIBILITY.screen(person.facts)
    known = {verdict.id: verdict.status for verdict in screening.verdicts if verdict.status != "unknown"}
    assert known == {"I1": "passes", "I4": "passes", "I5": "passes", "I8": "excludes", "E22": "excludes"}
    later = read_fhir({"mcode.json": content}, setting(date(2019, 4, 9)), lambda _key: "S-1").participants[0]
    assert ELIGIBILITY.screen(later.facts)["I5"].status == "unknown"  # the rating is eight days old
    summer = read_fhir({"mcode.json": content}, setting(date(2019, 8, 1)), lambda _key: "S-1").participants[0]
    assert ELIGIBILITY.screen(summer.facts)["I8"].status == "excludes"


def _omop_twin() -> tuple[pd.DataFrame, Callable[[str, str], pd.Series]]:
    tables = {path.stem: pd.read_parquet(path) for path in (FILES / "omop_synthea27nj_parquet").glob("*.parquet")}
    codes = tables["concept"].set_index("concept_id")["concept_code"]
    measured = tables["measurement"].assign(code=lambda frame: frame["measurement_concept_id"].map(codes))

    def last(code: str, what: str) -> pd.Series:
        own = measured[measured["code"] == code].sort_values("measurement_date")
        return own.groupby("person_id").last()[what]

    return tables["person"].set_index("person_id"), last


@pytest.mark.slow
def test_28_omop_persons_are_screened() -> None:
    day = date(2022, 10, 10)
    found = read_omop(FILES / "omop_synthea27nj_parquet", setting(day), lambda key: key)
    screening = ELIGIBILITY.screen_cohort(found.frame(ELIGIBILITY))
    people, last = _omop_twin()
    ages = [
        twin.years(date(row.year_of_birth, row.month_of_birth, row.day_of_birth), day) for row in people.itertuples()
    ]
    grown = sum(18 <= age <= 75 for age in ages)
    assert (len(ages), grown) == (28, 21)
    assert counted(screening, "I1") == {"passes": 21, "excludes": 7}
    men = int((people["gender_concept_id"] == 8507).sum())
    assert counted(screening, "E18") == {"not applicable": men, "unknown": 28 - men}
    assert counted(screening, "I6") == {"excludes": 3, "unknown": 25}  # three have died
    heavy = 0
    for person in people.index:  # the newest index, or a newer weight and height
        index, on = last("39156-5", "value_as_number").get(person), last("39156-5", "measurement_date").get(person)
        weight, height = (last(code, "value_as_number").get(person) for code in ("29463-7", "8302-2"))
        newer = max(last(code, "measurement_date")[person] for code in ("29463-7", "8302-2"))
        if index is None or (newer > on and 20 <= weight <= 300 and 100 <= height <= 250):
            index = weight / (height / 100) ** 2 if weight >= 20 and height >= 100 else None
        heavy += index is not None and index > 30
    assert heavy == 4
    assert counted(screening, "E3") == {"passes": 23, "excludes": 4, "unknown": 1}
    assert counted(screening, "I7") == {"unknown": 28}
    assert Counter(screening.overall()) == {"ineligible": 12, "possibly eligible": 16}


@pytest.mark.slow
def test_the_omop_units_are_read_and_no_limit_of_normal_is_invented() -> None:
    found = read_omop(FILES / "omop_synthea27nj_parquet", setting(date(2022, 10, 10)), lambda key: key)
    _people, last = _omop_twin()
    blood, serum = last("38483-4", "measurement_date"), last("2160-0", "measurement_date")
    measured = {str(person) for person in blood.index} | {str(person) for person in serum.index}
    people = {person.participant: person for person in found.participants}
    assert {name for name, person in people.items() if "creatinine_umol_l" in person.facts} == measured
    assert len(measured) == 10
    for name in measured:
        assert people[name].unusable["creatinine_uln_umol_l"] == "no upper limit of normal"
        own = int(name)
        newer = "2160-0" if own in serum.index and (own not in blood.index or serum[own] > blood[own]) else "38483-4"
        value = Decimal(str(last(newer, "value_as_number")[own])) * twin.UMOL_PER_MG_DL["creatinine"]
        assert people[name].facts["creatinine_umol_l"] == pytest.approx(float(value))
    assert sum("alt_u_l" in person.facts for person in people.values()) == 3  # unit concept 0, source "U/L"


ONCOTREE = {
    "Acute Myeloid Leukemia": "aml",
    "Acute Lymphoid Leukemia": "all",
    "B-Cell Acute Lymphoid Leukemia": "all",
    "T-Cell Acute Lymphoid Leukemia": "all",
    "Blastic Plasmacytoid Dendritic Cell Neoplasm": "border",
    "Multiple Myeloma": "myeloma",
    "Leukemia": "",
    "NA": "",
    "Diagnosis Pending": "",
    "Diagnosis Pending - New": "",
    "No OncoTree Node Found": "",
    "Cancer of Unknown Primary": "",
    "Cancer of Unknown Primary, NOS": "",
    "Undifferentiated Malignant Neoplasm": "",
}
"""The reading of OncoTree names in this test; every other name is no acute leukemia."""


def test_912_matchminer_patients_are_screened() -> None:
    day = date(2020, 1, 1)
    rows = twin.matchminer()
    out = io.StringIO()
    names = ["participant_id", "age_years", "sex", "diagnosis", "expected_survival_months", "enrolment_date"]
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        age = twin.years(date.fromisoformat(row["BIRTH_DATE"]), day)
        diagnosis = ONCOTREE.get(row["ONCOTREE_PRIMARY_DIAGNOSIS_NAME"], "none")
        survival = 0 if row["VITAL_STATUS"] == "deceased" else ""
        writer.writerow([row["MRN"], age, row["GENDER"].lower(), diagnosis, survival, day])
    cohort = read_cohort("clinical.csv", out.getvalue().encode(), ELIGIBILITY)
    assert not [problem for problem in cohort.problems if problem.where.startswith("row")]
    screening = ELIGIBILITY.screen_cohort(cohort.frame)
    ages = [day.year - int(row["BIRTH_DATE"][:4]) - (row["BIRTH_DATE"][5:] > "01-01") for row in rows]
    grown = sum(18 <= age <= 75 for age in ages)
    assert counted(screening, "I1") == {"passes": grown, "excludes": 912 - grown}
    kinds = Counter(row["ONCOTREE_PRIMARY_DIAGNOSIS_NAME"] for row in rows)
    acute = kinds["Acute Myeloid Leukemia"] + sum(count for name, count in kinds.items() if "Acute Lymphoid" in name)
    assert acute == 5 + 4 + 2 + 1
    unclear = sum(kinds[name] for name, option in ONCOTREE.items() if not option)
    assert counted(screening, "I2") == {"excludes": 912 - acute - unclear, "unknown": acute + unclear}
    assert counted(screening, "I6") == {"excludes": 217, "unknown": 695}
    assert counted(screening, "E18") == {"not applicable": 406, "unknown": 506}


CTML = sorted(path for path in (FILES / "matchminer").glob("*.json"))


def _condition(tree: Any) -> str:
    """Write a CTML tree as a condition of the record's language."""
    parts = []
    for key, below in tree.items():
        joined = f" {key} ".join(f"({_condition(item)})" for item in below) if key in ("and", "or") else key
        parts.append(f"({joined})")
    return " and ".join(parts)


@pytest.mark.parametrize("path", CTML, ids=lambda path: path.stem)
def test_nested_ands_and_ors_agree_with_least_and_most(path: Path) -> None:
    tree = json.loads(path.read_text(encoding="utf-8"))
    names = sorted(set(twin.leaves(tree)))
    facts = {name: Fact(id=name, label=name, group="g", type="yes_no", assumption="a test") for name in names}
    condition = _condition(tree)
    chance = random.Random(7)
    seen = Counter[float]()
    for turn in range(600):
        lean = (1, 1, 1, 0.5, 0) if turn % 2 else (0, 0, 0.5, 1)
        known = {name: float(chance.choice(lean)) for name in names}
        given = {name: bool(value) for name, value in known.items() if value != 0.5}
        rails = Logic(facts, dict[str, Parameter](), ParticipantFacts(given)).condition(condition)
        expected = twin.nested(tree, known)
        assert (bool(rails.true), bool(rails.false)) == (expected == 1, expected == 0)
        seen[expected] += 1
    assert set(seen) == {0.0, 0.5, 1.0}
    assert len(CTML) == 9


def test_200_tcga_leukemias_lose_their_21_m3_with_naive_first_induction_assumed_here() -> None:
    classes = twin.laml()
    assert (sum(classes.values()), classes["M3"], classes["NA"]) == (200, 21, 1)
    diagnosis = {"M3": "apl", "NA": None}
    rows = [diagnosis.get(name, "aml") for name, count in sorted(classes.items()) for _one in range(count)]
    frame = pd.DataFrame(
        {
            "diagnosis": pd.Series(rows, dtype=object),
            "dx_classification": "who_2016",
            "planned_treatment": "first_induction",
            "disease_state": "untreated",
        }
    )
    assert counted(ELIGIBILITY.screen_cohort(frame), "I2") == {"passes": 178, "excludes": 21, "unknown": 1}
    consolidation = frame.assign(planned_treatment="consolidation", disease_state="cr")
    assert counted(ELIGIBILITY.screen_cohort(consolidation), "I2") == {"passes": 178, "excludes": 21, "unknown": 1}
    literal = ELIGIBILITY.screen_cohort(consolidation, apl_reading="first_part_only")
    assert counted(literal, "I2") == {"passes": 199, "unknown": 1}


LIMITS = {
    "ALT": ("alt", 50, 40),
    "AST": ("ast", 40, 35),
    "BIL": ("bilirubin", 26, 21),
    "CREA": ("creatinine", 97, 73),
}
"""Upper limits of men and women, assumed for this test."""


@pytest.mark.slow
def test_615_liver_panels_are_screened_with_limits_assumed_here() -> None:
    rows = twin.liver_panel()
    columns = {"ALT": "alt_u_l", "AST": "ast_u_l", "BIL": "bilirubin_umol_l", "CREA": "creatinine_umol_l"}
    out = io.StringIO()
    writer = csv.writer(out)
    ulns = [name.replace("_", "_uln_", 1) for name in columns.values()]
    writer.writerow(["age_years", "sex", *columns.values(), *ulns])
    for row in rows:
        limits = [LIMITS[name][1 if row["Sex"] == "m" else 2] for name in columns]
        values = ["" if row[name] == "NA" else row[name] for name in columns]
        writer.writerow([row["Age"], {"m": "male", "f": "female"}[row["Sex"]], *values, *limits])
    cohort = read_cohort("hcvdat0.csv", out.getvalue().encode(), ELIGIBILITY)
    implausible = [problem for problem in cohort.problems if problem.where.startswith("row")]
    assert len(implausible) == 2  # ALT 0.9 and bilirubin 0.8: below what can be
    screening = ELIGIBILITY.screen_cohort(cohort.frame)
    grown = sum(18 <= int(row["Age"]) <= 75 for row in rows)
    assert counted(screening, "I1") == {"passes": grown, "excludes": 615 - grown}
    liver, kidney = Counter[bool | None](), Counter[bool | None]()
    lows = {"ALT": "1", "AST": "1", "BIL": "1", "CREA": "8"}
    times = {"ALT": Decimal("2.5"), "AST": Decimal("2.5"), "BIL": Decimal("1.5"), "CREA": Decimal("1.5")}
    organ = Counter[bool | None]()
    for row in rows:
        of_sex = 1 if row["Sex"] == "m" else 2
        fits = {name: twin.within(row, name, lows[name], times[name] * LIMITS[name][of_sex]) for name in columns}
        liver[twin.all_of([fits["ALT"], fits["AST"], fits["BIL"]])] += 1
        kidney[fits["CREA"]] += 1
        organ[twin.all_of([*fits.values(), None])] += 1  # the rest of Inclusion 7 is not in the file
    assert sum(liver.values()) == 615
    assert counted(screening, "I7") == {"excludes": organ[False], "unknown": organ[None]}
    verdicts = [ELIGIBILITY.screen({**facts}) for facts in _facts(cohort.frame)]
    words = {True: "passes", False: "excludes", None: "unknown"}
    assert Counter(one["I7.3"].status for one in verdicts) == {words[key]: count for key, count in liver.items()}
    assert Counter(one["I7.4"].status for one in verdicts) == {words[key]: count for key, count in kidney.items()}
    assert (liver[None], kidney[None]) == (1, 0)  # two of the three unknown enzymes stand beside a value that fails


def _facts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.drop(columns="participant_id").astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items() if value is not None} for row in rows]
