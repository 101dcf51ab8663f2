"""Whom a FHIR resource is about: the Patients of one or several servers, their links, and every form of reference."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from protocol.exchange.clinical.fhir_resources import Item, Reference, Resources, address_of
from protocol.exchange.cohort.cells import FileProblem
from protocol.exchange.dates import partial_date
from protocol.translation import _

_OWN = (
    "Condition",
    "DiagnosticReport",
    "Encounter",
    "Medication",
    "MedicationAdministration",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
)
"""Types of a focus that leave the subject the one who was observed: its disease, its treatment."""

_OTHERS = (
    "Device",
    "Group",
    "Location",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
    "Substance",
)
"""Types that are never the subject itself."""

_SEXES = ("female", "male")

_SAME_PERSON = ("replaced-by", "replaces", "refer", "seealso")
"""R4's types of links: all say that both Patients are one person."""


class Identity(NamedTuple):
    """The id of a Patient and its server, empty if the id has one server at most."""

    server: str
    own: str


@dataclass
class Person:
    """One person of the files.

    Attributes
    ----------
    key : str
        What the study id is made of: the id of its Patient, with the server if two servers use the id.
    ids : list of str
        The ids of all its Patients, to be taken out of what is kept.
    patients : list of Item
        The Patient resources that count: the newest version, or several that do not say which is newer.
    items : list of Item
        What is about it.
    doubt : str
        Why it is not certain that all of it is about one person.
    """

    key: str
    ids: list[str] = field(default_factory=list)
    patients: list[Item] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    doubt: str = ""


def people_of(found: Resources) -> list[Person]:
    """Give each resource to its person; what belongs to nobody, or perhaps to another one, is listed.

    Parameters
    ----------
    found : Resources
        What the files hold; its problems are added to.
    """
    return _People(found).people()


