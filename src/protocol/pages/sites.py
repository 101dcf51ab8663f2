"""The sites page: whom to call, where they are, and what about the contacts needs confirming."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import quote

import ipywidgets as widgets
from markupsafe import Markup

from protocol.chart import Chart
from protocol.exchange.vcard import vcard
from protocol.figures import sites as figures
from protocol.pages import elements
from protocol.records import ProtocolError, Provenance
from protocol.sites import Site, distance_km, e164, quality_notes
from protocol.translation import _
from protocol.trial import Trial

# Copies the button's own data; where the browser forbids that (no https, no permission), it selects the text instead.
_COPY = (
    "const b=this,t=b.dataset.text,s=()=>{const r=document.createRange();"
    "r.selectNodeContents(b.previousElementSibling);const g=getSelection();g.removeAllRanges();g.addRange(r);"
    "b.textContent=document.execCommand('copy')?b.dataset.done:b.dataset.selected};"
    "navigator.clipboard?navigator.clipboard.writeText(t).then(()=>{b.textContent=b.dataset.done},s):s()"
)
_SEVERITY = {"high": ("pw-bad", _("high")), "medium": ("pw-open", _("medium")), "low": ("pw-off", _("low"))}


class SitesPage:
    """The hospitals with their contacts.

    Parameters
    ----------
    trial : Trial
        The record.
    today : date
        The reader's day, written into the address cards.

    Attributes
    ----------
    site : ipywidgets.Dropdown
        Which hospital's card is shown; the empty text shows all.
    view : ipywidgets.VBox
        The page.
    """

    def __init__(self, trial: Trial, today: date) -> None:
        self._sites, self._today = trial.sites, today
        self._trial = str(trial.identity["nct_id"].value)
        options = [(_("All hospitals"), ""), *((site.name, site.id) for site in trial.sites)]
        self.site = widgets.Dropdown(options=options, description=_("Show"))
        self.cards = elements.html("")
        self.distances = elements.html(_distances(trial.sites))
        self.notes = elements.html(_notes(trial.sites))
        self.map = Chart(figures.sketch_map, _("A sketch of the sites and the rivers"))
        self.map.draw(figures.map_rows(trial.sites, trial.rivers))
        self.view = self._arrange()
        self.site.observe(self.refresh, names="value")
        self.refresh()

    def _arrange(self) -> widgets.VBox:
        self.map.layout.min_width = "540px"
        sketch = widgets.Box([self.map], layout={"overflow": "auto", "width": "100%"})
        return widgets.VBox(
            [
                elements.section(
                    _("Contacts"), self.site, self.cards,
                    lead=_("What is registered and what is inferred are kept apart. Verify before you call."),
                ),
                elements.section(_("What needs confirming"), self.notes),
                elements.section(_("Where they are"), sketch, self.distances),
            ]
        )  # fmt: skip

    def refresh(self, _change: Any = None) -> None:
        """Write the cards of the chosen hospitals."""
        shown = [site for site in self._sites if self.site.value in ("", site.id)]
        cards = Markup("").join(_card(site, self._trial, self._today) for site in shown)
        self.cards.value = elements.dress(Markup('<div class="pw-row">{}</div>').format(cards))


def _card(site: Site, trial: str, today: date) -> Markup:
    note = _("As registered for {trial}; written on {day}. Verify before use.").format(trial=trial, day=today)
    file = elements.download(_("Address card (vCard)"), f"{site.id}.vcf", vcard(site, note), "text/vcard")
    return Markup(
        '<div class="pw-card pw-site"><h3>{}<br><span lang="zh">{}</span></h3><h4>{} {}</h4>{}'
        "<h4>{} {}</h4>{}<p>{}</p></div>"
    ).format(
        site.name, site.name_local.value, _("As registered"), elements.origin(site), _registered(site),
        _("Inferred"), Markup('<span class="pw-tag pw-assumption">{}</span>').format(_("to be confirmed")),
        _inferred(site), file,
    )  # fmt: skip


def _registered(site: Site) -> Markup:
    contact = site.contact
    return _list(
        (
            (_("Contact"), _stated(", ".join(part for part in (contact.name, contact.role) if part))),
            (_("Telephone"), _telephone(contact.phone)),
            (_("Mail"), _copied(_mail_link(contact.mail), contact.mail)),
            (_("Place"), f"{site.city}, {site.province} {site.postcode}, {site.country}"),
            (_("Street"), _stated(site.address)),
            (_("Status"), _stated(site.status)),
        )
    )


def _inferred(site: Site) -> Markup:
    position = f"{site.position.latitude:.3f}° N, {site.position.longitude:.3f}° E"
    return _list(
        (
            (_("Chinese name"), _with_reason(site.name_local.value, site.name_local)),
            (_("Campus"), _with_reason(site.campus.value, site.campus)),
            (_("Address"), _with_reason(site.address_local.value, site.address_local)),
            (_("Position"), _with_reason(position, site.position)),
        )
    )


def _list(pairs: Iterable[tuple[str, Markup | str]]) -> Markup:
    items = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in pairs)
    return Markup('<dl class="pw-facts">{}</dl>').format(items)


def _stated(text: str) -> Markup | str:
    return text or Markup('<span class="pw-off">{}</span>').format(_("not stated"))


def _with_reason(value: str, origin: Provenance) -> Markup:
    if origin.is_assumption:
        return Markup("{}<br>{}").format(value, elements.assumption(origin.origin))
    return Markup("{}<br>{}").format(value, elements.origin(origin))


def _telephone(phone: str) -> Markup:
    try:
        number = e164(phone)
    except ProtocolError:
        return Markup('{} <span class="pw-bad">{}</span>').format(phone, _("cannot be dialled as registered"))
    link = Markup('<a href="tel:{}">{}</a>').format(number, number)
    return Markup("{}<br>{}").format(phone, _copied(link, number))


def _mail_link(mail: str) -> Markup:
    return Markup('<a href="mailto:{}">{}</a>').format(quote(mail, safe="@"), mail)


def _copied(content: Markup, text: str) -> Markup:
    """Put a button beside `content` that copies `text`."""
    return Markup(
        '<span>{}</span> <button type="button" class="pw-copy" data-text="{}" data-done="{}" data-selected="{}" '
        'aria-label="{}" onclick="{}">{}</button>'
    ).format(
        content, text, _("Copied"), _("Selected, press Ctrl+C"), _("Copy {text}").format(text=text), _COPY, _("Copy")
    )  # fmt: skip


def _notes(sites: tuple[Site, ...]) -> Markup:
    names = {site.id: site.name for site in sites}
    items = Markup("").join(
        Markup('<li><span class="{}">{}</span> {} <span class="pw-off">({})</span></li>').format(
            *_SEVERITY[note.severity],
            note.text,
            ", ".join(names[name] for name in note.sites),
        )
        for note in quality_notes(sites)
    )
    return Markup("<ul>{}</ul>").format(items) if items else Markup("<p>{}</p>").format(_("Nothing was found."))


def _distances(sites: tuple[Site, ...]) -> Markup:
    pairs = [(one, other) for index, one in enumerate(sites) for other in sites[index + 1 :]]
    items = Markup("").join(
        Markup("<li>{}</li>").format(
            _("{one} to {other}: about {km:.1f} km in a straight line").format(
                one=one.name, other=other.name, km=distance_km(one.position, other.position)
            )
        )
        for one, other in pairs
    )
    return Markup("<ul>{}</ul>").format(items)
