"""FHIR R4: bundles and bulk files in, as facts with their evidence.

In reading order: all of it together, resources to findings, values of observations, Patients. Before it stand the
files (:mod:`.fhir_resources`), whom a resource is about (:mod:`.fhir_people`), and when it was (:mod:`.fhir_times`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from protocol.eligibility import Fact
from protocol.exchange.clinical.fhir_people import Person, people_of, shared
from protocol.exchange.clinical.fhir_resources import Item, Resources, doubt_of, read_resources
from protocol.exchange.clinical.fhir_times import Clock, When, last_day
from protocol.exchange.clinical.findings import (
    CONFLICT,
    NOT_USABLE,
    Birth,
    Finding,
    Imported,
    Imports,
    Naming,
    Setting,
)
from protocol.exchange.clinical.reconciliation import (
    birth_problem,
    bounded,
    diagnosed,
    died,
    measured,
    settle,
    stated,
    still_going_on,
    undecided,
)
from protocol.exchange.clinical.reference_ranges import Subject, upper_limit
from protocol.exchange.clinical.terminology import (
    ASK,
    MEANS,
    TREES,
    UNRELATED,
    Asked,
    CodeBook,
    Meaning,
    amount,
    code_book,
    coded,
    system_of,
    weightiest,
    worded,
)
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.dates import PartialDate, partial_date
from protocol.exchange.limits import check_json
from protocol.exchange.units import UNIT_UNKNOWN, unit_of
from protocol.records import ProtocolError
from protocol.translation import _, list_of, place_in


def read_fhir(files: Mapping[str, bytes | Path], setting: Setting, name: Naming) -> Imports:
    """Read FHIR R4 files into facts per participant.

    Parameters
    ----------
    files : mapping of str to bytes or Path
        By file name: bundles, single resources, or one resource per line (bulk export), in any mixture; resources
        of one person may be spread over several files. A file of lines is read line by line, from a path as well.
    setting : Setting
        The record, the as-of date, the site and its limits of normal.
    name : function from str to str
        The study id of a person, from the id of its Patient resource, which is kept nowhere. If two servers use one
        id, it is preceded by the address of the server.

    Returns
    -------
    Imports
        Participants in the order of their study ids.

    Raises
    ------
    ProtocolError
        When no file is FHIR in JSON, or no file has a resource about a person.
    """
    *_before, (imports, _done) = read_fhir_stepwise(files, setting, name, on_page=False)
    assert imports is not None  # noqa: S101 - the last step has it
    return imports


_READING = 0.5
"""The part of the work that is reading the files; the other is deciding between the findings of each person."""

_EACH = 200
"""Persons between two steps, at which the reading can be stopped."""


def read_fhir_stepwise(
    files: Mapping[str, bytes | Path], setting: Setting, name: Naming, *, on_page: bool = True
) -> Iterator[tuple[Imports | None, float]]:
    """Read files like :func:`read_fhir`, step by step; files that are too much for a page are refused.

    Yields
    ------
    (Imports or None, float)
        What was found, at the last step only, and the part that is done, 0 to 1.
    """
    if on_page:
        check_json(", ".join(files)[:80], *(content for content in files.values() if isinstance(content, bytes)))
    book, found = code_book(setting.record), Resources()
    for step in read_resources(files, lambda resource: _is_asked(resource, book)):
        found = step[0]
        yield None, _READING * step[1]
    people, problems = people_of(found), found.problems
    if not people:
        what, write = _("no Patient and no resource about one"), _("FHIR R4 resources of patients")
        raise ProtocolError(list_of(files), what, write)
    imported: list[Imported] = []
    for place, person in enumerate(people):
        if place % _EACH == 0:
            yield None, _READING + (1 - _READING) * place / len(people)
        birth, findings = _findings_of(person, book, setting, found, problems)
        study_id = name(person.key)
        imported.append(
            settle(study_id, [_hide(finding, person.ids, study_id) for finding in findings], birth, setting)
        )
        problems += undecided(imported[-1], setting)
        problems += _second_patients(person.patients)
        if not person.patients:
            what = _("no Patient resource: age and sex are unknown")
            problems.append(FileProblem(study_id, what, _("the file with the Patient resources as well")))
    yield Imports.of(imported, [*problems, *shared(people)]), 1.0


def read_fhir_results(
    files: Mapping[str, bytes | Path], setting: Setting, name: Naming
) -> tuple[dict[str, list[Finding]], list[FileProblem]]:
    """Read files like :func:`read_fhir`; return every finding of each person, not only the one that counts.

    Returns
    -------
    dict of str to list of Finding
        By study id.
    list of FileProblem

    Raises
    ------
    ProtocolError
        As :func:`read_fhir`.
    """
    book, found = code_book(setting.record), Resources()
    for step in read_resources(files, lambda resource: _is_asked(resource, book)):
        found = step[0]
    people, problems = people_of(found), found.problems
    if not people:
        what, write = _("no Patient and no resource about one"), _("FHIR R4 resources of patients")
        raise ProtocolError(list_of(files), what, write)
    results: dict[str, list[Finding]] = {}
    for person in people:
        study_id = name(person.key)
        _born, findings = _findings_of(person, book, setting, found, problems)
        results.setdefault(study_id, []).extend(_hide(finding, person.ids, study_id) for finding in findings)
    return results, [*problems, *shared(people)]


def _findings_of(
    person: Person, book: CodeBook, setting: Setting, found: Resources, problems: list[FileProblem]
) -> tuple[Birth | None, list[Finding]]:
    """Return when a person was born, and all that the resources say."""
    birth = _birth(person.patients, setting, problems)
    born = birth.on if birth else None
    clock = Clock(setting.record.zone, born)
    reader = _Reader(book, setting, Subject(_sex(person.patients), born), clock, found.referred)
    findings = [finding for item in person.items for finding in reader.read(item, problems)]
    findings += _patient_findings(person.patients, setting, reader.clock, problems)
    if person.doubt:
        return None, [_doubted(finding, person.doubt) for finding in findings]
    return birth, findings


def _is_asked(resource: dict[str, Any], book: CodeBook) -> bool:
    """Whether an Observation or a visit has a code or a word of a fact; others are few, and kept."""
    if resource["resourceType"] in _MENTIONS:
        return any(book.asked(*_told(concepts), kind) for concepts, kind in _mentioned(resource))
    if resource["resourceType"] != "Observation":
        return True
    parts = (resource, *resource.get("component", []))
    codings = [coding for part in parts for coding in (part.get("code") or {}).get("coding", [])]
    return not codings or any(
        book.meanings(_system(coding), str(coding.get("code"))) for coding in codings if _system(coding)
    )


def _told(concepts: Iterable[Any]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the codes and the texts of concepts."""
    own = [concept for concept in concepts if concept]
    codings = [coding for concept in own for coding in concept.get("coding", [])]
    texts = [str(concept.get("text") or "") for concept in own]
    texts += [str(coding.get("display") or "") for coding in codings]
    return [(_system(coding), str(coding.get("code"))) for coding in codings if coding.get("code")], texts


