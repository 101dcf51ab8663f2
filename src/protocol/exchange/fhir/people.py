"""FHIR resources put together per person, each person named by a study id; names and addresses are never read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from protocol.exchange.codes import CodeBook
from protocol.exchange.cohort_files import Problem
from protocol.exchange.evidence import Finding, Imports, Naming, Setting, gathered, settle
from protocol.exchange.fhir.dates import moment, not_dates
from protocol.exchange.fhir.findings import Reader, UnclearError
from protocol.exchange.fhir.patients import birth_of, no_date, patient_findings, second, sex_of
from protocol.exchange.fhir.ranges import Subject
from protocol.exchange.fhir.reading import Item, items
from protocol.records import ProtocolError
from protocol.translation import _

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
