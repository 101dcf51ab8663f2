"""The sites of a trial: the hospitals as registered, values that are inferred, and notes on data quality."""

import re
import tomllib
import unicodedata
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from protocol.records import ProtocolError, Provenance, Record, RecordError, Severity, Sourced, Text, unique
from protocol.translation import _, language

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
    "Telephone",
    "country_codes",
    "distance_km",
    "e164",
    "is_mail",
    "local_language",
    "nearest",
    "phone_problem",
    "quality_notes",
    "telephones",
]

_LANGUAGES = {"China": "zh", "Japan": "ja", "Korea, Republic of": "ko", "South Korea": "ko", "Taiwan": "zh"}
"""Languages of local names, by the country as ClinicalTrials.gov writes it."""


def local_language(country: str) -> str:
    """Return the code of the language in which local names of a country are written; "" if it is not known."""
    return _LANGUAGES.get(country, "")


Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

_MAIL = r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$"

Mail = Annotated[str, StringConstraints(pattern=_MAIL)]


def is_mail(text: str) -> bool:
    """Whether a text can stand as a mail address of a contact; the empty text can."""
    return re.fullmatch(_MAIL, text) is not None


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RecordError(
            _("{name!r}, which is no time zone").format(name=name), _("an IANA name such as Asia/Shanghai")
        ) from None
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
    def shown_name(self) -> str:
        """The name to show: the local one in a language of the country, the registered one in any other.

        What is stored (log, files, addresses of pages) has :attr:`name`.
        """
        is_own = language().partition("_")[0] == local_language(self.country)
        return self.name_local.value if is_own and self.name_local else self.name

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """All contacts of the site, in the order of the registry."""
        return (*(one for one in (self.contact, self.backup_contact) if one), *self.more_contacts)


class River(Provenance):
    """A river as a line of (longitude, latitude) in degrees (WGS 84)."""

    id: Id
    name: Text
    name_local: Text
    points: Annotated[tuple[tuple[float, float], ...], Field(min_length=2)]
    moved: Sourced[tuple[float, float]] | None = None
    """Degrees of longitude and latitude by which the whole line is drawn elsewhere, if it is known to be off."""
    width_km: Sourced[Annotated[float, Field(gt=0)]] | None = None
    """How wide it is drawn; a thin line without it."""

    @property
    def line(self) -> tuple[tuple[float, float], ...]:
        """The points where they are drawn."""
        east, north = self.moved.value if self.moved else (0.0, 0.0)
        return tuple((longitude + east, latitude + north) for longitude, latitude in self.points)


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
        unique((site.id for site in self.sites), _("site"))
        unique((river.id for river in self.rivers), _("river"))
        unique((district.id for district in self.districts), _("district"))
        return self


class QualityNote(Record):
    """Something in the registered contacts that needs confirming."""

    concern: Concern
    severity: Severity
    text: Text
    sites: tuple[Id, ...]


# --- Countries and telephone numbers ---


@lru_cache
def _countries() -> dict[str, tuple[str, str]]:
    """The ISO 3166-1 codes of the countries (alpha-2, alpha-3) by their plain names and by the codes themselves."""
    from babel import Locale
    from holidays.registry import COUNTRIES

    codes = {entry[1]: (entry[1], entry[2]) for entry in COUNTRIES.values()}
    names = {_plain(code): pair for pair in codes.values() for code in pair}
    names |= {_plain(name): codes[code] for code, name in Locale("en").territories.items() if code in codes}
    with Path(__file__).with_name("country_names.toml").open("rb") as file:
        names |= {_plain(name): codes[code] for name, code in tomllib.load(file).items()}
    return names


def _plain(name: str) -> str:
    """Return a name without case, accents and everything but letters."""
    letters = unicodedata.normalize("NFKD", name).casefold().replace("&", "and").replace("saint", "st")
    return "".join(letter for letter in letters if letter.isalpha())


