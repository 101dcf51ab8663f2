"""The sites page without a browser: what is registered, what is inferred, and what may be clicked."""

import base64
import re
from datetime import date
from html.parser import HTMLParser
from urllib.parse import parse_qs

import pytest
from support.trial import TRIAL

from protocol.pages.sites import SitesPage, capacity, free_places, load_per_site, planned_days
from protocol.pages.trial_log.desk import open_desk
from protocol.pages.trial_log.visits import visits_text
from protocol.sites import Contact, quality_notes

pytestmark = pytest.mark.slow  # every test builds a page

TODAY = date(2026, 11, 22)


class Parts(HTMLParser):
    """Collect tags with their attributes, as a browser would read them."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@pytest.fixture
def page():
    return SitesPage(TRIAL, today=TODAY)


def cards(page):
    """What the cards in sight say."""
    return "".join(one.text.value for one in page.cards.values() if one.view.layout.display is None)


def with_site(**update):
    first, *others = TRIAL.sites
    return TRIAL.model_copy(update={"sites": (first.model_copy(update=update), *others)})


def test_a_card_says_whom_to_call_first_and_where_it_is_from_behind_an_i(page):
    assert list(page.cards) == [site.id for site in TRIAL.sites]
    for site in TRIAL.sites:
        shown, behind = page.cards[site.id].text.value.split("<details")
        assert site.contact.phone in shown
        assert site.contact.mail in shown
        assert shown.count("to be confirmed") == 1
        assert "not stated" not in shown
        registered, inferred = behind.split("<h4>Inferred")
        assert registered.count("not stated") == 2
        assert site.campus.value.split(",")[0] in inferred
        assert site.campus.value.split(",")[0] not in registered
        assert "assumption" in inferred


def test_the_chip_counts_the_notes_about_a_hospital(page):
    notes = quality_notes((TRIAL.sites[0],), ())
    assert f"! {len(notes)} details to be confirmed" in page.cards["central"].text.value


def test_a_draft_opens_from_a_card_and_is_closed(page):
    assert page._draft.layout.display == "none"
    page.cards["tongji"].write.click()
    assert (page.recipient.value, page._draft.layout.display) == ("tongji", None)
    page.close_draft.click()
    assert page._draft.layout.display == "none"


def test_the_counts_of_visits_are_those_of_the_briefing():
    desk = open_desk(TRIAL, {}, lambda: TODAY)
    page, visits = SitesPage(TRIAL, TODAY, desk), desk.briefing.visits
    assert visits_text(visits[["overdue", "due", "open"]].sum()) in page.counts.value
    drawn = {(row["site"], row["status"]): row["visits"] for row in page.due._rows}
    for one in visits.to_dict("records"):
        assert [drawn[one["site"], status] for status in ("overdue", "due", "open")] == [
            one["overdue"], one["due"], one["open"]
        ]  # fmt: skip
    assert "Invented example." in str(
        [
            child.children[1].value
            for child in page.view.children
            if len(child.children) > 1 and hasattr(child.children[1], "value")
        ]
    )


def test_links_dial_and_write(page):
    links = [attributes["href"] for tag, attributes in Parts(cards(page)).tags if tag == "a"]
    assert links.count("tel:+862785726387") == 3
    assert {link for link in links if link.startswith("mailto:")} == {
        "mailto:whitely1972@sina.com", "mailto:qiubaili@hust.edu.cn", "mailto:yczhang@tjh.tjmu.edu.cn",
    }  # fmt: skip
    assert not [link for link in links if link.startswith("http")]


def test_buttons_copy_the_number_and_the_mail(page):
    buttons = [attributes for tag, attributes in Parts(cards(page)).tags if tag == "button"]
    assert len(buttons) == 6
    assert {button["data-text"] for button in buttons} >= {"+862785726387", "whitely1972@sina.com"}
    for button in buttons:
        assert "navigator.clipboard" in button["onclick"]
        assert "selectNodeContents" in button["onclick"]
        assert button["aria-label"] == f"Copy {button['data-text']}"


def test_a_choice_shows_one_hospital(page):
    page.site.value = "tongji"
    assert [name for name, one in page.cards.items() if one.view.layout.display is None] == ["tongji"]
    assert "武汉同济医院" in cards(page)


def test_an_address_card_can_be_downloaded(page):
    files = [attributes for tag, attributes in Parts(cards(page)).tags if "download" in attributes]
    assert [file["download"] for file in files] == [
        f"{site}{version}.vcf" for site in ("central", "union", "tongji") for version in ("", "-v4")
    ]
    card = base64.b64decode(files[0]["href"].partition("base64,")[2]).decode("utf-8")
    assert card.startswith("BEGIN:VCARD\r\n")
    assert "As registered for NCT05672420\\; written on 2026-11-22" in card.replace("\r\n ", "")


def test_notes_name_their_severity_and_their_hospitals(page):
    notes = page.notes.value.split("<li>")[1:]
    assert len(notes) == 7
    assert re.search(r'<span class="pw-bad">high</span> The same telephone number.*Tongji', notes[0])
    assert "sina.com" in page.notes.value


def test_the_map_is_drawn_from_the_record(page):
    assert {row["id"] for row in page.map._rows} >= {"union", "tongji", "central", "han"}


def test_distances_are_said(page):
    assert "about 3.7 km" in page.distances.value


@pytest.mark.parametrize("field", ["name", "city", "postcode", "status", "address"])
def test_text_of_a_site_is_shown_as_text(field):
    page = SitesPage(with_site(**{field: '"><img src=x onerror=alert(1)>'}), today=TODAY)
    for shown in (cards(page), page.notes.value, page.distances.value):
        assert "img" not in {tag for tag, _attributes in Parts(shown).tags}
    assert "&lt;img" in cards(page)


@pytest.mark.parametrize("field", ["name", "role", "mail", "phone"])
def test_text_of_a_contact_is_shown_as_text_and_stays_in_its_attribute(field):
    bad = "'\"><img src=x onerror=alert(1)>@x.org"
    contact = TRIAL.sites[0].contact.model_copy(update={field: bad})
    page = SitesPage(with_site(contact=contact), today=TODAY)
    for shown in (cards(page), page.notes.value):
        tags = Parts(shown).tags
        assert "img" not in {tag for tag, _attributes in tags}
        assert not [attributes for _tag, attributes in tags if "onerror" in attributes]
    assert "&lt;img" in cards(page)
    if field == "mail":
        assert bad in {attributes.get("data-text") for _tag, attributes in Parts(cards(page)).tags}


def test_a_number_that_cannot_be_dialled_gets_no_link():
    contact = TRIAL.sites[0].contact.model_copy(update={"phone": "ask"})
    page = SitesPage(with_site(contact=contact), today=TODAY)
    assert cards(page).count('href="tel:') == 2
    assert "cannot be dialled as registered" in cards(page)


def test_a_qr_code_is_drawn_only_when_asked_for(page):
    assert "<svg" not in cards(page)
    page.codes.value = True
    assert cards(page).count("<svg") == 3
    assert 'aria-label="QR code of the contact of Wuhan Union Hospital"' in cards(page)


def test_a_chosen_campus_is_marked_as_to_be_confirmed(page):
    assert "what-if, to be confirmed" not in cards(page)
    page.campus["tongji"].value = "Optics Valley campus, Hongshan"
    assert cards(page).count("what-if, to be confirmed") == 1
    assert "The postcode fits Hankou campus, Qiaokou" in cards(page)


def test_cover_names_registered_contacts_only_and_says_that_no_backup_is_registered(page):
    page.away.value = "union"
    assert "No backup is registered." in page.covered.value
    assert page.covered.value.index("Yicheng Zhang") < page.covered.value.index("Hongxiang Wang")  # the nearer first
    assert "Qiubai Li" not in page.covered.value
    backup = TRIAL.sites[0].contact.model_copy(update={"name": "A Second"})
    other = SitesPage(with_site(backup_contact=backup), today=TODAY)
    assert "A Second" in other.covered.value
    assert "No backup" not in other.covered.value


def test_central_contacts_are_of_no_hospital_and_of_no_country():
    people = (
        Contact(name="Anna Example", role="Contact", phone="01 49 95 81 69", mail="a@example.org"),
        Contact(name="Ben Example", phone="+33 1 49 95 81 69"),
    )
    page = SitesPage(TRIAL.model_copy(update={"central_contacts": people}), today=TODAY)
    page.away.value = "union"
    said = page.covered.value
    assert "Central contacts of the trial" in said
    assert "Anna Example (Contact)" in said
    assert "+86149" not in said
    assert 'href="tel:+33149958169"' in said
    assert "Wuhan Union Hospital" not in said[said.index("Central contacts") :]
    assert "central contact Anna Example cannot be dialled" in page.notes.value
    alone = TRIAL.model_copy(update={"central_contacts": people, "sites": TRIAL.sites[:1]})
    only = SitesPage(alone, today=TODAY).covered.value
    assert "Ben Example" in only
    assert "no other contact is registered for this trial" not in only


def test_the_nearest_site_is_found_from_a_district_and_from_a_point(page):
    page.district.value = "qiaokou"
    assert page.found.value.index("Tongji") < page.found.value.index("Union") < page.found.value.index("Central")
    assert "general knowledge" in page.found.value
    page.district.value, page.latitude.value, page.longitude.value = "", 30.588, 114.298
    assert re.search(r"<li>Wuhan Central Hospital: about 0.0 km", page.found.value)
    page.latitude.value = 114.0
    assert "Latitude" in page.found.value
    assert "degrees from -90 to 90" in page.found.value


def visits_of(site):
    """What a site's visits must add up to: all of each level but those at an anchor without a day."""
    total = 0
    for person in TRIAL.so_far.participants:
        if person.site == site:
            given = {"enrolment": True, "start_of_therapy": person.therapy_started}
            given["first_infusion"] = person.first_infusion
            level = int(person.regimen[1])
            total += sum(bool(given.get(root)) for root in TRIAL.followup.roots(level).values())
    return total


