"""FHIR files taken apart: a bundle, a single resource, or one resource per line (bulk export)."""

import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from protocol.exchange.cohort_files import Problem
from protocol.exchange.foreign import read_json
from protocol.records import ProtocolError
from protocol.translation import _

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
