"""The sites page: contacts, positions, workload, and what needs confirming."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup

from protocol.chart import Chart
from protocol.conduct import AWAITED, TrialSoFar, participant_status
from protocol.display import typed_words
from protocol.exchange.contacts.mail import mail_draft
from protocol.exchange.contacts.vcard import Version, qr, vcard
from protocol.figures import sites as figures
from protocol.followup import reason, timelines
from protocol.pages.kit import (
    Text,
    assumption,
    button,
    classed,
    details,
    download,
    field,
    in_english,
    invented,
    joined,
    macros,
    note,
    origin,
    paragraph,
    row,
    section,
    span,
    strong,
    table,
    tag,
)
from protocol.pages.trial_log.desk import Desk
from protocol.pages.trial_log.visits import visits_text
from protocol.records import ProtocolError, Provenance
from protocol.sites import (
    Contact,
    Position,
    Site,
    distance_km,
    local_language,
    nearest,
    phone_problem,
    quality_notes,
    telephones,
)
from protocol.translation import _, list_of, ngettext, paragraph_of
from protocol.trial import Trial

VERDICTS = (_("not decided yet"), _("eligible so far"), _("eligible"), _("ineligible"))

_SEVERITY = {"high": ("bad", _("high")), "medium": ("open", _("medium")), "low": ("off", _("low"))}

FEW_SITES = 6
"""Up to so many sites, every card shows at once and none is chosen from a list."""

_HTML = macros("sites")


class SitesPage:
    """The hospitals with their contacts.

    Parameters
    ----------
    trial : Trial
        The record.
    today : date
        The reader's day, written into the address cards.
    desk : Desk, optional
        The log, whose visits are counted; its participants are counted if the reader may see all of them.

    Attributes
    ----------
    site : ipywidgets.Dropdown
        Which hospital's card is shown; the empty text shows all. It shows where there are many.
    cards : dict of str to Card
        By site.
    campus : dict of str to ipywidgets.Dropdown
        By site: the campus chosen for now.
    codes : ipywidgets.Checkbox
        Whether the cards show QR codes.
    away, weeks : ipywidgets
        Whose contact is away; how many weeks of planned visits are counted.
    district, latitude, longitude : ipywidgets
        Where the search for the nearest site starts; the empty district means the point.
    recipient, study_id, verdict, criteria, remark : ipywidgets
        What the mail draft is made of; it opens from a card.
    in_address : dict of str to widget
    view : ipywidgets.VBox
        The page.
    """

    def __init__(self, trial: Trial, today: date, desk: Desk | None = None) -> None:
        self._trial = trial = desk.visible_trial if desk else trial
        self._today, self._desk = today, desk
        self._planned = planned_days(trial, trial.so_far) if trial.so_far else {}
        hospitals = [(site.shown_name, site.id) for site in trial.sites]
        self.site = field(widgets.Dropdown, _("Show"), options=[(_("All hospitals"), ""), *hospitals])
        self.cards = {site.id: Card(site, self._write_to) for site in trial.sites}
        self.campus = {
            site.id: field(widgets.Dropdown, site.shown_name, options=site.campuses.value, value=site.campus.value)
            for site in trial.sites
            if site.campuses and site.campus
        }
        self.codes = field(widgets.Checkbox, _("Show QR codes of the contacts"), indent=False)
        self.away = field(widgets.Dropdown, _("Away"), options=hospitals)
        self.weeks = field(widgets.IntSlider, _("Weeks ahead"), value=2, min=1, max=12)
        districts = [(f"{item.name} {item.name_local}", item.id) for item in trial.districts]
        self.district = field(widgets.Dropdown, _("Starting point"), options=[*districts, (_("the point below"), "")])
        start = trial.districts[0] if trial.districts else None
        self.latitude = _degrees(_("Latitude, ° N"), start.latitude if start else 0.0)
        self.longitude = _degrees(_("Longitude, ° E"), start.longitude if start else 0.0)
        self.recipient = field(widgets.Dropdown, _("To"), options=hospitals, value=hospitals[-1][1])
        self.study_id = field(widgets.Text, _("Study id"), placeholder="P-017")
        self.verdict = field(widgets.Dropdown, _("Verdict"), options=VERDICTS)
        ids = [criterion.id for criterion in trial.eligibility.criteria]
        self._some_criteria = ", ".join((ids[0], ids[-1])) if ids else ""
        self.criteria = field(widgets.Text, _("Criteria"), placeholder=self._some_criteria)
        self.remark = field(widgets.Text, _("Remark"))
        self.close_draft = button(_("Close the draft"), self._close_draft)

        self.distances, self.notes = Text(role=""), Text(role="")
        self.covered, self.mail, self.found, self.load, self.counts = Text(), Text(), Text(), Text(), Text()
        self.distances.show(_distances(trial.sites))
        self.notes.show(_notes(trial.sites, trial.central_contacts))
        self.map = Chart(figures.sketch_map, _("A sketch of the sites and the rivers"))
        rows = figures.map_rows(trial.sites, trial.rivers)
        self.map.layout.display = None if len(rows) else "none"
        if len(rows):
            self.map.draw(rows)
        self.due = Chart(figures.load, _("Visits of each site that are overdue, due and open"))
        self.in_address = {"site": self.site}
        self.view = widgets.VBox(self._sections())
        parts = (
            (self.refresh, (self.site, self.codes, *self.campus.values())),
            (self._show_cover, (self.away,)),
            (self._show_workload, (self.weeks,)),
            (self._show_nearest, (self.district, self.latitude, self.longitude)),
            (self._show_mail, (self.recipient, self.study_id, self.verdict, self.criteria, self.remark)),
        )
        for show, controls in parts:
            for control in controls:
                control.observe(show, names="value")
            show()
        if desk:
            desk.on_change(self._follow)

    def _sections(self) -> list[widgets.Widget]:
        trial = self._trial
        straight = _("In a straight line.")
        if any(site.country == "China" for site in trial.sites):
            straight = paragraph_of([straight, _("Points from web maps of China are shifted by 300 to 700 m.")])
        self.site.layout.display = None if len(trial.sites) > FEW_SITES else "none"
        cards = classed(widgets.VBox([one.view for one in self.cards.values()]), "pw-sitecards")
        beside = classed(widgets.VBox([self.map, self.distances]), "pw-sitemap")
        central = [Text(_central(trial.central_contacts), role="")] if trial.central_contacts else []
        self._draft = section(
            _("Write to a site about a screening"),
            row(self.recipient, self.study_id, self.verdict, self.criteria),
            self.remark,
            self.mail,
            self.close_draft,
            lead=_("A draft for your own mail program, without any name. Read it before you send it."),
        )
        self._draft.layout.display = "none"
        return [
            section(
                _("Contacts"),
                self.site,
                row(cards, beside),
                *central,
                self._draft,
                lead=_("As registered. Verify before you call."),
            ),
            *self._of_the_log(),
            section(_("What needs confirming"), self.notes, *self._campuses(), self.codes),
            section(_("If a contact is away"), self.away, self.covered),
            section(
                _("Nearest site"),
                self.district,
                row(self.latitude, self.longitude),
                self.found,
                lead=straight,
            ),
        ]

    def _of_the_log(self) -> list[widgets.VBox]:
        """Return the part with what the sites have to do, nothing without a log."""
        if self._desk is None:
            return []
        label = Text(invented() if self._desk.invented else None, role="")
        workload = [self.weeks, self.load] if self._trial.so_far else []
        lead = _("Visits that are overdue, due and open, counted as on the follow-up page.")
        return [section(_("Load of the sites"), label, self.counts, self.due, *workload, lead=lead)]

    def _campuses(self) -> list[widgets.Widget]:
        if not self.campus:
            return []
        question = Text(_("Which campus? A choice for now, to be confirmed:"), role="")
        return [question, classed(widgets.Box(list(self.campus.values())), "pw-grid", "pw-form")]

    def refresh(self, _change: Any = None) -> None:
        """Write the cards of the chosen hospitals."""
        number, codes = self._number, self.codes.value
        campus = {name: control.value for name, control in self.campus.items()}
        for site in self._trial.sites:
            one = self.cards[site.id]
            one.text.show(card(site, number, self._today, campus.get(site.id), codes))
            one.view.layout.display = None if self.site.value in ("", site.id) else "none"

    def _follow(self) -> None:
        """Show the present state of the log."""
        if self._desk:
            self._trial = self._desk.visible_trial
            self._planned = planned_days(self._trial, self._trial.so_far) if self._trial.so_far else {}
            self._show_workload()

    def _write_to(self, name: str) -> None:
        """Open the draft of a mail to a site."""
        self.recipient.value = name
        self._draft.layout.display = None

    def _close_draft(self) -> None:
        self._draft.layout.display = "none"

    @property
    def _number(self) -> str:
        return str(self._trial.identity["nct_id"].value)

    def _site(self, name: str) -> Site:
        return next(site for site in self._trial.sites if site.id == name)

    def _show_cover(self, _change: Any = None) -> None:
        self.covered.show(cover(self._site(self.away.value), self._trial.sites, self._trial.central_contacts))

    def _show_nearest(self, _change: Any = None) -> None:
        start: Position | None = next((one for one in self._trial.districts if one.id == self.district.value), None)
        self.latitude.disabled = self.longitude.disabled = start is not None
        try:
            self.found.show(_nearest(self._trial.sites, start or self._point()))
        except ProtocolError as error:
            self.found.show(error)

    def _point(self) -> Position:
        latitude, longitude = self.latitude.value, self.longitude.value
        for where, value, limit in ((_("Latitude"), latitude, 90), (_("Longitude"), longitude, 180)):
            if not -limit <= value <= limit:
                raise ProtocolError(where, f"{value:g}", _("degrees from -{limit} to {limit}").format(limit=limit))
        return Position(latitude=latitude, longitude=longitude, assumption=_("Typed in by the reader."))

    def _show_workload(self, _change: Any = None) -> None:
        if self._desk:
            visits = self._desk.briefing.visits
            total = {name: int(visits[name].sum()) for name in figures.STATUSES}
            self.counts.show(paragraph(strong(visits_text(total))))
            self.due.draw(figures.load_rows(visits.assign(site=visits["site"].map(self._trial.site_shown))))
            self.due.layout.display = None if sum(total.values()) else "none"
        if self._trial.so_far:
            self.load.show(_workload(self._trial, self._trial.so_far, self._planned, self.weeks.value))

    def _show_mail(self, _change: Any = None) -> None:
        study_id = self.study_id.value.strip()
        if not study_id:
            self.mail.show(_("Enter a study id to see the draft."))
            return
        site, verdict, remark = self._site(self.recipient.value), self.verdict.value, self.remark.value
        try:
            link, subject, body = mail_draft(site, self._number, study_id, verdict, self._named_criteria(), remark)
        except ProtocolError as error:
            self.mail.show(error)
            return
        self.mail.show(_HTML.draft(subject, body, link, _("Open in the mail program")))

    def _named_criteria(self) -> list[str]:
        criteria = self._trial.eligibility.criteria
        known = {item.id for item in criteria} | {part.id for item in criteria for part in item.parts}
        named = typed_words(self.criteria.value)
        if not known.issuperset(named):
            write = _("ids such as {ids}").format(ids=self._some_criteria)
            raise ProtocolError(_("criteria"), _("something that is no criterion"), write)
        return named


def _degrees(label: str, value: float) -> widgets.FloatText:
    return field(widgets.FloatText, label, value=value, step=0.01, width="short")


# A hospital's card


class Card:
    """The card of one hospital, with the button that opens the draft of a mail to it."""

    def __init__(self, site: Site, write: Callable[[str], None]) -> None:
        self.text = Text(role="")
        self.write = button(_("Draft a mail"), lambda: write(site.id))
        self.write.tooltip = _("Draft a mail to {site}").format(site=site.shown_name)
        self.view = classed(widgets.VBox([self.text, self.write]), "pw-site")


def card(site: Site, trial: str, today: date, campus: str | None = None, with_code: bool = False) -> Markup:
    """Return the card of one hospital: its contacts, what is doubtful in one line, and where all of it is from.

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
    facts = macros("lists").facts
    people = [_person(contact, site.country) for contact in site.contacts] or [[(_("Contact"), _stated(""))]]
    doubts = len(quality_notes((site,), ()))
    text = ngettext("! {n} detail to be confirmed", "! {n} details to be confirmed", doubts)
    return _HTML.card(
        site.name,
        site.name_local.value if site.name_local else "",
        local_language(site.country),
        _HTML.people(people, facts),
        tag(text.format(n=doubts), "assumption") if doubts else "",
        details(
            _("ⓘ Where this is from"),
            _HTML.origins(
                _("As registered"),
                origin(site),
                _registered(site),
                _("Inferred"),
                tag(_("to be confirmed"), "assumption"),
                _inferred(site, campus),
                _files(site, trial, today, with_code),
            ),
        ),
    )