def test_load_counts_every_participant_once_and_says_that_it_is_invented(page):
    so_far = TRIAL.so_far
    planned = planned_days(TRIAL, so_far)
    frame = load_per_site(TRIAL, so_far, planned, 2)
    assert frame["participants"].sum() == len(so_far.participants)
    few, many = (load_per_site(TRIAL, so_far, planned, weeks)["visits"].sum() for weeks in (1, 12))
    assert 0 < few < many
    week = [date(2026, 2, 14), date(2026, 2, 23)]  # Spring Festival: 14 February is a make-up working day
    assert capacity(TRIAL, *week) == TRIAL.followup.working.visits_per_day.value
    assert (frame["free_slots"] + frame["visits"] == capacity(TRIAL, so_far.as_of, date(2026, 12, 4))).all()
    assert [len(planned[site.name]) for site in TRIAL.sites] == [visits_of(site.name) for site in TRIAL.sites]
    assert free_places(TRIAL, so_far) == 0  # six at D2 are two full cohorts of three
    fewer = so_far.model_copy(update={"participants": so_far.participants[:-1]})
    assert free_places(TRIAL, fewer) == 1


def test_a_mail_draft_names_the_study_id_and_nobody(page):
    page.recipient.value, page.study_id.value, page.criteria.value = "tongji", "W-017", "I5, E3"
    page.verdict.value = "ineligible"
    (link,) = [attributes["href"] for tag, attributes in Parts(page.mail.value).tags if tag == "a"]
    address, _question, query = link.partition("?")
    parts = parse_qs(query)
    assert address == "mailto:yczhang@tjh.tjmu.edu.cn"
    assert parts["subject"] == ["NCT05672420: screening of W-017"]
    assert "Verdict: ineligible" in parts["body"][0]
    assert "I5, E3" in parts["body"][0]


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("study_id", "Li Wei", "study id"),
        ("study_id", "13800138000", "study id"),
        ("criteria", "E3 E99", "criteria"),
        ("remark", "ask Wang Fang", "remark"),
        ("remark", "+86 138-0013-8000", "remark"),
        ("recipient", "central", "Wuhan Central Hospital"),  # sina.com
    ],
)
def test_a_mail_draft_is_refused_and_does_not_repeat_what_it_refuses(page, field, value, place):
    page.recipient.value, page.study_id.value = "union", "W-017"
    getattr(page, field).value = value
    assert f'role="alert"><b>{place}</b>' in page.mail.value
    assert "mailto:" not in page.mail.value
    assert field == "recipient" or value not in page.mail.value
