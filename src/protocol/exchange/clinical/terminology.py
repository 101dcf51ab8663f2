"""Which code means what: the codes of the record's facts, and coded answers; display texts never decide.

A fact's ``codes`` are texts like ``LOINC 1742-6``, ``ICD-10 C92.4 = apl`` (the code itself says which option) or
``ICD-10 B20-B24 = yes``. A trailing ``?`` marks a code that a terminology server has still to confirm. An
observation's code with an option (``LOINC 20447-9 = confirmed``) means: a positive result of this says so. Two
options are no fact's own: ``ask`` (the code speaks of the fact and does not decide it) and ``unrelated`` (it does not
speak of it, though a wider entry does). ``set solid_tumours = invasive`` stands for all codes of one of the record's
value sets, whose words can only ask. ``SNOMED CT <363346000`` means what stands below that code, and not itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from protocol.eligibility import EligibilityRecord, Fact
from protocol.eligibility.criteria import ValueSet, ViralLoad
from protocol.records import RecordError
from protocol.translation import _, alternatives

SYSTEMS = {
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://snomed.info/sct": "SNOMED CT",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED CT",
    "urn:oid:2.16.840.1.113883.6.3": "ICD-10",
    "urn:oid:2.16.840.1.113883.6.90": "ICD-10",
    "urn:oid:2.16.156.10011.2.3.3.11": "ICD-10",  # China, WS 218 and WS 364: diseases
    "urn:oid:2.16.156.10011.2.3.3.12": "ICD-9-CM-3",  # China: operations
    "urn:oid:2.16.840.1.113883.6.104": "ICD-9-CM-3",
    "urn:oid:2.16.840.1.113883.6.4": "ICD-10-PCS",
    "urn:oid:2.16.840.1.113883.6.43.1": "ICD-O-3",
    "urn:oid:2.16.840.1.113883.6.73": "ATC",
    "urn:oid:2.16.840.1.113883.6.88": "RxNorm",
    "urn:oid:2.16.840.1.113883.6.12": "CPT",
    "urn:oid:2.16.840.1.113883.6.14": "HCPCS",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://www.ama-assn.org/go/cpt": "CPT",
}
"""FHIR's names of the code systems."""

_NAMED = (
    (re.compile(r"icd-?10-?pcs"), "ICD-10-PCS"),
    (re.compile(r"icd-?10"), "ICD-10"),  # with its national extensions: -cm, -cn, -gm, -am ...
    (re.compile(r"icd-?o(-?3)?([/-]|$)"), "ICD-O-3"),
    (re.compile(r"icd-?9-?(cm-?3|cn|cm-procedures?|pcs)"), "ICD-9-CM-3"),
    (re.compile(r"(^|[/:.])atc$"), "ATC"),
    (re.compile(r"(^|[/:])snomed"), "SNOMED CT"),
    (re.compile(r"rxnorm$"), "RxNorm"),
    (re.compile(r"hcpcs"), "HCPCS"),
)
"""What the last part of other names shows: hospitals write ``.../sid/icd-10-cn`` or only ``icd-10-cn``."""

VOCABULARIES = {
    "LOINC": "LOINC",
    "SNOMED": "SNOMED CT",
    "ICD10": "ICD-10",
    "ICD10CM": "ICD-10",
    "ICD10CN": "ICD-10",
    "ICD10GM": "ICD-10",
    "KCD7": "ICD-10",
    "ICDO3": "ICD-O-3",
    "ICD9Proc": "ICD-9-CM-3",
    "ICD9ProcCN": "ICD-9-CM-3",
    "ICD10PCS": "ICD-10-PCS",
    "ATC": "ATC",
    "RxNorm": "RxNorm",
    "CPT4": "CPT",
    "HCPCS": "HCPCS",
}
"""OMOP's names of the code systems."""

_SYSTEM = r"LOINC|SNOMED CT|ICD-10-PCS|ICD-10|ICD-O-3|ICD-9-CM-3|ATC|RxNorm|CPT|HCPCS|OMOP"

_WRITTEN = re.compile(rf"({_SYSTEM}|set) (\S+)(?: = ([a-z0-9_]+))?( \?)?")

TREES = {"ICD-10", "ICD-10-PCS", "ICD-O-3", "ICD-9-CM-3", "ATC", "CPT", "HCPCS"}
"""Systems whose codes show by their first characters what they stand under."""

ASK, UNRELATED = "ask", "unrelated"

_MORPHOLOGY = re.compile(r"\s*[Mm]-?\d{4,5}/\d.*")
"""A morphology, as the chapters of ICD-10 and its Chinese edition write one."""

_PARTS = re.compile(r"[|;,。，；、\n]")


