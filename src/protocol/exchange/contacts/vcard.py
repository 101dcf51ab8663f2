"""One contact as a vCard (3.0: RFC 2426, 4.0: RFC 6350) and as a QR code.

The card is written here because ``segno.helpers`` knows only version 3.0 and does not fold lines.
"""

from io import BytesIO
from typing import Literal

from markupsafe import Markup

from protocol.exchange.contacts.names import parts_of
from protocol.records import ProtocolError
from protocol.sites import Contact, Site, Telephone, telephones
from protocol.translation import _

_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n", "\r": None})

__all__ = ["Version", "qr", "vcard"]

Version = Literal["3.0", "4.0"]
"""The versions of the vCard format: 3.0 (RFC 2426) and 4.0 (RFC 6350)."""


def vcard(site: Site, note: str, version: Version = "3.0", contact: Contact | None = None) -> bytes:
    """Write a contact of a site as a vCard; values are escaped and lines folded at 75 octets.

    Parameters
    ----------
    site : Site
        The hospital. A telephone number that cannot be dialled is written as it is.
    note : str
        What the reader of the card should know; left out when empty.
    version : {"3.0", "4.0"}
        3.0 is understood by every address book; 4.0 is always UTF-8 and writes the number as a ``tel:`` link.
    contact : Contact, optional
        One of the site's contacts; the first if not given.

    Raises
    ------
    ProtocolError
        If the site has no registered contact.
    """
    contact = contact or site.contact
    if contact is None:
        raise ProtocolError(site.name, _("no contact"), _("a contact in sites.toml first"))
    name = parts_of(contact.name)
    place = ";".join(_escaped(part) for part in (site.address, site.city, site.province, site.postcode, site.country))
    lines = [
        ("BEGIN", "VCARD"),
        ("VERSION", version),
        ("N", ";".join(map(_escaped, (name.family, name.given, "", name.prefix, name.suffix)))),
        ("FN", _escaped(contact.name)),
        ("TITLE", _escaped(contact.role)),
        ("ORG", _escaped(site.name)),
        ("ADR;TYPE=WORK", f";;{place}"),
        *_telephones(contact, site, version),
        (f"EMAIL;TYPE={'INTERNET' if version == '3.0' else 'WORK'}", _escaped(contact.mail)),
        ("NOTE", _escaped(note)),
        ("END", "VCARD"),
    ]
    return b"".join(_folded(f"{name}:{value}") + b"\r\n" for name, value in lines if value)


def _telephones(contact: Contact, site: Site, version: Version) -> list[tuple[str, str]]:
    """Return a line for each number that can be dialled, and one for what cannot."""
    found, rest = telephones(contact, site.country)
    lines = [_telephone(number, version) for number in found]
    if rest:
        lines.append((f"TEL;TYPE=WORK{',VOICE' if version == '3.0' else ';VALUE=text'}", _escaped(rest)))
    return lines


def _telephone(number: Telephone, version: Version) -> tuple[str, str]:
    if version == "4.0":
        kind = '"work,cell"' if number.is_mobile else "WORK"
        return f"TEL;TYPE={kind};VALUE=uri", number.uri
    extension = f" ext. {number.extension}" if number.extension else ""
    return f"TEL;TYPE=WORK,{'CELL' if number.is_mobile else 'VOICE'}", f"{number.number}{extension}"


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


def qr(content: bytes, title: str) -> Markup:
    """Draw bytes as a QR code: dark on white with its quiet zone, so that it is read in dark mode too.

    Raises
    ------
    ProtocolError
        If there are more than the 2,331 bytes that a QR code holds at error correction M.
    """
    import segno

    try:
        code = segno.make(content, error="m", micro=False, boost_error=False, mode="byte")
    except segno.DataOverflowError:
        raise ProtocolError(title, _("{n} bytes").format(n=len(content)), _("at most 2,331 bytes")) from None
    drawing = BytesIO()
    code.save(drawing, kind="svg", scale=3, border=4, light="#fff", xmldecl=False, title=None, svgclass="pw-qr")
    return Markup('<figure class="pw-figure" role="img" aria-label="{}">{}</figure>').format(
        title,
        Markup(drawing.getvalue().decode()),  # noqa: S704 - segno draws it from squares only
    )