def country_codes(name: str) -> tuple[str, str] | None:
    """Return the ISO 3166-1 codes (alpha-2, alpha-3) of a country by its English name; None for another name."""
    return _countries().get(_plain(name)) if name else None


class Telephone(NamedTuple):
    """One number that can be dialled.

    Attributes
    ----------
    number : str
        In the form of ITU-T E.164: + and digits.
    extension : str
        Digits to dial afterwards; empty without one.
    is_mobile : bool
        Whether it is surely a mobile; in some countries, such as the US, this cannot be told.
    """

    number: str
    extension: str = ""
    is_mobile: bool = False

    @property
    def uri(self) -> str:
        """The ``tel:`` link (RFC 3966)."""
        return f"tel:{self.number}" + (f";ext={self.extension}" if self.extension else "")


_EXTENSION_WORDS = re.compile(r"\s*(?:转接|转|轉|分机号?|分機|内线|內線|内線)\s*[:：]?\s*(?=\d)")
_FAX = re.compile(r"(?:\bfax\b|传真|傳真)[^\d+]*$", re.I)


def telephones(contact: Contact, country: str) -> tuple[tuple[Telephone, ...], str]:
    """Return the numbers of a contact's field, and the part of the field that is no number.

    A number without a country code is read by the rules of `country`. Numbers for faxes are left out.

    Parameters
    ----------
    contact : Contact
    country : str
        The country of the site, by its English name; empty if it is not known.
    """
    import phonenumbers

    codes = country_codes(country)
    text = "".join(str(int(one)) if one.isdecimal() else one for one in unicodedata.normalize("NFKC", contact.phone))
    text = re.sub(r"\+\s+(?=\d)", "+", _EXTENSION_WORDS.sub(" ext. ", text))
    text = re.sub(r"(^|[;,、:|]\s*|/\s+|[^\W\d]\s*)00(?=[ -]?[1-9])", r"\1+", text)
    given, unclear = _extension(contact.phone_extension)
    found, rest, place = [], "", 0
    for match in phonenumbers.PhoneNumberMatcher(text, codes[0] if codes else None, max_tries=1000):
        between, place = text[place : match.start], match.end
        rest += between
        if _FAX.search(between):
            continue
        if not _is_certain(match.raw_string, codes[0] if codes else None):
            rest += match.raw_string
            continue
        number = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        is_mobile = phonenumbers.number_type(match.number) == phonenumbers.PhoneNumberType.MOBILE
        own = match.number.extension or ""
        if own and given not in ("", own):
            unclear = contact.phone_extension
        found.append(Telephone(number, own or given, is_mobile))
    rest += text[place:] + (f" {unclear}" if found else "")
    return tuple(found), rest.strip() if re.search(r"\d", rest) or not found else ""


def _extension(text: str) -> tuple[str, str]:
    """Return the digits of an extension, and the text as it is if it holds none or more than one."""
    parts = re.findall(r"\d(?:[\s-]?\d)*", unicodedata.normalize("NFKC", text))
    if len(parts) == 1 and "+" not in text:
        return re.sub(r"\D", "", parts[0]), ""
    return "", text.strip()


def _is_certain(text: str, region: str | None) -> bool:
    """Whether a number is written so that it can mean one thing only.

    Not certain are a fixed number without the trunk prefix 0 of its country, a range such as 3045-6, two endings
    such as 4400 / -4401, and a local number of China that begins with 0, 1 or 9 (numbering plan of ITU-T for +86).
    """
    import phonenumbers
    from phonenumbers import CountryCodeSource, PhoneNumberType

    number = phonenumbers.parse(text, region, keep_raw_input=True)
    is_fixed = phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE
    is_national = number.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY
    prefix = phonenumbers.ndd_prefix_for_region(region, True) if region else None
    if is_fixed and is_national and prefix == "0" and not re.match(r"\D*0", text):
        return False
    if is_fixed and number.country_code == 86:
        return bool(re.match(r"(?:10|2\d|[3-9]\d\d)[2-8]", str(number.national_number)))
    range_of = re.fullmatch(r"(.*\d{3})(?:\s*[-/~–]\s*\d{1,2}|\s*/[\s-]*\d+|\s[-–]\s*\d+)", text)
    return range_of is None or not phonenumbers.is_possible_number(phonenumbers.parse(range_of[1], region))