def _mentioned(resource: dict[str, Any]) -> list[tuple[list[Any], str]]:
    """Return the concepts of a visit or of an order of a service, and as what they are read."""
    reasons = [*(resource.get("reasonCode") or ())]
    kinds = [*(resource.get("type") or ()), resource.get("serviceType"), *(resource.get("category") or ())]
    return [(reasons, "condition"), ([resource.get("code"), *kinds], "procedure")]


# --- Resources to findings ---

_MENTIONS = ("Encounter", "ServiceRequest")
"""Resources that can mention a diagnosis or a therapy, which show neither."""

_REAL = {
    "Observation": {"final", "amended", "corrected", "preliminary"},
    "Procedure": {"completed", "in-progress", "stopped", "on-hold"},
    "MedicationStatement": {"active", "completed", "stopped", "on-hold"},
    "MedicationAdministration": {"in-progress", "completed", "stopped", "on-hold"},
    "MedicationRequest": {"active", "completed", "stopped", "on-hold"},
    "MedicationDispense": {"in-progress", "completed", "stopped", "on-hold"},
    "Encounter": {"arrived", "triaged", "in-progress", "onleave", "finished"},
    "ServiceRequest": {"active", "completed", "on-hold"},
}
"""States of what was found or done, as a whole or in part."""

_NOT_REAL = {
    "Observation": {"registered", "cancelled", "entered-in-error"},
    "Procedure": {"preparation", "not-done", "entered-in-error"},
    "MedicationStatement": {"intended", "not-taken", "entered-in-error"},
    "MedicationAdministration": {"not-done", "entered-in-error"},
    "MedicationRequest": {"cancelled", "draft", "entered-in-error"},
    "MedicationDispense": {"preparation", "cancelled", "declined", "entered-in-error"},
    "Encounter": {"planned", "cancelled", "entered-in-error"},
    "ServiceRequest": {"draft", "revoked", "entered-in-error"},
}
"""States of what was not found or done. With another state, such as ``unknown``, or without one, it may have been."""

