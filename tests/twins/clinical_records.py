"""The reference files counted by plain loops, without anything of the workbook: what its screening must agree with.

Ages are counted, values compared and units multiplied here once more, in Decimal where a limit is compared.
"""

import csv
import gzip
import json
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

from support import paths

FILES = paths.VECTORS / "eligibility"
UMOL_PER_MG_DL = {"creatinine": Decimal(10000) / Decimal("113.12"), "bilirubin": Decimal(10000) / Decimal("584.66")}
LYMPHOID, MYELOID = ("Acute Lymphoid Leukemia",), ("Acute Myeloid Leukemia",)


def bundles() -> dict[str, dict[str, Any]]:
    """Return the six Synthea bundles by the first name of their patient."""
    found = sorted((FILES / "fhir_r4_synthea").glob("*.json.gz"))
    return {path.name.split("_")[0]: json.loads(gzip.decompress(path.read_bytes())) for path in found}


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def years(born: date, on: date) -> int:
    return on.year - born.year - int((on.month, on.day) < (born.month, born.day))


def patient(bundle: dict[str, Any]) -> tuple[str, date, str]:
    """Return sex, date of birth and day of death ("" when alive)."""
    one = resources(bundle, "Patient")[0]
    return one["gender"], date.fromisoformat(one["birthDate"]), one.get("deceasedDateTime", "")[:10]


def values(bundle: dict[str, Any], codes: tuple[str, ...], on: date) -> list[tuple[str, Decimal]]:
    """Return day and value of every observation of some codes up to a day, oldest first."""
    found = [
        (one["effectiveDateTime"][:10], Decimal(str(one["valueQuantity"]["value"])))
        for one in resources(bundle, "Observation")
        if one["code"]["coding"][0]["code"] in codes and one["effectiveDateTime"][:10] <= on.isoformat()
    ]
    return sorted(found)


def newest(bundle: dict[str, Any], codes: tuple[str, ...], on: date) -> set[Decimal]:
    """Return the different values of the newest day."""
    found = values(bundle, codes, on)
    return {value for day, value in found if day == found[-1][0]} if found else set()


def matchminer() -> list[dict[str, str]]:
    with (FILES / "matchminer" / "clinical_a.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def laml() -> Counter[str]:
    with (FILES / "tabular" / "tcga_laml_annot.tsv").open(encoding="utf-8") as lines:
        return Counter(row["FAB_classification"] for row in csv.DictReader(lines, delimiter="\t"))


def liver_panel() -> list[dict[str, str]]:
    with (FILES / "tabular" / "hcvdat0.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def within(row: dict[str, str], column: str, low: str, limit: Decimal) -> bool | None:
    """Whether a value is at most a limit; None when it is absent or below what can be (`low`)."""
    if row[column] in ("", "NA") or Decimal(row[column]) < Decimal(low):
        return None
    return Decimal(row[column]) <= limit


def all_of(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def nested(tree: Any, known: dict[str, float]) -> float:
    """Evaluate a CTML tree with 0 for false, 1 for true and a half for unknown: "and" is the least, "or" the most.

    An object with several keys asks for all of them.
    """
    parts = []
    for key, below in tree.items():
        if key in ("and", "or"):
            parts.append((min if key == "and" else max)(nested(item, known) for item in below))
        else:
            parts.append(known[key])
    return min(parts)


def leaves(tree: Any) -> list[str]:
    """Name the leaves of a CTML tree: ``g1`` or, where the name stands below, ``g`` made of it."""
    return [
        leaf
        for key, below in tree.items()
        for leaf in ([name for item in below for name in leaves(item)] if key in ("and", "or") else [key])
    ]
