"""The sites page: whom to call, where they are, what they have to do, and what needs confirming."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.conduct import AWAITED, Participant, TrialSoFar, participant_status
from protocol.exchange.contacts.mail import mail_draft
from protocol.exchange.contacts.vcard import Version, qr, vcard
from protocol.figures import sites as figures
from protocol.followup import reason, timeline
from protocol.pages.kit import text as elements
from protocol.pages.trial_log.desk import Desk
from protocol.records import ProtocolError, Provenance
from protocol.sites import Contact, Position, Site, distance_km, e164, nearest, quality_notes
from protocol.translation import _
from protocol.trial import Trial

_DATED = {"enrolment": "enrolled", "start_of_therapy": "therapy_started", "first_infusion": "first_infusion"}


def planned_days(trial: Trial, so_far: TrialSoFar) -> dict[str, list[date]]:
    """List the target days of all visits of each site's participants, by the site's name, earliest first."""
    people = {site.name: [one for one in so_far.participants if one.site == site.name] for site in trial.sites}
    return {
        site: sorted(day for person in own for day in _targets(trial, person, so_far.as_of))
        for site, own in people.items()
    }


def _targets(trial: Trial, person: Participant, today: date) -> list[date]:
    frequency = [level.id for level in trial.escalation.frequencies].index(person.regimen[1:]) + 1
    known = {anchor.id for anchor in trial.followup.anchors}
    dates = {anchor: getattr(person, day) for anchor, day in _DATED.items() if anchor in known}
    return [target.date() for target in timeline(trial.followup, dates, frequency, today)["target"].dropna()]


def load_per_site(trial: Trial, so_far: TrialSoFar, planned: dict[str, list[date]], weeks: int) -> pd.DataFrame:
    """Count what the sites have to do in the weeks to come.

    Parameters
    ----------
    trial : Trial
    so_far : TrialSoFar
        Who takes part, and the day from which is looked ahead.
    planned : dict of str to list of date
        What :func:`planned_days` returned.
    weeks : int
        How far to look ahead.

    Returns
    -------
    pandas.DataFrame
        One row a site: ``site``, ``participants``, ``visits`` (whose target day lies in those weeks), ``next``
        (the earliest target day, None without one), ``free_slots`` (visits the site can still take in those weeks
        on its working days, 0 at least), ``in_open_cohort`` (its participants at the open regimen for whom
        the next decision waits).
    """
    progress = participant_status(so_far, trial.escalation.dlt_window_days.value).set_index("participant")["progress"]
    last = so_far.as_of + timedelta(weeks=weeks)
    slots = capacity(trial, so_far.as_of, last)
    rows = []
    for site in trial.sites:
        own = [person for person in so_far.participants if person.site == site.name]
        days = [day for day in planned[site.name] if so_far.as_of <= day <= last]
        waiting = [
            person for person in own if person.regimen == so_far.open_regimen and progress[person.id] in AWAITED
        ]
        next_day = days[0] if days else None
        rows.append((site.name, len(own), len(days), next_day, max(slots - len(days), 0), len(waiting)))
    columns = ["site", "participants", "visits", "next", "free_slots", "in_open_cohort"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def capacity(trial: Trial, first: date, last: date) -> int:
    """Count the visits one site can take on its working days from `first` to `last`, both included."""
    working = trial.followup.working
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return working.visits_per_day.value * sum(not reason(working, day) for day in days)


def free_places(trial: Trial, so_far: TrialSoFar) -> int:
    """Count the places left in the open cohort: cohorts at the open regimen are filled one after the other.

    When the last cohort is full the answer is 0; the next opens by the committee's decision.
    """
    enrolled = sum(person.regimen == so_far.open_regimen for person in so_far.participants)
    return -enrolled % trial.escalation.design.cohort_size.value


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


_SEVERITY = {"high": ("pw-bad", _("high")), "medium": ("pw-open", _("medium")), "low": ("pw-off", _("low"))}

_VERDICTS = (_("not decided yet"), _("eligible so far"), _("eligible"), _("ineligible"))

_WIDE = {"description_width": "10em"}


class SitesPage:
    """The hospitals with their contacts.

    Parameters
    ----------
    trial : Trial
        The record.
    today : date
        The reader's day, written into the address cards.
    desk : Desk, optional
        The log, whose participants are counted if the reader may see all of them; without it those of `trial` are.

    Attributes
    ----------
    site : ipywidgets.Dropdown
        Which hospital's card is shown; the empty text shows all.
    campus : dict of str to ipywidgets.Dropdown
        By site: the campus chosen for now.
    codes : ipywidgets.Checkbox
        Whether the cards show QR codes.
    away, weeks : ipywidgets
        Whose contact is away; how many weeks of visits are counted.
    district, latitude, longitude : ipywidgets
        Where the search for the nearest site starts; the empty district means the point.
    recipient, study_id, verdict, criteria, remark : ipywidgets
        What the mail draft is made of.
    view : ipywidgets.VBox
        The page.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        trial = desk.visible_trial if desk else trial
        self._trial, self._today = trial, today
        self._planned = planned_days(trial, trial.so_far) if trial.so_far else {}
        self._make_inputs()
        self.cards, self.covered, self.mail, self.found, self.load = (elements.html("") for _n in range(5))
        self.map = Chart(figures.sketch_map, _("A sketch of the sites and the rivers"))
        rows = figures.map_rows(trial.sites, trial.rivers)
        if len(rows):
            self.map.draw(rows)
        self.distances = elements.html(_distances(trial.sites))
        self.notes = elements.html(_notes(trial.sites))
        self.view = self._arrange()
        self._observe()

    def _make_inputs(self) -> None:
        trial = self._trial
        hospitals = [(site.name, site.id) for site in trial.sites]
        self.site = widgets.Dropdown(options=[(_("All hospitals"), ""), *hospitals], description=_("Show"))
        self.campus = {
            site.id: widgets.Dropdown(
                options=site.campuses.value, value=site.campus.value, description=site.name, style=_WIDE
            )
            for site in trial.sites if site.campuses and site.campus
        }  # fmt: skip
        self.codes = widgets.Checkbox(description=_("Show QR codes of the contacts"), indent=False)
        self.away = widgets.Dropdown(options=hospitals, description=_("Away"))
        self.weeks = widgets.IntSlider(value=2, min=1, max=12, description=_("Weeks ahead"), style=_WIDE)
        own_point = (_("the point below"), "")
        districts = [(f"{item.name} {item.name_local}", item.id) for item in trial.districts]
        self.district = widgets.Dropdown(options=[*districts, own_point], description=_("From"), style=_WIDE)
        start = trial.districts[0] if trial.districts else None
        self.latitude, self.longitude = (
            widgets.FloatText(value=value, step=0.01, description=name, style=_WIDE)
            for value, name in ((start.latitude if start else 0.0, _("Latitude, ° N")),
                                (start.longitude if start else 0.0, _("Longitude, ° E")))
        )  # fmt: skip
        self._make_mail_inputs(hospitals)

    def _make_mail_inputs(self, hospitals: list[tuple[str, str]]) -> None:
        self.recipient = widgets.Dropdown(options=hospitals, value=hospitals[-1][1], description=_("To"), style=_WIDE)
        self.study_id = widgets.Text(description=_("Study id"), placeholder="W-017", style=_WIDE)
        self.verdict = widgets.Dropdown(options=_VERDICTS, description=_("Verdict"), style=_WIDE)
        self.criteria = widgets.Text(description=_("Criteria"), placeholder="I5, E3", style=_WIDE)
        self.remark = widgets.Text(description=_("Remark"), style=_WIDE)

    def _observe(self) -> None:
        parts = (
            (self.refresh, (self.site, self.codes, *self.campus.values())),
            (self._show_cover, (self.away,)),
            (self._show_load, (self.weeks,)),
            (self._show_nearest, (self.district, self.latitude, self.longitude)),
            (self._write_mail, (self.recipient, self.study_id, self.verdict, self.criteria, self.remark)),
        )
        for show, controls in parts:
            for control in controls:
                control.observe(show, names="value")
            show()

    def _arrange(self) -> widgets.VBox:
        self.map.layout.min_width = "540px"
        sketch = widgets.Box([self.map], layout={"overflow": "auto", "width": "100%"})
        choices = widgets.Box(list(self.campus.values()))
        for name in ("pw-grid", "pw-form"):
            choices.add_class(name)
        campuses = widgets.VBox([elements.html(_("Which campus? A choice for now, to be confirmed:")), choices])
        sections = [
            elements.section(
                _("Contacts"), elements.row(self.site, self.codes), *([campuses] if self.campus else []), self.cards,
                lead=_("What is registered and what is inferred are kept apart. Verify before you call."),
            ),
            elements.section(_("When a contact is away"), self.away, self.covered),
            elements.section(
                _("Write to a site about a screening"), self.recipient, self.study_id, self.verdict, self.criteria,
                self.remark, self.mail,
                lead=_("A draft for your own mail program that names nobody. Read it before it goes."),
            ),
            elements.section(_("What needs confirming"), self.notes),
            elements.section(
                _("Nearest site"), self.district, elements.row(self.latitude, self.longitude), self.found,
                lead=_("In a straight line. Points from web maps of China are shifted by 300 to 700 m."),
            ),
            elements.section(_("Where they are"), sketch, self.distances),
        ]  # fmt: skip
        if self._trial.so_far:
            sections.insert(3, elements.section(_("Load per site"), self.weeks, self.load))
        return widgets.VBox(sections)

    def refresh(self, _change: Any = None) -> None:
        """Write the cards of the chosen hospitals."""
        shown = [site for site in self._trial.sites if self.site.value in ("", site.id)]
        number = str(self._trial.identity["nct_id"].value)
        cards = Markup("").join(
            card(site, number, self._today, self.campus[site.id].value if site.id in self.campus else None,
                 self.codes.value)
            for site in shown
        )  # fmt: skip
        self.cards.value = elements.dress(Markup('<div class="pw-row">{}</div>').format(cards))

    def _show_cover(self, _change: Any = None) -> None:
        shown = cover(self._site(self.away.value), self._trial.sites, self._trial.central_contacts)
        self.covered.value = elements.dress(shown, "status")

    def _site(self, name: str) -> Site:
        return next(site for site in self._trial.sites if site.id == name)

    def _show_nearest(self, _change: Any = None) -> None:
        try:
            start = next((item for item in self._trial.districts if item.id == self.district.value), None)
            self.latitude.disabled = self.longitude.disabled = start is not None
            self.found.value = elements.dress(_found(self._trial.sites, start or self._point()), "status")
        except ProtocolError as error:
            self.found.value = elements.dress(elements.message(error))

    def _point(self) -> Position:
        latitude, longitude = self.latitude.value, self.longitude.value
        for where, value, limit in ((_("Latitude"), latitude, 90), (_("Longitude"), longitude, 180)):
            if not -limit <= value <= limit:
                raise ProtocolError(where, f"{value:g}", _("degrees from -{limit} to {limit}").format(limit=limit))
        return Position(latitude=latitude, longitude=longitude, assumption=_("Typed in by the reader."))

    def _show_load(self, _change: Any = None) -> None:
        if self._trial.so_far:
            self.load.value = elements.dress(
                _load(self._trial, self._trial.so_far, self._planned, self.weeks.value), "status"
            )

    def _write_mail(self, _change: Any = None) -> None:
        if not self.study_id.value.strip():
            self.mail.value = elements.dress(_("Enter a study id to see the draft."), "status")
            return
        try:
            link, subject, body = mail_draft(
                self._site(self.recipient.value), str(self._trial.identity["nct_id"].value),
                self.study_id.value.strip(), self.verdict.value, self._named_criteria(), self.remark.value,
            )  # fmt: skip
        except ProtocolError as error:
            self.mail.value = elements.dress(elements.message(error))
            return
        self.mail.value = elements.dress(
            Markup('<p><b>{}</b></p><blockquote style="white-space:pre-line">{}</blockquote>'
                   '<p><a class="pw-download" href="{}">{}</a></p>').format(
                subject, body, link, _("Open in the mail program")), "status")  # fmt: skip

    def _named_criteria(self) -> list[str]:
        criteria = self._trial.eligibility.criteria
        known = {item.id for item in criteria} | {part.id for item in criteria for part in item.parts}
        named = [word for word in self.criteria.value.replace(",", " ").split() if word]
        for word in named:
            if word not in known:
                raise ProtocolError(_("criteria"), _("something that is no criterion"), _("ids such as I5 or E3"))
        return named