def _files(site: Site, trial: str, today: date, with_code: bool) -> Markup:
    if site.contact is None:
        return Markup("")
    remark = _("As registered for {trial}; written on {day}. Verify before use.").format(trial=trial, day=today)
    versions: tuple[tuple[Version, str], ...] = (("3.0", ""), ("4.0", "-v4"))
    links = [
        download(
            _("Address card (vCard {version})").format(version=version),
            f"{site.id}{suffix}.vcf",
            vcard(site, remark, version),
            "text/vcard",
        )
        for version, suffix in versions
    ]
    code = (
        qr(vcard(site, ""), _("QR code of the contact of {site}").format(site=site.shown_name)) if with_code else ""
    )
    return _HTML.files(links, code)


def _registered(site: Site) -> Markup:
    place = f"{site.city}, {site.province} {site.postcode}, {site.country}"
    where = [
        (_("Place"), in_english(place)),
        (_("Street"), _stated(site.address)),
        (_("Status"), _stated(site.status)),
    ]
    return macros("lists").facts(where)


def _person(contact: Contact, country: str) -> list[tuple[str, Markup | str]]:
    return [
        (_("Contact"), _stated(list_of(part for part in (contact.name, contact.role) if part))),
        (_("Telephone"), telephone(contact, country)),
        (_("Mail"), _copied(mail_link(contact.mail), contact.mail) if contact.mail else _stated("")),
    ]


