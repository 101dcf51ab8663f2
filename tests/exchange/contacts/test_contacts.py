"""Contacts as vCard and QR code, and drafts of mails that name no participant."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trial import SITES, TRIAL
from twins import vcard as plain

from protocol.conduct import without_identity
from protocol.exchange.contacts.mail import mail_draft
from protocol.exchange.contacts.names import parts_of
from protocol.exchange.contacts.vcard import qr, vcard
from protocol.records import ProtocolError
from protocol.sites import e164

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=60)
WORDS = TEXTS.map(lambda text: " ".join(text.split())).filter(bool)


def with_contact(**update):
    site = SITES["union"]
    return site.model_copy(update={"contact": site.contact.model_copy(update=update)})


def words(text):
    return text.replace(",", " ").replace("，", " ").split()


def read_by_vobject(card):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own
        import vobject

        return vobject.readOne(card.decode("utf-8"))


@pytest.mark.parametrize("site", TRIAL.sites, ids=lambda site: site.id)
def test_vobject_reads_every_card_back(site):
    card = read_by_vobject(vcard(site, "Verify; before, use\\now"))
    assert card.version.value == "3.0"
    assert card.fn.value == site.contact.name
    assert f"{card.n.value.given} {card.n.value.family}" == site.contact.name
    assert card.tel.value == e164(site.contact.phone, site.country)
    assert card.email.value == site.contact.mail
    assert (card.adr.value.city, card.adr.value.region, card.adr.value.code) == ("Wuhan", "Hubei", site.postcode)
    assert card.note.value == "Verify; before, use\\now"
    assert card.org.value == [site.name]


@given(name=WORDS, role=WORDS, note=WORDS)
def test_vobject_gets_any_text_back(name, role, note):
    card = read_by_vobject(vcard(with_contact(name=name, role=role), note))
    assert (card.fn.value, card.title.value, card.note.value) == (name, role, note)


@given(name=WORDS, role=WORDS, note=WORDS)
def test_a_plain_reader_gets_any_text_back_from_version_4(name, role, note):
    site = with_contact(name=name, role=role)
    card = plain.read(vcard(site, note, "4.0"))
    assert card["VERSION"] == ({}, "4.0")
    assert [plain.unescaped(card[key][1]) for key in ("FN", "TITLE", "NOTE")] == [name, role, note]
    assert card["TEL"] == ({"TYPE": "work", "VALUE": "uri"}, "tel:+862785726387")
    parts = plain.components(card["N"][1])
    assert sorted(words(" ".join(parts))) == sorted(words(name))
    assert plain.components(card["ADR"][1]) == ["", "", "", "Wuhan", "Hubei", "430022", "China"]


def test_a_number_that_cannot_be_dialled_stays_a_text_in_version_4():
    card = plain.read(vcard(with_contact(phone="512) 807-3150"), "", "4.0"))
    assert card["TEL"] == ({"TYPE": "work", "VALUE": "text"}, "512) 807-3150")
    assert "NOTE" not in card


def test_a_site_without_a_contact_has_no_card():
    with pytest.raises(ProtocolError, match="Wuhan Union Hospital: found no contact"):
        vcard(SITES["union"].model_copy(update={"contact": None}), "")


def test_a_qr_code_names_no_host_and_has_its_quiet_zone():
    drawing = qr(vcard(SITES["union"], ""), "Contact <&>")
    assert 'aria-label="Contact &lt;&amp;&gt;"' in drawing
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")
    assert 'stroke="#000"' in drawing
    assert 'fill="#fff"' in drawing


def test_a_qr_code_says_when_it_is_too_full():
    with pytest.raises(ProtocolError, match="at most 2,331 bytes"):
        qr(b"x" * 2332, "contact")
    assert "<svg" in qr(b"x" * 2331, "contact")


@pytest.mark.parametrize(
    "text",
    [
        "Li Qiubai", "Call Wang", "zhang has fever", "Zhang-Wei Ming", "患者王小明", "王小明", "姓名：李雷", "张 伟",
        "Mr Bean", "李先生",
        "110101199003078515", "11010119900307851X", "130503670401001", "13800138000", "138 0013 8000",
        "(027) 85726387", "+86-27-8572-6387", "who@example.org",
    ],
)  # fmt: skip
def test_what_looks_like_a_person_is_refused_and_not_repeated(text):
    with pytest.raises(ProtocolError) as refused:
        without_identity(text, "remark")
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "", "ECOG 3 on 2026-11-20, repeat next week", "BMI 31.2 kg/m², E3 not met", "CD34+ 15/uL: is it low?",
        "白细胞低，复查血常规", "bilirubin 1.8 x ULN", "White cells 0.8 x 10^9/L",
    ],
)  # fmt: skip
def test_what_a_screening_needs_to_say_passes(text):
    assert without_identity(text, "remark") == text


@pytest.mark.slow
@given(st.from_regex(r"\A[1-9]\d{16}[\dX]\Z|\A1[3-9]\d{9}\Z", fullmatch=True), TEXTS)
def test_no_number_of_a_person_passes_whatever_stands_around_it(number, text):
    with pytest.raises(ProtocolError):
        without_identity(f"{text} {number} {text}", "remark")


def test_a_draft_needs_an_address_that_is_the_hospitals():
    with pytest.raises(ProtocolError, match="consumer mail domain"):
        mail_draft(SITES["central"], "NCT05672420", "W-017", "ineligible", [])
    with pytest.raises(ProtocolError, match="no mail address"):
        mail_draft(with_contact(mail=""), "NCT05672420", "W-017", "ineligible", [])


@pytest.mark.parametrize(
    ("registered", "family", "given_name", "prefix", "suffix"),
    [
        ("Hongxiang Wang, Professor", "Wang", "Hongxiang", "", "Professor"),
        ("Hongxiang Wang", "Wang", "Hongxiang", "", ""),
        ("Wang Hongxiang", "Wang", "Hongxiang", "", ""),
        ("WANG Hongxiang", "WANG", "Hongxiang", "", ""),
        ("Hongxiang WANG, MD, PhD", "WANG", "Hongxiang", "", "MD, PhD"),
        ("Wang, Hongxiang", "Wang", "Hongxiang", "", ""),
        ("Ouyang Ming", "Ouyang", "Ming", "", ""),
        ("Zhang Xiao-Ming, Chief Physician", "Zhang", "Xiao-Ming", "", "Chief Physician"),
        ("Yan Ma, MD", "Ma", "Yan", "", "MD"),
        ("Yu Hu", "Hu", "Yu", "", ""),
        ("王红祥", "王", "红祥", "", ""),
        ("欧阳明教授", "欧阳", "明", "", "教授"),
        ("王 红祥", "王", "红祥", "", ""),
        ("买买提·艾力", "买买提·艾力", "", "", ""),
        ("Sun Yat-sen", "Sun", "Yat-sen", "", ""),
        ("Dr. John Q. Smith", "Smith", "John Q.", "Dr.", ""),
        ("John Smith M.D., Ph.D.", "Smith", "John", "", "M.D., Ph.D."),
        ("Smith, John, MD", "Smith", "John", "", "MD"),
        ("Prof. Dr. med. Jan van der Berg", "van der Berg", "Jan", "Prof. Dr. med.", ""),
        ("Martin King Jr.", "King", "Martin", "", "Jr."),
        ("Zhang", "Zhang", "", "", ""),
        ("Clinical Trials Office", "Clinical Trials Office", "", "", ""),
    ],
)
def test_a_registered_name_is_taken_apart_by_the_way_it_is_written(registered, family, given_name, prefix, suffix):
    assert parts_of(registered) == (family, given_name, prefix, suffix)
    card = read_by_vobject(vcard(with_contact(name=registered), ""))
    assert card.fn.value == registered
    assert (card.n.value.family, card.n.value.given) == (family, given_name)


def telephone_lines(version, **contact):
    card = vcard(with_contact(**contact), "", version).decode().split("\r\n")
    return [line for line in card if line.startswith("TEL")]


def test_a_card_has_every_number_with_its_kind_and_extension():
    both = "027-85726387转12 / 138 0013 8000"
    assert telephone_lines("3.0", phone=both) == [
        "TEL;TYPE=WORK,VOICE:+862785726387 ext. 12", "TEL;TYPE=WORK,CELL:+8613800138000",
    ]  # fmt: skip
    assert telephone_lines("4.0", phone=both) == [
        "TEL;TYPE=WORK;VALUE=uri:tel:+862785726387;ext=12", 'TEL;TYPE="work,cell";VALUE=uri:tel:+8613800138000',
    ]  # fmt: skip
    assert telephone_lines("4.0", phone="027-85726387", phone_extension="7") == [
        "TEL;TYPE=WORK;VALUE=uri:tel:+862785726387;ext=7"
    ]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Mary-Jane O'Neil-Smith RN BSN", ("O'Neil-Smith", "Mary-Jane", "", "RN, BSN")),
        ("Ph.D. Wang Hongxiang", ("Wang", "Hongxiang", "Ph.D.", "")),
        ("Hongxiang Wang (王红祥)", ("Wang", "Hongxiang", "", "王红祥")),
        ("Smith J", ("Smith", "J", "", "")),
        ("Smith J.R.", ("Smith", "J.R.", "", "")),
        ("Wang HX", ("Wang", "HX", "", "")),
        ("Jun MA", ("MA", "Jun", "", "")),
        ("Hongxiang Wang; Li Wei", ("Hongxiang Wang; Li Wei", "", "", "")),
        ("Hongxiang Wang and Li Wei", ("Hongxiang Wang and Li Wei", "", "", "")),
        ("Novartis Pharmaceuticals", ("Novartis Pharmaceuticals", "", "", "")),
    ],
)
def test_degrees_initials_asides_and_several_persons_are_no_family_name(name, parts):
    assert tuple(parts_of(name)) == parts
