"""FHIR R4: bundles and bulk files in, as facts with their evidence.

In reading order: all of it together, files to resources, resources to findings, values of observations, Patients.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from protocol.eligibility import Fact
from protocol.exchange.clinical.findings import CONFLICT, NOT_USABLE, Birth, Finding, Imports, Naming, Setting
from protocol.exchange.clinical.reconciliation import diagnosed, died, measured, settle, still_going_on
from protocol.exchange.clinical.reference_ranges import Subject, upper_limit
from protocol.exchange.clinical.terminology import MEANS, SYSTEMS, CodeBook, Meaning, amount, coded, worded
from protocol.exchange.clinical.units import UNIT_UNKNOWN, unit_of
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.dates import PartialDate, partial_date
from protocol.exchange.foreign_json import read_json
from protocol.exchange.limits import check_json
from protocol.records import ProtocolError
from protocol.translation import _


def read_fhir(files: Mapping[str, bytes], setting: Setting, name: Naming) -> Imports:
    """Read FHIR R4 files into facts per participant.

    Parameters
    ----------
    files : mapping of str to bytes
        By file name: bundles, single resources, or one resource per line (bulk export), in any mixture; resources
        of one person may be spread over several files.
    setting : Setting
        The record, the as-of date, the site and its limits of normal.
    name : function from str to str
        The study id of a person, from the id of its Patient resource, which is kept nowhere.

    Returns
    -------
    Imports
        Participants in the order of their study ids.

    Raises
    ------
    ProtocolError
        When a file is not FHIR in JSON, or no file has a resource about a person.
    """
    *_before, (imports, _done) = read_fhir_stepwise(files, setting, name, on_page=False)
    assert imports is not None  # noqa: S101 - the last step has it
    return imports


_READING = 0.5
"""The part of the work that is reading the files; the other is deciding between the findings of each person."""

_EACH = 200
"""Resources, or persons, between two steps, at which the reading can be stopped."""


def read_fhir_stepwise(
    files: Mapping[str, bytes], setting: Setting, name: Naming, *, on_page: bool = True
) -> Iterator[tuple[Imports | None, float]]:
    """Read files like :func:`read_fhir`, step by step; files that are too much for a page are refused.

    Yields
    ------
    (Imports or None, float)
        What was found, at the last step only, and the part that is done, 0 to 1.
    """
    if on_page:
        check_json(", ".join(files)[:80], *files.values())
    problems: list[FileProblem] = []
    found: list[_Item] = []
    for place, (file, content) in enumerate(files.items()):
        yield None, _READING * place / len(files)
        for item in _items(file, content, problems):
            found.append(item)
            if len(found) % _EACH == 0:
                yield None, _READING * place / len(files)
    patients = _patients(found)
    aliases = _aliases(patients)
    people: dict[str, list[_Item]] = {key: [] for key in patients}
    for item in _latest([item for item in found if item.resource["resourceType"] != "Patient"], aliases):
        key = _person(item.resource, aliases)
        if key:
            people.setdefault(key, []).append(item)
        else:
            what, write = _("a resource without a patient"), _("its subject: the reference of a Patient")
            problems.append(FileProblem(item.where, what, write))
    if not people:
        what, write = _("no Patient and no resource about one"), _("FHIR R4 resources of patients")
        raise ProtocolError(", ".join(files), what, write)
    book, imported = CodeBook(setting.record), []
    for place, (key, own) in enumerate(people.items()):
        if place % _EACH == 0:
            yield None, _READING + (1 - _READING) * place / len(people)
        person = patients.get(key, [])
        birth = _birth(person, setting.as_of, problems)
        reader = _Reader(book, setting, Subject(_sex(person), birth.on if birth else None))
        findings = [finding for item in own for finding in reader.read(item, problems)]
        findings += _patient_findings(person, setting)
        study_id = name(key)
        imported.append(settle(study_id, [_hide(finding, key, study_id) for finding in findings], birth, setting))
        problems += [_second_patient(item) for item in person[1:]]
        if not person:
            what = _("no Patient resource: age and sex are unknown")
            problems.append(FileProblem(study_id, what, _("the file with the Patient resources as well")))
    yield Imports.of(imported, problems), 1.0


# --- Files to resources ---

_BUNDLES = ("transaction", "batch", "collection", "searchset", "document")

_USED = (
    "Patient",
    "Observation",
    "Condition",
    "Procedure",
    "MedicationStatement",
    "MedicationAdministration",
)

_NEEDED = (
    "resourceType",
    "id",
    "meta",
    "status",
    "code",
    "subject",
    "patient",
    "effective",
    "issued",
    "value",
    "component",
    "dataAbsentReason",
    "interpretation",
    "referenceRange",
    "verificationStatus",
    "clinicalStatus",
    "onset",
    "abatement",
    "recordedDate",
    "performed",
    "gender",
    "birthDate",
    "deceased",
)
"""Beginnings of the elements that are read. Names, addresses and notes are dropped at once."""


class _Item(NamedTuple):
    """One resource, where it stood, and what a bundle calls it."""

    where: str
    resource: dict[str, Any]
    full_url: str = ""


def _items(name: str, content: bytes, problems: list[FileProblem]) -> Iterator[_Item]:
    """Yield the resources of one file that can say something; what cannot be read is added to `problems`."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise ProtocolError(name, _("XML"), _("the same resources as JSON"))
    if not content.strip():
        raise ProtocolError(name, _("an empty file"), _("a FHIR R4 bundle, or one resource per line"))
    found = _lines(name, content, problems) if _is_ndjson(content) else _document(name, content, problems)
    for item in found:
        if item.resource.get("resourceType") in _USED:
            needed = {
                key: value for key, value in item.resource.items() if key.startswith(_NEEDED) and key != "identifier"
            }
            yield item._replace(resource=needed)