_NOT_CONFIRMED = {"refuted", "entered-in-error", "unconfirmed", "provisional", "differential"}
"""Verification states in which a Condition is no diagnosis."""

_CONFIRMED = {"confirmed"}

_ENDED = {"inactive", "resolved"}
"""Clinical states of something that is over; remission is a state of the disease, not its end."""

_ACTIVE = {"active", "recurrence", "relapse"}

_GOING_ON = _ACTIVE | {"remission"}

_NOT_ACTIVE = _ENDED | {"remission"}

_WITHHELD = {"as-text", "masked", "negative-infinity", "positive-infinity"}
"""Reasons of HL7 for an absent value that say that there is a result."""

_SCORES = ("", "score", "1")
"""What is written as the unit of a score, without braces."""

_MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"

_MCODE_MEDICATION = f"{_MCODE}cancer-related-medication"
"""Begins the profiles by which mCODE marks a medication as given against cancer."""

_MCODE_RADIOTHERAPY = tuple(
    f"{_MCODE}{name}"
    for name in (
        "radiotherapy-course",
        "cancer-related-radiation",
        "cancer-related-teleradiotherapy",
        "cancer-related-brachytherapy",
    )
)

_MCODE_CANCER = (f"{_MCODE}primary-cancer-condition", f"{_MCODE}secondary-cancer-condition")

_HISTOLOGY = "histology-morphology-behavior"
"""Part of the name of mCODE's extension with a tumour's morphology, from ICD-O-3 or SNOMED CT."""

_MCODE_SURGERY = f"{_MCODE}cancer-related-surgical-procedure"

_TAKEN = ("MedicationAdministration", "MedicationStatement")
"""Resources that say that a medication was taken; an order and a dispensing never show that."""

_MOST_REPEATS = 100
"""Repeats of a prescription beyond which the number is none."""

_NOT_ORDERED = ("proposal", "plan")
"""Intents of a request that nobody has ordered yet."""

_INTERPRETED = {"POS": True, "DET": True, "RR": True, "NEG": False, "ND": False, "NR": False}
"""HL7's interpretations that say found or not found: positive, detected, reactive, and their opposites."""


class _UnclearError(ValueError):
    """A state of a Condition that none of its codings tells, or that two tell differently; the element's name."""


class _Asked(NamedTuple):
    """What the code of an observation asks about: a fact, and the option that the code itself stands for."""

    fact: Fact
    option: str
    code: str


class _Span(NamedTuple):
    """Whether something had begun by the as-of date, and its last day up to then, if that is known."""

    begun: bool
    last: date | None


