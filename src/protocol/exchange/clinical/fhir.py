"""FHIR R4: bundles and bulk files in, as facts with their evidence.

A person has one such resource, or several that differ and do not say which is newer; then no one of them wins.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from dateutil.relativedelta import relativedelta

from protocol.eligibility import Fact
from protocol.exchange.clinical.findings import (
    CONFLICT,
    NOT_USABLE,
    Birth,
    Finding,
    Imports,
    Naming,
    Setting,
    gathered,
    not_yet_born,
    read_birth,
)
from protocol.exchange.clinical.reconciliation import diagnosed, died, measured, settle, still_going_on
from protocol.exchange.clinical.reference_ranges import NOBODY, Subject, upper_limit
from protocol.exchange.clinical.terminology import MEANS, SYSTEMS, CodeBook, Meaning, amount, coded, is_load, worded
from protocol.exchange.clinical.units import UNIT_UNKNOWN, unit_of
from protocol.exchange.cohort.cells import Problem
from protocol.exchange.foreign_json import read_json
from protocol.records import ProtocolError
from protocol.translation import _

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(T.*)?)?)?")


def first_day(value: Any) -> date | None:
    """Return the first day a FHIR date may mean: the cautious one for a measurement. None when it is no date."""
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1)) if match else None
    except ValueError:
        return None


def last_day(value: Any) -> date | None:
    """Return the last day a FHIR date may mean: the cautious one for the end of something."""
    day = first_day(value)
    if day is None:
        return None
    length = len(value)
    last: date = day + relativedelta(years=length == 4, months=length == 7, days=-(length in (4, 7)))
    return last


def moment(value: Any) -> str:
    """Return the moment in universal time where a FHIR date has one, to order values of one day."""
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC).isoformat() if found.tzinfo else ""
    except (TypeError, ValueError, OverflowError):
        return ""


def not_dates(resource: dict[str, Any]) -> list[str]:
    """Return the elements of a resource that ought to be a date and are none."""
    given = {name: at for name, at in resource.items() if name.endswith(("DateTime", "Instant", "Date", "issued"))}
    for name, own in resource.items():
        if name.endswith("Period") and isinstance(own, dict):
            given |= {f"{name}.{end}": own.get(end) for end in ("start", "end")}
    return [name for name, at in given.items() if at is not None and first_day(at) is None]


def period(resource: dict[str, Any], stem: str) -> tuple[Any, Any]:
    """Return start and end of ``stem``: a dateTime, an instant, or a Period."""
    own = resource.get(f"{stem}Period")
    if isinstance(own, dict):
        return own.get("start"), own.get("end")
    at = resource.get(f"{stem}DateTime") or resource.get(f"{stem}Instant")
    return at, at


BUNDLES = ("transaction", "batch", "collection", "searchset", "document")

USED = (
    "Patient",
    "Observation",
    "Condition",
    "Procedure",
    "MedicationStatement",
    "MedicationAdministration",
)

NEEDED = (
    "resourceType", "id", "meta", "status", "code", "subject", "patient", "effective", "issued", "value", "component",
    "dataAbsentReason", "interpretation", "referenceRange", "verificationStatus", "clinicalStatus", "onset",
    "abatement", "recordedDate", "performed", "gender", "birthDate", "deceased",
)  # fmt: skip
"""Beginnings of the elements that are read. Names, addresses and notes are dropped at once."""


class Item(NamedTuple):
    """One resource, where it stood, and what a bundle calls it."""

    where: str
    resource: dict[str, Any]
    full_url: str = ""


def items(name: str, content: bytes, problems: list[Problem]) -> Iterator[Item]:
    """Yield the resources of one file that can say something; what cannot be read is added to `problems`.

    Raises
    ------
    ProtocolError
        When the file as a whole is no FHIR in JSON.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise ProtocolError(name, _("XML"), _("the same resources as JSON"))
    if not content.strip():
        raise ProtocolError(name, _("an empty file"), _("a FHIR R4 bundle, or one resource per line"))
    found = _lines(name, content, problems) if _is_ndjson(content) else _document(name, content, problems)
    for item in found:
        if item.resource.get("resourceType") in USED:
            needed = {
                key: value for key, value in item.resource.items() if key.startswith(NEEDED) and key != "identifier"
            }
            yield item._replace(resource=needed)