def _is_ndjson(content: bytes) -> bool:
    first, _newline, rest = content.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    try:
        return isinstance(json.loads(first), dict) and bool(rest.strip())
    except (ValueError, RecursionError):
        return False


def _lines(name: str, content: bytes, problems: list[FileProblem]) -> Iterator[_Item]:
    for number, line in enumerate(io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")), start=1):
        where = _("{name}, line {number}").format(name=name, number=number)
        if not line.strip():
            continue
        try:
            resource = json.loads(line)
        except (ValueError, RecursionError):
            problems.append(FileProblem(where, _("a line that is not JSON"), _("one whole resource per line")))
            continue
        if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
            yield from _entries(where, resource, problems)
        elif isinstance(resource, dict) and "resourceType" in resource:
            yield _Item(where, resource)
        else:
            problems.append(FileProblem(where, _("no resource"), _("one whole resource per line")))


def _document(name: str, content: bytes, problems: list[FileProblem]) -> Iterator[_Item]:
    root: dict[str, Any] = read_json(content, name).value
    kind = root.get("resourceType")
    if kind == "Bundle":
        yield from _entries(name, root, problems)
    elif isinstance(kind, str) and kind:
        yield _Item(name, root)
    else:
        raise ProtocolError(name, _("JSON without resourceType"), _("a FHIR R4 bundle, or one resource per line"))


def _entries(name: str, bundle: dict[str, Any], problems: list[FileProblem]) -> Iterator[_Item]:
    if bundle.get("type") not in _BUNDLES:
        found = _("a bundle of type {type}").format(type=str(bundle.get("type"))[:30])
        raise ProtocolError(name, found, _("a bundle of type {types}").format(types=", ".join(_BUNDLES)))
    entries = bundle.get("entry", [])
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries], start=1):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") in ("DELETE", "GET", "HEAD"):
            continue
        where = _("{name}, entry {number}").format(name=name, number=number)
        if isinstance(resource, dict) and "resourceType" in resource:
            yield _Item(where, resource, str(entry.get("fullUrl") or ""))
        else:
            found, write = _("an entry without a resource"), _("a resource with its resourceType")
            problems.append(FileProblem(where, found, write))


def _latest(found: Iterable[_Item], aliases: dict[str, str]) -> list[_Item]:
    """Keep the newest version of each resource; versions that differ and do not say which is newer are all kept.

    Two servers may give one id to resources of two persons: these are no versions of each other.
    """
    versions: dict[Any, list[_Item]] = {}
    for number, item in enumerate(found):
        own = item.resource.get("id")
        key = item.resource["resourceType"], str(own), _person(item.resource, aliases)
        versions.setdefault(key if own else number, []).append(item)
    return [item for items in versions.values() for item in _newest(items)]