def e164(phone: str, country: str) -> str:
    """Return a telephone number in the form of ITU-T E.164, without its extension; the first one of several.

    A number that begins with + (or 00) and a country code is read as it is. One without a country code is read by
    the rules of `country`: with its trunk prefix, such as 0 in China, where the country has one.

    Parameters
    ----------
    phone : str
        As registered.
    country : str
        The country of the site, by its English name; empty if it is not known.

    Raises
    ------
    ProtocolError
        If the number, or a part of the field, cannot be dialled from abroad as registered.
    """
    found, rest = telephones(Contact.model_construct(name="", phone=phone, phone_extension=""), country)
    if not found or rest:
        any_form = _("a number with its area code, a mobile, or +country code and number")
        write = any_form if country_codes(country) else _("+country code and number")
        raise ProtocolError(_("telephone"), repr(phone), write)
    return found[0].number


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


def quality_notes(sites: tuple[Site, ...], central: tuple[Contact, ...] = ()) -> tuple[QualityNote, ...]:
    """Return what about the registered sites and central contacts needs confirming, the highest severity first."""
    notes = [*_shared_phones(sites), *_unusable_phones(sites), *_consumer_mails(sites), *_gaps(sites)]
    notes += _central_phones(central)
    order = ("high", "medium", "low")
    return tuple(sorted(notes, key=lambda note: order.index(note.severity)))


def _shared_phones(sites: tuple[Site, ...]) -> list[QualityNote]:
    """Note numbers that several hospitals have, however they are written."""
    shared: dict[Telephone | str, dict[str, str]] = {}
    for site, contact in _contacts_of(sites):
        for number in telephones(contact, site.country)[0] or ((contact.phone,) if contact.phone else ()):
            shared.setdefault(number, {}).setdefault(site.id, contact.phone)
    return [
        QualityNote(
            concern="phone",
            severity="high",
            sites=tuple(found),
            text=_("The same telephone number, {phone}, is registered for {count} hospitals; confirm it.").format(
                phone=next(iter(found.values())), count=len(found)
            ),
        )
        for found in shared.values()
        if len(found) > 1
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


def _central_phones(central: tuple[Contact, ...]) -> list[QualityNote]:
    """Note numbers of central contacts that cannot be dialled; no country is registered for these."""
    text = _("The telephone number of the central contact {name} cannot be dialled as registered: {phone}.")
    return [
        QualityNote(
            concern="phone",
            severity="high",
            sites=(),
            text=text.format(name=one.name, phone=f"{one.phone} {one.phone_extension}".strip()),
        )
        for one in central
        if (one.phone or one.phone_extension) and phone_problem(one, "")
    ]


def _contacts_of(sites: tuple[Site, ...]) -> list[tuple[Site, Contact]]:
    return [(site, contact) for site in sites for contact in site.contacts]


def phone_problem(contact: Contact, country: str) -> str:
    """Return what is wrong with the telephone number of a contact; empty if it can be dialled."""
    extension = contact.phone_extension.strip()
    if extension.startswith("+"):
        words = _("{found!r} is in the extension and looks like a country code")
        return words.format(found=contact.phone_extension)
    if extension and not re.search(r"\d", extension):
        return _("{found!r} is in the extension and is no number").format(found=contact.phone_extension)
    try:
        e164(contact.phone, country)
    except ProtocolError as error:
        words = _("{found} cannot be dialled from abroad; write {write}")
        return words.format(found=error.found, write=error.write)
    if extension and telephones(contact, country)[1]:
        words = _("{found!r} is in the extension and is not the one extension of this number")
        return words.format(found=contact.phone_extension)
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
