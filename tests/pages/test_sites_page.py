"""The sites page without a browser: what is registered, what is inferred, and what may be clicked."""

import base64
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from protocol.pages.sites import SitesPage
from protocol.trial import load_trial

TRIAL = load_trial(Path(__file__).parents[2] / "data" / "NCT05672420")
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


def with_site(**update):
    first, *others = TRIAL.sites
    return TRIAL.model_copy(update={"sites": (first.model_copy(update=update), *others)})


def test_every_card_keeps_registered_and_inferred_apart(page):
    cards = page.cards.value.split('class="pw-card pw-site"')[1:]
    assert len(cards) == 3
    for card, site in zip(cards, TRIAL.sites, strict=True):
        registered, inferred = card.split("<h4>Inferred")
        assert site.contact.phone in registered
        assert registered.count("not stated") == 2
        assert site.campus.value.split(",")[0] in inferred
        assert site.campus.value.split(",")[0] not in registered
        assert "assumption" in inferred


def test_links_dial_and_write(page):
    links = [attributes["href"] for tag, attributes in Parts(page.cards.value).tags if tag == "a"]
    assert links.count("tel:+862785726387") == 3
    assert {link for link in links if link.startswith("mailto:")} == {
        "mailto:whitely1972@sina.com", "mailto:qiubaili@hust.edu.cn", "mailto:yczhang@tjh.tjmu.edu.cn",
    }  # fmt: skip
    assert not [link for link in links if link.startswith("http")]


def test_buttons_copy_the_number_and_the_mail(page):
    buttons = [attributes for tag, attributes in Parts(page.cards.value).tags if tag == "button"]
    assert len(buttons) == 6
    assert {button["data-text"] for button in buttons} >= {"+862785726387", "whitely1972@sina.com"}
    for button in buttons:
        assert "navigator.clipboard" in button["onclick"]
        assert "selectNodeContents" in button["onclick"]
        assert button["aria-label"] == f"Copy {button['data-text']}"


def test_a_choice_shows_one_hospital(page):
    page.site.value = "tongji"
    assert page.cards.value.count('class="pw-card pw-site"') == 1
    assert "武汉同济医院" in page.cards.value


def test_an_address_card_can_be_downloaded(page):
    files = [attributes for tag, attributes in Parts(page.cards.value).tags if "download" in attributes]
    assert [file["download"] for file in files] == ["central.vcf", "union.vcf", "tongji.vcf"]
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
    for output in (page.cards, page.notes, page.distances):
        assert "img" not in {tag for tag, _attributes in Parts(output.value).tags}
    assert "&lt;img" in page.cards.value


@pytest.mark.parametrize("field", ["name", "role", "mail", "phone"])
def test_text_of_a_contact_is_shown_as_text_and_stays_in_its_attribute(field):
    bad = "'\"><img src=x onerror=alert(1)>@x.org"
    contact = TRIAL.sites[0].contact.model_copy(update={field: bad})
    page = SitesPage(with_site(contact=contact), today=TODAY)
    for output in (page.cards, page.notes):
        tags = Parts(output.value).tags
        assert "img" not in {tag for tag, _attributes in tags}
        assert not [attributes for _tag, attributes in tags if "onerror" in attributes]
    assert "&lt;img" in page.cards.value
    if field == "mail":
        assert bad in {attributes.get("data-text") for _tag, attributes in Parts(page.cards.value).tags}


def test_a_number_that_cannot_be_dialled_gets_no_link():
    contact = TRIAL.sites[0].contact.model_copy(update={"phone": "ask"})
    page = SitesPage(with_site(contact=contact), today=TODAY)
    assert page.cards.value.count('href="tel:') == 2
    assert "cannot be dialled as registered" in page.cards.value