class _People:
    """Knows the Patients, and resolves references to them."""

    def __init__(self, found: Resources) -> None:
        self.found = found
        self.patients = [i for i in found.items if i.kind == "Patient" and not i.is_deleted]
        self.others = [i for i in found.items if i.kind != "Patient" and not i.is_deleted]
        self.deleted: dict[tuple[str, str], list[Item]] = {}
        for item in found.items:
            if item.is_deleted:
                self.deleted.setdefault((item.kind, item.own), []).append(item)
        self.patients = [i for i in self.patients if not self._is_deleted(i)]
        self.servers: dict[str, set[str]] = {}
        self.urls: dict[str, set[tuple[str, str]]] = {}
        self.identifiers: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self._note_patients()
        for item in self.others:
            self._note(item.subject, item.server)
        self.known = {self._identity(i.server, _id(i)) for i in self.patients}
        self.main = {identity: identity for identity in self.known}

    def _note_patients(self) -> None:
        for item in self.patients:
            at = item.server, _id(item)
            self.servers.setdefault(at[1], set()).add(at[0])
            if item.full_url:
                self.urls.setdefault(item.full_url, set()).add(at)
            for identifier in item.identifiers:
                self.identifiers.setdefault(identifier, set()).add(at)
            for link in item.links:
                self._note(link.other, item.server)

    def _note(self, reference: Reference, server: str) -> None:
        host, kind, own = address_of(reference.text)
        if kind == "Patient" and reference.text not in self.urls:
            self.servers.setdefault(own, set()).add(host or server)

    def _identity(self, server: str, own: str) -> Identity:
        """Return who an id is; a server is named only where two servers use the id."""
        return Identity(server if self._is_shared(own) else "", own)

    def _is_shared(self, own: str) -> bool:
        return len(self.servers.get(own, set()) - {""}) > 1

    def _of(self, server: str, own: str) -> set[Identity]:
        """Return who an id can be: without its server, each of those that use the id."""
        if not self._is_shared(own) or server:
            return {self._identity(server, own)}
        every = {Identity(one, own) for one in self.servers[own]}
        return {one for one in every if one.server or one in self.known}

    def _candidates(self, reference: Reference, server: str) -> set[Identity]:
        """Return the Patients that a reference can mean: none, one, or several."""
        named = {self._identity(*at) for at in self.identifiers.get(reference.identifier, ())}
        by_address = self._by_address(reference.text, server)
        if by_address & self.known and named:
            return by_address if by_address & named else by_address | named
        return named or by_address

    def _by_address(self, text: str, server: str) -> set[Identity]:
        if text in self.urls:
            return {self._identity(*at) for at in self.urls[text]}
        host, kind, own = address_of(text)
        if text.startswith(("urn:uuid:", "urn:oid:")):
            own = text.rpartition(":")[2]
            return self._of("", own) if own in self.servers else set()
        query = text.rpartition("Patient?identifier=")
        if query[1]:
            system, _bar, value = query[2].partition("|")
            return {self._identity(*at) for at in self.identifiers.get((system, value), ())}
        return self._of(host or server, own) if kind == "Patient" else set()

    # --- Persons ---

    def people(self) -> list[Person]:
        """Return the persons, those with a Patient first."""
        self._join()
        people: dict[Identity, Person] = {}
        own: dict[Identity, list[Item]] = {}
        for item in self.patients:
            own.setdefault(self._identity(item.server, _id(item)), []).append(item)
        for identity in own:
            self._person(self._main(identity), people).ids.append(identity.own)
        for identity, versions in own.items():
            person = people[self._main(identity)]
            if identity == self._main(identity) or not self._is_replaced(identity):
                person.patients += _newest(versions)
                person.doubt = person.doubt or _two_in_one(versions)
        self._report_patients(people)
        for item in self.others:
            self._give(item, people)
        for person in people.values():
            person.items = self._latest(person.items)
        return list(people.values())

    def _person(self, main: Identity, people: dict[Identity, Person]) -> Person:
        key = f"{main.server}/Patient/{main.own}" if main.server else main.own
        return people.setdefault(main, Person(key, [main.own]))

    def _main(self, identity: Identity) -> Identity:
        while (other := self.main.get(identity, identity)) != identity:
            identity = other
        return identity

    def _join(self) -> None:
        """Join the Patients that a link names as one person, under the one that is to be used."""
        self.replaced: set[Identity] = set()
        for item in sorted(self.patients, key=lambda one: (one.server, one.own)):
            own = self._identity(item.server, _id(item))
            for link in item.links:
                targets = self._candidates(link.other, item.server)
                if link.type not in _SAME_PERSON or len(targets) != 1:
                    if address_of(link.other.text)[1] != "RelatedPerson" and link.other.type != "RelatedPerson":
                        self._list(
                            item, _("a link to another Patient that is not clear"), _("its type and its address")
                        )
                    continue
                [target] = targets
                if target not in self.known:
                    found = _("a link to a Patient that is not here: something about this person may be missing")
                    self._list(item, found, _("the files of both Patients"))
                used, left = (own, target) if link.type == "replaces" else (target, own)
                if link.type in ("replaced-by", "replaces"):
                    self.replaced.add(left)
                used, left = self._main(used), self._main(left)
                if used != left:
                    self.main[left] = used
                    self.main.setdefault(used, used)

    def _is_replaced(self, identity: Identity) -> bool:
        return identity in self.replaced

    def _report_patients(self, people: dict[Identity, Person]) -> None:
        for person in people.values():
            for item in person.patients:
                if item.resource.get("active") is False:
                    found = _("a Patient that is no longer in use (active: false)")
                    self._list(item, found, _("the Patient that is in use, if this one is a duplicate or an error"))
        for own, servers in self.servers.items():
            if self._is_shared(own):
                first = next((i for i in self.patients if _id(i) == own), None)
                where = str(first.where) if first else _("all files")
                found = _("one id on {count} servers: a person of its own on each").format(count=len(servers - {""}))
                write = _("the files of one server at a time; here the study ids are made with the server as well")
                self.found.problems.append(FileProblem(where, found, write))

    def _give(self, item: Item, people: dict[Identity, Person]) -> None:
        """Give a resource to whom it is about; if that may be several, to each of them with a doubt."""
        mains = {self._main(one) for one in self._candidates(item.subject, item.server)}
        if not mains:
            self._list(item, _("a resource without a patient"), _("its subject: the reference of a Patient"))
            return
        about = [self._about(other, item.server, mains) for other in item.others]
        if False in about:
            found = _("a result about somebody or something else (its focus or specimen)")
            self._list(item, found, _("the results of the patient"))
            return
        if len(mains) > 1 or None in about:
            item = item._replace(doubt=_("it may be about another person"))
        for main in sorted(mains):
            self._person(main, people).items.append(item)

    def _about(self, other: Reference, server: str, own: set[Identity]) -> bool | None:
        """Whether a focus or a specimen leaves an Observation one of its subject; None if that cannot be told."""
        if other.type == "Specimen":
            subject = self._specimen(other.text, server)
            if subject is None:
                return True
            other = subject
        kind = address_of(other.text)[1] or other.type
        meant = {self._main(one) for one in self._candidates(other, server)}
        if meant == own or (not meant and kind in _OWN):
            return True
        return False if (meant and not meant & own) or kind in _OTHERS else None

    def _specimen(self, text: str, server: str) -> Reference | None:
        host, _kind, own = address_of(text)
        specimens = self.found.specimens
        found = specimens.get((host or server, f"Specimen/{own}")) or specimens.get((host, text))
        return found or specimens.get(("", text)) or specimens.get(("", f"Specimen/{own}"))

    # --- Versions ---

    def _latest(self, items: Sequence[Item]) -> list[Item]:
        """Keep the newest version of each resource; versions that differ and do not say which is newer are all kept.

        Two servers may give one id to resources of two persons: these are no versions of each other.
        """
        several = len({item.server for item in items} - {""}) > 1
        versions: dict[object, list[Item]] = {}
        for number, item in enumerate(items):
            key = item.server if several else "", item.kind, item.own
            versions.setdefault(key if item.own else number, []).append(item)
        newest = (one for some in versions.values() for one in _newest(some))
        return [item for item in newest if not self._is_deleted(item)]

    def _is_deleted(self, item: Item) -> bool:
        """Whether a resource was deleted after this version; an order that nobody tells counts as after."""
        for gone in self.deleted.get((item.kind, item.own), ()):
            if gone.server and item.server and gone.server != item.server:
                continue
            if gone.rank and gone.where._replace(entry=0) == item.where._replace(entry=0):
                later = gone.rank > item.rank
            else:
                later = not (gone.updated and item.updated) or gone.updated >= item.updated
            if later:
                return True
        return False

    def _list(self, item: Item, found: str, write: str) -> None:
        self.found.problems.append(FileProblem(str(item.where), found, write))


