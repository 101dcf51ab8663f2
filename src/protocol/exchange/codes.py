"""Which code says what: the codes of the record's facts, looked up by system and code and never by display text.

A fact's ``codes`` are texts like ``LOINC 1742-6``, ``ICD-10 C92.4 = apl`` (the code itself says which option) or
``ICD-10 B20-B24 = yes``. A trailing ``?`` marks a code that a terminology server has still to confirm. An
observation's code with an option (``LOINC 20447-9 = confirmed``) means: a positive result of this says so.
"""

import re
from typing import NamedTuple

from protocol.eligibility import EligibilityRecord

SYSTEMS = {
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://snomed.info/sct": "SNOMED CT",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED CT",
    "http://hl7.org/fhir/sid/icd-10": "ICD-10",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10",
    "urn:oid:2.16.840.1.113883.6.3": "ICD-10",
    "urn:oid:2.16.840.1.113883.6.90": "ICD-10",
}
"""FHIR's names of the code systems."""

VOCABULARIES = {
    "LOINC": "LOINC",
    "SNOMED": "SNOMED CT",
    "ICD10": "ICD-10",
    "ICD10CM": "ICD-10",
    "ICD10CN": "ICD-10",
}
"""OMOP's names of the code systems."""

_WRITTEN = re.compile(r"(LOINC|SNOMED CT|ICD-10|OMOP) (\S+)(?: = ([a-z0-9_]+))?( \?)?")


class Meaning(NamedTuple):
    """What a code says: a fact, and its option when the code itself decides it."""

    fact: str
    option: str = ""


class Written(NamedTuple):
    """One entry of a fact's ``codes``, taken apart."""

    system: str
    code: str
    meaning: Meaning
    confirmed: bool


def written(record: EligibilityRecord) -> list[Written]:
    """Take the codes of all facts apart.

    Raises
    ------
    ValueError
        For an entry that is not of the form described above.
    """
    found = []
    for fact in record.facts:
        for text in fact.codes:
            match = _WRITTEN.fullmatch(text)
            if match is None:
                raise ValueError(f"fact {fact.id}: code {text!r}; write one like LOINC 1742-6 or ICD-10 C92.4 = apl")
            found.append(Written(match[1], match[2], Meaning(fact.id, match[3] or ""), not match[4]))
    return found


class CodeBook:
    """The codes of one record, ready to be asked."""

    def __init__(self, record: EligibilityRecord) -> None:
        self._exact: dict[tuple[str, str], list[Meaning]] = {}
        self._icd: list[tuple[str, str, Meaning]] = []
        for entry in written(record):
            if entry.system == "ICD-10":
                first, _dash, last = entry.code.partition("-")
                self._icd.append((first, last or first, entry.meaning))
            else:
                self._exact.setdefault((entry.system, entry.code), []).append(entry.meaning)

    def meanings(self, system: str, code: str) -> list[Meaning]:
        """Return what a code of one of the systems ``LOINC``, ``SNOMED CT``, ``ICD-10``, ``OMOP`` says."""
        return self._icd_meanings(code) if system == "ICD-10" else self._exact.get((system, code.strip()), [])

    def _icd_meanings(self, code: str) -> list[Meaning]:
        """ICD codes are a tree: ``C92.00`` is a ``C92.0``, and a longer entry beats a range around it."""
        plain = re.sub(r"[^A-Z0-9]", "", code.upper())
        best: dict[str, tuple[int, Meaning]] = {}
        for first, last, meaning in self._icd:
            low, high = first.replace(".", ""), last.replace(".", "")
            depth = len(low)
            if not low <= plain[:depth] <= high or len(plain) < depth:
                continue
            rank = depth * 2 + (low == high)
            if rank > best.get(meaning.fact, (0, meaning))[0]:
                best[meaning.fact] = rank, meaning
        return [meaning for _rank, meaning in best.values()]