def _inferred(site: Site, campus: str | None) -> Markup:
    rows: list[tuple[str, Markup | str]] = []
    if site.name_local:
        rows.append((_("Local name"), _with_reason(site.name_local.value, site.name_local)))
    if site.campus:
        rows.append((_("Campus"), _campus(site.campus.value, site.campus, campus)))
    if site.address_local:
        rows.append((_("Address"), _with_reason(site.address_local.value, site.address_local)))
    if site.position:
        place = f"{site.position.latitude:.3f}° N, {site.position.longitude:.3f}° E"
        rows.append((_("Position"), _with_reason(place, site.position)))
    return macros("lists").facts(rows or [(_("Nothing"), _("everything shown is registered"))])


def _campus(inferred: str, where: Provenance, chosen: str | None) -> Markup:
    """Show the inferred campus, or the one that was chosen for now."""
    if chosen is None or chosen == inferred:
        return _with_reason(in_english(inferred), where)
    named = joined((in_english(chosen), tag(_("what-if, to be confirmed"), "assumption")), " ")
    text = _("The postcode fits {campus}; address and position are that campus's.")
    return _HTML.lines(named, text.format(campus=inferred))


def _stated(text: str) -> Markup | str:
    return in_english(text) if text else span(_("not stated"), "off")


def _with_reason(value: Markup | str, where: Provenance) -> Markup:
    return _HTML.lines(value, assumption(where.origin) if where.is_assumption else origin(where))