def _notes(sites: tuple[Site, ...]) -> Markup:
    names = {site.id: site.name for site in sites}
    items = Markup("").join(
        Markup('<li><span class="{}">{}</span> {} <span class="pw-off">({})</span></li>').format(
            *_SEVERITY[note.severity], note.text, ", ".join(names[name] for name in note.sites)
        )
        for note in quality_notes(sites)
    )
    return Markup("<ul>{}</ul>").format(items) if items else Markup("<p>{}</p>").format(_("Nothing was found."))


def _distances(sites: tuple[Site, ...]) -> Markup:
    placed = [(site.name, site.position) for site in sites if site.position]
    pairs = [(one, other) for index, one in enumerate(placed) for other in placed[index + 1 :]]
    items = Markup("").join(
        Markup("<li>{}</li>").format(
            _("{one} to {other}: about {km:.1f} km in a straight line").format(
                one=one[0], other=other[0], km=distance_km(one[1], other[1])
            )
        )
        for one, other in pairs
    )
    return Markup("<ul>{}</ul>").format(items) if placed else elements.note(_("No site has a known position."))


def _found(sites: tuple[Site, ...], start: Position) -> Markup:
    items = Markup("").join(
        Markup("<li>{}: {}</li>").format(site.name, _("about {km:.1f} km").format(km=km))
        for site, km in nearest(sites, start)
    )
    return Markup("<ol>{}</ol><p>{}</p>").format(items, elements.assumption(start.origin))


def _load(trial: Trial, so_far: TrialSoFar, planned: dict[str, list[date]], weeks: int) -> Markup:
    frame = load_per_site(trial, so_far, planned, weeks)
    frame.columns = [
        _("Site"), _("Participants"), _("Visits due in {weeks} weeks").format(weeks=weeks), _("Next visit"),
        _("Visits it can still take"), _("Waiting in the open cohort"),
    ]  # fmt: skip
    free = _("Free places in the open cohort at {regimen}: {free}. Any site may fill them.").format(
        regimen=so_far.open_regimen, free=free_places(trial, so_far)
    )
    day = _("On {day}, by planned visit days.").format(day=so_far.as_of)
    size = trial.escalation.design.cohort_size
    a_day = trial.followup.working.visits_per_day
    return Markup("{}{}<p>{}</p><p>{} {} {}</p><p>{} {} {}</p>").format(
        elements.invented() if so_far.invented else "", elements.table(frame, day), free, _("Cohorts of"), size.value,
        elements.assumption(size.origin), _("Visits a site can take in a day:"), a_day.value,
        elements.assumption(a_day.origin),
    )  # fmt: skip