def _is_ndjson(content: bytes) -> bool:
    first, _newline, rest = content.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    try:
        return isinstance(json.loads(first), dict) and bool(rest.strip())
    except (ValueError, RecursionError):
        return False


def _lines(name: str, content: bytes, problems: list[Problem]) -> Iterator[Item]:
    for number, line in enumerate(io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")), start=1):
        where = _("{name}, line {number}").format(name=name, number=number)
        if not line.strip():
            continue
        try:
            resource = json.loads(line)
        except (ValueError, RecursionError):
            problems.append(Problem(where, _("a line that is not JSON"), _("one whole resource per line")))
            continue
        if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
            yield from _entries(where, resource, problems)
        elif isinstance(resource, dict) and "resourceType" in resource:
            yield Item(where, resource)
        else:
            problems.append(Problem(where, _("no resource"), _("one whole resource per line")))


def _document(name: str, content: bytes, problems: list[Problem]) -> Iterator[Item]:
    root: dict[str, Any] = read_json(content, name).value
    kind = root.get("resourceType")
    if kind == "Bundle":
        yield from _entries(name, root, problems)
    elif isinstance(kind, str) and kind:
        yield Item(name, root)
    else:
        raise ProtocolError(name, _("JSON without resourceType"), _("a FHIR R4 bundle, or one resource per line"))


def _entries(name: str, bundle: dict[str, Any], problems: list[Problem]) -> Iterator[Item]:
    if bundle.get("type") not in BUNDLES:
        found = _("a bundle of type {type}").format(type=str(bundle.get("type"))[:30])
        raise ProtocolError(name, found, _("a bundle of type {types}").format(types=", ".join(BUNDLES)))
    entries = bundle.get("entry", [])
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries], start=1):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") in ("DELETE", "GET", "HEAD"):
            continue
        where = _("{name}, entry {number}").format(name=name, number=number)
        if isinstance(resource, dict) and "resourceType" in resource:
            yield Item(where, resource, str(entry.get("fullUrl") or ""))
        else:
            problems.append(Problem(where, _("an entry without a resource"), _("a resource with its resourceType")))


AIR = "on_room_air"

INTERPRETED = {"POS": True, "DET": True, "RR": True, "NEG": False, "ND": False, "NR": False}
"""HL7's interpretations that say found or not found: positive, detected, reactive, and their opposites."""


def answered(part: dict[str, Any], fact: Fact, option: str, blank: Finding, subject: Subject) -> Finding | None:
    """Complete a finding with the value of an observation; None when the observation has none.

    A value of a kind that is not read here is still a result, and may not leave the field to an older one.
    """
    match {name: given for name, given in part.items() if name.startswith("value") and given is not None}:
        case {"valueQuantity": {"value": int() | float() as number}} if not isinstance(number, bool):
            return _quantity(part, fact, option, blank, subject)
        case {"valueCodeableConcept": dict() as concept}:
            return _concept(concept, fact, option, blank)
        case {"valueBoolean": bool() as found}:
            return _yes_or_no(found, fact, option, blank)
        case {"valueInteger": int() as whole} if not isinstance(whole, bool):
            return _whole(whole, fact, blank)
        case {"valueString": _text}:
            return replace(blank, reason=NOT_USABLE, note=_("a text instead of a code or number"))
        case other if other and not part.get("dataAbsentReason"):
            return replace(blank, reason=NOT_USABLE, note=_("neither a number nor an answer known here"))
    return None


def _yes_or_no(found: bool, fact: Fact, option: str, blank: Finding) -> Finding | None:
    value, finding = worded(fact, option, found), replace(blank, original=str(found).lower())
    if value is None:
        return None if option else replace(finding, reason=NOT_USABLE, note=_("an answer not known here"))
    return replace(finding, value=value)