def _newest(versions: list[_Item]) -> list[_Item]:
    newest = max(map(_updated, versions))
    kept: list[_Item] = []
    for item in versions:
        if _updated(item) == newest and all(item.resource != other.resource for other in kept):
            kept.append(item)
    return kept


def _updated(item: _Item) -> str:
    meta = item.resource.get("meta")
    updated = _dated(meta.get("lastUpdated")) if isinstance(meta, dict) else None
    return updated.moment if updated else ""


def _patients(found: list[_Item]) -> dict[str, list[_Item]]:
    """Return the Patient resources of each id: one, or several that differ and do not say which is newer."""
    patients: dict[str, list[_Item]] = {}
    for item in found:
        if item.resource["resourceType"] == "Patient":
            patients.setdefault(_id(item), []).append(item)
    return {key: _newest(versions) for key, versions in patients.items()}


def _id(item: _Item) -> str:
    return str(item.resource.get("id") or item.full_url.rpartition("/")[2].rpartition(":")[2] or item.where)


def _aliases(patients: dict[str, list[_Item]]) -> dict[str, str]:
    """Return the id of a Patient by each way in which a reference can name it."""
    aliases: dict[str, str] = {}
    for key, versions in patients.items():
        aliases |= {f"Patient/{key}": key, f"urn:uuid:{key}": key}
        aliases |= {item.full_url: key for item in versions if item.full_url}
    return aliases


def _person(resource: dict[str, Any], aliases: dict[str, str]) -> str:
    """Return the id of the Patient that a resource is about, empty when it is about none."""
    subject = resource.get("subject") or resource.get("patient")
    reference = str(subject.get("reference") or "") if isinstance(subject, dict) else ""
    reference = reference.partition("/_history/")[0]
    if reference in aliases:
        return aliases[reference]
    base, _slash, tail = reference.rpartition("Patient/")
    return aliases.get(f"Patient/{tail}", tail) if _slash and (not base or base.endswith("/")) else ""


# --- Dates ---


def _dated(value: Any) -> PartialDate | None:
    try:
        return partial_date(value)
    except ValueError:
        return None


def _first_day(value: Any) -> date | None:
    """Return the first day a date may mean: the cautious one for a measurement. None when it is no date."""
    found = _dated(value)
    return found.first if found else None


def _last_day(value: Any) -> date | None:
    """Return the last day a date may mean: the cautious one for the end of something."""
    found = _dated(value)
    return found.last if found else None


def _period(resource: dict[str, Any], stem: str) -> tuple[Any, Any]:
    """Return start and end of ``stem``: a dateTime, an instant, or a Period."""
    own = resource.get(f"{stem}Period")
    if isinstance(own, dict):
        return own.get("start"), own.get("end")
    at = resource.get(f"{stem}DateTime") or resource.get(f"{stem}Instant")
    return at, at


def _not_dates(resource: dict[str, Any]) -> list[str]:
    """Return the elements of a resource that ought to be a date and are none."""
    given = {name: at for name, at in resource.items() if name.endswith(("DateTime", "Instant", "Date", "issued"))}
    for name, own in resource.items():
        if name.endswith("Period") and isinstance(own, dict):
            given |= {f"{name}.{end}": own.get(end) for end in ("start", "end")}
    return [name for name, at in given.items() if at is not None and _dated(at) is None]


# --- Resources to findings ---

_RESULTS = {"final", "amended", "corrected", "preliminary"}
"""States of an Observation that carry a result; entered-in-error, cancelled, registered and unknown do not."""

_NOT_CONFIRMED = {"refuted", "entered-in-error", "unconfirmed", "provisional", "differential"}
"""Verification states in which a Condition is no diagnosis."""

_CONFIRMED = {"confirmed"}

_ENDED = {"inactive", "resolved"}
"""Clinical states of something that is over; remission is a state of the disease, not its end."""

_GOING_ON = {"active", "recurrence", "relapse", "remission"}

_MCODE_MEDICATION = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-related-medication"
"""Begins the profiles by which mCODE marks a medication as given against cancer."""

_INTERPRETED = {"POS": True, "DET": True, "RR": True, "NEG": False, "ND": False, "NR": False}
"""HL7's interpretations that say found or not found: positive, detected, reactive, and their opposites."""


class _UnclearError(ValueError):
    """A state of a Condition that none of its codings tells, or that two tell differently; the element's name."""


