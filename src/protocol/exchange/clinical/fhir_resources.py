"""FHIR R4 files to resources: line by line, only what can say something about a criterion, in a compact form.

What changes the meaning of a resource without being one of its elements is noted here: the type of its bundle, the
request or answer around it, ``implicitRules`` and ``modifierExtension``, the report that contains it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from sys import intern
from typing import IO, Any, NamedTuple

from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.dates import partial_date
from protocol.exchange.foreign_json import is_too_deep, read_json
from protocol.records import ProtocolError
from protocol.translation import _, list_of

BUNDLES = (
    "batch",
    "batch-response",
    "collection",
    "document",
    "history",
    "message",
    "searchset",
    "transaction",
    "transaction-response",
)
"""R4's types of bundles; all of them are read."""

_USED = (
    "Patient",
    "Observation",
    "Condition",
    "Procedure",
    "MedicationStatement",
    "MedicationAdministration",
    "MedicationRequest",
    "MedicationDispense",
    "Encounter",
    "ServiceRequest",
)

_REFERRED = ("Medication", "BodyStructure")
"""Resources that say nothing about a person by themselves; others refer to them."""

_NEEDED = (
    "resourceType",
    "id",
    "meta",
    "status",
    "code",
    "value",
    "effective",
    "issued",
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
    "active",
    "doNotPerform",
    "intent",
    "category",
    "bodySite",
    "extension",
    "medication",
    "ingredient",
    "contained",
    "authoredOn",
    "dosageInstruction",
    "whenPrepared",
    "whenHandedOver",
    "daysSupply",
    "dispenseRequest",
    "reasonCode",
    "type",
    "serviceType",
    "period",
    "occurrence",
)
"""Beginnings of the elements that are read. Names, addresses and notes are dropped at once."""

_REPORTED = {"partial", "preliminary", "final", "amended", "corrected", "appended"}

_NOT_REPORTED = {"registered", "cancelled", "entered-in-error"}

_FOCUS_EXTENSIONS = ("/observation-focusCode", "/observation-focal-subject")
"""Extensions of HL7 that say, as ``focus`` does, what else an Observation is about."""

_WITHOUT_MODIFIERS = {"category", "code", "contained", "encounter", "extension", "identifier", "meta", "note"}
_WITHOUT_MODIFIERS |= {"subject", "text", "valueCodeableConcept", "valueQuantity"}
"""Elements in which R4 has no modifierExtension that changes the resource around them."""

_BLANK = b"\xef\xbb\xbf \t\r\n"

_LINES = 200
"""Lines between two steps, at which the reading can be stopped."""

_BEGINNING = 2**16
"""Bytes from which the form of a file is told."""


class Where(NamedTuple):
    """The place of a resource: its file, and the number of its line or entry."""

    file: str
    line: int = 0
    entry: int = 0

    def __str__(self) -> str:
        name = _("{name}, line {number}").format(name=self.file, number=self.line) if self.line else self.file
        return _("{name}, entry {number}").format(name=name, number=self.entry) if self.entry else name


class Reference(NamedTuple):
    """What a reference says.

    Attributes
    ----------
    text : str
        A relative or absolute address, a URN, or "#" and the id of something contained.
    identifier : tuple of str
        System and value of a logical reference; empty without one.
    type : str
        The type of the target, if it is said.
    """

    text: str = ""
    identifier: tuple[str, str] = ("", "")
    type: str = ""


class Link(NamedTuple):
    """A link of a Patient to another: its type, and the other one."""

    type: str
    other: Reference