def _whole(value: int, fact: Fact, blank: Finding) -> Finding:
    finding = replace(blank, original=str(value))
    counts = fact.type == "whole" and fact.unit in ("1", "{score}")
    return (
        measured(fact, value, "1" if counts else "", finding)
        if fact.is_number
        else replace(finding, reason=NOT_USABLE)
    )


def _concept(concept: dict[str, Any], fact: Fact, option: str, blank: Finding) -> Finding | None:
    codings = [
        (SYSTEMS.get(str(coding.get("system")).rstrip("/"), ""), str(coding.get("code")))
        for coding in concept.get("coding", [])
    ]
    values = [value for value in (coded(fact, option, coding) for coding in codings) if value is not None]
    shown = ", ".join(" ".join(coding).strip() for coding in codings)
    if len(set(values)) > 1 or len({MEANS[coding] for coding in codings if coding in MEANS}) > 1:
        return replace(blank, original=shown, reason=CONFLICT, note=f"{shown} ({blank.origin})")
    if not values:
        return (
            None if option else replace(blank, original=shown, reason=NOT_USABLE, note=_("an answer not known here"))
        )
    return replace(blank, value=values[0], original=shown)


def _quantity(part: dict[str, Any], fact: Fact, option: str, blank: Finding, subject: Subject) -> Finding | None:
    quantity = part["valueQuantity"]
    value, comparator = quantity["value"], str(quantity.get("comparator") or "")
    unit = unit_of(quantity)
    finding = replace(blank, original=f"{comparator}{value:.10g} {unit}".strip())
    if comparator and (fact.is_number or fact.id == AIR):
        return replace(finding, reason=NOT_USABLE, note=_("only a bound, not a value"))
    if fact.id == AIR:
        return replace(finding, value=value == 0) if unit else replace(finding, reason=UNIT_UNKNOWN)
    if not fact.is_number:
        word, note = amount(fact, option, float(value), comparator, unit)
        if not is_load(fact, option) and (found := _interpreted(part)) is not None:
            word = worded(fact, option, found)
        if word is None:
            return None if option else replace(finding, reason=NOT_USABLE, note=note)
        return replace(finding, value=word)
    return replace(measured(fact, float(value), unit, finding), limit=upper_limit(part, fact, subject, blank.day))


def _interpreted(part: dict[str, Any]) -> bool | None:
    """Return what the laboratory itself says of a number: found or not; None when it says neither, or both."""
    codings = [coding for one in part.get("interpretation", []) for coding in one.get("coding", [])]
    said = {INTERPRETED[str(c.get("code"))] for c in codings if c.get("code") in INTERPRETED and _is_flag(c)}
    return said.pop() if len(said) == 1 else None


def _is_flag(coding: dict[str, Any]) -> bool:
    return (
        str(coding.get("system")).rstrip("/").lower().endswith(("v3-observationinterpretation", "v2-0078", "v2/0078"))
    )


RESULTS = {"final", "amended", "corrected", "preliminary"}
"""States of an Observation that carry a result; entered-in-error, cancelled, registered and unknown do not."""

NOT_CONFIRMED = {"refuted", "entered-in-error", "unconfirmed", "provisional", "differential"}
"""Verification states in which a Condition is no diagnosis."""

CONFIRMED = {"confirmed"}

ENDED = {"inactive", "resolved"}
"""Clinical states of something that is over; remission is a state of the disease, not its end."""

GOING_ON = {"active", "recurrence", "relapse", "remission"}

MCODE_MEDICATION = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-related-medication"
"""Begins the profiles by which mCODE marks a medication as given against cancer."""


class UnclearError(ValueError):
    """A state of a Condition that none of its codings tells, or that two tell differently; the element's name."""