class _Asked(NamedTuple):
    """What the code of a resource asks about: a fact, and the option that the code itself stands for."""

    fact: Fact
    option: str
    code: str


@dataclass(frozen=True)
class _Reader:
    """Reads the resources of one person with one record's codes."""

    book: CodeBook
    setting: Setting
    subject: Subject

    def read(self, item: _Item, problems: list[FileProblem]) -> list[Finding]:
        """Return the findings of one resource; empty if no fact has its codes, or if it cannot be used."""
        try:
            findings = [*self._findings(item.resource)]
        except _UnclearError as element:
            found = _("{element} without a clear meaning; the Condition is not used").format(element=element)
            write = _("one code of HL7 for it, beside a text or a code of your own")
            problems.append(FileProblem(item.where, found, write))
            return []
        except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
            found = _("a resource that does not have the shape of FHIR R4; it is not used")
            problems.append(FileProblem(item.where, found, _("the resource as the server gives it")))
            return []
        problems += [_no_date(item, name) for name in _not_dates(item.resource) if findings]
        return findings

    def _findings(self, resource: dict[str, Any]) -> Iterator[Finding]:
        kind = str(resource["resourceType"])
        origin = f"{kind} {resource.get('id', '')}".strip()
        match kind:
            case "Observation":
                return self._observation(resource, origin)
            case "Condition":
                return self._condition(resource, origin)
            case "Procedure":
                return self._procedure(resource, origin)
        return self._medication(resource, origin)

    def _asked(self, concept: Any) -> Iterator[_Asked]:
        """Yield what the codings of a concept ask about, the first coding of each fact only."""
        seen = set()
        for coding in (concept or {}).get("coding", []):
            system = _system(coding)
            meanings: Sequence[Meaning] = self.book.meanings(system, str(coding.get("code"))) if system else ()
            for meaning in meanings:
                if meaning.fact not in seen:
                    seen.add(meaning.fact)
                    yield _Asked(self.setting.facts[meaning.fact], meaning.option, f"{system} {coding['code']}")

    def _observation(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        if resource.get("status") not in _RESULTS:
            return
        start, end = _period(resource, "effective")
        at = _dated(end or start or resource.get("issued"))
        day, moment = (at.first, at.moment) if at else (None, "")
        note = _("preliminary result") if resource["status"] == "preliminary" else ""
        for part in (resource, *resource.get("component", [])):
            for asked in self._asked(part.get("code")):
                blank = Finding(asked.fact.id, None, day, origin, asked.code, note=note, moment=moment)
                finding = self._answered(part, asked, blank)
                if finding is not None:
                    yield finding

    def _condition(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        meanings = [asked for asked in self._asked(resource.get("code")) if asked.option]
        if not meanings or _is(resource, "verificationStatus", _NOT_CONFIRMED, _CONFIRMED):
            return
        start = _first_day(_period(resource, "onset")[0]) or _first_day(resource.get("recordedDate"))
        end = _last_day(_period(resource, "abatement")[1])
        ended = _is(resource, "clinicalStatus", _ENDED, _GOING_ON)
        if start and start > self.setting.as_of:
            return
        for fact, option, code in meanings:
            blank = Finding(fact.id, None, start, origin, code, original=code)
            yield from diagnosed(fact, option, blank, end or ended, self.setting)

    def _procedure(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        if resource.get("status") not in ("completed", "in-progress"):
            return
        begun, day = self._until(resource, "performed", ongoing=resource["status"] == "in-progress")
        if not begun:
            return
        for fact, option, code in self._asked(resource.get("code")):
            if option:
                value = True if fact.type == "yes_no" else option
                yield Finding(fact.id, value, day, origin, code, original=code)

    def _medication(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        fact, profiles = self.setting.person.anticancer_therapy, (resource.get("meta") or {}).get("profile", [])
        if fact is None or not any(str(profile).startswith(_MCODE_MEDICATION) for profile in profiles):
            return
        if resource.get("status") not in ("active", "in-progress", "completed", "stopped", "on-hold"):
            return
        ongoing = resource["status"] in ("active", "in-progress")
        begun, day = self._until(resource, "effective", ongoing=ongoing)
        if not begun:
            return
        note = still_going_on() if ongoing else _("a medication against cancer by its mCODE profile")
        yield Finding(fact, True, day, origin, "mCODE", note=note)

    def _until(self, resource: dict[str, Any], stem: str, *, ongoing: bool) -> tuple[bool, date | None]:
        """Return whether something had begun by the as-of date, and its last day up to then.

        What goes on ends when its period does; a single date only says when it was noted. A period that is over and
        does not say when has an unknown end: its start is not its last day.
        """
        start, end = _period(resource, stem)
        if ongoing and f"{stem}Period" not in resource:
            end = None
        begun, last = _first_day(start), _last_day(end)
        if begun and begun > self.setting.as_of:
            return False, None
        if last is None:
            return True, self.setting.as_of if ongoing else None
        return True, min(last, self.setting.as_of)

    # --- Values of observations ---

    def _answered(self, part: dict[str, Any], asked: _Asked, blank: Finding) -> Finding | None:
        """Complete a finding with the value of an observation; None when the observation has none.

        A value of a kind that is not read here is still a result, and may not leave the field to an older one.
        """
        match {name: given for name, given in part.items() if name.startswith("value") and given is not None}:
            case {"valueQuantity": {"value": int() | float() as number}} if not isinstance(number, bool):
                return self._quantity(part, asked, blank)
            case {"valueCodeableConcept": dict() as concept}:
                return self._concept(concept, asked, blank)
            case {"valueBoolean": bool() as found}:
                return self._yes_or_no(found, asked, blank)
            case {"valueInteger": int() as whole} if not isinstance(whole, bool):
                return self._whole(whole, asked.fact, blank)
            case {"valueString": _text}:
                return replace(blank, reason=NOT_USABLE, note=_("a text instead of a code or number"))
            case other if other and not part.get("dataAbsentReason"):
                return replace(blank, reason=NOT_USABLE, note=_("neither a number nor an answer known here"))
        return None

    def _quantity(self, part: dict[str, Any], asked: _Asked, blank: Finding) -> Finding | None:
        fact, option, setting = asked.fact, asked.option, self.setting
        quantity, is_circumstance = part["valueQuantity"], asked.fact.id in self.setting.circumstances
        value, comparator = quantity["value"], str(quantity.get("comparator") or "")
        unit = unit_of(quantity)
        finding = replace(blank, original=f"{comparator}{value:.10g} {unit}".strip())
        if comparator and (fact.is_number or is_circumstance):
            return replace(finding, reason=NOT_USABLE, note=_("only a bound, not a value"))
        if is_circumstance:
            return replace(finding, value=value == 0) if unit else replace(finding, reason=UNIT_UNKNOWN)
        if fact.is_number:
            limit = upper_limit(part, fact, self.subject, blank.day, setting.molar_masses.get(fact.id))
            return replace(measured(fact, float(value), unit, finding, setting), limit=limit)
        load = setting.viral_load(fact, option)
        word, note = amount(fact, option, load, float(value), comparator, unit)
        if load is None and (found := _interpreted(part)) is not None:
            word = worded(fact, option, found)
        if word is None:
            return None if option else replace(finding, reason=NOT_USABLE, note=note)
        return replace(finding, value=word)

    def _concept(self, concept: dict[str, Any], asked: _Asked, blank: Finding) -> Finding | None:
        codings = [(_system(coding), str(coding.get("code"))) for coding in concept.get("coding", [])]
        answers = [coded(asked.fact, asked.option, coding) for coding in codings]
        values = [value for value in answers if value is not None]
        finding = replace(blank, original=", ".join(" ".join(coding).strip() for coding in codings))
        if len(set(values)) > 1 or len({MEANS[coding] for coding in codings if coding in MEANS}) > 1:
            return replace(finding, reason=CONFLICT, note=f"{finding.original} ({blank.origin})")
        if values:
            return replace(finding, value=values[0])
        return None if asked.option else replace(finding, reason=NOT_USABLE, note=_("an answer not known here"))

    def _yes_or_no(self, found: bool, asked: _Asked, blank: Finding) -> Finding | None:
        value, finding = worded(asked.fact, asked.option, found), replace(blank, original=str(found).lower())
        if value is not None:
            return replace(finding, value=value)
        return None if asked.option else replace(finding, reason=NOT_USABLE, note=_("an answer not known here"))

    def _whole(self, value: int, fact: Fact, blank: Finding) -> Finding:
        finding = replace(blank, original=str(value))
        if not fact.is_number:
            return replace(finding, reason=NOT_USABLE)
        counts = fact.type == "whole" and fact.unit in ("1", "{score}")
        return measured(fact, value, "1" if counts else "", finding, self.setting)


def _system(coding: dict[str, Any]) -> str:
    return SYSTEMS.get(str(coding.get("system")).rstrip("/"), "")


def _is(resource: dict[str, Any], element: str, states: set[str], others: set[str]) -> bool:
    """Whether an element's codings say one of `states`; False without the element.

    Raises
    ------
    _UnclearError
        When they say one of neither, or of both.
    """
    concept = resource.get(element)
    if concept is None:
        return False
    codes = {str(coding.get("code")) for coding in concept.get("coding", [])}
    said = {code in states for code in codes & (states | others)}
    if len(said) != 1:
        raise _UnclearError(element)
    return said.pop()


def _interpreted(part: dict[str, Any]) -> bool | None:
    """Return what the laboratory itself says of a number: found or not; None when it says neither, or both."""
    codings = [coding for one in part.get("interpretation", []) for coding in one.get("coding", [])]
    said = {_INTERPRETED[str(c.get("code"))] for c in codings if c.get("code") in _INTERPRETED and _is_flag(c)}
    return said.pop() if len(said) == 1 else None


def _is_flag(coding: dict[str, Any]) -> bool:
    system = str(coding.get("system")).rstrip("/").lower()
    return system.endswith(("v3-observationinterpretation", "v2-0078", "v2/0078"))


# --- The Patient ---

_SEXES = ("female", "male", "other")
"""FHIR's administrative genders, as the record's options name them; ``unknown`` is unknown here too."""

_SHORT_ID = 5
"""Characters of an id below which it may be part of another word by chance."""


def _patient_findings(patients: Sequence[_Item], setting: Setting) -> list[Finding]:
    """Return the sex, the death, and a conflict of dates of birth."""
    role, findings = setting.person, []
    for patient in (item.resource for item in patients):
        gender = str(patient.get("gender"))
        if role.sex and gender in _SEXES and gender in setting.facts[role.sex].options:
            findings.append(Finding(role.sex, gender, setting.as_of, "Patient", original=gender))
        day = _first_day(patient.get("deceasedDateTime"))
        if day or patient.get("deceasedBoolean") is True:
            findings += died(day, setting, "Patient")
    births = _births(patients)
    if len(births) > 1:
        note = "; ".join(filter(_dated, births))
        names = [name for name in (role.birth_date, role.age) if name]
        findings += [Finding(name, None, setting.as_of, "Patient", reason=CONFLICT, note=note) for name in names]
    return findings


def _sex(patients: Sequence[_Item]) -> str | None:
    """Return the sex, None when unknown or in conflict."""
    known = {str(item.resource.get("gender")) for item in patients} & set(_SEXES)
    return known.pop() if len(known) == 1 else None


def _birth(patients: Sequence[_Item], as_of: date, problems: list[FileProblem]) -> Birth | None:
    """Return when the person was born; None when it is absent, unreadable or in conflict."""
    births = _births(patients)
    if len(births) != 1:
        return None
    [(text, item)] = births.items()
    try:
        birth = Birth(partial_date(text, time=False), "Patient")
    except ValueError:
        problems.append(_no_date(item, "birthDate"))
        return None
    if birth.on.first > as_of:
        problems.append(_no_date(item, "birthDate")._replace(found=_("a date of birth after the as-of date")))
    return birth


def _births(patients: Sequence[_Item]) -> dict[str, _Item]:
    """Return the different dates of birth as they are written, each with a resource that says so."""
    return {str(item.resource["birthDate"]): item for item in patients if item.resource.get("birthDate") is not None}


def _second_patient(item: _Item) -> FileProblem:
    found = _("another Patient of the same id, and neither is newer")
    return FileProblem(item.where, found, _("one Patient per person"))


def _no_date(item: _Item, element: str) -> FileProblem:
    write = _("a date like 1960-03-01, or its year, or year and month")
    return FileProblem(f"{item.where}, {element}", _("no date"), write)


def _hide(finding: Finding, key: str, study_id: str) -> Finding:
    """Take the person's id out of the ids of the resources, where some servers put it; a short one as a word."""
    short = len(key) < _SHORT_ID
    pattern = rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])" if short else re.escape(key)
    return replace(finding, origin=re.sub(pattern, lambda _match: study_id, finding.origin))
