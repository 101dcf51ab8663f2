"""The sites of a trial: the hospitals as registered, values that are inferred, and notes on data quality."""

import re
from collections import Counter
from math import asin, cos, radians, sin, sqrt
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from protocol.records import ProtocolError, Provenance, Record, Severity, Sourced, Text, unique
from protocol.translation import _

__all__ = [
    "CONSUMER_DOMAINS",
    "Contact",
    "District",
    "Official",
    "Position",
    "QualityNote",
    "River",
    "Site",
    "SitesRecord",
    "distance_km",
    "e164",
    "nearest",
    "phone_problem",
    "quality_notes",
]

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

Mail = Annotated[str, StringConstraints(pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$")]


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write an IANA name such as Asia/Shanghai") from None
    return name


TimeZone = Annotated[str, AfterValidator(_is_zone)]

Concern = Literal["contact", "phone", "mail", "address", "status", "campus", "backup", "position"]

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG

CONSUMER_DOMAINS = (
    "sina.com",
    "sina.cn",
    "163.com",
    "126.com",
    "qq.com",
    "gmail.com",
    "outlook.com",
    "hotmail.com",
)
"""Domains of mail providers for private persons."""

# Numbers of China: from abroad, and as written in the country (fixed network with 0 and area code, or mobile).
_CHINA_FROM_ABROAD = re.compile(r"\+86(?:10|2\d|[3-9]\d\d)[2-8]\d{6,7}")
_CHINA_NATIONAL = re.compile(r"0(?:(?:10|2\d)[2-8]\d{7}|[3-9]\d\d[2-8]\d{6,7})|1[3-9]\d{9}")


class Contact(Record):
    """A person as registered; a field that is empty in the registry is empty."""

    name: Text
    role: str = ""
    mail: Mail = ""
    phone: str = ""
    phone_extension: str = ""


class Official(Record):
    """A person responsible for the whole trial."""

    name: Text
    role: str = ""
    affiliation: str = ""


class Position(Provenance):
    """Where a site is, in degrees (WGS 84)."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


class Site(Provenance):
    """A hospital. The plain fields are as registered; each sourced field is inferred and carries its own origin."""

    id: Id
    name: Text
    city: str
    province: str
    country: str
    postcode: str
    status: str
    address: str
    contact: Contact | None = None
    backup_contact: Contact | None = None
    more_contacts: tuple[Contact, ...] = ()
    name_local: Sourced[Text] | None = None
    address_local: Sourced[Text] | None = None
    campus: Sourced[Text] | None = None
    campuses: Sourced[tuple[Text, ...]] | None = None
    """The known campuses of the hospital."""
    position: Position | None = None
    city_point: Position | None = None
    """The point that the registry gives for the city; it is not the position of the hospital."""

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """All contacts of the site, in the order of the registry."""
        return (*(one for one in (self.contact, self.backup_contact) if one), *self.more_contacts)


class River(Provenance):
    """A stretch of river as a line of (longitude, latitude) in degrees (WGS 84)."""

    id: Id
    name: Text
    name_local: Text
    points: Annotated[tuple[tuple[float, float], ...], Field(min_length=2)]


class District(Position):
    """The approximate middle of a district, to start a search for the nearest site from."""

    id: Id
    name: Text
    name_local: Text


class SitesRecord(Record):
    """The file ``sites.toml``.

    ``time_zone`` is the IANA name of the zone whose calendar days the trial uses, such as ``Asia/Shanghai``; UTC
    without it.
    """

    time_zone: Sourced[TimeZone] | None = None
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]
    central_contacts: tuple[Contact, ...] = ()
    officials: tuple[Official, ...] = ()
    rivers: tuple[River, ...] = ()
    districts: tuple[District, ...] = ()

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        unique((site.id for site in self.sites), "site")
        unique((river.id for river in self.rivers), "river")
        unique((district.id for district in self.districts), "district")
        return self


class QualityNote(Record):
    """Something in the registered contacts that needs confirming."""

    concern: Concern
    severity: Severity
    text: Text
    sites: tuple[Id, ...]


def e164(phone: str, country: str) -> str:
    """Return a telephone number in the form of ITU-T E.164, for a ``tel:`` link.

    A number that begins with + (or 00) and a country code is kept. A number without a country code is read only if
    `country` is China: fixed network (0, area code and local number) or mobile (11 digits from 13 to 19). A number of
    another country without its code is refused: a US number with its leading 1 looks like a mobile of China.

    Parameters
    ----------
    phone : str
        As registered.
    country : str
        The country of the site, by its English name.

    Raises
    ------
    ProtocolError
        If the number cannot be dialled from abroad as registered.
    """
    digits = re.sub(r"[\s()./-]", "", phone)
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    if re.fullmatch(r"\+(?!86)[1-9]\d{7,14}", digits) or _CHINA_FROM_ABROAD.fullmatch(digits):
        return digits
    if country != "China" and not digits.startswith("+86"):
        raise ProtocolError("telephone", repr(phone), "+country code and number")
    national = digits.removeprefix("+86")
    if not _CHINA_NATIONAL.fullmatch(national):
        write = "a number with 0 and its area code, a mobile, or +country code and number"
        raise ProtocolError("telephone", repr(phone), write)
    return "+86" + national.removeprefix("0")


def nearest(sites: tuple[Site, ...], start: Position) -> list[tuple[Site, float]]:
    """Sort the sites that have a position by their straight-line distance in km from a starting point."""
    reached = [(site, distance_km(start, site.position)) for site in sites if site.position]
    return sorted(reached, key=lambda pair: pair[1])


def distance_km(one: Position, other: Position) -> float:
    """Return the great-circle distance in km (haversine formula)."""
    first, second = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    chord = sin((second - first) / 2) ** 2 + cos(first) * cos(second) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(chord))


def quality_notes(sites: tuple[Site, ...]) -> tuple[QualityNote, ...]:
    """Return what about the registered sites needs confirming, by severity, the highest first."""
    notes = [*_shared_phones(sites), *_unusable_phones(sites), *_consumer_mails(sites), *_gaps(sites)]
    order = ("high", "medium", "low")
    return tuple(sorted(notes, key=lambda note: order.index(note.severity)))


def _shared_phones(sites: tuple[Site, ...]) -> list[QualityNote]:
    counts = Counter(site.contact.phone for site in sites if site.contact and site.contact.phone)
    return [
        QualityNote(
            concern="phone",
            severity="high",
            sites=tuple(site.id for site in sites if site.contact and site.contact.phone == phone),
            text=_("The same telephone number, {phone}, is registered for {count} hospitals; confirm it.").format(
                phone=phone, count=count
            ),
        )
        for phone, count in counts.items()
        if count > 1
    ]


def _unusable_phones(sites: tuple[Site, ...]) -> list[QualityNote]:
    notes = []
    for site, contact in _contacts_of(sites):
        phone = " ".join(part for part in (contact.phone, contact.phone_extension) if part)
        if phone_problem(contact, site.country):
            text = _("The telephone number of {site} cannot be dialled as registered: {phone}.")
            text = text.format(site=site.name, phone=phone or _("nothing"))
            notes.append(QualityNote(concern="phone", severity="high", sites=(site.id,), text=text))
    return notes


def _contacts_of(sites: tuple[Site, ...]) -> list[tuple[Site, Contact]]:
    return [(site, contact) for site in sites for contact in site.contacts]


def phone_problem(contact: Contact, country: str) -> str:
    """Return what is wrong with the telephone number of a contact; empty if it can be dialled."""
    if contact.phone_extension.strip().startswith("+"):
        return f"{contact.phone_extension!r} is in the extension and looks like a country code"
    try:
        e164(contact.phone, country)
    except ProtocolError as error:
        return f"{error.found} cannot be dialled from abroad; write {error.write}"
    return ""


def _consumer_mails(sites: tuple[Site, ...]) -> list[QualityNote]:
    notes = []
    for site, contact in _contacts_of(sites):
        domain = contact.mail.rpartition("@")[2].lower()
        if domain in CONSUMER_DOMAINS:
            text = _(
                "The contact of {site} uses a consumer mail domain ({domain}). Send nothing about participants "
                "there; ask for an address of the hospital."
            ).format(site=site.name, domain=domain)
            notes.append(QualityNote(concern="mail", severity="medium", sites=(site.id,), text=text))
    return notes


def _gaps(sites: tuple[Site, ...]) -> list[QualityNote]:
    """Collect what is missing or only assumed, one note a kind."""
    kinds: tuple[tuple[Concern, Severity, list[Site], str], ...]
    kinds = (
        ("contact", "high", [site for site in sites if site.contact is None], _("No contact is registered.")),
        (
            "campus",
            "medium",
            [site for site in sites if site.campus and site.campus.is_assumption],
            _("The campus is an assumption. Confirm where participants go."),
        ),
        (
            "backup",
            "medium",
            [site for site in sites if site.contact and not site.backup_contact],
            _("No second contact is registered."),
        ),
        ("address", "medium", [site for site in sites if not site.address], _("No street address is registered.")),
        (
            "status",
            "medium",
            [site for site in sites if not site.status],
            _("The recruitment status is empty in the listing."),
        ),
        (
            "position",
            "low",
            [site for site in sites if site.position and site.position.is_assumption],
            _("The position on the map is approximate and has no published source."),
        ),
        (
            "position",
            "low",
            [site for site in sites if not site.position],
            _("No position is known. The registry places cities, not hospitals."),
        ),
    )
    return [
        QualityNote(concern=concern, severity=severity, sites=tuple(site.id for site in found), text=text)
        for concern, severity, found, text in kinds
        if found
    ]