def telephone(contact: Contact, country: str) -> Markup | str:
    """Return a number as registered, with a link for each number in it that can be dialled."""
    phone = " ".join(part for part in (contact.phone, contact.phone_extension) if part)
    if not phone:
        return _stated("")
    numbers, _rest = telephones(contact, country)
    if phone_problem(contact, country):
        phone = joined((phone, span(_("cannot be dialled as registered"), "bad")), " ")
    links = [_copied(_HTML.link(one.uri, one.uri.removeprefix("tel:")), one.number) for one in numbers]
    return _HTML.lines(phone, joined(links, " ")) if links else phone


def mail_link(mail: str) -> Markup:
    """Return a link to a mail address."""
    return _HTML.link(f"mailto:{quote(mail, safe='@')}", mail)


def _copied(content: Markup, text: str) -> Markup:
    """Put a button beside `content` that copies `text`."""
    label = _("Copy {text}").format(text=text)
    return _HTML.copied(content, text, label, _("Copied"), _("Selected, press Ctrl+C"), _("Copy"))


def cover(site: Site, sites: tuple[Site, ...], central: tuple[Contact, ...]) -> Markup:
    """Return the registered contacts that can be reached when a site's contact is away."""
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
    if not people and not central:
        return paragraph(_("No backup is registered, and no other contact is registered for this trial."))
    if not people:
        none = paragraph(_("No backup is registered, and no contact of another hospital."))
        return joined((none, _central(central)))
    items = [_reached(contact, at.name, at.country) for contact, at in people]
    listed = macros("lists").bullets(items, lead)
    return joined((listed, _central(central))) if central else listed