@dataclass(frozen=True)
class _Reader:
    """Reads the resources of one person with one record's codes."""

    book: CodeBook
    setting: Setting
    subject: Subject
    clock: Clock
    referred: Mapping[str, dict[str, Any]]

    def read(self, item: Item, problems: list[FileProblem]) -> list[Finding]:
        """Return the findings of one resource; empty if no fact has its codes, or if it was not so.

        What may mean something else, or may not be so, is a finding without a value.
        """
        resource, where = item.resource, str(item.where)
        real = _is_real(resource)
        if real is False:
            return []
        try:
            findings, unclear = self._read(resource)
        except ProtocolError:  # about the workbook, not about this resource
            raise
        except (TypeError, ValueError, AttributeError, KeyError, OverflowError, RecursionError):
            found = _("a resource that does not have the shape of FHIR R4; it is not used")
            problems.append(FileProblem(where, found, _("the resource as the server gives it")))
            return []
        if not findings:
            return []
        problems += [_no_date(where, name) for name in self.clock.not_dates(resource)]
        doubt, write = item.doubt or unclear, _("the resource without it, or from the system that understands it")
        if unclear:
            write = _("one code of HL7 for it, beside a text or a code of your own")
        elif not doubt and real is None:
            doubt, write = _("a status that does not say whether it was so"), _("a status of FHIR R4")
        if doubt:
            problems.append(FileProblem(where, doubt, write))
            return [_doubted(finding, doubt) for finding in findings]
        return findings

    def _read(self, resource: dict[str, Any]) -> tuple[list[Finding], str]:
        """Return the findings of a resource, and what about a Condition's states is not clear."""
        try:
            return [*self._findings(resource)], ""
        except _UnclearError as element:
            found = _("{element} without a clear meaning; the Condition is not used").format(element=element)
            states = ("verificationStatus", "clinicalStatus", "abatement")
            plain = {name: given for name, given in resource.items() if not name.startswith(states)}
            return [*self._findings(plain)], found

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
            case "Encounter" | "ServiceRequest":
                return self._mentions(resource, origin)
        return self._medication(resource, origin)

    def _asked(self, concept: Any) -> Iterator[_Asked]:
        """Yield what the codings of a concept ask about, the first coding of each fact only."""
        seen = set()
        for coding in (concept or {}).get("coding", []):
            system = _system(coding)
            meanings: Sequence[Meaning] = self.book.meanings(system, str(coding.get("code"))) if system else ()
            for meaning in meanings:
                if meaning.fact not in seen and meaning.option not in (ASK, UNRELATED):
                    seen.add(meaning.fact)
                    yield _Asked(self.setting.facts[meaning.fact], meaning.option, f"{system} {coding['code']}")

    def _observation(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        day, latest, moment = self._day(resource)
        note = _("preliminary result") if resource.get("status") == "preliminary" else ""
        for part in (resource, *resource.get("component", [])):
            for asked in self._asked(part.get("code")):
                blank = Finding(asked.fact.id, None, day, origin, asked.code, note=note, moment=moment, latest=latest)
                finding = self._answered(part, asked, blank)
                if finding is None:
                    continue
                if part is not resource and (doubt := doubt_of(part)):
                    finding = _doubted(finding, doubt)
                elif finding.value is not None and part.get("dataAbsentReason"):
                    finding = _doubted(finding, _("a value beside a reason why there is none"))
                yield finding

    def _day(self, resource: dict[str, Any]) -> tuple[date | None, date | None, str]:
        """Return the first and the last day on which an Observation can have been made, and its moment.

        The last is None if it is the first. A period is dated from its end; one that goes on may be from any day of
        it up to the as-of date.
        """
        when, as_of = self.clock.when(resource, "effective"), self.setting.as_of
        if not when.is_given:
            issued = self.clock.date(resource.get("issued"))
            when = When(issued, issued)
        start, end = when.start, when.end
        if when.is_period and start and (end is None or end.first > as_of):
            return start.first, max(start.first, as_of), ""
        return (end.first, None if end.is_exact else end.last, end.moment) if end else (None, None, "")

    def _said(self, concepts: Iterable[Any], kind: str) -> list[Asked]:
        """Return what the codings and texts of concepts say of the facts."""
        return self.book.asked(*_told(concepts), kind)

    def _condition(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        code = resource.get("code")
        histology = [
            one.get("valueCodeableConcept") for one in _extensions(resource) if _HISTOLOGY in str(one.get("url"))
        ]
        told = self._said([code, *histology], "condition")
        said = [one for one in told if one.option not in ("", UNRELATED)]
        said = said or self._untold(code, cancer=not told and self._profiles(resource, _MCODE_CANCER))
        if not said or _is(resource, "verificationStatus", _NOT_CONFIRMED, _CONFIRMED):
            return
        as_of, onset = self.setting.as_of, self.clock.when(resource, "onset")
        start = onset.start or self.clock.date(resource.get("recordedDate"))
        ended, abated = self._end(resource)
        if start and start.first > as_of:
            return
        for name, option, code in said:
            fact, lifelong = self.setting.facts[name], self.setting.lifelong.get(name)
            blank = Finding(name, None, start.first if start else None, origin, code, original=code)
            if abated and abated.first <= as_of < abated.last and not (lifelong and lifelong.latest_day):
                found = diagnosed(fact, option, blank, False, self.setting)
                yield from (_doubted(finding, _("it may have ended")) for finding in found)
            else:
                yield from diagnosed(fact, option, blank, abated.last if abated else ended, self.setting)

    def _end(self, resource: dict[str, Any]) -> tuple[bool, PartialDate | None]:
        """Return whether a Condition is over, and when it ended.

        Raises
        ------
        _UnclearError
            When it is said to have ended and to be active.
        """
        ended = _is(resource, "clinicalStatus", _ENDED, _GOING_ON)
        abated = self.clock.when(resource, "abatement")
        if not abated.is_given:
            return ended, None
        end = abated.end
        if (end is None or end.last <= self.setting.as_of) and _is(resource, "clinicalStatus", _ACTIVE, _NOT_ACTIVE):
            raise _UnclearError("abatement, clinicalStatus")
        if end and ended and end.first <= self.setting.as_of:
            end = end._replace(last=last_day(end, self.setting.as_of))
        return True, end

    def _untold(self, concept: Any, *, cancer: bool) -> list[Asked]:
        """Return that a diagnosis may be about any fact that goes by its latest day, when nothing tells what it is.

        ICD is known as a whole, and a text says what it is about; a bare code of another system does neither, nor one
        that a profile calls a cancer.
        """
        codings = (concept or {}).get("coding", [])
        codes = [(_system(coding), str(coding.get("code"))) for coding in codings if coding.get("code")]
        told = any(system in TREES or self.book.meanings(system, code) for system, code in codes)
        told = told or bool((concept or {}).get("text")) or any(coding.get("display") for coding in codings)
        if not cancer and (told or not codes):
            return []
        therapy = self.setting.person.anticancer_therapy
        return [
            Asked(one.fact, ASK, "")
            for one in self.setting.lifelong.values()
            if one.latest_day and one.fact != therapy
        ]

    def _procedure(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        status = resource.get("status")
        span = self._until(resource, "performed", ongoing=status == "in-progress")
        if not span.begun:
            return
        said = self._said([resource.get("code")], "procedure")
        known = {one.fact for one in said}
        said += [one for one in self._said(self._kinds(resource), "procedure") if one.fact not in known]
        if status not in (
            "completed",
            "in-progress",
        ):  # a therapy that was broken off was given, nothing else was done
            sure = self.setting.person.anticancer_therapy if _is_real(resource) else None
            said = [one if one.option == UNRELATED or one.fact == sure else one._replace(option=ASK) for one in said]
        said += self._perhaps_therapy(said, self._profiles(resource, (*_MCODE_RADIOTHERAPY, _MCODE_SURGERY)), span)
        for name, option, code in said:
            if option in ("", UNRELATED):
                continue
            blank = Finding(name, None, span.last, origin, code, original=code)
            sites = self._sites(resource, name) if option == ASK else ()
            for site in sites or (option,):
                yield stated(self.setting.facts[name], site, blank)

    def _mentions(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        """Yield which facts that go by their latest day a visit or an order of a service speaks of; it only asks."""
        if resource["resourceType"] == "Encounter":
            span = self._until({"performedPeriod": resource.get("period")}, "performed", ongoing=False)
        else:
            span = self._until(resource, "occurrence", ongoing=False)
        if not span.begun:
            return
        said = [one for concepts, kind in _mentioned(resource) for one in self._said(concepts, kind)]
        for name, option, code in said:
            lifelong = self.setting.lifelong.get(name)
            if lifelong and lifelong.latest_day and option not in ("", UNRELATED):
                blank = Finding(name, None, span.last, origin, code, original=code)
                yield stated(self.setting.facts[name], ASK, blank)

    def _kinds(self, resource: dict[str, Any]) -> list[Any]:
        """Return the categories of a procedure, and the modalities and techniques in the extensions of mCODE."""
        category = resource.get("category")
        found = list(category) if isinstance(category, list) else [category]
        for extension in _extensions(resource):
            if str(extension.get("url")).endswith(("modality", "technique")):
                found.append(extension.get("valueCodeableConcept"))
        return found

    def _sites(self, resource: dict[str, Any], fact: str) -> list[str]:
        """Return what the body sites of a procedure say of a fact that its code leaves open: one option for each."""
        sites = list(resource.get("bodySite") or ())
        for extension in _extensions(resource):
            if str(extension.get("url")).endswith("volume") and "valueReference" in extension:
                structure = self._refers(resource, extension["valueReference"])
                sites.append(structure.get("location") if structure else {})
        said = [
            [one.option for one in self._said([site], "site") if one.fact == fact and one.option] or [ASK]
            for site in sites
        ]
        return [ASK if option == UNRELATED else option for options in said for option in options]

    def _refers(self, resource: dict[str, Any], reference: Any) -> dict[str, Any] | None:
        """Return the resource that a reference names, None if it is not at hand."""
        name = str(reference.get("reference") or "") if isinstance(reference, dict) else ""
        if name.startswith("#"):
            inner = resource.get("contained", [])
            return next((one for one in inner if one.get("id") == name[1:]), None)
        short = "/".join(name.partition("/_history/")[0].split("/")[-2:])
        return self.referred.get(name) or self.referred.get(short)

    def _profiles(self, resource: dict[str, Any], beginnings: tuple[str, ...]) -> bool:
        profiles = (resource.get("meta") or {}).get("profile", [])
        return any(str(profile).startswith(beginnings) for profile in profiles)

    def _perhaps_therapy(self, said: Sequence[Asked], profiled: bool, span: _Span) -> list[Asked]:
        """Return that an entry may be a therapy against cancer, when nothing is known of it or a profile says so.

        What is not known and ended before the threshold of the record is left out: it would change nothing.
        """
        name = self.setting.person.anticancer_therapy
        if name is None or any(one.fact == name and (one.option != UNRELATED or not profiled) for one in said):
            return []
        window = self.setting.window(self.setting.lifelong[name]) if name in self.setting.lifelong else None
        old = window and span.last is not None and (self.setting.as_of - span.last).days > window[1]
        return [] if old and not profiled else [Asked(name, ASK, "mCODE" if profiled else "")]

    def _medication(self, resource: dict[str, Any], origin: str) -> Iterator[Finding]:
        kind, status = str(resource["resourceType"]), resource.get("status")
        given = kind in _TAKEN and _is_real(resource) is True
        therapy, profiled = self.setting.person.anticancer_therapy, self._profiles(resource, (_MCODE_MEDICATION,))
        said = self._substances(resource)
        ongoing = given and status in ("active", "in-progress")
        span = self._taken(resource, kind, ongoing=ongoing)
        if therapy and profiled:
            said = [one for one in said if one.fact != therapy]
            said.append(Asked(therapy, "yes", "mCODE"))
        if not span.begun:
            return
        over = span if given or status == "active" else span._replace(last=self._supplied(resource))
        said += self._perhaps_therapy(said, profiled=False, span=over)
        for name, option, code in said:
            if option in ("", UNRELATED):
                continue
            blank = Finding(name, None, span.last, origin, code, original="" if code == "mCODE" else code)
            finding = stated(self.setting.facts[name], option if given else ASK, blank)
            if finding.undecided and not given:
                finding = replace(finding, note=_("ordered or dispensed, and perhaps given"))
            elif finding.value is not None and ongoing:
                finding = replace(finding, note=still_going_on())
            elif finding.value is not None and code == "mCODE":
                finding = replace(finding, note=_("a medication against cancer by its mCODE profile"))
            yield finding

    def _substances(self, resource: dict[str, Any]) -> list[Asked]:
        """Return what the concepts of a medication and those of its ingredients say: it is all of them together.

        It is unrelated to a fact if its own code says so, or if every ingredient does. The code of a solvent does not
        decide about the drug in it.
        """
        drug = self._refers(resource, resource.get("medicationReference")) or {}
        whole = self._said([resource.get("medicationCodeableConcept"), drug.get("code")], "medication")
        parts = [self._said([one.get("itemCodeableConcept")], "medication") for one in drug.get("ingredient", [])]
        every = [*whole, *(one for part in parts for one in part)]
        meant = [one for one in every if one.option != UNRELATED]
        decided = {one.fact for one in meant if one.option != ASK}
        found = weightiest(one for one in meant if one.option != ASK or one.fact not in decided)
        denied = [{one.fact for one in part if one.option == UNRELATED} for part in parts]
        unrelated = {one.fact for one in whole if one.option == UNRELATED}
        unrelated |= set[str]().union(*denied) if not denied else set.intersection(*denied)
        return [*found, *(Asked(fact, UNRELATED, "") for fact in sorted(unrelated - {one.fact for one in found}))]

    def _supplied(self, resource: dict[str, Any]) -> date | None:
        """Return the last day that an order which is over, or what was handed over, was meant for.

        Without anything about it, that is the day itself; None if a duration or an end is not understood.
        """
        start = self.clock.date(resource.get("authoredOn") or resource.get("whenHandedOver"))
        if start is None:
            return None
        request = resource.get("dispenseRequest") or {}
        repeats = [((one.get("timing") or {}).get("repeat") or {}) for one in resource.get("dosageInstruction", [])]
        again = request.get("numberOfRepeatsAllowed")
        times = again + 1 if isinstance(again, int) and 0 <= again < _MOST_REPEATS else 1
        durations = [(resource.get("daysSupply"), 1), (request.get("expectedSupplyDuration"), times)]
        durations += [(one.get("boundsDuration"), 1) for one in repeats]
        periods = [request.get("validityPeriod"), *(one.get("boundsPeriod") for one in repeats)]
        ends = [self.clock.date(one.get("end")) for one in periods if one]
        last = [self.clock.after(start, one, count) for one, count in durations if one]
        last += ends
        known = [day.last for day in last if day is not None]
        return max([start.last, *known]) if len(known) == len(last) else None

    def _taken(self, resource: dict[str, Any], kind: str, *, ongoing: bool) -> _Span:
        """Return when a medication was taken; what was ordered or handed over may have been taken since."""
        if kind in _TAKEN:
            return self._until(resource, "effective", ongoing=ongoing)
        if kind == "MedicationDispense":
            return self._open(resource.get("whenHandedOver") or resource.get("whenPrepared"), None)
        repeats = [((one.get("timing") or {}).get("repeat") or {}) for one in resource.get("dosageInstruction", [])]
        bounds = [one["boundsPeriod"] for one in repeats if isinstance(one.get("boundsPeriod"), dict)]
        starts = [one.get("start") for one in bounds if one.get("start")]
        ends = [one.get("end") for one in bounds]
        over = resource.get("status") != "active" and bounds and all(ends)
        return self._open(min(starts, default=resource.get("authoredOn")), max(ends) if over else None)

    def _open(self, start: Any, end: Any) -> _Span:
        """Return the span of something that begins on a day and whose end is only known if it is given."""
        begun, over = self.clock.date(start), self.clock.date(end)
        if begun and begun.first > self.setting.as_of:
            return _Span(False, None)
        return _Span(True, min(over.last, self.setting.as_of) if over else None)

    def _until(self, resource: dict[str, Any], stem: str, *, ongoing: bool) -> _Span:
        """Return whether something had begun by the as-of date, and its last day up to then.

        What goes on ends when its period does; a single date only says when it was noted. A period that is over and
        does not say when has an unknown end: its start is not its last day.
        """
        when, as_of = self.clock.when(resource, stem), self.setting.as_of
        end = None if ongoing and not when.is_period else when.end
        if when.start and when.start.first > as_of:
            return _Span(False, None)
        if end is None:
            return _Span(True, as_of if ongoing else None)
        return _Span(True, min(end.last, as_of))

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
            case {} if _is_withheld(part):
                return replace(blank, reason=NOT_USABLE, note=_("a result that is not in the record"))
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
        if _counts(fact) and unit.strip("{} ").lower() in _SCORES:
            unit = "1"
        if comparator and is_circumstance:
            return replace(finding, reason=NOT_USABLE, note=_("only a bound, not a value"))
        if is_circumstance:
            return replace(finding, value=value == 0) if unit else replace(finding, reason=UNIT_UNKNOWN)
        if fact.is_number:
            limit = upper_limit(part, fact, self.subject, blank.day, setting.molar_masses.get(fact.id))
            bound = bounded(fact, float(value), comparator, unit, finding, setting) if comparator else None
            return replace(bound or measured(fact, float(value), unit, finding, setting), limit=limit)
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
        return measured(fact, value, "1" if _counts(fact) else "", finding, self.setting)


def _counts(fact: Fact) -> bool:
    """Whether a fact is a number without a unit, such as a score."""
    return fact.type == "whole" and fact.unit in ("1", "{score}")


def _is_withheld(part: dict[str, Any]) -> bool:
    """Whether there is a result, which is only not given as a value."""
    codes = {str(coding.get("code")) for coding in (part.get("dataAbsentReason") or {}).get("coding", [])}
    return bool(codes & _WITHHELD)


def _is_real(resource: dict[str, Any]) -> bool | None:
    """Whether something was found or done; None if its status does not tell."""
    kind, status = resource["resourceType"], resource.get("status")
    if kind not in _REAL:
        return True
    if resource.get("doNotPerform") is True or status in [*_NOT_REAL[kind]] or resource.get("intent") in _NOT_ORDERED:
        return False
    return True if status in [*_REAL[kind]] else None


def _doubted(finding: Finding, doubt: str) -> Finding:
    """Return a finding without its value: it may mean something else, or may not be so."""
    return replace(finding, value=None, limit=None, reason=NOT_USABLE, note=doubt)


def _system(coding: dict[str, Any]) -> str:
    return system_of(coding.get("system"))


def _extensions(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the extensions of a resource and those in them."""
    waiting = list(resource.get("extension") or ())
    while waiting:
        one = waiting.pop(0)
        yield one
        waiting += one.get("extension") or ()


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


def _patient_findings(
    patients: Sequence[Item], setting: Setting, clock: Clock, problems: list[FileProblem]
) -> list[Finding]:
    """Return the sex, the death, and a conflict of dates of birth."""
    role, findings = setting.person, []
    for item in patients:
        patient, own = item.resource, list[Finding]()
        gender = str(patient.get("gender"))
        if role.sex and gender in _SEXES and gender in setting.facts[role.sex].options:
            own.append(Finding(role.sex, gender, setting.as_of, "Patient", original=gender))
        own += _death(item, setting, clock, problems)
        if item.doubt:
            problems.append(FileProblem(str(item.where), item.doubt, _("the Patient without it")))
            own = [_doubted(finding, item.doubt) for finding in own]
        findings += own
    if len(births := _births(patients)) > 1 and _narrowest(births) is None:
        note = list_of(births, "; ")
        names = [name for name in (role.birth_date, role.age) if name]
        findings += [Finding(name, None, setting.as_of, "Patient", reason=CONFLICT, note=note) for name in names]
    return findings


def _death(item: Item, setting: Setting, clock: Clock, problems: list[FileProblem]) -> list[Finding]:
    patient = item.resource
    if (text := patient.get("deceasedDateTime")) is None:
        return died(None, setting, "Patient") if patient.get("deceasedBoolean") is True else []
    day = clock.date(text)
    if day is None:
        problems.append(_no_date(str(item.where), "deceasedDateTime"))
    elif day.last <= setting.as_of or day.first > setting.as_of:
        return died(day.first, setting, "Patient")
    return [_doubted(one, _("a death on a day that is not known")) for one in died(None, setting, "Patient")]


def _sex(patients: Sequence[Item]) -> str | None:
    """Return the sex, None when unknown or in conflict."""
    known = {str(item.resource.get("gender")) for item in patients if not item.doubt} & set(_SEXES)
    return known.pop() if len(known) == 1 else None


def _birth(patients: Sequence[Item], setting: Setting, problems: list[FileProblem]) -> Birth | None:
    """Return when the person was born; None when it is absent, unreadable, impossible or in conflict."""
    births = _births(patients)
    for text, item in births.items():
        if _birth_date(text) is None:
            problems.append(_no_date(str(item.where), "birthDate"))
    on = _narrowest(births)
    if on is None:
        return None
    if found := birth_problem(on, setting):
        where = str(next(iter(births.values())).where)
        problems.append(_no_date(where, "birthDate")._replace(found=found))
        return None
    return Birth(on, "Patient")


def _births(patients: Sequence[Item]) -> dict[str, Item]:
    """Return the different dates of birth as they are written, each with a resource that says so."""
    said = [(item.resource.get("birthDate"), item) for item in patients if not item.doubt]
    return {str(text): item for text, item in said if text is not None}


def _birth_date(text: str) -> PartialDate | None:
    try:
        return partial_date(text, time=False)
    except ValueError:
        return None


def _narrowest(births: Iterable[str]) -> PartialDate | None:
    """Return the one of several dates that all of them can mean; None if there is none."""
    days = [day for day in map(_birth_date, births) if day]
    found = min(days, key=lambda day: day.last - day.first, default=None)
    inside = found and all(day.first <= found.first and found.last <= day.last for day in days)
    return found if inside else None


def _second_patients(patients: Sequence[Item]) -> Iterator[FileProblem]:
    """Yield the Patients whose id another one has that says something else."""
    for number, item in enumerate(patients):
        if item.own and item.own in [other.own for other in patients[:number]]:
            found = _("another Patient of the same id, and neither is newer")
            yield FileProblem(str(item.where), found, _("one Patient per person"))


def _no_date(where: str, element: str) -> FileProblem:
    write = _("a date like 1960-03-01, or its year, or year and month; from 1900 to 2100")
    return FileProblem(place_in(where, element), _("no date"), write)


def _hide(finding: Finding, ids: Iterable[str], study_id: str) -> Finding:
    """Take a person's ids out of the ids of the resources, where some servers put them; a short one as a word."""
    origin = finding.origin
    for key in sorted(set(ids), key=len, reverse=True):
        short = len(key) < _SHORT_ID
        pattern = rf"(?<![A-Za-z0-9]){re.escape(key)}(?![A-Za-z0-9])" if short else re.escape(key)
        origin = re.sub(pattern, lambda _match: study_id, origin)
    note = finding.note.replace(finding.origin, origin) if origin else finding.note
    return replace(finding, origin=origin, note=note)
