"""Which code means what: the codes of the record's facts, and coded answers; display texts are never read.

A fact's ``codes`` are texts like ``LOINC 1742-6``, ``ICD-10 C92.4 = apl`` (the code itself says which option) or
``ICD-10 B20-B24 = yes``. A trailing ``?`` marks a code that a terminology server has still to confirm. An
observation's code with an option (``LOINC 20447-9 = confirmed``) means: a positive result of this says so.
"""

import re
from typing import Any, NamedTuple

from protocol.eligibility import EligibilityRecord, Fact
from protocol.eligibility.criteria import ViralLoad
from protocol.translation import _

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


YES, NO = "yes", "no"

MEANS = {
    ("SNOMED CT", "10828004"): YES,  # positive
    ("SNOMED CT", "260373001"): YES,  # detected
    ("SNOMED CT", "11214006"): YES,  # reactive
    ("SNOMED CT", "77386006"): YES,  # pregnant
    ("SNOMED CT", "260385009"): NO,  # negative
    ("SNOMED CT", "260415000"): NO,  # not detected
    ("SNOMED CT", "131194007"): NO,  # non-reactive
    ("SNOMED CT", "60001007"): NO,  # not pregnant
    ("LOINC", "LA6576-8"): YES,  # positive
    ("LOINC", "LA11882-0"): YES,  # detected
    ("LOINC", "LA15255-5"): YES,  # reactive
    ("LOINC", "LA15173-0"): YES,  # pregnant
    ("LOINC", "LA6577-6"): NO,  # negative
    ("LOINC", "LA11883-8"): NO,  # not detected
    ("LOINC", "LA15256-3"): NO,  # non-reactive
    ("LOINC", "LA26683-5"): NO,  # not pregnant
}
"""Coded answers that say found or not found."""

_ECOG_LOINC = ("LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8", "LA9627-6")

_ECOG_SNOMED = ("425389002", "422512005", "422894000", "423053003", "423237006", "423409001")

ECOG = {
    (system, code): grade
    for system, codes in (("LOINC", _ECOG_LOINC), ("SNOMED CT", _ECOG_SNOMED))
    for grade, code in enumerate(codes)
}
"""Grades 0 to 5 of ECOG performance status: the answers of LOINC 89247-1 and 89262-0, and SNOMED CT's findings."""

ECOG_QUESTIONS = ("LOINC 89247-1", "LOINC 89262-0")

FOUND = ("positive", "detectable", "reactive")

NOT_FOUND = ("negative", "not_detectable")
"""Ids of the options that a result can mean, in a record that names its options so."""

QUANTIFICATION_LIMIT_PER_ML = 100
"""The highest "<" that is read as not detectable. An assumption: present assays of viral nucleic acid quantify from
some 10 to 50 IU/mL or copies/mL; a bound far above that leaves open whether there is virus."""

PER_ML = ("IU/ML", "COPIES/ML", "COPY/ML", "CP/ML")

_BRACKETS = str.maketrans("", "", "[]{}")


def coded(fact: Fact, option: str, answer: tuple[str, str]) -> Any:
    """Return the value that a coded answer gives a fact, None when it says nothing that can be used.

    Parameters
    ----------
    fact : Fact
        What was asked.
    option : str
        What a positive answer means, when the question's code says so; "" when it does not.
    answer : tuple of str
        System and code of the answer.
    """
    if fact.is_number:
        return ECOG.get(answer) if any(code.startswith(ECOG_QUESTIONS) for code in fact.codes) else None
    found = MEANS.get(answer)
    return None if found is None else worded(fact, option, found == YES)


def worded(fact: Fact, option: str, found: bool) -> Any:
    """Return what found or not found means for a fact."""
    if option:
        return (True if fact.type == "yes_no" else option) if found else None
    if fact.type == "yes_no":
        return found
    return next((word for word in (FOUND if found else NOT_FOUND) if word in fact.options), None)


def amount(
    fact: Fact, option: str, load: ViralLoad | None, value: float, comparator: str, unit: str
) -> tuple[Any, str]:
    """Return what a number means for a fact with options, or why it cannot decide.

    Only an amount of virus decides: none, some, or more or less than the limit of `load`. Any other number is read
    against its assay's cut-off, which no record carries. An amount below the limit of quantification is a result (not
    found), and any amount above zero is found. Copies are not converted: how many make an international unit depends
    on the assay.

    Parameters
    ----------
    fact, option
        As in :func:`coded`.
    load : ViralLoad or None
        The record's rule for amounts of virus, if the question is about one.
    value : float
        The number, in `unit`.
    comparator : {"", "<", "<=", ">", ">="}
        Whether it is only a bound.
    unit : str
        In UCUM.
    """
    if load is None:
        return None, _("a number without the assay's cut-off")
    undecided = None, _("an amount that decides nothing: no IU/mL, or only a bound")
    if not value >= 0 or (value == 0 and comparator in ("<", ">=")):  # not a number, or no news
        return undecided
    plain_unit = unit.upper().translate(_BRACKETS)
    if comparator in ("<", "<=") or (value == 0 and not comparator):
        if plain_unit not in PER_ML:
            return None, _("an amount of virus in neither IU/mL nor copies/mL")
        if value > QUANTIFICATION_LIMIT_PER_ML:
            return None, _("below {value:g} is no limit of quantification").format(value=value)
        return worded(fact, option, found=False), ""
    if load.limit_iu_per_ml is None:
        return worded(fact, option, found=True), ""
    above = value > load.limit_iu_per_ml or (value == load.limit_iu_per_ml and comparator == ">")
    if plain_unit != "IU/ML" or (comparator and not above):
        return undecided
    return load.above if above else load.up_to, ""
