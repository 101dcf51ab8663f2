"""One hospital's card: what is registered, what is inferred, and who covers."""

from collections.abc import Iterable
from datetime import date
from urllib.parse import quote

from markupsafe import Markup

from protocol.exchange.qr import qr
from protocol.exchange.vcard import Version, vcard
from protocol.pages import elements
from protocol.records import ProtocolError, Provenance
from protocol.sites import Contact, Site, e164, nearest
from protocol.translation import _

# Copies the button's own data; where the browser forbids that (no https, no permission), it selects the text instead.
_COPY = (
    "const b=this,t=b.dataset.text,s=()=>{const r=document.createRange();"
    "r.selectNodeContents(b.previousElementSibling);const g=getSelection();g.removeAllRanges();g.addRange(r);"
    "b.textContent=document.execCommand('copy')?b.dataset.done:b.dataset.selected};"
    "navigator.clipboard?navigator.clipboard.writeText(t).then(()=>{b.textContent=b.dataset.done},s):s()"
)


def card(site: Site, trial: str, today: date, campus: str | None = None, with_code: bool = False) -> Markup:
    """Show one hospital.

    Parameters
    ----------
    site : Site
    trial : str
        The registry number, named in the address card.
    today : date
        The reader's day.
    campus : str, optional
        The campus somebody chose for now in place of the inferred one.
    with_code : bool
        Whether to draw the contact's QR code.
    """
    local = Markup('<br><span lang="zh">{}</span>').format(site.name_local.value) if site.name_local else ""
    return Markup(
        '<div class="pw-card pw-site"><h3>{}{}</h3><h4>{} {}</h4>{}<h4>{} {}</h4>{}{}</div>'
    ).format(
        site.name, local, _("As registered"), elements.origin(site), _registered(site),
        _("Inferred"), Markup('<span class="pw-tag pw-assumption">{}</span>').format(_("to be confirmed")),
        _inferred(site, campus), _files(site, trial, today, with_code),
    )  # fmt: skip


def _files(site: Site, trial: str, today: date, with_code: bool) -> Markup:
    if site.contact is None:
        return Markup("")
    note = _("As registered for {trial}; written on {day}. Verify before use.").format(trial=trial, day=today)
    versions: tuple[tuple[Version, str], ...] = (("3.0", ""), ("4.0", "-v4"))
    links = Markup(" ").join(
        elements.download(
            _("Address card (vCard {version})").format(version=version), f"{site.id}{suffix}.vcf",
            vcard(site, note, version), "text/vcard",
        )
        for version, suffix in versions
    )  # fmt: skip
    code = qr(vcard(site, ""), _("QR code of the contact of {site}").format(site=site.name)) if with_code else ""
    return Markup("<p>{}</p>{}").format(links, code)


def _registered(site: Site) -> Markup:
    people = Markup("<hr>").join(_facts(_person(contact, site.country)) for contact in site.contacts)
    place = f"{site.city}, {site.province} {site.postcode}, {site.country}"
    return Markup("{}{}").format(
        people or _facts([(_("Contact"), _stated(""))]),
        _facts(((_("Place"), place), (_("Street"), _stated(site.address)), (_("Status"), _stated(site.status)))),
    )


def _person(contact: Contact, country: str) -> list[tuple[str, Markup | str]]:
    return [
        (_("Contact"), _stated(", ".join(part for part in (contact.name, contact.role) if part))),
        (_("Telephone"), telephone(contact, country)),
        (_("Mail"), _copied(mail_link(contact.mail), contact.mail) if contact.mail else _stated("")),
    ]


def _inferred(site: Site, campus: str | None) -> Markup:
    rows: list[tuple[str, Markup | str]] = []
    if site.name_local:
        rows.append((_("Chinese name"), _with_reason(site.name_local.value, site.name_local)))
    if site.campus:
        rows.append((_("Campus"), _campus(site, campus) or _with_reason(site.campus.value, site.campus)))
    if site.address_local:
        rows.append((_("Address"), _with_reason(site.address_local.value, site.address_local)))
    if site.position:
        place = f"{site.position.latitude:.3f}° N, {site.position.longitude:.3f}° E"
        rows.append((_("Position"), _with_reason(place, site.position)))
    return _facts(rows or [(_("Nothing"), _("everything shown is registered"))])


def _campus(site: Site, campus: str | None) -> Markup | None:
    """Show a campus that was chosen for now; None when it is the inferred one."""
    if campus is None or site.campus is None or campus == site.campus.value:
        return None
    tag = Markup('<span class="pw-tag pw-assumption">{}</span>').format(_("what-if, to be confirmed"))
    return Markup("{} {}<br>{}").format(
        campus, tag, _("The postcode fits {campus}; address and position are that campus's.").format(
            campus=site.campus.value
        )
    )  # fmt: skip


def cover(site: Site, sites: tuple[Site, ...], central: tuple[Contact, ...]) -> Markup:
    """Say who can be reached when a site's contact is away, from the registered contacts only."""
    if site.backup_contact:
        people = [(contact, site) for contact in site.contacts[1:]]
        lead = _("Registered at the same hospital:")
    else:
        near = [other for other, _km in nearest(sites, site.position)] if site.position else list(sites)
        people = [(other.contact, other) for other in near if other.contact and other.id != site.id]
        lead = _(
            "No backup is registered. Until the sponsor names one, these are the other registered contacts; "
            "none of them is known to cover for this hospital:"
        )
    items = Markup("").join(
        Markup("<li>{} ({}): {} · {}</li>").format(
            contact.name, other.name, mail_link(contact.mail), telephone(contact, other.country)
        )
        for contact, other in [*((contact, site) for contact in central), *people]
    )
    return (
        Markup("<p>{}</p><ul>{}</ul>").format(lead, items)
        if items
        else Markup("<p>{}</p>").format(_("No backup is registered, and nobody else is registered for this trial."))
    )


def _facts(pairs: Iterable[tuple[str, Markup | str]]) -> Markup:
    items = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in pairs)
    return Markup('<dl class="pw-facts">{}</dl>').format(items)


def _stated(text: str) -> Markup | str:
    return text or Markup('<span class="pw-off">{}</span>').format(_("not stated"))


def _with_reason(value: str, origin: Provenance) -> Markup:
    if origin.is_assumption:
        return Markup("{}<br>{}").format(value, elements.assumption(origin.origin))
    return Markup("{}<br>{}").format(value, elements.origin(origin))


def telephone(contact: Contact, country: str) -> Markup | str:
    """Show a number as registered and, when it can be dialled, as a link."""
    phone = " ".join(part for part in (contact.phone, contact.phone_extension) if part)
    if not phone:
        return _stated("")
    try:
        number = e164(contact.phone, country)
    except ProtocolError:
        return Markup('{} <span class="pw-bad">{}</span>').format(phone, _("cannot be dialled as registered"))
    link = Markup('<a href="tel:{}">{}</a>').format(number, number)
    return Markup("{}<br>{}").format(phone, _copied(link, number))


def mail_link(mail: str) -> Markup:
    """Link a mail address."""
    return Markup('<a href="mailto:{}">{}</a>').format(quote(mail, safe="@"), mail)


def _copied(content: Markup, text: str) -> Markup:
    """Put a button beside `content` that copies `text`."""
    return Markup(
        '<span>{}</span> <button type="button" class="pw-copy" data-text="{}" data-done="{}" data-selected="{}" '
        'aria-label="{}" onclick="{}">{}</button>'
    ).format(
        content, text, _("Copied"), _("Selected, press Ctrl+C"), _("Copy {text}").format(text=text), _COPY, _("Copy")
    )  # fmt: skip
