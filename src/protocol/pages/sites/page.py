"""The sites page: whom to call, where they are, what they have to do, and what needs confirming."""

from datetime import date
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from protocol.chart import Chart
from protocol.conduct import TrialSoFar
from protocol.exchange.mail_draft import mail_draft
from protocol.figures import sites as figures
from protocol.pages import elements
from protocol.pages.sites.cards import card, cover
from protocol.pages.sites.load import free_places, load_per_site, planned_days
from protocol.records import ProtocolError
from protocol.sites import Position, Site, distance_km, nearest, quality_notes
from protocol.translation import _
from protocol.trial import Trial

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

    def __init__(self, trial: Trial, today: date) -> None:
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