def _id(item: Item) -> str:
    return item.own or str(item.where)


def _newest(versions: Sequence[Item]) -> list[Item]:
    if len(versions) == 1:
        return [*versions]
    kept: list[Item] = []
    newest = max(item.updated for item in versions)
    for item in (one for one in versions if one.updated == newest):
        older = any(
            other.where._replace(entry=0) == item.where._replace(entry=0) and other.rank > item.rank
            for other in versions
            if other.updated == newest and item.rank and other.rank
        )
        if not older and all((item.resource, item.doubt) != (other.resource, other.doubt) for other in kept):
            kept.append(item)
    return kept


def _two_in_one(versions: Sequence[Item]) -> str:
    """Return why the versions of a Patient, from several files, may be two persons of two hospitals."""
    said = {(i.where.file, str(r.get("gender")), str(r.get("birthDate"))) for i in versions for r in [i.resource]}
    for one, other in combinations(sorted(said), 2):
        sexes = {one[1], other[1]}
        if one[0] != other[0] and (sexes == {*_SEXES} or _are_apart(one[2], other[2])):
            return _("one id for two persons: sex or date of birth differs between two files")
    return ""


def _are_apart(one: str, other: str) -> bool:
    try:
        first, second = partial_date(one, time=False), partial_date(other, time=False)
    except ValueError:
        return False
    return first.last < second.first or second.last < first.first


def shared(people: Iterable[Person]) -> Iterator[FileProblem]:
    """Yield the persons whose resources may be those of two."""
    for person in people:
        if person.doubt:
            for item in person.patients[:1]:
                yield FileProblem(str(item.where), person.doubt, _("the files of one hospital at a time"))