def _central(contacts: tuple[Contact, ...]) -> Markup:
    """List the central contacts; they belong to no hospital, and no country is registered for their numbers."""
    items = [_reached(contact, contact.role, "") for contact in contacts]
    return macros("lists").bullets(items, _("Central contacts of the trial, as registered; of no hospital:"))


def _reached(contact: Contact, where: str, country: str) -> Markup:
    name = in_english(f"{contact.name} ({where}): " if where else f"{contact.name}: ")
    mail = mail_link(contact.mail) if contact.mail else _stated("")
    return joined((name, mail, " · ", telephone(contact, country)))


def _notes(sites: tuple[Site, ...], central: tuple[Contact, ...]) -> Markup:
    names, items = {site.id: site.shown_name for site in sites}, []
    for one in quality_notes(sites, central):
        kind, word = _SEVERITY[one.severity]
        where = span(f"({list_of(names[name] for name in one.sites)})", "off") if one.sites else ""
        items.append(joined((span(word, kind), one.text, where), " "))
    return macros("lists").bullets(items) if items else paragraph(_("Nothing was found."))


def _distances(sites: tuple[Site, ...]) -> Markup:
    placed = [(site.shown_name, site.position) for site in sites if site.position]
    if not placed:
        return note(_("No site has a known position."))
    text = _("{one} to {other}: about {km:.1f} km in a straight line")
    pairs = ((one, other) for index, one in enumerate(placed) for other in placed[index + 1 :])
    return macros("lists").bullets(
        [text.format(one=one[0], other=other[0], km=distance_km(one[1], other[1])) for one, other in pairs]
    )


def _nearest(sites: tuple[Site, ...], start: Position) -> Markup:
    text = _("{site}: about {km:.1f} km")
    items = [text.format(site=site.shown_name, km=km) for site, km in nearest(sites, start)]
    return joined((macros("lists").numbered(items), paragraph(assumption(start.origin))))


# The workload of the sites


_DATED = {"enrolment": "enrolled", "start_of_therapy": "therapy_started", "first_infusion": "first_infusion"}
"""The day of a participant that is known for an anchor, by the anchor's role."""


def planned_days(trial: Trial, so_far: TrialSoFar) -> dict[str, list[date]]:
    """List the target days of all visits of each site's participants, by the site's name, earliest first."""
    if not so_far.participants:
        return {site.name: [] for site in trial.sites}
    anchors = {anchor.id: _DATED[anchor.role] for anchor in trial.followup.anchors if anchor.role in _DATED}
    table = pd.DataFrame(
        [
            {"participant": str(number), "frequency": trial.frequency_level(person.regimen)}
            | {anchor: getattr(person, day) for anchor, day in anchors.items()}
            for number, person in enumerate(so_far.participants)
        ],
        dtype=object,
    )
    found = timelines(trial.followup, table, so_far.as_of).dropna(subset="target")
    sites = found["participant"].astype(object).map(lambda number: so_far.participants[int(number)].site)
    return {
        site.name: sorted(target.date() for target in found["target"][sites == site.name]) for site in trial.sites
    }


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


def _workload(trial: Trial, so_far: TrialSoFar, planned: dict[str, list[date]], weeks: int) -> Markup:
    frame = load_per_site(trial, so_far, planned, weeks)
    frame["site"] = frame["site"].map(trial.site_shown)
    frame.columns = [
        _("Site"),
        _("Participants"),
        _("Visits planned in {weeks} weeks").format(weeks=weeks),
        _("Next planned visit"),
        _("Visits it can still take"),
        _("Participants at the open regimen whose outcome is awaited"),
    ]
    free = _("Free places in the open cohort at {regimen}: {free}. Any site may fill them.").format(
        regimen=so_far.open_regimen, free=free_places(trial, so_far)
    )
    caption = _("On {day}, by planned visit days.").format(day=so_far.as_of)
    values = {
        _("Participants in a cohort:"): trial.escalation.design.cohort_size,
        _("Visits a site can take in a day:"): trial.followup.working.visits_per_day,
    }
    assumed = joined(
        paragraph(joined((label, str(value.value), assumption(value.origin)), " ")) for label, value in values.items()
    )
    return joined((table(frame, caption), paragraph(free), details(_("Assumptions"), assumed)))
