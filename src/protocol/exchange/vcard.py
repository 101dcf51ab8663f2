"""One contact as a vCard 3.0 (RFC 2426) for an address book."""

from protocol.records import ProtocolError
from protocol.sites import Site, e164

_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n", "\r": None})


def vcard(site: Site, note: str) -> bytes:
    """Write the contact of a site as a vCard; values are escaped and lines folded at 75 octets.

    Parameters
    ----------
    site : Site
        The hospital with its contact as registered. A telephone number that cannot be dialled is written as it is.
    note : str
        What the reader of the card should know.
    """
    contact = site.contact
    place = (site.address, site.city, site.province, site.postcode, site.country)
    family, given = contact.name.split()[-1], " ".join(contact.name.split()[:-1])
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"N:{_escaped(family)};{_escaped(given)};;;",
        f"FN:{_escaped(contact.name)}",
        f"TITLE:{_escaped(contact.role)}",
        f"ORG:{_escaped(site.name)}",
        "ADR;TYPE=WORK:;;" + ";".join(_escaped(part) for part in place),
        f"TEL;TYPE=WORK,VOICE:{_escaped(_dialled(contact.phone))}",
        f"EMAIL;TYPE=INTERNET:{_escaped(contact.mail)}",
        f"NOTE:{_escaped(note)}",
        "END:VCARD",
    ]
    return b"".join(_folded(line) + b"\r\n" for line in lines)


def _dialled(phone: str) -> str:
    try:
        return e164(phone)
    except ProtocolError:
        return phone


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _folded(line: str) -> bytes:
    """Break a line after at most 75 octets, never inside a character; what follows begins with a space."""
    pieces, piece = [], b""
    for character in line:
        octets = character.encode("utf-8")
        if len(piece) + len(octets) > 75:
            pieces.append(piece)
            piece = b" "
        piece += octets
    return b"\r\n".join([*pieces, piece])