@dataclass(frozen=True)
class Reader:
    """Reads the resources of one person with one record's codes."""

    book: CodeBook
    setting: Setting
    subject: Subject = NOBODY

    def findings(self, resource: dict[str, Any]) -> list[Finding]:
        """Return what one resource says; nothing when its codes are not the record's.

        Raises
        ------
        UnclearError
            For a Condition that does not say in a code of HL7 whether it is confirmed, or whether it is over.
        """
        kind = str(resource["resourceType"])
        origin = f"{kind} {resource.get('id', '')}".strip()
        match kind:
            case "Observation":
                return [*self._observation(resource, origin)]
            case "Condition":
                return [*self._condition(resource, origin)]
            case "Procedure":
                return [*self._procedure(resource, origin)]
        return [*self._medication(resource, origin)]

    def _meanings(self, concept: Any) -> Iterator[tuple[Fact, Meaning, str]]:
        """Yield what the codings of a concept say, the first coding of each fact only."""
        seen = set()
        for coding in (concept or {}).get("coding", []):
            system = SYSTEMS.get(str(coding.get("system")).rstrip("/"), "")
            for meaning in self.book.meanings(system, str(coding.get("code"))) if system else []:
                if meaning.fact not in seen:
                    seen.add(meaning.fact)
                    yield self.setting.facts[meaning.fact], meaning, f"{system} {coding['code']}"

    def _observation(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        if resource.get("status") not in RESULTS:
            return
        start, end = period(resource, "effective")
        at = end or start or resource.get("issued")
        note = _("preliminary result") if resource["status"] == "preliminary" else ""
        for part in (resource, *resource.get("component", [])):
            for fact, meaning, code in self._meanings(part.get("code")):
                blank = Finding(fact.id, None, first_day(at), origin, code, note=note, moment=moment(at))
                finding = answered(part, fact, meaning.option, blank, self.subject)
                if finding is not None:
                    yield finding

    def _condition(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        meanings = [found for found in self._meanings(resource.get("code")) if found[1].option]
        if not meanings or _is(resource, "verificationStatus", NOT_CONFIRMED, CONFIRMED):
            return
        start = first_day(period(resource, "onset")[0]) or first_day(resource.get("recordedDate"))
        end = last_day(period(resource, "abatement")[1])
        ended = _is(resource, "clinicalStatus", ENDED, GOING_ON)
        if start and start > self.setting.as_of:
            return
        for fact, meaning, code in meanings:
            blank = Finding(fact.id, None, start, origin, code, original=code)
            yield from diagnosed(fact, meaning.option, blank, end or ended, self.setting.as_of)

    def _procedure(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        if resource.get("status") not in ("completed", "in-progress"):
            return
        begun, day = self._until(resource, "performed", ongoing=resource["status"] == "in-progress")
        if not begun:
            return
        for fact, meaning, code in self._meanings(resource.get("code")):
            if meaning.option:
                value = True if fact.type == "yes_no" else meaning.option
                yield Finding(fact.id, value, day, origin, code, original=code)

    def _medication(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        profiles = (resource.get("meta") or {}).get("profile", [])
        if not any(str(profile).startswith(MCODE_MEDICATION) for profile in profiles):
            return
        if resource.get("status") not in ("active", "in-progress", "completed", "stopped", "on-hold"):
            return
        ongoing = resource["status"] in ("active", "in-progress")
        begun, day = self._until(resource, "effective", ongoing=ongoing)
        if not begun:
            return
        note = still_going_on() if ongoing else _("a medication against cancer by its mCODE profile")
        yield Finding("ever_anticancer_therapy", True, day, origin, "mCODE", note=note)

    def _until(self, resource: dict[str, Any], stem: str, *, ongoing: bool) -> tuple[bool, date | None]:
        """Return whether something had begun by the as-of date, and its last day up to then.

        What goes on ends when its period does; a single date only says when it was noted. A period that is over and
        does not say when has an end nobody knows: its start is not its last day.
        """
        start, end = period(resource, stem)
        if ongoing and f"{stem}Period" not in resource:
            end = None
        begun, last = first_day(start), last_day(end)
        if begun and begun > self.setting.as_of:
            return False, None
        if last is None:
            return True, self.setting.as_of if ongoing else None
        return True, min(last, self.setting.as_of)


def _is(resource: dict[str, Any], element: str, states: set[str], others: set[str]) -> bool:
    """Whether an element's codings say one of `states`; False without the element."""
    concept = resource.get(element)
    if concept is None:
        return False
    codes = {str(coding.get("code")) for coding in concept.get("coding", [])}
    said = {code in states for code in codes & (states | others)}
    if len(said) != 1:
        raise UnclearError(element)
    return said.pop()


SEXES = {"female": "female", "male": "male", "other": "other"}
"""FHIR's administrative genders; ``unknown`` is unknown here too."""


def patient_findings(patients: Sequence[Item], setting: Setting) -> list[Finding]:
    """Return sex, and an expected survival of nothing for somebody who has died by the as-of date."""
    findings = []
    for patient in (item.resource for item in patients):
        gender = str(patient.get("gender"))
        if gender in SEXES:
            findings.append(Finding("sex", SEXES[gender], setting.as_of, "Patient", original=gender))
        day = first_day(patient.get("deceasedDateTime"))
        if day or patient.get("deceasedBoolean") is True:
            findings += died(day, setting.as_of, "Patient")
    births = _births(patients)
    torn = Finding(
        "birth_date", None, setting.as_of, "Patient", reason=CONFLICT, note="; ".join(filter(first_day, births))
    )
    return findings + ([torn, replace(torn, fact="age_years")] if len(births) > 1 else [])


def sex_of(patients: Sequence[Item]) -> str | None:
    """Return the sex, None when unknown or in conflict."""
    known = {SEXES.get(str(item.resource.get("gender"))) for item in patients} - {None}
    return known.pop() if len(known) == 1 else None


def birth_of(patients: Sequence[Item], as_of: date, problems: list[Problem]) -> Birth | None:
    """Return the days the person may have been born on; None when it is absent, unreadable or in conflict."""
    births = _births(patients)
    if len(births) != 1:
        return None
    [(text, item)] = births.items()
    try:
        birth = read_birth(text, "Patient")
    except (ValueError, OverflowError):
        problems.append(no_date(item, "birthDate"))
        return None
    if not_yet_born(birth, as_of):
        found = _("a date of birth after the as-of date")
        problems.append(no_date(item, "birthDate")._replace(found=found))
    return birth


def _births(patients: Sequence[Item]) -> dict[str, Item]:
    """Return the different dates of birth as they are written, each with a resource that says so."""
    return {str(item.resource["birthDate"]): item for item in patients if item.resource.get("birthDate") is not None}


def second(item: Item) -> Problem:
    """Say that a person has more than one Patient resource."""
    return Problem(item.where, _("another Patient of the same id, and neither is newer"), _("one Patient per person"))


def no_date(item: Item, element: str) -> Problem:
    """Say that an element of a resource ought to be a date and is none."""
    write = _("a date like 1960-03-01, or its year, or year and month")
    return Problem(f"{item.where}, {element}", _("no date"), write)


SHORT_ID = 5
"""Characters of an id below which it may be part of another word by chance."""


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
        When a file is no FHIR in JSON, or none of them says anything about anybody.
    """
    problems: list[Problem] = []
    found = [item for file, content in files.items() for item in items(file, content, problems)]
    patients = _patients(found)
    aliases = _aliases(patients)
    people: dict[str, list[Item]] = {key: [] for key in patients}
    for item in _latest([item for item in found if item.resource["resourceType"] != "Patient"], aliases):
        key = _person(item.resource, aliases)
        if key:
            people.setdefault(key, []).append(item)
        else:
            problems.append(
                Problem(item.where, _("a resource of nobody"), _("its subject: the reference of a Patient"))
            )
    if not people:
        raise ProtocolError(
            ", ".join(files), _("no Patient and nothing about one"), _("FHIR R4 resources of patients")
        )
    book = CodeBook(setting.record)
    imported = []
    for key, own in people.items():
        person = patients.get(key, [])
        birth = birth_of(person, setting.as_of, problems)
        reader = Reader(book, setting, Subject(sex_of(person), birth))
        findings = [finding for item in own for finding in _read(reader, item, problems)]
        findings += patient_findings(person, setting)
        study_id = name(key)
        hidden = [_hide(finding, key, study_id) for finding in findings]
        imported.append(settle(study_id, hidden, birth, setting))
        problems += map(second, person[1:])
        if not person:
            found_ = _("no Patient resource: age and sex are unknown")
            problems.append(Problem(study_id, found_, _("the file with the Patient resources as well")))
    return gathered(imported, problems)


def _read(reader: Reader, item: Item, problems: list[Problem]) -> list[Finding]:
    try:
        findings = reader.findings(item.resource)
        problems += [no_date(item, name) for name in not_dates(item.resource) if findings]
        return findings
    except UnclearError as element:
        found = _("{element} says nothing clear; the Condition is not used").format(element=element)
        problems.append(Problem(item.where, found, _("one code of HL7 for it, beside a text or a code of your own")))
        return []
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
        found = _("a resource that does not have the shape of FHIR R4; it is not used")
        problems.append(Problem(item.where, found, _("the resource as the server gives it")))
        return []


def _hide(finding: Finding, key: str, study_id: str) -> Finding:
    """Take the person's id out of the ids of the resources, where some servers put it; a short one as a word."""
    short = len(key) < SHORT_ID
    pattern = rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])" if short else re.escape(key)
    return replace(finding, origin=re.sub(pattern, lambda _match: study_id, finding.origin))


def _latest(found: Iterable[Item], aliases: dict[str, str]) -> list[Item]:
    """Keep the newest version of each resource; versions that differ and do not say which is newer are all kept.

    Two servers may give one id to resources of two persons: these are no versions of each other.
    """
    versions: dict[Any, list[Item]] = {}
    for number, item in enumerate(found):
        own = item.resource.get("id")
        key = item.resource["resourceType"], str(own), _person(item.resource, aliases)
        versions.setdefault(key if own else number, []).append(item)
    return [item for items_ in versions.values() for item in _newest(items_)]


def _newest(versions: list[Item]) -> list[Item]:
    newest = max(map(_updated, versions))
    kept: list[Item] = []
    for item in versions:
        if _updated(item) == newest and all(item.resource != other.resource for other in kept):
            kept.append(item)
    return kept


def _updated(item: Item) -> str:
    meta = item.resource.get("meta")
    return moment(meta.get("lastUpdated")) if isinstance(meta, dict) else ""


def _patients(found: list[Item]) -> dict[str, list[Item]]:
    """Return the Patient resources of each id: one, or several that differ and do not say which is newer."""
    patients: dict[str, list[Item]] = {}
    for item in found:
        if item.resource["resourceType"] == "Patient":
            patients.setdefault(_id(item), []).append(item)
    return {key: _newest(versions) for key, versions in patients.items()}


def _id(item: Item) -> str:
    return str(item.resource.get("id") or item.full_url.rpartition("/")[2].rpartition(":")[2] or item.where)


def _aliases(patients: dict[str, list[Item]]) -> dict[str, str]:
    aliases: dict[str, str] = {}
    for key, versions in patients.items():
        aliases |= {f"Patient/{key}": key, f"urn:uuid:{key}": key}
        aliases |= {item.full_url: key for item in versions if item.full_url}
    return aliases


def _person(resource: dict[str, Any], aliases: dict[str, str]) -> str:
    subject = resource.get("subject") or resource.get("patient")
    reference = str(subject.get("reference") or "") if isinstance(subject, dict) else ""
    reference = reference.partition("/_history/")[0]
    if reference in aliases:
        return aliases[reference]
    base, _slash, tail = reference.rpartition("Patient/")
    return aliases.get(f"Patient/{tail}", tail) if _slash and (not base or base.endswith("/")) else ""
