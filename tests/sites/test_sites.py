"""Sites: contacts as registered, numbers that can be dialled, notes that must be made, files that can be read."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paths import FOLDER
from support.trial import SITES, TRIAL

from protocol.exchange.contacts.vcard import vcard
from protocol.exchange.spreadsheet import csv
from protocol.figures import sites as figures
from protocol.records import ProtocolError, Sourced, read_record
from protocol.sites import (
    Contact,
    SitesRecord,
    Telephone,
    country_codes,
    distance_km,
    e164,
    phone_problem,
    quality_notes,
    telephones,
)

LISTING = (FOLDER / "registry.txt").read_text(encoding="utf-8")
UNION = SITES["union"]


def changed(site, **contact):
    return site.model_copy(update={"contact": site.contact.model_copy(update=contact)})


@pytest.mark.parametrize("site", TRIAL.sites, ids=lambda site: site.id)
def test_what_is_called_registered_stands_in_the_listing_in_one_piece(site):
    contact = site.contact
    block = "\n\n".join(
        (
            f"{site.name}, {site.city}, {site.province}, {site.country}", "Status", "Address", site.name,
            f"{site.city}, {site.province}, {site.postcode}", "Site Contact", f"{contact.name}, {contact.role}",
            contact.mail, contact.phone,
        )
    )  # fmt: skip
    assert block in LISTING
    assert (site.status, site.address) == ("", "")


def test_what_the_listing_does_not_say_has_its_own_origin():
    for site in TRIAL.sites:
        assert site.source.startswith("registry: ")
        for value in (site.name_local, site.address_local, site.campus, site.position):
            assert "registry" not in value.origin
        assert site.name_local.value not in LISTING


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("(027) 85726387", "+862785726387"),
        ("027-8572 6387", "+862785726387"),
        ("(010) 6512 3456", "+861065123456"),
        ("0512 68073150", "+8651268073150"),
        ("（０２７）８５７２６３８７", "+862785726387"),
        ("٠٢٧-٨٥٧٢٦٣٨٧", "+862785726387"),
        ("+86 (0)10 6513 2266", "+861065132266"),
        ("86-27-85726387", "+862785726387"),
        ("027-8572-6387 x4", "+862785726387"),
        ("027-85726387 / 13800138000", "+862785726387"),
        ("Fax: 027-85726388; Tel: 027-85726387", "+862785726387"),
        ("001 212 555 0100", "+12125550100"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+49(0)89/123456", "+4989123456"),
        ("+886 (0)2 2345 6789", "+886223456789"),
        ("+39 02 8184 3045", "+390281843045"),
        ("+86 27 8572-6387", "+862785726387"),
        ("+86 (027) 85726387", "+862785726387"),
        ("0086 27 85726387", "+862785726387"),
        ("138 0013 8000", "+8613800138000"),
        ("+1 (212) 555-0100", "+12125550100"),
        ("+44 20 7946 0958", "+442079460958"),
    ],
)
def test_numbers_are_dialled_in_one_form(written, dialled):
    assert e164(written, "China") == dialled


@pytest.mark.parametrize(
    "written",
    [
        "",
        "85726387",
        "27 85726387",
        "512) 807-3150",
        "(027) 15726387",
        "027 8572638",
        "+86 85726387",
        "12345678901",
        "phone",
        "+",
        "0512 8073150",
        "+86 27 5726387",
        "+1５５５1234567",
        "010-65132266/65132267",
        "021-64175590-8888",
        "+390281843045-6",
        "Fax: 027-85726388",
    ],
)
def test_numbers_that_cannot_be_dialled_are_refused(written):
    with pytest.raises(ProtocolError, match="telephone"):
        e164(written, "China")


@pytest.mark.parametrize(
    ("written", "country", "dialled"),
    [
        ("507-255-7196", "United States", "+15072557196"),
        ("(33)3 22 08 83 76", "France", "+33322088376"),
        ("06 12 34 56 78", "France", "+33612345678"),
        ("349/3258109", "Italy", "+393493258109"),
        ("28357195", "Hong Kong", "+85228357195"),
        ("03-5253-1111", "Japan", "+81352531111"),
        ("02-2199-1234", "Korea, Republic of", "+82221991234"),
    ],
)
def test_a_number_without_a_country_code_is_read_by_the_rules_of_the_country(written, country, dialled):
    assert e164(written, country) == dialled
    with pytest.raises(ProtocolError, match=r"\+country code and number"):
        e164(written, "")


def test_extensions_mobiles_and_several_numbers_are_told_apart():
    def read(phone, extension=""):
        return telephones(Contact(name="x", phone=phone, phone_extension=extension), "China")

    assert read("027-85726387转8001") == ((Telephone("+862785726387", "8001"),), "")
    assert read("027-85726387 分机：12")[0][0].uri == "tel:+862785726387;ext=12"
    assert read("027-85726387", "ext 7")[0][0].extension == "7"
    both = (Telephone("+862785726387"), Telephone("+8613800138000", "", True))
    assert read("027-85726387 / 138 0013 8000") == (both, "")
    assert read("010-65132266/65132267") == ((Telephone("+861065132266"),), "/65132267")
    assert read("ask at the desk") == ((), "ask at the desk")


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("Korea, Republic of", ("KR", "KOR")), ("Turkey (Türkiye)", ("TR", "TUR")), ("Côte D'Ivoire", ("CI", "CIV")),
        ("United States", ("US", "USA")), ("Taiwan", ("TW", "TWN")), ("Russian Federation", ("RU", "RUS")),
        ("chn", ("CN", "CHN")), ("Former Yugoslavia", None), ("", None),
    ],
)  # fmt: skip
def test_a_country_is_known_by_the_names_the_registry_writes(name, codes):
    assert country_codes(name) == codes


@pytest.mark.slow
@given(st.from_regex(r"027[2-8][0-9]{7}", fullmatch=True))
def test_a_dialled_number_stays_as_it_is(number):
    assert e164(e164(number, "China"), "China") == e164(number, "China")
    assert e164(number, "China").endswith(number[-10:])


def test_the_hospitals_lie_as_far_apart_as_measured():
    pairs = {("union", "tongji"): 1.45, ("union", "central"): 2.2, ("tongji", "central"): 3.65}
    for (one, other), km in pairs.items():
        assert distance_km(SITES[one].position, SITES[other].position) == pytest.approx(km, abs=0.01)
        assert distance_km(SITES[other].position, SITES[one].position) == pytest.approx(km, abs=0.01)
    assert distance_km(UNION.position, UNION.position) == 0


def test_a_quarter_of_the_globe_is_ten_thousand_kilometres():
    pole = UNION.position.model_copy(update={"latitude": 90.0})
    equator = UNION.position.model_copy(update={"latitude": 0.0})
    assert distance_km(pole, equator) == pytest.approx(10007.5, abs=0.1)


def test_the_listing_gives_these_notes_and_no_others():
    notes = {note.concern: (note.severity, set(note.sites)) for note in quality_notes(TRIAL.sites)}
    every = set(SITES)
    assert notes == {
        "phone": ("high", every), "mail": ("medium", {"central"}), "campus": ("medium", every),
        "backup": ("medium", every), "address": ("medium", every), "status": ("medium", every),
        "position": ("low", {"central", "tongji"}),
    }  # fmt: skip
    severities = [note.severity for note in quality_notes(TRIAL.sites)]
    assert severities == sorted(severities, key=["high", "medium", "low"].index)


def test_a_site_in_order_gives_no_note():
    sourced = Sourced[str](value="Main", source="page: the hospital")
    position = UNION.position
    site = UNION.model_copy(
        update={"status": "Recruiting", "address": "1277 Jiefang Avenue", "campus": sourced,
                "backup_contact": UNION.contact, "position": position}
    )  # fmt: skip
    assert not position.is_assumption
    assert quality_notes((site,)) == ()


def test_a_number_that_cannot_be_dialled_is_noted():
    notes = quality_notes((changed(UNION, phone="ask at the desk"),))
    assert [note.severity for note in notes if note.concern == "phone"] == ["high"]


def test_a_site_twice_is_refused(tmp_path):
    text = (FOLDER / "sites.toml").read_text(encoding="utf-8")
    path = tmp_path / "sites.toml"
    path.write_text(text.replace('id = "union"', 'id = "tongji"'), encoding="utf-8")
    with pytest.raises(ProtocolError, match="duplicate"):
        read_record(path, SitesRecord)


def unfolded(card):
    return card.decode("utf-8").replace("\r\n ", "").split("\r\n")


def test_the_card_says_what_is_registered():
    assert unfolded(vcard(UNION, "Verify.")) == [
        "BEGIN:VCARD", "VERSION:3.0", "N:Li;Qiubai;;;", "FN:Qiubai Li", "TITLE:Professor",
        "ORG:Wuhan Union Hospital", "ADR;TYPE=WORK:;;;Wuhan;Hubei;430022;China", "TEL;TYPE=WORK,VOICE:+862785726387",
        "EMAIL;TYPE=INTERNET:qiubaili@hust.edu.cn", "NOTE:Verify.", "END:VCARD", "",
    ]  # fmt: skip


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_a_card_has_short_lines_and_gives_its_texts_back(note):
    card = vcard(UNION, "x" + note + ",;\\\nend")
    assert all(len(line) <= 75 for line in card.split(b"\r\n"))
    for line in card.split(b"\r\n"):
        line.decode("utf-8")  # no character is cut in two
    (value,) = [line[5:] for line in unfolded(card) if line.startswith("NOTE:")]
    plain = (
        value.replace("\\\\", "\0").replace("\\,", ",").replace("\\;", ";").replace("\\n", "\n").replace("\0", "\\")
    )
    assert plain == "x" + note + ",;\\\nend"


def test_a_long_line_breaks_after_75_octets_and_before_a_whole_character():
    lines = vcard(UNION, "协" * 60).split(b"\r\n")
    start = next(index for index, line in enumerate(lines) if line.startswith(b"NOTE:"))
    assert [len(line) for line in lines[start : start + 3]] == [74, 73, 1 + 3 * (60 - 23 - 24)]


def test_nothing_in_a_contact_can_start_a_line_of_its_own():
    card = vcard(changed(UNION, name="Li\r\nTEL:+1"), "a\nEND:VCARD")
    assert unfolded(card).count("END:VCARD") == 1
    assert not [line for line in unfolded(card) if line.startswith("TEL:")]


def test_a_spreadsheet_runs_nothing_and_keeps_numbers():
    frame = pd.DataFrame({"name": ["=1+1", "+x", "-x", "@x", "\tx", "武汉"], "study_day": [-3, 1, 2, 3, 4, 5]})
    text = csv(frame).decode("utf-8-sig")
    assert text.split("\r\n")[:7] == [
        "name,study_day",
        "'=1+1,-3",
        "'+x,1",
        "'-x,2",
        "'@x,3",
        "'\tx,4",
        "武汉,5",
    ]


def test_the_sketch_keeps_distances():
    rows = figures.map_rows(TRIAL.sites, TRIAL.rivers)
    places = rows[rows["kind"] == "site"].set_index("id")[["east_km", "north_km"]]
    for one, other in (("union", "tongji"), ("tongji", "central")):
        drawn = ((places.loc[one] - places.loc[other]) ** 2).sum() ** 0.5
        assert drawn == pytest.approx(distance_km(SITES[one].position, SITES[other].position), rel=0.001)


def test_the_sketch_has_one_scale_for_both_axes_and_no_address():
    rows = figures.map_rows(TRIAL.sites, TRIAL.rivers)
    chart = figures.sketch_map(rows).to_dict()
    x, y = (chart["layer"][0]["encoding"][axis]["scale"] for axis in ("x", "y"))
    pixels = chart["height"] / (y["domain"][1] - y["domain"][0])
    assert x["domainMax"] == {"expr": f"width / {2 * pixels:g}"}
    assert x["domainMin"] == {"expr": f"-width / {2 * pixels:g}"}
    bar = next(layer["encoding"] for layer in chart["layer"] if layer["mark"].get("type") == "rule")
    assert bar["x2"]["value"] - bar["x"]["value"] == 2 * pixels
    assert set(rows.loc[rows["kind"] == "scale", "label"]) == {"2 km"}
    assert "http" not in str({key: part for key, part in chart.items() if key != "$schema"})
    assert "not for navigation" in str(chart["title"]["subtitle"])


def test_every_hospital_lies_on_its_bank():
    """All three lie in Hankou: north of the Han, and west of the Yangtze where it runs to the north-east."""
    rows = figures.map_rows(TRIAL.sites, TRIAL.rivers)
    width = rows[rows["kind"] == "river"].groupby("id")["width_km"].first()
    for _name, site in rows[rows["kind"] == "site"].iterrows():
        for river, line in rows[rows["kind"] == "river"].groupby("id"):
            line = line.sort_values("order")
            if river == "yangtze":
                bank = np.interp(site["north_km"], line["north_km"][:20], line["east_km"][:20]) - site["east_km"]
            else:
                bank = site["north_km"] - np.interp(site["east_km"], line["east_km"], line["north_km"])
            assert bank / 2**0.5 > width[river] / 2, (site["label"], river)


def test_each_river_is_named_once_and_apart():
    rows = figures.map_rows(TRIAL.sites, TRIAL.rivers)
    names = rows[rows["kind"] == "river name"][["east_km", "north_km"]].to_numpy()
    assert np.hypot(*(names[0] - names[1])) > 1
    assert sorted(rows.loc[rows["kind"] == "river name", "label"]) == ["Han 汉江", "Yangtze 长江"]


def test_two_endings_of_a_number_are_not_dialled_as_one():
    contact = Contact(name="A", phone="+49 (0) 221 478-4400 / -4401")
    assert telephones(contact, "Germany") == ((), "+49 (0) 221 478-4400 / -4401")


@pytest.mark.parametrize("extension", ["123, 456", "8012或8013", "+1"])
def test_an_extension_that_is_no_single_number_is_not_dialled(extension):
    contact = Contact(name="A", phone="617-726-2000", phone_extension=extension)
    [number], rest = telephones(contact, "United States")
    assert (number.number, number.extension, rest) == ("+16177262000", "", extension)


def test_two_extensions_that_disagree_are_both_shown():
    contact = Contact(name="A", phone="617-726-2000 ext 12", phone_extension="34")
    [number], rest = telephones(contact, "United States")
    assert (number.extension, rest) == ("12", "34")
    assert phone_problem(contact, "United States")


@pytest.mark.parametrize("cell", ["＝1+1", " =1+1", "\n=1+1", "\u00a0@SUM(A1)", "＋1", "\ufeff-1+1"])
def test_a_formula_in_full_width_or_behind_blanks_is_text_in_cells_and_headers(cell):
    text = csv(pd.DataFrame({cell: [cell]})).decode("utf-8-sig")
    assert text.count(f"'{cell}") == 2