def system_of(name: Any) -> str:
    """Return the code system that FHIR names so, empty when it is none of those read here."""
    plain = str(name or "").strip().rstrip("/").lower()
    if plain in SYSTEMS:
        return SYSTEMS[plain]
    tail = plain if ":" in plain and "/" not in plain else plain.rpartition("/")[2]
    return next((system for pattern, system in _NAMED if pattern.search(tail)), "")


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


class Words(NamedTuple):
    """The words of a value set that show that a fact may be meant, and in which kinds of entries."""

    fact: str
    kinds: tuple[str, ...]
    found: re.Pattern[str]
    unless: re.Pattern[str] | None

    def speaks(self, part: str) -> bool:
        """Whether a part of a text has one of the words where none takes it back."""
        return bool(self.found.search(self.unless.sub("", part) if self.unless else part))


class Asked(NamedTuple):
    """What the codes or the text of an entry say of one fact: an option, and the code that says it."""

    fact: str
    option: str
    code: str


def written(record: EligibilityRecord) -> list[Written]:
    """Take the codes of all facts apart, value sets included.

    Raises
    ------
    ValueError
        For an entry that is not of the form described above, or a value set that is none.
    """
    return _written(_codes(record))


class _Codes(NamedTuple):
    """The codes of a record: by fact, and in its value sets."""

    facts: tuple[tuple[str, tuple[str, ...]], ...]
    sets: tuple[ValueSet, ...]


def _codes(record: EligibilityRecord) -> _Codes:
    facts = tuple((fact.id, fact.codes) for fact in record.facts if fact.codes)
    return _Codes(facts, record.imports.value_sets)


def _written(codes: _Codes) -> list[Written]:
    sets = {one.id: one for one in codes.sets}
    return [entry for fact, texts in codes.facts for text in texts for entry in _entries(fact, text, sets)]


def _entries(fact: str, text: str, sets: Mapping[str, ValueSet]) -> Iterator[Written]:
    match = _WRITTEN.fullmatch(text)
    if match is None or (match[1] == "set" and match[2] not in sets):
        raise RecordError(
            _("fact {fact}: code {text!r}").format(fact=fact, text=text),
            _("one like {examples}").format(examples=alternatives(("LOINC 1742-6", "ICD-10 C92.4 = apl"))),
        )
    meaning = Meaning(fact, match[3] or "")
    if match[1] != "set":
        yield Written(match[1], match[2], meaning, not match[4])
        return
    for one in sets[match[2]].codes:
        for entry in _entries(fact, one, {}):
            yield entry._replace(meaning=meaning)


def _words(codes: _Codes) -> Iterator[Words]:
    """Yield the words of the value sets that the facts name with ``ask``."""
    sets = {f"set {one.id} = {ASK}": one for one in codes.sets if one.words}
    for fact, texts in codes.facts:
        for own in (sets[text] for text in texts if text in sets):
            yield Words(fact, own.words_in, _pattern(own.words), _taken_back(own.unless) if own.unless else None)