class Item(NamedTuple):
    """One resource.

    Attributes
    ----------
    where : Where
        Where it stood.
    kind, own : str
        Its type and its id.
    server : str
        The address of its server, without the protocol; empty if nothing says it.
    full_url : str
        What its bundle calls it.
    subject : Reference
        The person it is about.
    others : tuple of Reference
        What it says to be about beside that person: focus, specimen.
    identifiers : tuple of (str, str)
        Of a Patient, system and value of each; they are forgotten with the item.
    links : tuple of Link
        Of a Patient.
    updated : str
        The moment of this version, in UTC.
    rank : int
        Its place among the versions of a history; the highest is the newest.
    doubt : str
        Why it cannot be used though it is there.
    is_deleted : bool
        Whether it says that the resource was deleted.
    content : bytes
        The elements that are read, as JSON.
    """

    where: Where
    kind: str
    own: str
    server: str = ""
    full_url: str = ""
    subject: Reference = Reference()
    others: tuple[Reference, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    updated: str = ""
    rank: int = 0
    doubt: str = ""
    is_deleted: bool = False
    content: bytes = b"{}"

    @property
    def resource(self) -> dict[str, Any]:
        """The elements that are read."""
        found: dict[str, Any] = json.loads(self.content)
        return found


@dataclass
class Resources:
    """What the files hold.

    Attributes
    ----------
    items : list of Item
        The resources that can say something, and the deletions.
    specimens : dict of (str, str) to Reference
        Whose specimen it is, by the server and the address on it.
    referred : dict of str to dict
        Medications and body structures, by each way in which a reference can name them; empty where two differ.
    problems : list of FileProblem
    """

    items: list[Item] = field(default_factory=list)
    specimens: dict[tuple[str, str], Reference] = field(default_factory=dict)
    referred: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[FileProblem] = field(default_factory=list)


def read_resources(
    files: Mapping[str, bytes | Path], is_asked: Callable[[dict[str, Any]], bool]
) -> Iterator[tuple[Resources, float]]:
    """Read the resources of files, step by step; the last step has all of them.

    Parameters
    ----------
    files : mapping of str to bytes or Path
        By name. A file is read line by line; a bundle that is one document is held whole while it is read.
    is_asked : function from dict to bool
        Whether a resource of the types that are read can say something about a criterion.

    Yields
    ------
    (Resources, float)
        What was found so far, and the part of the files that is read, 0 to 1.

    Raises
    ------
    ProtocolError
        When no file can be read. Otherwise, a file that cannot be read is one of the problems.
    """
    reader = _Files(is_asked)
    errors = []
    for place, (name, content) in enumerate(files.items()):
        yield reader.found, place / len(files)
        try:
            with content.open("rb") if isinstance(content, Path) else BytesIO(content) as stream:
                for _step in reader.read(name, stream):
                    yield reader.found, place / len(files)
        except ProtocolError as error:
            errors.append(error)
        except OSError:
            errors.append(ProtocolError(name, _("a file that cannot be opened"), _("a file of FHIR R4 resources")))
    if errors and len(errors) == len(files):
        raise errors[0]
    reader.found.problems += [FileProblem(error.where, error.found, error.write) for error in errors]
    yield reader.finish(), 1.0


class _Files:
    """Reads files one after the other."""

    def __init__(self, is_asked: Callable[[dict[str, Any]], bool]) -> None:
        self.is_asked, self.found = is_asked, Resources()
        self.not_asked: dict[tuple[str, str, str], str] = {}
        self.own_pages, self.next_pages = set[str](), dict[str, Where]()
        self.patched = set[tuple[str, str]]()

    def read(self, name: str, stream: IO[bytes]) -> Iterator[None]:
        """Read one file, with a step every some lines."""
        beginning = stream.read(_BEGINNING)
        while beginning and not beginning.strip(_BLANK) and (more := stream.read(_BEGINNING)):
            beginning = more
        if not beginning.strip(_BLANK):
            raise ProtocolError(name, _("an empty file"), _("a FHIR R4 bundle, or one resource per line"))
        if beginning.lstrip(_BLANK).startswith(b"<"):
            raise ProtocolError(name, _("XML"), _("the same resources as JSON"))
        stream.seek(0)
        if _is_ndjson(stream):
            stream.seek(0)
            yield from self._lines(name, stream)
        else:
            stream.seek(0)
            self._document(name, read_json(stream.read(), name, check_depth=False).value)

    def _lines(self, name: str, stream: IO[bytes]) -> Iterator[None]:
        for number, line in enumerate(stream, start=1):
            if number % _LINES == 0:
                yield
            where, text = Where(name, number), line.strip(_BLANK)
            if not text:
                continue
            try:
                resource = json.loads(text)
            except (ValueError, RecursionError):
                self._list(where, _("a line that is not JSON"), _("one whole resource per line"))
                continue
            if isinstance(resource, dict) and "resourceType" in resource:
                try:
                    self._any(where, resource)
                except ProtocolError as error:
                    self._list(error.where, error.found, error.write)
            else:
                self._list(where, _("no resource"), _("one whole resource per line"))

    def _document(self, name: str, root: dict[str, Any]) -> None:
        kind = root.get("resourceType")
        if not isinstance(kind, str) or not kind:
            raise ProtocolError(name, _("JSON without resourceType"), _("a FHIR R4 bundle, or one resource per line"))
        self._any(Where(name), root)

    def _any(self, where: Where, resource: dict[str, Any]) -> None:
        if resource.get("resourceType") == "Bundle":
            self._bundle(where, resource)
        else:
            self._add(where, resource)

    # --- Bundles ---

    def _bundle(self, where: Where, bundle: dict[str, Any], deeper: int = 0) -> None:
        kind = bundle.get("type")
        if kind not in BUNDLES or deeper > 2:
            found = _("a bundle of no type of R4") if deeper <= 2 else _("bundles in bundles")
            raise ProtocolError(str(where), found, _("a bundle of type {types}").format(types=list_of(BUNDLES)))
        self._pages(where, bundle)
        rules = _doubt({name: bundle[name] for name in ("implicitRules", "modifierExtension") if name in bundle})
        entries = bundle.pop("entry", [])
        for number, entry in enumerate(entries if isinstance(entries, list) else [entries], start=1):
            at = where._replace(entry=number)
            doubt = rules or (_doubt({**entry, "resource": None}) if isinstance(entry, dict) else "")
            self._entry(
                at, entry if isinstance(entry, dict) else {}, doubt, number if kind == "history" else 0, deeper
            )

    def _entry(self, where: Where, entry: dict[str, Any], doubt: str, number: int, deeper: int) -> None:
        resource, request, response = (_object(entry.get(name)) for name in ("resource", "request", "response"))
        full_url, method = str(entry.get("fullUrl") or ""), request.get("method")
        if method == "DELETE":
            address = str(request.get("url") or full_url)
            if not address_of(address)[1] and "id" in resource:
                address = f"{resource.get('resourceType')}/{resource['id']}"
            self._deleted(where, address, str(response.get("lastModified")), number)
        elif method == "PATCH":
            self._patch(where, str(request.get("url") or full_url))
        elif str(response.get("status")).startswith(("4", "5")):
            write = _("the answer to the request when it succeeds")
            self._list(where, _("an error in place of a resource"), write)
        elif resource.get("resourceType") == "Bundle" and not full_url and method is None:
            self._bundle(where, resource, deeper + 1)
        elif method in ("GET", "HEAD") and not response:
            return
        elif resource.get("resourceType") == "OperationOutcome":
            self._outcome(where, resource)
        elif "resourceType" in resource:
            self._add(where, resource, full_url, doubt, -number)
        elif not response:
            self._list(where, _("an entry without a resource"), _("a resource with its resourceType"))

    def _pages(self, where: Where, bundle: dict[str, Any]) -> None:
        links = bundle.get("link")
        for link in links if isinstance(links, list) else []:
            address = str(_object(link).get("url") or "")
            if address and _object(link).get("relation") == "self":
                self.own_pages.add(address)
            elif address and _object(link).get("relation") == "next":
                self.next_pages.setdefault(address, where)

    def _outcome(self, where: Where, outcome: dict[str, Any]) -> None:
        issues = outcome.get("issue")
        if any(_object(one).get("severity") in ("fatal", "error", "warning") for one in _list(issues)):
            found = _("a warning of the server: something may be missing")
            self._list(where, found, _("the result of a search without warnings"))

    def _deleted(self, where: Where, address: str, at: str, number: int) -> None:
        kind, own = _kind_and_id(address)
        if kind in _USED:
            self.found.items.append(
                Item(where, kind, own, _server(address), updated=_moment(at), rank=-number, is_deleted=True)
            )
        elif not kind:
            self._list(where, _("a deletion of what a search finds"), _("the address of the deleted resource"))

    def _patch(self, where: Where, address: str) -> None:
        kind, own = _kind_and_id(address)
        if kind in _USED or not kind:
            self.patched.add((kind, own))
            found = _("a change of a resource in part (PATCH), which is not read")
            self._list(where, found, _("the whole resource after the change"))

    # --- Resources ---

    def _add(
        self, where: Where, resource: dict[str, Any], full_url: str = "", doubt: str = "", rank: int = 0
    ) -> None:
        kind = resource["resourceType"]
        server = _server(full_url)
        subject = _reference(resource.get("subject")) if kind == "Specimen" else Reference()
        if subject != Reference():
            for address in (f"Specimen/{resource.get('id')}", full_url):
                if address:
                    self.found.specimens[server, intern(address)] = subject
        parts = (
            [resource, *_contained_results(resource)] if kind in ("DiagnosticReport", "Observation") else [resource]
        )
        if kind == "DiagnosticReport":
            del parts[0]
        if kind in _REFERRED:
            own = str(resource.get("id"))
            for address in filter(None, (f"{kind}/{own}", f"urn:uuid:{own}", full_url)):
                given = _needed(resource)
                known = self.found.referred.setdefault(address, given)
                self.found.referred[address] = given if known == given else {}
        for part in parts:
            if part["resourceType"] in _USED:
                self._keep(where, part, server, full_url if part is resource else "", doubt, rank)

    def _keep(
        self, where: Where, resource: dict[str, Any], server: str, full_url: str, doubt: str, rank: int
    ) -> None:
        kind, updated = intern(resource["resourceType"]), _moment(_object(resource.get("meta")).get("lastUpdated"))
        own = str(resource.get("id") or full_url.rpartition("/")[2].rpartition(":")[2] or "")
        if kind != "Patient" and not self._asked(resource, (server, kind, own), updated):
            return
        doubt = doubt or _doubt({name: given for name, given in resource.items() if name != "component"})
        needed = _needed(resource)
        try:
            content = json.dumps(needed, ensure_ascii=False, separators=(",", ":")).encode()
            f"{own}{full_url}".encode()
            is_deep = is_too_deep(needed)
        except (UnicodeEncodeError, RecursionError):
            is_deep = True
        if is_deep:
            found = _("half of a character, or an object too deep")
            self._list(where, found, _("the resource as the server gives it"))
            return
        self.found.items.append(
            Item(
                where,
                kind,
                own,
                server,
                full_url,
                _subject(resource),
                tuple(_others(resource)) if kind == "Observation" else (),
                tuple(_identifiers(resource)) if kind == "Patient" else (),
                tuple(_links(resource)) if kind == "Patient" else (),
                updated,
                rank,
                doubt,
                content=content,
            )
        )

    def _asked(self, resource: dict[str, Any], key: tuple[str, str, str], updated: str) -> bool:
        """Whether a resource can say something; a later version that no longer does is remembered."""
        try:
            asked = self.is_asked(resource)
        except (TypeError, ValueError, AttributeError, KeyError):
            asked = True  # its shape is told to whom it concerns
        if not asked and str(_object(resource.get("meta")).get("versionId", "1")) != "1":
            self.not_asked[key] = max(updated, self.not_asked.get(key, ""))
        return asked

    def _list(self, where: object, found: str, write: str) -> None:
        self.found.problems.append(FileProblem(str(where), found, write))

    def finish(self) -> Resources:
        """Return what was found, without the versions that a later one took the place of."""
        items = self.found.items
        if self.not_asked:
            items = [i for i in items if self.not_asked.get((i.server, i.kind, i.own), "") <= i.updated or not i.own]
        if self.patched:
            doubt = _("changed by a PATCH that is not read")
            items = [i._replace(doubt=doubt) if (i.kind, i.own) in self.patched else i for i in items]
        self.found.items = items
        for address, where in self.next_pages.items():
            if address not in self.own_pages:
                found = _("one page of several: the next one is not here")
                self._list(where, found, _("all pages of the search"))
        return self.found


def _needed(resource: dict[str, Any]) -> dict[str, Any]:
    """Return what is read of a resource, and of those in it only what it refers to."""
    kind = resource.get("resourceType")
    needed = {name: given for name, given in resource.items() if name.startswith(_NEEDED) and name != "identifier"}
    contained = needed.pop("contained", None)
    if kind not in ("Procedure", "Condition"):
        needed.pop("extension", None)
    if kind == "BodyStructure" and "location" in resource:
        needed["location"] = resource["location"]
    kept = [_needed(one) for one in map(_object, _list(contained)) if one.get("resourceType") in _REFERRED]
    return needed | ({"contained": kept} if kept else {})


def _is_ndjson(stream: IO[bytes]) -> bool:
    for line in stream:
        if text := line.strip(_BLANK):
            try:
                if not isinstance(json.loads(text), dict):
                    return False
            except (ValueError, RecursionError):
                return False
            return any(other.strip() for other in stream)
    return False


def _contained_results(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the Observations that a report or a panel contains and names as its results.

    What they do not say themselves, the resource around them says: whose they are, when, and which version.
    """
    state = str(resource.get("status"))
    if resource["resourceType"] == "DiagnosticReport" and state in _NOT_REPORTED:
        return
    contained = [_object(one) for one in _list(resource.get("contained"))]
    observations = {f"#{one.get('id')}": one for one in contained if one.get("resourceType") == "Observation"}
    waiting = _local(resource, "result") + _local(resource, "hasMember")
    around = ("subject", "effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant", "issued")
    while waiting:
        own = waiting.pop()
        one = observations.pop(own, None)
        if one is None:
            continue
        waiting += _local(one, "hasMember")
        dated = any(name.startswith("effective") for name in one)
        taken = [name for name in around if name in resource and name not in one]
        taken = [name for name in taken if not (dated and name not in ("subject",))]
        found = {**{name: resource[name] for name in taken}, **one}
        found["meta"], found["id"] = resource.get("meta"), f"{resource.get('id', '')}{own}"
        found["contained"] = contained
        if "status" not in one and state in _REPORTED:
            found["status"] = "preliminary" if state in ("partial", "preliminary") else state
        for name in ("implicitRules", "modifierExtension"):
            if name in resource:
                found[name] = resource[name]
        if resource["resourceType"] == "DiagnosticReport" and state not in _REPORTED:
            found["status"] = "unknown"
        yield found


def _local(resource: dict[str, Any], name: str) -> list[str]:
    found = [str(_object(one).get("reference")) for one in _list(resource.get(name))]
    return [text for text in found if text.startswith("#")]


def _doubt(resource: Any) -> str:
    """Return why the elements cannot be understood: rules or a modifier that are not known here."""
    waiting = [resource]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.get("implicitRules"):
                return _("rules that are not known here (implicitRules)")
            if value.get("modifierExtension"):
                return _("an extension that changes the meaning (modifierExtension)")
            waiting += [
                below
                for name, below in value.items()
                if name not in _WITHOUT_MODIFIERS and isinstance(below, (dict, list))
            ]
        elif isinstance(value, list):
            waiting += value
    return ""


def doubt_of(part: dict[str, Any]) -> str:
    """Return why a part of a resource, such as a component, cannot be understood; empty if it can."""
    return _doubt(part)


# --- References ---


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _reference(value: Any, contained: Iterable[Any] = ()) -> Reference:
    """Return what a reference says; one to a contained resource says what that resource says of itself."""
    given = _object(value)
    text, kind = given.get("reference"), str(given.get("type") or "")
    text = text if isinstance(text, str) and _is_whole(text) else ""
    identifier = _identifier(given.get("identifier"))
    if text.startswith("#"):
        inside = next((one for one in map(_object, contained) if f"#{one.get('id')}" == text), {})
        kind = str(inside.get("resourceType") or kind)
        identifier = next(_identifiers(inside), identifier)
    return Reference(intern(text), identifier, intern(kind))


def _is_whole(text: str) -> bool:
    """Whether a text has no half of a character."""
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _subject(resource: dict[str, Any]) -> Reference:
    return _reference(resource.get("subject") or resource.get("patient"), _list(resource.get("contained")))


def _others(resource: dict[str, Any]) -> Iterator[Reference]:
    """Yield what an Observation is about beside its subject: its focus, and whose specimen it has."""
    contained = _list(resource.get("contained"))
    for one in _list(resource.get("focus")):
        yield _reference(one, contained)
    if resource.get("focus") is not None and not isinstance(resource["focus"], list):
        yield _reference(resource["focus"], contained)
    for one in map(_object, _list(resource.get("extension"))):
        if str(one.get("url")).endswith(_FOCUS_EXTENSIONS):
            yield _reference(one.get("valueReference"), contained)
    if resource.get("specimen") is not None:
        given = _reference(resource["specimen"], contained)
        if given.text.startswith("#"):
            inside = next((one for one in map(_object, contained) if f"#{one.get('id')}" == given.text), {})
            if "subject" in inside:
                yield _reference(inside["subject"], contained)
        else:
            yield given._replace(type="Specimen")


def _identifier(value: Any) -> tuple[str, str]:
    given = _object(value)
    system, text = given.get("system"), given.get("value")
    return (system, text) if isinstance(system, str) and isinstance(text, str) and system and text else ("", "")


def _identifiers(patient: dict[str, Any]) -> Iterator[tuple[str, str]]:
    found = map(_identifier, _list(patient.get("identifier")))
    return (one for one in found if one != ("", ""))


def _links(patient: dict[str, Any]) -> Iterator[Link]:
    contained = _list(patient.get("contained"))
    for one in map(_object, _list(patient.get("link"))):
        yield Link(str(one.get("type") or ""), _reference(one.get("other"), contained))


_ADDRESS = re.compile(r"(?:(.+)/)?([A-Z][A-Za-z]+)/([^/?#|\s]+)(?:/_history/[^/]*)?")


def address_of(text: str) -> tuple[str, str, str]:
    """Return the server, type and id of a relative or absolute address; empty texts if it is none."""
    match = _ADDRESS.fullmatch(text)
    if match is None or (match[1] and not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", match[1])):
        return "", "", ""
    host, slash, path = (match[1] or "").rstrip("/").partition("://")[2].partition("/")
    return intern(f"{host.lower()}{slash}{path}"), intern(match[2]), match[3]


def _server(full_url: str) -> str:
    return address_of(full_url)[0]


def _kind_and_id(address: str) -> tuple[str, str]:
    _host, kind, own = address_of(address)
    return kind, own


def _moment(value: Any) -> str:
    try:
        return partial_date(value).moment
    except ValueError:
        return ""