def _taken_back(parts: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for what words take back: all of it, what stands before ``*word``, or behind ``word*``."""
    wanted = []
    for part in parts:
        word = _pattern([part.strip("*")]).pattern
        behind, before = "" if part.startswith("*") else ".*", "" if part.endswith("*") else r"\A.*"  # else quadratic
        wanted.append(f"{before}{word}{behind}")
    return re.compile("|".join(wanted), re.IGNORECASE)


def _pattern(parts: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for beginnings of words; ``*`` before one means its end, and Chinese has no words' ends."""
    wanted = []
    for part in parts:
        plain = re.escape(part.removeprefix("*"))
        if not part.isascii():
            wanted.append(plain)
        else:
            wanted.append(rf"{plain}(?:e|s|es|um)?(?![a-z])" if part.startswith("*") else rf"(?<![a-z]){plain}")
    return re.compile("|".join(wanted), re.IGNORECASE)


def code_book(record: EligibilityRecord) -> "CodeBook":
    """Return the codes of a record, ready to be asked; kept, because each file asks anew.

    Raises
    ------
    ValueError
        As :func:`written`.
    """
    return _kept(_codes(record))


@lru_cache(maxsize=4)
def _kept(codes: _Codes) -> "CodeBook":
    return CodeBook(codes)


class CodeBook:
    """Codes by fact, ready to be asked."""

    def __init__(self, codes: _Codes) -> None:
        self._exact: dict[tuple[str, str], list[Meaning]] = {}
        self._trees: dict[str, list[tuple[str, str, Meaning]]] = {}
        self._words = tuple(_words(codes))
        self.meanings = lru_cache(maxsize=10_000)(self._meanings)
        self.suspected = lru_cache(maxsize=10_000)(self._suspected)
        for entry in _written(codes):
            if entry.system in TREES:
                first, _dash, last = entry.code.partition("-")
                low, high = (_plain(entry.system, one) for one in _ends(entry.system, first, last or first))
                self._trees.setdefault(entry.system, []).append((low, high, entry.meaning))
            else:
                self._exact.setdefault((entry.system, entry.code), []).append(entry.meaning)

    def _meanings(self, system: str, code: str) -> list[Meaning]:
        """Return what a code says, ``ask`` and ``unrelated`` included; empty if nothing is known of it."""
        if system in TREES:
            return self._tree_meanings(system, code)
        return self._exact.get((system, code.strip()), [])

    def _tree_meanings(self, system: str, code: str) -> list[Meaning]:
        """``C92.00`` is a ``C92.0``: a longer entry beats a shorter one, one code a range, a range a wider one.

        A tumour's morphology stands among the codes of ICD-10 with an M before it: ``M8140/3``.
        """
        if system == "ICD-10" and _MORPHOLOGY.fullmatch(code):
            system = "ICD-O-3"
        plain = _plain(system, code)
        best: dict[str, tuple[int, str, str, Meaning]] = {}
        for low, high, meaning in self._trees.get(system, ()):
            depth = len(low)
            if not low <= plain[:depth] <= high or len(plain) < depth:
                continue
            rank = depth * 2 + (low == high)
            known = best.get(meaning.fact)
            narrower = known is not None and rank == known[0] and low >= known[1] and high <= known[2]
            if known is None or rank > known[0] or narrower:
                best[meaning.fact] = rank, low, high, meaning
        return [meaning for *_rank, meaning in best.values()]

    def asked(self, codings: Sequence[tuple[str, str]], texts: Iterable[str], kind: str) -> list[Asked]:
        """Return what an entry says of the facts, ``unrelated`` included.

        A code that decides goes before one that says ``unrelated``, and that before one that asks. Codes that decide
        differently are all returned. The text is read for facts of which no code says anything.

        Parameters
        ----------
        codings : sequence of (str, str)
            Systems, as this module names them, and codes.
        texts : iterable of str
            Displays and texts of the entry.
        kind : {"condition", "procedure", "medication"}
            What the entry is.
        """
        found = weightiest(
            Asked(meaning.fact, meaning.option, f"{system} {code}")
            for system, code in codings
            for meaning in (self.meanings(system, code) if system else ())
        )
        known = {one.fact for one in found}
        words = self.suspected(" | ".join(text for text in texts if text), kind)
        shown = " ".join(codings[0]) if codings else ""
        return [*found, *(Asked(fact, ASK, shown) for fact in words if fact not in known)]

    def above(self, system: str, code: str) -> list[Meaning]:
        """Return what a code says of those that stand below it: an entry ``<363346000`` does not mean itself."""
        own = self._exact.get((system, f"<{code.strip()}"), [])
        return [*own, *self.meanings(system, code)]

    def _suspected(self, text: str, kind: str) -> list[str]:
        """Return the facts that the words of a text may speak of, each part of the text by itself."""
        parts = _PARTS.split(text) if text else []
        own = (one for one in self._words if kind in one.kinds)
        return list(dict.fromkeys(one.fact for one in own if any(map(one.speaks, parts))))


def weightiest(said: Iterable[Asked]) -> list[Asked]:
    """Return what counts of all that codes say of each fact: every option that one decides, else what is known."""
    found: dict[str, dict[str, Asked]] = {}
    for one in said:
        options = found.setdefault(one.fact, {})
        weight, known = _weight(one.option), max(map(_weight, options), default=0)
        if weight > known:
            options.clear()
        if weight >= known:
            options.setdefault(one.option, one)
    return [one for options in found.values() for one in options.values()]


def _weight(option: str) -> int:
    return {ASK: 1, UNRELATED: 2}.get(option, 3)


def _ends(system: str, first: str, last: str) -> tuple[str, str]:
    """Return both ends of a range; the behaviour behind a morphology belongs to both: ``8000-9589/3``."""
    if system == "ICD-O-3" and "/" not in first:
        return f"{first}/{last.partition('/')[2]}", last
    return first, last


def _plain(system: str, code: str) -> str:
    """Return a code without signs; of a morphology its behaviour first, then its four digits."""
    if system == "ICD-O-3":
        match = re.match(r"\s*M?-?(\d{4})\d?/?(\d)", code.upper())
        return match[2] + match[1] if match else ""
    return re.sub(r"[^A-Z0-9]", "", code.upper())


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
